-- Of the people whom a partner sent, how many became leads, orders, paid orders?
select program_name, partner_name, sum(clicks) as clicks, sum(leads) as leads, sum(orders) as orders, sum(orders_paid) as paid,
  round(100 * sum(orders_paid) / nullif(sum(clicks), 0), 2) as paid_percent_of_clicks
from clickledger.funnel
where month between '2026-01-01' and '2026-03-01'
group by program_name, partner_name having sum(clicks) > 0
order by program_name, paid_percent_of_clicks desc, partner_name;
