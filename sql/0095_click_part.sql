-- A large load of clicks makes a table of its own, a part of its day, and its indexes at once.
--
-- An index takes rows one by one for three to five times what it costs to make it of all of them. So a load behind an outage fills a new
-- table, makes its indexes and hangs it into the day, all in its transaction: nobody sees clicks without indexes, and what fails leaves
-- nothing. A day is therefore divided once more, by part; the parts of a day lie in time as their loads did, so that ts does not tell them
-- apart and each has a primary key of its own. A small load looks for its ids in parts of its time (part_holds); what is left, an id that comes
-- in two large loads, is found when the day is sealed.

create sequence clickledger.click_part_number as integer;
comment on sequence clickledger.click_part_number is 'Numbers of the parts that large loads make of days of clicks.';

alter table clickledger.click add column part integer not null default 0;
comment on column clickledger.click.part is 'Part of its day that the row lies in: 0, or the number of the large load that it came with. Says nothing about the click.';

create table clickledger.click_part (
  day      date not null,
  number   integer not null,
  first_id uuid not null,
  last_id  uuid not null,
  primary key (day, number)
);
comment on table clickledger.click_part is 'Parts that large loads made of days of clicks, part 0 left out; gone with their day when it is detached.';
comment on column clickledger.click_part.day is 'The day, UTC.';
comment on column clickledger.click_part.number is 'Number of the part: click.part of its rows.';
comment on column clickledger.click_part.first_id is 'Its least click id when it was made: ids are in the order of time.';
comment on column clickledger.click_part.last_id is 'Its greatest.';
alter table clickledger.click_part enable row level security;
alter table clickledger.click_part force row level security;
create policy analyst on clickledger.click_part for select to cl_analyst using (true);
grant select on clickledger.click_part to cl_analyst;

-- --- Days hang in their table without its indexes ------------------------------------------------------------------------

create function clickledger.click_index(part regclass) returns void
  language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  execute format('alter table %s add primary key (click_id, ts)', part);
  execute format('create index on %s (visitor_id, ts) where visitor_id is not null', part);
end $$;
comment on function clickledger.click_index(regclass) is 'Makes the indexes that every table of clicks has.';

create or replace function clickledger.partition_make(of_table text, of_day date) returns boolean
  language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  name text := clickledger.partition_name(of_table, of_day);
begin
  if to_regclass(format('clickledger.%I', name)) is not null
      or exists (select from clickledger.hit_partition p where p.table_name = of_table and p.day = of_day and p.detached_at is not null) then
    return false;
  end if;
  -- Attached instead of made in place: that would lock readers and loaders of the parent out.
  execute format('create table clickledger.%I (like clickledger.%I including defaults including constraints) %s',
    name, of_table, case of_table when 'click' then 'partition by list (part)' end);
  if of_table = 'click' then
    execute format('create table clickledger.%I (like clickledger.%I including defaults including constraints)', name || '_0', name);
    perform clickledger.click_index(format('clickledger.%I', name || '_0')::regclass);
    execute format('alter table clickledger.%I attach partition clickledger.%I for values in (0)', name, name || '_0');
  end if;
  execute format('alter table clickledger.%I attach partition clickledger.%I for values from (%L) to (%L)',
    of_table, name, of_day::text || ' 00:00+00', (of_day + 1)::text || ' 00:00+00');
  -- Written directly: the parent would ask for each row where it belongs, and lay it out anew.
  execute format('grant insert on clickledger.%I to cl_ingest', name);
  insert into clickledger.hit_partition (table_name, day) values (of_table, of_day) on conflict do nothing;
  return true;
end $$;
comment on function clickledger.partition_make(text, date) is 'Makes a partition with all indexes of its table, of clicks with part 0; false: it is there, or was detached.';

do $$
declare
  made record;
  today constant date := (now() at time zone 'UTC')::date;
  empty boolean;
