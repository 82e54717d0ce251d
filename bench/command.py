"""bench/run: one benchmark on a private installation; the last line is ratio=N.NN."""
import argparse
import importlib
import sys

import world
from report import machine
from service import Failure, interrupt_on_every_end
from state import say

BENCHMARKS = {
    "click": "CPU per request on keep-alive connections, beside nginx return 302 and others",
    "click-close": "CPU per request, each on a new connection, beside nginx return 302",
    "latency": "times of answers at half of the saturating rate, undisturbed and disturbed, beside nginx return 302",
    "memory": "bytes of an idle connection, and of a click that waits in Redis and in the journal",
    "catchup": "clicks a second when PostgreSQL is back after an outage under live clicks, beside the target",
    "ingest": "clicks a second from full streams into PostgreSQL, beside COPY BINARY into a bare and into an indexed table",
    "fresh": "from the 302 of a click to its partner's number in GET /v1/stats at 5,000 clicks/s; ratio of the p99 to 2 s",
    "attrib": "credits of 500,000 conversions over 10 million clicks, last touch and five models, beside an analyst's SQL",
    "attrib-scale": "time of an order from report to ledger, over 1 and 10 (--clicks: more) million clicks",
    "attrib-live": "from an order's report to its commission in GET /v1/balance at 200 orders/s; ratio of the p99 to 5 s",
    "links": "CPU per request with a million links, beside a thousand",
    "query": "answers of the API and of the views about a year of 10 million clicks; the slowest p99 of a partner's month, divided by 10 ms",
    "api": "CPU per request and p99 of GET /v1/stats, a partner's month by day, beside pgbench with the same SQL",
    "export": "rows a second, CPU per row and the API's largest memory of a CSV of 1,000,000 conversions; ratio to the memory of a tenth of them",
}


def parse():
    names = "\n".join(f"  {name:12} {what}" for name, what in BENCHMARKS.items())
    parser = argparse.ArgumentParser(prog="bench/run", formatter_class=argparse.RawDescriptionHelpFormatter,
                                     description="Starts what it needs on 127.0.0.1, measures, stops it. The last line is ratio=N.NN, "
                                     "ours divided by the named peer.\n\n" + names)
    parser.add_argument("name", choices=BENCHMARKS, metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="a short run that shows that it works; its figures mean nothing")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds of each side (default 5)")
    parser.add_argument("--requests", type=int, metavar="N", help="requests of a round; clicks of query (default 10,000,000: about 6 GB)"
                        " and of api (1,000,000), rows of export (1,000,000)")
    parser.add_argument("--seconds", type=float, metavar="S", help="length of a round of latency (default 5), of the outage of catchup (default 60)")
    parser.add_argument("--shards", type=int, default=2, metavar="N", help="shards and ingest processes of ingest and catchup (default 2)")
    parser.add_argument("--clicks", type=int, metavar="N", help="clicks of attrib and, at most, of attrib-scale (default 10000000)")
    return parser.parse_args()


def main():
    options = parse()
    interrupt_on_every_end()
    sys.stdout.reconfigure(line_buffering=True)
    try:
        options.build = world.build()
        for line in machine(world.ROOT, options.build, "/var/tmp"):
            print(line)
        ratio = importlib.import_module(options.name.replace("-", "_")).run(options)
    except Failure as failure:
        say(f"bench/run: {failure}")
        return 1
    except KeyboardInterrupt:
        say("bench/run: interrupted")
        return 130
    print(f"ratio={ratio:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
