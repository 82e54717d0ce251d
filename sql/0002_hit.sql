-- Hits as ingest loads them: clicks, impressions, visits, promo entries, and the progress of each producer.

create type clickledger.hit_class as enum ('human', 'bot', 'preview', 'prefetch', 'head', 'invalid', 'duplicate');
comment on type clickledger.hit_class is 'What a hit was taken for; only human ones count and earn, all are kept.';

create function clickledger.click_ts(id uuid) returns timestamptz
  language sql immutable strict parallel safe
  return to_timestamp((get_byte(uuid_send(id), 0)::bigint * 1099511627776 + get_byte(uuid_send(id), 1)::bigint * 4294967296
    + get_byte(uuid_send(id), 2)::bigint * 16777216 + get_byte(uuid_send(id), 3) * 65536
    + get_byte(uuid_send(id), 4) * 256 + get_byte(uuid_send(id), 5)) / 1000.0::double precision);
comment on function clickledger.click_ts(uuid) is 'Time of a UUIDv7 in milliseconds (RFC 9562, 5.7). Look-ups by id add ts = click_ts(id), which prunes partitions.';

create table clickledger.click (
  ts            timestamptz not null,
  click_id      uuid not null,
  visitor_id    uuid,
  program_id    bigint,
  partner_id    bigint,
  link_id       bigint,
  promo_code_id bigint,
  class         clickledger.hit_class not null,
  reason        text not null,
  status        smallint not null,
  address       inet,
  method        text,
  host          text,
  path          text,
  destination   text,
  user_agent    text,
  referrer      text,
  language      text,
  sub1 text, sub2 text, sub3 text, sub4 text, sub5 text, sub6 text, sub7 text, sub8 text, sub9 text, sub10 text,
  utm_source    text,
  utm_medium    text,
  utm_campaign  text,
  utm_content   text,
  utm_term      text,
  erid          text,
  ad_network    text,
  ad_click_id   text,
  catalog_revision bigint not null,
  producer      uuid not null,
  seq           bigint not null,
  content_hash  bigint not null,
  primary key (click_id, ts),
  check (ts = clickledger.click_ts(click_id))
) partition by range (ts);
create index click_visitor on clickledger.click (visitor_id, ts) where visitor_id is not null;
comment on table clickledger.click is 'Every answered click, whatever it was taken for. Partitioned by day.';

create table clickledger.impression (
  ts timestamptz not null, hit_id uuid not null, visitor_id uuid, program_id bigint, partner_id bigint, link_id bigint,
  class clickledger.hit_class not null, reason text not null, status smallint not null, address inet, method text, host text, path text,
  user_agent text, referrer text, language text, catalog_revision bigint not null, producer uuid not null, seq bigint not null,
  content_hash bigint not null,
  primary key (hit_id, ts), check (ts = clickledger.click_ts(hit_id))
) partition by range (ts);
comment on table clickledger.impression is 'Shown creatives: /i/{slug}.gif. Partitioned by day.';

create table clickledger.visit (
  ts timestamptz not null, hit_id uuid not null, visitor_id uuid, program_id bigint,
  class clickledger.hit_class not null, reason text not null, status smallint not null, address inet, method text, host text, path text,
  page text, user_agent text, referrer text, language text, click_id uuid,
  utm_source text, utm_medium text, utm_campaign text, utm_content text, utm_term text, erid text, ad_network text, ad_click_id text,
  catalog_revision bigint not null, producer uuid not null, seq bigint not null, content_hash bigint not null,
  primary key (hit_id, ts), check (ts = clickledger.click_ts(hit_id))
) partition by range (ts);
comment on table clickledger.visit is 'Page views with the tag: /v/{programme}.gif. Partitioned by day.';

create table clickledger.promo_entry (
  ts timestamptz not null, hit_id uuid not null, visitor_id uuid, program_id bigint, partner_id bigint, promo_code_id bigint, promo text,
  class clickledger.hit_class not null, reason text not null, status smallint not null, address inet, method text, host text, path text,
  user_agent text, referrer text, language text, click_id uuid, catalog_revision bigint not null, producer uuid not null, seq bigint not null,
  content_hash bigint not null,
  primary key (hit_id, ts), check (ts = clickledger.click_ts(hit_id))
) partition by range (ts);
create index promo_entry_visitor on clickledger.promo_entry (visitor_id, ts) where visitor_id is not null;
comment on table clickledger.promo_entry is 'Promo codes that visitors typed in: /promo/{programme}.gif. Partitioned by day.';

-- The four tables share their columns, so they share their comments.
do $$
declare
  described record;
