-- Partitions of the hit tables: made ahead, sealed when their day is over, detached by a policy.
--
-- A row's ts is the millisecond in its id. Asking that of every row as it is loaded cost more than what its time may lie
-- in; ingest makes both from the same bytes, and a partition is not sealed before every row of it was asked.

alter table clickledger.click drop constraint click_check;
alter table clickledger.impression drop constraint impression_check;
alter table clickledger.visit drop constraint visit_check;
alter table clickledger.promo_entry drop constraint promo_entry_check;

-- Every load updates the same rows again: the new version finds room beside the old one, and no index is touched.
alter table clickledger.click_hourly set (fillfactor = 50);

create table clickledger.hit_retention (
  table_name text primary key,
  keep_days  integer,
  afterwards text not null,
  check (table_name in ('click', 'impression', 'visit', 'promo_entry')),
  check (afterwards in ('keep', 'drop')),
  check (keep_days between case when table_name in ('click', 'promo_entry') then 402 else 30 end and 36500)
);
comment on table clickledger.hit_retention is 'How long days of hits stay in their table. Changed by cl_owner with UPDATE.';
comment on column clickledger.hit_retention.table_name is 'The hit table.';
comment on column clickledger.hit_retention.keep_days is 'Days after which a sealed partition is detached; null: never. At least 402 where touches are (attribution looks back 366 days, hits may come 400 days late), else 30.';
comment on column clickledger.hit_retention.afterwards is 'keep: the detached table stays, in the schema clickledger_detached, where only cl_owner reads it; drop: it is dropped with its rows.';
insert into clickledger.hit_retention values
  ('click', 1100, 'keep'), ('promo_entry', 1100, 'keep'), ('impression', 402, 'keep'), ('visit', 402, 'keep');

create table clickledger.hit_partition (
  table_name  text not null references clickledger.hit_retention,
  day         date not null,
  made_at     timestamptz not null default now(),
  late_loads  bigint not null default 0,
  tried_at    timestamptz,
  fault       text,
  sealed_at   timestamptz,
  sealed_rows bigint,
  detached_at timestamptz,
  primary key (table_name, day),
  check ((sealed_at is null) = (sealed_rows is null)),
  check (detached_at is null or sealed_at is not null)
);
comment on table clickledger.hit_partition is 'Every daily partition of the hit tables and how far it has come: open, sealed, detached.';
comment on column clickledger.hit_partition.table_name is 'The hit table.';
comment on column clickledger.hit_partition.day is 'The day, UTC; the partition is called table_YYYYMMDD.';
comment on column clickledger.hit_partition.made_at is 'When it was made.';
comment on column clickledger.hit_partition.late_loads is 'Loads that wrote into it after its day; each opens it again.';
comment on column clickledger.hit_partition.tried_at is 'When it was last tried to seal it.';
comment on column clickledger.hit_partition.fault is 'What its rows violate, so that it cannot be sealed; null: nothing was found.';
comment on column clickledger.hit_partition.sealed_at is 'When it was sealed: every row was checked and counted, nothing came since; null: open.';
comment on column clickledger.hit_partition.sealed_rows is 'Rows it had then.';
comment on column clickledger.hit_partition.detached_at is 'When it was detached; late hits of this day become dead letters.';

create table clickledger.hit_sealed (
  table_name text not null,
  day        date not null,
  producer   uuid not null,
  hits       bigint not null check (hits > 0),
  primary key (table_name, day, producer),
  foreign key (table_name, day) references clickledger.hit_partition
);
create index hit_sealed_producer on clickledger.hit_sealed (producer);
comment on table clickledger.hit_sealed is 'Rows of sealed partitions by producer, so that they need not be counted again, and are accounted for when the partition has been detached.';
comment on column clickledger.hit_sealed.table_name is 'The hit table.';
comment on column clickledger.hit_sealed.day is 'Day of the partition.';
comment on column clickledger.hit_sealed.producer is 'Producer of the rows.';
comment on column clickledger.hit_sealed.hits is 'How many.';

