"""clickledger-attrib with a real PostgreSQL: from reports, touches and decisions to credits, commissions and the ledger."""
import subprocess
import threading
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone

import psycopg2
import pytest

from conftest import wait_for
from ports import free_port
from shop import ATTRIB, PRODUCER, T0, Shop, uuid7


@pytest.fixture
def shop(postgres):
    return Shop(postgres)


def test_an_order_is_credited_by_its_click(shop):
    click = shop.click(T0, shop.anna)
    report = shop.report(T0 + timedelta(hours=1), click_id=click, amount_minor=12345, status="approved")
    done = shop.attribute()
    assert (done["conversions"], done["credits"], done["transactions"], done["faults"]) == (1, 1, 1, 0)
    assert shop.verdict(report) == "applied"
    assert shop.conversion() == ("approved", 12345, 0)
    assert shop.commissions() == [(shop.anna, 1235, "available")]
    assert shop.balances() == [(shop.anna, 0, 1235)]
    assert shop.db.query("select touch_kind, touch_id::text, partner_id, link_id, weight_ppm, model from credit") == [
        ("click", click, shop.anna, 1, 1000000, "last")]
    assert shop.db.query("select partner_id, status, conversions_ppm, revenue_minor, commission_minor from conversion_hourly") == [
        (shop.anna, "approved", 1000000, 12345, 1235)]


def test_a_second_run_does_nothing(shop):
    shop.report(T0 + timedelta(hours=1), click_id=shop.click(T0, shop.anna), amount_minor=100, status="approved")
    shop.attribute()
    state = shop.db.query("select * from commission"), shop.db.query("select * from explanation"), shop.db.query("select * from ledger_entry")
    assert set(shop.attribute().values()) == {0}
    shop.db.query("insert into conversion_due select id from conversion")
    done = shop.attribute()
    assert (done["orders"], done["credits"], done["commissions"], done["transactions"]) == (1, 0, 0, 0)
    assert state == (shop.db.query("select * from commission"), shop.db.query("select * from explanation"),
                     shop.db.query("select * from ledger_entry"))


def test_a_late_click_is_found(shop):
    visitor, click = str(uuid.uuid4()), uuid7(T0)
    report = shop.report(T0 + timedelta(hours=1), click_id=click, amount_minor=1000, status="approved")
    shop.attribute()
    assert shop.commissions() == []
    assert shop.db.query("select verdict, note from conversion_report") == [("applied", "click_unknown")]
    shop.click(T0, shop.anna, visitor, click)
    shop.attribute()
    assert shop.commissions() == [(shop.anna, 100, "available")]
    assert shop.db.query("select verdict, note from conversion_report where id = %s", [report]) == [("applied", None)]
    # The visitor that became known with it has a later click, which arrives later still.
    shop.click(T0 + timedelta(minutes=5), shop.boris, visitor)
    shop.attribute()
    assert shop.commissions() == [(shop.anna, 0, "void"), (shop.boris, 100, "available")]
    assert shop.balances() == [(shop.anna, 0, 0), (shop.boris, 0, 100)]
    assert shop.db.query("select partner_id, conversions_ppm from conversion_hourly where conversions_ppm <> 0") == [(shop.boris, 1000000)]


def soon():
    """Behind what PostgreSQL has just done: ids hold whole milliseconds."""
    return datetime.now(timezone.utc) + timedelta(milliseconds=2)


