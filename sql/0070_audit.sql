-- Who changed what: one trigger on every table that people change, so that no function can forget it.
--
-- It writes for whoever changes a row: the API says who asks (cl.key, cl.person); at a prompt of PostgreSQL it is a role. Programs
-- that mark rows as done (cl_attrib, cl_ingest, cl_privacy) leave none: what they do follows from what people did. Owners of the
-- database can take a trigger away, as they can do everything; that money was not touched is shown by the ledger's seals.

create or replace function clickledger.ledger_refuse() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception 'clickledger.% is append only: % is refused', tg_table_name, tg_op
    using errcode = 'insufficient_privilege', hint = 'What corrects a row is a new one.';
end $$;

create table clickledger.audit (
  id         bigint generated always as identity primary key,
  at         timestamptz not null default clock_timestamp(),
  api_key_id bigint,
  person_id  bigint,
  db_role    text not null default session_user,
  action     text not null check (action in ('insert', 'update', 'delete')),
  object     text not null,
  object_id  text not null,
  before     jsonb,
  after      jsonb,
  hidden     text[] not null default '{}',
  check ((action = 'insert') = (before is null) and (action = 'delete') = (after is null))
);
create index audit_object on clickledger.audit (object, object_id, id);
create index audit_person on clickledger.audit (person_id, id) where person_id is not null;
create index audit_at on clickledger.audit (at);
comment on table clickledger.audit is 'Changes that people made, in the transaction of the change: who, when, before, after. Append only; kept for ever.';
comment on column clickledger.audit.id is 'Number; ascends with the time of the change, but for transactions that overlap.';
comment on column clickledger.audit.at is 'When the row was changed.';
comment on column clickledger.audit.api_key_id is 'Key, or session, of the API that asked; null: an open route, or not through the API.';
comment on column clickledger.audit.person_id is 'The person whose session it was; null: a key of no person, or none.';
comment on column clickledger.audit.db_role is 'Role of PostgreSQL that was connected: cl_api, or whoever changed the row outside the API.';
comment on column clickledger.audit.action is 'insert, update or delete.';
comment on column clickledger.audit.object is 'Table of the row.';
comment on column clickledger.audit.object_id is 'Its primary key; of several columns joined by /, without hidden ones.';
comment on column clickledger.audit.before is 'The row before, without hidden columns; null for an insert.';
comment on column clickledger.audit.after is 'The row after, likewise; null for a delete.';
comment on column clickledger.audit.hidden is 'Names of hidden columns (secrets, and bytes that are too many to be read) that were set or changed.';

create trigger append_only before update or delete or truncate on clickledger.audit
  for each statement execute function clickledger.ledger_refuse();
alter table clickledger.audit enable always trigger append_only;
alter table clickledger.audit enable row level security;
alter table clickledger.audit force row level security;
create policy team on clickledger.audit for select to cl_api using (current_setting('cl.team', true) = 'on');
grant select on clickledger.audit to cl_api;

create function clickledger.audit_write() returns trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  was constant jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) end;
  is_now constant jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) end;
  keys constant text[] := tg_argv[0];
  hidden constant text[] := tg_argv[1];
  changed constant text[] := array(select h from unnest(hidden) as h
                                   where nullif(was->h, 'null') is distinct from nullif(is_now->h, 'null'));
begin
  if was is distinct from is_now then
    insert into clickledger.audit (api_key_id, person_id, action, object, object_id, before, after, hidden)
    values (nullif(current_setting('cl.key', true), '')::bigint, nullif(current_setting('cl.person', true), '')::bigint, lower(tg_op),
      tg_table_name, coalesce((select string_agg(coalesce(is_now, was)->>k, '/' order by n) from unnest(keys) with ordinality as u (k, n)), ''),
      was - hidden, is_now - hidden, changed);
  end if;
  return null;
end $$;
comment on function clickledger.audit_write() is 'Trigger: writes a change to audit. Arguments: the key''s columns and the hidden ones, each as a text[]. An update that changes nothing is none.';

