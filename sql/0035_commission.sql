-- What attrib asks and writes about rules and units, and how a commission is told.

-- --- What is known ------------------------------------------------------------------------------------------------------

create function clickledger.commission_rules(terms_ids bigint[]) returns table (
    terms_id bigint, id bigint, kind text, product text, category text, partner_group text, customer_kind text, channel text, country text,
    commission_kind text, rate_ppm bigint, fixed_minor bigint, tier_mode text, order_min_minor bigint, order_max_minor bigint,
    month_max_minor bigint, hold_us bigint, tier_from_minor bigint, tier_rate_ppm bigint)
  language sql stable rows 100 as $$
  select r.terms_id, r.id, r.kind, r.product, r.category, r.partner_group, r.customer_kind, r.channel, r.country, r.commission_kind,
    coalesce(r.rate_ppm, 0)::bigint, coalesce(r.fixed_minor, 0), r.tier_mode, coalesce(r.order_min_minor, 0),
    coalesce(r.order_max_minor, -1), coalesce(r.month_max_minor, -1), coalesce(r.hold_days * 86400000000, -1), t.from_minor, t.rate_ppm::bigint
  from clickledger.commission_rule r
  left join clickledger.commission_tier t on t.rule_id = r.id
  where r.terms_id = any (terms_ids)
  order by r.terms_id, r.id, t.from_minor
$$;
comment on function clickledger.commission_rules(bigint[]) is 'Rules of versions of terms, one row per tier (or one row without), by terms and rule.';

create function clickledger.customer_kind(conversion_id bigint) returns text language sql stable as $$
  select case when exists (
    select from clickledger.conversion_key o
    join clickledger.conversion e on e.id = o.conversion_id
    where o.kind = 'customer' and o.value = k.value and e.status <> 'declined'
      and (e.occurred_at, e.kind, e.order_id) < (c.occurred_at, c.kind, c.order_id)) then 'returning' else 'new' end
  from clickledger.conversion c
  join clickledger.conversion_key k on k.conversion_id = c.id and k.kind = 'customer'
  where c.id = $1
$$;
comment on function clickledger.customer_kind(bigint) is 'new or returning: whether the customer of a conversion has an earlier one that was not declined; null: the customer is not known.';

create function clickledger.commission_facts(conversion_ids bigint[], partner_ids bigint[], kinds text[], touch_ids uuid[], at_us bigint[])
  returns table (ordinal bigint, product text, category text, groups text, customer text, country text) language sql stable as $$
  select w.ordinal, c.product, p.category, (
      select string_agg(g.name, ' ' order by g.name) from clickledger.partner_group g
      where g.program_id = c.program_id and g.partner_id = w.partner_id and g.active_at @> clickledger.us_time(w.us)),
    clickledger.customer_kind(c.id), (
      select k.country from clickledger.click k where w.kind = 'click' and k.click_id = w.touch_id and k.ts = clickledger.us_time(w.us))
  from unnest(conversion_ids, partner_ids, kinds, touch_ids, at_us) with ordinality as w (conversion_id, partner_id, kind, touch_id, us, ordinal)
  join clickledger.conversion c on c.id = w.conversion_id
  left join clickledger.product_category p on p.program_id = c.program_id and p.product = c.product
  order by w.ordinal
$$;
comment on function clickledger.commission_facts(bigint[], bigint[], text[], uuid[], bigint[]) is 'What rules may ask about conversions and a partner''s latest credited touch.';

create function clickledger.commission_unit(program_ids bigint[], partner_ids bigint[], months_us bigint[], ids bigint[]) returns table (
    conversion_id bigint, partner_id bigint, program_id bigint, month_us bigint, occurred_us bigint, kind text, order_id text, status text,
    base_minor bigint, weight_ppm bigint, terms_id bigint, rule_id bigint, amount_minor bigint, volume_minor bigint, uncapped_minor bigint)
  language sql stable rows 1000 as $$
  with units as materialized (
    select distinct * from unnest(program_ids, partner_ids, months_us) as u (program_id, partner_id, month_us)
    where exists (
      select from clickledger.terms t join clickledger.commission_rule r on r.terms_id = t.id
      where t.program_id = u.program_id and (r.tier_mode is not null or r.month_max_minor is not null)))
  select m.conversion_id, m.partner_id, m.program_id, u.month_us, clickledger.time_us(c.occurred_at), c.kind, c.order_id, c.status,
    m.base_minor, m.weight_ppm::bigint, m.terms_id, m.rule_id, m.amount_minor, m.volume_minor, m.uncapped_minor
  from units u
  join clickledger.commission m
    on m.program_id = u.program_id and m.partner_id = u.partner_id and m.month = clickledger.us_time(u.month_us)
  join clickledger.conversion c on c.id = m.conversion_id
  where m.weight_ppm > 0 and m.conversion_id <> all (ids)
