-- Which conversions a load of touches concerns, at a cost that grows with the smaller of both.

create function clickledger.touch_due_of_orders(first_ts timestamptz, last_ts timestamptz) returns setof bigint
  language plpgsql stable rows 100 set plan_cache_mode = force_custom_plan as $$
begin
  return query
  select c.id
  from clickledger.conversion c
  join clickledger.conversion_key k on k.conversion_id = c.id and k.kind in ('visitor', 'joined')
  where c.occurred_at > first_ts and c.occurred_at <= last_ts + interval '366 days' and (
    exists (select from clickledger.click t where t.visitor_id = k.value and t.ts between first_ts and last_ts)
    or exists (select from clickledger.promo_entry t where t.visitor_id = k.value and t.ts between first_ts and last_ts)
    or exists (select from clickledger.impression t where t.visitor_id = k.value and t.ts between first_ts and last_ts)
    or exists (select from clickledger.visit t where t.visitor_id = k.value and t.ts between first_ts and last_ts
      and t.utm_source is not null and t.click_id is null));
end $$;
comment on function clickledger.touch_due_of_orders(timestamptz, timestamptz) is 'Conversions up to 366 days behind touches of [first_ts, last_ts] that share a visitor with one, found by asking each conversion.';

create function clickledger.touch_due_of_touches(first_ts timestamptz, last_ts timestamptz) returns setof bigint
  language plpgsql stable rows 1000 set plan_cache_mode = force_custom_plan as $$
declare
  first_id constant uuid := clickledger.click_id_at(first_ts);
  next_id constant uuid := clickledger.click_id_at(last_ts + interval '1 millisecond');
begin
  return query
  with people as (
    select t.visitor_id from clickledger.click t where t.click_id >= first_id and t.click_id < next_id and t.ts between first_ts and last_ts
    union
    select t.visitor_id from clickledger.promo_entry t where t.hit_id >= first_id and t.hit_id < next_id and t.ts between first_ts and last_ts
    union
    select t.visitor_id from clickledger.impression t where t.hit_id >= first_id and t.hit_id < next_id and t.ts between first_ts and last_ts
    union
    select t.visitor_id from clickledger.visit t where t.hit_id >= first_id and t.hit_id < next_id and t.ts between first_ts and last_ts
      and t.utm_source is not null and t.click_id is null)
  select c.id
  from people p
  join clickledger.conversion_key k on k.value = p.visitor_id and k.kind in ('visitor', 'joined')
  join clickledger.conversion c on c.id = k.conversion_id
  where c.occurred_at > first_ts and c.occurred_at <= last_ts + interval '366 days';
end $$;
comment on function clickledger.touch_due_of_touches(timestamptz, timestamptz) is 'The same, found by asking each touch.';

create or replace function clickledger.touch_batch_expand(batches_max integer) returns bigint language plpgsql as $$
declare
  orders_max constant bigint := 10000;
  found_batches bigint;
  spans tstzmultirange;
  moved tstzmultirange;
  span tstzrange;
begin
  -- Loads that follow each other are one span, so that each order is asked once for all of them.
  with taken as (
    delete from clickledger.touch_batch
    where id in (select id from clickledger.touch_batch order by id limit batches_max)
    returning shard, from_ts, to_ts)
  select count(*), range_agg(tstzrange(from_ts, to_ts + interval '1 second')), range_agg(tstzrange(from_ts, to_ts, '[]')) filter (where shard is null)
    into found_batches, spans, moved from taken;
  for span in select unnest(spans) loop
    insert into clickledger.conversion_due
    select k.conversion_id from clickledger.conversion_key k
    where k.kind = 'click' and k.click_ts between lower(span) and upper(span)
    on conflict do nothing;
    if (select count(*) from (
        select from clickledger.conversion c
        where c.occurred_at > lower(span) and c.occurred_at <= upper(span) + interval '366 days' limit orders_max) later) < orders_max then
      insert into clickledger.conversion_due select clickledger.touch_due_of_orders(lower(span), upper(span)) on conflict do nothing;
    else
      insert into clickledger.conversion_due select clickledger.touch_due_of_touches(lower(span), upper(span)) on conflict do nothing;
    end if;
  end loop;
  -- Classes changed: what a click has earned for one that repeats it.
  for span in select unnest(moved) loop
    insert into clickledger.conversion_due
    select r.conversion_id from clickledger.credit r where r.touch_kind = 'click' and r.touch_ts between lower(span) and upper(span)
    on conflict do nothing;
  end loop;
  return found_batches;
end $$;

grant execute on function clickledger.touch_due_of_orders(timestamptz, timestamptz), clickledger.touch_due_of_touches(timestamptz, timestamptz) to cl_attrib;