begin
  for described in
    select c.table_name, c.column_name, d.text
    from information_schema.columns c
    join (values
      ('ts', 'Time of the hit; it is the millisecond inside its id.'),
      ('click_id', 'Id of the click (UUIDv7): the row''s own in click; elsewhere the click the page reported, not checked.'),
      ('hit_id', 'Id of the hit (UUIDv7).'),
      ('visitor_id', 'Visitor of a first-party cookie, if there was one.'),
      ('program_id', 'Programme, from the catalog; null: unknown link or code.'),
      ('partner_id', 'Partner, from the catalog; null: unknown link or code.'),
      ('link_id', 'Link, from the catalog.'),
      ('promo_code_id', 'Promo code, from the catalog.'),
      ('promo', 'Code as it was typed.'),
      ('class', 'What the hit was taken for.'),
      ('reason', 'Why it was taken for that; none for human.'),
      ('status', 'HTTP status of the answer.'),
      ('address', 'Address of the client; not visible to analysts.'),
      ('method', 'HTTP method.'),
      ('host', 'Host that was asked.'),
      ('path', 'Slug or code as it was asked.'),
      ('destination', 'Where the visitor was sent, as answered.'),
      ('page', 'Page the tag ran on.'),
      ('user_agent', 'User-Agent header.'),
      ('referrer', 'Referer header.'),
      ('language', 'Accept-Language header.'),
      ('utm_source', 'UTM parameter.'), ('utm_medium', 'UTM parameter.'), ('utm_campaign', 'UTM parameter.'),
      ('utm_content', 'UTM parameter.'), ('utm_term', 'UTM parameter.'),
      ('erid', 'Token of a marked advertisement, byte for byte.'),
      ('ad_network', 'Name of the ad network''s click parameter, e.g. gclid.'),
      ('ad_click_id', 'The ad network''s click id.'),
      ('catalog_revision', 'Catalog by which it was answered.'),
      ('producer', 'Producer of the frame that carried it.'),
      ('seq', 'Number of that frame.'),
      ('content_hash', 'XXH3 of the hit as recorded; tells a re-sent hit from another one with the same id.')
    ) as d (name, text) on d.name = c.column_name or (c.column_name ~ '^sub\d+$' and false)
    where c.table_schema = 'clickledger' and c.table_name in ('click', 'impression', 'visit', 'promo_entry')
  loop
    execute format('comment on column clickledger.%I.%I is %L', described.table_name, described.column_name, described.text);
  end loop;
  for n in 1..10 loop
    execute format('comment on column clickledger.click.sub%s is %L', n, 'The partner''s sub id ' || n || '.');
  end loop;
end $$;

create function clickledger.partition_ensure(from_day date, to_day date) returns integer
  language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  hits text;
  day date;
  made integer := 0;
begin
  if to_day - from_day > 400 then
    raise exception 'partition_ensure: % days at once, at most 400', to_day - from_day;
  end if;
  perform pg_advisory_xact_lock(hashtext('clickledger.partition_ensure'));
  foreach hits in array array['click', 'impression', 'visit', 'promo_entry'] loop
    for day in select generate_series(from_day, to_day, interval '1 day')::date loop
      if to_regclass(format('clickledger.%I', hits || '_' || to_char(day, 'YYYYMMDD'))) is null then
        -- Attached instead of made in place: that would lock readers and loaders of the parent out.
        execute format('create table clickledger.%I (like clickledger.%I including defaults including constraints)',
          hits || '_' || to_char(day, 'YYYYMMDD'), hits);
        execute format('alter table clickledger.%I attach partition clickledger.%I for values from (%L) to (%L)',
          hits, hits || '_' || to_char(day, 'YYYYMMDD'), day::text || ' 00:00+00', (day + 1)::text || ' 00:00+00');
        made := made + 1;
      end if;
    end loop;
  end loop;
  return made;
end $$;
comment on function clickledger.partition_ensure(date, date) is 'Makes the daily (UTC) partitions of all hit tables for both days and those between; returns how many were missing. At most 400 days a call.';

create table clickledger.shard (
  id     integer primary key check (id between 0 and 1023),
  rewind text not null default '0'
);
comment on table clickledger.shard is 'Streams of hits. Each has one owner at a time: the ingest process that holds its advisory lock.';
comment on column clickledger.shard.id is 'Number of the shard, as in cl:hits:{N}.';
comment on column clickledger.shard.rewind is 'Random mark drawn when PostgreSQL was found to be put back in time by copying files; part of the published generation.';

create table clickledger.producer (
  producer   uuid primary key,
  shard      integer not null references clickledger.shard,
  last_seq   bigint not null default 0 check (last_seq >= 0),
  last_chain bigint not null default 0,
  hits       bigint not null default 0,
  stored     bigint not null default 0,
  dead       bigint not null default 0,
  lost       bigint not null default 0,
  ended      boolean not null default false,
  first_at   timestamptz not null default now(),
  last_at    timestamptz not null default now(),
  check (hits = stored + dead + lost)
);
comment on table clickledger.producer is 'How far each producer (one start of one tracker worker) has been loaded. Moved only in the transaction that loads its frames.';
comment on column clickledger.producer.producer is 'Random number of the producer.';
comment on column clickledger.producer.shard is 'Its shard, for life.';
comment on column clickledger.producer.last_seq is 'Last frame applied or counted as lost.';
comment on column clickledger.producer.last_chain is 'Chain of that frame, which the next one must carry as prev; 0 when it is not known.';
comment on column clickledger.producer.hits is 'Hits in frames up to last_seq.';
comment on column clickledger.producer.stored is 'Of them, in the hit tables.';
comment on column clickledger.producer.dead is 'Of them, in dead_letter.';
comment on column clickledger.producer.lost is 'Of them, in lost_range.';
comment on column clickledger.producer.ended is 'Whether its END frame has come.';
comment on column clickledger.producer.first_at is 'When its first frame was applied.';
comment on column clickledger.producer.last_at is 'When its last frame was applied.';

