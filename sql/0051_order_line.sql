-- Lines of orders: as reported, folded with their refunds, and what each partner gets for each. Commissions of orders that
-- have lines are paid for these, each by the most specific rule of its product and category.

alter table clickledger.conversion_report add column lines text;
comment on column clickledger.conversion_report.lines is 'Lines of the order, or of the refund, one a row: sku, product, category, quantity, amount, commissionable, with tabs between; amounts in minor units of its currency.';
grant select (lines) on clickledger.conversion_report to cl_analyst;

create table clickledger.conversion_line (
  conversion_id        bigint not null references clickledger.conversion,
  place                integer not null check (place > 0),
  sku                  text,
  product              text,
  category             text,
  quantity             bigint not null check (quantity > 0),
  amount_minor         bigint not null check (amount_minor >= 0),
  commissionable_minor bigint not null check (commissionable_minor between 0 and amount_minor),
  refunded_minor       bigint not null check (refunded_minor between 0 and amount_minor),
  base_minor           bigint not null check (base_minor >= 0),
  primary key (conversion_id, place)
);
create index conversion_line_product on clickledger.conversion_line (coalesce(product, sku));
comment on table clickledger.conversion_line is 'Lines of orders: those of the report whose amount stands, with what refunds took of them. Kept by attrib.';
comment on column clickledger.conversion_line.conversion_id is 'The order.';
comment on column clickledger.conversion_line.place is 'Place in the report, from 1.';
comment on column clickledger.conversion_line.sku is 'The shop''s number of the article.';
comment on column clickledger.conversion_line.product is 'What was sold, as the shop names it; rules that ask for a product mean it, or the sku where there is none.';
comment on column clickledger.conversion_line.category is 'Its category: the line''s own, else that of the product.';
comment on column clickledger.conversion_line.quantity is 'How many.';
comment on column clickledger.conversion_line.amount_minor is 'Amount of the whole line, minor units of the currency that was reported.';
comment on column clickledger.conversion_line.commissionable_minor is 'How much of it the shop pays commission for; likewise.';
comment on column clickledger.conversion_line.refunded_minor is 'How much of the amount was refunded; likewise.';
comment on column clickledger.conversion_line.base_minor is 'What commission is paid for: the commissionable part of what was not refunded, minor units of the programme''s currency.';

create table clickledger.commission_line (
  conversion_id  bigint not null,
  partner_id     bigint not null references clickledger.partner,
  place          integer not null check (place > 0),
  rule_id        bigint references clickledger.commission_rule,
  base_minor     bigint not null check (base_minor >= 0),
  is_left        boolean not null,
  uncapped_minor bigint not null check (uncapped_minor >= 0),
  amount_minor   bigint not null check (amount_minor >= 0),
  volume_minor   bigint not null,
  primary key (conversion_id, partner_id, place),
  foreign key (conversion_id, partner_id) references clickledger.commission deferrable initially deferred
);
comment on table clickledger.commission_line is 'What partners get for lines of orders. Lines of one rule are paid together; the sum is divided by their bases, by largest remainder. The lines of a commission sum to it.';
comment on column clickledger.commission_line.conversion_id is 'The order.';
comment on column clickledger.commission_line.partner_id is 'The partner.';
comment on column clickledger.commission_line.place is 'Place of the line.';
comment on column clickledger.commission_line.rule_id is 'Rule that pays; null: the terms'' own rate.';
comment on column clickledger.commission_line.base_minor is 'The partner''s part of the line''s base, minor units of the programme''s currency.';
comment on column clickledger.commission_line.is_left is 'Whether the line has a base; one that has none pays no fixed sum either.';
comment on column clickledger.commission_line.uncapped_minor is 'What it would be without least and largest amounts.';
comment on column clickledger.commission_line.amount_minor is 'The commission.';
comment on column clickledger.commission_line.volume_minor is 'Volume that chose the tier; 0 without tiers.';

-- --- What attrib asks and writes ----------------------------------------------------------------------------------------

drop function clickledger.order_events(bigint[], text[], text[], integer);
create function clickledger.order_events(program_ids bigint[], kinds text[], order_ids text[], reports_max integer)
  returns table (ordinal bigint, is_decision boolean, id text, number bigint, at_us bigint, is_timed boolean, is_pixel boolean,
    status text, amount text, amount_minor bigint, click_state text, currency text, event_id text, click_id uuid,
    visitor_id uuid, promo text, customer text, product text, reason text, rate_pico bigint, rate_id bigint, lines text)
  language plpgsql stable rows 2000 as $$
