-- Reports, conversions, credits, commissions and what explains them.

create table clickledger.conversion_report (
  id             uuid primary key,
  ts             timestamptz not null check (ts = clickledger.click_ts(id)),
  source         text not null check (source in ('postback', 'pixel')),
  program_id     bigint,
  integration_id bigint,
  click_id       uuid,
  visitor_id     uuid,
  order_id       text,
  kind           text,
  status         text,
  amount         text,
  amount_minor   bigint,
  currency       text,
  promo          text,
  product        text,
  customer       text,
  event_time     timestamptz,
  event_id       text,
  sub1 text, sub2 text, sub3 text, sub4 text, sub5 text, sub6 text, sub7 text, sub8 text, sub9 text, sub10 text,
  raw            text,
  address        inet,
  user_agent     text,
  producer       uuid not null,
  seq            bigint not null,
  content_hash   bigint not null,
  reason         text not null default 'none',
  verdict        text,
  note           text,
  verdict_at     timestamptz,
  conversion_id  bigint
);
create index conversion_report_open on clickledger.conversion_report (ts) where verdict is null;
create index conversion_report_order on clickledger.conversion_report (program_id, order_id) where order_id is not null;
create index conversion_report_conversion on clickledger.conversion_report (conversion_id) where conversion_id is not null;

create table clickledger.conversion (
  id             bigint generated always as identity primary key,
  program_id     bigint not null references clickledger.program,
  kind           text not null check (kind in ('sale', 'lead')),
  order_id       text not null,
  occurred_at    timestamptz not null,
  status         text not null check (status in ('pending', 'approved', 'declined', 'refunded')),
  reason         text,
  currency       text not null,
  amount_minor   bigint not null check (amount_minor >= 0),
  refunded_minor bigint not null default 0 check (refunded_minor between 0 and amount_minor),
  click_id       uuid,
  visitor_id     uuid,
  promo          text,
  customer       text,
  product        text,
  fault          text,
  updated_at     timestamptz not null default now(),
  unique (program_id, kind, order_id)
);
create index conversion_occurred on clickledger.conversion (occurred_at);

create table clickledger.conversion_decision (
  id            bigint generated always as identity primary key,
  conversion_id bigint not null references clickledger.conversion,
  action        text not null check (action in ('approve', 'decline')),
  reason        text check (length(reason) <= 500),
  api_key_id    bigint not null references clickledger.api_key,
  decided_at    timestamptz not null default clock_timestamp(),
  folded        boolean not null default false,
  check (action <> 'decline' or length(reason) > 0)
);
create index conversion_decision_open on clickledger.conversion_decision (id) where not folded;
create index conversion_decision_conversion on clickledger.conversion_decision (conversion_id);

create table clickledger.conversion_key (
  conversion_id bigint not null references clickledger.conversion,
  kind          text not null check (kind in ('click', 'visitor')),
  value         uuid not null,
  click_ts      timestamptz generated always as (case kind when 'click' then clickledger.click_ts(value) end) stored,
  primary key (conversion_id, kind, value)
);
create index conversion_key_click on clickledger.conversion_key (click_ts) where click_ts is not null;

create table clickledger.conversion_due (
  conversion_id bigint primary key references clickledger.conversion
);

create table clickledger.credit (
  conversion_id bigint not null references clickledger.conversion,
  touch_kind    text not null check (touch_kind in ('click', 'promo')),
  touch_id      uuid not null,
  touch_ts      timestamptz not null,
  program_id    bigint not null,
  partner_id    bigint not null references clickledger.partner,
  link_id       bigint,
  promo_code_id bigint,
  weight_ppm    integer not null check (weight_ppm between 1 and 1000000),
  model         text not null,
  primary key (conversion_id, touch_kind, touch_id)
);
create index credit_partner on clickledger.credit (partner_id, conversion_id);

create table clickledger.commission (
  conversion_id bigint not null references clickledger.conversion,
  partner_id    bigint not null references clickledger.partner,
  program_id    bigint not null references clickledger.program,
  terms_id      bigint not null references clickledger.terms,
  currency      text not null,
  base_minor    bigint not null,
  amount_minor  bigint not null check (amount_minor >= 0),
  status        text not null check (status in ('pending', 'available', 'void')),
  approved      boolean not null,
  hold_until    timestamptz not null,
  revision      integer not null check (revision > 0),
  updated_at    timestamptz not null default now(),
  primary key (conversion_id, partner_id)
);
create index commission_held on clickledger.commission (hold_until) where status = 'pending' and approved;
create index commission_partner on clickledger.commission (partner_id, conversion_id);

create table clickledger.explanation (
  conversion_id bigint not null references clickledger.conversion,
  partner_id    bigint not null references clickledger.partner,
  body          jsonb not null,
  updated_at    timestamptz not null default now(),
  primary key (conversion_id, partner_id)
);
create index explanation_partner on clickledger.explanation (partner_id);

