-- What attrib asks and writes. Each function takes a whole batch as arrays; the rules themselves (fold, attribution,
-- commission) are attrib's pure C. Times travel as microseconds since 1970, which are exact in bigint.

create function clickledger.time_us(at timestamptz) returns bigint language sql immutable strict parallel safe
  return (extract(epoch from at) * 1000000)::bigint;
comment on function clickledger.time_us(timestamptz) is 'Microseconds since 1970, exact.';

create function clickledger.us_time(us bigint) returns timestamptz language sql immutable strict parallel safe
  return to_timestamp(us / 1000000) + (us % 1000000) * interval '1 microsecond';
comment on function clickledger.us_time(bigint) is 'Time of microseconds since 1970, exact.';

create function clickledger.terms_at(program_id bigint, partner_id bigint, at timestamptz) returns setof clickledger.terms
  language sql stable as $$
  select t.* from clickledger.terms t
  where t.program_id = $1 and (t.partner_id = $2 or t.partner_id is null) and t.effective_from <= $3
  order by t.partner_id is null, t.effective_from desc, t.version desc
  limit 1
$$;
comment on function clickledger.terms_at(bigint, bigint, timestamptz) is 'Terms in force for a partner at a moment: the partner''s own newest version, else the programme''s; no row: none.';

-- --- What is to be done -------------------------------------------------------------------------------------------------

create function clickledger.report_refuse(reports_max integer) returns bigint language sql as $$
  with open as (
    select r.id, case
      when r.reason <> 'none' then r.reason
      when p.id is null then 'program_unknown'
      when coalesce(r.order_id, '') = '' then 'order_id_missing'
      when r.kind not in ('sale', 'lead') then 'kind_unknown'
    end as verdict
    from (select * from clickledger.conversion_report where verdict is null order by ts limit reports_max) r
    left join clickledger.program p on p.id = r.program_id),
  refused as (
    update clickledger.conversion_report r set verdict = open.verdict, verdict_at = now()
    from open where r.id = open.id and open.verdict is not null
    returning r.id)
  select count(*) from refused
$$;
comment on function clickledger.report_refuse(integer) is 'Gives a verdict to the oldest open reports that can belong to no conversion; returns how many.';

create function clickledger.touch_batch_expand(batches_max integer) returns bigint language plpgsql as $$
declare
  found_batches bigint;
begin
  if not exists (select from clickledger.touch_batch) then
    return 0;  -- planning the rest looks at every partition
  end if;
  with taken as (
    delete from clickledger.touch_batch
    where id in (select id from clickledger.touch_batch order by id limit batches_max)
    returning from_ts, to_ts),
  found as (
    select k.conversion_id from taken
    join clickledger.conversion_key k on k.kind = 'click' and k.click_ts between taken.from_ts and taken.to_ts
    union
    select c.id from taken
    join clickledger.conversion c on c.occurred_at > taken.from_ts and c.occurred_at <= taken.to_ts + interval '366 days'
    join clickledger.conversion_key k on k.conversion_id = c.id and k.kind = 'visitor'
    where exists (select from clickledger.click t where t.visitor_id = k.value and t.ts between taken.from_ts and taken.to_ts)
      or exists (select from clickledger.promo_entry t where t.visitor_id = k.value and t.ts between taken.from_ts and taken.to_ts)),
  due as (
    insert into clickledger.conversion_due select conversion_id from found on conflict do nothing)
  select count(*) into found_batches from taken;
  return found_batches;
end $$;
comment on function clickledger.touch_batch_expand(integer) is 'Turns loads of touches into the conversions that may have waited for one of them; returns how many loads.';

create function clickledger.terms_expand(terms_max integer) returns bigint language sql as $$
  with taken as (
    update clickledger.terms set applied = true
    where id in (select id from clickledger.terms where not applied order by id limit terms_max)
    returning program_id, effective_from),
  due as (
    insert into clickledger.conversion_due
    select c.id from clickledger.conversion c
    join (select program_id, min(effective_from) as since from taken group by program_id) t
      on t.program_id = c.program_id and c.occurred_at >= t.since
    on conflict do nothing)
  select count(*) from taken
