-- Unique visitors of a partner in a programme as sketches of their own, beside those of his links: for a month by day 720 are united,
-- however many links there are. And days of a zone are found by their midnights, computed once, where each row asked the zone.

-- --- Sketches of all of a partner ---------------------------------------------------------------------------------------

comment on column clickledger.unique_hourly.link_id is 'Link; 0: a promo code''s own, or all of the programme; -1: all of the partner in the programme.';

-- Bits are put together in two steps, because to add one to a whole sketch is to copy all of it.
create or replace function clickledger.unique_found(from_at timestamptz, to_at timestamptz)
  returns table (hour timestamptz, program_id bigint, partner_id bigint, link_id bigint, sketch bit)
  language plpgsql stable set search_path = clickledger, pg_temp set jit = off set work_mem = '64MB' as $$
begin
  return query execute $query$
    with places as (
      select date_bin('1 hour', c.ts, timestamptz '2000-01-01 00:00+00') as hour, c.program_id, c.partner_id, coalesce(c.link_id, 0) as link_id,
        sketch_place(c.hash) as place
      from (
        select c.ts, c.program_id, c.partner_id, c.link_id,
          coalesce(visitor_hash(c.visitor_id, c.address_hash, c.user_agent), uuid_hash_extended(c.click_id, 0)) as hash
        from click c
        where c.ts >= $1 and c.ts <= $2 and c.click_id >= $3 and c.click_id < $4
          and c.class in ('human', 'duplicate') and c.partner_id > 0 offset 0) c),
    levels as (
      select p.hour, p.program_id, p.partner_id, p.link_id, p.place / 1024 as level,
        bit_or(set_bit(repeat('0', 1024)::bit(1024), p.place % 1024, 1)) as bits
      from places p group by 1, 2, 3, 4, 5),
    of_link as materialized (
      select l.hour, l.program_id, l.partner_id, l.link_id, bit_or(l.bits::bit(20480) >> 1024 * l.level) as sketch
      from levels l group by 1, 2, 3, 4),
    of_partner as materialized (
      select l.hour, l.program_id, l.partner_id, -1::bigint, bit_or(l.sketch) as sketch from of_link l group by 1, 2, 3)
    select * from of_link
    union all
    select * from of_partner
    union all
    select p.hour, p.program_id, 0, 0, bit_or(p.sketch) from of_partner p group by 1, 2
  $query$ using from_at, to_at, click_id_at(from_at), click_id_at(to_at + interval '1 ms');
end $$;
comment on function clickledger.unique_found(timestamptz, timestamptz) is 'Sketches of the clicks of people on partners'' links and codes, duplicates too, from from_at to to_at, by link, for all of each partner in the programme (link -1) and for the whole programme (partner and link 0). Whom neither cookie nor address hash tells apart counts once a click.';

create or replace function clickledger.click_settle_found(of_epoch bigint, ids bigint[], clicks uuid[], by_visitor uuid[], by_address uuid[],
    unknown bigint[], peopleless bigint[], hours bigint[], programs bigint[], partners bigint[], links bigint[], sketch_hex text[],
    out dues bigint, out marked bigint, out sketches bigint, out epoch bigint)
  language plpgsql security definer set search_path = clickledger, pg_temp set work_mem = '64MB' as $$
declare
  latest timestamptz;
  span record;
begin
  dues := -1; marked := 0; sketches := 0; epoch := of_epoch;
  if not pg_try_advisory_xact_lock(25454, 0) then
    return;
  end if;
  -- A statement of its own: the lock's has looked at the rows before it had the lock.
  if not exists (select from click_settled s where s.epoch = of_epoch) then
    return;
  end if;
  marked := spans_settle(array(select tstzrange(d.from_ts, d.to_ts, '[]') from click_due d where d.id = any (unknown)));
  for span in select d.from_ts, d.to_ts from click_due d where d.id = any (peopleless) loop
    sketches := sketches + unique_add(span.from_ts, span.to_ts);
  end loop;
  if cardinality(clicks) > 0 then
    marked := marked + (select became_duplicate + became_human from duplicate_write(clicks, by_visitor, by_address));
  end if;
  with told as materialized (
    select to_timestamp(s.hour / 1000) as hour, s.program, s.partner, s.link, ('x' || s.hex)::bit(20480) as sketch
    from unnest(hours, programs, partners, links, sketch_hex) as s (hour, program, partner, link, hex)),
  added as (
    insert into unique_hourly as u (hour, program_id, partner_id, link_id, sketch)
    select * from told
    union all
    select t.hour, t.program, t.partner, -1, bit_or(t.sketch) from told t where t.partner > 0 group by 1, 2, 3
    on conflict (partner_id, hour, program_id, link_id) do update set sketch = u.sketch | excluded.sketch
    where (u.sketch | excluded.sketch) <> u.sketch
    returning 1)
  select sketches + count(*) into sketches from added;
  with taken as (delete from click_due d where d.id = any (ids) returning d.to_ts)
  select count(*), max(to_ts) into dues, latest from taken;
  if dues <> cardinality(ids) then
    raise exception 'click_settle_found: % of % spans are there', dues, cardinality(ids) using errcode = '40001';
  end if;
  epoch := settled_note(latest);
