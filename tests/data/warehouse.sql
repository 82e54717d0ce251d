-- A small shop's first quarter of 2026, the same at every run: three programmes in three zones and currencies, seven partners of
-- different worth, clicks with visitors, orders with one and with several credits, commissions, a ledger with payouts, costs.
-- Loaded by cl_owner into an empty, migrated database. tests/system/test_analyst.py and docs/queries use it.
set search_path = clickledger;
set timezone = 'UTC';

create function pg_temp.uuid_v7(ts timestamptz, salt text) returns uuid language sql immutable as $$
  select (lpad(to_hex((extract(epoch from ts) * 1000)::bigint), 12, '0') || '7' || substr(h, 1, 3) || '8' || substr(h, 4, 15))::uuid
  from md5(salt) h
$$;
-- A number in [0, below) that depends on the text only.
create function pg_temp.dice(salt text, below integer) returns integer language sql immutable as $$
  select (('x' || substr(md5(salt), 1, 7))::bit(28)::integer) % below
$$;

insert into program (code, name, currency, time_zone, created_at) values
  ('shop', 'Main shop', 'RUB', 'Europe/Moscow', '2025-12-01'),
  ('india', 'Shop in India', 'INR', 'Asia/Kolkata', '2025-12-01'),
  ('japan', 'Shop in Japan', 'JPY', 'Asia/Tokyo', '2025-12-01');
insert into partner (name, status, created_at) values
  ('Anna blog', 'active', '2025-12-02'), ('Boris coupons', 'active', '2025-12-03'), ('Clara video', 'active', '2025-12-04'),
  ('Dmitri news', 'active', '2025-12-05'), ('Traffic farm', 'active', '2025-12-06'), ('Old forum', 'paused', '2025-12-07'),
  ('Returns kings', 'active', '2025-12-08');
insert into terms (program_id, version, effective_from, commission_kind, rate_ppm, hold_days, window_days, created_at)
  select id, 1, '2025-12-01', 'percent', 100000, 14, 30, '2025-12-01' from program;
insert into link (program_id, partner_id, slug, target_url, name, created_at)
  select g.id, a.id, g.code || '-' || split_part(lower(a.name), ' ', 1), 'https://' || g.code || '.example/', a.name || ' in ' || g.code, '2025-12-10'
  from program g, partner a where g.code = 'shop' or a.id <= 3 order by g.id, a.id;
insert into promo_code (program_id, partner_id, code, target_url, created_at)
  select g.id, a.id, upper(g.code) || a.id, 'https://' || g.code || '.example/', '2025-12-10'
  from program g, partner a where a.name = 'Boris coupons' order by g.id;
insert into api_key (kind, name, prefix, key_hash, created_at) values ('team', 'Accounting', 'cl_team_', sha256('accounting'), '2025-12-01');
insert into api_key (kind, partner_id, name, prefix, key_hash, created_at)
  select 'partner', id, name, 'cl_partner', sha256(convert_to('partner ' || id, 'UTF8')), created_at from partner;
select partition_ensure('2025-12-31', '2026-04-01');
insert into shard (id) values (0) on conflict do nothing;

-- 3,000 clicks. The farm sends programs, the forum's link is paused.
create temporary table wanted_click as
  select n, l.program_id, l.partner_id, l.id as link_id, l.slug, a.name as partner, v.visitor,
    date_trunc('milliseconds', timestamptz '2025-12-31 20:00Z' + n * interval '43 minutes 3.7 seconds' + pg_temp.dice('t' || n, 2000) * interval '1 second') as ts,
    case when a.name = 'Traffic farm' and pg_temp.dice('c' || n, 10) < 9 then 'bot' when a.name = 'Old forum' then 'invalid'
      when pg_temp.dice('c' || n, 20) = 0 then 'preview' when pg_temp.dice('c' || n, 20) = 1 then 'duplicate' else 'human' end::hit_class as class
  from generate_series(1, 3000) as n
  join lateral (select l.* from link l order by md5(n || '/' || l.id) limit 1) l on true
  join partner a on a.id = l.partner_id
  join lateral (select pg_temp.dice('v' || n, 700) as visitor) v on true;
