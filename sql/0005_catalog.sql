-- What the tracker needs to know, on its way to it.

create table clickledger.catalog_change (
  type text not null check (type in ('program', 'link', 'promo_code', 'integration')),
  id   bigint not null,
  at   timestamptz not null default clock_timestamp(),
  xid  xid8 not null default pg_current_xact_id()
);
comment on table clickledger.catalog_change is 'Rows whose catalog records must be made anew. Written by triggers, taken by the publishing ingest.';
comment on column clickledger.catalog_change.type is 'Table of the row.';
comment on column clickledger.catalog_change.id is 'Number of the row.';
comment on column clickledger.catalog_change.at is 'When it changed.';
comment on column clickledger.catalog_change.xid is 'Transaction that changed it.';

create table clickledger.catalog_record (
  revision bigint primary key,
  type     text not null,
  key      bytea not null,
  record   bytea not null,
  at       timestamptz not null default now()
);
comment on table clickledger.catalog_record is 'Numbered changes of the catalog as published; the newest of each (type, key) is what trackers hold.';
comment on column clickledger.catalog_record.revision is 'Counts from 1 without gaps: one publisher writes at a time.';
comment on column clickledger.catalog_record.type is 'Type of the record.';
comment on column clickledger.catalog_record.key is 'Its key: slug, upper-case code, programme code, SHA-256 of a postback key.';
comment on column clickledger.catalog_record.record is 'The record as in base/catalog.h.';
comment on column clickledger.catalog_record.at is 'When it was published.';
