"""ingest with a real Redis and a real PostgreSQL: every row of "Applying a frame", and what happens when things die."""
import json
import os
import random
import signal
import subprocess
import time
import urllib.request

import psycopg2
import pytest
import redis

import frames
from conftest import BUILD, wait_for
from frames import CLICK, END, HOLE, REPORT, UNJOURNALED, Producer, hit

INGEST = BUILD / "ingest/clickledger-ingest"
DAY_MS = 86400000


class Ingest:
    def __init__(self, spawn, postgres, redis_server, tmp_path, name="ingest", **settings):
        self.spawn, self.postgres, self.redis = spawn, postgres, redis_server.client
        self.config = tmp_path / f"{name}.conf"
        lines = "\n".join(f"{k} = {v}" for k, v in {"admin_port": 0, **settings}.items())
        self.config.write_text(f"[redis]\naddress = {redis_server.socket}\n"
                               f"[postgres]\nconninfo = {postgres.conninfo('cl_ingest')}\n[ingest]\n{lines}\n")
        self.process = None

    def start(self):
        self.process = self.spawn(INGEST, "--config", self.config)
        return self

    def stream_is_empty(self, shard=0):
        return self.redis.xlen(f"cl:hits:{{{shard}}}") == 0

    def drain(self, limit_s=20):
        wait_for(self.stream_is_empty, limit_s, f"an empty stream; {self.log()}")

    def log(self):
        return self.process.log()[-3000:] if self.process else ""


@pytest.fixture
def new_ingest(spawn, postgres, redis_server, tmp_path):
    def make(name="ingest", **settings):
        return Ingest(spawn, postgres, redis_server, tmp_path, name, **settings)

    return make


@pytest.fixture
def ingest(new_ingest, postgres):
    """A running ingest; at the end nothing may have disappeared."""
    ingest = new_ingest().start()
    yield ingest
    assert postgres.query("select * from conservation where not holds") == []
    assert ingest.process.stop() == 0


@pytest.fixture
def producer(redis_server):
    return Producer(redis_server.client)


def row(postgres, producer):
    """(last_seq, hits, stored, dead, lost, ended)"""
    rows = postgres.query("select last_seq, hits, stored, dead, lost, ended from producer where producer = %s", [producer.uuid])
    return rows[0] if rows else None


def settled(postgres, producer, expected):
    wait_for(lambda: row(postgres, producer) == expected, what=f"{expected}, now {row(postgres, producer)}")


def letters(postgres):
    return postgres.query("select kind, hits, seq from dead_letter order by id")


def test_in_order(ingest, postgres, producer):
    reports = [hit(REPORT, fields={frames.REPORT_ORDER_ID: b"A1", frames.REPORT_AMOUNT_MINOR: (500).to_bytes(8, "little")}),
               hit(REPORT, reason=14, fields={frames.REPORT_ORDER_ID: b"A2", frames.REPORT_INTEGRATION: b"\x05"})]
    others = [hit(kind) for kind in (frames.IMPRESSION, frames.VISIT, frames.PROMO_ENTRY)]
    producer.send(producer.make(), producer.make(reports + others), producer.make(4))
    settled(postgres, producer, (3, 12, 12, 0, 0, False))
    ingest.drain()
    assert postgres.value("select count(*) from click") == 7
    assert postgres.query("select source, order_id, amount_minor, verdict from conversion_report order by order_id") == [
        ("pixel", "A1", 500, None), ("postback", "A2", None, "amount_negative")]
    assert postgres.value("select sum(clicks) from click_hourly where partner_id = 2 and class = 'human'") == 7
    assert postgres.value("select count(*) from touch_batch") >= 1
    generation, last, want, evidence, ended = wait_for(producer.position)
    assert (last, want, evidence, ended) == (3, 0, "0-0", 0)
    assert generation == postgres.value("select system_identifier || '-1-0' from pg_control_system()")


