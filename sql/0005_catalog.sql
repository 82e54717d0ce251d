-- What the tracker needs to know, on its way to it. Triggers note which keys changed; one publisher at a time turns
-- them into numbered records with catalog_take(). A record's bytes are described in base/catalog.h.

create type clickledger.catalog_type as enum ('settings', 'program', 'program_code', 'link', 'promo_code', 'integration');
comment on type clickledger.catalog_type is 'Type of a catalog record; its position is the number in the record.';

create table clickledger.catalog_state (
  one      boolean primary key default true check (one),
  epoch    uuid not null default gen_random_uuid(),
  revision bigint not null default 0 check (revision >= 0)
);
insert into clickledger.catalog_state default values;
comment on table clickledger.catalog_state is 'How far the catalog has been numbered; one row.';
comment on column clickledger.catalog_state.one is 'There is one row.';
comment on column clickledger.catalog_state.epoch is 'Random mark of this installation: a Redis with another one holds another installation''s catalog.';
comment on column clickledger.catalog_state.revision is 'The newest revision that was given to a record.';

create table clickledger.catalog_change (
  type clickledger.catalog_type not null,
  key  bytea not null,
  at   timestamptz not null default clock_timestamp()
);
comment on table clickledger.catalog_change is 'Keys whose records must be made anew. Written by triggers, taken by the publishing ingest.';
comment on column clickledger.catalog_change.type is 'Type of the record.';
comment on column clickledger.catalog_change.key is 'Its key: nothing for settings, id as 8 bytes for a programme, programme code, slug, code in upper case, SHA-256 of a postback key.';
comment on column clickledger.catalog_change.at is 'When it changed.';

create table clickledger.catalog_record (
  type     clickledger.catalog_type not null,
  key      bytea not null,
  revision bigint not null unique,
  record   bytea not null,
  at       timestamptz not null default now(),
  primary key (type, key)
);
comment on table clickledger.catalog_record is 'The newest record of each key as published: what trackers hold once they have followed.';
comment on column clickledger.catalog_record.type is 'Type of the record.';
comment on column clickledger.catalog_record.key is 'Its key, as in catalog_change.';
comment on column clickledger.catalog_record.revision is 'Number of the change, unique and rising: one publisher counts at a time.';
comment on column clickledger.catalog_record.record is 'The record as in base/catalog.h; a tombstone for a key that is no more.';
comment on column clickledger.catalog_record.at is 'When it was numbered.';

-- Parts of a record. Integers are big-endian.

create function clickledger.catalog_text(value text) returns bytea
  language sql stable parallel safe
  return int2send(octet_length(coalesce(value, ''))::smallint) || convert_to(coalesce(value, ''), 'UTF8');
comment on function clickledger.catalog_text(text) is 'A text inside a record: bytes u16, then the bytes; null is empty.';

create function clickledger.catalog_bool(value boolean) returns bytea
  language sql immutable parallel safe
  return case when value then '\x01'::bytea else '\x00'::bytea end;
comment on function clickledger.catalog_bool(boolean) is 'A boolean inside a record: 1 or 0.';

create function clickledger.catalog_record_bytes(type clickledger.catalog_type, key bytea, value bytea) returns bytea
  language sql stable parallel safe
  return int2send((256 * array_position(enum_range(null::clickledger.catalog_type), type)
                   + (value is null)::integer)::smallint)
    || int2send(length(key)::smallint) || int4send(coalesce(length(value), 0)) || key || coalesce(value, '');
comment on function clickledger.catalog_record_bytes(clickledger.catalog_type, bytea, bytea) is 'A whole record; a tombstone when value is null.';

alter table clickledger.integration add constraint integration_aliases_size check (octet_length(aliases::text) <= 16384);

create function clickledger.catalog_value(type clickledger.catalog_type, key bytea) returns bytea
  language plpgsql stable
  set search_path = clickledger, pg_temp
as $$
declare
  -- A variable, because convert_from() has the collation "C" and could not use the indexes.
  wanted text := case when type in ('program_code', 'link', 'promo_code') then convert_from(key, 'UTF8') end;
begin
  case type
  when 'settings' then
    return (select int4send(count(*)::integer) from shard having count(*) > 0);
  when 'program' then
    return (
      select catalog_bool(p.status = 'active') || catalog_bool(p.visitor_cookie) || catalog_text(p.code)
        || catalog_text(p.currency) || catalog_text(p.fallback_url)
        || coalesce((select string_agg(catalog_text(h.host), '' order by h.n)
                     from unnest(p.hosts) with ordinality as h (host, n)), '')
      from program p where p.id = ('x' || encode(key, 'hex'))::bit(64)::bigint);
  when 'program_code' then
    return (select int8send(p.id) from program p where p.code = wanted);
  when 'link' then
    return (
      select int8send(l.id) || int8send(l.program_id) || int8send(l.partner_id)
        || catalog_bool(l.status = 'active' and (select a.status = 'active' from partner a where a.id = l.partner_id))
        || catalog_text(l.target_url)
      from link l where l.slug = wanted);
  when 'promo_code' then
    return (
      select int8send(c.id) || int8send(c.program_id) || int8send(c.partner_id)
        || catalog_bool(c.status = 'active' and (select a.status = 'active' from partner a where a.id = c.partner_id))
        || catalog_text(c.code) || catalog_text(c.target_url)
      from promo_code c where upper(c.code) = wanted);
  when 'integration' then
    return (
      select int8send(i.id) || int8send(i.program_id) || catalog_bool(i.status = 'active')
        || coalesce((select string_agg(catalog_text(a.theirs) || catalog_text(a.ours), '' order by a.theirs)
                     from jsonb_each_text(i.aliases) as a (theirs, ours)), '')
      from integration i where i.key_hash = key);
  end case;
