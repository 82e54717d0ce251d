-- Balances at any size of the ledger. What is sealed is summed up by account and month when it is sealed, by the one session that
-- seals, so no poster waits for another's sum; a balance is these sums and the few entries that wait for their seal.

create table clickledger.ledger_sum (
  account_id   bigint not null references clickledger.ledger_account,
  period       timestamptz not null,
  adjusts      timestamptz not null,
  partner_id   bigint references clickledger.partner,
  amount_minor bigint not null,
  primary key (account_id, period, adjusts)
);
comment on table clickledger.ledger_sum is 'Sums of the sealed entries of each account by month. Written with each seal, by a trigger; whoever reads adds the entries of ledger_unsealed.';
comment on column clickledger.ledger_sum.account_id is 'The account.';
comment on column clickledger.ledger_sum.period is 'Begin of the month in whose sums the transactions are.';
comment on column clickledger.ledger_sum.adjusts is 'Begin of the closed month that they adjust; -infinity: none.';
comment on column clickledger.ledger_sum.partner_id is 'Partner of the account, for row security; null for program_expense.';
comment on column clickledger.ledger_sum.amount_minor is 'Sum of the entries, in minor units.';

create function clickledger.ledger_sum_add() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into clickledger.ledger_sum as s (account_id, period, adjusts, partner_id, amount_minor)
  select e.account_id, coalesce(t.period, '-infinity'), coalesce(t.adjusts, '-infinity'), e.partner_id, sum(e.amount_minor)
  from sealed l
  join clickledger.ledger_transaction t on t.id = l.transaction_id
  join clickledger.ledger_entry e on e.transaction_id = t.id
  group by 1, 2, 3, 4
  on conflict (account_id, period, adjusts) do update set amount_minor = s.amount_minor + excluded.amount_minor;
  return null;
end $$;
comment on function clickledger.ledger_sum_add() is 'Trigger: what is sealed is summed up.';
create trigger summed after insert on clickledger.ledger_seal_line referencing new table as sealed
  for each statement execute function clickledger.ledger_sum_add();
alter table clickledger.ledger_seal_line enable always trigger summed;

insert into clickledger.ledger_sum (account_id, period, adjusts, partner_id, amount_minor)
select e.account_id, coalesce(t.period, '-infinity'), coalesce(t.adjusts, '-infinity'), e.partner_id, sum(e.amount_minor)
from clickledger.ledger_seal_line l
join clickledger.ledger_transaction t on t.id = l.transaction_id
join clickledger.ledger_entry e on e.transaction_id = t.id
group by 1, 2, 3, 4;

-- Entries of an account in their order, for what waits and for statements.
create index ledger_entry_account_transaction on clickledger.ledger_entry (account_id, transaction_id) include (amount_minor);
drop index clickledger.ledger_entry_account;

-- --- Reading ------------------------------------------------------------------------------------------------------------

create function clickledger.account_part(account_id bigint) returns table (amount_minor bigint)
  language sql stable rows 10
  begin atomic
    select s.amount_minor from clickledger.ledger_sum s where s.account_id = account_part.account_id
    union all
    select e.amount_minor from clickledger.ledger_entry e
    where e.account_id = account_part.account_id and e.transaction_id >= (select min(u.transaction_id) from clickledger.ledger_unsealed u)
      and exists (select from clickledger.ledger_unsealed u where u.transaction_id = e.transaction_id);
  end;
comment on function clickledger.account_part(bigint) is 'Amounts that sum up to what an account stands at, in minor units: by month of what is sealed, by entry of what waits for its seal. Planned as part of the query that asks.';

create or replace view clickledger.partner_balance with (security_invoker = true) as
select a.partner_id, a.program_id, a.currency,
  coalesce(sum(b.amount_minor) filter (where a.kind = 'partner_pending'), 0)::bigint as pending_minor,
  coalesce(sum(b.amount_minor) filter (where a.kind = 'partner_available'), 0)::bigint as available_minor,
  coalesce(sum(b.amount_minor) filter (where a.kind = 'partner_reserved'), 0)::bigint as reserved_minor,
  coalesce(sum(b.amount_minor) filter (where a.kind = 'partner_paid'), 0)::bigint as paid_minor
