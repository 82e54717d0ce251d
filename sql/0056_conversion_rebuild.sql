-- The rollup of conversions against its rows, as rebuild asks for it.

create function clickledger.conversion_rebuild(from_at timestamptz, to_at timestamptz, mend boolean)
  returns table (hour timestamptz, program_id bigint, partner_id bigint, link_id bigint, kind text, status text, currency text,
    measure text, counted bigint, found bigint)
  language plpgsql security definer set search_path = clickledger, pg_temp set jit = off set work_mem = '64MB' as $$
#variable_conflict use_column
begin
  if from_at <> date_trunc('hour', from_at, 'UTC') or to_at <> date_trunc('hour', to_at, 'UTC') then
    raise exception 'conversion_rebuild: full hours (UTC), not % to %', from_at, to_at using errcode = '22023';
  end if;
  return query execute $query$
    with counted as (
      select hour, program_id, partner_id, link_id, kind, status, currency, conversions_ppm, revenue_minor, commission_minor
      from conversion_hourly where hour >= $1 and hour < $2),
    found as (
      select date_trunc('hour', p.occurred_at, 'UTC') as hour, p.program_id, coalesce(p.partner_id, 0) as partner_id,
        coalesce(p.link_id, 0) as link_id, p.kind, p.status, p.currency, sum(p.weight_ppm)::bigint as conversions_ppm,
        sum(p.revenue_minor)::bigint as revenue_minor, coalesce(sum(p.commission_minor), 0)::bigint as commission_minor
      from conversion_part p where p.occurred_at >= $1 and p.occurred_at < $2 group by 1, 2, 3, 4, 5, 6, 7),
    wrong as (
      select hour, program_id, partner_id, link_id, kind, status, currency, m.measure, m.counted, m.found
      from counted a full join found f using (hour, program_id, partner_id, link_id, kind, status, currency)
      cross join lateral (values
        ('conversions_ppm', coalesce(a.conversions_ppm, 0), coalesce(f.conversions_ppm, 0)),
        ('revenue_minor', coalesce(a.revenue_minor, 0), coalesce(f.revenue_minor, 0)),
        ('commission_minor', coalesce(a.commission_minor, 0), coalesce(f.commission_minor, 0))) as m (measure, counted, found)
      where m.counted <> m.found),
    mended as (
      insert into conversion_hourly as h (hour, program_id, partner_id, link_id, kind, status, currency, conversions_ppm, revenue_minor,
        commission_minor)
      select hour, program_id, partner_id, link_id, kind, status, currency,
        coalesce(sum(found - counted) filter (where measure = 'conversions_ppm'), 0),
        coalesce(sum(found - counted) filter (where measure = 'revenue_minor'), 0),
        coalesce(sum(found - counted) filter (where measure = 'commission_minor'), 0)
      from wrong where $3 group by 1, 2, 3, 4, 5, 6, 7 order by 1, 2, 3, 4, 5, 6, 7
      on conflict (partner_id, hour, program_id, link_id, kind, status, currency) do update set
        conversions_ppm = h.conversions_ppm + excluded.conversions_ppm, revenue_minor = h.revenue_minor + excluded.revenue_minor,
        commission_minor = h.commission_minor + excluded.commission_minor)
    select * from wrong order by 1, 2, 3, 4, 5, 6, 7, 8
  $query$ using from_at, to_at, mend;
end $$;
comment on function clickledger.conversion_rebuild(timestamptz, timestamptz, boolean) is 'Compares conversion_hourly with conversion_part in [from_at, to_at), full hours (UTC), and returns what differs by measure (conversions_ppm, revenue_minor, commission_minor): what the rollup says (counted) and what the rows say (found). mend: also puts it right. Call in REPEATABLE READ: attrib changes rows and rollup in one transaction, and of two that meet in a row one fails with 40001 and is tried again. 22023: not full hours.';
grant execute on function clickledger.conversion_rebuild(timestamptz, timestamptz, boolean) to cl_ingest;