$$;
comment on function clickledger.terms_expand(integer) is 'Turns new terms into the conversions since they took effect, so that what is posted does not depend on when the terms were written; returns how many terms.';

create function clickledger.order_take(orders_max integer) returns table (
    program_id bigint, kind text, order_id text, currency text, conversion_id bigint)
  language sql as $$
  with known as (
    select conversion_id from (select conversion_id from clickledger.conversion_due limit orders_max) due
    union
    select conversion_id from (
      select conversion_id from clickledger.conversion_decision where not folded order by id limit orders_max) decided
    union
    select conversion_id from (
      select m.conversion_id from clickledger.commission m
      where m.status = 'pending' and m.approved and m.hold_until <= now()
        and (select c.fault from clickledger.conversion c where c.id = m.conversion_id) is null
      order by m.hold_until limit orders_max) held),
  orders as (
    select r.program_id, coalesce(r.kind, 'sale') as kind, r.order_id
    from (select * from clickledger.conversion_report where verdict is null order by ts limit orders_max) r
    union
    select c.program_id, c.kind, c.order_id from known join clickledger.conversion c on c.id = known.conversion_id)
  select o.program_id, o.kind, o.order_id, p.currency, c.id
  from orders o
  join clickledger.program p on p.id = o.program_id
  left join clickledger.conversion c on c.program_id = o.program_id and c.kind = o.kind and c.order_id = o.order_id
  where o.order_id <> '' and o.kind in ('sale', 'lead')
  order by o.program_id, o.kind, o.order_id
$$;
comment on function clickledger.order_take(integer) is 'Orders to be computed: with open reports or decisions, with a touch that has arrived, with a hold that has ended; at most orders_max of each.';

create function clickledger.hold_next() returns bigint language sql stable as $$
  select clickledger.time_us(m.hold_until) from clickledger.commission m
  where m.status = 'pending' and m.approved
    and (select c.fault from clickledger.conversion c where c.id = m.conversion_id) is null
  order by m.hold_until limit 1
$$;
comment on function clickledger.hold_next() is 'When the next hold ends; null: none is waiting.';

-- --- What is known ------------------------------------------------------------------------------------------------------

create function clickledger.order_events(program_ids bigint[], kinds text[], order_ids text[], reports_max integer)
  returns table (ordinal bigint, is_decision boolean, id text, number bigint, at_us bigint, is_timed boolean, is_pixel boolean,
    status text, amount text, amount_minor bigint, click_state text, currency text, event_id text, click_id uuid,
    visitor_id uuid, promo text, customer text, product text, reason text)
  language sql stable rows 2000 as $$
  with orders as (
    select * from unnest(program_ids, kinds, order_ids) with ordinality as o (program_id, kind, order_id, ordinal)),
  reports as (
    select o.ordinal, o.program_id as order_program_id, r.*,
      row_number() over (partition by o.ordinal order by r.id) as place
    from orders o
    join clickledger.conversion_report r
      on r.program_id = o.program_id and r.order_id = o.order_id and coalesce(r.kind, 'sale') = o.kind and r.reason = 'none')
  select r.ordinal, false, r.id::text, 0::bigint, clickledger.time_us(coalesce(r.event_time, r.ts)), r.event_time is not null,
    r.source = 'pixel', r.status, r.amount, coalesce(r.amount_minor, -1),
    case when r.click_id is null then 'unsaid' when k.click_id is null then 'unknown'
      when k.program_id = r.order_program_id then 'ours' else 'foreign' end,
    r.currency, r.event_id, r.click_id, r.visitor_id, r.promo, r.customer, r.product, null
  from reports r
  left join clickledger.click k on k.click_id = r.click_id and k.ts = clickledger.click_ts(r.click_id)
  where r.place <= reports_max
  union all
  select o.ordinal, true, '', d.id, clickledger.time_us(d.decided_at), true, false,
    case d.action when 'approve' then 'approved' else 'declined' end, null, 0, 'unsaid', null, null, null, null, null, null, null, d.reason
  from orders o
  join clickledger.conversion c on c.program_id = o.program_id and c.kind = o.kind and c.order_id = o.order_id
  join clickledger.conversion_decision d on d.conversion_id = c.id
  order by 1