insert into click (ts, click_id, visitor_id, program_id, partner_id, link_id, class, reason, status, address, method, host, path, destination, language, sub1,
  utm_source, utm_medium, utm_campaign, catalog_revision, producer, seq, content_hash, country, device, os, browser, class_version, referrer_host)
select ts, pg_temp.uuid_v7(ts, 'click' || n), case when visitor < 500 then md5('visitor' || visitor)::uuid end, program_id, partner_id, link_id, class,
  case class when 'human' then 'none' when 'bot' then 'user_agent' when 'invalid' then 'link_inactive' when 'duplicate' then 'repeated' else 'user_agent' end, 302,
  '192.0.2.77', 'GET', 'go.example', slug, 'https://shop.example/', 'ru', 'place' || n % 4,
  case when n % 3 = 0 then (array['Newsletter', 'vk', 'telegram'])[1 + n % 9 / 3] end, case when n % 3 = 0 then 'social' end,
  case when n % 6 = 0 then 'spring' end, 1, '00000000-0000-4000-8000-000000000001', n, n, (array['RU', 'RU', 'KZ', 'IN', 'JP', null])[1 + n % 6],
  (array['phone', 'phone', 'desktop', 'tablet'])[1 + pg_temp.dice('d' || n, 4)]::device, 'android', 'chrome', 1, 'ref' || n % 7 || '.example'
from wanted_click;
-- Clicks on links that are not there.
insert into click (ts, click_id, class, reason, status, method, host, path, catalog_revision, producer, seq, content_hash)
select ts, pg_temp.uuid_v7(ts, 'lost' || n), 'invalid', 'link_unknown', 302, 'GET', 'go.example', 'gone-' || n % 3, 1,
  '00000000-0000-4000-8000-000000000001', 10000 + n, n
from generate_series(1, 40) as n, lateral (select timestamptz '2026-01-05Z' + n * interval '51 hours' as ts) t;
insert into click_hourly (hour, shard, program_id, partner_id, link_id, class, clicks)
select date_trunc('hour', ts, 'UTC'), 0, coalesce(program_id, 0), coalesce(partner_id, 0), coalesce(link_id, 0), class, count(*) from click group by 1, 3, 4, 5, 6;
-- Page views with the tag that no partner brought: the shop's own advertising.
insert into visit (ts, hit_id, visitor_id, program_id, class, reason, status, utm_source, utm_medium, utm_campaign, catalog_revision, producer, seq, content_hash)
select ts, pg_temp.uuid_v7(ts, 'visit' || n), md5('visitor' || pg_temp.dice('w' || n, 500))::uuid, (select id from program where code = 'shop'), 'human', 'none', 200,
  'google', 'cpc', case n % 2 when 0 then 'Spring' else 'brand' end, 1, '00000000-0000-4000-8000-000000000002', n, n
from generate_series(1, 400) as n, lateral (select timestamptz '2026-01-01Z' + n * interval '5 hours 20 minutes' as ts) t;

insert into producer (producer, shard, last_seq, hits, stored, first_at, last_at)
select producer, 0, max(seq), count(*), count(*), min(ts), max(ts)
from (select producer, seq, ts from click union all select producer, seq, ts from visit) as hit group by producer;

-- About 200 orders: every eighth click of a person that has a visitor.
create temporary table wanted_order as
  select row_number() over (order by n) as o, w.*, pg_temp.uuid_v7(ts, 'click' || n) as click_id, md5('visitor' || visitor)::uuid as visitor_id,
    ts + interval '7 minutes' + pg_temp.dice('o' || n, 200000) * interval '1 second' as occurred_at, pg_temp.dice('f' || n, 100) as fate,
    (5000 + pg_temp.dice('a' || n, 400000))::bigint as amount_minor
  from wanted_click w where class = 'human' and visitor < 500 and pg_temp.dice('order' || n, 8) = 0;
