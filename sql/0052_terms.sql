-- Terms that partners accept, and by whose moment terms are chosen: the touch's or the order's.
--
-- A version that needs acceptance is in force for a partner from its acceptance on, never before effective_from. Until then the
-- partner keeps the version before it that it accepted, or that needed none; without any it earns nothing. Who is credited (the
-- precedence of the programme's terms) is not part of what partners accept.

create table clickledger.terms_policy (
  program_id bigint primary key references clickledger.program,
  acceptance boolean not null
);
comment on table clickledger.terms_policy is 'What a programme wants of new versions of terms. Without a row: they need no acceptance.';
comment on column clickledger.terms_policy.program_id is 'The programme.';
comment on column clickledger.terms_policy.acceptance is 'Whether versions need acceptance by partners, where they do not say it themselves.';

alter table clickledger.terms add column needs_acceptance boolean not null default false;
comment on column clickledger.terms.needs_acceptance is 'Whether it is in force for a partner only once the partner has accepted it. Said when it was made, and never changed.';

create table clickledger.terms_acceptance (
  terms_id    bigint not null references clickledger.terms,
  partner_id  bigint not null references clickledger.partner,
  accepted_at timestamptz not null default now(),
  api_key_id  bigint not null references clickledger.api_key,
  applied     boolean not null default false,
  primary key (terms_id, partner_id)
);
create index terms_acceptance_partner on clickledger.terms_acceptance (partner_id, terms_id);
create index terms_acceptance_open on clickledger.terms_acceptance (terms_id) where not applied;
comment on table clickledger.terms_acceptance is 'Which partner accepted which version of terms, when and by which key. Once for each; never changed.';
comment on column clickledger.terms_acceptance.terms_id is 'The version.';
comment on column clickledger.terms_acceptance.partner_id is 'The partner.';
comment on column clickledger.terms_acceptance.accepted_at is 'When; in force for this partner from then on, if its effective_from is not later.';
comment on column clickledger.terms_acceptance.api_key_id is 'API key of the partner.';
comment on column clickledger.terms_acceptance.applied is 'Whether attrib has put the programme''s conversions since accepted_at on its list.';

alter table clickledger.attribution_policy add column terms_bound text not null default 'touch' check (terms_bound in ('touch', 'order'));
comment on column clickledger.attribution_policy.terms_bound is 'touch: a partner is paid by the terms in force at its latest credited touch; order: by those at the conversion. Windows are always of the terms at the touch.';

-- --- Which are in force -----------------------------------------------------------------------------------------------

create or replace function clickledger.terms_at(program_id bigint, partner_id bigint, at timestamptz) returns setof clickledger.terms
  language sql stable as $$
  select t.* from clickledger.terms t
  where t.program_id = $1 and (t.partner_id = $2 or t.partner_id is null)
    and (t.id = nullif(current_setting('cl.terms', true), '')::bigint
      or t.effective_from <= $3 and (not t.needs_acceptance or $2 is null or exists (
        select from clickledger.terms_acceptance a where a.terms_id = t.id and a.partner_id = $2 and a.accepted_at <= $3)))
  order by (t.id = nullif(current_setting('cl.terms', true), '')::bigint) desc, t.partner_id is null, t.effective_from desc, t.version desc
  limit 1
$$;
comment on function clickledger.terms_at(bigint, bigint, timestamptz) is 'Terms in force for a partner at a moment: the partner''s own newest version, else the programme''s, of those that the partner had accepted by then or that need no acceptance; no row: none. Without partner: the programme''s, accepted or not. The setting cl.terms puts a version before all others of its programme and partner, to see what it would give.';

create or replace function clickledger.terms_expand(terms_max integer) returns bigint language sql as $$
  with taken as (
    update clickledger.terms set applied = true
    where id in (select id from clickledger.terms where not applied order by id limit terms_max)
    returning program_id, effective_from),
  accepted as (
    update clickledger.terms_acceptance set applied = true
    where (terms_id, partner_id) in (select terms_id, partner_id from clickledger.terms_acceptance where not applied order by 1, 2 limit terms_max)
    returning terms_id, accepted_at),
  due as (
    insert into clickledger.conversion_due
    select c.id from clickledger.conversion c
    join (select n.program_id, min(n.since) as since
          from (select program_id, effective_from as since from taken
                union all
                select t.program_id, a.accepted_at from accepted a join clickledger.terms t on t.id = a.terms_id) n
          group by n.program_id) t
      on t.program_id = c.program_id and c.occurred_at >= t.since
    on conflict do nothing)
  select (select count(*) from taken) + (select count(*) from accepted)
$$;
comment on function clickledger.terms_expand(integer) is 'Turns new terms into the conversions since they took effect, and acceptances into those since then, so that what is posted does not depend on when they were written; returns how many.';

-- Where versions need acceptance each partner has a history of its own; 1970: before all.
create or replace function clickledger.terms_list() returns table (program_id bigint, partner_id bigint, from_us bigint, window_us bigint, is_last_touch boolean)
  language sql stable as $$
  select t.program_id, coalesce(t.partner_id, 0), clickledger.time_us(t.effective_from), t.window_days * 86400000000::bigint,
    t.precedence = 'last_touch'
  from clickledger.terms t
  where t.partner_id is null or not exists (select from clickledger.terms n where n.program_id = t.program_id and n.needs_acceptance)
  union all
  select g.program_id, p.id, clickledger.time_us(m.at), coalesce(t.window_days, 30) * 86400000000::bigint, coalesce(t.precedence = 'last_touch', false)
  from (select distinct n.program_id from clickledger.terms n where n.needs_acceptance) g
  cross join clickledger.partner p
  cross join lateral (
    select timestamptz 'epoch' as at
    union
    select n.effective_from from clickledger.terms n where n.program_id = g.program_id and (n.partner_id = p.id or n.partner_id is null)
    union
    select a.accepted_at from clickledger.terms_acceptance a join clickledger.terms n on n.id = a.terms_id
    where n.program_id = g.program_id and a.partner_id = p.id) m
  left join lateral clickledger.terms_at(g.program_id, p.id, m.at) t on true
  order by 1, 2, 3 desc
$$;
comment on function clickledger.terms_list() is 'What attribution needs of all terms; partner 0: the programme''s. The newest first.';

create or replace function clickledger.conversion_touches(ids bigint[], touches_max integer) returns table (
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
      a.binding, a.bind_days, coalesce(a.terms_bound, 'touch') = 'order' as is_by_order
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
    (paid.terms).id, (paid.terms).commission_kind, coalesce((paid.terms).rate_ppm, 0)::bigint, coalesce((paid.terms).fixed_minor, 0),
    coalesce((paid.terms).hold_days, 0) * 86400000000::bigint, t.is_bound
  from touches t
  join conversions c on c.id = t.conversion_id
  left join lateral clickledger.terms_at(t.program_id, t.partner_id, t.ts) m on t.partner_id is not null
  left join lateral (select x from clickledger.terms_at(t.program_id, t.partner_id, c.occurred_at) x where c.is_by_order) o (terms)
    on t.partner_id is not null
  cross join lateral (select case when c.is_by_order then o.terms else m end as terms) paid
  order by t.conversion_id, t.ts desc, t.kind, t.id;
end $$;
comment on function clickledger.conversion_touches(bigint[], integer) is 'Candidate touches of conversions: the reported click, the newest touches of its visitors in the programme, the order''s code, and the touch that bound the customer. Each with the window of the terms in force when it happened (30 days where there were none), and the terms that pay: those of that moment, or of the conversion''s where the policy binds them to the order.';

-- --- The API ------------------------------------------------------------------------------------------------------------

create or replace function clickledger.policy_json(row_of clickledger.attribution_policy) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'program_id', row_of.program_id, 'version', row_of.version,
    'effective_from', clickledger.api_time(row_of.effective_from), 'model', row_of.model, 'first_ppm', row_of.first_ppm,
    'last_ppm', row_of.last_ppm, 'half_life_hours', row_of.half_life_hours, 'precedence', row_of.precedence,
    'code_ppm', row_of.code_ppm, 'click_window_hours', row_of.click_window_hours, 'promo_window_hours', row_of.promo_window_hours,
    'impression_window_hours', row_of.impression_window_hours, 'visit_window_hours', row_of.visit_window_hours,
    'binding', row_of.binding, 'bind_days', row_of.bind_days, 'touches_max', row_of.touches_max, 'terms_bound', row_of.terms_bound,
    'created_at', clickledger.api_time(row_of.created_at));

create or replace function clickledger.policy_told(policy_id bigint) returns jsonb language sql stable strict as $$
  select jsonb_strip_nulls(jsonb_build_object('version', p.version, 'effective_from', clickledger.api_time(p.effective_from), 'model', p.model,
    'first_ppm', case p.model when 'position' then p.first_ppm end, 'last_ppm', case p.model when 'position' then p.last_ppm end,
    'half_life_hours', case p.model when 'time_decay' then p.half_life_hours end,
    'precedence', p.precedence, 'code_ppm', case p.precedence when 'split' then p.code_ppm end,
    'binding', p.binding, 'bind_days', p.bind_days, 'touches_max', p.touches_max,
    'terms_bound', nullif(p.terms_bound, 'touch')))
  from clickledger.attribution_policy p where p.id = policy_id
$$;

create or replace function clickledger.api_policy_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made attribution_policy;
begin
  -- Versions count without gaps, so two writers of one programme must not meet.
  perform pg_advisory_xact_lock(hashtextextended('clickledger.attribution_policy.' || (p->>'id'), 0));
  if not exists (select from program where id = (p->>'id')::bigint) then
    return api_missing('programme');
  end if;
  perform api_valid((p->>'first_ppm' is null and p->>'last_ppm' is null) or p->>'model' = 'position', 'first_ppm',
                    'first_ppm and last_ppm belong to the model position');
  perform api_valid(coalesce((p->>'first_ppm')::integer, 400000) + coalesce((p->>'last_ppm')::integer, 400000) <= 1000000, 'first_ppm',
                    'first_ppm and last_ppm are more than the whole');
  perform api_valid(p->>'half_life_hours' is null or p->>'model' = 'time_decay', 'half_life_hours', 'half_life_hours belongs to the model time_decay');
  perform api_valid(p->>'code_ppm' is null or p->>'precedence' = 'split', 'code_ppm', 'code_ppm belongs to the precedence split');
  perform api_valid(p->>'bind_days' is null or p->>'binding' = 'first_partner', 'bind_days', 'bind_days belongs to the binding first_partner');
  insert into attribution_policy (program_id, version, effective_from, model, first_ppm, last_ppm, half_life_hours, precedence, code_ppm,
    click_window_hours, promo_window_hours, impression_window_hours, visit_window_hours, binding, bind_days, touches_max,
    terms_bound)
  select (p->>'id')::bigint,
    1 + coalesce((select max(a.version) from attribution_policy a where a.program_id = (p->>'id')::bigint), 0),
    coalesce((p->>'effective_from')::timestamptz, now()), p->>'model', coalesce((p->>'first_ppm')::integer, 400000),
    coalesce((p->>'last_ppm')::integer, 400000), coalesce((p->>'half_life_hours')::integer, 168),
    coalesce(p->>'precedence', 'code_over_click'), coalesce((p->>'code_ppm')::integer, 500000), (p->>'click_window_hours')::integer,
    (p->>'promo_window_hours')::integer, coalesce((p->>'impression_window_hours')::integer, 0),
    coalesce((p->>'visit_window_hours')::integer, 0), coalesce(p->>'binding', 'none'), (p->>'bind_days')::integer,
    coalesce((p->>'touches_max')::integer, 50), coalesce(p->>'terms_bound', 'touch')
  returning * into made;
  perform pg_notify('clickledger_work', '');
  return policy_json(made);
end $$;

create or replace function clickledger.terms_json(row_of clickledger.terms) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'program_id', row_of.program_id, 'partner_id', row_of.partner_id,
    'version', row_of.version, 'effective_from', clickledger.api_time(row_of.effective_from),
    'commission_kind', row_of.commission_kind, 'rate_ppm', row_of.rate_ppm, 'fixed_minor', row_of.fixed_minor,
    'hold_days', row_of.hold_days, 'window_days', row_of.window_days, 'precedence', row_of.precedence,
    'needs_acceptance', row_of.needs_acceptance,
    'rules', clickledger.rules_json(row_of.id), 'created_at', clickledger.api_time(row_of.created_at));