def test_codes(shop):
    visitor = str(uuid.uuid4())
    shop.make_code("SAVE10", shop.boris)
    shop.click(T0, shop.anna, visitor)
    shop.report(T0 + timedelta(hours=1), "by-code", visitor_id=visitor, amount_minor=1000, promo="save10", status="approved")
    shop.attribute()
    assert shop.commissions() == [(shop.boris, 100, "available")]
    # Paused afterwards: what was earned before stays, what is ordered later does not count.
    shop.db.query("update promo_code set status = 'paused'")
    shop.db.query("insert into conversion_due select id from conversion")
    shop.report(soon(), "after", amount_minor=1000, promo="SAVE10", status="approved")
    assert shop.attribute()["transactions"] == 0
    assert shop.commissions() == [(shop.boris, 100, "available")]
    # Neither does it when the code is active again, or when a partner who never was is declined.
    shop.db.query("update promo_code set status = 'active'")
    pending = shop.db.value("insert into partner (name) values ('Clara') returning id")
    shop.make_code("CLARA", pending)
    shop.report(soon(), "pending", amount_minor=1000, promo="clara", status="approved")
    shop.db.query("update partner set status = 'declined' where id = %s", [pending])
    shop.db.query("insert into conversion_due select id from conversion")
    assert shop.attribute()["transactions"] == 0
    assert shop.commissions() == [(shop.boris, 100, "available")]


def test_terms_of_the_touch(shop):
    shop.make_terms(kind="fixed", fixed_minor=777, partner=shop.boris)
    shop.make_terms(rate_ppm=200000, since=T0 + timedelta(days=1), version=2)
    for number, (days, partner) in enumerate([(0, shop.anna), (2, shop.anna), (2, shop.boris)]):
        click = shop.click(T0 + timedelta(days=days), partner)
        shop.report(T0 + timedelta(days=3), f"o{number}", click_id=click, amount_minor=1000, status="approved")
    shop.attribute()
    assert shop.commissions() == [(shop.anna, 100, "available"), (shop.anna, 200, "available"), (shop.boris, 777, "available")]


def test_terms_that_reach_back(shop):
    click = shop.click(T0, shop.anna)
    shop.report(T0 + timedelta(days=1), click_id=click, amount_minor=1000, status="approved")
    shop.attribute()
    shop.make_terms(rate_ppm=150000, since=T0 - timedelta(days=1), version=2)
    shop.make_terms(rate_ppm=250000, since=T0 + timedelta(seconds=1), version=3)
    shop.attribute()
    assert shop.commissions() == [(shop.anna, 150, "available")]
    assert shop.balances() == [(shop.anna, 0, 150)]


def test_no_terms_no_commission(postgres):
    shop = Shop(postgres)
    click = shop.click(datetime(2026, 3, 5, tzinfo=timezone.utc), shop.anna)
    shop.db.query("delete from terms")
    shop.report(datetime(2026, 3, 6, tzinfo=timezone.utc), click_id=click, amount_minor=1000, status="approved")
    shop.attribute()
    assert shop.commissions() == []
    assert shop.db.value("select partner_id from credit") == shop.anna
    assert shop.db.value("select body->'commission' from explanation") is None


def test_decisions_and_refunds_move_the_money(shop):
    click = shop.click(T0, shop.anna)
    shop.report(T0 + timedelta(hours=1), click_id=click, amount_minor=1000)
    shop.attribute()
    assert shop.balances() == [(shop.anna, 100, 0)]
    shop.decide("approve", T0 + timedelta(hours=2))
    shop.attribute()
    assert shop.balances() == [(shop.anna, 0, 100)]
    shop.report(T0 + timedelta(hours=3), status="refunded", amount_minor=400)
    shop.attribute()
    assert shop.balances() == [(shop.anna, 0, 60)]
    shop.decide("decline", T0 + timedelta(hours=4), reason="fraud_card")
    shop.attribute()
    assert shop.balances() == [(shop.anna, 0, 0)]
    assert shop.db.value("select reason from conversion") == "fraud_card"
    assert [kind for (kind,) in shop.db.query("select kind from ledger_transaction order by id")] == ["accrue", "release", "adjust", "void"]