end $$;

comment on function clickledger.click_settle_found(bigint, bigint[], uuid[], uuid[], uuid[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], text[]) is 'Ends the spans ids of click_due as of an epoch: writes what was found in memory (suspects as of duplicate_write; sketches as hexadecimal digits by hour (unix ms), programme, partner and link, those of partners (link -1) are made of them), reads the rows of the spans unknown for duplicates and of peopleless for unique visitors. dues: how many spans, -1: another session is at it, or the epoch is over, and nothing was done; marked and sketches as of click_settle; the new epoch. 40001: a span was gone.';

-- Of what there is. Whoever settles waits meanwhile, or would add to the links alone; loads do not. The epoch is over for him who has
-- begun to wait in the old function.
do $$
begin
  perform pg_advisory_xact_lock(25454, 0);
  update clickledger.click_settled set epoch = epoch + 1;
  set local enable_hashagg = off; -- in the order of the key, however many there are
  insert into clickledger.unique_hourly (hour, program_id, partner_id, link_id, sketch)
  select u.hour, u.program_id, u.partner_id, -1, bit_or(u.sketch) from clickledger.unique_hourly u where u.partner_id > 0
  group by u.partner_id, u.hour, u.program_id;
end $$;

-- --- Statistics ---------------------------------------------------------------------------------------------------------

-- Small functions that each answer asks: in plpgsql, so that they are planned once a session, also where who asks them is planned anew
-- each time; or such that they become part of a plan.

create function clickledger.stats_midnights(from_at timestamptz, to_at timestamptz, zone text) returns timestamptz[]
  language plpgsql stable set search_path = clickledger, pg_temp set plan_cache_mode = auto as $$
begin
  return array(select day at time zone zone
    from generate_series((from_at at time zone zone)::date::timestamp, (to_at at time zone zone)::date, interval '1 day') as day);
end $$;
comment on function clickledger.stats_midnights(timestamptz, timestamptz, text) is 'When the days of the zone begin, from that of from_at to that of to_at: width_bucket() of a time is the number of its day among them. Where midnight comes twice, the second one, as in zone_day.';

create function clickledger.program_currencies() returns table (program_id bigint, currency text)
  language plpgsql stable rows 100 set search_path = clickledger, pg_temp set plan_cache_mode = auto as $$
begin
  return query select g.id, g.currency from program g;
end $$;
comment on function clickledger.program_currencies() is 'The currency of each programme that the asker may see.';

create or replace function clickledger.stats_edges(from_at timestamptz, to_at timestamptz, zone text, by_link boolean) returns timestamptz[]
  language plpgsql stable set search_path = clickledger, pg_temp set plan_cache_mode = auto as $$
begin
  return array(select distinct date_bin('1 hour', edge, '2000-01-01Z')
    from unnest(array[from_at, to_at] || case when not by_link then stats_midnights(from_at, to_at, zone) end) as edge
    where edge <> date_bin('1 hour', edge, '2000-01-01Z'));
end $$;

create or replace function clickledger.uniques_known(hours timestamptz[]) returns boolean
  language plpgsql stable set search_path = clickledger, pg_temp set plan_cache_mode = auto as $$
begin
  return not exists (select from unnest(hours) as h (hour), privacy_policy k
    where (h.hour at time zone 'UTC')::date <= (now() at time zone 'UTC')::date - k.detail_days);
end $$;

