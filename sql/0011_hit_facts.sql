-- What a request says about who sends it: network, place, device; and where it came from, without the query.

create type clickledger.device as enum (
  'desktop', 'phone', 'tablet', 'tv', 'other');
comment on type clickledger.device is 'What a user agent says it runs on.';
create type clickledger.os as enum (
  'windows', 'macos', 'linux', 'chromeos', 'android', 'ios', 'harmonyos', 'tizen', 'webos', 'kaios',
  'other');
comment on type clickledger.os is 'Operating system, by the user agent.';
create type clickledger.browser as enum (
  'chrome', 'safari', 'firefox', 'edge', 'opera', 'yandex', 'samsung', 'miui', 'uc', 'huawei',
  'ie', 'vivaldi', 'duckduckgo', 'atom', 'android', 'qq', 'vivo', 'oppo', 'silk', 'puffin',
  'vk', 'ok', 'telegram', 'whatsapp', 'viber', 'instagram', 'facebook', 'threads', 'tiktok', 'twitter',
  'pinterest', 'linkedin', 'snapchat', 'line', 'wechat', 'kakaotalk', 'google_app', 'yandex_app', 'webview', 'other');
comment on type clickledger.browser is 'Browser, or the application whose web view it is; webview: of an application without a name here.';

do $$
declare
  hits text;
  fact record;
begin
  foreach hits in array array['click', 'impression', 'visit', 'promo_entry', 'conversion_report'] loop
    for fact in
      select * from (values
        ('address_hash', 'bigint', 'Keyed hash of the whole client address (of its /64 in IPv6). Comparable only under one click key; not visible to analysts.'),
        ('country', 'text', 'Country of the address, ISO 3166-1 alpha-2; null: not known.'),
        ('region', 'text', 'Region of the address, the subdivision''s part of ISO 3166-2; null: not known.'),
        ('asn', 'bigint', 'Autonomous system of the address; null: not known.'),
        ('device', 'clickledger.device', 'Device by the user agent; null: not known.'),
        ('os', 'clickledger.os', 'Operating system by the user agent; null: not known.'),
        ('browser', 'clickledger.browser', 'Browser by the user agent; null: not known.'),
        ('class_version', 'integer', 'Version of the lists by which it was classified.'),
        ('referrer_host', 'text', 'Host of the Referer header.'),
        ('referrer_path', 'text', 'Path of the Referer header; its query is not kept.')) as listed (name, type, text)
      where hits <> 'conversion_report' or listed.name !~ '^(class_version|referrer_.*)$'
    loop
      execute format('alter table clickledger.%I add column %I %s', hits, fact.name, fact.type);
      execute format('comment on column clickledger.%I.%I is %L', hits, fact.name, fact.text);
      if fact.name <> 'address_hash' then
        execute format('grant select (%I) on clickledger.%I to cl_analyst', fact.name, hits);
      end if;
    end loop;
  end loop;
  foreach hits in array array['click', 'impression', 'visit', 'promo_entry'] loop
    execute format($update$update clickledger.%I set
      referrer_host = substring(referrer from '^(?:[a-z][a-z0-9+.-]*://)?([^/?#]*)'),
      referrer_path = substring(referrer from '^(?:[a-z][a-z0-9+.-]*://)?[^/?#]*(/[^?#]*)')
      where referrer is not null$update$, hits);
    execute format('alter table clickledger.%I drop column referrer', hits);
    execute format('comment on column clickledger.%I.address is %L', hits,
      'Address of the client, whole, cut to its network or not at all, as address_policy says; not visible to analysts.');
    execute format('comment on column clickledger.%I.language is %L', hits, 'First language of the Accept-Language header.');
  end loop;
end $$;
