-- Forgetting a visitor, telling what is stored about one, and the passes that keep both promises.

create function clickledger.forget_rows(visitor_id uuid, alias uuid, until timestamptz) returns table (place text, rows bigint)
  language plpgsql set search_path = clickledger, pg_temp as $$
#variable_conflict use_column
declare
  names constant uuid[] := array[forget_rows.visitor_id, (select privacy_alias(p.key, forget_rows.visitor_id) from privacy_key p)];
  conversions bigint[];
  hits text;
  hit_table text;
  n bigint;
  total bigint;
begin
  perform privacy_beside_attrib();
  select array_agg(found.id) into conversions from (
    select c.id from conversion c where c.visitor_id = any (names) and c.occurred_at <= until
    union
    select c.id from conversion_key k join conversion c on c.id = k.conversion_id
    where k.kind in ('visitor', 'joined') and k.value = any (names) and c.occurred_at <= until) found;
  foreach hits in array array['click', 'impression', 'visit', 'promo_entry'] loop
    total := 0;
    foreach hit_table in array privacy_tables(hits, false, names, until) loop
      execute format('update %s set visitor_id = $1, address = null, address_hash = null, region = null, user_agent = privacy_agent(user_agent), '
        'language = null, referrer_host = null, referrer_path = null %s where visitor_id = any ($2) and ts <= $3', hit_table,
        case hits
          when 'click' then ', destination = privacy_page(destination), ad_network = null, ad_click_id = null, '
            'sub1 = null, sub2 = null, sub3 = null, sub4 = null, sub5 = null, sub6 = null, sub7 = null, sub8 = null, sub9 = null, sub10 = null'
          when 'visit' then ', page = null, ad_network = null, ad_click_id = null'
          else '' end) using alias, names, until;
      get diagnostics n = row_count;
      total := total + n;
    end loop;
    return query select hits, total;
  end loop;
  update conversion_report r set visitor_id = case when r.visitor_id = any (names) then alias else r.visitor_id end,
      customer = case when r.conversion_id is not null then r.customer end,
      raw = null, address = null, address_hash = null, region = null, user_agent = privacy_agent(r.user_agent),
      sub1 = null, sub2 = null, sub3 = null, sub4 = null, sub5 = null, sub6 = null, sub7 = null, sub8 = null, sub9 = null, sub10 = null
    where r.visitor_id = any (names) and r.ts <= until or r.conversion_id = any (conversions) and r.ts <= until
      and num_nonnulls(r.raw, r.address, r.address_hash, r.region, nullif(r.user_agent, privacy_agent(r.user_agent)),
        r.sub1, r.sub2, r.sub3, r.sub4, r.sub5, r.sub6, r.sub7, r.sub8, r.sub9, r.sub10) > 0;
  get diagnostics n = row_count;
  return query select 'conversion_report', n;
  select count(*) into n from conversion c where c.id = any (conversions) and c.visitor_id = any (names);
  perform visitor_rename(names, array[alias, alias], until);
  update conversion c set visitor_id = alias where c.id = any (conversions) and c.visitor_id = any (names);
  return query select 'conversion', n;
  select customer_rename(array_agg(c.program_id), array_agg(c.customer), array_agg(privacy_customer(uuid_send(alias), c.customer)), conversions) into n
  from (select distinct c.program_id, said.customer
    from conversion c, lateral (select c.customer union select r.customer from conversion_report r where r.conversion_id = c.id) said
    where c.id = any (conversions) and not privacy_is_customer(said.customer)) c;
  return query select 'customer', coalesce(n, 0);
  update explanation x set body = replace(replace(x.body::text, names[1]::text, alias::text), names[2]::text, alias::text)::jsonb
    where x.conversion_id = any (conversions) and (position(names[1]::text in x.body::text) > 0 or position(names[2]::text in x.body::text) > 0);
  get diagnostics n = row_count;
  return query select 'explanation', n;
  -- A packed frame, or what is left of one, cannot be searched here: it goes if it is not older than the visitor.
  update dead_letter d set bytes = '', reason = 'its content was removed: a visitor was forgotten'
    where d.bytes <> '' and d.found_at <= until + interval '1 day'
      and (position(uuid_send(names[1]) in d.bytes) > 0 or position(names[1]::text in d.reason) > 0
        or (d.kind in ('header', 'payload', 'fork') and substr(d.bytes, 5, 1) <> '\x01' or d.kind = 'hit' and d.hits > 1)
          and not privacy_is_alias(names[1]) and d.found_at >= click_ts(names[1]));
  get diagnostics n = row_count;
  return query select 'dead_letter', n;
