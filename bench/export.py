"""export: GET /v1/conversions?format=csv of a million rows, and of a tenth of them: rows a second, CPU a row, and the API's memory.

The memory must not grow with the rows: ratio is the API's largest memory at all rows divided by that at a tenth. The API is
started anew before each, so that its largest memory is that of one export.
"""
import http.client
import time

from processes import Group, memory_high
from query import UNTIL, Year
from report import table, target
from service import Failure

ROWS, QUICK_ROWS = 1_000_000, 20_000
PART_BYTES = 65536
TARGET = 1.25
SETUP_SQL = """
insert into clickledger.program (code, name, currency, time_zone) values ('bench', 'Programme', 'RUB', 'Europe/Moscow');
insert into clickledger.partner (name, status) values ('Bench partner', 'active');
insert into clickledger.link (program_id, partner_id, slug, target_url, name)
  select g.id, a.id, 'bench', 'https://shop.example/landing', 'Bench link' from clickledger.program g, clickledger.partner a"""
# Orders of a year, each with the credit of one click.
ROWS_SQL = """
set synchronous_commit = off;
with made as (
  insert into clickledger.conversion (program_id, kind, order_id, occurred_at, status, currency, amount_minor, click_id)
  select g.id, 'sale', 'B-' || n, '{until}'::timestamptz - n * interval '30 seconds', 'approved', g.currency, 1000 + n % 1000000, md5(n::text)::uuid
  from clickledger.program g, generate_series({first}, {last}) as n
  returning id, program_id, click_id, occurred_at, amount_minor)
insert into clickledger.credit (conversion_id, touch_kind, touch_id, touch_ts, program_id, partner_id, link_id, weight_ppm, amount_minor, model)
  select m.id, 'click', m.click_id, m.occurred_at - interval '1 hour', m.program_id, l.partner_id, l.id, 1000000, m.amount_minor, 'last'
  from made m join clickledger.link l on l.program_id = m.program_id"""
VACUUM_SQL = "vacuum analyze clickledger.conversion, clickledger.credit"


def export(port, key):
    """Rows and bytes of the whole list."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/v1/conversions?format=csv", headers={"Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise Failure(f"GET /v1/conversions said {answer.status}: {answer.read(200)}")
    lines = size = 0
    while part := answer.read(PART_BYTES):  # raises if the last chunk is missing
        lines, size = lines + part.count(b"\n"), size + len(part)
    connection.close()
    return lines - 1, size


def measure(world, key, rows):
    """One export of all rows there are: a line of the table, and the API's largest memory in MB."""
    world.services["api"].stop()
    world.start_api()
    idle = memory_high(world.pid("api"))
    groups = {name: Group(world.pid(name)) for name in ("api", "postgres")}
    for group in groups.values():
        group.start()
    began = time.monotonic()
    told, size = export(world.state.settings["api_port"], key)
    took = time.monotonic() - began
    if told != rows:
        raise Failure(f"of {rows} rows in PostgreSQL {told} were exported")
    cpu = [groups[name].used().per(rows).total for name in groups]
    memory = memory_high(world.pid("api"))
    return [str(rows), f"{size / 1e6:.1f}", f"{took:.1f}", f"{rows / took:.0f}", *(f"{one:.1f}" for one in cpu), f"{idle:.1f}", f"{memory:.1f}"], memory


def run(options):
    rows = QUICK_ROWS if options.quick else options.requests or ROWS
    lines, memories, made = [["rows", "MB", "s", "rows/s", "CPU of a row, us: API", "PostgreSQL", "memory of the API, MB: started", "largest"]], [], 0
    with Year() as world:
        world.state.psql("cl_owner", "-c", SETUP_SQL)
        key = world.state.psql("cl_owner", "-c", "select clickledger.api_key_create('team', null, 'bench')")
        for wanted in rows // 10, rows:
            world.state.psql("cl_owner", "-c", ROWS_SQL.format(until=UNTIL, first=made + 1, last=wanted))
            world.state.psql("cl_owner", "-c", VACUUM_SQL)
            made = wanted
            line, memory = measure(world, key, wanted)
            lines.append(line)
            memories.append(memory)
    ratio = memories[1] / memories[0]
    print(f"\nexport: GET /v1/conversions?format=csv of {rows} conversions in PostgreSQL, and of a tenth\n")
    table(lines)
    print(f"  the API's largest memory, of {rows} rows / of {rows // 10}: {ratio:.2f}; {target([ratio], TARGET)}")
    return ratio
