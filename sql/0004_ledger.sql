-- The double-entry ledger: append only, balanced, written only by ledger_post.

create table clickledger.ledger_account (
  id         bigint generated always as identity primary key,
  kind       text not null check (kind in ('program_expense', 'partner_pending', 'partner_available', 'partner_reserved', 'partner_paid')),
  program_id bigint not null references clickledger.program,
  partner_id bigint references clickledger.partner,
  currency   text not null,
  unique nulls not distinct (program_id, partner_id, kind, currency),
  check ((kind = 'program_expense') = (partner_id is null))
);

create table clickledger.ledger_transaction (
  id            bigint generated always as identity primary key,
  key           text not null unique,
  kind          text not null check (kind in ('accrue', 'release', 'void', 'adjust')),
  program_id    bigint not null references clickledger.program,
  partner_id    bigint not null references clickledger.partner,
  conversion_id bigint references clickledger.conversion,
  currency      text not null,
  posted_at     timestamptz not null default clock_timestamp()
);
create index ledger_transaction_conversion on clickledger.ledger_transaction (conversion_id, partner_id);

create table clickledger.ledger_entry (
  transaction_id bigint not null references clickledger.ledger_transaction,
  account_id     bigint not null references clickledger.ledger_account,
  partner_id     bigint,
  amount_minor   bigint not null check (amount_minor <> 0),
  primary key (transaction_id, account_id)
);
create index ledger_entry_account on clickledger.ledger_entry (account_id);
