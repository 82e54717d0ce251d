-- Whoever changes what people change leaves a row that nobody changes.
begin;
set local search_path = clickledger, public;
select plan(14);

-- What cl_api may write: by its own grants, and by functions with their owner's rights and whatever these call.
create temporary view written as
  with recursive called as (
    select p.oid, p.prosrc from pg_proc p
    where p.pronamespace = 'clickledger'::regnamespace and p.prosecdef and has_function_privilege('cl_api', p.oid, 'execute')
    union
    select p.oid, p.prosrc from called c join pg_proc p on p.pronamespace = 'clickledger'::regnamespace and c.prosrc ~ ('\m' || p.proname || '\('))
  select distinct t.oid, t.relname
  from pg_class t
  where t.relnamespace = 'clickledger'::regnamespace and t.relkind in ('r', 'p') and not t.relispartition
    and (has_any_column_privilege('cl_api', t.oid, 'insert, update') or has_table_privilege('cl_api', t.oid, 'delete')
      or exists (select from called where prosrc ~ ('\m(insert into|update|delete from)\s+(clickledger\.)?' || t.relname || '\M')));
create temporary table unaudited (name text, why text);
insert into unaudited values
  ('idempotency', 'answers, which nobody reads but who asked; dropped after 7 days'),
  ('audit', 'is it'),
  ('ledger_account', 'an empty account, made by the first posting to it'),
  ('ledger_period', 'where the open month begins: period_close says it'),
  ('person_token', 'hashes of tokens that work once; what they did is told of the person'),
  ('outbox', 'messages about what is told where it happened'),
  ('notification_read', 'what somebody has read changes nothing for others'),
  ('upload', 'says itself who sent what, and when'),
  ('upload_row', 'what became of an upload''s rows'),
  ('payout_line', 'the lines that a payout closes follow from the ledger and the payout');
select isnt_empty($$select from written where relname = 'payout'$$, 'what functions write is found');
select is_empty($$
  select relname from written w
  where relname not in (select name from unaudited)
    and not exists (select from pg_trigger g where g.tgrelid = w.oid and g.tgfoid = 'audit_write()'::regprocedure and g.tgenabled = 'A')$$,
  'every table that people change through the API is audited, or is on the list above with a reason');
select is_empty($$select name from unaudited where name <> 'audit' and to_regclass('clickledger.' || name) not in (select oid from written)$$,
  'nothing is on the list for nothing');
select is_empty($$
  select w.relname, a.attname from written w join pg_trigger g on g.tgrelid = w.oid and g.tgname = 'audit'
  join pg_attribute a on a.attrelid = w.oid and a.attname in ('key_hash', 'secret', 'password_hash', 'token_hash', 'address_hash')
  where not a.attname = any ((string_to_array(encode(g.tgargs, 'escape'), '\000'))[2]::text[])$$, 'secrets are hidden');

insert into program (code, name, currency) values ('audited', 'Before', 'RUB');
create function pg_temp.last() returns audit language sql as 'select a from audit a order by id desc limit 1';
select is((pg_temp.last()).after->>'name', 'Before', 'a row that is new');
select set_config('cl.key', '7', true), set_config('cl.person', '8', true);
update program set name = 'After' where code = 'audited';
select is((select format('%s %s %s %s %s %s>%s %s', api_key_id, person_id, db_role, action, object, before->>'name', after->>'name', hidden)
           from (select (pg_temp.last()).*) as l where object_id = (select id::text from program where code = 'audited')),
  format('7 8 %s update program Before>After {}', session_user), 'who, what, before and after');
update program set name = 'After' where code = 'audited';
select is((pg_temp.last()).before->>'name', 'Before', 'a change of nothing is none');

select lives_ok($$select api_key_create('team', null, 'key')$$);
update api_key set key_hash = sha256('other') where name = 'key';
select is((pg_temp.last()).hidden, '{key_hash}', 'of a secret only that it was changed');
select is_empty($$select from audit where before ? 'key_hash' or after ? 'key_hash'$$, 'and never what it is');

select throws_ok($$update audit set object = 'x'$$, '42501', null, 'nobody changes a row');
select throws_ok($$delete from audit$$, '42501', null, 'or takes it away');
select throws_ok($$truncate audit$$, '42501', null, 'or all');

insert into terms (program_id, version, effective_from, commission_kind, rate_ppm) select id, 1, now(), 'percent', 1 from program where code = 'audited';
set session authorization cl_attrib;
update clickledger.terms set applied = not applied;
set session authorization postgres;
select is((select count(*) from audit where object = 'terms' and action = 'update'), 0::bigint, 'a program''s mark is no change by people');

select * from finish();
rollback;
