-- How rules, times and caps of links reach the tracker, who may see them, and which clicks led nowhere.

-- Records.

create function clickledger.link_ms(at timestamptz) returns bytea
  language sql immutable parallel safe
  return int8send(coalesce((extract(epoch from at) * 1000)::bigint, 0));
comment on function clickledger.link_ms(timestamptz) is 'A moment inside a record: unix milliseconds; null is 0.';

create function clickledger.link_tail(row_of clickledger.link) returns bytea
  language plpgsql stable
  set search_path = clickledger, pg_temp
as $$
declare
  rules bytea := (select string_agg(r.compiled, '' order by r.position) from link_rule r where r.link_id = row_of.id);
begin
  if rules is null and num_nonnulls(row_of.starts_at, row_of.expires_at, row_of.exhausted_at, row_of.fallback_url) = 0 then
    return '';
  end if;
  return catalog_bool(row_of.exhausted_at is not null) || link_ms(row_of.starts_at) || link_ms(row_of.expires_at)
    || catalog_text(row_of.fallback_url) || coalesce(rules, '');
end $$;
comment on function clickledger.link_tail(clickledger.link) is 'What stands behind the target in a link''s record; nothing where the link has nothing of it.';

create or replace function clickledger.catalog_value_plain(type clickledger.catalog_type, key bytea) returns bytea
  language plpgsql stable
  set search_path = clickledger, pg_temp
as $$
declare
  -- A variable, because convert_from() has the collation "C" and could not use the indexes.
  wanted text := case when type in ('program_code', 'link', 'promo_code') then convert_from(key, 'UTF8') end;
begin
  case type
  when 'settings' then
    return (select int4send(count(*)::integer) from shard having count(*) > 0);
  when 'program' then
    return (
      select catalog_bool(p.status = 'active') || catalog_bool(p.visitor_cookie) || catalog_text(p.code)
        || catalog_text(p.currency) || catalog_text(p.fallback_url)
        || coalesce((select string_agg(catalog_text(h.host), '' order by h.n)
                     from unnest(p.hosts) with ordinality as h (host, n)), '')
      from program p where p.id = ('x' || encode(key, 'hex'))::bit(64)::bigint);
  when 'program_code' then
    return (select int8send(p.id) from program p where p.code = wanted);
  when 'link' then
    return (
      select int8send(l.id) || int8send(l.program_id) || int8send(l.partner_id)
        || catalog_bool(l.status = 'active' and (select a.status = 'active' from partner a where a.id = l.partner_id))
        || case when strpos(l.target_url, '{') = 0 then catalog_text(l.target_url) else target_bytes(l.target_url) end || link_tail(l)
      from link l where l.slug = wanted);
  when 'promo_code' then
    return (
      select int8send(c.id) || int8send(c.program_id) || int8send(c.partner_id)
        || catalog_bool(c.status = 'active' and (select a.status = 'active' from partner a where a.id = c.partner_id))
        || catalog_text(c.code) || target_bytes(c.target_url)
      from promo_code c where upper(c.code) = wanted);
  when 'integration' then
    return (
      select int8send(i.id) || int8send(i.program_id) || catalog_bool(i.status = 'active')
        || coalesce((select string_agg(catalog_text(a.theirs) || catalog_text(a.ours), '' order by a.theirs)
                     from jsonb_each_text(i.aliases) as a (theirs, ours)), '')
      from integration i where i.key_hash = key);
  end case;
end $$;

do $$
declare
  key constant text := '(select convert_to(l.slug, ''UTF8'') from link l where l.id = changed.link_id)';
