-- Conversions in other currencies than the programme's: rates as dated data, and what each conversion was before it was
-- converted. A rate is an integer: units of the one currency for one unit of the other, times 10^12. attrib converts
-- (base/money.h); here is what it asks and writes.

create table clickledger.currency_rate (
  id            bigint generated always as identity primary key,
  from_currency text not null references clickledger.currency,
  to_currency   text not null references clickledger.currency,
  valid_from    timestamptz not null,
  rate_pico     bigint not null check (rate_pico between 1 and 9000000000000000000),
  source        text not null check (length(source) between 1 and 200),
  created_at    timestamptz not null default now(),
  applied       boolean not null default false,
  check (from_currency <> to_currency)
);
create index currency_rate_pair on clickledger.currency_rate (from_currency, to_currency, valid_from desc, id desc);
create index currency_rate_open on clickledger.currency_rate (id) where not applied;
comment on table clickledger.currency_rate is 'Rates of currencies, never changed. In force is that of the newest valid_from; of several with the same one the last that was posted, which corrects the others.';
comment on column clickledger.currency_rate.id is 'Number of the rate.';
comment on column clickledger.currency_rate.from_currency is 'Currency of the report.';
comment on column clickledger.currency_rate.to_currency is 'Currency of the programme.';
comment on column clickledger.currency_rate.valid_from is 'In force for conversions from this moment until the next rate''s.';
comment on column clickledger.currency_rate.rate_pico is 'Units of to_currency for one unit of from_currency, times 10^12; from 1 to 9 * 10^18.';
comment on column clickledger.currency_rate.source is 'Who says so.';
comment on column clickledger.currency_rate.created_at is 'When it was posted.';
comment on column clickledger.currency_rate.applied is 'Whether attrib has put the conversions that it concerns on its list.';

create table clickledger.conversion_exchange (
  conversion_id  bigint primary key references clickledger.conversion,
  currency       text not null references clickledger.currency,
  amount_minor   bigint not null check (amount_minor >= 0),
  refunded_minor bigint not null check (refunded_minor between 0 and amount_minor),
  rate_id        bigint not null references clickledger.currency_rate
);
comment on table clickledger.conversion_exchange is 'Conversions that were reported in another currency than the programme''s, as reported. conversion holds the same in the programme''s.';
comment on column clickledger.conversion_exchange.conversion_id is 'The conversion.';
comment on column clickledger.conversion_exchange.currency is 'Currency of its first report that counts, and so of all that do.';
comment on column clickledger.conversion_exchange.amount_minor is 'Amount before refunds in that currency, minor units.';
comment on column clickledger.conversion_exchange.refunded_minor is 'How much of it was refunded, in that currency.';
comment on column clickledger.conversion_exchange.rate_id is 'Rate in force at the conversion''s time; refunds are converted by it, too.';

create index conversion_report_exchange on clickledger.conversion_report (currency)
  where verdict in ('rate_missing', 'currency_mismatch');
comment on column clickledger.conversion_report.verdict is 'What became of it; null: attrib has not looked at it yet. applied: it is part of the conversion''s state; program_mismatch: likewise, but its click belongs to another programme and does not count; rate_missing: no rate of its currency was in force, looked at again when one arrives; currency_mismatch: not the currency of the conversion; every other value says why it changed nothing.';

-- What attrib asks and writes.

create function clickledger.rate_at(from_currency text, to_currency text, at timestamptz) returns setof clickledger.currency_rate
  language sql stable as $$
  select r.* from clickledger.currency_rate r
  where r.from_currency = $1 and r.to_currency = $2 and r.valid_from <= $3
  order by r.valid_from desc, r.id desc limit 1
$$;
comment on function clickledger.rate_at(text, text, timestamptz) is 'Rate in force at a moment; no row: none is.';

