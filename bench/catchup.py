"""catchup: PostgreSQL is away for a while under live clicks; how fast what has waited is loaded when it is back.

The live clicks go on all the time. The rate is that of all clicks stored from the moment PostgreSQL answers again until no
more wait than came within the last second; connecting again and taking over are in it.
"""
import threading
import time

from loading import Loader
from service import Failure, wait_for
from state import say
from warehouse import Warehouse

TARGET = 50000
AWAY_SECONDS = 60  # a real outage: --seconds 600
LIVE_RATE = 10000
SLOWEST = 15000    # clicks a second that are stored while live clicks still go on


class Live(threading.Thread):
    """The load beside it all; its report is there when it has ended."""

    def __init__(self, loader, world, rate, seconds):
        super().__init__(daemon=True)
        self.loader, self.world, self.options = loader, world, {"rate": rate, "connections": 128, "seconds": seconds, "ids": world.ids}

    def run(self):
        try:
            self.report = self.loader.run(self.world.url, **self.options)
        except Failure as failure:
            self.report = failure


def stored(world):
    return world.loaded('hits_stored_total{table="click"}')


def accepted(world):
    return world.metric("clickledger_recorder_accepted_total")


def drain(world, rate):
    """Seconds and clicks from now until it has caught up."""
    begin, before, shown = time.monotonic(), stored(world), 0
    while True:
        time.sleep(0.2)
        now, waiting = stored(world) - before, accepted(world) - stored(world)
        passed = time.monotonic() - begin
        if waiting <= rate:
            return passed, now
        if passed > shown + 10:
            shown = passed
            say(f"  {passed:.0f} s: {now:.0f} stored, {waiting:.0f} wait")


def run(options):
    rate = 500 if options.quick else LIVE_RATE
    away = 3 if options.quick else options.seconds or AWAY_SECONDS
    with Warehouse(options.shards) as world:
        live = Live(Loader(options.build, world.slugs()), world, rate, 10 + away + away * rate / SLOWEST)
        live.start()
        wait_for("live clicks in PostgreSQL", lambda: stored(world) > rate, 60)
        world.services["postgres"].stop()
        say(f"PostgreSQL is away for {away:g} s")
        time.sleep(away)
        world.state.start_postgres(world.services["postgres"])
        waited = accepted(world) - stored(world)
        seconds, clicks = drain(world, rate)
        ended = not live.is_alive()
        live.join()
        if isinstance(live.report, Failure):
            raise live.report
        world.answered += live.report["answered"]
        world.drain()
        print("\n" + world.verify(options.build))
    found = clicks / seconds
    print(f"\ncatchup: {away:g} s without PostgreSQL, {rate} live clicks/s all the time\n")
    print(f"  {waited:.0f} clicks waited; {clicks:.0f} were stored within {seconds:.1f} s: {found:.0f} clicks/s; target at least {TARGET}: "
          f"{'met' if found >= TARGET else 'missed'}")
    if ended:
        print("  the live clicks had ended before it had caught up")
    print(f"clicks a second, divided by {TARGET}:")
    return found / TARGET
