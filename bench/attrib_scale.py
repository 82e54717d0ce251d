"""attrib-scale: time of an order's whole way, from report to ledger, over more and more clicks."""
from orders import CLICKS_PER_VISITOR, Orders
from report import table, target
from state import say

TARGET = 1.3
ORDERS = 10000


def run(options):
    sizes = [5000, 20000] if options.quick else [1000000, options.clicks or 10000000]
    orders = 200 if options.quick else ORDERS
    rows, times, next_order = [["clicks", "ms an order", "attrib's memory"]], [], 1
    visitors = int(sizes[-1] / CLICKS_PER_VISITOR)
    with Orders() as world:
        for clicks in sizes:
            say(f"making {clicks} clicks")
            world.add_clicks(clicks, visitors)
            best = None
            for _ in range(1 if options.quick else 3):
                world.add_reports(next_order, next_order + orders - 1, visitors)
                next_order += orders
                world.settle()
                said, seconds, memory = world.attrib(options.build, "run")
                best = min(best or seconds, seconds)
            times.append(best / said["conversions"] * 1000)
            rows.append([str(clicks), f"{times[-1]:.3f}", f"{memory:.0f} MB"])
            say(f"  {times[-1]:.3f} ms an order")
    print(f"\nattrib-scale: {orders} new orders over clicks in 30 days, the best of 3 rounds\n")
    table(rows)
    ratio = times[-1] / times[0]
    print(f"  last / first: {target([ratio], TARGET)}")
    print("milliseconds of an order over the most clicks, divided by those over the fewest:")
    return ratio
