-- Links: macros, rules and what they compile to, times, caps, who sees them. Faults are refused when saved, with their place.
begin;
set local search_path = clickledger, public;
select no_plan();

insert into shard (id) values (0);
insert into program (id, code, name, currency, time_zone) overriding system value values (1, 'p', 'P', 'RUB', 'Europe/Berlin');
insert into partner (id, name, status) overriding system value values (1, 'A', 'active'), (2, 'B', 'active');
insert into link (id, program_id, partner_id, slug, target_url) overriding system value
  values (1, 1, 1, 'a', 'https://a.example/'), (2, 1, 2, 'b', 'https://b.example/');

create function pg_temp.fault(conditions jsonb, targets jsonb default '[{"target_url": "https://a.example/"}]') returns text
  language plpgsql as $$
begin
  insert into link_rule (link_id, position, conditions, targets) values (1, 3, conditions, targets);
  raise exception 'none';
exception when others then
  return sqlerrm;
end $$;
create function pg_temp.list(kind text, value jsonb) returns text language sql as $$
  select encode(rule_condition(kind, value, 'UTC', 'here'), 'hex');
$$;

-- Macros
select is(macro_number(name), number, 'macro ' || name) from (values
  ('click_id', 0), ('clickid', 0), ('sub1', 1), ('sub10', 10), ('sub_id_2', 2), ('aff_sub', 1), ('aff_sub5', 5), ('partner_id', 11), ('aff_id', 11),
  ('offer_id', 12), ('link_id', 13), ('country', 14), ('device_type', 17), ('utm_source', 21), ('utm_term', 25), ('erid', 26), ('promo_code', 29),
  ('rand', 34), ('sub0', null), ('sub11', null), ('sub01', null), ('SUB1', null), ('', null), (' click_id', null), ('click_id ', null)) as m (name, number);
select is(target_fault(url), fault, 'target ' || url) from (values
  ('https://a.example/', null), ('https://a.example/{sub1}/x?c={click_id}#{erid}', null), ('https://a.example?{sub1}', null),
  ('javascript:alert(1)', 'is not a clean http or https URL'), ('javascript:{sub1}', 'has a macro in scheme or host'),
  ('https://a.example/{sub1}/ x', 'is not a clean http or https URL'), ('https://a.example/%{sub1}', 'is not a clean http or https URL'),
  ('https://a.example/%4{sub1}', 'is not a clean http or https URL'), ('https://user@a.example/{sub1}', 'is not a clean http or https URL'),
  ('https://a.example/{foo}', 'has the unknown macro {foo}'), ('https://a.example/{}', 'has the unknown macro {}'),
  ('https://a.example/{Sub1}', 'has the unknown macro {Sub1}'), ('https://a.example/{_sub1}', 'has the unknown macro {_sub1}'),
  ('https://a.example/{sub1', 'has a brace that is not closed or not opened'), ('https://a.example/sub1}', 'has a brace that is not closed or not opened'),
  ('https://a.example/{sub{sub1}}', 'has a brace that is not closed or not opened'), ('https://a.example/{{sub1}', 'has a brace that is not closed or not opened'),
  ('https://{sub1}.example/', 'has a macro in scheme or host'), ('https://a.example{sub1}/', 'has a macro in scheme or host'),
  ('https://a.example:{sub1}/', 'has a macro in scheme or host'), ('{sub1}://a.example/', 'has a macro in scheme or host'),
  ('{sub1}', 'has a macro in scheme or host'), ('//{sub1}/', 'is not a clean http or https URL'), ('https:{sub1}//a.example/', 'has a macro in scheme or host')
  ) as t (url, fault);
