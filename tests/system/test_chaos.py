"""kill -9 of every process at random moments under load: no answered click is lost, none counts twice."""
import http.client
import os
import random
import uuid

import pytest

from conftest import ALL, wait_for
from installation import Installation, click_id_of
from load import Visitors
from rollups import clicks_differ, conversions_differ

VICTIMS = ("worker", "tracker", "ingest", "attrib", "api", "redis", "postgres")
ROUNDS = int(os.environ.get("CLICKLEDGER_TEST_ROUNDS") or (300 if ALL else len(VICTIMS)))
SEED = int(os.environ.get("CLICKLEDGER_TEST_SEED") or uuid.uuid4().int % 1_000_000)


@pytest.fixture
def installation():
    made = Installation()
    made.up()
    yield made
    made.remove()


class Orders:
    """Each by a click of a browser that nobody else has, so that it repeats no other click. `clicks`: answered; `unanswered`: as of Visitors;
    `receipts`: orders that the tracker took."""

    def __init__(self, installation):
        self.installation, self.clicks, self.unanswered, self.receipts = installation, [], 0, 0

    def make(self, number):
        agent = f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{1000 + number}.0 Safari/537.36"
        try:
            _, headers, _ = self.installation.request(self.installation.addresses["link"], headers={"User-Agent": agent})
        except (OSError, http.client.HTTPException):
            self.unanswered += 1
            return
        self.clicks.append(click_id_of(headers["Location"]))
        address = f"{self.installation.addresses['postback']}?click_id={self.clicks[-1]}&order_id=chaos-{number}&amount=100.00&status=approved"
        try:
            self.receipts += self.installation.request(address)[0] == 202
        except (OSError, http.client.HTTPException):
            pass


def stored(installation, ids):
    """How many of the ids have a row, and how many rows they have."""
    return installation.query("select count(distinct click_id), count(*) from clickledger.click where click_id = any(%s::uuid[])", ids)[0]


def nothing_in_flight(installation, ids, orders):
    have, rows = stored(installation, ids)
    reports = installation.query("select count(distinct order_id) from clickledger.conversion where order_id like 'chaos-%%'")[0][0]
    return have == len(ids) == rows and reports >= orders


def check(installation, visitors, orders):
    ids = visitors.total("answered") + orders.clicks
    assert len(set(ids)) == len(ids)
    wait_for(lambda: nothing_in_flight(installation, ids, orders.receipts), 60, f"all {len(ids)} answered clicks and {orders.receipts} orders in PostgreSQL")
    others = installation.query("select count(*) from clickledger.click")[0][0] - len(ids)
    assert others <= visitors.total("unanswered") + visitors.total("blind") + orders.unanswered
    assert visitors.total("blind") == 0
    assert installation.query("select coalesce(sum(lost), 0), coalesce(sum(dead), 0), coalesce(sum(hits - stored), 0) "
                              "from clickledger.producer")[0] == (0, 0, 0)
    assert installation.query("select count(*) from clickledger.ledger_violation")[0][0] == 0
    assert installation.query("select coalesce(sum(amount_minor), 0) from clickledger.ledger_entry")[0][0] == 0
    assert installation.query("select * from clickledger.conservation_alarm") == []
    assert clicks_differ(installation.query) == [] and conversions_differ(installation.query) == []


def test_kill_9_under_load(installation):
    print(f"seed {SEED} (CLICKLEDGER_TEST_SEED repeats it), {ROUNDS} rounds")
    random_ = random.Random(SEED)
    orders = Orders(installation)
    # Every program dies once before one dies again.
    victims = [victim for _ in range(0, ROUNDS, len(VICTIMS)) for victim in random_.sample(VICTIMS, len(VICTIMS))][:ROUNDS]
    with Visitors(installation.port, seed=SEED) as visitors:
        for number, victim in enumerate(victims):
            before = visitors.count()
            wait_for(lambda: visitors.count() > before + random_.randrange(50, 400), what="clicks")
            orders.make(number)
            print(f"round {number}: kill -9 {victim} {installation.kill(victim)}")
            installation.up()
    check(installation, visitors, orders)
    wait_for(lambda: installation.query("select count(*) from clickledger.commission") == installation.query("select count(*) from clickledger.conversion"),
             what="a commission for each order")
