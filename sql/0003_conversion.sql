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
  verdict        text,
  verdict_at     timestamptz,
  conversion_id  bigint
);
create index conversion_report_open on clickledger.conversion_report (ts) where verdict is null;
create index conversion_report_order on clickledger.conversion_report (program_id, order_id);
create index conversion_report_conversion on clickledger.conversion_report (conversion_id) where conversion_id is not null;

create table clickledger.conversion (
  id             bigint generated always as identity primary key,
  program_id     bigint not null references clickledger.program,
  kind           text not null,
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
  updated_at     timestamptz not null default now(),
  unique (program_id, kind, order_id)
);

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
  program_id    bigint not null,
  kind          text not null check (kind in ('click', 'visitor', 'code')),
  value         text not null,
  conversion_id bigint not null references clickledger.conversion,
  primary key (kind, value, conversion_id)
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
  hold_until    timestamptz not null,
  revision      integer not null check (revision > 0),
  updated_at    timestamptz not null default now(),
  primary key (conversion_id, partner_id)
);
create index commission_held on clickledger.commission (hold_until) where status = 'pending';
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
