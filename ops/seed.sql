-- The demo programme of a new installation. Variables: target, and SHA-256 (hex) of postback_key, admin_key, partner_key.

insert into clickledger.program (code, name, currency, time_zone, fallback_url, hosts, visitor_cookie)
  values ('demo', 'Demo shop', 'RUB', 'Europe/Moscow', :'target', array['shop.example'], true);
insert into clickledger.partner (name, status) values ('Demo partner', 'active');
insert into clickledger.terms (program_id, version, effective_from, commission_kind, rate_ppm, hold_days, window_days)
  select id, 1, '2000-01-01', 'percent', 100000, 14, 30 from clickledger.program where code = 'demo';
insert into clickledger.link (program_id, partner_id, slug, target_url, name)
  select program.id, partner.id, 'demo', :'target', 'Demo link' from clickledger.program, clickledger.partner;
insert into clickledger.promo_code (program_id, partner_id, code, target_url)
  select program.id, partner.id, 'DEMO10', :'target' from clickledger.program, clickledger.partner;
insert into clickledger.integration (program_id, name, key_hash)
  select id, 'Demo shop', decode(:'postback_key', 'hex') from clickledger.program;
insert into clickledger.api_key (kind, name, prefix, key_hash)
  values ('team', 'Made by ops/up', 'cl_team_', decode(:'admin_key', 'hex'));
insert into clickledger.api_key (kind, partner_id, name, prefix, key_hash)
  select 'partner', id, 'Made by ops/up', 'cl_partner_', decode(:'partner_key', 'hex') from clickledger.partner;
