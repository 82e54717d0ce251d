"""links: CPU of a recorded redirect with a million links in the catalog, beside a thousand; the links asked for are random.

Two whole installations side by side: the links are in PostgreSQL and came to the tracker as they always do.
"""
import statistics

import geo
from loading import Loader
from report import ratios, spread, target
from sides import Ours, alternate, print_rounds
from state import say
from world import ROOT, World

FEW, MANY = 1000, 1000000
TARGET_RATIO = 1.1


def run(options):
    rounds, count = (2, 4000) if options.quick else (options.rounds, options.requests or 100000)
    many_links = 20000 if options.quick else MANY
    databases = None if options.quick else geo.databases(ROOT, options.build)
    say(f"{many_links} links go to PostgreSQL and from there to the tracker")
    with World(databases, FEW) as few, World(databases, many_links) as many:
        many.settle_redis()
        # As many different requests as a round has, so that each asks for another link.
        sides = [Ours(many, Loader(options.build, many.slugs()), "many"), Ours(few, Loader(options.build, few.slugs()), "few")]
        found = alternate(sides, rounds, {"rate": 0, "connections": 64, "count": count, "requests": count})
        names = {"many": f"{many_links} links", "few": f"{FEW} links"}
        print_rounds(f"links: 64 connections, {rounds} rounds of {count} requests: median (min..max)", {names[side]: found[side] for side in found})
        pairs = ratios(*([one.total for one in found[side]] for side in ("many", "few")))
        print(f"  {names['many']} / {names['few']}: {spread(pairs)}; {target(pairs, TARGET_RATIO)}")
        for world in many, few:
            print(world.verify(options.build))
    return statistics.median(pairs)
