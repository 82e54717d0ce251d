-- How does each partner's revenue move from month to month?
select partner_name, month, revenue, round(100 * (revenue / nullif(lag(revenue) over w, 0) - 1), 1) as growth_percent
from clickledger.partner_month
where program_name = 'Main shop' and month between '2026-01-01' and '2026-03-01' and partner_id <> 0
window w as (partition by partner_id order by month)
order by partner_name, month;
