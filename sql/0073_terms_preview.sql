-- What a past month would have cost by other terms: asked for by the team, computed by attrib with the engine that pays, in a
-- transaction that is rolled back, and kept here.

create table clickledger.terms_preview (
  id          bigint generated always as identity primary key,
  program_id  bigint not null references clickledger.program,
  terms       jsonb not null,
  from_at     timestamptz not null,
  to_at       timestamptz not null check (to_at > from_at),
  api_key_id  bigint not null references clickledger.api_key,
  created_at  timestamptz not null default clock_timestamp(),
  started_at  timestamptz,
  finished_at timestamptz,
  result      jsonb,
  fault       text,
  check ((finished_at is not null) = (result is not null or fault is not null))
);
create unique index terms_preview_open on clickledger.terms_preview (program_id) where finished_at is null;
comment on table clickledger.terms_preview is 'Questions of what a month would have cost by other terms, and the answers. At most one of a programme is open.';
comment on column clickledger.terms_preview.id is 'Number.';
comment on column clickledger.terms_preview.program_id is 'The programme.';
comment on column clickledger.terms_preview.terms is 'The terms, with the members of POST /v1/programs/{id}/terms.';
comment on column clickledger.terms_preview.from_at is 'Begin of the month in the programme''s zone; conversions count by the time of the order.';
comment on column clickledger.terms_preview.to_at is 'Its end, not included.';
comment on column clickledger.terms_preview.api_key_id is 'Who asked.';
comment on column clickledger.terms_preview.created_at is 'When.';
comment on column clickledger.terms_preview.started_at is 'When attrib took it; it is tried once.';
comment on column clickledger.terms_preview.finished_at is 'When it ended; null: open.';
comment on column clickledger.terms_preview.result is 'Commissions of the month as they are and as they would be, in sum and by partner, as the API shows them.';
comment on column clickledger.terms_preview.fault is 'too_many_orders: not done within 30 s; not_computed: attrib failed, its log says why; abandoned: nobody ended it.';

alter table clickledger.terms_preview enable row level security;
alter table clickledger.terms_preview force row level security;
create policy team on clickledger.terms_preview to cl_api
  using (current_setting('cl.team', true) = 'on') with check (current_setting('cl.team', true) = 'on');
create policy analyst on clickledger.terms_preview for select to cl_analyst using (true);
grant select on clickledger.terms_preview to cl_api, cl_attrib, cl_analyst;
grant insert (program_id, terms, from_at, to_at, api_key_id) on clickledger.terms_preview to cl_api;
grant update (finished_at, fault) on clickledger.terms_preview to cl_api;
grant update (started_at, finished_at, result, fault) on clickledger.terms_preview to cl_attrib;
select clickledger.audit_table('clickledger.terms_preview');

-- A partner's own terms go before those of all, also in a preview of the latter.
create or replace function clickledger.terms_at(program_id bigint, partner_id bigint, at timestamptz) returns setof clickledger.terms
  language sql stable as $$
  select t.* from clickledger.terms t
  where t.program_id = $1 and (t.partner_id = $2 or t.partner_id is null)
    and (t.id = nullif(current_setting('cl.terms', true), '')::bigint
      or t.effective_from <= $3 and (not t.needs_acceptance or $2 is null or exists (
        select from clickledger.terms_acceptance a where a.terms_id = t.id and a.partner_id = $2 and a.accepted_at <= $3)))
  order by t.partner_id is null, (t.id = nullif(current_setting('cl.terms', true), '')::bigint) desc, t.effective_from desc, t.version desc
  limit 1
$$;

-- --- The API ------------------------------------------------------------------------------------------------------------

create function clickledger.terms_preview_is_open(row_of clickledger.terms_preview) returns boolean
  language sql stable
  return row_of.finished_at is null and row_of.created_at > now() - interval '5 minutes';
comment on function clickledger.terms_preview_is_open(clickledger.terms_preview) is 'Whether an answer is still to come: attrib takes one at once, and needs at most 30 s.';

create function clickledger.terms_preview_json(row_of clickledger.terms_preview) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select json_build_object('id', row_of.id, 'program_id', row_of.program_id, 'terms', row_of.terms, 'from', api_time(row_of.from_at),
    'to', api_time(row_of.to_at), 'tz', (select p.time_zone from program p where p.id = row_of.program_id),
    'status', case when row_of.result is not null then 'done' when terms_preview_is_open(row_of) then 'open' else 'failed' end,
    'fault', case when row_of.finished_at is null and not terms_preview_is_open(row_of) then 'abandoned' else row_of.fault end, 'created_at', api_time(row_of.created_at), 'finished_at', api_time(row_of.finished_at), 'result', row_of.result,
    'formulas', json_build_object(
      'now_minor', 'commissions for orders of the month that are not void, as they are posted now',
      'then_minor', 'the same if these terms had been in force at every touch of those orders; a partner''s own terms go before terms for all',
      'difference_minor', 'then_minor - now_minor',
      'orders_now', 'orders with such a commission; orders_then likewise; orders: all of the month, of whatever kind'));
$$;
comment on function clickledger.terms_preview_json(clickledger.terms_preview) is 'A preview as answers show it.';

create function clickledger.api_terms_preview_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  zone text;
  begin_at timestamp;
  made terms_preview;
