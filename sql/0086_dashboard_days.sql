-- The dashboard's days as a list, which CSV can give.

create function clickledger.api_dashboard_days(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select json_build_object('from', d.body->'from', 'to', d.body->'to', 'tz', d.body->'tz', 'formulas', d.body->'formulas', 'data', d.body->'data'->'days')
  from (select api_dashboard(p) as body) d
$$;
comment on function clickledger.api_dashboard_days(jsonb) is 'GET /v1/dashboard/days: the figures of GET /v1/dashboard by day and currency, the oldest first. CL422 range, time_zone, partner_group.';
grant execute on function clickledger.api_dashboard_days(jsonb) to cl_api;
