-- On which devices do clicks become orders?
select k.device, count(*) as clicks, count(distinct r.conversion_id) as orders, round(100.0 * count(distinct r.conversion_id) / count(*), 2) as percent
from clickledger.click k left join clickledger.credit r on r.touch_kind = 'click' and r.touch_id = k.click_id
where k.class = 'human' and k.ts >= '2026-01-01' and k.ts < '2026-04-01'
group by k.device order by clicks desc;
