-- Reads every click once. Nobody waits for it: loads and readers go on.

do $$
declare
  made record;
begin
  for made in
    select clickledger.partition_name('click', p.day) as name from clickledger.hit_partition p
    where p.table_name = 'click' and p.detached_at is null order by p.day
  loop
    execute format('alter table clickledger.%I validate constraint click_range', made.name);
  end loop;
end $$;
