-- Attribution as it is told: statistics by weights, explanations of every touch, policies in the API.

-- What is known of orders.

create or replace function clickledger.order_events(program_ids bigint[], kinds text[], order_ids text[], reports_max integer)
  returns table (ordinal bigint, is_decision boolean, id text, number bigint, at_us bigint, is_timed boolean, is_pixel boolean,
    status text, amount text, amount_minor bigint, click_state text, currency text, event_id text, click_id uuid,
    visitor_id uuid, promo text, customer text, product text, reason text)
  language plpgsql stable rows 2000 as $$
#variable_conflict use_column
declare
  first_click timestamptz;
  last_click timestamptz;
begin
  -- Variables, so that a plan leaves out the partitions of other days.
  select min(clickledger.click_ts(r.click_id)), max(clickledger.click_ts(r.click_id)) into first_click, last_click
    from unnest(program_ids, order_ids) as o (program_id, order_id)
    join clickledger.conversion_report r on r.program_id = o.program_id and r.order_id = o.order_id;
  return query
  with orders as (
    select * from unnest(program_ids, kinds, order_ids) with ordinality as o (program_id, kind, order_id, ordinal)),
  reports as (
    select o.ordinal, o.program_id as order_program_id, r.*,
      row_number() over (partition by o.ordinal order by r.id) as place
    from orders o
    join clickledger.conversion_report r
      on r.program_id = o.program_id and r.order_id = o.order_id and coalesce(r.kind, 'sale') = o.kind and r.reason = 'none')
  select r.ordinal, false, r.id::text, 0::bigint, clickledger.time_us(coalesce(r.event_time, r.ts)), r.event_time is not null,
    r.source = 'pixel', r.status, r.amount, coalesce(r.amount_minor, -1),
    case when r.click_id is null then 'unsaid' when k.click_id is null then 'unknown'
      when k.program_id = r.order_program_id then 'ours' else 'foreign' end,
    r.currency, r.event_id, r.click_id, r.visitor_id, r.promo, r.customer, r.product, null
  from reports r
  left join clickledger.click k on k.click_id = r.click_id and k.ts = clickledger.click_ts(r.click_id)
    and k.ts between first_click and last_click
  where r.place <= reports_max
  union all
  select o.ordinal, true, '', d.id, clickledger.time_us(d.decided_at), true, false,
    case d.action when 'approve' then 'approved' else 'declined' end, null, 0, 'unsaid', null, null, null, null, null, null, null, d.reason
  from orders o
  join clickledger.conversion c on c.program_id = o.program_id and c.kind = o.kind and c.order_id = o.order_id
  join clickledger.conversion_decision d on d.conversion_id = c.id
  order by 1;
end $$;

-- Statistics.

drop function clickledger.stats_conversions(timestamptz, timestamptz, boolean);
create function clickledger.stats_conversions(from_at timestamptz, to_at timestamptz, on_hours boolean)
  returns table (at timestamptz, program_id bigint, partner_id bigint, link_id bigint, status text, currency text,
                 conversions_ppm bigint, revenue_minor bigint, commission_minor bigint)
  language sql stable
begin atomic
  select h.hour, h.program_id, h.partner_id, h.link_id, h.status, h.currency, h.conversions_ppm, h.revenue_minor,
    h.commission_minor
  from clickledger.conversion_hourly h
  where on_hours and h.hour >= from_at and h.hour < to_at
  union all
  select p.occurred_at, p.program_id, coalesce(p.partner_id, 0), coalesce(p.link_id, 0), p.status, p.currency, p.weight_ppm,
    p.revenue_minor, coalesce(p.commission_minor, 0)
  from clickledger.conversion_part p
  where not on_hours and p.occurred_at >= from_at and p.occurred_at < to_at
    -- A partner sees no credits of others, which is not the same as that there are none.
    and (p.partner_id is not null or nullif(current_setting('cl.partner', true), '') is null);
end;
comment on function clickledger.stats_conversions(timestamptz, timestamptz, boolean) is 'Conversions that occurred in [from_at, to_at), by the credited links with their shares, from the rollup or from the rows.';

