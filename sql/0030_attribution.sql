-- Attribution policies: model, precedence, windows, binding. Identities that join devices. Credits of several touches.

create table clickledger.attribution_policy (
  id             bigint generated always as identity primary key,
  program_id     bigint not null references clickledger.program,
  version        integer not null check (version > 0),
  effective_from timestamptz not null,
  model          text not null default 'last' check (model in ('last', 'first', 'linear', 'position', 'time_decay')),
  first_ppm      integer not null default 400000 check (first_ppm between 0 and 1000000),
  last_ppm       integer not null default 400000 check (last_ppm between 0 and 1000000),
  half_life_hours integer not null default 168 check (half_life_hours between 1 and 8784),
  precedence     text not null default 'code_over_click' check (precedence in ('none', 'code_over_click', 'click_over_code', 'split')),
  code_ppm       integer not null default 500000 check (code_ppm between 1 and 999999),
  click_window_hours      integer check (click_window_hours between 1 and 8784),
  promo_window_hours      integer check (promo_window_hours between 1 and 8784),
  impression_window_hours integer not null default 0 check (impression_window_hours between 0 and 8784),
  visit_window_hours      integer not null default 0 check (visit_window_hours between 0 and 8784),
  binding        text not null default 'none' check (binding in ('none', 'first_partner')),
  bind_days      integer check (bind_days between 1 and 3650),
  touches_max    integer not null default 50 check (touches_max between 1 and 64),
  created_at     timestamptz not null default now(),
  applied        boolean not null default false,
  unique (program_id, version),
  check (first_ppm + last_ppm <= 1000000),
  check (binding = 'first_partner' or bind_days is null)
);
create index attribution_policy_open on clickledger.attribution_policy (id) where not applied;
comment on table clickledger.attribution_policy is 'How touches share conversions: versions of a programme''s policy, never changed. The newest in force at the conversion''s time counts, so exactly one does; without any it is the last touch, with the precedence of the terms.';
comment on column clickledger.attribution_policy.id is 'Number of this version.';
comment on column clickledger.attribution_policy.program_id is 'The programme.';
comment on column clickledger.attribution_policy.version is 'Counts from 1 within the programme.';
comment on column clickledger.attribution_policy.effective_from is 'In force for conversions from this moment until the next version''s.';
comment on column clickledger.attribution_policy.model is 'last, first: one touch takes all; linear: equal shares; position: first_ppm and last_ppm to the ends, the rest equally to those between; time_decay: halved for every half-life of age.';
comment on column clickledger.attribution_policy.first_ppm is 'Share of the first touch in the position model, ppm. Two touches share as first_ppm to last_ppm.';
comment on column clickledger.attribution_policy.last_ppm is 'Share of the last touch in the position model, ppm.';
comment on column clickledger.attribution_policy.half_life_hours is 'Half-life of the time decay model; it is continuous.';
comment on column clickledger.attribution_policy.precedence is 'Where codes and other touches meet. none: alike; code_over_click: only codes count; click_over_code: codes do not count beside a click; split: codes share code_ppm, the others the rest.';
comment on column clickledger.attribution_policy.code_ppm is 'Share of the codes when precedence is split, ppm.';
comment on column clickledger.attribution_policy.click_window_hours is 'A click counts for conversions up to this many hours later: [t - window, t); null: the window of the terms in force at the click.';
comment on column clickledger.attribution_policy.promo_window_hours is 'Likewise of codes that visitors entered. A code that the order names needs none.';
comment on column clickledger.attribution_policy.impression_window_hours is 'Likewise of impressions; 0: they do not count.';
comment on column clickledger.attribution_policy.visit_window_hours is 'Likewise of visits with UTM marks that no click of ours led to: channels without a partner, whose share nobody is paid for; 0: they do not compete.';
comment on column clickledger.attribution_policy.binding is 'first_partner: a customer whose reference the shop signed belongs to the partner with the largest credit of the first conversion that has one; touches of later conversions do not count. Declined conversions bind nobody.';
comment on column clickledger.attribution_policy.bind_days is 'How long, in days of 24 hours from that conversion; null: for good.';
comment on column clickledger.attribution_policy.touches_max is 'The newest touches that make a journey; older ones are marked truncated.';
comment on column clickledger.attribution_policy.created_at is 'When the version was written.';
comment on column clickledger.attribution_policy.applied is 'Whether attrib has put the conversions since effective_from on its list.';

