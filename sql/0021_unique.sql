-- Unique visitors as sketches, and what is done behind the loads.

-- --- Unique visitors ----------------------------------------------------------------------------------------------------

create table clickledger.unique_hourly (
  hour       timestamptz not null,
  program_id bigint not null,
  partner_id bigint not null,
  link_id    bigint not null,
  sketch     bit(20480) not null,
  primary key (partner_id, hour, program_id, link_id)
);
-- Most hours of most links have few visitors, and most of their bits are 0.
alter table clickledger.unique_hourly alter column sketch set compression lz4, alter column sketch set storage main;
alter table clickledger.unique_hourly enable row level security;
alter table clickledger.unique_hourly force row level security;
create policy team on clickledger.unique_hourly to cl_api
  using (current_setting('cl.team', true) = 'on') with check (current_setting('cl.team', true) = 'on');
create policy partner_own on clickledger.unique_hourly for select to cl_api
  using (partner_id = nullif(current_setting('cl.partner', true), '')::bigint);
create policy analyst on clickledger.unique_hourly for select to cl_analyst using (true);
comment on table clickledger.unique_hourly is 'Who clicked, by hour (UTC), as sketches: bit_or() of any of them is the sketch of their union, sketch_count() its size. Written by click_settle behind the loads, by one at a time.';
comment on column clickledger.unique_hourly.hour is 'Begin of the hour.';
comment on column clickledger.unique_hourly.program_id is 'Programme.';
comment on column clickledger.unique_hourly.partner_id is 'Partner; 0: all of the programme.';
comment on column clickledger.unique_hourly.link_id is 'Link; 0: a promo code''s own, or all of the programme.';
comment on column clickledger.unique_hourly.sketch is '20 levels of 1024 bits. A visitor sets one bit: level k with probability 2^-(k+1), any bit of it.';
grant select on clickledger.unique_hourly to cl_api, cl_analyst;

create function clickledger.sketch_place(hash bigint) returns integer
  language sql immutable parallel safe
  return (hash & 1023)::integer + 1024 * least(bit_count((((hash >> 10) & -(hash >> 10)) - 1)::bit(64)), 19)::integer;
comment on function clickledger.sketch_place(bigint) is 'The bit of a visitor: one of 1024 of level k, the zeros at the end of what else is in its hash.';

-- The most likely number of visitors: the root of the likelihood's slope, which falls from infinity at 0, by Newton's method
-- from what a level that is neither empty nor full says by itself (linear counting).
create function clickledger.sketch_count(sketch bit) returns bigint
  language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
declare
  filled double precision[] := array(select bit_count(substring(sketch from 1 + 1024 * k for 1024)) from generate_series(0, 19) as k);
  level integer := 1;
  n double precision;
  next double precision;
  rate double precision;
  grown double precision;
  f double precision;
  slope double precision;
begin
  while level < 20 and filled[level] > 880 loop
    level := level + 1;
  end loop;
  n := greatest(-1024 * ln(1 - least(filled[level], 1023) / 1024) * 2.0 ^ least(level, 19), bit_count(sketch));
  while n > 0 loop
    f := 0;
    slope := 0;
    for k in 1..20 loop
      -- Of n visitors, n * rate are expected at one bit of the level.
      rate := 2.0 ^ -least(k, 19) / 1024;
      grown := exp(least(n * rate, 300)) - 1;
      f := f + rate * (filled[k] / grown - 1024 + filled[k]);
      slope := slope - rate * rate * filled[k] * (grown + 1) / (grown * grown);
    end loop;
    next := greatest(n - f / slope, n / 2);
    exit when abs(next - n) < 1e-3 * n;
    n := next;
  end loop;
  return round(n);
end $$;
comment on function clickledger.sketch_count(bit) is 'How many different visitors a sketch of unique_hourly, or a union of some, stands for: the maximum of likelihood. Standard error 2.2 % of the number, less below 1000; up to about 10^9. null: null. The bitmaps are those of Flajolet and Martin (Probabilistic Counting Algorithms for Data Base Applications, 1985), the error 0.70 / sqrt(1024) is that of Lang (arXiv:1708.06839).';

create function clickledger.unique_found(from_at timestamptz, to_at timestamptz)
  returns table (hour timestamptz, program_id bigint, partner_id bigint, link_id bigint, sketch bit)
  language plpgsql stable set search_path = clickledger, pg_temp set jit = off set work_mem = '64MB' as $$
