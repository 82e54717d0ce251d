-- The way to a conversion, its channel, what channels cost; and the team's statistics by hour.

-- --- Paths and channels ---------------------------------------------------------------------------------------------------

create view clickledger.conversion_visitor with (security_invoker = true) as
select c.id as conversion_id, c.program_id, c.occurred_at, v.visitor_id
from clickledger.conversion c
cross join lateral (
  select c.visitor_id
  union
  (select k.visitor_id from clickledger.click k
   where k.click_id = c.click_id and k.ts = clickledger.click_ts(c.click_id) and k.program_id = c.program_id limit 1)) as v
where v.visitor_id is not null;
comment on view clickledger.conversion_visitor is 'The visitors of a conversion: the one its reports carried and the one of the click they named, at most two.';
comment on column clickledger.conversion_visitor.conversion_id is 'The conversion.';
comment on column clickledger.conversion_visitor.program_id is 'Its programme.';
comment on column clickledger.conversion_visitor.occurred_at is 'When the order was made.';
comment on column clickledger.conversion_visitor.visitor_id is 'The visitor.';

create view clickledger.conversion_path with (security_invoker = true) as
select t.conversion_id, t.program_id, t.occurred_at,
  -- The columns of the conversion are in the partitions, so that a condition on them is applied first.
  row_number() over (partition by t.conversion_id, t.program_id, t.occurred_at order by t.touch_at, t.touch_kind, t.touch_id) as step,
  count(*) over (partition by t.conversion_id, t.program_id, t.occurred_at) as steps,
  t.touch_kind, t.touch_id, t.touch_at, floor(extract(epoch from t.occurred_at - t.touch_at))::bigint as age_seconds,
  t.partner_id, t.link_id, t.promo_code_id, coalesce(r.weight_ppm, 0) as weight_ppm, r.model
from (
  -- limit makes the planner look up one conversion after the other; a hash of all clicks is what it would like better.
  select c.id as conversion_id, c.program_id, c.occurred_at, 'click' as touch_kind, k.click_id as touch_id, k.ts as touch_at, k.partner_id, k.link_id,
    k.promo_code_id
  from clickledger.conversion c
  cross join lateral (
    select k.click_id, k.ts, k.partner_id, k.link_id, k.promo_code_id from clickledger.click k
    where k.click_id = c.click_id and k.ts = clickledger.click_ts(c.click_id) and k.program_id = c.program_id and k.class = 'human' limit 1) as k
  union
  select v.conversion_id, v.program_id, v.occurred_at, 'click', k.click_id, k.ts, k.partner_id, k.link_id, k.promo_code_id
  from clickledger.conversion_visitor v
  cross join lateral (
    select k.click_id, k.ts, k.partner_id, k.link_id, k.promo_code_id from clickledger.click k
    where k.visitor_id = v.visitor_id and k.ts >= v.occurred_at - interval '90 days' and k.ts < v.occurred_at and k.program_id = v.program_id
      and k.class = 'human'
    order by k.ts desc limit 100) as k
  union
  select v.conversion_id, v.program_id, v.occurred_at, 'promo', e.hit_id, e.ts, e.partner_id, null::bigint, e.promo_code_id
  from clickledger.conversion_visitor v
  cross join lateral (
    select e.hit_id, e.ts, e.partner_id, e.promo_code_id from clickledger.promo_entry e
    where e.visitor_id = v.visitor_id and e.ts >= v.occurred_at - interval '90 days' and e.ts < v.occurred_at and e.program_id = v.program_id
      and e.class = 'human'
    order by e.ts desc limit 100) as e
  union
  select r.conversion_id, c.program_id, c.occurred_at, r.touch_kind, r.touch_id, r.touch_ts, r.partner_id, r.link_id, r.promo_code_id
  from clickledger.credit r join clickledger.conversion c on c.id = r.conversion_id) as t