$$;
comment on function clickledger.commission_unit(bigint[], bigint[], bigint[], bigint[]) is 'Written commissions of units besides those of the given conversions, where one order''s commission can depend on another''s: the programme has tiers or a largest sum a month.';

drop function clickledger.commission_posted(bigint[]);
create function clickledger.commission_posted(ids bigint[]) returns table (
    conversion_id bigint, partner_id bigint, program_id bigint, currency text, terms_id bigint, base_minor bigint,
    amount_minor bigint, status text, approved boolean, hold_until_us bigint, revision integer,
    pending_minor bigint, available_minor bigint, rule_id bigint, month_us bigint, weight_ppm integer, volume_minor bigint,
    uncapped_minor bigint, limited_by text, customer_kind text)
  language sql stable as $$
  select m.conversion_id, m.partner_id, m.program_id, m.currency, m.terms_id, m.base_minor, m.amount_minor, m.status,
    m.approved, clickledger.time_us(m.hold_until), m.revision, l.pending, l.available, coalesce(m.rule_id, 0),
    coalesce(clickledger.time_us(m.month), 0), m.weight_ppm, m.volume_minor, m.uncapped_minor, m.limited_by, m.customer_kind
  from unnest(ids) as wanted (id)
  join clickledger.commission m on m.conversion_id = wanted.id
  cross join lateral (
    select coalesce(sum(e.amount_minor) filter (where a.kind = 'partner_pending'), 0)::bigint as pending,
      coalesce(sum(e.amount_minor) filter (where a.kind = 'partner_available'), 0)::bigint as available
    from clickledger.ledger_transaction t
    join clickledger.ledger_entry e on e.transaction_id = t.id
    join clickledger.ledger_account a on a.id = e.account_id
    where t.conversion_id = m.conversion_id and t.partner_id = m.partner_id) l
  order by m.conversion_id, m.partner_id
$$;
comment on function clickledger.commission_posted(bigint[]) is 'Commissions of conversions with what the ledger holds for them.';

-- --- What is written ----------------------------------------------------------------------------------------------------

drop function clickledger.commission_write(bigint[], bigint[], bigint[], bigint[], text[], bigint[], bigint[], text[], boolean[], bigint[], integer[]);
create function clickledger.commission_write(conversion_ids bigint[], partner_ids bigint[], program_ids bigint[], terms_ids bigint[],
    currencies text[], bases bigint[], amounts bigint[], statuses text[], approved boolean[], hold_us bigint[], revisions integer[],
    rule_ids bigint[], months_us bigint[], weights integer[], volumes bigint[], uncapped bigint[], limits text[], customers text[])
  returns void language sql as $$
  insert into clickledger.commission as m (conversion_id, partner_id, program_id, terms_id, currency, base_minor, amount_minor,
    status, approved, hold_until, revision, rule_id, month, weight_ppm, volume_minor, uncapped_minor, limited_by, customer_kind)
  select conversion_id, partner_id, program_id, terms_id, currency, base, amount, status, approved, clickledger.us_time(us), revision,
    nullif(rule_id, 0), clickledger.us_time(month_us), weight, volume, uncapped, limited_by, customer
  from unnest(conversion_ids, partner_ids, program_ids, terms_ids, currencies, bases, amounts, statuses, approved, hold_us, revisions,
      rule_ids, months_us, weights, volumes, uncapped, limits, customers)
    as w (conversion_id, partner_id, program_id, terms_id, currency, base, amount, status, approved, us, revision, rule_id, month_us,
      weight, volume, uncapped, limited_by, customer)
  on conflict (conversion_id, partner_id) do update set
    terms_id = excluded.terms_id, base_minor = excluded.base_minor, amount_minor = excluded.amount_minor,
    status = excluded.status, approved = excluded.approved, hold_until = excluded.hold_until,
    revision = excluded.revision, rule_id = excluded.rule_id, month = excluded.month, weight_ppm = excluded.weight_ppm,
    volume_minor = excluded.volume_minor, uncapped_minor = excluded.uncapped_minor, limited_by = excluded.limited_by,
    customer_kind = excluded.customer_kind, updated_at = now()
