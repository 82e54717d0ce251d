-- What partners are told: rows of the outbox, written by triggers in the transaction in which it happened, so that nothing can forget
-- them, whoever did it. What happens many times at once is one row that counts.
--
-- Where rows of a kind follow each other within an hour and nobody has read the last one, it counts on. It is never waited for: one
-- that another transaction holds is left alone, and a new one begins.

create function clickledger.partner_tell(kind text, partner_id bigint, about jsonb, happened bigint default null, amount_minor bigint default null,
    examples jsonb default null) returns void
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  recent bigint[];
  examples_max constant integer := 20;
begin
  if happened is not null then
    recent := array(select o.id from outbox o where o.partner_id = partner_tell.partner_id order by o.id desc limit 20);
    update outbox o set payload = o.payload
      || jsonb_build_object('count', (o.payload->>'count')::bigint + happened)
      || case when partner_tell.amount_minor is null then '{}' else jsonb_build_object('amount_minor', (o.payload->>'amount_minor')::bigint + partner_tell.amount_minor) end
      || case when partner_tell.examples is null then '{}' else jsonb_build_object('examples', (
           select jsonb_agg(e.one order by e.n) from jsonb_array_elements(o.payload->'examples' || partner_tell.examples) with ordinality as e (one, n)
           where e.n <= examples_max)) end
    where o.id = (
      select q.id from outbox q
      where q.id = any (recent) and q.kind = partner_tell.kind and q.payload @> about and q.created_at > now() - interval '1 hour'
        and not exists (select from notification_read r where r.outbox_id = q.id)
      order by q.id desc limit 1 for update skip locked);
    if found then
      return;
    end if;
  end if;
  insert into outbox (kind, partner_id, language, payload)
  values (partner_tell.kind, partner_tell.partner_id,
    coalesce((select h.language from person h where h.partner_id = partner_tell.partner_id and h.disabled_at is null order by h.id limit 1), 'en'),
    about || case when happened is null then '{}' else jsonb_build_object('count', happened) end
      || case when partner_tell.amount_minor is null then '{}' else jsonb_build_object('amount_minor', partner_tell.amount_minor) end
      || case when partner_tell.examples is null then '{}' else jsonb_build_object('examples', (
           select jsonb_agg(e.one order by e.n) from jsonb_array_elements(partner_tell.examples) with ordinality as e (one, n) where e.n <= examples_max)) end);
end $$;
comment on function clickledger.partner_tell(text, bigint, jsonb, bigint, bigint, jsonb) is 'Puts a message for a partner into the outbox: what it is about, and, where it may happen many times, how often, the sum in minor units and the first 20 examples. count says how many there are in all.';

-- --- Orders -------------------------------------------------------------------------------------------------------------

create function clickledger.conversion_told() returns trigger
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
begin
  perform partner_tell('conversion_' || d.status, d.partner_id, jsonb_build_object('program_id', d.program_id, 'reason', d.reason), d.number, null, d.examples)
  from (
    select n.status, r.partner_id, n.program_id, n.reason, count(*) as number,
      jsonb_agg(jsonb_build_object('conversion_id', n.id, 'order_id', n.order_id) order by n.id) as examples
    from after n join before o on o.id = n.id
    cross join lateral (select distinct c.partner_id from credit c where c.conversion_id = n.id and c.partner_id is not null) r
    where n.status <> o.status
    group by n.status, r.partner_id, n.program_id, n.reason
    order by r.partner_id, n.program_id, n.status, n.reason) d;
  return null;
end $$;
comment on function clickledger.conversion_told() is 'Trigger: tells the credited partners that orders of theirs became approved, declined (with its reason), refunded or pending again.';
create trigger told after update on clickledger.conversion referencing old table as before new table as after
  for each statement execute function clickledger.conversion_told();