#variable_conflict use_column
declare
  first_click timestamptz;
  last_click timestamptz;
begin
  -- Variables, so that a plan leaves out the partitions of other days.
  select min(clickledger.click_ts(r.click_id)), max(clickledger.click_ts(r.click_id)) into first_click, last_click
    from unnest(program_ids, order_ids) as o (program_id, order_id)
    join clickledger.conversion_report r on r.program_id = o.program_id and r.order_id = o.order_id;
  return query
  with orders as (
    select o.*, p.currency as program_currency
    from unnest(program_ids, kinds, order_ids) with ordinality as o (program_id, kind, order_id, ordinal)
    join clickledger.program p on p.id = o.program_id),
  reports as (
    select o.ordinal, o.program_id as order_program_id, o.program_currency, r.*,
      row_number() over (partition by o.ordinal order by r.id) as place
    from orders o
    join clickledger.conversion_report r
      on r.program_id = o.program_id and r.order_id = o.order_id and coalesce(r.kind, 'sale') = o.kind and r.reason = 'none')
  select r.ordinal, false, r.id::text, 0::bigint, clickledger.time_us(coalesce(r.event_time, r.ts)), r.event_time is not null,
    r.source = 'pixel', r.status, r.amount, coalesce(r.amount_minor, -1),
    case when r.click_id is null then 'unsaid' when k.click_id is null then 'unknown'
      when k.program_id = r.order_program_id then 'ours' else 'foreign' end,
    r.currency, r.event_id, r.click_id, r.visitor_id, r.promo, r.customer, r.product, null, coalesce(x.rate_pico, 0), coalesce(x.id, 0),
    r.lines
  from reports r
  left join clickledger.click k on k.click_id = r.click_id and k.ts = clickledger.click_ts(r.click_id)
    and k.ts between first_click and last_click
  left join lateral (
    select a.rate_pico, a.id from clickledger.rate_at(r.currency, r.program_currency, coalesce(r.event_time, r.ts)) a
    where r.currency <> r.program_currency) x on true
  where r.place <= reports_max
  union all
  select o.ordinal, true, '', d.id, clickledger.time_us(d.decided_at), true, false,
    case d.action when 'approve' then 'approved' else 'declined' end, null, 0, 'unsaid', null, null, null, null, null, null, null, d.reason,
    0, 0, null
  from orders o
  join clickledger.conversion c on c.program_id = o.program_id and c.kind = o.kind and c.order_id = o.order_id
  join clickledger.conversion_decision d on d.conversion_id = c.id
  order by 1;
end $$;
comment on function clickledger.order_events(bigint[], text[], text[], integer) is 'Decisions and the first reports_max reports of orders, by the order''s place in the arrays. rate_pico, rate_id: of a report in another currency, in force at its time; 0: none.';

create function clickledger.conversion_line_write(ids bigint[], conversion_ids bigint[], places integer[], skus text[], products text[],
    categories text[], quantities bigint[], amounts bigint[], commissionables bigint[], refunds bigint[], bases bigint[])
  returns table (category text) language sql as $$
  delete from clickledger.conversion_line l
  where l.conversion_id = any (ids)
    and not exists (select from unnest(conversion_ids, places) as w (conversion_id, place) where w.conversion_id = l.conversion_id and w.place = l.place);
  with wanted as (
    select w.conversion_id, w.place, w.sku, w.product, coalesce(w.category, p.category) as category, w.quantity, w.amount, w.commissionable,
      w.refunded, w.base, w.ordinal
    from unnest(conversion_ids, places, skus, products, categories, quantities, amounts, commissionables, refunds, bases) with ordinality
      as w (conversion_id, place, sku, product, category, quantity, amount, commissionable, refunded, base, ordinal)
    join clickledger.conversion c on c.id = w.conversion_id
    left join clickledger.product_category p on p.program_id = c.program_id and p.product = coalesce(w.product, w.sku)),
  written as (
    insert into clickledger.conversion_line as l
    select conversion_id, place, sku, product, category, quantity, amount, commissionable, refunded, base from wanted
    on conflict (conversion_id, place) do update set sku = excluded.sku, product = excluded.product, category = excluded.category,
      quantity = excluded.quantity, amount_minor = excluded.amount_minor, commissionable_minor = excluded.commissionable_minor,
      refunded_minor = excluded.refunded_minor, base_minor = excluded.base_minor
    where l is distinct from excluded)
  select category from wanted order by ordinal