begin
  return query execute $query$
    with who as materialized (
      select date_trunc('hour', c.ts, 'UTC') as hour, c.program_id, c.partner_id, coalesce(c.link_id, 0) as link_id,
        coalesce(visitor_hash(c.visitor_id, c.address_hash, c.user_agent), uuid_hash_extended(c.click_id, 0)) as hash
      from click c
      where c.ts >= $1 and c.ts <= $2 and c.click_id >= click_id_at($1) and c.click_id < click_id_at($2 + interval '1 ms')
        and c.class in ('human', 'duplicate') and c.partner_id > 0),
    bits as (
      select distinct w.hour, w.program_id, w.partner_id, w.link_id, sketch_place(w.hash) as place from who w)
    select b.hour, b.program_id, coalesce(b.partner_id, 0), coalesce(b.link_id, 0), bit_or(set_bit(repeat('0', 20480)::bit(20480), b.place, 1))
    from bits b
    group by grouping sets ((b.hour, b.program_id, b.partner_id, b.link_id), (b.hour, b.program_id))
  $query$ using from_at, to_at;
end $$;
comment on function clickledger.unique_found(timestamptz, timestamptz) is 'Sketches of the clicks of people on partners'' links and codes, duplicates too, from from_at to to_at, by link and for the whole programme. Whom neither cookie nor address hash tells apart counts once a click.';

create function clickledger.unique_add(from_at timestamptz, to_at timestamptz) returns bigint
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  changed bigint;
begin
  insert into unique_hourly as u (hour, program_id, partner_id, link_id, sketch)
  select f.hour, f.program_id, f.partner_id, f.link_id, f.sketch from unique_found(from_at, to_at) f
  order by f.partner_id, f.hour, f.program_id, f.link_id
  on conflict (partner_id, hour, program_id, link_id) do update set sketch = u.sketch | excluded.sketch
  where (u.sketch | excluded.sketch) <> u.sketch;
  get diagnostics changed = row_count;
  return changed;
end $$;
comment on function clickledger.unique_add(timestamptz, timestamptz) is 'Adds the clicks of people from from_at to to_at to unique_hourly; returns how many rows changed. Doing it again changes nothing.';

create function clickledger.unique_rebuild(from_at timestamptz, to_at timestamptz, mend boolean)
  returns table (hour timestamptz, program_id bigint, partner_id bigint, link_id bigint, counted bigint, found bigint)
  language plpgsql set search_path = clickledger, pg_temp set jit = off as $$
#variable_conflict use_column
begin
  return query
    with found as materialized (select * from unique_found(from_at, to_at - interval '1 microsecond')),
    wrong as materialized (
      select hour, program_id, partner_id, link_id, u.sketch as counted, f.sketch as found
      from (select * from unique_hourly h where h.hour >= from_at and h.hour < to_at) u
      full join found f using (hour, program_id, partner_id, link_id)
      where u.sketch is distinct from f.sketch),
    gone as (
      delete from unique_hourly u using wrong w
      where mend and w.found is null and u.partner_id = w.partner_id and u.hour = w.hour and u.program_id = w.program_id
        and u.link_id = w.link_id),
    mended as (
      insert into unique_hourly as u (hour, program_id, partner_id, link_id, sketch)
      select hour, program_id, partner_id, link_id, found from wrong where mend and found is not null
      order by partner_id, hour, program_id, link_id
      on conflict (partner_id, hour, program_id, link_id) do update set sketch = excluded.sketch)
    select hour, program_id, partner_id, link_id, coalesce(sketch_count(counted), 0), coalesce(sketch_count(found), 0)
    from wrong order by 1, 2, 3, 4;
end $$;
comment on function clickledger.unique_rebuild(timestamptz, timestamptz, boolean) is 'The part of rollup_rebuild that is about unique_hourly: rows whose sketch is not that of the clicks, with the numbers that they stand for.';

create function clickledger.stats_uniques(from_at timestamptz, to_at timestamptz, zone text, by_link boolean, p jsonb)
  returns table (key text, currency text, uniques bigint)
  language plpgsql stable set search_path = clickledger, pg_temp set jit = off set plan_cache_mode = force_custom_plan set enable_sort = off as $$