begin
  lock table clickledger.click in access exclusive mode;
  for made in
    select p.day, clickledger.partition_name('click', p.day) as name from clickledger.hit_partition p
    where p.table_name = 'click' and p.detached_at is null order by p.day
  loop
    execute format('alter table clickledger.click detach partition clickledger.%I', made.name);
  end loop;
  alter table clickledger.click drop constraint click_pkey;
  drop index clickledger.click_visitor;
  for made in
    select p.day, clickledger.partition_name('click', p.day) as name from clickledger.hit_partition p
    where p.table_name = 'click' and p.detached_at is null order by p.day
  loop
    -- Days that have rows stay as they are, undivided.
    execute format('select not exists (select from clickledger.%I)', made.name) into empty;
    if empty and made.day >= today then
      execute format('drop table clickledger.%I', made.name);
      perform clickledger.partition_make('click', made.day);
      continue;
    end if;
    execute format('alter table clickledger.click attach partition clickledger.%I for values from (%L) to (%L)',
      made.name, made.day::text || ' 00:00+00', (made.day + 1)::text || ' 00:00+00');
    execute format('alter table clickledger.%I drop constraint if exists click_range', made.name);
  end loop;
end $$;

-- --- What a large load calls ----------------------------------------------------------------------------------------------

create function clickledger.part_make(of_day date) returns integer
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  parts_max constant integer := 64;
  day_name constant text := clickledger.partition_name('click', of_day);
  day constant oid := to_regclass(format('clickledger.%I', day_name));
  number integer;
begin
  if (select c.relkind = 'p' from pg_class c where c.oid = day) is not true
      or (select count(*) from pg_inherits i where i.inhparent = day) >= parts_max then
    return null;
  end if;
  number := nextval('clickledger.click_part_number');
  -- Not like the day: a lock on it until the end would stand in the way of other loads, which hang their parts into it.
  execute format('create table clickledger.%I (like clickledger.click including defaults including constraints,'
    ' constraint click_range check (part = %s and ts >= %L and ts < %L))',
    day_name || '_' || number, number, of_day::text || ' 00:00+00', (of_day + 1)::text || ' 00:00+00');
  execute format('alter table clickledger.%I alter part set default %s', day_name || '_' || number, number);
  execute format('grant insert on clickledger.%I to cl_ingest', day_name || '_' || number);
  return number;
end $$;
comment on function clickledger.part_make(date) is 'Makes a table for the clicks of a day (UTC) of one large load, which copies them into it and then calls part_attach() in the same transaction: its number; the table is called click_YYYYMMDD_number. Null: the day is not there or is not divided, or it has 64 parts.';

create function clickledger.part_attach(of_day date, number integer) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '5s'
  -- Sorted in memory by this process: others load beside it.
  set maintenance_work_mem = '128MB' set max_parallel_maintenance_workers = 0 as $$
declare
  day_name constant text := clickledger.partition_name('click', of_day);
  name constant text := day_name || '_' || number;
begin
  perform clickledger.click_index(format('clickledger.%I', name)::regclass);
  -- Attaching alone would not wait for readers. One whose plan is older than the part and whose snapshot is newer would see the load in
  -- every other table, but not its clicks. The day alone, which they all lock: other parts may be under vacuum.
  execute format('lock table only clickledger.%I in access exclusive mode', day_name);
  execute format('alter table clickledger.%I attach partition clickledger.%I for values in (%s)', day_name, name, number);
  execute format('alter table clickledger.%I drop constraint click_range', name);
  execute format('insert into clickledger.click_part select $1, $2, (select click_id from clickledger.%1$I order by click_id limit 1),'
    ' (select click_id from clickledger.%1$I order by click_id desc limit 1)', name) using of_day, number;
end $$;
comment on function clickledger.part_attach(date, integer) is 'Makes the indexes of a part and hangs it into its day. 23505: an id stands in it twice; 55P03: somebody has read the day for 5 s. Whoever reads the day waits until the transaction ends.';

create function clickledger.part_reaches(from_id uuid, to_id uuid) returns boolean
  language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select exists (select from clickledger.click_part p where p.first_id <= to_id and p.last_id >= from_id);
end;
comment on function clickledger.part_reaches(uuid, uuid) is 'Whether parts of large loads have clicks of the time between two ids, so that small loads have to ask part_holds().';