def test_verdicts(shop):
    at = iter(T0 + timedelta(minutes=n) for n in range(1, 60))
    other = shop.make_program("other", "EUR")
    foreign = shop.click(T0, shop.anna, program=other)
    said = {
        "order_id_missing": shop.report(next(at), None, amount_minor=100),
        "kind_unknown": shop.report(next(at), kind="gift", amount_minor=100),
        "program_unknown": shop.report(next(at), program_id=None, amount_minor=100),
        "amount_missing": shop.report(next(at), "none"),
        "amount_invalid": shop.report(next(at), "bad", amount="12,3"),
        "amount_malformed": shop.report(next(at), "refused", amount_minor=1, reason="amount_malformed"),
        "rate_missing": shop.report(next(at), "eur", amount_minor=1, currency="EUR"),
        "refund_without_sale": shop.report(next(at), "ghost", status="refunded", amount_minor=5),
        "program_mismatch": shop.report(next(at), "foreign", amount_minor=5, click_id=foreign),
        "applied": shop.report(next(at), "two", amount_minor=100),
        "amount_conflict": shop.report(next(at), "two", amount_minor=200),
        "duplicate": shop.report(next(at), "two", amount_minor=100),
        "currency_mismatch": shop.report(next(at), "two", amount_minor=100, currency="EUR"),
    }
    shop.attribute()
    assert {shop.verdict(id): name for name, id in said.items()} == {name: name for name in said}
    assert shop.db.query("select order_id, amount_minor from conversion order by id") == [("foreign", 5), ("two", 100)]
    assert shop.db.query("select * from credit") == []


def test_a_hold_ends_by_itself(shop, spawn):
    """The daemon releases what was held when the hold ends, and credits what comes, without being asked."""
    shop.db.query("select partition_ensure((now() - interval '3 days')::date, now()::date)")
    shop.make_terms(rate_ppm=100000, hold_days=1, version=2)
    ends = datetime.now(timezone.utc) + timedelta(seconds=3)
    at = ends - timedelta(days=1)
    shop.report(at, click_id=shop.click(at - timedelta(hours=1), shop.anna), amount_minor=1000, status="approved")
    spawn(ATTRIB, env={"CLICKLEDGER_POSTGRES_CONNINFO": shop.db.conninfo("cl_attrib")})
    wait_for(lambda: shop.balances() == [(shop.anna, 100, 0)], what="the accrual")
    wait_for(lambda: shop.balances() == [(shop.anna, 0, 100)], what="the release")
    assert datetime.now(timezone.utc) >= ends


def test_two_daemons_share_the_work(shop, spawn):
    ports = [free_port(), free_port()]
    env = [{"CLICKLEDGER_POSTGRES_CONNINFO": shop.db.conninfo("cl_attrib"), "CLICKLEDGER_ATTRIB_ADMIN_PORT": str(port)} for port in ports]
    first = spawn(ATTRIB, env=env[0])

    def leads(port):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
                return "\nclickledger_attrib_leader 1\n" in answer.read().decode()
        except OSError:
            return None

    wait_for(lambda: leads(ports[0]), what="the first to lead")
    second = spawn(ATTRIB, env=env[1])
    wait_for(lambda: leads(ports[1]) is False, what="the second to stand by")
    first.kill()
    wait_for(lambda: leads(ports[1]), what="the second to take over")
    shop.report(T0 + timedelta(hours=1), click_id=shop.click(T0, shop.anna), amount_minor=1000, status="approved")
    shop.db.query("notify clickledger_work")
    wait_for(lambda: shop.balances() == [(shop.anna, 0, 100)], what="the commission")
    # A lost connection is made anew.
    shop.db.cluster.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'cl_attrib'")
    shop.report(T0 + timedelta(hours=1), "o2", click_id=shop.click(T0, shop.anna), amount_minor=1000, status="approved")
    wait_for(lambda: shop.balances() == [(shop.anna, 0, 200)], what="the next commission")
    assert second.stop() == 0