create table clickledger.customer_binding (
  customer      uuid primary key,
  conversion_id bigint not null references clickledger.conversion,
  program_id    bigint not null references clickledger.program,
  partner_id    bigint not null references clickledger.partner,
  touch_kind    text not null,
  touch_id      uuid not null,
  touch_ts      timestamptz not null,
  link_id       bigint,
  promo_code_id bigint
);
create index customer_binding_conversion on clickledger.customer_binding (conversion_id);
comment on table clickledger.customer_binding is 'The first credited touch of each customer whose reference a shop signed. Kept by attrib, used where the policy binds.';
comment on column clickledger.customer_binding.customer is 'Hash of programme and customer reference, as in conversion_key.';
comment on column clickledger.customer_binding.conversion_id is 'The customer''s first conversion that was credited by its own touches and not declined.';
comment on column clickledger.customer_binding.program_id is 'The programme.';
comment on column clickledger.customer_binding.partner_id is 'The partner with the largest credit; of equal ones that of the earlier touch.';
comment on column clickledger.customer_binding.touch_kind is 'Kind of the touch of that credit.';
comment on column clickledger.customer_binding.touch_id is 'Its id.';
comment on column clickledger.customer_binding.touch_ts is 'When it happened; the terms in force then pay for later conversions, too.';
comment on column clickledger.customer_binding.link_id is 'Its link.';
comment on column clickledger.customer_binding.promo_code_id is 'Its code.';

alter table clickledger.conversion_report add column signed boolean not null default false;
comment on column clickledger.conversion_report.signed is 'Whether its signature was checked and right. Only such a report''s customer reference joins devices and binds.';

alter table clickledger.conversion_key drop constraint conversion_key_kind_check,
  add check (kind in ('click', 'visitor', 'customer', 'joined'));
create index conversion_key_customer on clickledger.conversion_key (value) where kind = 'customer';
comment on column clickledger.conversion_key.kind is 'click: a click that a report named; visitor: of a report or of that click; customer: whose reference the shop signed; joined: a visitor of the same customer''s conversions up to this one.';
comment on column clickledger.conversion_key.value is 'The click id or visitor id; of a customer a hash of programme and reference.';

alter table clickledger.credit drop constraint credit_touch_kind_check,
  add check (touch_kind in ('click', 'promo', 'impression', 'visit')),
  alter column partner_id drop not null,
  -- They were half of the time of writing credits, which are derived, and nobody deletes a conversion or a partner.
  drop constraint credit_conversion_id_fkey, drop constraint credit_partner_id_fkey,
  add column amount_minor bigint not null default 0;
update clickledger.credit r set amount_minor = c.amount_minor - c.refunded_minor from clickledger.conversion c where c.id = r.conversion_id;
alter table clickledger.credit alter column amount_minor drop default;
create index credit_click on clickledger.credit (touch_ts) where touch_kind = 'click';
comment on column clickledger.credit.touch_kind is 'click, promo, impression or visit.';
comment on column clickledger.credit.partner_id is 'Partner of the touch; null: a channel without one.';
comment on column clickledger.credit.amount_minor is 'Its share of what was sold and not refunded, in minor units; the parts of a conversion sum exactly (largest remainder, then the earlier touch).';
comment on column clickledger.credit.model is 'What gave the share: last, first, linear, position, time_decay; bound: the customer is bound to the partner.';

alter table clickledger.conversion_hourly rename column conversions to conversions_ppm;
update clickledger.conversion_hourly set conversions_ppm = conversions_ppm * 1000000;
comment on column clickledger.conversion_hourly.conversions_ppm is 'How many, in millionths: each by the share of this partner and link.';
comment on column clickledger.conversion_hourly.revenue_minor is 'Their amounts without what was refunded, by these shares.';

-- What is to be done.

create function clickledger.policy_expand(policies_max integer) returns bigint language sql as $$
  with taken as (
    update clickledger.attribution_policy set applied = true
    where id in (select id from clickledger.attribution_policy where not applied order by id limit policies_max)
    returning program_id, effective_from),
  due as (
    insert into clickledger.conversion_due
    select c.id from clickledger.conversion c
    join (select program_id, min(effective_from) as since from taken group by program_id) t
      on t.program_id = c.program_id and c.occurred_at >= t.since
    on conflict do nothing)
  select count(*) from taken