$$;
comment on function clickledger.order_events(bigint[], text[], text[], integer) is 'Decisions and the first reports_max reports of orders, by the order''s place in the arrays.';

create function clickledger.conversion_scope(ids bigint[]) returns table (
    conversion_id bigint, month_us bigint, precedence text)
  language sql stable as $$
  select c.id, clickledger.time_us(date_trunc('month', c.occurred_at, p.time_zone)),
    coalesce((select t.precedence from clickledger.terms_at(c.program_id, null, c.occurred_at) t), 'code_over_click')
  from unnest(ids) as wanted (id)
  join clickledger.conversion c on c.id = wanted.id
  join clickledger.program p on p.id = c.program_id
  order by c.id
$$;
comment on function clickledger.conversion_scope(bigint[]) is 'Month of each conversion in its programme''s zone, and the programme''s precedence at its moment.';

create function clickledger.conversion_touches(ids bigint[], touches_max integer) returns table (
    conversion_id bigint, kind text, id uuid, at_us bigint, program_id bigint, partner_id bigint, link_id bigint,
    promo_code_id bigint, class clickledger.hit_class, is_active boolean, is_of_order boolean, window_us bigint,
    terms_id bigint, commission_kind text, rate_ppm bigint, fixed_minor bigint, hold_us bigint)
  language sql stable rows 2000 as $$
  with conversions as (
    select c.* from unnest(ids) as wanted (id) join clickledger.conversion c on c.id = wanted.id),
  visitors as (
    select c.id, c.program_id, c.occurred_at, k.value as visitor_id
    from conversions c join clickledger.conversion_key k on k.conversion_id = c.id and k.kind = 'visitor'),
  touches as (
    select c.id as conversion_id, 'click' as kind, t.click_id as id, t.ts, t.program_id, t.partner_id, t.link_id,
      t.promo_code_id, t.class, true as is_active, false as is_of_order
    from conversions c
    join clickledger.click t on t.click_id = c.click_id and t.ts = clickledger.click_ts(c.click_id)
    union
    select v.id, 'click', t.click_id, t.ts, t.program_id, t.partner_id, t.link_id, t.promo_code_id, t.class, true, false
    from visitors v cross join (values (true), (false)) as want (human) cross join lateral (
      select * from clickledger.click t
      where t.visitor_id = v.visitor_id and t.ts >= v.occurred_at - interval '366 days' and t.ts < v.occurred_at
        and t.program_id = v.program_id and (t.class = 'human') = want.human
      order by t.ts desc limit touches_max) t
    union
    select v.id, 'promo', t.hit_id, t.ts, t.program_id, t.partner_id, null, t.promo_code_id, t.class, true, false
    from visitors v cross join (values (true), (false)) as want (human) cross join lateral (
      select * from clickledger.promo_entry t
      where t.visitor_id = v.visitor_id and t.ts >= v.occurred_at - interval '366 days' and t.ts < v.occurred_at
        and t.program_id = v.program_id and (t.class = 'human') = want.human
      order by t.ts desc limit touches_max) t
    union
    select c.id, 'promo', named.id, c.occurred_at, o.program_id, o.partner_id, null, o.id, 'human',
      o.active_at @> c.occurred_at and p.active_at @> c.occurred_at, true
    from conversions c
    join clickledger.promo_code o on upper(o.code) = upper(c.promo)
    join clickledger.partner p on p.id = o.partner_id
    cross join lateral (
      select r.id from clickledger.conversion_report r
      where r.conversion_id = c.id and r.promo = c.promo and r.verdict in ('applied', 'program_mismatch')
      order by coalesce(r.event_time, r.ts), r.id limit 1) named)
  select t.conversion_id, t.kind, t.id, clickledger.time_us(t.ts), coalesce(t.program_id, 0), coalesce(t.partner_id, 0),
    t.link_id, t.promo_code_id, t.class, t.is_active, t.is_of_order, coalesce(m.window_days, 30) * 86400000000::bigint,
    m.id, m.commission_kind, coalesce(m.rate_ppm, 0)::bigint, coalesce(m.fixed_minor, 0), coalesce(m.hold_days, 0) * 86400000000::bigint
  from touches t
  left join lateral clickledger.terms_at(t.program_id, t.partner_id, t.ts) m on true
  order by t.conversion_id, t.ts desc, t.kind, t.id
