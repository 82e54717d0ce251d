"""attrib: credits of many conversions over many clicks, beside the SQL that an analyst would write.

The same tables, indexes and rows for both, and what they write is compared. Ours is `clickledger-attrib credit`: its time is
that of reading, deciding and writing credits; what it adds to the rollup, which the peer does not, is printed apart.
Afterwards the whole way of new orders, from report to ledger, by `clickledger-attrib run`.
"""
import os
import statistics
import time

from orders import MODELS, PERIOD, Orders
from report import ratios, spread, table, target
from service import Failure
from state import say
from world import ROOT

TARGET, STRETCH = 0.6, 0.34
SIZES = {"clicks": 10000000, "conversions": 500000, "orders": 20000}
QUICK = {"clicks": 60000, "conversions": 3000, "orders": 300}
KEPT = "conversion_id, touch_kind, touch_id, touch_ts, program_id, partner_id, link_id, promo_code_id, weight_ppm, amount_minor, model"
CLEAR_SQL = "truncate clickledger.credit, clickledger.conversion_due, clickledger.conversion_hourly"


def ours(world, build):
    world.sql(CLEAR_SQL)
    world.settle()
    done = world.attrib(build, "credit", "--from", PERIOD[0], "--to", PERIOD[1])
    world.sql("drop table if exists public.bench_credit", f"create table public.bench_credit as select {KEPT} from clickledger.credit", role="postgres")
    return done.said["credit_ms"] / 1000, {"credits": done.said["credits"], "whole": done.seconds, "memory": done.memory}


def theirs(world, name):
    world.sql(CLEAR_SQL)
    world.settle()
    begin = time.monotonic()
    world.state.psql("cl_owner", "-f", os.path.join(ROOT, "bench", name))
    return time.monotonic() - begin


def compare(world):
    """How many credits differ. Shares that a power() in floating point rounds otherwise may; everything else must not."""
    count = "select count(*) from ({} except {}) one"
    ours_, theirs_ = f"select {KEPT} from public.bench_credit", f"select {KEPT} from clickledger.credit"
    counts = [int(world.sql(count.format(*pair), role="postgres")) for pair in ((ours_, theirs_), (theirs_, ours_))]
    if max(counts) > 100 or not int(world.sql("select count(*) from clickledger.credit")):
        raise Failure(f"{counts} credits differ")
    return max(counts)


def rounds_run(world, build, name, rounds):
    found, last = {"ours": [], "theirs": []}, {}
    for number in range(rounds):
        seconds, last = ours(world, build)
        found["ours"].append(seconds)
        found["theirs"].append(theirs(world, name))
        last["differ"] = compare(world)
        say(f"  round {number + 1}: ours {seconds:.2f} s, SQL {found['theirs'][-1]:.2f} s")
    return found, last


def print_rounds(title, found, last):
    print(f"\n{title}\n")
    table([["", "seconds"], ["ours", spread(found["ours"])], ["SQL", spread(found["theirs"])]])
    pairs = ratios(found["ours"], found["theirs"])
    print(f"  {last['credits']} credits; the command as a whole, with rollup and list, {last['whole']:.1f} s, {last['memory']:.0f} MB;"
          f" {last['differ']} credits of floating point differ by a millionth")
    print(f"  ours / SQL: {spread(pairs)}; {target(pairs, TARGET)}; stretch {STRETCH:.2f}")
    return statistics.median(pairs)


def whole_way(world, build, sizes):
    """Of the new orders alone: what is there already is not to be computed anew by terms and policies that attrib has not seen."""
    world.sql("truncate clickledger.conversion_due", "update clickledger.terms set applied = true", "update clickledger.attribution_policy set applied = true")
    world.add_reports(sizes["conversions"] + 1, sizes["conversions"] + sizes["orders"])
    world.settle()
    done = world.attrib(build, "run")
    said, seconds, memory = done.said, done.seconds, done.memory
    if said["orders"] != sizes["orders"]:
        raise Failure(f"{said['orders']} orders were computed, {sizes['orders']} are new")
    print(f"\nthe whole way of {said['conversions']} new orders, report to ledger, all five models: {said['conversions'] / seconds:.0f} orders/s,"
          f" {said['commissions'] / seconds:.0f} commissions/s, {said['transactions'] / seconds:.0f} ledger transactions/s; {memory:.0f} MB\n")


def run(options):
    sizes = {**(QUICK if options.quick else SIZES), **({"clicks": options.clicks, "conversions": options.clicks // 20} if options.clicks else {})}
    rounds = 1 if options.quick else min(options.rounds, 3)
    with Orders() as world:
        say(f"making {sizes['clicks']} clicks and {sizes['conversions']} conversions")
        world.add_clicks(sizes["clicks"])
        world.add_conversions(sizes["conversions"])
        title = f"attrib: {sizes['conversions']} conversions, {sizes['clicks']} clicks, {world.visitors} visitors, {rounds} rounds: median (min..max)"
        worst = print_rounds(title + "; last touch", *rounds_run(world, options.build, "attrib_last.sql", rounds))
        world.sql("insert into clickledger.attribution_policy (program_id, version, effective_from, model) select id, 1, '2025-01-01',"
                  f" (array{list(MODELS)})[row_number() over (order by id)] from clickledger.program where code like 'bench%'")
        worst = max(worst, print_rounds(title + "; all five models", *rounds_run(world, options.build, "attrib_peer.sql", rounds)))
        whole_way(world, options.build, sizes)
    print("seconds of ours, divided by those of the SQL, the worse of both:")
    return worst