$$;
comment on function clickledger.policy_expand(integer) is 'Turns new policies into the conversions since they took effect; returns how many policies.';

create or replace function clickledger.touch_batch_expand(batches_max integer) returns bigint language plpgsql as $$
declare
  found_batches bigint;
  first_ts timestamptz;
  last_ts timestamptz;
begin
  -- Variables, so that a plan leaves out the partitions of other days.
  select min(from_ts), max(to_ts) into first_ts, last_ts
    from (select * from clickledger.touch_batch order by id limit batches_max) next;
  if first_ts is null then
    return 0;
  end if;
  with taken as (
    delete from clickledger.touch_batch
    where id in (select id from clickledger.touch_batch order by id limit batches_max)
    returning shard, from_ts, to_ts),
  found as (
    select k.conversion_id from taken
    join clickledger.conversion_key k on k.kind = 'click' and k.click_ts between taken.from_ts and taken.to_ts
    union
    -- Classes changed: what a click has earned for one that repeats it.
    select r.conversion_id from taken
    join clickledger.credit r on r.touch_kind = 'click' and r.touch_ts between taken.from_ts and taken.to_ts
    where taken.shard is null
    union
    select c.id from taken
    join clickledger.conversion c on c.occurred_at > taken.from_ts and c.occurred_at <= taken.to_ts + interval '366 days'
    join clickledger.conversion_key k on k.conversion_id = c.id and k.kind in ('visitor', 'joined')
    where exists (select from clickledger.click t where t.visitor_id = k.value and t.ts between taken.from_ts and taken.to_ts
        and t.ts between first_ts and last_ts)
      or exists (select from clickledger.promo_entry t where t.visitor_id = k.value and t.ts between taken.from_ts and taken.to_ts
        and t.ts between first_ts and last_ts)
      or exists (select from clickledger.impression t where t.visitor_id = k.value and t.ts between taken.from_ts and taken.to_ts
        and t.ts between first_ts and last_ts)
      or exists (select from clickledger.visit t where t.visitor_id = k.value and t.ts between taken.from_ts and taken.to_ts
        and t.ts between first_ts and last_ts
        and t.utm_source is not null and t.click_id is null)),
  due as (
    insert into clickledger.conversion_due select conversion_id from found on conflict do nothing)
  select count(*) into found_batches from taken;
  return found_batches;
end $$;

-- Who it was.

create or replace function clickledger.conversion_key_write(ids bigint[]) returns void language plpgsql as $$
declare
  customers uuid[];
  first_ts timestamptz;
  last_ts timestamptz;
begin
  -- Variables, so that a plan leaves out the partitions of other days.
  select min(clickledger.click_ts(c.click_id)), max(clickledger.click_ts(c.click_id)) into first_ts, last_ts
    from clickledger.conversion c where c.id = any (ids);
  customers := array(select distinct value from clickledger.conversion_key where conversion_id = any (ids) and kind = 'customer');
  with wanted as (
    select c.id as conversion_id, 'visitor' as kind, v.visitor_id as value
    from unnest(ids) as asked (id)
    join clickledger.conversion c on c.id = asked.id
    cross join lateral (
      select c.visitor_id
      union
      select t.visitor_id from clickledger.click t
      where t.click_id = c.click_id and t.ts = clickledger.click_ts(c.click_id) and t.ts between first_ts and last_ts
        and t.program_id = c.program_id) v
    where v.visitor_id is not null
    union
    select c.id, 'customer', md5(c.program_id || ':' || c.customer)::uuid
    from unnest(ids) as asked (id)
    join clickledger.conversion c on c.id = asked.id
    join clickledger.conversion_report r on r.conversion_id = c.id
    where r.signed and r.customer = c.customer and r.verdict in ('applied', 'duplicate', 'program_mismatch')),
  gone as (
    -- An earlier report that arrives later may name another visitor or customer.
    delete from clickledger.conversion_key k
    where k.conversion_id = any (ids) and k.kind in ('visitor', 'customer') and not exists (
      select from wanted w where w.conversion_id = k.conversion_id and w.kind = k.kind and w.value = k.value))
  insert into clickledger.conversion_key (conversion_id, kind, value)
  select c.id, 'click', r.click_id
  from unnest(ids) as c (id) join clickledger.conversion_report r on r.conversion_id = c.id
  where r.click_id is not null
  union
  select conversion_id, kind, value from wanted
  on conflict do nothing;
  customers := array(select unnest(customers) union
    select value from clickledger.conversion_key where conversion_id = any (ids) and kind = 'customer');
  if cardinality(customers) > 0 then
    perform clickledger.conversion_join(ids, customers);
  end if;
