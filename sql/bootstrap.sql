-- Roles of an installation. Run once per cluster by a superuser, before sql/migrate; may be run again.
-- cl_owner owns everything and runs the migrations. cl_ingest and cl_attrib bypass row security because COPY FROM is
-- refused under it; their grants name only what they write. The others never bypass it. cl_privacy answers people who ask
-- what is stored about them, or to be forgotten: it reads no table.

do $$
declare
  wanted record;
begin
  for wanted in
    select * from (values
      ('cl_owner',   'login bypassrls'),
      ('cl_ingest',  'login bypassrls'),
      ('cl_attrib',  'login bypassrls'),
      ('cl_api',     'login nobypassrls'),
      ('cl_analyst', 'login nobypassrls'),
      ('cl_privacy', 'login nobypassrls')) as role (name, options)
  loop
    if not exists (select from pg_roles where rolname = wanted.name) then
      execute format('create role %I', wanted.name);
    end if;
    execute format('alter role %I nosuperuser nocreatedb nocreaterole noreplication %s', wanted.name, wanted.options);
  end loop;
end $$;

-- What an analyst may use up. PostgreSQL lets every session change its own statement_timeout and read-only default; the grants,
-- the number of connections and the temporary files are limits that it cannot lift.
alter role cl_analyst set statement_timeout = '60s';
alter role cl_analyst set idle_in_transaction_session_timeout = '10min'; -- an open transaction keeps vacuum from its work
alter role cl_analyst set default_transaction_read_only = on;
alter role cl_analyst set temp_file_limit = '4GB';
alter role cl_analyst set jit = off; -- compiling a plan over a year of partitions takes minutes
alter role cl_analyst connection limit 20;
alter role cl_api set jit = off; -- its statements are short, compiling them takes longer than running them
alter role cl_api set statement_timeout = '5s';
alter role cl_api set idle_in_transaction_session_timeout = '10s';