drop function clickledger.stats_rows(timestamptz, timestamptz, text, boolean, jsonb);
create function clickledger.stats_rows(from_at timestamptz, to_at timestamptz, zone text, by_link boolean, p jsonb)
  returns table (key text, currency text, clicks bigint, clicks_not_counted bigint, conversions numeric,
                 conversions_declined numeric, conversions_refunded numeric, revenue_minor bigint, commission_minor bigint)
  language sql stable set search_path = clickledger, pg_temp as $$
  with range as (select stats_on_hours(from_at, to_at, zone) as on_hours),
  counted as (
    select case when by_link then c.link_id::text else ((c.at at time zone zone)::date)::text end as key,
      c.program_id, c.partner_id, c.link_id, g.currency, c.clicks * c.is_human::integer as clicks,
      c.clicks * (not c.is_human)::integer as clicks_not_counted, 0::bigint as conversions_ppm, 0::bigint as declined,
      0::bigint as refunded, 0::bigint as revenue_minor, 0::bigint as commission_minor
    from range, stats_clicks(from_at, to_at, range.on_hours) c
    left join program g on g.id = c.program_id
    union all
    select case when by_link then c.link_id::text else ((c.at at time zone zone)::date)::text end,
      c.program_id, c.partner_id, c.link_id, c.currency, 0, 0,
      c.conversions_ppm * (c.status in ('pending', 'approved'))::integer,
      c.conversions_ppm * (c.status = 'declined')::integer, c.conversions_ppm * (c.status = 'refunded')::integer,
      c.revenue_minor * (c.status in ('pending', 'approved'))::integer,
      c.commission_minor * (c.status in ('pending', 'approved'))::integer
    from range, stats_conversions(from_at, to_at, range.on_hours) c)
  select c.key, c.currency, sum(c.clicks)::bigint, sum(c.clicks_not_counted)::bigint, trim_scale(sum(c.conversions_ppm) / 1000000),
    trim_scale(sum(c.declined) / 1000000), trim_scale(sum(c.refunded) / 1000000), sum(c.revenue_minor)::bigint, sum(c.commission_minor)::bigint
  from counted c
  where (p->>'program_id' is null or c.program_id = (p->>'program_id')::bigint)
    and (p->>'partner_id' is null or c.partner_id = (p->>'partner_id')::bigint)
    and (p->>'link_id' is null or c.link_id = (p->>'link_id')::bigint)
  group by c.key, c.currency;
$$;
comment on function clickledger.stats_rows(timestamptz, timestamptz, text, boolean, jsonb) is 'The sums of GET /v1/stats by day of the zone or by link, and by currency. Conversions are counted by their shares, in millionths.';

drop function clickledger.stats_json(text, json, text, clickledger.stats_sums);
alter type clickledger.stats_sums alter attribute conversions type numeric, alter attribute conversions_declined type numeric,
  alter attribute conversions_refunded type numeric, add attribute uniques bigint;
create function clickledger.stats_json(name text, key json, currency text, sums clickledger.stats_sums) returns json
  language sql immutable parallel safe
  return json_build_object(name, key, 'currency', currency,
    'clicks', sums.clicks, 'clicks_not_counted', sums.clicks_not_counted, 'uniques', sums.uniques, 'conversions', trim_scale(sums.conversions),
    'conversions_declined', trim_scale(sums.conversions_declined), 'conversions_refunded', trim_scale(sums.conversions_refunded),
    'cr_ppm', case when sums.clicks > 0 then trunc(sums.conversions * 1000000 / sums.clicks)::bigint end,
    'epc_minor', case when sums.clicks > 0 then round(sums.commission_minor::numeric / sums.clicks, 4)::text end,
    'revenue_minor', sums.revenue_minor, 'commission_minor', sums.commission_minor);
comment on function clickledger.stats_json(text, json, text, clickledger.stats_sums) is 'One row of GET /v1/stats. Conversions are numbers with up to 6 decimals: a touch that shared one has its share of it. Conversion rate in ppm, rounded down; earnings per click in minor units as decimal text with 4 places, halves away from zero; both null without clicks.';

create or replace function clickledger.api_stats(p jsonb) returns json
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  zone text := api_zone(coalesce(p->>'tz', 'UTC'));
  by_link boolean := coalesce(p->>'group_by', 'day') = 'link';
  today date := (now() at time zone zone)::date;
  to_at timestamptz := api_moment(coalesce(p->>'to', today::text), zone, true);
  from_at timestamptz := api_moment(coalesce(p->>'from', ((to_at - interval '1 ms') at time zone zone)::date - 29 || ''), zone, false);
