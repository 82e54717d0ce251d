-- Conversions of a batch go to whoever computes, which then asks for the clicks of their visitors: one pass over all
-- clicks, of which a filter leaves those of about the right visitors, and neither a join nor a sort of them here.

drop function clickledger.touch_stream(timestamptz, timestamptz, timestamptz, interval);

create function clickledger.conversion_stream(from_at timestamptz, to_at timestamptz, after_id bigint, at_most bigint)
  returns table (id bigint, program_id bigint, occurred_at timestamptz, amount_minor bigint, visitor_id uuid, visitor_hash integer)
  language sql stable parallel safe rows 500000 as $$
  select c.id, c.program_id, c.occurred_at, c.amount_minor - c.refunded_minor, k.value, uuid_hash(k.value)
  from (
    select * from clickledger.conversion c
    where c.occurred_at >= from_at and c.occurred_at < to_at and c.id > after_id order by c.id limit at_most) c
  left join clickledger.conversion_key k on k.conversion_id = c.id and k.kind in ('visitor', 'joined')
  order by c.id
$$;
comment on function clickledger.conversion_stream(timestamptz, timestamptz, bigint, bigint) is 'The next conversions of [from_at, to_at) behind after_id, by id, each with its visitors, a row for each of them. amount_minor: what is sold and not refunded. visitor_hash: for visitor_filter().';

create function clickledger.visitor_filter() returns bytea language sql stable parallel safe
  return current_setting('cl.visitors')::bytea;
comment on function clickledger.visitor_filter() is 'Which visitors are looked for: 8388608 bits, of which those at uuid_hash(visitor_id) & 8388607 are set (a filter of Bloom, CACM 13(7), 1970, with one hash): others may pass, too. The setting cl.visitors, which the transaction makes.';

create function clickledger.click_stream(since timestamptz, until timestamptz)
  returns table (visitor_id uuid, id uuid, at timestamptz, program_id bigint, partner_id bigint, link_id bigint, promo_code_id bigint)
  language sql stable parallel safe rows 1000000 as $$
  select t.visitor_id, t.click_id, t.ts, t.program_id, t.partner_id, t.link_id, t.promo_code_id
  from clickledger.click t
  where t.ts >= since and t.ts < until and t.class = 'human' and t.partner_id is not null
    and get_bit((select clickledger.visitor_filter()), uuid_hash(t.visitor_id) & 8388607) = 1
$$;
comment on function clickledger.click_stream(timestamptz, timestamptz) is 'Clicks of [since, until) that may count, by those visitors whom visitor_filter() lets pass, in no order; it is for the caller to find the conversions.';

