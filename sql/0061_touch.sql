-- Touches of a batch's visitors are found by one look into each partition for all of them, and not by one for each order: on most
-- days there is nothing of a visitor, and to learn that costs as much as to find something.

create function clickledger.touch_search(orders bigint[], programs bigint[], visitors uuid[], untils timestamptz[], since timestamptz[],
    seen_since timestamptz[], been_since timestamptz[], touches_max integer) returns table (
    conversion_id bigint, kind text, id uuid, ts timestamptz, program_id bigint, partner_id bigint, link_id bigint, promo_code_id bigint,
    class clickledger.hit_class)
  language plpgsql stable rows 2000 set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_nestloop = off as $$
#variable_conflict use_column
declare
  first_ts constant timestamptz := (select min(t) from unnest(since) as t);
  first_seen constant timestamptz := (select min(t) from unnest(seen_since) as t);
  first_been constant timestamptz := (select min(t) from unnest(been_since) as t);
  last_ts constant timestamptz := (select max(t) from unnest(untils) as t);
begin
  -- Variables, so that partitions of other days are left out. None where nothing of a kind counts: then all are.
  return query
  with hits as materialized (
    select 'click' as kind, t.visitor_id, t.click_id as id, t.ts, t.program_id, t.partner_id, t.link_id, t.promo_code_id, t.class
    from clickledger.click t where t.visitor_id = any (visitors) and t.ts >= first_ts and t.ts < last_ts
    union all
    select 'promo', t.visitor_id, t.hit_id, t.ts, t.program_id, t.partner_id, null, t.promo_code_id, t.class
    from clickledger.promo_entry t where t.visitor_id = any (visitors) and t.ts >= first_ts and t.ts < last_ts
    union all
    select 'impression', t.visitor_id, t.hit_id, t.ts, t.program_id, t.partner_id, t.link_id, null, t.class
    from clickledger.impression t where t.visitor_id = any (visitors) and t.ts >= first_seen and t.ts < last_ts and t.class = 'human'
    union all
    select 'visit', t.visitor_id, t.hit_id, t.ts, t.program_id, null, null, null, t.class
    from clickledger.visit t where t.visitor_id = any (visitors) and t.ts >= first_been and t.ts < last_ts and t.class = 'human'
      and t.utm_source is not null and t.click_id is null)
  select n.conversion_id, n.kind, n.id, n.ts, n.program_id, n.partner_id, n.link_id, n.promo_code_id, n.class
  from (
    select v.conversion_id, t.*,
      row_number() over (partition by v.conversion_id, v.visitor_id, t.kind, t.class = 'human' order by t.ts desc, t.id desc) as place
    from unnest(orders, programs, visitors, untils, since, seen_since, been_since)
      as v (conversion_id, program_id, visitor_id, until, since, seen_since, been_since)
    join hits t on t.visitor_id = v.visitor_id and t.program_id = v.program_id and t.ts < v.until
      and t.ts >= case t.kind when 'impression' then v.seen_since when 'visit' then v.been_since else v.since end) n
  where n.place <= touches_max;
end $$;
comment on function clickledger.touch_search(bigint[], bigint[], uuid[], timestamptz[], timestamptz[], timestamptz[], timestamptz[], integer) is 'What touch_hits() finds, for one of each array for every visitor of every conversion; an impression or visit that does not count has no time since when. Its plan reads hits by index and joins them by hash, whatever planning without numbers takes for cheaper.';

create function clickledger.touch_hits(ids bigint[], touches_max integer, reach interval) returns table (
    conversion_id bigint, kind text, id uuid, ts timestamptz, program_id bigint, partner_id bigint, link_id bigint, promo_code_id bigint,
    class clickledger.hit_class)
  language sql stable rows 2000 as $$
  select f.*
  from (
    select array_agg(v.id) as orders, array_agg(v.program_id) as programs, array_agg(v.visitor_id) as visitors, array_agg(v.occurred_at) as untils,
      array_agg(v.since) as since, array_agg(v.seen_since) as seen_since, array_agg(v.been_since) as been_since
    from (
      select distinct c.id, c.program_id, k.value as visitor_id, c.occurred_at, c.occurred_at - reach as since,
        c.occurred_at - nullif(a.impression_window_hours, 0) * interval '1 hour' as seen_since,
        c.occurred_at - nullif(a.visit_window_hours, 0) * interval '1 hour' as been_since
      from unnest(ids) as wanted (id)
      join clickledger.conversion c on c.id = wanted.id
      join clickledger.conversion_key k on k.conversion_id = c.id and k.kind in ('visitor', 'joined')
      left join lateral clickledger.policy_at(c.program_id, c.occurred_at) a on true) v) g
  cross join lateral clickledger.touch_search(g.orders, g.programs, g.visitors, g.untils, g.since, g.seen_since, g.been_since, touches_max) f
$$;
comment on function clickledger.touch_hits(bigint[], integer, interval) is 'Hits of the visitors of conversions that may be touches: in the programme, before the conversion, clicks and entered codes not older than reach, impressions and visits within the window of the policy in force. At most touches_max of each sort, visitor and conversion, people apart from others, the newest.';
grant execute on function clickledger.touch_hits(bigint[], integer, interval),
  clickledger.touch_search(bigint[], bigint[], uuid[], timestamptz[], timestamptz[], timestamptz[], timestamptz[], integer) to cl_attrib;

