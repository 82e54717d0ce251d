-- Which two partners share orders, and how is the money divided?
select least(a.name, b.name) as one, greatest(a.name, b.name) as other, count(distinct x.conversion_id) as orders, c.currency,
  sum(case when a.name < b.name then x.amount_minor else y.amount_minor end) as one_minor,
  sum(case when a.name < b.name then y.amount_minor else x.amount_minor end) as other_minor
from clickledger.credit x
join clickledger.credit y on y.conversion_id = x.conversion_id and y.partner_id > x.partner_id
join clickledger.conversion c on c.id = x.conversion_id
join clickledger.partner a on a.id = x.partner_id
join clickledger.partner b on b.id = y.partner_id
group by 1, 2, c.currency having count(distinct x.conversion_id) > 2 order by orders desc, one, other, c.currency;
