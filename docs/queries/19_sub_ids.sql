-- Which of a partner's places (sub1) sell?
select k.sub1, count(*) as clicks, count(distinct r.conversion_id) as orders, coalesce(sum(r.amount_minor), 0) as revenue_minor
from clickledger.click k left join clickledger.credit r on r.touch_kind = 'click' and r.touch_id = k.click_id
where k.partner_id = 4 and k.class = 'human' and k.ts >= '2026-01-01' and k.ts < '2026-04-01'
group by k.sub1 order by orders desc, k.sub1;