create function clickledger.audit_table(name regclass, variadic hidden text[] default '{}') returns void
  language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  keys constant text[] := array(
    select a.attname::text from pg_index i cross join unnest(i.indkey) with ordinality as k (number, n)
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
    where i.indrelid = audit_table.name and i.indisprimary and a.attname <> all (hidden) order by k.n);
begin
  execute format('create trigger audit after insert or update or delete on %s for each row when (session_user not in '
                 '(''cl_attrib'', ''cl_ingest'', ''cl_privacy'')) execute function clickledger.audit_write(%L, %L)', audit_table.name, keys, hidden);
  execute format('alter table %s enable always trigger audit', audit_table.name);
end $$;
comment on function clickledger.audit_table(regclass, text[]) is 'For migrations: has changes of a table audited from now on. hidden: columns whose values are left out.';

select clickledger.audit_table(name::regclass, variadic coalesce(hidden, '{}'))
from (values
  ('clickledger.program', null::text[]), ('clickledger.partner', null), ('clickledger.partner_group', null),
  ('clickledger.partner_customer', '{customer}'), ('clickledger.partner_address', '{address_hash}'),
  ('clickledger.terms', null), ('clickledger.terms_policy', null), ('clickledger.terms_acceptance', null),
  ('clickledger.commission_rule', null), ('clickledger.commission_tier', null), ('clickledger.attribution_policy', null),
  ('clickledger.product_category', null), ('clickledger.fraud_policy', null), ('clickledger.currency_rate', null),
  ('clickledger.link', null), ('clickledger.link_rule', '{compiled}'), ('clickledger.promo_code', null),
  ('clickledger.integration', '{key_hash}'), ('clickledger.integration_secret', '{secret}'), ('clickledger.api_key', '{key_hash}'),
  ('clickledger.person', '{password_hash}'), ('clickledger.admission', null), ('clickledger.application', null),
  ('clickledger.conversion_decision', null), ('clickledger.period_close', null),
  ('clickledger.payout', null), ('clickledger.payout_policy', null),
  ('clickledger.ledger_transaction', null), ('clickledger.ledger_entry', null)) as listed (name, hidden);

create function clickledger.api_audit(p jsonb) returns json
  language plpgsql stable set search_path = clickledger, pg_temp set plan_cache_mode = force_custom_plan as $$
declare
  below constant bigint := (api_after(p))[1];
  wanted_object constant text := p->>'object';
  wanted_id constant text := p->>'object_id';
  wanted_person constant bigint := p->>'person_id';
  wanted_action constant text := p->>'action';
  from_at constant timestamptz := api_moment(p->>'from', 'UTC', false);
  to_at constant timestamptz := api_moment(p->>'to', 'UTC', true);
  page_size constant integer := api_limit(p) + 1;
begin
  return (
    with page as (
      select a.id, json_build_object('id', a.id, 'at', api_time(a.at), 'api_key_id', a.api_key_id,
          'api_key_name', (select k.name from api_key k where k.id = a.api_key_id), 'person_id', a.person_id,
          'person_name', (select h.name from person h where h.id = a.person_id), 'db_role', a.db_role,
          'action', a.action, 'object', a.object, 'object_id', a.object_id, 'before', a.before, 'after', a.after, 'hidden', a.hidden) as item
      from audit a
      where a.id < below and (wanted_object is null or a.object = wanted_object) and (wanted_id is null or a.object_id = wanted_id)
        and (wanted_person is null or a.person_id = wanted_person) and (wanted_action is null or a.action = wanted_action)
        and (from_at is null or a.at >= from_at) and (to_at is null or a.at < to_at)
      order by a.id desc limit page_size)
    select api_page(array_agg(item order by id desc), array_agg(api_cursor(id) order by id desc), p) from page);
end $$;
comment on function clickledger.api_audit(jsonb) is 'GET /v1/audit: changes that people made, the newest first. before and after are the rows, without hidden columns.';
grant execute on function clickledger.api_audit(jsonb) to cl_api;
