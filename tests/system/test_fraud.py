"""Facts that speak of fraud: told, held or passed by the policy of the conversion's moment, in any order of arrival."""
import json
import uuid
from datetime import timedelta

import psycopg2
import pytest

from api import NONE, Client, api, world  # noqa: F401 (fixtures)
from conftest import long
from shop import T0, Shop


@pytest.fixture
def shop(postgres):
    shop = Shop(postgres)
    for fact, action, least in (("self_referral", "hold", None), ("too_fast", "hold", 30), ("code_without_visit", "pass", None),
                                ("order_velocity", "hold", 2)):
        shop.db.query("insert into fraud_policy values (%s, %s, %s, %s, %s)", [shop.program, fact, T0, action, least])
    shop.db.query("update partner set email = 'Anna@example.org' where id = %s", [shop.anna])
    shop.db.query("insert into partner_customer values (%s, 'c-77')", [shop.boris])
    return shop


def facts(shop):
    return shop.db.query("select c.order_id, f.fact, f.action, f.measured from conversion_fact f join conversion c on c.id = f.conversion_id order by 1, 2")


def statuses(shop):
    return dict(shop.db.query("select c.order_id, m.status from commission m join conversion c on c.id = m.conversion_id"))


def test_facts_hold_or_pass(shop):
    shop.make_code("GIFT", shop.boris)
    hour = timedelta(hours=1)
    for order, partner, after, customer in (("clean", shop.anna, hour, "c-1"), ("own", shop.anna, hour, "anna@EXAMPLE.org"),
                                            ("known", shop.boris, hour, "C-77"), ("fast", shop.anna, timedelta(seconds=29), None),
                                            ("slow", shop.anna, timedelta(seconds=30), None)):
        shop.report(T0 + after, order, click_id=shop.click(T0, partner), amount_minor=1000, status="approved", customer=customer)
    shop.report(T0 + hour, "code", promo="GIFT", amount_minor=1000, status="approved")
    early = T0 - timedelta(seconds=5)
    shop.report(early, "before", click_id=shop.click(early - timedelta(seconds=1), shop.anna), amount_minor=1000, status="approved")
    shop.attribute()
    assert facts(shop) == [("code", "code_without_visit", "pass", None), ("fast", "too_fast", "hold", 29), ("known", "self_referral", "hold", None),
                           ("own", "self_referral", "hold", None)]
    assert statuses(shop) == {"clean": "available", "own": "pending", "known": "pending", "fast": "pending", "slow": "available",
                              "code": "available", "before": "available"}
    text = shop.db.value("select explanation_text(x.body, 'en') from explanation x join conversion c on c.id = x.conversion_id where c.order_id = 'fast'")
    assert "Only 29 seconds passed from the click to the order. The commission is held until the programme approves the order." in text
    # The team looks at it: one is approved, one declined.
    shop.decide("approve", T0 + 2 * hour, "fast")
    shop.decide("decline", T0 + 2 * hour, "own", "fraud_self_referral")
    shop.attribute()
    assert (statuses(shop)["fast"], statuses(shop)["own"], statuses(shop)["known"]) == ("available", "void", "pending")
    assert shop.attribute()["orders"] == 0


@pytest.mark.parametrize("backwards", [False, True])
def test_velocity_in_any_order_of_arrival(shop, backwards):
    visitor = str(uuid.uuid4())
    shop.click(T0, shop.anna, visitor)
    orders = [("o1", 1), ("o2", 2), ("o3", 3), ("o4", 27)]
    for order, hours in reversed(orders) if backwards else orders:
        shop.report(T0 + timedelta(hours=hours), order, visitor_id=visitor, amount_minor=1000, status="approved")
        shop.attribute()
    assert facts(shop) == [("o3", "order_velocity", "hold", 2)]  # o4: 24 hours behind o3, 25 behind o2
    assert statuses(shop) == {"o1": "available", "o2": "available", "o3": "pending", "o4": "available"}
    assert shop.attribute()["orders"] == 0


