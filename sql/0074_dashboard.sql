-- What the team looks at: figures by day and partner, who falls, the funnel, and how long things take. From the rollups and the
-- ledger; each figure as GET /v1/stats and the views of analysts define it. By utm_source, country and device of the credited click
-- GET /v1/stats answers, from rows.

create policy team_reads on clickledger.channel_cost for select to cl_api using (current_setting('cl.team', true) = 'on');
grant select (program_id, day, source, medium, campaign, currency, amount_minor) on clickledger.channel_cost to cl_api;
grant execute on function clickledger.ratio_ppm(numeric, numeric) to cl_api;

create function clickledger.dashboard_json(conversions numeric, clicks numeric, revenue numeric, commission numeric, cost numeric) returns jsonb
  language sql immutable parallel safe
  return jsonb_build_object('clicks', clicks, 'conversions', trim_scale(conversions), 'cr_ppm', clickledger.ratio_ppm(conversions, clicks),
    'revenue_minor', revenue, 'commission_minor', commission, 'earned_minor', revenue - commission, 'cost_minor', cost,
    'roi_ppm', clickledger.ratio_ppm(revenue - commission - coalesce(cost, 0), commission + coalesce(cost, 0)));
comment on function clickledger.dashboard_json(numeric, numeric, numeric, numeric, numeric) is 'Figures of a group as GET /v1/dashboard shows them. Money in minor units; cost null: none can be named.';

create function clickledger.dashboard_figures(from_at timestamptz, to_at timestamptz, zone text, p jsonb) returns jsonb
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  partners_max constant integer := 10;
  has_cost constant boolean := p->>'partner_id' is null and p->>'partner_group' is null;
begin
  return (
    with costs as (
      select c.day, c.currency, sum(c.amount_minor) as cost from channel_cost c
      where has_cost and c.day >= (from_at at time zone zone)::date and c.day <= ((to_at - interval '1 us') at time zone zone)::date
        and (p->>'program_id' is null or c.program_id = (p->>'program_id')::bigint)
      group by 1, 2),
    days as materialized (
      select coalesce(d.day, c.day) as day, coalesce(d.currency, c.currency) as currency, coalesce(d.conversions, 0) as conversions,
        coalesce(d.clicks, 0) as clicks, coalesce(d.revenue_minor, 0) as revenue, coalesce(d.commission_minor, 0) as commission,
        case when has_cost then coalesce(c.cost, 0) end as cost
      from (select h.key::date as day, h.* from stats_hours(from_at, to_at, zone, 'day', p) h) d
      full join costs c on c.day = d.day and c.currency = d.currency),
    partners as materialized (
      select coalesce(n.key, b.key)::bigint as partner_id, coalesce(n.currency, b.currency) as currency, coalesce(n.clicks, 0) as clicks,
        coalesce(n.conversions, 0) as conversions, coalesce(n.revenue_minor, 0) as revenue, coalesce(n.commission_minor, 0) as commission,
        coalesce(n.revenue_minor - n.commission_minor, 0) as earned, coalesce(b.revenue_minor - b.commission_minor, 0) as earned_before
      from stats_hours(from_at, to_at, zone, 'partner', p) n
      full join stats_hours(stats_before(from_at, to_at, zone), from_at, zone, 'partner', p) b on b.key = n.key and b.currency = n.currency
      where coalesce(n.currency, b.currency) is not null),
    told as (
      select r.*, jsonb_build_object('partner_id', r.partner_id, 'partner_name', a.name, 'currency', r.currency,
          'earned_before_minor', r.earned_before, 'change_minor', r.earned - r.earned_before)
        || dashboard_json(r.conversions, r.clicks, r.revenue, r.commission, null) - 'cost_minor' as item
      from (select r.*, row_number() over (partition by r.currency order by r.earned desc, r.partner_id) as top,
              row_number() over (partition by r.currency order by r.earned - r.earned_before, r.partner_id) as fall
            from partners r where r.partner_id <> 0) r
      left join partner a on a.id = r.partner_id)
    select jsonb_build_object(
      'totals', (select coalesce(jsonb_agg(jsonb_build_object('currency', t.currency, 'revenue_of_nobody_minor', coalesce(n.nobody, 0),
                   'earned_before_minor', coalesce(n.before, 0)) || t.item order by t.currency), '[]')
                 from (select d.currency, dashboard_json(sum(d.conversions), sum(d.clicks), sum(d.revenue), sum(d.commission), sum(d.cost)) as item
                       from days d where d.currency is not null group by d.currency) t
                 left join (select r.currency, sum(r.revenue) filter (where r.partner_id = 0) as nobody, sum(r.earned_before) as before
                            from partners r group by r.currency) n on n.currency = t.currency),
      'days', (select coalesce(jsonb_agg(jsonb_build_object('day', d.day, 'currency', d.currency)
                 || dashboard_json(d.conversions, d.clicks, d.revenue, d.commission, d.cost) order by d.day, d.currency), '[]')
               from days d where d.currency is not null),
      'top', (select coalesce(jsonb_agg(t.item order by t.currency, t.top), '[]') from told t where t.top <= partners_max and t.earned > 0),
      'falling', (select coalesce(jsonb_agg(t.item order by t.currency, t.fall), '[]') from told t where t.fall <= partners_max and t.earned < t.earned_before)));
