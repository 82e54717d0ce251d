"""What partners are told: by whatever happened, once, and many at once in one line."""
from datetime import timedelta

import pytest

from api import Api, Client
from shop import T0, Shop

ORDERS = 300


class Told:
    """A shop with an api, and what its partner Anna is told."""

    def __init__(self, api):
        self.db, self.shop = api.postgres, Shop(api.postgres)
        self.api, self.team = api, Client(api, self.db.value("select api_key_create('team', null, 'test')"))
        self.anna, self.boris = (Client(api, self.db.value("select api_key_create('partner', %s, 'test')", (partner,)))
                                 for partner in (self.shop.anna, self.shop.boris))
        self.db.query("insert into link (program_id, partner_id, slug, target_url) values (%s, %s, 'anna', 'https://shop.example/')",
                      (self.shop.program, self.shop.anna))
        self.seen = 0

    def new(self):
        """(kind, payload) of what came since the last call, the oldest first."""
        data = self.anna.get("/v1/notifications").data
        fresh = [(one["kind"], one["payload"]) for one in reversed(data) if one["id"] > self.seen]
        self.seen = max([self.seen, *(one["id"] for one in data)])
        return fresh

    def orders(self, first, count):
        click = self.shop.click(T0, self.shop.anna)
        for n in range(first, first + count):
            self.shop.report(T0 + timedelta(hours=1), f"A-{n}", click_id=click, amount_minor=1000, status="pending")
        self.shop.attribute()

    def decide(self, action, orders, reason=None):
        ids = [row[0] for row in self.db.query("select id from conversion where order_id = any (%s) order by id", (orders,))]
        body = {"ids": ids, "action": action, **({"reason": reason} if reason else {})}
        assert self.team.post("/v1/conversions/decide", body).status == 202
        self.shop.attribute()
        return ids


@pytest.fixture
def told(spawn, postgres, tmp_path):
    return Told(Api(spawn, postgres, tmp_path))


def test_orders(told):
    program = told.shop.program
    told.orders(0, ORDERS + 2)
    assert told.new() == [], "an order that comes is no news"
    ids = told.decide("approve", [f"A-{n}" for n in range(ORDERS)])
    approved, available = told.new()
    assert approved[0] == "conversion_approved" and len(approved[1].pop("examples")) == 20
    assert approved[1] == {"program_id": program, "reason": None, "count": ORDERS}
    assert available == ("commission_available", {"program_id": program, "currency": "RUB", "count": ORDERS, "amount_minor": 100 * ORDERS})
    (more,) = told.decide("decline", [f"A-{ORDERS}"], "fraud_card")
    (declined,) = told.new()
    assert declined == ("conversion_declined", {"program_id": program, "reason": "fraud_card", "count": 1,
                                                "examples": [{"conversion_id": more, "order_id": f"A-{ORDERS}"}]})
    # The next of a kind counts on in the last unread line; behind a line that was read begins another one.
    told.decide("decline", [f"A-{ORDERS + 1}"], "fraud_card")
    assert told.new() == []
    data = told.anna.get("/v1/notifications").data
    assert (data[0]["payload"]["count"], len(data[0]["payload"]["examples"]), len(data)) == (2, 2, 3)
    told.anna.post("/v1/notifications/read", {"up_to": data[0]["id"]})
    told.decide("decline", ["A-0"], "fraud_card")
    (again,) = told.new()
    assert again[1]["examples"] == [{"conversion_id": ids[0], "order_id": "A-0"}]
    assert told.boris.get("/v1/notifications").body == {"data": [], "next_cursor": None, "unread": 0}


