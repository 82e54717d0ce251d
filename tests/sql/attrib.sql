-- What attrib's functions answer: times, terms in force, what is on the list.
begin;
set local search_path = clickledger, public;
select plan(21);

-- Times
select is(click_ts('0196f3a1-2b3c-7def-8123-456789abcdef'), '2025-05-21 16:15:48.028+00'::timestamptz, 'the ms of a UUIDv7 is its time');
select is(click_ts('00000000-0001-7000-8000-000000000000'), '1970-01-01 00:00:00.001+00'::timestamptz, 'the first');
select is(click_ts('0699e991-a7ff-7000-8000-000000000000'), '2199-12-31 23:59:59.999+00'::timestamptz, 'the last of a far year');
select is(click_ts(null), null, 'no id, no time');
select is(us_time(time_us('2026-03-10 12:00:00.123456+00')), '2026-03-10 12:00:00.123456+00'::timestamptz, 'microseconds there and back');
select is(us_time(253402300799999999), '9999-12-31 23:59:59.999999+00'::timestamptz, 'also far away');

-- Terms
insert into program (code, name, currency) values ('shop', 'Shop', 'RUB'), ('other', 'Other', 'RUB');
insert into partner (name, status) values ('Anna', 'active'), ('Boris', 'active');
create temporary table known as select
  (select id from program where code = 'shop') as shop, (select id from program where code = 'other') as other,
  (select id from partner where name = 'Anna') as anna, (select id from partner where name = 'Boris') as boris;
insert into terms (program_id, partner_id, version, effective_from, commission_kind, rate_ppm)
select shop, case when own then anna end, version, from_day::timestamptz, 'percent', rate
from known, (values (false, 1, '2026-01-01', 1), (false, 2, '2026-02-01', 2), (false, 3, '2026-02-01', 3),
                    (true, 1, '2026-01-15', 10), (true, 2, '2026-03-01', 20)) as t (own, version, from_day, rate);

select is((select rate_ppm from known, terms_at(shop, boris, '2025-12-31 23:59:59.999999')), null, 'before the first there are none');
select is((select rate_ppm from known, terms_at(shop, boris, '2026-01-01')), 1, 'in force from its moment on');
select is((select rate_ppm from known, terms_at(shop, boris, '2026-01-31 23:59:59.999999')), 1, 'until the next');
select is((select rate_ppm from known, terms_at(shop, boris, '2026-02-01')), 3, 'of two from one moment the higher version');
select is((select rate_ppm from known, terms_at(shop, anna, '2026-01-14')), 1, 'a partner without own terms has the programme''s');
select is((select rate_ppm from known, terms_at(shop, anna, '2026-02-02')), 10, 'own terms beat newer ones of the programme');
select is((select rate_ppm from known, terms_at(shop, anna, '2026-03-01')), 20, 'the newest own ones');
select is((select rate_ppm from known, terms_at(shop, null, '2026-03-01')), 3, 'nobody''s are the programme''s');
select is((select rate_ppm from known, terms_at(other, anna, '2026-03-01')), null, 'another programme has its own');

-- The list
select partition_ensure('2026-03-01', '2026-03-02');
insert into conversion (program_id, kind, order_id, occurred_at, status, currency, amount_minor)
select shop, 'sale', o, '2026-03-01 12:00:00+00', 'approved', 'RUB', 100 from known, unnest(array['plain', 'clicked', 'visited', 'faulty']) as o;
select is_empty($$select * from order_take(10)$$, 'nothing to do');
insert into conversion_key (conversion_id, kind, value)
select id, case order_id when 'clicked' then 'click' else 'visitor' end,
  case order_id when 'clicked' then '019ca940-9440-7000-8000-000000000001'::uuid else '00000000-0000-4000-8000-000000000002' end
from conversion where order_id in ('clicked', 'visited');
insert into shard (id) values (0);
insert into click (ts, click_id, visitor_id, class, reason, status, catalog_revision, producer, seq, content_hash)
values (click_ts('019ca940-9440-7000-8000-000000000009'), '019ca940-9440-7000-8000-000000000009', '00000000-0000-4000-8000-000000000002',
  'human', 'none', 302, 1, '00000000-0000-4000-8000-000000000002', 1, 1);
insert into touch_batch (shard, from_ts, to_ts)
select 0, click_ts('019ca940-9440-7000-8000-000000000001'), click_ts('019ca940-9440-7000-8000-000000000009');
select is(touch_batch_expand(10), 1::bigint, 'a load of touches is taken');
select results_eq('select order_id from order_take(10)', array['clicked', 'visited'], 'and finds the conversions that named or share a visitor with one');
select is(touch_batch_expand(10), 0::bigint, 'once');
delete from conversion_due;
insert into commission (conversion_id, partner_id, program_id, terms_id, currency, base_minor, amount_minor, status, approved, hold_until, revision)
select c.id, k.anna, k.shop, (select min(id) from terms), 'RUB', 100, 10, 'pending', c.order_id <> 'plain', now() - interval '1 s', 1
from conversion c, known k where c.order_id in ('plain', 'clicked', 'faulty');
update conversion set fault = 'x' where order_id = 'faulty';
select results_eq('select order_id from order_take(10)', array['clicked'], 'an ended hold is due if the conversion is approved and healthy');

-- Every function, table and column says what it is.
select is_empty($$
  select o.name from (
    select p.oid::regprocedure::text as name, obj_description(p.oid, 'pg_proc') as text from pg_proc p
    where p.pronamespace = 'clickledger'::regnamespace
    union all
    select c.oid::regclass::text, obj_description(c.oid, 'pg_class') from pg_class c
    where c.relnamespace = 'clickledger'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition
    union all
    select format('%s.%s', c.oid::regclass, a.attname), col_description(c.oid, a.attnum)
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'clickledger'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition) o
  where o.text is null$$, 'everything has a comment');

select * from finish();
rollback;
