-- What partners make themselves: links, on the hosts of a programme in which they take part, and promo codes where it admits that.
-- Partners have no grant to write: their rows are written by functions with the owner's rights, each of which asks who asks.

create function clickledger.percent_encode(value text) returns text
  language sql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
  select coalesce(string_agg(case when c ~ '[A-Za-z0-9._~-]' then c else upper(regexp_replace(encode(convert_to(c, 'UTF8'), 'hex'), '(..)', '%\1', 'g')) end,
    '' order by n), '')
  from regexp_split_to_table(value, '') with ordinality as s (c, n)
$$;
comment on function clickledger.percent_encode(text) is 'A value inside a URL: all but letters, digits and -._~ percent-encoded, as the tracker does it.';

create function clickledger.url_host(url text) returns text
  language sql immutable strict parallel safe
  return lower(substring(url from '^https?://([^/?#:@]+)(?:[/?#]|$)'));
comment on function clickledger.url_host(text) is 'Host of a clean URL without a port; null: it has a port, or is none.';

-- --- What a programme admits --------------------------------------------------------------------------------------------

create table clickledger.partner_policy (
  program_id bigint primary key references clickledger.program,
  links_max  integer not null default 500 check (links_max between 0 and 10000),
  codes_max  integer not null default 0 check (codes_max between 0 and 1000)
);
comment on table clickledger.partner_policy is 'What partners of a programme may make themselves. Without a row: the defaults.';
comment on column clickledger.partner_policy.program_id is 'The programme.';
comment on column clickledger.partner_policy.links_max is 'How many links a partner may have there before it can make no more itself, 0 to 10000.';
comment on column clickledger.partner_policy.codes_max is 'How many promo codes a partner may make itself, 0 to 1000; 0: only the team makes codes.';
alter table clickledger.partner_policy enable row level security;
alter table clickledger.partner_policy force row level security;
create policy team on clickledger.partner_policy to cl_api
  using (current_setting('cl.team', true) = 'on') with check (current_setting('cl.team', true) = 'on');
create policy partner_own on clickledger.partner_policy for select to cl_api
  using (nullif(current_setting('cl.partner', true), '') is not null
    and exists (select from clickledger.program g where g.id = partner_policy.program_id));
create policy analyst on clickledger.partner_policy for select to cl_analyst using (true);
grant select on clickledger.partner_policy to cl_api, cl_analyst;
grant insert, update (links_max, codes_max) on clickledger.partner_policy to cl_api;
select clickledger.audit_table('clickledger.partner_policy');

create function clickledger.partner_policy_of(program_id bigint) returns clickledger.partner_policy
  language sql stable
  return (select row(partner_policy_of.program_id, coalesce(p.links_max, 500), coalesce(p.codes_max, 0))::clickledger.partner_policy
          from (select) as one left join clickledger.partner_policy p on p.program_id = partner_policy_of.program_id);
comment on function clickledger.partner_policy_of(bigint) is 'A programme''s partner_policy, or the defaults.';

create function clickledger.api_partner_policy(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  wanted partner_policy := partner_policy_of((p->>'id')::bigint);
begin
  if not exists (select from program where id = (p->>'id')::bigint) then
    return api_missing('programme');
  end if;
  wanted.links_max := coalesce((p->>'links_max')::integer, wanted.links_max);
  wanted.codes_max := coalesce((p->>'codes_max')::integer, wanted.codes_max);
  insert into partner_policy values (wanted.*)
  on conflict (program_id) do update set links_max = excluded.links_max, codes_max = excluded.codes_max;
  return row_to_json(wanted);
end $$;
comment on function clickledger.api_partner_policy(jsonb) is 'PATCH /v1/programs/{id}/partner-policy: what is not given stays.';

-- A partner is told below which amount nothing is paid out before it asks.
create policy partner_own on clickledger.payout_policy for select to cl_api
  using (nullif(current_setting('cl.partner', true), '') is not null
    and exists (select from clickledger.program g where g.id = payout_policy.program_id));

create or replace function clickledger.program_json(row_of clickledger.program) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'code', row_of.code, 'name', row_of.name, 'currency', row_of.currency,
    'time_zone', row_of.time_zone, 'fallback_url', row_of.fallback_url, 'hosts', row_of.hosts,
    'visitor_cookie', row_of.visitor_cookie, 'cookie_hosts', row_of.cookie_hosts, 'cookie_domain', row_of.cookie_domain,
    'cookie_cross_site', row_of.cookie_cross_site, 'consent_required', row_of.consent_required,
    'duplicate_window_seconds', row_of.duplicate_window_seconds,
    'links_max', (clickledger.partner_policy_of(row_of.id)).links_max, 'codes_max', (clickledger.partner_policy_of(row_of.id)).codes_max,
    'payout_min_minor', coalesce((select o.min_minor from clickledger.payout_policy o where o.program_id = row_of.id), 1),
    'status', row_of.status, 'created_at', clickledger.api_time(row_of.created_at));

