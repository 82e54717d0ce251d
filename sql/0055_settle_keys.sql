-- What is settled behind the loads, from what the loads noted: keys of duplicates and places in sketches come with click_due, ingest
-- compares them in memory, and rows are read only where two clicks share a key.

alter table clickledger.click_due add column keys bytea, add column people bytea;
-- Hashes do not pack.
alter table clickledger.click_due alter column keys set storage external, alter column people set storage external;
comment on column clickledger.click_due.keys is 'What each of them shares with those it may repeat, as ingest wrote it (ingest/click_keys.h); null: to be found in the rows.';
comment on column clickledger.click_due.people is 'Their places in the sketches of unique_hourly, as ingest wrote it (ingest/click_due.h); null: to be found in the rows.';

create table clickledger.click_settled (
  id    boolean primary key default true check (id),
  epoch bigint not null default 0,
  to_ts timestamptz not null default '-infinity'
);
-- By the ids' index: they are in the order of time.
insert into clickledger.click_settled (to_ts)
  values (coalesce((select ts from clickledger.click order by click_id desc limit 1), '-infinity'));
alter table clickledger.click_settled enable row level security;
alter table clickledger.click_settled force row level security;
create policy analyst on clickledger.click_settled for select to cl_analyst using (true);
grant select on clickledger.click_settled to cl_analyst;
comment on table clickledger.click_settled is 'How far duplicates and unique visitors have come: one row.';
comment on column clickledger.click_settled.id is 'Always true: there is one row.';
comment on column clickledger.click_settled.epoch is 'Moves with everything that settles or changes a class: what ingest remembers of clicks holds for one epoch.';
comment on column clickledger.click_settled.to_ts is 'Time of the latest click that was settled: who remembers nothing has to read the rows up to it.';

create or replace function clickledger.click_class_follow() returns trigger
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
    update click_settled set epoch = epoch + 1;
    notify clickledger_work;
  end if;
  return null;
end $$;

-- --- Duplicates: who may be one, and what is one ------------------------------------------------------------------------

drop function clickledger.duplicate_judge(timestamptz, timestamptz);

-- A click is judged by its nearest neighbour before it with a key of its own: if any is within the window, that one is. So
-- there is neither a state to keep nor a chain to follow, and what is found depends on the rows alone. One pass reads the asked
-- span and the longest window on both sides of it; keys that come once are done with then. Two numbers are sorted and not hashed,
-- because a hash table of them is five times as large. Estimates of a partition that is being loaded are always wrong: a nested
-- loop chosen by them would never end, so rows are found again by a list of their ids.
create function clickledger.duplicate_suspects(from_at timestamptz, to_at timestamptz)
  returns table (click_id uuid, by_visitor uuid, by_address uuid)
  language plpgsql stable rows 1000
  set search_path = clickledger, pg_temp set enable_nestloop = off set enable_mergejoin = off set enable_seqscan = off set jit = off
  set work_mem = '128MB' as $$
declare
  widest constant interval := duplicate_window_max();
  next_ms constant timestamptz := to_at + interval '1 ms';
begin
  -- All bounds are parameters, so that nothing is planned for days that are not asked.
  return query execute $query$
    with near as materialized (
      select c.click_id, c.class = 'duplicate' or c.reason <> 'none' or c.duplicate_of is not null as noted,
        hashint8extended(coalesce(c.link_id, -c.promo_code_id), uuid_hash_extended(c.visitor_id, 0)) as visitor_key,
        hashint8extended(coalesce(c.link_id, -c.promo_code_id),
          hashint8extended(c.address_hash, hashtextextended(coalesce(c.user_agent, '') collate "C", 0))) as address_key
      from click c
      where c.ts >= $1 and c.ts < $2 and c.click_id >= $3 and c.click_id < $6
        and c.class in ('human', 'duplicate')),
    shared as materialized (
      select k.key
      from (select k.key from (select visitor_key as key from near union all select address_key from near) k
            where k.key is not null order by k.key) k
      group by k.key having count(*) > 1),
    placed as (
      select n.click_id, n.why, lag(n.click_id) over by_time as before,
        bool_or(n.click_id >= $4 and n.click_id < $5) over (partition by n.key) as of_asked
      from (
        select click_id, visitor_key as key, 'same_visitor' as why from near where visitor_key in (select key from shared)
        union all
        select click_id, address_key, 'same_address' from near where address_key in (select key from shared)) n
      window by_time as (partition by n.key order by n.click_id)),
    neighbours as materialized (
      select p.click_id, (array_agg(p.before) filter (where p.why = 'same_visitor'))[1] as by_visitor,
        (array_agg(p.before) filter (where p.why = 'same_address'))[1] as by_address
      from placed p where p.click_id >= $4 group by p.click_id having bool_or(p.of_asked))
    select * from neighbours
    union all
    select n.click_id, null, null from near n
    where n.noted and n.click_id >= $4 and n.click_id < $5 and n.click_id not in (select b.click_id from neighbours b)
  $query$ using from_at - widest, next_ms + widest,
    click_id_at(from_at - widest), click_id_at(from_at), click_id_at(next_ms), click_id_at(next_ms + widest);
