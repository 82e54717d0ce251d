"""Terms that partners accept, and terms bound to the touch or to the order: routes, orders of arrival, credits of a whole period."""
import subprocess
from datetime import timedelta

import pytest

from api import NONE, Client, api, world  # noqa: F401 (fixtures)
from shop import ATTRIB, T0, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TERMS = {"commission_kind": "percent", "rate_ppm": 50000, "effective_from": "2026-01-01T00:00:00Z"}


def offered(client):
    return {item["terms"]["version"]: (item["in_force"], item["accepted_at"] is not None) for item in client.get("/v1/terms").data}


def test_a_partner_sees_what_is_offered_and_accepts_exactly_that(world):
    team, anna, path = world.team, world.anna.client, f"/v1/programs/{world.program}"
    assert team.patch(path + "/terms-policy", {"acceptance": True}).body == {"program_id": world.program, "acceptance": True}
    second = team.post(path + "/terms", {**TERMS, "rules": [{"country": "KZ", "commission_kind": "fixed", "fixed_minor": 7}]}).body
    free = team.post(path + "/terms", {**TERMS, "partner_id": world.boris.id, "needs_acceptance": False}).body
    assert (second["version"], second["needs_acceptance"], free["needs_acceptance"]) == (2, True, False)
    assert offered(anna) == {1: (True, False), 2: (False, False)}
    (seen,) = [item["terms"] for item in anna.get(f"/v1/terms?program_id={world.program}").data if item["terms"]["version"] == 2]
    assert seen == second  # with its rules: what is accepted is all of it
    assert anna.get(f"/v1/terms?program_id={NONE}").data == []
    accept = f"/v1/terms/{second['id']}/accept"
    assert anna.post(accept, {"version": 1}).code == "version"
    assert anna.post(f"/v1/terms/{free['id']}/accept", {"version": 1}).status == 404  # another partner's
    assert team.post(accept, {"version": 2}).status == 403
    done = anna.post(accept, {"version": 2})
    assert (done.status, done.body["in_force"], done.body["terms"]) == (200, True, second)
    assert anna.post(accept, {"version": 2}).body == done.body
    assert offered(anna) == {1: (False, False), 2: (True, True)}
    (told,) = team.get(path + "/acceptances").data
    assert (told["terms_id"], told["version"], told["partner_id"], told["accepted_at"]) == (
        second["id"], 2, world.anna.id, done.body["accepted_at"])
    assert told["api_key_id"] == world.postgres.value("select id from api_key where partner_id = %s and not is_waiting", [world.anna.id])
    assert team.get(path + f"/acceptances?partner_id={world.boris.id}").data == []
    assert world.boris.client.get("/v1/terms").body["data"][0]["accepted_at"] is None
    team.post(path + "/terms", {**TERMS, "effective_from": "2026-01-02T00:00:00Z"})
    assert world.boris.client.post(accept, {"version": 2}).code == "superseded"
    assert anna.post(accept, {"version": 2}).status == 200
    stranger = world.postgres.value("insert into partner (name, status) values ('x', 'active') returning id")
    key = world.postgres.value("select api_key_create('partner', %s, 'test')", [stranger])
    assert Client(world.api, key).get("/v1/terms").data == []
    assert Client(world.api, key).post(accept, {"version": 2}).status == 404


def accept(shop, partner, version, at):
    key = shop.db.value("insert into api_key (kind, partner_id, name, prefix, key_hash) values ('partner', %s, 't', 'cl_p', sha256(%s)) returning id",
                        [partner, f"{shop.program} {partner} {version}".encode()])
    shop.db.query("insert into terms_acceptance (terms_id, partner_id, accepted_at, api_key_id) select id, %s, %s, %s from terms"
                  " where program_id = %s and version = %s", [partner, at, key, shop.program, version])


def new_terms(shop, version, since, rate_ppm, **said):
    shop.make_terms(rate_ppm=rate_ppm, since=since, version=version, **said)
    shop.db.query("update terms set needs_acceptance = true where program_id = %s and version = %s", [shop.program, version])


def amounts(shop):
    return dict(shop.db.query("select c.order_id, m.amount_minor from commission m join conversion c on c.id = m.conversion_id"
                              " where c.program_id = %s", [shop.program]))