begin
  if from_at >= to_at or to_at - from_at > interval '400 days' then
    perform api_fail(422, 'range', 'to must be behind from, and at most 400 days behind it');
  end if;
  return (
    with people as (select * from stats_uniques(from_at, to_at, zone, by_link, p)),
    found as (
      select f.*, case when stats_on_hours(from_at, to_at, zone) then coalesce(u.uniques, 0) end as uniques
      from stats_rows(from_at, to_at, zone, by_link, p) f left join people u on u.key = f.key and u.currency = f.currency),
    summed as (
      select f.currency, (sum(f.clicks), sum(f.clicks_not_counted), sum(f.conversions), sum(f.conversions_declined),
        sum(f.conversions_refunded), sum(f.revenue_minor), sum(f.commission_minor),
        case when count(f.uniques) > 0 then coalesce((select u.uniques from people u where u.key is null and u.currency = f.currency), 0) end
        )::stats_sums as sums
      from found f group by f.currency)
    select json_build_object(
      'from', api_time(from_at), 'to', api_time(to_at), 'tz', zone, 'group_by', case when by_link then 'link' else 'day' end,
      'formulas', json_build_object(
        'clicks', 'clicks of people; clicks_not_counted: of bots, previews, prefetches, repeated ones and the like',
        'uniques', 'different visitors (by cookie, else by address and user agent) of these clicks and of repeated ones, estimated with a standard error of 2.2 %, less below 1000; those of all days or links together are no sum; null where days do not begin on full hours of UTC',
        'conversions', 'by the time of the order; pending and approved; declined and completely refunded ones are counted apart; where several touches share one, each counts its share',
        'revenue_minor', 'amounts of pending and approved conversions without what was refunded, by the same shares',
        'commission_minor', 'commissions for pending and approved conversions',
        'cr_ppm', 'conversions * 1000000 / clicks, rounded down',
        'epc_minor', 'commission_minor / clicks, 4 decimals'),
      'data', coalesce((
        select json_agg(case when by_link then stats_json('link_id', to_json(nullif(f.key, '0')::bigint), f.currency, f.sums)
                        else stats_json('day', to_json(f.key), f.currency, f.sums) end
          order by case when by_link then lpad(f.key, 20, '0') else f.key end, f.currency)
        from (select key, currency, (clicks, clicks_not_counted, conversions, conversions_declined, conversions_refunded,
                                     revenue_minor, commission_minor, uniques)::stats_sums as sums from found) f), '[]'::json),
      'totals', coalesce((
        select json_agg(stats_json('group', to_json('all'::text), s.currency, s.sums) order by s.currency) from summed s), '[]'::json)));
end $$;

-- Explanations.

create function clickledger.policy_told(policy_id bigint) returns jsonb language sql stable strict as $$
  select jsonb_strip_nulls(jsonb_build_object('version', p.version, 'effective_from', clickledger.api_time(p.effective_from), 'model', p.model,
    'first_ppm', case p.model when 'position' then p.first_ppm end, 'last_ppm', case p.model when 'position' then p.last_ppm end,
    'half_life_hours', case p.model when 'time_decay' then p.half_life_hours end,
    'precedence', p.precedence, 'code_ppm', case p.precedence when 'split' then p.code_ppm end,
    'binding', p.binding, 'bind_days', p.bind_days, 'touches_max', p.touches_max))
  from clickledger.attribution_policy p where p.id = policy_id
$$;
comment on function clickledger.policy_told(bigint) is 'A policy as explanations tell it: what it needs of its numbers. Null: none was in force.';

