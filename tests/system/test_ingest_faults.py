"""ingest while things die: whatever is killed, nothing disappears and nothing counts twice."""
import os
import random
import signal
import time

import psycopg2
import pytest
import redis

import frames
from conftest import wait_for
from frames import Producer, hit
from ingest import ingest, new_ingest, producer, row, settled  # noqa: F401 (fixtures)


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


def sent_until_stored(postgres, producer):
    """A killed Redis may have lost its last second, and a tracker sends that again."""
    last = (row(postgres, producer) or (0,))[0]
    if last < len(producer.frames) and producer.redis.xlen(producer.key) == 0:
        producer.send(*producer.frames[last:])
    return last == len(producer.frames)


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
        wait_for(lambda p=producer: sent_until_stored(postgres, p), what="all frames")
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


def test_redis_away_keeps_the_shard(new_ingest, postgres, producer, redis_server):
    """Without Redis the owner has nothing to do, but its session must not become idle and end."""
    new_ingest().start()
    producer.send(producer.make())
    settled(postgres, producer, (1, 3, 3, 0, 0, False))
    watcher = psycopg2.connect(postgres.cluster.conninfo(postgres.name))
    watcher.autocommit = True
    cursor = watcher.cursor()
    redis_server.kill()
    cursor.execute("select now()")
    killed_at = cursor.fetchone()[0]

    def statements_since():
        cursor.execute("select count(*) from pg_stat_activity join clickledger.shard_lock using (pid)"
                       " where kind = 'shard' and query_start > %s + interval '2 s'", [killed_at])
        return cursor.fetchone()[0]

    wait_for(statements_since, what="a sign of life")
    watcher.close()
    redis_server.start()
    producer.send(producer.make())
    settled(postgres, producer, (2, 6, 6, 0, 0, False))


def test_postgres_put_back(new_ingest, postgres, producer):
    """A position that Redis knows and PostgreSQL has not: a new generation, and the frames are loaded again."""
    ingest = new_ingest().start()
    made = [producer.make() for _ in range(3)]
    producer.send(*made)
    settled(postgres, producer, (3, 9, 9, 0, 0, False))
    before = wait_for(lambda: (at := producer.position()) and at[1] == 3 and at)[0]
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
