-- What does an order of a campaign cost?
select source, campaign, sum(cost) as cost, sum(conversions) as conversions, round(sum(cost) / nullif(sum(conversions), 0), 2) as cost_per_conversion
from clickledger.channel_roi
where program_name = 'Main shop' and cost_minor > 0
group by source, campaign order by source, campaign;