drop function clickledger.explanation_write(bigint[], text[], bigint[], text[], uuid[], bigint[], bigint[], bigint[], bigint[], bigint[], text[], bigint[], integer[], text[], text[]);
create function clickledger.explanation_write(ids bigint[], models text[], precedences text[], truncated boolean[], policy_ids bigint[], conversion_ids bigint[], kinds text[], touch_ids uuid[],
    at_us bigint[], program_ids bigint[], partner_ids bigint[], link_ids bigint[], promo_code_ids bigint[], classes text[],
    window_us bigint[], weights integer[], amounts bigint[], verdicts text[], reasons text[])
  returns void language sql as $$
  with touches as (
    select w.conversion_id, w.partner_id, w.us, w.touch_id,
      c.program_id = w.program_id as is_concerned,
      jsonb_build_object('own', true, 'kind', w.kind, 'id', w.touch_id, 'at', clickledger.api_time(clickledger.us_time(w.us)), 'link_id', w.link_id,
        'promo_code_id', w.promo_code_id, 'class', w.class, 'verdict', w.verdict, 'reason', w.reason, 'weight_ppm', w.weight,
        'amount_minor', w.amount, 'window_days', trim_scale(round(w.window_us / 86400000000.0, 4)),
        'window_from', clickledger.api_time(c.occurred_at - w.window_us / 3600000000 * interval '1 hour'),
        'window_to', clickledger.api_time(c.occurred_at),
        'age_seconds', trunc(extract(epoch from c.occurred_at - clickledger.us_time(w.us)), 3)) as own,
      jsonb_build_object('own', false, 'kind', w.kind, 'verdict', w.verdict, 'reason', w.reason,
        'age_days', floor(extract(epoch from c.occurred_at - clickledger.us_time(w.us)) / 86400)) as others
    from unnest(conversion_ids, kinds, touch_ids, at_us, program_ids, partner_ids, link_ids, promo_code_ids, classes, window_us,
      weights, amounts, verdicts, reasons) as w (conversion_id, kind, touch_id, us, program_id, partner_id, link_id, promo_code_id, class,
      window_us, weight, amount, verdict, reason)
    join clickledger.conversion c on c.id = w.conversion_id),
  concerned as (
    select t.conversion_id, t.partner_id from touches t where t.is_concerned and t.partner_id <> 0
    union
    select m.conversion_id, m.partner_id from clickledger.commission m where m.conversion_id = any (ids)),
  told as (
    select p.conversion_id, p.partner_id,
      coalesce(jsonb_agg(case when t.partner_id = p.partner_id then t.own else t.others end order by t.us desc, t.touch_id)
        filter (where t.conversion_id is not null), '[]') as touches
    from concerned p left join touches t on t.conversion_id = p.conversion_id
    group by p.conversion_id, p.partner_id),
  commissions as (
    select m.conversion_id, m.partner_id, jsonb_build_object('terms_id', t.id, 'terms_version', t.version,
      'terms_of', case when t.partner_id is null then 'program' else 'partner' end, 'effective_from', clickledger.api_time(t.effective_from),
      'kind', t.commission_kind, 'rate_ppm', t.rate_ppm, 'fixed_minor', t.fixed_minor, 'hold_days', t.hold_days,
      'base_minor', m.base_minor,
      'exact_minor', case t.commission_kind when 'percent' then trim_scale(m.base_minor::numeric * t.rate_ppm / 1000000)
        else t.fixed_minor end,
      'rounding', 'half_up', 'amount_minor', m.amount_minor, 'status', m.status, 'approved', m.approved,
      'hold_until', clickledger.api_time(m.hold_until), 'revision', m.revision) as body
    from clickledger.commission m join clickledger.terms t on t.id = m.terms_id
    where m.conversion_id = any (ids)),
  lines as (
    select t.id, t.conversion_id, t.partner_id, jsonb_build_object('transaction_id', t.id, 'key', t.key, 'kind', t.kind,
      'posted_at', clickledger.api_time(t.posted_at),
      'entries', jsonb_agg(jsonb_build_object('account', a.kind, 'amount_minor', e.amount_minor) order by a.id)) as body
    from clickledger.ledger_transaction t
    join clickledger.ledger_entry e on e.transaction_id = t.id and e.partner_id is not null
    join clickledger.ledger_account a on a.id = e.account_id
    where t.conversion_id = any (ids)
    group by t.id),
  ledgers as (
    select conversion_id, partner_id, jsonb_agg(body order by id) as body from lines group by conversion_id, partner_id),
  gone as (
    delete from clickledger.explanation x
    where x.conversion_id = any (ids) and not exists (
      select from concerned p where p.conversion_id = x.conversion_id and p.partner_id = x.partner_id))
  insert into clickledger.explanation as x (conversion_id, partner_id, body)
  select p.conversion_id, p.partner_id, jsonb_build_object(
    'conversion', jsonb_build_object('id', c.id, 'program_id', c.program_id, 'kind', c.kind, 'status', c.status,
        'occurred_at', clickledger.api_time(c.occurred_at), 'currency', c.currency)
      || case when m.body is null then '{}' else jsonb_build_object('order_id', c.order_id, 'reason', c.reason,
        'amount_minor', c.amount_minor, 'refunded_minor', c.refunded_minor) end,
    'model', w.model, 'precedence', w.precedence, 'truncated', w.truncated, 'policy', clickledger.policy_told(w.policy_id),
    'touches', p.touches, 'commission', m.body, 'ledger', coalesce(l.body, '[]'))
  from told p
  join unnest(ids, models, precedences, truncated, policy_ids) as w (id, model, precedence, truncated, policy_id) on w.id = p.conversion_id
  join clickledger.conversion c on c.id = p.conversion_id
  left join commissions m on m.conversion_id = p.conversion_id and m.partner_id = p.partner_id
  left join ledgers l on l.conversion_id = p.conversion_id and l.partner_id = p.partner_id
  on conflict (conversion_id, partner_id) do update set body = excluded.body, updated_at = now()
  where x.body is distinct from excluded.body
