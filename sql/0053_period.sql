-- Closed periods. A period is a month of a programme's zone. The ledger says of every transaction to which period it belongs: what
-- commissions gain and lose to the month of their order, all else to the month of its day. A month that is over can be closed, and
-- all before it are closed with it. What changes a closed month later is posted in the open period of its day, as kind adjust that
-- names the month it adjusts. So the sums of a closed period stay what they were, and every kopeck is in exactly one period.

create table clickledger.ledger_period (
  program_id    bigint primary key references clickledger.program,
  closed_before timestamptz not null default '-infinity'
);
comment on table clickledger.ledger_period is 'How far each programme''s periods are closed. Who posts holds its row, so that none is closed meanwhile.';
comment on column clickledger.ledger_period.program_id is 'The programme.';
comment on column clickledger.ledger_period.closed_before is 'Months that begin before this are closed; -infinity: none is.';
insert into clickledger.ledger_period (program_id) select id from clickledger.program;

create function clickledger.ledger_period_make() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into clickledger.ledger_period (program_id) values (new.id);
  return null;
end $$;
comment on function clickledger.ledger_period_make() is 'Trigger: a new programme has no closed period.';
create trigger period_made after insert on clickledger.program for each row execute function clickledger.ledger_period_make();

create table clickledger.period_close (
  program_id bigint not null references clickledger.program,
  month      timestamptz not null,
  closed_at  timestamptz not null,
  api_key_id bigint not null references clickledger.api_key,
  note       text check (length(note) between 1 and 500),
  primary key (program_id, month)
);
comment on table clickledger.period_close is 'Who closed which month, and when. Months before it that were open were closed with it. Never changed, never deleted.';
comment on column clickledger.period_close.program_id is 'The programme.';
comment on column clickledger.period_close.month is 'Begin of the month in the programme''s zone.';
comment on column clickledger.period_close.closed_at is 'When.';
comment on column clickledger.period_close.api_key_id is 'API key of the team.';
comment on column clickledger.period_close.note is 'What was written beside it.';
create trigger append_only before update or delete or truncate on clickledger.period_close
  for each statement execute function clickledger.ledger_refuse();
alter table clickledger.period_close enable always trigger append_only;

alter table clickledger.ledger_transaction add column period timestamptz, add column adjusts timestamptz,
  add constraint adjusts_before check (adjusts < period), add constraint adjust_named check (adjusts is null or kind = 'adjust');
comment on column clickledger.ledger_transaction.period is 'Begin of the month, in the programme''s zone, whose sums it belongs to.';
comment on column clickledger.ledger_transaction.adjusts is 'Begin of the closed month that it would belong to; null: none. Such a line is in the sums of the period of its day.';
alter table clickledger.ledger_transaction disable trigger append_only;
update clickledger.ledger_transaction t set period = coalesce(
  (select m.month from clickledger.commission m where m.conversion_id = t.conversion_id and m.partner_id = t.partner_id),
  date_trunc('month', coalesce((select c.occurred_at from clickledger.conversion c where c.id = t.conversion_id), t.posted_at),
    (select p.time_zone from clickledger.program p where p.id = t.program_id)));
alter table clickledger.ledger_transaction enable always trigger append_only;
create index ledger_transaction_adjusts on clickledger.ledger_transaction (program_id, adjusts) where adjusts is not null;

-- --- Posting ------------------------------------------------------------------------------------------------------------

create function clickledger.period_open(program_id bigint) returns timestamptz language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  closed timestamptz;
begin
  select p.closed_before into closed from clickledger.ledger_period p where p.program_id = $1 for share;
  return greatest(date_trunc('month', now(), (select p.time_zone from clickledger.program p where p.id = $1)), closed);
end $$;
comment on function clickledger.period_open(bigint) is 'Begin of a programme''s month of today, which stays open until this transaction ends.';

