-- How partners come in: a programme's public form, applications, what approval makes, and who has become inactive.
--
-- A partner's state is that of its whole account (partner.status); an application is about one programme. The first one that is
-- approved makes the partner active. What it accepted is the version of terms that it was shown, at the moment of applying.

create table clickledger.admission (
  program_id bigint primary key references clickledger.program,
  is_open    boolean not null default false,
  approval   text not null default 'manual' check (approval in ('manual', 'known', 'everybody')),
  daily_max  integer not null default 100 check (daily_max between 0 and 100000),
  target_url text check (clickledger.url_valid(target_url))
);
comment on table clickledger.admission is 'Whether a programme has a public form, and who is approved without anybody''s decision. Without a row: it has none.';
comment on column clickledger.admission.program_id is 'The programme.';
comment on column clickledger.admission.is_open is 'Whether applications are taken.';
comment on column clickledger.admission.approval is 'manual: the team decides; known: partners that are active already are approved at once; everybody: all are.';
comment on column clickledger.admission.daily_max is 'How many are approved at once within 24 hours, 0 to 100000; the next ones wait for the team.';
comment on column clickledger.admission.target_url is 'Where the first link and code of a partner lead; null: the front page of the programme''s first host.';

create table clickledger.application (
  id            bigint generated always as identity primary key,
  program_id    bigint not null references clickledger.program,
  partner_id    bigint not null references clickledger.partner,
  terms_id      bigint not null references clickledger.terms,
  terms_version integer not null,
  site          text check (length(site) between 1 and 2048),
  message       text check (length(message) between 1 and 2000),
  status        text not null default 'pending' check (status in ('pending', 'approved', 'declined')),
  reason        text check (length(reason) between 1 and 500),
  created_at    timestamptz not null default now(),
  decided_at    timestamptz,
  decided_by    bigint references clickledger.api_key,
  check ((status = 'pending') = (decided_at is null)),
  check ((status = 'declined') = (reason is not null))
);
create unique index application_one on clickledger.application (program_id, partner_id) where status <> 'declined';
create index application_partner on clickledger.application (partner_id, id);
create index application_status on clickledger.application (status, id);
create index application_decided on clickledger.application (program_id, decided_at) where decided_by is null and status = 'approved';
comment on table clickledger.application is 'Who wants, or wanted, to take part in a programme. At most one per partner and programme that is not declined.';
comment on column clickledger.application.id is 'Number of the application.';
comment on column clickledger.application.program_id is 'The programme.';
comment on column clickledger.application.partner_id is 'Who applies.';
comment on column clickledger.application.terms_id is 'The version of terms that was shown and accepted.';
comment on column clickledger.application.terms_version is 'Its number.';
comment on column clickledger.application.site is 'Where the partner advertises, in its own words.';
comment on column clickledger.application.message is 'What it tells the team.';
comment on column clickledger.application.status is 'pending, approved or declined; decided once.';
comment on column clickledger.application.reason is 'Why it was declined; the partner reads it.';
comment on column clickledger.application.created_at is 'When it applied.';
comment on column clickledger.application.decided_at is 'When it was decided.';
comment on column clickledger.application.decided_by is 'Key or session that decided; null: by the rule of its admission.';

-- Who registers accepts the offer before it has a key.
alter table clickledger.terms_acceptance
  alter column api_key_id drop not null,
  add column person_id bigint references clickledger.person,
  add check (api_key_id is not null or person_id is not null);
comment on column clickledger.terms_acceptance.api_key_id is 'API key or session of the partner; null: it accepted with its registration.';
comment on column clickledger.terms_acceptance.person_id is 'The person who registered.';
grant select (person_id) on clickledger.terms_acceptance to cl_api, cl_analyst;

do $$
declare
  name text;
begin
  foreach name in array array['admission', 'application'] loop
    execute format('alter table clickledger.%I enable row level security', name);
    execute format('alter table clickledger.%I force row level security', name);
    execute format('create policy analyst on clickledger.%I for select to cl_analyst using (true)', name);
    execute format($policy$create policy team on clickledger.%I to cl_api
      using (current_setting('cl.team', true) = 'on') with check (current_setting('cl.team', true) = 'on')$policy$, name);
    execute format('grant select on clickledger.%I to cl_api, cl_analyst', name);
  end loop;
