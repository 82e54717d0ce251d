"""Closed months: their sums stay, what changes them later is an adjustment in the open period, and nobody gets a kopeck more or less."""
import subprocess
import threading
from datetime import datetime, timedelta, timezone

from api import api, world  # noqa: F401 (fixtures)
from shop import ATTRIB, T0, Shop

JANUARY, FEBRUARY, MARCH = (datetime(2026, month, 1, tzinfo=timezone.utc) for month in (1, 2, 3))
OPEN = "date_trunc('month', now(), 'UTC')"


def make_shop(postgres):
    shop = Shop(postgres)
    postgres.query("select partition_ensure('2026-01-10', '2026-01-12'), partition_ensure('2026-02-10', '2026-02-12')")
    return shop


def order(shop, at, name, amount=1000, **said):
    shop.report(at, name, click_id=shop.click(at - timedelta(hours=1), shop.anna), amount_minor=amount, status="approved", **said)


def sums(shop):
    """Of each period: what was earned in it, and what of that adjusts which month."""
    return shop.db.query("select t.period, t.adjusts, sum(e.amount_minor)::bigint from ledger_transaction t join ledger_entry e"
                         " on e.transaction_id = t.id and e.partner_id is not null where t.program_id = %s group by 1, 2"
                         " having sum(e.amount_minor) <> 0 order by 1, 2 nulls first", [shop.program])


def test_late_facts_adjust_in_the_open_period(postgres):
    shop = make_shop(postgres)
    january, february = JANUARY + timedelta(days=10), FEBRUARY + timedelta(days=10)
    order(shop, january, "o1")
    order(shop, february, "o2", 2000)
    shop.attribute()
    assert sums(shop) == [(JANUARY, None, 100), (FEBRUARY, None, 200)]
    shop.close(JANUARY)
    now = postgres.value(f"select {OPEN}")
    shop.report(T0, "o1", status="refunded", amount_minor=400)
    shop.report(T0, "o2", status="refunded", amount_minor=500)
    order(shop, january, "late", 3000)
    shop.attribute()
    # February is open, so its refund is February's.
    assert sums(shop) == [(JANUARY, None, 100), (FEBRUARY, None, 150), (now, JANUARY, 260)]
    assert postgres.query("select kind from ledger_transaction where adjusts is not null order by id") == [("adjust",), ("adjust",)]
    assert shop.balances() == [(shop.anna, 0, 510)]
    told, text = postgres.query("select x.body->'ledger'->-1, explanation_text(x.body, 'en') from explanation x join conversion c on c.id = x.conversion_id"
                                " where c.order_id = 'o1'")[0]
    assert (told["kind"], told["adjusts"], told["period"]) == ("adjust", "2026-01", f"{now:%Y-%m}")
    assert f"It adjusts 2026-01, which is closed, and counts in {now:%Y-%m}." in text
    # Seals hold the marks.
    assert verify(postgres).returncode == 0
    postgres.cluster.execute("alter table clickledger.ledger_transaction disable trigger append_only;"
                             " update clickledger.ledger_transaction set adjusts = '2026-02-01' where adjusts is not null", postgres.name)
    done = verify(postgres)
    assert done.returncode != 0 and "changed" in done.stdout


def verify(postgres):
    return subprocess.run([ATTRIB, "verify"], env={"CLICKLEDGER_POSTGRES_CONNINFO": postgres.conninfo("cl_attrib")}, capture_output=True,
                          text=True, timeout=60, check=False)


def test_an_order_that_moves_takes_its_commission_along(postgres):
    shop = make_shop(postgres)
    january, february = JANUARY + timedelta(days=10), FEBRUARY + timedelta(days=10)
    for name in ("open", "closed"):
        order(shop, february, name, event_time=february)
    shop.attribute()
    assert sums(shop) == [(FEBRUARY, None, 200)]
    shop.report(T0, "open", event_time=january, status="pending", amount_minor=1000, click_id=shop.click(january - timedelta(hours=1), shop.anna))
    shop.attribute()
    assert sums(shop) == [(JANUARY, None, 100), (FEBRUARY, None, 100)]
    shop.close(FEBRUARY)
    shop.report(T0, "closed", event_time=january, status="pending", amount_minor=1000, click_id=shop.click(january - timedelta(hours=1), shop.anna))
    assert shop.attribute()["transactions"] == 2
    now = postgres.value(f"select {OPEN}")
    assert sums(shop) == [(JANUARY, None, 100), (FEBRUARY, None, 100), (now, JANUARY, 100), (now, FEBRUARY, -100)]
    assert shop.attribute()["orders"] == 0


