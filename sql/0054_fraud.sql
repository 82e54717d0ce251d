-- More facts that speak of fraud: floods of clicks, and orders from an address of the partner. Who says what a partner's own are.

alter table clickledger.fraud_policy
  drop constraint fraud_policy_fact_check, drop constraint fraud_policy_check,
  add column minutes integer check (minutes between 1 and 60),
  add constraint fact_known check (fact in ('self_referral', 'too_fast', 'code_without_visit', 'order_velocity', 'click_flood')),
  add constraint least_given check ((fact in ('too_fast', 'order_velocity', 'click_flood')) = (least is not null)),
  add constraint minutes_given check ((fact = 'click_flood') = (minutes is not null));
comment on column clickledger.fraud_policy.fact is 'self_referral: the customer is the partner, by e-mail, a reference of partner_customer, or an address of partner_address from which the credited click or the order''s pixel came; too_fast: from a credited click to the order in less than so many seconds; code_without_visit: credited by a code alone, of an order without click and visitor; order_velocity: so many earlier orders of its visitor or customer within 24 hours; click_flood: so many clicks on the partner''s links by the visitor or from the address of a credited click, within so many minutes up to it or from it on.';
comment on column clickledger.fraud_policy.least is 'Seconds of too_fast, orders of order_velocity, clicks of click_flood.';
comment on column clickledger.fraud_policy.minutes is 'Minutes of click_flood.';
comment on column clickledger.conversion_fact.measured is 'Seconds of too_fast, earlier orders of order_velocity, clicks of click_flood.';

create table clickledger.partner_address (
  partner_id   bigint not null references clickledger.partner,
  address_hash bigint not null,
  click_id     uuid not null,
  primary key (partner_id, address_hash)
);
comment on table clickledger.partner_address is 'Addresses from which partners themselves come, as keyed hashes: each was pointed out by a click.';
comment on column clickledger.partner_address.partner_id is 'The partner.';
comment on column clickledger.partner_address.address_hash is 'Hash of the address, as in click; comparable only under one click key.';
comment on column clickledger.partner_address.click_id is 'The click that came from it.';

create function clickledger.order_velocity(conversion_id bigint) returns integer language sql stable as $$
  select count(distinct e.id)::integer
  from clickledger.conversion c
  join clickledger.conversion_key k on k.conversion_id = c.id and k.kind in ('visitor', 'customer')
  join clickledger.conversion_key o on o.kind = k.kind and o.value = k.value
  join clickledger.conversion e on e.id = o.conversion_id and e.program_id = c.program_id
    and (e.occurred_at, e.kind, e.order_id) < (c.occurred_at, c.kind, c.order_id) and e.occurred_at > c.occurred_at - interval '24 hours'
  where c.id = $1
$$;
comment on function clickledger.order_velocity(bigint) is 'Earlier orders of a conversion''s visitor or customer within 24 hours.';

create function clickledger.click_flood(conversion_id bigint, minutes integer) returns table (partner_id bigint, clicks integer) language sql stable as $$
  select r.partner_id, max(greatest(n.upto, n.onward))::integer
  from clickledger.credit r
  join clickledger.click t on t.click_id = r.touch_id and t.ts = r.touch_ts
  cross join lateral (
    select count(*) filter (where k.ts <= t.ts) as upto, count(*) filter (where k.ts >= t.ts) as onward
    from clickledger.click k
    where k.click_id >= clickledger.click_id_at(t.ts - minutes * interval '1 minute') and k.click_id < clickledger.click_id_at(t.ts + minutes * interval '1 minute')
      and k.ts > t.ts - minutes * interval '1 minute' and k.ts < t.ts + minutes * interval '1 minute'
      and k.partner_id = r.partner_id and k.class in ('human', 'duplicate') and (k.visitor_id = t.visitor_id or k.address_hash = t.address_hash)) n
  where r.conversion_id = $1 and r.touch_kind = 'click' and r.partner_id is not null
  group by r.partner_id
$$;
comment on function clickledger.click_flood(bigint, integer) is 'Most clicks on a credited partner''s links by the visitor or from the address of a credited click, within so many minutes up to it or from it on. It reads the clicks of twice that time.';

