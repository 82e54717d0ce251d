"""bench/profile: what a click costs, function by function.

By default the tracker runs under callgrind, which counts instructions of user code and gives nearly the same figures every
time. --time samples a tracker at full load with perf, kernel included; that varies, but is what is paid for.
"""
import argparse
import os
import re
import subprocess
import sys

import geo
import world
from loading import Loader
from processes import pinned
from service import Failure, interrupt_on_every_end
from state import say

CONNECTIONS = 64
WARM_UP = 2000
READY_SECONDS = 120   # valgrind is slow to start


class Profiled(world.World):
    """A world whose tracker runs under callgrind; each process writes its counts when it ends."""

    def _start(self):
        services = self.state.services

        def wrapped():
            found = services()
            for service in found:
                if service.name == "tracker":
                    service.command = ["valgrind", "--tool=callgrind", "--trace-children=yes",
                                       f"--callgrind-out-file={self.state.path('log')}/callgrind.%p", *service.command]
                    service.ready_seconds = READY_SECONDS
            return found

        self.state.services = wrapped
        super()._start()

    def counts(self, loader, requests):
        """Instructions by function of a worker that was started, answered so many clicks, and was stopped."""
        self.start_tracker()
        tracker = self.pid("tracker")
        worker = next(pid for pid in self.groups["tracker"].members() if pid != tracker)
        done = loader.run(self.url, ids=self.ids, rate=0, connections=CONNECTIONS, timeout=60, count=requests)
        self.answered += done["answered"]
        self.drain()
        self.services["tracker"].stop()
        return by_function(self.state.path("log", f"callgrind.{worker}"))


def by_function(path):
    text = subprocess.run(["callgrind_annotate", "--threshold=100", "--show-percs=no", "--auto=no", path], capture_output=True, text=True).stdout
    found = {}
    for line in text.splitlines():
        row = re.match(r"\s*([\d,]+) +(\S*?)([^/:]+:\S+)", line)
        if row and "[" in line:
            name = row[3].replace(":", ": ", 1)
            found[name] = found.get(name, 0) + int(row[1].replace(",", ""))
    if not found:
        raise Failure(f"callgrind counted nothing:\n{text[-1000:]}")
    return found


def instructions(options):
    """What more clicks add: start, catalog and stop are the same in both runs."""
    with Profiled(geo.databases(world.ROOT, options.build)) as place:
        loader = Loader(options.build, place.slugs())
        say(f"{WARM_UP} clicks, then {WARM_UP + options.requests}")
        few, many = (place.counts(loader, WARM_UP + more) for more in (0, options.requests))
    added = sorted(((count - few.get(name, 0)) / options.requests, name) for name, count in many.items())
    print(f"instructions of user code for each of {options.requests} clicks, {CONNECTIONS} connections, by function itself\n")
    for count, name in reversed(added[-options.top:]):
        print(f"  {count:8.1f}  {name}")
    print(f"\ninstructions={sum(count for count, _ in added):.0f}")


def sampled(options):
    with world.World(geo.databases(world.ROOT, options.build)) as place:
        loader = Loader(options.build, place.slugs())
        data = os.path.join(place.folder, "perf.data")
        pids = ",".join(str(pid) for name in world.OURS for pid in place.groups[name].members())
        with pinned(world.LOAD_CORE):
            perf = subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", "4000", "-g", "-o", data, "-p", pids],
                                    stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            loader.run(place.url, ids=place.ids, rate=0, connections=CONNECTIONS, count=options.requests * 20)
        finally:
            perf.send_signal(2)
            perf.wait()
        done = subprocess.run(["perf", "report", "-i", data, "--no-children", "-g", "none", "--stdio", "--percent-limit", "0.4",
                               "--sort", "comm,dso,symbol"], capture_output=True, text=True)
        print("\n".join(line for line in done.stdout.splitlines() if line and not line.startswith("#")))


def main():
    parser = argparse.ArgumentParser(prog="bench/profile", description="What a click costs, function by function: instructions by callgrind.")
    parser.add_argument("--time", action="store_true", help="samples of time at full load by perf (package linux-perf), kernel included")
    parser.add_argument("--requests", type=int, default=20000, metavar="N", help="clicks that are counted (default 20000; 20 times as many with --time)")
    parser.add_argument("--top", type=int, default=30, metavar="N", help="functions that are printed (default 30)")
    options = parser.parse_args()
    interrupt_on_every_end()
    try:
        options.build = world.build()
        (sampled if options.time else instructions)(options)
    except Failure as failure:
        say(f"bench/profile: {failure}")
        return 1
    except KeyboardInterrupt:
        say("bench/profile: interrupted")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
