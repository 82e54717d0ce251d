-- Who asks for rollups is looked up once a question, where each row did. A migration of its own: it waits for those who read.

alter policy team on clickledger.unique_hourly using ((select current_setting('cl.team', true)) = 'on');
alter policy partner_own on clickledger.unique_hourly
  using (partner_id = (select nullif(current_setting('cl.partner', true), '')::bigint));
alter policy team on clickledger.click_hourly using ((select current_setting('cl.team', true)) = 'on');
alter policy partner_own on clickledger.click_hourly
  using (partner_id = (select nullif(current_setting('cl.partner', true), '')::bigint));
alter policy team on clickledger.conversion_hourly using ((select current_setting('cl.team', true)) = 'on');
alter policy partner_own on clickledger.conversion_hourly
  using (partner_id = (select nullif(current_setting('cl.partner', true), '')::bigint));
