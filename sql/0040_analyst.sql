-- What analysts and BI tools read: plain views with stable names. Days and months are those of each programme's zone, money is
-- in the programme's currency, as bigint minor units (*_minor) and as a decimal amount (the same name without it).
--
-- Several touches, and so several partners, may share a conversion (credit.weight_ppm). Money and numbers of conversions are
-- divided by these shares, as in the API: a conversion of which a partner has a quarter is 0.25 conversions. Such sums add up over
-- partners to what there was. Where whole conversions are counted, the column says so.

-- --- Amounts ------------------------------------------------------------------------------------------------------------

create function clickledger.minor_amount(minor numeric, exponent integer) returns numeric
  language sql immutable parallel safe
  return round(minor * (array[1, 0.1, 0.01, 0.001])[exponent + 1], exponent);
comment on function clickledger.minor_amount(numeric, integer) is 'Minor units as a decimal amount: 12345 with exponent 2 is 123.45. Exact.';

create function clickledger.ratio_ppm(part numeric, whole numeric) returns bigint
  language sql immutable parallel safe
  return case when whole > 0 then floor(part * 1000000 / whole)::bigint end;
comment on function clickledger.ratio_ppm(numeric, numeric) is 'part / whole in parts per million, rounded down; null unless whole is above 0.';

-- --- Days ---------------------------------------------------------------------------------------------------------------

-- Also for the team's statistics. It costs a load nothing but for hours that are new: updates of clicks stay in place.
create index click_hourly_hour on clickledger.click_hourly (hour);
create index conversion_hourly_hour on clickledger.conversion_hourly (hour);

create function clickledger.rollup_range(out first_hour timestamptz, out last_hour timestamptz)
  language plpgsql stable set search_path = clickledger, pg_temp as $$
begin
  first_hour := least((select min(hour) from click_hourly), (select min(hour) from conversion_hourly));
  last_hour := greatest((select max(hour) from click_hourly), (select max(hour) from conversion_hourly));
end $$;
comment on function clickledger.rollup_range() is 'The first and the last hour of the rollups; null: they are empty. In plpgsql, like the functions behind it, so that it is planned once a session and not in each question.';

create view clickledger.zone_day with (security_invoker = true) as
select z.time_zone, z.first_day + n as day, date_trunc('month', (z.first_day + n)::timestamp)::date as month,
  (z.first_day + n)::timestamp at time zone z.time_zone as from_at, (z.first_day + n + 1)::timestamp at time zone z.time_zone as to_at
from (
  select t.time_zone, (b.first_hour at time zone t.time_zone)::date as first_day,
    ((b.last_hour + interval '59 min') at time zone t.time_zone)::date as last_day
  from (select time_zone from clickledger.program union select 'UTC') as t
  cross join clickledger.rollup_range() as b
  offset 0) as z  -- offset 0: the first day is computed once a zone and not once a row
cross join generate_series(0, z.last_day - z.first_day) as n;
comment on view clickledger.zone_day is 'The days of the zones in which programmes live, and of UTC, from the first to the last with a click or a conversion in the installation.';
comment on column clickledger.zone_day.time_zone is 'IANA name of the zone.';
comment on column clickledger.zone_day.day is 'The day.';
comment on column clickledger.zone_day.month is 'First day of its month.';
comment on column clickledger.zone_day.from_at is 'When it begins. Where midnight comes twice, with the second one.';
comment on column clickledger.zone_day.to_at is 'When the next day begins.';

create function clickledger.hour_between(from_at timestamptz, to_at timestamptz) returns setof timestamptz
  language plpgsql immutable parallel safe rows 24 set search_path = pg_catalog, pg_temp as $$
declare
  first_hour constant timestamptz := date_trunc('hour', from_at + interval '59 min 59.999999 s', 'UTC');
begin
  return query select generate_series(first_hour, to_at - interval '1 hour', interval '1 hour');
