-- People, their sessions, and who may ask what.
--
-- A session is an API key that a login made: it has a person and an end. So authors, idempotency and row security know one kind of
-- asker. A key of the team has a role, a session the role that its person has now; what a route wants of its asker is the second
-- parameter of api_begin.

create table clickledger.person (
  id            bigint generated always as identity primary key,
  email         text not null unique check (email = lower(email) and email ~ '^[!-?A-~]+@[!-?A-~]+$' and length(email) <= 254),
  name          text not null check (length(name) between 1 and 200),
  language      text not null default 'en' check (language in ('en', 'ru')),
  partner_id    bigint references clickledger.partner,
  role          text check (role in ('owner', 'manager', 'finance', 'analyst', 'viewer')),
  password_hash text check (length(password_hash) between 60 and 128),
  has_password  boolean not null generated always as (password_hash is not null) stored,
  created_at    timestamptz not null default now(),
  disabled_at   timestamptz,
  check ((partner_id is null) <> (role is null))
);
create index person_partner on clickledger.person (partner_id);
comment on table clickledger.person is 'Somebody who logs in: a partner''s person or one of the team, never both.';
comment on column clickledger.person.id is 'Number of the person.';
comment on column clickledger.person.email is 'What the person logs in with: ASCII in lower case, unique in the installation.';
comment on column clickledger.person.name is 'Name shown to people.';
comment on column clickledger.person.language is 'en or ru: of what the person is told.';
comment on column clickledger.person.partner_id is 'The partner whose person it is; null: one of the team.';
comment on column clickledger.person.role is 'What one of the team may do. owner: everything; manager: run programmes; finance: money; analyst, viewer: read. Null: a partner''s person.';
comment on column clickledger.person.password_hash is 'Argon2id of the password, as libsodium writes it; null: no password yet.';
comment on column clickledger.person.has_password is 'False: was invited and has not come yet.';
comment on column clickledger.person.created_at is 'When the person was invited or registered.';
comment on column clickledger.person.disabled_at is 'Since when the person may not log in; null: it may.';

create table clickledger.person_token (
  token_hash bytea primary key check (length(token_hash) = 32),
  person_id  bigint not null references clickledger.person,
  kind       text not null check (kind in ('invitation', 'password_reset')),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at    timestamptz
);
create unique index person_token_open on clickledger.person_token (person_id) where used_at is null;
comment on table clickledger.person_token is 'Tokens with which a person sets a password without knowing the old one. Each works once; a new one ends the one before.';
comment on column clickledger.person_token.token_hash is 'SHA-256 of the token, which has 154 random bits.';
comment on column clickledger.person_token.person_id is 'Whose password it sets.';
comment on column clickledger.person_token.kind is 'invitation or password_reset.';
comment on column clickledger.person_token.created_at is 'When it was made.';
comment on column clickledger.person_token.expires_at is 'From when on it does not work.';
comment on column clickledger.person_token.used_at is 'When it was used or replaced by a newer one; null: it works until expires_at.';

create table clickledger.outbox (
  id         bigint generated always as identity primary key,
  kind       text not null check (kind ~ '^[a-z][a-z_]{1,62}$'),
  partner_id bigint references clickledger.partner,
  person_id  bigint references clickledger.person,
  email      text check (length(email) <= 320),
  language   text not null default 'en' check (language in ('en', 'ru')),
  payload    jsonb not null default '{}' check (jsonb_typeof(payload) = 'object'),
  token      text,
  created_at timestamptz not null default now(),
  check (token is null or person_id is not null)
);
create index outbox_partner on clickledger.outbox (partner_id, id);
comment on table clickledger.outbox is 'What partners and people are to be told, in the order in which it happened. Whoever sends it reads it here; a partner''s notifications are its rows.';
comment on column clickledger.outbox.id is 'Number of the message.';
comment on column clickledger.outbox.kind is 'What happened, such as application_approved; says what payload holds.';
comment on column clickledger.outbox.partner_id is 'The partner who is told; null: a person is, about its account.';
comment on column clickledger.outbox.person_id is 'The person who is told; null: everybody of the partner.';
comment on column clickledger.outbox.email is 'Address for it; null: that of the person or partner.';
comment on column clickledger.outbox.language is 'en or ru.';
comment on column clickledger.outbox.payload is 'What the message is made of; never a secret.';
comment on column clickledger.outbox.token is 'The person''s token, of kind invitation and password_reset; null from when it was used or replaced. Only whoever sends messages may read it.';
comment on column clickledger.outbox.created_at is 'When it happened.';

