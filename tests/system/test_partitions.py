"""Partitions as ingest cares for them: made ahead, sealed, opened by late hits, detached, and told in /metrics."""
import time
import urllib.request
from datetime import datetime, timedelta, timezone

import psycopg2
import pytest

from conftest import long, wait_for
from frames import VISIT, hit
from ingest import DAY_MS, letters, new_ingest, producer, settled  # noqa: F401 (fixtures)
from ports import free_port
from shop import PRODUCER, Shop, uuid7

BOT = 2  # enum hit_class: nothing to settle


def days_ago(days):
    return time.time_ns() // 1000000 - days * DAY_MS




class Metrics:
    def __init__(self, port):
        self.port = port

    def value(self, name):
        """None before the process listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
                lines = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#"))
        except OSError:
            return None
        return float(lines[f"clickledger_ingest_{name}"])

    def wait(self, **expected):
        wait_for(lambda: all(self.value(name) == value for name, value in expected.items()), what=f"the metrics {expected}")


def state_of(postgres, table, days):
    """(rows when it was sealed, or None; late loads; whether it is detached)"""
    found = postgres.query("select sealed_rows, late_loads, detached_at is not null from hit_partition"
                           " where table_name = %s and day = (now() at time zone 'UTC')::date - %s", [table, days])
    return found[0] if found else None


def try_again(postgres):
    """A partition that was tried rests for an hour."""
    postgres.query("update hit_partition set tried_at = null")


def test_made_sealed_opened_detached(new_ingest, postgres, producer):
    metrics = Metrics(free_port())
    ingest = new_ingest(admin_port=metrics.port, partition_look="200ms").start()
    producer.send(producer.make(1))
    settled(postgres, producer, (1, 1, 1, 0, 0, False))
    wait_for(lambda: metrics.value("partitions_ahead_days") == 3, what="partitions for three more days")
    assert postgres.value("select count(*) from click where tableoid = ('click_' || to_char(now() at time zone 'UTC', 'YYYYMMDD') || '_0')::regclass") == 1

    producer.send(producer.make([hit(ms=days_ago(5)), hit(ms=days_ago(5)), hit(VISIT, ms=days_ago(40))]))
    settled(postgres, producer, (2, 4, 4, 0, 0, False))
    wait_for(lambda: state_of(postgres, "click", 5) == (2, 1, False), what="a sealed partition")
    wait_for(lambda: state_of(postgres, "visit", 40) == (1, 1, False), what="another")
    metrics.wait(partitions_due=0, partitions_faulty=0, partitions_sealed_total=8, partitions_closed=8)

    producer.send(producer.make([hit(), hit(ms=days_ago(5)), hit()]))
    settled(postgres, producer, (3, 7, 7, 0, 0, False))
    assert state_of(postgres, "click", 5) == (None, 2, False)
    try_again(postgres)
    wait_for(lambda: state_of(postgres, "click", 5) == (3, 2, False), what="the same, sealed again")

    postgres.query("update hit_retention set keep_days = 30 where table_name = 'visit'")
    wait_for(lambda: state_of(postgres, "visit", 40) == (1, 1, True), what="a detached partition")
    metrics.wait(partitions_detached_total=1, partitions_gone=1)
    assert postgres.value("select count(*) from visit") == 0

    producer.send(producer.make([hit(VISIT, ms=days_ago(40)), hit()]))
    settled(postgres, producer, (4, 9, 8, 1, 0, False))
    assert letters(postgres) == [("row", 1, 4)]
    assert "no partition of relation" in postgres.value("select reason from dead_letter")
    assert postgres.query("select * from conservation where not holds") == []
    assert ingest.process.stop() == 0


def test_late_loads_wait_for_each_other_behind_their_rows(new_ingest, postgres, producer):
    postgres.query("select partition_ensure((now() at time zone 'UTC')::date - 1, (now() at time zone 'UTC')::date - 1)")
    other = psycopg2.connect(postgres.conninfo())
    try:
        other.cursor().execute("select from clickledger.hit_partition where table_name = 'click' and day = (now() at time zone 'UTC')::date - 1"
                               " for no key update")
        ingest = new_ingest().start()
        producer.send(producer.make([hit(ms=days_ago(1))]))
        wait_for(lambda: postgres.value("select exists (select from pg_locks waits join pg_locks holds using (pid) where not waits.granted"
                                        " and holds.relation = 'click'::regclass and holds.mode = 'RowExclusiveLock')"),
                 what="a load that waits with its rows written")
    finally:
        other.close()
    settled(postgres, producer, (1, 1, 1, 0, 0, False))
    assert ingest.process.stop() == 0


def test_late_loads_wait_while_rollups_are_clustered(new_ingest, postgres, producer):
    then = days_ago(5)
    counted = "select sum(clicks), count(*) from click_hourly where hour < now() - interval '4 days'"
    ingest = new_ingest(partition_look="200ms").start()
    producer.send(producer.make([hit(ms=then), hit(ms=then)]))
    settled(postgres, producer, (1, 2, 2, 0, 0, False))
    wait_for(lambda: postgres.value("select bool_or(clustered_at is not null) from hit_partition where day < now() - interval '4 days'"),
             what="a day whose rollups were clustered")
    assert postgres.query(counted) == [(2, 1)]
    other = psycopg2.connect(postgres.conninfo())
    try:
        other.cursor().execute("select clickledger.rollup_cluster((now() at time zone 'UTC')::date - 5)")
        producer.send(producer.make([hit(ms=then)]))
        wait_for(lambda: postgres.value("select exists (select from pg_locks waits join pg_locks holds using (pid) where not waits.granted"
                                        " and holds.relation = 'click_hourly'::regclass and holds.mode = 'RowExclusiveLock')"),
                 what="a load that waits for the row")
        other.commit()
    finally:
        other.close()
    settled(postgres, producer, (2, 3, 3, 0, 0, False))
    assert postgres.query(counted) == [(3, 1)]
    assert ingest.process.stop() == 0


@pytest.mark.parametrize("held", ["select pg_advisory_xact_lock(25454, 0)", "lock table clickledger.unique_hourly in exclusive mode"], ids=["settling", "rows"])
def test_who_holds_up_clustering_holds_up_nothing_else(new_ingest, postgres, producer, held):
    metrics = Metrics(free_port())
    other = psycopg2.connect(postgres.conninfo())
    other.cursor().execute(held)
    ingest = new_ingest(admin_port=metrics.port, partition_look="200ms").start()
    producer.send(producer.make([hit(ms=days_ago(5), klass=BOT), hit(VISIT, ms=days_ago(40))]))
    settled(postgres, producer, (1, 2, 2, 0, 0, False))
    postgres.query("update hit_retention set keep_days = 30 where table_name = 'visit'")
    wait_for(lambda: state_of(postgres, "visit", 40) == (1, 1, True), what="a detached partition")
    assert metrics.value("partitions_clustered_total") == 0 and metrics.value("partition_failures_total") == 0
    other.close()
    metrics.wait(partitions_clustered_total=1)
    assert ingest.process.stop() == 0


def test_what_cannot_be_sealed_is_told(new_ingest, postgres, producer):
    metrics = Metrics(free_port())
    postgres.query("select partition_ensure((now() at time zone 'UTC')::date - 5, (now() at time zone 'UTC')::date - 5)")
    postgres.query("insert into click (ts, click_id, class, reason, status, catalog_revision, producer, seq, content_hash)"
                   " values (now() - interval '5 days', gen_random_uuid(), 'human', 'none', 302, 1, gen_random_uuid(), 1, 1)")
    ingest = new_ingest(admin_port=metrics.port, partition_look="200ms").start()
    metrics.wait(partitions_faulty=1, partitions_due=1)
    assert "ingest.partition" in ingest.process.log()
    assert postgres.value("select fault from hit_partition where fault is not null") == "1 rows whose ts is not that of their id"
    producer.send(producer.make(2))  # loading goes on
    settled(postgres, producer, (1, 2, 2, 0, 0, False))
    assert ingest.process.stop() == 0


def test_loads_go_on_while_a_table_is_held(new_ingest, postgres, producer):
    """Whoever reads the table holds up the detaching, which gives up and is tried again, and not the loads."""
    metrics = Metrics(free_port())
    ingest = new_ingest(admin_port=metrics.port, partition_look="200ms").start()
    producer.send(producer.make([hit(VISIT, ms=days_ago(40))]))
    settled(postgres, producer, (1, 1, 1, 0, 0, False))
    wait_for(lambda: state_of(postgres, "visit", 40) == (1, 1, False), what="a sealed partition")
    reader = psycopg2.connect(postgres.conninfo("cl_analyst"))
    reader.cursor().execute("select count(program_id) from clickledger.visit")
    postgres.query("update hit_retention set keep_days = 30 where table_name = 'visit'")
    wait_for(lambda: metrics.value("partition_failures_total") >= 1, what="a detaching that was given up")
    producer.send(producer.make([hit(VISIT)]))
    settled(postgres, producer, (2, 2, 2, 0, 0, False))
    assert state_of(postgres, "visit", 40) == (1, 1, False)
    producer.send(producer.make([hit(ms=days_ago(5))]))
    wait_for(lambda: state_of(postgres, "click", 5) == (1, 1, False), what="a partition that is sealed meanwhile")
    reader.rollback()
    wait_for(lambda: state_of(postgres, "visit", 40) == (1, 1, True), what="a detached partition")
    assert ingest.process.stop() == 0


@long("making 3000 partitions takes a minute")
def test_as_many_as_the_default_retention_keeps(postgres):
    """Three analysts in the middle of a transaction, an order, a visitor who wants to know and to be forgotten."""
    shop = Shop(postgres)
    shop.make_policy("last")
    postgres.query("insert into producer (producer, shard) values (%s, 0)", [PRODUCER])
    postgres.query("set synchronous_commit = off")
    for table, first in postgres.query("select table_name, keep_days from hit_retention"):
        for since in range(first, -3, -50):
            postgres.query("select partition_make(%s, current_date - d) from generate_series(greatest(%s, -2), %s) as d", [table, since - 49, since])
    assert postgres.value("select count(*) from pg_inherits i where inhparent = any (array['click', 'promo_entry', 'impression', 'visit']::regclass[])") >= 3000
    analysts = [psycopg2.connect(postgres.conninfo("cl_analyst")) for _ in range(3)]
    try:
        for analyst in analysts:
            analyst.cursor().execute("select count(program_id) from clickledger.click")
        now = datetime.now(timezone.utc)
        visitor = uuid7(now - timedelta(days=300))
        for days in 300, 200, 1:
            shop.click(now - timedelta(days=days), shop.anna, visitor)
        shop.report(now, visitor_id=visitor, amount_minor=1000, status="approved")
        shop.attribute()
        assert [partner for partner, _, _ in shop.commissions()] == [shop.anna]
        with psycopg2.connect(postgres.conninfo("cl_privacy")) as officer, officer.cursor() as cursor:
            cursor.execute("select count(*) from clickledger.visitor_export(%s)", [visitor])
            assert cursor.fetchone() == (5,)
            cursor.execute("select rows from clickledger.forget_visitor(%s) where place = 'click'", [visitor])
            assert cursor.fetchone() == (3,)
            cursor.execute("select count(*) from pg_locks where pid = pg_backend_pid() and relation is not null")
            assert cursor.fetchone()[0] < 200
    finally:
        for analyst in analysts:
            analyst.close()
