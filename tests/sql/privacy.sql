-- Retention and forgetting: what goes, what stays, that no sum moves, and that nothing of a forgotten visitor is found again.
begin;
set local search_path = clickledger, public;
select plan(66);

create function pg_temp.id(at timestamptz, n integer) returns uuid language sql as $$
  select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7000' || '8' || lpad(to_hex(n), 15, '0'))::uuid
$$;
create function pg_temp.ago(days integer) returns timestamptz language sql as $$
  select date_trunc('day', now(), 'utc') - days * interval '1 day' + interval '5 hours'
$$;

insert into program (code, name, currency) values ('shop', 'Shop', 'RUB');
insert into partner (name, status) values ('Anna', 'active');
insert into shard (id) values (0);
insert into producer (producer, shard) values ('00000000-0000-0000-0000-000000000001', 0);
select partition_ensure((pg_temp.ago(d) at time zone 'utc')::date, (pg_temp.ago(d) at time zone 'utc')::date) from unnest(array[500, 450, 420, 100, 91, 89, 10, 5]) as d;

-- Eva (1) bought 420 days ago and never again; Olga (2) 450 days ago and 10 days ago; Ida (3) only looked.
create temporary table known as select pg_temp.id(pg_temp.ago(500), 1) as eva, pg_temp.id(pg_temp.ago(500), 2) as olga,
  pg_temp.id(pg_temp.ago(500), 3) as ida, 'Mozilla/5.0 (Linux; Android 13; SM-G991B Build/TP1A.220624.014) Chrome/120.0.6099.43 Mobile'::text as agent;

create function pg_temp.clicked(days integer, n integer, visitor uuid) returns uuid language sql as $$
  insert into clickledger.click (ts, click_id, visitor_id, program_id, partner_id, class, reason, status, address, address_hash, region, asn, user_agent,
    language, referrer_host, referrer_path, destination, ad_network, ad_click_id, sub1, catalog_revision, producer, seq, content_hash)
  select pg_temp.ago(days), pg_temp.id(pg_temp.ago(days), n), visitor, (select id from clickledger.program), (select id from clickledger.partner), 'human', 'none', 302,
    '192.0.2.7', 77, 'MOW', 12345, agent, 'ru', 'blog.example', '/about/eva', 'https://shop.example/x?mail=eva@example.com', 'gclid', 'G-1', 'eva@example.com',
    1, '00000000-0000-0000-0000-000000000001', 1, 1 from known
  returning click_id
$$;
select pg_temp.clicked(500, 10, eva), pg_temp.clicked(450, 11, olga), pg_temp.clicked(450, 15, eva), pg_temp.clicked(100, 12, ida), pg_temp.clicked(91, 13, olga),
  pg_temp.clicked(89, 14, ida), pg_temp.clicked(420, 16, ida) from known;
insert into visit (ts, hit_id, visitor_id, class, reason, status, page, address_hash, user_agent, catalog_revision, producer, seq, content_hash)
  select pg_temp.ago(d), pg_temp.id(pg_temp.ago(d), 20 + d), known.eva, 'human', 'none', 200, 'https://shop.example/p?who=eva#x', 77, agent, 1, '00000000-0000-0000-0000-000000000001', 1, 1
  from known, unnest(array[420, 100, 10]) as d;
insert into impression (ts, hit_id, visitor_id, class, reason, status, address_hash, catalog_revision, producer, seq, content_hash)
  select pg_temp.ago(420), pg_temp.id(pg_temp.ago(420), 30), eva, 'human', 'none', 200, 77, 1, '00000000-0000-0000-0000-000000000001', 1, 1 from known;
insert into promo_entry (ts, hit_id, visitor_id, class, reason, status, promo, address_hash, catalog_revision, producer, seq, content_hash)
  select pg_temp.ago(450), pg_temp.id(pg_temp.ago(450), 31), eva, 'human', 'none', 200, 'WINTER', 77, 1, '00000000-0000-0000-0000-000000000001', 1, 1 from known;

create function pg_temp.ordered(days integer, n integer, visitor uuid) returns void language plpgsql as $$
declare
  made bigint;