end $$;
comment on function clickledger.dashboard_figures(timestamptz, timestamptz, text, jsonb) is 'Sums, days, the 10 partners of each currency that earned the programme most, and the 10 that fell furthest behind the period before.';

create function clickledger.dashboard_wants(program_id bigint, partner_id bigint, p jsonb) returns boolean
  language sql stable set search_path = clickledger, pg_temp
  return (p->>'program_id' is null or $1 = (p->>'program_id')::bigint) and (p->>'partner_id' is null or $2 = (p->>'partner_id')::bigint)
    and (p->>'partner_group' is null or exists (
      select from clickledger.partner_group g where g.program_id = $1 and g.partner_id = $2 and g.name = p->>'partner_group' and g.active_at @> now()));
comment on function clickledger.dashboard_wants(bigint, bigint, jsonb) is 'Whether the filters of GET /v1/dashboard let a partner of a programme through.';

create function clickledger.dashboard_funnel(from_at timestamptz, to_at timestamptz, zone text, p jsonb) returns jsonb
  language plpgsql stable set search_path = clickledger, pg_temp as $$
begin
  return (
  with credited as (
    select s.kind, s.status, sum(s.ppm) as ppm
    from (select c.program_id, r.partner_id, c.kind, c.status, sum(r.weight_ppm) as ppm
          from credit r join conversion c on c.id = r.conversion_id
          where r.touch_ts >= from_at and r.touch_ts < to_at and r.partner_id <> 0
          group by 1, 2, 3, 4) s
    where dashboard_wants(s.program_id, s.partner_id, p)
    group by 1, 2),
  sums as (
    select (select coalesce(sum(h.clicks), 0) from stats_hours(from_at, to_at, zone, 'partner', p) h where h.key <> '0') as clicks,
      coalesce(sum(ppm) filter (where kind = 'lead'), 0) as leads, coalesce(sum(ppm) filter (where kind = 'sale'), 0) as orders,
      coalesce(sum(ppm) filter (where kind = 'sale' and status = 'approved'), 0) as paid,
      coalesce(sum(ppm) filter (where kind = 'sale' and status = 'pending'), 0) as pending,
      coalesce(sum(ppm) filter (where kind = 'sale' and status = 'declined'), 0) as declined,
      coalesce(sum(ppm) filter (where kind = 'sale' and status = 'refunded'), 0) as refunded
    from credited)
  select jsonb_build_object('clicks', s.clicks, 'leads', trim_scale(s.leads / 1000000), 'orders', trim_scale(s.orders / 1000000),
    'orders_paid', trim_scale(s.paid / 1000000), 'orders_pending', trim_scale(s.pending / 1000000), 'orders_declined', trim_scale(s.declined / 1000000),
    'orders_refunded', trim_scale(s.refunded / 1000000), 'click_to_lead_ppm', ratio_ppm(s.leads, s.clicks * 1000000),
    'click_to_order_ppm', ratio_ppm(s.orders, s.clicks * 1000000), 'order_to_paid_ppm', ratio_ppm(s.paid, s.orders))
  from sums s);
