-- Cookie domains, statuses and secrets: what the tables take, and what of it reaches the tracker.
begin;
set search_path = clickledger, public;
select plan(32);

-- Cookie domains
select ok(cookie_domain_valid(domain, string_to_array(hosts, ' ')), domain || ' for ' || hosts)
from (values ('shop.example', 'go.shop.example'), ('shop.example', 'shop.example t.shop.example'), ('go.shop.example', 'go.shop.example'),
             ('shop.co.uk', 'go.shop.co.uk'), ('shop.spb.ru', 'go.shop.spb.ru')) as good (domain, hosts);
select ok(not cookie_domain_valid(domain, string_to_array(hosts, ' ')), 'not ' || domain || ' for ' || hosts)
from (values ('example', 'go.example'), ('com', 'go.shop.com'), ('co.uk', 'go.shop.co.uk'), ('com.ru', 'go.shop.com.ru'), ('msk.ru', 'shop.msk.ru'),
             ('shop.example', 'go.other.example'), ('shop.example', 'xshop.example'), ('shop.example', 'go.shop.example go.other.example'),
             ('shop.example', ''), ('.shop.example', 'go.shop.example'), ('SHOP.example', 'go.SHOP.example'), ('1.2.3.4', '1.2.3.4'),
             ('shop.example; Secure', 'shop.example')) as bad (domain, hosts);

insert into program (code, name, currency, hosts, visitor_cookie, cookie_hosts, cookie_domain, consent_required, cookie_cross_site)
  values ('one', 'One', 'RUB', '{shop.example}', true, '{go.shop.example}', 'shop.example', true, false),
         ('two', 'Two', 'RUB', '{}', false, '{}', null, false, true);
select throws_ok($$update program set cookie_hosts = '{go.other.example}' where code = 'one'$$, '23514', null, 'the domain stays a parent of all hosts');
select throws_ok($$update program set cookie_hosts = '{A b}' where code = 'two'$$, '23514', null, 'hosts are host names');

-- To the tracker
select is(catalog_extension('program', int8send(id)), '\x01'::bytea || catalog_text('shop.example') || catalog_text('go.shop.example'), 'policy of one')
from program where code = 'one';
select is(catalog_value('program', int8send(id)),
          '\x0100'::bytea || catalog_text('two') || catalog_text('RUB') || '\x0000'::bytea || '\x0000'::bytea || catalog_bytes('\x02'::bytea || catalog_text('')),
          'record of two')
from program where code = 'two';
select is(catalog_value('program', int8send(999)), null, 'there is no such programme');

insert into integration (program_id, name, key_hash, aliases, statuses)
  select id, 'shop', sha256('key'), '{"tid": "order_id"}', '{"1": "approved", "ping": "ignore"}' from program where code = 'one';
delete from catalog_change;
select is(catalog_extension('integration', sha256('key')),
          catalog_bytes(catalog_text('1') || catalog_text('approved') || catalog_text('ping') || catalog_text('ignore')), 'words, no secret');
insert into integration_secret (integration_id, secret) select id, repeat(letter, 40) from integration, unnest('{a,b,c}'::text[]) as letter order by letter;
select is(catalog_extension('integration', sha256('key')),
          catalog_bytes(catalog_text('1') || catalog_text('approved') || catalog_text('ping') || catalog_text('ignore'))
            || catalog_text(repeat('c', 40)) || catalog_text(repeat('b', 40)), 'the two newest secrets');
select results_eq('select distinct type::text, key from catalog_change', $$values ('integration', sha256('key'))$$, 'a new secret is a change of its integration');
delete from catalog_change;
select integration_secrets_keep(id, 1) from integration;
select results_eq('select secret from integration_secret', $$values (repeat('c', 40))$$, 'one is kept');
select isnt_empty('select from catalog_change', 'a retired one is a change too');
select throws_ok($$insert into integration_secret (integration_id, secret) select id, 'short' from integration$$, '23514', null, 'no short secret');
select throws_ok($$update integration set statuses = '{"": "approved"}'$$, '23514', null, 'no empty word: it would end the list');
select throws_ok($$update integration set aliases = '{"": "amount"}'$$, '23514', null, 'no empty name either');
select is(length(catalog_bytes(decode(repeat('00', 40000), 'hex'))), 40002, 'more than a smallint of bytes');

select * from finish();
rollback;
