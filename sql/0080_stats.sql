-- Statistics by what the rollups hold (day, link, class) and by what only rows hold (promo code, sub ids, UTM, country, device), alone
-- or with the period before beside them. Each figure has one definition, whatever it is grouped by: stats_json.
--
-- What comes from rows is bounded, and says what to narrow: STATS_ROW_DAYS_MAX 93 days, STATS_CLICKS_MAX 1000000 clicks,
-- STATS_ORDERS_MAX 20000 orders, STATS_GROUPS_MAX 5000 rows of the answer. Nothing is cut.

-- --- From the rollups ---------------------------------------------------------------------------------------------------

drop function clickledger.stats_rows(timestamptz, timestamptz, text, boolean, jsonb);
drop function clickledger.stats_on_hours(timestamptz, timestamptz, text);
create function clickledger.stats_hours(from_at timestamptz, to_at timestamptz, zone text, by_what text, p jsonb)
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
  wanted_program constant bigint := p->>'program_id';
  -- The asker, too, though row security names it: a plan knows this number and not that of a policy.
  wanted_partner constant bigint := coalesce((p->>'partner_id')::bigint, api_partner());
  wanted_link constant bigint := p->>'link_id';
  wanted_group constant bigint[] := group_members(p);
begin
  return query
  -- Hours are summed before they become days: a zone is asked once an hour and not once a row.
  with counted as (
    select case when by_day then h.hour end as at, case when by_link then h.link_id when by_partner then h.partner_id end as number,
      case when by_class then h.class end as class,
      h.program_id, null::text as currency,
      sum(h.clicks) filter (where h.class = 'human') as clicks, sum(h.clicks) filter (where h.class <> 'human') as clicks_not_counted,
      0::numeric as conversions_ppm, 0::numeric as declined_ppm, 0::numeric as refunded_ppm, 0::numeric as revenue, 0::numeric as commission
    from click_hourly h
    where h.hour >= from_at and h.hour < to_at and h.hour <> all (edges) and (wanted_partner is null or h.partner_id = wanted_partner)
      and (wanted_program is null or h.program_id = wanted_program) and (wanted_link is null or h.link_id = wanted_link)
      and (wanted_group is null or h.partner_id = any (wanted_group))
    group by 1, 2, 3, 4
    union all
    select case when by_day then h.hour end, case when by_link then h.link_id when by_partner then h.partner_id end, null::hit_class, h.program_id, h.currency, 0, 0,
      sum(h.conversions_ppm) filter (where h.status in ('pending', 'approved')), sum(h.conversions_ppm) filter (where h.status = 'declined'),
      sum(h.conversions_ppm) filter (where h.status = 'refunded'), sum(h.revenue_minor) filter (where h.status in ('pending', 'approved')),
      sum(h.commission_minor) filter (where h.status in ('pending', 'approved'))
    from conversion_hourly h
    where h.hour >= from_at and h.hour < to_at and h.hour <> all (edges) and (wanted_partner is null or h.partner_id = wanted_partner)
      and (wanted_program is null or h.program_id = wanted_program) and (wanted_link is null or h.link_id = wanted_link)
      and (wanted_group is null or h.partner_id = any (wanted_group))
    group by 1, 2, 3, 4, 5
    union all
    select c.at, case when by_link then c.link_id when by_partner then c.partner_id end, case when by_class then c.class end, c.program_id, null,
      (c.class = 'human')::integer, (c.class <> 'human')::integer, 0, 0, 0, 0, 0
    from stats_clicks(from_at, to_at, edges) c
    where (wanted_partner is null or c.partner_id = wanted_partner) and (wanted_program is null or c.program_id = wanted_program)
      and (wanted_link is null or c.link_id = wanted_link) and (wanted_group is null or c.partner_id = any (wanted_group))
    union all
    select c.at, case when by_link then c.link_id when by_partner then c.partner_id end, null::hit_class, c.program_id, c.currency, 0, 0,
      c.conversions_ppm * (c.status in ('pending', 'approved'))::integer, c.conversions_ppm * (c.status = 'declined')::integer,
      c.conversions_ppm * (c.status = 'refunded')::integer, c.revenue_minor * (c.status in ('pending', 'approved'))::integer,
      c.commission_minor * (c.status in ('pending', 'approved'))::integer
    from stats_conversions(from_at, to_at, edges) c
    where (wanted_partner is null or c.partner_id = wanted_partner) and (wanted_program is null or c.program_id = wanted_program)
      and (wanted_link is null or c.link_id = wanted_link) and (wanted_group is null or c.partner_id = any (wanted_group)))
  select case when by_day then ((c.at at time zone zone)::date)::text when by_class then c.class::text else c.number::text end, coalesce(c.currency, g.currency),
    coalesce(sum(c.clicks), 0)::bigint, coalesce(sum(c.clicks_not_counted), 0)::bigint, trim_scale(coalesce(sum(c.conversions_ppm), 0) / 1000000),
    trim_scale(coalesce(sum(c.declined_ppm), 0) / 1000000), trim_scale(coalesce(sum(c.refunded_ppm), 0) / 1000000),
    coalesce(sum(c.revenue), 0)::bigint, coalesce(sum(c.commission), 0)::bigint
  from counted c left join program g on g.id = c.program_id
  group by 1, 2;
