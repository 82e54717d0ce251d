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
