-- What do we owe whom today?
select a.name as partner, b.currency, b.pending_minor, b.available_minor, b.reserved_minor, b.paid_minor
from clickledger.partner_balance b join clickledger.partner a on a.id = b.partner_id
order by a.name, b.currency;