$$;
comment on function clickledger.conversion_line_write(bigint[], bigint[], integer[], text[], text[], text[], bigint[], bigint[], bigint[], bigint[], bigint[]) is 'Writes the lines of the orders ids, which have no others; returns the category of each.';

create function clickledger.commission_line_write(ids bigint[], conversion_ids bigint[], partner_ids bigint[], places integer[], rule_ids bigint[],
    bases bigint[], left_over boolean[], uncapped bigint[], amounts bigint[], volumes bigint[]) returns void language sql as $$
  delete from clickledger.commission_line l
  where l.conversion_id = any (ids) and not exists (
    select from unnest(conversion_ids, partner_ids, places) as w (conversion_id, partner_id, place)
    where w.conversion_id = l.conversion_id and w.partner_id = l.partner_id and w.place = l.place);
  insert into clickledger.commission_line as l
  select conversion_id, partner_id, place, nullif(rule_id, 0), base, is_left, uncapped, amount, volume
  from unnest(conversion_ids, partner_ids, places, rule_ids, bases, left_over, uncapped, amounts, volumes)
    as w (conversion_id, partner_id, place, rule_id, base, is_left, uncapped, amount, volume)
  on conflict (conversion_id, partner_id, place) do update set rule_id = excluded.rule_id, base_minor = excluded.base_minor,
    is_left = excluded.is_left, uncapped_minor = excluded.uncapped_minor, amount_minor = excluded.amount_minor,
    volume_minor = excluded.volume_minor
  where l is distinct from excluded
$$;
comment on function clickledger.commission_line_write(bigint[], bigint[], bigint[], integer[], bigint[], bigint[], boolean[], bigint[], bigint[], bigint[]) is 'Writes what partners get for lines of the orders ids, which have no others.';

drop function clickledger.commission_unit(bigint[], bigint[], bigint[], bigint[]);
create function clickledger.commission_unit(program_ids bigint[], partner_ids bigint[], months_us bigint[], ids bigint[]) returns table (
    conversion_id bigint, partner_id bigint, program_id bigint, month_us bigint, occurred_us bigint, kind text, order_id text, status text,
    base_minor bigint, weight_ppm bigint, terms_id bigint, rule_id bigint, amount_minor bigint, volume_minor bigint, uncapped_minor bigint,
    part integer)
  language sql stable rows 1000 as $$
  with units as materialized (
    select distinct * from unnest(program_ids, partner_ids, months_us) as u (program_id, partner_id, month_us)
    where exists (
      select from clickledger.terms t join clickledger.commission_rule r on r.terms_id = t.id
      where t.program_id = u.program_id and (r.tier_mode is not null or r.month_max_minor is not null)))
  select m.conversion_id, m.partner_id, m.program_id, u.month_us, clickledger.time_us(c.occurred_at), c.kind, c.order_id,
    case when not l.is_left and c.status <> 'declined' then 'refunded' else c.status end,
    coalesce(l.base_minor, m.base_minor), m.weight_ppm::bigint, m.terms_id, case when l.part is null then m.rule_id else l.rule_id end,
    coalesce(l.amount_minor, m.amount_minor), coalesce(l.volume_minor, m.volume_minor), coalesce(l.uncapped_minor, m.uncapped_minor),
    coalesce(l.part, 0)
  from units u
  join clickledger.commission m
    on m.program_id = u.program_id and m.partner_id = u.partner_id and m.month = clickledger.us_time(u.month_us)
  join clickledger.conversion c on c.id = m.conversion_id
  left join lateral (
    select min(i.place) as part, i.rule_id, sum(i.base_minor)::bigint as base_minor, bool_or(i.is_left) as is_left,
      sum(i.amount_minor)::bigint as amount_minor, max(i.volume_minor) as volume_minor, sum(i.uncapped_minor)::bigint as uncapped_minor
    from clickledger.commission_line i
    where i.conversion_id = m.conversion_id and i.partner_id = m.partner_id
    group by i.rule_id) l on true
  where m.weight_ppm > 0 and m.conversion_id <> all (ids)