create schema clickledger_detached;
comment on schema clickledger_detached is 'Partitions that were detached from the hit tables and are kept; only cl_owner reads them.';

-- --- Made ahead ---------------------------------------------------------------------------------------------------------

create function clickledger.partition_name(table_name text, day date) returns text
  language sql immutable strict parallel safe set search_path = pg_catalog, pg_temp
  return table_name || '_' || to_char(day, 'YYYYMMDD');
comment on function clickledger.partition_name(text, date) is 'Name of the partition of a hit table for a day.';

insert into clickledger.hit_partition (table_name, day)
  select t.name, to_date(right(c.relname, 8), 'YYYYMMDD')
  from (select table_name as name from clickledger.hit_retention) t
  join pg_inherits i on i.inhparent = format('clickledger.%I', t.name)::regclass
  join pg_class c on c.oid = i.inhrelid;

do $$
declare
  made record;
begin
  for made in select * from clickledger.hit_partition loop
    execute format('grant insert on clickledger.%I to cl_ingest', clickledger.partition_name(made.table_name, made.day));
  end loop;
end $$;

create function clickledger.partition_make(of_table text, of_day date) returns boolean
  language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  name text := clickledger.partition_name(of_table, of_day);
begin
  if to_regclass(format('clickledger.%I', name)) is not null
      or exists (select from clickledger.hit_partition p where p.table_name = of_table and p.day = of_day and p.detached_at is not null) then
    return false;
  end if;
  -- Attached instead of made in place: that would lock readers and loaders of the parent out.
  execute format('create table clickledger.%I (like clickledger.%I including defaults including constraints)', name, of_table);
  execute format('alter table clickledger.%I attach partition clickledger.%I for values from (%L) to (%L)',
    of_table, name, of_day::text || ' 00:00+00', (of_day + 1)::text || ' 00:00+00');
  -- Written directly: the parent would ask for each row where it belongs, and lay it out anew.
  execute format('grant insert on clickledger.%I to cl_ingest', name);
  insert into clickledger.hit_partition (table_name, day) values (of_table, of_day) on conflict do nothing;
  return true;
end $$;
comment on function clickledger.partition_make(text, date) is 'Makes a partition with all indexes of its table; false: it is there, or was detached.';

create or replace function clickledger.partition_ensure(from_day date, to_day date) returns integer
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  made integer;
begin
  if to_day - from_day > 400 then
    raise exception 'partition_ensure: % days at once, at most 400', to_day - from_day;
  end if;
  perform pg_advisory_xact_lock(hashtext('clickledger.partition_ensure'));
  select count(*) into made
  from unnest(array['click', 'impression', 'visit', 'promo_entry']) as t (hits),
    generate_series(from_day, to_day, interval '1 day') as day
  where clickledger.partition_make(t.hits, day::date);
  return made;
end $$;
comment on function clickledger.partition_ensure(date, date) is 'Makes the daily (UTC) partitions of all hit tables for both days and those between, unless they were detached; returns how many were missing. At most 400 days a call.';

-- --- Late hits ----------------------------------------------------------------------------------------------------------

create function clickledger.partition_late(of_table text, of_days integer[]) returns void
  language sql security definer set search_path = pg_catalog, pg_temp
begin atomic
  with locked as (
    select p.table_name, p.day from clickledger.hit_partition p
    where p.table_name = of_table and p.day = any (select date '1970-01-01' + d from unnest(of_days) as d)
    order by p.day for no key update)
  update clickledger.hit_partition p set late_loads = p.late_loads + 1, fault = null, sealed_at = null, sealed_rows = null
  from locked where p.table_name = locked.table_name and p.day = locked.day and p.detached_at is null;
  delete from clickledger.hit_sealed s
  using clickledger.hit_partition p
  where s.table_name = of_table and s.day = any (select date '1970-01-01' + d from unnest(of_days) as d)
    and p.table_name = s.table_name and p.day = s.day and p.detached_at is null;
