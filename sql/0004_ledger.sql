-- The double-entry ledger: append only, balanced, written only by ledger_post.
--
-- Sign: an entry's amount is what the account gains. Accounts of a partner hold what the partner is owed or was paid;
-- program_expense is the other side and therefore goes below zero: what the programme has spent.
--   accrue    program_expense -x   partner_pending   +x
--   release   partner_pending -x   partner_available +x
--   void      partner_pending or partner_available -x   program_expense +x
--   adjust    any of these by the difference
-- An account of a partner may go below zero: a refund of what was paid already is a debt to be settled.

create table clickledger.ledger_account (
  id         bigint generated always as identity primary key,
  kind       text not null check (kind in ('program_expense', 'partner_pending', 'partner_available', 'partner_reserved', 'partner_paid')),
  program_id bigint not null references clickledger.program,
  partner_id bigint references clickledger.partner,
  currency   text not null,
  unique nulls not distinct (program_id, partner_id, kind, currency),
  check ((kind = 'program_expense') = (partner_id is null))
);
comment on table clickledger.ledger_account is 'Accounts: one of each kind per programme, partner and currency, made when first posted to.';
comment on column clickledger.ledger_account.id is 'Number of the account.';
comment on column clickledger.ledger_account.kind is 'program_expense: the programme''s cost, below zero; partner_pending: earned, not yet free; partner_available: may be paid out; partner_reserved: in a payout; partner_paid: paid.';
comment on column clickledger.ledger_account.program_id is 'The programme.';
comment on column clickledger.ledger_account.partner_id is 'The partner; null for program_expense.';
comment on column clickledger.ledger_account.currency is 'ISO 4217 code of all its entries.';

create table clickledger.ledger_transaction (
  id            bigint generated always as identity primary key,
  key           text not null unique check (length(key) between 1 and 200),
  kind          text not null check (kind in ('accrue', 'release', 'void', 'adjust')),
  program_id    bigint not null references clickledger.program,
  partner_id    bigint not null references clickledger.partner,
  conversion_id bigint references clickledger.conversion,
  currency      text not null,
  posted_at     timestamptz not null default clock_timestamp(),
  xid           xid8 not null default pg_current_xact_id()
);
create index ledger_transaction_conversion on clickledger.ledger_transaction (conversion_id, partner_id);
create index ledger_transaction_partner on clickledger.ledger_transaction (partner_id, id);
comment on table clickledger.ledger_transaction is 'Transactions: entries that belong together and sum to 0. Never changed, never deleted.';
comment on column clickledger.ledger_transaction.id is 'Number of the transaction.';
comment on column clickledger.ledger_transaction.key is 'Idempotency key: the same key is posted once, e.g. commission:<conversion>:<partner>:<revision>.';
comment on column clickledger.ledger_transaction.kind is 'accrue, release, void or adjust.';
comment on column clickledger.ledger_transaction.program_id is 'The programme.';
comment on column clickledger.ledger_transaction.partner_id is 'The partner.';
comment on column clickledger.ledger_transaction.conversion_id is 'Conversion it was posted for, if any.';
comment on column clickledger.ledger_transaction.currency is 'ISO 4217 code of all its entries.';
comment on column clickledger.ledger_transaction.posted_at is 'When.';
comment on column clickledger.ledger_transaction.xid is 'PostgreSQL''s transaction that wrote it; entries cannot be added by a later one.';

create table clickledger.ledger_entry (
  transaction_id bigint not null references clickledger.ledger_transaction,
  account_id     bigint not null references clickledger.ledger_account,
  partner_id     bigint,
  amount_minor   bigint not null check (amount_minor <> 0),
  primary key (transaction_id, account_id)
);
create index ledger_entry_account on clickledger.ledger_entry (account_id) include (amount_minor);
comment on table clickledger.ledger_entry is 'Entries. Never changed, never deleted.';
comment on column clickledger.ledger_entry.transaction_id is 'The transaction.';
comment on column clickledger.ledger_entry.account_id is 'The account, of the transaction''s programme, currency and (but for program_expense) partner.';
comment on column clickledger.ledger_entry.partner_id is 'Partner of the account, for row security; null for program_expense.';
comment on column clickledger.ledger_entry.amount_minor is 'What the account gains, in minor units.';

