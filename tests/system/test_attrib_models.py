"""Models, precedence, windows, bound customers and joined devices, from touches to credits, commissions, statistics, explanations."""
import json
import subprocess
import uuid
from datetime import timedelta

import pytest

from conftest import long, wait_for
from rollups import conversions_differ
from shop import ATTRIB, T0, Shop, uuid7

DAY = timedelta(days=1)


@pytest.fixture
def shop(postgres):
    return Shop(postgres)


def credits(shop, order="o1"):
    return shop.db.query("select partner_name(r.partner_id), r.touch_kind, r.weight_ppm, r.amount_minor, r.model from credit r"
                         " join conversion c on c.id = r.conversion_id where c.order_id = %s order by r.touch_ts, r.touch_id", [order])


@pytest.fixture(autouse=True)
def names(postgres):
    postgres.query("create function partner_name(bigint) returns text return (select name from partner where id = $1)")


def journey(shop, partners, order="o1", amount=1000, begin=T0):
    """Clicks a day apart, the last one a day before the order."""
    visitor = str(uuid.uuid4())
    for day, partner in enumerate(partners):
        shop.click(begin + day * DAY, partner, visitor)
    shop.report(begin + len(partners) * DAY, order, visitor_id=visitor, amount_minor=amount, status="approved")


def test_credits_of_several_touches(shop):
    shop.make_policy("linear")
    journey(shop, [shop.anna, shop.boris, shop.anna], amount=1000)
    done = shop.attribute()
    assert (done["credits"], done["commissions"], done["transactions"]) == (3, 2, 2)
    assert credits(shop) == [("Anna", "click", 333334, 334, "linear"), ("Boris", "click", 333333, 333, "linear"),
                             ("Anna", "click", 333333, 333, "linear")]
    assert shop.commissions() == [(shop.anna, 67, "available"), (shop.boris, 33, "available")]
    assert shop.db.query("select partner_name(partner_id), conversions_ppm, revenue_minor, commission_minor from conversion_hourly"
                         " order by 1") == [("Anna", 666667, 667, 67), ("Boris", 333333, 333, 33)]
    assert conversions_differ(shop.db.query) == []
    shop.db.query("insert into conversion_due select id from conversion")
    assert shop.attribute()["credits"] == 0


def test_policies_take_effect(shop):
    """The one in force at the conversion counts; one that reaches back moves what is posted."""
    shop.make_policy("first", since=T0 + 3 * DAY)
    journey(shop, [shop.anna, shop.boris], "before")
    journey(shop, [shop.anna, shop.boris, shop.boris], "after")
    shop.attribute()
    assert credits(shop, "before") == [("Boris", "click", 1000000, 1000, "last")]
    assert credits(shop, "after") == [("Anna", "click", 1000000, 1000, "first")]
    shop.make_policy("position", since=T0 + 3 * DAY, first_ppm=500000, last_ppm=500000)
    shop.attribute()
    assert credits(shop, "after") == [("Anna", "click", 500000, 500, "position"), ("Boris", "click", 500000, 500, "position")]
    assert conversions_differ(shop.db.query) == []


def test_a_journey_is_cut(shop):
    shop.make_policy("linear", touches_max=2)
    journey(shop, [shop.anna, shop.boris, shop.boris])
    shop.attribute()
    assert [(name, weight) for name, _, weight, *_ in credits(shop)] == [("Boris", 500000), ("Boris", 500000)]
    told = shop.db.value("select body from explanation where partner_id = %s", [shop.anna])
    assert (told["truncated"], told["model"], told["policy"]["touches_max"]) == (True, "linear", 2)
    assert [(t["own"], t["verdict"], t["reason"]) for t in told["touches"]] == [
        (False, "won", "share"), (False, "won", "share"), (True, "ineligible", "truncated")]


