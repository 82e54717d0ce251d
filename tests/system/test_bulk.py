"""What the team does many times at once: a verdict for each, and one bad one does not hold back the others."""
import re

from api import NONE, Client, api, world  # noqa: F401 (fixtures)

TARGET = "https://shop.example/"
PREVIEW = {"commission_kind": "percent", "rate_ppm": 1}


def test_many_conversions_are_decided(world):
    team, ids = world.team, [world.boris.conversion, NONE, world.anna.conversion, world.boris.conversion]
    path = "/v1/conversions/decide"
    answer = team.post(path, {"ids": ids, "action": "decline", "reason": "fraud_card", "note": "one gang"})
    assert answer.status == 202
    assert [(d["id"], d["verdict"]) for d in answer.body["data"]] == [
        (world.boris.conversion, "decided"), (NONE, "not_found"), (world.anna.conversion, "decided")]
    assert world.postgres.query("select conversion_id, action, reason, note, api_key_id = (select id from api_key where kind = 'team')"
                                " from conversion_decision order by id") == [
        (id_, "decline", "fraud_card", "one gang", True) for id_ in (world.boris.conversion, world.anna.conversion)]
    assert [c["object_id"] for c in team.get("/v1/audit?object=conversion_decision").data] == ["2", "1"]
    assert team.post(path, {"ids": [world.anna.conversion], "action": "approve"}).body["data"][0]["decision_id"] == 3
    for body, code in (({"ids": ids, "action": "decline"}, "reason"), ({"ids": ids, "action": "decline", "reason": "mood"}, "reason"),
                       ({"ids": ids, "action": "approve", "reason": "fraud_card"}, "reason"), ({"ids": [], "action": "approve"}, "ids"),
                       ({"ids": list(range(1, 502)), "action": "approve"}, "ids"), ({"ids": [0], "action": "approve"}, "ids"),
                       ({"ids": ids}, "action")):
        refused = team.post(path, body)
        assert (refused.status, refused.code) == (422, code), body
    assert len(team.post(path, {"ids": list(range(1, 501)), "action": "approve"}).body["data"]) == 500
    assert world.anna.client.post(path, {"ids": [world.anna.conversion], "action": "approve"}).status == 403


def test_many_promo_codes(world):
    team, path = world.team, "/v1/promo-codes/bulk"
    owner = {"program_id": world.program, "partner_id": world.anna.id, "target_url": TARGET}
    given = team.post(path, {**owner, "codes": ["SPRING", "boris", "spring", "no blank", "x" * 64, "x" * 65]}, {"Idempotency-Key": "k"})
    assert [(c["code"][:8], c["verdict"], c["id"] is not None) for c in given.body["data"]] == [
        ("SPRING", "made", True), ("boris", "taken", False), ("spring", "repeated", False), ("no blank", "not_a_code", False),
        ("x" * 8, "made", True), ("x" * 8, "not_a_code", False)]
    assert team.post(path, {**owner, "codes": ["SPRING", "boris", "spring", "no blank", "x" * 64, "x" * 65]}, {"Idempotency-Key": "k"}).body == given.body
    assert [c["code"] for c in team.get(f"/v1/promo-codes?partner_id={world.anna.id}").data] == ["x" * 64, "SPRING", "ANNA"]
    made = team.post(path, {**owner, "prefix": "MAY-", "count": 1000}).body["data"]
    assert {c["verdict"] for c in made} == {"made"} and len({c["code"] for c in made}) == 1000
    assert all(re.fullmatch("MAY-[2-9A-HJ-NP-Z]{8}", c["code"]) for c in made)
    assert len(team.post(path, {**owner, "codes": [f"{n:064}" for n in range(1000)]}).body["data"]) == 1000  # above 64 KiB
    for body, code in (({}, "codes"), ({"codes": ["a"], "count": 1}, "codes"), ({"codes": ["a"], "prefix": "a"}, "codes"), ({"prefix": "a"}, "codes"),
                       ({"codes": []}, "codes"), ({"codes": ["a"] * 1001}, "codes"), ({"count": 1001}, "count"), ({"count": 1, "prefix": "x" * 57}, "prefix"),
                       ({"count": 1, "partner_id": NONE}, "partner_id"), ({"count": 1, "target_url": "ftp://x"}, "target_url")):
        refused = team.post(path, {**owner, **body})
        assert (refused.status, refused.code) == (422, code), body
    assert team.post(path, {**owner, "codes": ["x" * 132_000]}).status == 413
    assert world.anna.client.post(path, {**owner, "count": 1}).status == 403


def test_roles(world):
    """Who runs programmes may do these things; whoever is of the team may look."""
    program = f"/v1/programs/{world.program}"
    for role in "manager", "finance", "analyst", "viewer":
        key = world.postgres.value("select api_key_create('team', null, %s)", (role,))
        world.postgres.query("update api_key set role = %s where name = %s", (role, role))
        client, allowed = Client(world.api, key), role == "manager"
        for path, body in (("/v1/conversions/decide", {"ids": [NONE], "action": "approve"}), (program + "/terms/preview", PREVIEW),
                           ("/v1/promo-codes/bulk", {"program_id": NONE, "partner_id": NONE, "target_url": TARGET, "count": 1}),
                           ("/v1/creatives", {"program_id": NONE, "kind": "banner", "name": "x"})):
            assert (client.post(path, body).status != 403) == allowed, (role, path)
        for path in "/v1/audit", "/v1/dashboard", "/v1/dashboard?part=funnel", "/v1/dashboard?part=times", "/v1/creatives":
            assert client.get(path).status == 200, (role, path)
    for path in "/v1/audit", "/v1/dashboard":
        assert world.anna.client.get(path).status == 403
