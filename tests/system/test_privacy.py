"""Retention and forgetting where attribution has been at work: nothing that was earned moves, now or when it is computed anew."""
import re
import subprocess
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import psycopg2
import pytest
from psycopg2.extras import execute_values

from conftest import ROOT, wait_for
from ingest import INGEST, Ingest
from ports import free_port
from shop import PRODUCER, Shop, uuid7

NOW = datetime.now(timezone.utc)


def ago(**age):
    return NOW - timedelta(**age)


@pytest.fixture
def shop(postgres):
    shop = Shop(postgres)
    postgres.query("insert into producer (producer, shard) values (%s, 0)", [PRODUCER])
    for first, last in ((431, 429), (421, 420), (96, 95), (3, -1)):
        postgres.query("select partition_ensure(current_date - %s, current_date - %s)", [first, last])
    return shop


@pytest.fixture
def visitors(shop):
    """Each ordered after a click of Anna's link and then one of Boris', which only the visitor's id joins with the order."""
    shop.make_policy("last", binding="first_partner")
    made = {}
    for name, orders in (("old", [420]), ("both", [420, 2]), ("new", [2])):
        visitor = made[name] = uuid7(ago(days=431))
        for age in orders:
            first = shop.click(ago(days=age + 10) if age == 420 else ago(days=age, hours=9), shop.anna, visitor)
            shop.click(ago(days=age, hours=5), shop.boris, visitor)
            shop.report(ago(days=age), f"{name}-{age}", click_id=first, visitor_id=visitor, amount_minor=1000 + age, status="approved",
                        customer=f"customer-{name}", signed=True, raw=f"order={name}&customer=customer-{name}", address="192.0.2.7",
                        user_agent="curl/8.1.2")
    # Another device of a customer: Anna's last, unless the first device's touches count, too.
    desk = uuid7(ago(days=431))
    shop.click(ago(days=420, hours=9), shop.anna, desk)
    shop.report(ago(days=419, hours=23), "old-desk", visitor_id=desk, customer="customer-old", signed=True, amount_minor=700, status="approved")
    shop.db.query("update click set address = '192.0.2.7', address_hash = 7, referrer_path = '/secret',"
                  " user_agent = 'Mozilla/5.0 Chrome/120.0.6099.43'")
    shop.attribute()
    assert [partner for partner, amount, _ in shop.commissions() if amount] == [shop.boris] * 5
    assert shop.db.value("select count(*) from conversion_key where kind = 'joined'") == 1
    return made


def sums(shop):
    db = shop.db
    return (db.query("select * from ledger_entry order by 1, 2"),
            db.query("select conversion_id, partner_id, amount_minor, status from commission order by 1, 2"),
            db.query("select * from credit order by 1, 2, 3"), db.query("select conversion_id, partner_id, touch_id from customer_binding order by 1"),
            db.query("select conversion_id, partner_id, body from explanation order by 1, 2"),
            db.query("select * from conversion_hourly order by 1, 2, 3, 4, 5, 6"), db.query("select count(*) from click"))


def nothing_moves(shop, before):
    assert sums(shop) == before
    shop.db.query("insert into conversion_due select id from conversion")
    done = shop.attribute()
    assert (done["credits"], done["commissions"], done["transactions"]) == (0, 0, 0)
    assert sums(shop) == before


def retain(postgres, *options):
    done = subprocess.run([INGEST, "privacy", *options], env={"CLICKLEDGER_POSTGRES_CONNINFO": postgres.conninfo("cl_ingest")},
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return int(re.search(r"event=privacy.done rows=(\d+)", done.stderr).group(1))


def as_officer(postgres, sql, *args, role="cl_privacy"):
    connection = psycopg2.connect(postgres.conninfo(role), application_name="officer")
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql, args)
            return cursor.fetchall()
    finally:
        connection.close()