create or replace function clickledger.api_terms_create(p jsonb) returns json
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
                     window_days, precedence, needs_acceptance)
  select (p->>'id')::bigint, (p->>'partner_id')::bigint,
    1 + coalesce((select max(t.version) from terms t where t.program_id = (p->>'id')::bigint
                    and t.partner_id is not distinct from (p->>'partner_id')::bigint), 0),
    coalesce((p->>'effective_from')::timestamptz, now()), p->>'commission_kind', (p->>'rate_ppm')::integer,
    (p->>'fixed_minor')::bigint, coalesce((p->>'hold_days')::integer, 0), coalesce((p->>'window_days')::integer, 30),
    coalesce(p->>'precedence', 'code_over_click'),
    coalesce((p->>'needs_acceptance')::boolean, (select y.acceptance from terms_policy y where y.program_id = (p->>'id')::bigint), false)
  returning * into made;
  for n in 1 .. coalesce(jsonb_array_length(p->'rules'), 0) loop
    perform rule_write(made.id, p->'rules'->(n - 1), n);
  end loop;
  perform pg_notify('clickledger_work', '');
  return terms_json(made);
end $$;

create function clickledger.api_terms_policy(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  if not exists (select from program where id = (p->>'id')::bigint) then
    return api_missing('programme');
  end if;
  insert into terms_policy (program_id, acceptance) values ((p->>'id')::bigint, (p->>'acceptance')::boolean)
  on conflict (program_id) do update set acceptance = excluded.acceptance;
  return json_build_object('program_id', (p->>'id')::bigint, 'acceptance', (p->>'acceptance')::boolean);
end $$;
comment on function clickledger.api_terms_policy(jsonb) is 'PATCH /v1/programs/{id}/terms-policy: whether new versions of terms need acceptance.';

create function clickledger.terms_offered(row_of clickledger.terms) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select json_build_object('terms', terms_json(row_of), 'accepted_at', (
      select api_time(a.accepted_at) from terms_acceptance a where a.terms_id = row_of.id and a.partner_id = api_partner()),
    'in_force', coalesce(row_of.id = (select t.id from terms_at(row_of.program_id, api_partner(), now()) t), false))
$$;
comment on function clickledger.terms_offered(clickledger.terms) is 'A version of terms as the partner who asks sees it.';

create function clickledger.api_terms_offered(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select terms as item from terms
    where id < (api_after(p))[1] and (p->>'program_id' is null or program_id = (p->>'program_id')::bigint)
    order by id desc limit api_limit(p) + 1)
  select api_page(array_agg(terms_offered(item) order by (item).id desc), array_agg(api_cursor((item).id) order by (item).id desc), p)
  from page
$$;
comment on function clickledger.api_terms_offered(jsonb) is 'GET /v1/terms: versions that are offered to the partner: its own, and those of its programmes.';

create function clickledger.terms_accept(id bigint, version integer) returns clickledger.terms
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  who constant bigint := nullif(current_setting('cl.partner', true), '')::bigint;
  offered terms;
begin
  select * into offered from terms t
  where t.id = terms_accept.id and (t.partner_id = who or t.partner_id is null and (
    exists (select from link l where (l.program_id, l.partner_id) = (t.program_id, who))
    or exists (select from promo_code o where (o.program_id, o.partner_id) = (t.program_id, who))));
  if offered.id is null then
    perform api_missing('version of terms');
  end if;
  if offered.version <> terms_accept.version then
    perform api_fail(409, 'version', format('terms %s are version %s', offered.id, offered.version));
  end if;
  if exists (select from terms_acceptance a where (a.terms_id, a.partner_id) = (offered.id, who)) then
    return offered;
  end if;
  if exists (select from terms n where n.program_id = offered.program_id and n.partner_id is not distinct from offered.partner_id
             and n.effective_from <= now() and (n.effective_from, n.version) > (offered.effective_from, offered.version)) then
    perform api_fail(409, 'superseded', format('a newer version than %s is offered', offered.version));
  end if;
  insert into terms_acceptance (terms_id, partner_id, api_key_id) values (offered.id, who, current_setting('cl.key')::bigint)
  on conflict do nothing;
  perform pg_notify('clickledger_work', '');
  return offered;
end $$;
comment on function clickledger.terms_accept(bigint, integer) is 'The partner who asks accepts a version of terms; the same again is success. CL404: it is not offered to it; CL409 version: the number is of another version; CL409 superseded: a newer one is in effect.';

create function clickledger.api_terms_accept(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  done constant terms := terms_accept((p->>'id')::bigint, (p->>'version')::integer);
begin
  return terms_offered(done);
end $$;
comment on function clickledger.api_terms_accept(jsonb) is 'POST /v1/terms/{id}/accept.';

create function clickledger.api_terms_acceptances(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select a.terms_id, a.partner_id, json_build_object('terms_id', a.terms_id, 'version', t.version, 'partner_id', a.partner_id,
      'accepted_at', api_time(a.accepted_at), 'api_key_id', a.api_key_id) as item
    from terms_acceptance a join terms t on t.id = a.terms_id
    where t.program_id = (p->>'id')::bigint and (a.terms_id, a.partner_id) < ((api_after(p))[1], (api_after(p))[2])
      and (p->>'partner_id' is null or a.partner_id = (p->>'partner_id')::bigint)
    order by a.terms_id desc, a.partner_id desc limit api_limit(p) + 1)
  select api_page(array_agg(item order by terms_id desc, partner_id desc), array_agg(api_cursor(terms_id, partner_id) order by terms_id desc, partner_id desc), p)
  from page
$$;
comment on function clickledger.api_terms_acceptances(jsonb) is 'GET /v1/programs/{id}/acceptances: which partner accepted which version, when and by which key.';

-- --- Who may ------------------------------------------------------------------------------------------------------------

do $$
declare
  name text;
begin
  foreach name in array array['terms_policy', 'terms_acceptance'] loop
    execute format('alter table clickledger.%I enable row level security', name);
    execute format('alter table clickledger.%I force row level security', name);
    execute format('create policy analyst on clickledger.%I for select to cl_analyst using (true)', name);
    execute format($policy$create policy team on clickledger.%I to cl_api
      using (current_setting('cl.team', true) = 'on') with check (current_setting('cl.team', true) = 'on')$policy$, name);
    execute format('grant select on clickledger.%I to cl_analyst, cl_api', name);
  end loop;
end $$;
grant select, update (applied) on clickledger.terms_acceptance to cl_attrib;
grant insert, update (acceptance) on clickledger.terms_policy to cl_api;
grant select (needs_acceptance) on clickledger.terms to cl_analyst;
grant select (terms_bound) on clickledger.attribution_policy to cl_analyst;
create policy partner_own on clickledger.terms_acceptance for select to cl_api
  using (partner_id = nullif(current_setting('cl.partner', true), '')::bigint);
-- The subqueries are themselves under row security: a programme is seen by partners with a link or code in it.
create policy partner_own on clickledger.terms for select to cl_api
  using (partner_id = nullif(current_setting('cl.partner', true), '')::bigint
    or partner_id is null and nullif(current_setting('cl.partner', true), '') is not null
      and exists (select from clickledger.program p where p.id = terms.program_id));
create policy partner_own on clickledger.commission_rule for select to cl_api
  using (nullif(current_setting('cl.partner', true), '') is not null and exists (select from clickledger.terms t where t.id = commission_rule.terms_id));
create policy partner_own on clickledger.commission_tier for select to cl_api
  using (nullif(current_setting('cl.partner', true), '') is not null and exists (select from clickledger.commission_rule r where r.id = commission_tier.rule_id));
grant execute on function clickledger.terms_at(bigint, bigint, timestamptz), clickledger.api_terms_policy(jsonb),
  clickledger.terms_offered(clickledger.terms), clickledger.api_terms_offered(jsonb), clickledger.terms_accept(bigint, integer),
  clickledger.api_terms_accept(jsonb), clickledger.api_terms_acceptances(jsonb) to cl_api;