def test_money_terms_and_pauses(told):
    program, partner, team, anna = told.shop.program, told.shop.anna, told.team, told.anna
    told.orders(0, 1)
    told.decide("approve", ["A-0"])
    told.new()
    for end, body, more in (("refuse", {"reason": "no papers"}, {"reference": None, "reason": "no papers"}),
                            ("paid", {"reference": "bank 1"}, {"reference": "bank 1", "reason": None})):
        payout = anna.post("/v1/payouts", {"program_id": program}).body
        assert told.new() == []
        assert team.post(f"/v1/payouts/{payout['id']}/{end}", body).status == 200
        team.post(f"/v1/payouts/{payout['id']}/{end}", body)
        assert told.new() == [("payout_" + {"refuse": "refused"}.get(end, end), {
            "payout_id": payout["id"], "program_id": program, "currency": "RUB", "amount_minor": 100, **more})]
    given = team.post("/v1/adjustments", {"program_id": program, "partner_id": partner, "key": "k", "amount_minor": -30, "reason": "fee"}).body
    assert told.new() == [("adjustment", {"transaction_id": given["transaction_id"], "program_id": program, "currency": "RUB", "amount_minor": -30,
                                          "reason": "fee"})]
    assert team.post(f"/v1/programs/{program}/periods/close", {"month": "2026-03"}).status == 200
    assert told.new() == [("month_closed", {"program_id": program, "month": "2026-03", "currency": "RUB", "earned_minor": 100, "of_earlier_minor": 0})]
    terms = team.post(f"/v1/programs/{program}/terms", {"commission_kind": "percent", "rate_ppm": 50000}).body
    (changed,) = told.new()
    assert changed[0] == "terms_changed" and (changed[1]["terms_id"], changed[1]["version"], changed[1]["rate_ppm"]) == (terms["id"], 2, 50000)
    assert told.boris.get("/v1/notifications").data == [], "it has nothing to do with this programme"
    link = anna.get("/v1/links").data[0]
    for status in ("paused", "active"):
        team.patch(f"/v1/links/{link['id']}", {"status": status})
    team.post(f"/v1/partners/{partner}/pause")
    team.post(f"/v1/partners/{partner}/approve")
    assert [kind for kind, _ in told.new()] == ["link_paused", "link_resumed", "partner_paused", "partner_resumed"]


def test_reading(told):
    """Each person reads for itself, and a key for all keys."""
    anna, db = told.anna, told.db
    for _ in range(2):
        told.team.post(f"/v1/partners/{told.shop.anna}/pause")
        told.team.post(f"/v1/partners/{told.shop.anna}/approve")
    ids = [one["id"] for one in anna.get("/v1/notifications").data]
    assert len(ids) == 4 and anna.get("/v1/me").body["unread"] == 4
    theirs = told.boris.post("/v1/notifications/read", {"up_to": ids[0]})
    assert (theirs.status, theirs.body) == (200, {"marked": 0, "unread": 0})
    assert anna.post("/v1/notifications/read", {"up_to": ids[1]}).body == {"marked": 3, "unread": 1}
    assert anna.post("/v1/notifications/read", {"up_to": ids[1]}).body == {"marked": 0, "unread": 1}
    assert [one["id"] for one in anna.get("/v1/notifications?unread=true").data] == ids[:1]
    assert [one["id"] for one in anna.get("/v1/notifications?unread=false").data] == ids[1:]
    assert anna.get("/v1/me").body["unread"] == 1 and told.team.get("/v1/me").body["unread"] == 0
    person = db.value("insert into person (email, name, partner_id) values ('anna@anna.example', 'Anna', %s) returning id", (told.shop.anna,))
    key = db.value("select api_key_create('partner', %s, 'session')", (told.shop.anna,))
    db.query("update api_key set person_id = %s, expires_at = now() + interval '1 hour' where key_hash = key_hash(%s)", (person, key))
    session = Client(told.api, key)
    assert session.get("/v1/me").body["unread"] == 4, "she has read nothing yet"
    db.query("insert into outbox (kind, partner_id, person_id) values ('only_her', %s, %s)", (told.shop.anna, person))
    assert session.get("/v1/me").body["unread"] == 5 and anna.get("/v1/me").body["unread"] == 1
    assert anna.get("/v1/notifications?limit=1").body["next_cursor"] and anna.post("/v1/notifications/read", {}).code == "up_to"
    assert told.team.get("/v1/notifications").status == 403