end $$;
comment on function clickledger.conversion_key_write(bigint[]) is 'Writes the identities of conversions: every click their reports name; only these visitors: the conversion''s and that of its click; the customer if a report that names it was signed; and the visitors that the customer joins.';

create function clickledger.conversion_join(ids bigint[], customers uuid[]) returns void language sql as $$
  with siblings as (
    select k.value as customer, c.id, c.occurred_at
    from clickledger.conversion_key k join clickledger.conversion c on c.id = k.conversion_id
    where k.kind = 'customer' and k.value = any (customers)),
  since as (
    select min(c.occurred_at) as at from unnest(ids) as asked (id) join clickledger.conversion c on c.id = asked.id),
  reached as (  -- an order joins what is known at its time, so that no later one changes it
    select s.* from siblings s, since where s.occurred_at >= since.at
    union
    select null, c.id, c.occurred_at from unnest(ids) as asked (id) join clickledger.conversion c on c.id = asked.id),
  wanted as (
    select distinct s.id as conversion_id, v.value
    from reached s
    cross join lateral (
      select x.id from siblings x
      where x.customer = s.customer and x.occurred_at <= s.occurred_at and x.id <> s.id
      order by x.occurred_at desc, x.id limit 100) x
    join clickledger.conversion_key v on v.conversion_id = x.id and v.kind = 'visitor'
    where not exists (
      select from clickledger.conversion_key own where own.conversion_id = s.id and own.kind = 'visitor' and own.value = v.value)),
  gone as (
    delete from clickledger.conversion_key k
    where k.kind = 'joined' and k.conversion_id in (select id from reached) and not exists (
      select from wanted w where w.conversion_id = k.conversion_id and w.value = k.value)
    returning k.conversion_id),
  come as (
    insert into clickledger.conversion_key (conversion_id, kind, value)
    select conversion_id, 'joined', value from wanted
    on conflict do nothing
    returning conversion_id)
  insert into clickledger.conversion_due
  select conversion_id from (select conversion_id from gone union select conversion_id from come) changed
  where conversion_id <> all (ids)
  on conflict do nothing
$$;
comment on function clickledger.conversion_join(bigint[], uuid[]) is 'Joins the visitors of the customers'' conversions: each has those of the 100 conversions before it. Conversions besides the given ones that this changes are put on the list.';

create function clickledger.customer_bind(ids bigint[]) returns bigint language plpgsql as $$
declare
  customers uuid[] := array(
    select value from clickledger.conversion_key where conversion_id = any (ids) and kind = 'customer'
    union
    select customer from clickledger.customer_binding where conversion_id = any (ids));
  changed_count bigint;