select is(target_fault('https://a.example/' || repeat('{sub1}', 32)), null, '32 macros');
select is(target_fault('https://a.example/' || repeat('{sub1}', 33)), 'has more than 32 macros', '33 macros');
select is(target_fault('https://a.example/{sub1}' || repeat('x', 2024)), null, '2048 characters');
select is(target_fault('https://a.example/{sub1}' || repeat('x', 2025)), 'is not a clean http or https URL', '2049 characters');
select is(encode(target_bytes('https://a.b/{sub2}?c={click_id}#{aff_id}x'), 'hex'), encode('\x0014'::bytea || 'https://a.b/'::bytea || '\x82' || '?c='::bytea || '\x80' || '#'::bytea || '\x8b' || 'x'::bytea, 'hex'), 'macros are single bytes');
select is(encode(target_bytes(''), 'hex'), '0000', 'no target');
select throws_ok($$insert into link (program_id, partner_id, slug, target_url) values (1, 1, 'x', 'https://a.example/{foo}')$$, '23514', null, 'a link with an unknown macro is refused');
select throws_ok($$insert into promo_code (program_id, partner_id, code, target_url) values (1, 1, 'x', 'https://{sub1}/')$$, '23514', null, 'a code with a macro for a host is refused');
select lives_ok($$insert into promo_code (program_id, partner_id, code, target_url) values (1, 1, 'x', 'https://a.example/?c={promo_code}')$$, 'a code with macros');

-- Conditions
select is(pg_temp.list('country', '["RU", "KZ"]'), '52554b5a', 'countries');
select is(pg_temp.list('region', '["RU-MOW", "KZ-75", "AD-2"]'), encode('RUMOW'::bytea || 'KZ75'::bytea || '\x00' || 'AD2'::bytea || '\x0000', 'hex'), 'regions');
select is(pg_temp.list('asn', '[1, 4294967295]'), '00000001ffffffff', 'ASNs');
select is(pg_temp.list('device', '["desktop", "phone"]'), '0102', 'devices');
select is(pg_temp.list('os', '["ios"]'), '06', 'systems');
select is(pg_temp.list('browser', '["chrome", "other"]'), '0128', 'browsers');
select is(pg_temp.list('language', '["ru", "kaz"]'), encode('ru'::bytea || '\x00' || 'kaz'::bytea, 'hex'), 'languages');
select is(pg_temp.list('time', '{"offset": "-03:30", "windows": [{"days": ["mon"], "from": "09:00", "to": "18:00"}]}'), '0100000000ff2e' || '021c0438', 'a window at an offset');
select is(pg_temp.list('time', '{"offset": "+00:00", "windows": [{"days": ["sun"], "from": "22:00", "to": "06:00"}]}'), '01000000000000' || '00000168' || '26e82760', 'a window over the end of the week');
select is(pg_temp.list('time', '{"offset": "+00:00", "windows": [{"days": ["tue"], "from": "00:00", "to": "12:00"}, {"days": ["mon"], "from": "12:00", "to": "24:00"}]}'), '01000000000000' || '02d00870', 'windows that touch are one');
select is(pg_temp.list('time', '{"offset": "+00:00", "windows": [{"from": "00:00", "to": "24:00"}]}'), '01000000000000' || '00002760', 'always');
select is(left(pg_temp.list('time', '{"windows": [{"from": "09:00", "to": "18:00"}]}'), 14), '01000000000000', 'UTC has one offset');
select is(encode(zone_offsets('Europe/Moscow'), 'hex'), '010000000000b4', 'Moscow has one offset');
select is(get_byte(zone_offsets('Europe/Berlin'), 0), 9, 'Berlin changes its clocks twice a year');
create function pg_temp.compiled_offset(made bytea, at timestamptz) returns integer language sql as $$
  select (('x' || encode(substring(made from 6 + n * 6 for 2), 'hex'))::bit(16)::integer + 32768) % 65536 - 32768
  from generate_series(0, get_byte(made, 0) - 1) as n
  where ('x' || encode(substring(made from 2 + n * 6 for 4), 'hex'))::bit(32)::bigint <= extract(epoch from at)
  order by n desc limit 1
