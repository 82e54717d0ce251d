"""A world of PostgreSQL alone, with clicks, visitors and orders in the product's own tables: for benchmarks of attrib.

Everything is made by a formula of its number, so that each run has the same data. A visitor belongs to one of five
programmes, which differ by their model. Clicks lie in 30 days, orders in the last 15 of them. More clicks are clicks of more
visitors, from all of whom the orders come, so that a journey is as long in a large world as in a small one.
"""
import os
import subprocess
import time
import types

import commands
from processes import Group
from service import Failure
from state import say
from world import World, free_port

PROGRAMS, PARTNERS, CHUNK = 5, 200, 1000000
CLICKS_PER_VISITOR = 10 / 3
BEGIN, DAYS, ORDER_DAYS = "2026-03-01 00:00+00", 30, 15
PERIOD = "2026-03-01", "2026-04-01"
MODELS = "last", "first", "linear", "position", "time_decay"

SETUP_SQL = f"""
select clickledger.partition_ensure('2026-02-28', '2026-04-02');
insert into clickledger.program (code, name, currency) select 'bench' || n, 'bench ' || n, 'RUB' from generate_series(1, {PROGRAMS}) as n;
insert into clickledger.partner (name, status) select 'bench ' || n, 'active' from generate_series(1, {PARTNERS}) as n;
insert into clickledger.terms (program_id, version, effective_from, commission_kind, rate_ppm)
  select id, 1, '2025-01-01', 'percent', 100000 from clickledger.program where code like 'bench%';
create function clickledger.bench_id(at timestamptz, n bigint) returns uuid language sql immutable parallel safe
  return (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8'
    || substr(md5(n::text), 4, 15))::uuid;
comment on function clickledger.bench_id(timestamptz, bigint) is 'UUIDv7 of the bench.';
"""
# A visitor's clicks are spread over the days by a hash of their numbers.
CLICK_SQL = """
insert into clickledger.click (ts, click_id, visitor_id, program_id, partner_id, link_id, class, reason, status, method, host, path, destination,
  user_agent, language, country, device, os, browser, catalog_revision, producer, seq, content_hash)
select clickledger.click_ts(id), id, md5('v' || visitor)::uuid, programs.ids[1 + visitor % {programs}], programs.partner + h % {partners}, 1 + h % 1000,
  case when n % 10 = 0 then 'bot' else 'human' end::clickledger.hit_class, case when n % 10 = 0 then 'ua_bot' else 'none' end, 302, 'GET',
  'go.shop.example', 'spring' || h % 1000, 'https://shop.example/landing?campaign=bench&click_id=' || id,
  'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Mobile Safari/537.36', 'ru', 'RU',
  'phone', 'android', 'chrome', 1, '00000000-0000-0000-0000-000000000007', n, n
from (
  select n, {known} + n % {new} as visitor, abs(hashint8(n)) as h,
    clickledger.bench_id('{begin}'::timestamptz + {days} * interval '1 day' * (abs(hashint8(n * 7 + 3)) % 1000000) / 1000000.0, n) as id
  from generate_series({first}, {last}) as n) made,
  (select array_agg(id order by id) as ids, (select min(id) from clickledger.partner where name like 'bench %') as partner
   from clickledger.program where code like 'bench%') programs
order by 1"""
ORDER = """
from (
  select n, n * 1000003 % {visitors} as visitor, '{begin}'::timestamptz + interval '{wait} days'
    + {order_days} * interval '1 day' * (abs(hashint8(n * 11 + 5)) % 1000000) / 1000000.0 as at
  from generate_series({first}::bigint, {last}) as n) made,
  (select array_agg(id order by id) as ids from clickledger.program where code like 'bench%') programs"""
CONVERSION_SQL = """
insert into clickledger.conversion (program_id, kind, order_id, occurred_at, status, currency, amount_minor, visitor_id)
select programs.ids[1 + visitor % {programs}], 'sale', 'order-' || n, at, 'approved', 'RUB', 1000 + abs(hashint8(n)) % 100000,
  md5('v' || visitor)::uuid
""" + ORDER + """;
insert into clickledger.conversion_key (conversion_id, kind, value) select id, 'visitor', visitor_id from clickledger.conversion
"""
REPORT_SQL = """
insert into clickledger.conversion_report (id, ts, source, program_id, order_id, kind, status, amount, amount_minor, visitor_id, producer, seq, content_hash)
select id, clickledger.click_ts(id), 'postback', program_id, 'report-' || n, 'sale', 'approved', amount / 100.0, amount, visitor_id,
  '00000000-0000-0000-0000-000000000007', n, n
from (
  select clickledger.bench_id(at, n) as id, programs.ids[1 + visitor % {programs}] as program_id, n, 1000 + abs(hashint8(n)) % 100000 as amount,
    md5('v' || visitor)::uuid as visitor_id
""" + ORDER + ") told"


class Orders(World):
    server_core = load_core = None

    def _start(self):
        state = self.state
        state.open()
        state.choose(types.SimpleNamespace(port=free_port(), api_port=None, workers=1))
        state.make_home()
        state.build()
        commands.configure(state)
        self.services = {service.name: service for service in state.services()}
        state.start_postgres(self.services["postgres"])
        state.migrate()
        self.sql(SETUP_SQL)
        self.clicks = 0

    def sql(self, *statements, role="cl_owner"):
        return self.state.psql(role, *(word for statement in statements for word in ("-c", statement)))

    @property
    def visitors(self):
        return int(self.clicks / CLICKS_PER_VISITOR)

    def _formula(self, sql, first, last, **more):
        return sql.format(first=first, last=last, visitors=self.visitors, programs=PROGRAMS, partners=PARTNERS, begin=BEGIN, days=DAYS,
                          wait=DAYS - ORDER_DAYS, order_days=ORDER_DAYS, **more)

    def add_clicks(self, count):
        """Up to `count` clicks in all."""
        while self.clicks < count:
            first, known = self.clicks + 1, self.visitors
            self.clicks = min(self.clicks + CHUNK, count)
            self.sql(self._formula(CLICK_SQL, first, self.clicks, known=known, new=self.visitors - known))
            say(f"  {self.clicks} clicks")

    def add_conversions(self, count):
        """As if their reports had been folded, but nobody is credited yet."""
        self.sql(self._formula(CONVERSION_SQL, 1, count))

    def add_reports(self, first, last):
        self.sql(self._formula(REPORT_SQL, first, last))

    def settle(self):
        self.state.psql("postgres", "-c", "vacuum analyze", "-c", "checkpoint")

    def attrib(self, build, *arguments):
        """One run of clickledger-attrib: what it `said`, its `seconds`, the `cpu` of it and of PostgreSQL meanwhile, in seconds, and its
        largest `memory`, in MB."""
        postgres, begin = Group(self.pid("postgres")), time.monotonic()
        postgres.start()
        run = subprocess.Popen([os.path.join(build, "attrib", "clickledger-attrib"), *arguments], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env={**os.environ, "CLICKLEDGER_POSTGRES_CONNINFO": self.state.conninfo("cl_attrib")})
        with run.stdout:
            told = run.stdout.read()
        _, status, used = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
        if status != 0:
            raise Failure(f"clickledger-attrib {arguments[0]} failed:\n{told}")
        return types.SimpleNamespace(
            said={name: int(value) for name, value in (word.split("=") for word in told.splitlines()[-1].split())},
            seconds=time.monotonic() - begin, cpu=postgres.used().total / 1e9 + used.ru_utime + used.ru_stime, memory=used.ru_maxrss / 1024)
