-- Clicks that repeat an earlier one, decided behind the loads by event order, and rollups that follow whatever changes a class.

alter table clickledger.program add column duplicate_window_seconds integer not null default 60
  check (duplicate_window_seconds between 0 and 86400);
comment on column clickledger.program.duplicate_window_seconds is 'Seconds within which a click behind an earlier one of the same link and visitor, or of the same link, address hash and user agent, is a duplicate: [t - window, t). 0: none is. At most a day. A change holds for clicks loaded from then on; reclassify applies it to earlier ones.';
grant update (duplicate_window_seconds) on clickledger.program to cl_api;
grant select (duplicate_window_seconds) on clickledger.program to cl_analyst;

create or replace function clickledger.program_json(row_of clickledger.program) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'code', row_of.code, 'name', row_of.name, 'currency', row_of.currency,
    'time_zone', row_of.time_zone, 'fallback_url', row_of.fallback_url, 'hosts', row_of.hosts,
    'visitor_cookie', row_of.visitor_cookie, 'cookie_hosts', row_of.cookie_hosts, 'cookie_domain', row_of.cookie_domain,
    'cookie_cross_site', row_of.cookie_cross_site, 'consent_required', row_of.consent_required,
    'duplicate_window_seconds', row_of.duplicate_window_seconds,
    'status', row_of.status, 'created_at', clickledger.api_time(row_of.created_at));