def test_other_kinds_compete_when_the_policy_says_so(shop):
    visitor = str(uuid.uuid4())
    shop.click(T0, shop.anna, visitor)
    shop.impression(T0 + timedelta(hours=1), shop.boris, visitor)
    shop.visit(T0 + timedelta(hours=2), visitor, utm_source="newsletter")
    shop.visit(T0 + timedelta(hours=3), visitor, utm_source="partner", click_id=uuid7(T0))  # where a click of ours led
    shop.report(T0 + timedelta(hours=4), visitor_id=visitor, amount_minor=999, status="approved")
    shop.attribute()
    assert credits(shop) == [("Anna", "click", 1000000, 999, "last")]
    shop.make_policy("linear", impression_window_hours=4, visit_window_hours=4)
    shop.attribute()
    assert credits(shop) == [("Anna", "click", 333334, 333, "linear"), ("Boris", "impression", 333333, 333, "linear"),
                             (None, "visit", 333333, 333, "linear")]
    assert shop.commissions() == [(shop.anna, 33, "available"), (shop.boris, 33, "available")]
    assert conversions_differ(shop.db.query) == []
    # The windows are half open: [t - 3 h, t) has the impression at its beginning.
    shop.make_policy("last", impression_window_hours=3, visit_window_hours=1)
    shop.attribute()
    assert credits(shop) == [("Boris", "impression", 1000000, 999, "last")]
    # An impression that comes late is found like a click.
    shop.impression(T0 + timedelta(hours=3), shop.anna, visitor)
    shop.attribute()
    assert credits(shop) == [("Anna", "impression", 1000000, 999, "last")]


def test_a_signed_customer_joins_devices(shop):
    phone, desk = str(uuid.uuid4()), str(uuid.uuid4())
    shop.click(T0, shop.anna, phone)
    shop.report(T0 + DAY, "o1", visitor_id=phone, customer="c1", amount_minor=1000, signed=True)
    shop.report(T0 + 2 * DAY, "o2", visitor_id=desk, customer="c1", amount_minor=1000, signed=True)
    shop.report(T0 + 2 * DAY, "unsigned", visitor_id=desk, customer="c1", amount_minor=1000)
    shop.attribute()
    assert credits(shop, "o2") == [("Anna", "click", 1000000, 1000, "last")]
    assert credits(shop, "unsigned") == []
    # A touch of the other device that comes late counts for the later order, and not for the one before it.
    shop.click(T0 + timedelta(hours=1), shop.boris, desk)
    shop.attribute()
    assert [credits(shop, order)[0][0] for order in ("o1", "o2", "unsigned")] == ["Anna", "Boris", "Boris"]


def test_a_bound_customer(shop):
    shop.make_policy("last", binding="first_partner", bind_days=10)
    visitors = [str(uuid.uuid4()) for _ in range(3)]
    shop.click(T0, shop.anna, visitors[0])
    for day, visitor in enumerate(visitors):
        shop.click(T0 + timedelta(days=5 * day, hours=1), shop.boris, visitors[day])
        shop.report(T0 + timedelta(days=5 * day, hours=2), f"o{day}", visitor_id=visitor, customer="c", amount_minor=1000, signed=True)
    shop.attribute()
    assert [credits(shop, f"o{day}")[0][::4] for day in range(3)] == [("Boris", "last"), ("Boris", "bound"), ("Boris", "bound")]
    # What bound the customer changes, and with it what followed; ten days later is the last moment.
    shop.click(T0 + timedelta(hours=1, minutes=30), shop.anna, visitors[0])
    shop.attribute()
    assert [credits(shop, f"o{day}")[0][::4] for day in range(3)] == [("Anna", "last"), ("Anna", "bound"), ("Anna", "bound")]
    shop.report(T0 + timedelta(days=10, hours=3), "late", visitor_id=visitors[2], customer="c", amount_minor=1000, signed=True)
    shop.attribute()
    assert credits(shop, "late")[0][::4] == ("Boris", "last")
    told = shop.db.value("select body from explanation x join conversion c on c.id = x.conversion_id and c.order_id = 'o1' where partner_id = %s",
                         [shop.boris])
    assert {(t["verdict"], t["reason"]) for t in told["touches"] if t["own"]} == {("lost", "customer_bound")}
    # A declined order binds nobody: the next one that was credited does.
    shop.decide("decline", T0 + timedelta(days=20), "o0")
    shop.attribute()
    assert [credits(shop, f"o{day}")[0][::4] for day in (1, 2)] == [("Boris", "last"), ("Boris", "bound")]
    assert shop.db.query("select * from conversion_due") == []


def test_nothing_of_rivals_is_told(shop):
    """None of one partner's stored values is in the other's explanation."""
    shop.make_policy("linear", binding="first_partner")
    journey(shop, [shop.anna, shop.boris])
    shop.attribute()
    for partner, rival in (shop.anna, shop.boris), (shop.boris, shop.anna):
        told = json.dumps(shop.db.value("select body from explanation where partner_id = %s", [partner]))
        stored = shop.db.query("select click_id::text from click where partner_id = %s", [rival])
        assert stored and not any(value in told for row in stored for value in row)