create table clickledger.notification_read (
  outbox_id  bigint not null references clickledger.outbox on delete cascade,
  partner_id bigint not null references clickledger.partner,
  person_id  bigint not null default 0,
  read_at    timestamptz not null default now(),
  primary key (outbox_id, person_id)
);
comment on table clickledger.notification_read is 'Which notifications a partner''s people have read, each for itself.';
comment on column clickledger.notification_read.outbox_id is 'The message.';
comment on column clickledger.notification_read.partner_id is 'Whose notification it is.';
comment on column clickledger.notification_read.person_id is 'Who read it; 0: a key of no person.';
comment on column clickledger.notification_read.read_at is 'When.';

alter table clickledger.api_key
  add column person_id bigint references clickledger.person,
  add column role text check (role in ('owner', 'manager', 'finance', 'analyst', 'viewer')),
  add column expires_at timestamptz,
  add check (role is null or (kind = 'team' and person_id is null)),
  add check (person_id is null or expires_at is not null);
create index api_key_person on clickledger.api_key (person_id) where person_id is not null and revoked_at is null;
comment on table clickledger.api_key is 'Keys of the API, and sessions, which are keys that a login made. Only a hash is stored; a key is shown once. Rows stay when they have ended: decisions and the audit name them as authors.';
comment on column clickledger.api_key.name is 'What it is used for; of a session: the browser''s User-Agent.';
comment on column clickledger.api_key.person_id is 'Whose session it is; null: a key made to be kept.';
comment on column clickledger.api_key.role is 'What a key of the team may do; null: everything (owner). A session has the role of its person.';
comment on column clickledger.api_key.expires_at is 'From when on it does not work; null: until it is revoked.';

-- --- Who asks -----------------------------------------------------------------------------------------------------------

create function clickledger.asker_fits(who text, kind text, role text, person_id bigint) returns boolean
  language sql immutable parallel safe
  return exists (
    select from unnest(string_to_array(who, ' ')) as word
    where word = 'any' or word = kind or word = role or word in ('manager', 'finance') and role = 'owner'
      or word = 'person' and person_id is not null);
comment on function clickledger.asker_fits(text, text, text, bigint) is 'Whether an asker is one of those that the blank-separated words name: any, team, partner, a role (owner is manager and finance, too), person (a session).';

create or replace function clickledger.api_begin(key_hash bytea, who text default 'any') returns void
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  asker record;
begin
  if who <> 'open' then
    select k.id, k.kind, k.partner_id, k.person_id, case k.kind when 'team' then coalesce(h.role, k.role, 'owner') end as role into asker
    from api_key k left join person h on h.id = k.person_id
    where k.key_hash = api_begin.key_hash and k.revoked_at is null and (k.expires_at > now()) is not false and h.disabled_at is null;
    if not found then
      perform api_fail(401, 'unauthorized', 'the key or session is not known, was revoked or has ended');
    end if;
    if not asker_fits(who, asker.kind, asker.role, asker.person_id) then
      perform api_fail(403, 'forbidden', 'this is for others: ' || replace(who, ' ', ' or '));
    end if;
    -- A second wall: a route that is marked wrongly still changes nothing. What is about oneself is everybody's.
    if asker.role in ('analyst', 'viewer') and who <> 'person' then
      perform set_config('transaction_read_only', 'on', true);
    end if;
    perform set_config('cl.key', asker.id::text, true),
            set_config('cl.team', case asker.kind when 'team' then 'on' else '' end, true),
            set_config('cl.partner', coalesce(asker.partner_id::text, ''), true),
            set_config('cl.person', coalesce(asker.person_id::text, ''), true),
            set_config('cl.role', coalesce(asker.role, ''), true);
  end if;
end $$;
comment on function clickledger.api_begin(bytea, text) is 'First statement of an API request: finds the live key or session by its SHA-256 and sets who asks until the end of the transaction; for "open" nobody has to be known. For analysts and viewers the transaction is read only. CL401: no such key; CL403: not one of "who", see asker_fits.';

create function clickledger.api_role() returns text
  language sql stable parallel safe
  return nullif(current_setting('cl.role', true), '');
comment on function clickledger.api_role() is 'Role of the asking key or person of the team; null: a partner asks.';

create function clickledger.api_person() returns bigint
  language sql stable parallel safe
  return nullif(current_setting('cl.person', true), '')::bigint;
comment on function clickledger.api_person() is 'Whose session asks; null: a key that was made to be kept.';

-- --- Sessions -----------------------------------------------------------------------------------------------------------

create function clickledger.person_moved() returns trigger language plpgsql set search_path = clickledger, pg_temp as $$
begin
  update api_key set revoked_at = now() where person_id = new.id and revoked_at is null;
  return new;
end $$;
comment on function clickledger.person_moved() is 'Trigger: ends the sessions of a person whose password, role or right to log in changed, so that none lives on with what was.';
create trigger person_moved after update of password_hash, role, disabled_at on clickledger.person
  for each row when (old.password_hash is distinct from new.password_hash or old.role is distinct from new.role
    or old.disabled_at is distinct from new.disabled_at)
  execute function clickledger.person_moved();