end $$;
comment on function clickledger.stats_hours(timestamptz, timestamptz, text, text, jsonb) is 'The sums of GET /v1/stats by day of the zone, link, partner or class of click, and by currency, from the rollups and, where a bound or a midnight divides an hour of theirs, from the rows. Conversions have no class: they stand under null. partner_group: only partners that are now in this group of the programme.';

-- --- From the rows ------------------------------------------------------------------------------------------------------

create or replace view clickledger.conversion_part with (security_invoker = true) as
  select c.id as conversion_id, c.occurred_at, c.program_id, r.partner_id, r.link_id, c.kind, c.status, c.currency,
    coalesce(r.weight_ppm, 1000000) as weight_ppm, coalesce(r.amount_minor, c.amount_minor - c.refunded_minor) as revenue_minor,
    case when r.weight_ppm = 1000000 then m.amount_minor
      else div(m.amount_minor::numeric * r.upto, r.whole) - div(m.amount_minor::numeric * (r.upto - r.weight_ppm), r.whole)
    end::bigint as commission_minor,
    r.promo_code_id, case when r.touch_kind = 'click' then r.touch_id end as click_id
  from clickledger.conversion c
  left join lateral (
    select r.*, sum(r.weight_ppm) over (partition by r.partner_id order by r.touch_ts, r.touch_id, r.touch_kind) as upto,
      sum(r.weight_ppm) over (partition by r.partner_id) as whole
    from clickledger.credit r where r.conversion_id = c.id) r on true
  left join clickledger.commission m on m.conversion_id = c.id and m.partner_id = r.partner_id;
comment on column clickledger.conversion_part.promo_code_id is 'Credited promo code; null: none.';
comment on column clickledger.conversion_part.click_id is 'Credited click; null: the touch was none, or nobody is credited.';

create function clickledger.stats_column(by_what text) returns text
  language sql immutable parallel safe
  return case when by_what in ('utm_source', 'utm_medium', 'utm_campaign', 'country', 'device') or by_what ~ '^sub([1-9]|10)$' then by_what
    when by_what = 'promo_code' then 'promo_code_id' end;
comment on function clickledger.stats_column(text) is 'The column of click that GET /v1/stats groups by; null: the rollups answer. Only names of this list ever become part of a statement.';

-- Day by day: each is planned for its one partition, and read from the first to the last hour that has such clicks.
create function clickledger.stats_click_facts(from_at timestamptz, to_at timestamptz, column_name text, wanted_partner bigint, wanted_program bigint,
    wanted_link bigint, wanted_group bigint[])
  returns table (key text, program_id bigint, clicks bigint, clicks_not_counted bigint)
  language plpgsql stable rows 1000 set search_path = clickledger, pg_temp as $$
#variable_conflict use_column
declare
  clicks_max constant bigint := 1000000;
  days timestamptz[];
  ends timestamptz[];
  found_clicks bigint;