begin
  if cardinality(customers) = 0 then
    return 0;
  end if;
  with wanted as (
    select distinct on (k.value) k.value as customer, c.id as conversion_id, r.program_id, r.partner_id, r.touch_kind, r.touch_id,
      r.touch_ts, r.link_id, r.promo_code_id
    from clickledger.conversion_key k
    join clickledger.conversion c on c.id = k.conversion_id and c.status <> 'declined'
    join clickledger.credit r on r.conversion_id = c.id and r.model <> 'bound' and r.partner_id is not null
    where k.kind = 'customer' and k.value = any (customers)
    order by k.value, c.occurred_at, c.kind, c.order_id, r.weight_ppm desc, r.touch_ts, r.touch_id),
  gone as (
    delete from clickledger.customer_binding b
    where b.customer = any (customers) and not exists (select from wanted w where w.customer = b.customer)
    returning b.customer),
  come as (
    insert into clickledger.customer_binding as b (customer, conversion_id, program_id, partner_id, touch_kind, touch_id, touch_ts,
      link_id, promo_code_id)
    select customer, conversion_id, program_id, partner_id, touch_kind, touch_id, touch_ts, link_id, promo_code_id from wanted
    on conflict (customer) do update set conversion_id = excluded.conversion_id, partner_id = excluded.partner_id,
      touch_kind = excluded.touch_kind, touch_id = excluded.touch_id, touch_ts = excluded.touch_ts, link_id = excluded.link_id,
      promo_code_id = excluded.promo_code_id
    where (b.conversion_id, b.touch_kind, b.touch_id, b.touch_ts)
      is distinct from (excluded.conversion_id, excluded.touch_kind, excluded.touch_id, excluded.touch_ts)
    returning customer),
  changed as (select customer from gone union select customer from come),
  due as (
    insert into clickledger.conversion_due
    select k.conversion_id from changed join clickledger.conversion_key k on k.kind = 'customer' and k.value = changed.customer
    on conflict do nothing)
  select count(*) into changed_count from changed;
  return changed_count;
end $$;
comment on function clickledger.customer_bind(bigint[]) is 'Keeps the bindings of the conversions'' customers; where one changes, all the customer''s conversions are put on the list. Returns how many changed. It settles: what binds is credited by touches alone.';

-- What competes.

create function clickledger.policy_at(program_id bigint, at timestamptz) returns setof clickledger.attribution_policy
  language sql stable as $$
  select p.* from clickledger.attribution_policy p
  where p.program_id = $1 and p.effective_from <= $2
  order by p.effective_from desc, p.version desc
  limit 1
$$;
comment on function clickledger.policy_at(bigint, timestamptz) is 'The policy in force for conversions of a moment; no row: none.';

create function clickledger.attribution_scope(ids bigint[]) returns table (
    conversion_id bigint, month_us bigint, policy_id bigint, model text, first_ppm integer, last_ppm integer, half_life_us bigint,
    precedence text, code_ppm integer, click_window_us bigint, promo_window_us bigint, impression_window_us bigint,
    visit_window_us bigint, touches_max integer)
  language sql stable as $$
  select c.id, clickledger.time_us(date_trunc('month', c.occurred_at, p.time_zone)), a.id,
    coalesce(nullif(current_setting('cl.model', true), ''), a.model, 'last'),
    coalesce(a.first_ppm, 400000), coalesce(a.last_ppm, 400000), coalesce(a.half_life_hours, 168) * 3600000000::bigint,
    coalesce(a.precedence, (
      select case t.precedence when 'last_touch' then 'none' else t.precedence end
      from clickledger.terms_at(c.program_id, null, c.occurred_at) t), 'code_over_click'),
    coalesce(a.code_ppm, 500000), coalesce(a.click_window_hours * 3600000000::bigint, -1),
    coalesce(a.promo_window_hours * 3600000000::bigint, -1), coalesce(a.impression_window_hours, 0) * 3600000000::bigint,
    coalesce(a.visit_window_hours, 0) * 3600000000::bigint, coalesce(a.touches_max, 50)
  from unnest(ids) as wanted (id)
  join clickledger.conversion c on c.id = wanted.id
  join clickledger.program p on p.id = c.program_id
  left join lateral clickledger.policy_at(c.program_id, c.occurred_at) a on true
  order by c.id
$$;
comment on function clickledger.attribution_scope(bigint[]) is 'Month of each conversion in its programme''s zone, and the policy in force at its moment; windows of -1: those of the terms. The setting cl.model, if any, is the model instead (clickledger-attrib compare).';
drop function clickledger.conversion_scope(bigint[]);

drop function clickledger.conversion_touches(bigint[], integer);
create function clickledger.conversion_touches(ids bigint[], touches_max integer) returns table (
    conversion_id bigint, kind text, id uuid, at_us bigint, program_id bigint, partner_id bigint, link_id bigint,
    promo_code_id bigint, class clickledger.hit_class, is_active boolean, is_of_order boolean, window_us bigint,
    terms_id bigint, commission_kind text, rate_ppm bigint, fixed_minor bigint, hold_us bigint, is_bound boolean)
  language plpgsql stable rows 2000 set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare
  reach interval;
  first_ts timestamptz;
  last_ts timestamptz;
  first_click timestamptz;
  last_click timestamptz;
