-- Whose clicks are mostly not from people?
select a.name as partner, sum(d.clicks) as clicks, sum(d.clicks_bot) as bots, sum(d.clicks_invalid) as invalid,
  round(100.0 * sum(d.clicks_not_counted) / sum(d.clicks + d.clicks_not_counted), 1) as not_counted_percent
from clickledger.click_daily d join clickledger.partner a on a.id = d.partner_id
group by a.name order by not_counted_percent desc, a.name;