begin
  select array_agg(d.first_at), array_agg(d.end_at), sum(d.clicks) into days, ends, found_clicks
  from (select greatest(min(h.hour), from_at) as first_at, least(max(h.hour) + interval '1 hour', to_at) as end_at, sum(h.clicks) as clicks
        from click_hourly h
        where h.hour >= date_trunc('hour', from_at, 'UTC') and h.hour < to_at and (wanted_partner is null or h.partner_id = wanted_partner)
          and (wanted_program is null or h.program_id = wanted_program) and (wanted_link is null or h.link_id = wanted_link)
          and (wanted_group is null or h.partner_id = any (wanted_group))
        group by date_trunc('day', h.hour, 'UTC')) d;
  if found_clicks > clicks_max then
    perform api_fail(422, 'range', format('these are %s clicks, and at most %s are read one by one: narrow from and to, or ask for one programme or link', found_clicks, clicks_max));
  end if;
  for n in 1..coalesce(cardinality(days), 0) loop
    return query execute format($query$
      select k.%I::text, coalesce(k.program_id, 0), count(*) filter (where k.class = 'human'), count(*) filter (where k.class <> 'human')
      from click k
      where k.click_id >= click_id_at($1) and k.click_id < click_id_at($2) and k.ts >= $1 and k.ts < $2
        and ($3 is null or k.partner_id = $3) and ($4 is null or k.program_id = $4) and ($5 is null or k.link_id = $5)
        and ($6 is null or k.partner_id = any ($6))
      group by 1, 2$query$, column_name)
    using days[n], ends[n], wanted_partner, wanted_program, wanted_link, wanted_group;
  end loop;
end $$;
comment on function clickledger.stats_click_facts(timestamptz, timestamptz, text, bigint, bigint, bigint, bigint[]) is 'Clicks in [from_at, to_at) by a column of click, from the rows; several rows for a key. null: of all partners, programmes, links, groups. CL422 range: more than 1000000 clicks.';

create function clickledger.click_values(ids uuid[], column_name text) returns table (click_id uuid, value text)
  language plpgsql stable rows 1000 set search_path = clickledger, pg_temp as $$
declare
  of_day record;
begin
  for of_day in
    select date_trunc('day', click_ts(i.id), 'UTC') as first_at, array_agg(i.id) as ids from unnest(ids) as i (id) where i.id is not null group by 1
  loop
    return query execute format('select k.click_id, k.%I::text from click k where k.click_id = any ($1) and k.ts >= $2 and k.ts < $2 + interval ''1 day''', column_name)
    using of_day.ids, of_day.first_at;
  end loop;
end $$;
comment on function clickledger.click_values(uuid[], text) is 'A column of these clicks, each day planned for its one partition. No row for a click that is not kept any more or that the asker may not see.';

create function clickledger.stats_facts(from_at timestamptz, to_at timestamptz, column_name text, p jsonb)
  returns table (key text, currency text, clicks bigint, clicks_not_counted bigint, conversions numeric,
                 conversions_declined numeric, conversions_refunded numeric, revenue_minor bigint, commission_minor bigint)
  language plpgsql stable set search_path = clickledger, pg_temp set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_column
declare
  days_max constant integer := 93;
  orders_max constant integer := 20000;
  wanted_program constant bigint := p->>'program_id';
  wanted_partner constant bigint := coalesce((p->>'partner_id')::bigint, api_partner());
  wanted_link constant bigint := p->>'link_id';
  wanted_group constant bigint[] := group_members(p);
  orders bigint[];
begin
  if to_at - from_at > days_max * interval '1 day' then
    perform api_fail(422, 'range', format('by %s at most %s days can be asked at once: narrow from and to', p->>'group_by', days_max));
  end if;
  if wanted_partner is null and wanted_group is null then
    orders := array(select c.id from conversion c where c.occurred_at >= from_at and c.occurred_at < to_at
      and (wanted_program is null or c.program_id = wanted_program) limit orders_max + 1);
  else
    orders := array(select distinct c.id from credit r join conversion c on c.id = r.conversion_id
      where (wanted_partner is null or r.partner_id = wanted_partner) and (wanted_group is null or r.partner_id = any (wanted_group)) and c.occurred_at >= from_at and c.occurred_at < to_at
        and (wanted_program is null or c.program_id = wanted_program) and (wanted_link is null or r.link_id = wanted_link) limit orders_max + 1);
  end if;
  if cardinality(orders) > orders_max then
    perform api_fail(422, 'range', format('these are more than %s orders: narrow from and to, or ask for one programme or link', orders_max));
  end if;
  return query
  with part as materialized (
    select c.* from conversion_part c
    where c.conversion_id = any (orders) and (wanted_partner is null or c.partner_id = wanted_partner)
      and (wanted_group is null or c.partner_id = any (wanted_group))
      and (wanted_link is null or c.link_id = wanted_link) and (c.partner_id is not null or api_partner() is null)),
  told as materialized (
    select v.click_id, v.value from click_values(array(select c.click_id from part c where column_name <> 'promo_code_id'), column_name) v),
  counted as (
    select f.key, f.program_id, null::text as currency, f.clicks, f.clicks_not_counted, 0::bigint as conversions_ppm, 0::bigint as declined_ppm,
      0::bigint as refunded_ppm, 0::bigint as revenue, 0::bigint as commission
    from stats_click_facts(from_at, to_at, column_name, wanted_partner, wanted_program, wanted_link, wanted_group) f
    union all
    select case when column_name = 'promo_code_id' then c.promo_code_id::text else t.value end, c.program_id, c.currency, 0, 0,
      c.weight_ppm * (c.status in ('pending', 'approved'))::integer, c.weight_ppm * (c.status = 'declined')::integer,
      c.weight_ppm * (c.status = 'refunded')::integer, c.revenue_minor * (c.status in ('pending', 'approved'))::integer,
      coalesce(c.commission_minor, 0) * (c.status in ('pending', 'approved'))::integer
    from part c left join told t on t.click_id = c.click_id)
  select c.key, coalesce(c.currency, g.currency), sum(c.clicks)::bigint, sum(c.clicks_not_counted)::bigint,
    trim_scale(sum(c.conversions_ppm) / 1000000), trim_scale(sum(c.declined_ppm) / 1000000), trim_scale(sum(c.refunded_ppm) / 1000000),
    sum(c.revenue)::bigint, sum(c.commission)::bigint
  from counted c left join program g on g.id = c.program_id
  group by 1, 2;
