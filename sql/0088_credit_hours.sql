-- A pass over a period is written by several sessions, each with hours of its own.

drop function clickledger.credit_pass_begin(timestamptz, timestamptz);
drop function clickledger.credit_pass_end(timestamptz, timestamptz);

create function clickledger.credit_hours(from_us bigint, to_us bigint, part bigint, parts bigint) returns bigint[]
  language sql stable
  return array(
    select c.id from clickledger.conversion c
    where c.occurred_at >= clickledger.us_time(from_us) and c.occurred_at < clickledger.us_time(to_us)
      and extract(epoch from date_trunc('hour', c.occurred_at, 'UTC'))::bigint / 3600 % parts = part);
comment on function clickledger.credit_hours(bigint, bigint, bigint, bigint) is 'Conversions of [from_us, to_us) in the hours since 1970 that leave this remainder: no other part has a row of theirs in the rollup.';

create function clickledger.credit_hours_begin(from_us bigint, to_us bigint, part bigint, parts bigint) returns void language plpgsql as $$
declare
  ids constant bigint[] := clickledger.credit_hours(from_us, to_us, part, parts);
begin
  perform clickledger.conversion_hourly_add(ids, -1);
  delete from clickledger.credit r using unnest(ids) as wanted (id) where r.conversion_id = wanted.id;
end $$;
comment on function clickledger.credit_hours_begin(bigint, bigint, bigint, bigint) is 'Takes away the credits of a part of a period, and what they are in the rollup.';

create function clickledger.credit_hours_end(from_us bigint, to_us bigint, part bigint, parts bigint) returns void language plpgsql as $$
declare
  ids constant bigint[] := clickledger.credit_hours(from_us, to_us, part, parts);
begin
  perform clickledger.conversion_hourly_add(ids, 1);
  insert into clickledger.conversion_due select unnest(ids) on conflict do nothing;
end $$;
comment on function clickledger.credit_hours_end(bigint, bigint, bigint, bigint) is 'Puts the conversions of a part of a period into the rollup and on the list, for their commissions.';

grant execute on function clickledger.credit_hours(bigint, bigint, bigint, bigint), clickledger.credit_hours_begin(bigint, bigint, bigint, bigint),
  clickledger.credit_hours_end(bigint, bigint, bigint, bigint) to cl_attrib;
