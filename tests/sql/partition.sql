-- Partitions of the hit tables: made, sealed, opened again by late hits, detached, and accounted for all the while.
begin;
set local search_path = clickledger, public;
select plan(75);

create function pg_temp.click(id uuid, at timestamptz default null) returns void language sql as $$
  insert into clickledger.click (ts, click_id, class, reason, status, catalog_revision, producer, seq, content_hash)
  values (coalesce(at, clickledger.click_ts(id)), id, 'human', 'none', 302, 1, '00000000-0000-4000-8000-00000000000a', 1, 1)
$$;
create function pg_temp.care() returns text language sql as $$
  select concat_ws(' ', action, table_name, day, hits) from clickledger.partition_care(3)
$$;

-- Made
select is(partition_ensure('2026-03-01', '2026-03-03'), 12, 'four tables, three days');
select is(partition_ensure('2026-03-01', '2026-03-03'), 0, 'once');
select is((select count(*) from hit_partition where day between '2026-03-01' and '2026-03-03' and sealed_at is null), 12::bigint, 'all are open');
select throws_ok($$select partition_ensure('2026-01-01', '2027-03-01')$$, 'P0001', null, 'not more than 400 days at once');
select is_empty($$select oid::regclass from pg_class where relispartition and pg_get_expr(relpartbound, oid) = 'DEFAULT'$$,
  'there is no default partition for anything to land in');
select is_empty($$
  select c.oid::regclass from pg_class c join pg_inherits i on i.inhrelid = c.oid
  where c.relkind = 'r' and c.relnamespace = 'clickledger'::regnamespace
    and (select count(*) from pg_index x where x.indrelid = c.oid and x.indisvalid) < (select count(*) from pg_index x where x.indrelid = i.inhparent)$$,
  'every partition has all indexes of its table');
select ok(has_table_privilege('cl_ingest', 'click_20260301', 'insert') and not has_table_privilege('cl_ingest', 'click_20260301', 'select, update, delete'),
  'cl_ingest writes into a partition and does nothing else there');
select is((select count(*) from hit_retention where keep_days is null), 0::bigint, 'every table has a retention');
select throws_ok($$update hit_retention set keep_days = 401 where table_name = 'click'$$, '23514', null, 'touches are kept longer than attribution looks back');
select lives_ok($$update hit_retention set keep_days = 402 where table_name = 'click'$$, 'but not for ever');
select throws_ok($$update hit_retention set keep_days = 29 where table_name = 'visit'$$, '23514', null, 'others at least 30 days');
select throws_ok($$update hit_retention set afterwards = 'burn'$$, '23514', null, 'detached tables are kept or dropped');

-- Sealed; 019ca940-9440 is 2026-03-01 09:00:00
select pg_temp.click('019ca940-9440-7000-8000-000000000001');
select pg_temp.click('019ca940-9440-7000-8000-000000000002');
select is(partition_seal('click', '2026-03-01'), 2::bigint, 'a sealed partition was counted');
select results_eq($$select sealed_rows, fault, late_loads from hit_partition where table_name = 'click' and day = '2026-03-01'$$,
  $$values (2::bigint, null::text, 0::bigint)$$, 'and is noted');
select results_eq($$select producer::text, hits from hit_sealed where table_name = 'click' and day = '2026-03-01'$$,
  $$values ('00000000-0000-4000-8000-00000000000a', 2::bigint)$$, 'its rows by producer');
select ok('autovacuum_freeze_min_age=0' = any (reloptions), 'it will be frozen') from pg_class where oid = 'click_20260301_0'::regclass;
select is(partition_seal('visit', '2026-03-01'), 0::bigint, 'an empty one, too');

-- Late
select partition_late('click', array['2026-03-01'::date - '1970-01-01'::date]);
select pg_temp.click('019ca940-9440-7000-8000-000000000003');
select results_eq($$select sealed_at, sealed_rows, late_loads from hit_partition where table_name = 'click' and day = '2026-03-01'$$,
  $$values (null::timestamptz, null::bigint, 1::bigint)$$, 'a late hit opens it');
select is_empty($$select from hit_sealed where table_name = 'click' and day = '2026-03-01'$$, 'nothing is known of it then');
select is((select sealed_rows from hit_partition where table_name = 'visit' and day = '2026-03-01'), 0::bigint, 'others stay sealed');
select is(partition_seal('click', '2026-03-01'), 3::bigint, 'and it is sealed again');

-- At fault
select pg_temp.click('019ca940-9440-7000-8000-000000000004', '2026-03-01 09:00:00.001+00');
select partition_late('click', array['2026-03-01'::date - '1970-01-01'::date]);
select is(partition_seal('click', '2026-03-01'), null, 'a partition with a wrong row is not sealed');
select is((select fault from hit_partition where table_name = 'click' and day = '2026-03-01'), '1 rows whose ts is not that of their id', 'and says why');
select is_empty($$select from hit_sealed where table_name = 'click' and day = '2026-03-01'$$, 'nothing is counted');
select is((select faults from partition_state()), 1::bigint, 'which shows');
select throws_ok($$select partition_detach('click', '2026-03-01')$$, 'P0001', null, 'what is not sealed is not detached');
delete from click where click_id = '019ca940-9440-7000-8000-000000000004';
select is(partition_seal('click', '2026-03-01'), 3::bigint, 'without that row it is');
select is((select faults from partition_state()), 0::bigint, 'the fault has gone');

