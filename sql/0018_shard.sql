-- Shards while the programs run: how many there are, which ingest process works on which, and who has fallen silent.

alter table clickledger.shard add column retired_at timestamptz;
comment on column clickledger.shard.retired_at is 'Since when no new producer takes this shard; null: trackers use it. What its old producers still send is loaded all the same.';
grant select (retired_at) on clickledger.shard to cl_analyst;

create index producer_shard on clickledger.producer (shard);

create function clickledger.shard_count_set(wanted integer) returns integer
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  before integer;
begin
  if wanted is null or wanted not between 1 and 1024 then
    raise exception 'shard_count_set: % shards; there can be 1 to 1024', wanted;
  end if;
  perform pg_advisory_xact_lock(hashtext('clickledger.shard_count_set'));
  select count(*) into before from shard where retired_at is null;
  insert into shard (id) select generate_series(0, wanted - 1) on conflict do nothing;
  update shard set retired_at = case when id >= wanted then now() end where (id >= wanted) is distinct from (retired_at is not null);
  return before;
end $$;
comment on function clickledger.shard_count_set(integer) is 'Shards 0 to wanted - 1 take new producers, the others no more; wanted is 1 to 1024. Returns how many there were. Trackers hear it with the catalog.';

create function clickledger.shard_count_begin(wanted integer) returns integer
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  if not exists (select from shard) then
    perform shard_count_set(wanted);
  end if;
  return (select count(*) from shard where retired_at is null);
end $$;
comment on function clickledger.shard_count_begin(integer) is 'The number of shards in use; makes the first ones in a new installation.';

create or replace function clickledger.catalog_value(type clickledger.catalog_type, key bytea) returns bytea
  language plpgsql stable
  set search_path = clickledger, pg_temp
as $$
begin
  if type in ('program', 'integration') then
    return catalog_value_plain(type, key) || catalog_text('') || catalog_bytes(catalog_extension(type, key));
  end if;
  if type = 'settings' then
    return (select int4send(count(*)::integer) from shard where retired_at is null having count(*) > 0);
  end if;
  return catalog_value_plain(type, key);
end $$;

-- Owners and members. Both are advisory locks of a session, so they end with it: (25452, shard) is the owner's,
-- (25453, member) says that this process takes its part of the shards.

create function clickledger.shard_take(shard integer) returns boolean
  language sql set search_path = pg_catalog, pg_temp
  return pg_try_advisory_lock(25452, shard);
comment on function clickledger.shard_take(integer) is 'Makes the session the owner of a shard, until it ends; false: another one is.';

create function clickledger.member_join(member integer) returns boolean
  language sql set search_path = pg_catalog, pg_temp
  return pg_try_advisory_lock(25453, member);
comment on function clickledger.member_join(integer) is 'Counts the session''s process among those that divide the shards, until the session ends. The member is a random number of the process; false: it is taken.';

create view clickledger.shard_lock with (security_invoker = true) as
  select case l.classid when 25452 then 'shard' else 'member' end as kind, l.objid::bigint::integer as id, l.pid
  from pg_locks l
  where l.locktype = 'advisory' and l.objsubid = 2 and l.granted and l.classid in (25452, 25453)
    and l.database = (select d.oid from pg_database d where d.datname = current_database());
comment on view clickledger.shard_lock is 'Who owns which shard and who is a member, as the locks say it now: kind (shard, member), number, pid of the session.';
comment on column clickledger.shard_lock.kind is 'shard: the session owns it; member: the session stands for a process.';
comment on column clickledger.shard_lock.id is 'Number of the shard or of the member.';
comment on column clickledger.shard_lock.pid is 'Process id of the session in PostgreSQL.';
grant select on clickledger.shard_lock to cl_ingest, cl_analyst;

create function clickledger.shard_duty(member integer, keep_open_ms bigint, keep_ended_ms bigint)
  returns table (shard integer, wanted boolean, owned boolean, retired boolean, members integer, place integer)
  language sql stable set search_path = clickledger, pg_temp as $$
  with locked as materialized (select * from shard_lock),
    ordered as (select l.id, row_number() over (order by a.backend_start, l.id)::integer - 1 as place
                from locked l left join pg_stat_activity a using (pid) where l.kind = 'member'),
    joined as (select count(*)::integer as members, coalesce(max(o.place) filter (where o.id = shard_duty.member), 0) as place
               from ordered o)
  select s.id,
    coalesce(s.retired_at > now() - shard_duty.keep_ended_ms * interval '1 ms', true) or exists (select from producer p
      where p.shard = s.id
        and p.last_at > now() - case when p.ended then shard_duty.keep_ended_ms else shard_duty.keep_open_ms end * interval '1 ms'),
    exists (select from locked l where l.kind = 'shard' and l.id = s.id),
    s.retired_at is not null, j.members, j.place
  from shard s cross join joined j
  order by s.id
$$;
comment on function clickledger.shard_duty(integer, bigint, bigint) is 'For a member: every shard, whether it wants an owner (it takes producers or did so in the last keep_ended_ms, or a position of one of them is still published: see keep_ended and keep_open), whether it has one, whether it is retired; how many members there are and how many of them are older than this one: a newcomer takes no more than is its part.';

create function clickledger.member_silent_end(silent_ms bigint) returns text
  language sql set search_path = pg_catalog, pg_temp
begin atomic
  with session as (
      select a.pid, right(a.application_name, 8) as member, coalesce(a.wait_event_type = 'Client'
        and a.state_change < clock_timestamp() - silent_ms * interval '1 ms', false) as silent
      from pg_stat_activity a
      where a.datname = current_database() and a.usename = current_user
        and a.application_name ~ '^clickledger-ingest(-[a-z]+)? [0-9a-f]{8}$'),
    ended as (
      select s.member, pg_terminate_backend(s.pid) as done
      from session s
      where s.member in (select member from session group by member having bool_and(silent)))
  select string_agg(distinct ended.member, ' ') from ended where ended.done;
end;
comment on function clickledger.member_silent_end(bigint) is 'Ends the sessions of processes that are frozen or cut off: all of their sessions have waited for them longer than silent_ms. One that works on a slow statement is not silent. Returns the members'' numbers in hex, or null.';

grant execute on function clickledger.shard_count_set(integer), clickledger.shard_count_begin(integer),
  clickledger.shard_take(integer), clickledger.member_join(integer), clickledger.shard_duty(integer, bigint, bigint),
  clickledger.member_silent_end(bigint) to cl_ingest;