create function clickledger.person_proof(p jsonb) returns text
  language sql stable security definer set search_path = clickledger, pg_temp as $$
  select coalesce((
    select h.password_hash from person h
    where h.disabled_at is null and case when p ? 'email' then h.email = lower(p->>'email') else h.id = api_person() end), '')
$$;
comment on function clickledger.person_proof(jsonb) is 'What a password is compared with: of the person with this e-mail address, else of who asks. Empty: there is none, which costs the same to find out.';

create function clickledger.session_make(person_id bigint, p jsonb) returns void
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  token constant text := 'cl_session_' || (p->>'secret');
begin
  update api_key k set revoked_at = now() where k.key_hash = decode(p->>'session_hash', 'hex') and k.person_id is not null and k.revoked_at is null;
  insert into api_key (kind, partner_id, name, prefix, key_hash, person_id, expires_at)
  select case when h.role is null then 'partner' else 'team' end, h.partner_id, coalesce(nullif(left(p->>'agent', 200), ''), 'unknown'),
    left(token, 16), key_hash(token), h.id, now() + interval '14 days'
  from person h where h.id = session_make.person_id;
  perform api_begin(key_hash(token), 'person');
end $$;
comment on function clickledger.session_make(bigint, jsonb) is 'Begins a session of 14 days and asks on as this person. secret: what its token is made of; agent: the User-Agent; session_hash: of the session that the browser had, which ends.';

create function clickledger.session_begin(p jsonb) returns void
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  who constant bigint := (select id from person where email = lower(p->>'email') and password_hash = p->>'proof' and disabled_at is null);
begin
  if who is null then
    perform api_fail(401, 'login', 'the e-mail address or the password is wrong');
  end if;
  perform session_make(who, p);
end $$;
comment on function clickledger.session_begin(jsonb) is 'Begins a session of who proved its password: proof is the hash that the password was compared with. CL401 login: it is not any more.';

create function clickledger.session_end(id bigint) returns void
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
begin
  update api_key k set revoked_at = coalesce(k.revoked_at, now()) where k.id = session_end.id and k.person_id = api_person();
  if not found then
    perform api_missing('session');
  end if;
end $$;
comment on function clickledger.session_end(bigint) is 'Ends a session of the person who asks. CL404: it has none with this number.';

create function clickledger.notification_unread() returns bigint
  language sql stable set search_path = clickledger, pg_temp as $$
  select count(*) from outbox o
  where o.partner_id = api_partner() and (o.person_id is null or o.person_id = api_person())
    and not exists (select from notification_read r where r.outbox_id = o.id and r.person_id = coalesce(api_person(), 0))
$$;
comment on function clickledger.notification_unread() is 'How many notifications of the asking partner the asker has not read; the team has none.';

