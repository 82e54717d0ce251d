"""PostgreSQL slow, locked, full, failed over, with commits whose outcome nobody knows: nothing is lost, nothing counts twice."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
from datetime import timedelta

import psycopg2
import pytest

from api import Api, World
from conftest import PG_BIN, ROOT, Cluster, Database, as_postgres, long, wait_for
from frames import Producer
from ingest import Ingest, ingest, new_ingest, producer, settled  # noqa: F401 (fixtures)
from postgres_proxy import PostgresProxy, Through
from shop import ATTRIB, T0, Shop


@pytest.fixture
def proxy(cluster):
    made = PostgresProxy(cluster.folder)
    yield made
    made.close()


def cut(proxy, mode, application, act):
    """Does something that makes a commit, and waits until its link was cut."""
    before = proxy.cuts
    proxy.cut_next(mode, application)
    act()
    wait_for(lambda: proxy.cuts > before, 30, f"a commit of {application}")


def loaded_once(postgres, producer):
    settled(postgres, producer, (len(producer.frames), producer.hits, producer.hits, 0, 0, False))
    assert postgres.value("select count(distinct click_id) from click") == postgres.value("select count(*) from click") == producer.hits
    assert postgres.value("select sum(clicks) from click_hourly") == producer.hits
    assert postgres.query("select * from dead_letter") == [] and postgres.query("select * from conservation where not holds") == []


# --- A commit whose outcome is unknown ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["before", "after"])
def test_ingest_never_hears_of_its_commit(spawn, postgres, redis_server, tmp_path, producer, proxy, mode):
    Ingest(spawn, Through(proxy, postgres), redis_server, tmp_path).start()
    producer.send(producer.make())
    settled(postgres, producer, (1, 3, 3, 0, 0, False))
    for _ in range(4):
        cut(proxy, mode, "clickledger-ingest ", lambda: producer.send(producer.make(), producer.make()))
    producer.send(producer.make())
    loaded_once(postgres, producer)
    wait_for(lambda: producer.position()[1:3] == (len(producer.frames), 0), what="the position")


@pytest.mark.parametrize("mode", ["before", "after"])
def test_attrib_never_hears_of_its_commit(spawn, postgres, tmp_path, proxy, mode):
    shop = Shop(postgres)
    config = tmp_path / "attrib.conf"
    config.write_text(f"[postgres]\nconninfo = {Through(proxy, postgres).conninfo('cl_attrib')}\n[attrib]\nadmin_port = 0\n")
    spawn(ATTRIB, "--config", config)

    def order(number):
        shop.report(T0 + timedelta(hours=1), f"o{number}", click_id=shop.click(T0, shop.anna), amount_minor=1000, status="approved")
        postgres.query("notify clickledger_work")

    for number in range(3):
        cut(proxy, mode, "clickledger-attrib", lambda: order(number))
    wait_for(lambda: len([1 for _, amount, _ in shop.commissions() if amount == 100]) == 3, what="three commissions")
    wait_for(lambda: postgres.query("select * from touch_batch") == [], what="nothing left to do")
    assert shop.balances() == [(shop.anna, 0, 300)]
    assert postgres.value("select count(*) from ledger_transaction") == 3
    assert postgres.query("select * from ledger_violation") == []


@pytest.mark.parametrize("mode", ["before", "after"])
def test_a_request_of_the_api_is_repeated(spawn, postgres, tmp_path, proxy, mode):
    world = World(Api(spawn, postgres, tmp_path))
    (tmp_path / "far").mkdir()
    far = Through(proxy, postgres)
    far.cluster = proxy
    api = Api(spawn, far, tmp_path / "far")
    proxy.cut_next(mode, "clickledger-api")
    key = {"Authorization": "Bearer " + world.team_key, "Idempotency-Key": "once"}
    lost = api.call("POST", "/v1/partners", {"name": "Vera"}, headers=key)
    assert lost.status == 503 and proxy.cuts == 1
    assert postgres.value("select count(*) from partner where name = 'Vera'") == (1 if mode == "after" else 0)
    wait_for(api.healthy, what="a connection again")
    again = api.call("POST", "/v1/partners", {"name": "Vera"}, headers=key)
    assert again.status == 201 and again.text == api.call("POST", "/v1/partners", {"name": "Vera"}, headers=key).text
    assert postgres.query("select id from partner where name = 'Vera'") == [(again.body["id"],)]


# --- Slow, locked, deadlocked ------------------------------------------------------------------------------------------------


def test_slow(spawn, postgres, redis_server, tmp_path, producer, proxy):
    """Every answer comes 100 ms late: loads take long, nobody believes that the other side has died."""
    ingest = Ingest(spawn, Through(proxy, postgres), redis_server, tmp_path).start()
    producer.send(producer.make())
    settled(postgres, producer, (1, 3, 3, 0, 0, False))
    proxy.delay_s = 0.1
    for _ in range(50):
        producer.send(producer.make(20))
    loaded_once(postgres, producer)
    assert "load_failed" not in ingest.process.log() and ingest.process.log().count("event=ingest.shard_taken") == 1


def test_a_deadlock_with_a_load(ingest, postgres, producer):
    """The load is the victim: it holds its rows and waits for a table whose holder waits for these rows."""
    producer.send(producer.make())
    settled(postgres, producer, (1, 3, 3, 0, 0, False))
    with contextlib.closing(psycopg2.connect(postgres.cluster.conninfo(postgres.name))) as other:
        cursor = other.cursor()
        cursor.execute("set deadlock_timeout = '30s'")
        cursor.execute("lock table clickledger.touch_batch in exclusive mode")
        producer.send(producer.make())
        waiting = "select count(*) from pg_locks where not granted and relation = 'clickledger.touch_batch'::regclass"
        wait_for(lambda: postgres.value(waiting), what="the load to wait behind its COPY")
        cursor.execute("lock table clickledger.click in access exclusive mode")  # granted when the load has been rolled back
        wait_for(lambda: "40P01" in ingest.process.log(), what=f"the deadlock; {ingest.log()}")
    loaded_once(postgres, producer)


def test_attrib_waits_for_a_lock(spawn, postgres, tmp_path):
    shop = Shop(postgres)
    config = tmp_path / "attrib.conf"
    config.write_text(f"[postgres]\nconninfo = {postgres.conninfo('cl_attrib')} options='-c lock_timeout=200ms'\n[attrib]\nadmin_port = 0\n")
    attrib = spawn(ATTRIB, "--config", config)
    wait_for(lambda: "attrib.leading" in attrib.log(), what="a leader")
    with contextlib.closing(psycopg2.connect(postgres.conninfo())) as other:
        other.cursor().execute("lock table clickledger.ledger_entry in access exclusive mode")
        shop.report(T0 + timedelta(hours=1), click_id=shop.click(T0, shop.anna), amount_minor=1000, status="approved")
        waiting = "select count(*) from pg_locks where not granted and relation = 'clickledger.ledger_entry'::regclass"
        wait_for(lambda: postgres.value(waiting), what="attrib to wait")
    wait_for(lambda: shop.commissions() == [(shop.anna, 100, "available")], 30, "the commission")
    assert attrib.alive() and shop.balances() == [(shop.anna, 0, 100)]


@long("waits for a session to time out")
def test_a_frozen_attrib_gives_up_the_lead(spawn, postgres, tmp_path):
    shop = Shop(postgres)
    config = tmp_path / "attrib.conf"
    config.write_text(f"[postgres]\nconninfo = {postgres.conninfo('cl_attrib')}\n[attrib]\nadmin_port = 0\n")
    first = spawn(ATTRIB, "--config", config)
    wait_for(lambda: "attrib.leading" in first.log(), what="a leader")
    second = spawn(ATTRIB, "--config", config)
    first.signal(signal.SIGSTOP)
    wait_for(lambda: "attrib.leading" in second.log(), what="another leader")
    shop.report(T0 + timedelta(hours=1), click_id=shop.click(T0, shop.anna), amount_minor=1000, status="approved")
    wait_for(lambda: shop.commissions() == [(shop.anna, 100, "available")], what="the commission")
    first.signal(signal.SIGCONT)
    wait_for(lambda: "batch.failed" in first.log(), what="the first to notice")
    assert first.log().count("attrib.leading") == 1 and shop.balances() == [(shop.anna, 0, 100)]


# --- Full, failed over -------------------------------------------------------------------------------------------------------


@pytest.fixture
def make_cluster(test_folder):
    """Clusters of a test's own; make_cluster(name, ...) as Cluster()."""
    made = []

    def make(folder, **options):
        made.append(Cluster(folder, **options))
        return made[-1]

    yield make
    for cluster in made:
        with contextlib.suppress(subprocess.CalledProcessError):
            cluster.stop("immediate")


