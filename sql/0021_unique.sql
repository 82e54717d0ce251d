-- Unique visitors as sketches, and what is done behind the loads.

-- --- Unique visitors ----------------------------------------------------------------------------------------------------

create table clickledger.unique_hourly (
  hour       timestamptz not null,
  program_id bigint not null,
  partner_id bigint not null,
  link_id    bigint not null,
  sketch     bit(10240) not null,
  primary key (partner_id, hour, program_id, link_id)
) with (toast_tuple_target = 256);
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
comment on column clickledger.unique_hourly.partner_id is 'Partner.';
comment on column clickledger.unique_hourly.link_id is 'Link; 0: a promo code''s own.';
comment on column clickledger.unique_hourly.sketch is '20 levels of 512 bits. A visitor sets one bit: level k with probability 2^-(k+1), any bit of it.';
grant select on clickledger.unique_hourly to cl_api, cl_analyst;

create function clickledger.sketch_place(hash bigint) returns integer
  language sql immutable parallel safe
  return (hash & 511)::integer + 512 * least(bit_count((((hash >> 9) & -(hash >> 9)) - 1)::bit(64)), 19)::integer;
comment on function clickledger.sketch_place(bigint) is 'The bit of a visitor: one of 512 of level k, the zeros at the end of what else is in its hash.';

-- The most likely number of visitors: the root of the likelihood's slope, which falls from infinity at 0, by Newton's method
-- from what a level that is neither empty nor full says by itself (linear counting).
create function clickledger.sketch_count(sketch bit) returns bigint
  language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
declare
  filled double precision[] := array(select bit_count(substring(sketch from 1 + 512 * k for 512)) from generate_series(0, 19) as k);
  level integer := 1;
  n double precision;
  next double precision;
  rate double precision;
  grown double precision;
  f double precision;
  slope double precision;
begin
  while level < 20 and filled[level] > 440 loop
    level := level + 1;
  end loop;
  n := greatest(-512 * ln(1 - least(filled[level], 511) / 512) * 2.0 ^ least(level, 19), bit_count(sketch));
  while n > 0 loop
    f := 0;
    slope := 0;
    for k in 1..20 loop
      -- Of n visitors, n * rate are expected at one bit of the level.
      rate := 2.0 ^ -least(k, 19) / 512;
      grown := exp(least(n * rate, 300)) - 1;
      f := f + rate * (filled[k] / grown - 512 + filled[k]);
      slope := slope - rate * rate * filled[k] * (grown + 1) / (grown * grown);
    end loop;
    next := greatest(n - f / slope, n / 2);
    exit when abs(next - n) < 1e-3 * n;
    n := next;
  end loop;
  return round(n);
end $$;
comment on function clickledger.sketch_count(bit) is 'How many different visitors a sketch of unique_hourly, or a union of some, stands for: the maximum of likelihood. Standard error 3.1 % of the number, less below 1000; up to about 10^9. null: null. The bitmaps are those of Flajolet and Martin (Probabilistic Counting Algorithms for Data Base Applications, 1985), the error 0.70 / sqrt(512) is that of Lang (arXiv:1708.06839).';

create function clickledger.unique_found(from_at timestamptz, to_at timestamptz)
  returns table (hour timestamptz, program_id bigint, partner_id bigint, link_id bigint, sketch bit)
  language plpgsql stable set search_path = clickledger, pg_temp set jit = off set work_mem = '64MB' as $$
begin
  return query execute $query$
    with who as materialized (
      select date_trunc('hour', c.ts, 'UTC') as hour, coalesce(c.program_id, 0) as program_id, coalesce(c.partner_id, 0) as partner_id,
        coalesce(c.link_id, 0) as link_id,
        coalesce(visitor_hash(c.visitor_id, c.address_hash, c.user_agent), uuid_hash_extended(c.click_id, 0)) as hash
      from click c
      where c.ts >= $1 and c.ts <= $2 and c.click_id >= click_id_at($1) and c.click_id < click_id_at($2 + interval '1 ms')
        and c.class in ('human', 'duplicate')),
    bits as (
      select distinct w.hour, w.program_id, w.partner_id, w.link_id, sketch_place(w.hash) as place from who w)
    select b.hour, b.program_id, b.partner_id, b.link_id, bit_or(set_bit(repeat('0', 10240)::bit(10240), b.place, 1))
    from bits b
    group by b.hour, b.program_id, b.partner_id, b.link_id
  $query$ using from_at, to_at;
end $$;
comment on function clickledger.unique_found(timestamptz, timestamptz) is 'Sketches of the clicks of people, duplicates too, from from_at to to_at. Whom neither cookie nor address hash tells apart counts once a click.';

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

-- --- Behind the loads ---------------------------------------------------------------------------------------------------

create function clickledger.click_settle(dues_max integer, out dues bigint, out marked bigint, out sketches bigint, out oldest_ms bigint)
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  gap constant interval := greatest(duplicate_window_max(), interval '1 second');
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
    delete from click_due where id in (select id from click_due order by id limit dues_max)
    returning from_ts, to_ts, loaded_at)
  -- Spans that look at the same neighbours are one.
  select count(*), range_agg(tstzrange(from_ts - gap, to_ts + gap, '[]')), coalesce(extract(epoch from now() - min(loaded_at)) * 1000, 0)
  into dues, spans, oldest_ms from taken;
  foreach span in array array(select unnest(spans)) loop
    if duplicate_window_max() > '0' then
      marked := marked + duplicate_mark(lower(span) + gap, upper(span) - gap);
    end if;
    sketches := sketches + unique_add(lower(span) + gap, upper(span) - gap);
  end loop;
end $$;
comment on function clickledger.click_settle(integer) is 'Looks at the oldest spans of click_due, at most dues_max: marks duplicates, adds unique visitors. dues: how many spans, -1: another session is at it; marked: clicks whose class changed; sketches: rows of unique_hourly that changed; oldest_ms: how long the oldest span had waited. One transaction, which may be repeated.';
grant execute on function clickledger.click_settle(integer) to cl_ingest;