create or replace function clickledger.api_me(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select json_build_object(
    'kind', case when api_partner() is null then 'team' else 'partner' end,
    'role', api_role(),
    'partner', (select partner_json(partner) from partner where id = api_partner()),
    'person', (select json_build_object('id', id, 'email', email, 'name', name, 'language', language) from person where id = api_person()),
    'first_key_due', exists (select from partner where id = api_partner() and status = 'active')
      and not exists (select from api_key where partner_id = api_partner() and person_id is null),
    'tracker_url', nullif(current_setting('cl.tracker_url', true), ''), 'unread', notification_unread(), 'csrf', p->>'csrf');
$$;
comment on function clickledger.api_me(jsonb) is 'GET /v1/me: whose key or session this is. csrf: what a session sends as X-CSRF-Token; first_key_due: an active partner never had a key of its own, see POST /v1/keys.';

create function clickledger.api_login(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  perform session_begin(p);
  return api_me(p);
end $$;
comment on function clickledger.api_login(jsonb) is 'POST /v1/login: begins a session; the one that the browser had ends.';

create function clickledger.api_logout(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  perform session_end(current_setting('cl.key')::bigint);
  return json_build_object('status', 'ended');
end $$;
comment on function clickledger.api_logout(jsonb) is 'POST /v1/logout: ends the session with the next request.';

-- --- Passwords by token -------------------------------------------------------------------------------------------------

create function clickledger.person_token_make(person_id bigint, kind text, token text) returns void
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  told person;
begin
  update person_token t set used_at = now() where t.person_id = person_token_make.person_id and t.used_at is null;
  update outbox o set token = null where o.person_id = person_token_make.person_id and o.token is not null;
  insert into person_token (token_hash, person_id, kind, expires_at)
  values (key_hash(person_token_make.token), person_token_make.person_id, person_token_make.kind,
          now() + case person_token_make.kind when 'invitation' then interval '7 days' else interval '1 hour' end);
  select * into told from person where id = person_token_make.person_id;
  insert into outbox (kind, person_id, email, language, payload, token)
  values (person_token_make.kind, told.id, told.email, told.language, json_build_object('name', told.name), person_token_make.token);
end $$;
comment on function clickledger.person_token_make(bigint, text, text) is 'Makes a token work (an invitation for 7 days, a password reset for one hour), ends the person''s earlier one and puts it into the outbox.';

create function clickledger.person_invite(email text, name text, role text, partner_id bigint default null, language text default 'en',
  token text default null) returns text
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  invited bigint;
begin
  insert into person as h (email, name, role, partner_id, language)
  values (lower(person_invite.email), person_invite.name, person_invite.role, person_invite.partner_id, coalesce(person_invite.language, 'en'))
  on conflict on constraint person_email_key do nothing
  returning id into invited;
  if invited is null then
    select h.id into invited from person h
    where h.email = lower(person_invite.email) and h.password_hash is null
      and (h.role, h.partner_id) is not distinct from (person_invite.role, person_invite.partner_id);
  end if;
  if invited is null then
    perform api_fail(409, 'email', 'a person has this e-mail address');
  end if;
  token := coalesce(token, key_random());
  perform person_token_make(invited, 'invitation', token);
  return token;
end $$;
comment on function clickledger.person_invite(text, text, text, bigint, text, text) is 'For cl_owner: invites a person (of the team by role, of a partner by partner_id) and returns the token for POST /v1/password/new. Who has no password yet may be invited again. CL409: the address is taken.';

create function clickledger.session_by_token(p jsonb) returns void
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  used person_token;
begin
  update person_token t set used_at = now()
  where t.token_hash = key_hash(p->>'token') and t.used_at is null and t.expires_at > now()
    and exists (select from person h where h.id = t.person_id and h.disabled_at is null)
  returning * into used;
  if used.person_id is null then
    perform api_fail(422, 'token', 'the token is not known, was used or is too old; ask for a new one');
  end if;
  update outbox o set token = null where o.person_id = used.person_id and o.token is not null;
  update person set password_hash = p->>'password_hash' where id = used.person_id;
  perform session_make(used.person_id, p);
end $$;
comment on function clickledger.session_by_token(jsonb) is 'Uses a token up: sets the password of its person, ends all its sessions and begins one. CL422 token: it does not work.';

create function clickledger.api_password_new(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  perform session_by_token(p);
  return api_me(p);
end $$;
comment on function clickledger.api_password_new(jsonb) is 'POST /v1/password/new: sets the password of who was invited or forgot it, and logs in.';

-- --- Who may ------------------------------------------------------------------------------------------------------------

do $$
declare
  name text;
begin
  foreach name in array array['person', 'person_token', 'outbox', 'notification_read'] loop
    execute format('alter table clickledger.%I enable row level security', name);
    execute format('alter table clickledger.%I force row level security', name);
    execute format('create policy analyst on clickledger.%I for select to cl_analyst using (true)', name);
  end loop;
end $$;
create policy team on clickledger.person to cl_api
  using (current_setting('cl.team', true) = 'on') with check (current_setting('cl.team', true) = 'on');
create policy partner_own on clickledger.person for select to cl_api
  using (partner_id = nullif(current_setting('cl.partner', true), '')::bigint);
create policy team on clickledger.outbox for select to cl_api using (current_setting('cl.team', true) = 'on');
create policy partner_own on clickledger.outbox for select to cl_api
  using (partner_id = nullif(current_setting('cl.partner', true), '')::bigint);
create policy partner_own on clickledger.notification_read for select to cl_api
  using (partner_id = nullif(current_setting('cl.partner', true), '')::bigint);

grant select (id, email, name, language, partner_id, role, has_password, created_at, disabled_at) on clickledger.person to cl_api;
grant select (id, kind, partner_id, person_id, language, payload, created_at) on clickledger.outbox to cl_api, cl_analyst;
grant select on clickledger.notification_read to cl_api, cl_analyst;
grant select (id, language, partner_id, role, has_password, created_at, disabled_at) on clickledger.person to cl_analyst;
grant select (person_id, kind, created_at, expires_at, used_at) on clickledger.person_token to cl_analyst;
grant select (person_id, role, expires_at) on clickledger.api_key to cl_api, cl_analyst;

grant execute on function clickledger.api_role(), clickledger.api_person(), clickledger.notification_unread(),
  clickledger.person_proof(jsonb), clickledger.session_begin(jsonb), clickledger.session_end(bigint), clickledger.session_by_token(jsonb), clickledger.api_login(jsonb), clickledger.api_logout(jsonb),
  clickledger.api_password_new(jsonb) to cl_api;