begin
  select time_zone into zone from program where id = (p->>'id')::bigint;
  if not found then
    return api_missing('programme');
  end if;
  perform api_valid(coalesce(p->>'month' ~ '^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$', true), 'month', 'month must be YYYY-MM');
  begin_at := coalesce(to_date(p->>'month', 'YYYY-MM')::timestamp, date_trunc('month', now() at time zone zone) - interval '1 month');
  begin -- made and taken back: what is refused there is refused here
    perform api_terms_create(p - 'month');
    raise exception using errcode = 'CLDRY';
  exception when sqlstate 'CLDRY' then
    null;
  end;
  update terms_preview t set finished_at = clock_timestamp(), fault = 'abandoned'
  where t.program_id = (p->>'id')::bigint and t.finished_at is null and not terms_preview_is_open(t);
  insert into terms_preview (program_id, terms, from_at, to_at, api_key_id)
  values ((p->>'id')::bigint, p - 'id' - 'month', begin_at at time zone zone, (begin_at + interval '1 month') at time zone zone,
    current_setting('cl.key')::bigint)
  returning * into made;
  perform pg_notify('clickledger_work', '');
  return terms_preview_json(made);
exception when unique_violation then
  perform api_fail(409, 'preview', 'a preview of this programme is being computed; ask for it, or come again');
end $$;
comment on function clickledger.api_terms_preview_create(jsonb) is 'POST /v1/programs/{id}/terms/preview: members of a new version, and the month (YYYY-MM in the programme''s zone; without it the last one that is over). CL404; CL409 preview: one is open; CL422 as for a new version, month.';

create function clickledger.api_terms_preview(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select coalesce((select terms_preview_json(t) from terms_preview t where t.id = (p->>'id')::bigint), api_missing('preview'));
$$;
comment on function clickledger.api_terms_preview(jsonb) is 'GET /v1/terms-previews/{id}. CL404.';

grant execute on function clickledger.terms_preview_is_open(clickledger.terms_preview), clickledger.terms_preview_json(clickledger.terms_preview), clickledger.api_terms_preview_create(jsonb),
  clickledger.api_terms_preview(jsonb) to cl_api;

-- --- attrib -------------------------------------------------------------------------------------------------------------

create function clickledger.terms_preview_take() returns table (id bigint, program_id bigint, from_us bigint, to_us bigint)
  language sql as $$
  update clickledger.terms_preview t set started_at = clock_timestamp()
  where t.id = (select o.id from clickledger.terms_preview o where o.finished_at is null and o.started_at is null order by o.id limit 1)
  returning t.id, t.program_id, clickledger.time_us(t.from_at), clickledger.time_us(t.to_at)
$$;
comment on function clickledger.terms_preview_take() is 'The next open preview, which is started by this; no row: none.';

create function clickledger.terms_preview_apply(id bigint) returns void
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
begin
  perform set_config('cl.terms', api_terms_create(terms || jsonb_build_object('id', program_id))->>'id', true)
  from terms_preview t where t.id = $1;
end $$;
comment on function clickledger.terms_preview_apply(bigint) is 'Makes the terms of a preview and puts them before all others (cl.terms), for a transaction that is rolled back.';

create function clickledger.terms_preview_cost(id bigint) returns jsonb
  language sql stable as $$
  select coalesce(jsonb_object_agg(s.partner_id, jsonb_build_object('minor', s.minor, 'orders', s.orders)), '{}')
  from (select m.partner_id, sum(m.amount_minor)::bigint as minor, count(*) as orders
        from clickledger.terms_preview t
        join clickledger.conversion c on c.program_id = t.program_id and c.occurred_at >= t.from_at and c.occurred_at < t.to_at
        join clickledger.commission m on m.conversion_id = c.id and m.status <> 'void'
        where t.id = $1
        group by m.partner_id) as s
$$;
comment on function clickledger.terms_preview_cost(bigint) is 'Commissions and orders of the month by partner, as the transaction sees them, minor units.';

create function clickledger.terms_preview_end(id bigint, now_cost jsonb, then_cost jsonb, fault text) returns void
  language sql as $$
  with partner as (
    select k.id, coalesce((now_cost->k.id->>'minor')::bigint, 0) as now_minor, coalesce((then_cost->k.id->>'minor')::bigint, 0) as then_minor,
      coalesce((now_cost->k.id->>'orders')::bigint, 0) as orders_now, coalesce((then_cost->k.id->>'orders')::bigint, 0) as orders_then
    from (select jsonb_object_keys(now_cost) union select jsonb_object_keys(then_cost)) as k (id))
  update clickledger.terms_preview t set finished_at = clock_timestamp(), fault = $4, result = case when $4 is null then (
    select jsonb_build_object('currency', g.currency, 'orders', (
          select count(*) from clickledger.conversion c where c.program_id = t.program_id and c.occurred_at >= t.from_at and c.occurred_at < t.to_at),
        'now_minor', coalesce(sum(p.now_minor), 0), 'then_minor', coalesce(sum(p.then_minor), 0),
      'difference_minor', coalesce(sum(p.then_minor - p.now_minor), 0), 'partners', coalesce(jsonb_agg(jsonb_build_object('partner_id', p.id::bigint,
        'partner_name', a.name, 'now_minor', p.now_minor, 'then_minor', p.then_minor, 'difference_minor', p.then_minor - p.now_minor,
        'orders_now', p.orders_now, 'orders_then', p.orders_then) order by abs(p.then_minor - p.now_minor) desc, p.id::bigint), '[]'))
    from partner p join clickledger.partner a on a.id = p.id::bigint) end
  from clickledger.program g
  where t.id = $1 and g.id = t.program_id and t.finished_at is null
$$;
comment on function clickledger.terms_preview_end(bigint, jsonb, jsonb, text) is 'Writes what came out, or the fault. Of a preview that was given up meanwhile nothing.';

grant execute on function clickledger.terms_preview_take(), clickledger.terms_preview_apply(bigint), clickledger.terms_preview_cost(bigint),
  clickledger.terms_preview_end(bigint, jsonb, jsonb, text) to cl_attrib;
