-- Rules of a version of terms: who pays how much for what, with limits and tiers. What no rule matches is paid by the terms'
-- own rate. The conditions of the most specific matching rule are a superset in this order (docs/commission.md): product,
-- category, partner group, customer, channel, country, kind. Two rules with the same conditions cannot be saved, so one wins.

create table clickledger.partner_group (
  program_id bigint not null references clickledger.program,
  name       text not null check (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  partner_id bigint not null references clickledger.partner,
  active_at  tstzmultirange not null,
  primary key (program_id, name, partner_id)
);
create index partner_group_partner on clickledger.partner_group (partner_id);
comment on table clickledger.partner_group is 'Groups of partners that rules may ask for.';
comment on column clickledger.partner_group.program_id is 'The programme.';
comment on column clickledger.partner_group.name is 'Name of the group.';
comment on column clickledger.partner_group.partner_id is 'A member.';
comment on column clickledger.partner_group.active_at is 'When it was and is one: an order is judged by the moment of its touch.';

create table clickledger.product_category (
  program_id bigint not null references clickledger.program,
  product    text not null check (length(product) between 1 and 200),
  category   text not null check (length(category) between 1 and 200),
  primary key (program_id, product)
);
comment on table clickledger.product_category is 'Categories of a shop''s products.';
comment on column clickledger.product_category.program_id is 'The programme.';
comment on column clickledger.product_category.product is 'The product as reports name it.';
comment on column clickledger.product_category.category is 'Its category.';

create table clickledger.commission_rule (
  id              bigint generated always as identity primary key,
  terms_id        bigint not null references clickledger.terms,
  place           integer not null check (place > 0),
  kind            text,
  product         text check (length(product) between 1 and 200),
  category        text check (length(category) between 1 and 200),
  partner_group   text check (length(partner_group) between 1 and 63),
  customer_kind   text check (customer_kind in ('new', 'returning')),
  channel         text check (channel in ('code', 'click')),
  country         text check (country ~ '^[A-Z]{2}$'),
  commission_kind text not null check (commission_kind in ('percent', 'fixed', 'hybrid')),
  rate_ppm        integer check (rate_ppm between 0 and 1000000),
  fixed_minor     bigint check (fixed_minor between 0 and 1000000000000000),
  tier_mode       text check (tier_mode in ('marginal', 'whole')),
  order_min_minor bigint check (order_min_minor between 0 and 1000000000000000),
  order_max_minor bigint check (order_max_minor between 0 and 1000000000000000),
  month_max_minor bigint check (month_max_minor between 0 and 1000000000000000),
  hold_days       integer check (hold_days between 0 and 3650),
  unique (terms_id, place),
  unique nulls not distinct (terms_id, kind, product, category, partner_group, customer_kind, channel, country),
  check ((commission_kind in ('fixed', 'hybrid')) = (fixed_minor is not null)),
  check ((commission_kind in ('percent', 'hybrid')) = (rate_ppm is not null or tier_mode is not null)),
  check (rate_ppm is null or tier_mode is null),
  check (order_min_minor <= order_max_minor)
);
comment on table clickledger.commission_rule is 'Rules of versions of terms, never changed. A condition that is null does not ask.';
comment on column clickledger.commission_rule.id is 'Number of the rule.';
comment on column clickledger.commission_rule.terms_id is 'The version of terms.';
comment on column clickledger.commission_rule.place is 'Its place in the version''s list, from 1.';
comment on column clickledger.commission_rule.kind is 'Condition: kind of the conversion.';
comment on column clickledger.commission_rule.product is 'Condition: the order''s product.';
comment on column clickledger.commission_rule.category is 'Condition: category of the product (product_category).';
comment on column clickledger.commission_rule.partner_group is 'Condition: a group of the partner when the touch happened.';
comment on column clickledger.commission_rule.customer_kind is 'Condition: new: no earlier conversion of the customer that was not declined; returning: there is one; neither without a customer whose reference the shop signed.';
comment on column clickledger.commission_rule.channel is 'Condition: code: the partner''s latest credited touch is a promo code; click: it is not.';
comment on column clickledger.commission_rule.country is 'Condition: country of the click, ISO 3166-1 alpha-2.';
comment on column clickledger.commission_rule.commission_kind is 'percent of the base, fixed per order, hybrid: both.';
comment on column clickledger.commission_rule.rate_ppm is 'Rate in ppm; null with tiers.';
comment on column clickledger.commission_rule.fixed_minor is 'Fixed part, minor units.';
comment on column clickledger.commission_rule.tier_mode is 'By the volume of the partner''s month: marginal: each part of the volume by its own tier; whole: all by the tier of the whole month. Null: no tiers.';
comment on column clickledger.commission_rule.order_min_minor is 'Least commission of an order, times the partner''s share.';
comment on column clickledger.commission_rule.order_max_minor is 'Largest commission of an order, times the partner''s share.';
comment on column clickledger.commission_rule.month_max_minor is 'Largest sum that the rule gives a partner in a month.';
comment on column clickledger.commission_rule.hold_days is 'Days of hold; null: those of the terms.';

create table clickledger.commission_tier (
  rule_id    bigint not null references clickledger.commission_rule,
  from_minor bigint not null check (from_minor between 0 and 1000000000000000),
  rate_ppm   integer not null check (rate_ppm between 0 and 1000000),
  primary key (rule_id, from_minor)
);
comment on table clickledger.commission_tier is 'Tiers of rules: from a volume on, a rate.';
comment on column clickledger.commission_tier.rule_id is 'The rule.';
comment on column clickledger.commission_tier.from_minor is 'Volume of the month from which it holds; the first is 0.';
comment on column clickledger.commission_tier.rate_ppm is 'Rate in ppm.';

alter table clickledger.commission
  add column rule_id bigint references clickledger.commission_rule,
  add column month timestamptz,
  add column weight_ppm integer not null default 1000000 check (weight_ppm between 0 and 1000000),
  add column volume_minor bigint not null default 0,
  add column uncapped_minor bigint not null default 0,
  add column limited_by text check (limited_by in ('order_min', 'order_max', 'month_max')),
  add column customer_kind text check (customer_kind in ('new', 'returning'));
update clickledger.commission m set uncapped_minor = m.amount_minor, month = date_trunc('month', c.occurred_at, p.time_zone)
from clickledger.conversion c join clickledger.program p on p.id = c.program_id where c.id = m.conversion_id;
create index commission_unit on clickledger.commission (program_id, partner_id, month);
comment on column clickledger.commission.rule_id is 'Rule that pays; null: the terms'' own rate.';
comment on column clickledger.commission.month is 'Begin of the month of the unit it was computed in: programme, partner, month in the programme''s zone.';
comment on column clickledger.commission.weight_ppm is 'The partner''s share of the conversion; 0: it lost all of it.';
comment on column clickledger.commission.volume_minor is 'Volume that chose its tier: of the month before this order, or of the whole month; 0 without tiers.';
comment on column clickledger.commission.uncapped_minor is 'What it would be without least and largest amounts.';
comment on column clickledger.commission.customer_kind is 'What rules were told of the customer; null: not known, or its terms have no rules.';
comment on column clickledger.commission.limited_by is 'Which of them changed it; null: none.';

-- --- Saving a list of rules -------------------------------------------------------------------------------------------

create function clickledger.rule_need(good boolean, place text, message text) returns void
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  if good is not true then
    perform api_fail(422, 'rules', place || ': ' || message);
  end if;
end $$;
comment on function clickledger.rule_need(boolean, text, text) is 'CL422 rules with the place of the mistake unless good is true.';

create function clickledger.rule_whole(rule jsonb, place text, name text, most bigint) returns bigint
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  if rule->name is null then
    return null;
  end if;
  perform rule_need(jsonb_typeof(rule->name) = 'number' and (rule->>name)::numeric = trunc((rule->>name)::numeric)
    and (rule->>name)::numeric between 0 and most, place || '.' || name, 'must be an integer from 0 to ' || most);
  return (rule->>name)::numeric::bigint;
end $$;
comment on function clickledger.rule_whole(jsonb, text, text, bigint) is 'A member that is an integer from 0 to most; null: it is not there.';

create function clickledger.rule_text(rule jsonb, place text, name text, pattern text) returns text
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  if rule->name is null then
    return null;
  end if;
  perform rule_need(jsonb_typeof(rule->name) = 'string' and rule->>name ~ pattern, place || '.' || name, 'must match ' || pattern);
  return rule->>name;
end $$;
comment on function clickledger.rule_text(jsonb, text, text, text) is 'A member that is a text of that form; null: it is not there.';

create function clickledger.rule_tiers_write(rule_id bigint, tiers jsonb, place text) returns void
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  at text;
  from_minor bigint;
  before bigint;
begin
  perform rule_need(jsonb_typeof(tiers) = 'array' and jsonb_array_length(tiers) between 1 and 32, place, 'must be a list of 1 to 32 tiers');
  for n in 0 .. jsonb_array_length(tiers) - 1 loop
    at := format('%s[%s]', place, n);
    perform rule_need(jsonb_typeof(tiers->n) = 'object', at, 'must be an object');
    perform rule_need(not exists (select from jsonb_object_keys(tiers->n) k where k not in ('from_minor', 'rate_ppm')), at, 'knows from_minor and rate_ppm only');
    from_minor := rule_whole(tiers->n, at, 'from_minor', 1000000000000000);
    perform rule_need(from_minor is not null and rule_whole(tiers->n, at, 'rate_ppm', 1000000) is not null, at, 'needs from_minor and rate_ppm');
    perform rule_need(n > 0 or from_minor = 0, at || '.from_minor', 'the first tier begins at 0, or there is a gap below it');
    perform rule_need(n = 0 or from_minor > before, at || '.from_minor', 'tiers ascend, or two of them contradict each other');
    before := from_minor;
    insert into commission_tier values (rule_id, from_minor, rule_whole(tiers->n, at, 'rate_ppm', 1000000));
  end loop;
end $$;
comment on function clickledger.rule_tiers_write(bigint, jsonb, text) is 'Checks and writes the tiers of a rule.';

create function clickledger.rule_write(terms_id bigint, rule jsonb, n integer) returns void
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  place constant text := format('rules[%s]', n - 1);
  r commission_rule;
  same integer;
  unknown text;
begin
  select string_agg(k, ', ' order by k) into unknown from jsonb_object_keys(rule) k where k not in ('kind', 'product', 'category', 'partner_group',
    'customer_kind', 'channel', 'country', 'commission_kind', 'rate_ppm', 'fixed_minor', 'tier_mode', 'tiers', 'order_min_minor', 'order_max_minor',
    'month_max_minor', 'hold_days');
  perform rule_need(unknown is null, place, 'unknown: ' || unknown);
  r.kind := rule_text(rule, place, 'kind', '^(sale|lead|contract|payment|stage)$');
  r.product := rule_text(rule, place, 'product', '^.{1,200}$');
  r.category := rule_text(rule, place, 'category', '^.{1,200}$');
  r.partner_group := rule_text(rule, place, 'partner_group', '^[a-z0-9][a-z0-9_-]{0,62}$');
  r.customer_kind := rule_text(rule, place, 'customer_kind', '^(new|returning)$');
  r.channel := rule_text(rule, place, 'channel', '^(code|click)$');
  r.country := rule_text(rule, place, 'country', '^[A-Z]{2}$');
  r.commission_kind := rule_text(rule, place, 'commission_kind', '^(percent|fixed|hybrid)$');
  perform rule_need(r.commission_kind is not null, place || '.commission_kind', 'is needed');
  r.rate_ppm := rule_whole(rule, place, 'rate_ppm', 1000000);
  r.fixed_minor := rule_whole(rule, place, 'fixed_minor', 1000000000000000);
  r.tier_mode := rule_text(rule, place, 'tier_mode', '^(marginal|whole)$');
  r.order_min_minor := rule_whole(rule, place, 'order_min_minor', 1000000000000000);
  r.order_max_minor := rule_whole(rule, place, 'order_max_minor', 1000000000000000);
  r.month_max_minor := rule_whole(rule, place, 'month_max_minor', 1000000000000000);
  r.hold_days := rule_whole(rule, place, 'hold_days', 3650);
  perform rule_need((r.tier_mode is not null) = (rule->'tiers' is not null), place, 'tier_mode and tiers belong together');
  perform rule_need((r.commission_kind in ('fixed', 'hybrid')) = (r.fixed_minor is not null), place || '.fixed_minor', 'is needed for fixed and hybrid, and only there');
  perform rule_need((r.commission_kind in ('percent', 'hybrid')) = (r.rate_ppm is not null or r.tier_mode is not null), place || '.rate_ppm',
    'rate_ppm, or tiers, is needed for percent and hybrid, and only there');
  perform rule_need(r.rate_ppm is null or r.tier_mode is null, place || '.rate_ppm', 'either rate_ppm or tiers');
  perform rule_need(coalesce(r.order_min_minor <= r.order_max_minor, true), place || '.order_min_minor', 'must not be above order_max_minor');
  perform rule_need(coalesce(r.order_min_minor <= r.month_max_minor, true), place || '.order_min_minor', 'must not be above month_max_minor');
  select o.place into same from commission_rule o where o.terms_id = rule_write.terms_id
    and (o.kind, o.product, o.category, o.partner_group, o.customer_kind, o.channel, o.country)
      is not distinct from (r.kind, r.product, r.category, r.partner_group, r.customer_kind, r.channel, r.country);
  perform rule_need(same is null, place, format('asks the same as rules[%s], so they contradict each other', same - 1));
  insert into commission_rule (terms_id, place, kind, product, category, partner_group, customer_kind, channel, country, commission_kind, rate_ppm,
    fixed_minor, tier_mode, order_min_minor, order_max_minor, month_max_minor, hold_days)
  values (rule_write.terms_id, n, r.kind, r.product, r.category, r.partner_group, r.customer_kind, r.channel, r.country, r.commission_kind,
    r.rate_ppm, r.fixed_minor, r.tier_mode, r.order_min_minor, r.order_max_minor, r.month_max_minor, r.hold_days)
  returning id into r.id;
  if r.tier_mode is not null then
    perform rule_tiers_write(r.id, rule->'tiers', place || '.tiers');
  end if;
end $$;
comment on function clickledger.rule_write(bigint, jsonb, integer) is 'Checks and writes the n-th rule of a version of terms. CL422 with the place: unknown members, gaps, contradictions.';

create function clickledger.rules_json(terms_id bigint) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select coalesce(json_agg(jsonb_strip_nulls(to_jsonb(r) - 'id' - 'terms_id' - 'place' || jsonb_build_object('tiers', (
    select jsonb_agg(jsonb_build_object('from_minor', t.from_minor, 'rate_ppm', t.rate_ppm) order by t.from_minor)
    from commission_tier t where t.rule_id = r.id))) order by r.place), '[]'::json)
  from commission_rule r where r.terms_id = rules_json.terms_id
$$;
comment on function clickledger.rules_json(bigint) is 'The rules of a version of terms as they were given.';

-- --- Computing anew ---------------------------------------------------------------------------------------------------

create table clickledger.recompute_run (
  id          bigint generated always as identity primary key,
  from_at     timestamptz not null,
  to_at       timestamptz not null,
  program_id  bigint references clickledger.program,
  started_at  timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  conversions bigint,
  check (from_at < to_at)
);
comment on table clickledger.recompute_run is 'Runs of clickledger-attrib recompute that posted what they found. What each posted are the ledger_transaction with its number.';
comment on column clickledger.recompute_run.id is 'Number of the run. Dry runs take numbers, too.';
comment on column clickledger.recompute_run.from_at is 'Conversions from this time on.';
comment on column clickledger.recompute_run.to_at is 'And before this one.';
comment on column clickledger.recompute_run.program_id is 'Only of this programme; null: of all.';
comment on column clickledger.recompute_run.started_at is 'When it began.';
comment on column clickledger.recompute_run.finished_at is 'When it had done all; null: it was broken off, and may be run again.';
comment on column clickledger.recompute_run.conversions is 'How many it computed.';
alter table clickledger.recompute_run enable row level security;
alter table clickledger.recompute_run force row level security;
create policy analyst on clickledger.recompute_run for select to cl_analyst using (true);
create policy team on clickledger.recompute_run for select to cl_api using (current_setting('cl.team', true) = 'on');
grant select on clickledger.recompute_run to cl_analyst, cl_api, cl_attrib;
grant insert on clickledger.recompute_run to cl_attrib;
grant update (finished_at, conversions) on clickledger.recompute_run to cl_attrib;

alter table clickledger.ledger_transaction add column run_id bigint default nullif(current_setting('cl.run', true), '')::bigint;
create index ledger_transaction_run on clickledger.ledger_transaction (run_id) where run_id is not null;
comment on column clickledger.ledger_transaction.run_id is 'Run of recompute that found the difference; null: none.';
grant select (run_id) on clickledger.ledger_transaction to cl_analyst;

create or replace function clickledger.terms_at(program_id bigint, partner_id bigint, at timestamptz) returns setof clickledger.terms
  language sql stable as $$
  select t.* from clickledger.terms t
  where t.program_id = $1 and (t.partner_id = $2 or t.partner_id is null)
    and case coalesce(current_setting('cl.terms', true), '') when '' then t.effective_from <= $3
      else t.id = current_setting('cl.terms', true)::bigint end
  order by t.partner_id is null, t.effective_from desc, t.version desc
  limit 1
$$;
comment on function clickledger.terms_at(bigint, bigint, timestamptz) is 'Terms in force for a partner at a moment: the partner''s own newest version, else the programme''s; no row: none. The setting cl.terms names others, to see what they would give.';

create function clickledger.order_recompute(from_us bigint, to_us bigint, program_id bigint, after_id bigint, orders_max integer)
  returns table (program_id bigint, kind text, order_id text, currency text, conversion_id bigint) language sql stable as $$
  select c.program_id, c.kind, c.order_id, p.currency, c.id
  from clickledger.conversion c join clickledger.program p on p.id = c.program_id
  where c.occurred_at >= clickledger.us_time(from_us) and c.occurred_at < clickledger.us_time(to_us)
    and ($3 is null or c.program_id = $3) and c.id > after_id
  order by c.id limit orders_max
$$;
comment on function clickledger.order_recompute(bigint, bigint, bigint, bigint, integer) is 'Conversions of [from, to) to be computed anew, by number; columns as of order_take().';

create function clickledger.order_due(orders_max integer)
  returns table (program_id bigint, kind text, order_id text, currency text, conversion_id bigint) language sql stable as $$
  select c.program_id, c.kind, c.order_id, p.currency, c.id
  from (select conversion_id from clickledger.conversion_due order by conversion_id limit orders_max) d
  join clickledger.conversion c on c.id = d.conversion_id
  join clickledger.program p on p.id = c.program_id
  order by c.id
$$;
comment on function clickledger.order_due(integer) is 'Conversions that are due, without what else is on the list of order_take().';

create function clickledger.recompute_differences(run bigint, after_id bigint, rows_max integer)
  returns table (transaction_id bigint, kind text, program_id bigint, order_id text, conversion_id bigint, partner_id bigint, currency text,
    pending_minor bigint, available_minor bigint) language sql stable as $$
  select t.id, t.kind, t.program_id, c.order_id, t.conversion_id, t.partner_id, t.currency,
    coalesce(sum(e.amount_minor) filter (where a.kind = 'partner_pending'), 0)::bigint,
    coalesce(sum(e.amount_minor) filter (where a.kind = 'partner_available'), 0)::bigint
  from clickledger.ledger_transaction t
  join clickledger.ledger_entry e on e.transaction_id = t.id
  join clickledger.ledger_account a on a.id = e.account_id
  left join clickledger.conversion c on c.id = t.conversion_id
  where t.run_id = run and t.id > after_id
  group by t.id, c.order_id
  order by t.id limit rows_max
$$;
comment on function clickledger.recompute_differences(bigint, bigint, integer) is 'What a run posted, by number: what the partner''s accounts gained.';

create function clickledger.recompute_totals(run bigint)
  returns table (program_id bigint, partner_id bigint, currency text, before_minor bigint, after_minor bigint) language sql stable as $$
  with changed as (
    select t.program_id, t.partner_id, t.currency, sum(e.amount_minor) as gained
    from clickledger.ledger_transaction t
    join clickledger.ledger_entry e on e.transaction_id = t.id and e.partner_id is not null
    where t.run_id = run
    group by 1, 2, 3)
  select c.program_id, c.partner_id, c.currency, (b.total - c.gained)::bigint, b.total::bigint
  from changed c
  cross join lateral (
    select sum(e.amount_minor) as total
    from clickledger.ledger_account a join clickledger.ledger_entry e on e.account_id = a.id
    where a.program_id = c.program_id and a.partner_id = c.partner_id and a.currency = c.currency) b
  order by 1, 2, 3
$$;
comment on function clickledger.recompute_totals(bigint) is 'All that each partner whom a run concerned has (pending, available, reserved, paid), before and after.';

do $$
declare
  function regprocedure;
begin
  for function in
    select p.oid from pg_proc p
    where p.pronamespace = 'clickledger'::regnamespace
      and p.proname in ('order_recompute', 'order_due', 'recompute_differences', 'recompute_totals')
  loop
    execute format('grant execute on function %s to cl_attrib', function);
  end loop;
end $$;

-- --- What explanations say ------------------------------------------------------------------------------------------------

create table clickledger.phrase (
  code    text primary key check (code ~ '^[a-z_]{1,60}$'),
  text_en text not null,
  text_ru text not null
);
comment on table clickledger.phrase is 'Phrases of explanations, with %s for values.';
comment on column clickledger.phrase.code is 'Where it is used: reasons of touches, models, statuses and lines.';
comment on column clickledger.phrase.text_en is 'In English.';
comment on column clickledger.phrase.text_ru is 'In Russian.';
alter table clickledger.phrase enable row level security;
alter table clickledger.phrase force row level security;
create policy analyst on clickledger.phrase for select to cl_analyst using (true);
create policy asker on clickledger.phrase for select to cl_api using (nullif(current_setting('cl.key', true), '') is not null);
grant select on clickledger.phrase to cl_api, cl_analyst;
insert into clickledger.phrase (code, text_en, text_ru) values
  ('order', 'Order %s of %s: %s, of which %s refunded; %s.', 'Заказ %s от %s: %s, из них возвращено %s; %s.'),
  ('order_other', 'An order of %s; %s.', 'Заказ от %s; %s.'),
  ('declined', 'Declined: %s', 'Отклонён: %s'),
  ('status_pending', 'not confirmed yet', 'ещё не подтверждён'),
  ('status_approved', 'confirmed', 'подтверждён'),
  ('status_declined', 'declined', 'отклонён'),
  ('status_refunded', 'refunded completely', 'возвращён полностью'),
  ('rules', 'Who is credited: %s; %s.', 'Кому засчитано: %s; %s.'),
  ('model_last', 'the last touch', 'последнее касание'),
  ('model_first', 'the first touch', 'первое касание'),
  ('model_linear', 'all touches alike', 'все касания поровну'),
  ('model_position', 'touches by their position', 'касания по их месту в пути'),
  ('model_time_decay', 'later touches more than earlier ones', 'поздние касания больше ранних'),
  ('model_bound', 'the partner to whom the customer is bound', 'партнёр, за которым закреплён клиент'),
  ('precedence_none', 'codes and clicks count alike', 'промокоды и клики равны'),
  ('precedence_last_touch', 'codes and clicks count alike', 'промокоды и клики равны'),
  ('precedence_code_over_click', 'a code goes before clicks', 'промокод важнее клика'),
  ('precedence_click_over_code', 'a click goes before codes', 'клик важнее промокода'),
  ('precedence_split', 'codes and clicks share', 'промокоды и клики делят заказ'),
  ('truncated', 'The journey was longer than the programme looks at; the oldest touches do not count.', 'Путь длиннее, чем учитывает программа; самые старые касания не считаются.'),
  ('touch_own', 'Your %s of %s: %s (%s).', 'Ваше касание (%s) от %s: %s (%s).'),
  ('touch_other', 'Another touch (%s), %s days before the order: %s (%s).', 'Чужое касание (%s), за %s дн. до заказа: %s (%s).'),
  ('kind_click', 'click', 'клик'),
  ('kind_promo', 'promo code', 'промокод'),
  ('kind_impression', 'impression', 'показ'),
  ('kind_visit', 'visit from another channel', 'визит из другого канала'),
  ('verdict_won', 'credited', 'засчитано'),
  ('verdict_won_share', 'credited %s %%', 'засчитано %s %%'),
  ('verdict_lost', 'not credited', 'не засчитано'),
  ('verdict_ineligible', 'does not count', 'не учитывается'),
  ('reason_competes', 'it was not decided', 'решение не принято'),
  ('reason_last_touch', 'it was the last', 'оно последнее'),
  ('reason_first_touch', 'it was the first', 'оно первое'),
  ('reason_share', 'its share of the order', 'его доля заказа'),
  ('reason_customer_bound', 'the customer is bound to a partner', 'клиент закреплён за партнёром'),
  ('reason_later_touch', 'a later touch came', 'было касание позже'),
  ('reason_earlier_touch', 'an earlier touch came first', 'было касание раньше'),
  ('reason_code_beats_click', 'a promo code goes before a click', 'промокод важнее клика'),
  ('reason_click_beats_code', 'a click goes before a promo code', 'клик важнее промокода'),
  ('reason_share_zero', 'its share is below a millionth', 'его доля меньше миллионной'),
  ('reason_other_program', 'it belongs to another programme', 'оно относится к другой программе'),
  ('reason_no_partner', 'it belongs to no partner', 'у него нет партнёра'),
  ('reason_class', 'it was not made by a person, or repeats another', 'его сделал не человек, или это повтор'),
  ('reason_kind_not_counted', 'the programme does not count this kind', 'программа не учитывает этот вид'),
  ('reason_inactive', 'the code or its partner was not active', 'промокод или партнёр не был активен'),
  ('reason_after_conversion', 'it came after the order', 'оно было после заказа'),
  ('reason_outside_window', 'it was too long before the order', 'оно было слишком задолго до заказа'),
  ('reason_code_entered', 'the code was entered before, which counts', 'промокод был введён раньше, это и считается'),
  ('reason_truncated', 'the journey was too long', 'путь был слишком длинным'),
  ('commission_none', 'No commission is yours for this order.', 'Комиссии за этот заказ у вас нет.'),
  ('terms', 'Terms: version %s of the %s, in force since %s.', 'Условия: версия %s (%s), действуют с %s.'),
  ('terms_of_program', 'programme', 'программа'),
  ('terms_of_partner', 'partner', 'партнёр'),
  ('rule', 'Rule %s of the terms applies.', 'Применено правило %s этих условий.'),
  ('percent', '%s %% of %s = %s.', '%s %% от %s = %s.'),
  ('fixed', 'Fixed: %s.', 'Фиксированная сумма: %s.'),
  ('tiers', 'By the volume of the month, %s, on %s: %s.', 'По обороту месяца, %s, с %s: %s.'),
  ('limit_order_min', 'Raised to the least commission of an order.', 'Увеличено до наименьшей комиссии за заказ.'),
  ('limit_order_max', 'Cut to the largest commission of an order.', 'Ограничено наибольшей комиссией за заказ.'),
  ('limit_month_max', 'Cut to what was left of the month''s largest sum.', 'Ограничено остатком наибольшей суммы за месяц.'),
  ('commission_pending', 'Commission: %s, on hold: available from %s on, once the order is confirmed.', 'Комиссия: %s, удерживается: доступна с %s, если заказ подтверждён.'),
  ('commission_available', 'Commission: %s, available.', 'Комиссия: %s, доступна.'),
  ('commission_void', 'Commission: none; the order was declined, refunded, or credited to others.', 'Комиссии нет: заказ отклонён, возвращён или засчитан другим.'),
  ('fact_self_referral', 'The customer is the partner.', 'Покупатель и партнёр одно лицо.'),
  ('fact_too_fast', 'Only %s seconds passed from the click to the order.', 'От клика до заказа прошло всего %s с.'),
  ('fact_code_without_visit', 'The order came by code without any visit.', 'Заказ пришёл по промокоду без единого визита.'),
  ('fact_order_velocity', 'The customer had %s other orders within 24 hours.', 'У покупателя было ещё %s заказов за 24 часа.'),
  ('action_pass', 'This does not hold the commission.', 'Комиссия из-за этого не удерживается.'),
  ('action_hold', 'The commission is held until the programme approves the order.', 'Комиссия удерживается, пока программа не одобрит заказ.'),
  ('posted', 'Posted on %s: %s to your %s account.', 'Проводка от %s: %s, счёт «%s».'),
  ('account_partner_pending', 'pending', 'в ожидании'),
  ('account_partner_available', 'available', 'доступно'),
  ('account_partner_reserved', 'reserved', 'в выплате'),
  ('account_partner_paid', 'paid', 'выплачено');
