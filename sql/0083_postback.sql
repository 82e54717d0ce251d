-- A partner's own postbacks: the URL that its tracker or network is to be told at, with macros. Everything is checked when it is saved.
-- Nobody sends yet; whoever will renders the URL when it sends (postback_values, postback_render) and still has to look where the host
-- leads then: names change between saving and sending.

create function clickledger.postback_macro(name text) returns text
  language sql immutable strict parallel safe
  return case
    when name ~ '^(sub|sub_id_|aff_sub)([1-9]|10)$' then 'sub' || substring(name from '[0-9]+$')
    when name in ('event', 'status', 'reason', 'kind', 'conversion_id', 'order_id', 'order_sum', 'payout', 'payout_minor', 'currency', 'click_id',
      'click_time', 'partner_id', 'program_id', 'link_id', 'promo_code', 'country', 'device', 'utm_source', 'utm_medium', 'utm_campaign', 'timestamp',
      'date', 'rand') then name
    else case name when 'clickid' then 'click_id' when 'aff_id' then 'partner_id' when 'offer_id' then 'program_id' when 'goal' then 'kind'
      when 'sum' then 'payout' when 'device_type' then 'device' when 'aff_sub' then 'sub1' end
  end;
comment on function clickledger.postback_macro(text) is 'The macro of a postback that a name stands for, names that people know from elsewhere among them; null: there is none. What a visitor could be found by (ip, referrer) is none.';

create function clickledger.postback_fault(url text) returns text
  language plpgsql immutable parallel safe set search_path = clickledger, pg_temp as $$
declare
  plain constant text := regexp_replace(url, '\{[^{}]*\}', 'x', 'g');
  host constant text := url_host(plain);
  macro record;
begin
  if plain ~ '[{}]' then
    return 'has a brace that is not closed or not opened at character ' || regexp_instr(regexp_replace(url, '\{([^{}]*)\}', '<\1>', 'g'), '[{}]');
  end if;
  if regexp_count(url, '\{') > 32 then
    return 'has more than 32 macros';
  end if;
  for macro in select m.n, regexp_substr(url, '\{([^{}]*)\}', 1, m.n::integer, '', 1) as name, regexp_instr(url, '\{', 1, m.n::integer) as place
               from generate_series(1, regexp_count(url, '\{')) as m (n) loop
    if postback_macro(macro.name) is null then
      return format('has the unknown macro {%s} at character %s', left(macro.name, 64), macro.place);
    end if;
  end loop;
  if substring(url from '^(?:[^:/?#]*://)?[^/?#]*') ~ '\{' then
    return 'has a macro in scheme or host';
  end if;
  if length(url) > 2048 or not url_valid(plain) then
    return 'is not a clean URL of up to 2048 bytes without user info';
  end if;
  if url !~ '^https://' then
    return 'must be https';
  end if;
  if host is null then
    return 'must name a host without a port';
  end if;
  -- Whatever a resolver might take for a number is an address: 127.0.0.1, 0177.1, 0x7f.1, 2130706433.
  if host !~ '^([a-z0-9-]+[.])+[a-z]([a-z0-9-]*[a-z0-9])?$' then
    return 'must name a public host, no address';
  end if;
  if host ~ '(^|[.])(localhost|local|internal|intranet|lan|home|corp|private|test|invalid|onion|arpa)$' then
    return 'must name a public host, not one of a local network';
  end if;
  return null;
end $$;
comment on function clickledger.postback_fault(text) is 'What is wrong with the URL of a postback, with the place: https, a public host by name, no port, up to 32 known macros behind the host, 2048 bytes. Null: nothing. What a name resolves to is for the sender to check.';

create table clickledger.partner_postback (
  id         bigint generated always as identity primary key,
  partner_id bigint not null references clickledger.partner,
  program_id bigint references clickledger.program,
  name       text check (length(name) between 1 and 200),
  url        text not null check (clickledger.postback_fault(url) is null),
  events     text[] not null check (cardinality(events) between 1 and 5 and events <@ array['created', 'approved', 'declined', 'refunded', 'available']),
  status     text not null default 'active' check (status in ('active', 'paused')),
  created_at timestamptz not null default now()
);
create index partner_postback_partner on clickledger.partner_postback (partner_id, id);
comment on table clickledger.partner_postback is 'Where partners want to be told about their orders. Up to 10 a partner.';
comment on column clickledger.partner_postback.id is 'Number of the postback.';
comment on column clickledger.partner_postback.partner_id is 'Whose it is.';
comment on column clickledger.partner_postback.program_id is 'Only orders of this programme; null: of all.';
comment on column clickledger.partner_postback.name is 'The partner''s own name for it.';
comment on column clickledger.partner_postback.url is 'https URL with macros; may hold a secret of the partner, so nobody else reads it.';
comment on column clickledger.partner_postback.events is 'What it is told: created, approved, declined, refunded (of an order), available (its commission).';
comment on column clickledger.partner_postback.status is 'active or paused.';
comment on column clickledger.partner_postback.created_at is 'When it was made.';
alter table clickledger.partner_postback enable row level security;
alter table clickledger.partner_postback force row level security;
create policy partner_own on clickledger.partner_postback for select to cl_api
  using (partner_id = nullif(current_setting('cl.partner', true), '')::bigint);