from clickledger.ledger_account a cross join lateral clickledger.account_part(a.id) b
where a.partner_id is not null
group by a.partner_id, a.program_id, a.currency;
comment on view clickledger.partner_balance is 'What each partner has, per programme and currency: sums of the ledger''s entries, of sealed ones by ledger_sum.';

create or replace function clickledger.api_periods(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with lines as (
    select a.program_id, s.period, nullif(s.adjusts, '-infinity') as adjusts, a.currency, sum(s.amount_minor) as amount
    from ledger_account a join ledger_sum s on s.account_id = a.id
    where a.partner_id is not null and (p->>'program_id' is null or a.program_id = (p->>'program_id')::bigint)
      and (p->>'partner_id' is null or a.partner_id = (p->>'partner_id')::bigint)
    group by 1, 2, 3, 4
    union all
    select t.program_id, t.period, t.adjusts, t.currency, e.amount_minor
    from ledger_unsealed u
    join ledger_transaction t on t.id = u.transaction_id
    join ledger_entry e on e.transaction_id = t.id and e.partner_id is not null
    where (p->>'program_id' is null or t.program_id = (p->>'program_id')::bigint)
      and (p->>'partner_id' is null or t.partner_id = (p->>'partner_id')::bigint)),
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

create function clickledger.statement_transactions(p jsonb) returns bigint[]
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  last constant bigint := (api_after(p))[1];
  lines constant integer := api_limit(p) + 1;
begin
  if api_partner() is null and p->>'partner_id' is null and p->>'program_id' is null and p->>'currency' is null then
    return array(select t.id from ledger_transaction t where t.id <= last order by t.id desc limit lines);
  end if;
  return array(
    select distinct e.transaction_id
    from ledger_account a
    cross join lateral (
      select e.transaction_id from ledger_entry e where e.account_id = a.id and e.transaction_id <= last order by e.transaction_id desc limit lines) e
    where a.partner_id is not null and (p->>'partner_id' is null or a.partner_id = (p->>'partner_id')::bigint)
      and (p->>'program_id' is null or a.program_id = (p->>'program_id')::bigint) and (p->>'currency' is null or a.currency = p->>'currency')
    order by 1 desc limit lines);
end $$;
comment on function clickledger.statement_transactions(jsonb) is 'The newest transactions that can be on a page of GET /v1/statement: each has an entry on an account of a partner, where those of one account are in their order.';

create or replace function clickledger.api_statement(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with line as (
    select e.transaction_id, e.account_id, a.partner_id, e.amount_minor,
      sum(e.amount_minor) over (partition by e.account_id order by e.transaction_id desc) - e.amount_minor as newer
    from unnest(statement_transactions(p)) as wanted (id)
    join ledger_entry e on e.transaction_id = wanted.id
    join ledger_account a on a.id = e.account_id
    where (e.transaction_id, e.account_id) < ((api_after(p))[1], (api_after(p))[2])
      and (api_partner() is null or a.partner_id is not null)
    order by e.transaction_id desc, e.account_id desc limit api_limit(p) + 1),
  -- What the accounts of the one partner stood at behind their first line here.
  stood as (
    select l.account_id, (select sum(b.amount_minor) from account_part(l.account_id) b) - coalesce((
      select sum(e.amount_minor) from ledger_entry e where e.account_id = l.account_id and e.transaction_id > max(l.transaction_id)), 0) as amount
    from line l where l.partner_id = coalesce(api_partner(), (p->>'partner_id')::bigint) group by l.account_id),
  page as (
    select t.id, l.account_id, json_build_object('transaction_id', t.id, 'posted_at', api_time(t.posted_at),
        'kind', t.kind, 'account', a.kind, 'program_id', t.program_id, 'partner_id', a.partner_id,
        'conversion_id', t.conversion_id, 'payout_id', t.payout_id, 'reason', t.reason,
        'author_key_id', case when api_partner() is null then t.author_key_id end, 'currency', t.currency,
        'amount_minor', l.amount_minor, 'balance_minor', (s.amount - l.newer)::bigint, 'period', month_told(t.program_id, t.period),
        'adjusts', month_told(t.program_id, t.adjusts), 'seal_id', (select l.seal_id from ledger_seal_line l where l.transaction_id = t.id)) as item
    from line l
    join ledger_transaction t on t.id = l.transaction_id
    join ledger_account a on a.id = l.account_id
    left join stood s on s.account_id = l.account_id),
  shown as (
    select api_page(array_agg(item order by id desc, account_id desc),
                    array_agg(api_cursor(id, account_id) order by id desc, account_id desc), p) as body
    from page)
  select json_build_object('data', body->'data', 'next_cursor', body->'next_cursor', 'seal', (
    select json_build_object('id', s.id, 'head', encode(s.head, 'hex'), 'sealed_at', api_time(s.sealed_at))
    from ledger_seal s order by s.id desc limit 1))
  from shown;
$$;
comment on function clickledger.api_statement(jsonb) is 'GET /v1/statement: ledger lines, the newest first. A partner sees the lines of its own accounts, the team both sides. balance_minor: what the account stood at with the line, null unless the lines are one partner''s. With the newest seal''s head, which whoever keeps it can have checked later.';

-- --- What must hold -----------------------------------------------------------------------------------------------------

create view clickledger.sum_violation with (security_invoker = true) as
select 'sum' as rule, null::bigint as transaction_id, null::bigint as conversion_id, a.partner_id,
  format('the entries of account %s in %s sum to %s, ledger_sum and what waits to %s', a.id, d.period, coalesce(d.amount, 0), coalesce(d.summed, 0)) as detail
from (
  select account_id, period, adjusts, sum(amount) as amount, sum(summed) as summed
  from (
    select e.account_id, coalesce(t.period, '-infinity') as period, coalesce(t.adjusts, '-infinity') as adjusts, e.amount_minor as amount,
      case when exists (select from clickledger.ledger_unsealed u where u.transaction_id = t.id) then e.amount_minor else 0 end as summed
    from clickledger.ledger_entry e join clickledger.ledger_transaction t on t.id = e.transaction_id
    union all
    select s.account_id, s.period, s.adjusts, 0, s.amount_minor from clickledger.ledger_sum s) both_sides
  group by 1, 2, 3) d
join clickledger.ledger_account a on a.id = d.account_id
where d.amount <> d.summed;
comment on view clickledger.sum_violation is 'Where the sums by account and month are not those of the entries.';
comment on column clickledger.sum_violation.rule is 'sum.';
comment on column clickledger.sum_violation.transaction_id is 'Null.';
comment on column clickledger.sum_violation.conversion_id is 'Null.';
comment on column clickledger.sum_violation.partner_id is 'Partner of the account; null for program_expense.';
comment on column clickledger.sum_violation.detail is 'What is wrong, in words.';
create or replace view clickledger.ledger_violation with (security_invoker = true) as
select * from clickledger.posting_violation union all select * from clickledger.payout_violation union all select * from clickledger.period_violation
union all select * from clickledger.sum_violation;
comment on column clickledger.ledger_violation.rule is 'Of posting_violation, payout_violation, period_violation or sum_violation.';

-- --- Who may ------------------------------------------------------------------------------------------------------------

alter table clickledger.ledger_sum enable row level security;
alter table clickledger.ledger_sum force row level security;
create policy analyst on clickledger.ledger_sum for select to cl_analyst using (true);
create policy partner_own on clickledger.ledger_sum for select to cl_api using (partner_id = nullif(current_setting('cl.partner', true), '')::bigint);
create policy team on clickledger.ledger_sum for select to cl_api using (current_setting('cl.team', true) = 'on');
create policy asker on clickledger.ledger_unsealed for select to cl_api
  using (nullif(current_setting('cl.key', true), '') is not null
    and exists (select from clickledger.ledger_transaction t where t.id = transaction_id)); -- under that table's own policies
grant select on clickledger.ledger_sum to cl_api, cl_analyst;
grant select on clickledger.ledger_unsealed to cl_api;
grant select on clickledger.sum_violation to cl_analyst;
grant execute on function clickledger.statement_transactions(jsonb), clickledger.account_part(bigint) to cl_api;
grant execute on function clickledger.account_part(bigint) to cl_analyst;