end $$;
comment on function clickledger.hour_between(timestamptz, timestamptz) is 'The begins of the hours of UTC that lie as a whole in [from_at, to_at). In plpgsql, so that its arguments are computed once a day and its number of rows is believed.';

create function clickledger.click_divided(time_zone text, from_at timestamptz, to_at timestamptz)
  returns table (program_id bigint, partner_id bigint, link_id bigint, class clickledger.hit_class, clicks bigint)
  language plpgsql stable rows 100 set search_path = clickledger, pg_temp as $$
#variable_conflict use_column
begin
  return query
    select c.program_id, coalesce(c.partner_id, 0), coalesce(c.link_id, 0), c.class, count(*)
    from program p join click c on c.program_id = p.id
    where p.time_zone = $1 and (c.ts >= $2 and c.ts < date_trunc('hour', $2 + interval '59 min 59.999999 s', 'UTC')
                             or c.ts >= date_trunc('hour', $3, 'UTC') and c.ts < $3)
    group by 1, 2, 3, 4;
end $$;
comment on function clickledger.click_divided(text, timestamptz, timestamptz) is 'Clicks of a zone''s programmes in the parts of hours of UTC at both ends of a day that begins or ends within one, from the rows.';

create view clickledger.click_daily with (security_invoker = true) as
select c.day, c.month, c.program_id, c.partner_id, c.link_id,
  coalesce(sum(c.clicks) filter (where c.class = 'human'), 0)::bigint as clicks,
  coalesce(sum(c.clicks) filter (where c.class <> 'human'), 0)::bigint as clicks_not_counted,
  coalesce(sum(c.clicks) filter (where c.class = 'bot'), 0)::bigint as clicks_bot,
  coalesce(sum(c.clicks) filter (where c.class = 'preview'), 0)::bigint as clicks_preview,
  coalesce(sum(c.clicks) filter (where c.class = 'prefetch'), 0)::bigint as clicks_prefetch,
  coalesce(sum(c.clicks) filter (where c.class = 'head'), 0)::bigint as clicks_head,
  coalesce(sum(c.clicks) filter (where c.class = 'invalid'), 0)::bigint as clicks_invalid,
  coalesce(sum(c.clicks) filter (where c.class = 'duplicate'), 0)::bigint as clicks_duplicate
from (
  -- Hours that lie in the day as a whole. Joined by equality, so that a partner's month looks up its hours and
  -- everything is one hash join.
  select d.day, d.month, h.program_id, h.partner_id, h.link_id, h.class, h.clicks
  from clickledger.zone_day d
  cross join lateral clickledger.hour_between(d.from_at, d.to_at) as hour_at
  join clickledger.click_hourly h on h.hour = hour_at
  left join clickledger.program p on p.id = h.program_id
  where coalesce(p.time_zone, 'UTC') = d.time_zone
  union all
  -- What is left at both ends where the zone's hours are not those of UTC.
  select d.day, d.month, k.program_id, k.partner_id, k.link_id, k.class, k.clicks
  from clickledger.zone_day d
  cross join lateral clickledger.click_divided(d.time_zone, d.from_at, d.to_at) k
  where d.from_at <> date_trunc('hour', d.from_at, 'UTC') or d.to_at <> date_trunc('hour', d.to_at, 'UTC')) as c
group by c.day, c.month, c.program_id, c.partner_id, c.link_id
having sum(c.clicks) <> 0;
comment on view clickledger.click_daily is 'Clicks by day of the programme''s zone, partner and link. From the hourly rollup, and from the rows where an hour of UTC is divided by midnight.';
comment on column clickledger.click_daily.day is 'Day in the programme''s zone; UTC for unknown links.';
comment on column clickledger.click_daily.month is 'First day of its month.';
comment on column clickledger.click_daily.program_id is 'The programme; 0: unknown link.';
comment on column clickledger.click_daily.partner_id is 'The partner; 0: unknown link.';
comment on column clickledger.click_daily.link_id is 'The link; 0: none, such as for the path of a promo code.';
comment on column clickledger.click_daily.clicks is 'Clicks of people: class human. Only these count and earn.';
comment on column clickledger.click_daily.clicks_not_counted is 'All others: the sum of the columns behind this one.';
comment on column clickledger.click_daily.clicks_bot is 'Of programs.';
comment on column clickledger.click_daily.clicks_preview is 'For a preview of the link in a messenger or a social network.';
comment on column clickledger.click_daily.clicks_prefetch is 'Ahead of a click that may never come.';
comment on column clickledger.click_daily.clicks_head is 'Asked with HEAD.';
comment on column clickledger.click_daily.clicks_invalid is 'On links that are unknown, paused, not started, expired or exhausted, and the like.';
comment on column clickledger.click_daily.clicks_duplicate is 'Repeated on the same link.';