-- --- Columns ------------------------------------------------------------------------------------------------------------

create function clickledger.link_parameters_fault(parameters jsonb) returns text
  language sql immutable parallel safe
  return (
    select case when e.key !~ '^(sub([1-9]|10)|utm_(source|medium|campaign|content|term)|erid)$'
        then 'has the unknown name ' || left(to_json(e.key)::text, 80) || '; there are sub1 to sub10, utm_source, utm_medium, utm_campaign, utm_content, utm_term and erid'
      else e.key || ' must be a text of 1 to 512 bytes without control characters' end
    from jsonb_each(case jsonb_typeof(parameters) when 'object' then parameters else '{"": 0}' end) as e
    where e.key !~ '^(sub([1-9]|10)|utm_(source|medium|campaign|content|term)|erid)$' or jsonb_typeof(e.value) <> 'string'
      or octet_length(e.value #>> '{}') not between 1 and 512 or e.value #>> '{}' ~ '[[:cntrl:]]'
    order by e.key limit 1);
comment on function clickledger.link_parameters_fault(jsonb) is 'What is wrong with the parameters of a link; null: nothing. A value is 1 to 512 bytes, as the tracker keeps them.';

alter table clickledger.link
  add column parameters jsonb not null default '{}' check (clickledger.link_parameters_fault(parameters) is null),
  add column held boolean not null default false;
comment on column clickledger.link.parameters is 'Sub ids and UTM parameters of the URL that is given out, e.g. {"sub1": "review"}. The tracker takes what a click brings: who gives out the bare URL gives none.';
comment on column clickledger.link.held is 'Whether the team has paused it; then only the team makes it active again.';
alter table clickledger.promo_code add column by_partner boolean not null default false;
comment on column clickledger.promo_code.by_partner is 'Whether the partner made it itself; these count for codes_max.';
grant update (parameters, held) on clickledger.link to cl_api;
grant select (parameters, held) on clickledger.link to cl_analyst;
grant select (by_partner) on clickledger.promo_code to cl_analyst;

create function clickledger.link_query(parameters jsonb) returns text
  language sql immutable parallel safe
  return (select coalesce('?' || string_agg(e.key || '=' || clickledger.percent_encode(e.value), '&' order by length(e.key), e.key), '') from jsonb_each_text(parameters) as e);
comment on function clickledger.link_query(jsonb) is 'The parameters of a link as they stand behind its path; none: nothing.';

create or replace function clickledger.link_json(row_of clickledger.link) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'program_id', row_of.program_id, 'partner_id', row_of.partner_id,
    'slug', row_of.slug, 'path', '/c/' || row_of.slug, 'parameters', row_of.parameters,
    'share_path', '/c/' || row_of.slug || clickledger.link_query(row_of.parameters), 'target_url', row_of.target_url, 'name', row_of.name,
    'status', row_of.status, 'held', row_of.held, 'starts_at', clickledger.api_time(row_of.starts_at),
    'expires_at', clickledger.api_time(row_of.expires_at), 'click_cap', row_of.click_cap,
    'exhausted_at', clickledger.api_time(row_of.exhausted_at), 'fallback_url', row_of.fallback_url,
    'rules', (select coalesce(json_agg(json_build_object('conditions', r.conditions, 'targets', r.targets) order by r.position), '[]')
              from clickledger.link_rule r where r.link_id = row_of.id),
    'created_at', clickledger.api_time(row_of.created_at));
comment on function clickledger.link_json(clickledger.link) is 'A link as answers show it; path is its path on the tracker, share_path the same with its parameters, rules are in the order in which they are asked.';

-- --- A partner's own ----------------------------------------------------------------------------------------------------

create function clickledger.partner_target(program_id bigint, url text) returns text
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  allowed constant text[] := (select g.hosts from program g where g.id = partner_target.program_id);
  target constant text := coalesce(url, 'https://' || allowed[1] || '/');
begin
  perform api_valid(target is not null, 'target_url', 'the programme names no hosts, so only its team sets targets');
  perform api_valid_target(target);
  perform api_valid(url_host(target) = any (allowed), 'target_url',
    'target_url must lead to a host of the programme, without a port: ' || coalesce(nullif(array_to_string(allowed, ', '), ''), 'it names none'));
  return target;
