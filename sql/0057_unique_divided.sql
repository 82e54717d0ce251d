-- Unique visitors of hours that a bound or a zone's midnight divides: found in the clicks, as the other sums are.

create policy asked on clickledger.privacy_policy for select to cl_api
  using (current_setting('cl.team', true) = 'on' or nullif(current_setting('cl.partner', true), '') is not null);
grant select on clickledger.privacy_policy to cl_api;

create function clickledger.uniques_known(hours timestamptz[]) returns boolean
  language sql stable set search_path = clickledger, pg_temp
begin atomic
  select not exists (select from unnest(hours) as h (hour), clickledger.privacy_policy k
    where (h.hour at time zone 'UTC')::date <= (now() at time zone 'UTC')::date - k.detail_days);
end;
comment on function clickledger.uniques_known(timestamptz[]) is 'Whether the clicks of these hours still tell who made them: none is older than privacy_policy.detail_days.';

create function clickledger.stats_people(from_at timestamptz, to_at timestamptz, zone text, hours timestamptz[])
  returns table (at timestamptz, program_id bigint, partner_id bigint, link_id bigint, sketch bit)
  language plpgsql stable security definer set search_path = clickledger, pg_temp as $$
declare
  is_team constant boolean := coalesce(current_setting('cl.team', true) = 'on', false);
  asker constant bigint := api_partner();
  hour_at timestamptz;
  first_at timestamptz;
  end_at timestamptz;
begin
  foreach hour_at in array hours loop
    first_at := greatest(hour_at, from_at);
    while first_at < least(hour_at + interval '1 hour', to_at) loop
      end_at := least(hour_at + interval '1 hour', to_at, ((first_at at time zone zone)::date + 1)::timestamp at time zone zone);
      return query
        select first_at, f.program_id, f.partner_id, f.link_id, f.sketch from unique_found(first_at, end_at - interval '1 microsecond') f
        where is_team or f.partner_id = asker;
      first_at := end_at;
    end loop;
  end loop;
end $$;
comment on function clickledger.stats_people(timestamptz, timestamptz, text, timestamptz[]) is 'Sketches as of unique_found of the clicks of these hours that are in [from_at, to_at), cut at the midnights of the zone; at is when each part begins. With its owner''s rights, because the API does not read who clicked: a partner gets his own.';

create function clickledger.group_members(p jsonb) returns bigint[]
  language sql stable set search_path = clickledger, pg_temp
  return case when p->>'partner_group' is not null then array(
    select g.partner_id from clickledger.partner_group g
    where g.program_id = (p->>'program_id')::bigint and g.name = p->>'partner_group' and g.active_at @> now()) end;
comment on function clickledger.group_members(jsonb) is 'Partners that are now in the group partner_group of the programme program_id; null: no group is asked for.';

create or replace function clickledger.stats_uniques(from_at timestamptz, to_at timestamptz, zone text, by_link boolean, p jsonb)
  returns table (key text, currency text, uniques bigint)
  language plpgsql stable set search_path = clickledger, pg_temp set jit = off set plan_cache_mode = force_custom_plan set enable_sort = off as $$
declare
  edges constant timestamptz[] := stats_edges(from_at, to_at, zone, by_link);
  -- Named, because the policies leave open who asks, and nothing is found by what is left open.
  wanted constant bigint := coalesce(api_partner(), (p->>'partner_id')::bigint);
  wanted_program constant bigint := p->>'program_id';
  wanted_link constant bigint := p->>'link_id';
  wanted_group constant bigint[] := group_members(p);
  -- All of a programme has sketches of its own.
  whole constant boolean := not by_link and coalesce(wanted, wanted_link) is null and wanted_group is null;
begin
  if not uniques_known(edges) then
    return;
  end if;
  return query
    with kept as (
      select u.hour as at, u.program_id, u.link_id, u.sketch from unique_hourly u
      where u.hour >= from_at and u.hour < to_at and u.hour <> all (edges)
        and (wanted is null or u.partner_id = wanted) and (u.partner_id = 0) = whole
        and (wanted_program is null or u.program_id = wanted_program) and (wanted_link is null or u.link_id = wanted_link)
        and (wanted_group is null or u.partner_id = any (wanted_group))
      union all
      select s.at, s.program_id, s.link_id, s.sketch from stats_people(from_at, to_at, zone, edges) s
      where (wanted is null or s.partner_id = wanted) and (s.partner_id = 0) = whole
        and (wanted_program is null or s.program_id = wanted_program) and (wanted_link is null or s.link_id = wanted_link)
        and (wanted_group is null or s.partner_id = any (wanted_group))),
    parts as materialized (
      select case when by_link then k.link_id::text else ((k.at at time zone zone)::date)::text end as part, k.program_id, bit_or(k.sketch) as sketch
      from kept k group by 1, 2)
    select w.part, g.currency, sketch_count(bit_or(w.sketch)) from parts w join program g on g.id = w.program_id
    group by grouping sets ((1, 2), (2));
end $$;
comment on function clickledger.stats_uniques(timestamptz, timestamptz, text, boolean, jsonb) is 'Unique visitors for GET /v1/stats by day of the zone or by link, and by currency; key null: of all together. Of hours that a bound or a midnight divides, the clicks are looked at. No row where retention has been at these.';

grant execute on function clickledger.uniques_known(timestamptz[]), clickledger.stats_people(timestamptz, timestamptz, text, timestamptz[]),
  clickledger.group_members(jsonb) to cl_api;