def test_sent_again_is_dropped(ingest, postgres, producer):
    made = [producer.make() for _ in range(3)]
    producer.send(*made, *made, made[1])
    ingest.drain()
    assert row(postgres, producer) == (3, 9, 9, 0, 0, False)


def test_gap_that_can_be_filled(ingest, postgres, producer):
    made = [producer.make() for _ in range(4)]
    producer.send(made[0])
    evidence = producer.put(made[2].bytes())
    wait_for(lambda: producer.position() and producer.position()[1:4] == (1, 2, evidence), what="the want")
    ingest.drain()
    assert row(postgres, producer) == (1, 3, 3, 0, 0, False)
    producer.send(*made[1:])
    settled(postgres, producer, (4, 12, 12, 0, 0, False))
    wait_for(lambda: producer.position()[1:4] == (4, 0, "0-0"), what="the want to end")


def test_gap_that_nobody_can_fill_and_what_turns_up_late(ingest, postgres, producer):
    made = [producer.make(n) for n in (1, 2, 3, 4, 5)]
    producer.send(made[0])
    producer.send(made[4], base=5, before_base=10)
    settled(postgres, producer, (5, 15, 6, 0, 9, False))
    assert postgres.query("select from_seq, to_seq, hits, reason from lost_range") == [(2, 4, 9, "gap")]
    producer.send(made[2], made[2])
    settled(postgres, producer, (5, 15, 9, 0, 6, False))
    assert postgres.query("select from_seq, to_seq, hits from lost_range order by 1") == [(2, 2, 2), (4, 4, 4)]
    producer.send(made[1], made[3])
    settled(postgres, producer, (5, 15, 15, 0, 0, False))
    assert postgres.query("select * from lost_range") == []


def test_fork(ingest, postgres, producer):
    first = producer.make()
    twin = frames.Frame(producer.id, 2, 3, first.chain ^ 1, [hit()])
    producer.send(first, twin, twin)
    wait_for(lambda: letters(postgres) == [("fork", 1, 2)], what="one dead letter")
    producer.send(producer.make())
    settled(postgres, producer, (2, 6, 6, 0, 0, False))


def test_hole_and_end(ingest, postgres, producer):
    made = [producer.make(), producer.make(2), producer.make()]
    producer.send(made[0])
    producer.send(made[1], flags=HOLE)
    producer.send(made[2])
    end = producer.end()
    producer.send(end, end)
    settled(postgres, producer, (3, 8, 6, 0, 2, True))
    assert postgres.query("select from_seq, to_seq, hits, reason from lost_range") == [(2, 2, 2, "hole")]
    wait_for(lambda: producer.position()[4] == 1, what="the end to be published")


def test_unjournaled(ingest, postgres, producer):
    made = [producer.make(flags=UNJOURNALED) for _ in range(3)]
    producer.send(made[0])
    producer.send(made[2], base=3, before_base=6)
    settled(postgres, producer, (3, 9, 6, 0, 3, False))


def test_damaged_payload_then_a_good_one(ingest, postgres, producer):
    made = [producer.make(), producer.make()]
    damaged = bytearray(made[1].bytes())
    damaged[-1] ^= 1
    producer.send(made[0])
    evidence = producer.put(bytes(damaged))
    wait_for(lambda: producer.position() and producer.position()[1:4] == (1, 2, evidence), what="the want")
    assert letters(postgres) == [("payload", 0, 2)]
    producer.send(made[1])
    settled(postgres, producer, (2, 6, 6, 0, 0, False))


def test_bad_header(ingest, postgres, producer):
    frame = producer.make()
    bad = bytearray(frame.bytes())
    bad[30] ^= 1
    producer.put(bytes(bad))
    producer.put(b"short")
    producer.redis.xadd(producer.key, {"g": b"no frame"})
    producer.send(frame)
    settled(postgres, producer, (1, 3, 3, 0, 0, False))
    assert letters(postgres) == [("header", 0, None)] * 3