$$;
select is((
  with z as materialized (select zone, zone_offsets(zone) as made from unnest(array['Europe/Berlin', 'America/St_Johns', 'Africa/Casablanca', 'Australia/Lord_Howe', 'Asia/Kathmandu']) as zone)
  select count(*)::integer from z, generate_series(date_trunc('year', now(), 'UTC'), date_trunc('year', now(), 'UTC') + interval '4 years', interval '1 day') as day,
    unnest(array['0 s', '1 hour', '59 min 59 s', '15 hours -1 s']::interval[]) as step
  where pg_temp.compiled_offset(made, day + step) <> zone_offset(zone, day + step)), 0,
  'compiled offsets are the zones'' own for four years');

select is(pg_temp.fault(conditions), 'rule 3, conditions' || fault, 'conditions ' || conditions::text) from (values
  ('[]'::jsonb, ': must be an object'),
  ('{"planet": ["RU"]}', ': unknown condition "planet"; there are country, region, asn, device, os, browser, language, time'),
  ('{"country": "RU"}', '.country: must be a list of 1 to 200, each a country of ISO 3166-1 such as "RU"'),
  ('{"country": []}', '.country: must be a list of 1 to 200, each a country of ISO 3166-1 such as "RU"'),
  ('{"country": ["ru"]}', '.country: "ru" is no country of ISO 3166-1 such as "RU"'),
  ('{"country": ["UK"]}', '.country: "UK" is no country of ISO 3166-1 such as "RU"'),
  ('{"country": ["RU", "RU"]}', '.country: "RU" is given twice'),
  ('{"country": [null]}', '.country: null is no country of ISO 3166-1 such as "RU"'),
  ('{"country": ["RU"], "region": ["RU-MOW"]}', ': give country or region, not both: a region is in its country'),
  ('{"region": ["MOW"]}', '.region: "MOW" is no region of ISO 3166-2 such as "RU-MOW"'),
  ('{"region": ["QQ-MOW"]}', '.region: "QQ-MOW" is no region of ISO 3166-2 such as "RU-MOW"'),
  ('{"asn": [0]}', '.asn: 0 is no number of an autonomous system'),
  ('{"asn": [4294967296]}', '.asn: 4294967296 is no number of an autonomous system'),
  ('{"asn": [1.5]}', '.asn: 1.5 is no number of an autonomous system'),
  ('{"device": ["watch"]}', '.device: "watch" is no device; there are desktop, phone, tablet, tv, other'),
  ('{"language": ["ru-RU"]}', '.language: "ru-RU" is no language such as "ru"'),
  ('{"time": []}', '.time: must be an object'),
  ('{"time": {}}', '.time: windows is missing'),
  ('{"time": {"windows": []}}', '.time.windows: must be a list of 1 to 50 windows'),
  ('{"time": {"window": [], "windows": []}}', '.time: unknown key "window"'),
  ('{"time": {"zone": "UTC", "offset": "+03:00", "windows": []}}', '.time: give zone or offset, not both'),
  ('{"time": {"zone": "Mars/Base", "windows": []}}', '.time.zone: this time zone is not known'),
  ('{"time": {"zone": "UTC+3", "windows": []}}', '.time.zone: name the time zone by a place, such as Europe/Moscow'),
  ('{"time": {"offset": "3", "windows": []}}', '.time.offset: must be an offset from UTC such as "+03:00"'),
  ('{"time": {"offset": "+15:00", "windows": []}}', '.time.offset: must be an offset from UTC such as "+03:00"'),
  ('{"time": {"windows": [{"from": "9:00", "to": "18:00"}]}}', '.time.windows[1].from: must be a time of day from "00:00" to "23:59"'),
  ('{"time": {"windows": [{"from": "24:00", "to": "18:00"}]}}', '.time.windows[1].from: must be a time of day from "00:00" to "23:59"'),
  ('{"time": {"windows": [{"from": "09:00"}]}}', '.time.windows[1].to: must be a time of day from "00:00" to "24:00"'),
  ('{"time": {"windows": [{"from": "09:00", "to": "24:30"}]}}', '.time.windows[1].to: must be a time of day from "00:00" to "24:00"'),
  ('{"time": {"windows": [{"from": "09:00", "to": "09:00"}]}}', '.time.windows[1]: from and to must differ; the whole day is from 00:00 to 24:00'),
  ('{"time": {"windows": [{"from": "09:00", "to": "18:00", "till": "19:00"}]}}', '.time.windows[1]: unknown key "till"'),
  ('{"time": {"windows": [{"days": ["monday"], "from": "09:00", "to": "18:00"}]}}', '.time.windows[1].days: "monday" is no day'),
  ('{"time": {"windows": [{"days": ["mon"], "from": "09:00", "to": "18:00"}, {"days": ["tue", "mon"], "from": "17:59", "to": "20:00"}]}}', '.time.windows[2]: overlaps an earlier window on mon'),
  ('{"time": {"windows": [{"days": ["mon"], "from": "22:00", "to": "06:00"}, {"days": ["tue"], "from": "05:00", "to": "07:00"}]}}', '.time.windows[2]: overlaps an earlier window on tue'),
  ('{"time": {"windows": [{"days": ["sun"], "from": "22:00", "to": "06:00"}, {"days": ["mon"], "from": "05:00", "to": "07:00"}]}}', '.time.windows[2]: overlaps an earlier window on mon')
  ) as c (conditions, fault);