end $$;
comment on function clickledger.stats_facts(timestamptz, timestamptz, text, jsonb) is 'The sums of GET /v1/stats by a column of click, and by currency, from the rows: conversions by the click that is credited. CL422 range: more than 93 days, 1000000 clicks or 20000 orders.';

-- --- The answer ---------------------------------------------------------------------------------------------------------

create or replace function clickledger.stats_json(name text, key json, currency text, sums clickledger.stats_sums) returns json
  language sql immutable parallel safe
  return json_build_object(name, key, 'currency', currency,
    'clicks', sums.clicks, 'clicks_not_counted', sums.clicks_not_counted, 'uniques', sums.uniques, 'conversions', trim_scale(sums.conversions),
    'conversions_declined', trim_scale(sums.conversions_declined), 'conversions_refunded', trim_scale(sums.conversions_refunded),
    'cr_ppm', case when sums.clicks > 0 then trunc(sums.conversions * 1000000 / sums.clicks)::bigint end,
    'epc_minor', case when sums.clicks > 0 then round(sums.commission_minor::numeric / sums.clicks, 4)::text end,
    'aov_minor', case when sums.conversions > 0 then round(sums.revenue_minor::numeric / sums.conversions, 4)::text end,
    'revenue_minor', sums.revenue_minor, 'commission_minor', sums.commission_minor);
comment on function clickledger.stats_json(text, json, text, clickledger.stats_sums) is 'One row of GET /v1/stats. Conversions are numbers with up to 6 decimals: a touch that shared one has its share of it. Conversion rate in ppm, rounded down; earnings per click and average order value in minor units as decimal text with 4 places, halves away from zero; null without clicks or conversions.';

create function clickledger.stats_part(from_at timestamptz, to_at timestamptz, zone text, by_what text, p jsonb) returns json
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  groups_max constant integer := 5000;
  column_name constant text := stats_column(by_what);
  -- Sketches of visitors are kept by hour and link.
  has_people constant boolean := by_what in ('day', 'link') and uniques_known(stats_edges(from_at, to_at, zone, by_what = 'link'));
  made record;
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
  select (select count(*) from listed) as rows_found,
    (select coalesce(json_agg(
        case when by_what = 'link' then stats_json('link_id', to_json(nullif(l.key, '0')::bigint), l.currency, l.sums)
          when by_what = 'promo_code' then stats_json('promo_code_id', to_json(l.key::bigint), l.currency, l.sums)
          else stats_json(by_what, to_json(l.key), l.currency, l.sums) end
        order by case by_what when 'day' then l.key when 'link' then lpad(l.key, 20, '0') end, (l.sums).clicks desc, (l.sums).conversions desc,
          l.key, l.currency), '[]'::json) from listed l) as data,
    (select coalesce(json_agg(stats_json('group', to_json('all'::text), s.currency, s.sums) order by s.currency), '[]'::json) from summed s) as totals
  into made;
  if made.rows_found > groups_max then
    perform api_fail(422, 'range', format('by %s these are %s rows, and at most %s are answered: narrow from and to, or ask for one programme or link', by_what, made.rows_found, groups_max));
  end if;
  return json_build_object('from', api_time(from_at), 'to', api_time(to_at), 'data', made.data, 'totals', made.totals);