def test_unknown_version_stops(new_ingest, postgres, producer):
    ingest = new_ingest().start()
    good = producer.make()
    newer = bytearray(producer.make().bytes())
    newer[4] = 2
    producer.send(good)
    producer.put(frames.header_sum(bytes(newer[:88])) + bytes(newer[96:]))
    assert ingest.process.wait(20) == 3
    assert "frame_version_unknown" in ingest.log()
    assert row(postgres, producer) == (1, 3, 3, 0, 0, False)
    assert producer.redis.xlen(producer.key) == 1
    assert postgres.query("select * from conservation where not holds") == []


def test_undecodable_records(ingest, postgres, producer):
    records = [hit(), b"\x09" + hit()[1:], hit()]
    producer.send(producer.make(records))
    producer.send(producer.make([hit()], count=3))
    producer.send(producer.make([hit(), hit()], count=1))
    settled(postgres, producer, (3, 7, 4, 3, 0, False))
    assert letters(postgres) == [("hit", 1, 1), ("hit", 2, 2), ("hit", 0, 3)]


def test_old_and_absurd_times(ingest, postgres, producer):
    now = int(time.time() * 1000)
    producer.send(producer.make([hit(ms=now - 100 * DAY_MS), hit(ms=now - 300 * DAY_MS), hit(ms=now - 450 * DAY_MS),
                                 hit(ms=now + 4 * DAY_MS), hit(REPORT, ms=now - 450 * DAY_MS)]))
    settled(postgres, producer, (1, 5, 3, 2, 0, False))


def test_poison_row_among_a_thousand(ingest, postgres, producer):
    postgres.query("alter table click add constraint poison check (sub1 <> 'poison')")
    records = [hit() for _ in range(1000)]
    records[617] = hit(fields={frames.SUB1: b"poison"})
    records[3] = hit(fields={frames.SUB1: b"bad \xff\x00 bytes"})
    producer.send(producer.make(records), producer.make())
    settled(postgres, producer, (2, 1003, 1002, 1, 0, False))
    assert letters(postgres) == [("row", 1, 1)]
    assert bytes(postgres.value("select bytes from dead_letter")) == records[617]
    assert postgres.value("select sum(clicks) from click_hourly") == 1002
    assert postgres.value("select count(*) from click where sub1 = E'bad \\uFFFD\\uFFFD bytes'") == 1


def test_same_id_twice(ingest, postgres, producer):
    there = frames.new_id()
    producer.send(producer.make([hit(hit_id=there), hit()]))
    producer.send(producer.make([hit(hit_id=there), hit(hit_id=there, partner=9), hit()]))
    settled(postgres, producer, (2, 5, 3, 2, 0, False))
    assert postgres.query("select kind, reason from dead_letter order by reason") == [
        ("conflict", "the id is there, with other content"), ("conflict", "the id is there, with the same content")]


def test_a_producer_stays_on_its_shard(new_ingest, postgres, redis_server):
    new_ingest(shards=2).start()
    producer = Producer(redis_server.client)
    producer.send(producer.make())
    settled(postgres, producer, (1, 3, 3, 0, 0, False))
    producer.shard = 1
    producer.send(producer.make())
    wait_for(lambda: letters(postgres) == [("fork", 3, 2)], what="the letter")
    assert row(postgres, producer) == (1, 3, 3, 0, 0, False)
    assert postgres.query("select * from conservation where not holds") == []


def test_many_producers_in_one_read(ingest, postgres, redis_server):
    producers = [Producer(redis_server.client) for _ in range(150)]
    for _ in range(2):
        for producer in producers:
            producer.send(producer.make(1))
    ingest.drain()
    assert postgres.query("select count(*), min(last_seq), sum(stored) from producer") == [(150, 2, 300)]


