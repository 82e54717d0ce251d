"""ingest: clicks a second from full streams, beside COPY BINARY of the same rows into a bare table and into an indexed one.

A round of ours begins when the streams appear and ends when every click is committed and a sample of them was found by
both indexes. Its rows are then what the peers copy, each with psql from a file in memory, one connection, one
transaction. Everything is on: positions, rollups, partitions and their care.
"""
import json
import os
import random
import statistics
import subprocess
import time

from loading import Loader
from processes import Group
from report import ratios, spread, table, target
from service import Failure, wait_for
from state import say
from warehouse import Warehouse, scratch

SAMPLE = 1000
LIMIT_SECONDS = 1800
ROW_BYTES = 700  # about, as COPY BINARY writes it
BARE, INDEXED = "COPY into a bare table", "COPY, same indexes"
TARGETS = {BARE: 0.6, INDEXED: 2.0}
TABLES = {
    BARE: "create table clickledger.bench (like clickledger.click)",
    INDEXED: "create table clickledger.bench (like clickledger.click); alter table clickledger.bench add primary key (click_id, ts);"
             " create index on clickledger.bench (visitor_id, ts) where visitor_id is not null",
}
FOUND_SQL = {
    "id": "select c.click_id from unnest(array[{ids}]::uuid[]) as w (id) join clickledger.{table} c"
          " on c.click_id = w.id and c.ts = clickledger.click_ts(w.id)",
    "visitor": "select c.click_id from unnest(array[{visitors}]::uuid[]) as w (id) join clickledger.{table} c on c.visitor_id = w.id",
}


def plan_nodes(plan):
    yield plan["Node Type"], plan.get("Relation Name")
    for below in plan.get("Plans", []):
        yield from plan_nodes(below)


class Sample:
    """Clicks of the streams by id and visitor; known after the first round."""

    def __init__(self, world):
        with open(world.ids) as file:
            ids = file.read().split()
        self.state, self.ids, self.visitors = world.state, random.Random(1).sample(ids, min(SAMPLE, len(ids))), []

    def _sql(self, kind, table):
        listed = [",".join(f"'{one}'" for one in some) for some in (self.ids, self.visitors)]
        return FOUND_SQL[kind].format(ids=listed[0], visitors=listed[1], table=table)

    def learn(self):
        listed = ",".join(f"'{one}'" for one in self.ids)
        self.visitors = self.state.psql("cl_owner", "-c", f"select distinct visitor_id from clickledger.click where click_id = any (array[{listed}]::uuid[])"
                                        " and visitor_id is not null").split()

    def find(self, table="click", role="cl_owner"):
        """Fails unless every click of the sample is found, and by index alone."""
        for kind, wanted in ("id", self.ids), ("visitor", self.visitors):
            asked = self._sql(kind, table)
            if len(self._asked(role, asked).split()) < len(wanted):
                raise Failure(f"not every click of the sample was found by {kind}")
            plan = json.loads(self._asked(role, "explain (format json) " + asked))[0]["Plan"]
            scanned = [relation for node, relation in plan_nodes(plan) if node == "Seq Scan" and relation]
            if scanned:
                raise Failure(f"clicks are not found by index: {', '.join(scanned)}")

    def _asked(self, role, sql):
        return self.state.psql(role, "-c", "set enable_seqscan = off", "-c", "set enable_hashjoin = off", "-c", "set enable_mergejoin = off", "-c", sql)


class Round:
    def __init__(self, clicks, seconds, parts=(), later=(0, 0)):
        self.later = later
        self.rate, self.parts = clicks / seconds, {name: cpu.per(clicks) for name, cpu in dict(parts).items()}


def ours(world, clicks, sample):
    world.streams_ready()
    groups = world.parts()
    for group in groups.values():
        group.start()
    begin = time.monotonic()
    world.streams_show()
    wait_for("every click in PostgreSQL", lambda: world.loaded('hits_stored_total{table="click"}') >= clicks, LIMIT_SECONDS)
    sample.find()
    seconds = time.monotonic() - begin
    used = {name: group.used() for name, group in groups.items()}
    wait_for("empty streams", lambda: world.waiting() == 0, 60)
    if world.settled() != clicks:
        raise Failure(f"{world.settled()} clicks of {clicks} are stored")
    return Round(clicks, seconds, used, settle(world))