insert into conversion (program_id, kind, order_id, occurred_at, status, currency, amount_minor, refunded_minor, click_id, visitor_id, promo, product, updated_at)
select w.program_id, case when o % 5 = 0 then 'lead' else 'sale' end, 'A-' || 1000 + o, occurred_at, s.status, g.currency, amount_minor,
  case when s.status = 'refunded' then amount_minor when o % 17 = 0 then amount_minor / 4 else 0 end, click_id, visitor_id,
  case when o % 11 = 0 then upper(g.code) || 2 end, 'product ' || o % 6, occurred_at + interval '1 day'
from wanted_order w
join program g on g.id = w.program_id
cross join lateral (select case when partner = 'Returns kings' and fate < 70 then 'declined' when fate < 60 then 'approved' when fate < 80 then 'pending'
  when fate < 92 then 'declined' else 'refunded' end as status) s
order by o;
-- Every ninth has nobody's credit, every third half a credit for an earlier touch of another partner, every 31st a channel without one.
insert into credit (conversion_id, touch_kind, touch_id, touch_ts, program_id, partner_id, link_id, promo_code_id, weight_ppm, amount_minor, model)
select c.id, 'click', w.click_id, w.ts, c.program_id, w.partner_id, w.link_id, null::bigint, s.weight, s.amount, s.model
from wanted_order w
join conversion c on c.program_id = w.program_id and c.order_id = 'A-' || 1000 + w.o
cross join lateral (select case when w.o % 3 = 0 then 600000 else 1000000 end as weight, case when w.o % 3 = 0 then 'position' else 'last' end as model) m
cross join lateral (select m.weight, m.model, c.amount_minor - c.refunded_minor
  - case when w.o % 3 = 0 then div((c.amount_minor - c.refunded_minor) * 400000::numeric, 1000000)::bigint else 0 end as amount) s
where w.o % 9 <> 1
union all
select c.id, case when w.o % 31 = 0 then 'visit' else 'click' end, pg_temp.uuid_v7(w.ts - interval '3 days', 'early' || w.n), w.ts - interval '3 days', c.program_id,
  case when w.o % 31 <> 0 then e.partner_id end, case when w.o % 31 <> 0 then e.id end, null::bigint, 400000,
  div((c.amount_minor - c.refunded_minor) * 400000::numeric, 1000000)::bigint, 'position'
from wanted_order w
join conversion c on c.program_id = w.program_id and c.order_id = 'A-' || 1000 + w.o
join lateral (select l.* from link l where l.program_id = w.program_id and l.partner_id <> 6 order by l.partner_id = w.partner_id, md5(w.n || '-' || l.id) limit 1) e on true
where w.o % 3 = 0 and w.o % 9 <> 1;
insert into commission (conversion_id, partner_id, program_id, terms_id, currency, base_minor, amount_minor, status, approved, hold_until, revision, updated_at, month)
select c.id, r.partner_id, c.program_id, t.id, c.currency, sum(r.amount_minor),
  case when c.status in ('pending', 'approved') then round(sum(r.amount_minor) / 10.0)::bigint else 0 end,
  case when c.status in ('declined', 'refunded') then 'void' when c.status = 'approved' and c.occurred_at < '2026-03-15Z' then 'available' else 'pending' end,
  c.status = 'approved', c.occurred_at + interval '14 days', 1, c.updated_at, date_trunc('month', c.occurred_at, p.time_zone)
from conversion c join credit r on r.conversion_id = c.id join terms t on t.program_id = c.program_id join program p on p.id = c.program_id
where r.partner_id is not null
group by c.id, r.partner_id, t.id, p.id;
select conversion_hourly_add(array(select id from conversion order by id), 1);