end $$;
comment on function clickledger.forget_rows(uuid, uuid, timestamptz) is 'Takes a visitor out of all tables, in hits up to a moment; returns how many rows of each were changed. Rows keep their ids, classes, partners and sums: the ledger and what explains it hold.';

create function clickledger.forget_visitor(visitor_id uuid) returns table (place text, rows bigint)
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
#variable_conflict use_column
declare
  known forgotten_visitor;
begin
  if forget_visitor.visitor_id is null or privacy_is_alias(forget_visitor.visitor_id) then
    raise exception 'forget_visitor: % is no visitor''s id', coalesce(forget_visitor.visitor_id::text, 'null') using errcode = 'invalid_parameter_value';
  end if;
  perform pg_advisory_xact_lock(hashtext('clickledger.privacy'));
  select coalesce(f.alias, privacy_alias(uuid_send(gen_random_uuid()), gen_random_uuid())) into known.alias
  from privacy_key p left join forgotten_visitor f on f.hash = privacy_hash(p.key, forget_visitor.visitor_id);
  known.forgotten_at := clock_timestamp();
  insert into forgotten_visitor as f (hash, alias, forgotten_at, scan_from)
  select privacy_hash(p.key, named.id), known.alias, known.forgotten_at, (now() at time zone 'utc')::date - o.recheck_days
  from privacy_key p, privacy_policy o,
    lateral (values (forget_visitor.visitor_id), (privacy_alias(p.key, forget_visitor.visitor_id))) as named (id)
  on conflict (hash) do update set forgotten_at = excluded.forgotten_at, scan_from = excluded.scan_from, settled = false;
  return query select r.place, r.rows from forget_rows(forget_visitor.visitor_id, known.alias, known.forgotten_at) r;
end $$;
comment on function clickledger.forget_visitor(uuid) is 'Forgets a visitor, by the id in his cookie cl_v: takes out of every table what is his alone and puts a random id in place of his. Returns the changed rows of each table; may be called again. No sum changes. 22023: not an id of a visitor. For cl_privacy.';

create function clickledger.forget_listed(hashes bytea[], forgotten_at timestamptz[]) returns bigint
  language sql security definer set search_path = clickledger, pg_temp as $$
  select pg_advisory_xact_lock(hashtext('clickledger.privacy'));
  update privacy_progress g set day = privacy_first(g.hits) where g.rule = 'forgotten';
  with listed as (
    insert into forgotten_visitor as f (hash, alias, forgotten_at, scan_from)
    select l.hash, privacy_alias(uuid_send(gen_random_uuid()), gen_random_uuid()), l.at, '0001-01-01'
    from unnest($1, $2) as l (hash, at)
    on conflict (hash) do update set forgotten_at = greatest(f.forgotten_at, excluded.forgotten_at), scan_from = excluded.scan_from, settled = false
    returning 1)
  select count(*) from listed
$$;
comment on function clickledger.forget_listed(bytea[], timestamptz[]) is 'After a restore: takes up again hashes and times of forgotten_visitor that were saved outside this database. The next pass looks for them in all days. Returns how many. For cl_privacy.';

create function clickledger.forgotten_list() returns table (hash bytea, forgotten_at timestamptz)
  language sql stable security definer set search_path = clickledger, pg_temp as $$
  select hash, forgotten_at from forgotten_visitor order by forgotten_at, hash
$$;
comment on function clickledger.forgotten_list() is 'What to save outside this database, for forget_listed(). Holds no visitor''s id. For cl_privacy.';

create function clickledger.visitor_export(visitor_id uuid) returns table (place text, at timestamptz, content jsonb)
  language plpgsql stable security definer set search_path = clickledger, pg_temp as $$
#variable_conflict use_column
declare
  names constant uuid[] := array[visitor_export.visitor_id, (select privacy_alias(p.key, visitor_export.visitor_id) from privacy_key p)];
  inner_columns constant text[] := array['address_hash', 'producer', 'seq', 'content_hash', 'catalog_revision', 'class_version'];
  hits text;
  hit_table text;