create function clickledger.commission_told() returns trigger
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
begin
  perform partner_tell('commission_available', d.partner_id, jsonb_build_object('program_id', d.program_id, 'currency', d.currency), d.number, d.amount)
  from (
    select n.partner_id, n.program_id, n.currency, count(*) as number, sum(n.amount_minor)::bigint as amount
    from after n join before o on o.conversion_id = n.conversion_id and o.partner_id = n.partner_id
    where n.status = 'available' and o.status = 'pending' and n.amount_minor > 0
    group by n.partner_id, n.program_id, n.currency order by 1, 2, 3) d;
  return null;
end $$;
comment on function clickledger.commission_told() is 'Trigger: tells partners that commissions which were pending became available.';
create trigger told after update on clickledger.commission referencing old table as before new table as after
  for each statement execute function clickledger.commission_told();

-- --- Money --------------------------------------------------------------------------------------------------------------

create function clickledger.payout_told() returns trigger
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
begin
  perform partner_tell('payout_' || new.status, new.partner_id, jsonb_build_object('payout_id', new.id, 'program_id', new.program_id,
    'currency', new.currency, 'amount_minor', new.amount_minor, 'reference', new.reference, 'reason', new.reason));
  return null;
end $$;
comment on function clickledger.payout_told() is 'Trigger: tells the partner that its payout was paid, refused or cancelled.';
create trigger told after update of status on clickledger.payout for each row when (new.status <> old.status) execute function clickledger.payout_told();

create function clickledger.adjustment_told() returns trigger
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
begin
  perform partner_tell('adjustment', new.partner_id, jsonb_build_object('transaction_id', new.id, 'program_id', new.program_id, 'currency', new.currency,
    'amount_minor', (select sum(e.amount_minor) from ledger_entry e where e.transaction_id = new.id and e.partner_id is not null), 'reason', new.reason));
  return null;
end $$;
comment on function clickledger.adjustment_told() is 'Trigger: tells the partner what it gained or lost by hand, and why. At the end of the transaction, when the entries are there.';
create constraint trigger told after insert on clickledger.ledger_transaction deferrable initially deferred
  for each row when (new.kind = 'manual') execute function clickledger.adjustment_told();

create function clickledger.month_told_closed() returns trigger
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
begin
  perform partner_tell('month_closed', d.partner_id, jsonb_build_object('program_id', new.program_id, 'month', month_told(new.program_id, new.month),
    'currency', d.currency, 'earned_minor', d.earned, 'of_earlier_minor', d.of_earlier))
  from (
    select t.partner_id, t.currency, sum(e.amount_minor)::bigint as earned, coalesce(sum(e.amount_minor) filter (where t.adjusts is not null), 0)::bigint as of_earlier
    from ledger_transaction t join ledger_entry e on e.transaction_id = t.id and e.partner_id is not null
    where t.program_id = new.program_id and t.period = new.month
    group by t.partner_id, t.currency order by 1, 2) d;
  return null;
end $$;
comment on function clickledger.month_told_closed() is 'Trigger: tells each partner with lines in a month that it was closed, with the sums of GET /v1/periods: earned in all, and what of it adjusts closed months before.';
create trigger told after insert on clickledger.period_close for each row execute function clickledger.month_told_closed();

-- --- Terms, partners and links ------------------------------------------------------------------------------------------

create function clickledger.terms_told() returns trigger
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
begin
  perform partner_tell('terms_changed', a.id, jsonb_build_object('terms_id', new.id, 'program_id', new.program_id, 'version', new.version,
    'effective_from', api_time(new.effective_from), 'commission_kind', new.commission_kind, 'rate_ppm', new.rate_ppm, 'fixed_minor', new.fixed_minor,
    'hold_days', new.hold_days, 'window_days', new.window_days, 'needs_acceptance', new.needs_acceptance))
  from partner a
  where a.status = 'active' and (a.id = new.partner_id or new.partner_id is null
    and (exists (select from link l where l.partner_id = a.id and l.program_id = new.program_id)
      or exists (select from promo_code c where c.partner_id = a.id and c.program_id = new.program_id))
    and not exists (select from terms t where t.partner_id = a.id and t.program_id = new.program_id));
  return null;
