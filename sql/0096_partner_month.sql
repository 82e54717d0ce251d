-- Months of a partner as two ranges of hours and not as each hour of each day: a third of what partner_month and funnel took.

create function clickledger.zone_months() returns table (time_zone text, month date, from_at timestamptz, to_at timestamptz)
  language plpgsql stable rows 100 set search_path = clickledger, pg_temp as $$
begin
  return query
  select z.time_zone, m::date, m at time zone z.time_zone, (m + interval '1 month') at time zone z.time_zone
  from rollup_range() as b
  cross join (select p.time_zone from program p union select 'UTC') as z
  cross join generate_series(date_trunc('month', b.first_hour at time zone z.time_zone), (b.last_hour + interval '59 min') at time zone z.time_zone,
    interval '1 month') as m;
end $$;
comment on function clickledger.zone_months() is 'The months of the zones in which programmes live, and of UTC, from the first to the last with a click or a conversion in the installation: first day, begin, and begin of the next. Where midnight comes twice, the second one. In plpgsql, so that it is planned once a session and not in each question.';

create view clickledger.click_monthly with (security_invoker = true) as
select c.month, c.program_id, c.partner_id,
  coalesce(sum(c.clicks) filter (where c.class = 'human'), 0)::bigint as clicks,
  coalesce(sum(c.clicks) filter (where c.class <> 'human'), 0)::bigint as clicks_not_counted
from (
  -- Hours that lie in the month as a whole.
  select m.month, h.program_id, h.partner_id, h.class, h.clicks
  from clickledger.zone_months() m
  join clickledger.click_hourly h on h.hour >= m.from_at and h.hour <= m.to_at - interval '1 hour'
  left join clickledger.program p on p.id = h.program_id
  where coalesce(p.time_zone, 'UTC') = m.time_zone
  union all
  -- What is left at both ends where the zone's hours are not those of UTC.
  select m.month, k.program_id, k.partner_id, k.class, k.clicks
  from clickledger.zone_months() m
  cross join lateral clickledger.click_divided(m.time_zone, m.from_at, m.to_at) k
  where m.from_at <> date_trunc('hour', m.from_at, 'UTC') or m.to_at <> date_trunc('hour', m.to_at, 'UTC')) as c
group by c.month, c.program_id, c.partner_id
having sum(c.clicks) <> 0;
comment on view clickledger.click_monthly is 'Clicks by month of the programme''s zone and partner: the sums of click_daily, found faster. Of zones whose hours are not those of UTC only the hours that the ends of the month divide come from rows, so that a month whose clicks are detached lacks less than its days do.';
comment on column clickledger.click_monthly.month is 'First day of the month in the programme''s zone; of UTC for unknown links.';
comment on column clickledger.click_monthly.program_id is 'The programme; 0: unknown link.';
comment on column clickledger.click_monthly.partner_id is 'The partner; 0: unknown link.';
comment on column clickledger.click_monthly.clicks is 'Clicks of people: class human. Only these count and earn.';
comment on column clickledger.click_monthly.clicks_not_counted is 'Clicks of bots, previews, prefetches, repeated ones and the like.';

create view clickledger.conversion_monthly with (security_invoker = true) as
select c.month, c.program_id, c.partner_id, c.kind, c.status, c.currency,
  trim_scale(sum(c.conversions_ppm) / 1000000) as conversions, sum(c.revenue_minor)::bigint as revenue_minor, sum(c.payout_minor)::bigint as payout_minor
from (
  select m.month, h.program_id, h.partner_id, h.kind, h.status, h.currency, h.conversions_ppm, h.revenue_minor, h.commission_minor as payout_minor
  from clickledger.zone_months() m
  join clickledger.conversion_hourly h on h.hour >= m.from_at and h.hour <= m.to_at - interval '1 hour'
  left join clickledger.program p on p.id = h.program_id
  where coalesce(p.time_zone, 'UTC') = m.time_zone
  union all
  select m.month, k.program_id, k.partner_id, k.kind, k.status, k.currency, k.conversions_ppm, k.revenue_minor, k.payout_minor
  from clickledger.zone_months() m
  cross join lateral clickledger.conversion_divided(m.time_zone, m.from_at, m.to_at) k
  where m.from_at <> date_trunc('hour', m.from_at, 'UTC') or m.to_at <> date_trunc('hour', m.to_at, 'UTC')) as c