begin
  foreach hits in array array['click', 'impression', 'visit', 'promo_entry'] loop
    foreach hit_table in array privacy_tables(hits, false, names, 'infinity') loop
      return query execute format('select %L, t.ts, jsonb_strip_nulls(to_jsonb(t) - $2) from %s t where t.visitor_id = any ($1) order by t.ts', hits, hit_table)
        using names, inner_columns;
    end loop;
  end loop;
  return query
    with orders as (select k.conversion_id from conversion_key k where k.kind in ('visitor', 'joined') and k.value = any (names))
    select 'conversion_report', r.ts, jsonb_strip_nulls(to_jsonb(r) - inner_columns) from conversion_report r
    where r.visitor_id = any (names) or r.conversion_id in (select conversion_id from orders)
    union all
    select 'conversion', c.occurred_at, jsonb_strip_nulls(to_jsonb(c)) from conversion c
    where c.visitor_id = any (names) or c.id in (select conversion_id from orders)
    order by 1, 2;
end $$;
comment on function clickledger.visitor_export(uuid) is 'Everything that is stored about a visitor, by the id in his cookie cl_v: one row per hit, report and conversion, with its columns as JSON. For cl_privacy.';

-- --- Passes -----------------------------------------------------------------------------------------------------------

create function clickledger.privacy_again(hits text, day date) returns integer language plpgsql set search_path = clickledger, pg_temp as $$
declare
  found_visitor record;
  changed integer := 0;
begin
  for found_visitor in execute format($find$
    select distinct t.visitor_id, f.alias, f.forgotten_at
    from %s t, privacy_key p, forgotten_visitor f
    where t.ts >= $1 and t.ts < $2 and t.visitor_id is not null
      and f.hash = privacy_hash(p.key, t.visitor_id) and not f.settled and t.ts <= f.forgotten_at$find$,
    coalesce((select d.name from privacy_detached(privacy_again.hits) d where d.day = privacy_again.day), 'clickledger.' || hits))
    using day::timestamp at time zone 'utc', (day + 1)::timestamp at time zone 'utc'
  loop
    changed := changed + (select sum(r.rows) from forget_rows(found_visitor.visitor_id, found_visitor.alias, found_visitor.forgotten_at) r);
  end loop;
  return changed;
end $$;
comment on function clickledger.privacy_again(text, date) is 'Forgets once more the visitors whose hits have turned up again in a day of a table; returns how many rows of all tables were changed.';

create function clickledger.privacy_begin(everything boolean) returns void language sql security definer set search_path = clickledger, pg_temp as $$
  select pg_advisory_xact_lock(hashtext('clickledger.privacy'));
  update privacy_progress g set after_id = null, begun_on = (now() at time zone 'utc')::date,
    day = case
      -- Null where nobody is unsettled: greatest() would leave that out.
      when g.rule = 'forgotten' then (select greatest(min(f.scan_from), privacy_first(g.hits)) from forgotten_visitor f where not f.settled having count(*) > 0)
      when everything or g.day is null then coalesce(privacy_first(g.hits), privacy_due(g.rule))
      else greatest(least(g.day, privacy_due(g.rule)) - o.recheck_days, privacy_first(g.hits)) end
  from privacy_policy o
  where (g.begun_on is distinct from (now() at time zone 'utc')::date or everything or g.rule = 'forgotten')
    and (g.finished_on >= g.begun_on or g.begun_on is null or everything);
$$;
comment on function clickledger.privacy_begin(boolean) is 'Begins the passes of today, unless they were begun or an earlier one is not finished: from where the last one ended, less recheck_days; with everything from the first day.';

create function clickledger.privacy_advance(chosen clickledger.privacy_progress, due date, rows_max integer)
  returns integer language plpgsql set search_path = clickledger, pg_temp as $$
declare
  step record;
  next_day date := chosen.day + 1;
  next_id uuid;