$$;
comment on function clickledger.explanation_write(bigint[], text[], text[], boolean[], bigint[], bigint[], text[], uuid[], bigint[], bigint[], bigint[], bigint[], bigint[], text[], bigint[], integer[], bigint[], text[], text[]) is 'Writes, for each concerned partner and nobody else, why conversions were credited as they were; of others'' touches only kind, verdict, reason and age in whole days. Order id and amounts are for those who have, or had, a commission.';

-- Credits of a period in one pass.

create function clickledger.terms_list() returns table (program_id bigint, partner_id bigint, from_us bigint, window_us bigint, is_last_touch boolean)
  language sql stable as $$
  select t.program_id, coalesce(t.partner_id, 0), clickledger.time_us(t.effective_from), t.window_days * 86400000000::bigint,
    t.precedence = 'last_touch'
  from clickledger.terms t order by 1, 2, t.effective_from desc, t.version desc
$$;
comment on function clickledger.terms_list() is 'What attribution needs of all terms; partner 0: the programme''s. The newest first.';

create function clickledger.policy_list() returns table (program_id bigint, from_us bigint, model text, first_ppm integer, last_ppm integer,
    half_life_us bigint, precedence text, code_ppm integer, click_window_us bigint, promo_window_us bigint, impression_window_us bigint,
    visit_window_us bigint, touches_max integer)
  language sql stable as $$
  select p.program_id, clickledger.time_us(p.effective_from), p.model, p.first_ppm, p.last_ppm, p.half_life_hours * 3600000000::bigint,
    p.precedence, p.code_ppm, coalesce(p.click_window_hours * 3600000000::bigint, -1),
    coalesce(p.promo_window_hours * 3600000000::bigint, -1), p.impression_window_hours * 3600000000::bigint,
    p.visit_window_hours * 3600000000::bigint, p.touches_max
  from clickledger.attribution_policy p order by 1, p.effective_from desc, p.version desc
$$;
comment on function clickledger.policy_list() is 'All policies, of each programme the newest first; windows of -1: those of the terms.';

create function clickledger.touch_reach() returns interval language sql stable as $$
  select greatest((select max(t.window_days) * interval '24 hours' from clickledger.terms t), interval '30 days',
    (select max(greatest(p.click_window_hours, p.promo_window_hours, p.impression_window_hours, p.visit_window_hours)) * interval '1 hour'
     from clickledger.attribution_policy p))
$$;
comment on function clickledger.touch_reach() is 'The longest window there is.';

