-- What stands behind the routes that partners and the team share: reading. Every function takes the request's
-- parameters as one object, checked by the program for names, types and limits, and returns the answer's body.
-- They run with the rights of cl_api: which rows they find is decided by row security, not here.

-- Forms that all answers share.

create function clickledger.api_time(at timestamptz) returns text
  language sql immutable parallel safe
  return to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
comment on function clickledger.api_time(timestamptz) is 'A time as ISO 8601 in UTC with milliseconds.';

create function clickledger.api_partner() returns bigint
  language sql stable parallel safe
  return nullif(current_setting('cl.partner', true), '')::bigint;
comment on function clickledger.api_partner() is 'The asking partner; null: the team asks.';

create function clickledger.api_limit(p jsonb) returns integer
  language sql immutable parallel safe
  return least(coalesce((p->>'limit')::integer, 50), 500);
comment on function clickledger.api_limit(jsonb) is 'Items of one page: parameter limit, default 50, at most 500.';

create function clickledger.api_cursor(a bigint, b bigint default 0) returns text
  language sql immutable parallel safe
  return encode(convert_to(a || '.' || b, 'UTF8'), 'hex');
comment on function clickledger.api_cursor(bigint, bigint) is 'Cursor behind the item with these numbers. Opaque to callers; it grants nothing.';

create function clickledger.api_after(p jsonb) returns bigint[]
  language plpgsql immutable parallel safe set search_path = clickledger, pg_temp as $$
declare
  place text;
begin
  if p->>'cursor' is null then
    return array[9223372036854775807, 9223372036854775807];
  end if;
  begin
    place := convert_from(decode(p->>'cursor', 'hex'), 'UTF8');
    if place ~ '^[0-9]{1,19}[.][0-9]{1,19}$' then
      return string_to_array(place, '.')::bigint[];
    end if;
  exception when data_exception then
    null;
  end;
  perform api_fail(422, 'cursor', 'cursor is not one that was given out');
end $$;
comment on function clickledger.api_after(jsonb) is 'The two numbers below which the page begins: lists go from the newest to the oldest, so that a page stays what it was when items are added.';

create function clickledger.api_page(items json[], cursors text[], p jsonb) returns json
  language sql immutable parallel safe
  return json_build_object(
    'data', coalesce(array_to_json(items[1:clickledger.api_limit(p)]), '[]'::json),
    'next_cursor', case when cardinality(items) > clickledger.api_limit(p) then cursors[clickledger.api_limit(p)] end);
comment on function clickledger.api_page(json[], text[], jsonb) is 'One page. It is given one item more than it shows, to know whether there is a next page.';

create function clickledger.api_missing(what text) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  perform api_fail(404, 'not_found', 'there is no such ' || what);
  return null;
end $$;
comment on function clickledger.api_missing(text) is 'CL404, the same for what is not there and for what belongs to somebody else.';

create function clickledger.partner_json(row_of clickledger.partner) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'name', row_of.name, 'email', row_of.email, 'status', row_of.status,
    'created_at', clickledger.api_time(row_of.created_at));
comment on function clickledger.partner_json(clickledger.partner) is 'A partner as answers show it.';

create function clickledger.link_json(row_of clickledger.link) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'program_id', row_of.program_id, 'partner_id', row_of.partner_id,
    'slug', row_of.slug, 'path', '/c/' || row_of.slug, 'target_url', row_of.target_url, 'name', row_of.name,
    'status', row_of.status, 'created_at', clickledger.api_time(row_of.created_at));
comment on function clickledger.link_json(clickledger.link) is 'A link as answers show it; path is its path on the tracker.';

create function clickledger.promo_code_json(row_of clickledger.promo_code) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'program_id', row_of.program_id, 'partner_id', row_of.partner_id,
    'code', row_of.code, 'path', '/p/' || row_of.code, 'target_url', row_of.target_url, 'status', row_of.status,
    'created_at', clickledger.api_time(row_of.created_at));
comment on function clickledger.promo_code_json(clickledger.promo_code) is 'A promo code as answers show it; path is its path on the tracker.';

-- Who asks, links, promo codes.