def test_disk_full(spawn, redis_server, tmp_path, make_cluster, producer):
    """Loads fail, or PostgreSQL dies of it; when there is room again, all goes on by itself."""
    disk = pathlib.Path(tempfile.mkdtemp(prefix="cl-full-"))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=220m,mode=755", "tmpfs", disk], capture_output=True).returncode != 0:
        disk.rmdir()
        pytest.skip("a small disk cannot be mounted here")
    try:
        cluster = make_cluster(disk / "pg", settings=[("min_wal_size", "32MB"), ("max_wal_size", "48MB"), ("restart_after_crash", "on")])
        cluster.make_template()
        postgres = cluster.database()
        ingest = Ingest(spawn, postgres, redis_server, tmp_path).start()
        producer.send(producer.make())
        settled(postgres, producer, (1, 3, 3, 0, 0, False))
        with contextlib.suppress(OSError), open(disk / "ballast", "wb", buffering=0) as ballast:
            while True:
                ballast.write(bytes(65536))
        sent = 0
        while "No space left" not in ingest.process.log() and "load_failed" not in ingest.process.log() and "shard_stopped" not in ingest.process.log():
            assert sent < 300, ingest.log()
            producer.send(producer.make(2000))
            sent += 1
            wait_for(lambda: ingest.stream_is_empty() or "load_failed" in ingest.process.log() or "shard_stopped" in ingest.process.log(), 60,
                     f"a load or its failure; {ingest.log()}")
        os.unlink(disk / "ballast")
        postgres.close()
        with contextlib.suppress(subprocess.CalledProcessError):
            cluster.start()  # it may have died for good
        wait_for(ingest.stream_is_empty, 60, f"an empty stream; {ingest.log()}")
        loaded_once(postgres, producer)
        postgres.close()
        cluster.stop("immediate")
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
        disk.rmdir()