create function clickledger.rate_expand(rates_max integer) returns bigint language sql as $$
  with taken as (
    update clickledger.currency_rate set applied = true
    where id in (select id from clickledger.currency_rate where not applied order by id limit rates_max)
    returning from_currency, to_currency, valid_from),
  since as (
    select from_currency, to_currency, min(valid_from) as at from taken group by from_currency, to_currency),
  reopened as (
    update clickledger.conversion_report r set verdict = null, verdict_at = null
    from since s
    join clickledger.program p on p.currency = s.to_currency
    where r.currency = s.from_currency and r.program_id = p.id and r.verdict in ('rate_missing', 'currency_mismatch')
      and coalesce(r.event_time, r.ts) >= s.at),
  due as (
    insert into clickledger.conversion_due
    select c.id from since s
    join clickledger.conversion_exchange x on x.currency = s.from_currency
    join clickledger.conversion c on c.id = x.conversion_id and c.currency = s.to_currency and c.occurred_at >= s.at
    on conflict do nothing)
  select count(*) from taken
$$;
comment on function clickledger.rate_expand(integer) is 'Turns new rates into the reports that waited for one and the conversions since they are valid; returns how many rates.';

drop function clickledger.order_events(bigint[], text[], text[], integer);
create function clickledger.order_events(program_ids bigint[], kinds text[], order_ids text[], reports_max integer)
  returns table (ordinal bigint, is_decision boolean, id text, number bigint, at_us bigint, is_timed boolean, is_pixel boolean,
    status text, amount text, amount_minor bigint, click_state text, currency text, event_id text, click_id uuid,
    visitor_id uuid, promo text, customer text, product text, reason text, rate_pico bigint, rate_id bigint)
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
    r.currency, r.event_id, r.click_id, r.visitor_id, r.promo, r.customer, r.product, null, coalesce(x.rate_pico, 0), coalesce(x.id, 0)
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
    0, 0
  from orders o
  join clickledger.conversion c on c.program_id = o.program_id and c.kind = o.kind and c.order_id = o.order_id
  join clickledger.conversion_decision d on d.conversion_id = c.id
  order by 1;
end $$;
comment on function clickledger.order_events(bigint[], text[], text[], integer) is 'Decisions and the first reports_max reports of orders, by the order''s place in the arrays. rate_pico, rate_id: of a report in another currency, in force at its time; 0: none.';

create function clickledger.conversion_exchange_write(ids bigint[], foreign_ids bigint[], currencies text[], amounts bigint[], refunds bigint[],
    rate_ids bigint[]) returns void language sql as $$
  delete from clickledger.conversion_exchange x where x.conversion_id = any (ids) and x.conversion_id <> all (foreign_ids);
  insert into clickledger.conversion_exchange as x
  select * from unnest(foreign_ids, currencies, amounts, refunds, rate_ids)
  on conflict (conversion_id) do update set currency = excluded.currency, amount_minor = excluded.amount_minor,
    refunded_minor = excluded.refunded_minor, rate_id = excluded.rate_id
  where x is distinct from excluded
$$;
comment on function clickledger.conversion_exchange_write(bigint[], bigint[], text[], bigint[], bigint[], bigint[]) is 'Writes what conversions were before they were converted; those of ids that are not foreign_ids were not.';

-- Why.

create function clickledger.exchange_told(conversion_id bigint) returns jsonb language sql stable as $$
  select jsonb_build_object('currency', x.currency, 'amount_minor', x.amount_minor, 'refunded_minor', x.refunded_minor,
    'rate', trim_scale(r.rate_pico::numeric / 1000000000000)::text, 'source', r.source, 'valid_from', clickledger.api_time(r.valid_from),
    'rounding', 'half_even')
  from clickledger.conversion_exchange x join clickledger.currency_rate r on r.id = x.rate_id
  where x.conversion_id = $1
$$;
comment on function clickledger.exchange_told(bigint) is 'What a conversion was before it was converted, and the rate; null: it was reported in the programme''s currency.';

insert into clickledger.phrase (code, text_en, text_ru) values
  ('exchange', 'Reported as %s, of which %s refunded; 1 %s = %s %s (%s, since %s).', 'Заказ пришёл как %s, из них возвращено %s; 1 %s = %s %s (%s, с %s).');

create function clickledger.told_exchange(x jsonb, currency text, lang text) returns text
  language sql stable set search_path = clickledger, pg_temp as $$
  select told(lang, 'exchange', told_money(x->>'amount_minor', x->>'currency'), told_money(x->>'refunded_minor', x->>'currency'),
    x->>'currency', x->>'rate', told_exchange.currency, x->>'source', left(x->>'valid_from', 10))
