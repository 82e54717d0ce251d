"""What last month would have cost by other terms: asked through the API, computed by attrib as it would pay, and nothing stays."""
from datetime import timedelta

import pytest

from api import NONE, Api, Client
from conftest import wait_for
from shop import ATTRIB, T0, Shop

TERMS = {"commission_kind": "percent", "rate_ppm": 200000}


@pytest.fixture
def shop(postgres):
    shop = Shop(postgres)
    shop.make_terms(rate_ppm=50000, partner=shop.boris)
    for number, partner in enumerate((shop.anna, shop.anna, shop.boris)):
        shop.report(T0 + timedelta(hours=1), f"o{number}", click_id=shop.click(T0, partner), amount_minor=1000 * (number + 1), status="approved")
    shop.report(T0 - timedelta(days=20), "before", click_id=shop.click(T0 - timedelta(days=2), shop.anna), amount_minor=100, status="approved")
    shop.report(T0 + timedelta(hours=1), "nobody's", amount_minor=100)
    shop.attribute()
    return shop


@pytest.fixture
def team(spawn, postgres, tmp_path):
    return Client(Api(spawn, postgres, tmp_path), postgres.value("select api_key_create('team', null, 'test')"))


def test_what_a_month_would_have_cost(shop, team):
    path = f"/v1/programs/{shop.program}/terms/preview"
    facts = ("select (select count(*) from terms), (select count(*) from ledger_transaction),"
             " array(select m::text from commission m order by 1)")
    before, balances = shop.db.query(facts), shop.balances()
    asked = team.post(path, {**TERMS, "month": "2026-03"})
    assert (asked.status, asked.body["status"], asked.body["from"], asked.body["to"], asked.body["tz"]) == (
        202, "open", "2026-03-01T00:00:00.000Z", "2026-04-01T00:00:00.000Z", "UTC")
    assert team.post(path, TERMS).code == "preview"  # one at a time
    partners = f"/v1/terms-previews/{asked.body['id']}/partners"
    early = team.get(partners)
    assert (early.status, early.code) == (409, "status")
    shop.attribute()
    told = team.get(f"/v1/terms-previews/{asked.body['id']}").body
    assert (told["status"], told["fault"], told["terms"]) == ("done", None, TERMS)
    # Boris has terms of his own, which go before those for all.
    assert told["result"] == {"currency": "RUB", "orders": 4, "now_minor": 450, "then_minor": 750, "difference_minor": 300, "partners": [
        {"partner_id": shop.anna, "partner_name": "Anna", "now_minor": 300, "then_minor": 600, "difference_minor": 300, "orders_now": 2, "orders_then": 2},
        {"partner_id": shop.boris, "partner_name": "Boris", "now_minor": 150, "then_minor": 150, "difference_minor": 0, "orders_now": 1, "orders_then": 1}]}
    assert team.get(partners).data == [{**partner, "currency": "RUB"} for partner in told["result"]["partners"]]
    assert team.get(f"/v1/terms-previews/{NONE}/partners").status == 404
    assert team.get(partners + "?format=csv").text.splitlines() == [
        "\ufeffpartner_id,partner_name,currency,now,then,difference,orders_now,orders_then",
        f'{shop.anna},"Anna",RUB,3.00,6.00,3.00,2,2', f'{shop.boris},"Boris",RUB,1.50,1.50,0.00,1,1']
    assert shop.db.query(facts) == before and shop.balances() == balances

    # Tiers, by which orders depend on each other, for one partner: the same as making these terms comes to.
    terms = {"commission_kind": "percent", "rate_ppm": 0, "partner_id": shop.anna, "rules": [
        {"commission_kind": "percent", "tier_mode": "whole", "tiers": [{"from_minor": 0, "rate_ppm": 100000}, {"from_minor": 3000, "rate_ppm": 300000}]}]}
    asked = team.post(path, {**terms, "month": "2026-03"}).body
    shop.attribute()
    result = team.get(f"/v1/terms-previews/{asked['id']}").body["result"]
    assert (result["now_minor"], result["then_minor"], len(result["partners"])) == (450, 1050, 2)
    assert team.post(f"/v1/programs/{shop.program}/terms", {**terms, "effective_from": "2025-01-01T00:00:00Z"}).status == 201
    shop.attribute()
    assert shop.db.value("select sum(m.amount_minor) from commission m join conversion c on c.id = m.conversion_id where c.occurred_at >= '2026-03-01'") == 1050


def test_previews_that_are_refused_or_fail(shop, team, spawn):
    path = f"/v1/programs/{shop.program}/terms/preview"
    for body, code in (({**TERMS, "fixed_minor": 1}, "fixed_minor"), ({**TERMS, "month": "2026-13"}, "month"), ({**TERMS, "partner_id": NONE}, "partner_id"),
                       ({**TERMS, "rules": [{"commission_kind": "luck"}]}, "rules"), ({}, "commission_kind")):
        refused = team.post(path, body)
        assert (refused.status, refused.code) == (422, code), body
    assert team.post(f"/v1/programs/{NONE}/terms/preview", TERMS).status == team.get(f"/v1/terms-previews/{NONE}").status == 404
    assert shop.db.value("select count(*) from terms_preview") == 0

    shop.db.query("revoke execute on function terms_preview_cost(bigint) from cl_attrib")
    first = team.post(path, TERMS).body
    daemon = spawn(ATTRIB, env={"CLICKLEDGER_POSTGRES_CONNINFO": shop.db.conninfo("cl_attrib")})

    def ended(asked):
        told = team.get(f"/v1/terms-previews/{asked['id']}").body
        return told if told["status"] != "open" else None

    assert wait_for(lambda: ended(first))["fault"] == "not_computed" and "preview.failed" in daemon.log()
    shop.db.query("grant execute on function terms_preview_cost(bigint) to cl_attrib")
    second = team.post(path, TERMS).body
    assert wait_for(lambda: ended(second))["result"]["orders"] == 0
    daemon.stop()
    lost = team.post(path, TERMS).body
    shop.db.query("update terms_preview set started_at = created_at, created_at = created_at - interval '6 minutes' where id = %s", (lost["id"],))
    assert ended(lost)["fault"] == "abandoned"
    assert team.post(path, TERMS).status == 202
