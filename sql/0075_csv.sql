-- Lists and reports as CSV (RFC 4180): a page of JSON, as any function of the API answers it, into lines. So a list is written once, and
-- its CSV is what its JSON is.

create function clickledger.csv_text(value text) returns text
  language sql immutable parallel safe
  return '"' || case when left(value, 1) in ('=', '+', '-', '@', E'\t', E'\r', E'\n', '＝', '＋', '－', '＠') then '''' else '' end
    || replace(value, '"', '""') || '"';
comment on function clickledger.csv_text(text) is 'A text as a cell: always in quotes; one that a spreadsheet would take for a formula (it begins with = + - @, a tab or a line break) gets an apostrophe in front.';

create function clickledger.csv_expression(name text) returns text
  language sql immutable parallel safe
  return case
    when name like '%\_minor' then format(
      'coalesce((nullif(r->>%1$L, '''')::numeric * (array[1, 0.1, 0.01, 0.001])[k.exponent + 1])::text, (r->>%1$L) || '' minor units'', '''')', name)
    when name = 'currency' then 'coalesce(k.code, '''')'
    else format('case jsonb_typeof(r->%1$L) when ''string'' then clickledger.csv_text(r->>%1$L) when ''number'' then r->>%1$L '
      'when ''boolean'' then r->>%1$L when ''null'' then '''' else coalesce(clickledger.csv_text(r->>%1$L), '''') end', name) end;
comment on function clickledger.csv_expression(text) is 'SQL that makes the cell of a column of r, an item, in the currency k. Numbers and truths stand as they are, texts in quotes, money (*_minor) as a decimal amount, a nested value as its JSON, what is missing as nothing.';

create function clickledger.csv_name(name text, zone text) returns text
  language sql immutable parallel safe
  return case when name like '%\_minor' then left(name, -6) when name ~ '(^|_)(at|from|until)$' then name || ' (UTC)'
    when name = 'day' then name || ' (' || zone || ')' else name end;
comment on function clickledger.csv_name(text, text) is 'The name of a column in the first line: of times with their zone, of money without _minor.';

create function clickledger.csv_page(page json, columns text, headed boolean) returns table (lines text, next_cursor text)
  language plpgsql stable set search_path = clickledger, pg_temp as $$
declare
  items constant jsonb := coalesce((page->'data')::jsonb, '[]');
  zone constant text := coalesce(page->>'tz', 'UTC');
  by_what constant text := page->>'group_by';
  shown constant text[] := array_replace(string_to_array(columns, ','), 'group_by',
    case when by_what in ('link', 'promo_code') then by_what || '_id' else by_what end);
begin
  execute format(
    'select coalesce(string_agg(%s || e''\r\n'', '''' order by n), '''') from jsonb_array_elements($1) with ordinality as item(r, n)'
    ' left join clickledger.program g on g.id = (r->>''program_id'')::bigint and not r ? ''currency'''
    ' left join clickledger.currency k on k.code = coalesce(r->>''currency'', g.currency)',
    (select string_agg(csv_expression(s.name), ' || '','' || ' order by s.n) from unnest(shown) with ordinality as s(name, n)))
  into lines using items;
  if headed then
    lines := U&'\FEFF' || (select string_agg(csv_name(s.name, zone), ',' order by s.n) from unnest(shown) with ordinality as s(name, n)) || e'\r\n' || lines;
  end if;
  next_cursor := page->>'next_cursor';
  return next;
end $$;
comment on function clickledger.csv_page(json, text, boolean) is 'A page of a list, as its function answers it, as lines of CSV with these columns (names with commas between; group_by stands for what a report is grouped by), and where the next page begins. headed: with a byte order mark and the names in front.';

grant execute on function clickledger.csv_text(text), clickledger.csv_expression(text), clickledger.csv_name(text, text), clickledger.csv_page(json, text, boolean) to cl_api;