begin
  insert into clickledger.conversion (program_id, kind, order_id, occurred_at, status, currency, amount_minor, visitor_id, customer)
  values ((select id from clickledger.program), 'sale', 'o' || n, pg_temp.ago(days), 'approved', 'RUB', 1000, visitor, 'customer-' || n) returning id into made;
  insert into clickledger.conversion_key values (made, 'visitor', visitor);
  insert into clickledger.conversion_report (id, ts, source, program_id, visitor_id, order_id, customer, raw, address, address_hash, user_agent, sub1, producer, seq, content_hash, verdict, conversion_id)
  select pg_temp.id(pg_temp.ago(days), 40 + n), pg_temp.ago(days), 'pixel', (select id from clickledger.program), visitor, 'o' || n, 'customer-' || n, 'raw-' || n, '192.0.2.7', 77, agent,
    'sub', '00000000-0000-0000-0000-000000000001', 1, 1, 'applied', made from known;
  insert into clickledger.explanation (conversion_id, partner_id, body)
  values (made, (select id from clickledger.partner), jsonb_build_object('visitor', visitor, 'sum', 100));
  perform clickledger.ledger_post('k' || n, 'accrue', (select id from clickledger.program), (select id from clickledger.partner), made, 'RUB',
    array['program_expense', 'partner_pending'], array[-100, 100]::bigint[]);
end $$;
select pg_temp.ordered(420, 1, eva), pg_temp.ordered(450, 2, olga), pg_temp.ordered(10, 3, olga) from known;

insert into dead_letter (found_at, shard, entry_id, kind, hits, reason, bytes)
  select pg_temp.ago(d), 0, '1-1', kind, 1, 'refused', bytes from known, lateral (values
    (10, 'row', '\x0102'::bytea || uuid_send(eva) || '\x03'), (10, 'row', '\x0102'), (100, 'row', '\x0102'),
    (10, 'fork', '\x43464c5202000000aabb'), (10, 'fork', '\x43464c5201000000aabb')) as l (d, kind, bytes);

create temporary table before as select
  (select sum(amount_minor) from ledger_entry where amount_minor > 0) as entries, (select count(*) from click) as clicks,
  (select jsonb_agg(body - 'visitor' order by conversion_id) from explanation) as explained,
  (select jsonb_agg(v) from ledger_violation v) as violations;
create function pg_temp.run(everything boolean) returns bigint language plpgsql as $$
declare
  step record;
  total bigint := 0;
begin
  perform clickledger.privacy_begin(everything);
  loop
    select * into step from clickledger.privacy_step(2);
    total := total + step.changed;
    exit when not step.more;
  end loop;
  return total;
end $$;

-- Retention
select is((select max(overdue_days) from privacy_status()), 410::bigint, 'it is told how far retention is behind');
select cmp_ok(pg_temp.run(false), '>', 0::bigint, 'the first pass changes rows');
select is((select max(overdue_days) from privacy_status()), 0::bigint, 'then it is not behind any more');
select is_empty($$select click_id from click where ts < pg_temp.ago(90) - interval '5 hours'
  and (num_nonnulls(address, address_hash, region, referrer_path, ad_click_id) > 0 or destination <> 'https://shop.example/x')$$, 'what is older than detail_days has lost its detail');
select is((select distinct user_agent from click where ts < pg_temp.ago(90)),
  'Mozilla/5.0 (Linux; Android 13; SM-G991B) Chrome/120.0 Mobile', 'of user agents the major versions are left');
select is((select count(*) from click where num_nonnulls(address, address_hash, region, asn, referrer_path, ad_click_id) = 6 and user_agent ~ '6099' and destination ~ 'mail='), 1::bigint,
  'a younger click has all of it');
select is((select array_agg(page order by ts) from visit), array['https://shop.example/p', 'https://shop.example/p', 'https://shop.example/p?who=eva#x'], 'old pages have no query');
select is((select array_agg(length(bytes) order by id) from dead_letter), array[19, 2, 0, 10, 10], 'an old dead letter has no bytes');
select is_empty($$select ts from visit where visitor_id = (select eva from known) and ts < pg_temp.ago(400)$$, 'an old visit has another visitor');
select is((select count(distinct visitor_id) from (select visitor_id from visit where ts < pg_temp.ago(400) union all select visitor_id from impression
  union all select visitor_id from promo_entry union all select visitor_id from click where ts < pg_temp.ago(440) and visitor_id <> (select olga from known)
  union all select visitor_id from conversion where order_id = 'o1' union all select value from conversion_key where value not in (select olga from known)
  union all select visitor_id from conversion_report where order_id = 'o1') eva), 1::bigint, 'all old rows of a visitor have the same alias, those of the conversion too');
select ok((select bool_and(privacy_is_alias(visitor_id)) from click where ts < pg_temp.ago(440) and visitor_id <> (select olga from known)), 'which is an alias');
select is((select count(*) from click where visitor_id = (select olga from known)), 2::bigint,
  'the touches of one who bought lately keep the name, so that the conversion finds them');