end $$;
comment on function clickledger.stats_part(timestamptz, timestamptz, text, text, jsonb) is 'What GET /v1/stats says about one period: rows by day in their order, by link in that of their numbers, by anything else with the most clicks first. CL422 range: more than 5000 rows, or what stats_facts refuses.';

create function clickledger.stats_before(from_at timestamptz, to_at timestamptz, zone text) returns timestamptz
  language sql stable
  return case
    when (from_at at time zone zone)::time = '0:00' and (to_at at time zone zone)::time = '0:00'
    then ((from_at at time zone zone)::date - ((to_at at time zone zone)::date - (from_at at time zone zone)::date))::timestamp at time zone zone
    else from_at - (to_at - from_at) end;
comment on function clickledger.stats_before(timestamptz, timestamptz, text) is 'Begin of the period that ends where this one begins: as many days of the zone, else as long.';

create or replace function clickledger.api_stats(p jsonb) returns json
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  zone text := api_zone(coalesce(p->>'tz', 'UTC'));
  by_what text := coalesce(p->>'group_by', 'day');
  today date := (now() at time zone zone)::date;
  to_at timestamptz := api_moment(coalesce(p->>'to', today::text), zone, true);
  from_at timestamptz := api_moment(coalesce(p->>'from', ((to_at - interval '1 ms') at time zone zone)::date - 29 || ''), zone, false);
  part json;
begin
  if from_at >= to_at or to_at - from_at > interval '400 days' then
    perform api_fail(422, 'range', 'to must be behind from, and at most 400 days behind it');
  end if;
  perform api_valid(p->>'partner_group' is null or (p->>'program_id' is not null and api_partner() is null), 'partner_group',
    'a group is of a programme: name its program_id, too; only the team may ask for one');
  part := stats_part(from_at, to_at, zone, by_what, p);
  return json_build_object(
    'from', part->'from', 'to', part->'to', 'tz', zone, 'group_by', by_what,
    'formulas', json_build_object(
      'clicks', 'clicks of people; clicks_not_counted: of bots, previews, prefetches, repeated ones and the like',
      'uniques', 'different visitors (by cookie, else by address and user agent) of these clicks and of repeated ones, estimated with a standard error of 2.2 %, less below 1000; those of all days or links together are no sum; null by anything else than day and link, and where days that do not begin on full hours of UTC are older than what is kept of visitors',
      'conversions', 'by the time of the order; pending and approved; declined and completely refunded ones are counted apart; where several touches share one, each counts its share; by what a click says, as the credited click said it; they have no class',
      'revenue_minor', 'amounts of pending and approved conversions without what was refunded, by the same shares',
      'commission_minor', 'commissions for pending and approved conversions',
      'cr_ppm', 'conversions * 1000000 / clicks, rounded down',
      'epc_minor', 'commission_minor / clicks, 4 decimals',
      'aov_minor', 'revenue_minor / conversions, 4 decimals'),
    'data', part->'data', 'totals', part->'totals',
    'previous', case p->>'compare' when 'previous' then stats_part(stats_before(from_at, to_at, zone), from_at, zone, by_what, p) end);
end $$;
comment on function clickledger.api_stats(jsonb) is 'GET /v1/stats: clicks, conversions, CR, EPC, AOV, revenue and commission by day, link, class, promo code, sub id, UTM, country or device, one row per currency; with compare, also of the period before. from and to: a day (to included) or a time (to excluded).';

grant select (sub1, sub2, sub3, sub4, sub5, sub6, sub7, sub8, sub9, sub10, utm_source, utm_medium, utm_campaign, country, device)
  on clickledger.click to cl_api;
grant execute on function clickledger.stats_hours(timestamptz, timestamptz, text, text, jsonb), clickledger.stats_column(text),
  clickledger.stats_click_facts(timestamptz, timestamptz, text, bigint, bigint, bigint, bigint[]), clickledger.click_values(uuid[], text),
  clickledger.stats_facts(timestamptz, timestamptz, text, jsonb), clickledger.stats_part(timestamptz, timestamptz, text, text, jsonb),
  clickledger.stats_before(timestamptz, timestamptz, text) to cl_api;