-- --- Nobody changes what is written ---------------------------------------------------------------------------------

create function clickledger.ledger_refuse() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise exception 'the ledger is append only: % of clickledger.% is refused', tg_op, tg_table_name
    using errcode = 'insufficient_privilege', hint = 'Post a transaction that corrects it.';
end $$;
comment on function clickledger.ledger_refuse() is 'Trigger: refuses UPDATE, DELETE and TRUNCATE, also by the owner.';

do $$
declare
  ledger text;
begin
  foreach ledger in array array['ledger_account', 'ledger_transaction', 'ledger_entry'] loop
    execute format('create trigger append_only before update or delete or truncate on clickledger.%I '
                   'for each statement execute function clickledger.ledger_refuse()', ledger);
    execute format('alter table clickledger.%I enable always trigger append_only', ledger);
  end loop;
end $$;

-- --- Nobody writes what does not fit ----------------------------------------------------------------------------------

create function clickledger.ledger_entry_check() returns trigger language plpgsql security definer
  set search_path = pg_catalog, pg_temp as $$
declare
  posted clickledger.ledger_transaction;
  account clickledger.ledger_account;
begin
  select * into posted from clickledger.ledger_transaction where id = new.transaction_id;
  select * into account from clickledger.ledger_account where id = new.account_id;
  if posted.xid is distinct from pg_current_xact_id() then
    raise exception 'ledger transaction % is closed', new.transaction_id using errcode = 'integrity_constraint_violation';
  end if;
  if (account.currency, account.program_id) is distinct from (posted.currency, posted.program_id)
     or coalesce(account.partner_id, posted.partner_id) is distinct from posted.partner_id
     or new.partner_id is distinct from account.partner_id then
    raise exception 'ledger account % does not belong to transaction %', new.account_id, new.transaction_id
      using errcode = 'integrity_constraint_violation';
  end if;
  return new;
end $$;
comment on function clickledger.ledger_entry_check() is 'Trigger: an entry''s account is of its transaction''s programme, partner and currency, and the transaction is being written right now.';

create trigger fits before insert on clickledger.ledger_entry
  for each row execute function clickledger.ledger_entry_check();

create function clickledger.ledger_balance_check() returns trigger language plpgsql security definer
  set search_path = pg_catalog, pg_temp as $$
declare
  checked bigint;
  entries bigint;
  total numeric;
begin
  if tg_table_name = 'ledger_entry' then
    checked := new.transaction_id;
  else
    checked := new.id;
  end if;
  select count(*), coalesce(sum(amount_minor), 0) into entries, total
  from clickledger.ledger_entry where transaction_id = checked;
  if entries < 2 or total <> 0 then
    raise exception 'ledger transaction % has % entries that sum to %', checked, entries, total
      using errcode = 'integrity_constraint_violation';
  end if;
  return null;
end $$;
comment on function clickledger.ledger_balance_check() is 'Trigger, at commit: a transaction has at least two entries and they sum to 0.';

create constraint trigger balanced after insert on clickledger.ledger_transaction
  deferrable initially deferred for each row execute function clickledger.ledger_balance_check();
create constraint trigger balanced after insert on clickledger.ledger_entry
  deferrable initially deferred for each row execute function clickledger.ledger_balance_check();

-- --- The one way in ---------------------------------------------------------------------------------------------------