create or replace function clickledger.group_members(p jsonb) returns bigint[]
  language plpgsql stable set search_path = clickledger, pg_temp set plan_cache_mode = auto as $$
begin
  return case when p->>'partner_group' is not null then array(
    select g.partner_id from partner_group g
    where g.program_id = (p->>'program_id')::bigint and g.name = p->>'partner_group' and g.active_at @> now()) end;
end $$;

create or replace function clickledger.stats_json(name text, key json, currency text, sums clickledger.stats_sums) returns json
  language sql stable parallel safe
  return json_build_object(name, key, 'currency', currency,
    'clicks', sums.clicks, 'clicks_not_counted', sums.clicks_not_counted, 'uniques', sums.uniques, 'conversions', trim_scale(sums.conversions),
    'conversions_declined', trim_scale(sums.conversions_declined), 'conversions_refunded', trim_scale(sums.conversions_refunded),
    'cr_ppm', case when sums.clicks > 0 then trunc(sums.conversions * 1000000 / sums.clicks)::bigint end,
    'epc_minor', case when sums.clicks > 0 then round(sums.commission_minor::numeric / sums.clicks, 4)::text end,
    'aov_minor', case when sums.conversions > 0 then round(sums.revenue_minor::numeric / sums.conversions, 4)::text end,
    'revenue_minor', sums.revenue_minor, 'commission_minor', sums.commission_minor);

create or replace function clickledger.stats_hours(from_at timestamptz, to_at timestamptz, zone text, by_what text, p jsonb)
  returns table (key text, currency text, clicks bigint, clicks_not_counted bigint, conversions numeric,
                 conversions_declined numeric, conversions_refunded numeric, revenue_minor bigint, commission_minor bigint)
  language plpgsql stable set search_path = clickledger, pg_temp set plan_cache_mode = force_custom_plan set enable_sort = off as $$
#variable_conflict use_column
declare
  by_day constant boolean := by_what = 'day';
  by_link constant boolean := by_what = 'link';
  by_class constant boolean := by_what = 'class';
  by_partner constant boolean := by_what = 'partner';
  edges constant timestamptz[] := stats_edges(from_at, to_at, zone, not by_day);
  midnights constant timestamptz[] := stats_midnights(from_at, to_at, zone);
  day_before constant date := (midnights[1] at time zone zone)::date - 1;
  wanted_program constant bigint := p->>'program_id';
  -- The asker, too, though row security names it: a plan knows this number and not that of a policy.
  wanted_partner constant bigint := coalesce((p->>'partner_id')::bigint, api_partner());
  wanted_link constant bigint := p->>'link_id';
  wanted_group constant bigint[] := group_members(p);
