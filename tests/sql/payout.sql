-- Payouts, adjustments, reasons of a decline: who may, what moves, what is refused.
begin;
set local search_path = clickledger, public;
select plan(51);

insert into program (code, name, currency) values ('shop', 'Shop', 'RUB'), ('other', 'Other', 'RUB');
insert into partner (name, status) values ('Anna', 'active'), ('Boris', 'active');
create temporary table known as select
  (select id from program where code = 'shop') as shop, (select id from program where code = 'other') as other,
  (select id from partner where name = 'Anna') as anna, (select id from partner where name = 'Boris') as boris;
insert into api_key (kind, partner_id, name, prefix, key_hash)
select 'team', null, 'team', 'cl_t', sha256('team') union all
select 'partner', anna, 'anna', 'cl_a', sha256('anna') from known union all
select 'partner', boris, 'boris', 'cl_b', sha256('boris') from known;
grant select on known to cl_api;

create function pg_temp.earn(key text, amount bigint) returns bigint language sql as $$
  select clickledger.ledger_post($1, 'accrue', shop, anna, null, 'RUB', array['program_expense', 'partner_available'], array[-$2, $2]) from known
$$;
create function pg_temp.asks(who text) returns void language sql as $$
  select clickledger.api_begin(sha256(convert_to($1, 'UTF8')))
$$;
create function pg_temp.balance(out available bigint, out reserved bigint, out paid bigint) language sql as $$
  select available_minor, reserved_minor, paid_minor from clickledger.partner_balance, known where partner_id = anna
$$;

-- A request
select pg_temp.asks('anna');
select throws_ok('select payout_request(shop, anna) from known', 'CL409', 'nothing is available', 'whoever has no account');
select pg_temp.earn('e:1', 1000), pg_temp.earn('e:2', 250);
insert into payout_policy select shop, 1500 from known;
select throws_ok('select payout_request(shop, anna) from known', 'CL409', '1250 is available and 1500 the least that is paid out, in minor units of RUB', 'below the programme''s least amount');
select pg_temp.earn('e:3', 250);
select throws_ok('select payout_request(shop, boris) from known', 'CL404', null, 'a partner asks for itself');
select is((select (payout_request(shop, anna)).status from known), 'requested', 'at the least amount it is reserved');
select is((pg_temp.balance())::text, '(0,1500,0)', 'what was available is reserved');
select results_eq('select amount_minor from payout_line order by transaction_id', array[1000, 250, 250]::bigint[], 'the payout closes the lines it is the sum of');
select throws_ok('select payout_request(shop, anna) from known', 'CL409', '0 is available and 1500 the least that is paid out, in minor units of RUB', 'nothing is left to ask for');
select is_empty('select * from ledger_violation', 'ledger and payout agree');

-- Ends
create temporary table first as select max(id) as id from payout;
select throws_ok('select payout_end(id, ''paid'', ''p-1'', null) from first', 'CL403', null, 'a partner does not say that it is paid');
select throws_ok('select payout_end(id, ''refused'', null, ''x'') from first', 'CL403', null, 'nor refuses');
select pg_temp.asks('boris');
select throws_ok('select payout_end(id, ''cancelled'', null, ''x'') from first', 'CL404', null, 'another partner does not see it');
select throws_ok('select payout_end(id + 1000, ''cancelled'', null, ''x'') from first', 'CL404', null, 'nor what is not there');
select pg_temp.asks('team');
select throws_ok('select payout_end(id, ''paid'', null, null) from first', '23514', null, 'paid needs a reference');
select throws_ok('select payout_end(id, ''refused'', null, null) from first', '23514', null, 'refused needs a reason');
select is((select (payout_end(id, 'paid', 'p-1', null)).status from first), 'paid', 'the team pays');
select is((pg_temp.balance())::text, '(0,0,1500)', 'what was reserved is paid');
select is((select (payout_end(id, 'paid', 'p-1', null)).status from first), 'paid', 'the same again is success');
select is((pg_temp.balance())::text, '(0,0,1500)', 'and pays nothing');
select throws_ok('select payout_end(id, ''paid'', ''p-2'', null) from first', 'CL409', null, 'another payment is refused');
select throws_ok('select payout_end(id, ''cancelled'', null, ''late'') from first', 'CL409', null, 'what is paid is not cancelled');
select is((select (decided_by is not null, decided_at is not null, reference)::text from payout), '(t,t,p-1)', 'it says who, when and by which payment');