declare
  -- Named, because the policies leave open who asks, and nothing is found by what is left open.
  wanted constant bigint := coalesce(api_partner(), (p->>'partner_id')::bigint);
begin
  if not stats_on_hours(from_at, to_at, zone) then
    return;
  end if;
  if by_link or coalesce(wanted, (p->>'link_id')::bigint) is not null then
    return query
      with parts as materialized (
        select case when by_link then u.link_id::text else ((u.hour at time zone zone)::date)::text end as part, u.program_id, bit_or(u.sketch) as sketch
        from unique_hourly u
        where u.partner_id > 0 and (wanted is null or u.partner_id = wanted) and u.hour >= from_at and u.hour < to_at
          and (p->>'program_id' is null or u.program_id = (p->>'program_id')::bigint)
          and (p->>'partner_id' is null or u.partner_id = (p->>'partner_id')::bigint)
          and (p->>'link_id' is null or u.link_id = (p->>'link_id')::bigint)
        group by 1, 2)
      select w.part, g.currency, sketch_count(bit_or(w.sketch)) from parts w join program g on g.id = w.program_id
      group by grouping sets ((1, 2), (2));
  else
    return query
      with parts as materialized (
        select ((u.hour at time zone zone)::date)::text as part, u.program_id, bit_or(u.sketch) as sketch
        from unique_hourly u
        where u.partner_id = 0 and u.hour >= from_at and u.hour < to_at
          and (p->>'program_id' is null or u.program_id = (p->>'program_id')::bigint)
        group by 1, 2)
      select w.part, g.currency, sketch_count(bit_or(w.sketch)) from parts w join program g on g.id = w.program_id
      group by grouping sets ((1, 2), (2));
  end if;
end $$;
comment on function clickledger.stats_uniques(timestamptz, timestamptz, text, boolean, jsonb) is 'Unique visitors for GET /v1/stats by day of the zone or by link, and by currency; key null: of all together. No row where days do not begin on full hours of UTC, because they are kept by hour.';
grant execute on function clickledger.sketch_count(bit), clickledger.stats_uniques(timestamptz, timestamptz, text, boolean, jsonb) to cl_api;
grant execute on function clickledger.sketch_count(bit) to cl_analyst;

-- --- Against the rows ---------------------------------------------------------------------------------------------------

create function clickledger.rows_there(day date) returns boolean
  language sql stable set search_path = clickledger, pg_temp as $$
  select not exists (select from hit_partition p where p.table_name = 'click' and p.day = rows_there.day and p.detached_at is not null)
$$;
comment on function clickledger.rows_there(date) is 'Whether the clicks of a day are all in their table: false where their partition was detached, so that rollups cannot be made of them.';

create function clickledger.uniques_there(day date) returns boolean
  language plpgsql stable set search_path = clickledger, pg_temp as $$
begin
  return rows_there(day) and day > (now() at time zone 'UTC')::date - (select detail_days from privacy_policy);
end $$;
comment on function clickledger.uniques_there(date) is 'Whether the clicks of a day still tell who made them: retention has not yet been at them.';

create function clickledger.rollup_rebuild(from_at timestamptz, to_at timestamptz, mend boolean)
  returns table (rollup text, hour timestamptz, program_id bigint, partner_id bigint, link_id bigint, class clickledger.hit_class,
    counted bigint, found bigint)
  language plpgsql security definer set search_path = clickledger, pg_temp set jit = off set work_mem = '64MB' as $$
