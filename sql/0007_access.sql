-- Who may do what: identity of an API request, row security on every table, grants of the four working roles.
-- cl_owner, cl_ingest and cl_attrib bypass row security; cl_api and cl_analyst see what a policy lets them see.
-- Partitions get no grants: the parent's policies would not apply to them.

create table clickledger.idempotency (
  api_key_id   bigint not null references clickledger.api_key,
  key          text not null check (length(key) between 1 and 200),
  request_hash bytea not null check (length(request_hash) = 32),
  answer       text,
  created_at   timestamptz not null default now(),
  primary key (api_key_id, key)
);
create index idempotency_age on clickledger.idempotency (api_key_id, created_at);
comment on table clickledger.idempotency is 'Answers to POST requests with an Idempotency-Key, so that a repeated request is not done twice. Kept for 7 days.';
comment on column clickledger.idempotency.api_key_id is 'Who asked.';
comment on column clickledger.idempotency.key is 'The Idempotency-Key; each API key has its own.';
comment on column clickledger.idempotency.request_hash is 'SHA-256 of what was asked.';
comment on column clickledger.idempotency.answer is 'What was answered, with a blank in place of a key shown in it; null only inside the asking transaction.';
comment on column clickledger.idempotency.created_at is 'When it was asked.';

-- Identity. Three settings say who asks: cl.key, and cl.team = on or cl.partner = its number. They end with the
-- transaction. Unset, no policy lets a row through.

create function clickledger.api_fail(status integer, code text, message text) returns void
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  raise exception using errcode = 'CL' || status, message = api_fail.message, hint = api_fail.code;
end $$;
comment on function clickledger.api_fail(integer, text, text) is 'Ends an API request: SQLSTATE CL and the HTTP status, the message for people, the code for programs as hint.';

create function clickledger.api_begin(key_hash bytea, who text default 'any') returns void
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  found_key record;
begin
  select k.id, k.kind, k.partner_id into found_key
  from api_key k where k.key_hash = api_begin.key_hash and k.revoked_at is null;
  if not found then
    perform api_fail(401, 'unauthorized', 'the key is not known or was revoked');
  end if;
  if who <> 'any' and who <> found_key.kind then
    perform api_fail(403, 'forbidden', 'this needs a ' || who || ' key');
  end if;
  perform set_config('cl.key', found_key.id::text, true),
          set_config('cl.team', case found_key.kind when 'team' then 'on' else '' end, true),
          set_config('cl.partner', coalesce(found_key.partner_id::text, ''), true);
end $$;
comment on function clickledger.api_begin(bytea, text) is 'First statement of an API request: finds the live key by its SHA-256 and sets who asks until the end of the transaction. CL401: no such key; CL403: not a key of the kind "who" (team, partner, any).';

-- Row security.

do $$
declare
  found_table regclass;
begin
  for found_table in
    select oid from pg_class
    where relnamespace = 'clickledger'::regnamespace and relkind in ('r', 'p') and not relispartition
  loop
    execute format('alter table %s enable row level security', found_table);
    execute format('alter table %s force row level security', found_table);
  end loop;
end $$;

do $$
declare
  own record;
  name text;
begin
  for own in
    select * from (values
      ('partner', 'id'), ('link', 'partner_id'), ('promo_code', 'partner_id'), ('click', 'partner_id'),
      ('click_hourly', 'partner_id'), ('credit', 'partner_id'), ('commission', 'partner_id'),
      ('explanation', 'partner_id'), ('conversion_hourly', 'partner_id'), ('ledger_account', 'partner_id'),
      ('ledger_transaction', 'partner_id'), ('ledger_entry', 'partner_id')) as listed (table_name, column_name)
  loop
    execute format($policy$create policy partner_own on clickledger.%I for select to cl_api
      using (%I = nullif(current_setting('cl.partner', true), '')::bigint)$policy$, own.table_name, own.column_name);
  end loop;
  foreach name in array array[
    'program', 'partner', 'terms', 'link', 'promo_code', 'integration', 'api_key', 'click', 'click_hourly',
    'conversion', 'conversion_report', 'conversion_decision', 'credit', 'commission', 'explanation',
    'conversion_hourly', 'ledger_account', 'ledger_transaction', 'ledger_entry']
  loop
    execute format($policy$create policy team on clickledger.%I to cl_api
      using (current_setting('cl.team', true) = 'on') with check (current_setting('cl.team', true) = 'on')$policy$, name);
  end loop;
end $$;

-- The subqueries are themselves under row security: they find only the partner's own rows.
create policy partner_own on clickledger.conversion for select to cl_api
  using (nullif(current_setting('cl.partner', true), '') is not null
    and (exists (select from clickledger.credit c where c.conversion_id = conversion.id)
      or exists (select from clickledger.commission c where c.conversion_id = conversion.id)));
