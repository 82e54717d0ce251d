-- What people do about themselves and each other: invitations, passwords, sessions, keys. Who asks may write no row of these tables
-- itself but by the functions with their owner's rights, each of which asks who asks.

create view clickledger.person_shown with (security_invoker = true) as
  select id, email, name, language, partner_id, role, has_password, created_at, disabled_at from clickledger.person;
comment on view clickledger.person_shown is 'What may be shown of people: all but what their passwords are compared with.';

comment on column clickledger.person_shown.id is 'Number of the person.';
comment on column clickledger.person_shown.email is 'What the person logs in with.';
comment on column clickledger.person_shown.name is 'Name shown to people.';
comment on column clickledger.person_shown.language is 'en or ru.';
comment on column clickledger.person_shown.partner_id is 'Whose person it is; null: one of the team.';
comment on column clickledger.person_shown.role is 'Role in the team; null: a partner''s person.';
comment on column clickledger.person_shown.has_password is 'False: was invited and has not come yet.';
comment on column clickledger.person_shown.created_at is 'When it was invited or registered.';
comment on column clickledger.person_shown.disabled_at is 'Since when it may not log in; null: it may.';

create function clickledger.person_json(row_of clickledger.person_shown) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'email', row_of.email, 'name', row_of.name, 'language', row_of.language,
    'partner_id', row_of.partner_id, 'role', row_of.role, 'has_password', row_of.has_password,
    'created_at', clickledger.api_time(row_of.created_at), 'disabled_at', clickledger.api_time(row_of.disabled_at));
comment on function clickledger.person_json(clickledger.person_shown) is 'A person as answers show it.';

-- --- People -------------------------------------------------------------------------------------------------------------

create function clickledger.api_people(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select h as item from person_shown h
    where h.id < (api_after(p))[1]
      and (p->>'partner_id' is null or h.partner_id = (p->>'partner_id')::bigint)
      and (p->>'role' is null or h.role = p->>'role')
    order by h.id desc limit api_limit(p) + 1)
  select api_page(array_agg(person_json(item) order by (item).id desc), array_agg(api_cursor((item).id) order by (item).id desc), p) from page
$$;
comment on function clickledger.api_people(jsonb) is 'GET /v1/people: the team''s and the partners'' people; for a partner its own.';

create function clickledger.api_person_create(p jsonb) returns json
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  of_partner constant bigint := coalesce(api_partner(), (p->>'partner_id')::bigint);
begin
  if api_partner() is not null then
    perform api_valid(p->>'role' is null and coalesce((p->>'partner_id')::bigint = api_partner(), true), 'role', 'a partner invites its own people');
  end if;
  perform api_valid((of_partner is null) <> (p->>'role' is null), 'role', 'either role, of the team, or partner_id is needed');
  perform api_valid(of_partner is null or exists (select from partner where id = of_partner), 'partner_id', 'there is no such partner');
  perform email_valid(p->>'email');
  perform person_invite(p->>'email', p->>'name', p->>'role', of_partner, p->>'language', p->>'secret');
  return (select (person_json(h)::jsonb || jsonb_build_object('token', p->>'secret'))::json from person_shown h where h.email = lower(p->>'email'));
end $$;
comment on function clickledger.api_person_create(jsonb) is 'POST /v1/people: invites a person, again if it has not come yet. token sets the first password; it is shown once, and in the outbox.';

create function clickledger.email_valid(email text) returns void
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  perform api_valid(email ~ '^[!-?A-~]{1,64}@[!-?A-~]+$' and length(email) <= 254, 'email', 'email must be an e-mail address in ASCII');
end $$;
comment on function clickledger.email_valid(text) is 'CL422 email unless it has the form of an address with which a person can log in.';

create function clickledger.api_person_change(p jsonb) returns json
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  target person;
begin
  perform pg_advisory_xact_lock(hashtextextended('clickledger.owners', 0)); -- two owners must not take each other's role away at once
  select * into target from person h
  where h.id = (p->>'id')::bigint and (current_setting('cl.team', true) = 'on' or h.partner_id = api_partner()) for update;
  if not found then
    return api_missing('person');
  end if;
  perform api_valid(p->>'role' is null or target.role is not null, 'role', 'a partner''s person has no role');
  update person h set name = coalesce(p->>'name', h.name), language = coalesce(p->>'language', h.language), role = coalesce(p->>'role', h.role),
    disabled_at = case when p->>'disabled' is null then h.disabled_at when (p->>'disabled')::boolean then coalesce(h.disabled_at, now()) end
  where h.id = target.id;
  if target.role = 'owner' and not exists (select from person where role = 'owner' and disabled_at is null) then
    perform api_fail(409, 'last_owner', 'somebody has to be an owner');
  end if;
  return (select person_json(h) from person_shown h where h.id = target.id);
