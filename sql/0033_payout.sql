-- How money leaves: requests, payments and adjustments by hand, each a function with its owner's rights, because a key of the
-- API may never write to the ledger itself. Therefore each asks who asks (api_begin has said it) before anything else.
-- Whoever moves the money of a partner locks the partner's accounts first, and only then looks what is there.

create function clickledger.money_asker(partner_id bigint) returns bigint
  language plpgsql stable set search_path = clickledger, pg_temp as $$
begin
  if current_setting('cl.team', true) = 'on'
     or nullif(current_setting('cl.partner', true), '')::bigint = money_asker.partner_id then
    return current_setting('cl.key')::bigint;
  end if;
  perform api_missing('payout');
end $$;
comment on function clickledger.money_asker(bigint) is 'API key of who asks, if it is the team or this partner; CL404 for anybody else.';

create function clickledger.payout_open_lines(program_id bigint, partner_id bigint, currency text)
  returns table (transaction_id bigint, amount_minor bigint) language sql stable set search_path = clickledger, pg_temp as $$
  select e.transaction_id, e.amount_minor
  from ledger_account a
  join ledger_entry e on e.account_id = a.id
  join ledger_transaction t on t.id = e.transaction_id
  where a.kind = 'partner_available' and a.program_id = $1 and a.partner_id = $2 and a.currency = $3
    and t.kind <> 'reserve'
    and not exists (select from payout_line l where l.transaction_id = e.transaction_id)
$$;
comment on function clickledger.payout_open_lines(bigint, bigint, text) is 'Lines of the available account that no payout has closed; they sum to its balance.';

create function clickledger.payout_post(row_of clickledger.payout, step text, from_account text, to_account text, author bigint)
  returns void language sql set search_path = clickledger, pg_temp as $$
  select ledger_post(format('payout:%s:%s', (row_of).id, step), step, (row_of).program_id, (row_of).partner_id, null, (row_of).currency,
    array[from_account, to_account], array[-(row_of).amount_minor, (row_of).amount_minor], (row_of).id, (row_of).reason, author)
$$;
comment on function clickledger.payout_post(clickledger.payout, text, text, text, bigint) is 'Moves a payout''s amount between two accounts of its partner; step is reserve, return or pay.';

create function clickledger.payout_request(program_id bigint, partner_id bigint) returns clickledger.payout
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  author constant bigint := money_asker(payout_request.partner_id);
  wanted constant bigint := coalesce((select min_minor from payout_policy p where p.program_id = payout_request.program_id), 1);
  money text;
  lines bigint[];
  amounts bigint[];
  open_minor bigint;
  made payout;
begin
  select currency into money from program where id = payout_request.program_id;
  if money is null or not exists (select from ledger_account a where (a.program_id, a.partner_id) = ($1, $2)) then
    perform api_fail(409, 'payout_minimum', 'nothing is available');
  end if;
  perform ledger_account_lock($1, $2, money, array['partner_available', 'partner_reserved']);
  select array_agg(l.transaction_id), array_agg(l.amount_minor), coalesce(sum(l.amount_minor), 0) into lines, amounts, open_minor
  from payout_open_lines($1, $2, money) l;
  if open_minor < wanted then
    perform api_fail(409, 'payout_minimum', format('%s is available and %s the least that is paid out, in minor units of %s', open_minor, wanted, money));
  end if;
  insert into payout (program_id, partner_id, currency, amount_minor, requested_by) values ($1, $2, money, open_minor, author)
  returning * into made;
  insert into payout_line (transaction_id, payout_id, partner_id, amount_minor)
  select l.transaction_id, made.id, $2, l.amount_minor from unnest(lines, amounts) as l (transaction_id, amount_minor);
  perform payout_post(made, 'reserve', 'partner_available', 'partner_reserved', author);
  return made;
end $$;
comment on function clickledger.payout_request(bigint, bigint) is 'Reserves all that is available to a partner in a programme and closes its lines. CL409 payout_minimum: less than the programme''s least amount; CL404: another partner asks.';

