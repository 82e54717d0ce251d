-- What people do with money: payouts, adjustments by hand, reasons of a decline. Postings of these go the same one way as
-- attrib's, through ledger_post, and never touch what a conversion is owed:
--   manual    program_expense -x     partner_available +x   (x may be below zero)
--   reserve   partner_available -x   partner_reserved +x
--   return    partner_reserved -x    partner_available +x
--   pay       partner_reserved -x    partner_paid +x
--
-- A payout takes all that is available: it closes every line of the partner's account that no payout has closed yet, and its
-- amount is their sum. A line is closed once and for ever; what a cancelled payout gives back is a new line. So the open
-- lines always sum to the balance, a debt included, which the next payout settles.

-- --- Why a conversion is declined -------------------------------------------------------------------------------------

create table clickledger.decline_reason (
  code    text primary key check (code ~ '^[a-z][a-z_]{1,40}$'),
  text_en text not null,
  text_ru text not null
);
comment on table clickledger.decline_reason is 'The closed list of reasons for which the team declines a conversion.';
comment on column clickledger.decline_reason.code is 'Name in the API and in conversion.reason.';
comment on column clickledger.decline_reason.text_en is 'What the partner reads, in English.';
comment on column clickledger.decline_reason.text_ru is 'The same in Russian.';
insert into clickledger.decline_reason (code, text_en, text_ru) values
  ('cancelled', 'The customer cancelled the order before it was paid.', 'Покупатель отменил заказ до оплаты.'),
  ('not_paid', 'The order was never paid.', 'Заказ не был оплачен.'),
  ('not_delivered', 'The order was not delivered or not taken.', 'Заказ не доставлен или не выкуплен.'),
  ('returned', 'The customer gave the goods back.', 'Покупатель вернул товар.'),
  ('duplicate_order', 'The same order was reported under another number.', 'Тот же заказ уже передан под другим номером.'),
  ('test_order', 'The order was a test.', 'Это тестовый заказ.'),
  ('existing_customer', 'The programme does not pay for this customer.', 'Программа не платит за этого клиента.'),
  ('contact_invalid', 'The customer could not be reached with what was given.', 'С клиентом не удалось связаться по указанным данным.'),
  ('fraud_card', 'The payment was made with somebody else''s card.', 'Оплата чужой картой.'),
  ('fraud_self_referral', 'The partner ordered for themselves.', 'Партнёр оформил заказ на себя.'),
  ('fraud_traffic', 'The visits that led to the order were not genuine.', 'Переходы, приведшие к заказу, недействительны.'),
  ('rules_broken', 'The rules of the programme for advertising were broken.', 'Нарушены правила продвижения программы.'),
  ('other', 'Another reason; ask the programme.', 'Другая причина; обратитесь в программу.');

alter table clickledger.conversion_decision drop constraint conversion_decision_check, drop constraint conversion_decision_reason_check;
alter table clickledger.conversion_decision add column note text check (length(note) <= 500);
update clickledger.conversion_decision set note = reason, reason = case action when 'decline' then 'other' end;
alter table clickledger.conversion_decision
  add constraint reason_listed foreign key (reason) references clickledger.decline_reason,
  add constraint reason_given check ((action = 'decline') = (reason is not null));
comment on column clickledger.conversion_decision.reason is 'Why it was declined, from the closed list; the partner sees it. Null when approved.';
comment on column clickledger.conversion_decision.note is 'What the team wrote beside it, for the team.';

drop function clickledger.conversion_decide(bigint, text, text);
create function clickledger.conversion_decide(conversion_id bigint, action text, reason text, note text) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
declare
  made conversion_decision;
begin
  if not exists (select from conversion where id = conversion_decide.conversion_id) then
    return api_missing('conversion');
  end if;
  insert into conversion_decision (conversion_id, action, reason, note, api_key_id)
  values (conversion_decide.conversion_id, conversion_decide.action, conversion_decide.reason, conversion_decide.note,
          current_setting('cl.key')::bigint)
  returning * into made;
  perform pg_notify('clickledger_work', '');
  return json_build_object('id', made.id, 'conversion_id', made.conversion_id, 'action', made.action, 'reason', made.reason,
    'note', made.note, 'decided_at', api_time(made.decided_at));
