-- Who may do what, read from the catalogs of PostgreSQL: any table, view, function or column that is added without its
-- rules fails here.
begin;
set local search_path = clickledger, public;
select plan(37);

select partition_ensure('2026-01-01', '2026-01-02');

create temporary view our_tables as
  select c.oid, c.relname, c.relkind, c.relispartition, c.relacl, c.relowner, c.relrowsecurity, c.relforcerowsecurity, c.reloptions
  from pg_class c where c.relnamespace = 'clickledger'::regnamespace;
create temporary view our_functions as
  select p.oid, p.oid::regprocedure::text as name, p.prosecdef, p.proconfig, p.proacl
  from pg_proc p where p.pronamespace = 'clickledger'::regnamespace;

-- Roles
select is((select string_agg(rolname, ' ' order by rolname) from pg_roles
           where rolname in ('cl_owner', 'cl_ingest', 'cl_attrib', 'cl_api', 'cl_analyst', 'cl_privacy') and rolbypassrls),
  'cl_attrib cl_ingest cl_owner', 'only these bypass row security');
select is_empty($$select rolname from pg_roles where rolname ~ '^cl_' and (rolsuper or rolcreaterole or rolcreatedb or rolreplication)$$,
  'no role of ours can give itself rights');
select is_empty($$select m.roleid::regrole from pg_auth_members m join pg_roles r on r.oid in (m.roleid, m.member) where r.rolname ~ '^cl_'$$,
  'no role of ours is a member of another');
select is_empty($$select relname from our_tables where relowner <> 'cl_owner'::regrole$$, 'cl_owner owns everything');
select is_empty($$select r from unnest(array['cl_ingest', 'cl_attrib', 'cl_api', 'cl_analyst', 'cl_privacy']) as r
                  where has_schema_privilege(r, 'clickledger', 'create') or has_schema_privilege(r, 'public', 'create')$$,
  'the working roles make nothing');

-- Row security
select is_empty($$select relname from our_tables where relkind in ('r', 'p') and not relispartition and not (relrowsecurity and relforcerowsecurity)$$,
  'row security is enabled and forced on every table');
select is_empty($$select t.relname from our_tables t, aclexplode(t.relacl) a where t.relispartition and a.grantee <> t.relowner
                    and (a.grantee, a.privilege_type) is distinct from ('cl_ingest'::regrole::oid, 'INSERT')$$,
  'nobody has a grant on a partition; cl_ingest may only add rows');
select is_empty($$select t.relname from our_tables t join pg_attribute c on c.attrelid = t.oid where t.relispartition and c.attacl is not null$$,
  'nor on a column of one');
select isnt_empty($$select from our_tables where relispartition$$, 'there are partitions to look at');
select is_empty($$select relname from our_tables where relkind = 'v' and not coalesce('security_invoker=true' = any (reloptions), false)$$,
  'views see what the asker may see');
select is_empty($$select relname from our_tables where relkind = 'm'$$, 'there is no materialized view: it would have no row security');
select is_empty($$select polname, polrelid::regclass from pg_policy p join our_tables t on t.oid = p.polrelid
                  where p.polroles <> array['cl_api'::regrole::oid] and p.polroles <> array['cl_analyst'::regrole::oid]$$,
  'policies are for cl_api or cl_analyst, never for everybody');
select is_empty($$
  select t.relname from our_tables t
  where t.relkind in ('r', 'p') and not t.relispartition
    and (has_any_column_privilege('cl_api', t.oid, 'select') or has_any_column_privilege('cl_api', t.oid, 'insert'))
    and not exists (select from pg_policy p where p.polrelid = t.oid and p.polroles = array['cl_api'::regrole::oid])$$,
  'a table that cl_api may touch has a policy for it');
select is_empty($$
  select p.polrelid::regclass, p.polname from pg_policy p join our_tables t on t.oid = p.polrelid
  where p.polroles = array['cl_api'::regrole::oid] and t.relname <> 'currency'
    and pg_get_expr(p.polqual, p.polrelid) !~ 'current_setting\(''cl\.(team|partner|key)''::text, true\)'$$,
  'every policy of cl_api asks who asks');
select is_empty($$
  select t.relname from our_tables t
  where t.relkind in ('r', 'p') and not t.relispartition
    and exists (select from pg_attribute a where a.attrelid = t.oid and a.attname = 'partner_id' and not a.attisdropped)
    and exists (select from pg_policy p where p.polrelid = t.oid and p.polroles = array['cl_api'::regrole::oid] and p.polname not in ('team', 'partner_own'))$$,
  'what belongs to a partner has no other policies than team and partner_own');
select is_empty($$
  select p.polrelid::regclass from pg_policy p join our_tables t on t.oid = p.polrelid
  where p.polname = 'partner_own' and p.polcmd <> 'r'$$, 'a partner reads');

-- Functions
select is_empty($$select name from our_functions where has_function_privilege('public', oid, 'execute')$$, 'PUBLIC executes nothing');
select is_empty($$select name from our_functions where prosecdef and not exists (select from unnest(proconfig) as c where c ~ '^search_path=.*pg_temp$')$$,
  'functions with their owner''s rights have a fixed search_path that ends with pg_temp');