create function clickledger.touch_stream(from_at timestamptz, to_at timestamptz, since timestamptz, reach interval)
  returns table (conversion_id bigint, kind smallint, id uuid, at timestamptz, program_id bigint, partner_id bigint, link_id bigint,
    promo_code_id bigint, marks smallint, amount_minor bigint)
  language sql stable parallel safe rows 1000000 as $$
  select c.id, 0::smallint, null::uuid, c.occurred_at, c.program_id, null::bigint, null::bigint, null::bigint, 0::smallint,
    c.amount_minor - c.refunded_minor
  from clickledger.conversion c where c.occurred_at >= from_at and c.occurred_at < to_at
  union all
  select c.id, 1::smallint, t.click_id, t.ts, t.program_id, t.partner_id, t.link_id, t.promo_code_id, 1::smallint, null
  from clickledger.conversion c
  join clickledger.conversion_key k on k.conversion_id = c.id and k.kind in ('visitor', 'joined')
  join clickledger.click t on t.visitor_id = k.value and t.program_id = c.program_id and t.ts < c.occurred_at and t.ts >= c.occurred_at - reach
  where c.occurred_at >= from_at and c.occurred_at < to_at and t.ts >= since and t.ts < to_at
    and t.class = 'human' and t.partner_id is not null
  union all
  select c.id, 1::smallint, t.click_id, t.ts, t.program_id, t.partner_id, t.link_id, t.promo_code_id, 1::smallint, null
  from clickledger.conversion c
  cross join lateral (  -- one by one: most reported clicks are their visitor's, and another pass over all clicks would be for these few
    select * from clickledger.click t where t.click_id = c.click_id and t.ts = clickledger.click_ts(c.click_id) offset 0) t
  where c.occurred_at >= from_at and c.occurred_at < to_at and c.click_id is not null and t.ts >= since and t.ts < to_at
    and t.class = 'human' and t.partner_id is not null and not exists (
      select from clickledger.conversion_key k where k.conversion_id = c.id and k.kind in ('visitor', 'joined') and k.value = t.visitor_id)
  union all
  select c.id, 1::smallint, t.click_id, t.ts, t.program_id, t.partner_id, t.link_id, t.promo_code_id, 1::smallint, null
  from clickledger.conversion c
  join clickledger.click d on d.click_id = c.click_id and d.ts = clickledger.click_ts(c.click_id) and d.class = 'duplicate'
  cross join lateral (select clickledger.click_original(d.click_id) as id offset 0) o
  join clickledger.click t on t.click_id = o.id and t.ts = clickledger.click_ts(o.id)
  where c.occurred_at >= from_at and c.occurred_at < to_at and t.ts >= since and t.ts < to_at
    and t.partner_id is not null and not exists (
      select from clickledger.conversion_key k where k.conversion_id = c.id and k.kind in ('visitor', 'joined') and k.value = t.visitor_id)
  union all
  select c.id, 2::smallint, t.hit_id, t.ts, t.program_id, t.partner_id, null, t.promo_code_id, 1::smallint, null
  from clickledger.conversion c
  join clickledger.conversion_key k on k.conversion_id = c.id and k.kind in ('visitor', 'joined')
  join clickledger.promo_entry t on t.visitor_id = k.value and t.program_id = c.program_id and t.ts < c.occurred_at and t.ts >= c.occurred_at - reach
  where c.occurred_at >= from_at and c.occurred_at < to_at and t.ts >= since and t.ts < to_at
    and t.class = 'human' and t.partner_id is not null
  union all
  select c.id, 2::smallint, named.id, c.occurred_at, o.program_id, o.partner_id, null, o.id,
    (2 + (o.active_at @> c.occurred_at and p.active_at @> c.occurred_at)::integer)::smallint, null
  from clickledger.conversion c
  join clickledger.promo_code o on upper(o.code) = upper(c.promo)
  join clickledger.partner p on p.id = o.partner_id
  cross join lateral (
    select r.id from clickledger.conversion_report r
    where r.conversion_id = c.id and r.promo = c.promo and r.verdict in ('applied', 'program_mismatch')
    order by coalesce(r.event_time, r.ts), r.id limit 1) named
  where c.occurred_at >= from_at and c.occurred_at < to_at
  union all
  select c.id, 3::smallint, t.hit_id, t.ts, t.program_id, t.partner_id, t.link_id, null, 1::smallint, null
  from clickledger.attribution_policy a
  join clickledger.conversion c on c.program_id = a.program_id
  join clickledger.conversion_key k on k.conversion_id = c.id and k.kind in ('visitor', 'joined')
  join clickledger.impression t on t.visitor_id = k.value and t.program_id = c.program_id and t.ts < c.occurred_at and t.ts >= c.occurred_at - reach
  where c.occurred_at >= from_at and c.occurred_at < to_at and t.ts >= since and t.ts < to_at
    and t.class = 'human' and t.partner_id is not null
    and a.impression_window_hours > 0 and a.id = (select p.id from clickledger.policy_at(c.program_id, c.occurred_at) p)
  union all
  select c.id, 4::smallint, t.hit_id, t.ts, t.program_id, null, null, null, 1::smallint, null
  from clickledger.attribution_policy a
  join clickledger.conversion c on c.program_id = a.program_id
  join clickledger.conversion_key k on k.conversion_id = c.id and k.kind in ('visitor', 'joined')
  join clickledger.visit t on t.visitor_id = k.value and t.program_id = c.program_id and t.ts < c.occurred_at and t.ts >= c.occurred_at - reach
  where c.occurred_at >= from_at and c.occurred_at < to_at and t.ts >= since and t.ts < to_at
    and t.class = 'human' and t.utm_source is not null and t.click_id is null
    and a.visit_window_hours > 0 and a.id = (select p.id from clickledger.policy_at(c.program_id, c.occurred_at) p)
  union all
  select c.id, case b.touch_kind when 'click' then 1 when 'promo' then 2 else 3 end::smallint, b.touch_id, b.touch_ts, b.program_id,
    b.partner_id, b.link_id, b.promo_code_id, (4 + (p.active_at @> c.occurred_at)::integer)::smallint, null
  from clickledger.customer_binding b
  join clickledger.conversion_key k on k.kind = 'customer' and k.value = b.customer
  join clickledger.conversion c on c.id = k.conversion_id
  join clickledger.conversion f on f.id = b.conversion_id
  join clickledger.partner p on p.id = b.partner_id
  cross join lateral clickledger.policy_at(c.program_id, c.occurred_at) a
  where c.occurred_at >= from_at and c.occurred_at < to_at and a.binding = 'first_partner'
    and (f.occurred_at, f.kind, f.order_id) < (c.occurred_at, c.kind, c.order_id)
    and (a.bind_days is null or f.occurred_at >= c.occurred_at - a.bind_days * interval '24 hours')
  order by 1, 2