-- --- Conversions --------------------------------------------------------------------------------------------------------

create function clickledger.conversion_divided(time_zone text, from_at timestamptz, to_at timestamptz)
  returns table (program_id bigint, partner_id bigint, link_id bigint, kind text, status text, currency text, conversions_ppm bigint, revenue_minor bigint,
    payout_minor bigint)
  language plpgsql stable rows 100 set search_path = clickledger, pg_temp as $$
#variable_conflict use_column
begin
  return query
    select c.program_id, coalesce(c.partner_id, 0), coalesce(c.link_id, 0), c.kind, c.status, c.currency, c.weight_ppm::bigint, c.revenue_minor,
      coalesce(c.commission_minor, 0)
    from program p join conversion_part c on c.program_id = p.id
    where p.time_zone = $1 and (c.occurred_at >= $2 and c.occurred_at < date_trunc('hour', $2 + interval '59 min 59.999999 s', 'UTC')
                             or c.occurred_at >= date_trunc('hour', $3, 'UTC') and c.occurred_at < $3);
end $$;
comment on function clickledger.conversion_divided(text, timestamptz, timestamptz) is 'Shares of conversions of a zone''s programmes in the parts of hours of UTC at both ends of a day that begins or ends within one, from the rows.';

create view clickledger.conversion_daily with (security_invoker = true) as
select c.day, c.month, c.program_id, c.partner_id, c.link_id, c.kind, c.status, c.currency,
  trim_scale(sum(c.conversions_ppm) / 1000000) as conversions, sum(c.revenue_minor)::bigint as revenue_minor, sum(c.payout_minor)::bigint as payout_minor
from (
  select d.day, d.month, h.program_id, h.partner_id, h.link_id, h.kind, h.status, h.currency, h.conversions_ppm, h.revenue_minor,
    h.commission_minor as payout_minor
  from clickledger.zone_day d
  cross join lateral clickledger.hour_between(d.from_at, d.to_at) as hour_at
  join clickledger.conversion_hourly h on h.hour = hour_at
  left join clickledger.program p on p.id = h.program_id
  where coalesce(p.time_zone, 'UTC') = d.time_zone
  union all
  select d.day, d.month, k.program_id, k.partner_id, k.link_id, k.kind, k.status, k.currency, k.conversions_ppm, k.revenue_minor, k.payout_minor
  from clickledger.zone_day d
  cross join lateral clickledger.conversion_divided(d.time_zone, d.from_at, d.to_at) k
  where d.from_at <> date_trunc('hour', d.from_at, 'UTC') or d.to_at <> date_trunc('hour', d.to_at, 'UTC')) as c