$$;
comment on function clickledger.told_exchange(jsonb, text, text) is 'A line about the rate of a conversion.';

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
  where m.conversion_id = any (ids)
$$;

create or replace function clickledger.told_commission(m jsonb, currency text, lang text) returns text[]
  language sql stable set search_path = clickledger, pg_temp as $$
  select array_remove(array[
    case when m ? 'exchange' then told_exchange(m->'exchange', currency, lang) end,
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

-- The API.

create function clickledger.rate_json(row_of clickledger.currency_rate) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'from_currency', row_of.from_currency, 'to_currency', row_of.to_currency,
    'valid_from', clickledger.api_time(row_of.valid_from), 'rate', trim_scale(row_of.rate_pico::numeric / 1000000000000)::text,
    'source', row_of.source, 'created_at', clickledger.api_time(row_of.created_at));
comment on function clickledger.rate_json(clickledger.currency_rate) is 'A rate as answers show it.';

create function clickledger.api_rates(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select r as item from currency_rate r where id < (api_after(p))[1]
    order by id desc limit api_limit(p) + 1)
  select api_page(array_agg(rate_json(item) order by (item).id desc),
                  array_agg(api_cursor((item).id) order by (item).id desc), p)
  from page
$$;
comment on function clickledger.api_rates(jsonb) is 'GET /v1/currency-rates.';

create function clickledger.api_rate_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  name text;
  made currency_rate;
begin
  foreach name in array array['from_currency', 'to_currency'] loop
    perform api_valid(exists (select from currency c where c.code = p->>name), name, 'must be an ISO 4217 code in use');
  end loop;
  perform api_valid(p->>'from_currency' <> p->>'to_currency', 'to_currency', 'must be another currency');
  perform api_valid(p->>'rate' ~ '^[0-9]{1,7}(\.[0-9]{1,12})?$' and (p->>'rate')::numeric between 0.000000000001 and 9000000, 'rate',
                    'must be a decimal text above 0, at most 9000000, with at most 12 decimals');
  insert into currency_rate (from_currency, to_currency, valid_from, rate_pico, source)
  values (p->>'from_currency', p->>'to_currency', (p->>'valid_from')::timestamptz, ((p->>'rate')::numeric * 1000000000000)::bigint,
    p->>'source')
  returning * into made;
  perform pg_notify('clickledger_work', '');
  return rate_json(made);
end $$;
comment on function clickledger.api_rate_create(jsonb) is 'POST /v1/currency-rates: a rate; one with the same pair and valid_from corrects it.';

-- Who may.

do $$
declare
  name text;
  shared regprocedure;
begin
  foreach name in array array['currency_rate', 'conversion_exchange'] loop
    execute format('alter table clickledger.%I enable row level security', name);
    execute format('alter table clickledger.%I force row level security', name);
    execute format('create policy analyst on clickledger.%I for select to cl_analyst using (true)', name);
    execute format('grant select on clickledger.%I to cl_analyst, cl_attrib', name);
  end loop;
  for shared in
    select oid from pg_proc where pronamespace = 'clickledger'::regnamespace
      and proname in ('rate_at', 'rate_expand', 'order_events', 'conversion_exchange_write', 'exchange_told')
  loop
    execute format('grant execute on function %s to cl_attrib', shared);
  end loop;
  for shared in
    select oid from pg_proc where pronamespace = 'clickledger'::regnamespace
      and proname in ('told_exchange', 'rate_json', 'api_rates', 'api_rate_create')
  loop
    execute format('grant execute on function %s to cl_api', shared);
  end loop;
end $$;
create policy team on clickledger.currency_rate to cl_api
  using (current_setting('cl.team', true) = 'on') with check (current_setting('cl.team', true) = 'on');
grant select, insert on clickledger.currency_rate to cl_api;
grant update (applied) on clickledger.currency_rate to cl_attrib;
grant insert, update, delete on clickledger.conversion_exchange to cl_attrib;
