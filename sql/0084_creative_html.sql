-- Creatives as a partner puts them on its pages: HTML with its own link.

create function clickledger.html_escape(value text) returns text
  language sql immutable strict parallel safe
  return replace(replace(replace(replace(replace(value, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;');
comment on function clickledger.html_escape(text) is 'A text inside of HTML, in an element or in an attribute with quotes.';

create function clickledger.creative_url(row_of clickledger.creative, of_link clickledger.link) returns text
  language sql stable set search_path = clickledger, pg_temp as $$
  select nullif(current_setting('cl.tracker_url', true), '') || '/c/' || of_link.slug || link_query(of_link.parameters
      || case when row_of.erid is null then '{}' else jsonb_build_object('erid', row_of.erid) end
      || case when row_of.target_url is null then '{}' else jsonb_build_object('to', row_of.target_url) end)
  where row_of.target_url is null or exists (
    select from program g where g.id = row_of.program_id and url_valid(row_of.target_url) and url_host(row_of.target_url) = any (g.hosts))
$$;
comment on function clickledger.creative_url(clickledger.creative, clickledger.link) is 'A partner''s link with the creative''s erid and, as a deep link, its page. Null: the tracker''s address is not set, or the page is on no host of the programme or holds macros, so that the tracker would refuse it.';

create function clickledger.creative_html(row_of clickledger.creative, of_link clickledger.link) returns text
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  opened constant text := '<a href="' || html_escape(creative_url(row_of, of_link)) || '" rel="sponsored noopener" target="_blank">';
  image record;
begin
  if row_of.kind <> 'banner' then
    return opened || html_escape(coalesce(row_of.text, row_of.name)) || '</a>';
  end if;
  select f.name, f.width, f.height into image from creative_file f where f.creative_id = row_of.id order by f.created_at desc, f.name limit 1;
  return opened || '<img src="' || html_escape(nullif(current_setting('cl.public_url', true), '') || '/creatives/' || image.name) || '" width="' || image.width
    || '" height="' || image.height || '" alt="' || html_escape(coalesce(row_of.text, row_of.name)) || '" loading="lazy"></a>';
end $$;
comment on function clickledger.creative_html(clickledger.creative, clickledger.link) is 'What a partner puts on its page, escaped. Null: there is no image, no link, or creative_url is null.';

create function clickledger.api_creatives_ready(p jsonb) returns json
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  page constant json := api_creatives(p - 'link_id');
begin
  perform api_valid(p->>'link_id' is null or exists (select from link l where l.id = (p->>'link_id')::bigint), 'link_id', 'there is no such link');
  if api_partner() is null then
    return page;
  end if;
  return json_build_object('next_cursor', page->'next_cursor', 'data', (
    select coalesce(json_agg((i.item::jsonb || jsonb_build_object('link_id', l.id, 'url', creative_url(c, l), 'html', creative_html(c, l)))::json order by i.n), '[]')
    from json_array_elements(page->'data') with ordinality as i (item, n)
    join creative c on c.id = (i.item->>'id')::bigint
    left join lateral (
      select k.* from link k
      where k.program_id = c.program_id and k.partner_id = api_partner() and (p->>'link_id' is not null or k.status = 'active')
        and (p->>'link_id' is null or k.id = (p->>'link_id')::bigint)
      order by k.id limit 1) l on true));
end $$;
comment on function clickledger.api_creatives_ready(jsonb) is 'GET /v1/creatives. For a partner each with the URL and the HTML of its own link: link_id, else its first active one in the programme. CL422 link_id.';

grant execute on function clickledger.html_escape(text), clickledger.creative_url(clickledger.creative, clickledger.link),
  clickledger.creative_html(clickledger.creative, clickledger.link), clickledger.api_creatives_ready(jsonb) to cl_api;