def test_redis_flushed_and_restarted(ingest, postgres, producer, redis_server):
    made = [producer.make() for _ in range(6)]
    producer.send(*made[:2])
    settled(postgres, producer, (2, 6, 6, 0, 0, False))
    redis_server.client.flushall()
    wait_for(lambda: producer.position() and producer.position()[1] == 2, what="the position to come back")
    producer.send(made[2])
    settled(postgres, producer, (3, 9, 9, 0, 0, False))
    redis_server.kill()
    (redis_server.folder / "appendonlydir").rename(redis_server.folder / "gone")
    redis_server.start()
    producer.send(*made[2:])
    settled(postgres, producer, (6, 18, 18, 0, 0, False))
    wait_for(lambda: producer.position() and producer.position()[1] == 6, what="the position to come back")


def test_stream_ids_that_go_back(ingest, postgres, producer, redis_server):
    made = [producer.make() for _ in range(2)]
    producer.redis.xadd(producer.key, {"f": made[0].bytes()}, id="9000000000000-1")
    settled(postgres, producer, (1, 3, 3, 0, 0, False))
    ingest.drain()
    redis_server.client.delete(producer.key)
    producer.send(made[1])
    settled(postgres, producer, (2, 6, 6, 0, 0, False))


def test_redis_full(new_ingest, postgres, producer, redis_server):
    """No position can be written, but what is deleted makes room for them."""
    for _ in range(100):
        producer.send(producer.make([hit(fields={frames.SUB1: os.urandom(2000)}) for _ in range(40)]))
    redis_server.client.config_set("maxmemory", redis_server.client.info("memory")["used_memory"] - 3000000)
    with pytest.raises(redis.exceptions.ResponseError, match="maxmemory"):
        redis_server.client.set("a", "b")
    ingest = new_ingest(load_hits=100).start()
    settled(postgres, producer, (100, 4000, 4000, 0, 0, False))
    wait_for(lambda: producer.position() and producer.position()[1] == 100, what=f"the position; {ingest.log()}")
    assert "redis_full" in ingest.process.log()
    assert postgres.query("select * from conservation where not holds") == []


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_postgres_restarts(ingest, postgres, producer, mode):
    producer.send(producer.make())
    settled(postgres, producer, (1, 3, 3, 0, 0, False))
    postgres.close()
    postgres.cluster.restart(mode)
    producer.send(producer.make(), producer.make())
    settled(postgres, producer, (3, 9, 9, 0, 0, False))


def test_locked_table(ingest, postgres, producer):
    producer.send(producer.make())
    settled(postgres, producer, (1, 3, 3, 0, 0, False))
    other = psycopg2.connect(postgres.conninfo())
    other.cursor().execute("lock table clickledger.click in access exclusive mode")
    producer.send(producer.make())
    wait_for(lambda: "load_failed" in ingest.process.log(), what="a failed load")
    other.close()
    settled(postgres, producer, (2, 6, 6, 0, 0, False))


def kill_and_restart(ingest, postgres, producer, rng, pause_s):
    """Kills at random moments while frames arrive and are sent again; then all must be there once."""
    ingest.start()
    for _ in range(12):
        made = [producer.make(rng.randrange(1, 60)) for _ in range(rng.randrange(1, 12))]
        producer.send(*made)
        if rng.random() < 0.5:
            producer.send(*made)
        time.sleep(rng.random() * pause_s)
        ingest.process.kill()
        ingest.start()
    settled(postgres, producer, (len(producer.frames), producer.hits, producer.hits, 0, 0, False))
    assert postgres.value("select count(distinct click_id) from click") == producer.hits
    assert postgres.value("select sum(clicks) from click_hourly") == producer.hits


def test_killed_at_random(new_ingest, postgres, producer):
    seed = int(os.environ.get("SEED", time.time()))
    print(f"SEED={seed}")
    kill_and_restart(new_ingest(), postgres, producer, random.Random(seed), 0.15)
    assert postgres.query("select * from conservation where not holds") == []