begin
  -- Touches outside their window are told up to 30 days behind the longest there is.
  select greatest(max(t.window_days) * interval '24 hours', interval '30 days') + interval '30 days' into reach from clickledger.terms t;
  select greatest(max(greatest(p.click_window_hours, p.promo_window_hours)) * interval '1 hour' + interval '30 days', reach) into reach
    from clickledger.attribution_policy p;
  select min(c.occurred_at) - reach, max(c.occurred_at), min(clickledger.click_ts(c.click_id)), max(clickledger.click_ts(c.click_id))
    into first_ts, last_ts, first_click, last_click
    from clickledger.conversion c where c.id = any (ids);
  -- One plan a session, because planning looks at every partition of four tables; those of other days are left out by the variables.
  return query
  with conversions as (
    select c.*, coalesce(a.impression_window_hours, 0) as impression_hours, coalesce(a.visit_window_hours, 0) as visit_hours,
      a.binding, a.bind_days
    from unnest(ids) as wanted (id) join clickledger.conversion c on c.id = wanted.id
    left join lateral clickledger.policy_at(c.program_id, c.occurred_at) a on true),
  visitors as (
    select distinct c.id, c.program_id, c.occurred_at, c.impression_hours, c.visit_hours, k.value as visitor_id
    from conversions c join clickledger.conversion_key k on k.conversion_id = c.id and k.kind in ('visitor', 'joined')),
  direct as (
    select c.id as conversion_id, 'click' as kind, t.click_id as id, t.ts, t.program_id, t.partner_id, t.link_id,
      t.promo_code_id, t.class, true as is_active, false as is_of_order, false as is_bound
    from conversions c
    join clickledger.click t on t.click_id = c.click_id and t.ts = clickledger.click_ts(c.click_id)
      and t.ts between first_click and last_click
    union
    select v.id, 'click', t.click_id, t.ts, t.program_id, t.partner_id, t.link_id, t.promo_code_id, t.class, true, false, false
    from visitors v cross join (values (true), (false)) as want (human) cross join lateral (
      select * from clickledger.click t
      where t.visitor_id = v.visitor_id and t.ts >= v.occurred_at - reach and t.ts < v.occurred_at
        and t.ts >= first_ts and t.ts < last_ts
        and t.program_id = v.program_id and (t.class = 'human') = want.human
      order by t.ts desc limit touches_max) t
    union
    select v.id, 'promo', t.hit_id, t.ts, t.program_id, t.partner_id, null, t.promo_code_id, t.class, true, false, false
    from visitors v cross join (values (true), (false)) as want (human) cross join lateral (
      select * from clickledger.promo_entry t
      where t.visitor_id = v.visitor_id and t.ts >= v.occurred_at - reach and t.ts < v.occurred_at
        and t.ts >= first_ts and t.ts < last_ts
        and t.program_id = v.program_id and (t.class = 'human') = want.human
      order by t.ts desc limit touches_max) t
    union
    select v.id, 'impression', t.hit_id, t.ts, t.program_id, t.partner_id, t.link_id, null, t.class, true, false, false
    from visitors v cross join lateral (
      select * from clickledger.impression t
      where v.impression_hours > 0 and t.visitor_id = v.visitor_id and t.ts >= v.occurred_at - v.impression_hours * interval '1 hour'
        and t.ts < v.occurred_at and t.ts >= first_ts and t.ts < last_ts and t.program_id = v.program_id and t.class = 'human'
      order by t.ts desc limit touches_max) t
    union
    select v.id, 'visit', t.hit_id, t.ts, t.program_id, null, null, null, t.class, true, false, false
    from visitors v cross join lateral (
      select * from clickledger.visit t
      where v.visit_hours > 0 and t.visitor_id = v.visitor_id and t.ts >= v.occurred_at - v.visit_hours * interval '1 hour'
        and t.ts < v.occurred_at and t.ts >= first_ts and t.ts < last_ts and t.program_id = v.program_id and t.class = 'human' and t.utm_source is not null and t.click_id is null
      order by t.ts desc limit touches_max) t
    union
    select c.id, 'promo', named.id, c.occurred_at, o.program_id, o.partner_id, null, o.id, 'human',
      o.active_at @> c.occurred_at and p.active_at @> c.occurred_at, true, false
    from conversions c
    join clickledger.promo_code o on upper(o.code) = upper(c.promo)
    join clickledger.partner p on p.id = o.partner_id
    cross join lateral (
      select r.id from clickledger.conversion_report r
      where r.conversion_id = c.id and r.promo = c.promo and r.verdict in ('applied', 'program_mismatch')
      order by coalesce(r.event_time, r.ts), r.id limit 1) named
    union
    select c.id, b.touch_kind, b.touch_id, b.touch_ts, b.program_id, b.partner_id, b.link_id, b.promo_code_id, 'human',
      p.active_at @> c.occurred_at, false, true
    from conversions c
    join clickledger.conversion_key k on k.conversion_id = c.id and k.kind = 'customer'
    join clickledger.customer_binding b on b.customer = k.value
    join clickledger.conversion f on f.id = b.conversion_id
    join clickledger.partner p on p.id = b.partner_id
    where c.binding = 'first_partner' and (f.occurred_at, f.kind, f.order_id) < (c.occurred_at, c.kind, c.order_id)
      and (c.bind_days is null or f.occurred_at >= c.occurred_at - c.bind_days * interval '24 hours')),
  -- A duplicate earns nothing, but the click that it repeats is a touch of the order that names it.
  touches as (
    select * from direct
    union
    select d.conversion_id, 'click', t.click_id, t.ts, t.program_id, t.partner_id, t.link_id, t.promo_code_id, t.class, true, false, false
    from (select d.conversion_id, clickledger.click_original(d.id) as id from direct d join conversions c on c.id = d.conversion_id
      where d.kind = 'click' and d.class = 'duplicate' and d.id = c.click_id offset 0) d
    join clickledger.click t on t.click_id = d.id and t.ts = clickledger.click_ts(d.id) and t.ts >= first_ts and t.ts < last_ts)
  select t.conversion_id, t.kind, t.id, clickledger.time_us(t.ts), coalesce(t.program_id, 0), coalesce(t.partner_id, 0),
    t.link_id, t.promo_code_id, t.class, t.is_active, t.is_of_order, coalesce(m.window_days, 30) * 86400000000::bigint,
    m.id, m.commission_kind, coalesce(m.rate_ppm, 0)::bigint, coalesce(m.fixed_minor, 0), coalesce(m.hold_days, 0) * 86400000000::bigint,
    t.is_bound
  from touches t
  left join lateral clickledger.terms_at(t.program_id, t.partner_id, t.ts) m on t.partner_id is not null
  order by t.conversion_id, t.ts desc, t.kind, t.id;