def places_with(postgres, text):
    """Tables with a row that has this in it, however it is written."""
    tables = [name for name, in postgres.query("select c.oid::regclass::text from pg_class c where c.relnamespace = 'clickledger'::regnamespace"
                                               " and c.relkind in ('r', 'p') and not c.relispartition")]
    assert len(tables) > 30
    needles = {text, text.replace("-", "")}
    return sorted({table for table in tables for needle in needles
                   if postgres.value(f"select exists (select from {table} t where position(%s in to_jsonb(t)::text) > 0)", [needle])})


def documented(postgres, folder, function):
    """Runs the command of docs/operations.md that calls this function, as it stands there."""
    page = (ROOT / "docs/operations.md").read_text().replace("\\\n", "")
    command = next(line for line in page.splitlines() if line.startswith("    psql ") and function in line).strip()
    done = subprocess.run(["bash", "-ec", command.replace("dbname=clickledger user=cl_privacy", postgres.conninfo("cl_privacy"))], cwd=folder,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_retention_moves_no_sum(shop, visitors, postgres):
    before = sums(shop)
    assert retain(postgres, "--rows", "3") > 0
    assert postgres.query("select * from privacy_status() where overdue_days <> 0") == []
    assert postgres.query("select distinct user_agent from click where ts < now() - interval '91 days'") == [("Mozilla/5.0 Chrome/120.0",)]
    assert postgres.value("select count(*) from click where address_hash is null") == 5
    assert places_with(postgres, visitors["old"]) == []
    assert places_with(postgres, visitors["both"]) == ["click", "conversion", "conversion_key", "conversion_report"]
    assert postgres.query("select order_id from conversion where customer not like '~%' order by 1") == [("both-2",), ("both-420",), ("new-2",)]
    nothing_moves(shop, before)
    assert retain(postgres, "--all") == 0


def test_forgotten_everywhere(shop, visitors, postgres):
    before = sums(shop)
    postgres.query("insert into dead_letter (shard, entry_id, kind, hits, reason, bytes) values (0, '1-1', 'row', 0, 'refused', %s)",
                   [psycopg2.Binary(b"\1" + bytes.fromhex(visitors["new"].replace("-", "")) + b"\2")])
    assert "dead_letter" in places_with(postgres, visitors["new"])
    assert len(as_officer(postgres, "select * from clickledger.visitor_export(%s)", visitors["new"])) == 4
    done = dict(as_officer(postgres, "select * from clickledger.forget_visitor(%s)", visitors["new"]))
    assert done == {"click": 2, "impression": 0, "visit": 0, "promo_entry": 0, "conversion_report": 1, "conversion": 1, "customer": 1,
                    "explanation": 0, "dead_letter": 1}
    for value in visitors["new"], "customer-new":
        assert places_with(postgres, value) == []
    nothing_moves(shop, before)
    assert set(dict(as_officer(postgres, "select * from clickledger.forget_visitor(%s)", visitors["new"])).values()) == {0}
    assert as_officer(postgres, "select * from clickledger.visitor_export(%s)", visitors["new"]) == []
    # One whose old rows have an alias already.
    retain(postgres)
    assert dict(as_officer(postgres, "select * from clickledger.forget_visitor(%s)", visitors["old"]))["click"] == 2
    nothing_moves(shop, before)


def test_frames_that_come_again_do_not_bring_it_back(shop, visitors, postgres, tmp_path):
    """A backup of before the forgetting is restored: the list that was saved outside is taken up again."""
    as_officer(postgres, "select * from clickledger.forget_visitor(%s)", visitors["both"])
    documented(postgres, tmp_path, "forgotten_list")
    shop.click(ago(days=2, hours=1), shop.anna, visitors["both"])  # a late frame
    assert places_with(postgres, visitors["both"]) == ["click"]
    assert retain(postgres) > 0
    assert places_with(postgres, visitors["both"]) == []
    postgres.query("delete from forgotten_visitor")
    shop.click(ago(days=95), shop.anna, visitors["both"])
    retain(postgres)
    assert places_with(postgres, visitors["both"]) == ["click"]
    documented(postgres, tmp_path, "forget_listed")
    retain(postgres)
    assert places_with(postgres, visitors["both"]) == []
    later = shop.click(datetime.now(timezone.utc) + timedelta(seconds=1), shop.anna, visitors["both"])
    retain(postgres)
    assert postgres.value("select visitor_id::text from click where click_id = %s", [later]) == visitors["both"], "what came after is new data"


def known_by_click(shop):
    """One whom only the click of an old order names: nothing but its keys hold him and the order together."""
    visitor = uuid7(ago(days=431))
    shop.report(ago(days=420), "by-click", click_id=shop.click(ago(days=420, hours=5), shop.anna, visitor), amount_minor=1000, status="approved")
    shop.attribute()
    assert places_with(shop.db, visitor) == ["click", "conversion_key"]
    return visitor


def beside_a_batch(shop, sql, *args, role):
    """Asks in the midst of a batch that computes all conversions: it knows what was there before, and writes after."""
    waiting = ("select count(*) from pg_locks l join pg_stat_activity a using (pid) where not l.granted and a.datname = current_database()"
               " and a.application_name = %s")
    shop.db.query("insert into conversion_due select id from conversion")
    other = psycopg2.connect(shop.db.conninfo())
    other.cursor().execute("lock table clickledger.conversion_due in access exclusive mode")
    with ThreadPoolExecutor() as pool:
        batch = pool.submit(shop.attribute)
        wait_for(lambda: shop.db.value(waiting, ["clickledger-attrib"]), what="the batch to wait")
        beside = pool.submit(as_officer, shop.db, sql, *args, role=role)
        wait_for(lambda: beside.done() or shop.db.value(waiting, ["officer"]), what="the other to wait for the batch, or to be done")
        other.close()
        beside.result(60)
        batch.result(60)


def test_forgotten_beside_a_batch(shop, postgres):
    visitor = known_by_click(shop)
    beside_a_batch(shop, "select * from clickledger.forget_visitor(%s)", visitor, role="cl_privacy")
    assert places_with(postgres, visitor) == []


def test_retention_beside_a_batch(shop, postgres):
    visitor = known_by_click(shop)
    beside_a_batch(shop, "select * from clickledger.privacy_conversions(%s, 100)", ago(days=420).date(), role="cl_owner")
    assert places_with(postgres, visitor) == []


def test_who_may_not(postgres):
    visitor = uuid7(NOW)
    for role in "cl_analyst", "cl_api", "cl_ingest", "cl_attrib":
        for call in "forget_visitor", "visitor_export":
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                as_officer(postgres, f"select * from clickledger.{call}(%s)", visitor, role=role)
    for table in "click", "forgotten_visitor", "privacy_key", "conversion":
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            as_officer(postgres, f"select * from clickledger.{table}")


def test_a_locked_table_is_waited_for(shop, visitors, postgres):
    other = psycopg2.connect(postgres.conninfo())
    other.cursor().execute("lock table clickledger.conversion_report in share mode")
    runner = subprocess.Popen([INGEST, "privacy"], env={"CLICKLEDGER_POSTGRES_CONNINFO": postgres.conninfo("cl_ingest") + " options='-c lock_timeout=50ms'"},
                              stderr=subprocess.PIPE, text=True)
    waiting = f"select count(*) from pg_locks where not granted and database = (select oid from pg_database where datname = '{postgres.name}')"
    wait_for(lambda: postgres.value(waiting), what="the step to wait for the lock")
    wait_for(lambda: not postgres.value(waiting), what="it to be refused")
    other.close()
    assert runner.wait(60) == 0, runner.stderr.read()
    runner.stderr.close()
    assert places_with(postgres, visitors["old"]) == []


def test_it_is_told_how_far_it_is_behind(visitors, postgres, redis_server, spawn, tmp_path):
    port = free_port()
    running = Ingest(spawn, postgres, redis_server, tmp_path, admin_port=port).start()

    def told(name):
        try:
            text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
        except OSError:
            return None
        return float(re.search(rf"^clickledger_ingest_{name} (\S+)$", text, re.MULTILINE).group(1))

    assert wait_for(lambda: told('privacy_overdue_days{rule="identity"}'), what=f"the gauge; {running.log()}") == 31
    assert told('privacy_overdue_days{rule="detail"}') == 341
    retain(postgres)
    running.process.stop()
    Ingest(spawn, postgres, redis_server, tmp_path, admin_port=port).start()
    wait_for(lambda: told('privacy_rows_total{rule="detail"}'), what="the rows")
    assert told('privacy_overdue_days{rule="identity"}') == 0


def test_what_is_left_of_a_user_agent_has_the_same_class(shop, postgres):
    """New lists can still be asked: of every user agent that we know, no class changes when its detail is gone."""
    agents = {line.rsplit("\t", 1)[-1] for path in (ROOT / "tests/data/agents").glob("*.txt") for line in path.read_text().splitlines()}
    day = ago(days=95).replace(hour=1)
    rows = [(uuid7(day), agent) for agent in sorted(agents)]
    execute_values(postgres._cursor(), "insert into click (ts, click_id, program_id, partner_id, link_id, class, reason, status, user_agent, address_hash,"
                   " catalog_revision, producer, seq, content_hash)"
                   f" select click_ts(v.id::uuid), v.id::uuid, {shop.program}, {shop.anna}, 1, 'human', 'none', 302, v.agent, row_number() over (), 1,"
                   f" '{PRODUCER}', 1, 1 from (values %s) as v (id, agent)", rows)

    def reclassify():
        done = subprocess.run([INGEST, "reclassify", "--from", f"{day:%Y-%m-%d}", "--to", f"{day + timedelta(days=1):%Y-%m-%d}"], capture_output=True,
                              text=True, timeout=120, env={"CLICKLEDGER_POSTGRES_CONNINFO": postgres.conninfo("cl_ingest")})
        assert done.returncode == 0, done.stderr
        return postgres.query("select click_id, class, reason from click where ts < now() - interval '94 days' order by 1")

    before = reclassify()
    assert len(before) == len(agents) > 4000 and {"human", "bot", "preview"} <= {kind for _, kind, _ in before}
    assert retain(postgres) > len(agents) // 2
    assert reclassify() == before


HELD = ("select coalesce(array_agg(distinct regexp_replace(c.relname, '(_\\d{8})_\\d+$', '\\1')), '{}') from pg_locks l join pg_class c on c.oid = l.relation"
        " where l.pid = pg_backend_pid() and c.relispartition and c.relkind = 'r'")


def test_only_days_with_hits_of_a_visitor_stay_locked(shop, postgres):
    """Years of partitions would fill the lock table."""
    visitor = uuid7(ago(days=431))
    shop.click(ago(days=420), shop.anna, visitor)
    postgres.query("select partition_seal(table_name, day) from hit_partition where day < current_date - 5")
    open_days = [name for name, in postgres.query("select partition_name(table_name, day) from hit_partition where sealed_at is null")]
    clicked = [ago(days=420).strftime("click_%Y%m%d")]
    for role, asked, answer, held in (
            ("cl_privacy", "select count(*) from visitor_export(%s)", 1, clicked),
            ("cl_privacy", "select count(*) from forget_visitor(%s) where rows > 0", 1, clicked),
            ("cl_ingest", "select count(*) from privacy_begin(%s is null)", 1, open_days)):
        connection = psycopg2.connect(postgres.conninfo(role), options="-c search_path=clickledger")
        try:
            with connection.cursor() as cursor:
                cursor.execute(asked, [visitor])
                assert cursor.fetchone() == (answer,)
                cursor.execute(HELD)
                assert set(cursor.fetchone()[0]) <= set(held), asked
        finally:
            connection.close()