begin
  return query
  with counted as (
    select case when by_day then width_bucket(h.hour, midnights) when by_link then h.link_id when by_partner then h.partner_id end as number,
      case when by_class then h.class end as class,
      h.program_id, null::text as currency,
      sum(h.clicks) filter (where h.class = 'human') as clicks, sum(h.clicks) filter (where h.class <> 'human') as clicks_not_counted,
      0::numeric as conversions_ppm, 0::numeric as declined_ppm, 0::numeric as refunded_ppm, 0::numeric as revenue, 0::numeric as commission
    from click_hourly h
    where h.hour >= from_at and h.hour < to_at and h.hour <> all (edges) and (wanted_partner is null or h.partner_id = wanted_partner)
      and (wanted_program is null or h.program_id = wanted_program) and (wanted_link is null or h.link_id = wanted_link)
      and (wanted_group is null or h.partner_id = any (wanted_group))
    group by 1, 2, 3
    union all
    select case when by_day then width_bucket(h.hour, midnights) when by_link then h.link_id when by_partner then h.partner_id end,
      null::hit_class, h.program_id, h.currency, 0, 0,
      sum(h.conversions_ppm) filter (where h.status in ('pending', 'approved')), sum(h.conversions_ppm) filter (where h.status = 'declined'),
      sum(h.conversions_ppm) filter (where h.status = 'refunded'), sum(h.revenue_minor) filter (where h.status in ('pending', 'approved')),
      sum(h.commission_minor) filter (where h.status in ('pending', 'approved'))
    from conversion_hourly h
    where h.hour >= from_at and h.hour < to_at and h.hour <> all (edges) and (wanted_partner is null or h.partner_id = wanted_partner)
      and (wanted_program is null or h.program_id = wanted_program) and (wanted_link is null or h.link_id = wanted_link)
      and (wanted_group is null or h.partner_id = any (wanted_group))
    group by 1, 2, 3, 4
    union all
    select case when by_day then width_bucket(c.at, midnights) when by_link then c.link_id when by_partner then c.partner_id end,
      case when by_class then c.class end, c.program_id, null, (c.class = 'human')::integer, (c.class <> 'human')::integer, 0, 0, 0, 0, 0
    from stats_clicks(from_at, to_at, edges) c
    where (wanted_partner is null or c.partner_id = wanted_partner) and (wanted_program is null or c.program_id = wanted_program)
      and (wanted_link is null or c.link_id = wanted_link) and (wanted_group is null or c.partner_id = any (wanted_group))
    union all
    select case when by_day then width_bucket(c.at, midnights) when by_link then c.link_id when by_partner then c.partner_id end,
      null::hit_class, c.program_id, c.currency, 0, 0,
      c.conversions_ppm * (c.status in ('pending', 'approved'))::integer, c.conversions_ppm * (c.status = 'declined')::integer,
      c.conversions_ppm * (c.status = 'refunded')::integer, c.revenue_minor * (c.status in ('pending', 'approved'))::integer,
      c.commission_minor * (c.status in ('pending', 'approved'))::integer
    from stats_conversions(from_at, to_at, edges) c
    where (wanted_partner is null or c.partner_id = wanted_partner) and (wanted_program is null or c.program_id = wanted_program)
      and (wanted_link is null or c.link_id = wanted_link) and (wanted_group is null or c.partner_id = any (wanted_group)))
  select case when by_day then (day_before + c.number::integer)::text when by_class then c.class::text else c.number::text end,
    coalesce(c.currency, g.currency),
    coalesce(sum(c.clicks), 0)::bigint, coalesce(sum(c.clicks_not_counted), 0)::bigint, trim_scale(coalesce(sum(c.conversions_ppm), 0) / 1000000),
    trim_scale(coalesce(sum(c.declined_ppm), 0) / 1000000), trim_scale(coalesce(sum(c.refunded_ppm), 0) / 1000000),
    coalesce(sum(c.revenue), 0)::bigint, coalesce(sum(c.commission), 0)::bigint
  from counted c left join program_currencies() g on g.program_id = c.program_id
  group by 1, 2;
end $$;

create or replace function clickledger.stats_uniques(from_at timestamptz, to_at timestamptz, zone text, by_link boolean, p jsonb)
  returns table (key text, currency text, uniques bigint)
  language plpgsql stable set search_path = clickledger, pg_temp set jit = off set plan_cache_mode = force_custom_plan set enable_sort = off as $$
declare
  edges constant timestamptz[] := stats_edges(from_at, to_at, zone, by_link);
  midnights constant timestamptz[] := stats_midnights(from_at, to_at, zone);
  day_before constant date := (midnights[1] at time zone zone)::date - 1;
  -- Named, because the policies leave open who asks, and nothing is found by what is left open.
  wanted constant bigint := coalesce(api_partner(), (p->>'partner_id')::bigint);
  wanted_program constant bigint := p->>'program_id';
  wanted_link constant bigint := p->>'link_id';
  wanted_group constant bigint[] := group_members(p);
  -- All of a programme has sketches of its own, and all of a partner.
  whole constant boolean := not by_link and coalesce(wanted, wanted_link) is null and wanted_group is null;
  first_link constant bigint := case when whole or by_link or wanted_link is not null then 0 else -1 end;
  last_link constant bigint := case when by_link or wanted_link is not null then 9223372036854775807 else first_link end;