def compare(shop, model, against, *more):
    done = subprocess.run([ATTRIB, "compare", "--model", model, "--against", against, "--from", "2026-03-01", "--to", "2026-04-01", *more],
                          env={"CLICKLEDGER_POSTGRES_CONNINFO": shop.db.conninfo("cl_attrib")}, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, [dict(word.split("=") for word in line.split()) for line in done.stdout.splitlines()], done.stderr


def test_two_models_on_the_same_orders(shop):
    shop.make_policy("position")
    journey(shop, [shop.anna, shop.boris, shop.boris, shop.anna], "o1", 1000)
    journey(shop, [shop.anna, shop.boris], "o2", 500)
    shop.report(T0, "nobody", amount_minor=70, status="approved")
    shop.attribute()
    tables = "credit", "commission", "ledger_transaction", "ledger_entry", "conversion_hourly", "explanation", "conversion_due"
    before = [sorted(shop.db.query(f"select * from {table}"), key=str) for table in tables]
    code, rows, _ = compare(shop, "last", "linear")
    assert code == 0 and rows[-1] == {"a": "last", "b": "linear", "conversions": "3", "partners": "3", "faults": "0"}
    columns = [f"{side}_{name}" for side in "ab" for name in ("conversions_ppm", "revenue_minor", "commission_minor")]
    assert {int(row["partner"]): [int(row[name]) for name in columns] for row in rows[:-1]} == {
        0: [1000000, 70, 0, 1000000, 70, 0],
        shop.anna: [1000000, 1000, 100, 1000000, 750, 75],
        shop.boris: [1000000, 500, 50, 1000000, 750, 75]}
    assert [sorted(shop.db.query(f"select * from {table}"), key=str) for table in tables] == before
    # What a model gives here is what it gives when it is in force.
    shop.make_policy("linear")
    shop.attribute()
    assert dict(shop.db.query("select partner_id, sum(amount_minor)::int from commission group by 1")) == {shop.anna: 75, shop.boris: 75}
    assert compare(shop, "last", "best")[0] == compare(shop, "last", "first", "--program", "x")[0] == 2
    code, rows, error = compare(shop, "last", "first", "--program", "999")
    assert (code, rows) == (2, []) and "there is no programme 999" in error


def credit(shop, *batch):
    return subprocess.run([ATTRIB, "credit", "--from", "2026-03-01", "--to", "2026-04-01", *batch], capture_output=True, text=True, timeout=60, check=False,
                          env={"CLICKLEDGER_POSTGRES_CONNINFO": shop.db.conninfo("cl_attrib")})


def due(shop):
    """The orders whose commissions are to be made again."""
    return [order for order, in shop.db.query("select order_id from conversion_due join conversion on id = conversion_id order by 1")]


def test_each_hour_of_a_pass_is_whole(shop):
    """Sessions with hours of their own write; where the second one fails at its end, the first one's hours are new and whole."""
    orders = {hour % 2: (f"o{hour}", begin) for hour, begin in ((int(at.timestamp()) // 3600, at) for at in (T0, T0 + timedelta(hours=1)))}
    for order, begin in orders.values():
        journey(shop, [shop.anna, shop.boris], order, begin=begin)
    shop.attribute()
    shop.make_policy("first")
    shop.db.query("create function broken() returns trigger language plpgsql as $$ begin"
                  " if (select extract(epoch from occurred_at)::bigint / 3600 % 2 = 1 from clickledger.conversion where id = new.conversion_id)"
                  " then raise 'broken at the end'; end if; return new; end $$")
    shop.db.query("create constraint trigger broken after insert on credit deferrable initially deferred for each row execute function broken()")
    done = credit(shop)
    assert done.returncode == 1 and "broken at the end" in done.stderr
    assert [credits(shop, orders[part][0])[0][::4] for part in (0, 1)] == [("Anna", "first"), ("Boris", "last")]
    assert due(shop) == [orders[0][0]]
    assert conversions_differ(shop.db.query) == []
    shop.db.query("drop trigger broken on credit")
    done = credit(shop)
    assert done.returncode == 0 and done.stdout.startswith("conversions=2 touches=4 credits=2 ")
    assert due(shop) == sorted(order for order, _ in orders.values())
    assert [credits(shop, orders[part][0])[0][::4] for part in (0, 1)] == [("Anna", "first"), ("Anna", "first")]
    assert conversions_differ(shop.db.query) == []
    shop.attribute()
    assert [who for who, _, status in shop.commissions() if status == "available"] == [shop.anna, shop.anna]
    assert conversions_differ(shop.db.query) == []


def test_batches_of_many_touches(shop):
    """Room is for twenty visitors and touches a conversion; where there are more, fewer conversions are read at a time, then more again."""
    for order, clicks in enumerate((38, 1, 38, 1, 1, 1, 1, 1)):
        visitor = str(uuid.uuid4())
        for minute in range(clicks):
            shop.click(T0 + minute * timedelta(minutes=1), shop.anna, visitor)
        shop.report(T0 + DAY, f"o{order}", visitor_id=visitor, amount_minor=100, status="approved")
    shop.attribute()
    for batch, batches in (1, 8), (4, 3), (8, 1):  # of 4: two, then four, then two
        done = credit(shop, "--batch", str(batch))
        assert done.returncode == 0 and done.stdout.startswith(f"conversions=8 touches=82 credits=8 batches={batches} "), done
    for wrong in "0", "x", "1000001":
        done = credit(shop, "--batch", wrong)
        assert done.returncode == 2 and "--batch" in done.stderr


@long("twenty seconds, most of them for making clicks")
def test_one_conversion_of_too_many_touches(shop):
    """It is named, whether it is alone in its batch or not, and nothing is written."""
    for order in "o1", "o2":
        journey(shop, [shop.anna], order)
    shop.attribute()
    before = shop.db.query("select * from credit order by 1")
    many = shop.db.value("select min(conversion_id) from credit")
    shop.db.query("insert into click select (jsonb_populate_record(c, jsonb_build_object('click_id', "
                  "overlay(c.click_id::text placing 'f' || lpad(to_hex(n), 11, '0') from 25)))).*"
                  " from click c join credit r on r.touch_id = c.click_id, generate_series(1, 100000) n where r.conversion_id = %s", [many])
    for batch in "1", "500000":
        done = credit(shop, "--batch", batch)
        assert done.returncode == 1 and "credit.too_many_touches" in done.stderr and f"conversion_id={many} max=100000" in done.stderr, done.stderr
        assert shop.db.query("select * from credit order by 1") == before
    shop.db.query("delete from click where right(click_id::text, 12) = 'f00000000001'")
    for batch in "1", "500000":
        assert credit(shop, "--batch", batch).stdout.startswith("conversions=2 touches=100001 credits=2 ")


def test_a_large_period_in_one_pass(shop, spawn):
    """The command that writes a period's credits waits for whoever leads, and none of its sessions ends while it waits for another."""
    journey(shop, [shop.anna, shop.boris])
    shop.attribute()
    impatient = ("current_setting('idle_session_timeout') <> '0' or current_setting('idle_in_transaction_session_timeout') <> '0' then"
                 " raise 'a session that ends too early'; end if;")
    shop.db.query(f"create or replace function touch_reach() returns interval language plpgsql stable as $$ begin"
                  f" if {impatient} return '31 days'; end $$")  # the reader asks for it
    shop.db.query(f"create function patient() returns trigger language plpgsql as $$ begin if {impatient} return new; end $$")
    shop.db.query("create trigger patient before insert on credit for each row execute function patient()")
    shop.db.query("select pg_advisory_lock(hashtext('clickledger.attrib'))")
    command = spawn(ATTRIB, "credit", "--from", "2026-03-01", "--to", "2026-04-01",
                    env={"CLICKLEDGER_POSTGRES_CONNINFO": shop.db.conninfo("cl_attrib")})
    wait_for(lambda: shop.db.value("select exists (select from pg_locks where locktype = 'advisory' and not granted)"), what="it to wait for the lead")
    assert shop.db.value("select count(*) from pg_stat_activity where application_name = 'clickledger-attrib'") == 1, "none idles meanwhile"
    shop.db.query("select pg_advisory_unlock(hashtext('clickledger.attrib'))")
    assert command.wait(60) == 0
    assert credits(shop) == [("Boris", "click", 1000000, 1000, "last")]