end $$;
comment on function clickledger.terms_told() is 'Trigger: tells the partners of a programme about a new version of terms; those with terms of their own only about theirs.';
create trigger told after insert on clickledger.terms for each row execute function clickledger.terms_told();

create function clickledger.status_told() returns trigger
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
begin
  if tg_table_name = 'partner' then
    perform partner_tell(case new.status when 'paused' then 'partner_paused' else 'partner_resumed' end, new.id, '{}');
  else
    perform partner_tell(case when new.held then 'link_paused' else 'link_resumed' end, new.partner_id,
      jsonb_build_object('link_id', new.id, 'program_id', new.program_id, 'slug', new.slug, 'name', new.name));
  end if;
  return null;
end $$;
comment on function clickledger.status_told() is 'Trigger: tells a partner that the team has paused it, or one of its links, and that this has ended. What is paused earns nothing.';
create trigger told after update of status on clickledger.partner for each row
  when (new.status = 'paused' and old.status = 'active' or new.status = 'active' and old.status = 'paused') execute function clickledger.status_told();
create trigger told after update of held on clickledger.link for each row when (new.held <> old.held) execute function clickledger.status_told();

-- --- Routes -------------------------------------------------------------------------------------------------------------

create function clickledger.api_notifications(p jsonb) returns json
  language plpgsql stable set search_path = clickledger, pg_temp set plan_cache_mode = force_custom_plan as $$
declare
  asker constant bigint := api_partner();
  reader constant bigint := coalesce(api_person(), 0);
  below constant bigint := (api_after(p))[1];
  page_size constant integer := api_limit(p) + 1;
  body json;
begin
  with page as (
    select o.id, json_build_object('id', o.id, 'kind', o.kind, 'payload', o.payload, 'created_at', api_time(o.created_at), 'read_at', api_time(r.read_at)) as item
    from outbox o left join notification_read r on r.outbox_id = o.id and r.person_id = reader
    where o.partner_id = asker and (o.person_id is null or o.person_id = reader) and o.id < below
      and (p->>'unread' is null or (r.read_at is null) = (p->>'unread')::boolean)
    order by o.id desc limit page_size)
  select api_page(array_agg(item order by id desc), array_agg(api_cursor(id) order by id desc), p) into body from page;
  return json_build_object('data', body->'data', 'next_cursor', body->'next_cursor', 'unread', notification_unread());
end $$;
comment on function clickledger.api_notifications(jsonb) is 'GET /v1/notifications: what the partner is told, the newest first; read_at is the asker''s own.';

create function clickledger.notification_mark(up_to bigint) returns bigint
  language sql security definer set search_path = clickledger, pg_temp as $$
  with marked as (
    insert into notification_read (outbox_id, partner_id, person_id)
    select o.id, o.partner_id, coalesce(api_person(), 0) from outbox o
    where o.partner_id = api_partner() and (o.person_id is null or o.person_id = api_person()) and o.id <= up_to
      and not exists (select from notification_read r where r.outbox_id = o.id and r.person_id = coalesce(api_person(), 0))
    on conflict do nothing returning 1)
  select count(*) from marked
$$;
comment on function clickledger.notification_mark(bigint) is 'Marks the asking partner''s notifications up to this number as read by the asker; returns how many were not.';

create function clickledger.api_notifications_read(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  marked constant bigint := notification_mark((p->>'up_to')::bigint);
begin
  return json_build_object('marked', marked, 'unread', notification_unread());
end $$;
comment on function clickledger.api_notifications_read(jsonb) is 'POST /v1/notifications/read.';

grant execute on function clickledger.api_notifications(jsonb), clickledger.notification_mark(bigint), clickledger.api_notifications_read(jsonb) to cl_api;