-- Targets
select is(pg_temp.fault('{"country": ["RU"]}', targets), fault, 'targets ' || targets::text) from (values
  ('[{"target_url": "https://a.example/"}]'::jsonb, 'none'),
  ('[{"target_url": "https://a.example/", "weight_ppm": 1000000}]', 'none'),
  ('[{"target_url": "https://a.example/", "weight_ppm": 999999}, {"target_url": "https://b.example/", "weight_ppm": 1}]', 'none'),
  ('{}', 'rule 3, targets: must be a list of 1 to 16 targets'),
  ('[]', 'rule 3, targets: must be a list of 1 to 16 targets'),
  ('["https://a.example/"]', 'rule 3, targets[1]: must be an object'),
  ('[{"url": "https://a.example/"}]', 'rule 3, targets[1]: unknown key "url"'),
  ('[{}]', 'rule 3, targets[1]: target_url must be a text'),
  ('[{"target_url": "https://a.example/{foo}"}]', 'rule 3, targets[1]: target_url has the unknown macro {foo}'),
  ('[{"target_url": "https://{sub1}/"}]', 'rule 3, targets[1]: target_url has a macro in scheme or host'),
  ('[{"target_url": "/relative"}]', 'rule 3, targets[1]: target_url is not a clean http or https URL'),
  ('[{"target_url": "https://a.example/"}, {"target_url": "https://b.example/"}]', 'rule 3, targets[1]: weight_ppm must be a whole number from 1 to 1000000'),
  ('[{"target_url": "https://a.example/", "weight_ppm": 0}]', 'rule 3, targets[1]: weight_ppm must be a whole number from 1 to 1000000'),
  ('[{"target_url": "https://a.example/", "weight_ppm": "1"}]', 'rule 3, targets[1]: weight_ppm must be a whole number from 1 to 1000000'),
  ('[{"target_url": "https://a.example/", "weight_ppm": 0.5}]', 'rule 3, targets[1]: weight_ppm must be a whole number from 1 to 1000000'),
  ('[{"target_url": "https://a.example/", "weight_ppm": 500000}]', 'rule 3, targets: the weights sum to 500000, not to 1000000'),
  ('[{"target_url": "https://a.example/", "weight_ppm": 500000}, {"target_url": "https://b.example/", "weight_ppm": 500001}]', 'rule 3, targets: the weights sum to 1000001, not to 1000000')
  ) as t (targets, fault);
select is(pg_temp.fault('{"country": ["RU"]}', (select jsonb_agg('{"target_url": "https://a.example/", "weight_ppm": 1}'::jsonb) from generate_series(1, 17))),
  'rule 3, targets: must be a list of 1 to 16 targets', '17 targets');
