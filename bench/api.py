"""api: what the overview of a partner's cabinet costs over HTTP, beside pgbench that sends PostgreSQL the same SQL.

The overview is GET /v1/stats of a month by day, of the largest partner of the world of `query`. Both sides keep as many connections
busy; ours counts the CPU of PostgreSQL and of clickledger-api, theirs PostgreSQL's, which is what cannot be saved.
"""
import glob
import hashlib
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

import psycopg2

from loading import Asker
from processes import Group, pinned, tree
from query import DAYS, QUICK_CLICKS, QUICK_DAYS, Api, Year, percentile
from report import ratios, spread, table, target
from service import Failure, wait_for
from sides import alternate
from world import LOAD_CORE

CLICKS, COUNT, QUICK_COUNT, CONNECTIONS = 1_000_000, 1000, 40, 2
WARM = 20  # transactions of a new connection until it has plans and caches, as those of the API have
TARGET = 2.0
KEY = "cl_partner_bench_1"
STATS = "/v1/stats?from=2026-06-01&to=2026-06-30&tz=Europe/Moscow"
PARAMETERS = json.dumps({"from": "2026-06-01", "to": "2026-06-30", "tz": "Europe/Moscow"})
# The steps of a request: see api/service.c and READ in api/route_fields.h.
BEGIN_SQL = "select clickledger.api_begin(%s, %s)"
STATS_SQL = "select clickledger.api_stats(%s::jsonb)::text"
SESSION = " options='-c timezone=UTC -c datestyle=ISO'"  # as base/pg_pool.c begins it
PGBENCH = "/usr/lib/postgresql/15/bin/pgbench"


def key_hash():
    return "\\x" + hashlib.sha256(KEY.encode()).hexdigest()


class Round:
    """CPU of a request in us, by part, and times in ms."""

    def __init__(self, parts, p50, p99):
        self.parts, self.p50, self.p99 = parts, p50, p99
        self.total = sum(parts.values())


class Ours:
    name = "ours"

    def __init__(self, world, build):
        self.url = f"http://127.0.0.1:{world.state.settings['api_port']}"
        self.asker = Asker(build, world.folder, STATS, f"header Authorization: Bearer {KEY}\n")
        self.groups = {name: Group(world.pid(name)) for name in ("postgres", "api")}

    def round(self, options, _):
        count = options["count"]
        for group in self.groups.values():
            group.start()
        done = self.asker.run(self.url, rate=0, count=count, connections=CONNECTIONS, requests=1)
        if done["status_2xx"] != count:
            raise Failure(f"of {count} requests {done['status_2xx']} were answered with 2xx")
        return Round({name: group.used().per(count).total for name, group in self.groups.items()}, done["p50_ns"] / 1e6, done["p99_ns"] / 1e6)


class Pgbench:
    name = "pgbench"

    def __init__(self, world):
        self.world, self.postgres = world, Group(world.pid("postgres"))
        self.script = os.path.join(world.folder, "overview.sql")
        with open(self.script, "w") as file:
            file.write(f"BEGIN;\n{BEGIN_SQL % (':hash', ':who')};\n{STATS_SQL % ':parameters'};\nCOMMIT;\n")

    def _spend(self, each):
        """CPU of so many transactions on each connection, and their times in ms."""
        before = set(tree(self.world.pid("postgres")))
        self.postgres.start()
        with tempfile.TemporaryDirectory(dir=self.world.folder) as folder:
            command = [PGBENCH, "-n", "-M", "extended", "-c", str(CONNECTIONS), "-j", "1", "-t", str(each), "-l", "--log-prefix", f"{folder}/log",
                       "-D", f"hash={key_hash()}", "-D", "who=any", "-D", f"parameters={PARAMETERS}", "-f", self.script,
                       self.world.state.conninfo("cl_api") + SESSION]
            with pinned(LOAD_CORE):
                done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            lines = [line.split() for path in glob.glob(f"{folder}/log*") for line in pathlib.Path(path).read_text().splitlines()]
        if done.returncode != 0 or len(lines) != each * CONNECTIONS:
            raise Failure(f"pgbench failed:\n{done.stdout}{done.stderr}")
        # What a backend has used is in PostgreSQL's account once it has gone.
        wait_for("the end of pgbench's backends", lambda: not set(tree(self.world.pid("postgres"))) - before, 60)
        return self.postgres.used(), [int(line[2]) / 1000 for line in lines if int(line[1]) >= WARM]

    def round(self, options, _):
        """Of connections that are warm, as the API's are: what warming them takes is taken off."""
        each = options["count"] // CONNECTIONS
        cold, _ = self._spend(WARM)
        both, times = self._spend(WARM + each)
        times.sort()
        return Round({"postgres": (both - cold).per(each * CONNECTIONS).total}, percentile(times, 0.5), percentile(times, 0.99))


def check(world):
    """The API answers what the SQL says."""
    answered = Api(world.state.settings["api_port"]).get(STATS, 1)
    connection = psycopg2.connect(world.state.conninfo("cl_api") + SESSION)
    with connection, connection.cursor() as cursor:
        cursor.execute(BEGIN_SQL, (key_hash(), "any"))
        cursor.execute(STATS_SQL, (PARAMETERS,))
        said = json.loads(cursor.fetchone()[0])["data"]
    connection.close()
    if answered != said or not said:
        raise Failure("the API and the SQL of pgbench differ")
    return len(said)


def rows_of(name, rounds):
    rows = [[name, spread([one.total / 1000 for one in rounds]), spread([1e6 / one.total for one in rounds], 0),
             spread([one.p50 for one in rounds], 1), spread([one.p99 for one in rounds], 1)]]
    if len(rounds[0].parts) > 1:
        rows += [["  of it " + part, spread([one.parts[part] / 1000 for one in rounds]), "", "", ""] for part in rounds[0].parts]
    return rows


def run(options):
    clicks, days, rounds, count = (QUICK_CLICKS, QUICK_DAYS, 1, QUICK_COUNT) if options.quick else (options.requests or CLICKS, DAYS, options.rounds, COUNT)
    with Year() as world:
        world.fill(clicks, days)
        rows_told = check(world)
        found = alternate([Ours(world, options.build), Pgbench(world)], rounds, {"count": count})
    print(f"\napi: {rounds} rounds of {count} requests on {CONNECTIONS} connections, {clicks} clicks of {days} days in PostgreSQL, an answer of"
          f" {rows_told} days: median (min..max)\n")
    rows = [["", "CPU of a request, ms", "requests a CPU second", "p50, ms", "p99, ms"]]
    for name, of_side in found.items():
        rows += rows_of(name, of_side)
    table(rows)
    pairs = ratios(*([one.total for one in of_side] for of_side in found.values()))
    print(f"  CPU of a request, ours / pgbench: {spread(pairs)}; {target(pairs, TARGET)}")
    return statistics.median(pairs)
