"""The ledger while money moves: refunds around payouts, and a reader who looks at every instant."""
import threading
from datetime import timedelta

import psycopg2
import pytest

from conftest import wait_for
from shop import ATTRIB, T0, Shop

ORDERS = 150


@pytest.fixture
def shop(postgres):
    return Shop(postgres)


def balance(shop, partner):
    return shop.db.query("select pending_minor, available_minor, reserved_minor, paid_minor from partner_balance where partner_id = %s", [partner])[0]


def open_minor(shop):
    return shop.db.value("select coalesce(sum(amount_minor), 0) from payout_open_lines(%s, %s, 'RUB')", [shop.program, shop.anna])


def as_team(shop, sql, args):
    """A statement of the team's key, as the api makes it."""
    shop.db.query("select set_config('cl.key', %s, false), set_config('cl.team', 'on', false)", [str(shop.key)])
    return shop.db.value(sql, args)


def test_refunds_before_and_after_a_payout(shop):
    for number, amount in enumerate((10000, 20000, 30000)):
        shop.report(T0 + timedelta(hours=1), f"o{number}", click_id=shop.click(T0, shop.anna), amount_minor=amount, status="approved")
    shop.report(T0 + timedelta(hours=2), "o0", status="refunded")  # in full, before
    shop.report(T0 + timedelta(hours=2), "o1", status="refunded", amount_minor=5000)  # in part, before
    shop.attribute()
    assert balance(shop, shop.anna) == (0, 4500, 0, 0)
    payout = as_team(shop, "select (payout_request(%s, %s)).id", [shop.program, shop.anna])
    assert balance(shop, shop.anna) == (0, 0, 4500, 0)
    shop.report(T0 + timedelta(hours=3), "o1", status="refunded", amount_minor=1000, event_id="r2")  # in part, while reserved
    shop.attribute()
    assert balance(shop, shop.anna) == (0, -100, 4500, 0)
    as_team(shop, "select (payout_end(%s, 'paid', 'bank 1', null)).id", [payout])
    shop.report(T0 + timedelta(hours=4), "o2", status="refunded", event_id="r3")  # in full, after
    shop.attribute()
    assert balance(shop, shop.anna) == (0, -3100, 0, 4500)
    # The debt is carried: the next payout is what remains of the next commission.
    shop.report(T0 + timedelta(hours=5), "o3", click_id=shop.click(T0, shop.anna), amount_minor=50000, status="approved")
    shop.attribute()
    assert balance(shop, shop.anna) == (0, 1900, 0, 4500)
    assert as_team(shop, "select (payout_request(%s, %s)).amount_minor", [shop.program, shop.anna]) == 1900
    assert shop.db.query("select * from ledger_violation") == []