end $$;
comment on function clickledger.dashboard_funnel(timestamptz, timestamptz, text, jsonb) is 'Click -> lead -> order -> paid by the time of the touch, as the view funnel defines it.';

create function clickledger.dashboard_times(from_at timestamptz, to_at timestamptz, p jsonb) returns jsonb
  language plpgsql stable set search_path = clickledger, pg_temp set plan_cache_mode = force_custom_plan as $$
declare
  orders_max constant integer := 20000;
  orders bigint[];
begin
  orders := array(
    select c.id from conversion c
    where c.occurred_at >= from_at and c.occurred_at < to_at and c.status = 'approved' and dashboard_wants(c.program_id, null, p - 'partner_id' - 'partner_group')
      and ((p->>'partner_id' is null and p->>'partner_group' is null)
        or exists (select from commission m where m.conversion_id = c.id and dashboard_wants(c.program_id, m.partner_id, p)))
    limit orders_max + 1);
  if cardinality(orders) > orders_max then
    perform api_fail(422, 'range', format('these are more than %s approved orders: narrow from and to, or ask for one programme or partner', orders_max));
  end if;
  return (
    with approved as (
      select extract(epoch from greatest(a.approved_at - c.occurred_at, interval '0')) as seconds
      from conversion c, lateral (select least(
          (select min(d.decided_at) from conversion_decision d where d.conversion_id = c.id and d.action = 'approve'),
          (select min(coalesce(r.event_time, r.ts)) from conversion_report r where r.conversion_id = c.id and r.status = 'approved' and r.verdict = 'applied')) as approved_at) a
      where c.id = any (orders) and a.approved_at is not null),
    available as (
      select extract(epoch from greatest(min(t.posted_at) - c.occurred_at, interval '0')) as seconds
      from conversion c join ledger_transaction t on t.conversion_id = c.id join ledger_entry e on e.transaction_id = t.id and e.amount_minor > 0
      join ledger_account a on a.id = e.account_id and a.kind = 'partner_available'
      where c.id = any (orders) and dashboard_wants(c.program_id, t.partner_id, p)
      group by c.id, t.partner_id, c.occurred_at),
    told as (
      select 'approval' as what, seconds from approved union all select 'hold', seconds from available)
    select jsonb_object_agg(w.what, (
      select jsonb_build_object('count', count(*), 'median_seconds', floor(percentile_disc(0.5) within group (order by t.seconds)),
        'p90_seconds', floor(percentile_disc(0.9) within group (order by t.seconds))) from told t where t.what = w.what))
    from (values ('approval'), ('hold')) as w (what));
end $$;
comment on function clickledger.dashboard_times(timestamptz, timestamptz, jsonb) is 'How long approval and hold took, for approved orders of the period of which it is known: whole seconds. CL422 range: more than 20000 of them.';

create function clickledger.api_dashboard(p jsonb) returns json
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  zone constant text := api_zone(coalesce(p->>'tz', (select time_zone from program where id = (p->>'program_id')::bigint), 'UTC'));
  part constant text := coalesce(p->>'part', 'figures');
  today constant date := (now() at time zone zone)::date;
  to_at constant timestamptz := api_moment(coalesce(p->>'to', today::text), zone, true);
  from_at constant timestamptz := api_moment(coalesce(p->>'from', ((to_at - interval '1 ms') at time zone zone)::date - 29 || ''), zone, false);
