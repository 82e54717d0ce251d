-- Small loads ask parts about their own days only; nothing is planned for the others, nor locked.

create or replace function clickledger.part_holds(ids uuid[]) returns boolean
  language plpgsql stable security definer
  set search_path = clickledger, pg_temp set enable_hashjoin = off set enable_mergejoin = off set enable_seqscan = off as $$
declare
  from_at timestamptz;
  to_at timestamptz;
  holds boolean;
begin
  select min(click_ts(i)), max(click_ts(i)) into from_at, to_at from unnest(ids) as i;
  -- The bounds are parameters, so that nothing is planned for other days, nor locked.
  execute 'select exists (select from unnest($1) as i (id) join click c on c.click_id = i.id and c.ts = click_ts(i.id)'
    ' where c.ts >= $2 and c.ts <= $3 and c.part > 0)' into holds using ids, from_at, to_at;
  return holds;
end $$;

comment on function clickledger.click_set_aside(uuid, integer, text) is 'Makes a row of a part of clicks a dead letter and takes it out of all counts. The letter names no stream entry; its bytes are the visitor, if there is one, and the row as JSON. P0002: it is not there.';
