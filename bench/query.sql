-- A year of an installation, made inside PostgreSQL: clicks with their hourly rollup, conversions with credits, commissions, ledger
-- and theirs. Variables: clicks, days, partners, until (the day behind the last), sketched. The same variables make the same rows.
-- The clicks of the partners are as uneven as in life: the first percent has 10 % of them.

set jit = off;
set synchronous_commit = off;
set work_mem = '256MB';
set maintenance_work_mem = '256MB';
set max_parallel_workers_per_gather = 0;
set search_path = clickledger;
select setseed(0.42);

create function pg_temp.uuid_v7(ts timestamptz, n bigint, salt text) returns uuid language sql immutable as $$
  select (lpad(to_hex((extract(epoch from ts) * 1000)::bigint), 12, '0') || '7' || substr(h, 1, 3) || '8' || substr(h, 4, 15))::uuid
  from md5(n || salt) h
$$;

insert into program (code, name, currency, time_zone, created_at)
  select 'bench' || n, 'Programme ' || n, case n when 5 then 'EUR' else 'RUB' end,
    (array['Europe/Moscow', 'Europe/Moscow', 'Asia/Yekaterinburg', 'UTC', 'Europe/Berlin'])[n], '2025-01-01'
  from generate_series(1, 5) as n;
create temporary table bench_program as select row_number() over (order by id) as n, id, currency, time_zone from program where code ~ '^bench';
insert into terms (program_id, version, effective_from, commission_kind, rate_ppm, hold_days, window_days)
  select id, 1, '2025-01-01', 'percent', 100000, 14, 30 from bench_program;
insert into partner (name, status) select 'Bench partner ' || n, 'active' from generate_series(1, :partners) as n;
create temporary table bench_partner as
  select row_number() over (order by a.id) as n, a.id, g.id as program_id
  from partner a join bench_program g on g.n = 1 + a.id % 5 where a.name ~ '^Bench partner';
insert into link (program_id, partner_id, slug, target_url, name)
  select program_id, id, 'bench-' || n || '-' || side, 'https://shop.example/landing?campaign=bench', 'Bench link'
  from bench_partner, generate_series(1, 2) as side;
create temporary table bench_link as
  select a.n, row_number() over (partition by a.n order by l.id) as side, l.id, l.slug, a.id as partner_id, a.program_id
  from link l join bench_partner a on a.id = l.partner_id;
create unique index on bench_link (n, side);
insert into api_key (kind, partner_id, name, prefix, key_hash)
  select 'partner', id, 'bench', left('cl_partner_bench', 16), key_hash('cl_partner_bench_' || n) from bench_partner;
analyze bench_link;

select partition_ensure((:'until'::date - :days - 1), :'until'::date) as partitions;

-- Clicks. One in five is not counted; every other one has a visitor's cookie, a visitor comes thrice.
insert into click (ts, click_id, visitor_id, program_id, partner_id, link_id, class, reason, status, method, host, path,
  language, sub1, utm_source, utm_medium, catalog_revision, producer, seq, content_hash, country, device, os, browser, class_version, referrer_host)
select m.ts, pg_temp.uuid_v7(m.ts, m.n, 'click'), case when m.n % 2 = 0 then md5('visitor' || m.n / 6)::uuid end, l.program_id, l.partner_id, l.id,
  case when m.kind < 0.8 then 'human' when m.kind < 0.92 then 'bot' when m.kind < 0.96 then 'preview' when m.kind < 0.98 then 'duplicate' else 'invalid' end::hit_class,
  case when m.kind < 0.8 then 'none' else 'bench' end, 302, 'GET', 'go.example', l.slug,
  'ru', 'sub' || m.n % 1000, 'source' || m.n % 20, 'medium' || m.n % 3, 1, '00000000-0000-4000-8000-000000000001', m.n, m.n, 'RU', 'phone', 'android', 'chrome', 1,
  'blog' || m.n % 5000 || '.example'
from (
  select n, random() as kind, 1 + floor(:partners * power(random(), 2))::bigint as partner, 1 + floor(2 * power(random(), 2))::bigint as side,
    date_trunc('milliseconds', :'until'::timestamptz - :days * interval '1 day' + n * (:days * interval '1 day' / (:clicks + 1))) as ts
  from generate_series(1, :clicks) as n) as m
join bench_link l on l.n = m.partner and l.side = m.side;

insert into click_hourly (hour, shard, program_id, partner_id, link_id, class, clicks)
select date_trunc('hour', ts, 'UTC'), 0, program_id, partner_id, link_id, class, count(*) from click group by 1, 3, 4, 5, 6 order by 1;

