-- The other parts of the dashboard as lists, which CSV can give.

create function clickledger.dashboard_list(body json, data json) returns json
  language sql immutable parallel safe
  return json_build_object('from', body->'from', 'to', body->'to', 'tz', body->'tz', 'formulas', body->'formulas', 'data', data);
comment on function clickledger.dashboard_list(json, json) is 'An answer of api_dashboard with other data.';

create or replace function clickledger.api_dashboard_days(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select dashboard_list(body, body->'data'->'days') from api_dashboard(p) as body
$$;

create function clickledger.api_dashboard_partners(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select dashboard_list(body, (
    select coalesce(json_agg(item || jsonb_build_object('list', list) order by list desc, place), '[]')
    from unnest(array['top', 'falling']) as list, jsonb_array_elements((body->'data'->list)::jsonb) with ordinality as listed (item, place)))
  from api_dashboard(p) as body
$$;
comment on function clickledger.api_dashboard_partners(jsonb) is 'GET /v1/dashboard/partners: top and falling partners of GET /v1/dashboard as one list. CL422 range, time_zone, partner_group.';

create function clickledger.api_dashboard_funnel(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select dashboard_list(body, json_build_array(body->'data')) from api_dashboard(p || '{"part": "funnel"}') as body
$$;
comment on function clickledger.api_dashboard_funnel(jsonb) is 'GET /v1/dashboard/funnel: the funnel of GET /v1/dashboard as a list of one. CL422 range, time_zone, partner_group.';

create function clickledger.api_dashboard_times(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  select dashboard_list(body, (
    select json_agg(jsonb_build_object('what', what) || (body->'data'->what)::jsonb order by place)
    from unnest(array['approval', 'hold']) with ordinality as listed (what, place)))
  from api_dashboard(p || '{"part": "times"}') as body
$$;
comment on function clickledger.api_dashboard_times(jsonb) is 'GET /v1/dashboard/times: how long approval and hold take, of GET /v1/dashboard, as a list. CL422 range, time_zone, partner_group.';

grant execute on function clickledger.dashboard_list(json, json), clickledger.api_dashboard_partners(jsonb), clickledger.api_dashboard_funnel(jsonb),
  clickledger.api_dashboard_times(jsonb) to cl_api;
