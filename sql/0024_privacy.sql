-- Retention of personal data: after detail_days what tells a person from others is taken out of hits, after identity_days
-- visitors get names that no browser knows. Done in small transactions, one day of one table at a time; rollups, credits,
-- commissions, explanations and the ledger hold nothing that is touched here.

do $$
begin
  if not exists (select from pg_roles where rolname = 'cl_privacy') then
    raise exception 'role cl_privacy is missing' using hint = 'Run sql/bootstrap.sql again, as a superuser.';
  end if;
end $$;

create table clickledger.privacy_policy (
  id            boolean primary key default true check (id),
  detail_days   integer not null default 90 check (detail_days between 1 and 3650),
  identity_days integer not null default 400 check (identity_days between 367 and 3650),
  recheck_days  integer not null default 8 check (recheck_days between 1 and 400),
  check (identity_days >= detail_days)
);
insert into clickledger.privacy_policy default values;
comment on table clickledger.privacy_policy is 'How long personal data is kept: one row, changed by cl_owner. docs/operations.md says what each rule takes out.';
comment on column clickledger.privacy_policy.id is 'Always true: there is one policy.';
comment on column clickledger.privacy_policy.detail_days is 'Days after which a hit loses address, hash of the address, region, path of the referrer, the ad network''s click id, the query of its page or destination and the minor versions of its user agent, and a dead letter its bytes.';
comment on column clickledger.privacy_policy.identity_days is 'Days after which visitor ids and references of customers become aliases, and a report loses what was received word for word. At least 367: no attribution window (at most 366 days) reaches behind it.';
comment on column clickledger.privacy_policy.recheck_days is 'Days that each daily pass looks at once more, for hits that arrived late. At least the trackers'' journal_keep.';