group by c.day, c.month, c.program_id, c.partner_id, c.link_id, c.kind, c.status, c.currency
having (sum(c.conversions_ppm), sum(c.revenue_minor), sum(c.payout_minor)) <> (0, 0, 0);
comment on view clickledger.conversion_daily is 'Conversions by day of the programme''s zone, partner, link, kind and status. From the hourly rollup, and from the rows where an hour of UTC is divided by midnight.';
comment on column clickledger.conversion_daily.day is 'Day of the order in the programme''s zone.';
comment on column clickledger.conversion_daily.month is 'First day of its month.';
comment on column clickledger.conversion_daily.program_id is 'The programme.';
comment on column clickledger.conversion_daily.partner_id is 'Credited partner; 0: nobody, or a channel without a partner.';
comment on column clickledger.conversion_daily.link_id is 'Credited link; 0: none.';
comment on column clickledger.conversion_daily.kind is 'sale, lead, contract, payment or stage.';
comment on column clickledger.conversion_daily.status is 'pending, approved, declined or refunded (completely).';
comment on column clickledger.conversion_daily.currency is 'ISO 4217 code: the programme''s.';
comment on column clickledger.conversion_daily.conversions is 'How many, each by its share, with up to 6 decimals.';
comment on column clickledger.conversion_daily.revenue_minor is 'Their amounts without what was refunded, by these shares, minor units. Also of declined ones: choose by status.';
comment on column clickledger.conversion_daily.payout_minor is 'The partner''s commissions for them, minor units; 0 when declined or refunded completely.';

-- --- A partner's month ----------------------------------------------------------------------------------------------------

create view clickledger.partner_month with (security_invoker = true) as
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
    from clickledger.click_daily d left join clickledger.program g on g.id = d.program_id
    union all
    select h.month, h.program_id, h.partner_id, h.currency, 0::bigint, 0::bigint,
      case when h.status in ('pending', 'approved') then h.conversions else 0 end,
      case when h.status in ('pending', 'approved') and h.kind = 'lead' then h.conversions else 0 end,
      case when h.status = 'declined' then h.conversions else 0 end, case when h.status = 'refunded' then h.conversions else 0 end,
      case when h.status in ('pending', 'approved') then h.revenue_minor else 0 end, case when h.status = 'pending' then h.revenue_minor else 0 end,
      case when h.status in ('pending', 'approved') then h.payout_minor else 0 end, case when h.status = 'pending' then h.payout_minor else 0 end,
      0::bigint
    from clickledger.conversion_daily h
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
comment on view clickledger.partner_month is 'What each partner brought, cost and was paid in a month of the programme''s zone. One row per month, programme, partner and currency; amounts of different currencies are never added. The same figures as GET /v1/stats for these days in that zone.';
comment on column clickledger.partner_month.month is 'First day of the month. Clicks belong to it by their time, conversions with revenue and payout by the time of the order, paid by the time of posting.';
comment on column clickledger.partner_month.program_id is 'The programme; 0: unknown links.';
comment on column clickledger.partner_month.program_name is 'Its name; null: unknown links.';
comment on column clickledger.partner_month.partner_id is 'The partner; 0: unknown links, and conversions (or shares of them) that no partner is credited with.';
comment on column clickledger.partner_month.partner_name is 'Its name; null for 0.';
comment on column clickledger.partner_month.currency is 'ISO 4217 code of all amounts of the row: the programme''s. ''XXX'' (none): unknown links.';
comment on column clickledger.partner_month.clicks is 'Clicks of people.';
comment on column clickledger.partner_month.clicks_not_counted is 'Clicks of bots, previews, prefetches, repeated ones and the like.';
comment on column clickledger.partner_month.conversions is 'Pending and approved conversions, each by the partner''s share, with up to 6 decimals.';
comment on column clickledger.partner_month.leads is 'Of conversions, those of kind lead; the others are sales, contracts, payments and stages of deals.';
comment on column clickledger.partner_month.conversions_declined is 'Declined ones likewise; not in conversions.';
comment on column clickledger.partner_month.conversions_refunded is 'Completely refunded ones likewise; not in conversions.';
comment on column clickledger.partner_month.revenue_minor is 'Revenue: what the shop sold through the partner. Amounts of pending and approved conversions without what was refunded, by the partner''s share, minor units.';
comment on column clickledger.partner_month.revenue_pending_minor is 'Of revenue, that of pending conversions.';
comment on column clickledger.partner_month.payout_minor is 'Payout: the partner''s commissions for these conversions, whether paid yet or not, minor units. Adjustments by hand belong to no conversion and are only in the ledger.';
comment on column clickledger.partner_month.payout_pending_minor is 'Of payout, that for pending conversions.';
comment on column clickledger.partner_month.earned_minor is 'What the programme keeps: revenue - payout, minor units.';
comment on column clickledger.partner_month.paid_minor is 'Paid: what the ledger moved to the partner''s account "partner_paid" in this month, for whatever earlier months, minor units.';
comment on column clickledger.partner_month.revenue is 'revenue_minor as a decimal amount of the currency; null for ''XXX''.';
comment on column clickledger.partner_month.payout is 'payout_minor likewise.';
comment on column clickledger.partner_month.earned is 'earned_minor likewise.';
comment on column clickledger.partner_month.paid is 'paid_minor likewise.';

