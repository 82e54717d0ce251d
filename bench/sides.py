"""Sides of a benchmark of CPU, their rounds, and how they are printed.

Rounds alternate between the sides. A round of ours ends when PostgreSQL has every click and Redis is empty; what tracker
and Redis use until then belongs to its clicks. ingest and PostgreSQL are printed apart.
"""
import statistics

from processes import Group
from report import ratios, spread, table, target
from service import Failure
from state import say
from world import APART, OURS


class Round:
    def __init__(self, requests, parts, elapsed_ns):
        self.parts = {name: cpu.per(requests) for name, cpu in parts.items()}
        self.rate = requests / elapsed_ns * 1e9

    @property
    def total(self):
        return sum(self.parts[name].total for name in self.parts if name not in APART)


class Ours:
    name = "ours"

    def __init__(self, world, loader, name="ours"):
        self.world, self.loader, self.name = world, loader, name

    def round(self, options, flags):
        world = self.world
        groups = {**world.groups, **{name: Group(world.pid(name)) for name in APART}}
        for group in groups.values():
            group.start()
        done = self.loader.run(world.url, *flags, ids=world.ids, realtime=True, **options)
        if done["ids"] != done["answered"] or done["status_3xx"] != done["sent"]:
            raise Failure(f"of {done['sent']} requests {done['status_3xx']} were redirected, {done['ids']} with a click id")
        world.answered += done["answered"]
        world.drain()
        used = {name: group.used() for name, group in groups.items()}
        world.check_cores()
        if groups["tracker"].members() != sorted(groups["tracker"].begin):
            raise Failure("a process of the tracker died during the round")
        return Round(done["answered"], used, done["elapsed_ns"])


class Theirs:
    def __init__(self, peer, loader):
        self.peer, self.loader, self.name = peer, loader, peer.name

    def round(self, options, flags):
        self.peer.group.start()
        done = self.loader.run(self.peer.url, *flags, realtime=True, **options)
        used = self.peer.group.used()
        if done["status_3xx"] != done["sent"]:
            raise Failure(f"{self.name}: of {done['sent']} requests {done['status_3xx']} were redirected")
        self.peer.check_cores()
        return Round(done["answered"], {"all": used}, done["elapsed_ns"])


def alternate(sides, rounds, options, flags=()):
    """Rounds of each side, in turn, after one that does not count."""
    found = {side.name: [] for side in sides}
    for number in range(-1, rounds):
        for side in sides:
            one = side.round({**options, "count": options["count"] // 4} if number < 0 else options, flags)
            if number >= 0:
                found[side.name].append(one)
                say(f"  round {number + 1}, {side.name}: {one.total:.2f} us")
    return found


def parts_row(name, rounds, part=None):
    cpus = [[one.parts[part]] if part else [one.parts[p] for p in one.parts if p not in APART] for one in rounds]
    values = [(sum(c.total for c in cpu), sum(c.user for c in cpu), sum(c.system for c in cpu)) for cpu in cpus]
    total, user, system = zip(*values)
    rate = f"{statistics.median(one.rate for one in rounds):.0f}" if not part else ""
    return [name, spread(total), spread(user), spread(system), rate]


def print_rounds(title, found):
    print(f"\n{title}\n")
    rows = [["CPU of a request in us", "total", "user", "system", "requests/s"]]
    for name, rounds in found.items():
        rows.append(parts_row(name, rounds))
        if "tracker" in rounds[0].parts:
            rows += [parts_row("  of it " + part, rounds, part) for part in OURS]
            rows += [parts_row(f"  ({part})", rounds, part) for part in APART]
    table(rows)


def print_ratios(found, targets):
    """Ratios of ours to each peer, pair by pair. Returns the median of those to the first."""
    ours = [one.total for one in found["ours"]]
    first = None
    for name, rounds in found.items():
        if name == "ours":
            continue
        pairs = ratios(ours, [one.total for one in rounds])
        first = first or statistics.median(pairs)
        print(f"  ours / {name}: {spread(pairs)}" + (f"; {target(pairs, targets[name])}" if name in targets else ""))
    return first
