-- Which partners brought the main shop the most this quarter, and what is left of it?
select partner_name, sum(clicks) as clicks, sum(conversions) as conversions, sum(revenue) as revenue, sum(payout) as payout, sum(earned) as earned
from clickledger.partner_month
where program_name = 'Main shop' and month between '2026-01-01' and '2026-03-01' and partner_id <> 0
group by partner_name order by earned desc, partner_name;