create or replace function clickledger.fraud_facts(conversion_id bigint) returns table (partner_id bigint, fact text, action text, measured integer)
  language sql stable as $$
  with c as (select * from clickledger.conversion where id = $1),
  policy as (
    select distinct on (f.fact) f.fact, f.action, f.least, f.minutes
    from c join clickledger.fraud_policy f on f.program_id = c.program_id and f.effective_from <= c.occurred_at
    order by f.fact, f.effective_from desc),
  credited as (
    select r.partner_id, bool_and(r.touch_kind = 'promo') as by_code,
      min(extract(epoch from c.occurred_at - r.touch_ts)) filter (where r.touch_kind = 'click') as seconds
    from c join clickledger.credit r on r.conversion_id = c.id
    where r.partner_id is not null group by r.partner_id)
  select t.partner_id, p.fact, p.action, m.measured
  from policy p
  cross join credited t
  cross join lateral (select case p.fact when 'too_fast' then t.seconds::integer when 'order_velocity' then clickledger.order_velocity($1)
    when 'click_flood' then (select f.clicks from clickledger.click_flood($1, p.minutes) f where f.partner_id = t.partner_id) end as measured) m
  where p.action <> 'off' and case p.fact
    when 'too_fast' then t.seconds < p.least
    when 'order_velocity' then m.measured >= p.least
    when 'click_flood' then m.measured >= p.least
    when 'code_without_visit' then t.by_code and not exists (
      select from clickledger.conversion_key k where k.conversion_id = $1 and k.kind in ('click', 'visitor'))
    else exists (
      select from c join clickledger.partner a on a.id = t.partner_id
      where lower(c.customer) = lower(a.email) or exists (
        select from clickledger.partner_customer b where b.partner_id = t.partner_id and lower(b.customer) = lower(c.customer)))
      or exists (
        select from clickledger.partner_address a
        where a.partner_id = t.partner_id and a.address_hash in (
          select k.address_hash from clickledger.credit r join clickledger.click k on k.click_id = r.touch_id and k.ts = r.touch_ts
          where r.conversion_id = $1 and r.partner_id = t.partner_id and r.touch_kind = 'click'
          union all
          select q.address_hash from clickledger.conversion_report q where q.conversion_id = $1 and q.source = 'pixel')) end
$$;

-- Of facts about addresses the older ones stay: retention has taken the hashes they were found by.
create or replace function clickledger.conversion_fact_write(ids bigint[]) returns table (conversion_id bigint, partner_id bigint)
  language plpgsql as $$
begin
  if not exists (select from clickledger.fraud_policy) then
    return;
  end if;
  return query
  with found as materialized (
    select w.id as conversion_id, f.* from unnest(ids) as w (id) cross join lateral clickledger.fraud_facts(w.id) f),
  kept as (
    select o.* from clickledger.conversion_fact o
    where o.conversion_id = any (ids) and (o.fact = 'click_flood'
        or o.fact = 'self_referral' and exists (select from clickledger.partner_address a where a.partner_id = o.partner_id)) and exists (
      select from clickledger.credit r join clickledger.click k on k.click_id = r.touch_id and k.ts = r.touch_ts
      where (r.conversion_id, r.partner_id) = (o.conversion_id, o.partner_id) and r.touch_kind = 'click' and k.address_hash is null
        and k.ts < now() - (select y.detail_days from clickledger.privacy_policy y) * interval '1 day')),
  gone as (
    delete from clickledger.conversion_fact o where o.conversion_id = any (ids)
      and not exists (select from found n where (n.conversion_id, n.partner_id, n.fact) = (o.conversion_id, o.partner_id, o.fact))
      and not exists (select from kept n where (n.conversion_id, n.partner_id, n.fact) = (o.conversion_id, o.partner_id, o.fact))),
  come as (
    insert into clickledger.conversion_fact as o select * from found f
    where not exists (select from kept n where (n.conversion_id, n.partner_id, n.fact) = (f.conversion_id, f.partner_id, f.fact))
    on conflict on constraint conversion_fact_pkey do update set action = excluded.action, measured = excluded.measured
    where (o.action, o.measured) is distinct from (excluded.action, excluded.measured)),
  near as (
    select distinct e.id, e.program_id, e.occurred_at
    from unnest(ids) as w (id)
    join clickledger.conversion c on c.id = w.id
    join clickledger.conversion_key k on k.conversion_id = c.id and k.kind in ('visitor', 'customer')
    join clickledger.conversion_key o on o.kind = k.kind and o.value = k.value and o.conversion_id <> all (ids)
    join clickledger.conversion e on e.id = o.conversion_id
      and e.occurred_at between c.occurred_at - interval '24 hours' and c.occurred_at + interval '24 hours'),
  due as (
    insert into clickledger.conversion_due
    select n.id from near n
    cross join lateral (
      select y.action, y.least from clickledger.fraud_policy y
      where y.program_id = n.program_id and y.fact = 'order_velocity' and y.effective_from <= n.occurred_at
      order by y.effective_from desc limit 1) p
    cross join lateral (select nullif(greatest(v, p.least - 1), p.least - 1) as orders from clickledger.order_velocity(n.id) as v) v
    where p.action <> 'off' and exists (
      select from clickledger.credit r left join clickledger.conversion_fact f
        on (f.conversion_id, f.partner_id, f.fact) = (r.conversion_id, r.partner_id, 'order_velocity')
      where r.conversion_id = n.id and r.partner_id is not null and f.measured is distinct from v.orders)
    on conflict do nothing)
  select n.conversion_id, n.partner_id from (select * from found union select * from kept) n
  where n.action = 'hold' and not exists (
    select from clickledger.conversion_decision d where d.conversion_id = n.conversion_id and d.action = 'approve')
  group by 1, 2;
