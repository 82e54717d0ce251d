"""kill -9 at every step of a batch, a recompute, a seal and a payout: nothing is half done, and who comes next ends it.

A step is a table that is written. The test holds a lock at which the writer waits, kills it there, and lets go.
"""
import http.client
import signal
import subprocess
import threading
from contextlib import closing
from datetime import timedelta

import psycopg2
import pytest

from api import Api, Client, api, world  # noqa: F401 (fixtures)
from conftest import wait_for
from scenario import VARIANTS, Scenario, expect
from shop import ATTRIB, PRODUCER, T0, Shop, uuid7

VARIANT = VARIANTS[3]
# Tables that a batch writes, in its order.
STEPS = ("touch_batch", "terms", "attribution_policy", "conversion_hourly", "conversion", "conversion_exchange", "conversion_line", "conversion_report",
         "conversion_decision", "conversion_due", "conversion_key", "credit", "customer_binding", "conversion_fact", "commission", "ledger_period",
         "ledger_account", "ledger_transaction", "ledger_entry", "commission_line", "explanation")
# What else attrib may write: facts of other kinds, runs of recompute, previews of terms, seals.
OTHERS = {"currency_rate", "terms_acceptance", "fraud_policy", "partner_due", "recompute_run", "terms_preview", "ledger_seal", "ledger_seal_line",
          "ledger_unsealed"}
WRITTEN_SQL = """
  select relname from pg_class where relnamespace = 'clickledger'::regnamespace and relkind = 'r'
    and (has_table_privilege('cl_attrib', oid, 'insert, delete') or has_any_column_privilege('cl_attrib', oid, 'update'))"""
RECOMPUTE_STEPS = ("recompute_run", "conversion_hourly", "conversion", "credit", "commission", "ledger_transaction", "ledger_entry", "explanation")
PAYOUT_STEPS = ("ledger_account", "payout", "payout_line", "ledger_transaction", "ledger_entry")
ORDERS = 1001  # one more than a page of recompute


class Stop:
    """Who writes this table waits; with `key`, only who writes its row with the largest key."""

    def __init__(self, database, table, key=None):
        self.db, self.table = database, table
        self.session = type(database)(database.cluster, database.name)
        self.session.query("begin")
        self.session.query(f"select 1 from {table} where {key} = (select max({key}) from {table}) for update" if key
                           else f"lock table {table} in exclusive mode")
        self.pid = self.session.value("select pg_backend_pid()")

    def wait(self):
        wait_for(lambda: self.db.query("select 1 from pg_stat_activity where %s = any (pg_blocking_pids(pid))", [self.pid]), what=f"the writer of {self.table}")

    def release(self):
        self.session.query("rollback")
        self.session.close()


def wait_gone(database, role="cl_attrib"):
    """Until PostgreSQL has ended what belongs to a process that was killed."""
    wait_for(lambda: not database.query("select 1 from pg_stat_activity where usename = %s and datname = current_database()", [role]),
             what=f"{role} to be gone")


def wait_state(database, condition):
    """What attrib's session does, which only a superuser sees."""
    with closing(psycopg2.connect(database.conninfo("postgres"))) as connection, connection.cursor() as cursor:
        connection.autocommit = True

        def found():
            cursor.execute(f"select 1 from pg_stat_activity where usename = 'cl_attrib' and datname = current_database() and {condition}")
            return cursor.fetchall()
        wait_for(found, what=condition)


def violations(database):
    return database.query("select * from ledger_violation")


@pytest.fixture
def start(postgres, spawn, tmp_path):
    """start(arguments...) of clickledger-attrib; without any the daemon."""
    return lambda *argv: spawn(ATTRIB, *argv, env={"CLICKLEDGER_POSTGRES_CONNINFO": postgres.conninfo("cl_attrib"),
                                                   "CLICKLEDGER_ATTRIB_SEAL_HEADS": str(tmp_path / "heads")})


@pytest.fixture
def unheard(cluster, postgres):
    """unheard(True): commits of others are durable, but wait for a standby that does not exist, and nobody hears of them."""
    def switch(on):
        cluster.execute("alter system " + ("set synchronous_standby_names = 'nobody'" if on else "reset synchronous_standby_names"))
        cluster.execute("select pg_reload_conf()")
        wait_for(lambda: postgres.value("show synchronous_standby_names") == ("nobody" if on else ""), what="the setting")
    postgres.query("set synchronous_commit = local")
    yield switch
    switch(False)