end $$;
create policy partner_own on clickledger.application for select to cl_api
  using (partner_id = nullif(current_setting('cl.partner', true), '')::bigint);
grant insert, update (is_open, approval, daily_max, target_url) on clickledger.admission to cl_api;

-- --- The offer ------------------------------------------------------------------------------------------------------------

insert into clickledger.phrase (code, text_en, text_ru) values
  ('offer_percent', '%s %% of each order.', '%s %% с каждого заказа.'),
  ('offer_fixed', '%s for each order.', '%s за каждый заказ.'),
  ('offer_rule', 'Where %s: %s.', 'Если %s: %s.'),
  ('offer_rule_percent', '%s %%', '%s %%'),
  ('offer_rule_fixed', '%s an order', '%s за заказ'),
  ('offer_rule_tiers', 'by the volume of the month', 'по обороту за месяц'),
  ('offer_hold', 'A commission is on hold for %s days after the order.', 'Комиссия удерживается %s дн. после заказа.'),
  ('offer_window', 'A click counts for orders up to %s days later.', 'Клик учитывается для заказов в течение %s дн.'),
  ('offer_precedence', 'Where a code and a click meet: %s.', 'Если встретились промокод и клик: %s.');

create function clickledger.minor_told(minor bigint, money text) returns text
  language sql stable set search_path = clickledger, pg_temp as $$
  select round(minor / 10::numeric ^ c.exponent, c.exponent) || ' ' || c.code from currency c where c.code = money
$$;
comment on function clickledger.minor_told(bigint, text) is 'An amount for people: 12.50 EUR.';

create function clickledger.offer_told(row_of clickledger.terms, lang text) returns text
  language sql stable set search_path = clickledger, pg_temp as $$
  with words as (select code, case lang when 'ru' then text_ru else text_en end as said from phrase),
    money as (select currency from program where id = row_of.program_id),
    lines (n, code, told) as (
      select 1, 'offer_' || row_of.commission_kind, array[case row_of.commission_kind when 'percent' then trim_scale(row_of.rate_ppm / 10000.0)::text
        else minor_told(row_of.fixed_minor, (select currency from money)) end]
      union all
      select 10 + r.place, 'offer_rule', array[
        (select string_agg(e.key || ' = ' || e.value, ', ' order by e.key) from jsonb_each_text(jsonb_strip_nulls(jsonb_build_object('kind', r.kind,
           'product', r.product, 'category', r.category, 'group', r.partner_group, 'customer', r.customer_kind, 'channel', r.channel, 'country', r.country))) e),
        concat_ws(' + ',
          case when r.rate_ppm is not null then format((select said from words w where w.code = 'offer_rule_percent'), trim_scale(r.rate_ppm / 10000.0)) end,
          case when r.fixed_minor is not null then format((select said from words w where w.code = 'offer_rule_fixed'),
            minor_told(r.fixed_minor, (select currency from money))) end,
          case when r.tier_mode is not null then (select said from words w where w.code = 'offer_rule_tiers') end)]
      from commission_rule r where r.terms_id = row_of.id
      union all
      select 1001, 'offer_hold', array[row_of.hold_days::text] where row_of.hold_days > 0
      union all
      select 1002, 'offer_window', array[row_of.window_days::text]
      union all
      select 1003, 'offer_precedence', array[(select said from words w where w.code = 'precedence_' || row_of.precedence)])
  select string_agg(format(w.said, variadic l.told), E'\n' order by l.n) from lines l join words w on w.code = l.code
$$;
comment on function clickledger.offer_told(clickledger.terms, text) is 'Terms as lines of text, made of their data alone. lang: en or ru.';