def settle(world):
    """What was not yet looked at for duplicates and unique visitors when the clock stopped: how many clicks, and the CPU of
    PostgreSQL and ingest that it takes, in us for each."""
    left = int(world.state.psql("cl_owner", "-c", "select coalesce(sum(clicks), 0) from clickledger.click_due"))
    groups = [group for name, group in world.parts().items() if name != "redis"]
    for group in groups:
        group.start()
    wait_for("clicks to be settled", lambda: world.state.psql("cl_owner", "-c", "select not exists (select from clickledger.click_due)") == "t", LIMIT_SECONDS)
    return left, sum(group.used().per(left).total for group in groups) if left else 0


def theirs(world, name, path, clicks, sample):
    state = world.state
    state.psql("postgres", "-c", TABLES[name])
    state.psql("postgres", "-c", "checkpoint")
    group = Group(world.pid("postgres"))
    group.start()
    begin = time.monotonic()
    with open(path, "rb") as rows:
        subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", state.conninfo("postgres"), "-c",
                        f"copy clickledger.bench ({columns(state)}) from stdin (format binary)"], stdin=rows, check=True)
    if name == INDEXED:
        sample.find("bench", "postgres")
    seconds, used = time.monotonic() - begin, group.used()
    state.psql("postgres", "-c", "drop table clickledger.bench")
    return Round(clicks, seconds, {"postgres": used})


def columns(state):
    return state.psql("cl_owner", "-c", "select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute"
                      " where attrelid = 'clickledger.click'::regclass and attnum > 0 and not attisdropped")


def dump(world, path):
    with open(path, "wb") as out:
        subprocess.run(["psql", "-X", "-q", "-d", world.state.conninfo("postgres"), "-c",
                        f"copy (select {columns(world.state)} from clickledger.click order by click_id) to stdout (format binary)"], stdout=out, check=True)


def seal(world, clicks):
    """What sealing a partition costs: it is done once for each, a day later, and reads all its rows."""
    begin = time.monotonic()
    sealed = world.state.psql("cl_owner", "-c", "select sum(clickledger.partition_seal(table_name, day)) from clickledger.hit_partition"
                              " where table_name = 'click' and sealed_at is null")
    if int(sealed) != clicks:
        raise Failure(f"{sealed} clicks of {clicks} were sealed")
    return (time.monotonic() - begin) / clicks * 1e6


def print_rounds(found):
    rows = [["", "clicks/s", "CPU of a click in us"]]
    for name, rounds in found.items():
        parts = {part: [one.parts[part].total for one in rounds] for part in rounds[0].parts}
        rows.append([name, spread([one.rate for one in rounds], 0), ", ".join(f"{part} {statistics.median(us):.2f}" for part, us in parts.items())])
    table(rows)


def run(options):
    count = options.requests or (20000 if options.quick else 5000000)
    rounds = 1 if options.quick else min(options.rounds, 3)
    with Warehouse(options.shards) as world, scratch(count * ROW_BYTES) as folder:
        say(f"filling the streams with {count} clicks")
        clicks = world.fill(Loader(options.build, world.slugs()), count)
        path, sample = os.path.join(folder, "rows"), Sample(world)
        found = {"ours": [], BARE: [], INDEXED: []}
        ours(world, clicks, sample)  # does not count: a new cluster's log has to be made, segment by segment
        sample.learn()
        dump(world, path)
        for number in range(rounds):
            found["ours"].append(ours(world, clicks, sample))
            world.loaders_stop()  # what they do behind the loads is not the peers' affair
            for name in TABLES:
                found[name].append(theirs(world, name, path, clicks, sample))
            say(f"  round {number + 1}: " + ", ".join(f"{name} {some[-1].rate:.0f}" for name, some in found.items()))
        print("\n" + world.verify(options.build))
        sealing_us = seal(world, clicks)
    print(f"\ningest: {clicks} clicks, {rounds} rounds: median (min..max)\n")
    print_rounds(found)
    left, settling_us = found["ours"][-1].later
    print(f"  looked at later for duplicates and unique visitors: {left} clicks, at {settling_us:.2f} us of CPU each")
    print(f"  sealing their partition, later: {sealing_us:.2f} us a click")
    for name, limit in TARGETS.items():
        pairs = ratios([one.rate for one in found["ours"]], [one.rate for one in found[name]])
        print(f"  ours / {name}: {spread(pairs)}; {target(pairs, limit, 'at least')}")
    print(f"clicks a second from full streams, divided by those of {BARE}:")
    return statistics.median(ratios([one.rate for one in found["ours"]], [one.rate for one in found[BARE]]))
