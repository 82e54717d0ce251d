-- At what time of day, by the shop's clock, do people order?
select extract(hour from h.hour at time zone g.time_zone)::integer / 6 * 6 as from_hour, round(sum(h.conversions_ppm) / 1000000, 1) as conversions
from clickledger.conversion_hourly h join clickledger.program g on g.id = h.program_id
where g.code = 'shop' and h.status in ('pending', 'approved')
group by 1 order by 1;
