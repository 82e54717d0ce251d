-- What stands behind the routes of the team, and how a POST is done once. As in 0008, the program has checked names,
-- types and limits of the parameters, and row security decides; these functions hold the rules between rows.

create function clickledger.api_post(name text, idempotency_key text, p jsonb) returns text
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  asker bigint := nullif(current_setting('cl.key', true), '')::bigint;
  asked bytea := sha256(convert_to(name || (p - 'secret')::text, 'UTF8'));
  blank constant text := chr(1);
  known record;
  said text;
begin
  if name !~ '^api_[a-z_]+$' then
    raise exception 'api_post: % is no function of the api', name;
  end if;
  if idempotency_key is not null then
    delete from idempotency i where i.api_key_id = asker and i.created_at < now() - interval '7 days';
    insert into idempotency (api_key_id, key, request_hash) values (asker, idempotency_key, asked) on conflict do nothing;
    if not found then
      select i.request_hash, i.answer into known from idempotency i where i.api_key_id = asker and i.key = idempotency_key;
      if known.request_hash <> asked then
        perform api_fail(409, 'idempotency_key', 'this Idempotency-Key was used for another request');
      end if;
      return replace(known.answer, blank, coalesce(p->>'secret', ''));
    end if;
  end if;
  execute format('select clickledger.%I($1)::text', name) into strict said using p;
  if idempotency_key is not null then
    update idempotency i set answer = case when p ? 'secret' then replace(said, p->>'secret', blank) else said end
    where i.api_key_id = asker and i.key = idempotency_key;
  end if;
  return said;
end $$;
comment on function clickledger.api_post(text, text, jsonb) is 'Does a POST once per API key and Idempotency-Key: a repeated request gets the first answer, another one CL409; two at once wait for each other. A failed request leaves nothing, so that it may be repeated. The parameter secret, from which keys are made, is the same for a repeated request and is not stored.';

create function clickledger.api_valid(good boolean, field text, message text) returns void
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  if good is not true then
    perform api_fail(422, field, message);
  end if;
end $$;
comment on function clickledger.api_valid(boolean, text, text) is 'CL422 with the field as code unless good is true.';

create function clickledger.api_valid_owner(p jsonb) returns void
  language plpgsql stable set search_path = clickledger, pg_temp as $$
begin
  perform api_valid(exists (select from program where id = (p->>'program_id')::bigint), 'program_id', 'there is no such programme');
  perform api_valid(p->>'partner_id' is null or exists (select from partner where id = (p->>'partner_id')::bigint), 'partner_id', 'there is no such partner');
end $$;
comment on function clickledger.api_valid_owner(jsonb) is 'CL422 unless the body''s program_id and partner_id (if given) are there.';

-- Programmes and terms.

create function clickledger.program_json(row_of clickledger.program) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'code', row_of.code, 'name', row_of.name, 'currency', row_of.currency,
    'time_zone', row_of.time_zone, 'fallback_url', row_of.fallback_url, 'hosts', row_of.hosts,
    'visitor_cookie', row_of.visitor_cookie, 'status', row_of.status, 'created_at', clickledger.api_time(row_of.created_at));
comment on function clickledger.program_json(clickledger.program) is 'A programme as answers show it.';

create function clickledger.terms_json(row_of clickledger.terms) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'program_id', row_of.program_id, 'partner_id', row_of.partner_id,
    'version', row_of.version, 'effective_from', clickledger.api_time(row_of.effective_from),
    'commission_kind', row_of.commission_kind, 'rate_ppm', row_of.rate_ppm, 'fixed_minor', row_of.fixed_minor,
    'hold_days', row_of.hold_days, 'window_days', row_of.window_days, 'precedence', row_of.precedence,
    'created_at', clickledger.api_time(row_of.created_at));
comment on function clickledger.terms_json(clickledger.terms) is 'A version of terms as answers show it.';

create function clickledger.api_programs(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select program as item from program
    where id < (api_after(p))[1] and (p->>'status' is null or status = p->>'status')
    order by id desc limit api_limit(p) + 1)
  select api_page(array_agg(program_json(item) order by (item).id desc),
                  array_agg(api_cursor((item).id) order by (item).id desc), p)
  from page;
$$;
comment on function clickledger.api_programs(jsonb) is 'GET /v1/programs.';

create function clickledger.api_program_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made program;
  wanted_hosts text[] := array(select lower(host) from jsonb_array_elements_text(coalesce(p->'hosts', '[]')) as host);
