-- Nothing disappears: the counters of each producer against the rows themselves.

create view clickledger.conservation with (security_invoker = true) as
  select p.producer, p.hits, p.stored, p.dead, p.lost, found.stored as found_stored, found.dead as found_dead, found.lost as found_lost,
    p.hits = p.stored + p.dead + p.lost and p.stored = found.stored and p.dead = found.dead and p.lost = found.lost as holds
  from clickledger.producer p
  cross join lateral (select
    (select count(*) from clickledger.click h where h.producer = p.producer)
      + (select count(*) from clickledger.impression h where h.producer = p.producer)
      + (select count(*) from clickledger.visit h where h.producer = p.producer)
      + (select count(*) from clickledger.promo_entry h where h.producer = p.producer)
      + (select count(*) from clickledger.conversion_report h where h.producer = p.producer) as stored,
    (select coalesce(sum(h.hits), 0)::bigint from clickledger.dead_letter h where h.producer = p.producer and h.kind in ('hit', 'row', 'conflict')) as dead,
    (select coalesce(sum(h.hits), 0)::bigint from clickledger.lost_range h where h.producer = p.producer) as lost) as found;
comment on view clickledger.conservation is 'Per producer: what it sent must be stored, set aside or lost. Counts the rows themselves, so it reads all hits.';
grant select on clickledger.conservation to cl_analyst;
comment on column clickledger.conservation.producer is 'The producer.';
comment on column clickledger.conservation.hits is 'What it sent, by its frames'' headers.';
comment on column clickledger.conservation.stored is 'Rows written, by the counter.';
comment on column clickledger.conservation.dead is 'Hits set aside, by the counter.';
comment on column clickledger.conservation.lost is 'Hits lost, by the counter.';
comment on column clickledger.conservation.found_stored is 'Rows that are there.';
comment on column clickledger.conservation.found_dead is 'Hits in dead letters that are there.';
comment on column clickledger.conservation.found_lost is 'Hits in lost ranges that are there.';
comment on column clickledger.conservation.holds is 'Whether it all adds up.';