left join clickledger.credit r on r.conversion_id = t.conversion_id and r.touch_kind = t.touch_kind and r.touch_id = t.touch_id;
comment on view clickledger.conversion_path is 'The way to each conversion, one row per touch: human clicks and promo entries of its visitors in its programme in the 90 days before (of each visitor the newest 100), the click its reports named, and whatever was credited, however old. Ask for some conversions or for a range of occurred_at: it looks every visitor up.';
comment on column clickledger.conversion_path.conversion_id is 'The conversion.';
comment on column clickledger.conversion_path.program_id is 'Its programme.';
comment on column clickledger.conversion_path.occurred_at is 'When the order was made.';
comment on column clickledger.conversion_path.step is 'Place of the touch on the way; 1 is the earliest.';
comment on column clickledger.conversion_path.steps is 'How many touches the way has.';
comment on column clickledger.conversion_path.touch_kind is 'click or promo, and whatever else is credited.';
comment on column clickledger.conversion_path.touch_id is 'Id of the click or promo entry; for a code that only the order names, the report that named it.';
comment on column clickledger.conversion_path.touch_at is 'When it happened.';
comment on column clickledger.conversion_path.age_seconds is 'Whole seconds from the touch to the order; 0 or negative: at the order or behind it, which nobody is credited for but by a code.';
comment on column clickledger.conversion_path.partner_id is 'Partner of the touch; null: of nobody.';
comment on column clickledger.conversion_path.link_id is 'Link of the click.';
comment on column clickledger.conversion_path.promo_code_id is 'Promo code of the touch.';
comment on column clickledger.conversion_path.weight_ppm is 'Its credit in parts per million; 0: none.';
comment on column clickledger.conversion_path.model is 'Model that gave the credit; null: none did.';

create function clickledger.channel_name(value text) returns text
  language sql immutable parallel safe
  return coalesce(nullif(lower(btrim(value)), ''), '(none)');
comment on function clickledger.channel_name(text) is 'A UTM value as channels are named by it: lower case, without blanks at its ends; (none) for nothing.';

create view clickledger.conversion_channel with (security_invoker = true) as
select c.id as conversion_id, c.program_id, c.kind, c.status, c.occurred_at, (c.occurred_at at time zone p.time_zone)::date as day,
  date_trunc('month', c.occurred_at at time zone p.time_zone)::date as month,
  clickledger.channel_name(t.utm_source) as source, clickledger.channel_name(t.utm_medium) as medium,
  clickledger.channel_name(t.utm_campaign) as campaign, t.touch_kind, t.touch_id, t.ts as touch_at, c.currency,
  case when c.status in ('pending', 'approved') then c.amount_minor - c.refunded_minor else 0 end as revenue_minor,
  case when c.status in ('pending', 'approved') then
    (select coalesce(sum(m.amount_minor), 0)::bigint from clickledger.commission m where m.conversion_id = c.id and m.status <> 'void')
  else 0 end as payout_minor
from clickledger.conversion c
join clickledger.program p on p.id = c.program_id
left join lateral (
  select * from (
    (select 'click' as touch_kind, k.click_id as touch_id, k.ts, k.utm_source, k.utm_medium, k.utm_campaign from clickledger.click k
     where k.click_id = c.click_id and k.ts = clickledger.click_ts(c.click_id) and k.program_id = c.program_id and k.class = 'human'
       and k.ts < c.occurred_at and k.ts >= c.occurred_at - interval '30 days' and btrim(k.utm_source) <> '' limit 1)
    union all
    select 'click', k.click_id, k.ts, k.utm_source, k.utm_medium, k.utm_campaign
    from clickledger.conversion_visitor v
    cross join lateral (
      select k.click_id, k.ts, k.utm_source, k.utm_medium, k.utm_campaign from clickledger.click k
      where k.visitor_id = v.visitor_id and k.ts >= v.occurred_at - interval '30 days' and k.ts < v.occurred_at and k.program_id = v.program_id
        and k.class = 'human' and btrim(k.utm_source) <> ''
      order by k.ts desc limit 1) as k
    where v.conversion_id = c.id
    union all
    select 'visit', k.hit_id, k.ts, k.utm_source, k.utm_medium, k.utm_campaign
    from clickledger.conversion_visitor v
    cross join lateral (
      select k.hit_id, k.ts, k.utm_source, k.utm_medium, k.utm_campaign from clickledger.visit k
      where k.visitor_id = v.visitor_id and k.ts >= v.occurred_at - interval '30 days' and k.ts < v.occurred_at and k.program_id = v.program_id
        and k.class = 'human' and k.utm_source is not null and k.click_id is null and btrim(k.utm_source) <> ''
      order by k.ts desc limit 1) as k
    where v.conversion_id = c.id) as touch
  order by touch.ts desc, touch.touch_id limit 1) as t on true;