create policy analyst on clickledger.partner_postback for select to cl_analyst using (true);
grant select on clickledger.partner_postback to cl_api;
grant select (id, partner_id, program_id, name, events, status, created_at) on clickledger.partner_postback to cl_analyst;
select clickledger.audit_table('clickledger.partner_postback', 'url');

create function clickledger.postback_json(row_of clickledger.partner_postback) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'program_id', row_of.program_id, 'name', row_of.name, 'url', row_of.url, 'events', row_of.events,
    'status', row_of.status, 'created_at', clickledger.api_time(row_of.created_at));
comment on function clickledger.postback_json(clickledger.partner_postback) is 'A postback as answers show it.';

-- --- What macros stand for ----------------------------------------------------------------------------------------------

create function clickledger.postback_values(conversion_id bigint, partner_id bigint, event text) returns jsonb
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  found_values jsonb;
begin
  select jsonb_build_object('event', event, 'status', c.status, 'reason', c.reason, 'kind', c.kind, 'conversion_id', c.id, 'order_id', c.order_id,
      'order_sum', minor_amount(c.amount_minor - c.refunded_minor, k.exponent), 'payout', minor_amount(coalesce(m.amount_minor, 0), k.exponent),
      'payout_minor', coalesce(m.amount_minor, 0), 'currency', c.currency, 'partner_id', $2, 'program_id', c.program_id,
      'link_id', r.link_id, 'promo_code', (select p.code from promo_code p where p.id = r.promo_code_id),
      'click_id', h.click_id, 'click_time', extract(epoch from h.ts)::bigint, 'country', h.country, 'device', h.device,
      'utm_source', h.utm_source, 'utm_medium', h.utm_medium, 'utm_campaign', h.utm_campaign,
      'timestamp', extract(epoch from now())::bigint, 'date', (now() at time zone 'UTC')::date, 'rand', (random() * 1e9)::bigint)
    || jsonb_build_object('sub1', h.sub1, 'sub2', h.sub2, 'sub3', h.sub3, 'sub4', h.sub4, 'sub5', h.sub5, 'sub6', h.sub6, 'sub7', h.sub7,
      'sub8', h.sub8, 'sub9', h.sub9, 'sub10', h.sub10)
  into found_values
  from conversion c
  join currency k on k.code = c.currency
  join lateral (
    select t.* from credit t where t.conversion_id = c.id and t.partner_id = $2 order by t.weight_ppm desc, t.touch_ts desc, t.touch_id limit 1) r on true
  left join commission m on m.conversion_id = c.id and m.partner_id = $2
  left join click h on h.click_id = r.touch_id and h.ts = r.touch_ts and r.touch_kind = 'click'
  where c.id = $1;
  return found_values;
end $$;
comment on function clickledger.postback_values(bigint, bigint, text) is 'What the macros stand for, of a conversion that a partner is credited with; of several touches, the one with the largest share. payout and order_sum are decimal amounts. Null: the partner is not credited.';

create function clickledger.postback_example(event text, partner_id bigint) returns jsonb
  language sql stable
  return jsonb_build_object('event', event, 'status', case event when 'created' then 'pending' when 'available' then 'approved' else event end,
    'reason', case event when 'declined' then 'customer_cancelled' end, 'kind', 'sale', 'conversion_id', 1, 'order_id', 'A-17',
    'order_sum', '1990.50', 'payout', '199.05', 'payout_minor', 19905, 'currency', 'RUB', 'partner_id', partner_id, 'program_id', 1, 'link_id', 1,
    'promo_code', 'TEA10', 'click_id', '018cc251-f400-7000-8000-000000000001', 'click_time', 1704067200, 'country', 'RU', 'device', 'phone',
    'utm_source', 'blog', 'utm_medium', 'cpa', 'utm_campaign', 'spring & summer', 'timestamp', 1704070800, 'date', '2024-01-01', 'rand', 123456789)
  || (select jsonb_object_agg('sub' || n, case n when 1 then 'обзор' else 'value ' || n end) from generate_series(1, 10) as n);
comment on function clickledger.postback_example(text, bigint) is 'Values for a preview without an order.';

create function clickledger.postback_render(url text, known jsonb) returns text
  language sql stable set search_path = clickledger, pg_temp as $$
  select string_agg(part[1] || coalesce(percent_encode(known->>postback_macro(part[2])), ''), '' order by n)
  from regexp_matches(url, '([^{]*)(?:\{([^}]*)\})?', 'g') with ordinality as m (part, n)
$$;
comment on function clickledger.postback_render(text, jsonb) is 'The URL with each macro''s value, percent-encoded; what is not known is empty.';

-- --- Routes -------------------------------------------------------------------------------------------------------------

