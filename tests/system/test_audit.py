"""GET /v1/audit: every change through the API, who made it, the row before and after; and nothing for a partner."""
from api import NONE, Client, api, world  # noqa: F401 (fixtures)


def test_every_change_is_told(world):
    team, anna = world.team, world.anna
    key = world.postgres.value("select id from api_key where kind = 'team'")
    world.postgres.query("update partner set email = 'new@example.org' where id = %s", (anna.id,))
    assert team.patch(f"/v1/links/{anna.link}", {"status": "paused"}).status == 200
    assert team.post("/v1/adjustments", {"program_id": world.program, "partner_id": anna.id, "key": "gift", "amount_minor": 500,
                                         "reason": "a gift"}).status == 201
    made = team.post(f"/v1/partners/{anna.id}/keys", {"name": "laptop"}).body
    assert team.post(f"/v1/partners/{NONE}/approve").status == 404  # leaves nothing

    changes = team.get("/v1/audit?limit=6").data
    assert [(c["action"], c["object"]) for c in changes] == [
        ("insert", "api_key"), ("insert", "ledger_entry"), ("insert", "ledger_entry"), ("insert", "ledger_transaction"),
        ("update", "link"), ("update", "partner")]
    assert [c["db_role"] for c in changes] == ["cl_api"] * 5 + ["cl_owner"]
    assert {c["api_key_id"] for c in changes[:5]} == {key} and changes[5]["api_key_id"] is None
    new_key, _, _, adjusted, link, partner = changes
    assert (link["object_id"], link["before"]["status"], link["after"]["status"], link["api_key_name"]) == (str(anna.link), "active", "paused", "test")
    assert (partner["before"]["email"], partner["after"]["email"]) == ("anna@example.org", "new@example.org")
    assert adjusted["after"]["reason"] == "a gift" and adjusted["before"] is None
    assert new_key["hidden"] == ["key_hash"] and made["key"] not in team.get("/v1/audit").text

    def told(query):
        return [c["id"] for c in team.get("/v1/audit?" + query).data]

    assert told(f"object=link&object_id={anna.link}&action=update&from={link['at']}") == [link["id"]]
    assert told(f"object=link&to={link['at']}&action=update") == told("person_id=1") == []
    first = team.get("/v1/audit?limit=1").body
    assert told(f"limit=1&cursor={first['next_cursor']}") == [changes[1]["id"]]
    assert anna.client.get("/v1/audit").status == 403
