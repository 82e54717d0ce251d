-- How many touches does an order need?
select steps, count(*) as orders, round(avg(days), 1) as days_from_first_touch
from (
  select conversion_id, steps, max(age_seconds) / 86400.0 as days
  from clickledger.conversion_path
  where occurred_at >= '2026-02-01' and occurred_at < '2026-03-01'
  group by conversion_id, steps) as one
group by steps order by steps;
