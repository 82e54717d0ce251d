-- Who earns and who is noise?
select month, partner_name, standing, clicks, conversions, earned, earned_rank as place, epc
from clickledger.partner_standing
where program_name = 'Main shop' and month = '2026-02-01'
order by earned_rank, partner_name;