begin
  perform api_valid(exists (select from currency where code = p->>'currency'), 'currency', 'currency is not an active code of ISO 4217');
  perform api_zone(coalesce(p->>'time_zone', 'UTC'));
  perform api_valid(p->>'fallback_url' is null or url_valid(p->>'fallback_url'), 'fallback_url', 'fallback_url is not a clean http or https URL');
  perform api_valid(hosts_valid(wanted_hosts), 'hosts', 'hosts must be host names (IDN as xn--), without port');
  insert into program (code, name, currency, time_zone, fallback_url, hosts, visitor_cookie)
  values (p->>'code', p->>'name', p->>'currency', coalesce(p->>'time_zone', 'UTC'), p->>'fallback_url', wanted_hosts,
          coalesce((p->>'visitor_cookie')::boolean, false))
  returning * into made;
  return program_json(made);
exception when unique_violation then
  perform api_fail(409, 'code', 'a programme has this code');
end $$;
comment on function clickledger.api_program_create(jsonb) is 'POST /v1/programs.';

create function clickledger.api_terms(p jsonb) returns json
  language plpgsql stable set search_path = clickledger, pg_temp as $$
begin
  if not exists (select from program where id = (p->>'id')::bigint) then
    return api_missing('programme');
  end if;
  return (
    with page as (
      select terms as item from terms
      where program_id = (p->>'id')::bigint and id < (api_after(p))[1]
        and (p->>'partner_id' is null or partner_id = (p->>'partner_id')::bigint)
      order by id desc limit api_limit(p) + 1)
    select api_page(array_agg(terms_json(item) order by (item).id desc),
                    array_agg(api_cursor((item).id) order by (item).id desc), p)
    from page);
end $$;
comment on function clickledger.api_terms(jsonb) is 'GET /v1/programs/{id}/terms.';

create function clickledger.api_terms_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made terms;
begin
  -- Versions count without gaps, so two writers of one programme must not meet.
  perform pg_advisory_xact_lock(hashtextextended('clickledger.terms.' || (p->>'id'), 0));
  if not exists (select from program where id = (p->>'id')::bigint) then
    return api_missing('programme');
  end if;
  perform api_valid(p->>'partner_id' is null or exists (select from partner where id = (p->>'partner_id')::bigint), 'partner_id', 'there is no such partner');
  perform api_valid((p->>'commission_kind' = 'percent') = (p->>'rate_ppm' is not null), 'rate_ppm', 'rate_ppm is needed for percent, and only there');
  perform api_valid((p->>'commission_kind' = 'fixed') = (p->>'fixed_minor' is not null), 'fixed_minor', 'fixed_minor is needed for fixed, and only there');
  insert into terms (program_id, partner_id, version, effective_from, commission_kind, rate_ppm, fixed_minor, hold_days,
                     window_days, precedence)
  select (p->>'id')::bigint, (p->>'partner_id')::bigint,
    1 + coalesce((select max(t.version) from terms t where t.program_id = (p->>'id')::bigint
                    and t.partner_id is not distinct from (p->>'partner_id')::bigint), 0),
    coalesce((p->>'effective_from')::timestamptz, now()), p->>'commission_kind', (p->>'rate_ppm')::integer,
    (p->>'fixed_minor')::bigint, coalesce((p->>'hold_days')::integer, 0), coalesce((p->>'window_days')::integer, 30),
    coalesce(p->>'precedence', 'code_over_click')
  returning * into made;
  perform pg_notify('clickledger_work', '');
  return terms_json(made);
end $$;
comment on function clickledger.api_terms_create(jsonb) is 'POST /v1/programs/{id}/terms: a new version; earlier ones stay as they are.';

-- Keys. A key is a kind in plain words and at least 128 random bits; only its SHA-256 is stored.

create function clickledger.key_hash(key text) returns bytea
  language sql immutable strict parallel safe
  return sha256(convert_to(key, 'UTF8'));
comment on function clickledger.key_hash(text) is 'What is stored of a key.';

create function clickledger.key_random() returns text
  language sql volatile
  return left(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 40);
comment on function clickledger.key_random() is '40 hexadecimal digits, 154 random bits from the operating system.';

create function clickledger.api_key_create(kind text, partner_id bigint, name text) returns text
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made text := 'cl_' || kind || '_' || key_random();
begin
  insert into api_key (kind, partner_id, name, prefix, key_hash)
  values (api_key_create.kind, api_key_create.partner_id, api_key_create.name, left(made, 16), key_hash(made));
  return made;
end $$;
comment on function clickledger.api_key_create(text, bigint, text) is 'For cl_owner: makes a key (kind team without partner, or partner) and returns it, the only time it is to be seen.';

create function clickledger.integration_create(program_id bigint, name text) returns text
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made text := 'cl_postback_' || key_random();
begin
  insert into integration (program_id, name, key_hash)
  values (integration_create.program_id, integration_create.name, key_hash(made));
  return made;
end $$;
comment on function clickledger.integration_create(bigint, text) is 'For cl_owner: makes an integration and returns its postback key, the only time it is to be seen.';

create function clickledger.api_integration_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made text := 'cl_postback_' || (p->>'secret');
  made_id bigint;
