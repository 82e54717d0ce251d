"""click: CPU of a recorded redirect on keep-alive connections, beside that of servers that record less."""
import geo
import peers
from loading import Loader
from sides import Ours, Theirs, alternate, print_ratios, print_rounds
from state import say
from world import ROOT, World

CONNECTIONS = 64, 256
TARGETS = {"nginx return 302": 1.0, "nginx, log, userid, geoip2": 0.8, "nginx, Lua, XADD": 0.15}
STRETCH = 0.9


def makers(options):
    return [peers.redirect] if options.quick else [peers.redirect, peers.recording, peers.bare, peers.lua]


def synced(world, loader, reference, options):
    """With every answer behind an fdatasync: what the default interval saves."""
    world.start_tracker(journal_sync_ms=0)
    rounds = min(options.rounds, 3)
    for connections in CONNECTIONS:
        say(f"journal_sync_ms = 0, {connections} connections")
        found = alternate([Ours(world, loader), reference], rounds, {"rate": 0, "connections": connections, "count": options.requests // 2})
        print_rounds(f"click, journal_sync_ms = 0: {connections} keep-alive connections, {rounds} rounds", found)
        print_ratios(found, {})


def run(options):
    options.requests = options.requests or (4000 if options.quick else 100000)
    rounds = 2 if options.quick else options.rounds
    worst = 0
    databases = None if options.quick else geo.databases(ROOT, options.build)
    with World(databases) as world, peers.started(makers(options), {"build": options.build, "geo": databases}) as others:
        loader = Loader(options.build, world.slugs())
        sides = [Ours(world, loader)] + [Theirs(peer, loader) for peer in others]
        for connections in CONNECTIONS:
            say(f"{connections} connections")
            found = alternate(sides, rounds, {"rate": 0, "connections": connections, "count": options.requests})
            print_rounds(f"click: {connections} keep-alive connections, {rounds} rounds of {options.requests} requests: median (min..max)", found)
            worst = max(worst, print_ratios(found, TARGETS))
        if not options.quick:
            synced(world, loader, sides[1], options)
        print("\n" + world.verify(options.build))
    print(f"ours / nginx return 302, the worse of {' and '.join(map(str, CONNECTIONS))} connections; stretch {STRETCH:.2f}")
    return worst