create function clickledger.payout_end(id bigint, target text, reference text, reason text) returns clickledger.payout
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
declare
  found_payout payout;
  author bigint;
begin
  select * into found_payout from payout p where p.id = payout_end.id for update;
  author := money_asker(found_payout.partner_id);
  if found_payout.id is null then
    perform api_missing('payout');
  end if;
  if target <> 'cancelled' and current_setting('cl.team', true) is distinct from 'on' then
    perform api_fail(403, 'forbidden', 'this needs a team key');
  end if;
  if found_payout.status = target and (found_payout.reference, found_payout.reason) is not distinct from (payout_end.reference, payout_end.reason) then
    return found_payout;
  end if;
  if found_payout.status <> 'requested' then
    perform api_fail(409, 'status', format('payout %s is %s already%s', id, found_payout.status, case when found_payout.status = target
      then case target when 'paid' then ', with another reference' else ', for another reason' end else '' end));
  end if;
  update payout p set status = target, reference = payout_end.reference, reason = payout_end.reason, decided_by = author,
    decided_at = clock_timestamp()
  where p.id = payout_end.id returning * into found_payout;
  perform payout_post(found_payout, case target when 'paid' then 'pay' else 'return' end, 'partner_reserved',
    case target when 'paid' then 'partner_paid' else 'partner_available' end, author);
  return found_payout;
end $$;
comment on function clickledger.payout_end(bigint, text, text, text) is 'Ends a requested payout as paid (with a reference), cancelled or refused (with a reason). The same again is success; CL409 says what it is otherwise. Only the team pays and refuses; a partner may cancel its own.';

create function clickledger.ledger_adjust(key text, program_id bigint, partner_id bigint, amount_minor bigint, reason text) returns bigint
  language plpgsql security definer set search_path = clickledger, pg_temp as $$
begin
  if current_setting('cl.team', true) is distinct from 'on' then
    perform api_fail(403, 'forbidden', 'this needs a team key');
  end if;
  return ledger_post('manual:' || $1, 'manual', $2, $3, null, (select currency from program where id = $2),
    array['program_expense', 'partner_available'], array[-$4, $4], null, $5, current_setting('cl.key')::bigint);
exception when unique_violation then
  perform api_fail(409, 'key', sqlerrm);
end $$;
comment on function clickledger.ledger_adjust(text, bigint, bigint, bigint, text) is 'Gives a partner an amount, or takes it (below zero), by hand. CL409: the key was used for another adjustment; the message names what differs.';

-- --- Routes -----------------------------------------------------------------------------------------------------------

create function clickledger.payout_json(row_of clickledger.payout) returns json
  language sql stable
  return json_build_object('id', row_of.id, 'program_id', row_of.program_id, 'partner_id', row_of.partner_id, 'currency', row_of.currency,
    'amount_minor', row_of.amount_minor, 'status', row_of.status, 'reference', row_of.reference, 'reason', row_of.reason,
    'lines', (select count(*) from clickledger.payout_line l where l.payout_id = row_of.id),
    'requested_at', clickledger.api_time(row_of.requested_at), 'decided_at', clickledger.api_time(row_of.decided_at));
comment on function clickledger.payout_json(clickledger.payout) is 'A payout as answers show it; lines: how many lines of the ledger it closes.';

create function clickledger.api_payouts(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select payout as item from payout
    where id < (api_after(p))[1]
      and (p->>'program_id' is null or program_id = (p->>'program_id')::bigint)
      and (p->>'partner_id' is null or partner_id = (p->>'partner_id')::bigint)
      and (p->>'status' is null or status = p->>'status')
    order by id desc limit api_limit(p) + 1)
  select api_page(array_agg(payout_json(item) order by (item).id desc),
                  array_agg(api_cursor((item).id) order by (item).id desc), p)
  from page;
