-- The same duplicates and sketches as before, for a fraction of the time: what nearly all clicks have nobody to share with is found
-- out with two numbers a click, and only the others are looked at.

-- A click is judged by its nearest neighbour before it with a key of its own: if any is within the window, that one is. So
-- there is neither a state to keep nor a chain to follow, and what is found depends on the rows alone. One pass reads the asked
-- span and the longest window on both sides of it; keys that come once are done with then. Two numbers are sorted and not hashed,
-- because a hash table of them is five times as large. Estimates of a partition that is being loaded are always wrong: a nested
-- loop chosen by them would never end, so rows are found again by a list of their ids.
create or replace function clickledger.duplicate_judge(from_at timestamptz, to_at timestamptz)
  returns table (ts timestamptz, click_id uuid, was clickledger.hit_class, follows uuid, why text)
  language plpgsql stable rows 1000
  set search_path = clickledger, pg_temp set enable_nestloop = off set enable_mergejoin = off set enable_seqscan = off set jit = off
  set work_mem = '128MB' as $$
declare
  widest constant interval := duplicate_window_max();
  next_ms constant timestamptz := to_at + interval '1 ms';
begin
  -- All bounds are parameters, so that nothing is planned for days that are not asked.
  return query execute $query$
    with near as materialized (
      select c.click_id, c.class = 'duplicate' or c.reason <> 'none' or c.duplicate_of is not null as noted,
        hashint8extended(coalesce(c.link_id, -c.promo_code_id), uuid_hash_extended(c.visitor_id, 0)) as visitor_key,
        hashint8extended(coalesce(c.link_id, -c.promo_code_id),
          hashint8extended(c.address_hash, hashtextextended(coalesce(c.user_agent, '') collate "C", 0))) as address_key
      from click c
      where c.ts >= $1 and c.ts < $4 and c.click_id >= $5 and c.click_id < $8
        and c.class in ('human', 'duplicate')),
    shared as materialized (
      select k.key
      from (select k.key from (select visitor_key as key from near union all select address_key from near) k
            where k.key is not null order by k.key) k
      group by k.key having count(*) > 1),
    placed as (
      select n.click_id, n.why, lag(n.click_id) over by_time as before,
        bool_or(n.click_id >= $6 and n.click_id < $7) over (partition by n.key) as of_asked
      from (
        select click_id, visitor_key as key, 'same_visitor' as why from near where visitor_key in (select key from shared)
        union all
        select click_id, address_key, 'same_address' from near where address_key in (select key from shared)) n
      window by_time as (partition by n.key order by n.click_id)),
    neighbours as materialized (
      select p.click_id, (array_agg(p.before) filter (where p.why = 'same_visitor'))[1] as by_visitor,
        (array_agg(p.before) filter (where p.why = 'same_address'))[1] as by_address
      from placed p where p.click_id >= $6 group by p.click_id having bool_or(p.of_asked)),
    suspects as materialized (
      select * from neighbours
      union all
      select n.click_id, null, null from near n
      where n.noted and n.click_id >= $6 and n.click_id < $7 and n.click_id not in (select b.click_id from neighbours b)),
    timed as (
      select c.ts, c.click_id, c.class, c.reason, c.duplicate_of, c.visitor_id, c.address_hash,
        case when click_ts(s.by_visitor) >= c.ts - g.duplicate_window_seconds * interval '1 second' then s.by_visitor end as by_visitor,
        case when click_ts(s.by_address) >= c.ts - g.duplicate_window_seconds * interval '1 second' then s.by_address end as by_address
      from suspects s
      join click c on c.click_id = s.click_id
      left join program g on g.id = c.program_id and g.duplicate_window_seconds > 0
      where c.click_id = any (array(select s.click_id from suspects s)) and c.ts >= $2 and c.ts < $4),
    judged as (
      select t.*, greatest(t.by_visitor, t.by_address) as follows,
        case when t.by_visitor is not null then 'same_visitor' when t.by_address is not null then 'same_address' else 'none' end as why
      from timed t)
    select j.ts, j.click_id, j.class, j.follows, j.why
    from judged j
    where (j.follows, j.why) is distinct from (j.duplicate_of, j.reason)
      and (j.follows is not null or j.class = 'human' or not duplicate_kept(j.reason, j.visitor_id, j.address_hash, j.duplicate_of))
  $query$ using from_at - widest, from_at, next_ms, next_ms + widest,
    click_id_at(from_at - widest), click_id_at(from_at), click_id_at(next_ms), click_id_at(next_ms + widest);
end $$;

create or replace function clickledger.duplicate_mark(from_at timestamptz, to_at timestamptz, out became_duplicate bigint, out became_human bigint)
  language plpgsql set search_path = clickledger, pg_temp set enable_nestloop = off set enable_mergejoin = off set enable_seqscan = off set jit = off as $$
begin
  execute $query$
    with found as materialized (select * from duplicate_judge($1, $2)),
    marked as (
      update click c set class = case when f.follows is null then 'human' else 'duplicate' end::hit_class,
        reason = f.why, duplicate_of = f.follows
      from found f
      where c.click_id = any (array(select f.click_id from found f)) and c.click_id = f.click_id and c.ts = f.ts
        and c.ts >= $1 and c.ts <= $3
      returning f.was, c.class as became)
    select count(*) filter (where was = 'human' and became = 'duplicate'), count(*) filter (where was = 'duplicate' and became = 'human')
    from marked
  $query$ into became_duplicate, became_human using from_at, to_at, to_at + duplicate_window_max() + interval '1 ms';
end $$;

-- Bits are put together in two steps, because to add one to a whole sketch is to copy all of it.
create or replace function clickledger.unique_found(from_at timestamptz, to_at timestamptz)
  returns table (hour timestamptz, program_id bigint, partner_id bigint, link_id bigint, sketch bit)
  language plpgsql stable set search_path = clickledger, pg_temp set jit = off set work_mem = '64MB' as $$
begin
  return query execute $query$
    with places as (
      select date_bin('1 hour', c.ts, timestamptz '2000-01-01 00:00+00') as hour, c.program_id, c.partner_id, coalesce(c.link_id, 0) as link_id,
        sketch_place(c.hash) as place
      from (
        select c.ts, c.program_id, c.partner_id, c.link_id,
          coalesce(visitor_hash(c.visitor_id, c.address_hash, c.user_agent), uuid_hash_extended(c.click_id, 0)) as hash
        from click c
        where c.ts >= $1 and c.ts <= $2 and c.click_id >= $3 and c.click_id < $4
          and c.class in ('human', 'duplicate') and c.partner_id > 0 offset 0) c),
    levels as (
      select p.hour, p.program_id, p.partner_id, p.link_id, p.place / 1024 as level,
        bit_or(set_bit(repeat('0', 1024)::bit(1024), p.place % 1024, 1)) as bits
      from places p group by 1, 2, 3, 4, 5)
    select l.hour, l.program_id, coalesce(l.partner_id, 0), coalesce(l.link_id, 0), bit_or(l.bits::bit(20480) >> 1024 * l.level)
    from levels l
    group by grouping sets ((l.hour, l.program_id, l.partner_id, l.link_id), (l.hour, l.program_id))
  $query$ using from_at, to_at, click_id_at(from_at), click_id_at(to_at + interval '1 ms');
end $$;