begin
  if chosen.rule = 'forgotten' then
    select 0 as seen, privacy_again(chosen.hits, chosen.day) as changed into step;
  elsif chosen.hits = 'dead_letter' then
    select * into step from privacy_letters(due, rows_max);
    next_day := case when step.seen < rows_max then due else chosen.day end;
  elsif chosen.hits = 'conversion' then
    select * into step from privacy_conversions(chosen.day, rows_max);
    next_day := case when step.seen < rows_max then chosen.day + 1 else chosen.day end;
  else
    select * into step from privacy_rows(chosen.hits, chosen.rule, chosen.day, chosen.after_id, rows_max);
    if step.seen = rows_max then
      next_day := chosen.day;
      next_id := step.last_id;
    end if;
  end if;
  -- Days without rows are passed over at once.
  if next_day < due and next_day > chosen.day and step.seen = 0 then
    next_day := coalesce(least(privacy_next(chosen.hits, next_day), due), due);
  end if;
  update privacy_progress g set day = next_day, after_id = next_id, changed = g.changed + step.changed
  where g.hits = chosen.hits and g.rule = chosen.rule;
  return step.changed;
end $$;
comment on function clickledger.privacy_advance(clickledger.privacy_progress, date, integer) is 'The next piece of a table and rule: at most rows_max rows, at most one day; returns how many were changed.';

create function clickledger.privacy_step(rows_max integer, out more boolean, out hits text, out rule text, out day date, out changed integer)
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  chosen privacy_progress;
  due date;
begin
  if rows_max is null or rows_max not between 1 and 100000 then
    raise exception 'privacy_step: rows_max is between 1 and 100000' using errcode = 'invalid_parameter_value';
  end if;
  perform pg_advisory_xact_lock(hashtext('clickledger.privacy'));
  select g.* into chosen from privacy_progress g where g.day < privacy_due(g.rule) order by g.rule, g.hits limit 1;
  if not found then
    update privacy_progress g set finished_on = (now() at time zone 'utc')::date where g.finished_on is distinct from (now() at time zone 'utc')::date;
    update forgotten_visitor f set settled = true
    where not f.settled and f.forgotten_at < now() - (select o.recheck_days from privacy_policy o) * interval '1 day';
    more := false;
    changed := 0;
    return;
  end if;
  due := privacy_due(chosen.rule);
  more := true;
  hits := chosen.hits;
  rule := chosen.rule;
  day := chosen.day;
  changed := privacy_advance(chosen, due, rows_max);
end $$;
comment on function clickledger.privacy_step(integer) is 'One short transaction of retention: at most rows_max rows (1 to 100000) of one day of one table. more is false when all that is due has been done. Runners wait for each other. For cl_ingest.';

create function clickledger.privacy_status() returns table (rule text, overdue_days bigint, changed bigint)
  language sql stable security definer set search_path = clickledger, pg_temp as $$
  -- Asked every minute: what was never begun counts from its table's first partition, without a look into all of them.
  select g.rule, coalesce(max(greatest(case
      when g.rule = 'forgotten' then (select (now() at time zone 'utc')::date - greatest(g.finished_on, (min(f.forgotten_at) at time zone 'utc')::date)
        from forgotten_visitor f where not f.settled having count(*) > 0)
      else privacy_due(g.rule) - coalesce(g.day, (select min(p.day) from hit_partition p where p.table_name = g.hits), privacy_due(g.rule)) end, 0)), 0)::bigint,
    sum(g.changed)::bigint
  from privacy_progress g group by g.rule order by g.rule
$$;
comment on function clickledger.privacy_status() is 'Per rule: by how many days the slowest table is behind (0: nothing is due; of forgotten: since visitors wait for a pass that comes to its end), and the rows changed so far. For cl_ingest and cl_privacy.';

-- --- Who may ----------------------------------------------------------------------------------------------------------

do $$
declare
  name text;
begin
  foreach name in array array['privacy_policy', 'privacy_key', 'privacy_progress', 'forgotten_visitor'] loop
    execute format('alter table clickledger.%I enable row level security', name);
    execute format('alter table clickledger.%I force row level security', name);
  end loop;
  foreach name in array array['privacy_policy', 'privacy_progress'] loop
    execute format('grant select on clickledger.%I to cl_analyst', name);
    execute format('create policy analyst on clickledger.%I for select to cl_analyst using (true)', name);
  end loop;
end $$;
grant usage on schema clickledger to cl_privacy;
grant execute on function clickledger.forget_visitor(uuid), clickledger.forget_listed(bytea[], timestamptz[]),
  clickledger.forgotten_list(), clickledger.visitor_export(uuid), clickledger.privacy_status() to cl_privacy;
grant execute on function clickledger.privacy_begin(boolean), clickledger.privacy_step(integer), clickledger.privacy_status() to cl_ingest;
