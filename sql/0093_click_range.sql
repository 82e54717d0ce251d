-- What each day of clicks may hold, said as a constraint: with it (0094 asks it of the rows), 0095 hangs days anew without reading them.

do $$
declare
  made record;
begin
  for made in
    select p.day, clickledger.partition_name('click', p.day) as name from clickledger.hit_partition p
    where p.table_name = 'click' and p.detached_at is null order by p.day
  loop
    execute format('alter table clickledger.%I add constraint click_range check (ts >= %L and ts < %L) not valid',
      made.name, made.day::text || ' 00:00+00', (made.day + 1)::text || ' 00:00+00');
  end loop;
end $$;