create or replace function clickledger.ledger_difference(posted clickledger.ledger_transaction, asked clickledger.ledger_transaction,
  accounts text[], amounts bigint[]) returns text language sql stable set search_path = pg_catalog, pg_temp as $$
  select concat_ws(', ',
    case when (posted).kind <> (asked).kind and (posted).adjusts is null then 'kind' end,
    case when (posted).program_id <> (asked).program_id then 'program_id' end,
    case when (posted).partner_id <> (asked).partner_id then 'partner_id' end,
    case when (posted).conversion_id is distinct from (asked).conversion_id then 'conversion_id' end,
    case when (posted).currency <> (asked).currency then 'currency' end,
    case when (posted).payout_id is distinct from (asked).payout_id then 'payout_id' end,
    case when (posted).reason is distinct from (asked).reason then 'reason' end,
    case when exists (
      select from (select a.kind, e.amount_minor
                   from clickledger.ledger_entry e join clickledger.ledger_account a on a.id = e.account_id
                   where e.transaction_id = (posted).id) as had (account, amount)
      full join unnest(accounts, amounts) as wanted (account, amount) using (account, amount)
      where had.account is null or wanted.account is null) then 'entries' end)
$$;

create or replace function clickledger.ledger_post(key text, kind text, program_id bigint, partner_id bigint, conversion_id bigint,
  currency text, accounts text[], amounts bigint[], payout_id bigint default null, reason text default null,
  author_key_id bigint default null) returns bigint language plpgsql security definer
  set search_path = pg_catalog, pg_temp as $$
declare
  asked clickledger.ledger_transaction;
  posted clickledger.ledger_transaction;
  difference text;
begin
  if cardinality(accounts) is distinct from cardinality(amounts) then
    raise exception 'ledger_post: % accounts, % amounts', cardinality(accounts), cardinality(amounts)
      using errcode = 'invalid_parameter_value';
  end if;
  if (select coalesce(sum(a), 0) from unnest(amounts) as a) <> 0 then
    raise exception 'ledger_post: the entries of % do not sum to 0', key using errcode = 'invalid_parameter_value';
  end if;
  insert into clickledger.ledger_transaction (key, kind, program_id, partner_id, conversion_id, currency, payout_id, reason, author_key_id, period)
  values ($1, $2, $3, $4, $5, $6, $9, $10, $11, clickledger.period_open($3))
  on conflict on constraint ledger_transaction_key_key do nothing
  returning * into posted;
  if posted.id is null then
    select * into strict posted from clickledger.ledger_transaction t where t.key = $1;
    select $2, $3, $4, $5, $6, $9, $10 into asked.kind, asked.program_id, asked.partner_id, asked.conversion_id, asked.currency,
      asked.payout_id, asked.reason;
    difference := clickledger.ledger_difference(posted, asked, $7, $8);
    if difference <> '' then
      raise exception 'ledger_post: key % was posted with other %', $1, difference using errcode = 'unique_violation';
    end if;
    return posted.id;
  end if;
  perform clickledger.ledger_account_lock($3, $4, $6, $7);
  insert into clickledger.ledger_entry (transaction_id, account_id, partner_id, amount_minor)
  select posted.id, a.id, a.partner_id, wanted.amount
  from unnest(accounts, amounts) as wanted (account, amount)
  join clickledger.ledger_account a
    on a.program_id = $3 and a.kind = wanted.account and a.currency = $6
    and a.partner_id is not distinct from case when wanted.account <> 'program_expense' then $4 end;
  return posted.id;
end $$;

drop function clickledger.commission_post(bigint[], bigint[], bigint[], text[], integer[], text[], bigint[], bigint[], bigint[]);
drop function clickledger.ledger_post_many(text[], text[], bigint[], bigint[], bigint[], text[], bigint[], bigint[], bigint[]);
create function clickledger.ledger_post_many(keys text[], kinds text[], program_ids bigint[], partner_ids bigint[], conversion_ids bigint[],
  currencies text[], expense bigint[], pending bigint[], available bigint[], months timestamptz[]) returns bigint language plpgsql security definer
  set search_path = pg_catalog, pg_temp as $$
declare
  posted bigint[];
