-- Who begins paths that others end?
select a.name as partner, count(*) filter (where p.step = 1) as begins, count(*) filter (where p.step = p.steps) as ends
from clickledger.conversion_path p join clickledger.partner a on a.id = p.partner_id
where p.occurred_at >= '2026-01-01' and p.occurred_at < '2026-04-01' and p.steps > 1
group by a.name order by begins desc, a.name;