end $$;
comment on function clickledger.api_person_change(jsonb) is 'PATCH /v1/people/{id}: what is not given stays. A change of role, and disabled, end the person''s sessions. CL409 last_owner: nobody would be left.';

create function clickledger.api_me_change(p jsonb) returns json
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
begin
  update person set name = coalesce(p->>'name', name), language = coalesce(p->>'language', language) where id = api_person();
  return (select person_json(h) from person_shown h where h.id = api_person());
end $$;
comment on function clickledger.api_me_change(jsonb) is 'PATCH /v1/me: name and language of who asks.';

-- --- Passwords ----------------------------------------------------------------------------------------------------------

create function clickledger.session_by_password(p jsonb) returns void
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  who constant bigint := api_person();
begin
  update person set password_hash = p->>'password_hash' where id = who and password_hash = p->>'proof';
  if not found then
    perform api_fail(409, 'old', 'the password was changed meanwhile');
  end if;
  perform session_make(who, p);
end $$;
comment on function clickledger.session_by_password(jsonb) is 'Sets the password of who asks and proved the old one, ends all its sessions and begins one. CL409: the old one is no more.';

create function clickledger.api_password_change(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  perform session_by_password(p);
  return api_me(p);
end $$;
comment on function clickledger.api_password_change(jsonb) is 'POST /v1/password: a new password ends all sessions; the answer begins a new one.';

create function clickledger.api_password_reset(p jsonb) returns json
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  who person;
begin
  select * into who from person h where h.email = lower(p->>'email') and h.disabled_at is null and h.password_hash is not null;
  if found and not exists (select from person_token t where t.person_id = who.id and t.kind = 'password_reset' and t.created_at > now() - interval '5 minutes') then
    perform person_token_make(who.id, 'password_reset', key_random());
  else
    -- The same writes and the same wait for the disk.
    insert into outbox (kind, email, payload) values ('password_reset', p->>'email', json_build_object('name', key_random()));
    delete from outbox where id = currval(pg_get_serial_sequence('clickledger.outbox', 'id'));
  end if;
  return json_build_object('status', 'accepted');
end $$;
comment on function clickledger.api_password_reset(jsonb) is 'POST /v1/password/reset: a token to the outbox, at most one in 5 minutes; the answer is the same for whoever it is.';

-- --- Sessions and keys --------------------------------------------------------------------------------------------------

create policy partner_own on clickledger.api_key for select to cl_api
  using (person_id is null and partner_id = nullif(current_setting('cl.partner', true), '')::bigint);

create function clickledger.api_sessions(p jsonb) returns json
  language sql stable security definer set search_path = clickledger, pg_temp as $$
  with page as (
    select k.id, json_build_object('id', k.id, 'agent', k.name, 'created_at', api_time(k.created_at), 'expires_at', api_time(k.expires_at),
      'is_this', k.id = current_setting('cl.key')::bigint) as item
    from api_key k
    where k.person_id = api_person() and k.revoked_at is null and k.expires_at > now() and k.id < (api_after(p))[1]
    order by k.id desc limit api_limit(p) + 1)
  select api_page(array_agg(item order by id desc), array_agg(api_cursor(id) order by id desc), p) from page
$$;
comment on function clickledger.api_sessions(jsonb) is 'GET /v1/sessions: where the person who asks is logged in.';

create function clickledger.api_session_revoke(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  perform session_end((p->>'id')::bigint);
  return json_build_object('id', (p->>'id')::bigint, 'status', 'ended');
end $$;
comment on function clickledger.api_session_revoke(jsonb) is 'POST /v1/sessions/{id}/revoke: ends a session of who asks.';

create view clickledger.key_shown with (security_invoker = true) as
  select id, kind, partner_id, name, role, prefix, created_at, expires_at, revoked_at from clickledger.api_key where person_id is null;
comment on view clickledger.key_shown is 'What may be shown of keys that were made to be kept.';

comment on column clickledger.key_shown.id is 'Number of the key.';
comment on column clickledger.key_shown.kind is 'team or partner.';
comment on column clickledger.key_shown.partner_id is 'The partner of a partner key.';
comment on column clickledger.key_shown.name is 'What it is used for.';
comment on column clickledger.key_shown.role is 'What a key of the team may do; null: everything (owner).';
comment on column clickledger.key_shown.prefix is 'First characters of the key, to recognise it.';
comment on column clickledger.key_shown.created_at is 'When it was made.';
comment on column clickledger.key_shown.expires_at is 'From when on it does not work; null: until it is revoked.';
comment on column clickledger.key_shown.revoked_at is 'When it was revoked; null: it was not.';

create function clickledger.key_json(row_of clickledger.key_shown) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'kind', row_of.kind, 'partner_id', row_of.partner_id, 'name', row_of.name,
    'role', case row_of.kind when 'team' then coalesce(row_of.role, 'owner') end, 'prefix', row_of.prefix,
    'created_at', clickledger.api_time(row_of.created_at), 'expires_at', clickledger.api_time(row_of.expires_at),
    'revoked_at', clickledger.api_time(row_of.revoked_at));
comment on function clickledger.key_json(clickledger.key_shown) is 'A key as answers show it.';

create function clickledger.api_keys(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select k as item from key_shown k
    where k.id < (api_after(p))[1]
      and (p->>'partner_id' is null or k.partner_id = (p->>'partner_id')::bigint)
      and (p->>'kind' is null or k.kind = p->>'kind')
    order by k.id desc limit api_limit(p) + 1)
  select api_page(array_agg(key_json(item) order by (item).id desc), array_agg(api_cursor((item).id) order by (item).id desc), p) from page
$$;
comment on function clickledger.api_keys(jsonb) is 'GET /v1/keys: keys that were made to be kept, revoked ones, too; for a partner its own.';

create function clickledger.api_key_make(p jsonb) returns json
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  whose constant text := case when api_partner() is null then 'team' else 'partner' end;
  token constant text := 'cl_' || whose || '_' || (p->>'secret');
  made bigint;
begin
  perform api_valid((whose = 'team') = (p->>'role' is not null), 'role', 'role is needed for keys of the team, and only there');
  perform api_valid((p->>'expires_at')::timestamptz > now() is not false, 'expires_at', 'expires_at must lie ahead');
  perform pg_advisory_xact_lock(hashtextextended('clickledger.keys.' || coalesce(api_partner(), 0), 0));
  if (select count(*) from api_key k where k.partner_id is not distinct from api_partner() and k.person_id is null and k.revoked_at is null
      and (k.expires_at > now()) is not false) >= 50 then
    perform api_fail(409, 'keys', 'there are 50 keys already; revoke one that is not used');
  end if;
  insert into api_key (kind, partner_id, name, prefix, key_hash, role, expires_at)
  values (whose, api_partner(), p->>'name', left(token, 16), key_hash(token), p->>'role', (p->>'expires_at')::timestamptz)
  returning id into made;
  return (select (key_json(k)::jsonb || jsonb_build_object('key', token))::json from key_shown k where k.id = made);
end $$;
comment on function clickledger.api_key_make(jsonb) is 'POST /v1/keys: a key of the partner who asks, else of the team; it is shown once. CL409 keys: 50 live ones are the most.';

create or replace function clickledger.api_key_revoke(p jsonb) returns json
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
begin
  update api_key k set revoked_at = coalesce(k.revoked_at, now())
  where k.id = (p->>'id')::bigint and k.person_id is null and (current_setting('cl.team', true) = 'on' or k.partner_id = api_partner());
  if not found then
    return api_missing('key');
  end if;
  return (select key_json(k) from key_shown k where k.id = (p->>'id')::bigint);
end $$;
comment on function clickledger.api_key_revoke(jsonb) is 'POST /v1/keys/{id}/revoke: the key stops working with the next request. A partner revokes its own, an owner each.';

grant select on clickledger.person_shown, clickledger.key_shown to cl_api;
grant execute on function clickledger.person_json(clickledger.person_shown), clickledger.key_json(clickledger.key_shown) to cl_api;
grant execute on function clickledger.api_people(jsonb), clickledger.api_person_create(jsonb), clickledger.api_person_change(jsonb),
  clickledger.api_me_change(jsonb), clickledger.session_by_password(jsonb), clickledger.api_password_change(jsonb),
  clickledger.api_password_reset(jsonb), clickledger.api_sessions(jsonb), clickledger.api_session_revoke(jsonb),
  clickledger.api_keys(jsonb), clickledger.api_key_make(jsonb) to cl_api;
