-- Unique visitors: what a sketch stands for against how many there were, the union of sketches, and the hash behind it.
begin;
set local search_path = clickledger, public;
select no_plan();

create function pg_temp.sketch(from_n integer, to_n integer, salt text) returns bit language sql as $$
  select bit_or(set_bit(repeat('0', 20480)::bit(20480), sketch_place(visitor_hash(md5(salt || n)::uuid, null, null)), 1))
  from generate_series(from_n, to_n) as n
$$;

-- Errors of 60 sketches of each size: their root mean square against what the comment of sketch_count says, their mean against 0.
create temporary table tried as
select n, (sketch_count(pg_temp.sketch(1, n, format('%s-%s-', n, k)))::numeric - n) / n as error
from unnest(array[1, 10, 100, 1000, 5000, 20000]) as n, generate_series(1, case when n > 1000 then 20 else 60 end) as k;
select cmp_ok(max(sqrt_error), '<=', limit_error, format('standard error at %s is at most %s', n, limit_error)) from (
  select n, sqrt(avg(error * error)) as sqrt_error,
    case when n = 1 then 0 when n = 10 then 0.04 when n = 100 then 0.015 when n = 1000 then 0.026 else 0.033 end as limit_error
  from tried group by n) e group by n, limit_error order by n;
select cmp_ok(max(abs(mean_error)), '<=', (0.022 / sqrt(20) * 3)::numeric, 'no bias at ' || n) from (
  select n, avg(error) as mean_error from tried group by n) e group by n order by n;

select is(sketch_count(repeat('0', 20480)::bit(20480)), 0::bigint, 'nobody');
select is(sketch_count(null), null::bigint, 'no sketch');
-- With all levels in each step, as the likelihood says it.
create function pg_temp.count_in_full(sketch bit) returns bigint language plpgsql as $$
declare
  filled double precision[] := array(select bit_count(substring(sketch from 1 + 1024 * k for 1024)) from generate_series(0, 19) as k);
  low double precision := 0;
  high double precision := 2.0 ^ 40;
  n double precision;
  f double precision;
begin
  for step in 1..80 loop
    n := (low + high) / 2;
    f := 0;
    for k in 1..20 loop
      f := f + 2.0 ^ -least(k, 19) * (filled[k] / (exp(least(n * 2.0 ^ -least(k, 19) / 1024, 300)) - 1) - 1024 + filled[k]);
    end loop;
    if f > 0 then low := n; else high := n; end if;
  end loop;
  return round(n);
end $$;
select is_empty($$
  select n from unnest(array[1, 2, 10, 100, 1000, 10000, 100000]) as n, lateral (select pg_temp.sketch(1, n, 'full') as made) s
  where abs(sketch_count(s.made) - pg_temp.count_in_full(s.made)) > 1 + n / 1000$$, 'the root that a search by halves finds');
select is_empty($$
  select k from generate_series(1, 20) as k,
    lateral (select rpad(repeat('1', 1024 * (k - 1)) || repeat('01', 512), 20480, '0')::bit(20480) as made) s
  where abs(sketch_count(s.made) - pg_temp.count_in_full(s.made)) > 1 + sketch_count(s.made) / 1000$$, 'whatever the last level with a bit is');
select cmp_ok(sketch_count(repeat('1', 20480)::bit(20480)), '>', 1000000000::bigint, 'a full sketch ends, too');
select is(sketch_count(pg_temp.sketch(1, 700, 'a') | pg_temp.sketch(301, 1000, 'a')), sketch_count(pg_temp.sketch(1, 1000, 'a')), 'a union counts nobody twice');

select is((select count(*) from generate_series(0, 1023) as h where sketch_place(h) = h + 1024 * 19), 1024::bigint, 'the last level takes what has no end');
select is(array[sketch_place(1024), sketch_place(2048 + 5), sketch_place(-1)], array[0, 1024 + 5, 1023], 'zeros at the end are the level');
select isnt(visitor_hash(null, 1, 'a'), visitor_hash(null, 1, 'b'), 'a user agent tells people of an address apart');
select is(visitor_hash('00000000-0000-7000-8000-000000000001', 1, 'a'), visitor_hash('00000000-0000-7000-8000-000000000001', 2, 'b'), 'a cookie decides');
select is(visitor_hash(null, null, 'a'), null::bigint, 'a user agent alone is nobody');
select is((click_keys(1, null, '00000000-0000-7000-8000-000000000001', null, 'a'))[2], null::bigint, 'no address, no key of an address');
select isnt(click_keys(1, null, '00000000-0000-7000-8000-000000000001', 1, 'a'), click_keys(2, null, '00000000-0000-7000-8000-000000000001', 1, 'a'), 'another link, another key');
select is(click_ts(click_id_at('2026-11-25T12:00:00.123Z')), '2026-11-25T12:00:00.123Z', 'an id of a millisecond');
select is(right(click_id_at('2026-11-25T12:00:00.123Z')::text, 22), '0000-0000-000000000000', 'that no other id of it is below');
select * from finish();
rollback;