begin
  if from_at >= to_at or to_at - from_at > interval '400 days' then
    perform api_fail(422, 'range', 'to must be behind from, and at most 400 days behind it');
  end if;
  perform api_valid(p->>'partner_group' is null or p->>'program_id' is not null, 'partner_group', 'a group is of a programme: name its program_id, too');
  return json_build_object('from', api_time(from_at), 'to', api_time(to_at), 'before_from', api_time(stats_before(from_at, to_at, zone)), 'tz', zone,
    'part', part, 'formulas', case part
      when 'figures' then json_build_object(
        'clicks', 'clicks of people',
        'conversions', 'by the time of the order; pending and approved; where several touches share one, each counts its share',
        'cr_ppm', 'conversions * 1000000 / clicks, rounded down',
        'revenue_minor', 'amounts of these conversions without what was refunded, by the same shares; revenue_of_nobody_minor: of them, what no partner is credited with',
        'commission_minor', 'commissions for these conversions',
        'earned_minor', 'revenue_minor - commission_minor; earned_before_minor: of the period before, as long; change_minor: the difference',
        'cost_minor', 'what channels cost on these days (of each programme''s zone); null for a partner or a group, of whom costs say nothing',
        'roi_ppm', '(revenue_minor - commission_minor - cost_minor) * 1000000 / (commission_minor + cost_minor), rounded down; null where nothing was spent')
      when 'funnel' then json_build_object(
        'clicks', 'clicks of people on links of partners',
        'leads', 'conversions of kind lead whose credited touch was in the period, in whatever status, by the share of the touch; orders: of kind sale',
        'orders_paid', 'of orders, approved; orders_pending, orders_declined, orders_refunded likewise',
        'click_to_lead_ppm', 'leads * 1000000 / clicks, rounded down; click_to_order_ppm and order_to_paid_ppm likewise')
      else json_build_object(
        'approval', 'approved orders of the period: from the order to the first decision or report that approved it',
        'hold', 'their commissions: from the order until the ledger made it available',
        'median_seconds', 'half took at most so long; p90_seconds: nine of ten') end,
    'data', case part when 'figures' then dashboard_figures(from_at, to_at, zone, p) when 'funnel' then dashboard_funnel(from_at, to_at, zone, p)
      else dashboard_times(from_at, to_at, p) end);
end $$;
comment on function clickledger.api_dashboard(jsonb) is 'GET /v1/dashboard: part figures, funnel or times, of a period, a programme, a partner, a group. CL422 range, time_zone, partner_group.';

create function clickledger.api_partner_groups(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select json_build_object('data', coalesce(json_agg(json_build_object('program_id', g.program_id, 'name', g.name, 'partners', g.partners)
    order by g.program_id, g.name), '[]'))
  from (
    select m.program_id, m.name, count(*) filter (where m.active_at @> now()) as partners
    from partner_group m
    where p->>'program_id' is null or m.program_id = (p->>'program_id')::bigint
    group by m.program_id, m.name
    having p->>'partner_id' is null or bool_or(m.partner_id = (p->>'partner_id')::bigint and m.active_at @> now())) g
$$;
comment on function clickledger.api_partner_groups(jsonb) is 'GET /v1/partner-groups: groups of partners, and how many are now in each; one of which all have been taken out stays. partner_id: only those in which it now is.';

grant execute on function clickledger.api_partner_groups(jsonb), clickledger.dashboard_json(numeric, numeric, numeric, numeric, numeric), clickledger.dashboard_wants(bigint, bigint, jsonb),
  clickledger.dashboard_figures(timestamptz, timestamptz, text, jsonb), clickledger.dashboard_funnel(timestamptz, timestamptz, text, jsonb),
  clickledger.dashboard_times(timestamptz, timestamptz, jsonb), clickledger.api_dashboard(jsonb) to cl_api;
