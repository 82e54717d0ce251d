-- What came back from what we spent on each channel?
select month, source, medium, sum(cost) as cost, sum(payout) as payout, sum(revenue) as revenue, sum(profit) as profit,
  round(100 * sum(profit) / nullif(sum(cost + payout), 0), 1) as roi_percent
from clickledger.channel_roi
where program_name = 'Main shop'
group by month, source, medium order by month, cost desc, source;