create function clickledger.ledger_account_lock(program_id bigint, partner_id bigint, currency text, kinds text[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into clickledger.ledger_account (kind, program_id, partner_id, currency)
  select k, $1, case when k <> 'program_expense' then $2 end, $3
  from unnest(kinds) as k
  where not exists (
    select from clickledger.ledger_account a
    where a.program_id = $1 and a.kind = k and a.currency = $3
      and a.partner_id is not distinct from case when k <> 'program_expense' then $2 end)
  order by k
  on conflict do nothing;
  perform from clickledger.ledger_account a
  where a.program_id = $1 and a.currency = $3 and a.kind = any (kinds) and (a.partner_id = $2 or a.partner_id is null)
  order by a.id for no key update;
end $$;
comment on function clickledger.ledger_account_lock(bigint, bigint, text, text[]) is 'Makes the accounts that are missing and locks all, in the order of their numbers.';

create function clickledger.ledger_difference(transaction_id bigint, kind text, program_id bigint, partner_id bigint, conversion_id bigint,
  currency text, accounts text[], amounts bigint[]) returns text language sql stable set search_path = pg_catalog, pg_temp as $$
  select concat_ws(', ',
    case when t.kind <> $2 then 'kind' end,
    case when t.program_id <> $3 then 'program_id' end,
    case when t.partner_id <> $4 then 'partner_id' end,
    case when t.conversion_id is distinct from $5 then 'conversion_id' end,
    case when t.currency <> $6 then 'currency' end,
    case when exists (
      select from (select a.kind, e.amount_minor
                   from clickledger.ledger_entry e join clickledger.ledger_account a on a.id = e.account_id
                   where e.transaction_id = t.id) as posted (account, amount)
      full join unnest($7, $8) as asked (account, amount) using (account, amount)
      where posted.account is null or asked.account is null) then 'entries' end)
  from clickledger.ledger_transaction t where t.id = $1
$$;
comment on function clickledger.ledger_difference(bigint, text, bigint, bigint, bigint, text, text[], bigint[]) is 'In what a posted transaction differs from one that is asked for; empty: in nothing.';

create function clickledger.ledger_post(key text, kind text, program_id bigint, partner_id bigint, conversion_id bigint,
  currency text, accounts text[], amounts bigint[]) returns bigint language plpgsql security definer
  set search_path = pg_catalog, pg_temp as $$
declare
  posted bigint;
  difference text;
begin
  if cardinality(accounts) is distinct from cardinality(amounts) then
    raise exception 'ledger_post: % accounts, % amounts', cardinality(accounts), cardinality(amounts)
      using errcode = 'invalid_parameter_value';
  end if;
  if (select coalesce(sum(a), 0) from unnest(amounts) as a) <> 0 then
    raise exception 'ledger_post: the entries of % do not sum to 0', key using errcode = 'invalid_parameter_value';
  end if;
  insert into clickledger.ledger_transaction (key, kind, program_id, partner_id, conversion_id, currency)
  values ($1, $2, $3, $4, $5, $6)
  on conflict on constraint ledger_transaction_key_key do nothing
  returning id into posted;
  if posted is null then
    select t.id into strict posted from clickledger.ledger_transaction t where t.key = $1;
    difference := clickledger.ledger_difference(posted, $2, $3, $4, $5, $6, $7, $8);
    if difference <> '' then
      raise exception 'ledger_post: key % was posted with other %', $1, difference using errcode = 'unique_violation';
    end if;
    return posted;
  end if;
  perform clickledger.ledger_account_lock($3, $4, $6, $7);
  insert into clickledger.ledger_entry (transaction_id, account_id, partner_id, amount_minor)
  select posted, a.id, a.partner_id, wanted.amount
  from unnest(accounts, amounts) as wanted (account, amount)
  join clickledger.ledger_account a
    on a.program_id = $3 and a.kind = wanted.account and a.currency = $6
    and a.partner_id is not distinct from case when wanted.account <> 'program_expense' then $4 end;
  return posted;
end $$;
comment on function clickledger.ledger_post(text, text, bigint, bigint, bigint, text, text[], bigint[]) is 'Posts a transaction with one entry per named account kind and returns its number. Idempotent: the same key with the same content posts nothing and returns the old number; with other content it is an error that names what differs.';

-- --- Reading ------------------------------------------------------------------------------------------------------------

create view clickledger.partner_balance with (security_invoker = true) as
select a.partner_id, a.program_id, a.currency,
  coalesce(sum(e.amount_minor) filter (where a.kind = 'partner_pending'), 0)::bigint as pending_minor,
  coalesce(sum(e.amount_minor) filter (where a.kind = 'partner_available'), 0)::bigint as available_minor,
  coalesce(sum(e.amount_minor) filter (where a.kind = 'partner_reserved'), 0)::bigint as reserved_minor,
  coalesce(sum(e.amount_minor) filter (where a.kind = 'partner_paid'), 0)::bigint as paid_minor
from clickledger.ledger_account a
join clickledger.ledger_entry e on e.account_id = a.id
where a.partner_id is not null
group by a.partner_id, a.program_id, a.currency;
comment on view clickledger.partner_balance is 'What each partner has, per programme and currency: sums of the ledger''s entries.';
comment on column clickledger.partner_balance.partner_id is 'The partner.';
comment on column clickledger.partner_balance.program_id is 'The programme.';
comment on column clickledger.partner_balance.currency is 'ISO 4217 code.';
comment on column clickledger.partner_balance.pending_minor is 'Earned, not yet free.';
comment on column clickledger.partner_balance.available_minor is 'May be paid out; below zero: a debt.';
comment on column clickledger.partner_balance.reserved_minor is 'In a payout.';
comment on column clickledger.partner_balance.paid_minor is 'Paid so far.';

create view clickledger.ledger_violations with (security_invoker = true) as
select 'unbalanced' as rule, t.id as transaction_id, t.conversion_id, t.partner_id,
  format('%s entries sum to %s', count(e.account_id), coalesce(sum(e.amount_minor), 0)) as detail
from clickledger.ledger_transaction t
left join clickledger.ledger_entry e on e.transaction_id = t.id
group by t.id
having count(e.account_id) < 2 or coalesce(sum(e.amount_minor), 0) <> 0
union all
select 'foreign_account', t.id, t.conversion_id, t.partner_id,
  format('account %s is of programme %s, partner %s, %s', a.id, a.program_id, a.partner_id, a.currency)
from clickledger.ledger_entry e
join clickledger.ledger_transaction t on t.id = e.transaction_id
join clickledger.ledger_account a on a.id = e.account_id
where (a.currency, a.program_id) <> (t.currency, t.program_id) or a.partner_id <> t.partner_id
  or e.partner_id is distinct from a.partner_id
union all
select 'orphan', e.transaction_id, null, e.partner_id,
  format('%s on account %s: the transaction or the account is not there', e.amount_minor, e.account_id)
from clickledger.ledger_entry e
where not exists (select from clickledger.ledger_transaction t where t.id = e.transaction_id)
  or not exists (select from clickledger.ledger_account a where a.id = e.account_id)
union all
select 'commission', null, coalesce(c.conversion_id, l.conversion_id), coalesce(c.partner_id, l.partner_id),
  format('%s %s, the ledger has %s pending, %s available and %s expense, in %s of programme %s', c.status, c.amount_minor,
    l.pending, l.available, l.expense, coalesce(c.currency, l.currency), coalesce(c.program_id, l.program_id))
from clickledger.commission c
full join (
  select t.conversion_id, t.partner_id, t.program_id, t.currency,
    coalesce(sum(e.amount_minor) filter (where a.kind = 'partner_pending'), 0) as pending,
    coalesce(sum(e.amount_minor) filter (where a.kind = 'partner_available'), 0) as available,
    coalesce(sum(e.amount_minor) filter (where a.kind = 'program_expense'), 0) as expense
  from clickledger.ledger_transaction t
  join clickledger.ledger_entry e on e.transaction_id = t.id
  join clickledger.ledger_account a on a.id = e.account_id
  where t.conversion_id is not null
  group by t.conversion_id, t.partner_id, t.program_id, t.currency) l
  on (l.conversion_id, l.partner_id, l.program_id, l.currency) = (c.conversion_id, c.partner_id, c.program_id, c.currency)
where coalesce(l.pending, 0) <> case when c.status = 'pending' then c.amount_minor else 0 end
  or coalesce(l.available, 0) <> case when c.status = 'available' then c.amount_minor else 0 end
  or coalesce(l.expense, 0) <> case when c.status in ('pending', 'available') then -c.amount_minor else 0 end;
comment on view clickledger.ledger_violations is 'Where the ledger breaks its own rules; empty in a healthy installation, whoever wrote.';
comment on column clickledger.ledger_violations.rule is 'unbalanced, foreign_account, orphan: an entry without its transaction or account, or commission: a commission that does not equal the ledger''s sums for it, in its programme and currency.';
comment on column clickledger.ledger_violations.transaction_id is 'The transaction; null for rule commission.';
comment on column clickledger.ledger_violations.conversion_id is 'The conversion, if any.';
comment on column clickledger.ledger_violations.partner_id is 'The partner.';
comment on column clickledger.ledger_violations.detail is 'What is wrong, in words.';
