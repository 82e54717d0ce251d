-- The ledger: posted once, balanced, append only, and its violations are seen.
begin;
set local search_path = clickledger, public;
select plan(31);

insert into program (code, name, currency) values ('shop', 'Shop', 'RUB');
insert into partner (name, status) values ('Anna', 'active'), ('Boris', 'active');
create temporary table known as
  select (select id from program) as program, min(id) as anna, max(id) as boris from partner;
grant select on known to public;

create function pg_temp.post(key text, kind text, amount bigint) returns bigint language sql as $$
  select clickledger.ledger_post($1, $2, program, anna, null, 'RUB', array['program_expense', 'partner_pending'], array[-$3, $3]) from known
$$;

-- Posting
select isnt(pg_temp.post('k:1', 'accrue', 500), null, 'a transaction is posted');
select is(pg_temp.post('k:1', 'accrue', 500), (select id from ledger_transaction where key = 'k:1'), 'the same again is the same transaction');
select is((select count(*) from ledger_entry), 2::bigint, 'and adds no entry');
select throws_ok($$select pg_temp.post('k:1', 'accrue', 501)$$, '23505', 'ledger_post: key k:1 was posted with other entries');
select throws_ok($$select pg_temp.post('k:1', 'adjust', 500)$$, '23505', 'ledger_post: key k:1 was posted with other kind');
select throws_ok(
  $$select ledger_post('k:1', 'void', program, boris, null, 'EUR', array['program_expense', 'partner_pending'], array[-500, 500]::bigint[]) from known$$,
  '23505', 'ledger_post: key k:1 was posted with other kind, partner_id, currency');
select throws_ok(
  $$select ledger_post('k:2', 'accrue', program, anna, null, 'RUB', array['program_expense', 'partner_pending'], array[-500, 499]::bigint[]) from known$$,
  '22023', 'ledger_post: the entries of k:2 do not sum to 0');
select throws_ok(
  $$select ledger_post('k:2', 'accrue', program, anna, null, 'RUB', array['program_expense'], array[-500, 500]::bigint[]) from known$$,
  '22023', 'ledger_post: 1 accounts, 2 amounts');
select throws_ok(
  $$select ledger_post('k:2', 'accrue', program, anna, null, 'RUB', array['program_expense', 'piggy_bank'], array[-5, 5]::bigint[]) from known$$,
  '23514', null, 'there are no other kinds of accounts');
select throws_ok(
  $$select ledger_post('k:2', 'accrue', program, anna, null, 'RUB', array['partner_pending', 'partner_pending'], array[-5, 5]::bigint[]) from known$$,
  '23505', null, 'an account has one entry in a transaction');
select lives_ok($$select pg_temp.post('k:big', 'accrue', 1000000000000000)$$, 'the largest amount fits');
select is((select pending_minor from partner_balance where partner_id = (select anna from known)), 1000000000000500, 'balances are sums');
select lives_ok($$set constraints all immediate; set constraints all deferred$$, 'what was posted passes the check at commit');

-- No way around the function
select throws_ok($$
  insert into ledger_transaction (key, kind, program_id, partner_id, currency) select 'k:3', 'adjust', program, anna, 'RUB' from known;
  set constraints all immediate$$, '23000', null, 'a transaction without entries is refused at commit');
select throws_ok($$
  insert into ledger_transaction (key, kind, program_id, partner_id, currency) select 'k:4', 'adjust', program, anna, 'RUB' from known;
  insert into ledger_entry select t.id, a.id, a.partner_id, 7 from ledger_transaction t, ledger_account a where t.key = 'k:4';
  set constraints all immediate$$, '23000', null, 'an unbalanced one likewise');
select throws_ok($$
  insert into ledger_entry select t.id, a.id, a.partner_id, 7 from ledger_transaction t, ledger_account a where t.key = 'k:1' and a.kind = 'partner_available';
  insert into ledger_account (kind, program_id, partner_id, currency) select 'partner_available', program, boris, 'RUB' from known;
  insert into ledger_entry select t.id, a.id, a.partner_id, 7 from ledger_transaction t, ledger_account a where t.key = 'k:1' and a.kind = 'partner_available'
  $$, '23000', null, 'an account of another partner is refused');

