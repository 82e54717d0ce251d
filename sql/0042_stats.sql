-- Statistics of the API at the speed of the rollups, whatever the range, the zone and the number of partitions; and lists of the team.
--
-- Whole hours come from the rollups. The hours of UTC that a bound or a zone's midnight divides come from the rows, whose ids begin
-- with their millisecond: the primary key finds an hour in its day. Who needs no such hour does not plan for any partition.

create function clickledger.stats_edges(from_at timestamptz, to_at timestamptz, zone text, by_link boolean) returns timestamptz[]
  language sql stable set search_path = clickledger, pg_temp as $$
  select coalesce(array_agg(distinct date_trunc('hour', edge, 'UTC')), '{}')
  from (
    select edge from unnest(array[from_at, to_at]) as edge
    union all
    select day at time zone zone
    from generate_series((from_at at time zone zone)::date::timestamp, (to_at at time zone zone)::date, interval '1 day') as day
    where not by_link) as bound
  where edge <> date_trunc('hour', edge, 'UTC');
$$;
comment on function clickledger.stats_edges(timestamptz, timestamptz, text, boolean) is 'The hours of UTC that a bound, or by day a midnight of the zone, divides: of them the rollups cannot answer.';

-- Hour by hour: each is planned for its one partition.
create function clickledger.stats_clicks(from_at timestamptz, to_at timestamptz, hours timestamptz[])
  returns table (at timestamptz, program_id bigint, partner_id bigint, link_id bigint, class clickledger.hit_class)
  language plpgsql stable rows 1000 set search_path = clickledger, pg_temp set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_column
declare
  hour_at timestamptz;
  first_at timestamptz;
  end_at timestamptz;
begin
  foreach hour_at in array hours loop
    first_at := greatest(hour_at, from_at);
    end_at := least(hour_at + interval '1 hour', to_at);
    return query
      select c.ts, coalesce(c.program_id, 0), coalesce(c.partner_id, 0), coalesce(c.link_id, 0), c.class
      from click c
      where c.click_id >= click_id_at(first_at) and c.click_id < click_id_at(end_at) and c.ts >= first_at and c.ts < end_at;
  end loop;
end $$;
comment on function clickledger.stats_clicks(timestamptz, timestamptz, timestamptz[]) is 'The clicks of these hours that are in [from_at, to_at), one row each.';

create function clickledger.stats_conversions(from_at timestamptz, to_at timestamptz, hours timestamptz[])
  returns table (at timestamptz, program_id bigint, partner_id bigint, link_id bigint, status text, currency text,
                 conversions_ppm bigint, revenue_minor bigint, commission_minor bigint)
  language plpgsql stable rows 1000 set search_path = clickledger, pg_temp set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_column
declare
  hour_at timestamptz;
begin
  foreach hour_at in array hours loop
    return query
      select p.occurred_at, p.program_id, coalesce(p.partner_id, 0), coalesce(p.link_id, 0), p.status, p.currency, p.weight_ppm::bigint,
        p.revenue_minor, coalesce(p.commission_minor, 0)
      from conversion_part p
      where p.occurred_at >= greatest(hour_at, from_at) and p.occurred_at < least(hour_at + interval '1 hour', to_at)
        -- A partner sees no credits of others, which is not the same as that there are none.
        and (p.partner_id is not null or api_partner() is null);
  end loop;
end $$;
comment on function clickledger.stats_conversions(timestamptz, timestamptz, timestamptz[]) is 'The shares of conversions of these hours that are in [from_at, to_at), one row each.';

create or replace function clickledger.stats_rows(from_at timestamptz, to_at timestamptz, zone text, by_link boolean, p jsonb)
  returns table (key text, currency text, clicks bigint, clicks_not_counted bigint, conversions numeric,
                 conversions_declined numeric, conversions_refunded numeric, revenue_minor bigint, commission_minor bigint)
  language plpgsql stable set search_path = clickledger, pg_temp set plan_cache_mode = force_custom_plan set enable_sort = off as $$
#variable_conflict use_column
declare
  edges constant timestamptz[] := stats_edges(from_at, to_at, zone, by_link);
  wanted_program constant bigint := p->>'program_id';
  -- The asker, too, though row security names it: a plan knows this number and not that of a policy.
  wanted_partner constant bigint := coalesce((p->>'partner_id')::bigint, api_partner());
  wanted_link constant bigint := p->>'link_id';
