"""The demo's day, with every kopeck worked out by hand.

Anna, 10 %, no hold:
  1001  4990.00 x 10 %                       = 499.00
  1005  3333.33 declined                     =   0.00
  1006  5555.55 - 1000.00 = 4555.55 x 10 %   = 455.555 -> 455.56 (half up)
                                               954.56 available, revenue 4990.00 + 4555.55 = 9545.55
Kupon, 5 %, no hold:
  1003  1234.56 x 5 %                        =  61.728 -> 61.73
  1004  7000.00 x 5 %                        = 350.00
                                               411.73 available, revenue 8234.56
Lead network, 300.00 for each sale, held for 14 days:
  1002                                       = 300.00 pending, revenue 2500.50
"""
import datetime
import sys
import urllib.parse
import uuid

import pytest

from conftest import ROOT, wait_for
from installation import Installation
from rollups import clicks_differ, conversions_differ

sys.path.insert(0, str(ROOT / "ops"))
import demo  # noqa: E402


@pytest.fixture(scope="module")
def day():
    installation = Installation()
    installation.up()
    played = demo.day_of(installation.state)
    played.installation = installation
    played.run()
    yield played
    installation.remove()


def stats(partner, group_by="day"):
    year = datetime.date.today().year
    rows = partner.api.get(f"/v1/stats?from={year}-01-01&to={year}-12-31&tz=Europe/Moscow&group_by={group_by}")["data"]
    assert len(rows) == 1, rows
    return rows[0]


def balance(partner):
    row, = partner.api.get("/v1/balance")["data"]
    return {name: row[name + "_minor"] for name in ("pending", "available", "reserved", "paid")}


def commissions(partner):
    return {order["order_id"]: order["commission_minor"] or 0 for order in partner.api.get("/v1/conversions")["data"]}


@pytest.mark.parametrize("name, expected", [
    ("anna", {"1001": 49900, "1005": 0, "1006": 45556}),
    ("kupon", {"1003": 6173, "1004": 35000}),
    ("lead", {"1002": 30000}),
])
def test_commission_of_each_order(day, name, expected):
    assert commissions(getattr(day, name)) == expected


@pytest.mark.parametrize("name, pending, available", [("anna", 0, 95456), ("kupon", 0, 41173), ("lead", 30000, 0)])
def test_balance(day, name, pending, available):
    assert balance(getattr(day, name)) == {"pending": pending, "available": available, "reserved": 0, "paid": 0}


@pytest.mark.parametrize("name, clicks, conversions, revenue, commission", [
    ("anna", 4, 2, 954555, 95456), ("kupon", 0, 2, 823456, 41173), ("lead", 1, 1, 250050, 30000)])
@pytest.mark.parametrize("group_by", ["day", "link"])
def test_stats(day, name, clicks, conversions, revenue, commission, group_by):
    partner = getattr(day, name)
    # The hits of two workers come in two loads; what repeats another click is told later.
    wait_for(lambda: day.installation.query("select not exists (select from clickledger.click_due)") == [(True,)], what="settled clicks")
    wait_for(lambda: stats(partner, group_by)["clicks"] == clicks, what="the clicks")
    row = stats(partner, group_by)
    assert (row["conversions"], row["revenue_minor"], row["commission_minor"]) == (conversions, revenue, commission)
    assert row["cr_ppm"] == (conversions * 1000000 // clicks if clicks else None)


def test_declined_order_says_why(day):
    order = next(order for order in day.anna.api.get("/v1/conversions")["data"] if order["order_id"] == "1005")
    assert (order["status"], order["reason"]) == ("declined", "fraud_card")


def test_explanation_names_winner_and_hides_the_other(day):
    order = next(order for order in day.kupon.api.get("/v1/conversions")["data"] if order["order_id"] == "1004")
    explanation, = day.kupon.api.get(f"/v1/conversions/{order['id']}/explain")["explanations"]
    won, lost = explanation["explanation"]["touches"]
    assert (won["kind"], won["verdict"]) == ("promo", "won")
    assert lost == {"own": False, "kind": "click", "verdict": "lost", "reason": "code_beats_click", "age_days": 0}
    commission = explanation["explanation"]["commission"]
    assert (commission["base_minor"], commission["rate_ppm"], commission["amount_minor"]) == (700000, 50000, 35000)


def test_partners_see_only_their_own(day):
    other = day.kupon.api.get("/v1/conversions")["data"][0]["id"]
    with pytest.raises(demo.Failure, match="answered 404"):
        day.anna.api.get(f"/v1/conversions/{other}")


def test_ledger_is_sound(day):
    assert day.installation.query("select count(*) from clickledger.ledger_violation") == [(0,)]
    assert day.installation.query("select sum(amount_minor) from clickledger.ledger_entry") == [(0,)]


def test_rollups_equal_the_rows(day):
    assert clicks_differ(day.installation.query) == [] and conversions_differ(day.installation.query) == []


def test_it_may_be_played_again(day):
    again = demo.day_of(day.installation.state)
    again.run()
    assert commissions(again.anna) == {"1001": 49900, "1005": 0, "1006": 45556}


def test_a_paused_partner_earns_no_more_and_sees_it(day):
    """What it earned before stays; its links lead to the fallback, their clicks are not counted, its orders are not its own."""
    anna, before = day.anna, commissions(day.anna)
    visitor = demo.Visitor(day.tracker, demo.CHROME)
    earned = visitor.click(anna.path)
    day.team.post(f"/v1/partners/{anna.id}/pause")
    wait_for(day.links_known, what="the pause in every tracker worker")
    answer = demo.Visitor(day.tracker, demo.CHROME).get(anna.path)
    place, _, query = answer.getheader("Location").partition("?")
    assert place == "https://samovar.example/"  # the programme's fallback, not /sale
    late = urllib.parse.parse_qs(query).get("click_id", [str(uuid.UUID(int=0))])[0]
    for order, click in ("3001", earned), ("3002", late):
        day.order(order_id=order, click_id=click, amount="100.00", status="approved")
    wait_for(lambda: {"3001", "3002"} <= set(day.conversions()) and "3001" in commissions(anna), what="the orders")
    assert day.conversions()["3002"]["credits"] == []
    assert commissions(anna) == {**before, "3001": 1000}
    assert anna.api.get("/v1/me")["partner"]["status"] == "paused"
    assert "partner_paused" in [row["kind"] for row in anna.api.get("/v1/notifications")["data"]]
    (row,) = [row for row in day.team.get("/v1/partners?limit=500")["data"] if row["id"] == anna.id]
    assert row["status"] == "paused" and row["last_click_at"] and row["last_order_at"]
    wait_for(lambda: stats(anna)["clicks_not_counted"] >= 3, what="the click that is not counted")  # with the crawler's and the prefetched one
    day.team.post(f"/v1/partners/{anna.id}/approve")
    wait_for(day.links_known, what="its end in every tracker worker")
    assert demo.Visitor(day.tracker, demo.CHROME).get(anna.path).getheader("Location").startswith("https://samovar.example/sale?")
