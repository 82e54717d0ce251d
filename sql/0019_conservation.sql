-- Every accepted hit is accounted for: accepted = stored + dead + lost + in flight, and the counters are what is there.
--
-- Counting all rows again and again is not possible, so each load says in its transaction how many rows it wrote, by hour.
-- Of these numbers the sums are compared with the producers' counters all the time, and the rows themselves hour by hour:
-- what has changed, and one hour that was not looked at for longest.

alter table clickledger.producer add column accepted bigint not null default 0 check (accepted >= 0);
comment on column clickledger.producer.accepted is 'Hits it has answered, as the tracker said within the last seconds; less than hits when that came later. What is more than hits is in flight.';
grant select (accepted) on clickledger.producer to cl_analyst;

alter table clickledger.dead_letter add column replayed_at timestamptz;
comment on column clickledger.dead_letter.replayed_at is 'When what it holds went in after all (clickledger-ingest replay); null: it has not.';
comment on column clickledger.dead_letter.hits is 'Hits that are only here, unless replayed_at says otherwise; 0 for a frame that is expected again. Those of a fork belong to no producer''s count.';
grant select (replayed_at) on clickledger.dead_letter to cl_analyst;
grant update (reason, replayed_at) on clickledger.dead_letter to cl_ingest;

create table clickledger.stored_hour (
  table_name text not null check (table_name in ('click', 'impression', 'visit', 'promo_entry', 'conversion_report')),
  hour       timestamptz not null,
  shard      integer not null references clickledger.shard,
  hits       bigint not null check (hits > 0),
  primary key (table_name, hour, shard)
) with (fillfactor = 50);
comment on table clickledger.stored_hour is 'Rows written by hour (UTC) of the hit. Moved in the loading transaction, by shard, so that loaders never meet.';
comment on column clickledger.stored_hour.table_name is 'The hit table.';
comment on column clickledger.stored_hour.hour is 'Begin of the hour.';
comment on column clickledger.stored_hour.shard is 'Shard that loaded them.';
comment on column clickledger.stored_hour.hits is 'How many.';

create table clickledger.stored_check (
  table_name text not null,
  hour       timestamptz not null,
  expected   bigint not null,
  found      bigint not null,
  checked_at timestamptz not null default now(),
  primary key (table_name, hour)
);
comment on table clickledger.stored_check is 'What was found when the rows of an hour were last counted.';
comment on column clickledger.stored_check.table_name is 'The hit table.';
comment on column clickledger.stored_check.hour is 'Begin of the hour.';
comment on column clickledger.stored_check.expected is 'Rows written, by stored_hour.';
comment on column clickledger.stored_check.found is 'Rows that were there at the same moment.';
comment on column clickledger.stored_check.checked_at is 'When.';

do $$
declare
  name text;
begin
  foreach name in array array['stored_hour', 'stored_check'] loop
    execute format('alter table clickledger.%I enable row level security', name);
    execute format('alter table clickledger.%I force row level security', name);
    execute format('create policy analyst on clickledger.%I for select to cl_analyst using (true)', name);
    execute format('grant select on clickledger.%I to cl_analyst', name);
    execute format('grant select, insert, update on clickledger.%I to cl_ingest', name);
  end loop;
  -- What is there already. No load may come between.
  lock table clickledger.producer in share mode;
  foreach name in array array['click', 'impression', 'visit', 'promo_entry', 'conversion_report'] loop
    execute format('insert into clickledger.stored_hour select %L, date_trunc(''hour'', h.ts, ''UTC''), p.shard, count(*)
      from clickledger.%I h join clickledger.producer p using (producer) group by 2, 3', name, name);
  end loop;
end $$;

create function clickledger.stored_add(shard integer, table_names text[], hours_ms bigint[], hits bigint[]) returns void
  language sql set search_path = clickledger, pg_temp
begin atomic
  insert into clickledger.stored_hour as s (table_name, hour, shard, hits)
    select a.table_name, to_timestamp(a.hour_ms / 1000), stored_add.shard, a.hits
    from unnest(table_names, hours_ms, hits) as a (table_name, hour_ms, hits) order by 1, 2
  on conflict (table_name, hour, shard) do update set hits = s.hits + excluded.hits;
end;
comment on function clickledger.stored_add(integer, text[], bigint[], bigint[]) is 'Adds rows written to stored_hour: parallel arrays of table, begin of the hour (unix ms) and rows. In the transaction that writes them.';

create function clickledger.click_id_at(at timestamptz) returns uuid
  language sql immutable parallel safe
  return (lpad(to_hex(greatest(floor(extract(epoch from at) * 1000), 0)::bigint), 12, '0') || '00000000000000000000')::uuid;
comment on function clickledger.click_id_at(timestamptz) is 'What is not above any id of that millisecond: ids are in the order of time, so a span of time is a span of the key.';

-- What is compared.

create or replace view clickledger.conservation with (security_invoker = true) as
  select p.producer, p.hits, p.stored, p.dead, p.lost, found.stored as found_stored, found.dead as found_dead, found.lost as found_lost,
    p.hits = p.stored + p.dead + p.lost and p.stored = found.stored and p.dead = found.dead and p.lost = found.lost as holds,
    greatest(p.accepted, p.hits) as accepted, greatest(p.accepted - p.hits, 0) as in_flight
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
    (select coalesce(sum(h.hits), 0)::bigint from clickledger.dead_letter h
     where h.producer = p.producer and h.kind in ('hit', 'row', 'conflict') and h.replayed_at is null) as dead,
    (select coalesce(sum(h.hits), 0)::bigint from clickledger.lost_range h where h.producer = p.producer) as lost) as found;