create function clickledger.api_valid_postback(p jsonb) returns void
  language plpgsql stable set search_path = clickledger, pg_temp as $$
begin
  perform api_valid(p->>'url' is null or postback_fault(p->>'url') is null, 'url', 'url ' || postback_fault(p->>'url'));
  perform api_valid(p->'events' is null or jsonb_array_length(p->'events') between 1 and 5
    and p->'events' <@ '["created", "approved", "declined", "refunded", "available"]', 'events',
    'events must be some of created, approved, declined, refunded, available');
  perform api_valid(p->>'program_id' is null or exists (select from program where id = (p->>'program_id')::bigint), 'program_id', 'there is no such programme');
end $$;
comment on function clickledger.api_valid_postback(jsonb) is 'CL422 url, events, program_id: what is wrong with a postback.';

create function clickledger.api_postbacks(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select partner_postback as item from partner_postback
    where partner_id = api_partner() and id < (api_after(p))[1] and (p->>'status' is null or status = p->>'status')
    order by id desc limit api_limit(p) + 1)
  select api_page(array_agg(postback_json(item) order by (item).id desc), array_agg(api_cursor((item).id) order by (item).id desc), p) from page;
$$;
comment on function clickledger.api_postbacks(jsonb) is 'GET /v1/postbacks.';

create function clickledger.partner_postback_make(p jsonb) returns clickledger.partner_postback
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  postbacks_max constant integer := 10;
  asker constant bigint := partner_makes();
  made partner_postback;
begin
  if (select count(*) from partner_postback b where b.partner_id = asker) >= postbacks_max then
    perform api_fail(409, 'postbacks_max', format('a partner has up to %s postbacks; change one of them', postbacks_max));
  end if;
  insert into partner_postback (partner_id, program_id, name, url, events)
  values (asker, (p->>'program_id')::bigint, p->>'name', p->>'url',
    array(select distinct e from jsonb_array_elements_text(coalesce(p->'events', '["approved"]')) as e order by e))
  returning * into made;
  return made;
end $$;
comment on function clickledger.partner_postback_make(jsonb) is 'Makes a postback of the asking partner. CL409 postbacks_max: it has 10; status: it is not active.';

create function clickledger.api_postback_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  perform api_valid_postback(p);
  return postback_json(partner_postback_make(p));
end $$;
comment on function clickledger.api_postback_create(jsonb) is 'POST /v1/postbacks.';

create function clickledger.partner_postback_set(p jsonb) returns clickledger.partner_postback
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  changed partner_postback;
begin
  update partner_postback b set url = coalesce(p->>'url', b.url), status = coalesce(p->>'status', b.status),
    name = case when p ? 'name' then p->>'name' else b.name end,
    program_id = case when p ? 'program_id' then (p->>'program_id')::bigint else b.program_id end,
    events = case when p ? 'events' then array(select distinct e from jsonb_array_elements_text(p->'events') as e order by e) else b.events end
  where b.id = (p->>'id')::bigint and b.partner_id = api_partner() returning b.* into changed;
  if not found then
    perform api_missing('postback');
  end if;
  return changed;
end $$;
comment on function clickledger.partner_postback_set(jsonb) is 'Changes a postback of the asking partner. CL404: it has no such one.';

create function clickledger.api_postback_change(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  perform api_valid_postback(p);
  return postback_json(partner_postback_set(p));
end $$;
comment on function clickledger.api_postback_change(jsonb) is 'PATCH /v1/postbacks/{id}: what is not given stays, null takes name or programme away.';

create function clickledger.api_postback_preview(p jsonb) returns json
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  event constant text := coalesce(p->>'event', 'approved');
  known jsonb;
begin
  perform api_valid_postback(p);
  if p->>'conversion_id' is null then
    known := postback_example(event, api_partner());
  else
    known := postback_values((p->>'conversion_id')::bigint, api_partner(), event);
    if known is null then
      return api_missing('conversion');
    end if;
  end if;
  return json_build_object('url', postback_render(p->>'url', known), 'event', event, 'conversion_id', (p->>'conversion_id')::bigint, 'values', known);
end $$;
comment on function clickledger.api_postback_preview(jsonb) is 'POST /v1/postbacks/preview: the URL as it would be asked, of one of the partner''s orders or of an example. Asks nobody. CL404: no such conversion of the partner''s; CL422 url.';

grant execute on function clickledger.minor_amount(numeric, integer), clickledger.postback_macro(text), clickledger.postback_fault(text), clickledger.postback_json(clickledger.partner_postback),
  clickledger.postback_values(bigint, bigint, text), clickledger.postback_example(text, bigint), clickledger.postback_render(text, jsonb),
  clickledger.api_valid_postback(jsonb), clickledger.api_postbacks(jsonb), clickledger.partner_postback_make(jsonb),
  clickledger.api_postback_create(jsonb), clickledger.partner_postback_set(jsonb), clickledger.api_postback_change(jsonb),
  clickledger.api_postback_preview(jsonb) to cl_api;