$$;
comment on function clickledger.commission_write(bigint[], bigint[], bigint[], bigint[], text[], bigint[], bigint[], text[], boolean[], bigint[], integer[], bigint[], bigint[], integer[], bigint[], bigint[], text[], text[]) is 'Writes commissions that are new or have changed.';

create function clickledger.commission_due(ids bigint[], changed bigint[]) returns void language sql as $$
  insert into clickledger.conversion_due
  select unnest(changed)
  union
  select m.conversion_id
  from clickledger.conversion_key k
  join clickledger.conversion_key o on o.kind = 'customer' and o.value = k.value and o.conversion_id <> k.conversion_id
  join clickledger.commission m on m.conversion_id = o.conversion_id and m.weight_ppm > 0
  where k.conversion_id = any (ids) and k.kind = 'customer' and exists (select from clickledger.commission_rule)
    and exists (select from clickledger.commission_rule r where r.terms_id = m.terms_id)
    and m.customer_kind is distinct from clickledger.customer_kind(m.conversion_id)
  on conflict do nothing
$$;
comment on function clickledger.commission_due(bigint[], bigint[]) is 'Puts on the list what the given conversions have changed for others: the given ones of their units, and conversions of their customers that are not new, or not returning, any more.';

-- --- Why ----------------------------------------------------------------------------------------------------------------

create function clickledger.commission_told(ids bigint[]) returns table (conversion_id bigint, partner_id bigint, body jsonb)
  language sql stable as $$
  select m.conversion_id, m.partner_id, jsonb_build_object('terms_id', t.id, 'terms_version', t.version,
      'terms_of', case when t.partner_id is null then 'program' else 'partner' end, 'effective_from', clickledger.api_time(t.effective_from),
      'kind', coalesce(r.commission_kind, t.commission_kind), 'rate_ppm', case when r.id is null then t.rate_ppm else r.rate_ppm end,
      'fixed_minor', case when r.id is null then t.fixed_minor else r.fixed_minor end, 'hold_days', coalesce(r.hold_days, t.hold_days),
      'base_minor', m.base_minor, 'weight_ppm', m.weight_ppm,
      'exact_minor', case when r.tier_mode is not null then null else trim_scale(
          case coalesce(r.commission_kind, t.commission_kind) when 'fixed' then 0
            else m.base_minor::numeric * case when r.id is null then t.rate_ppm else r.rate_ppm end / 1000000 end
          + coalesce(case when r.id is null then t.fixed_minor else r.fixed_minor end, 0)::numeric * m.weight_ppm / 1000000) end,
      'rounding', 'half_up', 'uncapped_minor', m.uncapped_minor, 'limited_by', m.limited_by, 'amount_minor', m.amount_minor, 'status', m.status,
      'approved', m.approved, 'hold_until', clickledger.api_time(m.hold_until), 'revision', m.revision,
      'facts', coalesce((select jsonb_agg(jsonb_build_object('fact', f.fact, 'action', f.action, 'measured', f.measured) order by f.fact)
        from clickledger.conversion_fact f where f.conversion_id = m.conversion_id and f.partner_id = m.partner_id), '[]'))
    || case when r.id is null then '{}' else jsonb_build_object('rule', jsonb_strip_nulls(jsonb_build_object('place', r.place, 'kind', r.kind,
        'product', r.product, 'category', r.category, 'partner_group', r.partner_group, 'customer_kind', r.customer_kind, 'channel', r.channel,
        'country', r.country, 'order_min_minor', r.order_min_minor, 'order_max_minor', r.order_max_minor, 'month_max_minor', r.month_max_minor,
        'tier_mode', r.tier_mode, 'volume_minor', case when r.tier_mode is not null then m.volume_minor end,
        'tiers', (select jsonb_agg(jsonb_build_object('from_minor', i.from_minor, 'rate_ppm', i.rate_ppm) order by i.from_minor)
                  from clickledger.commission_tier i where i.rule_id = r.id)))) end
  from clickledger.commission m
  join clickledger.terms t on t.id = m.terms_id
  left join clickledger.commission_rule r on r.id = m.rule_id
  where m.conversion_id = any (ids)