create view clickledger.partner_standing with (security_invoker = true) as
select m.month, m.program_id, m.program_name, m.partner_id, m.partner_name, m.currency,
  case
    when m.conversions_declined > m.conversions or m.conversions = 0 and m.clicks_not_counted > m.clicks then 'noise'
    when m.conversions > 0 and m.earned_minor > 0 then 'earns'
    when m.conversions > 0 then 'costs'
    else 'traffic'
  end as standing,
  m.clicks, m.clicks_not_counted, clickledger.ratio_ppm(m.clicks_not_counted, m.clicks + m.clicks_not_counted) as not_counted_ppm,
  m.conversions, clickledger.ratio_ppm(m.conversions, m.clicks) as cr_ppm, m.conversions_declined,
  clickledger.ratio_ppm(m.conversions_declined, m.conversions + m.conversions_declined + m.conversions_refunded) as declined_ppm,
  m.revenue_minor, m.payout_minor, m.earned_minor, m.revenue, m.payout, m.earned,
  round(m.payout / nullif(m.clicks, 0), 4) as epc,
  rank() over (partition by m.month, m.program_id, m.currency order by m.earned_minor desc) as earned_rank,
  clickledger.ratio_ppm(m.earned_minor, sum(greatest(m.earned_minor, 0)) over (partition by m.month, m.program_id, m.currency)) as earned_share_ppm
from clickledger.partner_month m
where m.partner_id <> 0
  and (m.clicks <> 0 or m.clicks_not_counted <> 0 or m.conversions <> 0 or m.conversions_declined <> 0 or m.conversions_refunded <> 0);
comment on view clickledger.partner_standing is 'Who earns and who is noise: partner_month with a judgement. Partners that sent and sold nothing in a month have no row.';
comment on column clickledger.partner_standing.month is 'First day of the month in the programme''s zone.';
comment on column clickledger.partner_standing.program_id is 'The programme.';
comment on column clickledger.partner_standing.program_name is 'Its name.';
comment on column clickledger.partner_standing.partner_id is 'The partner.';
comment on column clickledger.partner_standing.partner_name is 'Its name.';
comment on column clickledger.partner_standing.currency is 'ISO 4217 code of all amounts of the row.';
comment on column clickledger.partner_standing.standing is 'noise: more declined than counted conversions, or nothing sold and most clicks not counted; earns: sold, and the programme keeps something; costs: sold, and it keeps nothing; traffic: people come and buy nothing.';
comment on column clickledger.partner_standing.clicks is 'Clicks of people.';
comment on column clickledger.partner_standing.clicks_not_counted is 'All other clicks.';
comment on column clickledger.partner_standing.not_counted_ppm is 'Their share in all clicks, parts per million.';
comment on column clickledger.partner_standing.conversions is 'As in partner_month.';
comment on column clickledger.partner_standing.cr_ppm is 'Conversion rate: conversions / clicks, parts per million, rounded down; null without clicks.';
comment on column clickledger.partner_standing.conversions_declined is 'As in partner_month.';
comment on column clickledger.partner_standing.declined_ppm is 'Declined ones among all its conversions, parts per million; null without any.';
comment on column clickledger.partner_standing.revenue_minor is 'As in partner_month.';
comment on column clickledger.partner_standing.payout_minor is 'As in partner_month.';
comment on column clickledger.partner_standing.earned_minor is 'revenue - payout: what the programme keeps, minor units.';
comment on column clickledger.partner_standing.revenue is 'revenue_minor as a decimal amount.';
comment on column clickledger.partner_standing.payout is 'payout_minor likewise.';
comment on column clickledger.partner_standing.earned is 'earned_minor likewise.';
comment on column clickledger.partner_standing.epc is 'Earnings per click of the partner: payout / clicks, as a decimal amount with 4 places; null without clicks.';
comment on column clickledger.partner_standing.earned_rank is 'Place among the programme''s partners of the month by earned, 1 is the best; equal ones share a place.';
comment on column clickledger.partner_standing.earned_share_ppm is 'Its part of what the programme keeps from all partners with whom it keeps something; negative for those who cost, null where there are none.';