select is(pg_temp.fault('{}'), 'rule 3: is empty: without a condition its target belongs into the link''s target_url', 'an empty rule');

-- Rules together
select lives_ok($$insert into link_rule (link_id, position, targets) values
  (1, 2, '[{"target_url": "https://a.example/", "weight_ppm": 500000}, {"target_url": "https://b.example/", "weight_ppm": 500000}]')$$, 'a split without conditions');
select is(pg_temp.fault('{"country": ["RU"]}'), 'rule 3: is never asked: rule 2 has no conditions', 'behind it nothing is asked');
select lives_ok($$insert into link_rule (link_id, position, conditions, targets) values (1, 1, '{"language": ["ru"], "country": ["RU"]}', '[{"target_url": "https://c.example/{sub1}"}]')$$, 'before it there may be others');
select is(encode((select compiled from link_rule where position = 1), 'hex'),
  encode('\x002e'::bytea || int8send((select id from link_rule where position = 1)) || '\x0201000252550700037275000100' || '\x0f4240' || '\x0013' || 'https://c.example/'::bytea || '\x81', 'hex'), 'a compiled rule');
select throws_like($$insert into link_rule (link_id, position, conditions, targets)
  select 2, n, '{"country": ["RU"]}', jsonb_build_array(jsonb_build_object('target_url', 'https://a.example/' || repeat('x', 2000))) from generate_series(1, 30) as n$$,
  '%all rules of a link take at most 49152 bytes%', 'rules have a limit together');
select throws_ok($$insert into link_rule (link_id, position, conditions, targets) values (2, 33, '{"country": ["RU"]}', '[{"target_url": "https://a.example/"}]')$$, '23514', null, 'at most 32 rules');

-- Records
delete from catalog_change;
update link_rule set conditions = '{"country": ["KZ"]}' where position = 1;
select is((select array_agg(type::text || ' ' || convert_from(key, 'UTF8')) from catalog_change), array['link a'], 'a changed rule is a changed link');
delete from link_rule where link_id = 1;
select is(encode(catalog_value('link', 'a'), 'hex'), encode(int8send(1) || int8send(1) || int8send(1) || '\x01' || '\x0012' || 'https://a.example/'::bytea, 'hex'), 'a plain link has no tail');
update link set starts_at = '1970-01-01T00:00:01.5Z', expires_at = '2026-01-01Z', fallback_url = 'https://f.example/' where id = 1;
select is(encode(catalog_value('link', 'a'), 'hex'), encode(int8send(1) || int8send(1) || int8send(1) || '\x01' || '\x0012' || 'https://a.example/'::bytea
  || '\x00' || int8send(1500) || int8send(1767225600000) || '\x0012' || 'https://f.example/'::bytea, 'hex'), 'start, expiry and fallback');
select throws_ok($$update link set starts_at = expires_at where id = 1$$, '23514', null, 'it starts before it expires');
select throws_ok($$update link set expires_at = 'infinity' where id = 1$$, '23514', null, 'never is null');
select throws_ok($$update link set click_cap = 0 where id = 1$$, '23514', null, 'a cap is above zero');

-- A zone that changes
insert into link_rule (link_id, position, conditions, targets) values (2, 1, '{"time": {"windows": [{"from": "09:00", "to": "18:00"}]}}', '[{"target_url": "https://a.example/"}]');
create temporary table before as select compiled from link_rule where link_id = 2;
update program set time_zone = 'Asia/Tokyo' where id = 1;
select isnt((select compiled from link_rule where link_id = 2), (select compiled from before), 'the programme''s zone is the rule''s');
alter table link_rule disable trigger link_rule_compile;
update link_rule set compiled_at = now() - interval '25 hours', compiled = '\x00';
alter table link_rule enable trigger link_rule_compile;
select link_review();
select ok((select length(compiled) > 1 and compiled_at = now() from link_rule where link_id = 2), 'a review compiles rules with a time once a day');