create policy partner_own on clickledger.program for select to cl_api
  using (nullif(current_setting('cl.partner', true), '') is not null
    and (exists (select from clickledger.link l where l.program_id = program.id)
      or exists (select from clickledger.promo_code c where c.program_id = program.id)));
create policy everybody on clickledger.currency for select to cl_api using (true);
create policy asker_own on clickledger.idempotency to cl_api
  using (api_key_id = nullif(current_setting('cl.key', true), '')::bigint)
  with check (api_key_id = nullif(current_setting('cl.key', true), '')::bigint);

-- Grants.

grant usage on schema clickledger to cl_ingest, cl_attrib, cl_api, cl_analyst;

grant execute on function clickledger.click_ts(uuid), clickledger.url_valid(text), clickledger.hosts_valid(text[])
  to cl_ingest, cl_attrib, cl_api, cl_analyst;

grant execute on function clickledger.api_begin(bytea, text), clickledger.api_fail(integer, text, text) to cl_api;

grant select on clickledger.currency, clickledger.program, clickledger.partner, clickledger.terms, clickledger.link,
  clickledger.promo_code, clickledger.click_hourly, clickledger.conversion, clickledger.conversion_decision,
  clickledger.credit, clickledger.commission, clickledger.explanation, clickledger.conversion_hourly,
  clickledger.ledger_account, clickledger.ledger_transaction, clickledger.ledger_entry to cl_api;
grant select (id, program_id, name, aliases, status, created_at) on clickledger.integration to cl_api;
grant select (id, kind, partner_id, name, prefix, created_at, revoked_at) on clickledger.api_key to cl_api;
grant select (ts, click_id, program_id, partner_id, link_id, promo_code_id, class) on clickledger.click to cl_api;
grant select (id, ts, source, program_id, order_id, kind, status, amount, amount_minor, currency, event_time, event_id,
  reason, verdict, note, verdict_at, conversion_id) on clickledger.conversion_report to cl_api;
grant insert on clickledger.program, clickledger.partner, clickledger.terms, clickledger.link, clickledger.promo_code,
  clickledger.integration, clickledger.api_key, clickledger.conversion_decision to cl_api;
grant update (status) on clickledger.partner, clickledger.promo_code to cl_api;
grant update (target_url, name, status) on clickledger.link to cl_api;
grant update (revoked_at) on clickledger.api_key to cl_api;
grant select, insert, delete on clickledger.idempotency to cl_api;
grant update (answer) on clickledger.idempotency to cl_api;

grant select on clickledger.currency, clickledger.program, clickledger.partner, clickledger.link, clickledger.promo_code,
  clickledger.integration, clickledger.terms to cl_ingest;
grant select, insert on clickledger.click, clickledger.impression, clickledger.visit, clickledger.promo_entry,
  clickledger.conversion_report, clickledger.dead_letter, clickledger.touch_batch to cl_ingest;
grant select, insert, update on clickledger.shard, clickledger.producer, clickledger.click_hourly to cl_ingest;
grant select, insert, update, delete on clickledger.lost_range, clickledger.catalog_change, clickledger.catalog_record
  to cl_ingest;
grant execute on function clickledger.partition_ensure(date, date) to cl_ingest;

grant select on clickledger.currency, clickledger.program, clickledger.partner, clickledger.terms, clickledger.link,
  clickledger.promo_code, clickledger.click, clickledger.impression, clickledger.visit, clickledger.promo_entry,
  clickledger.ledger_account, clickledger.ledger_transaction, clickledger.ledger_entry to cl_attrib;
grant select (id, program_id, name, aliases, status, created_at) on clickledger.integration to cl_attrib;
grant select, delete on clickledger.touch_batch to cl_attrib;
grant select on clickledger.conversion_report, clickledger.conversion_decision to cl_attrib;
grant update (verdict, verdict_at, conversion_id, amount_minor) on clickledger.conversion_report to cl_attrib;
grant update (folded) on clickledger.conversion_decision to cl_attrib;
grant select, insert, update, delete on clickledger.conversion, clickledger.conversion_key, clickledger.credit,
  clickledger.commission, clickledger.explanation, clickledger.conversion_hourly to cl_attrib;

-- Analysts read all but secrets, e-mails, addresses, customer references and bytes of unknown content.
do $$
declare
  found_table record;
begin
  for found_table in
    select c.oid::regclass as name, string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'clickledger'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and c.relname not in ('idempotency', 'catalog_record', 'schema_migration')
      and a.attname not in ('key_hash', 'email', 'address', 'customer', 'raw', 'bytes', 'value')
    group by c.oid
  loop
    execute format('grant select (%s) on %s to cl_analyst', found_table.columns, found_table.name);
    execute format('create policy analyst on %s for select to cl_analyst using (true)', found_table.name);
  end loop;
end $$;