$$;
comment on function clickledger.commission_told(bigint[]) is 'Commissions of conversions as explanations tell them: terms, rule, base, rate, rounding, limits. exact_minor is before rounding; null with tiers, whose volume is told instead.';

create or replace function clickledger.explanation_write(ids bigint[], models text[], precedences text[], truncated boolean[], policy_ids bigint[], conversion_ids bigint[], kinds text[], touch_ids uuid[],
    at_us bigint[], program_ids bigint[], partner_ids bigint[], link_ids bigint[], promo_code_ids bigint[], classes text[],
    window_us bigint[], weights integer[], amounts bigint[], verdicts text[], reasons text[])
  returns void language sql as $$
  with touches as (
    select w.conversion_id, w.partner_id, w.us, w.touch_id,
      c.program_id = w.program_id as is_concerned,
      jsonb_build_object('own', true, 'kind', w.kind, 'id', w.touch_id, 'at', clickledger.api_time(clickledger.us_time(w.us)), 'link_id', w.link_id,
        'promo_code_id', w.promo_code_id, 'class', w.class, 'verdict', w.verdict, 'reason', w.reason, 'weight_ppm', w.weight,
        'amount_minor', w.amount, 'window_days', trim_scale(round(w.window_us / 86400000000.0, 4)),
        'window_from', clickledger.api_time(c.occurred_at - w.window_us / 3600000000 * interval '1 hour'),
        'window_to', clickledger.api_time(c.occurred_at),
        'age_seconds', trunc(extract(epoch from c.occurred_at - clickledger.us_time(w.us)), 3)) as own,
      jsonb_build_object('own', false, 'kind', w.kind, 'verdict', w.verdict, 'reason', w.reason,
        'age_days', floor(extract(epoch from c.occurred_at - clickledger.us_time(w.us)) / 86400)) as others
    from unnest(conversion_ids, kinds, touch_ids, at_us, program_ids, partner_ids, link_ids, promo_code_ids, classes, window_us,
      weights, amounts, verdicts, reasons) as w (conversion_id, kind, touch_id, us, program_id, partner_id, link_id, promo_code_id, class,
      window_us, weight, amount, verdict, reason)
    join clickledger.conversion c on c.id = w.conversion_id),
  concerned as (
    select t.conversion_id, t.partner_id from touches t where t.is_concerned and t.partner_id <> 0
    union
    select m.conversion_id, m.partner_id from clickledger.commission m where m.conversion_id = any (ids)),
  told as (
    select p.conversion_id, p.partner_id,
      coalesce(jsonb_agg(case when t.partner_id = p.partner_id then t.own else t.others end order by t.us desc, t.touch_id)
        filter (where t.conversion_id is not null), '[]') as touches
    from concerned p left join touches t on t.conversion_id = p.conversion_id
    group by p.conversion_id, p.partner_id),
  commissions as (select * from clickledger.commission_told(ids)),
  lines as (
    select t.id, t.conversion_id, t.partner_id, jsonb_build_object('transaction_id', t.id, 'key', t.key, 'kind', t.kind,
      'posted_at', clickledger.api_time(t.posted_at),
      'entries', jsonb_agg(jsonb_build_object('account', a.kind, 'amount_minor', e.amount_minor) order by a.id)) as body
    from clickledger.ledger_transaction t
    join clickledger.ledger_entry e on e.transaction_id = t.id and e.partner_id is not null
    join clickledger.ledger_account a on a.id = e.account_id
    where t.conversion_id = any (ids)
    group by t.id),
  ledgers as (
    select conversion_id, partner_id, jsonb_agg(body order by id) as body from lines group by conversion_id, partner_id),
  gone as (
    delete from clickledger.explanation x
    where x.conversion_id = any (ids) and not exists (
      select from concerned p where p.conversion_id = x.conversion_id and p.partner_id = x.partner_id))
  insert into clickledger.explanation as x (conversion_id, partner_id, body)
  select p.conversion_id, p.partner_id, jsonb_build_object(
    'conversion', jsonb_build_object('id', c.id, 'program_id', c.program_id, 'kind', c.kind, 'status', c.status,
        'occurred_at', clickledger.api_time(c.occurred_at), 'currency', c.currency)
      || case when m.body is null then '{}' else jsonb_build_object('order_id', c.order_id, 'reason', c.reason,
        'amount_minor', c.amount_minor, 'refunded_minor', c.refunded_minor) end,
    'model', w.model, 'precedence', w.precedence, 'truncated', w.truncated, 'policy', clickledger.policy_told(w.policy_id),
    'touches', p.touches, 'commission', m.body, 'ledger', coalesce(l.body, '[]'))
  from told p
  join unnest(ids, models, precedences, truncated, policy_ids) as w (id, model, precedence, truncated, policy_id) on w.id = p.conversion_id
  join clickledger.conversion c on c.id = p.conversion_id
  left join commissions m on m.conversion_id = p.conversion_id and m.partner_id = p.partner_id
  left join ledgers l on l.conversion_id = p.conversion_id and l.partner_id = p.partner_id
  on conflict (conversion_id, partner_id) do update set body = excluded.body, updated_at = now()
  where x.body is distinct from excluded.body