create function clickledger.admission_open(program_code text) returns clickledger.program
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  found_program program;
begin
  select g.* into found_program from program g join admission a on a.program_id = g.id
  where g.code = program_code and g.status = 'active' and a.is_open;
  if not found then
    perform api_missing('programme that takes applications');
  end if;
  return found_program;
end $$;
comment on function clickledger.admission_open(text) is 'The programme with a public form. CL404: there is none of this code, or it takes no applications.';

create function clickledger.api_join(p jsonb) returns json
  language plpgsql stable security definer set search_path = clickledger, pg_temp as $$
declare
  wanted constant program := admission_open(p->>'code');
  offer terms;
begin
  select * into offer from terms_at(wanted.id, null, now());
  return json_build_object(
    'program', json_build_object('id', wanted.id, 'code', wanted.code, 'name', wanted.name, 'currency', wanted.currency, 'hosts', wanted.hosts),
    'terms', case when offer.id is not null
      then (terms_json(offer)::jsonb || jsonb_build_object('text', offer_told(offer, coalesce(p->>'lang', 'en'))))::json end);
end $$;
comment on function clickledger.api_join(jsonb) is 'GET /v1/join/{code}: a programme that takes applications, and the terms in force as data and text (lang), which are what is offered. terms null: there are none, and no application is taken yet. CL404.';

-- --- Applying -------------------------------------------------------------------------------------------------------------

create function clickledger.offer_check(program_id bigint, p jsonb) returns void
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  offer terms;
begin
  select * into offer from terms_at(offer_check.program_id, null, now());
  if offer.id is null then
    perform api_fail(409, 'no_offer', 'the programme has no terms in force');
  end if;
  if (offer.id, offer.version) <> ((p->>'terms_id')::bigint, (p->>'terms_version')::integer) then
    perform api_fail(409, 'superseded', format('the offer in force is terms %s, version %s; read it and accept that', offer.id, offer.version));
  end if;
end $$;
comment on function clickledger.offer_check(bigint, jsonb) is 'CL409 superseded unless terms_id and terms_version are exactly the offer in force; CL409 no_offer.';

create function clickledger.application_make(program_id bigint, partner_id bigint, person_id bigint, p jsonb) returns bigint
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made bigint;
  rule admission;
  known constant text := (select status from partner where id = application_make.partner_id);
begin
  insert into application (program_id, partner_id, terms_id, terms_version, site, message)
  values ($1, $2, (p->>'terms_id')::bigint, (p->>'terms_version')::integer, p->>'site', p->>'message')
  returning id into made;
  insert into terms_acceptance (terms_id, partner_id, api_key_id, person_id)
  values ((p->>'terms_id')::bigint, $2, nullif(current_setting('cl.key', true), '')::bigint, $3)
  on conflict do nothing;
  perform partner_tell('application_received', $2, jsonb_build_object('program_id', $1, 'application_id', made));
  -- Two at once count one after the other.
  select * into rule from admission a where a.program_id = $1 for no key update;
  if (rule.approval = 'everybody' and known <> 'paused' or rule.approval = 'known' and known = 'active')
     and (select count(*) from application a where a.program_id = $1 and a.decided_by is null and a.status = 'approved'
            and a.decided_at > now() - interval '24 hours') < rule.daily_max then
    perform application_approve(made, null);
  end if;
  return made;
end $$;
comment on function clickledger.application_make(bigint, bigint, bigint, jsonb) is 'Writes an application with what it accepted, and approves it where the programme''s admission says so.';

create function clickledger.api_join_apply(p jsonb) returns json
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  wanted constant program := admission_open(p->>'code');
  known person;
  made_partner bigint;
  made_person bigint;