end $$;
comment on function clickledger.conversion_touches(bigint[], integer) is 'Candidate touches of conversions, each with the terms in force when it happened (30 days of window where there were none): the reported click, the newest touches of its visitors in the programme, the order''s code, and the touch that bound the customer.';

-- What is written.

drop function clickledger.credit_write(bigint[], bigint[], text[], uuid[], bigint[], bigint[], bigint[], bigint[], bigint[], integer[], text[]);
create function clickledger.credit_write(ids bigint[], conversion_ids bigint[], kinds text[], touch_ids uuid[], at_us bigint[],
    program_ids bigint[], partner_ids bigint[], link_ids bigint[], promo_code_ids bigint[], weights integer[], amounts bigint[],
    models text[])
  returns bigint language sql as $$
  with wanted as (
    select * from unnest(conversion_ids, kinds, touch_ids, at_us, program_ids, partner_ids, link_ids, promo_code_ids, weights, amounts,
        models)
      as w (conversion_id, touch_kind, touch_id, us, program_id, partner_id, link_id, promo_code_id, weight_ppm, amount_minor, model)),
  gone as (
    delete from clickledger.credit c
    where c.conversion_id = any (ids) and not exists (
      select from wanted w
      where w.conversion_id = c.conversion_id and w.touch_kind = c.touch_kind and w.touch_id = c.touch_id)
    returning 1),
  written as (
    insert into clickledger.credit as c (conversion_id, touch_kind, touch_id, touch_ts, program_id, partner_id, link_id,
      promo_code_id, weight_ppm, amount_minor, model)
    select conversion_id, touch_kind, touch_id, clickledger.us_time(us), program_id, nullif(partner_id, 0), link_id, promo_code_id,
      weight_ppm, amount_minor, model
    from wanted
    on conflict (conversion_id, touch_kind, touch_id) do update
      set touch_ts = excluded.touch_ts, weight_ppm = excluded.weight_ppm, amount_minor = excluded.amount_minor, model = excluded.model
    where (c.touch_ts, c.weight_ppm, c.amount_minor, c.model)
      is distinct from (excluded.touch_ts, excluded.weight_ppm, excluded.amount_minor, excluded.model)
    returning 1)
  select (select count(*) from gone) + (select count(*) from written)