-- The ledger, with what was paid out at the beginnings of February and March.
insert into ledger_account (kind, program_id, partner_id, currency)
  select 'program_expense', id, null, currency from program
  union all
  select k, m.program_id, m.partner_id, m.currency
  from (select distinct program_id, partner_id, currency from commission) m,
    unnest(array['partner_pending', 'partner_available', 'partner_reserved', 'partner_paid']) as k
  order by 2, 3 nulls first, 1;
create temporary table wanted_payout as
  select m.program_id, m.partner_id, m.currency, m.amount_minor, m.conversion_id, d.day
  from (values (timestamptz '2026-02-02 09:00Z', timestamptz '2026-01-01Z', timestamptz '2026-01-16Z'), ('2026-03-02 09:00Z', '2026-01-16Z', '2026-02-16Z')) as d (day, since, upto)
  join conversion c on c.occurred_at >= d.since and c.occurred_at < d.upto
  join commission m on m.conversion_id = c.id and m.status = 'available' and m.amount_minor > 0;
insert into payout (program_id, partner_id, currency, amount_minor, status, requested_at, requested_by)
select program_id, partner_id, currency, sum(amount_minor), 'requested', day, (select id from api_key where kind = 'team')
from wanted_payout group by program_id, partner_id, currency, day order by day, program_id, partner_id;
create temporary table wanted_posting as
  select format('commission:%s:%s:1', m.conversion_id, m.partner_id) as key, 'accrue' as kind, m.program_id, m.partner_id, m.conversion_id, m.currency,
    c.updated_at as posted_at, null::bigint as payout_id, null::bigint as author, 'program_expense' as from_kind, 'partner_' || m.status as to_kind, m.amount_minor as amount
  from commission m join conversion c on c.id = m.conversion_id where m.amount_minor > 0
  union all
  select format('payout:%s:%s', p.id, s.kind), s.kind, p.program_id, p.partner_id, null, p.currency, p.requested_at + s.after, p.id, p.requested_by, s.from_kind, s.to_kind, p.amount_minor
  from payout p, (values ('reserve', interval '0', 'partner_available', 'partner_reserved'), ('pay', interval '1 day', 'partner_reserved', 'partner_paid'))
    as s (kind, after, from_kind, to_kind);
with posted as (
  insert into ledger_transaction (key, kind, program_id, partner_id, conversion_id, currency, posted_at, payout_id, author_key_id, period)
  select w.key, w.kind, w.program_id, w.partner_id, w.conversion_id, w.currency, w.posted_at, w.payout_id, w.author,
    coalesce(m.month, date_trunc('month', w.posted_at, p.time_zone))
  from wanted_posting w join program p on p.id = w.program_id left join commission m on m.conversion_id = w.conversion_id and m.partner_id = w.partner_id
  order by w.posted_at, w.key
  returning id, key)
insert into ledger_entry (transaction_id, account_id, partner_id, amount_minor)
select p.id, b.id, b.partner_id, case when b.kind = w.from_kind then -w.amount else w.amount end
from posted p
join wanted_posting w on w.key = p.key
join ledger_account b on b.program_id = w.program_id and b.currency = w.currency and b.kind in (w.from_kind, w.to_kind)
  and coalesce(b.partner_id, w.partner_id) = w.partner_id;
insert into payout_line (transaction_id, payout_id, partner_id, amount_minor)
select t.id, p.id, p.partner_id, w.amount_minor
from wanted_payout w
join payout p on p.program_id = w.program_id and p.partner_id = w.partner_id and p.requested_at = w.day
join ledger_transaction t on t.conversion_id = w.conversion_id and t.partner_id = w.partner_id;
update payout set status = 'paid', decided_at = requested_at + interval '1 day', decided_by = requested_by, reference = 'bank ' || id;
analyze;