def half_told(postgres, number):
    """A shop of which half is known and attributed; all the rest, which changes it and takes back, is told and waits."""
    scenario = Scenario(postgres, number, VARIANT)
    half = len(scenario.facts) // 2
    for fact in scenario.facts[half:]:
        fact()
    scenario.shop.attribute()
    for fact in scenario.facts[:half]:
        fact()
    scenario.decide()
    return scenario


def end(scenario):
    scenario.shop.attribute()
    scenario.decide()
    scenario.shop.attribute()
    return scenario.outcome()


def test_a_batch_is_killed_at_every_step(postgres, start, unheard):
    assert {name for (name,) in postgres.query(WRITTEN_SQL)} - OTHERS <= set(STEPS)
    expected = expect(postgres, 0, VARIANT)
    scenario = half_told(postgres, 1)
    before = scenario.outcome()
    for step in STEPS:
        stop = Stop(postgres, step)
        worker = start()
        stop.wait()
        worker.kill()
        assert violations(postgres) == []
        stop.release()
        wait_gone(postgres)
        assert scenario.outcome() == before and violations(postgres) == []
    # All is written, and the word to commit is not given.
    stop = Stop(postgres, STEPS[-1])
    worker = start()
    stop.wait()
    worker.signal(signal.SIGSTOP)
    stop.release()
    wait_state(postgres, "state = 'idle in transaction'")
    assert scenario.outcome() == before and violations(postgres) == []
    worker.kill()
    wait_gone(postgres)
    assert scenario.outcome() == before
    # It is given, and the answer does not come.
    unheard(True)
    worker = start()
    wait_state(postgres, "wait_event = 'SyncRep'")
    worker.kill()
    unheard(False)
    wait_gone(postgres)
    assert scenario.outcome() != before and violations(postgres) == []
    assert end(scenario) == expected


def test_two_workers_are_killed_in_turn(postgres, start):
    """The one that stands by takes over what the other had in hand."""
    expected = expect(postgres, 0, VARIANT)
    scenario = half_told(postgres, 1)
    steps = ["credit", "commission", "ledger_entry", "explanation"]
    stop, worker = Stop(postgres, steps[0]), start()
    for following in [*steps[1:], None]:
        stop.wait()
        standby = start()
        worker.kill()
        assert violations(postgres) == []
        passed, stop, worker = stop, Stop(postgres, following) if following else None, standby
        passed.release()
    wait_for(lambda: not postgres.query("select 1 from conversion_report where verdict is null"), what="the last worker")
    scenario.decide()
    postgres.query("notify clickledger_work")
    wait_for(lambda: scenario.outcome() == expected, what="the undisturbed outcome")
    assert violations(postgres) == [] and worker.stop() == 0


def reports(shop, count):
    """As many orders of one click, each of 10.00."""
    click = shop.click(T0, shop.anna)
    shop.db.query("insert into conversion_report (id, ts, source, program_id, order_id, click_id, amount, amount_minor, status, producer, seq, content_hash)"
                  " select id, click_ts(id), 'postback', %s, 'o' || n, %s, '10.00', 1000, 'approved', %s, 1, 1"
                  " from unnest(%s::uuid[]) with ordinality as r (id, n)",
                  [shop.program, click, PRODUCER, [uuid7(T0 + timedelta(hours=1)) for _ in range(count)]])


def test_a_recompute_is_killed_at_every_step(postgres, start):
    few, many = Shop(postgres, "few"), Shop(postgres, "many")
    reports(few, 3)
    reports(many, ORDERS)
    few.attribute()
    postgres.query("update terms set rate_ppm = 200000")  # behind everybody's back
    argv = "recompute", "--from", "2026-03-10", "--to", "2026-03-11", "--program"
    for step in RECOMPUTE_STEPS:
        stop = Stop(postgres, step)
        run = start(*argv, str(few.program))
        stop.wait()
        run.kill()
        stop.release()
        wait_gone(postgres)
        assert violations(postgres) == [] and few.balances() == [(few.anna, 0, 300), (many.anna, 0, 100 * ORDERS)]
    # Between two pages: the first one is posted.
    stop = Stop(postgres, "commission", "conversion_id")
    run = start(*argv, str(many.program))
    stop.wait()
    run.kill()
    stop.release()
    wait_gone(postgres)
    assert violations(postgres) == [] and few.balances() == [(few.anna, 0, 300), (many.anna, 0, 200 * ORDERS - 100)]
    for shop, differences in ((few, 3), (many, 1)):
        done = subprocess.run([ATTRIB, *argv, str(shop.program)], env={"CLICKLEDGER_POSTGRES_CONNINFO": postgres.conninfo("cl_attrib")},
                              capture_output=True, text=True, timeout=60, check=True)
        assert f" differences={differences} " in done.stdout
    assert violations(postgres) == [] and few.balances() == [(few.anna, 0, 600), (many.anna, 0, 200 * ORDERS)]
    # What was killed did not finish, and says so.
    assert postgres.query("select finished_at is not null, count(*) from recompute_run group by 1 order by 1") == [(False, len(RECOMPUTE_STEPS) + 1), (True, 2)]


