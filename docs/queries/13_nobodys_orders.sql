-- Which orders brought no partner anything, and how much are they?
select g.name as program, c.status, count(*) as orders, round(sum(c.amount_minor - c.refunded_minor) / (10.0 ^ k.exponent)::numeric, k.exponent) as amount, c.currency
from clickledger.conversion c
join clickledger.program g on g.id = c.program_id
join clickledger.currency k on k.code = c.currency
where not exists (select from clickledger.credit r where r.conversion_id = c.id and r.partner_id is not null)
group by g.name, c.status, k.exponent, c.currency order by g.name, c.status;
