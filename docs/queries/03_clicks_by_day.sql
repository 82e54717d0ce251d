-- How many clicks did a partner's links get each day of a week, and of what kind?
select d.day, l.slug, d.clicks, d.clicks_not_counted, d.clicks_preview, d.clicks_duplicate
from clickledger.click_daily d join clickledger.link l on l.id = d.link_id
where d.partner_id = 1 and d.day between '2026-02-09' and '2026-02-15'
order by d.day, l.slug;