comment on view clickledger.conversion_channel is 'Each conversion once, with its channel: the UTM values of the last human click, or page view that no click led to, with a utm_source in the 30 days before it. Independent of who is credited: a channel may be of no partner. Ask for a range of occurred_at: it looks every visitor up.';
comment on column clickledger.conversion_channel.conversion_id is 'The conversion.';
comment on column clickledger.conversion_channel.program_id is 'The programme.';
comment on column clickledger.conversion_channel.kind is 'sale, lead, contract, payment or stage.';
comment on column clickledger.conversion_channel.status is 'pending, approved, declined or refunded (completely).';
comment on column clickledger.conversion_channel.occurred_at is 'When the order was made.';
comment on column clickledger.conversion_channel.day is 'That day in the programme''s zone.';
comment on column clickledger.conversion_channel.month is 'First day of that month.';
comment on column clickledger.conversion_channel.source is 'utm_source in lower case; (none): no such touch.';
comment on column clickledger.conversion_channel.medium is 'utm_medium likewise; (none): it had none.';
comment on column clickledger.conversion_channel.campaign is 'utm_campaign likewise.';
comment on column clickledger.conversion_channel.touch_kind is 'click or visit; null: no such touch.';
comment on column clickledger.conversion_channel.touch_id is 'Id of the click or visit.';
comment on column clickledger.conversion_channel.touch_at is 'When it happened.';
comment on column clickledger.conversion_channel.currency is 'The programme''s currency.';
comment on column clickledger.conversion_channel.revenue_minor is 'Amount without refunds, minor units; 0 when declined or refunded completely.';
comment on column clickledger.conversion_channel.payout_minor is 'Commissions of all partners for it, minor units; 0 likewise.';

create table clickledger.channel_cost (
  program_id   bigint not null references clickledger.program,
  day          date not null,
  source       text not null check (length(source) between 1 and 200),
  medium       text not null check (length(medium) between 1 and 200),
  campaign     text not null check (length(campaign) between 1 and 200),
  currency     text not null references clickledger.currency,
  amount_minor bigint not null check (amount_minor between 0 and 1000000000000000),
  loaded_at    timestamptz not null default now(),
  primary key (program_id, day, source, medium, campaign)
);
comment on table clickledger.channel_cost is 'What channels cost by day, as the team loads it from CSV with ops/channel-cost. Loading the same again changes nothing; another amount takes the place of the earlier one.';
comment on column clickledger.channel_cost.program_id is 'The programme it was spent for.';
comment on column clickledger.channel_cost.day is 'Day in the programme''s zone.';
comment on column clickledger.channel_cost.source is 'As utm_source, in lower case.';
comment on column clickledger.channel_cost.medium is 'As utm_medium, in lower case; (none): not said.';
comment on column clickledger.channel_cost.campaign is 'As utm_campaign, likewise.';
comment on column clickledger.channel_cost.currency is 'The programme''s currency; a cost in another one is refused, because nothing here converts.';
comment on column clickledger.channel_cost.amount_minor is 'What was spent, minor units; partners'' commissions are not in it.';
comment on column clickledger.channel_cost.loaded_at is 'When the amount was loaded or last changed.';
alter table clickledger.channel_cost enable row level security;
alter table clickledger.channel_cost force row level security;
create policy analyst on clickledger.channel_cost for select to cl_analyst using (true);
grant select on clickledger.channel_cost to cl_analyst;

create function clickledger.money_minor(amount text, exponent integer) returns bigint
  language sql immutable parallel safe
  return case when amount ~ ('^[0-9]{1,16}([.][0-9]{0,' || exponent || '}0*)?$') and amount !~ '[.]$' then
    case when amount::numeric * (array[1, 10, 100, 1000])[exponent + 1] <= 1000000000000000
      then trunc(amount::numeric * (array[1, 10, 100, 1000])[exponent + 1])::bigint end
  end;