begin
  return query
    with kept as (
      select u.hour as at, u.program_id, u.link_id, u.sketch from unique_hourly u
      where u.hour >= from_at and u.hour < to_at and u.hour <> all (edges)
        and (wanted is null or u.partner_id = wanted) and (u.partner_id = 0) = whole and u.link_id between first_link and last_link
        and (wanted_program is null or u.program_id = wanted_program) and (wanted_link is null or u.link_id = wanted_link)
        and (wanted_group is null or u.partner_id = any (wanted_group))
      union all
      select s.at, s.program_id, s.link_id, s.sketch from stats_people(from_at, to_at, zone, edges) s
      where (wanted is null or s.partner_id = wanted) and (s.partner_id = 0) = whole and s.link_id between first_link and last_link
        and (wanted_program is null or s.program_id = wanted_program) and (wanted_link is null or s.link_id = wanted_link)
        and (wanted_group is null or s.partner_id = any (wanted_group))),
    parts as materialized (
      select case when by_link then k.link_id else width_bucket(k.at, midnights) end as part, k.program_id, bit_or(k.sketch) as sketch
      from kept k group by 1, 2)
    select case when by_link then w.part::text else (day_before + w.part::integer)::text end, g.currency, sketch_count(bit_or(w.sketch))
    from parts w join program_currencies() g on g.program_id = w.program_id group by grouping sets ((w.part, g.currency), (g.currency));
end $$;

comment on function clickledger.stats_uniques(timestamptz, timestamptz, text, boolean, jsonb) is 'Unique visitors for GET /v1/stats by day of the zone or by link, and by currency; key null: of all together. Of hours that a bound or a midnight divides, the clicks are looked at: who calls asks uniques_known about them first.';

drop function clickledger.stats_part(timestamptz, timestamptz, text, text, jsonb);
create function clickledger.stats_period(from_at timestamptz, to_at timestamptz, zone text, by_what text, p jsonb, out data json, out totals json)
  language plpgsql stable set search_path = clickledger, pg_temp set plan_cache_mode = force_generic_plan as $$
declare
  groups_max constant integer := 5000;
  column_name constant text := stats_column(by_what);
  key_name constant text := case when by_what in ('link', 'promo_code') then by_what || '_id' else by_what end;
  -- Sketches of visitors are kept by hour and link.
  has_people constant boolean := by_what in ('day', 'link') and uniques_known(stats_edges(from_at, to_at, zone, by_what = 'link'));
  rows_found bigint;
begin
  with people as materialized (
    select u.* from stats_uniques(from_at, to_at, zone, by_what = 'link', p) u where has_people),
  found as (
    select * from stats_hours(from_at, to_at, zone, by_what, p) where column_name is null
    union all
    select * from stats_facts(from_at, to_at, column_name, p) where column_name is not null),
  listed as (
    select f.key, f.currency, (f.clicks, f.clicks_not_counted, f.conversions, f.conversions_declined, f.conversions_refunded, f.revenue_minor,
      f.commission_minor, case when has_people then coalesce(u.uniques, 0) end)::stats_sums as sums
    from found f left join people u on u.key = f.key and u.currency = f.currency),
  summed as (
    select l.currency, (sum((l.sums).clicks), sum((l.sums).clicks_not_counted), sum((l.sums).conversions), sum((l.sums).conversions_declined),
      sum((l.sums).conversions_refunded), sum((l.sums).revenue_minor), sum((l.sums).commission_minor),
      case when has_people then coalesce((select u.uniques from people u where u.key is null and u.currency = l.currency), 0) end)::stats_sums as sums
    from listed l group by l.currency)
  select (select count(*) from listed),
    (select coalesce(json_agg(
        stats_json(key_name, case by_what when 'link' then to_json(nullif(l.key, '0')::bigint) when 'promo_code' then to_json(l.key::bigint)
          else to_json(l.key) end, l.currency, l.sums)
        order by case by_what when 'day' then l.key when 'link' then lpad(l.key, 20, '0') end, (l.sums).clicks desc, (l.sums).conversions desc,
          l.key, l.currency), '[]'::json) from listed l),
    (select coalesce(json_agg(stats_json('group', to_json('all'::text), s.currency, s.sums) order by s.currency), '[]'::json) from summed s)
  into rows_found, data, totals;
  if rows_found > groups_max then
    perform api_fail(422, 'range', format('by %s these are %s rows, and at most %s are answered: narrow from and to, or ask for one programme or link', by_what, rows_found, groups_max));
  end if;
end $$;
comment on function clickledger.stats_period(timestamptz, timestamptz, text, text, jsonb) is 'What GET /v1/stats says about one period: rows by day in their order, by link in that of their numbers, by anything else with the most clicks first; and their sums. CL422 range: more than 5000 rows, or what stats_facts refuses.';