begin
  if exists (select from unnest(expense, pending, available) as w (e, p, a) where e + p + a <> 0) then
    raise exception 'ledger_post_many: entries do not sum to 0' using errcode = 'invalid_parameter_value';
  end if;
  -- A close that is committed meanwhile fails this here, and one that comes later waits for it.
  perform from clickledger.ledger_period p where p.program_id = any (program_ids) order by p.program_id for share;
  -- What is there already is compared by the one who posts one by one.
  perform clickledger.ledger_post(w.key, w.kind, w.program_id, w.partner_id, w.conversion_id, w.currency, e.accounts, e.amounts)
  from unnest(keys, kinds, program_ids, partner_ids, conversion_ids, currencies, expense, pending, available)
    as w (key, kind, program_id, partner_id, conversion_id, currency, expense, pending, available)
  join clickledger.ledger_transaction t on t.key = w.key
  cross join lateral (
    select array_agg(account) as accounts, array_agg(amount) as amounts
    from (values ('program_expense', w.expense), ('partner_pending', w.pending), ('partner_available', w.available)) as v (account, amount)
    where amount <> 0) e;
  perform clickledger.ledger_account_lock(array_agg(w.program_id), array_agg(v.partner_id), array_agg(w.currency), array_agg(v.account))
  from unnest(program_ids, partner_ids, currencies, expense, pending, available)
    as w (program_id, partner_id, currency, expense, pending, available)
  cross join lateral (values ('program_expense', null, w.expense), ('partner_pending', w.partner_id, w.pending),
    ('partner_available', w.partner_id, w.available)) as v (account, partner_id, amount)
  where v.amount <> 0;
  with asked as (
    select w.*, w.month < p.closed_before as is_closed, greatest(date_trunc('month', now(), g.time_zone), p.closed_before) as open_month
    from unnest(keys, kinds, program_ids, partner_ids, conversion_ids, currencies, expense, pending, available, months) with ordinality
      as w (key, kind, program_id, partner_id, conversion_id, currency, expense, pending, available, month, place)
    join clickledger.ledger_period p on p.program_id = w.program_id
    join clickledger.program g on g.id = w.program_id),
  made as (
    insert into clickledger.ledger_transaction (key, kind, program_id, partner_id, conversion_id, currency, period, adjusts)
    select w.key, case when w.is_closed and w.expense <> 0 then 'adjust' else w.kind end, w.program_id, w.partner_id, w.conversion_id, w.currency,
      case when w.is_closed then w.open_month else w.month end, case when w.is_closed and w.expense <> 0 then w.month end
    from asked w
    where not exists (select from clickledger.ledger_transaction t where t.key = w.key)
    order by w.place
    returning id, key)
  select array_agg(m.id order by w.place) into posted from made m join asked w on w.key = m.key;
  insert into clickledger.ledger_entry (transaction_id, account_id, partner_id, amount_minor)
  select t.id, a.id, a.partner_id, v.amount
  from unnest(posted) as p (id)
  join clickledger.ledger_transaction t on t.id = p.id
  join unnest(keys, expense, pending, available) as w (key, expense, pending, available) on w.key = t.key
  cross join lateral (values ('program_expense', w.expense), ('partner_pending', w.pending), ('partner_available', w.available)) as v (account, amount)
  join clickledger.ledger_account a
    on a.program_id = t.program_id and a.kind = v.account and a.currency = t.currency
    and a.partner_id is not distinct from case when v.account <> 'program_expense' then t.partner_id end
  where v.amount <> 0
  order by t.id, a.id;
  return cardinality(keys);
end $$;
comment on function clickledger.ledger_post_many(text[], text[], bigint[], bigint[], bigint[], text[], bigint[], bigint[], bigint[], timestamptz[]) is 'ledger_post for many transactions of commissions between program_expense, partner_pending and partner_available, with the accounts locked once, each of the month of its order: in the sums of that month, or as an adjustment of it where it is closed. Keys that are there already are compared as ledger_post does; a key that another session posts meanwhile is a unique violation.';

create function clickledger.commission_post(conversion_ids bigint[], partner_ids bigint[], program_ids bigint[], currencies text[],
    revisions integer[], kinds text[], expense bigint[], pending bigint[], available bigint[], months_us bigint[])
  returns bigint language sql as $$
  select clickledger.ledger_post_many(array_agg(format('commission:%s:%s:%s', w.conversion_id, w.partner_id, w.revision) order by w.place),
    $6, $3, $2, $1, $4, $7, $8, $9, array(select clickledger.us_time(m) from unnest($10) with ordinality as u (m, place) order by place))
  from unnest(conversion_ids, partner_ids, revisions) with ordinality as w (conversion_id, partner_id, revision, place)
