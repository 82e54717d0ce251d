-- How does what was paid run behind what was earned?
select partner_name, currency, month, payout, paid,
  sum(payout - paid) over (partition by partner_id, currency order by month) as open_at_end_of_month
from clickledger.partner_month
where partner_id in (1, 2) order by partner_name, currency, month;