$$;

-- --- The API ------------------------------------------------------------------------------------------------------------

create or replace function clickledger.terms_json(row_of clickledger.terms) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'program_id', row_of.program_id, 'partner_id', row_of.partner_id,
    'version', row_of.version, 'effective_from', clickledger.api_time(row_of.effective_from),
    'commission_kind', row_of.commission_kind, 'rate_ppm', row_of.rate_ppm, 'fixed_minor', row_of.fixed_minor,
    'hold_days', row_of.hold_days, 'window_days', row_of.window_days, 'precedence', row_of.precedence,
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
                     window_days, precedence)
  select (p->>'id')::bigint, (p->>'partner_id')::bigint,
    1 + coalesce((select max(t.version) from terms t where t.program_id = (p->>'id')::bigint
                    and t.partner_id is not distinct from (p->>'partner_id')::bigint), 0),
    coalesce((p->>'effective_from')::timestamptz, now()), p->>'commission_kind', (p->>'rate_ppm')::integer,
    (p->>'fixed_minor')::bigint, coalesce((p->>'hold_days')::integer, 0), coalesce((p->>'window_days')::integer, 30),
    coalesce(p->>'precedence', 'code_over_click')
  returning * into made;
  for n in 1 .. coalesce(jsonb_array_length(p->'rules'), 0) loop
    perform rule_write(made.id, p->'rules'->(n - 1), n);
  end loop;
  perform pg_notify('clickledger_work', '');
  return terms_json(made);
end $$;