end $$;
comment on function clickledger.conversion_decide(bigint, text, text, text) is 'Writes a decision and wakes attrib, which applies it.';

create or replace function clickledger.api_conversion_approve(p jsonb) returns json
  language sql set search_path = clickledger, pg_temp as $$
  select conversion_decide((p->>'id')::bigint, 'approve', null, p->>'note');
$$;
create or replace function clickledger.api_conversion_decline(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  perform api_valid(exists (select from decline_reason where code = p->>'reason'), 'reason',
    'reason must be one of ' || (select string_agg(code, ', ' order by code) from decline_reason));
  return conversion_decide((p->>'id')::bigint, 'decline', p->>'reason', p->>'note');
end $$;
create function clickledger.api_decline_reasons(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select json_build_object('data', json_agg(json_build_object('code', code, 'text_en', text_en, 'text_ru', text_ru) order by code))
  from decline_reason;
$$;
comment on function clickledger.api_decline_reasons(jsonb) is 'GET /v1/decline-reasons: the closed list.';

-- --- Payouts ----------------------------------------------------------------------------------------------------------

create table clickledger.payout_policy (
  program_id bigint primary key references clickledger.program,
  min_minor  bigint not null check (min_minor between 1 and 1000000000000000)
);
comment on table clickledger.payout_policy is 'When a programme pays out. Without a row: any amount above zero.';
comment on column clickledger.payout_policy.program_id is 'The programme.';
comment on column clickledger.payout_policy.min_minor is 'Least that must be available, in minor units of the programme''s currency.';

create table clickledger.payout (
  id           bigint generated always as identity primary key,
  program_id   bigint not null references clickledger.program,
  partner_id   bigint not null references clickledger.partner,
  currency     text not null references clickledger.currency,
  amount_minor bigint not null check (amount_minor > 0),
  status       text not null default 'requested' check (status in ('requested', 'paid', 'cancelled', 'refused')),
  reference    text check (length(reference) between 1 and 200),
  reason       text check (length(reason) between 1 and 500),
  requested_by bigint not null references clickledger.api_key,
  requested_at timestamptz not null default clock_timestamp(),
  decided_by   bigint references clickledger.api_key,
  decided_at   timestamptz,
  check ((status = 'requested') = (decided_at is null)),
  check ((status = 'requested') = (decided_by is null)),
  check ((status = 'paid') = (reference is not null)),
  check ((status in ('cancelled', 'refused')) = (reason is not null))
);
create index payout_partner on clickledger.payout (partner_id, id);
comment on table clickledger.payout is 'Payouts: requested -> paid, cancelled or refused. Nothing else of one ever changes.';
comment on column clickledger.payout.id is 'Number of the payout.';
comment on column clickledger.payout.program_id is 'The programme that pays.';
comment on column clickledger.payout.partner_id is 'The partner who is paid.';
comment on column clickledger.payout.currency is 'ISO 4217 code.';
comment on column clickledger.payout.amount_minor is 'Sum of the ledger lines it closes.';
comment on column clickledger.payout.status is 'requested: reserved; paid; cancelled by who asked for it or the team; refused by the team.';
comment on column clickledger.payout.reference is 'Of the payment outside, e.g. the bank''s number; only when paid.';
comment on column clickledger.payout.reason is 'Why it was cancelled or refused; the partner sees it.';
comment on column clickledger.payout.requested_by is 'API key that asked for it.';
comment on column clickledger.payout.requested_at is 'When.';
comment on column clickledger.payout.decided_by is 'API key that ended it.';
comment on column clickledger.payout.decided_at is 'When.';

create table clickledger.payout_line (
  transaction_id bigint primary key references clickledger.ledger_transaction,
  payout_id      bigint not null references clickledger.payout,
  partner_id     bigint not null references clickledger.partner,
  amount_minor   bigint not null check (amount_minor <> 0)
);
create index payout_line_payout on clickledger.payout_line (payout_id);
comment on table clickledger.payout_line is 'Ledger lines that a payout closes: entries of partner_available. Each is closed by one payout only.';
comment on column clickledger.payout_line.transaction_id is 'The transaction, which has one entry on that account.';
comment on column clickledger.payout_line.payout_id is 'The payout.';
comment on column clickledger.payout_line.partner_id is 'The partner, for row security.';
comment on column clickledger.payout_line.amount_minor is 'Amount of the entry, below zero for what was taken back.';

create function clickledger.payout_guard() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'DELETE' or old.status <> 'requested' or new.status = 'requested'
     or (old.id, old.program_id, old.partner_id, old.currency, old.amount_minor, old.requested_by, old.requested_at)
        is distinct from (new.id, new.program_id, new.partner_id, new.currency, new.amount_minor, new.requested_by, new.requested_at) then
    raise exception 'a payout only ends, and once: % of payout % is refused', tg_op, old.id using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
comment on function clickledger.payout_guard() is 'Trigger: a payout is never deleted, and changed only once, when it ends.';
create trigger guard before update or delete on clickledger.payout for each row execute function clickledger.payout_guard();
create trigger append_only before update or delete or truncate on clickledger.payout_line
  for each statement execute function clickledger.ledger_refuse();
alter table clickledger.payout enable always trigger guard;
alter table clickledger.payout_line enable always trigger append_only;

-- --- The one way in, wider --------------------------------------------------------------------------------------------

alter table clickledger.ledger_transaction drop constraint ledger_transaction_kind_check;
alter table clickledger.ledger_transaction
  add constraint ledger_transaction_kind_check
    check (kind in ('accrue', 'release', 'void', 'adjust', 'manual', 'reserve', 'return', 'pay')),
  add column payout_id bigint references clickledger.payout,
  add column reason text check (length(reason) between 1 and 500),
  add column author_key_id bigint references clickledger.api_key,
  add constraint payout_named check ((kind in ('reserve', 'return', 'pay')) = (payout_id is not null)),
  add constraint author_named check ((kind in ('manual', 'reserve', 'return', 'pay')) = (author_key_id is not null)),
  add constraint reason_given check (kind <> 'manual' or reason is not null);
create index ledger_transaction_payout on clickledger.ledger_transaction (payout_id) where payout_id is not null;
comment on column clickledger.ledger_transaction.kind is 'accrue, release, void, adjust: of a commission; manual: by hand; reserve, return, pay: of a payout.';
comment on column clickledger.ledger_transaction.payout_id is 'Payout it belongs to, if any.';
comment on column clickledger.ledger_transaction.reason is 'Why, for what was posted by hand; the partner sees it.';
comment on column clickledger.ledger_transaction.author_key_id is 'API key that made it; null: attrib.';

drop function clickledger.ledger_post(text, text, bigint, bigint, bigint, text, text[], bigint[]);
drop function clickledger.ledger_difference(bigint, text, bigint, bigint, bigint, text, text[], bigint[]);

create function clickledger.ledger_difference(posted clickledger.ledger_transaction, asked clickledger.ledger_transaction,
  accounts text[], amounts bigint[]) returns text language sql stable set search_path = pg_catalog, pg_temp as $$
  select concat_ws(', ',
    case when (posted).kind <> (asked).kind then 'kind' end,
    case when (posted).program_id <> (asked).program_id then 'program_id' end,
    case when (posted).partner_id <> (asked).partner_id then 'partner_id' end,
    case when (posted).conversion_id is distinct from (asked).conversion_id then 'conversion_id' end,
    case when (posted).currency <> (asked).currency then 'currency' end,
    case when (posted).payout_id is distinct from (asked).payout_id then 'payout_id' end,
    case when (posted).reason is distinct from (asked).reason then 'reason' end,
    case when exists (
      select from (select a.kind, e.amount_minor
                   from clickledger.ledger_entry e join clickledger.ledger_account a on a.id = e.account_id
                   where e.transaction_id = (posted).id) as had (account, amount)
      full join unnest(accounts, amounts) as wanted (account, amount) using (account, amount)
      where had.account is null or wanted.account is null) then 'entries' end)
$$;
comment on function clickledger.ledger_difference(clickledger.ledger_transaction, clickledger.ledger_transaction, text[], bigint[]) is 'In what a posted transaction differs from one that is asked for, whoever asks; empty: in nothing.';

create function clickledger.ledger_post(key text, kind text, program_id bigint, partner_id bigint, conversion_id bigint,
  currency text, accounts text[], amounts bigint[], payout_id bigint default null, reason text default null,
  author_key_id bigint default null) returns bigint language plpgsql security definer
  set search_path = pg_catalog, pg_temp as $$
declare
  asked clickledger.ledger_transaction;
  posted clickledger.ledger_transaction;
  difference text;
begin
  if cardinality(accounts) is distinct from cardinality(amounts) then
    raise exception 'ledger_post: % accounts, % amounts', cardinality(accounts), cardinality(amounts)
      using errcode = 'invalid_parameter_value';
  end if;
  if (select coalesce(sum(a), 0) from unnest(amounts) as a) <> 0 then
    raise exception 'ledger_post: the entries of % do not sum to 0', key using errcode = 'invalid_parameter_value';
  end if;
  insert into clickledger.ledger_transaction (key, kind, program_id, partner_id, conversion_id, currency, payout_id, reason, author_key_id)
  values ($1, $2, $3, $4, $5, $6, $9, $10, $11)
  on conflict on constraint ledger_transaction_key_key do nothing
  returning * into posted;
  if posted.id is null then
    select * into strict posted from clickledger.ledger_transaction t where t.key = $1;
    select $2, $3, $4, $5, $6, $9, $10 into asked.kind, asked.program_id, asked.partner_id, asked.conversion_id, asked.currency,
      asked.payout_id, asked.reason;
    difference := clickledger.ledger_difference(posted, asked, $7, $8);
    if difference <> '' then
      raise exception 'ledger_post: key % was posted with other %', $1, difference using errcode = 'unique_violation';
    end if;
    return posted.id;
  end if;
  perform clickledger.ledger_account_lock($3, $4, $6, $7);
  insert into clickledger.ledger_entry (transaction_id, account_id, partner_id, amount_minor)
  select posted.id, a.id, a.partner_id, wanted.amount
  from unnest(accounts, amounts) as wanted (account, amount)
  join clickledger.ledger_account a
    on a.program_id = $3 and a.kind = wanted.account and a.currency = $6
    and a.partner_id is not distinct from case when wanted.account <> 'program_expense' then $4 end;
  return posted.id;
end $$;
comment on function clickledger.ledger_post(text, text, bigint, bigint, bigint, text, text[], bigint[], bigint, text, bigint) is 'Posts a transaction with one entry per named account kind and returns its number. Idempotent: the same key with the same content posts nothing and returns the old number; with other content it is an error that names what differs.';
grant execute on function clickledger.ledger_post(text, text, bigint, bigint, bigint, text, text[], bigint[], bigint, text, bigint) to cl_attrib;

-- --- Seals ------------------------------------------------------------------------------------------------------------
--
-- A seal chains transactions that are committed: it takes them from a queue that is written in the transaction that posts.
-- What commits late shows itself in the queue when it does, whatever its number, so that no seal can have missed it.

create table clickledger.ledger_seal (
  id           bigint primary key check (id > 0),
  transactions integer not null check (transactions > 0),
  head         bytea not null check (length(head) = 32),
  sealed_at    timestamptz not null default now()
);
comment on table clickledger.ledger_seal is 'Seals: batches of committed ledger transactions, chained by SHA-256 (attrib/seal.h). Never changed, never deleted.';
comment on column clickledger.ledger_seal.id is 'Counts from 1 without gaps.';
comment on column clickledger.ledger_seal.transactions is 'How many it holds.';
comment on column clickledger.ledger_seal.head is 'SHA-256 over the head before it and the hashes of its lines.';
comment on column clickledger.ledger_seal.sealed_at is 'When.';

create table clickledger.ledger_seal_line (
  transaction_id bigint primary key references clickledger.ledger_transaction,
  seal_id        bigint not null references clickledger.ledger_seal,
  hash           bytea not null check (length(hash) = 32)
);
create index ledger_seal_line_seal on clickledger.ledger_seal_line (seal_id, transaction_id);
comment on table clickledger.ledger_seal_line is 'Sealed transactions. Within a seal they stand in the order of their numbers.';
comment on column clickledger.ledger_seal_line.transaction_id is 'The transaction.';
comment on column clickledger.ledger_seal_line.seal_id is 'The seal.';
comment on column clickledger.ledger_seal_line.hash is 'SHA-256 of the transaction with its entries and their accounts.';

create table clickledger.ledger_unsealed (
  transaction_id bigint primary key
);
comment on table clickledger.ledger_unsealed is 'Transactions that wait for their seal; written with them, taken by the sealer.';
comment on column clickledger.ledger_unsealed.transaction_id is 'The transaction.';
insert into clickledger.ledger_unsealed select id from clickledger.ledger_transaction;

create function clickledger.ledger_unsealed_add() returns trigger language plpgsql security definer
  set search_path = pg_catalog, pg_temp as $$
begin
  insert into clickledger.ledger_unsealed values (new.id);
  return null;
end $$;
comment on function clickledger.ledger_unsealed_add() is 'Trigger: what is posted waits for its seal.';
create trigger unsealed after insert on clickledger.ledger_transaction
  for each row execute function clickledger.ledger_unsealed_add();
create trigger append_only before update or delete or truncate on clickledger.ledger_seal
  for each statement execute function clickledger.ledger_refuse();
create trigger append_only before update or delete or truncate on clickledger.ledger_seal_line
  for each statement execute function clickledger.ledger_refuse();
alter table clickledger.ledger_seal enable always trigger append_only;
alter table clickledger.ledger_seal_line enable always trigger append_only;

create function clickledger.ledger_seal_write(ids bigint[], hashes bytea[], head bytea) returns bigint
  language sql set search_path = pg_catalog, pg_temp as $$
  with made as (
    insert into clickledger.ledger_seal (id, transactions, head)
    select coalesce(max(id), 0) + 1, cardinality(ids), $3 from clickledger.ledger_seal
    returning id),
  lines as (
    insert into clickledger.ledger_seal_line (transaction_id, seal_id, hash)
    select l.transaction_id, made.id, l.hash from made, unnest(ids, hashes) as l (transaction_id, hash)),
  taken as (
    delete from clickledger.ledger_unsealed where transaction_id = any (ids))
  select id from made
$$;
comment on function clickledger.ledger_seal_write(bigint[], bytea[], bytea) is 'Writes the next seal and takes its transactions from the queue; returns its number.';
grant execute on function clickledger.ledger_seal_write(bigint[], bytea[], bytea) to cl_attrib;
grant select, insert on clickledger.ledger_seal, clickledger.ledger_seal_line to cl_attrib;
grant select, delete on clickledger.ledger_unsealed to cl_attrib;

-- --- Facts that speak of fraud ----------------------------------------------------------------------------------------
-- A fact is told to the team and to the credited partner, never silent. Policy says whether the commission is held until the
-- team approves the conversion, or passes.

create table clickledger.fraud_policy (
  program_id     bigint not null references clickledger.program,
  fact           text not null check (fact in ('self_referral', 'too_fast', 'code_without_visit', 'order_velocity')),
  effective_from timestamptz not null default now(),
  action         text not null check (action in ('off', 'pass', 'hold')),
  least          integer check (least between 1 and 1000000),
  applied        boolean not null default false,
  primary key (program_id, fact, effective_from),
  check ((fact in ('too_fast', 'order_velocity')) = (least is not null))
);
comment on table clickledger.fraud_policy is 'What a programme does about facts that speak of fraud, for conversions from a moment on. Without a row a fact is not looked for.';
comment on column clickledger.fraud_policy.program_id is 'The programme.';
comment on column clickledger.fraud_policy.fact is 'self_referral: the customer is the partner, by e-mail or a reference of partner_customer; too_fast: from a credited click to the order in less than so many seconds; code_without_visit: credited by a code alone, of an order without click and visitor; order_velocity: so many earlier orders of its visitor or customer within 24 hours.';
comment on column clickledger.fraud_policy.effective_from is 'For conversions from then on, until the next row of the fact.';
comment on column clickledger.fraud_policy.action is 'off: not looked for; pass: told; hold: told, and pending until the team approves.';
comment on column clickledger.fraud_policy.least is 'Seconds of too_fast, orders of order_velocity.';
comment on column clickledger.fraud_policy.applied is 'Whether the conversions since then have been put on the list of attrib.';
create index fraud_policy_open on clickledger.fraud_policy (program_id) where not applied;

create table clickledger.partner_customer (
  partner_id bigint not null references clickledger.partner,
  customer   text not null check (length(customer) between 1 and 200),
  primary key (partner_id, customer)
);
comment on table clickledger.partner_customer is 'Customer references under which partners themselves buy.';
comment on column clickledger.partner_customer.partner_id is 'The partner.';
comment on column clickledger.partner_customer.customer is 'As the shop reports it; compared without case.';

create table clickledger.conversion_fact (
  conversion_id bigint not null references clickledger.conversion,
  partner_id    bigint not null references clickledger.partner,
  fact          text not null,
  action        text not null check (action in ('pass', 'hold')),
  measured      integer,
  primary key (conversion_id, partner_id, fact)
);
create index conversion_fact_partner on clickledger.conversion_fact (partner_id);
comment on table clickledger.conversion_fact is 'Facts about conversions and their credited partners. Kept by attrib.';
comment on column clickledger.conversion_fact.conversion_id is 'The conversion.';
comment on column clickledger.conversion_fact.partner_id is 'The credited partner.';
comment on column clickledger.conversion_fact.fact is 'As in fraud_policy.';
comment on column clickledger.conversion_fact.action is 'What the policy of the conversion''s moment says.';
comment on column clickledger.conversion_fact.measured is 'Seconds of too_fast, earlier orders of order_velocity.';

create function clickledger.fraud_facts(conversion_id bigint) returns table (partner_id bigint, fact text, action text, measured integer)
  language sql stable as $$
  with c as (select * from clickledger.conversion where id = $1),
  policy as (
    select distinct on (f.fact) f.fact, f.action, f.least
    from c join clickledger.fraud_policy f on f.program_id = c.program_id and f.effective_from <= c.occurred_at
    order by f.fact, f.effective_from desc),
  credited as (
    select r.partner_id, bool_and(r.touch_kind = 'promo') as by_code,
      min(extract(epoch from c.occurred_at - r.touch_ts)) filter (where r.touch_kind = 'click') as seconds
    from c join clickledger.credit r on r.conversion_id = c.id
    where r.partner_id is not null group by r.partner_id),
  earlier as (
    select count(distinct e.id) as orders
    from c
    join clickledger.conversion_key k on k.conversion_id = c.id and k.kind in ('visitor', 'customer')
    join clickledger.conversion_key o on o.kind = k.kind and o.value = k.value
    join clickledger.conversion e on e.id = o.conversion_id and e.program_id = c.program_id
      and (e.occurred_at, e.kind, e.order_id) < (c.occurred_at, c.kind, c.order_id) and e.occurred_at > c.occurred_at - interval '24 hours')
  select t.partner_id, p.fact, p.action, case p.fact when 'too_fast' then t.seconds::integer when 'order_velocity' then e.orders::integer end
  from policy p cross join credited t cross join earlier e
  where p.action <> 'off' and case p.fact
    when 'too_fast' then t.seconds < p.least
    when 'order_velocity' then e.orders >= p.least
    when 'code_without_visit' then t.by_code and not exists (
      select from clickledger.conversion_key k where k.conversion_id = $1 and k.kind in ('click', 'visitor'))
    else exists (
      select from c join clickledger.partner a on a.id = t.partner_id
      where lower(c.customer) = lower(a.email) or exists (
        select from clickledger.partner_customer b where b.partner_id = t.partner_id and lower(b.customer) = lower(c.customer))) end
$$;
comment on function clickledger.fraud_facts(bigint) is 'Facts about a conversion, for each credited partner, by the policies of its moment.';

create function clickledger.conversion_fact_write(ids bigint[]) returns table (conversion_id bigint, partner_id bigint)
  language plpgsql as $$
begin
  if not exists (select from clickledger.fraud_policy) then
    return;
  end if;
  return query
  with found as materialized (
    select w.id as conversion_id, f.* from unnest(ids) as w (id) cross join lateral clickledger.fraud_facts(w.id) f),
  gone as (
    delete from clickledger.conversion_fact o where o.conversion_id = any (ids) and not exists (
      select from found n where (n.conversion_id, n.partner_id, n.fact) = (o.conversion_id, o.partner_id, o.fact))),
  come as (
    insert into clickledger.conversion_fact as o select * from found
    on conflict on constraint conversion_fact_pkey do update set action = excluded.action, measured = excluded.measured
    where (o.action, o.measured) is distinct from (excluded.action, excluded.measured)),
  near as (
    select distinct e.id
    from unnest(ids) as w (id)
    join clickledger.conversion c on c.id = w.id
    join clickledger.conversion_key k on k.conversion_id = c.id and k.kind in ('visitor', 'customer')
    join clickledger.conversion_key o on o.kind = k.kind and o.value = k.value and o.conversion_id <> all (ids)
    join clickledger.conversion e on e.id = o.conversion_id
      and e.occurred_at between c.occurred_at - interval '24 hours' and c.occurred_at + interval '24 hours'),
  due as (
    insert into clickledger.conversion_due
    select near.id from near
    where array(select f.partner_id || f.fact || f.action || coalesce(f.measured, 0) from clickledger.fraud_facts(near.id) f order by 1)
      <> array(select f.partner_id || f.fact || f.action || coalesce(f.measured, 0) from clickledger.conversion_fact f
               where f.conversion_id = near.id order by 1)
    on conflict do nothing)
  select n.conversion_id, n.partner_id from found n
  where n.action = 'hold' and not exists (
    select from clickledger.conversion_decision d where d.conversion_id = n.conversion_id and d.action = 'approve')
  group by 1, 2;
end $$;
comment on function clickledger.conversion_fact_write(bigint[]) is 'Keeps the facts of conversions, puts others on the list whose facts these have changed, and returns who is held: until the team approves.';

create function clickledger.api_fraud_policy(p jsonb) returns json
  language plpgsql set search_path = clickledger, pg_temp as $$
begin
  if not exists (select from program where id = (p->>'id')::bigint) then
    return api_missing('programme');
  end if;
  perform api_valid((p->>'fact' in ('too_fast', 'order_velocity')) = (p->>'least' is not null), 'least', 'least is needed for too_fast (seconds) and order_velocity (orders), and only there');
  insert into fraud_policy (program_id, fact, effective_from, action, least)
  values ((p->>'id')::bigint, p->>'fact', coalesce((p->>'effective_from')::timestamptz, now()), p->>'action', (p->>'least')::integer)
  on conflict (program_id, fact, effective_from) do nothing;
  -- A policy that was in force stays readable: it is followed by another, never overwritten.
  perform api_valid(exists (
    select from fraud_policy f
    where f.program_id = (p->>'id')::bigint and f.fact = p->>'fact' and f.effective_from = coalesce((p->>'effective_from')::timestamptz, now())
      and f.action = p->>'action' and f.least is not distinct from (p->>'least')::integer),
    'effective_from', 'there is another policy from that moment; name a later one');
  perform pg_notify('clickledger_work', '');
  return json_build_object('program_id', (p->>'id')::bigint, 'fact', p->>'fact', 'action', p->>'action', 'least', (p->>'least')::integer);
end $$;
comment on function clickledger.api_fraud_policy(jsonb) is 'PATCH /v1/programs/{id}/fraud-policy: what is done about a fact, for conversions from a moment on, which may be past: then they are computed anew. The same again changes nothing; another one from the same moment is CL422.';

do $$
declare
  name text;
begin
  foreach name in array array['fraud_policy', 'partner_customer', 'conversion_fact'] loop
    execute format('alter table clickledger.%I enable row level security', name);
    execute format('alter table clickledger.%I force row level security', name);
    execute format('create policy team on clickledger.%I to cl_api
      using (current_setting(''cl.team'', true) = ''on'') with check (current_setting(''cl.team'', true) = ''on'')', name);
    execute format('grant select on clickledger.%I to cl_api, cl_attrib', name);
  end loop;
end $$;
create policy partner_own on clickledger.conversion_fact for select to cl_api
  using (partner_id = nullif(current_setting('cl.partner', true), '')::bigint);
create policy analyst on clickledger.fraud_policy for select to cl_analyst using (true);
create policy analyst on clickledger.conversion_fact for select to cl_analyst using (true);
create policy analyst on clickledger.partner_customer for select to cl_analyst using (true);
grant select on clickledger.fraud_policy, clickledger.conversion_fact to cl_analyst;
grant select (partner_id) on clickledger.partner_customer to cl_analyst;
grant insert on clickledger.fraud_policy to cl_api;
grant update (applied) on clickledger.fraud_policy to cl_attrib;
grant insert, update, delete on clickledger.conversion_fact to cl_attrib;
grant execute on function clickledger.fraud_facts(bigint), clickledger.conversion_fact_write(bigint[]) to cl_attrib;
grant execute on function clickledger.api_fraud_policy(jsonb) to cl_api;