-- A refund after the payout is a debt, and the next payout settles it.
select pg_temp.earn('e:4', -400);
select is((pg_temp.balance()).available, -400::bigint, 'a refund after the payout goes below zero');
select pg_temp.earn('e:5', 1900);
select is((select (payout_request(shop, anna)).amount_minor from known), 1500::bigint, 'the next payout settles the debt');
create temporary table second as select max(id) as id from payout;
select results_eq('select amount_minor from payout_line where payout_id = (select id from second) order by transaction_id', array[-400, 1900]::bigint[], 'and closes its line');
select is((select (payout_end(id, 'refused', null, 'no documents')).reason from second), 'no documents', 'refused with a reason');
select is((select (payout_end(id, 'refused', null, 'no documents')).reason from second), 'no documents', 'the same again is success');
select throws_ok('select payout_end(id, ''refused'', null, ''else'') from second', 'CL409', null, 'another reason is not');
select is((pg_temp.balance())::text, '(1500,0,1500)', 'what was reserved is available again');
select pg_temp.asks('anna');
select is((select (payout_request(shop, anna)).amount_minor from known), 1500::bigint, 'and can be asked for again');
select is((select count(*) from payout_line where payout_id = (select max(id) from payout)), 1::bigint, 'as the one line that gave it back');
select is((select (payout_end(max(id), 'cancelled', null, 'wrong account')).status from payout), 'cancelled', 'a partner cancels its own');
select is_empty('select * from ledger_violation', 'ledger and payouts agree');

-- Guards
select throws_ok('update payout set amount_minor = 1', '42501', null, 'an amount does not change');
select throws_ok('update payout set status = ''requested'', reference = null, decided_at = null, decided_by = null', '42501', null, 'what ended stays so');
select throws_ok('delete from payout', '42501', null, 'a payout stays');
select throws_ok('delete from payout_line', '42501', null, 'what was closed stays closed');

-- By hand
select throws_ok('select ledger_adjust(''a-1'', shop, anna, 100, ''bonus'') from known', 'CL403', null, 'a partner gives itself nothing');
select pg_temp.asks('team');
select isnt((select ledger_adjust('a-1', shop, anna, 100, 'bonus') from known), null, 'the team gives');
select is((select ledger_adjust('a-1', shop, anna, 100, 'bonus') from known), (select id from ledger_transaction where key = 'manual:a-1'), 'once');
select throws_ok('select ledger_adjust(''a-1'', shop, anna, 101, ''bonus!'') from known', 'CL409', 'ledger_post: key manual:a-1 was posted with other reason, entries', 'other content is named');
select throws_ok('select ledger_adjust(''a-2'', shop, anna, 100, null) from known', '23514', null, 'never without a reason');
select is((select (reason, author_key_id = current_setting('cl.key')::bigint)::text from ledger_transaction where key = 'manual:a-1'), '(bonus,t)', 'with reason and author');
select is((pg_temp.balance()).available, 1600::bigint, 'and it counts');

-- Many at once
create function pg_temp.many(keys text[], amounts bigint[], kinds text[] default array['accrue', 'accrue']) returns bigint language sql as $$
  select clickledger.ledger_post_many(keys, kinds, array[shop, other], array[anna, boris], array[null, null]::bigint[], array['RUB', 'RUB'],
    array[-amounts[1], -amounts[2]], array[0, amounts[2]]::bigint[], array[amounts[1], 0]::bigint[],
    array['2026-01-01', '2026-02-01']::timestamptz[]) from known
$$;
select is(pg_temp.many(array['m:1', 'm:2'], array[30, 40]), 2::bigint, 'many are posted at once');
select results_eq($$select t.key, a.kind, e.amount_minor, e.partner_id from ledger_transaction t join ledger_entry e on e.transaction_id = t.id
    join ledger_account a on a.id = e.account_id where t.key ~ '^m:' order by t.key, a.kind$$,
  $$select * from (select 'm:1', 'partner_available', 30::bigint, anna from known union all select 'm:1', 'program_expense', -30, null
    union all select 'm:2', 'partner_pending', 40, boris from known union all select 'm:2', 'program_expense', -40, null) w (a, b, c, d) order by 1, 2$$,
  'each with its entries');
select lives_ok($$select pg_temp.many(array['m:1', 'm:3'], array[30, 50]); set constraints all immediate; set constraints all deferred$$, 'what is there already is posted once');
select is((select count(*) from ledger_transaction where key ~ '^m:'), 3::bigint, 'and the others are');
select throws_ok($$select pg_temp.many(array['m:1', 'm:4'], array[31, 50])$$, '23505', 'ledger_post: key m:1 was posted with other entries', 'other content is named');
select ledger_adjust('a-3', shop, anna, -30, 'back to where it was') from known;

-- What a superuser does shows
set local session_replication_role = replica;
alter table payout disable trigger guard;
create function pg_temp.seen(statement text) returns text[] language plpgsql as $$
declare
  found_rules text[];
begin
  execute statement;
  select array_agg(distinct rule order by rule) into found_rules from clickledger.ledger_violation;
  raise exception using errcode = 'P0001', detail = coalesce(found_rules::text, '{}');
exception when raise_exception then
  get stacked diagnostics statement = pg_exception_detail;
  return statement::text[];
end $$;
select is(pg_temp.seen('update clickledger.payout set amount_minor = amount_minor + 1 where status = ''paid'''), array['payout'], 'another amount of a payout shows');
alter table payout_line disable trigger append_only;
select is(pg_temp.seen('update clickledger.payout_line set amount_minor = amount_minor + 1 where amount_minor = 1000'), array['payout', 'payout_line'], 'another amount of a line shows');

-- Reasons
select throws_ok('select api_conversion_decline(''{"id": 1, "reason": "mood"}'')', 'CL422', null, 'a decline needs a reason of the list');

select * from finish();
rollback;