begin
  if not exists (select from program where id = (p->>'id')::bigint) then
    return api_missing('programme');
  end if;
  perform api_valid(not exists (
    select from jsonb_each(coalesce(p->'aliases', '{}')) as alias
    where jsonb_typeof(alias.value) <> 'string' or alias.key !~ '^[A-Za-z0-9_.-]{1,64}$'
      or alias.value #>> '{}' !~ '^(click_id|order_id|kind|status|amount|currency|promo|product|customer|event_time|event_id|sub([1-9]|10))$'),
    'aliases', 'aliases must lead from the shop''s parameter names to ours');
  insert into integration (program_id, name, key_hash, aliases)
  values ((p->>'id')::bigint, p->>'name', key_hash(made), coalesce(p->'aliases', '{}'))
  returning id into made_id;
  return json_build_object('id', made_id, 'program_id', (p->>'id')::bigint, 'name', p->>'name', 'aliases', coalesce(p->'aliases', '{}'),
    'key', made, 'path', '/postback/' || made);
end $$;
comment on function clickledger.api_integration_create(jsonb) is 'POST /v1/programs/{id}/integrations: shows the postback key and its path on the tracker, this once.';

create function clickledger.api_partner_key_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made text := 'cl_partner_' || (p->>'secret');
  made_id bigint;
begin
  if not exists (select from partner where id = (p->>'id')::bigint) then
    return api_missing('partner');
  end if;
  insert into api_key (kind, partner_id, name, prefix, key_hash)
  values ('partner', (p->>'id')::bigint, p->>'name', left(made, 16), key_hash(made))
  returning id into made_id;
  return json_build_object('id', made_id, 'kind', 'partner', 'partner_id', (p->>'id')::bigint, 'name', p->>'name', 'key', made);
end $$;
comment on function clickledger.api_partner_key_create(jsonb) is 'POST /v1/partners/{id}/keys: shows the key, this once.';

create function clickledger.api_key_revoke(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  done json;
begin
  update api_key set revoked_at = coalesce(revoked_at, now()) where id = (p->>'id')::bigint
  returning json_build_object('id', id, 'kind', kind, 'partner_id', partner_id, 'name', name, 'prefix', prefix,
    'revoked_at', api_time(revoked_at)) into done;
  return coalesce(done, api_missing('key'));
end $$;
comment on function clickledger.api_key_revoke(jsonb) is 'POST /v1/keys/{id}/revoke: the key stops working with the next request.';

-- Partners.

create function clickledger.api_partners(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select partner as item from partner
    where id < (api_after(p))[1] and (p->>'status' is null or status = p->>'status')
    order by id desc limit api_limit(p) + 1)
  select api_page(array_agg(partner_json(item) order by (item).id desc),
                  array_agg(api_cursor((item).id) order by (item).id desc), p)
  from page;
$$;
comment on function clickledger.api_partners(jsonb) is 'GET /v1/partners.';

create function clickledger.api_partner_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made partner;
begin
  insert into partner (name, email) values (p->>'name', p->>'email') returning * into made;
  return partner_json(made);
end $$;
comment on function clickledger.api_partner_create(jsonb) is 'POST /v1/partners: the partner is pending until it is approved.';

create function clickledger.partner_move(partner_id bigint, target text, sources text[]) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  before partner;
begin
  select * into before from partner where id = partner_move.partner_id for update;
  if not found then
    return api_missing('partner');
  end if;
  if before.status <> target then
    if before.status <> all (sources) then
      perform api_fail(409, 'status', 'a partner that is ' || before.status || ' cannot become ' || target);
    end if;
    update partner set status = target where id = partner_move.partner_id returning * into before;
  end if;
  return partner_json(before);
end $$;
comment on function clickledger.partner_move(bigint, text, text[]) is 'Moves a partner to a status from one of the given ones; CL409 from another. Where it already is, it stays.';

create function clickledger.api_partner_approve(p jsonb) returns json
  language sql set search_path = clickledger, pg_temp as $$
  select partner_move((p->>'id')::bigint, 'active', array['pending', 'paused', 'declined']);
$$;
comment on function clickledger.api_partner_approve(jsonb) is 'POST /v1/partners/{id}/approve.';

create function clickledger.api_partner_decline(p jsonb) returns json
  language sql set search_path = clickledger, pg_temp as $$
  select partner_move((p->>'id')::bigint, 'declined', array['pending', 'active', 'paused']);
$$;
comment on function clickledger.api_partner_decline(jsonb) is 'POST /v1/partners/{id}/decline.';

create function clickledger.api_partner_pause(p jsonb) returns json
  language sql set search_path = clickledger, pg_temp as $$
  select partner_move((p->>'id')::bigint, 'paused', array['active']);
$$;
comment on function clickledger.api_partner_pause(jsonb) is 'POST /v1/partners/{id}/pause.';

-- Links and promo codes.

create function clickledger.api_link_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made link;
begin
  perform api_valid_owner(p);
  perform api_valid(url_valid(p->>'target_url'), 'target_url', 'target_url is not a clean http or https URL');
  insert into link (program_id, partner_id, slug, target_url, name)
  values ((p->>'program_id')::bigint, (p->>'partner_id')::bigint, coalesce(p->>'slug', left(key_random(), 10)),
          p->>'target_url', p->>'name')
  returning * into made;
  return link_json(made);
exception when unique_violation then
  perform api_fail(409, 'slug', 'a link has this slug');
end $$;
comment on function clickledger.api_link_create(jsonb) is 'POST /v1/links: without a slug it gets a random one.';

create function clickledger.api_link_change(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  changed link;
begin
  perform api_valid(p->>'target_url' is null or url_valid(p->>'target_url'), 'target_url', 'target_url is not a clean http or https URL');
  update link set target_url = coalesce(p->>'target_url', target_url), status = coalesce(p->>'status', status)
  where id = (p->>'id')::bigint returning * into changed;
  if not found then
    return api_missing('link');
  end if;
  return link_json(changed);
end $$;
comment on function clickledger.api_link_change(jsonb) is 'PATCH /v1/links/{id}: what is not given stays.';

create function clickledger.api_promo_code_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made promo_code;
begin
  perform api_valid_owner(p);
  perform api_valid(url_valid(p->>'target_url'), 'target_url', 'target_url is not a clean http or https URL');
  insert into promo_code (program_id, partner_id, code, target_url)
  values ((p->>'program_id')::bigint, (p->>'partner_id')::bigint, p->>'code', p->>'target_url')
  returning * into made;
  return promo_code_json(made);
exception when unique_violation then
  perform api_fail(409, 'code', 'this code is taken; codes are compared without case');
end $$;
comment on function clickledger.api_promo_code_create(jsonb) is 'POST /v1/promo-codes.';

-- Conversions.

create function clickledger.conversion_decide(conversion_id bigint, action text, reason text) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made conversion_decision;
begin
  if not exists (select from conversion where id = conversion_decide.conversion_id) then
    return api_missing('conversion');
  end if;
  insert into conversion_decision (conversion_id, action, reason, api_key_id)
  values (conversion_decide.conversion_id, conversion_decide.action, conversion_decide.reason, current_setting('cl.key')::bigint)
  returning * into made;
  perform pg_notify('clickledger_work', '');
  return json_build_object('id', made.id, 'conversion_id', made.conversion_id, 'action', made.action, 'reason', made.reason,
    'decided_at', api_time(made.decided_at));
end $$;
comment on function clickledger.conversion_decide(bigint, text, text) is 'Writes a decision and wakes attrib, which applies it.';

create function clickledger.api_conversion_approve(p jsonb) returns json
  language sql set search_path = clickledger, pg_temp as $$
  select conversion_decide((p->>'id')::bigint, 'approve', p->>'reason');
$$;
comment on function clickledger.api_conversion_approve(jsonb) is 'POST /v1/conversions/{id}/approve.';

create function clickledger.api_conversion_decline(p jsonb) returns json
  language sql set search_path = clickledger, pg_temp as $$
  select conversion_decide((p->>'id')::bigint, 'decline', p->>'reason');
$$;
comment on function clickledger.api_conversion_decline(jsonb) is 'POST /v1/conversions/{id}/decline.';

create function clickledger.api_receipt(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select coalesce((
    select json_build_object('receipt', r.id, 'received_at', api_time(r.ts), 'source', r.source, 'program_id', r.program_id,
      'order_id', r.order_id, 'kind', r.kind, 'status', r.status, 'amount', r.amount, 'amount_minor', r.amount_minor,
      'currency', r.currency, 'event_time', api_time(r.event_time), 'event_id', r.event_id,
      'reason', r.reason, 'verdict', r.verdict, 'note', r.note, 'verdict_at', api_time(r.verdict_at), 'conversion_id', r.conversion_id)
    from conversion_report r where r.id = (p->>'id')::uuid), api_missing('receipt'));
$$;
comment on function clickledger.api_receipt(jsonb) is 'GET /v1/receipts/{id}: what became of a conversion report. Reason: why the tracker refused it, or none; verdict null: not looked at yet. A receipt is there as soon as the report is loaded, usually within a second.';

do $$
declare
  shared regprocedure;
begin
  for shared in
    select oid from pg_proc
    where pronamespace = 'clickledger'::regnamespace
      and (proname ~ '^api_' or proname in ('program_json', 'terms_json', 'partner_move', 'conversion_decide', 'key_hash', 'key_random'))
      and proname <> 'api_key_create'
  loop
    execute format('grant execute on function %s to cl_api', shared);
  end loop;
end $$;
