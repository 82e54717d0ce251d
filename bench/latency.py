"""latency: an open loop at half of the rate that saturates us, beside nginx return 302; then while a store is stopped or
the catalog is replaced. Each round is asked at the same rate, and its times count from when a request was due. Servers and
load come before what else the machine runs, as far as it lets us: a busy machine would be what is measured.
"""
import contextlib
import os
import signal
import statistics
import threading

import geo
import peers
from loading import Loader
from processes import prefer, tree
from report import ratios, spread, table, target
from service import Failure
from state import say
from world import LINKS_SQL, LOAD_CORE, OURS, ROOT, TARGET, World, pinned

CONNECTIONS = 64
QUANTILES = "p50", "p99", "p99.9"
TARGET_CALM, TARGET_DISTURBED = 1.1, 1.2
SWAPPED_LINKS = 100000


def in_us(report):
    return {name: report[name + "_ns"] / 1000 for name in QUANTILES}


class Latency:
    def __init__(self, options, world, loader, peer):
        self.options, self.world, self.loader, self.peer = options, world, loader, peer
        self.seconds = 1 if options.quick else options.seconds or 5
        self.rate = None

    def saturate(self):
        """The rate at which one of ours is busy all the time."""
        rates = []
        for _ in range(1 if self.options.quick else 3):
            done = self._ask(self.world.url, self.world.ids, rate=0, seconds=self.seconds)
            rates.append(done["answered"] / done["elapsed_ns"] * 1e9)
            self.world.drain()
        self.rate = int(statistics.median(rates) / 2)
        print(f"saturated at {statistics.median(rates):.0f} requests/s on {CONNECTIONS} connections; asked at {self.rate}/s")

    def _ask(self, url, ids=None, **more):
        done = self.loader.run(url, ids=ids, realtime=True, connections=CONNECTIONS, **more)
        if done["status_3xx"] != done["sent"]:
            raise Failure(f"of {done['sent']} requests {done['status_3xx']} were redirected")
        self.world.answered += done["answered"] if ids else 0
        return done

    def theirs(self):
        return in_us(self._ask(self.peer.url, rate=self.rate, seconds=self.seconds))

    def ours(self, disturb=contextlib.nullcontext):
        with disturb():
            found = in_us(self._ask(self.world.url, self.world.ids, rate=self.rate, seconds=self.seconds))
        self.world.drain()
        return found

    # --- disturbances -------------------------------------------------------------------------

    @contextlib.contextmanager
    def redis_stopped(self):
        os.kill(self.world.pid("redis"), signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.world.pid("redis"), signal.SIGCONT)

    @contextlib.contextmanager
    def postgres_stopped(self):
        self.world.services["postgres"].stop()
        try:
            yield
        finally:
            with pinned(LOAD_CORE):
                self.world.state.start_postgres(self.world.services["postgres"])

    @contextlib.contextmanager
    def catalog_swapped(self):
        """ingest finds so many new links while the load runs, makes an image of all, and the tracker takes it."""
        world = self.world
        before = world.metric("clickledger_tracker_catalog_revision")
        for pid in tree(world.pid("ingest")):
            os.kill(pid, signal.SIGSTOP)
        world.links += SWAPPED_LINKS
        world.state.psql("cl_owner", "-c", LINKS_SQL.format(target=TARGET, links=world.links))
        timer = threading.Timer(self.seconds / 5, self._resume_ingest)
        timer.start()
        try:
            yield
        finally:
            timer.join()
        world.wait_catalog()
        if world.metric("clickledger_tracker_catalog_revision") < before + SWAPPED_LINKS:
            raise Failure("the catalog was not replaced")

    def _resume_ingest(self):
        for pid in tree(self.world.pid("ingest")):
            os.kill(pid, signal.SIGCONT)

    # --- rounds -------------------------------------------------------------------------------

    def pairs(self, name, rounds, limit, disturb=contextlib.nullcontext):
        """Rounds of ours and of theirs in turn. Returns the median ratio of the p99s."""
        ours, theirs = [], []
        for number in range(rounds):
            ours.append(self.ours(disturb))
            theirs.append(self.theirs())
            say(f"  {name}, round {number + 1}: p99 {ours[-1]['p99']:.0f} us, nginx {theirs[-1]['p99']:.0f} us")
        print(f"\nlatency, {name}: {rounds} rounds of {self.seconds} s at {self.rate}/s: median (min..max)\n")
        rows = [["from when it was due, in us", *QUANTILES]]
        for side, found in ("ours", ours), (self.peer.name, theirs):
            rows.append([side, *(spread([one[quantile] for one in found], 0) for quantile in QUANTILES)])
        table(rows)
        p99 = ratios([one["p99"] for one in ours], [one["p99"] for one in theirs])
        print(f"  p99, ours / {self.peer.name}: {spread(p99)}; {target(p99, limit)}")
        return statistics.median(p99)


def run(options):
    rounds, disturbed = (1, 1) if options.quick else (options.rounds, 3)
    databases = None if options.quick else geo.databases(ROOT, options.build)
    with World(databases) as world, peers.started([peers.redirect], {}) as (peer,):
        latency = Latency(options, world, Loader(options.build, world.slugs()), peer)
        prefer([pid for name in OURS for pid in world.groups[name].members()] + peer.group.members())
        latency.saturate()
        latency.ours()
        latency.theirs()
        ratio = latency.pairs("undisturbed", rounds, TARGET_CALM)
        latency.pairs("Redis stopped", disturbed, TARGET_DISTURBED, latency.redis_stopped)
        latency.pairs("PostgreSQL stopped", disturbed, TARGET_DISTURBED, latency.postgres_stopped)
        latency.pairs(f"catalog of {SWAPPED_LINKS} links replaced", 1 if options.quick else disturbed, TARGET_DISTURBED, latency.catalog_swapped)
        print("\n" + world.verify(options.build))
    return ratio