create table clickledger.conversion_hourly (
  hour             timestamptz not null,
  program_id       bigint not null,
  partner_id       bigint not null,
  link_id          bigint not null,
  kind             text not null,
  status           text not null,
  currency         text not null,
  conversions      bigint not null,
  revenue_minor    bigint not null,
  commission_minor bigint not null,
  primary key (partner_id, hour, program_id, link_id, kind, status, currency)
);

comment on table clickledger.conversion_report is 'Reports about orders and leads, each kept as it was received. Its row is its receipt; attrib writes verdict, note and conversion_id.';
comment on column clickledger.conversion_report.id is 'Id of the hit (UUIDv7): the receipt that was answered.';
comment on column clickledger.conversion_report.ts is 'Time of the report; it is the millisecond inside its id.';
comment on column clickledger.conversion_report.source is 'postback: from a shop''s server; pixel: from a browser.';
comment on column clickledger.conversion_report.program_id is 'Programme, from the integration or the pixel''s path; null: unknown.';
comment on column clickledger.conversion_report.integration_id is 'Integration whose key was used; null for pixels.';
comment on column clickledger.conversion_report.click_id is 'Click it names, not checked.';
comment on column clickledger.conversion_report.visitor_id is 'Visitor of a first-party cookie, if there was one.';
comment on column clickledger.conversion_report.order_id is 'The shop''s number of the order or lead.';
comment on column clickledger.conversion_report.kind is 'sale or lead; null: sale.';
comment on column clickledger.conversion_report.status is 'pending, approved, declined or refunded; null: as before, at first pending.';
comment on column clickledger.conversion_report.amount is 'Amount as it was received.';
comment on column clickledger.conversion_report.amount_minor is 'The same in minor units; null: absent or not an amount.';
comment on column clickledger.conversion_report.currency is 'ISO 4217 code; null: the programme''s.';
comment on column clickledger.conversion_report.promo is 'Promo code the order was made with.';
comment on column clickledger.conversion_report.product is 'What was sold, as the shop names it.';
comment on column clickledger.conversion_report.customer is 'The shop''s reference of the customer.';
comment on column clickledger.conversion_report.event_time is 'When it happened by the shop''s clock; null: when it was received.';
comment on column clickledger.conversion_report.event_id is 'The shop''s id of this event: the same id again is the same event.';
comment on column clickledger.conversion_report.raw is 'Query or body as received, capped.';
comment on column clickledger.conversion_report.address is 'Address of the sender; not visible to analysts.';
comment on column clickledger.conversion_report.user_agent is 'User-Agent header.';
comment on column clickledger.conversion_report.producer is 'Producer of the frame that carried it.';
comment on column clickledger.conversion_report.seq is 'Number of that frame.';
comment on column clickledger.conversion_report.content_hash is 'XXH3 of the hit as recorded; tells a re-sent hit from another one with the same id.';
comment on column clickledger.conversion_report.reason is 'Why the tracker refused it; none: it did not. A refused report takes no part in a conversion.';
comment on column clickledger.conversion_report.verdict is 'What became of it; null: attrib has not looked at it yet. applied: it is part of the conversion''s state; program_mismatch: likewise, but its click belongs to another programme and does not count; every other value says why it changed nothing.';
comment on column clickledger.conversion_report.note is 'click_unknown: the click it names has not arrived; when it does, the conversion is looked at again.';
comment on column clickledger.conversion_report.verdict_at is 'When the verdict was given or last changed.';
comment on column clickledger.conversion_report.conversion_id is 'Conversion it is about; null: refused, or none has come to be.';

comment on table clickledger.conversion is 'Orders and leads: (programme, kind, order id). Its state is a fold over its reports and decisions in the order of their time, whatever the order of arrival.';
comment on column clickledger.conversion.id is 'Number of the conversion.';
comment on column clickledger.conversion.program_id is 'The programme.';
comment on column clickledger.conversion.kind is 'sale or lead.';
comment on column clickledger.conversion.order_id is 'The shop''s number.';
comment on column clickledger.conversion.occurred_at is 'Time of the earliest report that counts: the moment touches are measured from.';
comment on column clickledger.conversion.status is 'pending, approved, declined or refunded (completely).';
comment on column clickledger.conversion.reason is 'Reason of the decision that made the status; null: a report did.';
comment on column clickledger.conversion.currency is 'The programme''s currency.';
comment on column clickledger.conversion.amount_minor is 'Amount before refunds, in minor units; 0 for a lead without one.';
comment on column clickledger.conversion.refunded_minor is 'How much of it was refunded.';
comment on column clickledger.conversion.click_id is 'First click that a report named and that is not another programme''s.';
comment on column clickledger.conversion.visitor_id is 'First visitor that a report carried.';
comment on column clickledger.conversion.promo is 'First promo code that a report named.';
comment on column clickledger.conversion.customer is 'First customer that a report named.';
comment on column clickledger.conversion.product is 'First product that a report named.';
comment on column clickledger.conversion.fault is 'Why attrib could not work on it at the last try; null: it could. Tried again at its next report, decision or touch.';
comment on column clickledger.conversion.updated_at is 'When the state last changed.';

