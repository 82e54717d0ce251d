-- Touches of a visitor are found by index. A migration of its own: while it builds them, loads of impressions and visits wait, and nobody else.

create index impression_visitor on clickledger.impression (visitor_id, ts) where visitor_id is not null;
create index visit_visitor on clickledger.visit (visitor_id, ts) where visitor_id is not null and utm_source is not null and click_id is null;