$$;
comment on function clickledger.commission_post(bigint[], bigint[], bigint[], text[], integer[], text[], bigint[], bigint[], bigint[], bigint[]) is 'Posts the differences of commissions, each with its revision''s key and in its month; returns how many.';
grant execute on function clickledger.ledger_post_many(text[], text[], bigint[], bigint[], bigint[], text[], bigint[], bigint[], bigint[], timestamptz[]),
  clickledger.commission_post(bigint[], bigint[], bigint[], text[], integer[], text[], bigint[], bigint[], bigint[], bigint[]) to cl_attrib;

-- --- What must hold -----------------------------------------------------------------------------------------------------

create view clickledger.period_violation with (security_invoker = true) as
select 'period_closed' as rule, t.id as transaction_id, t.conversion_id, t.partner_id,
  format('posted at %s in the period %s, which was closed at %s', t.posted_at, t.period, c.closed_at) as detail
from clickledger.ledger_transaction t
join clickledger.period_close c on c.program_id = t.program_id and t.period <= c.month and t.posted_at > c.closed_at
union all
select 'period', null, m.conversion_id, m.partner_id, format('%s of the commission %s of %s is in the month %s', l.amount, m.amount_minor, m.month, l.month)
from clickledger.commission m
join (
  select t.conversion_id, t.partner_id, coalesce(t.adjusts, t.period) as month, sum(e.amount_minor) as amount
  from clickledger.ledger_transaction t join clickledger.ledger_entry e on e.transaction_id = t.id and e.partner_id is not null
  where t.conversion_id is not null and t.key like 'commission:%'
  group by 1, 2, 3) l on l.conversion_id = m.conversion_id and l.partner_id = m.partner_id
where l.amount <> case when l.month = m.month and m.status <> 'void' then m.amount_minor else 0 end;
comment on view clickledger.period_violation is 'Where periods and ledger differ.';
comment on column clickledger.period_violation.rule is 'period_closed: posted in a period after it was closed; period: a commission is not in the month of its order, as sum or adjustment.';
comment on column clickledger.period_violation.transaction_id is 'The transaction, if it is about one.';
comment on column clickledger.period_violation.conversion_id is 'The conversion, if any.';
comment on column clickledger.period_violation.partner_id is 'The partner.';
comment on column clickledger.period_violation.detail is 'What is wrong, in words.';
create or replace view clickledger.ledger_violation with (security_invoker = true) as
select * from clickledger.posting_violation union all select * from clickledger.payout_violation union all select * from clickledger.period_violation;
comment on column clickledger.ledger_violation.rule is 'Of posting_violation, payout_violation or period_violation.';

-- --- Why ----------------------------------------------------------------------------------------------------------------

create function clickledger.month_told(program_id bigint, at timestamptz) returns text language sql stable set search_path = pg_catalog, pg_temp as $$
  select to_char(at at time zone p.time_zone, 'YYYY-MM') from clickledger.program p where p.id = $1
$$;
comment on function clickledger.month_told(bigint, timestamptz) is 'A month as answers show it, YYYY-MM in the programme''s zone.';

create function clickledger.ledger_told(ids bigint[]) returns table (id bigint, conversion_id bigint, partner_id bigint, body jsonb)
  language sql stable as $$
  select t.id, t.conversion_id, t.partner_id, jsonb_build_object('transaction_id', t.id, 'key', t.key, 'kind', t.kind,
      'posted_at', clickledger.api_time(t.posted_at), 'period', clickledger.month_told(t.program_id, t.period),
      'entries', jsonb_agg(jsonb_build_object('account', a.kind, 'amount_minor', e.amount_minor) order by a.id))
    || case when t.adjusts is null then '{}' else jsonb_build_object('adjusts', clickledger.month_told(t.program_id, t.adjusts)) end
  from clickledger.ledger_transaction t
  join clickledger.ledger_entry e on e.transaction_id = t.id and e.partner_id is not null
  join clickledger.ledger_account a on a.id = e.account_id
  where t.conversion_id = any (ids)
  group by t.id