end $$;
comment on function clickledger.catalog_value(clickledger.catalog_type, bytea) is
  'Value of a record as the tables have it now; null: there is no such key. A link or code is active when its partner is too; whether the programme is, the tracker looks up at the click, so that pausing a programme is one record.';

-- Which keys changed.

create function clickledger.catalog_note() returns trigger
  language plpgsql security definer
  set search_path = clickledger, pg_temp
as $$
begin
  execute format('insert into catalog_change (type, key) select distinct %L::catalog_type, %s from (%s) as changed',
    tg_argv[0], tg_argv[1],
    case tg_op when 'INSERT' then 'table come' when 'DELETE' then 'table gone'
    else 'select * from come union all select * from gone' end);
  notify clickledger_catalog;
  return null;
end $$;
comment on function clickledger.catalog_note() is 'Statement trigger: notes the keys of the changed rows, the old ones as well. Arguments: type of the record, expression of its key.';

create function clickledger.catalog_note_partner() returns trigger
  language plpgsql security definer
  set search_path = clickledger, pg_temp
as $$
begin
  insert into catalog_change (type, key)
    select 'link'::catalog_type, convert_to(l.slug, 'UTF8')
    from come join gone using (id) join link l on l.partner_id = come.id where come.status <> gone.status
    union all
    select 'promo_code'::catalog_type, convert_to(upper(c.code), 'UTF8')
    from come join gone using (id) join promo_code c on c.partner_id = come.id where come.status <> gone.status;
  notify clickledger_catalog;
  return null;
end $$;
comment on function clickledger.catalog_note_partner() is 'Statement trigger: a partner''s status decides about all the partner''s links and codes.';

do $$
declare
  noted record;
begin
  for noted in
    select * from (values
      ('shard',       'settings',     $key$''::bytea$key$),
      ('program',     'program',      $key$int8send(id)$key$),
      ('program',     'program_code', $key$convert_to(code, 'UTF8')$key$),
      ('link',        'link',         $key$convert_to(slug, 'UTF8')$key$),
      ('promo_code',  'promo_code',   $key$convert_to(upper(code), 'UTF8')$key$),
      ('integration', 'integration',  $key$key_hash$key$)) as listed (table_name, type, key)
  loop
    execute format('create trigger catalog_%s_insert after insert on clickledger.%I referencing new table as come
      for each statement execute function clickledger.catalog_note(%L, %L)', noted.type, noted.table_name, noted.type, noted.key);
    execute format('create trigger catalog_%s_update after update on clickledger.%I
      referencing new table as come old table as gone
      for each statement execute function clickledger.catalog_note(%L, %L)', noted.type, noted.table_name, noted.type, noted.key);
    execute format('create trigger catalog_%s_delete after delete on clickledger.%I referencing old table as gone
      for each statement execute function clickledger.catalog_note(%L, %L)', noted.type, noted.table_name, noted.type, noted.key);
    execute format('insert into clickledger.catalog_change (type, key) select distinct %L::clickledger.catalog_type, %s from clickledger.%I',
      noted.type, noted.key, noted.table_name);
  end loop;
end $$;

create trigger catalog_partner after update on clickledger.partner referencing new table as come old table as gone
  for each statement execute function clickledger.catalog_note_partner();

-- Numbering.

-- Its plans are made while tables are small or not analysed yet and live as long as the publisher's connection: they must
-- look keys up by index whatever the planner believes.
create function clickledger.catalog_take(changes_max bigint) returns bigint
  language plpgsql security definer
  set search_path = clickledger, pg_temp
  set jit = off
  set enable_seqscan = off
  set enable_hashjoin = off
  set enable_mergejoin = off
as $$
declare
  newest bigint;
  taken  bigint;
begin
  select s.revision into strict newest from catalog_state s for update;
  with gone as (
    delete from catalog_change where ctid = any (array(select c.ctid from catalog_change c limit changes_max))
    returning type, key
  ), changed as (
    select distinct g.type, g.key from gone g
  ), valued as materialized (
    select c.type, c.key, catalog_value(c.type, c.key) as value from changed c
  ), made as materialized (
    select v.type, v.key, v.value is null as gone, catalog_record_bytes(v.type, v.key, v.value) as record from valued v
  ), differing as (
    select m.type, m.key, m.record from made m
    left join lateral (select r.record from catalog_record r where r.type = m.type and r.key = m.key) known on true
    where case when known.record is null then not m.gone else known.record <> m.record end
  ), kept as (
    insert into catalog_record (type, key, revision, record)
    select d.type, d.key, newest + row_number() over (order by d.type, d.key), d.record from differing d
    on conflict (type, key) do update set revision = excluded.revision, record = excluded.record, at = excluded.at
    returning revision
  ), counted as (
    update catalog_state set revision = (select max(k.revision) from kept k) where exists (select from kept)
  )
  select count(*) into taken from gone;
  return taken;
end $$;
comment on function clickledger.catalog_take(bigint) is
  'Takes up to so many noted changes and numbers the records that came out different from what was published. Returns how many it took; fewer than asked: none are left. Runs alone: it locks catalog_state.';

grant execute on function clickledger.catalog_take(bigint) to cl_ingest;
grant select, update on clickledger.catalog_state to cl_ingest;
