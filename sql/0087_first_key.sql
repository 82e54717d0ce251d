-- A partner's first API key is made when the partner becomes active, and shown to it once, whenever it asks.
--
-- Until then the key has no secret that anybody knows: one that waits to be read would lie in the database, its log and its copies.

alter table clickledger.api_key
  add column is_waiting boolean not null default false,
  add check (not is_waiting or (kind = 'partner' and person_id is null));
comment on column clickledger.api_key.is_waiting is 'True: was made when its partner became active and has not been shown yet; nobody knows a secret that fits.';
create unique index api_key_waiting on clickledger.api_key (partner_id) where is_waiting and revoked_at is null;
grant select (is_waiting) on clickledger.api_key to cl_api, cl_analyst;

create function clickledger.first_key_make(partner_id bigint) returns void
  language sql set search_path = clickledger, pg_temp as $$
  insert into api_key (kind, partner_id, name, prefix, key_hash, is_waiting)
  select 'partner', first_key_make.partner_id, 'First key', 'cl_partner_', key_hash(key_random()), true
  where not exists (select from api_key k where k.partner_id = first_key_make.partner_id and k.person_id is null)
$$;
comment on function clickledger.first_key_make(bigint) is 'Makes the first key of a partner that never had one; it waits to be shown, see api_key_show.';

create function clickledger.partner_active() returns trigger language plpgsql security definer set search_path = clickledger, pg_temp as $$
begin
  perform first_key_make(new.id);
  return new;
end $$;
comment on function clickledger.partner_active() is 'Trigger: an active partner has an API key, whoever approved it.';
create trigger partner_active after insert or update of status on clickledger.partner
  for each row when (new.status = 'active') execute function clickledger.partner_active();

select clickledger.first_key_make(id) from clickledger.partner where status = 'active';

create or replace view clickledger.key_shown with (security_invoker = true) as
  select id, kind, partner_id, name, role, prefix, created_at, expires_at, revoked_at, is_waiting from clickledger.api_key where person_id is null;
comment on column clickledger.key_shown.is_waiting is 'True: a partner''s first key, which has not been shown yet.';

create or replace function clickledger.key_json(row_of clickledger.key_shown) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'kind', row_of.kind, 'partner_id', row_of.partner_id, 'name', row_of.name,
    'role', case row_of.kind when 'team' then coalesce(row_of.role, 'owner') end, 'prefix', row_of.prefix, 'is_waiting', row_of.is_waiting,
    'created_at', clickledger.api_time(row_of.created_at), 'expires_at', clickledger.api_time(row_of.expires_at),
    'revoked_at', clickledger.api_time(row_of.revoked_at));

create function clickledger.api_key_show(p jsonb) returns json
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  token constant text := 'cl_partner_' || (p->>'secret');
begin
  update api_key k set prefix = left(token, 16), key_hash = key_hash(token), is_waiting = false
  where k.id = (p->>'id')::bigint and k.partner_id = api_partner() and k.is_waiting and k.revoked_at is null;
  if found then
    return (select (key_json(k)::jsonb || jsonb_build_object('key', token))::json from key_shown k where k.id = (p->>'id')::bigint);
  end if;
  if exists (select from key_shown k where k.id = (p->>'id')::bigint and k.partner_id = api_partner()) then
    perform api_fail(409, 'shown', 'this key has been shown, or revoked; make another one');
  end if;
  return api_missing('key');
end $$;
comment on function clickledger.api_key_show(jsonb) is 'POST /v1/keys/{id}/show: gives the first key of the partner who asks its secret and shows it, once. CL409 shown: it has been.';
grant execute on function clickledger.api_key_show(jsonb) to cl_api;

create or replace function clickledger.api_me(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select json_build_object(
    'kind', case when api_partner() is null then 'team' else 'partner' end,
    'role', api_role(),
    'partner', (select partner_json(partner) from partner where id = api_partner()),
    'person', (select json_build_object('id', id, 'email', email, 'name', name, 'language', language) from person where id = api_person()),
    'first_key_due', exists (select from partner where id = api_partner() and status = 'active')
      and (select coalesce(every(is_waiting and revoked_at is null), false) from key_shown where partner_id = api_partner()),
    'tracker_url', nullif(current_setting('cl.tracker_url', true), ''), 'unread', notification_unread(), 'csrf', p->>'csrf');
$$;
comment on function clickledger.api_me(jsonb) is 'GET /v1/me: whose key or session this is. csrf: what a session sends as X-CSRF-Token; first_key_due: the first key of an active partner waits to be shown, see POST /v1/keys/{id}/show.';