$$;
comment on function clickledger.ledger_told(bigint[]) is 'Transactions of conversions as explanations tell them, with the partner''s entries.';

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
  lines as (select * from clickledger.ledger_told(ids)),
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


insert into clickledger.phrase (code, text_en, text_ru) values
  ('posted_adjusts', 'It adjusts %s, which is closed, and counts in %s.', 'Корректирует закрытый период %s и учитывается в %s.');

create or replace function clickledger.explanation_text(body jsonb, lang text) returns text
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
      || case when t.line ? 'adjusts' then ' ' || told(lang, 'posted_adjusts', t.line->>'adjusts', t.line->>'period') else '' end
    from jsonb_array_elements(body->'ledger') with ordinality as t (line, place)
    cross join lateral jsonb_array_elements(t.line->'entries') with ordinality as e (entry, place))
  select string_agg(line, E'\n' order by place) from told_lines
$$;

-- --- The API ------------------------------------------------------------------------------------------------------------

create or replace function clickledger.api_statement(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select t.id, e.account_id, json_build_object('transaction_id', t.id, 'posted_at', api_time(t.posted_at),
        'kind', t.kind, 'account', a.kind, 'program_id', t.program_id, 'partner_id', a.partner_id,
        'conversion_id', t.conversion_id, 'payout_id', t.payout_id, 'reason', t.reason,
        'author_key_id', case when api_partner() is null then t.author_key_id end, 'currency', t.currency,
        'amount_minor', e.amount_minor, 'period', month_told(t.program_id, t.period),
        'adjusts', month_told(t.program_id, t.adjusts), 'seal_id', (select l.seal_id from ledger_seal_line l where l.transaction_id = t.id)) as item
    from ledger_entry e
    join ledger_account a on a.id = e.account_id
    join ledger_transaction t on t.id = e.transaction_id
    where (e.transaction_id, e.account_id) < ((api_after(p))[1], (api_after(p))[2])
      and (api_partner() is null or a.partner_id is not null)
      and (p->>'partner_id' is null or t.partner_id = (p->>'partner_id')::bigint)
      and (p->>'program_id' is null or t.program_id = (p->>'program_id')::bigint)
      and (p->>'currency' is null or t.currency = p->>'currency')
    order by e.transaction_id desc, e.account_id desc limit api_limit(p) + 1),
  shown as (
    select api_page(array_agg(item order by id desc, account_id desc),
                    array_agg(api_cursor(id, account_id) order by id desc, account_id desc), p) as body
    from page)
  select json_build_object('data', body->'data', 'next_cursor', body->'next_cursor', 'seal', (
    select json_build_object('id', s.id, 'head', encode(s.head, 'hex'), 'sealed_at', api_time(s.sealed_at))
    from ledger_seal s order by s.id desc limit 1))
  from shown;
$$;

create function clickledger.period_close(program_id bigint, month timestamptz, note text) returns clickledger.period_close
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  before timestamptz;
  done period_close;
begin
  if current_setting('cl.team', true) is distinct from 'on' then
    perform api_fail(403, 'forbidden', 'this needs a team key');
  end if;
  select p.closed_before into before from ledger_period p where p.program_id = $1 for update;
  select * into done from period_close c where c.program_id = $1 and c.month = $2;
  if found then
    return done;
  end if;
  if $2 < before then
    perform api_fail(409, 'month', 'this month was closed with a later one');
  end if;
  update ledger_period p set closed_before = date_trunc('month', $2 + interval '40 days', g.time_zone) from program g where g.id = $1 and p.program_id = $1;
  insert into period_close values ($1, $2, clock_timestamp(), current_setting('cl.key')::bigint, $3) returning * into done;
  return done;
end $$;
comment on function clickledger.period_close(bigint, timestamptz, text) is 'Closes a month and all before it. The same again is success. CL409 month: it was closed with a later one.';