create function clickledger.api_partner_group(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  from_now_on constant tstzmultirange := tstzmultirange(tstzrange(now(), null));
  made partner_group;
begin
  perform api_valid(exists (select from partner where id = (p->>'partner_id')::bigint), 'partner_id', 'there is no such partner');
  if not exists (select from program where id = (p->>'id')::bigint) then
    return api_missing('programme');
  end if;
  insert into partner_group as g (program_id, name, partner_id, active_at)
  values ((p->>'id')::bigint, p->>'name', (p->>'partner_id')::bigint, case when (p->>'member')::boolean then from_now_on else '{}' end)
  on conflict (program_id, name, partner_id) do update
    set active_at = case when (p->>'member')::boolean then g.active_at + from_now_on else g.active_at - from_now_on end
  returning * into made;
  return json_build_object('program_id', made.program_id, 'name', made.name, 'partner_id', made.partner_id, 'member', made.active_at @> now());
end $$;
comment on function clickledger.api_partner_group(jsonb) is 'PATCH /v1/programs/{id}/partner-groups: a partner belongs to a group, or does not any more, from now on.';

create function clickledger.api_product_category(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  if not exists (select from program where id = (p->>'id')::bigint) then
    return api_missing('programme');
  end if;
  insert into product_category (program_id, product, category) values ((p->>'id')::bigint, p->>'product', p->>'category')
  on conflict (program_id, product) do update set category = excluded.category;
  perform pg_notify('clickledger_work', '');
  return json_build_object('program_id', (p->>'id')::bigint, 'product', p->>'product', 'category', p->>'category');
end $$;
comment on function clickledger.api_product_category(jsonb) is 'PATCH /v1/programs/{id}/products: the category of a product, for all its orders.';

create function clickledger.product_category_moved() returns trigger language plpgsql security definer
  set search_path = pg_catalog, pg_temp as $$
begin
  insert into clickledger.conversion_due
  select c.id from clickledger.conversion c where c.program_id = new.program_id and c.product = new.product
  on conflict do nothing;
  return null;
end $$;
comment on function clickledger.product_category_moved() is 'Trigger: the orders of a product whose category has changed are computed anew.';
create trigger moved after insert or update on clickledger.product_category
  for each row execute function clickledger.product_category_moved();

-- --- Who may ------------------------------------------------------------------------------------------------------------

do $$
declare
  name text;
  shared regprocedure;
begin
  foreach name in array array['commission_rule', 'commission_tier', 'partner_group', 'product_category'] loop
    execute format('alter table clickledger.%I enable row level security', name);
    execute format('alter table clickledger.%I force row level security', name);
    execute format('create policy analyst on clickledger.%I for select to cl_analyst using (true)', name);
    execute format($policy$create policy team on clickledger.%I to cl_api
      using (current_setting('cl.team', true) = 'on') with check (current_setting('cl.team', true) = 'on')$policy$, name);
    execute format('grant select on clickledger.%I to cl_analyst, cl_api, cl_attrib', name);
    execute format('grant insert on clickledger.%I to cl_api', name);
  end loop;
  for shared in
    select oid from pg_proc
    where pronamespace = 'clickledger'::regnamespace
      and proname in ('rule_need', 'rule_whole', 'rule_text', 'rule_tiers_write', 'rule_write', 'rules_json', 'api_partner_group', 'api_product_category')
  loop
    execute format('grant execute on function %s to cl_api', shared);
  end loop;
  for shared in
    select oid from pg_proc
    where pronamespace = 'clickledger'::regnamespace
      and proname in ('commission_rules', 'customer_kind', 'commission_facts', 'commission_unit', 'commission_posted', 'commission_write',
        'commission_due', 'commission_told')
  loop
    execute format('grant execute on function %s to cl_attrib', shared);
  end loop;
end $$;
create policy partner_own on clickledger.partner_group for select to cl_api
  using (partner_id = nullif(current_setting('cl.partner', true), '')::bigint);
grant update (active_at) on clickledger.partner_group to cl_api;
grant update (category) on clickledger.product_category to cl_api;
grant select (rule_id, month, weight_ppm, volume_minor, uncapped_minor, limited_by, customer_kind) on clickledger.commission to cl_analyst;

-- --- The explanation as text --------------------------------------------------------------------------------------------
-- Made of the explanation itself, so the text of a partner can say nothing that its explanation does not hold.

create function clickledger.told(lang text, code text, variadic said text[] default '{}') returns text
  language sql stable set search_path = clickledger, pg_temp as $$
  select coalesce((select format(case lang when 'ru' then p.text_ru else p.text_en end, variadic said) from phrase p where p.code = told.code), told.code)
$$;
comment on function clickledger.told(text, text, text[]) is 'A phrase in a language with its values; a code without a phrase is told as it is.';

create function clickledger.told_money(minor text, currency text) returns text
  language sql stable set search_path = clickledger, pg_temp as $$
  select round(minor::numeric / power(10::numeric, c.exponent), c.exponent) || ' ' || c.code from currency c where c.code = told_money.currency
$$;
comment on function clickledger.told_money(text, text) is 'Minor units as an amount with its decimals and currency.';

create function clickledger.told_commission(m jsonb, currency text, lang text) returns text[]
  language sql stable set search_path = clickledger, pg_temp as $$
  select array_remove(array[
    told(lang, 'terms', m->>'terms_version', told(lang, 'terms_of_' || (m->>'terms_of')), left(m->>'effective_from', 10)),
    case when m ? 'rule' then told(lang, 'rule', m->'rule'->>'place') end,
    case when m->'rule' ? 'tier_mode' then told(lang, 'tiers', told_money(m->'rule'->>'volume_minor', currency), told_money(m->>'base_minor', currency),
        told_money(m->>'uncapped_minor', currency))
      when m->>'kind' <> 'fixed' then told(lang, 'percent', trim_scale((m->>'rate_ppm')::numeric / 10000)::text, told_money(m->>'base_minor', currency),
        trim_scale((m->>'base_minor')::numeric * (m->>'rate_ppm')::numeric / 1000000 / power(10::numeric, (select exponent from currency c where c.code = told_commission.currency)))::text) end,
    case when m->>'kind' <> 'percent' then told(lang, 'fixed', told_money(m->>'fixed_minor', currency)) end,
    case when m->>'limited_by' is not null then told(lang, 'limit_' || (m->>'limited_by')) end,
    told(lang, 'commission_' || (m->>'status'), told_money(m->>'amount_minor', currency), left(m->>'hold_until', 10))], null)
$$;
comment on function clickledger.told_commission(jsonb, text, text) is 'Lines about a commission.';

create function clickledger.explanation_text(body jsonb, lang text) returns text
  language sql stable set search_path = clickledger, pg_temp as $$
  with told_lines (place, line) as (
    select 1::bigint, case when c ? 'order_id' then told(lang, 'order', c->>'order_id', left(replace(c->>'occurred_at', 'T', ' '), 16) || ' UTC',
        told_money(c->>'amount_minor', c->>'currency'), told_money(c->>'refunded_minor', c->>'currency'), told(lang, 'status_' || (c->>'status')))
      else told(lang, 'order_other', left(replace(c->>'occurred_at', 'T', ' '), 16) || ' UTC', told(lang, 'status_' || (c->>'status'))) end
    from (select body->'conversion' as c) s
    union all
    select 2, told(lang, 'declined', case lang when 'ru' then r.text_ru else r.text_en end)
    from decline_reason r where r.code = body->'conversion'->>'reason'
    union all
    select 3, told(lang, 'rules', told(lang, 'model_' || (body->>'model')), told(lang, 'precedence_' || (body->>'precedence')))
    union all
    select 4, told(lang, 'truncated') where (body->>'truncated')::boolean
    union all
    select 100 + t.place, case when (t.touch->>'own')::boolean
      then told(lang, 'touch_own', told(lang, 'kind_' || (t.touch->>'kind')), left(replace(t.touch->>'at', 'T', ' '), 16) || ' UTC',
        case when t.touch->>'verdict' = 'won' then told(lang, 'verdict_won_share', trim_scale((t.touch->>'weight_ppm')::numeric / 10000)::text)
          else told(lang, 'verdict_' || (t.touch->>'verdict')) end, told(lang, 'reason_' || (t.touch->>'reason')))
      else told(lang, 'touch_other', told(lang, 'kind_' || (t.touch->>'kind')), t.touch->>'age_days', told(lang, 'verdict_' || (t.touch->>'verdict')),
        told(lang, 'reason_' || (t.touch->>'reason'))) end
    from jsonb_array_elements(body->'touches') with ordinality as t (touch, place)
    union all
    select 10000 + l.place, l.line
    from unnest(case when jsonb_typeof(body->'commission') = 'object' then told_commission(body->'commission', body->'conversion'->>'currency', lang)
      else array[told(lang, 'commission_none')] end) with ordinality as l (line, place)
    union all
    select 15000, told(lang, 'fact_' || (f->>'fact'), f->>'measured') || ' ' || told(lang, 'action_' || (f->>'action'))
    from jsonb_array_elements(case when jsonb_typeof(body->'commission') = 'object' then body->'commission'->'facts' else '[]' end) as f
    union all
    select 20000 + 10 * t.place + e.place, told(lang, 'posted', left(t.line->>'posted_at', 10), told_money(e.entry->>'amount_minor', body->'conversion'->>'currency'),
      told(lang, 'account_' || (e.entry->>'account')))
    from jsonb_array_elements(body->'ledger') with ordinality as t (line, place)
    cross join lateral jsonb_array_elements(t.line->'entries') with ordinality as e (entry, place))
  select string_agg(line, E'\n' order by place) from told_lines
$$;
comment on function clickledger.explanation_text(jsonb, text) is 'An explanation as lines of text a partner understands, in en or ru.';

create or replace function clickledger.api_conversion_explain(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select coalesce((
    select json_build_object('conversion_id', (p->>'id')::bigint, 'explanations', json_agg(json_build_object(
      'partner_id', e.partner_id, 'updated_at', api_time(e.updated_at), 'explanation', e.body,
      'text', case when p->>'lang' is not null then explanation_text(e.body, p->>'lang') end) order by e.partner_id))
    from explanation e where e.conversion_id = (p->>'id')::bigint
    having count(*) > 0), api_missing('explanation'));
$$;

do $$
declare
  shared regprocedure;
begin
  for shared in
    select oid from pg_proc where pronamespace = 'clickledger'::regnamespace and proname in ('told', 'told_money', 'told_commission', 'explanation_text')
  loop
    execute format('grant execute on function %s to cl_api', shared);
  end loop;
end $$;