-- Detached
insert into shard (id) values (0);
insert into producer (producer, shard, hits, stored) values ('00000000-0000-4000-8000-00000000000a', 0, 3, 3);
select ok(holds, 'the rows are accounted for') from conservation;
select lives_ok($$select partition_detach('click', '2026-03-01')$$, 'a sealed one is detached');
select is((select count(*) from click where producer = '00000000-0000-4000-8000-00000000000a'), 0::bigint, 'its rows have left the table');
select is((select count(*) from clickledger_detached.click_20260301), 3::bigint, 'and are kept');
select ok(relrowsecurity and relforcerowsecurity, 'behind row security') from pg_class where oid = 'clickledger_detached.click_20260301'::regclass;
select is_empty($$select a.grantee::regrole from pg_class c, aclexplode(c.relacl) a
                  where c.oid = 'clickledger_detached.click_20260301'::regclass and a.grantee <> c.relowner$$, 'without grants');
select results_eq($$select found_stored, holds from conservation$$, $$values (3::bigint, true)$$, 'they are still accounted for');
select throws_ok($$select pg_temp.click('019ca940-9440-7000-8000-000000000005')$$, '23514', null, 'a late hit is refused, not put elsewhere');
select is(partition_ensure('2026-03-01', '2026-03-01'), 0, 'the day is not made again');
select partition_late('click', array['2026-03-01'::date - '1970-01-01'::date]);
select results_eq($$select found_stored, holds from conservation$$, $$values (3::bigint, true)$$, 'nor opened');
select throws_ok($$select partition_detach('click', '2026-03-01')$$, 'P0001', null, 'once');
update hit_retention set afterwards = 'drop' where table_name = 'visit';
select partition_detach('visit', '2026-03-01');
select ok(to_regclass('clickledger.visit_20260301') is null and to_regclass('clickledger_detached.visit_20260301') is null, 'or dropped, if that is the policy');

-- Parts of days of clicks
select is(to_regclass('clickledger.click_20260302_0'), partition_parts('click', '2026-03-02'), 'a day of clicks has one part');
select is(partition_parts('visit', '2026-03-02'), 'visit_20260302'::regclass, 'others are one');
create temporary table made as select part_make('2026-03-02') as number;
select is((select number from made), currval('click_part_number')::integer, 'another one is made');
select is((select count(*) from partition_parts('click', '2026-03-02')), 1::bigint, 'and is nobody''s yet');
create function pg_temp.part_click(id uuid) returns void language plpgsql as $$
begin
  execute format('insert into clickledger.%I (ts, click_id, class, reason, status, catalog_revision, producer, seq, content_hash)'
    ' values (clickledger.click_ts($1), $1, ''human'', ''none'', 302, 1, ''00000000-0000-4000-8000-00000000000a'', 1, 1)',
    'click_20260302_' || (select number from made)) using id;
end $$;
-- 019caed8-8ac0 is 2026-03-02 13:59:12
select throws_ok($$select pg_temp.part_click('019ca940-9440-7000-8000-000000000001')$$, '23514', null, 'it takes clicks of its day alone');
select pg_temp.part_click('019caed8-8ac0-7000-8000-000000000001');
select pg_temp.part_click('019caed8-8ac0-7000-8000-000000000002');
select pg_temp.click('019caed8-8ac0-7000-8000-000000000003');
select lives_ok($$select part_attach('2026-03-02', number) from made$$, 'it is hung into its day');
select results_eq($$select part > 0, count(*) from click where ts >= '2026-03-02Z' and ts < '2026-03-03Z' group by 1 order by 1$$,
  $$values (false, 1::bigint), (true, 2::bigint)$$, 'whose clicks then lie in two parts');
select bag_eq($$select regexp_replace(pg_get_indexdef(indexrelid), 'click_\d+_\d+', 'x', 'g') from pg_index x, made where indrelid = ('click_20260302_' || number)::regclass$$,
  $$select regexp_replace(pg_get_indexdef(indexrelid), 'click_\d+_\d+', 'x', 'g') from pg_index where indrelid = 'click_20260302_0'::regclass$$, 'with the same indexes');
select throws_ok($$select part_attach('2026-03-02', number) from made$$, '42P16', null, 'once');
select is(partition_seal('click', '2026-03-02'), 3::bigint, 'both are sealed');
select partition_late('click', array['2026-03-02'::date - '1970-01-01'::date]);
select pg_temp.click('019caed8-8ac0-7000-8000-000000000002');
insert into click_hourly values ('2026-03-02 13:00Z', 0, 0, 0, 0, 'human', 4);
insert into stored_hour values ('click', '2026-03-02 13:00Z', 0, 4);
update producer set hits = 7, stored = 7;
select ok(part_reaches('019caed8-8ac0-7000-8000-000000000002', '019caed8-8ac0-7000-8000-000000000009')
  and not part_reaches('019caed8-8ac0-7000-8000-000000000003', '019caed8-8ac0-7000-8000-000000000009'), 'parts are known by their ids');