$$;
comment on function clickledger.commission_unit(bigint[], bigint[], bigint[], bigint[]) is 'Written commissions of units besides those of the given conversions, where one order''s commission can depend on another''s: the programme has tiers or a largest sum a month. Of orders with lines one row per rule: part is the place of its first line; else 0.';

create or replace function clickledger.product_category_moved() returns trigger language plpgsql security definer
  set search_path = pg_catalog, pg_temp as $$
begin
  insert into clickledger.conversion_due
  select c.id from clickledger.conversion c where c.program_id = new.program_id and c.product = new.product
  union
  select c.id from clickledger.conversion_line l join clickledger.conversion c on c.id = l.conversion_id
  where coalesce(l.product, l.sku) = new.product and c.program_id = new.program_id
  on conflict do nothing;
  return null;
end $$;

-- --- Why ----------------------------------------------------------------------------------------------------------------

create function clickledger.lines_told(conversion_id bigint, partner_id bigint) returns jsonb language sql stable as $$
  select jsonb_agg(jsonb_strip_nulls(jsonb_build_object('place', c.place, 'sku', c.sku, 'product', c.product, 'category', c.category,
    'quantity', c.quantity, 'amount_minor', c.amount_minor, 'commissionable_minor', c.commissionable_minor, 'refunded_minor', c.refunded_minor,
    'base_minor', l.base_minor, 'rule', r.place, 'kind', coalesce(r.commission_kind, t.commission_kind),
    'rate_ppm', case when r.id is null then t.rate_ppm else r.rate_ppm end,
    'fixed_minor', case when r.id is null then t.fixed_minor else r.fixed_minor end,
    'tier_mode', r.tier_mode, 'volume_minor', case when r.tier_mode is not null then l.volume_minor end,
    'uncapped_minor', l.uncapped_minor, 'commission_minor', l.amount_minor)) order by c.place)
  from clickledger.commission_line l
  join clickledger.conversion_line c on c.conversion_id = l.conversion_id and c.place = l.place
  join clickledger.commission m on m.conversion_id = l.conversion_id and m.partner_id = l.partner_id
  join clickledger.terms t on t.id = m.terms_id
  left join clickledger.commission_rule r on r.id = l.rule_id
  where l.conversion_id = $1 and l.partner_id = $2
$$;
comment on function clickledger.lines_told(bigint, bigint) is 'Lines of an order as a partner''s explanation tells them, each with its base, rule and rate; null: it has none. Amounts and refunds are in the reported currency, base and commission in the programme''s.';

create or replace function clickledger.commission_told(ids bigint[]) returns table (conversion_id bigint, partner_id bigint, body jsonb)
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
    || case when x.body is null then '{}' else jsonb_build_object('exchange', x.body) end
    || case when i.body is null then '{}' else jsonb_build_object('lines', i.body, 'exact_minor', null) end
    || case when r.id is null then '{}' else jsonb_build_object('rule', jsonb_strip_nulls(jsonb_build_object('place', r.place, 'kind', r.kind,
        'product', r.product, 'category', r.category, 'partner_group', r.partner_group, 'customer_kind', r.customer_kind, 'channel', r.channel,
        'country', r.country, 'order_min_minor', r.order_min_minor, 'order_max_minor', r.order_max_minor, 'month_max_minor', r.month_max_minor,
        'tier_mode', r.tier_mode, 'volume_minor', case when r.tier_mode is not null then m.volume_minor end,
        'tiers', (select jsonb_agg(jsonb_build_object('from_minor', i.from_minor, 'rate_ppm', i.rate_ppm) order by i.from_minor)
                  from clickledger.commission_tier i where i.rule_id = r.id)))) end
  from clickledger.commission m
  join clickledger.terms t on t.id = m.terms_id
  left join clickledger.commission_rule r on r.id = m.rule_id
  cross join lateral (select clickledger.exchange_told(m.conversion_id) as body) x
  cross join lateral (select clickledger.lines_told(m.conversion_id, m.partner_id) as body) i
  where m.conversion_id = any (ids)
$$;