end $$;
comment on function clickledger.duplicate_suspects(timestamptz, timestamptz) is 'Clicks of people from from_at to to_at, and those up to the longest window behind, that share a visitor or an address with one of them or are noted as duplicates, with the nearest click before them by each (null: none). Depends on the rows alone, not on the order in which they came.';

-- By slices, because planning copies an array that is a parameter again and again, and the trigger's rows are kept for each statement.
create function clickledger.duplicate_write(clicks uuid[], by_visitor uuid[], by_address uuid[], out became_duplicate bigint, out became_human bigint)
  language plpgsql set search_path = clickledger, pg_temp set enable_nestloop = off set enable_mergejoin = off set enable_seqscan = off
  set jit = off set work_mem = '32MB' as $$
declare
  slice_max constant integer := 20000;
  from_at timestamptz;
  to_at timestamptz;
  changed record;
begin
  became_duplicate := 0; became_human := 0;
  for low in 1..cardinality(clicks) by slice_max loop
    select min(click_ts(id)), max(click_ts(id)) into from_at, to_at from unnest(clicks[low:low + slice_max - 1]) as id;
    execute $query$
      with timed as (
        select c.ts, c.click_id, c.class, c.reason, c.duplicate_of, c.visitor_id, c.address_hash,
          case when click_ts(s.by_visitor) >= c.ts - g.duplicate_window_seconds * interval '1 second' then s.by_visitor end as by_visitor,
          case when click_ts(s.by_address) >= c.ts - g.duplicate_window_seconds * interval '1 second' then s.by_address end as by_address
        from unnest($1, $2, $3) as s (click_id, by_visitor, by_address)
        join click c on c.click_id = s.click_id
        left join program g on g.id = c.program_id and g.duplicate_window_seconds > 0
        where c.click_id = any ($1) and c.ts >= $4 and c.ts <= $5 and c.class in ('human', 'duplicate')),
      judged as (
        select t.*, greatest(t.by_visitor, t.by_address) as follows,
          case when t.by_visitor is not null then 'same_visitor' when t.by_address is not null then 'same_address' else 'none' end as why
        from timed t),
      found as materialized (
        select j.ts, j.click_id, j.class as was, j.follows, j.why
        from judged j
        where (j.follows, j.why) is distinct from (j.duplicate_of, j.reason)
          and (j.follows is not null or j.class = 'human' or not duplicate_kept(j.reason, j.visitor_id, j.address_hash, j.duplicate_of))),
      marked as (
        update click c set class = case when f.follows is null then 'human' else 'duplicate' end::hit_class,
          reason = f.why, duplicate_of = f.follows
        from found f
        where c.click_id = any (array(select f.click_id from found f)) and c.click_id = f.click_id and c.ts = f.ts
          and c.ts >= $4 and c.ts <= $5
        returning f.was, c.class as became)
      select count(*) filter (where was = 'human' and became = 'duplicate') as to_duplicate,
        count(*) filter (where was = 'duplicate' and became = 'human') as to_human
      from marked
    $query$ into changed using clicks[low:low + slice_max - 1], by_visitor[low:low + slice_max - 1], by_address[low:low + slice_max - 1],
      from_at, to_at;
    became_duplicate := became_duplicate + changed.to_duplicate;
    became_human := became_human + changed.to_human;
  end loop;
end $$;
comment on function clickledger.duplicate_write(uuid[], uuid[], uuid[]) is 'Decides about clicks of people by the nearest click before each that shares its visitor, or its address and user agent (null: none): within the window of the programme it is a duplicate of the later of both, else human. Writes what is not noted so (same_visitor, same_address, none); returns how many clicks changed their class. Doing it again changes nothing.';

create or replace function clickledger.duplicate_mark(from_at timestamptz, to_at timestamptz, out became_duplicate bigint, out became_human bigint)
  language sql set search_path = clickledger, pg_temp as $$
  select w.* from (select coalesce(array_agg(s.click_id), '{}') as clicks, coalesce(array_agg(s.by_visitor), '{}') as by_visitor,
      coalesce(array_agg(s.by_address), '{}') as by_address from (select * from duplicate_suspects(from_at, to_at) order by click_id) s) s,
    duplicate_write(s.clicks, s.by_visitor, s.by_address) w
$$;
comment on function clickledger.duplicate_mark(timestamptz, timestamptz) is 'Writes what duplicate_write says about duplicate_suspects; returns how many clicks changed their class. Doing it again changes nothing.';

-- --- Behind the loads ---------------------------------------------------------------------------------------------------

create function clickledger.settled_note(to_at timestamptz) returns bigint
  language sql set search_path = clickledger, pg_temp