FACTS = {  # what is told, in its turn: 10 % at first, 20 % from the first hour on for who accepts, 30 % from the fifth on
    "second": lambda shop: new_terms(shop, 2, T0 + HOUR, 200000),
    "third": lambda shop: new_terms(shop, 3, T0 + 5 * HOUR, 300000),
    "anna second": lambda shop: accept(shop, shop.anna, 2, T0 + 2 * HOUR),
    "anna third": lambda shop: accept(shop, shop.anna, 3, T0 + 4 * HOUR),  # before it is in force
    "boris third": lambda shop: accept(shop, shop.boris, 3, T0 + 7 * HOUR),
    "orders": lambda shop: [order(shop, partner, hours) for partner in (shop.anna, shop.boris) for hours in (0, 1.5, 2.5, 4.5, 6, 8)],
}


def order(shop, partner, hours):
    at = T0 + hours * HOUR
    shop.report(at + HOUR / 2, f"{'anna' if partner == shop.anna else 'boris'} {hours}", click_id=shop.click(at, partner), amount_minor=1000,
                status="approved")


@pytest.mark.parametrize("told", [list(FACTS), ["orders", "second", "anna second", "third", "anna third", "boris third"],
                                  ["third", "second", "boris third", "orders", "anna third", "anna second"]], ids=["first", "last", "between"])
def test_what_was_accepted_before_stays_in_force(postgres, told):
    shop = Shop(postgres)
    for fact in told:
        FACTS[fact](shop)
        shop.attribute()
    assert amounts(shop) == {"anna 0": 100, "anna 1.5": 100, "anna 2.5": 200, "anna 4.5": 200, "anna 6": 300, "anna 8": 300,
                             "boris 0": 100, "boris 1.5": 100, "boris 2.5": 100, "boris 4.5": 100, "boris 6": 100, "boris 8": 300}
    assert shop.attribute()["orders"] == 0


def test_who_accepted_nothing_earns_nothing_but_is_credited(postgres):
    shop = Shop(postgres)
    shop.db.query("update terms set needs_acceptance = true")
    order(shop, shop.anna, 0)
    shop.attribute()
    assert amounts(shop) == {} and shop.db.value("select partner_id from credit") == shop.anna


def test_windows_of_accepted_terms_in_one_pass(postgres):
    """Anna's window is two days since she accepted, Boris's is still thirty."""
    shop = Shop(postgres)
    new_terms(shop, 2, T0 - DAY, 200000, window_days=2)
    accept(shop, shop.anna, 2, T0)
    for number, (partner, hours) in enumerate([(shop.anna, -1), (shop.anna, 1), (shop.boris, -1), (shop.boris, 1)]):
        at = T0 + hours * HOUR
        shop.report(T0 + 3 * DAY, f"o{number}", click_id=shop.click(at, partner), amount_minor=1000, status="approved")
    shop.attribute()
    assert amounts(shop) == {"o0": 100, "o2": 100, "o3": 100}
    credits = "select * from credit order by conversion_id"
    wanted = postgres.query(credits)
    done = subprocess.run([ATTRIB, "credit", "--from", "2026-03-10", "--to", "2026-03-20"], capture_output=True, text=True, timeout=60, check=False,
                          env={"CLICKLEDGER_POSTGRES_CONNINFO": postgres.conninfo("cl_attrib")})
    assert done.returncode == 0, done.stderr
    assert len(wanted) == 3 and postgres.query(credits) == wanted


@pytest.mark.parametrize("late", [False, True])
def test_terms_of_the_touch_or_of_the_order(postgres, late):
    shop = Shop(postgres)
    facts = [lambda: shop.make_policy(terms_bound="order", since=T0 + 2 * HOUR),
             lambda: shop.make_terms(rate_ppm=200000, since=T0 + HOUR / 2, version=2)]
    orders = [("by the touch", T0 + HOUR), ("by the order", T0 + 2 * HOUR)]
    for fact in [] if late else facts:
        fact()
    for name, at in orders:
        shop.report(at, name, click_id=shop.click(T0, shop.anna), amount_minor=1000, status="approved")
    shop.attribute()
    for fact in facts if late else []:
        fact()
    shop.attribute()
    assert amounts(shop) == {"by the touch": 100, "by the order": 200}
    told = dict(shop.db.query("select c.order_id, x.body->'policy'->>'terms_bound' from explanation x join conversion c on c.id = x.conversion_id"))
    assert told == {"by the touch": None, "by the order": "order"}
