-- Which products are declined or sent back most?
select product, count(*) as orders, count(*) filter (where status = 'declined') as declined, count(*) filter (where status = 'refunded') as refunded,
  round(100.0 * count(*) filter (where status in ('declined', 'refunded')) / count(*), 1) as lost_percent
from clickledger.conversion group by product order by lost_percent desc, product;