$$;
comment on function clickledger.touch_stream(timestamptz, timestamptz, timestamptz, interval) is 'Conversions of [from_at, to_at) and the touches that may count for them, not older than since: each conversion (kind 0), then its clicks (1), codes (2), impressions (3), visits (4). marks: 1 active, 2 of the order, 4 binds the customer. It answers as conversion_touches() does, for many at once.';

create function clickledger.credit_pass_begin(from_at timestamptz, to_at timestamptz) returns void language sql as $$
  select clickledger.conversion_hourly_add(array(
    select id from clickledger.conversion where occurred_at >= from_at and occurred_at < to_at), -1);
  delete from clickledger.credit r using clickledger.conversion c
    where c.id = r.conversion_id and c.occurred_at >= from_at and c.occurred_at < to_at
$$;
comment on function clickledger.credit_pass_begin(timestamptz, timestamptz) is 'Takes the credits of a period away, and what they are in the rollup.';

create function clickledger.credit_pass_end(from_at timestamptz, to_at timestamptz) returns bigint language sql as $$
  select clickledger.conversion_hourly_add(array(
    select id from clickledger.conversion where occurred_at >= from_at and occurred_at < to_at), 1);
  with due as (
    insert into clickledger.conversion_due
    select id from clickledger.conversion where occurred_at >= from_at and occurred_at < to_at
    on conflict do nothing returning 1)
  select count(*) from due
$$;
comment on function clickledger.credit_pass_end(timestamptz, timestamptz) is 'Puts the period''s conversions into the rollup and on the list, for their commissions; returns how many were not on it.';

create function clickledger.compare_totals(from_us bigint, to_us bigint, program_id bigint) returns table (
    program_id bigint, partner_id bigint, currency text, conversions_ppm bigint, revenue_minor bigint, commission_minor bigint)
  language sql stable as $$
  select p.program_id, coalesce(p.partner_id, 0), p.currency, sum(p.weight_ppm)::bigint, sum(p.revenue_minor)::bigint,
    coalesce(sum(p.commission_minor), 0)::bigint
  from clickledger.conversion_part p
  where p.occurred_at >= clickledger.us_time($1) and p.occurred_at < clickledger.us_time($2) and ($3 is null or p.program_id = $3)
  group by 1, 2, 3 order by 1, 2, 3
$$;
comment on function clickledger.compare_totals(bigint, bigint, bigint) is 'What partners (0: nobody) have of the conversions of [from, to): conversions in millionths, amounts without refunds, commissions.';

-- Policies in the API.

create function clickledger.policy_json(row_of clickledger.attribution_policy) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'program_id', row_of.program_id, 'version', row_of.version,
    'effective_from', clickledger.api_time(row_of.effective_from), 'model', row_of.model, 'first_ppm', row_of.first_ppm,
    'last_ppm', row_of.last_ppm, 'half_life_hours', row_of.half_life_hours, 'precedence', row_of.precedence,
    'code_ppm', row_of.code_ppm, 'click_window_hours', row_of.click_window_hours, 'promo_window_hours', row_of.promo_window_hours,
    'impression_window_hours', row_of.impression_window_hours, 'visit_window_hours', row_of.visit_window_hours,
    'binding', row_of.binding, 'bind_days', row_of.bind_days, 'touches_max', row_of.touches_max,
    'created_at', clickledger.api_time(row_of.created_at));
comment on function clickledger.policy_json(clickledger.attribution_policy) is 'A version of an attribution policy as answers show it.';

create function clickledger.api_policies(p jsonb) returns json
  language plpgsql stable set search_path = clickledger, pg_temp as $$
begin
  if not exists (select from program where id = (p->>'id')::bigint) then
    return api_missing('programme');
  end if;
  return (
    with page as (
      select a as item from attribution_policy a
      where program_id = (p->>'id')::bigint and id < (api_after(p))[1]
      order by id desc limit api_limit(p) + 1)
    select api_page(array_agg(policy_json(item) order by (item).id desc),
                    array_agg(api_cursor((item).id) order by (item).id desc), p)
    from page);
end $$;
comment on function clickledger.api_policies(jsonb) is 'GET /v1/programs/{id}/attribution.';