def test_a_reader_never_sees_a_violation(shop, spawn):
    """Commissions, refunds and payouts come, workers are killed; a reader finds the ledger whole at every instant."""
    seen, ended = [], threading.Event()

    def look():
        with psycopg2.connect(shop.db.conninfo("cl_analyst")) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            while not ended.is_set():
                cursor.execute("select (select count(*) from clickledger.ledger_violation), (select count(*) from clickledger.ledger_transaction),"
                               " (select coalesce(sum(amount_minor), 0) from clickledger.ledger_entry)")
                seen.append(cursor.fetchone())

    reader = threading.Thread(target=look)
    reader.start()
    try:
        for number in range(ORDERS):
            order, at = f"o{number}", T0 + timedelta(minutes=number)
            if number % 50 == 0:
                process = spawn(ATTRIB, env={"CLICKLEDGER_POSTGRES_CONNINFO": shop.db.conninfo("cl_attrib")})
            shop.report(at + timedelta(hours=1), order, click_id=shop.click(at, shop.anna), amount_minor=1000 + number, status="approved")
            if number % 50 == 40:
                process.kill()
            shop.db.query("notify clickledger_work")
            if number % 50 in (9, 19, 29, 39):
                wait_for(lambda: open_minor(shop) > 0, what="a commission")
                payout = as_team(shop, "select (payout_request(%s, %s)).id", [shop.program, shop.anna])
                as_team(shop, "select (payout_end(%s, %s, %s, %s)).id", [payout, *(("paid", "b", None) if number % 20 == 9 else
                                                                                   ("refused", None, "no"))])
                shop.report(at + timedelta(hours=2), f"o{number - 9}", status="refunded", amount_minor=100)
        shop.attribute()
    finally:
        ended.set()
        reader.join()
    assert {(violations, total) for violations, _, total in seen} == {(0, 0)}
    assert len({transactions for _, transactions, _ in seen}) > 12  # it looked while they came
    wanted = sum((1000 + n - 100 * (n % 50 in (0, 10, 20, 30)) + 5) // 10 for n in range(ORDERS))
    assert sum(balance(shop, shop.anna)) == wanted
    assert shop.db.query("select status, count(*) from payout group by 1 order by 1") == [("paid", 6), ("refused", 6)]


def test_a_batch_and_an_adjustment_cannot_wait_for_each_other(postgres):
    """A batch posts for Anna and Boris, and the programme's account is older than Anna's and younger than Boris': both lock by number."""
    shop = Shop(postgres)
    sessions = [type(postgres)(postgres.cluster, postgres.name) for _ in range(3)]
    adjust = "select ledger_post(%s, 'adjust', %s, %s, null, 'RUB', array['program_expense', 'partner_available'], array[-%s, %s], reason => 'r')"
    for partner in (shop.boris, shop.anna):
        postgres.query(adjust, [str(partner), shop.program, partner, 1, 1])
    blocker, batch, single = sessions
    blocker.query("begin")
    blocker.query("select from ledger_account where partner_id = %s for update", [shop.anna])
    said = []

    def work(session, *statement):
        try:
            session.query(*statement)
        except psycopg2.Error as error:
            said.append(error)

    def waiting(count):
        return postgres.value("select count(*) from pg_locks where not granted and locktype in ('transactionid', 'tuple')") == count

    batches = threading.Thread(target=work, args=(batch, "select ledger_post_many(array['a', 'b'], array['accrue', 'accrue'], array[%s, %s], array[%s, %s],"
        " array[null, null]::bigint[], array['RUB', 'RUB'], array[-5, -5]::bigint[], array[0, 0]::bigint[], array[5, 5]::bigint[],"
        " array[now(), now()])", [shop.program, shop.program, shop.anna, shop.boris]))
    batches.start()
    wait_for(lambda: waiting(1), what="the batch to wait for Anna's account")
    singles = threading.Thread(target=work, args=(single, adjust, ["c", shop.program, shop.boris, 7, 7]))
    singles.start()
    wait_for(lambda: waiting(2), what="the adjustment to wait for the batch")
    blocker.query("commit")
    for thread in (batches, singles):
        thread.join()
    for session in sessions:
        session.close()
    assert said == []
    assert shop.balances() == [(shop.anna, 0, 6), (shop.boris, 0, 13)]


def test_balances_do_not_read_what_is_sealed(shop):
    """A balance is the sums of what is sealed and the entries that wait for their seal; a sum that is not that of its entries is found."""
    for number in range(3):
        at = T0 + timedelta(minutes=number)
        shop.report(at + timedelta(hours=1), f"o{number}", click_id=shop.click(at, shop.anna), amount_minor=1000, status="approved")
    shop.attribute()  # and sealed
    sums = "select a.kind, s.amount_minor from ledger_sum s join ledger_account a on a.id = s.account_id order by 1"
    assert shop.db.query(sums) == [("partner_available", 300), ("program_expense", -300)]
    as_team(shop, "select ledger_adjust('k', %s, %s, 7, 'r')", [shop.program, shop.anna])
    assert shop.db.query(sums) == [("partner_available", 300), ("program_expense", -300)] and balance(shop, shop.anna) == (0, 307, 0, 0)

    def entries_read():
        def rows(plan):
            own = plan["Actual Rows"] * plan["Actual Loops"] if plan.get("Relation Name") == "ledger_entry" else 0
            return own + sum(rows(part) for part in plan.get("Plans", []))
        return rows(shop.db.value("explain (analyze, format json) select * from partner_balance")[0]["Plan"])
    shop.db.query("set enable_seqscan = off")
    assert entries_read() == 1
    shop.attribute()
    assert entries_read() == 0 and balance(shop, shop.anna) == (0, 307, 0, 0) and shop.db.query("select * from ledger_violation") == []
    shop.db.query("update ledger_sum set amount_minor = 301 where amount_minor = 300")
    assert shop.db.query("select rule, partner_id from ledger_violation") == [("sum", shop.anna)]