create table clickledger.privacy_key (
  id  boolean primary key default true check (id),
  key bytea not null check (length(key) = 32)
);
insert into clickledger.privacy_key (key) values (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
comment on table clickledger.privacy_key is 'Secret of this installation from which aliases and the hashes of forgotten visitors are made. Nobody but cl_owner reads it.';
comment on column clickledger.privacy_key.id is 'Always true: there is one key.';
comment on column clickledger.privacy_key.key is '32 random bytes, drawn by the migration.';

create table clickledger.privacy_progress (
  hits        text not null check (hits in ('click', 'impression', 'visit', 'promo_entry', 'conversion_report', 'conversion', 'dead_letter')),
  rule        text not null check (rule in ('detail', 'identity', 'forgotten')),
  day         date,
  after_id    uuid,
  begun_on    date,
  finished_on date,
  changed     bigint not null default 0,
  primary key (hits, rule)
);
insert into clickledger.privacy_progress (hits, rule)
  select hits, 'detail' from unnest(array['click', 'impression', 'visit', 'promo_entry', 'conversion_report', 'dead_letter']) as hits
  union all
  select hits, 'identity' from unnest(array['click', 'impression', 'visit', 'promo_entry', 'conversion_report', 'conversion']) as hits
  union all
  select hits, 'forgotten' from unnest(array['click', 'impression', 'visit', 'promo_entry', 'conversion_report']) as hits;
comment on table clickledger.privacy_progress is 'How far each rule has come in each table.';
comment on column clickledger.privacy_progress.hits is 'The table.';
comment on column clickledger.privacy_progress.rule is 'detail, identity: see privacy_policy; forgotten: hits of forgotten visitors that arrived again.';
comment on column clickledger.privacy_progress.day is 'Day (UTC) that is looked at next; null: never begun.';
comment on column clickledger.privacy_progress.after_id is 'Last row of that day that was looked at; null: none.';
comment on column clickledger.privacy_progress.begun_on is 'Day on which the last pass began.';
comment on column clickledger.privacy_progress.finished_on is 'Day on which a pass last came to its end.';
comment on column clickledger.privacy_progress.changed is 'Rows that this rule has changed in this table so far.';

create table clickledger.forgotten_visitor (
  hash         bytea primary key check (length(hash) = 32),
  alias        uuid not null,
  forgotten_at timestamptz not null,
  scan_from    date not null,
  settled      boolean not null default false
);
comment on table clickledger.forgotten_visitor is 'Visitors that were forgotten, so that hits of theirs that arrive again are found: late frames, or frames that are sent again to a restored database. Keep a copy of it outside this database.';
comment on column clickledger.forgotten_visitor.hash is 'Keyed hash of the visitor''s id, or of the alias that retention has put in its place.';
comment on column clickledger.forgotten_visitor.alias is 'Random id that took its place.';
comment on column clickledger.forgotten_visitor.forgotten_at is 'Hits up to then are forgotten. The same browser may come back later; those hits are new data.';
comment on column clickledger.forgotten_visitor.scan_from is 'First day in which hits may turn up again.';
comment on column clickledger.forgotten_visitor.settled is 'Whether recheck_days have passed since, so that no hit of that time is on its way any more.';

create index conversion_key_visitor on clickledger.conversion_key (value) where kind in ('visitor', 'joined');

-- --- What is put in place of what -------------------------------------------------------------------------------------

create function clickledger.privacy_hash(key bytea, visitor_id uuid) returns bytea language sql immutable strict parallel safe
  return sha256(key || 'forgotten'::bytea || uuid_send(visitor_id));
comment on function clickledger.privacy_hash(bytea, uuid) is 'Keyed hash by which a forgotten visitor is found again.';

create function clickledger.privacy_alias(key bytea, visitor_id uuid) returns uuid language sql immutable strict parallel safe
  return encode(set_byte(set_byte(substr(sha256(key || 'alias'::bytea || uuid_send(visitor_id)), 1, 16), 6,
    128 | (get_byte(sha256(key || 'alias'::bytea || uuid_send(visitor_id)), 6) & 15)), 8,
    128 | (get_byte(sha256(key || 'alias'::bytea || uuid_send(visitor_id)), 8) & 63)), 'hex')::uuid;
comment on function clickledger.privacy_alias(bytea, uuid) is 'The UUIDv8 that takes a visitor''s place: the same for all his rows, so that they stay together, and not to be had from the id without the key.';

create function clickledger.privacy_is_alias(visitor_id uuid) returns boolean language sql immutable strict parallel safe
  return get_byte(uuid_send(visitor_id), 6) >> 4 = 8;
comment on function clickledger.privacy_is_alias(uuid) is 'Whether an id is an alias: a UUIDv8. Trackers make UUIDv7.';

create function clickledger.privacy_agent(user_agent text) returns text language sql immutable strict parallel safe
  return regexp_replace(regexp_replace(user_agent, '(\d+)([._])[\d._]+', '\1\20', 'g'), ' Build/[^;)]*', '', 'g');
comment on function clickledger.privacy_agent(text) is 'A user agent with major versions only and without the device''s build. What it was classified by is still there.';

create function clickledger.privacy_page(url text) returns text language sql immutable strict parallel safe
  return split_part(split_part(url, '?', 1), '#', 1);
comment on function clickledger.privacy_page(text) is 'A URL without query and fragment.';

create function clickledger.privacy_due(rule text) returns date language sql stable set search_path = clickledger, pg_temp as $$
  select case $1
    when 'detail' then (now() at time zone 'utc')::date - detail_days
    when 'identity' then (now() at time zone 'utc')::date - identity_days
    else (select (max(forgotten_at) at time zone 'utc')::date + 1 from forgotten_visitor where not settled)
  end from privacy_policy
$$;
comment on function clickledger.privacy_due(text) is 'Days before this one (UTC) are due under a rule; null: none is.';

create function clickledger.privacy_change(hits text, rule text) returns text language sql immutable as $$
  select case
    when $2 = 'detail' then concat_ws(', ', 'address = null, address_hash = null, region = null, user_agent = clickledger.privacy_agent(t.user_agent)',
      case when $1 <> 'conversion_report' then 'referrer_path = null' end,
      case when $1 in ('click', 'visit') then 'ad_click_id = null' end,
      -- The destination was answered with what the ad network had put into the link.
      case $1 when 'click' then 'destination = clickledger.privacy_page(t.destination)' when 'visit' then 'page = clickledger.privacy_page(t.page)' end)
    when $1 = 'conversion_report' then 'raw = null, customer = case when t.conversion_id is not null then t.customer end, '
      'visitor_id = case when t.conversion_id is null and not clickledger.privacy_is_alias(t.visitor_id) '
      'then clickledger.privacy_alias(p.key, t.visitor_id) else t.visitor_id end'
    else 'visitor_id = clickledger.privacy_alias(p.key, t.visitor_id)'
  end
$$;
comment on function clickledger.privacy_change(text, text) is 'What a rule sets in the rows of a table.';

create function clickledger.privacy_wanted(hits text, rule text, detached boolean) returns text language sql immutable as $$
  select case
    when $2 = 'detail' then concat_ws(' or ', 't.address_hash is not null or t.address is not null or t.region is not null',
      case when $1 <> 'conversion_report' then 't.referrer_path is not null' end,
      case when $1 in ('click', 'visit') then 't.ad_click_id is not null' end,
      case $1 when 'click' then 't.destination ~ ''[?#]''' when 'visit' then 't.page ~ ''[?#]''' end,
      't.user_agent <> clickledger.privacy_agent(t.user_agent)')
    when $1 = 'conversion_report' then 't.raw is not null or t.conversion_id is null '
      'and (t.customer is not null or t.visitor_id is not null and not clickledger.privacy_is_alias(t.visitor_id))'
    when $3 then 't.visitor_id is not null and not clickledger.privacy_is_alias(t.visitor_id)'
    -- The touches of a visitor with conversions are renamed together with these: a conversion that is computed anew finds them.
    else format('t.visitor_id is not null and not clickledger.privacy_is_alias(t.visitor_id) and (%s not exists ('
      'select from clickledger.conversion_key k where k.kind in (''visitor'', ''joined'') and k.value = t.visitor_id))',
      case when $1 = 'visit' then 't.utm_source is null or t.click_id is not null or' end)
  end
$$;
comment on function clickledger.privacy_wanted(text, text, boolean) is 'Which rows of a table a rule has to change; attribution does not look at detached ones.';

create function clickledger.privacy_detached(hits text) returns table (name text, day date) language sql stable set search_path = clickledger, pg_temp as $$
  select format('clickledger_detached.%I', partition_name(p.table_name, p.day)), p.day from hit_partition p
  where p.table_name = $1 and p.detached_at is not null and to_regclass(format('clickledger_detached.%I', partition_name(p.table_name, p.day))) is not null
$$;
comment on function clickledger.privacy_detached(text) is 'Partitions of a table that were detached and are kept: they hold personal data all the same.';

create function clickledger.privacy_tables(hits text, touches boolean, visitors uuid[], until timestamptz) returns text[]
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  -- What attribution looks at; visits have an index of these alone.
  which constant text := case when touches and hits = 'visit' then ' and utm_source is not null and click_id is null' else '' end;
  tables constant text[] := array(
    select format('clickledger.%I', partition_name(p.table_name, p.day)) from hit_partition p
    where p.table_name = hits and p.detached_at is null and p.day <= (until at time zone 'utc')::date
    union all
    select d.name from privacy_detached(hits) d where not touches and d.day <= (until at time zone 'utc')::date
    order by 1);
  step constant integer := 64;
  hit_table text;
  holds boolean;
  found_tables text[] := '{}';
begin
  for i in 1 .. coalesce(cardinality(tables), 0) by step loop
    begin
      foreach hit_table in array tables[i : i + step - 1] loop
        execute format('select exists (select from %s where visitor_id = any ($1) and ts <= $2%s)', hit_table, which) into holds using visitors, until;
        if holds then
          found_tables := found_tables || hit_table;
        end if;
      end loop;
      raise exception 'undone' using errcode = 'CL001';
    exception when sqlstate 'CL001' then
      null; -- The locks of these tables and of their indexes are given back: of years of partitions they would fill the lock table.
    end;
  end loop;
  return found_tables;
end $$;
comment on function clickledger.privacy_tables(text, boolean, uuid[], timestamptz) is 'Partitions of a table, detached ones included, with hits of visitors up to a moment; with touches only those with hits that attribution looks at. Keeps no lock on others.';

-- --- Steps: each is one short transaction -----------------------------------------------------------------------------

create function clickledger.privacy_rows(hits text, rule text, day date, after_id uuid, rows_max integer,
    out seen integer, out last_id uuid, out changed integer)
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  detached constant text := (select d.name from privacy_detached(privacy_rows.hits) d where d.day = privacy_rows.day);
  since constant timestamptz := day::timestamp at time zone 'utc';
  until constant timestamptz := (day + 1)::timestamp at time zone 'utc';
begin
  execute format($step$
    with seen as (
      select t.%1$I as id, t.ts from %2$s t
      where t.%1$I > %3$L and t.%1$I < %4$L and t.ts >= %5$L and t.ts < %6$L order by t.%1$I limit %7$s),
    changed as (
      update %2$s t set %8$s from seen s, clickledger.privacy_key p
      where t.%1$I = s.id and t.ts = s.ts and t.ts >= %5$L and t.ts < %6$L and (%9$s) returning 1)
    select (select count(*) from seen), (select id from seen order by id desc limit 1), (select count(*) from changed)$step$,
    case hits when 'click' then 'click_id' when 'conversion_report' then 'id' else 'hit_id' end,
    coalesce(detached, 'clickledger.' || hits), coalesce(after_id, click_id_at(since)), click_id_at(until), since, until, rows_max, privacy_change(hits, rule), privacy_wanted(hits, rule, detached is not null))
  into seen, last_id, changed;
end $$;
comment on function clickledger.privacy_rows(text, text, date, uuid, integer) is 'Applies detail or identity to the next rows_max rows of a day of a table of hits.';

create function clickledger.visitor_rename(visitors uuid[], aliases uuid[], until timestamptz) returns void
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  hits text;
  hit_table text;
begin
  if coalesce(cardinality(visitors), 0) = 0 then
    return;
  end if;
  foreach hits in array array['click', 'promo_entry', 'impression', 'visit'] loop
    foreach hit_table in array privacy_tables(hits, true, visitors, until) loop
      execute format('update %s t set visitor_id = a.alias from unnest($1, $2) as a (visitor, alias) where t.visitor_id = a.visitor and t.ts <= $3%s',
        hit_table, case when hits = 'visit' then ' and t.utm_source is not null and t.click_id is null' end) using visitors, aliases, until;
    end loop;
  end loop;
  update conversion_report r set visitor_id = a.alias
    from unnest(visitors, aliases) as a (visitor, alias), conversion_key k
    where k.kind in ('visitor', 'joined') and k.value = a.visitor and r.conversion_id = k.conversion_id and r.visitor_id = a.visitor and r.ts <= until;
  update conversion c set visitor_id = a.alias
    from unnest(visitors, aliases) as a (visitor, alias), conversion_key k
    where k.kind in ('visitor', 'joined') and k.value = a.visitor and c.id = k.conversion_id and c.visitor_id = a.visitor and c.occurred_at <= until;
  with gone as (
    delete from conversion_key k using unnest(visitors, aliases) as a (visitor, alias), conversion c
    where k.kind in ('visitor', 'joined') and k.value = a.visitor and c.id = k.conversion_id and c.occurred_at <= until
    returning k.conversion_id, k.kind, a.alias)
  insert into conversion_key (conversion_id, kind, value) select conversion_id, kind, alias from gone on conflict do nothing;
end $$;
comment on function clickledger.visitor_rename(uuid[], uuid[], timestamptz) is 'Puts aliases in the place of visitors in everything attribution looks at, up to a moment: a conversion that is computed anew finds what it found before.';

create function clickledger.customer_rename(program_ids bigint[], customers text[], aliases text[], ids bigint[]) returns bigint
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  n bigint;
begin
  with renamed as (
    select a.*, md5(a.program_id || ':' || a.customer)::uuid as key, md5(a.program_id || ':' || a.alias)::uuid as new_key
    from unnest(program_ids, customers, aliases) as a (program_id, customer, alias)),
  bound as (
    update customer_binding b set customer = a.new_key from renamed a where b.customer = a.key),
  gone as (
    delete from conversion_key k using renamed a where k.kind = 'customer' and k.value = a.key returning k.conversion_id, a.new_key),
  come as (
    insert into conversion_key (conversion_id, kind, value) select conversion_id, 'customer', new_key from gone on conflict do nothing),
  concerned as (
    select c.id, c.program_id from conversion c where c.id = any (ids)
    union
    select c.id, c.program_id from gone join conversion c on c.id = gone.conversion_id),
  reports as (
    update conversion_report r set customer = a.alias from concerned c, renamed a
    where r.conversion_id = c.id and a.program_id = c.program_id and r.customer = a.customer),
  conversions as (
    update conversion c set customer = a.alias from concerned f, renamed a
    where c.id = f.id and a.program_id = c.program_id and c.customer = a.customer returning 1)
  select count(*) into n from conversions;
  return n;
end $$;
comment on function clickledger.customer_rename(bigint[], text[], text[], bigint[]) is 'Puts aliases in the place of customers of programmes: in the given conversions, in all that are the same customer''s by a signed report, in their reports, keys and binding. Returns how many conversions were changed.';

create function clickledger.privacy_customer(salt bytea, customer text) returns text language sql immutable strict parallel safe
  return '~' || left(encode(sha256(salt || 'customer'::bytea || convert_to(customer, 'UTF8')), 'hex'), 32);
comment on function clickledger.privacy_customer(bytea, text) is 'What takes the place of a shop''s reference of a customer.';

create function clickledger.privacy_is_customer(customer text) returns boolean language sql immutable strict parallel safe
  return customer ~ '^~[0-9a-f]{32}$';
comment on function clickledger.privacy_is_customer(text) is 'Whether a reference of a customer is an alias.';

-- A batch of attrib sees one moment: one that began before would write again what is renamed beside it.
create function clickledger.privacy_beside_attrib() returns void language sql set search_path = clickledger, pg_temp as $$
  select pg_advisory_xact_lock(hashtext('clickledger.attrib.batch'))
$$;
comment on function clickledger.privacy_beside_attrib() is 'Waits for the batch of attrib that runs; the next one begins after this transaction.';

create function clickledger.privacy_conversions(day date, visitors_max integer, out seen integer, out changed integer)
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  due constant timestamptz := privacy_due('identity')::timestamp at time zone 'utc';
  since constant timestamptz := day::timestamp at time zone 'utc';
  visitors uuid[];
  aliases uuid[];
  ids bigint[];
begin
  perform privacy_beside_attrib();
  -- A visitor's turn, and a customer's, comes with the last conversion.
  select array_agg(v.value), array_agg(privacy_alias(p.key, v.value)) into visitors, aliases
  from (select distinct k.value
    from conversion c join conversion_key k on k.conversion_id = c.id and k.kind in ('visitor', 'joined')
    where c.occurred_at >= since and c.occurred_at < since + interval '1 day' and not privacy_is_alias(k.value)
      and not exists (select from conversion_key y join conversion l on l.id = y.conversion_id
        where y.kind in ('visitor', 'joined') and y.value = k.value and l.occurred_at >= due)
    limit visitors_max) v, privacy_key p;
  perform visitor_rename(visitors, aliases, due - interval '1 microsecond');
  select array_agg(c.id) into ids from (
    select c.id from conversion c
    where c.occurred_at >= since and c.occurred_at < since + interval '1 day' and c.customer is not null and not privacy_is_customer(c.customer)
      and not exists (select from conversion_key k join conversion_key y on y.kind = 'customer' and y.value = k.value
        join conversion l on l.id = y.conversion_id
        where k.conversion_id = c.id and k.kind = 'customer' and l.occurred_at >= due)
    limit visitors_max) c;
  seen := greatest(cardinality(visitors), cardinality(ids), 0);
  changed := coalesce(cardinality(visitors), 0) + customer_rename(array_agg(n.program_id), array_agg(n.customer), array_agg(n.alias), ids)
    from (select distinct c.program_id, r.customer, privacy_customer(p.key, c.program_id || ':' || r.customer) as alias
      from conversion c join conversion_report r on r.conversion_id = c.id, privacy_key p
      where c.id = any (ids) and r.customer is not null and not privacy_is_customer(r.customer)
      union
      select c.program_id, c.customer, privacy_customer(p.key, c.program_id || ':' || c.customer) from conversion c, privacy_key p where c.id = any (ids)) n;
end $$;
comment on function clickledger.privacy_conversions(date, integer) is 'Applies identity to the conversions of a day: the visitors and customers whose last conversion it holds, at most visitors_max of each, get their aliases everywhere at once.';

create function clickledger.privacy_letters(due date, rows_max integer, out seen integer, out changed integer)
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  update dead_letter set bytes = '' where id in (
    select id from dead_letter where found_at < due::timestamp at time zone 'utc' and bytes <> '' order by id limit rows_max);
  get diagnostics changed = row_count;
  seen := changed;
end $$;
comment on function clickledger.privacy_letters(date, integer) is 'Takes the bytes from dead letters that were set aside before a day.';

create function clickledger.privacy_next(hits text, since date) returns date language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  upcoming date;
  piece record;
  holds boolean;
begin
  if hits = 'conversion' then
    return (select (min(occurred_at) at time zone 'utc')::date from conversion where occurred_at >= since::timestamp at time zone 'utc');
  elsif hits = 'dead_letter' then
    return (select (min(found_at) at time zone 'utc')::date from dead_letter);
  end if;
  if hits = 'conversion_report' then
    select (click_ts(r.id) at time zone 'utc')::date into upcoming from conversion_report r
    where r.id > click_id_at(since::timestamp at time zone 'utc') and r.ts >= since::timestamp at time zone 'utc' order by r.id limit 1;
    return upcoming;
  end if;
  for piece in
    select p.day, p.sealed_rows, case when p.detached_at is null then 'clickledger.' else 'clickledger_detached.' end
      || quote_ident(partition_name(p.table_name, p.day)) as name
    from hit_partition p where p.table_name = hits and p.day >= since and p.sealed_rows is distinct from 0 order by p.day
  loop
    continue when to_regclass(piece.name) is null;
    if piece.sealed_rows is null then
      execute format('select exists (select from %s)', piece.name) into holds;
    end if;
    if piece.sealed_rows > 0 or holds then
      return piece.day;
    end if;
  end loop;
  return null;
end $$;
comment on function clickledger.privacy_next(text, date) is 'First day (UTC) from this one on of which a table has rows; null: there is none.';

create function clickledger.privacy_first(hits text) returns date language sql stable
  return clickledger.privacy_next(hits, '1970-01-01');
comment on function clickledger.privacy_first(text) is 'Day (UTC) of the oldest row of a table; null: it is empty.';