#variable_conflict use_column
begin
  if from_at <> date_trunc('hour', from_at, 'UTC') or to_at <> date_trunc('hour', to_at, 'UTC')
      or (from_at at time zone 'UTC')::date <> ((to_at - interval '1 hour') at time zone 'UTC')::date then
    raise exception 'rollup_rebuild: full hours of one day (UTC), not % to %', from_at, to_at using errcode = '22023';
  end if;
  if not rows_there((from_at at time zone 'UTC')::date) then
    return;
  end if;
  return query execute $query$
    with counted as (
      select h.hour, h.program_id, h.partner_id, h.link_id, h.class, sum(h.clicks)::bigint as clicks
      from click_hourly h where h.hour >= $1 and h.hour < $2 group by 1, 2, 3, 4, 5),
    found as (
      select date_trunc('hour', c.ts, 'UTC') as hour, coalesce(c.program_id, 0) as program_id, coalesce(c.partner_id, 0) as partner_id,
        coalesce(c.link_id, 0) as link_id, c.class, count(*) as clicks
      from click c where c.ts >= $1 and c.ts < $2 and c.click_id >= click_id_at($1) and c.click_id < click_id_at($2) group by 1, 2, 3, 4, 5),
    wrong as (
      select hour, program_id, partner_id, link_id, class, coalesce(a.clicks, 0) as counted, coalesce(f.clicks, 0) as found
      from counted a full join found f using (hour, program_id, partner_id, link_id, class)
      where coalesce(a.clicks, 0) <> coalesce(f.clicks, 0)),
    mended as (
      insert into click_hourly as h (hour, shard, program_id, partner_id, link_id, class, clicks)
      select hour, -1, program_id, partner_id, link_id, class, found - counted from wrong where $3
      order by partner_id, hour, program_id, link_id, class
      on conflict (partner_id, hour, program_id, link_id, class, shard) do update set clicks = h.clicks + excluded.clicks)
    select 'click_hourly', hour, program_id, partner_id, link_id, class, counted, found from wrong order by 2, 3, 4, 5, 6
  $query$ using from_at, to_at, mend;
  if uniques_there((from_at at time zone 'UTC')::date) then
    return query select 'unique_hourly', u.hour, u.program_id, u.partner_id, u.link_id, null::hit_class, u.counted, u.found
      from unique_rebuild(from_at, to_at, mend) u;
  end if;
end $$;
comment on function clickledger.rollup_rebuild(timestamptz, timestamptz, boolean) is 'Compares click_hourly (summed over shards) and unique_hourly with the rows in [from_at, to_at), full hours of one day (UTC), and returns what differs: what the rollup says (counted) and what the rows say (found), of unique_hourly the estimates. mend: also puts it right, in shard -1, which no load writes. Nothing where the rows were detached; no unique visitors where retention has been. Call in REPEATABLE READ while holding advisory lock (25454, 0). 22023: not such hours.';
grant execute on function clickledger.rollup_rebuild(timestamptz, timestamptz, boolean) to cl_ingest;

-- --- Behind the loads ---------------------------------------------------------------------------------------------------

create function clickledger.click_settle(clicks_max bigint, out dues bigint, out marked bigint, out sketches bigint, out oldest_ms bigint)
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  gap constant interval := greatest(least(duplicate_window_max(), interval '1 minute'), interval '1 second');
  spans tstzmultirange;
  span tstzrange;
begin
  dues := 0; marked := 0; sketches := 0; oldest_ms := 0;
  if not exists (select from click_due) then
    return;
  end if;
  if not pg_try_advisory_xact_lock(25454, 0) then
    dues := -1;
    return;
  end if;
  with taken as (
    delete from click_due where id in (
      select id from (
        select id, sum(clicks) over (order by id) - clicks as before from (select * from click_due order by id limit 10000) oldest) counted
      where before < clicks_max)
    returning from_ts, to_ts, loaded_at)
  -- Spans that are close together are one: they look at the same neighbours.
  select count(*), range_agg(tstzrange(from_ts - gap, to_ts + gap, '[]')), coalesce(extract(epoch from now() - min(loaded_at)) * 1000, 0)
  into dues, spans, oldest_ms from taken;
  foreach span in array array(select unnest(spans)) loop
    if duplicate_window_max() > '0' then
      marked := marked + (select became_duplicate + became_human from duplicate_mark(lower(span) + gap, upper(span) - gap));
    end if;
    sketches := sketches + unique_add(lower(span) + gap, upper(span) - gap);
  end loop;
end $$;
comment on function clickledger.click_settle(bigint) is 'Looks at the oldest spans of click_due, of about clicks_max clicks and at most 10000 spans: marks duplicates, adds unique visitors. dues: how many spans, -1: another session is at it; marked: clicks whose class changed; sketches: rows of unique_hourly that changed; oldest_ms: how long the oldest span had waited. One transaction, which may be repeated.';
grant execute on function clickledger.click_settle(bigint) to cl_ingest;

-- --- Classes again ------------------------------------------------------------------------------------------------------

create function clickledger.hit_senders(of_table text, from_at timestamptz, to_at timestamptz)
  returns table (class clickledger.hit_class, reason text, user_agent text, asn bigint)
  language plpgsql stable security definer set search_path = clickledger, pg_temp set jit = off as $$