begin
  return query
  -- Hours are summed before they become days: a zone is asked once an hour and not once a row.
  with counted as (
    select case when not by_link then h.hour end as at, case when by_link then h.link_id end as link_id, h.program_id, null::text as currency,
      sum(h.clicks) filter (where h.class = 'human') as clicks, sum(h.clicks) filter (where h.class <> 'human') as clicks_not_counted,
      0::numeric as conversions_ppm, 0::numeric as declined_ppm, 0::numeric as refunded_ppm, 0::numeric as revenue, 0::numeric as commission
    from click_hourly h
    where h.hour >= from_at and h.hour < to_at and h.hour <> all (edges) and (wanted_partner is null or h.partner_id = wanted_partner)
      and (wanted_program is null or h.program_id = wanted_program) and (wanted_link is null or h.link_id = wanted_link)
    group by 1, 2, 3
    union all
    select case when not by_link then h.hour end, case when by_link then h.link_id end, h.program_id, h.currency, 0, 0,
      sum(h.conversions_ppm) filter (where h.status in ('pending', 'approved')), sum(h.conversions_ppm) filter (where h.status = 'declined'),
      sum(h.conversions_ppm) filter (where h.status = 'refunded'), sum(h.revenue_minor) filter (where h.status in ('pending', 'approved')),
      sum(h.commission_minor) filter (where h.status in ('pending', 'approved'))
    from conversion_hourly h
    where h.hour >= from_at and h.hour < to_at and h.hour <> all (edges) and (wanted_partner is null or h.partner_id = wanted_partner)
      and (wanted_program is null or h.program_id = wanted_program) and (wanted_link is null or h.link_id = wanted_link)
    group by 1, 2, 3, 4
    union all
    select c.at, c.link_id, c.program_id, null, (c.class = 'human')::integer, (c.class <> 'human')::integer, 0, 0, 0, 0, 0
    from stats_clicks(from_at, to_at, edges) c
    where (wanted_partner is null or c.partner_id = wanted_partner) and (wanted_program is null or c.program_id = wanted_program)
      and (wanted_link is null or c.link_id = wanted_link)
    union all
    select c.at, c.link_id, c.program_id, c.currency, 0, 0, c.conversions_ppm * (c.status in ('pending', 'approved'))::integer,
      c.conversions_ppm * (c.status = 'declined')::integer, c.conversions_ppm * (c.status = 'refunded')::integer,
      c.revenue_minor * (c.status in ('pending', 'approved'))::integer, c.commission_minor * (c.status in ('pending', 'approved'))::integer
    from stats_conversions(from_at, to_at, edges) c
    where (wanted_partner is null or c.partner_id = wanted_partner) and (wanted_program is null or c.program_id = wanted_program)
      and (wanted_link is null or c.link_id = wanted_link))
  select case when by_link then c.link_id::text else ((c.at at time zone zone)::date)::text end, coalesce(c.currency, g.currency),
    coalesce(sum(c.clicks), 0)::bigint, coalesce(sum(c.clicks_not_counted), 0)::bigint, trim_scale(coalesce(sum(c.conversions_ppm), 0) / 1000000),
    trim_scale(coalesce(sum(c.declined_ppm), 0) / 1000000), trim_scale(coalesce(sum(c.refunded_ppm), 0) / 1000000),
    coalesce(sum(c.revenue), 0)::bigint, coalesce(sum(c.commission), 0)::bigint
  from counted c left join program g on g.id = c.program_id
  group by 1, 2;
end $$;

drop function clickledger.stats_clicks(timestamptz, timestamptz, boolean);
drop function clickledger.stats_conversions(timestamptz, timestamptz, boolean);

-- The days of analysts, by the same way to an hour.

create or replace function clickledger.click_divided(time_zone text, from_at timestamptz, to_at timestamptz)
  returns table (program_id bigint, partner_id bigint, link_id bigint, class clickledger.hit_class, clicks bigint)
  language sql stable rows 100 set search_path = clickledger, pg_temp
begin atomic
  select k.program_id, k.partner_id, k.link_id, k.class, count(*)
  from clickledger.stats_clicks($2, $3, array(
    select distinct date_trunc('hour', edge, 'UTC') from unnest(array[$2, $3]) as edge where edge <> date_trunc('hour', edge, 'UTC'))) k
  join clickledger.program p on p.id = k.program_id and p.time_zone = $1
  group by 1, 2, 3, 4;
end;

-- Who asks, by number: row security of the inner table alone is an "or" between team and partner, which no index can answer.

alter policy partner_own on clickledger.program
  using (nullif(current_setting('cl.partner', true), '') is not null
    and (exists (select from clickledger.link l
                 where l.program_id = program.id and l.partner_id = nullif(current_setting('cl.partner', true), '')::bigint)
      or exists (select from clickledger.promo_code c
                 where c.program_id = program.id and c.partner_id = nullif(current_setting('cl.partner', true), '')::bigint)));
alter policy partner_own on clickledger.conversion
  using (nullif(current_setting('cl.partner', true), '') is not null
    and (exists (select from clickledger.credit c
                 where c.conversion_id = conversion.id and c.partner_id = nullif(current_setting('cl.partner', true), '')::bigint)
      or exists (select from clickledger.commission c
                 where c.conversion_id = conversion.id and c.partner_id = nullif(current_setting('cl.partner', true), '')::bigint)));

-- The team's lists.

create index conversion_order on clickledger.conversion (order_id);

create or replace function clickledger.api_conversions(p jsonb) returns json
  language plpgsql stable set search_path = clickledger, pg_temp set plan_cache_mode = force_custom_plan as $$
declare
  asker constant bigint := coalesce(api_partner(), (p->>'partner_id')::bigint);
  below constant bigint := (api_after(p))[1];
  wanted_order constant text := p->>'order_id';
  page_size constant integer := api_limit(p) + 1;
begin
  return (
    with page as (
      select c as item from conversion c
      where c.id < below and conversion_wanted(c, p) and (wanted_order is null or c.order_id = wanted_order)
        and (p->>'partner_id' is null or (p->>'partner_id')::bigint = asker)
        and (asker is null or c.id in (select r.conversion_id from credit r where r.partner_id = asker
                                       union select m.conversion_id from commission m where m.partner_id = asker))
      order by c.id desc limit page_size)
    select api_page(array_agg(conversion_json(item) order by (item).id desc),
                    array_agg(api_cursor((item).id) order by (item).id desc), p)
    from page);
end $$;

grant execute on function clickledger.click_id_at(timestamptz), clickledger.stats_clicks(timestamptz, timestamptz, timestamptz[])
  to cl_api, cl_analyst;
grant execute on function clickledger.stats_edges(timestamptz, timestamptz, text, boolean), clickledger.stats_conversions(timestamptz, timestamptz, timestamptz[]) to cl_api;