def test_holds_that_end_after_the_close_adjust_nothing(postgres):
    shop = make_shop(postgres)
    shop.db.query("update terms set hold_days = 3650")
    order(shop, JANUARY + timedelta(days=10), "o1")
    shop.attribute()
    shop.close(JANUARY)
    shop.db.query("update commission set hold_until = now() - interval '1 second'; update terms set hold_days = 1, applied = false")
    shop.attribute()
    assert shop.balances() == [(shop.anna, 0, 100)] and sums(shop) == [(JANUARY, None, 100)]
    assert postgres.query("select kind, adjusts from ledger_transaction order by id") == [("accrue", None), ("release", None)]


def test_a_close_waits_for_who_posts(postgres):
    """What is posted meanwhile is in the month; what is posted behind it is not."""
    shop = make_shop(postgres)
    post = ("select ledger_post_many(array[%s], array['accrue'], array[%s]::bigint[], array[%s]::bigint[], array[null]::bigint[], array['RUB'],"
            " array[-5]::bigint[], array[5]::bigint[], array[0]::bigint[], array['2026-01-01'::timestamptz])")
    postgres.query("begin")
    postgres.query(post, ["a", shop.program, shop.anna])
    other = Shop.__new__(Shop)
    other.db, other.key, other.program = type(postgres)(postgres.cluster, postgres.name), shop.key, shop.program
    closing = threading.Thread(target=other.close, args=(JANUARY,))
    closing.start()
    closing.join(1)
    assert closing.is_alive()
    postgres.query("commit")
    closing.join()
    other.db.close()
    postgres.query(post, ["b", shop.program, shop.anna])
    assert postgres.query("select key, period = '2026-01-01', adjusts = '2026-01-01' from ledger_transaction order by key") == [
        ("a", True, None), ("b", False, True)]
    assert postgres.query("select * from period_violation") == []
    postgres.cluster.execute("alter table clickledger.ledger_transaction disable trigger append_only;"
                             " update clickledger.ledger_transaction set adjusts = null, period = '2026-01-01'", postgres.name)
    assert postgres.query("select rule from ledger_violation") == [("period_closed",)]


def test_the_team_closes_and_everybody_sees_it(world):
    team, anna, path = world.team, world.anna.client, f"/v1/programs/{world.program}/periods/close"
    this, before = world.postgres.query("select to_char(now() at time zone 'Europe/Moscow', 'YYYY-MM'),"
                                        " to_char(now() at time zone 'Europe/Moscow' - interval '1 month', 'YYYY-MM')")[0]
    assert anna.post(path, {"month": "2024-01"}).status == 403
    for month, field in ((this, "month"), ("2024-13", "month"), ("2024-1x", "month")):
        assert (team.post(path, {"month": month}).status, team.post(path, {"month": month}).code) == (422, field)
    done = team.post(path, {"month": "2024-01", "note": "books"})
    assert (done.status, done.body["month"], done.body["note"]) == (200, "2024-01", "books")
    assert team.post(path, {"month": "2024-01"}).body == done.body
    assert team.post(path, {"month": "2023-12"}).code == "month"
    (row,) = anna.get("/v1/periods").data
    assert (row["month"], row["earned_minor"], row["of_earlier_minor"], row["adjusted_later_minor"]) == (this, 100, 0, 0)
    assert row["closed_at"] is None
    team.post(path, {"month": before})
    world.postgres.query("select ledger_post_many(array['x'], array['accrue'], array[%s]::bigint[], array[%s]::bigint[], array[null]::bigint[],"
                         " array['RUB'], array[-7]::bigint[], array[7]::bigint[], array[0]::bigint[],"
                         " array[date_trunc('month', timestamptz '2024-01-15', 'Europe/Moscow')])", [world.program, world.anna.id])
    (row,) = anna.get("/v1/periods").data
    assert (row["earned_minor"], row["of_earlier_minor"]) == (107, 7)
    (line,) = [line for line in anna.get("/v1/statement").data if line["kind"] == "adjust"]
    assert (line["period"], line["adjusts"]) == (this, "2024-01")
    assert team.get("/v1/periods").data[0]["earned_minor"] == 307
