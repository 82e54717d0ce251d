-- How long after the credited click do people order?
select case when hours < 1 then '0-1 h' when hours < 24 then '1-24 h' when hours < 48 then '24-48 h' else 'later' end as after, count(*) as orders
from (
  select extract(epoch from c.occurred_at - max(r.touch_ts)) / 3600 as hours
  from clickledger.credit r join clickledger.conversion c on c.id = r.conversion_id
  group by c.id) as one
group by 1 order by min(hours);