end $$;

-- --- What makes facts late ----------------------------------------------------------------------------------------------

create function clickledger.click_flood_due() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  reach constant interval := (select max(minutes) * interval '1 minute' from clickledger.fraud_policy where fact = 'click_flood' and action <> 'off');
begin
  if reach is null then
    return null;
  end if;
  insert into clickledger.conversion_due
  select distinct r.conversion_id
  from gone g
  join clickledger.credit r on r.touch_kind = 'click' and r.touch_ts between g.from_ts - reach and g.to_ts + reach
  join clickledger.click t on t.click_id = r.touch_id and t.ts = r.touch_ts
  where exists (
    select from clickledger.click k
    where k.click_id >= clickledger.click_id_at(g.from_ts) and k.click_id < clickledger.click_id_at(g.to_ts + interval '1 millisecond') and k.ts between g.from_ts and g.to_ts
      and k.partner_id = r.partner_id and k.click_id <> t.click_id and (k.visitor_id = t.visitor_id or k.address_hash = t.address_hash))
  on conflict do nothing;
  return null;
end $$;
comment on function clickledger.click_flood_due() is 'Trigger: loads of clicks that attrib takes may make floods of clicks that are credited already.';
create trigger flooded after delete on clickledger.touch_batch referencing old table as gone
  for each statement execute function clickledger.click_flood_due();

create trigger partner_due after insert or delete on clickledger.partner_address
  for each row execute function clickledger.partner_due_add();

-- --- The API ------------------------------------------------------------------------------------------------------------

create or replace function clickledger.conversion_json(row_of clickledger.conversion) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select json_build_object(
    'id', row_of.id, 'program_id', row_of.program_id, 'kind', row_of.kind, 'order_id', row_of.order_id,
    'occurred_at', api_time(row_of.occurred_at), 'status', row_of.status, 'reason', row_of.reason,
    'currency', row_of.currency, 'amount_minor', row_of.amount_minor, 'refunded_minor', row_of.refunded_minor,
    'commission_minor', (select coalesce(sum(m.amount_minor), 0)::bigint from commission m
                         where m.conversion_id = row_of.id and m.status <> 'void'),
    'credits', coalesce((
      select json_agg(json_build_object('partner_id', c.partner_id, 'touch_kind', c.touch_kind,
        'touch_id', c.touch_id, 'touch_at', api_time(c.touch_ts), 'link_id', c.link_id,
        'promo_code_id', c.promo_code_id, 'weight_ppm', c.weight_ppm, 'model', c.model)
        order by c.touch_ts, c.touch_id)
      from credit c where c.conversion_id = row_of.id), '[]'::json),
    'commissions', coalesce((
      select json_agg(json_build_object('partner_id', m.partner_id, 'currency', m.currency,
        'base_minor', m.base_minor, 'amount_minor', m.amount_minor, 'status', m.status,
        'hold_until', api_time(m.hold_until)) order by m.partner_id)
      from commission m where m.conversion_id = row_of.id), '[]'::json),
    'facts', coalesce((
      select json_agg(json_build_object('partner_id', f.partner_id, 'fact', f.fact, 'action', f.action, 'measured', f.measured) order by f.partner_id, f.fact)
      from conversion_fact f where f.conversion_id = row_of.id), '[]'::json),
    'updated_at', api_time(row_of.updated_at));
$$;