group by c.month, c.program_id, c.partner_id, c.kind, c.status, c.currency
having (sum(c.conversions_ppm), sum(c.revenue_minor), sum(c.payout_minor)) <> (0, 0, 0);
comment on view clickledger.conversion_monthly is 'Conversions by month of the programme''s zone, partner, kind and status: the sums of conversion_daily, found faster.';
comment on column clickledger.conversion_monthly.month is 'First day of the month of the order in the programme''s zone.';
comment on column clickledger.conversion_monthly.program_id is 'The programme.';
comment on column clickledger.conversion_monthly.partner_id is 'Credited partner; 0: nobody, or a channel without a partner.';
comment on column clickledger.conversion_monthly.kind is 'sale, lead, contract, payment or stage.';
comment on column clickledger.conversion_monthly.status is 'pending, approved, declined or refunded (completely).';
comment on column clickledger.conversion_monthly.currency is 'ISO 4217 code: the programme''s.';
comment on column clickledger.conversion_monthly.conversions is 'How many, each by its share, with up to 6 decimals.';
comment on column clickledger.conversion_monthly.revenue_minor is 'Their amounts without what was refunded, by these shares, minor units. Also of declined ones: choose by status.';
comment on column clickledger.conversion_monthly.payout_minor is 'The partner''s commissions for them, minor units; 0 when declined or refunded completely.';

create or replace view clickledger.partner_month with (security_invoker = true) as
select s.month, s.program_id, p.name as program_name, s.partner_id, a.name as partner_name, s.currency,
  s.clicks, s.clicks_not_counted, s.conversions, s.leads, s.conversions_declined, s.conversions_refunded,
  s.revenue_minor, s.revenue_pending_minor, s.payout_minor, s.payout_pending_minor, s.revenue_minor - s.payout_minor as earned_minor, s.paid_minor,
  clickledger.minor_amount(s.revenue_minor, k.exponent) as revenue,
  clickledger.minor_amount(s.payout_minor, k.exponent) as payout,
  clickledger.minor_amount(s.revenue_minor - s.payout_minor, k.exponent) as earned,
  clickledger.minor_amount(s.paid_minor, k.exponent) as paid
from (
  select f.month, f.program_id, f.partner_id, f.currency,
    sum(f.clicks)::bigint as clicks, sum(f.clicks_not_counted)::bigint as clicks_not_counted,
    trim_scale(sum(f.conversions)) as conversions, trim_scale(sum(f.leads)) as leads, trim_scale(sum(f.declined)) as conversions_declined,
    trim_scale(sum(f.refunded)) as conversions_refunded, sum(f.revenue)::bigint as revenue_minor, sum(f.revenue_pending)::bigint as revenue_pending_minor,
    sum(f.payout)::bigint as payout_minor, sum(f.payout_pending)::bigint as payout_pending_minor, sum(f.paid)::bigint as paid_minor
  from (
    select d.month, d.program_id, d.partner_id, coalesce(g.currency, 'XXX') as currency, d.clicks, d.clicks_not_counted,
      0::numeric as conversions, 0::numeric as leads, 0::numeric as declined, 0::numeric as refunded,
      0::bigint as revenue, 0::bigint as revenue_pending, 0::bigint as payout, 0::bigint as payout_pending, 0::bigint as paid
    from clickledger.click_monthly d left join clickledger.program g on g.id = d.program_id
    union all
    select h.month, h.program_id, h.partner_id, h.currency, 0::bigint, 0::bigint,
      case when h.status in ('pending', 'approved') then h.conversions else 0 end,
      case when h.status in ('pending', 'approved') and h.kind = 'lead' then h.conversions else 0 end,
      case when h.status = 'declined' then h.conversions else 0 end, case when h.status = 'refunded' then h.conversions else 0 end,
      case when h.status in ('pending', 'approved') then h.revenue_minor else 0 end, case when h.status = 'pending' then h.revenue_minor else 0 end,
      case when h.status in ('pending', 'approved') then h.payout_minor else 0 end, case when h.status = 'pending' then h.payout_minor else 0 end,
      0::bigint
    from clickledger.conversion_monthly h
    union all
    select date_trunc('month', t.posted_at at time zone g.time_zone)::date, b.program_id, b.partner_id, b.currency, 0::bigint, 0::bigint,
      0::numeric, 0::numeric, 0::numeric, 0::numeric, 0::bigint, 0::bigint, 0::bigint, 0::bigint, e.amount_minor
    from clickledger.ledger_account b
    join clickledger.ledger_entry e on e.account_id = b.id
    join clickledger.ledger_transaction t on t.id = e.transaction_id
    join clickledger.program g on g.id = b.program_id
    where b.kind = 'partner_paid') as f
  group by f.month, f.program_id, f.partner_id, f.currency) as s
