-- On which links do people land nowhere?
select reason, slug, count(*) as clicks, min(ts) as first_at, max(ts) as last_at
from clickledger.orphan_click
where ts >= '2026-01-01' and ts < '2026-04-01'
group by reason, slug order by clicks desc, slug;