#variable_conflict use_column
begin
  return query execute format($query$
    select t.class, t.reason, t.user_agent, t.asn from %1$I t
    where t.ts >= $1 and t.ts < $2 and t.%2$I >= click_id_at($1) and t.%2$I < click_id_at($2) and t.user_agent is not null
      and (t.class in ('human', 'duplicate', 'invalid') or t.reason in ('ua_bot', 'ua_preview', 'asn_datacentre'))
    group by 1, 2, 3, 4$query$, of_table, case of_table when 'click' then 'click_id' else 'hit_id' end) using from_at, to_at;
end $$;
comment on function clickledger.hit_senders(text, timestamptz, timestamptz) is 'The different senders of hits of a table in [from_at, to_at) of which the lists may say something else than before. Not among them: HEAD requests, prefetches and previews by their headers, which are not stored, and hits without a user agent, be it that none was sent or that it was forgotten.';

create function clickledger.hit_reclass(of_table text, from_at timestamptz, to_at timestamptz, classes text[], reasons text[], agents text[],
    asns bigint[], became text[], because text[], version integer)
  returns table (was clickledger.hit_class, is_now clickledger.hit_class, hits bigint)
  language plpgsql security definer set search_path = clickledger, pg_temp set jit = off as $$
#variable_conflict use_column
begin
  return query execute format($query$
    with said as materialized (
      select class::hit_class, reason, agent, asn, became::hit_class, because
      from unnest($3, $4, $5, $6, $7, $8) as s (class, reason, agent, asn, became, because)),
    moved as (
      update %1$I t set class = case when s.became = 'human' and %3$s then 'invalid' else s.became end::hit_class,
        reason = case when s.became = 'human' and %3$s then 'link_unknown' else s.because end, class_version = $9 %4$s
      from said s
      where t.ts >= $1 and t.ts < $2 and t.%2$I >= click_id_at($1) and t.%2$I < click_id_at($2)
        and t.class = s.class and t.reason = s.reason and t.user_agent = s.agent and t.asn is not distinct from s.asn
      returning s.class as was, t.class as is_now, t.ts),
    touched as (
      insert into touch_batch (shard, from_ts, to_ts) select null, min(ts), max(ts) from moved where %5$L having count(*) > 0)
    select was, is_now, count(*) from moved group by 1, 2$query$,
    of_table, case of_table when 'click' then 'click_id' else 'hit_id' end,
    case of_table when 'click' then 't.link_id is null and t.promo_code_id is null' when 'impression' then 't.link_id is null'
      when 'promo_entry' then 't.promo_code_id is null' else 't.program_id is null' end,
    case of_table when 'click' then ', duplicate_of = null' else '' end,
    of_table <> 'click') using from_at, to_at, classes, reasons, agents, asns, became, because, version;
end $$;
comment on function clickledger.hit_reclass(text, timestamptz, timestamptz, text[], text[], text[], bigint[], text[], text[], integer) is 'Gives hits of a table in [from_at, to_at) another class by their sender (class, reason, user agent, system; from hit_senders) and notes the version of the lists. One that is human now but names no link or code is invalid. Attrib is told. Returns how many went from which class to which.';

create function clickledger.click_rejudge(from_at timestamptz, to_at timestamptz)
  returns table (was clickledger.hit_class, is_now clickledger.hit_class, hits bigint)
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
#variable_conflict use_column
declare
  marked record;
begin
  select * into marked from duplicate_mark(from_at, to_at - interval '1 ms');
  if uniques_there((from_at at time zone 'UTC')::date) then
    perform from unique_rebuild(from_at, to_at, true);
  end if;
  return query select * from (values ('human'::hit_class, 'duplicate'::hit_class, marked.became_duplicate),
    ('duplicate', 'human', marked.became_human)) as c (was, is_now, hits) where hits > 0;
end $$;
comment on function clickledger.click_rejudge(timestamptz, timestamptz) is 'Duplicates and unique visitors of clicks in [from_at, to_at), full hours, all anew. Call while holding advisory lock (25454, 0). Returns how many went from which class to which.';
grant execute on function clickledger.hit_senders(text, timestamptz, timestamptz),
  clickledger.hit_reclass(text, timestamptz, timestamptz, text[], text[], text[], bigint[], text[], text[], integer),
  clickledger.click_rejudge(timestamptz, timestamptz) to cl_ingest;