end $$;
comment on function clickledger.partner_target(bigint, text) is 'The target if it is clean and on one of the programme''s hosts; without one, the first host''s front page. CL422 target_url.';

create function clickledger.partner_makes() returns bigint
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  asker constant bigint := api_partner();
  found_status text;
begin
  select a.status into found_status from partner a where a.id = asker for no key update;
  if found_status is null then
    perform api_fail(403, 'forbidden', 'this needs a partner key');
  end if;
  if found_status <> 'active' then
    perform api_fail(409, 'status', 'a partner that is ' || found_status || ' makes nothing');
  end if;
  return asker;
end $$;
comment on function clickledger.partner_makes() is 'The asking partner, locked until the end of the transaction, so that two requests at once do not pass a limit together. CL403: the team asks; CL409 status: the partner is not active.';

create function clickledger.partner_link_make(p jsonb) returns clickledger.link
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  wanted_program constant bigint := p->>'program_id';
  asker constant bigint := partner_makes();
  links_max constant integer := (partner_policy_of(wanted_program)).links_max;
  made link;
begin
  if (select count(*) from link l where l.partner_id = asker and l.program_id = wanted_program) >= links_max then
    perform api_fail(409, 'links_max', format('a partner has up to %s links in this programme; change one of them, or ask its team', links_max));
  end if;
  insert into link (program_id, partner_id, slug, target_url, name, parameters)
  values (wanted_program, asker, coalesce(p->>'slug', left(key_random(), 10)), partner_target(wanted_program, p->>'target_url'), p->>'name',
          coalesce(p->'parameters', '{}'))
  returning * into made;
  return made;
end $$;
comment on function clickledger.partner_link_make(jsonb) is 'Makes a link of the asking partner; whether it takes part in the programme, the caller has seen. CL409 links_max, status; CL422 target_url.';

create function clickledger.partner_link_set(p jsonb) returns clickledger.link
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  changed link;
begin
  select * into changed from link l where l.id = (p->>'id')::bigint and l.partner_id = api_partner() for update;
  if not found then
    perform api_missing('link');
  end if;
  if changed.held and p->>'status' = 'active' then
    perform api_fail(409, 'status', 'the team has paused this link');
  end if;
  update link set status = coalesce(p->>'status', status), name = case when p ? 'name' then p->>'name' else name end,
    target_url = case when p ? 'target_url' then partner_target(program_id, p->>'target_url') else target_url end,
    parameters = coalesce(p->'parameters', parameters)
  where id = changed.id returning * into changed;
  return changed;
end $$;
comment on function clickledger.partner_link_set(jsonb) is 'Changes a link of the asking partner. CL404: it has no such link; CL409 status: the team has paused it.';

create function clickledger.partner_code_make(p jsonb) returns clickledger.promo_code
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  wanted_program constant bigint := p->>'program_id';
  asker constant bigint := partner_makes();
  codes_max constant integer := (partner_policy_of(wanted_program)).codes_max;
  made promo_code;
begin
  if (select count(*) from promo_code c where c.partner_id = asker and c.program_id = wanted_program and c.by_partner) >= codes_max then
    perform api_fail(409, 'codes_max', case codes_max when 0 then 'codes of this programme are made by its team'
      else format('a partner makes up to %s codes in this programme itself; ask its team', codes_max) end);
  end if;
  perform api_valid(length(p->>'code') >= 4, 'code', 'code must be 4 to 64 of A-Z a-z 0-9 _ -');
  insert into promo_code (program_id, partner_id, code, target_url, by_partner)
  values (wanted_program, asker, p->>'code', partner_target(wanted_program, p->>'target_url'), true)
  returning * into made;
  return made;
end $$;
comment on function clickledger.partner_code_make(jsonb) is 'Makes a promo code of the asking partner; whether it takes part in the programme, the caller has seen. CL409 codes_max, status; CL422 target_url, code.';

-- --- Routes -------------------------------------------------------------------------------------------------------------

create function clickledger.api_valid_asker(p jsonb, team_only text[]) returns void
  language plpgsql stable set search_path = clickledger, pg_temp as $$
begin
  perform api_valid(api_partner() is null or not p ? name, name, name || ' is set by the team') from unnest(team_only) as name;
  perform api_valid(p->'parameters' is null or link_parameters_fault(p->'parameters') is null, 'parameters', 'parameters: ' || link_parameters_fault(p->'parameters'));
end $$;
comment on function clickledger.api_valid_asker(jsonb, text[]) is 'CL422 where a partner gives what only the team may, or where a link''s parameters are wrong.';