$$;
comment on function clickledger.conversion_touches(bigint[], integer) is 'Candidate touches of conversions, each with the terms in force when it happened (30 days of window where there were none): the reported click, the newest touches of its visitors in the programme, and the order''s code.';

create function clickledger.commission_posted(ids bigint[]) returns table (
    conversion_id bigint, partner_id bigint, program_id bigint, currency text, terms_id bigint, base_minor bigint,
    amount_minor bigint, status text, approved boolean, hold_until_us bigint, revision integer,
    pending_minor bigint, available_minor bigint)
  language sql stable as $$
  select m.conversion_id, m.partner_id, m.program_id, m.currency, m.terms_id, m.base_minor, m.amount_minor, m.status,
    m.approved, clickledger.time_us(m.hold_until), m.revision, l.pending, l.available
  from unnest(ids) as wanted (id)
  join clickledger.commission m on m.conversion_id = wanted.id
  cross join lateral (
    select coalesce(sum(e.amount_minor) filter (where a.kind = 'partner_pending'), 0)::bigint as pending,
      coalesce(sum(e.amount_minor) filter (where a.kind = 'partner_available'), 0)::bigint as available
    from clickledger.ledger_transaction t
    join clickledger.ledger_entry e on e.transaction_id = t.id
    join clickledger.ledger_account a on a.id = e.account_id
    where t.conversion_id = m.conversion_id and t.partner_id = m.partner_id) l
  order by m.conversion_id, m.partner_id
$$;
comment on function clickledger.commission_posted(bigint[]) is 'Commissions of conversions with what the ledger holds for them.';

-- --- What is written ----------------------------------------------------------------------------------------------------

create function clickledger.conversion_write(program_ids bigint[], kinds text[], order_ids text[], currencies text[],
    occurred_us bigint[], statuses text[], reasons text[], amounts bigint[], refunds bigint[], click_ids uuid[],
    visitor_ids uuid[], promos text[], customers text[], products text[])
  returns table (ordinal bigint, conversion_id bigint) language sql as $$
  with folded as (
    select * from unnest(program_ids, kinds, order_ids, currencies, occurred_us, statuses, reasons, amounts, refunds, click_ids,
      visitor_ids, promos, customers, products) with ordinality as f (program_id, kind, order_id, currency, us, status, reason,
      amount, refund, click_id, visitor_id, promo, customer, product, ordinal)),
  written as (
    insert into clickledger.conversion as c (program_id, kind, order_id, currency, occurred_at, status, reason, amount_minor,
      refunded_minor, click_id, visitor_id, promo, customer, product)
    select program_id, kind, order_id, currency, clickledger.us_time(us), status, reason, amount, refund, click_id, visitor_id,
      promo, customer, product
    from folded order by program_id, kind, order_id
    on conflict on constraint conversion_program_id_kind_order_id_key do update set
      occurred_at = excluded.occurred_at, status = excluded.status, reason = excluded.reason,
      amount_minor = excluded.amount_minor, refunded_minor = excluded.refunded_minor, click_id = excluded.click_id,
      visitor_id = excluded.visitor_id, promo = excluded.promo, customer = excluded.customer, product = excluded.product,
      fault = null, updated_at = now()
    where (c.occurred_at, c.status, c.reason, c.amount_minor, c.refunded_minor, c.click_id, c.visitor_id, c.promo, c.customer,
        c.product, c.fault)
      is distinct from (excluded.occurred_at, excluded.status, excluded.reason, excluded.amount_minor, excluded.refunded_minor,
        excluded.click_id, excluded.visitor_id, excluded.promo, excluded.customer, excluded.product, null)
    returning c.id, c.program_id, c.kind, c.order_id)
  select f.ordinal, coalesce(w.id, c.id)
  from folded f
  left join written w on w.program_id = f.program_id and w.kind = f.kind and w.order_id = f.order_id
  left join clickledger.conversion c on c.program_id = f.program_id and c.kind = f.kind and c.order_id = f.order_id
  order by f.ordinal