create or replace function clickledger.api_stats(p jsonb) returns json
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  zone text := api_zone(coalesce(p->>'tz', 'UTC'));
  by_what text := coalesce(p->>'group_by', 'day');
  today date := (now() at time zone zone)::date;
  to_at timestamptz := api_moment(coalesce(p->>'to', today::text), zone, true);
  from_at timestamptz := api_moment(coalesce(p->>'from', ((to_at - interval '1 ms') at time zone zone)::date - 29 || ''), zone, false);
  told record;
  before_at timestamptz;
  previous json;
begin
  if from_at >= to_at or to_at - from_at > interval '400 days' then
    perform api_fail(422, 'range', 'to must be behind from, and at most 400 days behind it');
  end if;
  perform api_valid(p->>'partner_group' is null or (p->>'program_id' is not null and api_partner() is null), 'partner_group',
    'a group is of a programme: name its program_id, too; only the team may ask for one');
  select * into told from stats_period(from_at, to_at, zone, by_what, p);
  if p->>'compare' = 'previous' then
    before_at := stats_before(from_at, to_at, zone);
    select json_build_object('from', api_time(before_at), 'to', api_time(from_at), 'data', b.data, 'totals', b.totals) into previous
      from stats_period(before_at, from_at, zone, by_what, p) b;
  end if;
  return json_build_object(
    'from', api_time(from_at), 'to', api_time(to_at), 'tz', zone, 'group_by', by_what,
    'formulas', json_build_object(
      'clicks', 'clicks of people; clicks_not_counted: of bots, previews, prefetches, repeated ones and the like',
      'uniques', 'different visitors (by cookie, else by address and user agent) of these clicks and of repeated ones, estimated with a standard error of 2.2 %, less below 1000; those of all days or links together are no sum; null by anything else than day and link, and where days that do not begin on full hours of UTC are older than what is kept of visitors',
      'conversions', 'by the time of the order; pending and approved; declined and completely refunded ones are counted apart; where several touches share one, each counts its share; by what a click says, as the credited click said it; they have no class',
      'revenue_minor', 'amounts of pending and approved conversions without what was refunded, by the same shares',
      'commission_minor', 'commissions for pending and approved conversions',
      'cr_ppm', 'conversions * 1000000 / clicks, rounded down',
      'epc_minor', 'commission_minor / clicks, 4 decimals',
      'aov_minor', 'revenue_minor / conversions, 4 decimals'),
    'data', told.data, 'totals', told.totals, 'previous', previous);
end $$;

-- --- Visitors -----------------------------------------------------------------------------------------------------------

-- The most likely number of visitors: the root of the likelihood's slope, which falls from infinity at 0, by Newton's method, whose
-- steps square what is missing, from what the number of all bits says by itself: 1024 c bits are expected of
-- 1024 (c + c^2 / 6 + 2 c^3 / 63 + ...) visitors, from c = 2 on of nearly 1024 * 0.794 * 2^c.
create or replace function clickledger.sketch_count(sketch bit) returns bigint
  language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
declare
  bits constant integer := bit_count(sketch);
  c constant double precision := bits / 1024.0;
  n double precision := 1024 * case when c < 2 then c + c * c / 6 + c * c * c * 2 / 63 else 0.794 * 2 ^ c end;
  step double precision := n;
  level integer;
  unread integer;
  filled integer;
  rate double precision;
  weight double precision;
  f double precision;
  slope double precision;
begin
  while step > 0.03 * n loop
    level := 0;
    unread := bits;
    rate := 1 / 1024.0;
    f := -1;
    slope := 0;
    -- Of n visitors, n * rate are expected at one bit of a level; the last two levels share what is left, so that all bits sum up to 1.
    while unread > 0 loop
      filled := bit_count(substring(sketch from 1 + 1024 * level for 1024));
      unread := unread - filled;
      level := level + 1;
      rate := case when level < 20 then rate / 2 else rate end;
      weight := rate / (exp(least(n * rate, 300)) - 1);
      f := f + filled * (weight + rate);
      slope := slope - filled * weight * (weight + rate);
    end loop;
    step := greatest(-f / slope, -n / 2);
    n := n + step;
    step := abs(step);
  end loop;
  return round(n);
end $$;

grant execute on function clickledger.stats_midnights(timestamptz, timestamptz, text), clickledger.program_currencies(),
  clickledger.stats_period(timestamptz, timestamptz, text, text, jsonb) to cl_api;