select is((select array_agg(visitor_id order by id) from conversion where visitor_id = (select olga from known)), array[(select olga from known), (select olga from known)], 'her conversions, too');
select is((select privacy_is_alias(visitor_id) from click where click_id = pg_temp.id(pg_temp.ago(420), 16)), true, 'one who never bought is renamed by age alone');
select is((select array_agg(customer ~ '^~[0-9a-f]{32}$' order by order_id) from conversion), array[true, true, false], 'customers of old conversions have aliases');
select is_empty($$select r.id from conversion_report r join conversion c on c.id = r.conversion_id where r.customer <> c.customer$$, 'the same in their reports');
select is((select array_agg(raw order by order_id) from conversion_report), array[null, null, 'raw-3'], 'and what was received word for word');
select is((select array_agg(address_hash order by order_id) from conversion_report), array[null, null, 77::bigint], 'and where it came from');
select is((select array_agg(distinct day) from privacy_progress where rule = 'forgotten'), array[null::date], 'where nobody was forgotten no day is looked at');
select is(pg_temp.run(true), 0::bigint, 'a second pass over everything finds nothing to change');
select is((select entries from before), (select sum(amount_minor) from ledger_entry where amount_minor > 0), 'the ledger holds the same');
select is((select clicks from before), (select count(*) from click), 'no click is gone');
select is((select explained from before), (select jsonb_agg(body - 'visitor' order by conversion_id) from explanation), 'explanations say the same');
select is((select violations from before), (select jsonb_agg(v) from ledger_violation v), 'nor is there another violation of the ledger');

-- A late hit
select pg_temp.clicked(91, 17, ida) from known;
update privacy_progress set begun_on = begun_on - 1, finished_on = finished_on - 1;
select is(pg_temp.run(false), 1::bigint, 'a hit that arrived late is found by the next day''s pass');
select throws_ok('select * from privacy_step(0)', '22023', null, 'a step has a size');

-- Export
select is((select count(*) from visitor_export((select olga from known))), 6::bigint, 'a visitor''s clicks, reports and conversions are exported');
select is((select content ->> 'user_agent' from visitor_export((select eva from known)) where place = 'visit' order by at desc limit 1), (select agent from known), 'with what is stored');
select is((select array_agg(place order by at) from visitor_export((select eva from known)) where at < pg_temp.ago(440)), array['click', 'click', 'promo_entry'], 'old rows are found by the alias');
select is_empty($$select from visitor_export((select eva from known)) where content ?| array['address_hash', 'producer', 'content_hash']$$, 'without what is only ours');

-- Detached partitions that are kept
insert into visit (ts, hit_id, visitor_id, class, reason, status, page, address_hash, catalog_revision, producer, seq, content_hash)
  select pg_temp.ago(500), pg_temp.id(pg_temp.ago(500), 60), ida, 'human'::hit_class, 'none', 200, 'https://shop.example/p?ida', 77, 1, '00000000-0000-0000-0000-000000000001'::uuid, 1, 1 from known
  union all select pg_temp.ago(500), pg_temp.id(pg_temp.ago(500), 61), olga, 'human', 'none', 200, 'https://shop.example/p?olga', 77, 1, '00000000-0000-0000-0000-000000000001', 1, 1 from known;
select partition_seal('visit', (pg_temp.ago(500) at time zone 'utc')::date), partition_detach('visit', (pg_temp.ago(500) at time zone 'utc')::date);
create function pg_temp.detached() returns jsonb language plpgsql as $$
declare
  found_rows jsonb;
begin
  execute format('select jsonb_agg(to_jsonb(v) order by hit_id) from %s v', (select name from clickledger.privacy_detached('visit'))) into found_rows;
  return found_rows;
end $$;
select is((select count(*) from visitor_export((select ida from known)) where place = 'visit'), 1::bigint, 'what is kept in a detached partition is exported');
select is(pg_temp.run(true), 4::bigint, 'retention reaches it: two rows lose their detail and their names');
select is(pg_temp.detached() -> 0 ->> 'page', 'https://shop.example/p', 'the detail is gone');
select is_empty($$select where pg_temp.detached()::text ~ (select ida || '|' || olga from known)$$, 'and the visitors, those who buy, too: attribution does not look there');

