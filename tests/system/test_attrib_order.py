"""The same facts in any order of arrival come to the same credits, commissions and balances."""
import random
import uuid
from datetime import timedelta

import pytest

from shop import T0, Shop, uuid7


@pytest.fixture
def shop(postgres):
    return Shop(postgres)


class Scenario:
    """Facts of a few orders, each with its own id and time, to be told in any order."""

    def __init__(self, shop):
        visitor, second = str(uuid.uuid4()), str(uuid.uuid4())
        hour = [T0 + timedelta(hours=n) for n in range(40)]
        shop.make_code("GIFT", shop.boris)
        late, other = uuid7(hour[0]), uuid7(hour[1])
        ids = [uuid7(hour[n]) for n in range(40)]
        self.facts = [
            # o1: two clicks of a visitor, known only by the reported one; approved, refunded in part, the same again.
            lambda: shop.click(hour[0], shop.anna, visitor, late),
            lambda: shop.click(hour[2], shop.boris, visitor, ids[2]),
            lambda: shop.report(hour[5], "o1", ids[5], click_id=late, amount_minor=10005),
            lambda: shop.report(hour[6], "o1", ids[6], status="approved"),
            lambda: shop.report(hour[7], "o1", ids[7], status="refunded", amount_minor=3000),
            lambda: shop.report(hour[8], "o1", ids[8], status="refunded", amount_minor=3000),
            lambda: shop.report(hour[9], "o1", ids[9], amount_minor=999),
            # o2: the refund is told before its sale.
            lambda: shop.click(hour[1], shop.anna, None, other),
            lambda: shop.report(hour[10], "o2", ids[10], status="refunded", amount_minor=50),
            lambda: shop.report(hour[11], "o2", ids[11], click_id=other, amount_minor=1050, status="approved"),
            # o3: a code against a click; the shop's own time.
            lambda: shop.click(hour[12], shop.anna, second, ids[12]),
            lambda: shop.promo_entry(hour[13], "GIFT", second, ids[13]),
            lambda: shop.report(hour[20], "o3", ids[20], visitor_id=second, amount_minor=500, promo="gift",
                                event_time=hour[14], status="approved"),
            lambda: shop.report(hour[21], "o3", ids[21], amount_minor=700, event_id="e1", status="approved"),
            lambda: shop.report(hour[22], "o3", ids[22], amount_minor=700, event_id="e1", status="approved"),
        ]
        self.decision = lambda: shop.decide("decline", hour[30], "o2")


def outcome(shop):
    """Everything that must not depend on the order of arrival."""
    return [
        shop.db.query("select order_id, status, occurred_at, amount_minor, refunded_minor, click_id, visitor_id, promo, reason"
                      " from conversion order by 1"),
        shop.db.query("select id, verdict, note from conversion_report order by 1"),
        shop.db.query("select c.order_id, r.touch_kind, r.touch_id, r.partner_id, r.weight_ppm from credit r"
                      " join conversion c on c.id = r.conversion_id order by 1"),
        shop.db.query("select c.order_id, m.partner_id, m.base_minor, m.amount_minor, m.status, m.hold_until from commission m"
                      " join conversion c on c.id = m.conversion_id where m.amount_minor > 0 or m.status <> 'void' order by 1, 2"),
        shop.db.query("select c.order_id, t.partner_id, a.kind, sum(e.amount_minor) from ledger_entry e"
                      " join ledger_transaction t on t.id = e.transaction_id join ledger_account a on a.id = e.account_id"
                      " join conversion c on c.id = t.conversion_id group by 1, 2, 3 having sum(e.amount_minor) <> 0 order by 1, 2, 3"),
        shop.db.query("select a.kind, a.partner_id, sum(e.amount_minor) from ledger_account a join ledger_entry e on e.account_id = a.id"
                      " group by 1, 2 having sum(e.amount_minor) <> 0 order by 1, 2"),
        shop.db.query("select hour, partner_id, link_id, status, conversions, revenue_minor, commission_minor from conversion_hourly"
                      " where conversions <> 0 order by 1, 2, 3, 4"),
    ]


RESET = ("alter table ledger_{0} disable trigger append_only; delete from ledger_{0}; alter table ledger_{0} enable always trigger append_only")


def reset(shop):
    tables = ["explanation", "commission", "credit", "conversion_due", "conversion_key", "conversion_decision", "conversion_hourly",
              "conversion_report", "touch_batch", "click", "promo_entry"]
    for table in ("entry", "transaction", "account"):
        shop.db.query(RESET.format(table))
    shop.db.query("".join(f"delete from {table};" for table in tables) + "delete from conversion")


def test_the_order_of_arrival_does_not_matter(shop):
    """The same facts in 100 orders, attributed in between at random, give the same credits, commissions and balances."""
    scenario = Scenario(shop)
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for fact in scenario.facts:
        fact()
    shop.attribute()
    scenario.decision()
    shop.attribute()
    expected = outcome(shop)
    assert expected[0][0][1:3] == ("approved", T0 + timedelta(hours=5)) and len(expected[0]) == 3
    assert [(order, partner, amount) for order, partner, _, amount, *_ in expected[3]] == [
        ("o1", shop.boris, 701), ("o3", shop.boris, 70)]
    for _ in range(100):
        reset(shop)
        facts = chance.sample(scenario.facts, len(scenario.facts))
        decided = False
        for fact in facts:
            fact()
            if chance.random() < 0.25:
                shop.attribute()
                if not decided and chance.random() < 0.5 and shop.db.query("select from conversion where order_id = 'o2'"):
                    scenario.decision()
                    decided = True
        shop.attribute()
        if not decided:
            scenario.decision()
            shop.attribute()
        assert outcome(shop) == expected, f"seed {seed}"