create function clickledger.part_holds(ids uuid[]) returns boolean
  language sql stable security definer set search_path = pg_catalog, pg_temp set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off
begin atomic
  select exists (select from unnest(ids) as i (id) join clickledger.click c on c.click_id = i.id and c.ts = clickledger.click_ts(i.id) and c.part > 0);
end;
comment on function clickledger.part_holds(uuid[]) is 'Whether any of these clicks stands in a part that a large load made.';

-- --- Sealed and detached: all parts of a day ------------------------------------------------------------------------------

create function clickledger.partition_parts(of_table text, of_day date) returns setof regclass
  language sql stable strict set search_path = pg_catalog, pg_temp
begin atomic
  select t.relid from pg_partition_tree(to_regclass(format('clickledger.%I', clickledger.partition_name(of_table, of_day)))) t where t.isleaf;
end;
comment on function clickledger.partition_parts(text, date) is 'The tables that rows of an attached partition lie in: itself, or its parts.';

create function clickledger.click_set_aside(id uuid, of_part integer, why text) returns void
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  gone click;
  of_shard integer;
  of_hour timestamptz;
begin
  delete from click c where c.click_id = id and c.ts = click_ts(id) and c.part = of_part returning c.* into strict gone;
  of_hour := date_trunc('hour', gone.ts, 'UTC');
  update producer p set stored = stored - 1, dead = dead + 1 where p.producer = gone.producer returning p.shard into strict of_shard;
  insert into dead_letter (shard, entry_id, producer, seq, kind, hits, reason, bytes)
    -- The visitor first, as forget_rows() looks for him.
    values (of_shard, '', gone.producer, gone.seq, 'conflict', 1, why,
      coalesce(uuid_send(gone.visitor_id), '') || convert_to(to_jsonb(gone)::text, 'UTF8'));
  delete from stored_hour s where s.table_name = 'click' and s.hour = of_hour and s.shard = of_shard and s.hits = 1;
  update stored_hour s set hits = s.hits - 1 where s.table_name = 'click' and s.hour = of_hour and s.shard = of_shard;
  insert into click_hourly as h (hour, shard, program_id, partner_id, link_id, class, clicks)
    values (of_hour, -1, coalesce(gone.program_id, 0), coalesce(gone.partner_id, 0), coalesce(gone.link_id, 0), gone.class, -1)
    on conflict (partner_id, hour, program_id, link_id, class, shard) do update set clicks = h.clicks - 1;
end $$;
comment on function clickledger.click_set_aside(uuid, integer, text) is 'Makes a row of a part of clicks a dead letter and takes it out of all counts. The letter has no stream entry (); its bytes are the visitor, if there is one, and the row as JSON. P0002: it is not there.';

create or replace function clickledger.partition_seal(of_table text, of_day date) returns bigint
  language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  name text := clickledger.partition_name(of_table, of_day);
  loads bigint;
  rows_found bigint;
  rows_wrong bigint;
  part regclass;
  twice record;
  doubled boolean := false;
