"""attrib-scale: what an order's whole way costs, from report to ledger, over more and more clicks.

Counted is CPU, of attrib and of PostgreSQL, because the ratio of two times that lie minutes apart is that of what else the machine
did; the time itself is printed beside it.
"""
import os

from orders import DAYS, Orders
from report import table, target
from state import say

TARGET = 1.3
ORDERS = 10000


def run(options):
    sizes = [5000, 20000] if options.quick else [1000000, options.clicks or 10000000]
    orders = 200 if options.quick else ORDERS
    rows, costs, next_order = [["clicks", "CPU ms an order", "ms an order", "attrib's memory"]], [], 1
    with Orders() as world:
        for clicks in sizes:
            say(f"making {clicks} clicks")
            world.add_clicks(clicks)
            rounds = []
            for _ in range(1 if options.quick else 3):
                world.add_reports(next_order, next_order + orders - 1)
                next_order += orders
                world.settle()
                rounds.append(world.attrib(options.build, "run"))
            costs.append(min(one.cpu / one.said["conversions"] * 1000 for one in rounds))
            fastest = min(one.seconds / one.said["conversions"] * 1000 for one in rounds)
            rows.append([str(clicks), f"{costs[-1]:.3f}", f"{fastest:.3f}", f"{max(one.memory for one in rounds):.0f} MB"])
            say(f"  {costs[-1]:.3f} ms of CPU an order")
    print(f"\nattrib-scale: {orders} new orders over clicks in {DAYS} days, the best of {len(rounds)} rounds; load average {os.getloadavg()[0]:.1f}\n")
    table(rows)
    ratio = costs[-1] / costs[0]
    print(f"  last / first: {target([ratio], TARGET)}")
    print("CPU of an order over the most clicks, divided by that over the fewest:")
    return ratio
