"""fresh: from the 302 of a click to the moment when GET /v1/stats tells its partner of it, while others click.

A visitor clicks one link, regularly and one click after the other, so that the partner's number says which of them it holds;
another one asks for the number again and again. A click's time counts from when it was due to when an answer came that
holds it, so it includes what the asking itself takes. Clicks are not asked for by the same connection that counts.
"""
import http.client
import json
import statistics
import threading
import time
import types

from loading import Loader
from processes import pinned
from report import spread, table
from service import Failure
from state import say
from world import LOAD_CORE, World

RATE = 5000           # clicks a second of others
PROBES = 100          # clicks a second that are followed
ASK_SECONDS = 0.01    # between two questions
WARM_SECONDS = 2
ROUND_SECONDS = 10    # at least
LAST_SECONDS = 60     # for the last click to be seen
TARGET_SECONDS = 2
QUANTILES = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"
PARTNER_SQL = """
with made as (insert into clickledger.partner (name, status) values ('fresh', 'active') returning id),
  linked as (insert into clickledger.link (program_id, partner_id, slug, target_url, name)
             select (select min(id) from clickledger.program), id, 'fresh', 'https://shop.example/landing', 'fresh' from made)
select id from made"""


class Partner:
    """One link, one key, and the number of clicks that the partner is told."""

    def __init__(self, world):
        self.api_port, self.port = world.state.settings["api_port"], world.state.settings["port"]
        number = world.state.psql("cl_owner", "-c", PARTNER_SQL).split()[0]
        self.key = world.state.psql("cl_owner", "-c", f"select clickledger.api_key_create('partner', {number}, 'fresh')").split()[0]
        self.clicked = 0   # all rounds

    def ask(self, connection):
        connection.request("GET", "/v1/stats", headers={"Authorization": f"Bearer {self.key}"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise Failure(f"GET /v1/stats said {answer.status}: {body[:200]}")
        return sum(row["clicks"] for row in json.loads(body)["totals"])

    def click(self, connection):
        """Of a person that nobody saw before, so that it counts."""
        self.clicked += 1
        n = self.clicked
        connection.request("GET", "/c/fresh", headers={"User-Agent": AGENT, "X-Forwarded-For": f"198.{18 + (n >> 16)}.{n >> 8 & 255}.{n & 255}"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 302 or "click_id=" not in answer.getheader("Location"):
            raise Failure(f"the click was answered by {answer.status} {answer.getheader('Location')}")


class Round:
    """Clicks for so many seconds while `ask` watches. seen[i]: seconds until click i was in the number."""

    def __init__(self, partner, seconds):
        self.partner, self.seconds = partner, seconds
        self.due, self.seen, self.asked, self.failure = [], [], [], None
        self.before = partner.clicked
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self._guard, args=(work,)) for work in (self._click, self._ask)]

    def _guard(self, work):
        try:
            work()
        except Exception as error:  # told by the main thread
            self.failure = self.failure or error
        finally:
            if self.failure:
                self.done.set()

    def _click(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.partner.port, timeout=30)
        begin = time.monotonic()
        for number in range(int(self.seconds * PROBES)):
            due = begin + number / PROBES
            time.sleep(max(0, due - time.monotonic()))
            self.partner.click(connection)
            self.due.append(due)
        self.done.set()

    def _ask(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.partner.api_port, timeout=30)
        end = None
        while not self.failure:
            asked = time.monotonic()
            found = self.partner.ask(connection) - self.before
            now = time.monotonic()
            self.asked.append(now - asked)
            if found > self.partner.clicked - self.before:
                raise Failure(f"the partner is told of {found} clicks of {self.partner.clicked - self.before}")
            self.seen += [now - due for due in self.due[len(self.seen):found]]
            if self.done.is_set():
                end = end or now + LAST_SECONDS
                if len(self.seen) == len(self.due):
                    return
                if now > end:
                    raise Failure(f"of {len(self.due)} clicks the partner was told of {len(self.seen)}")
            time.sleep(ASK_SECONDS)

    def run(self):
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        if self.failure:
            raise self.failure
        return self


def quantile(values, share):
    return values[min(len(values) - 1, int(share * len(values)))]


class Crowd:
    """The others, on the load's core."""

    def __init__(self, world, loader, seconds):
        self.world, self.done, self.failure = world, None, None
        self.thread = threading.Thread(target=self._run, args=(loader, seconds))

    def _run(self, loader, seconds):
        try:
            self.done = loader.run(self.world.url, ids=self.world.ids, rate=RATE, seconds=seconds, connections=64)
        except Failure as failure:
            self.failure = failure

    def __enter__(self):
        self.thread.start()
        time.sleep(WARM_SECONDS)

    def __exit__(self, *_):
        self.thread.join()
        if self.failure:
            raise self.failure
        self.world.answered += self.done["answered"]
        if self.done["status_3xx"] != self.done["sent"]:
            raise Failure(f"of {self.done['sent']} requests {self.done['status_3xx']} were redirected")


def measure(world, loader, partner, seconds):
    with Crowd(world, loader, seconds + WARM_SECONDS):
        done = Round(partner, seconds).run()
    seen, asked = sorted(done.seen), sorted(done.asked)
    world.answered += len(seen)
    world.drain()
    return types.SimpleNamespace(seen=seen, asked=asked, **{name.replace(".", "_"): quantile(seen, share) for name, share in QUANTILES.items()})


def run(options):
    rounds, seconds = (1, 2) if options.quick else (options.rounds, max(options.seconds or 0, ROUND_SECONDS))
    with World() as world:
        with pinned(LOAD_CORE):
            world.start_api()
        loader = Loader(options.build, world.slugs())  # without the partner's link
        partner = Partner(world)
        world.wait_catalog()
        found = []
        for number in range(rounds):
            found.append(measure(world, loader, partner, seconds))
            one = found[-1]
            say(f"  round {number + 1}: p50 {one.p50 * 1000:.0f} ms, p99 {one.p99 * 1000:.0f} ms of {len(one.seen)} clicks,"
                f" a question {quantile(one.asked, 0.5) * 1000:.0f} ms")
        print(f"\nfresh: {rounds} rounds of {seconds:g} s, {RATE} clicks/s of others, {PROBES}/s followed: median (min..max)\n")
        pooled = sorted(one for a_round in found for one in a_round.seen)
        rows = [["from 302 to GET /v1/stats, in ms", *QUANTILES, "max"]]
        rows.append(["of a round", *(spread([getattr(one, name.replace(".", "_")) * 1000 for one in found], 0) for name in QUANTILES),
                     spread([one.seen[-1] * 1000 for one in found], 0)])
        rows.append(["  of it a question", *(spread([quantile(one.asked, share) * 1000 for one in found], 0) for share in QUANTILES.values()),
                     spread([one.asked[-1] * 1000 for one in found], 0)])
        rows.append([f"of all {len(pooled)}", *(f"{quantile(pooled, share) * 1000:.0f}" for share in QUANTILES.values()), f"{pooled[-1] * 1000:.0f}"])
        table(rows)
        p99 = statistics.median(one.p99 for one in found)
        print(f"  p99: {p99:.2f} s; target at most {TARGET_SECONDS} s: {'met' if p99 <= TARGET_SECONDS else 'missed'}")
        print("\n" + world.verify(options.build))
    return p99 / TARGET_SECONDS
