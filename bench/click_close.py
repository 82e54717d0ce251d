"""click-close: CPU of a recorded redirect with a new connection for each, the way browsers come."""
import geo
import peers
from loading import Loader
from sides import Ours, Theirs, alternate, print_ratios, print_rounds
from world import ROOT, World

CONNECTIONS = 64
TARGETS = {"nginx return 302": 1.15}
# One address has 28,000 ports, and a closed connection keeps its own for a while.
FROM = ",".join(f"127.0.1.{number}" for number in range(1, 33))


def run(options):
    rounds, count = (2, 2000) if options.quick else (options.rounds, options.requests or 50000)
    databases = None if options.quick else geo.databases(ROOT, options.build)
    makers = [peers.redirect] if options.quick else [peers.redirect, peers.bare]
    with World(databases) as world, peers.started(makers, {"build": options.build}) as others:
        loader = Loader(options.build, world.slugs())
        sides = [Ours(world, loader)] + [Theirs(peer, loader) for peer in others]
        found = alternate(sides, rounds, {"rate": 0, "connections": CONNECTIONS, "count": count, "from": FROM}, ["--close"])
        print_rounds(f"click-close: {CONNECTIONS} at a time, {rounds} rounds of {count} requests: median (min..max)", found)
        ratio = print_ratios(found, TARGETS)
        print("\n" + world.verify(options.build))
    return ratio