$$;
comment on function clickledger.conversion_write(bigint[], text[], text[], text[], bigint[], text[], text[], bigint[], bigint[], uuid[], uuid[], text[], text[], text[]) is 'Writes the folded states that are new or have changed; returns the number of each conversion.';

create function clickledger.report_write(ids uuid[], verdicts text[], notes text[], conversion_ids bigint[]) returns bigint
  language sql as $$
  with judged as (
    update clickledger.conversion_report r
    set verdict = w.verdict, note = w.note, conversion_id = w.conversion_id, verdict_at = now()
    from unnest(ids, verdicts, notes, conversion_ids) as w (id, verdict, note, conversion_id)
    where r.id = w.id and (r.verdict, r.note, r.conversion_id) is distinct from (w.verdict, w.note, w.conversion_id)
    returning 1)
  select count(*) from judged
$$;
comment on function clickledger.report_write(uuid[], text[], text[], bigint[]) is 'Writes verdicts that are new or have changed; returns how many.';

create function clickledger.order_settle(program_ids bigint[], kinds text[], order_ids text[], verdict text, fault text)
  returns void language sql as $$
  update clickledger.conversion_report r set verdict = $4, verdict_at = now()
  from unnest(program_ids, kinds, order_ids) as o (program_id, kind, order_id)
  where r.program_id = o.program_id and r.order_id = o.order_id and coalesce(r.kind, 'sale') = o.kind and r.verdict is null;
  update clickledger.conversion c set fault = $5
  from unnest(program_ids, kinds, order_ids) as o (program_id, kind, order_id)
  where c.program_id = o.program_id and c.kind = o.kind and c.order_id = o.order_id and $5 is not null;
  update clickledger.conversion_decision d set folded = true
  from unnest(program_ids, kinds, order_ids) as o (program_id, kind, order_id)
  join clickledger.conversion c on c.program_id = o.program_id and c.kind = o.kind and c.order_id = o.order_id
  where d.conversion_id = c.id and not d.folded;
  delete from clickledger.conversion_due d
  using unnest(program_ids, kinds, order_ids) as o (program_id, kind, order_id)
  join clickledger.conversion c on c.program_id = o.program_id and c.kind = o.kind and c.order_id = o.order_id
  where d.conversion_id = c.id;
$$;
comment on function clickledger.order_settle(bigint[], text[], text[], text, text) is 'Takes orders off the list: the verdict goes to reports that got none; a fault, if any, to the conversions.';

create function clickledger.conversion_key_write(ids bigint[]) returns void language sql as $$
  with visitors as (
    select c.id as conversion_id, v.visitor_id
    from unnest(ids) as wanted (id)
    join clickledger.conversion c on c.id = wanted.id
    cross join lateral (
      select c.visitor_id
      union
      select t.visitor_id from clickledger.click t
      where t.click_id = c.click_id and t.ts = clickledger.click_ts(c.click_id) and t.program_id = c.program_id) v
    where v.visitor_id is not null),
  gone as (
    -- An earlier report that arrives later may name another click or visitor.
    delete from clickledger.conversion_key k
    where k.conversion_id = any (ids) and k.kind = 'visitor' and not exists (
      select from visitors v where v.conversion_id = k.conversion_id and v.visitor_id = k.value))
  insert into clickledger.conversion_key (conversion_id, kind, value)
  select c.id, 'click', r.click_id
  from unnest(ids) as c (id) join clickledger.conversion_report r on r.conversion_id = c.id
  where r.click_id is not null
  union
  select conversion_id, 'visitor', visitor_id from visitors
  on conflict do nothing
$$;
comment on function clickledger.conversion_key_write(bigint[]) is 'Writes the identities of conversions: every click their reports name, and only these visitors: the conversion''s and that of its click.';