begin
  perform email_valid(p->>'email');
  perform offer_check(wanted.id, p);
  -- Two registrations with one address at once: the second one finds the first.
  perform pg_advisory_xact_lock(hashtextextended('clickledger.join.' || lower(p->>'email'), 0));
  select * into known from person h where h.email = lower(p->>'email');
  if found then
    insert into outbox (kind, person_id, email, language, payload)
    select 'join_known', known.id, known.email, known.language, json_build_object('program_id', wanted.id, 'name', known.name)
    where not exists (select from outbox o where o.person_id = known.id and o.kind = 'join_known' and o.created_at > now() - interval '1 hour');
  else
    insert into partner (name, email) values (p->>'name', lower(p->>'email')) returning id into made_partner;
    insert into person (email, name, language, partner_id, password_hash)
    values (lower(p->>'email'), p->>'name', coalesce(p->>'language', 'en'), made_partner, p->>'password_hash') returning id into made_person;
    perform application_make(wanted.id, made_partner, made_person, p);
  end if;
  return json_build_object('status', 'received');
end $$;
comment on function clickledger.api_join_apply(jsonb) is 'POST /v1/join/{code}: registers a partner with a person and its application. The answer is the same for an address that a person has already, who is told by message. CL404, CL409 superseded, no_offer.';

create function clickledger.application_own(p jsonb) returns bigint
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  asker constant bigint := api_partner();
  wanted constant program := admission_open(p->>'code');
begin
  perform from partner where id = asker for no key update;
  perform offer_check(wanted.id, p);
  if exists (select from application a where a.program_id = wanted.id and a.partner_id = asker and a.status <> 'declined')
     or exists (select from link l where l.program_id = wanted.id and l.partner_id = asker)
     or exists (select from promo_code c where c.program_id = wanted.id and c.partner_id = asker) then
    perform api_fail(409, 'member', 'you take part in this programme, or have applied for it');
  end if;
  return application_make(wanted.id, asker, api_person(), p);
end $$;
comment on function clickledger.application_own(jsonb) is 'The asking partner applies for a further programme. CL409 member: it takes part or has applied.';

create function clickledger.application_json(row_of clickledger.application) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select json_build_object('id', row_of.id, 'program_id', row_of.program_id,
    'program', (select json_build_object('code', g.code, 'name', g.name) from program g where g.id = row_of.program_id),
    'partner_id', row_of.partner_id,
    'partner', (select json_build_object('name', t.name, 'email', t.email, 'status', t.status) from partner t where t.id = row_of.partner_id),
    'terms_id', row_of.terms_id, 'terms_version', row_of.terms_version, 'site', row_of.site, 'message', row_of.message, 'status', row_of.status,
    'reason', row_of.reason, 'created_at', api_time(row_of.created_at), 'decided_at', api_time(row_of.decided_at),
    'is_automatic', row_of.decided_at is not null and row_of.decided_by is null)
$$;
comment on function clickledger.application_json(clickledger.application) is 'An application as answers show it. program null: the partner does not take part yet.';

create function clickledger.api_application_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made constant bigint := application_own(p);
begin
  return (select application_json(a) from application a where a.id = made);
end $$;
comment on function clickledger.api_application_create(jsonb) is 'POST /v1/applications: a partner applies for a further programme.';

create function clickledger.api_applications(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select application as item from application
    where id < (api_after(p))[1]
      and (p->>'status' is null or status = p->>'status')
      and (p->>'program_id' is null or program_id = (p->>'program_id')::bigint)
      and (p->>'partner_id' is null or partner_id = (p->>'partner_id')::bigint)
    order by id desc limit api_limit(p) + 1)
  select api_page(array_agg(application_json(item) order by (item).id desc), array_agg(api_cursor((item).id) order by (item).id desc), p) from page
$$;
comment on function clickledger.api_applications(jsonb) is 'GET /v1/applications: for a partner its own.';

-- --- Deciding -------------------------------------------------------------------------------------------------------------

create function clickledger.application_approve(id bigint, author bigint) returns void
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  done application;
  target text;
  who partner;
  made_slug text;
  made_code text;