-- --- From click to payment --------------------------------------------------------------------------------------------------

create view clickledger.funnel with (security_invoker = true) as
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
    from clickledger.click_daily d
    union all
    select date_trunc('month', r.touch_ts at time zone g.time_zone)::date, c.program_id, r.partner_id, 0::bigint, c.kind, c.status, r.weight_ppm::bigint
    from clickledger.credit r
    join clickledger.conversion c on c.id = r.conversion_id
    join clickledger.program g on g.id = c.program_id) as t
  where t.partner_id <> 0
  group by t.month, t.program_id, t.partner_id) as f
left join clickledger.program p on p.id = f.program_id
left join clickledger.partner a on a.id = f.partner_id;
comment on view clickledger.funnel is 'Click -> lead -> order -> paid, by the month of the touch (not of the order): what became of the visitors that a partner sent in a month. The newest months are not finished: their visitors may still order.';
comment on column clickledger.funnel.month is 'First day of the month of the click, or of the credited touch, in the programme''s zone.';
comment on column clickledger.funnel.program_id is 'The programme.';
comment on column clickledger.funnel.program_name is 'Its name.';
comment on column clickledger.funnel.partner_id is 'The partner.';
comment on column clickledger.funnel.partner_name is 'Its name.';
comment on column clickledger.funnel.clicks is 'Clicks of people.';
comment on column clickledger.funnel.leads is 'Conversions of kind lead in whatever status, each by the share of the touches, with up to 6 decimals.';
comment on column clickledger.funnel.orders is 'Those of kind sale likewise: the sum of the four columns behind this one.';
comment on column clickledger.funnel.orders_paid is 'Of them, approved: the shop has its money. What the partner was paid is partner_month.paid.';
comment on column clickledger.funnel.orders_pending is 'Of them, not decided yet.';
comment on column clickledger.funnel.orders_declined is 'Of them, declined.';
comment on column clickledger.funnel.orders_refunded is 'Of them, refunded completely.';
comment on column clickledger.funnel.stages is 'Stages that deals came to (kind stage), in whatever status, likewise; a deal may have several.';
comment on column clickledger.funnel.contracts is 'Contracts likewise: they are no orders, since their payments are told one by one.';
comment on column clickledger.funnel.payments is 'Payments likewise.';
comment on column clickledger.funnel.click_to_lead_ppm is 'leads / clicks, parts per million, rounded down; null without clicks.';
comment on column clickledger.funnel.click_to_order_ppm is 'orders / clicks, likewise.';
comment on column clickledger.funnel.order_to_paid_ppm is 'orders_paid / orders, likewise; null without orders.';

grant execute on function clickledger.minor_amount(numeric, integer), clickledger.ratio_ppm(numeric, numeric), clickledger.rollup_range(),
  clickledger.hour_between(timestamptz, timestamptz), clickledger.click_divided(text, timestamptz, timestamptz),
  clickledger.conversion_divided(text, timestamptz, timestamptz) to cl_analyst;
grant select on clickledger.zone_day, clickledger.click_daily, clickledger.conversion_daily, clickledger.partner_month,
  clickledger.partner_standing, clickledger.funnel to cl_analyst;