-- Forgetting
create temporary table forgotten as select * from forget_visitor((select eva from known));
select is((select rows from forgotten where place = 'click'), 2::bigint, 'clicks are changed');
select is((select rows from forgotten where place = 'visit'), 3::bigint, 'visits');
select is((select rows from forgotten where place = 'impression'), 1::bigint, 'impressions');
select is((select rows from forgotten where place = 'promo_entry'), 1::bigint, 'promo entries');
select is((select rows from forgotten where place = 'conversion_report'), 1::bigint, 'reports');
select is((select rows from forgotten where place = 'conversion'), 1::bigint, 'conversions');
select is((select rows from forgotten where place = 'customer'), 0::bigint, 'customers that have an alias do not change');
select is((select rows from forgotten where place = 'explanation'), 1::bigint, 'explanations that name the visitor');
select is((select rows from forgotten where place = 'dead_letter'), 2::bigint, 'dead letters: the one that holds the visitor, and a packed frame that cannot be searched');
select is((select array_agg(length(bytes) order by id) from dead_letter), array[0, 2, 0, 0, 10], 'a plain frame without the visitor stays');
select is((select sum(rows) from forget_visitor((select eva from known))), 0::numeric, 'to forget again changes nothing');
select throws_ok($$select * from forget_visitor((select visitor_id from click where privacy_is_alias(visitor_id) limit 1))$$, '22023', null, 'an alias is no visitor');
select throws_ok($$select * from forget_visitor(null)$$, '22023', null, 'nobody is no visitor');

select is((select overdue_days from privacy_status() where rule = 'forgotten'), 0::bigint, 'who was forgotten today waits for no pass yet');
update forgotten_visitor set forgotten_at = forgotten_at - interval '3 days';
update privacy_progress set finished_on = finished_on - 4, begun_on = begun_on - 4;
select is((select overdue_days from privacy_status() where rule = 'forgotten'), 3::bigint, 'three days later without a pass it is overdue');
update forgotten_visitor set forgotten_at = forgotten_at + interval '3 days';

create function pg_temp.search(needle text) returns setof text language plpgsql as $$
declare
  t regclass;
  found_one boolean;
begin
  for t in select c.oid from pg_class c where c.relnamespace = 'clickledger'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition loop
    execute format('select exists (select from %s x where position(%L in to_jsonb(x)::text) > 0)', t, needle) into found_one;
    if found_one then
      return next t::text;
    end if;
  end loop;
end $$;
select isnt_empty($$select pg_temp.search((select olga::text from known))$$, 'the search finds somebody who is there');
select is_empty($$select pg_temp.search((select eva::text from known))$$, 'no table holds the forgotten visitor''s id');
select is_empty($$select pg_temp.search(replace((select eva::text from known), '-', ''))$$, 'nor its bytes');
select is_empty($$select pg_temp.search(privacy_alias((select key from privacy_key), (select eva from known))::text)$$, 'nor the alias that can be made from it');
select is_empty($$select pg_temp.search('customer-1')$$, 'nor the shop''s reference of the customer');
select isnt_empty($$select pg_temp.search('o1')$$, 'the order is there, as the money is');
select is((select count(*) from click where visitor_id in (select visitor_id from conversion where order_id = 'o1') and num_nonnulls(region, address, address_hash, language,
  referrer_host, ad_network, ad_click_id, sub1) = 0 and destination = 'https://shop.example/x'), 2::bigint, 'touches and conversion still belong together, and say nothing else');
select is((select entries from before), (select sum(amount_minor) from ledger_entry where amount_minor > 0), 'the ledger holds the same');
select is((select explained from before), (select jsonb_agg(body - 'visitor' order by conversion_id) from explanation), 'explanations say the same');
select is((select count(*) from visitor_export((select eva from known))), 0::bigint, 'there is nothing left to export');

-- What arrives again
select pg_temp.clicked(5, 18, eva) from known;
select is(pg_temp.run(false), 1::bigint, 'a hit that arrives again is forgotten again');
select is_empty($$select pg_temp.search((select eva::text from known))$$, 'and nothing is left of it');
create temporary table saved as select * from forgotten_list();
delete from forgotten_visitor;
select pg_temp.clicked(100, 20, eva) from known;
select is(pg_temp.run(false), 0::bigint, 'after a restore nobody knows that it was forgotten');
select is((select forget_listed(array_agg(hash), array_agg(forgotten_at)) from saved), 2::bigint, 'until the saved list is taken up again');
select is(pg_temp.run(false), 1::bigint, 'then the next pass forgets what came back');
select is_empty($$select pg_temp.search((select eva::text from known))$$, 'all of it');
update forgotten_visitor set forgotten_at = now() - interval '9 days' where not settled;
select pg_temp.run(false);
select is((select count(*) from forgotten_visitor where settled), 2::bigint, 'when no hit of that time can be on its way any more, the passes stop looking');

select * from finish();
rollback;