create function clickledger.credit_write(ids bigint[], conversion_ids bigint[], kinds text[], touch_ids uuid[], at_us bigint[],
    program_ids bigint[], partner_ids bigint[], link_ids bigint[], promo_code_ids bigint[], weights integer[], models text[])
  returns bigint language sql as $$
  with wanted as (
    select * from unnest(conversion_ids, kinds, touch_ids, at_us, program_ids, partner_ids, link_ids, promo_code_ids, weights, models)
      as w (conversion_id, touch_kind, touch_id, us, program_id, partner_id, link_id, promo_code_id, weight_ppm, model)),
  gone as (
    delete from clickledger.credit c
    where c.conversion_id = any (ids) and not exists (
      select from wanted w
      where w.conversion_id = c.conversion_id and w.touch_kind = c.touch_kind and w.touch_id = c.touch_id)
    returning 1),
  written as (
    insert into clickledger.credit as c (conversion_id, touch_kind, touch_id, touch_ts, program_id, partner_id, link_id,
      promo_code_id, weight_ppm, model)
    select conversion_id, touch_kind, touch_id, clickledger.us_time(us), program_id, partner_id, link_id, promo_code_id,
      weight_ppm, model
    from wanted
    on conflict (conversion_id, touch_kind, touch_id) do update
      set touch_ts = excluded.touch_ts, weight_ppm = excluded.weight_ppm, model = excluded.model
    where (c.touch_ts, c.weight_ppm, c.model) is distinct from (excluded.touch_ts, excluded.weight_ppm, excluded.model)
    returning 1)
  select (select count(*) from gone) + (select count(*) from written)
$$;
comment on function clickledger.credit_write(bigint[], bigint[], text[], uuid[], bigint[], bigint[], bigint[], bigint[], bigint[], integer[], text[]) is 'Makes the given credits the only ones of the given conversions; returns how many changed.';

create function clickledger.commission_write(conversion_ids bigint[], partner_ids bigint[], program_ids bigint[], terms_ids bigint[],
    currencies text[], bases bigint[], amounts bigint[], statuses text[], approved boolean[], hold_us bigint[], revisions integer[])
  returns void language sql as $$
  insert into clickledger.commission as m (conversion_id, partner_id, program_id, terms_id, currency, base_minor, amount_minor,
    status, approved, hold_until, revision)
  select conversion_id, partner_id, program_id, terms_id, currency, base, amount, status, approved, clickledger.us_time(us), revision
  from unnest(conversion_ids, partner_ids, program_ids, terms_ids, currencies, bases, amounts, statuses, approved, hold_us, revisions)
    as w (conversion_id, partner_id, program_id, terms_id, currency, base, amount, status, approved, us, revision)
  on conflict (conversion_id, partner_id) do update set
    terms_id = excluded.terms_id, base_minor = excluded.base_minor, amount_minor = excluded.amount_minor,
    status = excluded.status, approved = excluded.approved, hold_until = excluded.hold_until,
    revision = excluded.revision, updated_at = now()
$$;
comment on function clickledger.commission_write(bigint[], bigint[], bigint[], bigint[], text[], bigint[], bigint[], text[], boolean[], bigint[], integer[]) is 'Writes commissions that are new or have changed.';

create function clickledger.commission_post(conversion_ids bigint[], partner_ids bigint[], program_ids bigint[], currencies text[],
    revisions integer[], kinds text[], expense bigint[], pending bigint[], available bigint[])
  returns bigint language sql as $$
  select count(clickledger.ledger_post(format('commission:%s:%s:%s', w.conversion_id, w.partner_id, w.revision), w.kind,
    w.program_id, w.partner_id, w.conversion_id, w.currency, e.accounts, e.amounts))
  from (
    select * from unnest(conversion_ids, partner_ids, program_ids, currencies, revisions, kinds, expense, pending, available)
      as w (conversion_id, partner_id, program_id, currency, revision, kind, expense, pending, available)
    order by program_id, partner_id, conversion_id) w
  cross join lateral (
    select array_agg(account) as accounts, array_agg(amount) as amounts
    from (values ('program_expense', w.expense), ('partner_pending', w.pending), ('partner_available', w.available))
      as v (account, amount)
    where amount <> 0) e
$$;
comment on function clickledger.commission_post(bigint[], bigint[], bigint[], text[], integer[], text[], bigint[], bigint[], bigint[]) is 'Posts the differences of commissions, each with its revision''s key; returns how many.';