create function clickledger.program_window(id bigint, p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  changed program;
begin
  update program set duplicate_window_seconds = coalesce((p->>'duplicate_window_seconds')::integer, duplicate_window_seconds)
  where program.id = program_window.id returning * into changed;
  return program_json(changed);
end $$;
comment on function clickledger.program_window(bigint, jsonb) is 'Takes the window for duplicates from the body, if it is there; returns the programme.';

alter function clickledger.api_program_create(jsonb) rename to program_create_plain;
alter function clickledger.api_program_change(jsonb) rename to program_change_plain;
create function clickledger.api_program_create(p jsonb) returns json
  language sql set search_path = clickledger, pg_temp as $$
  select program_window((program_create_plain(p)->>'id')::bigint, p)
$$;
comment on function clickledger.api_program_create(jsonb) is 'POST /v1/programs.';
create function clickledger.api_program_change(p jsonb) returns json
  language sql set search_path = clickledger, pg_temp as $$
  select program_window((program_change_plain(p)->>'id')::bigint, p)
$$;
comment on function clickledger.api_program_change(jsonb) is 'PATCH /v1/programs/{id}: what is not given stays.';
comment on function clickledger.program_create_plain(jsonb) is 'The part of api_program_create that is older than the window for duplicates.';
comment on function clickledger.program_change_plain(jsonb) is 'The part of api_program_change that is older than the window for duplicates.';
grant execute on function clickledger.program_window(bigint, jsonb), clickledger.api_program_create(jsonb), clickledger.api_program_change(jsonb)
  to cl_api;

alter table clickledger.click add column duplicate_of uuid;
comment on column clickledger.click.duplicate_of is 'The click right before it that a duplicate repeats, itself perhaps a duplicate; null: it is none.';
grant select (duplicate_of) on clickledger.click to cl_analyst;

create table clickledger.click_due (
  id      bigint generated always as identity primary key,
  from_ts timestamptz not null,
  to_ts   timestamptz not null,
  clicks  bigint not null check (clicks > 0),
  loaded_at timestamptz not null default now(),
  check (from_ts <= to_ts)
);
alter table clickledger.click_due enable row level security;
alter table clickledger.click_due force row level security;
create policy analyst on clickledger.click_due for select to cl_analyst using (true);
comment on table clickledger.click_due is 'Spans of clicks of people that were loaded and not yet looked at for duplicates and unique visitors. Written with the clicks, deleted by click_settle.';
comment on column clickledger.click_due.id is 'Number of the span.';
comment on column clickledger.click_due.from_ts is 'Time of the earliest of them.';
comment on column clickledger.click_due.to_ts is 'Time of the latest, in the same hour.';
comment on column clickledger.click_due.clicks is 'How many they are.';
comment on column clickledger.click_due.loaded_at is 'When they were loaded.';
grant select, insert on clickledger.click_due to cl_ingest;
grant select on clickledger.click_due to cl_analyst;

alter table clickledger.touch_batch alter column shard drop not null;
comment on column clickledger.touch_batch.shard is 'Shard that was loaded; null: classes of earlier touches changed.';
comment on column clickledger.click_hourly.shard is 'Shard that loaded them; -1: corrections by whoever changed a class or rebuilt the hour, which may be below zero, so that they never meet a load.';

-- --- What follows a class -----------------------------------------------------------------------------------------------

create function clickledger.click_class_follow() returns trigger
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  told bigint;
begin
  with moved as (
    select date_trunc('hour', n.ts, 'UTC') as hour, n.ts, coalesce(n.program_id, 0) as program_id, coalesce(n.partner_id, 0) as partner_id,
      coalesce(n.link_id, 0) as link_id, o.class as was, n.class as became
    from after n join before o on o.click_id = n.click_id where o.class <> n.class),
  added as (
    insert into click_hourly as h (hour, shard, program_id, partner_id, link_id, class, clicks)
    select m.hour, -1, m.program_id, m.partner_id, m.link_id, c.class, sum(c.clicks)
    from moved m cross join lateral (values (m.was, -1), (m.became, 1)) as c (class, clicks)
    group by m.partner_id, m.hour, m.program_id, m.link_id, c.class having sum(c.clicks) <> 0
    on conflict (partner_id, hour, program_id, link_id, class, shard) do update set clicks = h.clicks + excluded.clicks),
  touched as (
    insert into touch_batch (shard, from_ts, to_ts) select null, min(m.ts), max(m.ts) from moved m group by m.hour returning 1)
  select count(*) into told from touched;
  if told > 0 then
    notify clickledger_work;
  end if;
  return null;
end $$;
comment on function clickledger.click_class_follow() is 'Trigger: whatever changes the class of clicks moves them in click_hourly (shard -1) and has attrib look at their conversions again, in the same transaction.';
create trigger class_follow after update on clickledger.click
  referencing old table as before new table as after
  for each statement execute function clickledger.click_class_follow();

-- --- Duplicates ---------------------------------------------------------------------------------------------------------

create function clickledger.duplicate_window_max() returns interval
  language sql stable
  return (select coalesce(max(duplicate_window_seconds), 0) * interval '1 second' from clickledger.program);
comment on function clickledger.duplicate_window_max() is 'The longest window of all programmes.';

create function clickledger.visitor_hash(visitor_id uuid, address_hash bigint, user_agent text) returns bigint
  language sql immutable parallel safe
  return case
    when visitor_id is not null then uuid_hash_extended(visitor_id, 0)
    when address_hash is not null then hashint8extended(address_hash, hashtextextended(coalesce(user_agent, '') collate "C", 0)) end;
comment on function clickledger.visitor_hash(uuid, bigint, text) is 'Who clicked, in 64 bits: the cookie''s visitor, without one the address hash with the user agent; null: neither is known.';

create function clickledger.click_keys(link_id bigint, promo_code_id bigint, visitor_id uuid, address_hash bigint, user_agent text)
  returns bigint[]
  language sql immutable parallel safe
  return array[
    hashint8extended(coalesce(link_id, -promo_code_id), clickledger.visitor_hash(visitor_id, null, null)),
    hashint8extended(coalesce(link_id, -promo_code_id), clickledger.visitor_hash(null, address_hash, user_agent))];
comment on function clickledger.click_keys(bigint, bigint, uuid, bigint, text) is 'What a click shares with those it repeats: its link, or code, with the visitor, and with address hash and user agent; null where that is not known. 64 bits: of a million clicks two are taken for each other in one of 10^7 cases.';

create function clickledger.duplicate_kept(why text, visitor_id uuid, address_hash bigint, followed uuid) returns boolean
  language plpgsql stable set search_path = clickledger, pg_temp set enable_nestloop = on as $$
declare
  other record;
begin
  select c.visitor_id, c.address_hash into other from click c
  where c.click_id = followed and c.ts = click_ts(followed) and c.class in ('human', 'duplicate');
  return found and case why
    when 'same_address' then duplicate_kept.address_hash is null or other.address_hash is null
    else get_byte(uuid_send(duplicate_kept.visitor_id), 6) is distinct from get_byte(uuid_send(other.visitor_id), 6) end;
end $$;
comment on function clickledger.duplicate_kept(text, uuid, bigint, uuid) is 'Whether a duplicate stays one although nothing says so any more: retention has taken the address hash, or has renamed one of the two visitors and not yet the other (their ids have other versions).';

-- A click is judged by its nearest neighbour before it with a key of its own: if any is within the window, that one is. So
-- there is neither a state to keep nor a chain to follow, and what is found depends on the rows alone. Three spans are read:
-- the asked one, what a window behind it repeats it, and the window before it, of which only rows with a wanted key are kept.
-- Estimates of a partition that is being loaded are always wrong, and a nested loop chosen by them would never end.
create function clickledger.duplicate_judge(from_at timestamptz, to_at timestamptz)
  returns table (ts timestamptz, click_id uuid, was clickledger.hit_class, follows uuid, why text)
  language plpgsql stable rows 1000
  set search_path = clickledger, pg_temp set enable_nestloop = off set enable_mergejoin = off set jit = off set work_mem = '64MB' as $$
declare
  widest constant interval := duplicate_window_max();
  clicks constant text := $clicks$
    select c.ts, c.click_id, c.program_id, c.class, c.reason, c.duplicate_of, c.visitor_id, c.address_hash,
      click_keys(c.link_id, c.promo_code_id, c.visitor_id, c.address_hash, c.user_agent) as keys
    from click c
    where c.ts >= %1$s and c.ts < %2$s and c.click_id >= click_id_at(%1$s) and c.click_id < click_id_at(%2$s)
      and c.class in ('human', 'duplicate')$clicks$;
  next_ms constant timestamptz := to_at + interval '1 ms';
begin
  return query execute format($query$
    with asked as materialized (%s),
    later as materialized (%s),
    judged as materialized (
      select a.* from asked a
      union all
      select l.* from later l where l.click_id in (
        select k.click_id from (select click_id, unnest(keys) as key from later) k
        where k.key in (select unnest(keys) from asked))),
    wanted as materialized (select distinct unnest(keys) as key from judged),
    near as (
      select click_id, ts, unnest(keys) as key, unnest(array['same_visitor', 'same_address']) as why from asked
      union all
      select click_id, ts, unnest(keys), unnest(array['same_visitor', 'same_address']) from later
      union all
      select click_id, ts, unnest(keys), unnest(array['same_visitor', 'same_address']) from (%s) before),
    placed as (
      select n.click_id, n.ts, n.why, lag(n.click_id) over key as before, lag(n.ts) over key as before_ts
      from near n where n.key in (select w.key from wanted w) window key as (partition by n.key order by n.click_id)),
    found as (
      select p.click_id, (array_agg(p.before order by p.before desc))[1] as follows, max(p.why) as why
      from placed p
      join judged j on j.click_id = p.click_id
      join program g on g.id = j.program_id
      where g.duplicate_window_seconds > 0 and p.before_ts >= p.ts - g.duplicate_window_seconds * interval '1 second'
      group by p.click_id)
    select j.ts, j.click_id, j.class, f.follows, coalesce(f.why, 'none')
    from judged j left join found f on f.click_id = j.click_id
    where (f.follows, coalesce(f.why, 'none')) is distinct from (j.duplicate_of, j.reason)
      and (f.follows is not null or j.class = 'human' or not duplicate_kept(j.reason, j.visitor_id, j.address_hash, j.duplicate_of))$query$,
    format(clicks, '$1', '$2'), format(clicks, '$2', '$2 + $3'), format(clicks, '$1 - $3', '$1'))
    using from_at, next_ms, widest;
end $$;
comment on function clickledger.duplicate_judge(timestamptz, timestamptz) is 'Clicks of people from from_at to to_at, and those up to the longest window behind that share a visitor or an address with one of them, that are duplicates and not noted as such, or the other way round: which click they follow (null: none, so they are human) and why (same_visitor, same_address, none). Depends on the rows alone, not on the order in which they came.';

create function clickledger.duplicate_mark(from_at timestamptz, to_at timestamptz, out became_duplicate bigint, out became_human bigint)
  language plpgsql set search_path = clickledger, pg_temp set jit = off as $$
begin
  execute $query$
    with found as materialized (select * from duplicate_judge($1, $2)),
    marked as (
      update click c set class = case when f.follows is null then 'human' else 'duplicate' end::hit_class,
        reason = f.why, duplicate_of = f.follows
      from found f
      where c.click_id = f.click_id and c.ts = f.ts and c.ts >= $1 and c.ts <= $2 + $3 + interval '1 ms'
      returning f.was, c.class as became)
    select count(*) filter (where was = 'human' and became = 'duplicate'), count(*) filter (where was = 'duplicate' and became = 'human')
    from marked
  $query$ into became_duplicate, became_human using from_at, to_at, duplicate_window_max();
end $$;
comment on function clickledger.duplicate_mark(timestamptz, timestamptz) is 'Writes what duplicate_judge finds; returns how many clicks changed their class. Doing it again changes nothing.';

-- Most chains are short: a few clicks are looked up one by one, and the rest of a long one a day at a time, in one statement each, which
-- costs a twentieth. Plans are made for the values, so that they hold the partitions of that day and no others.
create function clickledger.click_original(click_id uuid) returns uuid
  language plpgsql stable strict parallel safe
  set search_path = clickledger, pg_temp set enable_hashjoin = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_custom_plan as $$
declare
  at uuid := click_id;
  since timestamptz;
  link record;
  steps integer := 0;
begin
  while at is not null and steps < 100000 loop
    if steps < 4 then
      select c.class, c.click_id, c.duplicate_of, 1 as steps into link from click c where c.click_id = at and c.ts = click_ts(at);
    else
      since := click_ts(at) - interval '1 day';
      with recursive chain as (
        select c.class, c.click_id, c.duplicate_of, 1 as steps from click c where c.click_id = at and c.ts = click_ts(at)
        union all
        select c.class, c.click_id, c.duplicate_of, h.steps + 1
        from chain h join click c on c.click_id = h.duplicate_of and c.ts = click_ts(h.duplicate_of)
          and c.ts >= since and c.ts <= since + interval '1 day'
        where h.class <> 'human' and h.steps < 100000)
      select h.* into link from chain h order by h.steps desc limit 1;
    end if;
    if link.class = 'human' then
      return link.click_id;
    end if;
    steps := steps + link.steps;
    at := link.duplicate_of;
  end loop;
  return null;
end $$;
comment on function clickledger.click_original(uuid) is 'The human click that a duplicate repeats, by way of about 100000 others at most; null: none. Of a human click itself.';
grant execute on function clickledger.click_original(uuid) to cl_attrib, cl_analyst;