end;
comment on function clickledger.partition_late(text, integer[]) is 'Says, last in the transaction that loads them, that hits are loaded into days that are over; days count from 1970-01-01. Their partitions are open again.';

-- --- Sealed -------------------------------------------------------------------------------------------------------------

create function clickledger.partition_seal(of_table text, of_day date) returns bigint
  language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  name text := clickledger.partition_name(of_table, of_day);
  loads bigint;
  rows_found bigint;
  rows_wrong bigint;
begin
  -- Nothing is locked while the rows are read: a load meanwhile shows in late_loads, and then the reading was for nothing.
  select p.late_loads into strict loads from clickledger.hit_partition p where p.table_name = of_table and p.day = of_day;
  execute format($count$
    with counted as materialized (
      select producer, count(*) as hits, count(*) filter (where ts <> clickledger.click_ts(%I)) as wrong from clickledger.%I group by 1),
    kept as (
      insert into clickledger.hit_sealed select $1, $2, producer, hits from counted)
    select coalesce(sum(hits), 0)::bigint, coalesce(sum(wrong), 0)::bigint from counted$count$,
    case of_table when 'click' then 'click_id' else 'hit_id' end, name) into rows_found, rows_wrong using of_table, of_day;
  execute format('analyze clickledger.%I', name);
  -- Vacuumed and frozen once, and not again unless something comes.
  execute format('alter table clickledger.%I set (autovacuum_vacuum_insert_threshold = 0, autovacuum_vacuum_insert_scale_factor = 0,'
    ' autovacuum_freeze_min_age = 0)', name);
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
comment on function clickledger.partition_seal(text, date) is 'Checks and counts every row of a partition that is open; returns how many there are. Null: it stays open, because a load wrote into it meanwhile, or because of what hit_partition.fault says.';

-- --- Detached -----------------------------------------------------------------------------------------------------------

create function clickledger.partition_detach(of_table text, of_day date) returns void
  language plpgsql set search_path = pg_catalog, pg_temp set lock_timeout = '1s' as $$
declare
  name text := clickledger.partition_name(of_table, of_day);
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
  if (select r.afterwards from clickledger.hit_retention r where r.table_name = of_table) = 'drop' then
    execute format('drop table clickledger.%I', name);
  else
    execute format('revoke all on clickledger.%I from cl_ingest', name);
    execute format('alter table clickledger.%I enable row level security, force row level security', name);
    execute format('alter table clickledger.%I set schema clickledger_detached', name);
  end if;
end $$;
comment on function clickledger.partition_detach(text, date) is 'Takes a sealed partition out of its table; afterwards it is kept in clickledger_detached or dropped, as hit_retention says. Its rows stay accounted for in hit_sealed. 55P03: its table was busy for a second.';

-- --- What ingest calls --------------------------------------------------------------------------------------------------

create function clickledger.partition_care(ahead_days integer) returns table (action text, table_name text, day date, hits bigint)
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  today date := (now() at time zone 'UTC')::date;
  due record;
begin
  if not pg_try_advisory_xact_lock(hashtext('clickledger.partition_care')) then
    return;
  end if;
  hits := clickledger.partition_ensure(today, today + ahead_days);
  if hits > 0 then
    action := 'made';
    return next;
    return;
  end if;
  -- A day is sealed when it has been over for a day. One that could not be has to wait for its next turn.
  select p.table_name, p.day into due
  from clickledger.hit_partition p
  where p.sealed_at is null and p.day < today - 1 and coalesce(p.tried_at < now() - interval '1 hour', true)
  order by p.tried_at nulls first, p.day, p.table_name limit 1;
  if found then
    hits := clickledger.partition_seal(due.table_name, due.day);
    return query select case when hits is not null then 'sealed' else coalesce(
        (select 'fault' from clickledger.hit_partition p
         where p.table_name = due.table_name and p.day = due.day and p.fault is not null), 'late') end,
      due.table_name, due.day, hits;
    return;
  end if;
  -- Last: whoever holds its table makes it fail, and nothing else is to wait for them.
  select p.table_name, p.day into due
  from clickledger.hit_partition p join clickledger.hit_retention r on r.table_name = p.table_name
  where p.sealed_at is not null and p.detached_at is null and p.day < today - r.keep_days
  order by p.day, p.table_name limit 1;
  if found then
    perform clickledger.partition_detach(due.table_name, due.day);
    return query select 'detached', due.table_name, due.day, null::bigint;
  end if;