create function clickledger.api_policy_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made attribution_policy;
begin
  -- Versions count without gaps, so two writers of one programme must not meet.
  perform pg_advisory_xact_lock(hashtextextended('clickledger.attribution_policy.' || (p->>'id'), 0));
  if not exists (select from program where id = (p->>'id')::bigint) then
    return api_missing('programme');
  end if;
  perform api_valid((p->>'first_ppm' is null and p->>'last_ppm' is null) or p->>'model' = 'position', 'first_ppm',
                    'first_ppm and last_ppm belong to the model position');
  perform api_valid(coalesce((p->>'first_ppm')::integer, 400000) + coalesce((p->>'last_ppm')::integer, 400000) <= 1000000, 'first_ppm',
                    'first_ppm and last_ppm are more than the whole');
  perform api_valid(p->>'half_life_hours' is null or p->>'model' = 'time_decay', 'half_life_hours', 'half_life_hours belongs to the model time_decay');
  perform api_valid(p->>'code_ppm' is null or p->>'precedence' = 'split', 'code_ppm', 'code_ppm belongs to the precedence split');
  perform api_valid(p->>'bind_days' is null or p->>'binding' = 'first_partner', 'bind_days', 'bind_days belongs to the binding first_partner');
  insert into attribution_policy (program_id, version, effective_from, model, first_ppm, last_ppm, half_life_hours, precedence, code_ppm,
    click_window_hours, promo_window_hours, impression_window_hours, visit_window_hours, binding, bind_days, touches_max)
  select (p->>'id')::bigint,
    1 + coalesce((select max(a.version) from attribution_policy a where a.program_id = (p->>'id')::bigint), 0),
    coalesce((p->>'effective_from')::timestamptz, now()), p->>'model', coalesce((p->>'first_ppm')::integer, 400000),
    coalesce((p->>'last_ppm')::integer, 400000), coalesce((p->>'half_life_hours')::integer, 168),
    coalesce(p->>'precedence', 'code_over_click'), coalesce((p->>'code_ppm')::integer, 500000), (p->>'click_window_hours')::integer,
    (p->>'promo_window_hours')::integer, coalesce((p->>'impression_window_hours')::integer, 0),
    coalesce((p->>'visit_window_hours')::integer, 0), coalesce(p->>'binding', 'none'), (p->>'bind_days')::integer,
    coalesce((p->>'touches_max')::integer, 50)
  returning * into made;
  perform pg_notify('clickledger_work', '');
  return policy_json(made);
end $$;
comment on function clickledger.api_policy_create(jsonb) is 'POST /v1/programs/{id}/attribution: a new version; earlier ones stay as they are.';

-- Who may.

do $$
declare
  name text;
  function regprocedure;
begin
  foreach name in array array['attribution_policy', 'customer_binding'] loop
    execute format('alter table clickledger.%I enable row level security', name);
    execute format('alter table clickledger.%I force row level security', name);
    execute format('create policy analyst on clickledger.%I for select to cl_analyst using (true)', name);
  end loop;
  for function in
    select p.oid from pg_proc p
    where p.pronamespace = 'clickledger'::regnamespace and p.proname in (
      'policy_expand', 'conversion_join', 'customer_bind', 'policy_at', 'attribution_scope', 'conversion_touches', 'credit_write',
      'explanation_write', 'policy_told', 'terms_list', 'policy_list', 'touch_reach', 'touch_stream', 'credit_pass_begin', 'credit_pass_end',
      'compare_totals')
  loop
    execute format('grant execute on function %s to cl_attrib', function);
  end loop;
  for function in
    select p.oid from pg_proc p
    where p.pronamespace = 'clickledger'::regnamespace and p.proname in (
      'stats_conversions', 'stats_rows', 'stats_json', 'policy_json', 'api_policies', 'api_policy_create')
  loop
    execute format('grant execute on function %s to cl_api', function);
  end loop;
end $$;
create policy team on clickledger.attribution_policy to cl_api
  using (current_setting('cl.team', true) = 'on') with check (current_setting('cl.team', true) = 'on');
grant select on clickledger.attribution_policy to cl_attrib, cl_api, cl_analyst;
grant insert on clickledger.attribution_policy to cl_api;
grant update (applied) on clickledger.attribution_policy to cl_attrib;
grant select, insert, update, delete on clickledger.customer_binding to cl_attrib;
grant select (conversion_id, program_id, partner_id, touch_kind, touch_id, touch_ts, link_id, promo_code_id)
  on clickledger.customer_binding to cl_analyst;
grant select on clickledger.conversion_part to cl_attrib, cl_api, cl_analyst;
grant select (signed) on clickledger.conversion_report to cl_api, cl_analyst;
grant select (amount_minor) on clickledger.credit to cl_analyst;