create function clickledger.api_period_close(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  zone text;
  wanted timestamptz;
  done period_close;
begin
  select g.time_zone into zone from program g where g.id = (p->>'id')::bigint;
  if zone is null then
    return api_missing('programme');
  end if;
  perform api_valid(p->>'month' ~ '^20\d\d-(0[1-9]|1[0-2])$', 'month', 'month must be YYYY-MM');
  wanted := (p->>'month' || '-01')::timestamp at time zone zone;
  perform api_valid(wanted < date_trunc('month', now(), zone), 'month', 'only a month that is over can be closed');
  done := period_close((p->>'id')::bigint, wanted, p->>'note');
  return json_build_object('program_id', done.program_id, 'month', p->>'month', 'closed_at', api_time(done.closed_at),
    'api_key_id', done.api_key_id, 'note', done.note);
end $$;
comment on function clickledger.api_period_close(jsonb) is 'POST /v1/programs/{id}/periods/close: closes a month that is over, and all before it.';

create function clickledger.api_periods(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with lines as (
    select t.program_id, t.period, t.adjusts, t.currency, sum(e.amount_minor) as amount
    from ledger_transaction t join ledger_entry e on e.transaction_id = t.id and e.partner_id is not null
    where (p->>'program_id' is null or t.program_id = (p->>'program_id')::bigint)
      and (p->>'partner_id' is null or t.partner_id = (p->>'partner_id')::bigint)
    group by 1, 2, 3, 4),
  sums as (
    select l.program_id, l.period as month, l.currency, sum(l.amount)::bigint as earned, coalesce(sum(l.amount) filter (where l.adjusts is not null), 0)::bigint as of_earlier
    from lines l group by 1, 2, 3),
  page as (
    select s.* from sums s where (time_us(s.month), s.program_id) < ((api_after(p))[1], (api_after(p))[2])
    order by s.month desc, s.program_id desc limit api_limit(p) + 1),
  shown as (
    select time_us(s.month) as us, s.program_id, json_build_object('program_id', s.program_id, 'month', month_told(s.program_id, s.month), 'currency', s.currency,
      'earned_minor', s.earned, 'of_earlier_minor', s.of_earlier,
      'adjusted_later_minor', coalesce((select sum(l.amount) from lines l where l.program_id = s.program_id and l.adjusts = s.month and l.currency = s.currency), 0)::bigint,
      'closed_at', (select api_time(min(c.closed_at)) from period_close c where c.program_id = s.program_id and c.month >= s.month),
      'closed_by', case when api_partner() is null then (
        select c.api_key_id from period_close c where c.program_id = s.program_id and c.month >= s.month order by c.closed_at limit 1) end) as item
    from page s)
  select api_page(array_agg(item order by us desc, program_id desc), array_agg(api_cursor(us, program_id) order by us desc, program_id desc), p) from shown
$$;
comment on function clickledger.api_periods(jsonb) is 'GET /v1/periods: what partners gained in each month: earned_minor in all, of_earlier_minor of it adjusts closed months before, adjusted_later_minor is what adjusts this one in later months.';

-- --- Who may ------------------------------------------------------------------------------------------------------------

do $$
declare
  name text;
begin
  foreach name in array array['ledger_period', 'period_close'] loop
    execute format('alter table clickledger.%I enable row level security', name);
    execute format('alter table clickledger.%I force row level security', name);
    execute format('create policy analyst on clickledger.%I for select to cl_analyst using (true)', name);
    execute format('grant select on clickledger.%I to cl_analyst', name);
  end loop;
end $$;
create policy team on clickledger.period_close for select to cl_api using (current_setting('cl.team', true) = 'on');
create policy partner_own on clickledger.period_close for select to cl_api
  using (nullif(current_setting('cl.partner', true), '') is not null and exists (select from clickledger.program p where p.id = period_close.program_id));
grant select on clickledger.period_close to cl_api;
grant select (period, adjusts) on clickledger.ledger_transaction to cl_analyst;
grant select on clickledger.period_violation to cl_analyst;
grant execute on function clickledger.month_told(bigint, timestamptz), clickledger.ledger_told(bigint[]) to cl_attrib;
grant execute on function clickledger.month_told(bigint, timestamptz), clickledger.time_us(timestamptz), clickledger.period_close(bigint, timestamptz, text),
  clickledger.api_period_close(jsonb), clickledger.api_periods(jsonb) to cl_api;