$$;
comment on function clickledger.api_payouts(jsonb) is 'GET /v1/payouts.';

create function clickledger.api_payout_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  done constant payout := payout_request((p->>'program_id')::bigint, api_partner());
begin
  return payout_json(done);
end $$;
comment on function clickledger.api_payout_create(jsonb) is 'POST /v1/payouts.';

create function clickledger.api_payout_paid(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  done constant payout := payout_end((p->>'id')::bigint, 'paid', p->>'reference', null);
begin
  return payout_json(done);
end $$;
comment on function clickledger.api_payout_paid(jsonb) is 'POST /v1/payouts/{id}/paid.';

create function clickledger.api_payout_cancel(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  done constant payout := payout_end((p->>'id')::bigint, 'cancelled', null, p->>'reason');
begin
  return payout_json(done);
end $$;
comment on function clickledger.api_payout_cancel(jsonb) is 'POST /v1/payouts/{id}/cancel.';

create function clickledger.api_payout_refuse(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  done constant payout := payout_end((p->>'id')::bigint, 'refused', null, p->>'reason');
begin
  return payout_json(done);
end $$;
comment on function clickledger.api_payout_refuse(jsonb) is 'POST /v1/payouts/{id}/refuse.';

create function clickledger.api_payout_policy(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  if not exists (select from program where id = (p->>'id')::bigint) then
    return api_missing('programme');
  end if;
  insert into payout_policy (program_id, min_minor) values ((p->>'id')::bigint, (p->>'min_minor')::bigint)
  on conflict (program_id) do update set min_minor = excluded.min_minor;
  return json_build_object('program_id', (p->>'id')::bigint, 'min_minor', (p->>'min_minor')::bigint);
end $$;
comment on function clickledger.api_payout_policy(jsonb) is 'PATCH /v1/programs/{id}/payout-policy.';

create function clickledger.api_adjustment_create(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  posted bigint;
begin
  perform api_valid_owner(p);
  perform api_valid((p->>'amount_minor')::bigint <> 0, 'amount_minor', 'amount_minor must not be 0');
  posted := ledger_adjust(p->>'key', (p->>'program_id')::bigint, (p->>'partner_id')::bigint, (p->>'amount_minor')::bigint, p->>'reason');
  return (select json_build_object('transaction_id', t.id, 'key', p->>'key', 'program_id', t.program_id, 'partner_id', t.partner_id,
    'currency', t.currency, 'amount_minor', (p->>'amount_minor')::bigint, 'reason', t.reason, 'author_key_id', t.author_key_id,
    'posted_at', api_time(t.posted_at)) from ledger_transaction t where t.id = posted);
end $$;
comment on function clickledger.api_adjustment_create(jsonb) is 'POST /v1/adjustments.';

create or replace function clickledger.api_statement(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select t.id, e.account_id, json_build_object('transaction_id', t.id, 'posted_at', api_time(t.posted_at),
        'kind', t.kind, 'account', a.kind, 'program_id', t.program_id, 'partner_id', a.partner_id,
        'conversion_id', t.conversion_id, 'payout_id', t.payout_id, 'reason', t.reason,
        'author_key_id', case when api_partner() is null then t.author_key_id end, 'currency', t.currency,
        'amount_minor', e.amount_minor, 'seal_id', (select l.seal_id from ledger_seal_line l where l.transaction_id = t.id)) as item
    from ledger_entry e
    join ledger_account a on a.id = e.account_id
    join ledger_transaction t on t.id = e.transaction_id
    where (e.transaction_id, e.account_id) < ((api_after(p))[1], (api_after(p))[2])
      and (api_partner() is null or a.partner_id is not null)
      and (p->>'partner_id' is null or t.partner_id = (p->>'partner_id')::bigint)
      and (p->>'program_id' is null or t.program_id = (p->>'program_id')::bigint)
      and (p->>'currency' is null or t.currency = p->>'currency')
    order by e.transaction_id desc, e.account_id desc limit api_limit(p) + 1),
  shown as (
    select api_page(array_agg(item order by id desc, account_id desc),
                    array_agg(api_cursor(id, account_id) order by id desc, account_id desc), p) as body
    from page)
  select json_build_object('data', body->'data', 'next_cursor', body->'next_cursor', 'seal', (
    select json_build_object('id', s.id, 'head', encode(s.head, 'hex'), 'sealed_at', api_time(s.sealed_at))
    from ledger_seal s order by s.id desc limit 1))
  from shown;
$$;
comment on function clickledger.api_statement(jsonb) is 'GET /v1/statement: ledger lines, the newest first. A partner sees the lines of its own accounts, the team both sides. With the newest seal''s head, which whoever keeps it can have checked later.';

-- --- What must hold ---------------------------------------------------------------------------------------------------

create view clickledger.payout_violation with (security_invoker = true) as
select 'payout' as rule, null::bigint as transaction_id, null::bigint as conversion_id, p.partner_id,
  format('payout %s of %s is %s; its lines sum to %s, the ledger took %s, reserves %s and paid %s', p.id, p.amount_minor, p.status,
    coalesce(l.amount, 0), coalesce(m.taken, 0), coalesce(m.reserved, 0), coalesce(m.paid, 0)) as detail
from clickledger.payout p
left join (select payout_id, sum(amount_minor) as amount from clickledger.payout_line group by payout_id) l on l.payout_id = p.id
left join (
  select t.payout_id, sum(e.amount_minor) filter (where a.kind = 'partner_available') as taken,
    sum(e.amount_minor) filter (where a.kind = 'partner_reserved') as reserved,
    sum(e.amount_minor) filter (where a.kind = 'partner_paid') as paid
  from clickledger.ledger_transaction t
  join clickledger.ledger_entry e on e.transaction_id = t.id
  join clickledger.ledger_account a on a.id = e.account_id
  where t.payout_id is not null
  group by t.payout_id) m on m.payout_id = p.id
where coalesce(l.amount, 0) <> p.amount_minor
  or coalesce(m.taken, 0) <> case when p.status in ('requested', 'paid') then -p.amount_minor else 0 end
  or coalesce(m.reserved, 0) <> case p.status when 'requested' then p.amount_minor else 0 end
  or coalesce(m.paid, 0) <> case p.status when 'paid' then p.amount_minor else 0 end
union all
select 'payout_line', l.transaction_id, t.conversion_id, l.partner_id,
  format('payout %s closes %s of a line that has %s', l.payout_id, l.amount_minor, coalesce(e.amount_minor, 0))
from clickledger.payout_line l
left join clickledger.ledger_transaction t on t.id = l.transaction_id
left join clickledger.payout p on p.id = l.payout_id
left join clickledger.ledger_account a on a.program_id = p.program_id and a.partner_id = p.partner_id and a.currency = p.currency
  and a.kind = 'partner_available'
left join clickledger.ledger_entry e on e.transaction_id = l.transaction_id and e.account_id = a.id
where e.amount_minor is distinct from l.amount_minor or t.kind = 'reserve' or p.partner_id is distinct from l.partner_id
union all
select 'payout_account', null, null, a.partner_id, format('account %s (%s) has %s that belongs to no payout', a.id, a.kind, sum(e.amount_minor))
from clickledger.ledger_account a
join clickledger.ledger_entry e on e.account_id = a.id
join clickledger.ledger_transaction t on t.id = e.transaction_id
where a.kind in ('partner_reserved', 'partner_paid') and t.payout_id is null
group by a.id;
comment on view clickledger.payout_violation is 'Where payouts and ledger differ.';
comment on column clickledger.payout_violation.rule is 'payout: amount, lines and postings differ; payout_line: a closed line is not what the ledger has; payout_account: reserved or paid without a payout.';
comment on column clickledger.payout_violation.transaction_id is 'The transaction, if it is about one.';
comment on column clickledger.payout_violation.conversion_id is 'The conversion, if any.';
comment on column clickledger.payout_violation.partner_id is 'The partner.';
comment on column clickledger.payout_violation.detail is 'What is wrong, in words.';

alter view clickledger.ledger_violations rename to posting_violation;
comment on view clickledger.posting_violation is 'Where transactions, accounts and commissions differ.';
create view clickledger.ledger_violation with (security_invoker = true) as
select * from clickledger.posting_violation union all select * from clickledger.payout_violation;
comment on view clickledger.ledger_violation is 'Where the ledger breaks its own rules; empty in a healthy installation at every instant, whoever wrote.';
comment on column clickledger.ledger_violation.rule is 'Of posting_violation or payout_violation.';
comment on column clickledger.ledger_violation.transaction_id is 'The transaction, if it is about one.';
comment on column clickledger.ledger_violation.conversion_id is 'The conversion, if any.';
comment on column clickledger.ledger_violation.partner_id is 'The partner.';
comment on column clickledger.ledger_violation.detail is 'What is wrong, in words.';
comment on table clickledger.commission is 'What a partner gets for a conversion. The ledger holds the same sum; ledger_violation shows where it does not.';
grant select on clickledger.posting_violation, clickledger.payout_violation, clickledger.ledger_violation to cl_analyst;

-- --- Who may ----------------------------------------------------------------------------------------------------------

do $$
declare
  name text;
  shared regprocedure;
begin
  foreach name in array array['decline_reason', 'payout_policy', 'payout', 'payout_line', 'ledger_seal', 'ledger_seal_line', 'ledger_unsealed'] loop
    execute format('alter table clickledger.%I enable row level security', name);
    execute format('alter table clickledger.%I force row level security', name);
    execute format('create policy analyst on clickledger.%I for select to cl_analyst using (true)', name);
    execute format('grant select on clickledger.%I to cl_analyst', name);
  end loop;
  foreach name in array array['decline_reason', 'ledger_seal'] loop
    execute format($policy$create policy asker on clickledger.%I for select to cl_api
      using (nullif(current_setting('cl.key', true), '') is not null)$policy$, name);
  end loop;
  foreach name in array array['payout', 'payout_line'] loop
    execute format($policy$create policy partner_own on clickledger.%I for select to cl_api
      using (partner_id = nullif(current_setting('cl.partner', true), '')::bigint)$policy$, name);
  end loop;
  create policy partner_own on clickledger.ledger_seal_line for select to cl_api
    using (nullif(current_setting('cl.partner', true), '') is not null
      and exists (select from clickledger.ledger_transaction t where t.id = ledger_seal_line.transaction_id));
  foreach name in array array['payout_policy', 'payout', 'payout_line', 'ledger_seal_line'] loop
    execute format($policy$create policy team on clickledger.%I to cl_api
      using (current_setting('cl.team', true) = 'on') with check (current_setting('cl.team', true) = 'on')$policy$, name);
  end loop;
  for shared in
    select oid from pg_proc
    where pronamespace = 'clickledger'::regnamespace
      and (proname ~ '^api_(payout|adjustment|decline)' or proname in ('conversion_decide', 'payout_request', 'payout_end', 'payout_json', 'ledger_adjust'))
  loop
    execute format('grant execute on function %s to cl_api', shared);
  end loop;
end $$;
grant select (payout_id, reason, author_key_id) on clickledger.ledger_transaction to cl_analyst;
grant select (note) on clickledger.conversion_decision to cl_analyst;
grant select on clickledger.decline_reason, clickledger.payout_policy, clickledger.payout, clickledger.payout_line, clickledger.ledger_seal,
  clickledger.ledger_seal_line to cl_api;
grant insert on clickledger.payout_policy to cl_api;
grant update (min_minor) on clickledger.payout_policy to cl_api;

-- --- Kinds of conversions ---------------------------------------------------------------------------------------------

create function clickledger.kind_known(kind text) returns boolean language sql immutable parallel safe
  return kind in ('sale', 'lead', 'contract', 'payment', 'stage');
comment on function clickledger.kind_known(text) is 'Whether it is a kind of conversion. Of a sale, a contract and a payment the first report needs an amount; a lead and a stage (of a deal) may have one.';
alter table clickledger.conversion drop constraint conversion_kind_check;
alter table clickledger.conversion add constraint conversion_kind_check check (clickledger.kind_known(kind));
comment on column clickledger.conversion.kind is 'sale, lead, contract, payment or stage.';
comment on column clickledger.conversion_hourly.kind is 'sale, lead, contract, payment or stage.';
comment on column clickledger.conversion_report.kind is 'sale, lead, contract, payment or stage; null: sale.';

create or replace function clickledger.report_refuse(reports_max integer) returns bigint language sql as $$
  with open as (
    select r.id, case
      when r.reason <> 'none' then r.reason
      when p.id is null then 'program_unknown'
      when coalesce(r.order_id, '') = '' then 'order_id_missing'
      when not clickledger.kind_known(r.kind) then 'kind_unknown'
    end as verdict
    from (select * from clickledger.conversion_report where verdict is null order by ts limit reports_max) r
    left join clickledger.program p on p.id = r.program_id),
  refused as (
    update clickledger.conversion_report r set verdict = open.verdict, verdict_at = now()
    from open where r.id = open.id and open.verdict is not null
    returning r.id)
  select count(*) from refused
$$;

create or replace function clickledger.order_take(orders_max integer) returns table (
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
  where o.order_id <> '' and clickledger.kind_known(o.kind)
  order by o.program_id, o.kind, o.order_id
$$;

grant execute on function clickledger.kind_known(text) to cl_attrib, cl_api, cl_ingest, cl_analyst;

-- --- Many at once -----------------------------------------------------------------------------------------------------

-- Whoever locks several accounts takes them in the order of their numbers, and makes those that are missing by kind, programme and partner:
-- so do a batch of many partners and a transaction of one of them, and neither can wait for the other in a circle.
create function clickledger.ledger_account_lock(program_ids bigint[], partner_ids bigint[], currencies text[], kinds text[])
  returns void language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  insert into clickledger.ledger_account (kind, program_id, partner_id, currency)
  select distinct w.kind, w.program_id, w.partner_id, w.currency
  from unnest(program_ids, partner_ids, currencies, kinds) as w (program_id, partner_id, currency, kind)
  where not exists (
    select from clickledger.ledger_account a
    where a.program_id = w.program_id and a.kind = w.kind and a.currency = w.currency
      and (a.partner_id = w.partner_id or (a.partner_id is null and w.partner_id is null)))
  order by 1, 2, 3, 4
  on conflict do nothing;
  perform from clickledger.ledger_account a
  join (select distinct * from unnest(program_ids, partner_ids, currencies, kinds)) as w (program_id, partner_id, currency, kind)
    on a.program_id = w.program_id and a.kind = w.kind and a.currency = w.currency
      and (a.partner_id = w.partner_id or (a.partner_id is null and w.partner_id is null))
  order by a.id for no key update of a;
end $$;
comment on function clickledger.ledger_account_lock(bigint[], bigint[], text[], text[]) is 'ledger_account_lock for many at once, one of each array per account; partner null for program_expense.';

create function clickledger.ledger_post_many(keys text[], kinds text[], program_ids bigint[], partner_ids bigint[], conversion_ids bigint[],
  currencies text[], expense bigint[], pending bigint[], available bigint[]) returns bigint language plpgsql security definer
  set search_path = pg_catalog, pg_temp as $$
declare
  posted bigint[];
begin
  if exists (select from unnest(expense, pending, available) as w (e, p, a) where e + p + a <> 0) then
    raise exception 'ledger_post_many: entries do not sum to 0' using errcode = 'invalid_parameter_value';
  end if;
  -- What is there already is compared by the one who posts one by one.
  perform clickledger.ledger_post(w.key, w.kind, w.program_id, w.partner_id, w.conversion_id, w.currency, e.accounts, e.amounts)
  from unnest(keys, kinds, program_ids, partner_ids, conversion_ids, currencies, expense, pending, available)
    as w (key, kind, program_id, partner_id, conversion_id, currency, expense, pending, available)
  join clickledger.ledger_transaction t on t.key = w.key
  cross join lateral (
    select array_agg(account) as accounts, array_agg(amount) as amounts
    from (values ('program_expense', w.expense), ('partner_pending', w.pending), ('partner_available', w.available)) as v (account, amount)
    where amount <> 0) e;
  perform clickledger.ledger_account_lock(array_agg(w.program_id), array_agg(v.partner_id), array_agg(w.currency), array_agg(v.account))
  from unnest(program_ids, partner_ids, currencies, expense, pending, available)
    as w (program_id, partner_id, currency, expense, pending, available)
  cross join lateral (values ('program_expense', null, w.expense), ('partner_pending', w.partner_id, w.pending),
    ('partner_available', w.partner_id, w.available)) as v (account, partner_id, amount)
  where v.amount <> 0;
  with asked as (
    select * from unnest(keys, kinds, program_ids, partner_ids, conversion_ids, currencies, expense, pending, available) with ordinality
      as w (key, kind, program_id, partner_id, conversion_id, currency, expense, pending, available, place)),
  made as (
    insert into clickledger.ledger_transaction (key, kind, program_id, partner_id, conversion_id, currency)
    select w.key, w.kind, w.program_id, w.partner_id, w.conversion_id, w.currency from asked w
    where not exists (select from clickledger.ledger_transaction t where t.key = w.key)
    order by w.place
    returning id, key)
  select array_agg(m.id order by w.place) into posted from made m join asked w on w.key = m.key;
  insert into clickledger.ledger_entry (transaction_id, account_id, partner_id, amount_minor)
  select t.id, a.id, a.partner_id, v.amount
  from unnest(posted) as p (id)
  join clickledger.ledger_transaction t on t.id = p.id
  join unnest(keys, expense, pending, available) as w (key, expense, pending, available) on w.key = t.key
  cross join lateral (values ('program_expense', w.expense), ('partner_pending', w.pending), ('partner_available', w.available)) as v (account, amount)
  join clickledger.ledger_account a
    on a.program_id = t.program_id and a.kind = v.account and a.currency = t.currency
    and a.partner_id is not distinct from case when v.account <> 'program_expense' then t.partner_id end
  where v.amount <> 0
  order by t.id, a.id;
  return cardinality(keys);
end $$;
comment on function clickledger.ledger_post_many(text[], text[], bigint[], bigint[], bigint[], text[], bigint[], bigint[], bigint[]) is 'ledger_post for many transactions between program_expense, partner_pending and partner_available, with the accounts locked once. Keys that are there already are compared as ledger_post does; a key that another session posts meanwhile is a unique violation.';

create or replace function clickledger.commission_post(conversion_ids bigint[], partner_ids bigint[], program_ids bigint[], currencies text[],
    revisions integer[], kinds text[], expense bigint[], pending bigint[], available bigint[])
  returns bigint language sql as $$
  select clickledger.ledger_post_many(array_agg(format('commission:%s:%s:%s', w.conversion_id, w.partner_id, w.revision) order by w.place),
    $6, $3, $2, $1, $4, $7, $8, $9)
  from unnest(conversion_ids, partner_ids, revisions) with ordinality as w (conversion_id, partner_id, revision, place)
$$;
grant execute on function clickledger.ledger_post_many(text[], text[], bigint[], bigint[], bigint[], text[], bigint[], bigint[], bigint[]) to cl_attrib;