comment on column clickledger.conservation.accepted is 'Hits it has answered: hits + in_flight.';
comment on column clickledger.conservation.in_flight is 'Of them, those that are still in its journal or in Redis, as far as the tracker has said.';

create view clickledger.conservation_total with (security_invoker = true) as
  select coalesce(sum(greatest(accepted, hits)), 0)::bigint as accepted, coalesce(sum(stored), 0)::bigint as stored,
    coalesce(sum(dead), 0)::bigint as dead, coalesce(sum(lost), 0)::bigint as lost,
    coalesce(sum(greatest(accepted - hits, 0)), 0)::bigint as in_flight
  from clickledger.producer;
comment on view clickledger.conservation_total is 'All producers together: accepted = stored + dead + lost + in_flight, by the counters.';
comment on column clickledger.conservation_total.accepted is 'Hits that trackers have answered.';
comment on column clickledger.conservation_total.stored is 'Of them, rows.';
comment on column clickledger.conservation_total.dead is 'Of them, dead letters.';
comment on column clickledger.conservation_total.lost is 'Of them, lost.';
comment on column clickledger.conservation_total.in_flight is 'Of them, in journals or in Redis.';

create view clickledger.conservation_alarm with (security_invoker = true) as
  select 'counters' as kind, p.producer::text as subject, p.hits::numeric as expected, (p.stored + p.dead + p.lost)::numeric as found
  from clickledger.producer p where p.hits <> p.stored + p.dead + p.lost
  union all
  select 'dead_letters', coalesce(p.producer, d.producer)::text, coalesce(p.dead, 0), coalesce(d.hits, 0)
  from (select * from clickledger.producer where dead <> 0) p
  full join (select producer, sum(hits) as hits from clickledger.dead_letter
             where kind in ('hit', 'row', 'conflict') and replayed_at is null group by producer) d using (producer)
  where coalesce(p.dead, 0) <> coalesce(d.hits, 0)
  union all
  select 'lost_ranges', coalesce(p.producer, l.producer)::text, coalesce(p.lost, 0), coalesce(l.hits, 0)
  from (select * from clickledger.producer where lost <> 0) p
  full join (select producer, sum(hits) as hits from clickledger.lost_range group by producer) l using (producer)
  where coalesce(p.lost, 0) <> coalesce(l.hits, 0)
  union all
  select 'shard', coalesce(p.shard, h.shard)::text, coalesce(p.stored, 0), coalesce(h.hits, 0)
  from (select shard, sum(stored) as stored from clickledger.producer group by shard) p
  full join (select shard, sum(hits) as hits from clickledger.stored_hour group by shard) h using (shard)
  where coalesce(p.stored, 0) <> coalesce(h.hits, 0)
  union all
  select 'rows', c.table_name || ' ' || to_char(c.hour at time zone 'UTC', 'YYYY-MM-DD"T"HH24"Z"'), c.expected, c.found
  from clickledger.stored_check c where c.expected <> c.found;
comment on view clickledger.conservation_alarm is 'What does not add up; empty when every hit is accounted for. counters: a producer''s sum; dead_letters, lost_ranges: a producer''s counter against those rows; shard: the producers'' stored against rows written; rows: an hour of a hit table against the rows found in it at its last check.';
comment on column clickledger.conservation_alarm.kind is 'What was compared: counters, dead_letters, lost_ranges, shard, rows.';
comment on column clickledger.conservation_alarm.subject is 'Producer, shard, or table and hour.';
comment on column clickledger.conservation_alarm.expected is 'Hits there must be.';
comment on column clickledger.conservation_alarm.found is 'Hits there are.';
grant select on clickledger.conservation_total, clickledger.conservation_alarm to cl_ingest, cl_analyst;