def test_one_bad_order_does_not_stop_the_others(shop):
    shop.db.query("create function poison() returns trigger language plpgsql as $$ begin"
                  " if new.order_id = 'poison' then raise exception 'poisoned'; end if; return new; end $$")
    shop.db.query("create trigger poison before insert on conversion for each row execute function poison()")
    for number in range(20):
        shop.report(T0 + timedelta(hours=1), f"o{number}", click_id=shop.click(T0, shop.anna), amount_minor=1000, status="approved")
    bad = shop.report(T0 + timedelta(hours=1), "poison", amount_minor=1000)
    assert shop.attribute()["faults"] == 1
    assert shop.verdict(bad) == "internal_error"
    assert shop.balances() == [(shop.anna, 0, 2000)]
    shop.db.query("drop trigger poison on conversion")
    assert shop.attribute()["orders"] == 0
    # As docs/operations.md says.
    shop.db.query("update conversion_report set verdict = null, verdict_at = null where verdict = 'internal_error'")
    shop.db.query("insert into conversion_due select id from conversion where fault is not null on conflict do nothing")
    assert shop.attribute()["faults"] == 0
    assert shop.verdict(bad) == "applied"


@pytest.mark.parametrize("change, back", [
    ("alter function explanation_write rename to explanation_put", "alter function explanation_put rename to explanation_write"),
    ("revoke insert on credit from cl_attrib", "grant insert on credit to cl_attrib"),
    ("alter table commission rename column amount_minor to amount", "alter table commission rename column amount to amount_minor"),
])
def test_a_schema_of_another_version_is_no_orders_fault(shop, change, back):
    """A program that does not know the schema fails as a whole; the orders are as they were when it knows it again."""
    report = shop.report(T0 + timedelta(hours=1), click_id=shop.click(T0, shop.anna), amount_minor=1000, status="approved")
    shop.db.query(change)
    done = subprocess.run([ATTRIB, "run"], env={"CLICKLEDGER_POSTGRES_CONNINFO": shop.db.conninfo("cl_attrib")}, capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 1 and "sqlstate=42" in done.stderr
    assert shop.verdict(report) is None
    shop.db.query(back)
    done = shop.attribute()
    assert (done["orders"], done["faults"]) == (1, 0)
    assert shop.balances() == [(shop.anna, 0, 100)]


def test_a_serialization_failure_is_tried_again(shop):
    shop.db.query("create sequence tries")
    shop.db.query("grant usage on sequence tries to cl_attrib")
    shop.db.query("create function clash() returns trigger language plpgsql as $$ begin"
                  " if nextval('clickledger.tries') <= 2 then raise exception using errcode = '40001'; end if; return new; end $$")
    shop.db.query("create trigger clash before insert on conversion for each row execute function clash()")
    shop.report(T0 + timedelta(hours=1), click_id=shop.click(T0, shop.anna), amount_minor=1000, status="approved")
    assert shop.attribute()["faults"] == 0
    assert shop.balances() == [(shop.anna, 0, 100)]


def test_kinds(shop):
    """Five kinds of one order number are five conversions; those that are worth something need an amount."""
    click = shop.click(T0, shop.anna)
    for kind in ("sale", "lead", "contract", "payment", "stage"):
        bare = shop.report(T0 + timedelta(hours=1), "deal", kind=kind, click_id=click)
        shop.report(T0 + timedelta(hours=2), "deal", kind=kind, click_id=click, amount_minor=1000, status="approved", event_id="a")
        shop.attribute()
        assert shop.verdict(bare) == ("applied" if kind in ("lead", "stage") else "amount_missing")
    assert len(shop.commissions()) == 5 and shop.balances() == [(shop.anna, 0, 500)]


def test_reports_of_one_order_are_bounded(shop):
    shop.report(T0, amount_minor=1000, status="approved")
    for minute in range(1, 1002):
        shop.db.query("insert into conversion_report (id, ts, source, program_id, order_id, amount, amount_minor, producer, seq, content_hash)"
                      " select id, click_ts(id), 'pixel', %s, 'o1', '1', 1, %s, 1, 1 from (select %s::uuid as id) r",
                      [shop.program, PRODUCER, uuid7(T0 + timedelta(minutes=minute))])
    shop.attribute()
    assert dict(shop.db.query("select verdict, count(*) from conversion_report group by 1")) == {
        "applied": 1, "amount_conflict": 999, "too_many_reports": 2}


def test_killed_again_and_again_it_counts_once(shop, spawn):
    visitors = [str(uuid.uuid4()) for _ in range(300)]
    for number, visitor in enumerate(visitors):
        shop.click(T0, shop.anna, visitor)
        shop.report(T0 + timedelta(hours=1), f"o{number}", visitor_id=visitor, amount_minor=1000, status="approved")
        if number % 30 == 0:
            process = spawn(ATTRIB, env={"CLICKLEDGER_POSTGRES_CONNINFO": shop.db.conninfo("cl_attrib")})
        if number % 30 == 20:
            process.kill()
    shop.attribute()
    assert shop.balances() == [(shop.anna, 0, 30000)]
    assert shop.db.query("select count(*), count(distinct conversion_id), sum(weight_ppm) from credit") == [(300, 300, 300000000)]
    assert shop.db.query("select conversions_ppm, commission_minor from conversion_hourly where conversions_ppm <> 0") == [(300000000, 30000)]


def test_text_of_any_kind_survives(shop):
    order = 'a"b\\c{},NULL \'; drop table x; -- \u2028\u044f'
    shop.report(T0, order, amount_minor=5, customer="NULL", product='{"x"}', promo='"')
    shop.report(T0, "NULL", amount_minor=6)
    shop.attribute()
    assert shop.db.query("select order_id, customer, product, promo from conversion order by id desc") == [
        (order, "NULL", '{"x"}', '"'), ("NULL", None, None, None)]


def test_explanations_tell_each_partner_their_part(shop):
    visitor = str(uuid.uuid4())
    shop.click(T0, shop.anna, visitor)
    shop.click(T0 + timedelta(days=1), shop.boris, visitor, hit_class="bot")
    won = shop.click(T0 + timedelta(days=2), shop.boris, visitor)
    shop.report(T0 + timedelta(days=4), visitor_id=visitor, amount_minor=1005, status="approved")
    shop.attribute()
    told = dict(shop.db.query("select partner_id, body from explanation"))
    assert set(told) == {shop.anna, shop.boris}
    loser, winner = told[shop.anna], told[shop.boris]
    assert "order_id" not in loser["conversion"] and "amount_minor" not in loser["conversion"] and loser["commission"] is None
    assert [touch["own"] for touch in loser["touches"]] == [False, False, True]
    assert loser["touches"][0] == {"own": False, "kind": "click", "verdict": "won", "reason": "last_touch", "age_days": 2}
    assert loser["touches"][2]["reason"] == "later_touch"
    assert winner["touches"][0]["id"] == won and winner["touches"][0]["window_days"] == 30
    assert (winner["touches"][0]["window_from"], winner["touches"][0]["window_to"]) == ("2026-02-12T12:00:00.000Z", "2026-03-14T12:00:00.000Z")
    assert winner["touches"][1]["reason"] == "class" and winner["touches"][1]["class"] == "bot"
    commission = winner["commission"]
    assert (commission["rate_ppm"], commission["base_minor"], commission["exact_minor"], commission["amount_minor"]) == (100000, 1005, 100.5, 101)
    assert [line["kind"] for line in winner["ledger"]] == ["accrue"]


def test_a_closed_transaction_takes_no_more_entries(shop):
    shop.report(T0 + timedelta(hours=1), click_id=shop.click(T0, shop.anna), amount_minor=1000, status="approved")
    shop.attribute()
    with pytest.raises(psycopg2.errors.IntegrityConstraintViolation, match="is closed"):
        shop.db.query("insert into ledger_entry select transaction_id, account_id, partner_id, 5 from ledger_entry where partner_id is null")


def test_the_same_posting_at_once_is_posted_once(shop):
    statement = ("select clickledger.ledger_post('k', 'accrue', %s, %s, null, 'RUB',"
                 " array['program_expense', 'partner_pending'], array[-5, 5]::bigint[])")
    found = []

    def post():
        with psycopg2.connect(shop.db.conninfo("cl_attrib")) as connection:
            cursor = connection.cursor()
            cursor.execute(statement, [shop.program, shop.anna])
            found.append(cursor.fetchone()[0])

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1
    assert shop.balances() == [(shop.anna, 5, 0)]