select is_empty($$
  select p.proname from our_functions f join pg_proc p using (oid)
  where f.prosecdef and has_function_privilege('cl_api', f.oid, 'execute') and p.proname <> all (string_to_array(regexp_replace('
    api_begin
    person_proof session_begin session_by_token session_by_password session_end
    api_person_create api_person_change api_me_change api_password_reset api_sessions api_key_make api_key_show api_key_revoke
    api_join api_join_apply application_own application_decide
    payout_request payout_end ledger_adjust period_close
    terms_accept
    partner_address_set
    stats_people
    api_creative_file
    partner_link_make partner_link_set partner_code_make partner_postback_make partner_postback_set notification_mark
    upload_begin upload_take upload_end
    ', '\s+', ' ', 'g'), ' '))$$,
  'cl_api gets rights of the owner only for what is listed here; each of these asks who asks');
create function pg_temp.as_owner(role name) returns text language sql as $$
  select coalesce(string_agg(distinct p.proname, ' ' order by p.proname), '') from our_functions f join pg_proc p using (oid)
  where f.prosecdef and has_function_privilege(role, f.oid, 'execute')
$$;
select is(pg_temp.as_owner('cl_analyst'), '', 'cl_analyst never has rights of the owner');
select is(pg_temp.as_owner('cl_attrib'), 'ledger_post ledger_post_many terms_preview_apply', 'cl_attrib: only to post, and to preview terms');
select is(pg_temp.as_owner('cl_ingest'), 'catalog_take click_rejudge click_settle click_settle_due click_settle_found conversion_rebuild hit_reclass '
  'hit_senders link_review part_attach part_holds part_make part_reaches partition_care partition_ensure '
  'partition_late partition_state privacy_begin privacy_status privacy_step rollup_rebuild',
  'cl_ingest: to publish, to settle, to care for partitions and to keep the promises of retention');
select is(pg_temp.as_owner('cl_privacy'), 'forget_listed forget_visitor forgotten_list privacy_status visitor_export', 'cl_privacy: to answer visitors');
select is_empty($$select name from our_functions where name ~ 'api_key_create|integration_create\(bigint' and has_function_privilege('cl_api', oid, 'execute')$$,
  'functions for cl_owner are for cl_owner');

select is_empty($$select name from our_functions where name ~ '(forget|visitor_export|forgotten)' and (
                    has_function_privilege('cl_ingest', oid, 'execute') or has_function_privilege('cl_attrib', oid, 'execute')
                    or has_function_privilege('cl_api', oid, 'execute') or has_function_privilege('cl_analyst', oid, 'execute'))$$,
  'only cl_privacy asks about visitors or forgets them');

-- Grants
select is_empty($$select t.relname from our_tables t where has_any_column_privilege('cl_privacy', t.oid, 'select')
                    or has_any_column_privilege('cl_privacy', t.oid, 'insert') or has_any_column_privilege('cl_privacy', t.oid, 'update')
                    or has_table_privilege('cl_privacy', t.oid, 'delete')$$, 'cl_privacy has functions and no table');
select is_empty($$select t.relname from our_tables t, aclexplode(t.relacl) a where a.grantee = 0$$, 'PUBLIC has no table');
select is_empty($$
  select t.relname, r, a from our_tables t, unnest(array['cl_ingest', 'cl_attrib', 'cl_api', 'cl_analyst']) as r,
    unnest(array['update', 'delete', 'truncate', 'trigger', 'references']) as a
  where t.relname in ('ledger_account', 'ledger_transaction', 'ledger_entry') and has_table_privilege(r, t.oid, a)$$,
  'no working role changes the ledger');
select is_empty($$
  select t.relname, a from our_tables t, unnest(array['insert', 'update', 'delete', 'truncate']) as a
  where t.relkind in ('r', 'p', 'v') and has_table_privilege('cl_analyst', t.oid, a)$$, 'analysts only read');
select is_empty($$
  select t.relname, a.attname from our_tables t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
  where t.relkind in ('r', 'p', 'v') and has_column_privilege('cl_analyst', t.oid, a.attnum, 'select')
    and a.attname in ('key_hash', 'email', 'address', 'customer', 'raw', 'bytes', 'address_hash', 'answer', 'request_hash', 'record', 'password_hash',
      'token_hash', 'token')$$,
  'analysts see no secret, e-mail, address or unknown bytes');
select is_empty($$
  select t.relname, a.attname from our_tables t join pg_attribute a on a.attrelid = t.oid and a.attname in ('key_hash', 'secret', 'password_hash', 'token_hash', 'token')
  where t.relkind in ('r', 'p') and has_column_privilege('cl_api', t.oid, a.attnum, 'select')$$, 'the api cannot read hashes of keys and secrets');
select is_empty($$
  select t.relname, r from our_tables t, unnest(array['cl_ingest', 'cl_attrib', 'cl_api']) as r
  where t.relkind in ('r', 'p') and has_table_privilege(r, t.oid, 'truncate')$$, 'nobody truncates');

-- Comments
select is_empty($$select relname from our_tables where relkind in ('r', 'p', 'v') and not relispartition and obj_description(oid, 'pg_class') is null$$,
  'every table and view is described');
select is_empty($$
  select t.relname, a.attname from our_tables t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
  where t.relkind in ('r', 'p', 'v') and not t.relispartition and col_description(t.oid, a.attnum) is null$$,
  'every column of a table or view is described');
select is_empty($$
  select t.typname from pg_type t left join pg_class c on c.oid = t.typrelid
  where t.typnamespace = 'clickledger'::regnamespace and (t.typtype in ('e', 'd', 'r') or c.relkind = 'c') and obj_description(t.oid, 'pg_type') is null$$,
  'every type is described');
select is_empty($$select name from our_functions f where obj_description(f.oid, 'pg_proc') is null$$, 'every function is described');
select is_empty($$
  select c.conrelid::regclass, c.conname from pg_constraint c join our_tables t on t.oid = c.conrelid
  where c.contype = 'f' and not c.convalidated$$, 'foreign keys hold');

select * from finish();
rollback;
