"""kill -9 of every process at random moments under load: no answered click is lost, none counts twice."""
import os
import random
import uuid

import pytest

from conftest import wait_for
from installation import Installation
from load import Visitors
from rollups import clicks_differ, conversions_differ

ALL = bool(os.environ.get("CLICKLEDGER_TEST_ALL"))
VICTIMS = ("worker", "tracker", "ingest", "attrib", "api", "redis", "postgres")
ROUNDS = int(os.environ.get("CLICKLEDGER_TEST_ROUNDS") or (300 if ALL else len(VICTIMS)))
SEED = int(os.environ.get("CLICKLEDGER_TEST_SEED") or uuid.uuid4().int % 1_000_000)


@pytest.fixture
def installation():
    made = Installation()
    made.up()
    yield made
    made.remove()


def order(installation, number, click_id):
    """Reports an order; True when the tracker gave a receipt."""
    try:
        status, _, _ = installation.request(f"{installation.addresses['postback']}?click_id={click_id}&order_id=chaos-{number}&amount=100.00&status=approved")
    except OSError:
        return False
    return status == 202


def stored(installation, ids):
    """How many of the ids have a row, and how many rows they have."""
    return installation.query("select count(distinct click_id), count(*) from clickledger.click where click_id = any(%s::uuid[])", ids)[0]


def nothing_in_flight(installation, ids, orders):
    have, rows = stored(installation, ids)
    reports = installation.query("select count(distinct order_id) from clickledger.conversion where order_id like 'chaos-%%'")[0][0]
    return have == len(ids) == rows and reports >= orders


def check(installation, visitors, orders):
    ids = visitors.total("answered")
    assert len(set(ids)) == len(ids)
    wait_for(lambda: nothing_in_flight(installation, ids, orders), 60, f"all {len(ids)} answered clicks and {orders} orders in PostgreSQL")
    others = installation.query("select count(*) from clickledger.click")[0][0] - len(ids)
    assert others <= visitors.total("unanswered") + visitors.total("blind")
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
    orders = 0
    # Every program dies once before one dies again.
    victims = [victim for _ in range(0, ROUNDS, len(VICTIMS)) for victim in random_.sample(VICTIMS, len(VICTIMS))][:ROUNDS]
    with Visitors(installation.port, seed=SEED) as visitors:
        for number, victim in enumerate(victims):
            before = visitors.count()
            wait_for(lambda: visitors.count() > before + random_.randrange(50, 400), what="clicks")
            ids = visitors.results[0]["answered"]
            orders += order(installation, number, random_.choice(ids[-20:]))
            print(f"round {number}: kill -9 {victim} {installation.kill(victim)}")
            installation.up()
    check(installation, visitors, orders)
    accrued = installation.query("select count(*), sum(amount_minor) from clickledger.commission")[0]
    assert accrued[0] == installation.query("select count(*) from clickledger.conversion")[0][0]
