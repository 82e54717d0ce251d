-- What an analyst would write: the same credits by window functions, in one statement. Clicks of people compete, as nothing
-- else is in the data. Two variables: none; the model is each programme's policy, the last touch where there is none.
set work_mem = '1GB';
set jit = off;
insert into clickledger.credit (conversion_id, touch_kind, touch_id, touch_ts, program_id, partner_id, link_id, promo_code_id, weight_ppm, amount_minor, model)
with journey as (
  select c.id, c.amount_minor - c.refunded_minor as amount, c.program_id, t.click_id, t.ts, t.partner_id, t.link_id, t.promo_code_id,
    coalesce(p.model, 'last') as model, p.first_ppm, p.last_ppm,
    row_number() over (partition by c.id order by t.ts, t.click_id) as place, count(*) over (partition by c.id) as n,
    power(0.5::double precision, extract(epoch from c.occurred_at - t.ts)::double precision / (p.half_life_hours * 3600)) as decay
  from clickledger.conversion c
  left join clickledger.attribution_policy p on p.program_id = c.program_id
  join clickledger.conversion_key k on k.conversion_id = c.id and k.kind = 'visitor'
  join clickledger.click t on t.visitor_id = k.value and t.program_id = c.program_id
    and t.ts >= c.occurred_at - interval '30 days' and t.ts < c.occurred_at
  where t.class = 'human' and t.partner_id is not null and t.ts >= '2026-01-30' and t.ts < '2026-04-01'),
shared as (
  select *, case model
      when 'last' then (place = n)::integer * 1000000.0::double precision
      when 'first' then (place = 1)::integer * 1000000.0::double precision
      when 'linear' then 1000000.0::double precision / n
      when 'position' then case when n = 1 then 1000000.0::double precision
        when n = 2 then 1000000.0::double precision * (case place when 1 then first_ppm else last_ppm end) / (first_ppm + last_ppm)
        when place = 1 then first_ppm when place = n then last_ppm
        else (1000000.0::double precision - first_ppm - last_ppm) / (n - 2) end
      else 1000000.0::double precision * decay / sum(decay) over (partition by id) end as share
  from journey),
rounded as (
  select *, floor(share)::integer as whole,
    row_number() over (partition by id order by share - floor(share) desc, place) as turn,
    1000000 - sum(floor(share)::integer) over (partition by id) as left_over
  from shared),
weighed as (
  select *, whole + (turn <= left_over)::integer as weight from rounded),
paid as (
  select *, amount * weight / 1000000 as part,
    row_number() over (partition by id order by amount * weight % 1000000 desc, place) as part_turn,
    amount - sum(amount * weight / 1000000) over (partition by id) as part_left
  from weighed)
select id, 'click', click_id, ts, program_id, partner_id, link_id, promo_code_id, weight, part + (part_turn <= part_left)::integer, model
from paid where weight > 0;