left join clickledger.currency k on k.code = s.currency
left join clickledger.program p on p.id = s.program_id
left join clickledger.partner a on a.id = s.partner_id;

create or replace view clickledger.funnel with (security_invoker = true) as
select f.month, f.program_id, p.name as program_name, f.partner_id, a.name as partner_name, f.clicks, f.leads, f.orders, f.orders_paid,
  f.orders_pending, f.orders_declined, f.orders_refunded, f.stages, f.contracts, f.payments,
  clickledger.ratio_ppm(f.leads, f.clicks) as click_to_lead_ppm, clickledger.ratio_ppm(f.orders, f.clicks) as click_to_order_ppm,
  clickledger.ratio_ppm(f.orders_paid, f.orders) as order_to_paid_ppm
from (
  select t.month, t.program_id, t.partner_id, sum(t.clicks)::bigint as clicks,
    trim_scale(coalesce(sum(t.weight_ppm) filter (where t.kind = 'lead'), 0) / 1000000) as leads,
    trim_scale(coalesce(sum(t.weight_ppm) filter (where t.kind = 'sale'), 0) / 1000000) as orders,
    trim_scale(coalesce(sum(t.weight_ppm) filter (where t.kind = 'sale' and t.status = 'approved'), 0) / 1000000) as orders_paid,
    trim_scale(coalesce(sum(t.weight_ppm) filter (where t.kind = 'sale' and t.status = 'pending'), 0) / 1000000) as orders_pending,
    trim_scale(coalesce(sum(t.weight_ppm) filter (where t.kind = 'sale' and t.status = 'declined'), 0) / 1000000) as orders_declined,
    trim_scale(coalesce(sum(t.weight_ppm) filter (where t.kind = 'sale' and t.status = 'refunded'), 0) / 1000000) as orders_refunded,
    trim_scale(coalesce(sum(t.weight_ppm) filter (where t.kind = 'stage'), 0) / 1000000) as stages,
    trim_scale(coalesce(sum(t.weight_ppm) filter (where t.kind = 'contract'), 0) / 1000000) as contracts,
    trim_scale(coalesce(sum(t.weight_ppm) filter (where t.kind = 'payment'), 0) / 1000000) as payments
  from (
    select d.month, d.program_id, d.partner_id, d.clicks, null::text as kind, null::text as status, 0::bigint as weight_ppm
    from clickledger.click_monthly d
    union all
    select date_trunc('month', r.touch_ts at time zone g.time_zone)::date, c.program_id, r.partner_id, 0::bigint, c.kind, c.status, r.weight_ppm::bigint
    from clickledger.credit r
    join clickledger.conversion c on c.id = r.conversion_id
    join clickledger.program g on g.id = c.program_id) as t
  where t.partner_id <> 0
  group by t.month, t.program_id, t.partner_id) as f
left join clickledger.program p on p.id = f.program_id
left join clickledger.partner a on a.id = f.partner_id;

grant execute on function clickledger.zone_months() to cl_analyst;
grant select on clickledger.click_monthly, clickledger.conversion_monthly to cl_analyst;