create function clickledger.conversion_hourly_add(ids bigint[], sign integer) returns void language sql as $$
  insert into clickledger.conversion_hourly as h (hour, program_id, partner_id, link_id, kind, status, currency, conversions,
    revenue_minor, commission_minor)
  select date_trunc('hour', c.occurred_at, 'UTC'), c.program_id, coalesce(r.partner_id, 0), coalesce(r.link_id, 0), c.kind, c.status,
    c.currency, sign * count(*), sign * sum(c.amount_minor - c.refunded_minor), sign * coalesce(sum(m.amount_minor), 0)
  from unnest(ids) as wanted (id)
  join clickledger.conversion c on c.id = wanted.id
  left join clickledger.credit r on r.conversion_id = c.id
  left join clickledger.commission m on m.conversion_id = c.id and m.partner_id = r.partner_id
  group by 1, 2, 3, 4, 5, 6, 7
  order by 1, 2, 3, 4, 5, 6, 7
  on conflict (partner_id, hour, program_id, link_id, kind, status, currency) do update set
    conversions = h.conversions + excluded.conversions, revenue_minor = h.revenue_minor + excluded.revenue_minor,
    commission_minor = h.commission_minor + excluded.commission_minor
$$;
comment on function clickledger.conversion_hourly_add(bigint[], integer) is 'Adds conversions as they stand to the hours (sign 1), or takes them out before they change (sign -1).';

-- --- Why ----------------------------------------------------------------------------------------------------------------

create function clickledger.explanation_write(ids bigint[], precedences text[], conversion_ids bigint[], kinds text[], touch_ids uuid[],
    at_us bigint[], program_ids bigint[], partner_ids bigint[], link_ids bigint[], promo_code_ids bigint[], classes text[],
    window_us bigint[], weights integer[], verdicts text[], reasons text[])
  returns void language sql as $$
  with touches as (
    select w.conversion_id, w.partner_id, w.us, w.touch_id,
      c.program_id = w.program_id as is_concerned,
      jsonb_build_object('own', true, 'kind', w.kind, 'id', w.touch_id, 'at', clickledger.api_time(clickledger.us_time(w.us)), 'link_id', w.link_id,
        'promo_code_id', w.promo_code_id, 'class', w.class, 'verdict', w.verdict, 'reason', w.reason, 'weight_ppm', w.weight,
        'window_days', w.window_us / 86400000000,
        'window_from', clickledger.api_time(c.occurred_at - w.window_us / 86400000000 * interval '24 hours'),
        'window_to', clickledger.api_time(c.occurred_at),
        'age_seconds', trunc(extract(epoch from c.occurred_at - clickledger.us_time(w.us)), 3)) as own,
      jsonb_build_object('own', false, 'kind', w.kind, 'verdict', w.verdict, 'reason', w.reason,
        'age_days', floor(extract(epoch from c.occurred_at - clickledger.us_time(w.us)) / 86400)) as others
    from unnest(conversion_ids, kinds, touch_ids, at_us, program_ids, partner_ids, link_ids, promo_code_ids, classes, window_us,
      weights, verdicts, reasons) as w (conversion_id, kind, touch_id, us, program_id, partner_id, link_id, promo_code_id, class,
      window_us, weight, verdict, reason)
    join clickledger.conversion c on c.id = w.conversion_id),
  concerned as (
    select t.conversion_id, t.partner_id from touches t where t.is_concerned and t.partner_id <> 0
    union
    select m.conversion_id, m.partner_id from clickledger.commission m where m.conversion_id = any (ids)),
  told as (
    select p.conversion_id, p.partner_id,
      coalesce(jsonb_agg(case when t.partner_id = p.partner_id then t.own else t.others end order by t.us desc, t.touch_id)
        filter (where t.conversion_id is not null), '[]') as touches
    from concerned p left join touches t on t.conversion_id = p.conversion_id
    group by p.conversion_id, p.partner_id),
  commissions as (
    select m.conversion_id, m.partner_id, jsonb_build_object('terms_id', t.id, 'terms_version', t.version,
      'terms_of', case when t.partner_id is null then 'program' else 'partner' end, 'effective_from', clickledger.api_time(t.effective_from),
      'kind', t.commission_kind, 'rate_ppm', t.rate_ppm, 'fixed_minor', t.fixed_minor, 'hold_days', t.hold_days,
      'base_minor', m.base_minor,
      'exact_minor', case t.commission_kind when 'percent' then trim_scale(m.base_minor::numeric * t.rate_ppm / 1000000)
        else t.fixed_minor end,
      'rounding', 'half_up', 'amount_minor', m.amount_minor, 'status', m.status, 'approved', m.approved,
      'hold_until', clickledger.api_time(m.hold_until), 'revision', m.revision) as body
    from clickledger.commission m join clickledger.terms t on t.id = m.terms_id
    where m.conversion_id = any (ids)),
  lines as (
    select t.id, t.conversion_id, t.partner_id, jsonb_build_object('transaction_id', t.id, 'key', t.key, 'kind', t.kind,
      'posted_at', clickledger.api_time(t.posted_at),
      'entries', jsonb_agg(jsonb_build_object('account', a.kind, 'amount_minor', e.amount_minor) order by a.id)) as body
    from clickledger.ledger_transaction t
    join clickledger.ledger_entry e on e.transaction_id = t.id and e.partner_id is not null
    join clickledger.ledger_account a on a.id = e.account_id
    where t.conversion_id = any (ids)
    group by t.id),
  ledgers as (
    select conversion_id, partner_id, jsonb_agg(body order by id) as body from lines group by conversion_id, partner_id),
  gone as (
    delete from clickledger.explanation x
    where x.conversion_id = any (ids) and not exists (
      select from concerned p where p.conversion_id = x.conversion_id and p.partner_id = x.partner_id))
  insert into clickledger.explanation as x (conversion_id, partner_id, body)
  select p.conversion_id, p.partner_id, jsonb_build_object(
    'conversion', jsonb_build_object('id', c.id, 'program_id', c.program_id, 'kind', c.kind, 'status', c.status,
        'occurred_at', clickledger.api_time(c.occurred_at), 'currency', c.currency)
      || case when m.body is null then '{}' else jsonb_build_object('order_id', c.order_id, 'reason', c.reason,
        'amount_minor', c.amount_minor, 'refunded_minor', c.refunded_minor) end,
    'model', 'last', 'precedence', w.precedence, 'touches', p.touches, 'commission', m.body, 'ledger', coalesce(l.body, '[]'))
  from told p
  join unnest(ids, precedences) as w (id, precedence) on w.id = p.conversion_id
  join clickledger.conversion c on c.id = p.conversion_id
  left join commissions m on m.conversion_id = p.conversion_id and m.partner_id = p.partner_id
  left join ledgers l on l.conversion_id = p.conversion_id and l.partner_id = p.partner_id
  on conflict (conversion_id, partner_id) do update set body = excluded.body, updated_at = now()
  where x.body is distinct from excluded.body