comment on function clickledger.money_minor(text, integer) is 'A decimal amount in minor units, by the rules of base/money.h: ASCII digits, a point, decimals that the currency has (zeros behind them are no decimals), at most 10^15 minor units. Null: it is none.';

create function clickledger.day_parse(value text) returns date
  language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return case when value ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' then value::date end;
exception when data_exception then
  return null;
end $$;
comment on function clickledger.day_parse(text) is 'A day written YYYY-MM-DD; null: it is none.';

create function clickledger.channel_cost_check(cost jsonb) returns text
  language sql stable set search_path = clickledger, pg_temp as $$
  select case
    when day_parse(cost->>'day') is null then 'day: not a day, write YYYY-MM-DD'
    when day_parse(cost->>'day') not between '2000-01-01' and current_date + 1 then 'day: before 2000 or in the future'
    when p.id is null then 'program: there is no such programme'
    when coalesce(btrim(cost->>'source'), '') = '' then 'source: missing'
    when greatest(length(cost->>'source'), length(cost->>'medium'), length(cost->>'campaign')) > 200 then 'source, medium, campaign: longer than 200 characters'
    when concat(cost->>'source', cost->>'medium', cost->>'campaign') ~ '[[:cntrl:]]' then 'source, medium, campaign: a control character'
    when coalesce(cost->>'currency', '') <> p.currency then 'currency: must be the programme''s, ' || p.currency
    when money_minor(coalesce(cost->>'amount', ''), k.exponent) is null then 'amount: not a number from 0 on with at most ' || k.exponent || ' decimals'
  end
  from (select) as one
  left join program p on p.code = cost->>'program'
  left join currency k on k.code = p.currency
$$;
comment on function clickledger.channel_cost_check(jsonb) is 'What is wrong with a row of costs, field and reason; null: nothing.';

create function clickledger.channel_cost_load(costs jsonb) returns table (line bigint, verdict text, reason text)
  language plpgsql set search_path = clickledger, pg_temp as $$
#variable_conflict use_column
begin
  if jsonb_typeof(costs) <> 'array' or jsonb_array_length(costs) > 100000 then
    raise exception 'channel_cost_load: an array of at most 100000 rows' using errcode = 'invalid_parameter_value';
  end if;
  create temporary table cost_row on commit drop as
    select r.line, r.fault, p.id as program_id, day_parse(r.cost->>'day') as day, channel_name(r.cost->>'source') as source,
      channel_name(r.cost->>'medium') as medium, channel_name(r.cost->>'campaign') as campaign, p.currency,
      money_minor(r.cost->>'amount', k.exponent) as amount_minor
    from (select (c->>'line')::bigint as line, c as cost, channel_cost_check(c) as fault from jsonb_array_elements(costs) as c) as r
    left join program p on p.code = r.cost->>'program' and r.fault is null
    left join currency k on k.code = p.currency;
  update cost_row c set fault = 'row ' || f.line || ' has the same day, program, source, medium and campaign'
  from (select min(line) as line, program_id, day, source, medium, campaign from cost_row where fault is null group by 2, 3, 4, 5, 6) as f
  where c.fault is null and (c.program_id, c.day, c.source, c.medium, c.campaign) = (f.program_id, f.day, f.source, f.medium, f.campaign) and c.line > f.line;
  if exists (select from cost_row where fault is not null) then
    return query select c.line, case when c.fault is null then 'held' else 'refused' end, c.fault from cost_row c order by c.line;
    return;
  end if;
  return query
    with known as (
      select c.line, o.amount_minor from cost_row c join channel_cost o using (program_id, day, source, medium, campaign)),
    written as (
      insert into channel_cost as o (program_id, day, source, medium, campaign, currency, amount_minor)
      select c.program_id, c.day, c.source, c.medium, c.campaign, c.currency, c.amount_minor from cost_row c
      on conflict (program_id, day, source, medium, campaign) do update
        set amount_minor = excluded.amount_minor, currency = excluded.currency, loaded_at = now()
      where (o.amount_minor, o.currency) is distinct from (excluded.amount_minor, excluded.currency))
    select c.line, case when k.line is null then 'added' when k.amount_minor = c.amount_minor then 'same' else 'changed' end, null
    from cost_row c left join known k on k.line = c.line order by c.line;