def test_everything_dies(new_ingest, postgres, redis_server):
    """Two ingests, three producers; ingest, its connections, Redis and PostgreSQL die in random order."""
    seed = int(os.environ.get("SEED", time.time()))
    print(f"SEED={seed}")
    rng = random.Random(seed)
    ingests = [new_ingest(f"ingest{i}", load_hits=200).start() for i in range(2)]
    producers = [Producer(redis_server.client) for _ in range(3)]

    def kill_ingest():
        victim = rng.choice(ingests)
        victim.process.kill()
        victim.start()

    def kill_redis():
        redis_server.kill()
        redis_server.start()

    def kill_postgres():
        postgres.close()
        postgres.cluster.restart("immediate")

    def kill_connections():
        postgres.cluster.execute("select pg_terminate_backend(pid) from pg_stat_activity"
                                 f" where datname = '{postgres.name}' and usename = 'cl_ingest'")

    for kill in rng.sample([kill_ingest] * 4 + [kill_redis] * 2 + [kill_postgres] * 2 + [kill_connections] * 3, 11):
        for producer in producers:
            made = [producer.make(rng.randrange(1, 40)) for _ in range(rng.randrange(1, 10))]
            producer.send(*made, *rng.sample(made, rng.randrange(len(made) + 1)))
        time.sleep(rng.random() * 0.2)
        kill()
    for producer in producers:
        settled(postgres, producer, (len(producer.frames), producer.hits, producer.hits, 0, 0, False))
        wait_for(lambda p=producer: p.position() and p.position()[1:3] == (len(p.frames), 0), what="the position")
    assert postgres.value("select sum(clicks) from click_hourly") == sum(p.hits for p in producers)
    assert postgres.query("select * from conservation where not holds") == []


def test_killed_before_commit(new_ingest, postgres, producer):
    """Held by a lock between COPY and COMMIT, then killed."""
    ingest = new_ingest().start()
    producer.send(producer.make())
    settled(postgres, producer, (1, 3, 3, 0, 0, False))
    other = psycopg2.connect(postgres.conninfo())
    other.cursor().execute("lock table clickledger.touch_batch in exclusive mode")
    producer.send(producer.make())
    waiting = "select count(*) from pg_locks where not granted and relation = 'clickledger.touch_batch'::regclass"
    wait_for(lambda: postgres.value(waiting), what="the load to wait behind its COPY")
    ingest.process.kill()
    other.close()
    ingest.start()
    settled(postgres, producer, (2, 6, 6, 0, 0, False))
    assert postgres.query("select * from conservation where not holds") == []


def test_killed_between_commit_and_publish(new_ingest, postgres, producer, redis_server):
    """Redis dies while the load runs, so that nothing can be published; then ingest is killed."""
    ingest = new_ingest().start()
    producer.send(producer.make())
    settled(postgres, producer, (1, 3, 3, 0, 0, False))
    wait_for(lambda: producer.position() and producer.position()[1] == 1)
    other = psycopg2.connect(postgres.conninfo())
    other.cursor().execute("lock table clickledger.touch_batch in exclusive mode")
    producer.send(producer.make())
    waiting = "select count(*) from pg_locks where not granted and relation = 'clickledger.touch_batch'::regclass"
    wait_for(lambda: postgres.value(waiting), what="the load to wait behind its COPY")
    redis_server.kill()
    other.close()
    settled(postgres, producer, (2, 6, 6, 0, 0, False))
    ingest.process.kill()
    redis_server.start()
    assert producer.position()[1] == 1
    ingest.start()
    wait_for(lambda: producer.position()[1] == 2, what="the position at take-over")
    ingest.drain()
    assert row(postgres, producer) == (2, 6, 6, 0, 0, False)
    assert postgres.query("select * from conservation where not holds") == []


