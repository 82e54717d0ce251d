"""attrib-live: from an order's report to its commission in GET /v1/balance, at 200 orders a second.

All the programs run on two cores. Every order names a click of its own that was made before, by another person, so each is
attributed by one touch and earns the same; therefore the partner's balance says how many orders have their commission. Another
connection asks for it again and again. An order's time counts from when its report was due to when an answer came that holds
its commission: sending, journal, Redis, ingest, attribution, ledger and the question are all in it. Reports are sent by several
connections, so commissions may come in a slightly other order than reports; then one order's gain is another's loss.
"""
import http.client
import json
import statistics
import threading
import time
import types
import urllib.parse

import commands
from fresh import AGENT, LAST_SECONDS, Partner, quantile
from processes import memory_high, pinned
from report import spread, table
from service import Failure
from state import say
from world import LOAD_CORE, World

RATE, SENDERS = 200, 4
ASK_SECONDS = 0.02
TARGET_SECONDS = 5
QUANTILES = {"p50": 0.5, "p99": 0.99}


class Shop(Partner):
    """A shop whose orders one partner brings."""

    def __init__(self, world):
        super().__init__(world)
        self.path = "/postback/" + commands.keys(world.state)["postback_key"]
        self.orders, self.commission = 0, None

    def click(self, connection):
        self.clicked += 1
        n = self.clicked
        connection.request("GET", "/c/fresh", headers={"User-Agent": AGENT, "X-Forwarded-For": f"198.{18 + (n >> 16)}.{n >> 8 & 255}.{n & 255}"})
        answer = connection.getresponse()
        answer.read()
        query = urllib.parse.urlsplit(answer.getheader("Location") or "").query
        return urllib.parse.parse_qs(query)["click_id"][0]

    def ask(self, connection):
        """What the partner has, in minor units."""
        connection.request("GET", "/v1/balance", headers={"Authorization": f"Bearer {self.key}"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise Failure(f"GET /v1/balance said {answer.status}: {body[:200]}")
        return sum(row["pending_minor"] + row["available_minor"] for row in json.loads(body)["data"])

    def report(self, connection, number, click_id):
        report = {"order_id": f"live-{number}", "click_id": click_id, "amount": "1000.00", "currency": "RUB", "status": "approved"}
        connection.request("POST", self.path, urllib.parse.urlencode(report), {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 202:
            raise Failure(f"order {number} was answered {answer.status}: {body[:200]}")

    def connect(self, port):
        return http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def first(self):
        """One order: what each earns."""
        connection, asking, end = self.connect(self.port), self.connect(self.api_port), time.monotonic() + LAST_SECONDS
        self.report(connection, 0, self.click(connection))
        while not self.commission:
            if time.monotonic() > end:
                raise Failure("the first order has no commission")
            time.sleep(ASK_SECONDS)
            self.commission = self.ask(asking)
        self.orders = 1


class Round:
    """Orders for so many seconds while `ask` watches. seen[i]: seconds until so many orders as i had their commission."""

    def __init__(self, shop, clicks):
        self.shop, self.clicks, self.first = shop, clicks, shop.orders
        self.seen, self.asked, self.failure, self.begin = [], [], None, None
        self.threads = [threading.Thread(target=self._guard, args=(self._send, n)) for n in range(SENDERS)]
        self.threads.append(threading.Thread(target=self._guard, args=(self._ask,)))

    def _guard(self, work, *arguments):
        try:
            work(*arguments)
        except Exception as error:  # told by the main thread
            self.failure = self.failure or error

    def _send(self, sender):
        connection = self.shop.connect(self.shop.port)
        for n in range(sender, len(self.clicks), SENDERS):
            time.sleep(max(0, self.begin + n / RATE - time.monotonic()))
            if self.failure:
                return
            self.shop.report(connection, self.first + n, self.clicks[n])

    def _ask(self):
        connection, end = self.shop.connect(self.shop.api_port), self.begin + len(self.clicks) / RATE + LAST_SECONDS
        while len(self.seen) < len(self.clicks) and not self.failure:
            asked = time.monotonic()
            count = self.shop.ask(connection) // self.shop.commission - self.first
            now = time.monotonic()
            self.asked.append(now - asked)
            self.seen += [now - self.begin - n / RATE for n in range(len(self.seen), count)]
            if now > end:
                raise Failure(f"of {len(self.clicks)} orders {len(self.seen)} have their commission")
            time.sleep(ASK_SECONDS)

    def run(self):
        self.begin = time.monotonic() + 0.1
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        if self.failure:
            raise self.failure
        self.shop.orders += len(self.clicks)
        if min(self.seen) < 0:
            raise Failure("a commission came before its order")
        return self


def measure(world, shop, seconds):
    connection = shop.connect(shop.port)
    clicks = [shop.click(connection) for _ in range(int(seconds * RATE))]
    world.answered = shop.clicked + shop.orders
    world.drain()
    done = Round(shop, clicks).run()
    seen, asked = sorted(done.seen), sorted(done.asked)
    return types.SimpleNamespace(seen=seen, asked=asked, **{name: quantile(seen, share) for name, share in QUANTILES.items()})


def run(options):
    rounds, seconds = (1, 2) if options.quick else (options.rounds, max(options.seconds or 0, 20))
    with World() as world:
        with pinned(LOAD_CORE):
            world.services["attrib"].start()
            world.start_api()
        shop = Shop(world)
        world.wait_catalog()
        shop.first()
        found = []
        for number in range(rounds):
            found.append(measure(world, shop, seconds))
            one = found[-1]
            say(f"  round {number + 1}: p50 {one.p50 * 1000:.0f} ms, p99 {one.p99 * 1000:.0f} ms of {len(one.seen)} orders")
        violations = world.state.psql("cl_owner", "-c", "select count(*) from clickledger.ledger_violation")
        if violations != "0":
            raise Failure(f"ledger_violation has {violations} rows")
        print(f"\nattrib-live: {rounds} rounds of {seconds:g} s, {RATE} orders/s: median (min..max)\n")
        rows = [["from the report to GET /v1/balance, in ms", *QUANTILES, "max"]]
        rows.append(["of a round", *(spread([getattr(one, name) * 1000 for one in found], 0) for name in QUANTILES),
                     spread([one.seen[-1] * 1000 for one in found], 0)])
        rows.append(["  of it a question", *(spread([quantile(one.asked, share) * 1000 for one in found], 0) for share in QUANTILES.values()),
                     spread([one.asked[-1] * 1000 for one in found], 0)])
        table(rows)
        p99 = statistics.median(one.p99 for one in found)
        print(f"  largest memory of attrib: {memory_high(world.pid('attrib')):.0f} MB")
        print(f"  p99: {p99:.2f} s; target at most {TARGET_SECONDS} s: {'met' if p99 <= TARGET_SECONDS else 'missed'}")
        print(f"\n{shop.orders} orders have their commission in PostgreSQL")
    return p99 / TARGET_SECONDS