-- Sketches of unique visitors of the last :sketched days, which the questions are about: those of a year take 4 GB.
select count(unique_add(day, day + interval '1 day' - interval '1 ms')) as sketched_days
  from generate_series(:'until'::timestamptz - :sketched * interval '1 day', :'until'::timestamptz - interval '1 day', interval '1 day') as day;

-- As ingest does with days that are over, and autovacuum behind it.
select count(*) filter (where rollup_cluster(:'until'::date - n)) as clustered from generate_series(1, :days) as n;
vacuum clickledger.click_hourly;
vacuum clickledger.unique_hourly;

-- Every hundredth click of a person orders within three days.
create temporary table bench_order as
  select row_number() over (order by k.click_id) as n, k.click_id, k.visitor_id, k.ts as touch_ts, k.program_id, k.partner_id, k.link_id,
    least(k.ts + interval '1 minute' + random() * interval '3 days', :'until'::timestamptz - interval '1 second') as occurred_at,
    1000 + floor(random() * 1000000)::bigint as amount_minor, random() as fate, g.currency
  from click k join bench_program g on g.id = k.program_id
  where k.class = 'human' and abs(hashint8(k.seq)::bigint) % 100 = 7;
insert into conversion (program_id, kind, order_id, occurred_at, status, currency, amount_minor, refunded_minor, click_id, visitor_id)
  select program_id, case when n % 4 = 0 then 'lead' else 'sale' end, 'B-' || n, occurred_at,
    case when fate < 0.7 then 'approved' when fate < 0.85 then 'pending' when fate < 0.95 then 'declined' else 'refunded' end,
    currency, amount_minor, case when fate >= 0.95 then amount_minor else 0 end, click_id, visitor_id
  from bench_order order by occurred_at;
insert into credit (conversion_id, touch_kind, touch_id, touch_ts, program_id, partner_id, link_id, weight_ppm, amount_minor, model)
  select c.id, 'click', o.click_id, o.touch_ts, o.program_id, o.partner_id, o.link_id, 1000000, c.amount_minor - c.refunded_minor, 'last'
  from conversion c join bench_order o on o.program_id = c.program_id and c.order_id = 'B-' || o.n;
insert into commission (conversion_id, partner_id, program_id, terms_id, currency, base_minor, amount_minor, status, approved, hold_until, revision)
  select c.id, r.partner_id, c.program_id, t.id, c.currency, c.amount_minor - c.refunded_minor,
    case when c.status in ('pending', 'approved') then (c.amount_minor + 5) / 10 else 0 end,
    case when c.status not in ('pending', 'approved') then 'void' when c.status = 'approved' and c.occurred_at < :'until'::timestamptz - interval '14 days'
      then 'available' else 'pending' end,
    c.status = 'approved', c.occurred_at + interval '14 days', 1
  from conversion c join credit r on r.conversion_id = c.id join terms t on t.program_id = c.program_id;
select conversion_hourly_add(array_agg(id), 1) from conversion;

-- The ledger of those commissions: written by tables and not by ledger_post, a hundred times as fast; the triggers check it all the same.
insert into ledger_account (kind, program_id, partner_id, currency)
  select 'program_expense', id, null, currency from bench_program
  union all
  select kind, g.id, a.id, g.currency from bench_partner a join bench_program g on g.id = a.program_id, unnest(array['partner_pending', 'partner_available']) as kind;
with posted as (
  insert into ledger_transaction (key, kind, program_id, partner_id, conversion_id, currency)
    select format('commission:%s:%s:1', conversion_id, partner_id), 'accrue', program_id, partner_id, conversion_id, currency
    from commission where status <> 'void' order by conversion_id
    returning id, program_id, partner_id, conversion_id, currency)
insert into ledger_entry (transaction_id, account_id, partner_id, amount_minor)
  select p.id, b.id, b.partner_id, case when b.partner_id is null then -m.amount_minor else m.amount_minor end
  from posted p join commission m on m.conversion_id = p.conversion_id and m.partner_id = p.partner_id
  join ledger_account b on b.program_id = p.program_id and b.currency = p.currency
    and (b.kind = 'program_expense' or b.partner_id = p.partner_id and b.kind = 'partner_' || m.status);

-- As attrib does with what is posted; nobody checks these hashes here.
select count(ledger_seal_write(ids, hashes, hashes[1])) as seals
  from (select array_agg(transaction_id order by transaction_id) as ids, array_agg(sha256(int8send(transaction_id)) order by transaction_id) as hashes
        from ledger_unsealed group by transaction_id / 1000) as part;

-- (vacuum of the own tables only: the others belong to somebody else)
select format('vacuum analyze clickledger.%I', relname) from pg_class where relnamespace = 'clickledger'::regnamespace and relkind in ('r', 'p') and not relispartition order by 1 \gexec