def test_two_ingests_one_frozen(new_ingest, postgres, producer):
    first, second = new_ingest("first").start(), new_ingest("second")
    producer.send(producer.make())
    settled(postgres, producer, (1, 3, 3, 0, 0, False))
    second.start()
    first.process.signal(signal.SIGSTOP)
    producer.send(producer.make())
    postgres.cluster.execute("select pg_terminate_backend(a.pid) from pg_stat_activity a join pg_locks l using (pid)"
                             f" where a.datname = '{postgres.name}' and l.locktype = 'advisory'")
    settled(postgres, producer, (2, 6, 6, 0, 0, False))
    first.process.signal(signal.SIGCONT)
    for _ in range(10):
        producer.send(producer.make())
    settled(postgres, producer, (12, 36, 36, 0, 0, False))
    wait_for(lambda: producer.position()[1] == 12)
    second.process.stop()
    producer.send(producer.make())
    settled(postgres, producer, (13, 39, 39, 0, 0, False))
    assert postgres.query("select * from conservation where not holds") == []


def test_postgres_put_back(new_ingest, postgres, producer):
    """A position that Redis knows and PostgreSQL has not: a new generation, and the frames are loaded again."""
    ingest = new_ingest().start()
    made = [producer.make() for _ in range(3)]
    producer.send(*made)
    settled(postgres, producer, (3, 9, 9, 0, 0, False))
    before = wait_for(lambda: producer.position() if producer.position()[1] == 3 else None)[0]
    ingest.process.stop()
    postgres.query("delete from click where seq > 1")
    postgres.query("update producer set last_seq = 1, hits = 3, stored = 3, last_chain = %s",
                   [made[0].chain - (1 << 64) if made[0].chain >> 63 else made[0].chain])
    ingest.start()
    after = wait_for(lambda: producer.position() if producer.position()[1] == 1 else None, what="the lower position")[0]
    assert after != before and after.rsplit("-", 1)[0] == before.rsplit("-", 1)[0]
    producer.send(*made)
    settled(postgres, producer, (3, 9, 9, 0, 0, False))
    assert postgres.query("select * from conservation where not holds") == []


def test_peek(new_ingest, producer):
    producer.send(producer.make([hit(fields={frames.VISITOR: b"\x11" * 16, frames.ADDRESS: b"\xc0\x00\x02\x01",
                                             frames.SUB1: b"a\"\xff\n"}), hit(REPORT)]))
    config = new_ingest().config
    out = subprocess.run([INGEST, "peek", "--config", config], check=True, stdout=subprocess.PIPE).stdout.decode()
    first, second = [json.loads(line) for line in out.splitlines()]
    assert (first["kind"], first["producer"], first["seq"], first["partner_id"]) == ("click", producer.id.hex(), 1, 2)
    assert (first["visitor"], first["address"], first["sub1"]) == (
        "11111111-1111-1111-1111-111111111111", "192.0.2.1", "a\"\ufffd\n")
    assert second["kind"] == "report"
    one = subprocess.run([INGEST, "--config", config, "peek", "--count", "1"], check=True, stdout=subprocess.PIPE).stdout
    assert len(one.splitlines()) == 1
    assert producer.redis.xlen(producer.key) == 1


def test_health_and_metrics(new_ingest, postgres, producer, redis_server):
    port = 20000 + os.getpid() % 20000
    new_ingest(admin_port=port).start()

    def get(path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""
        except OSError:
            return 0, ""

    wait_for(lambda: get("/healthz")[0] == 200, what="health")
    producer.send(producer.make())
    wait_for(lambda: 'clickledger_ingest_hits_stored_total{table="click"} 3' in get("/metrics")[1], what="the metric")
    redis_server.kill()
    wait_for(lambda: get("/healthz")[0] == 503, what="no health")
    redis_server.start()
    wait_for(lambda: get("/healthz")[0] == 200, what="health again")


def test_refuses_a_server_without_fsync(new_ingest, postgres):
    postgres.cluster.execute("alter system set fsync = off")
    postgres.cluster.execute("select pg_reload_conf()")
    try:
        ingest = new_ingest().start()
        wait_for(lambda: "fsync off" in ingest.process.log(), what="the sentence")
        assert postgres.value("select count(*) from shard") == 0
    finally:
        postgres.cluster.execute("alter system reset fsync")
        postgres.cluster.execute("select pg_reload_conf()")
    wait_for(lambda: postgres.value("select count(*) from shard") == 1, what="the take-over")