begin
  update application a set status = 'approved', decided_at = now(), decided_by = author where a.id = application_approve.id returning * into done;
  select * into who from partner t where t.id = done.partner_id for no key update;
  if who.status = 'paused' then
    perform api_fail(409, 'status', 'the partner is paused; approve it first');
  end if;
  update partner t set status = 'active' where t.id = who.id and t.status <> 'active';
  select coalesce(a.target_url, 'https://' || g.hosts[1] || '/', g.fallback_url) into target
  from program g left join admission a on a.program_id = g.id where g.id = done.program_id;
  if target is null then
    perform api_fail(409, 'target_url', 'say in the programme''s admission where first links lead: it has no target_url, and the programme no host');
  end if;
  insert into link (program_id, partner_id, slug, target_url) values (done.program_id, who.id, left(key_random(), 10), target) returning slug into made_slug;
  insert into promo_code (program_id, partner_id, code, target_url)
  values (done.program_id, who.id, code_random(upper(left(regexp_replace(who.name, '[^A-Za-z]', '', 'g'), 8))), target)
  returning code into made_code;
  perform partner_tell('application_approved', who.id, jsonb_build_object('program_id', done.program_id, 'application_id', done.id,
    'link', '/c/' || made_slug, 'promo_code', made_code));
end $$;
comment on function clickledger.application_approve(bigint, bigint) is 'Approves an application: makes the partner active, its first link and promo code. CL409 target_url: nobody said where they lead; CL409 status: the partner is paused.';

create function clickledger.application_decide(id bigint, target text, reason text) returns void
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  found_application application;
begin
  if current_setting('cl.team', true) is distinct from 'on' then
    perform api_fail(403, 'forbidden', 'this is for the team');
  end if;
  select * into found_application from application a where a.id = application_decide.id for update;
  if not found then
    perform api_missing('application');
  end if;
  if found_application.status = target and found_application.reason is not distinct from application_decide.reason then
    return;
  end if;
  if found_application.status <> 'pending' then
    perform api_fail(409, 'status', 'the application is ' || found_application.status || ' already');
  end if;
  if target = 'approved' then
    perform application_approve(application_decide.id, current_setting('cl.key')::bigint);
    return;
  end if;
  update application a set status = target, reason = application_decide.reason, decided_at = now(), decided_by = current_setting('cl.key')::bigint
  where a.id = application_decide.id;
  update partner t set status = 'declined' where t.id = found_application.partner_id and t.status = 'pending'
    and not exists (select from application a where a.partner_id = t.id and a.status <> 'declined');
  perform partner_tell('application_declined', found_application.partner_id, jsonb_build_object('program_id', found_application.program_id,
    'application_id', found_application.id, 'reason', application_decide.reason));
end $$;
comment on function clickledger.application_decide(bigint, text, text) is 'The team approves or declines (with a reason) a pending application. The same again is success; CL409 status: it is decided otherwise.';