end $$;
comment on function clickledger.partition_care(integer) is 'Does the next thing that is due and says what: made (so many partitions, for today and ahead_days days more), sealed (with its rows), fault (it cannot be sealed, see hit_partition.fault), late (a load wrote into it meanwhile), detached (when nothing is left to seal; 55P03: its table is busy). No row: nothing is due, or another process is at it.';

create function clickledger.partition_state() returns table (open bigint, due bigint, faults bigint, sealed bigint, detached bigint, ahead_days integer)
  language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select count(*) filter (where p.sealed_at is null),
    count(*) filter (where p.sealed_at is null and p.day < (now() at time zone 'UTC')::date - 1),
    count(*) filter (where p.fault is not null),
    count(*) filter (where p.sealed_at is not null and p.detached_at is null),
    count(*) filter (where p.detached_at is not null),
    coalesce(max(p.day) - (now() at time zone 'UTC')::date, -1)
  from clickledger.hit_partition p;
end;
comment on function clickledger.partition_state() is 'How many partitions are open, open though they are due to be sealed, at fault, sealed, detached; and for how many days from today on there are some (-1: not even for today).';

-- --- Conservation: what was detached is still accounted for -------------------------------------------------------------

create or replace view clickledger.conservation with (security_invoker = true) as
  select p.producer, p.hits, p.stored, p.dead, p.lost, found.stored as found_stored, found.dead as found_dead, found.lost as found_lost,
    p.hits = p.stored + p.dead + p.lost and p.stored = found.stored and p.dead = found.dead and p.lost = found.lost as holds
  from clickledger.producer p
  cross join lateral (select
    (select count(*) from clickledger.click h where h.producer = p.producer)
      + (select count(*) from clickledger.impression h where h.producer = p.producer)
      + (select count(*) from clickledger.visit h where h.producer = p.producer)
      + (select count(*) from clickledger.promo_entry h where h.producer = p.producer)
      + (select count(*) from clickledger.conversion_report h where h.producer = p.producer)
      + (select coalesce(sum(s.hits), 0)::bigint from clickledger.hit_sealed s
         join clickledger.hit_partition d on d.table_name = s.table_name and d.day = s.day and d.detached_at is not null
         where s.producer = p.producer) as stored,
    (select coalesce(sum(h.hits), 0)::bigint from clickledger.dead_letter h where h.producer = p.producer and h.kind in ('hit', 'row', 'conflict')) as dead,
    (select coalesce(sum(h.hits), 0)::bigint from clickledger.lost_range h where h.producer = p.producer) as lost) as found;

-- --- Who may ------------------------------------------------------------------------------------------------------------

do $$
declare
  name text;
begin
  foreach name in array array['hit_retention', 'hit_partition', 'hit_sealed'] loop
    execute format('alter table clickledger.%I enable row level security', name);
    execute format('alter table clickledger.%I force row level security', name);
    execute format('create policy analyst on clickledger.%I for select to cl_analyst using (true)', name);
    execute format('grant select on clickledger.%I to cl_analyst, cl_ingest', name);
  end loop;
end $$;
revoke execute on function clickledger.partition_name(text, date), clickledger.partition_make(text, date),
  clickledger.partition_late(text, integer[]), clickledger.partition_seal(text, date), clickledger.partition_detach(text, date),
  clickledger.partition_care(integer), clickledger.partition_state() from public;
grant execute on function clickledger.partition_late(text, integer[]), clickledger.partition_care(integer), clickledger.partition_state()
  to cl_ingest;