select ok(part_holds('{019caed8-8ac0-7000-8000-000000000003, 019caed8-8ac0-7000-8000-000000000001}')
  and not part_holds('{019caed8-8ac0-7000-8000-000000000003}'), 'what stands in part 0 does not count');
select is(partition_seal('click', '2026-03-02'), null, 'a day with an id that stands in two parts is not sealed');
select is(partition_seal('click', '2026-03-02'), 3::bigint, 'the next time it is, and counts it once');
select results_eq($$select part > 0 from click where click_id = '019caed8-8ac0-7000-8000-000000000002'$$, array[false], 'in the lower one');
select results_eq($$select kind, hits, reason, convert_from(bytes, 'UTF8')::jsonb ->> 'click_id' from dead_letter$$,
  $$values ('conflict', 1, 'the id is there, with the same content', '019caed8-8ac0-7000-8000-000000000002')$$, 'the other row is a dead letter');
select results_eq($$select stored, dead, holds from conservation$$, $$values (6::bigint, 1::bigint, true)$$, 'which is accounted for');
select is((select sum(clicks) from click_hourly where hour = '2026-03-02 13:00Z'), 3::numeric, 'so by the rollup');
select is((select sum(hits) from stored_hour where hour = '2026-03-02 13:00Z'), 3::numeric, 'and by the hour');
select is((select count(part_make('2026-03-03')) from generate_series(1, 70)), 70::bigint, 'parts that are not hung into their day do not count');
do $$
declare
  number integer;
begin
  for i in 1..62 loop
    number := clickledger.part_make('2026-03-02');
    execute format('alter table clickledger.click_20260302 attach partition clickledger.%I for values in (%s)', 'click_20260302_' || number, number);
  end loop;
end $$;
select is(part_make('2026-03-02'), null, 'a day has 64 parts');
select is(part_make('2026-02-01'), null, 'a day that is not there has none');

-- One thing after the other
select partition_ensure((now() - interval '410 days')::date, (now() - interval '410 days')::date);
select matches(pg_temp.care(), '^made \d+$', 'partitions ahead come first');
select is((select ahead_days from partition_state()), 3, 'three days');
select matches(pg_temp.care(), '^sealed click ' || (now() - interval '410 days')::date || ' 0$', 'then the oldest day that is over is sealed');
create function pg_temp.care_until(action text) returns text language plpgsql as $$
declare
  done text;
begin
  loop
    done := pg_temp.care();
    exit when done is null or done ~ ('^' || action);
  end loop;
  return done;
end $$;

-- Rollups of a day lie together by partner
insert into click_hourly (hour, shard, program_id, partner_id, link_id, class, clicks)
  select h, s, 1, p, 7, 'human', 10 * p + s from generate_series('2026-03-01Z', '2026-03-02Z', interval '6 hours') h, generate_series(0, 1) s, unnest(array[902, 901]) p;
insert into unique_hourly (hour, program_id, partner_id, link_id, sketch)
  select h, 1, p, 7, repeat('01', 10240)::bit(20480) from generate_series('2026-03-01Z', '2026-03-01T18:00Z', interval '6 hours') h, unnest(array[902, 901]) p;
create temporary table hourly_before as select * from click_hourly;
create temporary table unique_before as select * from unique_hourly;
select ok(rollup_cluster('2026-03-01'), 'nobody settles');
select results_eq($$select partner_id from click_hourly where hour >= '2026-03-01Z' and hour < '2026-03-02Z' order by ctid$$,
  $$select unnest(array_fill(901::bigint, array[8]) || array_fill(902::bigint, array[8]))$$, 'one partner behind the other');
select results_eq($$select partner_id from unique_hourly order by ctid$$, $$select unnest(array_fill(901::bigint, array[4]) || array_fill(902::bigint, array[4]))$$,
  'their visitors, too');
select set_eq('select * from click_hourly', 'select * from hourly_before', 'and say what they said');
select set_eq('select * from unique_hourly', 'select * from unique_before', 'both of them');
select is(pg_temp.care_until('clustered'), 'clustered click ' || (now() - interval '410 days')::date, 'when all that is over is sealed, the rollups of its days are clustered');
select is((select count(*) from hit_partition where clustered_at is not null and table_name <> 'click'), 0::bigint, 'days of clicks alone have them');
select isnt((select clustered_at from hit_partition where table_name = 'click' and day = (now() - interval '410 days')::date), null, 'each is once');
select is(pg_temp.care_until('detached'), 'detached click ' || (now() - interval '410 days')::date, 'and when all are, what is older than its retention is detached');
do $$ begin for i in 1..100 loop exit when not exists (select from clickledger.partition_care(3)); end loop; end $$;
select results_eq($$select distinct day >= current_date - 1 from hit_partition where sealed_at is null$$, array[true], 'in the end all days that are over are sealed');

select * from finish();
rollback;
