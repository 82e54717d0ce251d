"""The api over a real PostgreSQL: every route, who sees what, what is refused, what a fault leaves behind."""
import hashlib
import itertools
import json
import re
import uuid
from datetime import datetime, timezone

import psycopg2
import pytest

from api import LINK, NONE, OPEN, PROGRAM, Api, Client, World, api, world  # noqa: F401 (fixtures)
from conftest import ROOT, wait_for
from shop import uuid7


def openapi(api):
    answer = api.call("GET", "/v1/openapi.json")
    assert answer.status == 200
    return answer.body


def operations(api):
    for path, methods in openapi(api)["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


# --- Every route ---------------------------------------------------------------------------------------------------------


def test_from_nothing_to_a_link(api):
    team = Client(api, api.postgres.value("select api_key_create('team', null, 'test')"))
    program = team.post("/v1/programs", {"code": "tea", "name": "Чай & \"сахар\"", "currency": "RUB", "time_zone": "Europe/Moscow",
                                         "hosts": ["Tea.example"], "fallback_url": "https://tea.example/", "visitor_cookie": True})
    assert program.status == 201
    assert program.body["hosts"] == ["tea.example"] and program.body["name"] == "Чай & \"сахар\""
    assert program.body["duplicate_window_seconds"] == 60
    id_ = program.body["id"]
    for window in (86400, 0):
        program = team.patch(f"/v1/programs/{id_}", {"duplicate_window_seconds": window})
        assert program.body["duplicate_window_seconds"] == window
    assert team.patch(f"/v1/programs/{id_}", {"duplicate_window_seconds": 86401}).code == "duplicate_window_seconds"
    assert team.patch(f"/v1/programs/{id_}", {"status": "active"}).body == program.body
    assert team.get("/v1/programs?status=active&limit=1").data == [program.body]
    terms = team.post(f"/v1/programs/{id_}/terms", {"commission_kind": "percent", "rate_ppm": 125000, "hold_days": 14,
        "effective_from": "2024-01-01T03:00:00+03:00"})
    assert (terms.status, terms.body["version"], terms.body["effective_from"]) == (201, 1, "2024-01-01T00:00:00.000Z")
    second = team.post(f"/v1/programs/{id_}/terms", {"commission_kind": "fixed", "fixed_minor": 500})
    assert second.body["version"] == 2 and second.body["rate_ppm"] is None
    assert team.get(f"/v1/programs/{id_}/terms").data == [second.body, terms.body]
    policy = team.post(f"/v1/programs/{id_}/attribution", {"model": "position", "first_ppm": 300000, "binding": "first_partner", "bind_days": 30,
                                                           "effective_from": "2024-01-01T00:00:00Z"})
    assert (policy.status, policy.body["version"], policy.body["first_ppm"], policy.body["last_ppm"]) == (201, 1, 300000, 400000)
    assert (policy.body["precedence"], policy.body["click_window_hours"], policy.body["touches_max"]) == ("code_over_click", None, 50)
    assert team.get(f"/v1/programs/{id_}/attribution").data == [policy.body]
    integration = team.post(f"/v1/programs/{id_}/integrations", {"name": "shop", "aliases": {"tid": "order_id"}}).body
    assert integration["path"] == "/postback/" + integration["key"]
    assert api.postgres.value("select key_hash from integration") .tobytes() == hashlib.sha256(integration["key"].encode()).digest()
    partner = team.post("/v1/partners", {"name": "Anna", "email": "anna@example.org"})
    assert (partner.status, partner.body["status"]) == (201, "pending")
    assert team.get("/v1/partners?status=pending").data == [{**partner.body, "last_click_at": None, "last_order_at": None}]
    link = team.post("/v1/links", {"program_id": id_, "partner_id": partner.body["id"], "target_url": "https://tea.example/?a=1", "slug": "anna-1",
        "name": "blog"})
    assert (link.status, link.body["path"]) == (201, "/c/anna-1")
    random = team.post("/v1/links", {"program_id": id_, "partner_id": partner.body["id"], "target_url": "https://tea.example/"})
    assert re.fullmatch(r"[0-9a-f]{10}", random.body["slug"])
    paused = team.patch(f"/v1/links/{link.body['id']}", {"status": "paused"})
    assert paused.body == {**link.body, "status": "paused", "held": True}
    moved = team.patch(f"/v1/links/{link.body['id']}", {"target_url": "https://tea.example/new", "status": "active"})
    assert moved.body == {**link.body, "target_url": "https://tea.example/new"}
    code = team.post("/v1/promo-codes", {"program_id": id_, "partner_id": partner.body["id"], "code": "Tea10", "target_url": "https://tea.example/"})
    assert code.status == 201 and team.get("/v1/promo-codes").data == [code.body]
    key = team.post(f"/v1/partners/{partner.body['id']}/keys", {"name": "laptop"})
    assert key.status == 201 and key.body["key"].startswith("cl_partner_") and len(key.body["key"]) >= 11 + 32
    anna = Client(api, key.body["key"])
    assert anna.get("/v1/me").body == {"kind": "partner", "role": None, "partner": partner.body, "person": None, "first_key_due": False,
                                         "tracker_url": None, "unread": 2,
                                         "csrf": None}
    assert team.get("/v1/me").body == {"kind": "team", "role": "owner", "partner": None, "person": None, "first_key_due": False,
                                         "tracker_url": None, "unread": 0,
                                         "csrf": None}
    assert team.post(f"/v1/keys/{key.body['id']}/revoke").status == 200
    assert anna.get("/v1/me").status == 401
    stored = json.dumps(api.postgres.query("select t::text from (select api_key::text as t from api_key union all select idempotency::text from idempotency"
                                           " union all select integration::text from integration) as all_of_it"))
    assert key.body["key"] not in stored and integration["key"] not in stored


def test_partners_move_by_rules(world):
    partner = world.team.post("/v1/partners", {"name": "Vera"}).body["id"]
    for action, status, state in (("pause", 409, "pending"), ("approve", 200, "active"), ("approve", 200, "active"), ("pause", 200, "paused"),
                                  ("approve", 200, "active"), ("decline", 200, "declined"), ("pause", 409, "declined"), ("approve", 200, "active")):
        assert world.team.post(f"/v1/partners/{partner}/{action}").status == status
        assert world.postgres.value("select status from partner where id = %s", (partner,)) == state
    assert world.team.post(f"/v1/partners/{NONE}/approve").code == "not_found"


def test_conversions(world):
    anna, team = world.anna, world.team
    (seen,) = anna.client.get("/v1/conversions").data
    assert (seen["id"], seen["order_id"], seen["status"], seen["amount_minor"], seen["commission_minor"]) == (anna.conversion, "order-anna",
        "approved", 1000, 100)
    assert seen["occurred_at"] == "2024-01-01T10:30:00.000Z"
    assert [c["partner_id"] for c in seen["credits"] + seen["commissions"]] == [anna.id, anna.id]
    assert anna.client.get(f"/v1/conversions/{anna.conversion}").body == seen
    assert team.get(f"/v1/conversions/{anna.conversion}").body == seen
    assert [c["order_id"] for c in team.get("/v1/conversions").data] == ["order-boris", "order-anna"]
    assert team.get(f"/v1/conversions?partner_id={anna.id}&program_id={world.program}&status=approved&order_id=order-anna").data == [seen]
    assert team.get("/v1/conversions?status=declined").data == []
    assert anna.client.get(f"/v1/conversions/{anna.conversion}/explain").body["explanations"][0]["explanation"] == {"for": anna.id}
    assert team.get(f"/v1/receipts/{world.receipt}").body["verdict"] == "applied"
    assert team.get(f"/v1/receipts/{world.receipt[:-1]}2").status == 404


def test_decisions(world):
    listener = psycopg2.connect(world.postgres.conninfo())
    listener.autocommit = True
    listener.cursor().execute("listen clickledger_work")
    path = f"/v1/conversions/{world.anna.conversion}"
    approved = world.team.post(path + "/approve")
    assert (approved.status, approved.body["action"]) == (202, "approve")
    for body in ({}, {"reason": ""}, {"reason": None}, {"reason": "mood"}, {"reason": "x" * 501}):
        assert world.team.post(path + "/decline", body).code == "reason"
    reasons = {reason["code"]: reason for reason in world.anna.client.get("/v1/decline-reasons").data}
    assert reasons["fraud_card"]["text_en"] and reasons["fraud_card"]["text_ru"]
    declined = world.team.post(path + "/decline", {"reason": "fraud_card", "note": "the bank called"})
    assert (declined.status, declined.body["reason"], declined.body["note"]) == (202, "fraud_card", "the bank called")
    assert world.postgres.query("select action, api_key_id = (select id from api_key where kind = 'team') from conversion_decision order by id") == \
        [("approve", True), ("decline", True)]
    wait_for(lambda: listener.poll() or listener.notifies, what="a notification")
    listener.close()
    assert world.team.post(f"/v1/conversions/{NONE}/approve").status == 404


def people(world, tenant, link, hour, *numbers):
    """Visitors who clicked, as click_settle keeps them: of the link, of the partner, and of the whole programme."""
    for partner, of_link in ((tenant.id, link), (tenant.id, -1), (0, 0)):
        for number in numbers:
            world.postgres.query(
                "insert into unique_hourly as u (hour, program_id, partner_id, link_id, sketch) values"
                " (%s, %s, %s, %s, set_bit(repeat('0', 20480)::bit(20480), %s, 1))"
                " on conflict (partner_id, hour, program_id, link_id) do update set sketch = u.sketch | excluded.sketch",
                (hour, world.program, partner, of_link, number))


def test_unique_visitors(world):
    """Nobody twice over hours, days and links; only a partner's own; where days begin within an hour, by its clicks."""
    anna, boris = world.anna, world.boris
    people(world, anna, anna.link, "2024-01-01T00:00Z", 1, 2)
    people(world, anna, anna.link, "2024-01-01T10:00Z", 2, 3)
    people(world, anna, anna.link, "2024-01-02T10:00Z", 3, 4)
    people(world, boris, boris.link, "2024-01-01T10:00Z", 3, 5)
    world.postgres.query("insert into click_hourly (hour, shard, program_id, partner_id, link_id, class, clicks) values"
                         " ('2024-01-02T10:00Z', 0, %s, %s, %s, 'human', 2)", (world.program, anna.id, anna.link))

    def uniques(client, path):
        body = client.get("/v1/stats?from=2024-01-01&to=2024-01-02" + path).body
        return [row["uniques"] for row in body["data"]], body["totals"][0]["uniques"]

    assert uniques(anna.client, "") == ([3, 2], 4)
    assert uniques(boris.client, "") == ([2], 2)
    assert uniques(world.team, "") == ([4, 2], 5)
    assert uniques(world.team, f"&partner_id={boris.id}") == ([2], 2)
    assert uniques(world.team, "&group_by=link") == ([4, 2], 5)
    assert uniques(anna.client, "&tz=Asia/Kolkata") == ([None, None], None), "visitors of so long ago are not kept"
    world.postgres.query("update privacy_policy set identity_days = 3650, detail_days = 3650")
    world.postgres.query("select partition_ensure('2024-01-01', '2024-01-01')")
    for minute, visitor in (15, 1), (45, 1), (45, 2), (46, 2):  # midnight there is at 18:30
        at = uuid7(datetime(2024, 1, 1, 18, minute, tzinfo=timezone.utc))
        world.postgres.query(
            "insert into click (ts, click_id, visitor_id, program_id, partner_id, link_id, class, reason, status, catalog_revision, producer, seq,"
            " content_hash) values (click_ts(%s), %s, %s, %s, %s, %s, 'human', 'none', 302, 1, %s, 1, 1)",
            (at, at, str(uuid.UUID(int=visitor)), world.program, anna.id, anna.link, str(uuid.UUID(int=0))))
    assert uniques(anna.client, "&tz=Asia/Kolkata") == ([4, 4], 6)
    assert uniques(boris.client, "&tz=Asia/Kolkata") == ([2], 2)
    assert uniques(world.team, "&tz=Asia/Kolkata") == ([5, 4], 7)
    assert "2.2 %" in anna.client.get("/v1/stats").body["formulas"]["uniques"]


def test_stats(world):
    people(world, world.anna, world.anna.link, "2024-01-01T00:00Z", 1, 2)
    path = "/v1/stats?from=2024-01-01&to=2024-01-01"
    stats = world.anna.client.get(path).body
    row = {"currency": "RUB", "clicks": 7, "clicks_not_counted": 5, "uniques": 2, "conversions": 1, "conversions_declined": 0, "conversions_refunded": 0,
           "revenue_minor": 1000, "commission_minor": 100, "cr_ppm": 142857, "epc_minor": "14.2857", "aov_minor": "1000.0000"}
    assert (stats["tz"], stats["from"], stats["to"]) == ("UTC", "2024-01-01T00:00:00.000Z", "2024-01-02T00:00:00.000Z")
    assert stats["data"] == [{"day": "2024-01-01", **row}] and stats["totals"] == [{"group": "all", **row}]
    by_link = world.anna.client.get(path + "&group_by=link").body
    assert by_link["data"] == [{"link_id": world.anna.link, **row}]
    team = world.team.get(path + "&group_by=link").body
    assert [(r["link_id"], r["clicks"]) for r in team["data"]] == [(world.anna.link, 7), (world.boris.link, 7)] and team["totals"][0]["commission_minor"] == 300
    moscow = world.anna.client.get(path + "&tz=Europe/Moscow").body
    assert moscow["from"] == "2023-12-31T21:00:00.000Z" and moscow["tz"] == "Europe/Moscow"
    # Of an hour that a midnight or a bound divides the rows answer, of all others the rollup, in which there is more here.
    india = world.anna.client.get("/v1/stats?from=2024-01-01&to=2024-01-01&tz=Asia/Kolkata").body
    assert (india["data"][0]["clicks"], india["data"][0]["conversions"], india["data"][0]["revenue_minor"]) == (7, 1, 1000)
    within = world.anna.client.get("/v1/stats?from=2024-01-01T00:00:00Z&to=2024-01-02T00:00:00Z&tz=Asia/Kolkata").body
    assert within["data"][0]["clicks"] == 7
    divided = world.anna.client.get("/v1/stats?from=2024-01-01T00:00:00Z&to=2024-01-01T00:59:00Z").body
    assert (divided["data"][0]["clicks"], divided["data"][0]["conversions"]) == (1, 0)
    times = world.anna.client.get("/v1/stats?from=2024-01-01T10:30:00Z&to=2024-01-01T10:30:01Z").body
    assert (times["data"][0]["clicks"], times["data"][0]["conversions"], times["data"][0]["epc_minor"]) == (0, 1, None)
    assert world.anna.client.get(f"{path}&link_id={world.boris.link}").data == []
    assert world.anna.client.get("/v1/stats").body["data"] == []


def test_balance_and_statement(world):
    assert world.anna.client.get("/v1/balance").data == [
        {"partner_id": world.anna.id, "currency": "RUB", "pending_minor": 100, "available_minor": 0, "reserved_minor": 0, "paid_minor": 0}]
    (line,) = world.anna.client.get("/v1/statement?currency=RUB").data
    assert (line["account"], line["amount_minor"], line["conversion_id"], line["kind"]) == ("partner_pending", 100, world.anna.conversion, "accrue")
    assert sum(line["amount_minor"] for line in world.team.get("/v1/statement").data) == 0
    both = world.team.get(f"/v1/statement?partner_id={world.anna.id}").data
    assert sorted((line["account"], line["balance_minor"]) for line in both) == [("partner_pending", 100), ("program_expense", None)]
    assert {line["balance_minor"] for line in world.team.get("/v1/statement").data} == {None}
    assert len(world.team.get(f"/v1/balance?program_id={world.program}").data) == 2


def test_pages_are_stable(world):
    for n in range(12):
        world.team.post("/v1/partners", {"name": f"partner {n}"})
    whole = [p["id"] for p in world.team.get("/v1/partners").data]
    assert len(whole) == 14
    pages, cursor = [], ""
    for _ in range(20):
        page = world.team.get("/v1/partners?limit=3" + cursor).body
        pages.append([p["id"] for p in page["data"]])
        world.team.post("/v1/partners", {"name": "in between"})
        if page["next_cursor"] is None:
            break
        cursor = "&cursor=" + page["next_cursor"]
    assert list(itertools.chain(*pages)) == whole and [len(p) for p in pages] == [3, 3, 3, 3, 2]
    lines = []
    page = {"next_cursor": ""}
    while page["next_cursor"] is not None:
        page = world.team.get("/v1/statement?limit=1" + ("&cursor=" + page["next_cursor"] if lines else "")).body
        lines += page["data"]
    assert lines == world.team.get("/v1/statement").data and len(lines) == 4
    for cursor in ("zz", "ff", "00", "312e", "39393939393939393939393939393939393939392e30", "2d312e30"):
        assert world.team.get("/v1/partners?cursor=" + cursor).code in ("cursor", "value")


def test_currencies_are_those_of_the_programs(api):
    source = (ROOT / "base/currency.c").read_text()
    assert sorted(re.findall(r'{"([A-Z]{3})", ([0-3])}', source)) == [
        tuple(row) for row in api.postgres.query("select code, exponent::text from currency order by code")]


# --- Who sees what --------------------------------------------------------------------------------------------------------


def test_every_route_wants_its_key(world):
    routes = [route for route in operations(world.api) if route[2]["x-asker"] != "open"]
    assert len(routes) > 50
    for number, (method, path, operation) in enumerate(routes):
        path = path.replace("{id}", world.receipt if "receipts" in path else "1")
        body, headers = {name: example(schema) for name, schema in body_of(operation).items()} if method != "GET" else None, None
        if "image/*" in operation.get("requestBody", {}).get("content", {}):
            body = (ROOT / "tests/fuzz/corpus/image/gif").read_bytes()
        if "text/csv" in operation.get("requestBody", {}).get("content", {}):
            path, body, headers = path + "?kind=conversions&program_id=1", b"order_id\n", {"Content-Type": "text/csv"}
        for key in None, "cl_team_" + "0" * 40:
            answer = world.api.call(method, path, body, key, headers, source=f"127.0.0.{2 + number % 8}")  # too many of one would be limited
            assert (answer.status, answer.code) == (401, "unauthorized"), (method, path, key, answer.text)
        if "partner" not in operation["x-asker"] and operation["x-asker"] != "any":
            answer = world.api.call(method, path, body, world.anna.key, headers)
            assert (answer.status, answer.code) == (403, "forbidden"), (method, path, answer.text)
    assert world.postgres.value("select count(*) from partner") == 2 and world.postgres.value("select count(*) from conversion_decision") == 0


def body_of(operation):
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return {name: schema["properties"][name] for name in schema.get("required", [])}


def example(schema):
    return schema["examples"][0]


def test_rows_without_identity(world):
    """What cl_api sees by itself, and what an identity opens, asked of PostgreSQL directly."""
    tables = [row[0] for row in world.postgres.query(
        "select c.relname from pg_class c where c.relnamespace = 'clickledger'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition"
        " and has_any_column_privilege('cl_api', c.oid, 'select') and c.relname <> 'currency' order by 1")]
    assert len(tables) >= 20
    connection = psycopg2.connect(world.postgres.conninfo("cl_api"))
    cursor = connection.cursor()

    def counts(key):
        if key:
            cursor.execute("select clickledger.api_begin(%s)", (hashlib.sha256(key.encode()).digest(),))
        found = {}
        for table in tables:
            cursor.execute(f"select count(*) from clickledger.{table}")
            found[table] = cursor.fetchone()[0]
        connection.commit()
        return found

    assert set(counts(None).values()) == {0}
    own = counts(world.anna.key)
    assert set(counts(None).values()) == {0}
    whole = counts(world.team_key)
    for table in tables:
        if table in ("program", "idempotency", "decline_reason", "ledger_seal", "phrase", "terms",
                     "privacy_policy"):  # the last five are the same for all
            continue
        assert own[table] == 0 or own[table] < whole[table], table
    assert own["conversion"] == own["ledger_entry"] == own["link"] == own["click"] == 1
    assert set(counts(None).values()) == {0}
    for forbidden in ("select key_hash from clickledger.api_key", "select address from clickledger.click", "select * from clickledger.conversion_key",
                      "update clickledger.ledger_entry set amount_minor = 1", "delete from clickledger.commission", "insert into clickledger.link select",
                      "select count(*) from clickledger.click_20240101", "select clickledger.api_key_create('team', null, 'x')",
                      "insert into clickledger.credit select", "set role cl_owner"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege if "insert into clickledger.link" not in forbidden else psycopg2.Error):
            cursor.execute(forbidden)
        connection.rollback()
    cursor.execute("select clickledger.api_begin(%s)", (hashlib.sha256(world.anna.key.encode()).digest(),))
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("insert into clickledger.link (program_id, partner_id, slug, target_url) values (%s, %s, 'x', 'https://a.example/')",
            (world.program, world.anna.id))
    connection.close()


def test_identity_does_not_outlive_its_request(spawn, postgres, tmp_path):
    """One connection; requests that fail in every way between those of two partners."""
    world = World(Api(spawn, postgres, tmp_path, "connections = 1\n"))
    for _ in range(5):
        assert [x["slug"] for x in world.anna.client.get("/v1/links").data] == ["anna"]
        assert world.team.post("/v1/links", {"program_id": NONE, "partner_id": 1, "target_url": "https://a.example/"}).status == 422
        assert world.anna.client.get(f"/v1/conversions/{world.boris.conversion}").status == 404
        assert world.api.call("GET", "/v1/links", key="cl_team_unknown").status == 401
        assert [x["slug"] for x in world.boris.client.get("/v1/links").data] == ["boris"]
        assert world.boris.client.post("/v1/programs", {"code": "x", "name": "x", "currency": "RUB"}).status == 403
    assert world.postgres.value(OPEN) == 1


# --- What is refused ------------------------------------------------------------------------------------------------------




REFUSED_POSTS = [
    ("/v1/programs", b"", 422, "code"),
    ("/v1/programs", b"{", 400, "json"),
    ("/v1/programs", b"[]", 400, "json"),
    ("/v1/programs", b"{} {}", 400, "json"),
    ("/v1/programs", b'{"code":"a","code":"b","name":"x","currency":"RUB"}', 400, "json"),
    ("/v1/programs", b'{"code":"a","name":"\xff","currency":"RUB"}', 400, "json"),
    ("/v1/programs", b'{"code":"a","name":"a\\u0000b","currency":"RUB"}', 400, "json"),
    ("/v1/programs", b"[" * 60000, 400, "json"),
    ("/v1/programs", {**PROGRAM, "colour": "red"}, 422, "unknown_parameter"),
    ("/v1/programs", {**PROGRAM, "name": ""}, 422, "name"),
    ("/v1/programs", {**PROGRAM, "name": "я" * 201}, 422, "name"),
    ("/v1/programs", {**PROGRAM, "name": "a\nb"}, 422, "name"),
    ("/v1/programs", {**PROGRAM, "name": 7}, 422, "name"),
    ("/v1/programs", {**PROGRAM, "code": "Shop"}, 422, "code"),
    ("/v1/programs", {**PROGRAM, "code": "shop"}, 409, "code"),
    ("/v1/programs", {**PROGRAM, "currency": "XXX"}, 422, "currency"),
    ("/v1/programs", {**PROGRAM, "currency": "rub"}, 422, "currency"),
    ("/v1/programs", {**PROGRAM, "time_zone": "Mars/Base"}, 422, "time_zone"),
    ("/v1/programs", {**PROGRAM, "time_zone": "UTC+3"}, 422, "time_zone"),
    ("/v1/programs", {**PROGRAM, "time_zone": "'; drop table click; --"}, 422, "time_zone"),
    ("/v1/programs", {**PROGRAM, "hosts": ["a b"]}, 422, "hosts"),
    ("/v1/programs", {**PROGRAM, "hosts": ["a.example/x"]}, 422, "hosts"),
    ("/v1/programs", {**PROGRAM, "hosts": "a.example"}, 422, "hosts"),
    ("/v1/programs", {**PROGRAM, "visitor_cookie": "yes"}, 422, "visitor_cookie"),
    ("/v1/programs", {**PROGRAM, "fallback_url": "javascript:alert(1)"}, 422, "fallback_url"),
    ("/v1/programs/1/terms", {"commission_kind": "percent"}, 422, "rate_ppm"),
    ("/v1/programs/1/attribution", {}, 422, "model"),
    ("/v1/programs/1/attribution", {"model": "best"}, 422, "model"),
    ("/v1/programs/1/attribution", {"model": "last", "last_ppm": 1}, 422, "first_ppm"),
    ("/v1/programs/1/attribution", {"model": "position", "first_ppm": 600001}, 422, "first_ppm"),
    ("/v1/programs/1/attribution", {"model": "linear", "half_life_hours": 24}, 422, "half_life_hours"),
    ("/v1/programs/1/attribution", {"model": "last", "code_ppm": 1}, 422, "code_ppm"),
    ("/v1/programs/1/attribution", {"model": "last", "bind_days": 1}, 422, "bind_days"),
    ("/v1/programs/1/attribution", {"model": "last", "touches_max": 65}, 422, "touches_max"),
    ("/v1/programs/1/terms", {"commission_kind": "percent", "rate_ppm": 1000001}, 422, "rate_ppm"),
    ("/v1/programs/1/terms", {"commission_kind": "percent", "rate_ppm": -1}, 422, "rate_ppm"),
    ("/v1/programs/1/terms", {"commission_kind": "percent", "rate_ppm": 0.5}, 422, "rate_ppm"),
    ("/v1/programs/1/terms", b'{"commission_kind":"percent","rate_ppm":1e3}', 422, "rate_ppm"),
    ("/v1/programs/1/terms", b'{"commission_kind":"fixed","fixed_minor":99999999999999999999}', 400, "json"),
    ("/v1/programs/1/terms", {"commission_kind": "fixed", "fixed_minor": 1, "rate_ppm": 1}, 422, "rate_ppm"),
    ("/v1/programs/1/terms", {"commission_kind": "free"}, 422, "commission_kind"),
    ("/v1/programs/1/terms", {"commission_kind": "fixed", "fixed_minor": 1, "effective_from": "tomorrow"}, 422, "effective_from"),
    ("/v1/programs/1/terms", {"commission_kind": "fixed", "fixed_minor": 1, "partner_id": NONE}, 422, "partner_id"),
    (f"/v1/programs/{NONE}/terms", {"commission_kind": "fixed", "fixed_minor": 1}, 404, "not_found"),
    ("/v1/programs/x/terms", {"commission_kind": "fixed", "fixed_minor": 1}, 404, "not_found"),
    ("/v1/programs/1;drop/terms", {"commission_kind": "fixed", "fixed_minor": 1}, 404, "not_found"),
    ("/v1/programs/9223372036854775808/terms", {"commission_kind": "fixed", "fixed_minor": 1}, 404, "not_found"),
    ("/v1/programs/1/integrations", {"name": "x", "aliases": {"a": "amount2"}}, 422, "aliases"),
    ("/v1/programs/1/integrations", {"name": "x", "aliases": {"a": 1}}, 422, "aliases"),
    ("/v1/programs/1/integrations", {"name": "x", "secret": "0" * 40}, 422, "unknown_parameter"),
    ("/v1/links", {**LINK, "slug": "a/b"}, 422, "slug"),
    ("/v1/links", {**LINK, "slug": "anna"}, 409, "slug"),
    ("/v1/links", {**LINK, "program_id": NONE}, 422, "program_id"),
    ("/v1/links", {**LINK, "program_id": "1"}, 422, "program_id"),
    ("/v1/links", {**LINK, "target_url": "//evil.example"}, 422, "target_url"),
    ("/v1/links", {**LINK, "target_url": "https://shop.example@evil.example/"}, 422, "target_url"),
    ("/v1/links", {**LINK, "target_url": "https://a.example/\r\nSet-Cookie: a=b"}, 422, "target_url"),
    ("/v1/links", {**LINK, "target_url": "https://a.example/\\evil"}, 422, "target_url"),
    ("/v1/links", {**LINK, "target_url": "https://a.example/" + "a" * 2048}, 422, "target_url"),
    ("/v1/promo-codes", {**LINK, "code": "ANNA"}, 409, "code"),
    ("/v1/promo-codes", {**LINK, "code": "a b"}, 422, "code"),
    ("/v1/partners?x=1", {"name": "x"}, 422, "unknown_parameter"),
    ("/v1/nothing", {}, 404, "not_found"),
]


REFUSED_GETS = [
    ("/v1/links?limit=0", 422, "limit"),
    ("/v1/links?limit=501", 422, "limit"),
    ("/v1/links?limit=ten", 422, "limit"),
    ("/v1/links?limit=%31", 200, None),
    ("/v1/links?limit=1&limit=2", 422, "duplicate_parameter"),
    ("/v1/links?lim%69t=1&limit=2", 422, "duplicate_parameter"),
    ("/v1/links?Limit=1", 422, "unknown_parameter"),
    ("/v1/links?limit=%zz", 400, "escape"),
    ("/v1/links?status=", 422, "status"),
    ("/v1/links?" + "&".join("a=1" for _ in range(300)), 422, "unknown_parameter"),
    ("/v1/conversions?order_id=%00", 422, "order_id"),
    ("/v1/conversions?order_id=%ff", 422, "order_id"),
    ("/v1/conversions?order_id=';drop%20table%20click;--", 200, None),
    ("/v1/conversions?order_id=%5C%22%7D", 200, None),
    ("/v1/stats?tz=Mars/Base", 422, "time_zone"),
    ("/v1/stats?tz=UTC%2B3", 422, "time_zone"),
    ("/v1/stats?tz=FOO99", 422, "time_zone"),
    ("/v1/stats?tz=Etc/GMT%2B99", 422, "time_zone"),
    ("/v1/stats?tz=UTC';select", 422, "tz"),
    ("/v1/stats?from=2024-02-30", 422, "from"),
    ("/v1/stats?from=2024-01-02&to=2024-01-01", 422, "range"),
    ("/v1/stats?from=2020-01-01&to=2024-01-01", 422, "range"),
    ("/v1/stats?group_by=hour", 422, "group_by"),
    ("/v1/receipts/1", 404, "not_found"),
    ("/v1/receipts/018CC251-F401-7000-8000-000000000001", 404, "not_found"),
    ("/v1/links/", 404, "not_found"),
    ("/v1//links", 404, "not_found"),
    ("/v1/links/1", 405, "method"),
    ("/v1/", 404, "not_found"),
    ("/", 404, "not_found"),
]


def test_refused_parameters(world):
    for path, body, status, code in REFUSED_POSTS:
        answer = world.team.post(path, body)
        assert (answer.status, answer.code) == (status, code), (path, body, answer.text)
    for path, status, code in REFUSED_GETS:
        answer = world.team.get(path)
        assert answer.status == status and (code is None or answer.code == code), (path, answer.text)
    assert world.team.get("/v1/programs").data[0]["code"] == "shop" and len(world.team.get("/v1/links").data) == 2


def test_refused_envelopes(world):
    team, call = world.team, world.api.call
    assert team.post("/v1/partners", b"x" * 70000).status == 413
    assert call("POST", "/v1/partners", b"name=x", world.team_key, {"Content-Type": "application/x-www-form-urlencoded"}).status == 415
    assert call("GET", "/v1/links", b"{}", world.team_key).status == 400
    refused = call("DELETE", "/v1/links", None, world.team_key)
    assert (refused.status, refused.headers["Allow"]) == (405, "OPTIONS, GET, HEAD, POST")
    assert call("GET", "/v1/me?key=" + world.team_key).status == 401
    assert call("GET", "/v1/me").headers["WWW-Authenticate"] == "Bearer"
    for value in ("", "Basic " + world.team_key, "Bearer", "Bearer a b", "Bearer " + "a" * 300, world.team_key):
        assert call("GET", "/v1/me", headers={"Authorization": value}).status == 401
    twice = f"GET /v1/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {world.team_key}\r\nAuthorization: Bearer {world.team_key}\r\nConnection: close\r\n\r\n"
    assert world.api.raw(twice.encode()).startswith(b"HTTP/1.1 401 ")
    head = call("HEAD", "/v1/links", None, world.team_key)
    assert head.status == 200 and head.text == "" and int(head.headers["Content-Length"]) > 2
    assert (head.headers["Cache-Control"], head.headers["X-Content-Type-Options"]) == ("no-store", "nosniff")


def test_pipelined_requests_keep_their_order(world):
    asked = [f"/v1/conversions/{world.anna.conversion}", "/v1/nothing", "/v1/me", "/v1/links?limit=0", "/v1/balance"]
    lines = "".join(f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {world.anna.key}\r\n\r\n" for path in asked)
    answered = re.findall(rb"HTTP/1.1 (\d+) ", world.api.raw(lines.encode()))
    assert answered == [b"200", b"404", b"200", b"422", b"200"]


def test_guessing_is_slowed_down(world):
    statuses = [world.api.call("GET", "/v1/me", key=f"cl_team_{n:040d}").status for n in range(80)]
    assert statuses[:50] == [401] * 50 and 429 in statuses
    refused = wait_for(lambda: (a := world.api.call("GET", "/v1/me", key="cl_team_x")).status == 429 and a, what="429")
    assert refused.headers["Retry-After"] == "1"
    wait_for(lambda: world.api.call("GET", "/v1/me", key=world.boris.key).status == 200, what="the bucket to fill")


def test_good_keys_pass_beside_guesses(world):
    assert world.team.get("/v1/me").status == 200
    for n in range(60):
        world.api.call("GET", "/v1/me", key=f"cl_team_{n:040d}")
    assert world.team.get("/v1/me").status == 200