$$;
comment on function clickledger.credit_write(bigint[], bigint[], text[], uuid[], bigint[], bigint[], bigint[], bigint[], bigint[], integer[], bigint[], text[]) is 'Makes the given credits the only ones of the given conversions; returns how many changed.';

create view clickledger.conversion_part with (security_invoker = true) as
  select c.id as conversion_id, c.occurred_at, c.program_id, r.partner_id, r.link_id, c.kind, c.status, c.currency,
    coalesce(r.weight_ppm, 1000000) as weight_ppm, coalesce(r.amount_minor, c.amount_minor - c.refunded_minor) as revenue_minor,
    case when r.weight_ppm = 1000000 then m.amount_minor
      else div(m.amount_minor::numeric * r.upto, r.whole) - div(m.amount_minor::numeric * (r.upto - r.weight_ppm), r.whole)
    end::bigint as commission_minor
  from clickledger.conversion c
  left join lateral (
    select r.*, sum(r.weight_ppm) over (partition by r.partner_id order by r.touch_ts, r.touch_id, r.touch_kind) as upto,
      sum(r.weight_ppm) over (partition by r.partner_id) as whole
    from clickledger.credit r where r.conversion_id = c.id) r on true
  left join clickledger.commission m on m.conversion_id = c.id and m.partner_id = r.partner_id;
comment on view clickledger.conversion_part is 'Conversions by the touches that are credited, or whole where none is: what each has of the conversion, of what was sold and not refunded, and of its partner''s commission. Parts sum exactly.';
comment on column clickledger.conversion_part.conversion_id is 'The conversion.';
comment on column clickledger.conversion_part.occurred_at is 'Its time.';
comment on column clickledger.conversion_part.program_id is 'The programme.';
comment on column clickledger.conversion_part.partner_id is 'Credited partner; null: nobody.';
comment on column clickledger.conversion_part.link_id is 'Credited link; null: none.';
comment on column clickledger.conversion_part.kind is 'Kind of the conversion.';
comment on column clickledger.conversion_part.status is 'Its status.';
comment on column clickledger.conversion_part.currency is 'The programme''s currency.';
comment on column clickledger.conversion_part.weight_ppm is 'Share in ppm; 1,000,000 where nobody is credited.';
comment on column clickledger.conversion_part.revenue_minor is 'Share of what was sold and not refunded.';
comment on column clickledger.conversion_part.commission_minor is 'Share of the partner''s commission: all of it over the partner''s touches.';

create or replace function clickledger.conversion_hourly_add(ids bigint[], sign integer) returns void language sql as $$
  insert into clickledger.conversion_hourly as h (hour, program_id, partner_id, link_id, kind, status, currency, conversions_ppm,
    revenue_minor, commission_minor)
  select date_trunc('hour', p.occurred_at, 'UTC'), p.program_id, coalesce(p.partner_id, 0), coalesce(p.link_id, 0), p.kind, p.status,
    p.currency, sign * sum(p.weight_ppm), sign * sum(p.revenue_minor), sign * coalesce(sum(p.commission_minor), 0)
  from unnest(ids) as wanted (id)
  join clickledger.conversion_part p on p.conversion_id = wanted.id
  group by 1, 2, 3, 4, 5, 6, 7
  order by 1, 2, 3, 4, 5, 6, 7
  on conflict (partner_id, hour, program_id, link_id, kind, status, currency) do update set
    conversions_ppm = h.conversions_ppm + excluded.conversions_ppm, revenue_minor = h.revenue_minor + excluded.revenue_minor,
    commission_minor = h.commission_minor + excluded.commission_minor
$$;