end $$;
comment on function clickledger.channel_cost_load(jsonb) is 'For cl_owner, by ops/channel-cost: takes costs (objects of texts: line, day, program, source, medium, campaign, currency, amount), all of them or none, and gives a verdict on each: added, changed, same; or refused with the reason, and held where only others were refused. At most 100,000 at once; once a transaction.';

create view clickledger.channel_roi with (security_invoker = true) as
select s.month, s.program_id, p.name as program_name, s.source, s.medium, s.campaign, s.currency, s.conversions,
  s.revenue_minor, s.payout_minor, s.cost_minor, s.revenue_minor - s.payout_minor - s.cost_minor as profit_minor,
  clickledger.minor_amount(s.revenue_minor, k.exponent) as revenue, clickledger.minor_amount(s.payout_minor, k.exponent) as payout,
  clickledger.minor_amount(s.cost_minor, k.exponent) as cost,
  clickledger.minor_amount(s.revenue_minor - s.payout_minor - s.cost_minor, k.exponent) as profit,
  clickledger.ratio_ppm(s.revenue_minor - s.payout_minor - s.cost_minor, s.payout_minor + s.cost_minor) as roi_ppm
from (
  select f.month, f.program_id, f.source, f.medium, f.campaign, f.currency, sum(f.conversions)::bigint as conversions,
    sum(f.revenue_minor)::bigint as revenue_minor, sum(f.payout_minor)::bigint as payout_minor, sum(f.cost_minor)::bigint as cost_minor
  from (
    select c.month, c.program_id, c.source, c.medium, c.campaign, c.currency, (c.status in ('pending', 'approved'))::integer::bigint as conversions,
      c.revenue_minor, c.payout_minor, 0::bigint as cost_minor
    from clickledger.conversion_channel c
    union all
    select date_trunc('month', o.day::timestamp)::date, o.program_id, o.source, o.medium, o.campaign, o.currency, 0::bigint, 0::bigint, 0::bigint,
      o.amount_minor
    from clickledger.channel_cost o) as f
  group by f.month, f.program_id, f.source, f.medium, f.campaign, f.currency) as s
join clickledger.program p on p.id = s.program_id
join clickledger.currency k on k.code = s.currency;
comment on view clickledger.channel_roi is 'What each channel (UTM source, medium, campaign) sold and cost in a month. Costs without a campaign do not meet conversions with one: add up by source and medium.';
comment on column clickledger.channel_roi.month is 'First day of the month in the programme''s zone: of the order, and of the cost.';
comment on column clickledger.channel_roi.program_id is 'The programme.';
comment on column clickledger.channel_roi.program_name is 'Its name.';
comment on column clickledger.channel_roi.source is 'utm_source in lower case; (none): orders without a touch that has one.';
comment on column clickledger.channel_roi.medium is 'utm_medium likewise.';
comment on column clickledger.channel_roi.campaign is 'utm_campaign likewise.';
comment on column clickledger.channel_roi.currency is 'ISO 4217 code of all amounts of the row.';
comment on column clickledger.channel_roi.conversions is 'Pending and approved conversions of the channel, each once.';
comment on column clickledger.channel_roi.revenue_minor is 'Their amounts without refunds, minor units.';
comment on column clickledger.channel_roi.payout_minor is 'Commissions of all partners for them, minor units.';
comment on column clickledger.channel_roi.cost_minor is 'What the channel cost, by channel_cost, minor units.';
comment on column clickledger.channel_roi.profit_minor is 'revenue - payout - cost, minor units.';
comment on column clickledger.channel_roi.revenue is 'revenue_minor as a decimal amount.';
comment on column clickledger.channel_roi.payout is 'payout_minor likewise.';
comment on column clickledger.channel_roi.cost is 'cost_minor likewise.';
comment on column clickledger.channel_roi.profit is 'profit_minor likewise.';
comment on column clickledger.channel_roi.roi_ppm is 'profit / (payout + cost), parts per million, rounded down: 1000000 is a return of 100 %; null where nothing was spent.';

grant execute on function clickledger.channel_name(text) to cl_analyst;
grant select on clickledger.conversion_visitor, clickledger.conversion_path, clickledger.conversion_channel, clickledger.channel_roi to cl_analyst;
