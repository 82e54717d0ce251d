-- A partner's month from the rollups: read from a few blocks, and its visitors counted with half the steps.

-- --- Rows that are read together lie together ---------------------------------------------------------------------------

alter table clickledger.hit_partition add column clustered_at timestamptz;
comment on column clickledger.hit_partition.clustered_at is 'When the rollups of its day were laid together by partner (rollup_cluster); null: not yet, or it is no table of clicks.';

-- Hours come one after the other, and each has a row or two of every partner: of a partner's month every row lay in a block of its own,
-- which was most of what reading it took. All who write sketches or shard -1, in any order, hold the lock that is asked for; loads of late
-- hits wait for a row that is moved, in the order of the key as they lock rows themselves, and then find the new one.
create function clickledger.rollup_cluster(of_day date) returns boolean
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  from_at constant timestamptz := of_day::timestamp at time zone 'UTC';
  to_at constant timestamptz := (of_day + 1)::timestamp at time zone 'UTC';
  partners bigint[];
begin
  if not pg_try_advisory_xact_lock(25454, 0) then
    return false;
  end if;
  perform from click_hourly where hour >= from_at and hour < to_at
    order by partner_id, hour, program_id, link_id, class, shard for update;
  with taken as (
    delete from click_hourly where hour >= from_at and hour < to_at returning *)
  insert into click_hourly select * from taken order by partner_id, hour, program_id, link_id, class, shard;
  -- Sketches are found by partner; those of a whole programme stand under 0.
  partners := array(select distinct partner_id from click_hourly where hour >= from_at and hour < to_at) || 0::bigint;
  with taken as (
    delete from unique_hourly where partner_id = any (partners) and hour >= from_at and hour < to_at returning *)
  insert into unique_hourly select * from taken order by partner_id, hour, program_id, link_id;
  update hit_partition set clustered_at = now() where table_name = 'click' and day = of_day;
  return true;
end $$;
comment on function clickledger.rollup_cluster(date) is 'Lays the rows of click_hourly and unique_hourly of a day (UTC) beside each other, partner by partner; false: somebody settles, reclassifies or rebuilds now, and nothing was done. Nothing that they say changes. A load of late hits of that day waits until it ends; a deadlock with two of them is possible (40P01) and harms nobody, who is cancelled comes again.';

create or replace function clickledger.partition_care(ahead_days integer) returns table (action text, table_name text, day date, hits bigint)
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
  select p.day into due
  from clickledger.hit_partition p
  where p.table_name = 'click' and p.sealed_at is not null and p.clustered_at is null and p.detached_at is null
  order by p.day limit 1;
  if found then
    -- Who holds rows of a day must not keep others from being detached.
    begin
      if clickledger.rollup_cluster(due.day) then
        return query select 'clustered', 'click', due.day, null::bigint;
        return;
      end if;
    exception when lock_not_available or deadlock_detected then
      null;
    end;
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
comment on function clickledger.partition_care(integer) is 'Does the next thing that is due and says what: made (so many partitions, for today and ahead_days days more), sealed (with its rows), fault (it cannot be sealed, see hit_partition.fault), late (a load wrote into it meanwhile), clustered (the rollups of a sealed day of clicks), detached (when nothing is left to seal; 55P03: its table is busy). No row: nothing is due, or another process is at it.';

-- --- Visitors -----------------------------------------------------------------------------------------------------------

-- The most likely number of visitors: the root of the likelihood's slope, which falls from infinity at 0, by Newton's method
-- from what a level that is neither empty nor full says by itself (linear counting). What levels behind the last one with a bit add
-- does not depend on the number.
create or replace function clickledger.sketch_count(sketch bit) returns bigint
  language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
declare
  filled double precision[] := array(select bit_count(substring(sketch from 1 + 1024 * k for 1024)) from generate_series(0, 19) as k);
  level integer := 1;
  last integer := 20;
  empty double precision;
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
  while last > 1 and filled[last] = 0 loop
    last := last - 1;
  end loop;
  empty := case when last < 20 then 2.0 ^ -last else 0 end; -- of what all levels behind the last one add to f
  n := greatest(-1024 * ln(1 - least(filled[level], 1023) / 1024) * 2.0 ^ least(level, 19), bit_count(sketch));
  while n > 0 loop
    f := -empty;
    slope := 0;
    rate := 1.0 / 1024;
    for k in 1..last loop
      -- Of n visitors, n * rate are expected at one bit of the level; the last two levels share what is left.
      if k < 20 then
        rate := rate / 2;
      end if;
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

revoke execute on function clickledger.rollup_cluster(date) from public;