create function clickledger.api_application_approve(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  perform application_decide((p->>'id')::bigint, 'approved', null);
  return (select application_json(a) from application a where a.id = (p->>'id')::bigint);
end $$;
comment on function clickledger.api_application_approve(jsonb) is 'POST /v1/applications/{id}/approve.';

create function clickledger.api_application_decline(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  perform application_decide((p->>'id')::bigint, 'declined', p->>'reason');
  return (select application_json(a) from application a where a.id = (p->>'id')::bigint);
end $$;
comment on function clickledger.api_application_decline(jsonb) is 'POST /v1/applications/{id}/decline.';

-- --- Admission ------------------------------------------------------------------------------------------------------------

create function clickledger.admission_json(row_of clickledger.admission) returns json
  language sql stable
  return json_build_object('program_id', row_of.program_id, 'is_open', row_of.is_open, 'approval', row_of.approval, 'daily_max', row_of.daily_max,
    'target_url', row_of.target_url, 'path', (select '/join/' || g.code from clickledger.program g where g.id = row_of.program_id));
comment on function clickledger.admission_json(clickledger.admission) is 'An admission as answers show it; path is the form''s page.';

create function clickledger.admission_of(program_id bigint) returns clickledger.admission
  language sql stable set search_path = clickledger, pg_temp as $$
  select a from admission a where a.program_id = admission_of.program_id
  union all
  select row(g.id, false, 'manual', 100, null)::admission from program g where g.id = admission_of.program_id
  limit 1
$$;
comment on function clickledger.admission_of(bigint) is 'A programme''s admission, or the defaults; null: there is no such programme.';

create function clickledger.api_admission(p jsonb) returns json
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  found_admission constant admission := admission_of((p->>'id')::bigint);
begin
  return case when found_admission.program_id is null then api_missing('programme') else admission_json(found_admission) end;
end $$;
comment on function clickledger.api_admission(jsonb) is 'GET /v1/programs/{id}/admission.';

create function clickledger.api_admission_change(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  wanted admission := admission_of((p->>'id')::bigint);
begin
  if wanted.program_id is null then
    return api_missing('programme');
  end if;
  perform api_valid(p->>'target_url' is null or url_valid(p->>'target_url'), 'target_url', 'target_url is not a clean http or https URL');
  wanted.is_open := coalesce((p->>'is_open')::boolean, wanted.is_open);
  wanted.approval := coalesce(p->>'approval', wanted.approval);
  wanted.daily_max := coalesce((p->>'daily_max')::integer, wanted.daily_max);
  wanted.target_url := case when p ? 'target_url' then p->>'target_url' else wanted.target_url end;
  insert into admission values (wanted.*)
  on conflict (program_id) do update
  set is_open = excluded.is_open, approval = excluded.approval, daily_max = excluded.daily_max, target_url = excluded.target_url;
  return admission_json(wanted);
end $$;
comment on function clickledger.api_admission_change(jsonb) is 'PATCH /v1/programs/{id}/admission: what is not given stays.';

-- --- Inactive partners ----------------------------------------------------------------------------------------------------

create function clickledger.partner_last(partner_id bigint) returns table (click_at timestamptz, order_at timestamptz)
  language sql stable set search_path = clickledger, pg_temp as $$
  select (select h.hour from click_hourly h where h.partner_id = $1 and h.class = 'human' and h.clicks > 0 order by h.hour desc limit 1),
    (select h.hour from conversion_hourly h where h.partner_id = $1 and h.conversions_ppm > 0 order by h.hour desc limit 1)
$$;
comment on function clickledger.partner_last(bigint) is 'Hours of a partner''s last click of a person and last order; null: it never had one.';

create or replace function clickledger.api_partners(p jsonb) returns json
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  wanted_group constant bigint[] := group_members(p);
begin
  perform api_valid((p->>'partner_group' is null) = (p->>'program_id' is null), 'partner_group', 'a group is of a programme: partner_group and program_id belong together');
  return (
    with page as (
      select t as item, t.id, l.click_at, l.order_at
      from partner t cross join lateral partner_last(t.id) l
      where t.id < (api_after(p))[1] and (p->>'status' is null or t.status = p->>'status')
        and (wanted_group is null or t.id = any (wanted_group))
        and (p->>'inactive_since' is null or greatest(t.created_at, l.click_at, l.order_at) < api_moment(p->>'inactive_since', 'UTC', false))
      order by t.id desc limit api_limit(p) + 1)
    select api_page(
      array_agg((partner_json(item)::jsonb || jsonb_build_object('last_click_at', api_time(click_at), 'last_order_at', api_time(order_at)))::json
        order by id desc), array_agg(api_cursor(id) order by id desc), p)
    from page);
end $$;
comment on function clickledger.api_partners(jsonb) is 'GET /v1/partners, with the hours of their last click and order. inactive_since: only those that exist since before and had neither since then; partner_group: only those that are now in this group of program_id. CL422 partner_group: one without the other.';

grant execute on function clickledger.minor_told(bigint, text), clickledger.api_join(jsonb), clickledger.api_join_apply(jsonb),
  clickledger.application_own(jsonb), clickledger.application_json(clickledger.application), clickledger.api_application_create(jsonb),
  clickledger.api_applications(jsonb), clickledger.application_decide(bigint, text, text), clickledger.api_application_approve(jsonb),
  clickledger.api_application_decline(jsonb), clickledger.admission_json(clickledger.admission), clickledger.admission_of(bigint),
  clickledger.api_admission(jsonb), clickledger.api_admission_change(jsonb), clickledger.partner_last(bigint) to cl_api;
