-- What an analyst would write for the last touch alone.
set work_mem = '1GB';
set jit = off;
insert into clickledger.credit (conversion_id, touch_kind, touch_id, touch_ts, program_id, partner_id, link_id, promo_code_id, weight_ppm, amount_minor, model)
select distinct on (c.id) c.id, 'click', t.click_id, t.ts, c.program_id, t.partner_id, t.link_id, t.promo_code_id, 1000000,
  c.amount_minor - c.refunded_minor, 'last'
from clickledger.conversion c
join clickledger.conversion_key k on k.conversion_id = c.id and k.kind = 'visitor'
join clickledger.click t on t.visitor_id = k.value and t.program_id = c.program_id
  and t.ts >= c.occurred_at - interval '30 days' and t.ts < c.occurred_at
where t.class = 'human' and t.partner_id is not null and t.ts >= '2026-01-30' and t.ts < '2026-04-01'
order by c.id, t.ts desc, t.click_id desc;