-- Append only
create function pg_temp.refused(role text, statement text) returns text language plpgsql as $$
begin
  execute format('set local role %I', role);
  execute statement;
  reset role;
  return 'done';
exception when insufficient_privilege then
  reset role;
  return 'refused';
end $$;
select is(
  (select array_agg(distinct pg_temp.refused(role, statement))
   from unnest(array['postgres', 'cl_owner', 'cl_ingest', 'cl_attrib', 'cl_api', 'cl_analyst']) as role, unnest(array[statements]) as statement),
  array['refused'], description)
from (values
  ('update of an entry', 'update clickledger.ledger_entry set amount_minor = 1'),
  ('deletion of an entry', 'delete from clickledger.ledger_entry'),
  ('truncation of entries', 'truncate clickledger.ledger_entry'),
  ('update of a transaction', 'update clickledger.ledger_transaction set currency = ''EUR'''),
  ('deletion of a transaction', 'delete from clickledger.ledger_transaction'),
  ('truncation of all', 'truncate clickledger.ledger_account, clickledger.ledger_transaction, clickledger.ledger_entry cascade'),
  ('update of an account', 'update clickledger.ledger_account set currency = ''EUR''')) as forbidden (description, statements);
select is(
  (select array_agg(distinct pg_temp.refused(role, 'insert into clickledger.ledger_entry values (1, 1, null, 1)'))
   from unnest(array['cl_ingest', 'cl_attrib', 'cl_api', 'cl_analyst']) as role),
  array['refused'], 'nobody but the owner may write entries');

-- Violations are seen, whoever made them
select is_empty('select * from ledger_violation', 'nothing is wrong so far');
alter table ledger_entry disable trigger append_only;
update ledger_entry set amount_minor = 501 where amount_minor = 500;
select is((select array_agg(rule) from ledger_violation), array['unbalanced'], 'an edit by the superuser shows');
update ledger_entry set amount_minor = 500 where amount_minor = 501;
update ledger_entry set partner_id = (select boris from known) where partner_id is not null and amount_minor = 500;
select is((select array_agg(rule) from ledger_violation), array['foreign_account'], 'an entry given to somebody else shows');
update ledger_entry set partner_id = (select anna from known) where partner_id is not null and amount_minor = 500;

-- What the superuser writes past the foreign keys, and what stays balanced
create function pg_temp.seen(statement text) returns text[] language plpgsql as $$
declare
  found_rules text[];
begin
  execute statement;
  select array_agg(distinct rule) into found_rules from clickledger.ledger_violation;
  raise exception using errcode = 'P0001', detail = coalesce(found_rules::text, '{}');
exception when raise_exception then
  get stacked diagnostics statement = pg_exception_detail;
  return statement::text[];
end $$;
alter table ledger_account disable trigger append_only;
alter table ledger_transaction disable trigger append_only;
insert into conversion (program_id, kind, order_id, currency, occurred_at, status, amount_minor)
select program, 'sale', 'A-1', 'RUB', now(), 'approved', 5000 from known;
insert into terms (program_id, version, effective_from, commission_kind, rate_ppm, hold_days, window_days, precedence)
select program, 1, now(), 'percent', 100000, 14, 30, 'code_over_click' from known;
insert into commission (conversion_id, partner_id, program_id, terms_id, currency, base_minor, amount_minor, status, approved, hold_until, revision)
select c.id, anna, program, t.id, 'RUB', 5000, 500, 'pending', true, now(), 1 from known, conversion c, terms t;
update ledger_transaction set conversion_id = (select id from conversion) where key = 'k:1';
select is_empty('select * from ledger_violation', 'a commission that the ledger has is none');
set local session_replication_role = replica;
select is(pg_temp.seen('insert into clickledger.ledger_entry select 0, id, partner_id, 7 from clickledger.ledger_account where partner_id is not null limit 1'),
  array['orphan'], 'money without a transaction shows');
select is(pg_temp.seen('update clickledger.ledger_account set currency = ''EUR''; update clickledger.ledger_transaction set currency = ''EUR'''),
  array['commission'], 'a ledger moved to another currency shows');
select is(pg_temp.seen('update clickledger.ledger_account set kind = ''partner_paid'' where kind = ''partner_pending''; '
    'update clickledger.commission set status = ''void'''),
  array['commission', 'payout_account'], 'money that was paid without a commission and a payout shows');

select * from finish();
rollback;
