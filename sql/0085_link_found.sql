-- One link is found among any number of them.

create or replace function clickledger.api_links(p jsonb) returns json
  language sql stable set search_path = clickledger, pg_temp as $$
  with page as (
    select link as item from link
    where id < (api_after(p))[1]
      and (p->>'link_id' is null or id = (p->>'link_id')::bigint)
      and (p->>'program_id' is null or program_id = (p->>'program_id')::bigint)
      and (p->>'partner_id' is null or partner_id = (p->>'partner_id')::bigint)
      and (p->>'status' is null or status = p->>'status')
    order by id desc limit api_limit(p) + 1)
  select api_page(array_agg(link_json(item) order by (item).id desc),
                  array_agg(api_cursor((item).id) order by (item).id desc), p)
  from page;
$$;