create function clickledger.stored_check_hour(of_table text, of_hour timestamptz) returns void
  language plpgsql set search_path = clickledger, pg_temp set timezone = 'UTC' as $$
declare
  id text := case of_table when 'click' then 'click_id' when 'conversion_report' then 'id' else 'hit_id' end;
begin
  -- One statement, so that both numbers are of the same moment.
  execute format($count$
    insert into stored_check as c (table_name, hour, expected, found)
      select $1, $2, (select coalesce(sum(s.hits), 0) from stored_hour s where s.table_name = $1 and s.hour = $2),
        (select count(*) from %1$I h where h.ts >= $2 and h.ts < $3 and h.%2$I >= $4 and h.%2$I < $5)
    on conflict (table_name, hour) do update
      set expected = excluded.expected, found = excluded.found, checked_at = excluded.checked_at$count$, of_table, id)
    using of_table, of_hour, of_hour + interval '1 hour', click_id_at(of_hour), click_id_at(of_hour + interval '1 hour');
end $$;
comment on function clickledger.stored_check_hour(text, timestamptz) is 'Counts the rows of an hour of a hit table and keeps what was found beside what was written.';

create function clickledger.stored_hours_due(changed boolean) returns table (table_name text, hour timestamptz)
  language sql stable set search_path = clickledger, pg_temp set timezone = 'UTC' as $$
  select s.table_name, s.hour
  from (select table_name, hour, sum(hits) as hits from stored_hour group by table_name, hour) s
  left join stored_check c on c.table_name = s.table_name and c.hour = s.hour
  where (c.expected is distinct from s.hits or c.expected <> c.found) = changed
    -- A second's rest for 5,000 rows, which takes 10 ms or less to count: about a hundredth of a core, however fast an hour grows.
    and coalesce(c.checked_at < now() - least(s.hits, 1e9) * interval '0.2 ms', true)
    and not exists (select from hit_partition p
      where p.table_name = s.table_name and p.day = (s.hour at time zone 'UTC')::date and p.detached_at is not null)
  order by case when not changed then c.checked_at end, s.hour desc
$$;
comment on function clickledger.stored_hours_due(boolean) is 'Hours of hit tables whose rows should be counted, next first. changed: those into which something was written since, that were never counted, or did not add up; else those that were not counted for longest. None that was counted a moment ago, for its size.';

create function clickledger.conservation_check(budget_ms integer, alarms_max integer default 10) returns text
  language plpgsql set search_path = clickledger, pg_temp set timezone = 'UTC' set jit = off as $$
declare
  until constant timestamptz := clock_timestamp() + budget_ms * interval '1 ms';
  due record;
begin
  if pg_try_advisory_xact_lock(25454, 0) then
    for due in select * from stored_hours_due(true) loop
      perform stored_check_hour(due.table_name, due.hour);
      exit when clock_timestamp() > until;
    end loop;
    -- One of those in which nothing should have changed.
    for due in select * from stored_hours_due(false) limit 1 loop
      perform stored_check_hour(due.table_name, due.hour);
    end loop;
    delete from stored_check c using hit_partition p
    where p.table_name = c.table_name and p.day = (c.hour at time zone 'UTC')::date and p.detached_at is not null;
  end if;
  return (select format('%s %s %s %s %s %s', t.accepted, t.stored, t.dead, t.lost, t.in_flight, (select count(*) from conservation_alarm))
          from conservation_total t)
    || coalesce((select string_agg(format(E'\n%s %s %s %s', replace(a.kind, ' ', '_'), replace(a.subject, ' ', '_'), a.expected, a.found), '')
                 from (select * from conservation_alarm order by kind, subject limit alarms_max) a), '');
end $$;
comment on function clickledger.conservation_check(integer, integer) is 'Counts the rows of changed hours for about budget_ms and of one other hour, one process at a time; then tells how everything adds up: a line of accepted, stored, dead, lost, in flight and the number of alarms, then up to alarms_max lines of kind, subject, expected, found.';
grant delete on clickledger.stored_check to cl_ingest;

grant execute on function clickledger.stored_add(integer, text[], bigint[], bigint[]), clickledger.click_id_at(timestamptz),
  clickledger.stored_check_hour(text, timestamptz), clickledger.stored_hours_due(boolean), clickledger.conservation_check(integer, integer) to cl_ingest;