insert into clickledger.phrase (code, text_en, text_ru) values
  ('line_percent', 'Line %s, %s: %s, of which %s for commission; %s %% by %s: %s.', 'Строка %s, %s: %s, из них для комиссии %s; %s %%, %s: %s.'),
  ('line_tiers', 'Line %s, %s: %s, of which %s for commission; by the volume of the month, %s: %s.', 'Строка %s, %s: %s, из них для комиссии %s; по обороту месяца, %s: %s.'),
  ('line_fixed', 'Line %s, %s: %s, of which %s for commission; fixed, by %s: %s.', 'Строка %s, %s: %s, из них для комиссии %s; фиксированная сумма, %s: %s.'),
  ('line_rule', 'rule %s', 'правило %s'),
  ('line_own', 'the terms', 'условия');

create function clickledger.told_line(l jsonb, reported text, currency text, lang text) returns text
  language sql stable set search_path = clickledger, pg_temp as $$
  with said as (
    select l->>'place' as place, coalesce(l->>'product', l->>'sku', l->>'category', '-') || ' x ' || (l->>'quantity') as name,
      told_money(l->>'amount_minor', reported) as amount, told_money(l->>'base_minor', currency) as base,
      case when l ? 'rule' then told(lang, 'line_rule', l->>'rule') else told(lang, 'line_own') end as rule,
      told_money(l->>'commission_minor', currency) as commission)
  select case when l ? 'tier_mode' then told(lang, 'line_tiers', place, name, amount, base, rule, commission)
    when l ? 'rate_ppm' then told(lang, 'line_percent', place, name, amount, base, trim_scale((l->>'rate_ppm')::numeric / 10000)::text, rule, commission)
    else told(lang, 'line_fixed', place, name, amount, base, rule, commission) end
  from said
$$;
comment on function clickledger.told_line(jsonb, text, text, text) is 'A line of an order as text; reported: the currency of its amount.';

create or replace function clickledger.told_commission(m jsonb, currency text, lang text) returns text[]
  language sql stable set search_path = clickledger, pg_temp as $$
  select array_remove(array[
    case when m ? 'exchange' then told_exchange(m->'exchange', currency, lang) end,
    told(lang, 'terms', m->>'terms_version', told(lang, 'terms_of_' || (m->>'terms_of')), left(m->>'effective_from', 10)),
    case when m ? 'rule' and not m ? 'lines' then told(lang, 'rule', m->'rule'->>'place') end,
    case when m ? 'lines' then null
      when m->'rule' ? 'tier_mode' then told(lang, 'tiers', told_money(m->'rule'->>'volume_minor', currency), told_money(m->>'base_minor', currency),
        told_money(m->>'uncapped_minor', currency))
      when m->>'kind' <> 'fixed' then told(lang, 'percent', trim_scale((m->>'rate_ppm')::numeric / 10000)::text, told_money(m->>'base_minor', currency),
        trim_scale((m->>'base_minor')::numeric * (m->>'rate_ppm')::numeric / 1000000 / power(10::numeric, (select exponent from currency c where c.code = told_commission.currency)))::text) end,
    case when m->>'kind' <> 'percent' and not m ? 'lines' then told(lang, 'fixed', told_money(m->>'fixed_minor', currency)) end], null)
    || coalesce((select array_agg(told_line(l, coalesce(m->'exchange'->>'currency', currency), currency, lang) order by (l->>'place')::integer)
      from jsonb_array_elements(m->'lines') as l), '{}')
    || array_remove(array[
    case when m->>'limited_by' is not null then told(lang, 'limit_' || (m->>'limited_by')) end,
    told(lang, 'commission_' || (m->>'status'), told_money(m->>'amount_minor', currency), left(m->>'hold_until', 10))], null)
$$;

-- --- Who may ------------------------------------------------------------------------------------------------------------

do $$
declare
  name text;
  shared regprocedure;
begin
  foreach name in array array['conversion_line', 'commission_line'] loop
    execute format('alter table clickledger.%I enable row level security', name);
    execute format('alter table clickledger.%I force row level security', name);
    execute format('create policy analyst on clickledger.%I for select to cl_analyst using (true)', name);
    execute format('grant select on clickledger.%I to cl_analyst', name);
    execute format('grant select, insert, update, delete on clickledger.%I to cl_attrib', name);
  end loop;
  for shared in
    select oid from pg_proc where pronamespace = 'clickledger'::regnamespace
      and proname in ('order_events', 'conversion_line_write', 'commission_line_write', 'commission_unit', 'lines_told')
  loop
    execute format('grant execute on function %s to cl_attrib', shared);
  end loop;
end $$;
grant execute on function clickledger.told_line(jsonb, text, text, text) to cl_api;