create function clickledger.api_me(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select json_build_object(
    'kind', case when api_partner() is null then 'team' else 'partner' end,
    'partner', (select partner_json(partner) from partner where id = api_partner()));
$$;
comment on function clickledger.api_me(jsonb) is 'GET /v1/me: whose key this is.';

create function clickledger.api_links(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select link as item from link
    where id < (api_after(p))[1]
      and (p->>'program_id' is null or program_id = (p->>'program_id')::bigint)
      and (p->>'partner_id' is null or partner_id = (p->>'partner_id')::bigint)
      and (p->>'status' is null or status = p->>'status')
    order by id desc limit api_limit(p) + 1)
  select api_page(array_agg(link_json(item) order by (item).id desc),
                  array_agg(api_cursor((item).id) order by (item).id desc), p)
  from page;
$$;
comment on function clickledger.api_links(jsonb) is 'GET /v1/links.';

create function clickledger.api_promo_codes(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select promo_code as item from promo_code
    where id < (api_after(p))[1]
      and (p->>'program_id' is null or program_id = (p->>'program_id')::bigint)
      and (p->>'partner_id' is null or partner_id = (p->>'partner_id')::bigint)
      and (p->>'status' is null or status = p->>'status')
    order by id desc limit api_limit(p) + 1)
  select api_page(array_agg(promo_code_json(item) order by (item).id desc),
                  array_agg(api_cursor((item).id) order by (item).id desc), p)
  from page;
$$;
comment on function clickledger.api_promo_codes(jsonb) is 'GET /v1/promo-codes.';

-- Conversions.

create function clickledger.conversion_json(row_of clickledger.conversion) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select json_build_object(
    'id', row_of.id, 'program_id', row_of.program_id, 'kind', row_of.kind, 'order_id', row_of.order_id,
    'occurred_at', api_time(row_of.occurred_at), 'status', row_of.status, 'reason', row_of.reason,
    'currency', row_of.currency, 'amount_minor', row_of.amount_minor, 'refunded_minor', row_of.refunded_minor,
    'commission_minor', (select coalesce(sum(m.amount_minor), 0)::bigint from commission m
                         where m.conversion_id = row_of.id and m.status <> 'void'),
    'credits', coalesce((
      select json_agg(json_build_object('partner_id', c.partner_id, 'touch_kind', c.touch_kind,
        'touch_id', c.touch_id, 'touch_at', api_time(c.touch_ts), 'link_id', c.link_id,
        'promo_code_id', c.promo_code_id, 'weight_ppm', c.weight_ppm, 'model', c.model)
        order by c.touch_ts, c.touch_id)
      from credit c where c.conversion_id = row_of.id), '[]'::json),
    'commissions', coalesce((
      select json_agg(json_build_object('partner_id', m.partner_id, 'currency', m.currency,
        'base_minor', m.base_minor, 'amount_minor', m.amount_minor, 'status', m.status,
        'hold_until', api_time(m.hold_until)) order by m.partner_id)
      from commission m where m.conversion_id = row_of.id), '[]'::json),
    'updated_at', api_time(row_of.updated_at));
$$;
comment on function clickledger.conversion_json(clickledger.conversion) is 'A conversion as answers show it. Credits and commissions are those the asker may see; commission_minor is the sum of those that are not void.';

create function clickledger.conversion_wanted(row_of clickledger.conversion, p jsonb) returns boolean
  language sql stable
  return (p->>'status' is null or row_of.status = p->>'status')
    and (p->>'program_id' is null or row_of.program_id = (p->>'program_id')::bigint)
    and (p->>'order_id' is null or row_of.order_id = p->>'order_id');
comment on function clickledger.conversion_wanted(clickledger.conversion, jsonb) is 'The filters of GET /v1/conversions that a conversion''s own row can answer.';

create function clickledger.api_conversions(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with asked as (
    select coalesce(api_partner(), (p->>'partner_id')::bigint) as partner_id, (api_after(p))[1] as below),
  page as (
    (select c as item from conversion c
     where (select partner_id from asked) is null and c.id < (select below from asked) and conversion_wanted(c, p)
     order by c.id desc limit api_limit(p) + 1)
    union all
    (select c from conversion c
     where (select partner_id from asked) is not null and c.id < (select below from asked) and conversion_wanted(c, p)
       and (p->>'partner_id' is null or (p->>'partner_id')::bigint = (select partner_id from asked))
       and c.id in (select conversion_id from credit where partner_id = (select partner_id from asked)
                    union select conversion_id from commission where partner_id = (select partner_id from asked))
     order by c.id desc limit api_limit(p) + 1))
  select api_page(array_agg(conversion_json(item) order by (item).id desc),
                  array_agg(api_cursor((item).id) order by (item).id desc), p)
  from page;
$$;
comment on function clickledger.api_conversions(jsonb) is 'GET /v1/conversions. The conversions of one partner are found through its credits and commissions.';

create function clickledger.api_conversion(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select coalesce((select conversion_json(c) from conversion c where c.id = (p->>'id')::bigint), api_missing('conversion'));
$$;
comment on function clickledger.api_conversion(jsonb) is 'GET /v1/conversions/{id}.';

create function clickledger.api_conversion_explain(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select coalesce((
    select json_build_object('conversion_id', (p->>'id')::bigint, 'explanations', json_agg(json_build_object(
      'partner_id', e.partner_id, 'updated_at', api_time(e.updated_at), 'explanation', e.body) order by e.partner_id))
    from explanation e where e.conversion_id = (p->>'id')::bigint
    having count(*) > 0), api_missing('explanation'));
$$;
comment on function clickledger.api_conversion_explain(jsonb) is 'GET /v1/conversions/{id}/explain: why each concerned partner got what it got. A partner whose touch lost sees its own explanation too.';

-- Money.

create function clickledger.api_balance(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with summed as (
    select b.partner_id, b.currency, sum(b.pending_minor)::bigint as pending_minor,
      sum(b.available_minor)::bigint as available_minor, sum(b.reserved_minor)::bigint as reserved_minor,
      sum(b.paid_minor)::bigint as paid_minor
    from partner_balance b
    where (p->>'partner_id' is null or b.partner_id = (p->>'partner_id')::bigint)
      and (p->>'program_id' is null or b.program_id = (p->>'program_id')::bigint)
    group by b.partner_id, b.currency)
  select json_build_object('data', coalesce(json_agg(summed order by partner_id, currency), '[]'::json)) from summed;
$$;
comment on function clickledger.api_balance(jsonb) is 'GET /v1/balance: sums of the ledger by partner and currency.';

create function clickledger.api_statement(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select t.id, e.account_id, json_build_object('transaction_id', t.id, 'posted_at', api_time(t.posted_at),
        'kind', t.kind, 'account', a.kind, 'program_id', t.program_id, 'partner_id', a.partner_id,
        'conversion_id', t.conversion_id, 'currency', t.currency, 'amount_minor', e.amount_minor) as item
    from ledger_entry e
    join ledger_account a on a.id = e.account_id
    join ledger_transaction t on t.id = e.transaction_id
    where (e.transaction_id, e.account_id) < ((api_after(p))[1], (api_after(p))[2])
      and (api_partner() is null or a.partner_id is not null)
      and (p->>'partner_id' is null or t.partner_id = (p->>'partner_id')::bigint)
      and (p->>'program_id' is null or t.program_id = (p->>'program_id')::bigint)
      and (p->>'currency' is null or t.currency = p->>'currency')
    order by e.transaction_id desc, e.account_id desc limit api_limit(p) + 1)
  select api_page(array_agg(item order by id desc, account_id desc),
                  array_agg(api_cursor(id, account_id) order by id desc, account_id desc), p)
  from page;
$$;
comment on function clickledger.api_statement(jsonb) is 'GET /v1/statement: ledger lines, the newest first. A partner sees the lines of its own accounts, the team both sides.';

-- Statistics.

create function clickledger.api_moment(text_of text, zone text, is_end boolean) returns timestamptz
  language plpgsql stable set search_path = clickledger, pg_temp as $$
begin
  if text_of ~ '^\d{4}-\d\d-\d\d$' then
    return (text_of::date + is_end::integer)::timestamp at time zone zone;
  end if;
  return text_of::timestamptz;
end $$;
comment on function clickledger.api_moment(text, text, boolean) is 'A bound of a range: a time as it is; a day is its begin in the zone, as an end the begin of the next day.';

create function clickledger.api_zone(zone text) returns text
  language plpgsql stable set search_path = clickledger, pg_temp as $$
begin
  -- PostgreSQL takes any word with a number for a zone of POSIX, in which UTC+3 is three hours west.
  if zone ~ '[0-9]' and zone !~ '^Etc/GMT[+-]([0-9]|1[0-4])$' then
    perform api_fail(422, 'time_zone', 'name the time zone by a place, such as Europe/Moscow');
  end if;
  perform now() at time zone zone;
  return zone;
exception when invalid_parameter_value then
  perform api_fail(422, 'time_zone', 'this time zone is not known');
  return null;
end $$;
comment on function clickledger.api_zone(text) is 'The zone if it is one by name and PostgreSQL knows it, else CL422.';

create function clickledger.stats_on_hours(from_at timestamptz, to_at timestamptz, zone text) returns boolean
  language sql stable set search_path = clickledger, pg_temp as $$
  select from_at = date_trunc('hour', from_at, 'UTC') and to_at = date_trunc('hour', to_at, 'UTC')
    and not exists (
      select from generate_series((from_at at time zone zone)::date::timestamp, (to_at at time zone zone)::date, interval '1 day') as day
      where date_trunc('hour', day at time zone zone, 'UTC') <> day at time zone zone);
$$;
comment on function clickledger.stats_on_hours(timestamptz, timestamptz, text) is 'Whether both bounds and all days between them begin on full hours of UTC: then the hourly rollups answer, else the rows do.';

create function clickledger.stats_clicks(from_at timestamptz, to_at timestamptz, on_hours boolean)
  returns table (at timestamptz, program_id bigint, partner_id bigint, link_id bigint, is_human boolean, clicks bigint)
  language sql stable
begin atomic
  select h.hour, h.program_id, h.partner_id, h.link_id, h.class = 'human', h.clicks
  from clickledger.click_hourly h
  where on_hours and h.hour >= from_at and h.hour < to_at
  union all
  select c.ts, coalesce(c.program_id, 0), coalesce(c.partner_id, 0), coalesce(c.link_id, 0), c.class = 'human', 1
  from clickledger.click c
  where not on_hours and c.ts >= from_at and c.ts < to_at;
end;
comment on function clickledger.stats_clicks(timestamptz, timestamptz, boolean) is 'Clicks in [from_at, to_at), from the rollup or from the rows.';

create function clickledger.stats_conversions(from_at timestamptz, to_at timestamptz, on_hours boolean)
  returns table (at timestamptz, program_id bigint, partner_id bigint, link_id bigint, status text, currency text,
                 conversions bigint, revenue_minor bigint, commission_minor bigint)
  language sql stable
begin atomic
  select h.hour, h.program_id, h.partner_id, h.link_id, h.status, h.currency, h.conversions, h.revenue_minor,
    h.commission_minor
  from clickledger.conversion_hourly h
  where on_hours and h.hour >= from_at and h.hour < to_at
  union all
  select c.occurred_at, c.program_id, coalesce(t.partner_id, 0), coalesce(t.link_id, 0), c.status, c.currency, 1,
    c.amount_minor - c.refunded_minor, coalesce(m.amount_minor, 0)
  from clickledger.conversion c
  left join clickledger.credit t on t.conversion_id = c.id
  left join clickledger.commission m on m.conversion_id = c.id and m.partner_id = t.partner_id and m.status <> 'void'
  where not on_hours and c.occurred_at >= from_at and c.occurred_at < to_at;
end;
comment on function clickledger.stats_conversions(timestamptz, timestamptz, boolean) is 'Conversions that occurred in [from_at, to_at), by the credited link, from the rollup or from the rows.';

create function clickledger.stats_rows(from_at timestamptz, to_at timestamptz, zone text, by_link boolean, p jsonb)
  returns table (key text, currency text, clicks bigint, clicks_not_counted bigint, conversions bigint,
                 conversions_declined bigint, conversions_refunded bigint, revenue_minor bigint, commission_minor bigint)
  language sql stable set search_path = clickledger, pg_temp as $$
  with range as (select stats_on_hours(from_at, to_at, zone) as on_hours),
  counted as (
    select case when by_link then c.link_id::text else ((c.at at time zone zone)::date)::text end as key,
      c.program_id, c.partner_id, c.link_id, g.currency, c.clicks * c.is_human::integer as clicks,
      c.clicks * (not c.is_human)::integer as clicks_not_counted, 0::bigint as conversions, 0::bigint as declined,
      0::bigint as refunded, 0::bigint as revenue_minor, 0::bigint as commission_minor
    from range, stats_clicks(from_at, to_at, range.on_hours) c
    left join program g on g.id = c.program_id
    union all
    select case when by_link then c.link_id::text else ((c.at at time zone zone)::date)::text end,
      c.program_id, c.partner_id, c.link_id, c.currency, 0, 0,
      c.conversions * (c.status in ('pending', 'approved'))::integer,
      c.conversions * (c.status = 'declined')::integer, c.conversions * (c.status = 'refunded')::integer,
      c.revenue_minor * (c.status in ('pending', 'approved'))::integer,
      c.commission_minor * (c.status in ('pending', 'approved'))::integer
    from range, stats_conversions(from_at, to_at, range.on_hours) c)
  select c.key, c.currency, sum(c.clicks)::bigint, sum(c.clicks_not_counted)::bigint, sum(c.conversions)::bigint,
    sum(c.declined)::bigint, sum(c.refunded)::bigint, sum(c.revenue_minor)::bigint, sum(c.commission_minor)::bigint
  from counted c
  where (p->>'program_id' is null or c.program_id = (p->>'program_id')::bigint)
    and (p->>'partner_id' is null or c.partner_id = (p->>'partner_id')::bigint)
    and (p->>'link_id' is null or c.link_id = (p->>'link_id')::bigint)
  group by c.key, c.currency;
$$;
comment on function clickledger.stats_rows(timestamptz, timestamptz, text, boolean, jsonb) is 'The sums of GET /v1/stats by day of the zone or by link, and by currency.';

create type clickledger.stats_sums as (clicks bigint, clicks_not_counted bigint, conversions bigint,
  conversions_declined bigint, conversions_refunded bigint, revenue_minor bigint, commission_minor bigint);
comment on type clickledger.stats_sums is 'What GET /v1/stats adds up.';

create function clickledger.stats_json(name text, key json, currency text, sums clickledger.stats_sums) returns json
  language sql immutable parallel safe
  return json_build_object(name, key, 'currency', currency,
    'clicks', sums.clicks, 'clicks_not_counted', sums.clicks_not_counted, 'conversions', sums.conversions,
    'conversions_declined', sums.conversions_declined, 'conversions_refunded', sums.conversions_refunded,
    'cr_ppm', case when sums.clicks > 0 then sums.conversions * 1000000 / sums.clicks end,
    'epc_minor', case when sums.clicks > 0 then round(sums.commission_minor::numeric / sums.clicks, 4)::text end,
    'revenue_minor', sums.revenue_minor, 'commission_minor', sums.commission_minor);
comment on function clickledger.stats_json(text, json, text, clickledger.stats_sums) is 'One row of GET /v1/stats. Conversion rate in ppm, rounded down; earnings per click in minor units as decimal text with 4 places, halves away from zero; both null without clicks.';

create function clickledger.api_stats(p jsonb) returns json
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  zone text := api_zone(coalesce(p->>'tz', 'UTC'));
  by_link boolean := coalesce(p->>'group_by', 'day') = 'link';
  today date := (now() at time zone zone)::date;
  to_at timestamptz := api_moment(coalesce(p->>'to', today::text), zone, true);
  from_at timestamptz := api_moment(coalesce(p->>'from', ((to_at - interval '1 ms') at time zone zone)::date - 29 || ''), zone, false);
begin
  if from_at >= to_at or to_at - from_at > interval '400 days' then
    perform api_fail(422, 'range', 'to must be behind from, and at most 400 days behind it');
  end if;
  return (
    with found as (select * from stats_rows(from_at, to_at, zone, by_link, p)),
    summed as (
      select f.currency, (sum(f.clicks), sum(f.clicks_not_counted), sum(f.conversions), sum(f.conversions_declined),
        sum(f.conversions_refunded), sum(f.revenue_minor), sum(f.commission_minor))::stats_sums as sums
      from found f group by f.currency)
    select json_build_object(
      'from', api_time(from_at), 'to', api_time(to_at), 'tz', zone, 'group_by', case when by_link then 'link' else 'day' end,
      'formulas', json_build_object(
        'clicks', 'clicks of people; clicks_not_counted: of bots, previews, prefetches, repeated ones and the like',
        'conversions', 'by the time of the order; pending and approved; declined and completely refunded ones are counted apart',
        'revenue_minor', 'amounts of pending and approved conversions without what was refunded',
        'commission_minor', 'commissions for pending and approved conversions',
        'cr_ppm', 'conversions * 1000000 / clicks, rounded down',
        'epc_minor', 'commission_minor / clicks, 4 decimals'),
      'data', coalesce((
        select json_agg(case when by_link then stats_json('link_id', to_json(nullif(f.key, '0')::bigint), f.currency, f.sums)
                        else stats_json('day', to_json(f.key), f.currency, f.sums) end
          order by case when by_link then lpad(f.key, 20, '0') else f.key end, f.currency)
        from (select key, currency, (clicks, clicks_not_counted, conversions, conversions_declined, conversions_refunded,
                                     revenue_minor, commission_minor)::stats_sums as sums from found) f), '[]'::json),
      'totals', coalesce((
        select json_agg(stats_json('group', to_json('all'::text), s.currency, s.sums) order by s.currency) from summed s), '[]'::json)));
end $$;
comment on function clickledger.api_stats(jsonb) is 'GET /v1/stats: clicks, conversions, CR, EPC, revenue and commission by day or by link, one row per currency. from and to: a day (to included) or a time (to excluded).';

grant select on clickledger.partner_balance to cl_api, cl_analyst;

do $$
declare
  shared regprocedure;
begin
  for shared in
    select oid from pg_proc
    where pronamespace = 'clickledger'::regnamespace
      and (proname ~ '^(api|stats)_' or proname in ('partner_json', 'link_json', 'promo_code_json', 'conversion_json', 'conversion_wanted'))
  loop
    execute format('grant execute on function %s to cl_api', shared);
  end loop;
end $$;