begin
  -- Nothing is locked while the rows are read: a load meanwhile shows in late_loads, and then the reading was for nothing.
  select p.late_loads into strict loads from clickledger.hit_partition p where p.table_name = of_table and p.day = of_day;
  -- What a key over all parts would have refused when it came. Then the day is left for the next time, because loads wait for the producers.
  if (select count(*) from clickledger.partition_parts(of_table, of_day)) > 1 then
    for twice in execute format('with doubles as materialized (select click_id from clickledger.%1$I group by 1 having count(*) > 1)'
      ' select c.click_id, array_agg(c.part order by c.part) as parts, count(distinct c.content_hash) = 1 as same'
      ' from doubles d join clickledger.%1$I c using (click_id) group by 1 order by 1', name)
    loop
      if not pg_try_advisory_xact_lock(25454, 0) then
        return null;
      end if;
      perform clickledger.click_set_aside(twice.click_id, p, case when twice.same then 'the id is there, with the same content'
        else 'the id is there, with other content' end) from unnest(twice.parts[2:]) as p;
      doubled := true;
    end loop;
    if doubled then
      return null;
    end if;
  end if;
  execute format($count$
    with counted as materialized (
      select producer, count(*) as hits, count(*) filter (where ts <> clickledger.click_ts(%I)) as wrong from clickledger.%I group by 1),
    kept as (
      insert into clickledger.hit_sealed select $1, $2, producer, hits from counted)
    select coalesce(sum(hits), 0)::bigint, coalesce(sum(wrong), 0)::bigint from counted$count$,
    case of_table when 'click' then 'click_id' else 'hit_id' end, name) into rows_found, rows_wrong using of_table, of_day;
  execute format('analyze clickledger.%I', name);
  -- Vacuumed and frozen once, and not again unless something comes.
  for part in select clickledger.partition_parts(of_table, of_day) loop
    execute format('alter table %s set (autovacuum_vacuum_insert_threshold = 0, autovacuum_vacuum_insert_scale_factor = 0,'
      ' autovacuum_freeze_min_age = 0)', part);
  end loop;
  update clickledger.hit_partition p set tried_at = now(), fault = null, sealed_at = now(), sealed_rows = rows_found
  where p.table_name = of_table and p.day = of_day and p.late_loads = loads and rows_wrong = 0;
  if found then
    return rows_found;
  end if;
  delete from clickledger.hit_sealed s where s.table_name = of_table and s.day = of_day;
  update clickledger.hit_partition p set tried_at = now(),
    fault = case when rows_wrong > 0 then rows_wrong || ' rows whose ts is not that of their id' end
  where p.table_name = of_table and p.day = of_day;
  return null;
end $$;

comment on function clickledger.partition_seal(text, date) is 'Checks and counts every row of a partition that is open; returns how many there are. Null: it stays open, because a load wrote into it meanwhile, because of what hit_partition.fault says, or because an id stood in several parts: it is left in the lowest, and the other rows become dead letters.';

create or replace function clickledger.partition_detach(of_table text, of_day date) returns void
  language plpgsql set search_path = pg_catalog, pg_temp set lock_timeout = '1s' as $$
declare
  name text := clickledger.partition_name(of_table, of_day);
  kept regclass;
  tables constant regclass[] := array(select t.relid::regclass
    from pg_partition_tree(to_regclass(format('clickledger.%I', clickledger.partition_name(of_table, of_day)))) t);
begin
  -- Whoever reads or loads the table holds this up; after a second it is given up, so that nobody queues behind it for longer.
  -- Before hit_partition is touched: so do loads of late hits.
  if to_regclass(format('clickledger.%I', name)) is not null then
    execute format('lock table only clickledger.%I, clickledger.%I in access exclusive mode', of_table, name);
  end if;
  update clickledger.hit_partition p set detached_at = now()
  where p.table_name = of_table and p.day = of_day and p.sealed_at is not null and p.detached_at is null;
  if not found then
    raise exception 'partition_detach: % is not sealed, or is detached already', name;
  end if;
  execute format('alter table clickledger.%I detach partition clickledger.%I', of_table, name);
  delete from clickledger.click_part p where of_table = 'click' and p.day = of_day;
  if (select r.afterwards from clickledger.hit_retention r where r.table_name = of_table) = 'drop' then
    execute format('drop table clickledger.%I', name);
    return;
  end if;
  foreach kept in array tables loop
    execute format('revoke all on %s from cl_ingest', kept);
    execute format('alter table %s enable row level security', kept);
    execute format('alter table %s force row level security', kept);
    execute format('alter table %s set schema clickledger_detached', kept);
  end loop;
end $$;

-- --- Who may ------------------------------------------------------------------------------------------------------------

revoke execute on function clickledger.click_index(regclass), clickledger.click_set_aside(uuid, integer, text), clickledger.part_make(date), clickledger.part_attach(date, integer),
  clickledger.part_reaches(uuid, uuid), clickledger.part_holds(uuid[]), clickledger.partition_parts(text, date) from public;
grant select (part) on clickledger.click to cl_analyst;
grant execute on function clickledger.part_make(date), clickledger.part_attach(date, integer),
  clickledger.part_reaches(uuid, uuid), clickledger.part_holds(uuid[]) to cl_ingest;