create or replace function clickledger.api_fraud_policy(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  if not exists (select from program where id = (p->>'id')::bigint) then
    return api_missing('programme');
  end if;
  perform api_valid((p->>'fact' in ('too_fast', 'order_velocity', 'click_flood')) = (p->>'least' is not null), 'least', 'least is needed for too_fast (seconds), order_velocity (orders) and click_flood (clicks), and only there');
  perform api_valid((p->>'fact' = 'click_flood') = (p->>'minutes' is not null), 'minutes', 'minutes is needed for click_flood, and only there');
  insert into fraud_policy (program_id, fact, effective_from, action, least, minutes)
  values ((p->>'id')::bigint, p->>'fact', coalesce((p->>'effective_from')::timestamptz, now()), p->>'action', (p->>'least')::integer, (p->>'minutes')::integer)
  on conflict (program_id, fact, effective_from) do nothing;
  -- A policy that was in force stays readable: it is followed by another, never overwritten.
  perform api_valid(exists (
    select from fraud_policy f
    where f.program_id = (p->>'id')::bigint and f.fact = p->>'fact' and f.effective_from = coalesce((p->>'effective_from')::timestamptz, now())
      and f.action = p->>'action' and (f.least, f.minutes) is not distinct from ((p->>'least')::integer, (p->>'minutes')::integer)),
    'effective_from', 'there is another policy from that moment; name a later one');
  perform pg_notify('clickledger_work', '');
  return json_build_object('program_id', (p->>'id')::bigint, 'fact', p->>'fact', 'action', p->>'action', 'least', (p->>'least')::integer,
    'minutes', (p->>'minutes')::integer);
end $$;

create function clickledger.api_partner_customer(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  if not exists (select from partner where id = (p->>'id')::bigint) then
    return api_missing('partner');
  end if;
  if (p->>'own')::boolean then
    insert into partner_customer (partner_id, customer) values ((p->>'id')::bigint, p->>'customer') on conflict do nothing;
  else
    delete from partner_customer where partner_id = (p->>'id')::bigint and customer = p->>'customer';
  end if;
  return json_build_object('partner_id', (p->>'id')::bigint, 'customer', p->>'customer', 'own', (p->>'own')::boolean);
end $$;
comment on function clickledger.api_partner_customer(jsonb) is 'PATCH /v1/partners/{id}/customers: whether a customer reference is the partner''s own.';

create function clickledger.partner_address_set(partner_id bigint, click_id uuid, own boolean) returns boolean
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  hash bigint;
begin
  if current_setting('cl.team', true) is distinct from 'on' then
    perform api_fail(403, 'forbidden', 'this needs a team key');
  end if;
  select k.address_hash into hash from click k where k.click_id = $2 and k.ts = click_ts($2);
  perform api_valid(hash is not null, 'click_id', 'no click with this id has a known address any more');
  if own then
    insert into partner_address values ($1, hash, $2) on conflict do nothing;
  else
    delete from partner_address a where a.partner_id = $1 and a.address_hash = hash;
  end if;
  return own;
end $$;
comment on function clickledger.partner_address_set(bigint, uuid, boolean) is 'Whether the address of a click is the partner''s own. CL422 click_id: no such click, or its hash is gone.';

create function clickledger.api_partner_address(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  done boolean;
begin
  if not exists (select from partner where id = (p->>'id')::bigint) then
    return api_missing('partner');
  end if;
  done := partner_address_set((p->>'id')::bigint, (p->>'click_id')::uuid, (p->>'own')::boolean);
  return json_build_object('partner_id', (p->>'id')::bigint, 'click_id', p->>'click_id', 'own', done);
end $$;
comment on function clickledger.api_partner_address(jsonb) is 'PATCH /v1/partners/{id}/addresses: whether the address from which a click came is the partner''s own.';

insert into clickledger.phrase (code, text_en, text_ru) values
  ('fact_click_flood', '%s clicks on your links came within minutes from the visitor or address of a credited click.',
   '%s кликов по вашим ссылкам пришло за минуты от посетителя или с адреса засчитанного клика.');

-- --- Who may ------------------------------------------------------------------------------------------------------------

alter table clickledger.partner_address enable row level security;
alter table clickledger.partner_address force row level security;
create policy analyst on clickledger.partner_address for select to cl_analyst using (true);
grant select (partner_id, click_id) on clickledger.partner_address to cl_analyst;
grant select (minutes) on clickledger.fraud_policy to cl_analyst;
grant select on clickledger.partner_address, clickledger.privacy_policy to cl_attrib;
grant insert, delete on clickledger.partner_customer to cl_api;
grant execute on function clickledger.click_id_at(timestamptz), clickledger.order_velocity(bigint), clickledger.click_flood(bigint, integer) to cl_attrib;
grant execute on function clickledger.api_partner_customer(jsonb), clickledger.api_partner_address(jsonb), clickledger.partner_address_set(bigint, uuid, boolean) to cl_api;