def test_what_reaches_back_is_computed_anew(shop):
    """A policy of a past moment, and who a partner is: what is posted is what would be computed now."""
    hour = timedelta(hours=1)
    for order, customer in (("one", "c-1"), ("two", "anna@new.example"), ("three", "C-9")):
        click = shop.click(T0 + hour - timedelta(seconds=60), shop.anna)
        shop.report(T0 + hour, order, click_id=click, amount_minor=1000, status="approved", customer=customer)
    shop.attribute()
    assert set(statuses(shop).values()) == {"available"}
    shop.db.query("insert into partner_customer values (%s, 'c-9')", [shop.anna])
    shop.db.query("update partner set email = 'anna@new.example' where id = %s", [shop.anna])
    shop.attribute()
    assert statuses(shop) == {"one": "available", "two": "pending", "three": "pending"}
    shop.db.query("delete from partner_customer where customer = 'c-9'")
    assert shop.attribute()["orders"] == 3
    assert statuses(shop) == {"one": "available", "two": "pending", "three": "available"}
    policy = {"id": shop.program, "fact": "too_fast", "effective_from": str(T0 + timedelta(minutes=30)), "action": "hold", "least": 90}
    say = "select api_fraud_policy(%s)"
    shop.db.query(say, [json.dumps(policy)])
    shop.attribute()
    assert facts(shop)[0] == ("one", "too_fast", "hold", 60) and statuses(shop)["one"] == "pending"
    shop.db.query(say, [json.dumps(policy)])
    assert shop.attribute()["orders"] == 0
    with pytest.raises(psycopg2.Error, match="another policy from that moment"):
        shop.db.query(say, [json.dumps({**policy, "least": 10})])


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("told", ["order between", *(pytest.param(other, marks=long("likewise")) for other in ("clicks first", "order first"))])
@pytest.mark.parametrize("known_by", ["address", "visitor"])
def test_a_flood_of_clicks_in_any_order_of_arrival(shop, told, known_by):
    shop.db.query("insert into fraud_policy (program_id, fact, effective_from, action, least, minutes)"
                  " values (%s, 'click_flood', %s, 'hold', 4, 10)", [shop.program, T0])
    visitor = str(uuid.uuid4())

    def click(minute, partner=shop.anna, address=77, of=visitor):
        who = {"address_hash": address} if known_by == "address" else {"visitor": of, "address_hash": 5}
        return shop.click(T0 + minute * MINUTE, partner, **who)

    def order():
        shop.report(T0 + 30 * MINUTE, "flooded", click_id=credited, amount_minor=1000, status="approved")

    credited, others = click(12), [lambda: click(3), lambda: click(20), lambda: click(11.5), lambda: click(14), lambda: click(2),
                                   lambda: click(1, partner=shop.boris), lambda: click(21.9)]
    alone = click(13, partner=shop.boris, address=78, of=str(uuid.uuid4()))
    shop.report(T0 + 30 * MINUTE, "alone", click_id=alone, amount_minor=1000, status="approved")
    for number, other in enumerate(others):
        if number == {"clicks first": len(others), "order first": 0, "order between": 3}[told]:
            order()
            shop.attribute()
        other()
    if told == "clicks first":
        order()
    shop.attribute()
    # From the credited one on: 12, 14, 20, 21.9. Up to it: 3, 11.5, 12; the click at 2 is ten minutes before.
    found = [fact for fact in facts(shop) if known_by == "address" or fact[0] == "flooded"]
    assert found == [("flooded", "click_flood", "hold", 4)]
    assert statuses(shop)["flooded"] == "pending"
    assert shop.attribute()["orders"] == 0
    if known_by == "address":  # what retention takes is not held against what was found
        shop.db.query("update click set address_hash = null; insert into conversion_due select id from conversion")
        shop.attribute()
        assert facts(shop) == found and statuses(shop) == {"flooded": "pending", "alone": "available"}


def test_what_is_the_partners_own(api):
    shop = Shop(api.postgres)
    shop.db.query("insert into fraud_policy values (%s, 'self_referral', %s, 'hold', null)", [shop.program, T0])
    team, partners = (Client(api, shop.db.value(f"select api_key_create('{kind}', %s, 'x')", [partner]))
                      for kind, partner in (("team", None), ("partner", shop.anna)))
    hour = timedelta(hours=1)
    test_click = shop.click(T0, shop.anna, address_hash=99)
    shop.report(T0 + hour, "address", click_id=shop.click(T0, shop.anna, address_hash=99), amount_minor=1000, status="approved")
    shop.report(T0 + hour, "pixel", click_id=shop.click(T0, shop.anna, address_hash=1), amount_minor=1000, status="approved")
    shop.report(T0 + hour, "pixel", source="pixel", address_hash=99)
    shop.report(T0 + hour, "server", click_id=shop.click(T0, shop.anna, address_hash=1), amount_minor=1000, status="approved", address_hash=99)
    shop.report(T0 + hour, "customer", click_id=shop.click(T0, shop.anna, address_hash=1), amount_minor=1000, status="approved", customer="C-5")
    shop.report(T0 + hour, "rival", click_id=shop.click(T0, shop.boris, address_hash=99), amount_minor=1000, status="approved", customer="c-5")
    shop.attribute()
    assert facts(shop) == []
    partner = f"/v1/partners/{shop.anna}"
    assert team.patch(partner + "/customers", {"customer": "c-5", "own": True}).body == {"partner_id": shop.anna, "customer": "c-5", "own": True}
    assert team.patch(partner + "/addresses", {"click_id": test_click, "own": True}).body["own"] is True
    assert team.patch(partner + "/addresses", {"click_id": str(uuid.uuid4()), "own": True}).code == "click_id"
    assert team.patch(f"/v1/partners/{NONE}/customers", {"customer": "x", "own": True}).status == 404
    assert partners.patch(partner + "/addresses", {"click_id": test_click, "own": True}).status == 403
    shop.attribute()
    own = {"partner_id": shop.anna, "fact": "self_referral", "action": "hold", "measured": None}
    listed = {item["order_id"]: item["facts"] for item in team.get(f"/v1/conversions?program_id={shop.program}").data}
    assert listed == {"address": [own], "pixel": [own], "customer": [own], "server": [], "rival": []}
    for path, body in (("/customers", {"customer": "c-5"}), ("/addresses", {"click_id": test_click})):
        assert team.patch(partner + path, {**body, "own": False}).status == 200
    shop.attribute()
    assert facts(shop) == [] and set(statuses(shop).values()) == {"available"}


def test_a_policy_needs_its_numbers(world):
    path = f"/v1/programs/{world.program}/fraud-policy"
    flood = {"fact": "click_flood", "action": "pass", "least": 20, "minutes": 5}
    assert world.team.patch(path, flood).body == {"program_id": world.program, **flood}
    assert world.team.patch(path, {key: flood[key] for key in ("fact", "action", "least")}).code == "minutes"
    assert world.team.patch(path, {key: flood[key] for key in ("fact", "action", "minutes")}).code == "least"
    assert world.team.patch(path, {"fact": "too_fast", "action": "pass", "least": 5, "minutes": 5}).code == "minutes"