create or replace function clickledger.conversion_touches(ids bigint[], touches_max integer) returns table (
    conversion_id bigint, kind text, id uuid, at_us bigint, program_id bigint, partner_id bigint, link_id bigint,
    promo_code_id bigint, class clickledger.hit_class, is_active boolean, is_of_order boolean, window_us bigint,
    terms_id bigint, commission_kind text, rate_ppm bigint, fixed_minor bigint, hold_us bigint, is_bound boolean)
  language plpgsql stable rows 2000 set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  reach interval;
  first_ts timestamptz;
  last_ts timestamptz;
  first_click timestamptz;
  last_click timestamptz;
begin
  -- Touches outside their window are told up to 30 days behind the longest there is.
  select greatest(max(t.window_days) * interval '24 hours', interval '30 days') + interval '30 days' into reach from clickledger.terms t;
  select greatest(max(greatest(p.click_window_hours, p.promo_window_hours)) * interval '1 hour' + interval '30 days', reach) into reach
    from clickledger.attribution_policy p;
  select min(c.occurred_at) - reach, max(c.occurred_at), min(clickledger.click_ts(c.click_id)), max(clickledger.click_ts(c.click_id))
    into first_ts, last_ts, first_click, last_click
    from clickledger.conversion c where c.id = any (ids);
  -- One plan a session, because planning looks at every partition of four tables; those of other days are left out by the variables.
  return query
  with conversions as (
    select c.*, a.binding, a.bind_days, coalesce(a.terms_bound, 'touch') = 'order' as is_by_order
    from unnest(ids) as wanted (id) join clickledger.conversion c on c.id = wanted.id
    left join lateral clickledger.policy_at(c.program_id, c.occurred_at) a on true),
  direct as (
    select c.id as conversion_id, 'click' as kind, t.click_id as id, t.ts, t.program_id, t.partner_id, t.link_id,
      t.promo_code_id, t.class, true as is_active, false as is_of_order, false as is_bound
    from conversions c
    join clickledger.click t on t.click_id = c.click_id and t.ts = clickledger.click_ts(c.click_id)
      and t.ts between first_click and last_click
    where c.click_id is not null
    union
    select h.conversion_id, h.kind, h.id, h.ts, h.program_id, h.partner_id, h.link_id, h.promo_code_id, h.class, true, false, false
    from clickledger.touch_hits(ids, touches_max, reach) h
    union
    select c.id, 'promo', named.id, c.occurred_at, o.program_id, o.partner_id, null, o.id, 'human',
      o.active_at @> c.occurred_at and p.active_at @> c.occurred_at, true, false
    from conversions c
    join clickledger.promo_code o on upper(o.code) = upper(c.promo)
    join clickledger.partner p on p.id = o.partner_id
    cross join lateral (
      select r.id from clickledger.conversion_report r
      where r.conversion_id = c.id and r.promo = c.promo and r.verdict in ('applied', 'program_mismatch')
      order by coalesce(r.event_time, r.ts), r.id limit 1) named
    union
    select c.id, b.touch_kind, b.touch_id, b.touch_ts, b.program_id, b.partner_id, b.link_id, b.promo_code_id, 'human',
      p.active_at @> c.occurred_at, false, true
    from conversions c
    join clickledger.conversion_key k on k.conversion_id = c.id and k.kind = 'customer'
    join clickledger.customer_binding b on b.customer = k.value
    join clickledger.conversion f on f.id = b.conversion_id
    join clickledger.partner p on p.id = b.partner_id
    where c.binding = 'first_partner' and (f.occurred_at, f.kind, f.order_id) < (c.occurred_at, c.kind, c.order_id)
      and (c.bind_days is null or f.occurred_at >= c.occurred_at - c.bind_days * interval '24 hours')),
  -- A duplicate earns nothing, but the click that it repeats is a touch of the order that names it.
  touches as (
    select * from direct
    union
    select d.conversion_id, 'click', t.click_id, t.ts, t.program_id, t.partner_id, t.link_id, t.promo_code_id, t.class, true, false, false
    from (select d.conversion_id, clickledger.click_original(d.id) as id from direct d join conversions c on c.id = d.conversion_id
      where d.kind = 'click' and d.class = 'duplicate' and d.id = c.click_id offset 0) d
    join clickledger.click t on t.click_id = d.id and t.ts = clickledger.click_ts(d.id) and t.ts >= first_ts and t.ts < last_ts)
  select t.conversion_id, t.kind, t.id, clickledger.time_us(t.ts), coalesce(t.program_id, 0), coalesce(t.partner_id, 0),
    t.link_id, t.promo_code_id, t.class, t.is_active, t.is_of_order, coalesce(m.window_days, 30) * 86400000000::bigint,
    (paid.terms).id, (paid.terms).commission_kind, coalesce((paid.terms).rate_ppm, 0)::bigint, coalesce((paid.terms).fixed_minor, 0),
    coalesce((paid.terms).hold_days, 0) * 86400000000::bigint, t.is_bound
  from touches t
  join conversions c on c.id = t.conversion_id
  left join lateral clickledger.terms_at(t.program_id, t.partner_id, t.ts) m on t.partner_id is not null
  left join lateral (select x from clickledger.terms_at(t.program_id, t.partner_id, c.occurred_at) x where c.is_by_order) o (terms)
    on t.partner_id is not null
  cross join lateral (select case when c.is_by_order then o.terms else m end as terms) paid
  order by t.conversion_id, t.ts desc, t.kind, t.id;
end $$;