def test_a_seal_is_killed_at_every_step(postgres, start, unheard, tmp_path):
    shop = Shop(postgres)
    for n in (1, 2):
        postgres.query("select ledger_post(%s, 'accrue', %s, %s, null, 'RUB', array['program_expense', 'partner_pending'], array[%s, %s]::bigint[])",
                       [f"k:{n}", shop.program, shop.anna, -n, n])
    for step in ("ledger_seal", "ledger_seal_line", "ledger_unsealed"):
        stop = Stop(postgres, step)
        worker = start()
        stop.wait()
        worker.kill()
        stop.release()
        wait_gone(postgres)
        assert postgres.query("select count(*), (select count(*) from ledger_unsealed) from ledger_seal") == [(0, 2)]
    # It is sealed, and its head has not left.
    unheard(True)
    worker = start()
    wait_state(postgres, "wait_event = 'SyncRep'")
    worker.kill()
    unheard(False)
    wait_gone(postgres)
    assert postgres.query("select transactions from ledger_seal") == [(2,)] and not (tmp_path / "heads").exists()
    assert start("run").wait() == 0
    assert (tmp_path / "heads").read_text() == "1 " + postgres.value("select encode(head, 'hex') from ledger_seal") + "\n"
    verified = start("verify", "--heads", tmp_path / "heads")
    assert verified.wait() == 0, verified.log()


def test_a_payout_is_killed_at_every_step(world, spawn, postgres, tmp_path):  # noqa: F811
    """The API dies while money moves. Who asks again with the same key is told what came of it, and it came once."""
    running, partner = world.api, world.anna

    def ask(client, path, body, key):
        return client.post(path, body, {"Idempotency-Key": key})

    def disturbed(step, key, *request):
        nonlocal running
        stop = Stop(postgres, step)
        asking = threading.Thread(target=ask_in_vain, args=(Client(running, key), *request))
        asking.start()
        stop.wait()
        running.process.kill()
        asking.join()
        assert violations(postgres) == []
        stop.release()
        wait_gone(postgres, "cl_api")
        assert violations(postgres) == []
        running = Api(spawn, postgres, tmp_path)
        return ask(Client(running, key), *request)

    def ask_in_vain(*request):
        with pytest.raises((http.client.HTTPException, OSError)):
            ask(*request)

    for n, step in enumerate(PAYOUT_STEPS):
        postgres.query("select ledger_post(%s, 'accrue', %s, %s, null, 'RUB', array['program_expense', 'partner_available'], array[-100, 100]::bigint[])",
                       [f"k:{n}", world.program, partner.id])
        payout = disturbed(step, partner.key, "/v1/payouts", {"program_id": world.program}, f"request-{n}").body
        assert (payout["amount_minor"], payout["status"]) == (100, "requested")
        target = ("paid", {"reference": f"bank {n}"}) if n % 2 else ("refuse", {"reason": "no"})
        done = disturbed(step if step not in ("ledger_account", "payout_line") else "payout", world.team_key, f"/v1/payouts/{payout['id']}/{target[0]}",
                         target[1], f"end-{n}")
        assert done.status == 200, done.text
        if n % 2 == 0:
            again = Client(running, partner.key).post("/v1/payouts", {"program_id": world.program}).body
            Client(running, world.team_key).post(f"/v1/payouts/{again['id']}/paid", {"reference": "again"})
    assert postgres.query("select available_minor, reserved_minor, paid_minor from partner_balance where partner_id = %s", [partner.id]) == [
        (0, 0, 100 * len(PAYOUT_STEPS))]
    assert postgres.query("select status, count(*) from payout group by 1 order by 1") == [("paid", len(PAYOUT_STEPS)), ("refused", 3)]
