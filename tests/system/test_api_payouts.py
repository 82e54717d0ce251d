"""Payouts and adjustments through the API: reserved once, paid once, and the ledger agrees at every instant."""
import itertools
import threading

import psycopg2

from api import api, world  # noqa: F401 (fixtures)

THREADS, REQUESTS = 10, 10  # at once, and by each


def give(world, tenant, amount, key):
    world.postgres.query("select ledger_post(%s, 'accrue', %s, %s, null, 'RUB', array['program_expense', 'partner_available'],"
                         " array[%s, %s]::bigint[])", (key, world.program, tenant.id, -amount, amount))


def balance(tenant):
    (row,) = tenant.client.get("/v1/balance").data
    return row["available_minor"], row["reserved_minor"], row["paid_minor"]


def test_a_payout_from_request_to_payment(world):
    anna, team = world.anna, world.team
    assert team.patch(f"/v1/programs/{world.program}/payout-policy", {"min_minor": 500}).body == {"program_id": world.program, "min_minor": 500}
    give(world, anna, 499, "a:1")
    refused = anna.client.post("/v1/payouts", {"program_id": world.program})
    assert (refused.status, refused.code) == (409, "payout_minimum")
    give(world, anna, 1, "a:2")
    asked = anna.client.post("/v1/payouts", {"program_id": world.program})
    assert asked.status == 201
    payout = asked.body
    assert (payout["amount_minor"], payout["status"], payout["lines"], payout["partner_id"]) == (500, "requested", 2, anna.id)
    assert balance(anna) == (0, 500, 0)
    assert anna.client.get("/v1/payouts").data == team.get("/v1/payouts?status=requested").data == [payout]
    assert world.boris.client.get("/v1/payouts").data == []
    assert world.boris.client.post(f"/v1/payouts/{payout['id']}/cancel", {"reason": "mine"}).status == 404
    assert anna.client.post(f"/v1/payouts/{payout['id']}/paid", {"reference": "x"}).status == 403
    paid = team.post(f"/v1/payouts/{payout['id']}/paid", {"reference": "bank 17"})
    assert (paid.status, paid.body["status"], paid.body["reference"]) == (200, "paid", "bank 17")
    assert team.post(f"/v1/payouts/{payout['id']}/paid", {"reference": "bank 17"}).body == paid.body
    assert team.post(f"/v1/payouts/{payout['id']}/paid", {"reference": "bank 18"}).code == "status"
    assert balance(anna) == (0, 0, 500)
    lines = [(line["kind"], line["account"], line["amount_minor"]) for line in anna.client.get("/v1/statement").data
             if line["payout_id"] == payout["id"]]
    assert sorted(lines) == [("pay", "partner_paid", 500), ("pay", "partner_reserved", -500),
                             ("reserve", "partner_available", -500), ("reserve", "partner_reserved", 500)]
    give(world, anna, 600, "a:3")
    again = anna.client.post("/v1/payouts", {"program_id": world.program}).body
    refused = team.post(f"/v1/payouts/{again['id']}/refuse", {"reason": "no documents"}).body
    assert (refused["status"], refused["reason"]) == ("refused", "no documents")
    assert balance(anna) == (600, 0, 500)
    assert world.postgres.query("select * from ledger_violation") == []
    for limit in 3, 500:
        assert_running_balances(anna.client, f"/v1/statement?limit={limit}")


def assert_running_balances(client, path):
    """Each line says what its account stood at, on whatever page it is."""
    lines, cursor = [], ""
    while cursor is not None:
        page = client.get(path + cursor).body
        lines += page["data"]
        cursor = page["next_cursor"] and "&cursor=" + page["next_cursor"]
    assert len(lines) > 6
    for account in {line["account"] for line in lines}:
        own = [line for line in reversed(lines) if line["account"] == account]
        assert [line["balance_minor"] for line in own] == list(itertools.accumulate(line["amount_minor"] for line in own)), account


def test_adjustments(world):
    anna, team = world.anna, world.team
    body = {"program_id": world.program, "partner_id": anna.id, "key": "bonus-1", "amount_minor": 700, "reason": "for the contest"}
    given = team.post("/v1/adjustments", body)
    assert (given.status, given.body["amount_minor"], given.body["reason"]) == (201, 700, "for the contest")
    assert team.post("/v1/adjustments", body).body == given.body
    other = team.post("/v1/adjustments", {**body, "amount_minor": 800, "reason": "else"})
    assert (other.status, other.code) == (409, "key") and "other reason, entries" in other.text
    for change, code in (({"amount_minor": 0}, "amount_minor"), ({"reason": ""}, "reason"), ({"partner_id": 999999}, "partner_id"),
                         ({"amount_minor": 10 ** 15 + 1}, "amount_minor"), ({"amount_minor": 1.5}, "amount_minor")):
        assert team.post("/v1/adjustments", {**body, "key": "bonus-2", **change}).code == code
    assert anna.client.post("/v1/adjustments", body).status == 403
    assert team.post("/v1/adjustments", {**body, "key": "fine-1", "amount_minor": -1000, "reason": "rules"}).status == 201
    assert balance(anna)[0] == -300
    (line, _) = [line for line in anna.client.get("/v1/statement").data if line["kind"] == "manual"]
    assert (line["reason"], line["author_key_id"]) == ("rules", None)
    assert all(line["author_key_id"] for line in team.get("/v1/statement").data if line["kind"] == "manual")
    assert world.postgres.query("select * from ledger_violation") == []


def test_100_requests_at_once_reserve_once_and_pay_once(world):
    """While they run, a reader never sees the ledger break a rule or the money change its sum."""
    anna, team = world.anna, world.team
    for n in range(20):
        give(world, anna, 100 + n, f"a:{n}")
    total = sum(100 + n for n in range(20))
    seen, ended = [], threading.Event()

    def look():
        with psycopg2.connect(world.postgres.conninfo()) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            while not ended.is_set():
                cursor.execute("select (select count(*) from clickledger.ledger_violation), (select sum(available_minor + reserved_minor"
                               " + paid_minor) from clickledger.partner_balance where partner_id = %s)", (anna.id,))
                seen.append(cursor.fetchone())

    def at_once(ask):
        answers = []
        threads = [threading.Thread(target=lambda n=n: answers.extend(ask(n * REQUESTS + i) for i in range(REQUESTS))) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == THREADS * REQUESTS
        return answers

    reader = threading.Thread(target=look)
    reader.start()
    try:
        asked = at_once(lambda _: anna.client.post("/v1/payouts", {"program_id": world.program}))
        assert sorted(answer.status for answer in asked) == [201] + [409] * 99
        (payout,) = anna.client.get("/v1/payouts").data
        assert (payout["amount_minor"], payout["lines"]) == (total, 20)
        ends = at_once(lambda n: team.post(f"/v1/payouts/{payout['id']}/" + ("paid" if n % 2 else "refuse"), {"reference": "r"} if n % 2 else
                                           {"reason": "r"}))
        assert sorted(answer.status for answer in ends) == [200] * 50 + [409] * 50
    finally:
        ended.set()
        reader.join()
    (payout,) = anna.client.get("/v1/payouts").data
    assert balance(anna) == ((0, 0, total) if payout["status"] == "paid" else (total, 0, 0))
    assert world.postgres.value("select count(*) from ledger_transaction where payout_id is not null") == 2
    assert seen and set(seen) == {(0, total)}
