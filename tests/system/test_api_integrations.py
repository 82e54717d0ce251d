"""Integrations and visitor policies by the API: what is shown once, what may be changed, what is refused."""
import json

import pytest

from api import NONE, api, world  # noqa: F401


def test_an_integration_from_key_to_revocation(world):
    team = world.team
    made = team.post("/v1/programs/1/integrations", {"name": "shop", "aliases": {"tid": "order_id"}, "statuses": {"1": "approved", "Ping": "ignore"}})
    assert made.status == 201 and made.body["path"] == "/postback/" + made.body["key"]
    shown = {name: value for name, value in made.body.items() if name not in ("key", "path")}
    assert (shown["status"], shown["secrets"], shown["statuses"]) == ("active", [], {"1": "approved", "Ping": "ignore"})
    assert team.get("/v1/integrations").data == [shown]
    assert team.get("/v1/integrations?status=revoked").data == [] == team.get("/v1/integrations?program_id=2").data
    path = f"/v1/integrations/{shown['id']}"
    changed = team.patch(path, {"statuses": {"2": "declined"}})
    assert changed.body == {**shown, "statuses": {"2": "declined"}}
    revoked = team.post(path + "/revoke")
    assert revoked.body == {**changed.body, "status": "revoked"}
    assert team.post(path + "/revoke").body == revoked.body == team.get("/v1/integrations").data[0]


def test_two_secrets_are_live_while_a_shop_changes(world):
    team = world.team
    path = f"/v1/integrations/{team.post('/v1/programs/1/integrations', {'name': 'shop'}).body['id']}/secrets"
    made = [team.post(path) for _ in range(3)]
    assert [answer.status for answer in made] == [201] * 3
    secrets = [answer.body["secret"] for answer in made]
    assert len(set(secrets)) == 3 and all(secret.startswith("cl_secret_") and len(secret) >= 42 for secret in secrets)
    assert [len(answer.body["secrets"]) for answer in made] == [1, 2, 2]
    live = "select secret from integration_secret order by id"
    assert [row[0] for row in world.postgres.query(live)] == secrets[1:]
    retired = team.post(path + "/retire")
    assert len(retired.body["secrets"]) == 1 and world.postgres.query(live) == [(secrets[2],)]
    assert team.post(path + "/retire").body == retired.body
    for answer in team.get("/v1/integrations").text, retired.text, world.anna.client.get("/v1/me").text:
        assert "cl_secret_" not in answer
    assert not any(secret in world.api.process.log() for secret in secrets)


def test_a_repeated_request_makes_no_second_secret(world):
    path = f"/v1/integrations/{world.team.post('/v1/programs/1/integrations', {'name': 'shop'}).body['id']}/secrets"
    first, again = (world.team.post(path, headers={"Idempotency-Key": "once"}) for _ in range(2))
    assert first.body == again.body and first.body["secret"]
    assert world.postgres.value("select count(*) from integration_secret") == 1
    assert first.body["secret"] not in json.dumps(world.postgres.query("select answer from idempotency"))


def test_a_programme_says_whose_cookie_it_is(world):
    team = world.team
    made = team.post("/v1/programs", {"code": "own", "name": "Own", "currency": "RUB", "visitor_cookie": True, "cookie_hosts": ["Go.Shop.example"],
                                      "cookie_domain": "shop.example", "consent_required": True})
    assert (made.status, made.body["cookie_hosts"], made.body["cookie_domain"]) == (201, ["go.shop.example"], "shop.example")
    path = f"/v1/programs/{made.body['id']}"
    assert team.patch(path, {"cookie_hosts": ["go.other.example"]}).code == "cookie_domain"
    alone = team.patch(path, {"cookie_hosts": ["go.other.example"], "cookie_domain": "", "consent_required": False})
    assert alone.body == {**made.body, "cookie_hosts": ["go.other.example"], "cookie_domain": None, "consent_required": False}
    assert team.patch(path, {"status": "paused", "cookie_cross_site": True}).body == {**alone.body, "status": "paused", "cookie_cross_site": True}


@pytest.mark.parametrize("method, path, body, status, code", [
    ("POST", "/v1/programs/1/integrations", {"name": "x", "statuses": {"a": "paid"}}, 422, "statuses"),
    ("POST", "/v1/programs/1/integrations", {"name": "x", "statuses": {"": "approved"}}, 422, "statuses"),
    ("POST", "/v1/programs/1/integrations", {"name": "x", "statuses": {"a": 1}}, 422, "statuses"),
    ("POST", "/v1/programs/1/integrations", {"name": "x", "statuses": ["a"]}, 422, "statuses"),
    ("POST", "/v1/programs/1/integrations", {"name": "x", "aliases": {"": "amount"}}, 422, "aliases"),
    ("PATCH", f"/v1/integrations/{NONE}", {"name": "x"}, 404, "not_found"),
    ("POST", f"/v1/integrations/{NONE}/revoke", {}, 404, "not_found"),
    ("POST", f"/v1/integrations/{NONE}/secrets", {}, 404, "not_found"),
    ("POST", f"/v1/integrations/{NONE}/secrets/retire", {}, 404, "not_found"),
    ("POST", "/v1/integrations/1/secrets", {"secret": "0" * 40}, 422, "unknown_parameter"),
    ("PATCH", f"/v1/programs/{NONE}", {"status": "paused"}, 404, "not_found"),
    ("PATCH", "/v1/programs/1", {"cookie_hosts": ["a b"]}, 422, "cookie_hosts"),
    ("PATCH", "/v1/programs/1", {"cookie_domain": "shop.example"}, 422, "cookie_domain"),
    ("PATCH", "/v1/programs/1", {"cookie_hosts": ["go.shop.co.uk"], "cookie_domain": "co.uk"}, 422, "cookie_domain"),
    ("PATCH", "/v1/programs/1", {"cookie_hosts": ["go.shop.com"], "cookie_domain": "com"}, 422, "cookie_domain"),
])
def test_refused(world, method, path, body, status, code):
    answer = world.api.call(method, path, body, world.team_key)
    assert (answer.status, answer.code) == (status, code)