create table clickledger.lost_range (
  id       bigint generated always as identity primary key,
  producer uuid not null references clickledger.producer,
  from_seq bigint not null,
  to_seq   bigint not null,
  hits     bigint not null check (hits >= 0),
  hits_before bigint not null check (hits_before >= 0),
  reason   text not null check (reason in ('gap', 'hole')),
  found_at timestamptz not null default now(),
  check (from_seq <= to_seq)
);
create index lost_range_producer on clickledger.lost_range (producer, from_seq);
comment on table clickledger.lost_range is 'Frames that nobody can send any more. Shrinks when one of them turns up after all.';
comment on column clickledger.lost_range.id is 'Number of the range.';
comment on column clickledger.lost_range.producer is 'Producer of the frames.';
comment on column clickledger.lost_range.from_seq is 'First lost frame.';
comment on column clickledger.lost_range.to_seq is 'Last lost frame.';
comment on column clickledger.lost_range.hits is 'Hits in them.';
comment on column clickledger.lost_range.hits_before is 'Hits of the producer before from_seq; tells how a range that is hit in the middle is divided.';
comment on column clickledger.lost_range.reason is 'gap: the journal no longer had them; hole: damaged in the journal.';
comment on column clickledger.lost_range.found_at is 'When it was found.';

create table clickledger.dead_letter (
  id       bigint generated always as identity primary key,
  found_at timestamptz not null default now(),
  shard    integer not null references clickledger.shard,
  entry_id text not null,
  producer uuid,
  seq      bigint,
  kind     text not null check (kind in ('header', 'payload', 'fork', 'hit', 'row', 'conflict')),
  hits     integer not null check (hits >= 0),
  reason   text not null,
  bytes    bytea not null
);
create index dead_letter_producer on clickledger.dead_letter (producer, seq);
create index dead_letter_entry on clickledger.dead_letter (shard, entry_id);
comment on table clickledger.dead_letter is 'What could not be loaded, with its bytes and the reason.';
comment on column clickledger.dead_letter.id is 'Number of the letter.';
comment on column clickledger.dead_letter.found_at is 'When it was set aside.';
comment on column clickledger.dead_letter.shard is 'Shard whose stream it came from.';
comment on column clickledger.dead_letter.entry_id is 'Stream entry it came in.';
comment on column clickledger.dead_letter.producer is 'Producer, if the header could be read.';
comment on column clickledger.dead_letter.seq is 'Frame, if the header could be read.';
comment on column clickledger.dead_letter.kind is 'header, payload: a damaged frame; fork: a frame of a copied journal; hit: a record that cannot be decoded; row: refused by PostgreSQL; conflict: an id that is there with other content.';
comment on column clickledger.dead_letter.hits is 'Hits that are only here; 0 for a frame that is expected again. Those of a fork belong to no producer''s count.';
comment on column clickledger.dead_letter.reason is 'What was wrong.';
comment on column clickledger.dead_letter.bytes is 'The frame or the record as it came.';

create table clickledger.touch_batch (
  id        bigint generated always as identity primary key,
  shard     integer not null references clickledger.shard,
  from_ts   timestamptz not null,
  to_ts     timestamptz not null,
  loaded_at timestamptz not null default now()
);
comment on table clickledger.touch_batch is 'Loads that attrib has not looked at yet: a conversion may have been waiting for one of their touches. Deleted by attrib.';
comment on column clickledger.touch_batch.id is 'Number of the load.';
comment on column clickledger.touch_batch.shard is 'Shard that was loaded.';
comment on column clickledger.touch_batch.from_ts is 'Time of its earliest touch.';
comment on column clickledger.touch_batch.to_ts is 'Time of its latest touch.';
comment on column clickledger.touch_batch.loaded_at is 'When it was loaded.';

create table clickledger.click_hourly (
  hour       timestamptz not null,
  shard      integer not null,
  program_id bigint not null,
  partner_id bigint not null,
  link_id    bigint not null,
  class      clickledger.hit_class not null,
  clicks     bigint not null,
  primary key (partner_id, hour, program_id, link_id, class, shard)
);
comment on table clickledger.click_hourly is 'Clicks by hour (UTC). Written in the loading transaction, by shard, so that loaders never meet; readers sum over shards.';
comment on column clickledger.click_hourly.hour is 'Begin of the hour.';
comment on column clickledger.click_hourly.shard is 'Shard that loaded them.';
comment on column clickledger.click_hourly.program_id is 'Programme; 0: unknown link.';
comment on column clickledger.click_hourly.partner_id is 'Partner; 0: unknown link.';
comment on column clickledger.click_hourly.link_id is 'Link; 0: none.';
comment on column clickledger.click_hourly.class is 'Class of the clicks.';
comment on column clickledger.click_hourly.clicks is 'How many.';