create function clickledger.api_valid_maker(p jsonb) returns void
  language plpgsql stable set search_path = clickledger, pg_temp as $$
begin
  perform api_valid_owner(p);
  perform api_valid(api_partner() is not null or p ? 'partner_id', 'partner_id', 'partner_id is missing');
  perform api_valid(api_partner() is not null or p ? 'target_url', 'target_url', 'target_url is missing');
end $$;
comment on function clickledger.api_valid_maker(jsonb) is 'CL422 unless programme and partner are there for the asker; the team also names partner and target.';

create or replace function clickledger.api_link_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made link;
begin
  perform api_valid_maker(p);
  perform api_valid_asker(p, '{starts_at,expires_at,click_cap,fallback_url,rules}');
  if api_partner() is not null then
    return link_json(partner_link_make(p));
  end if;
  perform api_valid_link(p, (p->>'starts_at')::timestamptz, (p->>'expires_at')::timestamptz);
  insert into link (program_id, partner_id, slug, target_url, name, parameters, starts_at, expires_at, click_cap, fallback_url)
  values ((p->>'program_id')::bigint, (p->>'partner_id')::bigint, coalesce(p->>'slug', left(key_random(), 10)),
          p->>'target_url', p->>'name', coalesce(p->'parameters', '{}'), (p->>'starts_at')::timestamptz, (p->>'expires_at')::timestamptz,
          (p->>'click_cap')::bigint, p->>'fallback_url')
  returning * into made;
  perform link_rules_set(made.id, coalesce(p->'rules', '[]'));
  return link_json(made);
exception when unique_violation then
  perform api_fail(409, 'slug', 'a link has this slug');
end $$;
comment on function clickledger.api_link_create(jsonb) is 'POST /v1/links: without a slug it gets a random one. A partner makes its own, on the hosts of a programme in which it takes part.';

create or replace function clickledger.api_link_change(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  changed link;
begin
  perform api_valid_asker(p, '{starts_at,expires_at,click_cap,fallback_url,rules}');
  if api_partner() is not null then
    return link_json(partner_link_set(p));
  end if;
  select * into changed from link where id = (p->>'id')::bigint for update;
  if not found then
    return api_missing('link');
  end if;
  changed.starts_at := case when p ? 'starts_at' then (p->>'starts_at')::timestamptz else changed.starts_at end;
  changed.expires_at := case when p ? 'expires_at' then (p->>'expires_at')::timestamptz else changed.expires_at end;
  perform api_valid_link(p, changed.starts_at, changed.expires_at);
  update link set target_url = coalesce(p->>'target_url', target_url), name = case when p ? 'name' then p->>'name' else name end,
    status = coalesce(p->>'status', status), held = coalesce(p->>'status' = 'paused', held), parameters = coalesce(p->'parameters', parameters),
    starts_at = changed.starts_at, expires_at = changed.expires_at,
    click_cap = case when p ? 'click_cap' then (p->>'click_cap')::bigint else click_cap end,
    fallback_url = case when p ? 'fallback_url' then p->>'fallback_url' else fallback_url end
  where id = changed.id returning * into changed;
  if p ? 'rules' then
    perform link_rules_set(changed.id, p->'rules');
  end if;
  return link_json(changed);
end $$;
comment on function clickledger.api_link_change(jsonb) is 'PATCH /v1/links/{id}: what is not given stays; null takes name, start, expiry, cap or fallback away; parameters and rules are given as a whole.';

create or replace function clickledger.api_promo_code_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made promo_code;
begin
  perform api_valid_maker(p);
  if api_partner() is not null then
    return promo_code_json(partner_code_make(p));
  end if;
  perform api_valid_target(p->>'target_url');
  insert into promo_code (program_id, partner_id, code, target_url)
  values ((p->>'program_id')::bigint, (p->>'partner_id')::bigint, p->>'code', p->>'target_url')
  returning * into made;
  return promo_code_json(made);
exception when unique_violation then
  perform api_fail(409, 'code', 'this code is taken; codes are compared without case');
end $$;
comment on function clickledger.api_promo_code_create(jsonb) is 'POST /v1/promo-codes. A partner makes its own where partner_policy admits it.';

grant execute on function clickledger.percent_encode(text), clickledger.url_host(text), clickledger.partner_policy_of(bigint),
  clickledger.api_partner_policy(jsonb), clickledger.link_parameters_fault(jsonb), clickledger.link_query(jsonb),
  clickledger.partner_link_make(jsonb), clickledger.partner_link_set(jsonb), clickledger.partner_code_make(jsonb),
  clickledger.api_valid_asker(jsonb, text[]), clickledger.api_valid_maker(jsonb) to cl_api;