def test_a_server_with_room_for_few_locks_is_refused(spawn, redis_server, tmp_path, test_folder, make_cluster):
    small = make_cluster(test_folder / "small", settings=[("max_locks_per_transaction", "511")])
    small.execute((ROOT / "sql/bootstrap.sql").read_text())
    postgres = Database(small, "postgres")
    ingest = Ingest(spawn, postgres, redis_server, tmp_path).start()
    wait_for(lambda: "max_locks_per_transaction is too low" in ingest.process.log(), what="the sentence")
    assert ingest.process.stop() == 0
    done = subprocess.run([ATTRIB, "run"], env={"CLICKLEDGER_POSTGRES_CONNINFO": postgres.conninfo("cl_attrib")}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "event=postgres.unfit max_locks_per_transaction=511 at_least=512" in done.stderr


def test_fail_over(spawn, redis_server, tmp_path, test_folder, make_cluster, producer):
    """The primary dies with commits that the standby does not have; what is missing is sent again, to the new timeline."""
    primary = make_cluster(test_folder / "primary")
    primary.make_template()
    postgres = primary.database()
    standby = object.__new__(Cluster)
    standby.folder, standby.settings = test_folder / "standby", [("hot_standby", "on")]
    standby.folder.mkdir(mode=0o755)
    shutil.chown(standby.folder, *(["postgres", "postgres"] if os.geteuid() == 0 else [os.getuid()]))
    as_postgres([PG_BIN / "pg_basebackup", "-h", primary.folder, "-U", "postgres", "-D", standby.folder / "data", "-R", "-c", "fast", "--no-sync"])
    both = Through(type("Both", (), {"folder": f"{primary.folder},{standby.folder}"}), postgres)
    ingest = Ingest(spawn, both, redis_server, tmp_path)
    ingest.config.write_text(ingest.config.read_text().replace("user=cl_ingest", "user=cl_ingest target_session_attrs=read-write"))
    ingest.start()
    standby.start()
    try:
        for _ in range(3):
            producer.send(producer.make())
        settled(postgres, producer, (3, 9, 9, 0, 0, False))
        arrived = f"select pg_last_wal_replay_lsn() >= '{postgres.value('select pg_current_wal_lsn()')}'"
        there = Database(standby, postgres.name)
        wait_for(lambda: there.value(arrived), what="the standby to have it")
        there.close()
        standby.stop("fast")
        for _ in range(3):
            producer.send(producer.make())
        settled(postgres, producer, (6, 18, 18, 0, 0, False))
        before = wait_for(lambda: producer.position() if producer.position()[1] == 6 else None, what="the position")[0]
        postgres.close()
        primary.stop("immediate")
        standby.start()
        as_postgres([PG_BIN / "pg_ctl", "-D", standby.folder / "data", "-w", "promote"])
        after = wait_for(lambda: producer.position() if producer.position()[1] == 3 else None, 60, f"the lower position; {ingest.log()}")[0]
        assert after.split("-")[0] == before.split("-")[0] and int(after.split("-")[1]) > int(before.split("-")[1]), "another timeline"
        producer.send(*producer.frames, producer.make())  # as a tracker does that sees it
        loaded_once(there, producer)
        there.close()
    finally:
        standby.stop("immediate")