comment on table clickledger.conversion_decision is 'Decisions of the team about a conversion. Each outweighs the reports that are earlier than it.';
comment on column clickledger.conversion_decision.id is 'Number of the decision.';
comment on column clickledger.conversion_decision.conversion_id is 'The conversion.';
comment on column clickledger.conversion_decision.action is 'approve or decline.';
comment on column clickledger.conversion_decision.reason is 'Why; needed to decline.';
comment on column clickledger.conversion_decision.api_key_id is 'Key that decided.';
comment on column clickledger.conversion_decision.decided_at is 'When.';
comment on column clickledger.conversion_decision.folded is 'Whether attrib has applied it.';

comment on table clickledger.conversion_key is 'Identities of a conversion. A touch that arrives late finds its conversions here.';
comment on column clickledger.conversion_key.conversion_id is 'The conversion.';
comment on column clickledger.conversion_key.kind is 'click: a click that a report named; visitor: of a report or of that click.';
comment on column clickledger.conversion_key.value is 'The click id or visitor id.';
comment on column clickledger.conversion_key.click_ts is 'Time inside the click id; null for visitors.';

comment on table clickledger.conversion_due is 'Conversions to be computed anew because a touch has arrived. Written and taken by attrib.';
comment on column clickledger.conversion_due.conversion_id is 'The conversion.';

comment on table clickledger.credit is 'Touches that brought a conversion, with their shares.';
comment on column clickledger.credit.conversion_id is 'The conversion.';
comment on column clickledger.credit.touch_kind is 'click or promo.';
comment on column clickledger.credit.touch_id is 'Id of the click or promo entry; for a code that only the order names, the report that named it.';
comment on column clickledger.credit.touch_ts is 'When it happened; for a code that only the order names, the conversion''s time.';
comment on column clickledger.credit.program_id is 'The programme.';
comment on column clickledger.credit.partner_id is 'Partner of the touch.';
comment on column clickledger.credit.link_id is 'Link of the click.';
comment on column clickledger.credit.promo_code_id is 'Promo code of the touch.';
comment on column clickledger.credit.weight_ppm is 'Share in parts per million; the shares of a conversion sum to 1,000,000.';
comment on column clickledger.credit.model is 'Model that gave the share: last.';

comment on table clickledger.commission is 'What a partner gets for a conversion. The ledger holds the same sum; ledger_violations shows where it does not.';
comment on column clickledger.commission.conversion_id is 'The conversion.';
comment on column clickledger.commission.partner_id is 'The partner.';
comment on column clickledger.commission.program_id is 'The programme.';
comment on column clickledger.commission.terms_id is 'Terms in force at the touch.';
comment on column clickledger.commission.currency is 'The programme''s currency.';
comment on column clickledger.commission.base_minor is 'Amount the rate applies to: what was sold and not refunded, times the credit''s share.';
comment on column clickledger.commission.amount_minor is 'The commission in minor units; 0 when void.';
comment on column clickledger.commission.status is 'pending: not approved, or held; available; void: declined, refunded completely, or credited to somebody else.';
comment on column clickledger.commission.approved is 'Whether the conversion is approved.';
comment on column clickledger.commission.hold_until is 'An approved commission is pending until then.';
comment on column clickledger.commission.revision is 'Counts the changes of this row; part of the key of the ledger transaction that posts one.';
comment on column clickledger.commission.updated_at is 'When it last changed.';

comment on table clickledger.explanation is 'Why a conversion was credited as it was, told to one concerned partner: one whose touch competed.';
comment on column clickledger.explanation.conversion_id is 'The conversion.';
comment on column clickledger.explanation.partner_id is 'Who may read it.';
comment on column clickledger.explanation.body is 'The conversion, every candidate touch with verdict and reason (of others'' touches only kind, verdict, reason and age in days), terms, base, rate, rounding, ledger lines.';
comment on column clickledger.explanation.updated_at is 'When it was written.';

comment on table clickledger.conversion_hourly is 'Conversions by hour (UTC) of their time, kept by attrib.';
comment on column clickledger.conversion_hourly.hour is 'Begin of the hour.';
comment on column clickledger.conversion_hourly.program_id is 'The programme.';
comment on column clickledger.conversion_hourly.partner_id is 'Credited partner; 0: nobody.';
comment on column clickledger.conversion_hourly.link_id is 'Credited link; 0: none.';
comment on column clickledger.conversion_hourly.kind is 'sale or lead.';
comment on column clickledger.conversion_hourly.status is 'Status of the conversions.';
comment on column clickledger.conversion_hourly.currency is 'The programme''s currency.';
comment on column clickledger.conversion_hourly.conversions is 'How many.';
comment on column clickledger.conversion_hourly.revenue_minor is 'Their amounts without what was refunded.';
comment on column clickledger.conversion_hourly.commission_minor is 'The partner''s commissions for them.';

do $$
begin
  for n in 1..10 loop
    execute format('comment on column clickledger.conversion_report.sub%s is %L', n, 'The shop''s parameter sub' || n || '.');
  end loop;
end $$;