-- Caps
update link set click_cap = 10 where id = 1;
insert into click_hourly (hour, shard, program_id, partner_id, link_id, class, clicks) values
  ('2026-01-01T00:00Z', 0, 1, 1, 1, 'human', 5), ('2026-01-01T01:00Z', 0, 1, 1, 1, 'human', 4), ('2026-01-01T01:00Z', 0, 1, 1, 1, 'bot', 100), ('2026-01-01T01:00Z', 0, 1, 2, 2, 'human', 100);
select is(link_review(), 0::bigint, 'nine of ten');
update click_hourly set clicks = 5 where link_id = 1 and class = 'human';
delete from catalog_change;
select is(link_review(), 1::bigint, 'ten of ten');
select is(link_review(), 0::bigint, 'once');
select is((select array_agg(convert_from(key, 'UTF8')) from catalog_change), array['a'], 'it is published');
select is(get_byte(catalog_value('link', 'a'), 25 + 20), 1, 'as exhausted');
update link set click_cap = 11 where id = 1;
select is((select exhausted_at from link where id = 1), null, 'a higher cap opens it');
update link set click_cap = 5 where id = 1;
select isnt((select exhausted_at from link where id = 1), null, 'a lower cap closes it at once');
update link set click_cap = null where id = 1;
select is((select exhausted_at from link where id = 1), null, 'without a cap there is no end');

-- Who sees rules
create function pg_temp.answer(who name, partner text, statement text) returns text language plpgsql as $$
declare
  said text;
begin
  perform set_config('cl.partner', partner, true);
  execute format('set local role %I', who);
  begin
    execute statement into said;
  exception when others then
    said := sqlstate;
  end;
  reset role;
  return said;
end $$;
select is(pg_temp.answer(who, partner, statement), answer, who || ' as ' || partner || ': ' || statement) from (values
  ('cl_api'::name, '1', 'select count(*) from clickledger.link_rule', '0'),
  ('cl_api', '2', 'select count(*) from clickledger.link_rule', '1'),
  ('cl_api', '2', 'select json_array_length(clickledger.link_json(l)->''rules'') from clickledger.link l', '1'),
  ('cl_api', '', 'select count(*) from clickledger.link_rule', '0'),
  ('cl_api', '2', 'insert into clickledger.link_rule (link_id, position, conditions, targets) values (2, 2, ''{"country": ["RU"]}'', ''[{"target_url": "https://a.example/"}]'')', '42501'),
  ('cl_api', '2', 'with gone as (delete from clickledger.link_rule returning 1) select count(*) from gone', '0'),
  ('cl_api', '2', 'select compiled from clickledger.link_rule', '42501'),
  ('cl_analyst', '', 'select count(*) from clickledger.link_rule', '1'),
  ('cl_analyst', '', 'select compiled from clickledger.link_rule', '42501')) as asked (who, partner, statement, answer);

-- Orphans
select partition_ensure('2026-01-01', '2026-01-01');
insert into click (ts, click_id, class, reason, status, path, catalog_revision, producer, seq, content_hash)
  select click_ts(id), id, class::hit_class, reason, 302, reason, 1, gen_random_uuid(), 1, 1
  from (values ('019b76da-a800-7000-8000-000000000001'::uuid, 'invalid', 'link_expired'), ('019b76da-a800-7000-8000-000000000002', 'invalid', 'link_unknown'),
    ('019b76da-a800-7000-8000-000000000003', 'invalid', 'deep_link_refused'), ('019b76da-a800-7000-8000-000000000004', 'human', 'none'),
    ('019b76da-a800-7000-8000-000000000005', 'bot', 'ua_bot')) as c (id, class, reason);
select is(pg_temp.answer('cl_analyst', '', 'select string_agg(slug, '' '' order by slug) from clickledger.orphan_click'), 'link_expired link_unknown', 'orphans are what links did not take');

select * from finish();
rollback;
