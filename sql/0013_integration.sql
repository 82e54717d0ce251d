-- What an integration says about statuses and signatures, and a programme about its visitors' cookies. Both travel to the
-- tracker as extensions of their catalog records (base/catalog_policy.h).

create function clickledger.cookie_domain_valid(domain text, hosts text[]) returns boolean
  language sql immutable parallel safe
  return cardinality(hosts) > 0
    and domain ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?([.][a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$'
    and domain !~ '[.][0-9]+$'
    and domain !~ '^(ac|biz|co|com|edu|firm|gen|go|gob|gouv|gov|in|info|k12|law|ltd|me|mil|msk|name|ne|net|nom|or|org|plc|pp|sch|spb)[.][a-z]{2}$'
    and not exists (select from unnest(hosts) as host where host <> domain and right(host, length(domain) + 1) <> '.' || domain);
comment on function clickledger.cookie_domain_valid(text, text[]) is 'Whether a cookie of these hosts may have this Domain attribute: a parent of each of them, no address, neither a top-level domain nor one of the usual registries below a country (co.uk). Browsers know the others and refuse their cookies.';

alter table clickledger.program
  add column cookie_hosts text[] not null default '{}' check (clickledger.hosts_valid(cookie_hosts)),
  add column cookie_domain text,
  add column cookie_cross_site boolean not null default false,
  add column consent_required boolean not null default false,
  add constraint program_cookie_domain_valid check (cookie_domain is null or clickledger.cookie_domain_valid(cookie_domain, cookie_hosts));
comment on column clickledger.program.cookie_hosts is 'Host names of the tracker that belong to the shop''s own site; a visitor cookie is set on no other. Empty: wherever the tracker answers, so only where all its hosts are the shop''s.';
comment on column clickledger.program.cookie_domain is 'Domain attribute of the visitor cookie, a parent of all cookie_hosts; null: the cookie is the answering host''s alone.';
comment on column clickledger.program.cookie_cross_site is 'Whether the cookie is sent with pixels on pages of other sites (SameSite=None, over https only) or not (Lax).';
comment on column clickledger.program.consent_required is 'Whether a visitor is known only after saying yes (consent=1).';
comment on column clickledger.program.visitor_cookie is 'Whether the tracker sets a visitor cookie at all; see cookie_hosts.';

alter table clickledger.integration
  add column statuses jsonb not null default '{}' check (jsonb_typeof(statuses) = 'object' and octet_length(statuses::text) <= 16384),
  add constraint integration_names check (not aliases ? '' and not statuses ? '');
comment on column clickledger.integration.statuses is 'Status words of this shop -> ours (pending, approved, declined, refunded) or ignore, e.g. {"1": "approved", "test": "ignore"}; compared without case.';

create table clickledger.integration_secret (
  id             bigint generated always as identity primary key,
  integration_id bigint not null references clickledger.integration,
  secret         text not null check (length(secret) between 32 and 128),
  created_at     timestamptz not null default now()
);
create index integration_secret_integration on clickledger.integration_secret (integration_id);
comment on table clickledger.integration_secret is 'Secrets that sign reports (HMAC-SHA256). An integration that has any takes only signed reports; its two newest are live. They are stored as they are, because the tracker must compute with them.';
comment on column clickledger.integration_secret.id is 'Number of the secret; the higher is the newer.';
comment on column clickledger.integration_secret.integration_id is 'The integration whose reports it signs.';
comment on column clickledger.integration_secret.secret is 'The secret itself; shown once, read only by its owner.';
comment on column clickledger.integration_secret.created_at is 'When it was made.';

alter table clickledger.integration_secret enable row level security;
alter table clickledger.integration_secret force row level security;
create policy team on clickledger.integration_secret to cl_api
  using (current_setting('cl.team', true) = 'on') with check (current_setting('cl.team', true) = 'on');
create policy analyst on clickledger.integration_secret for select to cl_analyst using (true);

grant select (id, integration_id, created_at), insert, delete on clickledger.integration_secret to cl_api;
grant select (id, integration_id, created_at) on clickledger.integration_secret to cl_analyst;
grant select (statuses), update (name, aliases, statuses, status) on clickledger.integration to cl_api;
grant select (statuses) on clickledger.integration to cl_analyst;
grant select (cookie_hosts, cookie_domain, cookie_cross_site, consent_required) on clickledger.program to cl_analyst;
grant update (fallback_url, hosts, visitor_cookie, cookie_hosts, cookie_domain, cookie_cross_site, consent_required, status)
  on clickledger.program to cl_api;
grant execute on function clickledger.cookie_domain_valid(text, text[]) to cl_ingest, cl_attrib, cl_api, cl_analyst;

-- To the tracker.

create function clickledger.catalog_bytes(value bytea) returns bytea
  language sql immutable parallel safe
  return int2send((case when length(value) < 32768 then length(value) else length(value) - 65536 end)::smallint) || value;
comment on function clickledger.catalog_bytes(bytea) is 'Bytes inside a record, up to 65535: their number u16, then the bytes.';

create function clickledger.catalog_extension(type clickledger.catalog_type, key bytea) returns bytea
  language plpgsql stable
  set search_path = clickledger, pg_temp
as $$
begin
  case type
  when 'program' then
    return (
      select set_byte('\x00', 0, p.consent_required::integer + 2 * p.cookie_cross_site::integer) || catalog_text(p.cookie_domain)
        || coalesce((select string_agg(catalog_text(h.host), '' order by h.n)
                     from unnest(p.cookie_hosts) with ordinality as h (host, n)), '')
      from program p where p.id = ('x' || encode(key, 'hex'))::bit(64)::bigint);
  when 'integration' then
    return (
      select catalog_bytes(coalesce((select string_agg(catalog_text(s.theirs) || catalog_text(s.ours), '' order by s.theirs)
                                     from jsonb_each_text(i.statuses) as s (theirs, ours)), ''))
        || coalesce((select string_agg(catalog_text(s.secret), '' order by s.id desc)
                     from (select id, secret from integration_secret where integration_id = i.id order by id desc limit 2) as s), '')
      from integration i where i.key_hash = key);
  end case;
end $$;
comment on function clickledger.catalog_extension(clickledger.catalog_type, bytea) is 'What stands behind the list at the end of a programme''s or integration''s record.';

alter function clickledger.catalog_value(clickledger.catalog_type, bytea) rename to catalog_value_plain;
comment on function clickledger.catalog_value_plain(clickledger.catalog_type, bytea) is
  'Value of a record without its extension; null: there is no such key. A link or code is active when its partner is too; whether the programme is, the tracker looks up at the click, so that pausing a programme is one record.';

create function clickledger.catalog_value(type clickledger.catalog_type, key bytea) returns bytea
  language plpgsql stable
  set search_path = clickledger, pg_temp
as $$
begin
  if type in ('program', 'integration') then
    return catalog_value_plain(type, key) || catalog_text('') || catalog_bytes(catalog_extension(type, key));
  end if;
  return catalog_value_plain(type, key);
end $$;
comment on function clickledger.catalog_value(clickledger.catalog_type, bytea) is 'Value of a record as the tables have it now; null: there is no such key.';

do $$
declare
  key constant text := '(select i.key_hash from integration i where i.id = changed.integration_id)';
begin
  execute format('create trigger catalog_integration_insert after insert on clickledger.integration_secret
    referencing new table as come for each statement execute function clickledger.catalog_note(%L, %L)', 'integration', key);
  execute format('create trigger catalog_integration_delete after delete on clickledger.integration_secret
    referencing old table as gone for each statement execute function clickledger.catalog_note(%L, %L)', 'integration', key);
end $$;

insert into clickledger.catalog_change (type, key)
  select 'program'::clickledger.catalog_type, int8send(id) from clickledger.program
  union all select 'integration'::clickledger.catalog_type, key_hash from clickledger.integration;

-- What stands behind the routes.

create or replace function clickledger.program_json(row_of clickledger.program) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'code', row_of.code, 'name', row_of.name, 'currency', row_of.currency,
    'time_zone', row_of.time_zone, 'fallback_url', row_of.fallback_url, 'hosts', row_of.hosts,
    'visitor_cookie', row_of.visitor_cookie, 'cookie_hosts', row_of.cookie_hosts, 'cookie_domain', row_of.cookie_domain,
    'cookie_cross_site', row_of.cookie_cross_site, 'consent_required', row_of.consent_required,
    'status', row_of.status, 'created_at', clickledger.api_time(row_of.created_at));

create function clickledger.api_hosts(p jsonb, field text) returns text[]
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  hosts text[] := case when p ? field then array(select lower(host) from jsonb_array_elements_text(p->field) as host) end;
begin
  perform api_valid(hosts is null or hosts_valid(hosts), field, field || ' must be host names (IDN as xn--), without port');
  return hosts;
end $$;
comment on function clickledger.api_hosts(jsonb, text) is 'Host names of the body in lower case, null where the field is not given; CL422 for anything else.';

create function clickledger.api_valid_cookie_domain(domain text, hosts text[]) returns void
  language plpgsql stable set search_path = clickledger, pg_temp as $$
begin
  perform api_valid(domain is null or cookie_domain_valid(domain, hosts), 'cookie_domain',
    'cookie_domain must be a parent of every host of cookie_hosts, and no public suffix such as com or co.uk');
end $$;
comment on function clickledger.api_valid_cookie_domain(text, text[]) is 'CL422 unless cookies of these hosts may be for this domain.';

create or replace function clickledger.api_program_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made program;
  cookie_hosts text[] := coalesce(api_hosts(p, 'cookie_hosts'), '{}');
begin
  perform api_valid(exists (select from currency where code = p->>'currency'), 'currency', 'currency is not an active code of ISO 4217');
  perform api_zone(coalesce(p->>'time_zone', 'UTC'));
  perform api_valid(p->>'fallback_url' is null or url_valid(p->>'fallback_url'), 'fallback_url', 'fallback_url is not a clean http or https URL');
  perform api_valid_cookie_domain(lower(nullif(p->>'cookie_domain', '')), cookie_hosts);
  insert into program (code, name, currency, time_zone, fallback_url, hosts, visitor_cookie, cookie_hosts, cookie_domain,
                       cookie_cross_site, consent_required)
  values (p->>'code', p->>'name', p->>'currency', coalesce(p->>'time_zone', 'UTC'), p->>'fallback_url',
          coalesce(api_hosts(p, 'hosts'), '{}'), coalesce((p->>'visitor_cookie')::boolean, false), cookie_hosts,
          lower(nullif(p->>'cookie_domain', '')), coalesce((p->>'cookie_cross_site')::boolean, false),
          coalesce((p->>'consent_required')::boolean, false))
  returning * into made;
  return program_json(made);
exception when unique_violation then
  perform api_fail(409, 'code', 'a programme has this code');
end $$;

create function clickledger.api_program_change(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  changed program;
begin
  select * into changed from program where id = (p->>'id')::bigint for update;
  if not found then
    return api_missing('programme');
  end if;
  perform api_valid(p->>'fallback_url' is null or url_valid(p->>'fallback_url'), 'fallback_url', 'fallback_url is not a clean http or https URL');
  changed.cookie_hosts := coalesce(api_hosts(p, 'cookie_hosts'), changed.cookie_hosts);
  changed.cookie_domain := case when p ? 'cookie_domain' then lower(nullif(p->>'cookie_domain', '')) else changed.cookie_domain end;
  perform api_valid_cookie_domain(changed.cookie_domain, changed.cookie_hosts);
  update program set fallback_url = coalesce(p->>'fallback_url', fallback_url), hosts = coalesce(api_hosts(p, 'hosts'), hosts),
    visitor_cookie = coalesce((p->>'visitor_cookie')::boolean, visitor_cookie),
    cookie_hosts = changed.cookie_hosts, cookie_domain = changed.cookie_domain,
    cookie_cross_site = coalesce((p->>'cookie_cross_site')::boolean, cookie_cross_site),
    consent_required = coalesce((p->>'consent_required')::boolean, consent_required),
    status = coalesce(p->>'status', status)
  where id = changed.id returning * into changed;
  return program_json(changed);
end $$;
comment on function clickledger.api_program_change(jsonb) is 'PATCH /v1/programs/{id}: what is not given stays.';

create function clickledger.integration_json(integration_id bigint) returns json
  language sql stable
  return (select json_build_object('id', i.id, 'program_id', i.program_id, 'name', i.name, 'aliases', i.aliases,
      'statuses', i.statuses, 'status', i.status, 'created_at', clickledger.api_time(i.created_at),
      'secrets', (select coalesce(json_agg(json_build_object('id', s.id, 'created_at', clickledger.api_time(s.created_at))
                                           order by s.id desc), '[]')
                  from (select id, created_at from clickledger.integration_secret where integration_id = i.id
                        order by id desc limit 2) as s))
    from clickledger.integration i where i.id = integration_json.integration_id);
comment on function clickledger.integration_json(bigint) is 'An integration as answers show it: neither key nor secrets. Null: there is none.';

create function clickledger.api_integrations(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select i.id from integration i
    where i.id < (api_after(p))[1] and (p->>'program_id' is null or i.program_id = (p->>'program_id')::bigint)
      and (p->>'status' is null or i.status = p->>'status')
    order by i.id desc limit api_limit(p) + 1)
  select api_page(array_agg(integration_json(page.id) order by page.id desc),
                  array_agg(api_cursor(page.id) order by page.id desc), p)
  from page;
$$;
comment on function clickledger.api_integrations(jsonb) is 'GET /v1/integrations.';

create function clickledger.api_valid_words(p jsonb) returns void
  language plpgsql stable set search_path = clickledger, pg_temp as $$
begin
  perform api_valid(not exists (
    select from jsonb_each(coalesce(p->'aliases', '{}')) as alias
    where jsonb_typeof(alias.value) <> 'string' or alias.key !~ '^[A-Za-z0-9_.-]{1,64}$'
      or alias.value #>> '{}' !~ '^(click_id|order_id|kind|status|amount|currency|promo|product|customer|event_time|event_id|sub([1-9]|10))$'),
    'aliases', 'aliases must lead from the shop''s parameter names to ours');
  perform api_valid(not exists (
    select from jsonb_each(coalesce(p->'statuses', '{}')) as word
    where jsonb_typeof(word.value) <> 'string' or length(word.key) not between 1 and 64 or word.key ~ '[[:cntrl:]]'
      or word.value #>> '{}' !~ '^(pending|approved|declined|refunded|ignore)$'),
    'statuses', 'statuses must lead from the shop''s words to pending, approved, declined, refunded or ignore');
end $$;
comment on function clickledger.api_valid_words(jsonb) is 'CL422 unless aliases and statuses lead to names and words of ours.';

create or replace function clickledger.api_integration_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made text := 'cl_postback_' || (p->>'secret');
  made_id bigint;
begin
  if not exists (select from program where id = (p->>'id')::bigint) then
    return api_missing('programme');
  end if;
  perform api_valid_words(p);
  insert into integration (program_id, name, key_hash, aliases, statuses)
  values ((p->>'id')::bigint, p->>'name', key_hash(made), coalesce(p->'aliases', '{}'), coalesce(p->'statuses', '{}'))
  returning id into made_id;
  return (integration_json(made_id)::jsonb || jsonb_build_object('key', made, 'path', '/postback/' || made))::json;
end $$;

create function clickledger.api_integration_change(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  perform api_valid_words(p);
  update integration set name = coalesce(p->>'name', name), aliases = coalesce(p->'aliases', aliases),
    statuses = coalesce(p->'statuses', statuses)
  where id = (p->>'id')::bigint;
  return coalesce(integration_json((p->>'id')::bigint), api_missing('integration'));
end $$;
comment on function clickledger.api_integration_change(jsonb) is 'PATCH /v1/integrations/{id}: what is not given stays.';

create function clickledger.api_integration_revoke(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  update integration set status = 'revoked' where id = (p->>'id')::bigint;
  return coalesce(integration_json((p->>'id')::bigint), api_missing('integration'));
end $$;
comment on function clickledger.api_integration_revoke(jsonb) is 'POST /v1/integrations/{id}/revoke: reports by its key are refused as soon as the trackers know.';

create function clickledger.integration_secrets_keep(integration_id bigint, n integer) returns void
  language sql set search_path = clickledger, pg_temp as $$
  delete from integration_secret s where s.integration_id = integration_secrets_keep.integration_id and s.id not in (
    select k.id from integration_secret k where k.integration_id = integration_secrets_keep.integration_id order by k.id desc limit n);
$$;
comment on function clickledger.integration_secrets_keep(bigint, integer) is 'Forgets all but the newest n secrets of an integration.';

create function clickledger.api_secret_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made text := 'cl_secret_' || (p->>'secret');
begin
  perform from integration where id = (p->>'id')::bigint for update;
  if not found then
    return api_missing('integration');
  end if;
  insert into integration_secret (integration_id, secret) values ((p->>'id')::bigint, made);
  perform integration_secrets_keep((p->>'id')::bigint, 2);
  return (integration_json((p->>'id')::bigint)::jsonb || jsonb_build_object('secret', made))::json;
end $$;
comment on function clickledger.api_secret_create(jsonb) is 'POST /v1/integrations/{id}/secrets: shows a new secret, this once. The one before it stays live until it is retired or the next is made.';

create function clickledger.api_secret_retire(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  perform from integration where id = (p->>'id')::bigint for update;
  if not found then
    return api_missing('integration');
  end if;
  perform integration_secrets_keep((p->>'id')::bigint, 1);
  return integration_json((p->>'id')::bigint);
end $$;
comment on function clickledger.api_secret_retire(jsonb) is 'POST /v1/integrations/{id}/secrets/retire: only the newest secret stays live.';

do $$
declare
  shared regprocedure;
begin
  for shared in
    select oid from pg_proc
    where pronamespace = 'clickledger'::regnamespace
      and proname in ('api_hosts', 'api_valid_cookie_domain', 'api_program_change', 'integration_json', 'api_integrations', 'api_valid_words',
                      'api_integration_change', 'api_integration_revoke', 'integration_secrets_keep', 'api_secret_create', 'api_secret_retire')
  loop
    execute format('grant execute on function %s to cl_api', shared);
  end loop;
end $$;
