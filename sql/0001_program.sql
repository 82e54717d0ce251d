-- What the team sets up: programmes, partners, terms, links, promo codes, keys.

comment on schema clickledger is 'Clickledger: clicks, conversions, credits, commissions and the ledger of a partner programme.';

revoke all on schema public from public;
alter default privileges revoke execute on functions from public;

create table clickledger.currency (
  code     text primary key check (code ~ '^[A-Z]{3}$'),
  exponent integer not null check (exponent between 0 and 3)
);
comment on table clickledger.currency is 'Active ISO 4217 currencies, the same as in base/currency.c.';
comment on column clickledger.currency.code is 'ISO 4217 code.';
comment on column clickledger.currency.exponent is 'Decimals of the minor unit.';
insert into clickledger.currency (code, exponent)
  select regexp_split_to_table(btrim(listed.codes, E' \n'), '\s+'), listed.exponent
  from (values (0, '
    BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF'), (2, '
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY
    COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF
    IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR
    MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG
    SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES
    WST XCD XCG YER ZAR ZMW ZWG'), (3, '
    BHD IQD JOD KWD LYD OMR TND')) as listed (exponent, codes);

create function clickledger.url_valid(url text) returns boolean
  language sql immutable parallel safe
  return length(url) <= 2048 and url ~ ('^https?://'
    || '([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?([.][A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*|\[[0-9A-Fa-f:.]{2,45}\])'
    || '(:[0-9]{1,5})?([/?#]([!#$&''()*+,./:;=?@A-Za-z0-9\[\]_~-]|%[0-9A-Fa-f]{2})*)?$');
comment on function clickledger.url_valid(text) is 'Whether a visitor may be sent there: http or https, a host (IDN as xn--), no user info, only the characters of RFC 3986, at most 2048 bytes.';

create function clickledger.hosts_valid(hosts text[]) returns boolean
  language sql immutable parallel safe
  return cardinality(hosts) <= 100 and not exists (
    select from unnest(hosts) as host
    where host is null or length(host) > 253
       or host !~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?([.][a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$');
comment on function clickledger.hosts_valid(text[]) is 'Whether all are host names in lower case (IDN as xn--), at most 100.';

create table clickledger.program (
  id             bigint generated always as identity primary key,
  code           text not null unique check (code ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  name           text not null check (length(name) between 1 and 200),
  currency       text not null references clickledger.currency,
  time_zone      text not null default 'UTC',
  fallback_url   text check (clickledger.url_valid(fallback_url)),
  hosts          text[] not null default '{}' check (clickledger.hosts_valid(hosts)),
  visitor_cookie boolean not null default false,
  status         text not null default 'active' check (status in ('active', 'paused')),
  created_at     timestamptz not null default now()
);
comment on table clickledger.program is 'A partner programme of one shop: one currency, one time zone, one set of terms.';
comment on column clickledger.program.id is 'Number of the programme.';
comment on column clickledger.program.code is 'Short name used in tracker paths such as /v/{programme}.gif.';
comment on column clickledger.program.name is 'Name shown to people.';
comment on column clickledger.program.currency is 'ISO 4217 code; every commission of the programme is in it.';
comment on column clickledger.program.time_zone is 'IANA zone in which the programme''s days and months begin.';
comment on column clickledger.program.fallback_url is 'Where a visitor goes whose link is inactive; null: the installation''s fallback.';
comment on column clickledger.program.hosts is 'Host names a deep link (to=) may lead to, lower case.';
comment on column clickledger.program.visitor_cookie is 'Whether the tracker sets a visitor cookie: only where it answers on the shop''s own domain.';
comment on column clickledger.program.status is 'active or paused; links of a paused programme lead to the fallback.';
comment on column clickledger.program.created_at is 'When it was created.';

create table clickledger.partner (
  id         bigint generated always as identity primary key,
  name       text not null check (length(name) between 1 and 200),
  email      text check (length(email) <= 320),
  status     text not null default 'pending' check (status in ('pending', 'active', 'paused', 'declined')),
  active_at  tstzmultirange not null default '{}',
  created_at timestamptz not null default now()
);
comment on table clickledger.partner is 'Somebody who sends visitors and is paid for it.';
comment on column clickledger.partner.id is 'Number of the partner.';
comment on column clickledger.partner.name is 'Name shown to people.';
comment on column clickledger.partner.email is 'Address for messages; not visible to analysts.';
comment on column clickledger.partner.status is 'pending until the team decides; only links of active partners are active.';
comment on column clickledger.partner.active_at is 'When it was and is active: what happened is judged by the status of its moment.';
comment on column clickledger.partner.created_at is 'When the partner applied or was created.';

create table clickledger.terms (
  id              bigint generated always as identity primary key,
  program_id      bigint not null references clickledger.program,
  partner_id      bigint references clickledger.partner,
  version         integer not null check (version > 0),
  effective_from  timestamptz not null,
  commission_kind text not null check (commission_kind in ('percent', 'fixed')),
  rate_ppm        integer check (rate_ppm between 0 and 1000000),
  fixed_minor     bigint check (fixed_minor between 0 and 1000000000000000),
  hold_days       integer not null default 0 check (hold_days between 0 and 3650),
  window_days     integer not null default 30 check (window_days between 1 and 365),
  precedence      text not null default 'code_over_click' check (precedence in ('code_over_click', 'last_touch')),
  created_at      timestamptz not null default now(),
  applied         boolean not null default false,
  unique nulls not distinct (program_id, partner_id, version),
  check ((commission_kind = 'percent') = (rate_ppm is not null)),
  check ((commission_kind = 'fixed') = (fixed_minor is not null))
);
create index terms_open on clickledger.terms (id) where not applied;
comment on table clickledger.terms is 'Versioned terms of a programme, never changed: a new version takes effect from a moment on. A touch is paid by the terms in force when it happened.';
comment on column clickledger.terms.id is 'Number of this version.';
comment on column clickledger.terms.program_id is 'The programme.';
comment on column clickledger.terms.partner_id is 'The partner they are for; null: all partners without terms of their own at that moment.';
comment on column clickledger.terms.version is 'Counts from 1 within programme and partner.';
comment on column clickledger.terms.effective_from is 'In force from this moment until the next version''s.';
comment on column clickledger.terms.commission_kind is 'percent of the order''s amount, or fixed per conversion.';
comment on column clickledger.terms.rate_ppm is 'Rate of a percent commission in parts per million: 100000 is 10 %.';
comment on column clickledger.terms.fixed_minor is 'Fixed commission in minor units of the programme''s currency.';
comment on column clickledger.terms.hold_days is 'Days after the conversion during which an approved commission stays pending.';
comment on column clickledger.terms.window_days is 'A touch counts for conversions up to this many days later: [t - window, t).';
comment on column clickledger.terms.precedence is 'code_over_click: a promo code beats every click; last_touch: the later one wins.';
comment on column clickledger.terms.created_at is 'When the version was written.';
comment on column clickledger.terms.applied is 'Whether attrib has put the conversions since effective_from on its list.';

create table clickledger.link (
  id         bigint generated always as identity primary key,
  program_id bigint not null references clickledger.program,
  partner_id bigint not null references clickledger.partner,
  slug       text not null unique check (slug ~ '^[A-Za-z0-9_-]{1,64}$'),
  target_url text not null check (clickledger.url_valid(target_url)),
  name       text check (length(name) <= 200),
  status     text not null default 'active' check (status in ('active', 'paused')),
  created_at timestamptz not null default now()
);
create index link_partner on clickledger.link (partner_id);
comment on table clickledger.link is 'A partner''s link: /c/{slug} leads to the target.';
comment on column clickledger.link.id is 'Number of the link.';
comment on column clickledger.link.program_id is 'The programme it advertises.';
comment on column clickledger.link.partner_id is 'The partner it belongs to.';
comment on column clickledger.link.slug is 'Unique in the installation, part of the URL.';
comment on column clickledger.link.target_url is 'Where the visitor goes; http or https.';
comment on column clickledger.link.name is 'The partner''s own name for it.';
comment on column clickledger.link.status is 'active or paused; a paused link leads to the fallback.';
comment on column clickledger.link.created_at is 'When it was created.';

create table clickledger.promo_code (
  id         bigint generated always as identity primary key,
  program_id bigint not null references clickledger.program,
  partner_id bigint not null references clickledger.partner,
  code       text not null check (code ~ '^[A-Za-z0-9_-]{1,64}$'),
  target_url text not null check (clickledger.url_valid(target_url)),
  status     text not null default 'active' check (status in ('active', 'paused')),
  active_at  tstzmultirange not null default '{}',
  created_at timestamptz not null default now()
);
create unique index promo_code_code on clickledger.promo_code (upper(code));
create index promo_code_partner on clickledger.promo_code (partner_id);
comment on table clickledger.promo_code is 'A code that binds an order to a partner, with or without a click. Compared without case; unique in the installation, because /p/{code} names no programme.';
comment on column clickledger.promo_code.id is 'Number of the code.';
comment on column clickledger.promo_code.program_id is 'The programme that accepts it.';
comment on column clickledger.promo_code.partner_id is 'The partner it belongs to.';
comment on column clickledger.promo_code.code is 'As given out.';
comment on column clickledger.promo_code.target_url is 'Where /p/{code} leads.';
comment on column clickledger.promo_code.status is 'active or paused; a paused code credits nobody.';
comment on column clickledger.promo_code.active_at is 'When it was and is active: an order is judged by the status of its moment.';
comment on column clickledger.promo_code.created_at is 'When it was created.';

create function clickledger.status_moved() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  from_now_on constant tstzmultirange := tstzmultirange(tstzrange(case tg_op when 'UPDATE' then now() end, null));
begin
  new.active_at := case new.status when 'active' then new.active_at + from_now_on else new.active_at - from_now_on end;
  return new;
end $$;
comment on function clickledger.status_moved() is 'Trigger: keeps active_at, so that no later status gives or takes what was earned before. What is made active was so always.';
create trigger status_moved before insert or update of status on clickledger.partner
  for each row execute function clickledger.status_moved();
create trigger status_moved before insert or update of status on clickledger.promo_code
  for each row execute function clickledger.status_moved();

create table clickledger.integration (
  id         bigint generated always as identity primary key,
  program_id bigint not null references clickledger.program,
  name       text not null check (length(name) between 1 and 200),
  key_hash   bytea not null unique check (length(key_hash) = 32),
  aliases    jsonb not null default '{}' check (jsonb_typeof(aliases) = 'object'),
  status     text not null default 'active' check (status in ('active', 'revoked')),
  created_at timestamptz not null default now()
);
comment on table clickledger.integration is 'A shop''s way of reporting conversions: a postback key and the parameter names it uses.';
comment on column clickledger.integration.id is 'Number of the integration.';
comment on column clickledger.integration.program_id is 'The programme its reports belong to.';
comment on column clickledger.integration.name is 'Name shown to people.';
comment on column clickledger.integration.key_hash is 'SHA-256 of the postback key; the key itself is not stored.';
comment on column clickledger.integration.aliases is 'Parameter names of this shop -> ours, e.g. {"tid": "order_id"}.';
comment on column clickledger.integration.status is 'active or revoked.';
comment on column clickledger.integration.created_at is 'When it was created.';

create table clickledger.api_key (
  id         bigint generated always as identity primary key,
  kind       text not null check (kind in ('team', 'partner')),
  partner_id bigint references clickledger.partner,
  name       text not null check (length(name) between 1 and 200),
  prefix     text not null check (length(prefix) between 4 and 16),
  key_hash   bytea not null unique check (length(key_hash) = 32),
  created_at timestamptz not null default now(),
  revoked_at timestamptz,
  check ((kind = 'partner') = (partner_id is not null))
);
comment on table clickledger.api_key is 'Keys of the API. Only a hash is stored; the key is shown once.';
comment on column clickledger.api_key.id is 'Number of the key.';
comment on column clickledger.api_key.kind is 'team: everything; partner: what belongs to one partner.';
comment on column clickledger.api_key.partner_id is 'The partner of a partner key.';
comment on column clickledger.api_key.name is 'What it is used for.';
comment on column clickledger.api_key.prefix is 'First characters of the key, to recognise it.';
comment on column clickledger.api_key.key_hash is 'SHA-256 of the key, which has at least 128 random bits.';
comment on column clickledger.api_key.created_at is 'When it was made.';
comment on column clickledger.api_key.revoked_at is 'When it stopped working; null: it works.';