create function clickledger.touch_stream(from_at timestamptz, to_at timestamptz, since timestamptz, reach interval)
  returns table (conversion_id bigint, id uuid, at timestamptz, program_id bigint, partner_id bigint, link_id bigint, promo_code_id bigint,
    kind smallint, marks smallint)
  language sql stable parallel safe rows 1000 as $$
  select c.id, t.click_id, t.ts, t.program_id, t.partner_id, t.link_id, t.promo_code_id, 1::smallint, 1::smallint
  from clickledger.conversion c
  cross join lateral (  -- one by one: most reported clicks are their visitor's, and another pass over all clicks would be for these few
    select * from clickledger.click t where t.click_id = c.click_id and t.ts = clickledger.click_ts(c.click_id) offset 0) t
  where c.occurred_at >= from_at and c.occurred_at < to_at and c.click_id is not null and t.ts >= since and t.ts < to_at
    and t.class = 'human' and t.partner_id is not null and not exists (
      select from clickledger.conversion_key k where k.conversion_id = c.id and k.kind in ('visitor', 'joined') and k.value = t.visitor_id)
  union all
  select c.id, t.click_id, t.ts, t.program_id, t.partner_id, t.link_id, t.promo_code_id, 1::smallint, 1::smallint
  from clickledger.conversion c
  cross join lateral (  -- likewise
    select clickledger.click_original(d.click_id) as id from clickledger.click d
    where d.click_id = c.click_id and d.ts = clickledger.click_ts(c.click_id) and d.class = 'duplicate' offset 0) o
  cross join lateral (
    select * from clickledger.click t where t.click_id = o.id and t.ts = clickledger.click_ts(o.id) offset 0) t
  where c.occurred_at >= from_at and c.occurred_at < to_at and c.click_id is not null and t.ts >= since and t.ts < to_at
    and t.partner_id is not null and not exists (
      select from clickledger.conversion_key k where k.conversion_id = c.id and k.kind in ('visitor', 'joined') and k.value = t.visitor_id)
  union all
  select c.id, t.hit_id, t.ts, t.program_id, t.partner_id, null, t.promo_code_id, 2::smallint, 1::smallint
  from clickledger.conversion c
  join clickledger.conversion_key k on k.conversion_id = c.id and k.kind in ('visitor', 'joined')
  join clickledger.promo_entry t on t.visitor_id = k.value and t.program_id = c.program_id and t.ts < c.occurred_at and t.ts >= c.occurred_at - reach
  where c.occurred_at >= from_at and c.occurred_at < to_at and t.ts >= since and t.ts < to_at
    and t.class = 'human' and t.partner_id is not null
  union all
  select c.id, named.id, c.occurred_at, o.program_id, o.partner_id, null, o.id, 2::smallint,
    (2 + (o.active_at @> c.occurred_at and p.active_at @> c.occurred_at)::integer)::smallint
  from clickledger.conversion c
  join clickledger.promo_code o on upper(o.code) = upper(c.promo)
  join clickledger.partner p on p.id = o.partner_id
  cross join lateral (
    select r.id from clickledger.conversion_report r
    where r.conversion_id = c.id and r.promo = c.promo and r.verdict in ('applied', 'program_mismatch')
    order by coalesce(r.event_time, r.ts), r.id limit 1) named
  where c.occurred_at >= from_at and c.occurred_at < to_at
  union all
  select c.id, t.hit_id, t.ts, t.program_id, t.partner_id, t.link_id, null, 3::smallint, 1::smallint
  from clickledger.attribution_policy a
  join clickledger.conversion c on c.program_id = a.program_id
  join clickledger.conversion_key k on k.conversion_id = c.id and k.kind in ('visitor', 'joined')
  join clickledger.impression t on t.visitor_id = k.value and t.program_id = c.program_id and t.ts < c.occurred_at and t.ts >= c.occurred_at - reach
  where c.occurred_at >= from_at and c.occurred_at < to_at and t.ts >= since and t.ts < to_at
    and t.class = 'human' and t.partner_id is not null
    and a.impression_window_hours > 0 and a.id = (select p.id from clickledger.policy_at(c.program_id, c.occurred_at) p)
  union all
  select c.id, t.hit_id, t.ts, t.program_id, null, null, null, 4::smallint, 1::smallint
  from clickledger.attribution_policy a
  join clickledger.conversion c on c.program_id = a.program_id
  join clickledger.conversion_key k on k.conversion_id = c.id and k.kind in ('visitor', 'joined')
  join clickledger.visit t on t.visitor_id = k.value and t.program_id = c.program_id and t.ts < c.occurred_at and t.ts >= c.occurred_at - reach
  where c.occurred_at >= from_at and c.occurred_at < to_at and t.ts >= since and t.ts < to_at
    and t.class = 'human' and t.utm_source is not null and t.click_id is null
    and a.visit_window_hours > 0 and a.id = (select p.id from clickledger.policy_at(c.program_id, c.occurred_at) p)
  union all
  select c.id, b.touch_id, b.touch_ts, b.program_id, b.partner_id, b.link_id, b.promo_code_id,
    case b.touch_kind when 'click' then 1 when 'promo' then 2 else 3 end::smallint, (4 + (p.active_at @> c.occurred_at)::integer)::smallint
  from clickledger.customer_binding b
  join clickledger.conversion_key k on k.kind = 'customer' and k.value = b.customer
  join clickledger.conversion c on c.id = k.conversion_id
  join clickledger.conversion f on f.id = b.conversion_id
  join clickledger.partner p on p.id = b.partner_id
  cross join lateral clickledger.policy_at(c.program_id, c.occurred_at) a
  where c.occurred_at >= from_at and c.occurred_at < to_at and a.binding = 'first_partner'
    and (f.occurred_at, f.kind, f.order_id) < (c.occurred_at, c.kind, c.order_id)
    and (a.bind_days is null or f.occurred_at >= c.occurred_at - a.bind_days * interval '24 hours')
$$;
comment on function clickledger.touch_stream(timestamptz, timestamptz, timestamptz, interval) is 'Touches that may count for conversions of [from_at, to_at), not older than since, in no order, but for the clicks of their visitors, which click_stream() gives: reported clicks (kind 1), codes (2), impressions (3), visits (4). Entries of codes, impressions and visits lie at most reach before their conversion. marks: 1 active, 2 of the order, 4 binds the customer. Together they answer as conversion_touches() does, for many at once.';

grant execute on function clickledger.conversion_stream(timestamptz, timestamptz, bigint, bigint), clickledger.visitor_filter(),
  clickledger.click_stream(timestamptz, timestamptz), clickledger.touch_stream(timestamptz, timestamptz, timestamptz, interval) to cl_attrib;