$$;
comment on function clickledger.explanation_write(bigint[], text[], bigint[], text[], uuid[], bigint[], bigint[], bigint[], bigint[], bigint[], text[], bigint[], integer[], text[], text[]) is 'Writes, for each concerned partner and nobody else, why conversions were credited as they were; of others'' touches only kind, verdict, reason and age in whole days. Order id and amounts are for those who have, or had, a commission.';

-- --- Who may ------------------------------------------------------------------------------------------------------------

do $$
declare
  function regprocedure;
begin
  for function in
    select p.oid from pg_proc p
    where p.pronamespace = 'clickledger'::regnamespace and p.proname in (
      'time_us', 'us_time', 'terms_at', 'report_refuse', 'touch_batch_expand', 'terms_expand', 'order_take', 'hold_next', 'order_events',
      'conversion_scope', 'conversion_touches', 'commission_posted', 'conversion_write', 'report_write', 'order_settle',
      'conversion_key_write', 'credit_write', 'commission_write', 'commission_post', 'conversion_hourly_add',
      'explanation_write', 'ledger_post', 'click_ts', 'api_time')
  loop
    execute format('grant execute on function %s to cl_attrib', function);
  end loop;
end $$;
grant update (note) on clickledger.conversion_report to cl_attrib;
grant update (applied) on clickledger.terms to cl_attrib;
grant select, insert, delete on clickledger.conversion_due to cl_attrib;
grant select (note, reason) on clickledger.conversion_report to cl_api;
grant select on clickledger.ledger_violations to cl_analyst;
