-- A partner's conversions are found from his credits and commissions, the newest first, until the page is full. They were looked for
-- among everybody's: who has few had all of them read.

create or replace function clickledger.api_conversions(p jsonb) returns json
  language plpgsql stable set search_path = clickledger, pg_temp set plan_cache_mode = force_custom_plan as $$
declare
  asker constant bigint := coalesce(api_partner(), (p->>'partner_id')::bigint);
  below constant bigint := (api_after(p))[1];
  wanted_order constant text := p->>'order_id';
  page_size constant integer := api_limit(p) + 1;
  items conversion[];
begin
  if asker is null then
    items := array(
      select c from conversion c
      where c.id < below and conversion_wanted(c, p) and (wanted_order is null or c.order_id = wanted_order)
      order by c.id desc limit page_size);
  else
    -- In their order inside, too: so reading ends with the page.
    items := array(
      select c
      from (select distinct k.id from (
          select r.conversion_id as id from credit r where r.partner_id = asker and r.conversion_id < below
          union all
          select m.conversion_id from commission m where m.partner_id = asker and m.conversion_id < below) k order by k.id desc) mine
      join conversion c on c.id = mine.id
      where conversion_wanted(c, p) and (wanted_order is null or c.order_id = wanted_order)
        and (p->>'partner_id' is null or (p->>'partner_id')::bigint = asker)
      order by mine.id desc limit page_size);
  end if;
  return (select api_page(array_agg(conversion_json(item) order by (item).id desc), array_agg(api_cursor((item).id) order by (item).id desc), p)
    from unnest(items) as item);
end $$;