begin
  execute format('create trigger catalog_link_insert after insert on clickledger.link_rule
    referencing new table as come for each statement execute function clickledger.catalog_note(%L, %L)', 'link', key);
  execute format('create trigger catalog_link_update after update on clickledger.link_rule
    referencing new table as come old table as gone for each statement execute function clickledger.catalog_note(%L, %L)', 'link', key);
  execute format('create trigger catalog_link_delete after delete on clickledger.link_rule
    referencing old table as gone for each statement execute function clickledger.catalog_note(%L, %L)', 'link', key);
end $$;

create function clickledger.program_zone_moved() returns trigger
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
begin
  update link_rule r set conditions = r.conditions from link l
  where l.id = r.link_id and l.program_id = new.id and r.conditions ? 'time';
  return null;
end $$;
comment on function clickledger.program_zone_moved() is 'Trigger: times without a zone of their own are the programme''s.';
create trigger program_zone_moved after update of time_zone on clickledger.program
  for each row when (new.time_zone <> old.time_zone) execute function clickledger.program_zone_moved();

-- Caps.

create index click_hourly_link on clickledger.click_hourly (link_id) where class = 'human';

create function clickledger.link_clicks(link_id bigint) returns bigint
  language sql stable
  return (select coalesce(sum(h.clicks), 0)::bigint from clickledger.click_hourly h
          where h.link_id = link_clicks.link_id and h.class = 'human');
comment on function clickledger.link_clicks(bigint) is 'Clicks of people on a link, as far as they are loaded.';

create function clickledger.link_cap_moved() returns trigger
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
begin
  new.exhausted_at := case when link_clicks(new.id) >= new.click_cap then coalesce(old.exhausted_at, now()) end;
  return new;
end $$;
comment on function clickledger.link_cap_moved() is 'Trigger: another cap decides anew whether the link is exhausted.';
create trigger link_cap_moved before update of click_cap on clickledger.link
  for each row when (new.click_cap is distinct from old.click_cap) execute function clickledger.link_cap_moved();

create function clickledger.link_review() returns bigint
  language plpgsql security definer
  set search_path = clickledger, pg_temp
  set jit = off
as $$
declare
  full_ones bigint[] := array(
    select l.id from link l where l.click_cap is not null and l.exhausted_at is null and link_clicks(l.id) >= l.click_cap);
  old_ones bigint[] := array(
    select r.id from link_rule r where r.conditions ? 'time' and r.compiled_at < now() - interval '1 day' order by r.compiled_at limit 100);
begin
  if cardinality(full_ones) > 0 then
    update link set exhausted_at = now() where id = any (full_ones);
  end if;
  if cardinality(old_ones) > 0 then
    update link_rule set conditions = conditions where id = any (old_ones);
  end if;
  return cardinality(full_ones);
end $$;
comment on function clickledger.link_review() is 'For the publisher, again and again: notes the links whose counted clicks have reached their cap, and compiles rules with a time once a day. Returns how many links are exhausted now that were not.';
grant execute on function clickledger.link_review() to cl_ingest;

-- Orphans.

create view clickledger.orphan_click with (security_invoker = true) as
  select c.ts, c.click_id, c.reason, c.path as slug, c.host, c.program_id, c.partner_id, c.link_id, c.promo_code_id,
    c.destination, c.referrer_host, c.referrer_path
  from clickledger.click c
  where c.class = 'invalid'
    and c.reason in ('link_unknown', 'link_inactive', 'link_not_started', 'link_expired', 'link_exhausted');
comment on view clickledger.orphan_click is 'Clicks of people on links and codes that are not there, paused, not started, expired or exhausted: where traffic is lost. They were answered by a fallback and earn nothing.';
comment on column clickledger.orphan_click.ts is 'Time of the click.';
comment on column clickledger.orphan_click.click_id is 'Id of the click.';
comment on column clickledger.orphan_click.reason is 'Why it led to a fallback.';
comment on column clickledger.orphan_click.slug is 'Slug or code as it was asked.';
comment on column clickledger.orphan_click.host is 'Host that was asked.';
comment on column clickledger.orphan_click.program_id is 'Programme; null: unknown link or code.';
comment on column clickledger.orphan_click.partner_id is 'Partner whose link it is; null: unknown link or code.';
comment on column clickledger.orphan_click.link_id is 'Link.';
comment on column clickledger.orphan_click.promo_code_id is 'Promo code.';
comment on column clickledger.orphan_click.destination is 'The fallback that was answered; null: there was none.';
comment on column clickledger.orphan_click.referrer_host is 'Host of the page the link stands on.';
comment on column clickledger.orphan_click.referrer_path is 'Path of that page.';
grant select on clickledger.orphan_click to cl_analyst;

-- Who may do what.

alter table clickledger.link_rule enable row level security;
alter table clickledger.link_rule force row level security;
create policy team on clickledger.link_rule to cl_api
  using (current_setting('cl.team', true) = 'on') with check (current_setting('cl.team', true) = 'on');
-- The subquery is itself under row security: it finds only the partner's own links.
create policy partner_own on clickledger.link_rule for select to cl_api
  using (nullif(current_setting('cl.partner', true), '') is not null
    and exists (select from clickledger.link l where l.id = link_rule.link_id));
create policy analyst on clickledger.link_rule for select to cl_analyst using (true);

grant select (id, link_id, position, conditions, targets), insert (link_id, position, conditions, targets),
  update (conditions, targets), delete on clickledger.link_rule to cl_api;
grant select (id, link_id, position, conditions, targets, compiled_at) on clickledger.link_rule to cl_analyst;
grant update (starts_at, expires_at, click_cap, fallback_url) on clickledger.link to cl_api;
grant select (starts_at, expires_at, click_cap, exhausted_at, fallback_url) on clickledger.link to cl_analyst;
grant execute on function clickledger.macro_number(text), clickledger.target_fault(text)
  to cl_ingest, cl_attrib, cl_api, cl_analyst;

-- What stands behind the routes.

create or replace function clickledger.link_json(row_of clickledger.link) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'program_id', row_of.program_id, 'partner_id', row_of.partner_id,
    'slug', row_of.slug, 'path', '/c/' || row_of.slug, 'target_url', row_of.target_url, 'name', row_of.name,
    'status', row_of.status, 'starts_at', clickledger.api_time(row_of.starts_at),
    'expires_at', clickledger.api_time(row_of.expires_at), 'click_cap', row_of.click_cap,
    'exhausted_at', clickledger.api_time(row_of.exhausted_at), 'fallback_url', row_of.fallback_url,
    'rules', (select coalesce(json_agg(json_build_object('conditions', r.conditions, 'targets', r.targets) order by r.position), '[]')
              from clickledger.link_rule r where r.link_id = row_of.id),
    'created_at', clickledger.api_time(row_of.created_at));
comment on function clickledger.link_json(clickledger.link) is 'A link as answers show it; path is its path on the tracker, rules are in the order in which they are asked.';

create function clickledger.api_valid_target(url text) returns void
  language plpgsql stable set search_path = clickledger, pg_temp as $$
begin
  perform api_valid(url is null or target_fault(url) is null, 'target_url', 'target_url ' || target_fault(url));
end $$;
comment on function clickledger.api_valid_target(text) is 'CL422 that says what is wrong with a target.';

create function clickledger.api_valid_link(p jsonb, starts_at timestamptz, expires_at timestamptz) returns void
  language plpgsql stable set search_path = clickledger, pg_temp as $$
begin
  perform api_valid_target(p->>'target_url');
  perform api_valid(p->>'fallback_url' is null or url_valid(p->>'fallback_url'), 'fallback_url', 'fallback_url is not a clean http or https URL');
  perform api_valid(coalesce(starts_at > '1970-01-01Z', true), 'starts_at', 'starts_at must be behind 1970-01-01T00:00:00Z');
  perform api_valid(coalesce(expires_at > '1970-01-01Z', true), 'expires_at', 'expires_at must be behind 1970-01-01T00:00:00Z');
  perform api_valid(coalesce(expires_at > starts_at, true), 'expires_at', 'expires_at must be behind starts_at');
end $$;
comment on function clickledger.api_valid_link(jsonb, timestamptz, timestamptz) is 'CL422 unless a link may be so.';

create function clickledger.link_rules_set(link_id bigint, rules jsonb) returns void
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  perform rule_valid(jsonb_typeof(rule) = 'object', 'rule ' || n, 'must be an object')
  from jsonb_array_elements(rules) with ordinality as r (rule, n);
  perform rule_valid(key in ('conditions', 'targets'), 'rule ' || n, 'unknown key ' || to_json(key))
  from jsonb_array_elements(rules) with ordinality as r (rule, n), jsonb_object_keys(rule) as key;
  perform rule_valid(rule ? 'targets', 'rule ' || n, 'targets is missing')
  from jsonb_array_elements(rules) with ordinality as r (rule, n);
  delete from link_rule r where r.link_id = link_rules_set.link_id and r.position > jsonb_array_length(rules);
  insert into link_rule (link_id, position, conditions, targets)
    select link_rules_set.link_id, n, coalesce(rule->'conditions', '{}'), rule->'targets'
    from jsonb_array_elements(rules) with ordinality as r (rule, n) order by n
    on conflict on constraint link_rule_link_id_position_key do update set conditions = excluded.conditions, targets = excluded.targets;
end $$;
comment on function clickledger.link_rules_set(bigint, jsonb) is 'Makes these the rules of a link. A rule that stays in its place keeps its number, and so visitors their sides.';

create or replace function clickledger.api_link_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made link;
begin
  perform api_valid_owner(p);
  perform api_valid_link(p, (p->>'starts_at')::timestamptz, (p->>'expires_at')::timestamptz);
  insert into link (program_id, partner_id, slug, target_url, name, starts_at, expires_at, click_cap, fallback_url)
  values ((p->>'program_id')::bigint, (p->>'partner_id')::bigint, coalesce(p->>'slug', left(key_random(), 10)),
          p->>'target_url', p->>'name', (p->>'starts_at')::timestamptz, (p->>'expires_at')::timestamptz,
          (p->>'click_cap')::bigint, p->>'fallback_url')
  returning * into made;
  perform link_rules_set(made.id, coalesce(p->'rules', '[]'));
  return link_json(made);
exception when unique_violation then
  perform api_fail(409, 'slug', 'a link has this slug');
end $$;

create or replace function clickledger.api_link_change(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  changed link;
begin
  select * into changed from link where id = (p->>'id')::bigint for update;
  if not found then
    return api_missing('link');
  end if;
  changed.starts_at := case when p ? 'starts_at' then (p->>'starts_at')::timestamptz else changed.starts_at end;
  changed.expires_at := case when p ? 'expires_at' then (p->>'expires_at')::timestamptz else changed.expires_at end;
  perform api_valid_link(p, changed.starts_at, changed.expires_at);
  update link set target_url = coalesce(p->>'target_url', target_url), status = coalesce(p->>'status', status),
    starts_at = changed.starts_at, expires_at = changed.expires_at,
    click_cap = case when p ? 'click_cap' then (p->>'click_cap')::bigint else click_cap end,
    fallback_url = case when p ? 'fallback_url' then p->>'fallback_url' else fallback_url end
  where id = changed.id returning * into changed;
  if p ? 'rules' then
    perform link_rules_set(changed.id, p->'rules');
  end if;
  return link_json(changed);
end $$;
comment on function clickledger.api_link_change(jsonb) is 'PATCH /v1/links/{id}: what is not given stays; null takes start, expiry, cap or fallback away; rules are given as a whole.';

create or replace function clickledger.api_promo_code_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made promo_code;
begin
  perform api_valid_owner(p);
  perform api_valid_target(p->>'target_url');
  insert into promo_code (program_id, partner_id, code, target_url)
  values ((p->>'program_id')::bigint, (p->>'partner_id')::bigint, p->>'code', p->>'target_url')
  returning * into made;
  return promo_code_json(made);
exception when unique_violation then
  perform api_fail(409, 'code', 'this code is taken; codes are compared without case');
end $$;

do $$
declare
  shared regprocedure;
begin
  for shared in
    select oid from pg_proc
    where pronamespace = 'clickledger'::regnamespace
      and proname in ('api_valid_target', 'api_valid_link', 'link_rules_set', 'rule_valid')
  loop
    execute format('grant execute on function %s to cl_api', shared);
  end loop;
end $$;