begin atomic
  update clickledger.click_settled set epoch = epoch + 1, to_ts = greatest(to_ts, to_at) returning epoch;
end;
comment on function clickledger.settled_note(timestamptz) is 'Notes that clicks up to that time were settled; the new epoch.';

create function clickledger.spans_settle(spans tstzrange[], out marked bigint)
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  gap constant interval := greatest(least(duplicate_window_max(), interval '1 minute'), interval '1 second');
  span tstzrange;
begin
  marked := 0;
  if duplicate_window_max() > '0' then
    -- Spans that are close together are one: they look at the same neighbours.
    for span in select unnest(range_agg(tstzrange(lower(s) - gap, upper(s) + gap, '[]'))) from unnest(spans) as s loop
      marked := marked + (select became_duplicate + became_human from duplicate_mark(lower(span) + gap, upper(span) - gap));
    end loop;
  end if;
end $$;
comment on function clickledger.spans_settle(tstzrange[]) is 'Marks the duplicates of spans (both ends included) from the rows; returns how many clicks changed their class.';

create or replace function clickledger.click_settle(clicks_max bigint, out dues bigint, out marked bigint, out sketches bigint, out oldest_ms bigint)
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  spans tstzrange[];
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
  select count(*), array_agg(tstzrange(from_ts, to_ts, '[]')), coalesce(extract(epoch from now() - min(loaded_at)) * 1000, 0)
  into dues, spans, oldest_ms from taken;
  marked := spans_settle(spans);
  for span in select unnest(range_agg(s)) from unnest(spans) as s loop
    sketches := sketches + unique_add(lower(span), upper(span));
  end loop;
  perform settled_note((select max(upper(s)) from unnest(spans) as s));
end $$;
comment on function clickledger.click_settle(bigint) is 'Looks at the oldest spans of click_due, of about clicks_max clicks and at most 10000 spans, by their rows: marks duplicates, adds unique visitors. For commands; ingest does the same from what its loads noted (click_settle_found). dues: how many spans, -1: another session is at it; marked: clicks whose class changed; sketches: rows of unique_hourly that changed; oldest_ms: how long the oldest span had waited. One transaction, which may be repeated.';

create function clickledger.click_settle_due(clicks_max bigint)
  returns table (id bigint, from_ms bigint, to_ms bigint, keys bytea, people bytea, waited_ms bigint, epoch bigint, settled_ms bigint, window_ms bigint)
  language sql stable security definer set search_path = clickledger, pg_temp as $$
  select d.id, (extract(epoch from d.from_ts) * 1000)::bigint, (extract(epoch from d.to_ts) * 1000)::bigint, d.keys, d.people,
    (extract(epoch from now() - d.loaded_at) * 1000)::bigint, s.epoch,
    case when s.to_ts > '-infinity' then ceil(extract(epoch from s.to_ts) * 1000)::bigint else 0 end,
    (extract(epoch from duplicate_window_max()) * 1000)::bigint
  from (select o.*, sum(o.clicks) over (order by o.id) - o.clicks as before
        from (select * from click_due order by id limit 10000) o) d, click_settled s
  where d.before < clicks_max order by d.id
$$;
comment on function clickledger.click_settle_due(bigint) is 'The oldest spans of click_due, of about clicks_max clicks and at most 10000 spans, with what their loads noted; the epoch and the time of click_settled (unix ms; 0: nothing was settled) and the longest window in ms.';

create function clickledger.click_settle_found(of_epoch bigint, ids bigint[], clicks uuid[], by_visitor uuid[], by_address uuid[],
    unknown bigint[], peopleless bigint[], hours bigint[], programs bigint[], partners bigint[], links bigint[], sketch_hex text[],
    out dues bigint, out marked bigint, out sketches bigint, out epoch bigint)
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
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
  with added as (
    insert into unique_hourly as u (hour, program_id, partner_id, link_id, sketch)
    select to_timestamp(s.hour / 1000), s.program, s.partner, s.link, ('x' || s.hex)::bit(20480)
    from unnest(hours, programs, partners, links, sketch_hex) as s (hour, program, partner, link, hex)
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
comment on function clickledger.click_settle_found(bigint, bigint[], uuid[], uuid[], uuid[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], text[]) is 'Ends the spans ids of click_due as of an epoch: writes what was found in memory (suspects as of duplicate_write; sketches as hexadecimal digits by hour (unix ms), programme, partner and link), reads the rows of the spans unknown for duplicates and of peopleless for unique visitors. dues: how many spans, -1: another session is at it, or the epoch is over, and nothing was done; marked and sketches as of click_settle; the new epoch. 40001: a span was gone.';

grant execute on function clickledger.click_settle_due(bigint),
  clickledger.click_settle_found(bigint, bigint[], uuid[], uuid[], uuid[], bigint[], bigint[], bigint[], bigint[], bigint[], bigint[], text[]) to cl_ingest;
