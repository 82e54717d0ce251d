"""Large loads: one transaction, and clicks in a part of their day with indexes of its own; or, where that cannot be, as if they were few."""
import contextlib
import time

import psycopg2
import pytest

import frames
from conftest import wait_for
from frames import IMPRESSION, VISITOR, hit, new_id
from ingest import DAY_MS, letters, new_ingest, producer, row, settled  # noqa: F401 (fixtures)
from ports import free_port
from test_partitions import BOT, Metrics, state_of, try_again

FRAME = 50  # clicks
LARGE = 300
SETTINGS = {"large_hits": LARGE, "load_hits": 2 * FRAME, "read_entries": 3}



@pytest.fixture
def large(new_ingest, postgres):
    """An ingest that calls LARGE hits many; it reads three frames and takes two of them for a piece. It begins when it is started."""
    metrics = Metrics(free_port())
    ingest = new_ingest(admin_port=metrics.port, partition_look="200ms", **SETTINGS)
    ingest.metrics = metrics
    yield ingest
    assert postgres.query("select * from conservation where not holds") == []
    assert postgres.query("select * from conservation_alarm") == []


def parts(postgres):
    return [name for name, in postgres.query("select partition_name('click', day) || '_' || number from click_part order by 1")]


def fill(producer, n=LARGE // FRAME, **more):
    """So many frames, all of whose clicks are by visitors of their own."""
    made = [producer.make([hit(fields={VISITOR: new_id()}, **more) for _ in range(FRAME)]) for _ in range(n)]
    producer.send(*made)
    return made


def ms_of(record):
    """The time in the id of a record."""
    return int.from_bytes(record[5:11], "big")


@contextlib.contextmanager
def session(postgres, *statements):
    """Another one, in the middle of its transaction."""
    with contextlib.closing(psycopg2.connect(postgres.conninfo(), options="-c search_path=clickledger")) as other:
        for statement in statements:
            other.cursor().execute(statement)
        yield


def waits_for(postgres, table):
    waiting = "select count(*) from pg_locks where not granted and relation = %s::regclass"
    wait_for(lambda: postgres.value(waiting, [table]), what=f"the load to wait for {table}")


def divided(ingest):
    return ingest.process.log().count("ingest.large_load_divided")


def test_a_part_of_its_day(large, postgres, producer):
    """Found by both indexes, counted, and shared with nobody: the next clicks go where they always go."""
    made = fill(producer)
    others = producer.make([hit(IMPRESSION) for _ in range(3)])
    producer.send(others)
    large.start()
    settled(postgres, producer, (7, 303, 303, 0, 0, False))
    large.drain()
    name, = parts(postgres)
    (rows, numbers), = postgres.query(f"select count(*), count(distinct part) from {name} where part > 0")
    assert rows >= LARGE - 2 * FRAME and numbers == 1  # its first piece may have found somebody who settles
    assert postgres.value("select sum(clicks) from click_hourly") == 300
    assert postgres.query("select regexp_replace(indexdef, 'click_\\d+_\\d+', 'click', 'g') from pg_indexes where tablename = %s order by 1", [name]) == (
        postgres.query("select regexp_replace(indexdef, 'click_\\d+_\\d+', 'click', 'g') from pg_indexes where tablename = %s order by 1",
                       [name.rpartition("_")[0] + "_0"]))
    visitor = made[3].records[7].partition(bytes([VISITOR, 16]))[2][:16].hex()
    postgres.query("set enable_seqscan = off")
    asked = f"select count(*) from click where visitor_id = '{visitor}'"
    assert postgres.value(asked) == 1
    assert "Seq Scan" not in str(postgres.query("explain " + asked))
    producer.send(producer.make())
    settled(postgres, producer, (8, 306, 306, 0, 0, False))
    assert postgres.value("select count(*) from click where part = 0") == 303 - rows
    large.metrics.wait(loads_large_total=1, shards_owned=1)
    assert parts(postgres) == [name] and divided(large) == 0


def test_fewer_than_they_seemed(large, postgres, producer):
    """By the first frames more seem to wait; the load ends when nothing comes any more, be it with a full read."""
    producer.send(*[producer.make(90) for _ in range(3)], *[producer.make(1) for _ in range(3)])
    large.start()
    settled(postgres, producer, (6, 273, 273, 0, 0, False))
    large.drain()
    assert len(parts(postgres)) == 1 and postgres.value("select count(*) from click where part > 0") >= 273 - 90


def test_few_do_not(large, postgres, producer):
    fill(producer, LARGE // FRAME // 2 - 1)
    large.start()
    settled(postgres, producer, (2, 100, 100, 0, 0, False))
    assert parts(postgres) == [] and large.metrics.value("loads_large_total") == 0


def test_never(new_ingest, postgres, producer):
    fill(producer)
    new_ingest(**{**SETTINGS, "large_hits": 0}).start()
    settled(postgres, producer, (6, 300, 300, 0, 0, False))
    assert parts(postgres) == []


def test_many_producers(large, postgres, redis_server):
    """More than one load may have, known piece by piece."""
    made = [frames.Producer(redis_server.client) for _ in range(80)]
    for one in made:
        fill(one, 1, klass=BOT)
    large.start()
    for one in made:
        settled(postgres, one, (1, FRAME, FRAME, 0, 0, False))
    assert postgres.value("select count(*) from click where part > 0") >= LARGE and divided(large) == 0


def test_redis_goes_away(large, postgres, producer, redis_server):
    """What was taken and not committed is read again, and the part that was begun is not the one that stays."""
    fill(producer, klass=BOT)
    with session(postgres, "lock table click_hourly in exclusive mode"):
        large.start()
        waits_for(postgres, "click_hourly")
        redis_server.client.client_kill_filter(_type="normal", skipme=True)
    settled(postgres, producer, (6, 300, 300, 0, 0, False))
    assert postgres.query("select count(*), count(distinct click_id) from click") == [(300, 300)]
    assert postgres.query("select * from click_part where number = 1") == []


def test_what_waits_goes_away(large, postgres, producer, redis_server):
    """Somebody empties the stream: the load does not stay open for what will not come."""
    made = fill(producer, klass=BOT)
    with session(postgres, "lock table click_hourly in exclusive mode"):
        large.start()
        waits_for(postgres, "click_hourly")
        redis_server.client.xtrim(producer.key, maxlen=0, approximate=False)
    settled(postgres, producer, (3, 150, 150, 0, 0, False))
    assert len(parts(postgres)) == 1
    producer.send(*made[3:])
    settled(postgres, producer, (6, 300, 300, 0, 0, False))


def test_a_row_that_is_refused(large, postgres, producer):
    """It is set aside, the others are a part all the same."""
    fill(producer, 3)
    day = int(time.time() * 1000) - 500 * DAY_MS
    producer.send(producer.make([hit(), hit(ms=day), hit()]))
    postgres.query("alter table click add check (sub1 is distinct from 'poison')")
    producer.send(producer.make([hit(fields={frames.SUB1: b"poison"})]))
    fill(producer, 3)
    large.start()
    settled(postgres, producer, (8, 304, 302, 2, 0, False))
    assert letters(postgres) == [("hit", 1, 4), ("row", 1, 5)]
    assert len(parts(postgres)) == 1 and divided(large) == 0


def test_an_id_that_stands_in_it_twice(large, postgres, producer):
    """The load is divided, its rows go in and the second of them is set aside; for a minute no other load is large."""
    twice = hit()
    fill(producer, 2)
    producer.send(producer.make([twice]))
    fill(producer, 4)
    producer.send(producer.make([twice]))
    fill(producer, 2)
    large.start()
    settled(postgres, producer, (10, 402, 401, 1, 0, False))
    assert letters(postgres) == [("conflict", 1, 8)]
    assert parts(postgres) == [] and divided(large) == 1
    assert postgres.value("select count(*) from pg_class where relname ~ '^click_\\d{8}_[1-9]'") == 0
    fill(producer)
    settled(postgres, producer, (16, 702, 701, 1, 0, False))
    assert parts(postgres) == [] and divided(large) == 1


def test_clicks_of_two_days(large, postgres, producer):
    yesterday = int(time.time() * 1000) - DAY_MS
    fill(producer, 4)
    fill(producer, 4, ms=yesterday)
    large.start()
    settled(postgres, producer, (8, 400, 400, 0, 0, False))
    assert parts(postgres) == [] and divided(large) >= 1
    assert state_of(postgres, "click", 1)[1] >= 1


def test_both_days_in_one_frame(large, postgres, producer):
    """Nothing of a large load goes through the table: it would hold both days for as long as it is open."""
    yesterday = int(time.time() * 1000) - DAY_MS
    producer.send(producer.make([hit(), hit(ms=yesterday)]))
    fill(producer)
    large.start()
    settled(postgres, producer, (7, 302, 302, 0, 0, False))
    assert divided(large) == 1


def test_a_day_that_is_missing(large, postgres, producer):
    """Of another kind of hit in a later piece: it is made, and the next load may be large soon."""
    fill(producer, 4)
    producer.send(producer.make([hit(IMPRESSION, ms=int(time.time() * 1000) - 30 * DAY_MS)]))
    fill(producer, 4)
    large.start()
    settled(postgres, producer, (9, 401, 401, 0, 0, False))
    assert divided(large) == 1 and postgres.value("select count(*) from impression") == 1


def test_an_id_that_stands_in_a_part(large, postgres, producer, redis_server):
    """A small load finds it: hits of a fork that are there go in from another producer."""
    made = fill(producer)
    large.start()
    settled(postgres, producer, (6, 300, 300, 0, 0, False))
    assert len(parts(postgres)) == 1
    other = frames.Producer(redis_server.client)
    new = hit(fields={VISITOR: new_id()}, ms=ms_of(made[2].records[5]))
    other.send(other.make([new, made[2].records[5], made[2].records[6]]))
    settled(postgres, other, (1, 3, 1, 2, 0, False))
    assert letters(postgres) == [("conflict", 1, 1)] * 2
    assert postgres.query("select count(*), count(distinct click_id) from click") == [(301, 301)]


def test_a_day_that_is_not_divided(large, postgres, producer):
    """Those that had rows before days were divided stay as they are."""
    postgres.query("select partition_ensure(current_date, current_date)")
    today = postgres.value("select partition_name('click', current_date)")
    postgres.query(f"drop table {today}")
    postgres.query(f"create table {today} (like click including defaults)")
    postgres.query(f"grant insert on {today} to cl_ingest")
    postgres.query(f"select click_index('{today}')")
    postgres.query(f"alter table click attach partition {today} for values from (current_date::timestamp at time zone 'UTC')"
                   " to ((current_date + 1)::timestamp at time zone 'UTC')")
    fill(producer)
    large.start()
    settled(postgres, producer, (6, 300, 300, 0, 0, False))
    assert divided(large) == 1 and postgres.value(f"select count(*) from {today}") == 300


def test_a_day_that_is_over(large, postgres, producer):
    """It is open again, sealed with all of its parts, and detached with them."""
    postgres.query("update hit_retention set keep_days = null")
    fill(producer, ms=int(time.time() * 1000) - 5 * DAY_MS)
    large.start()
    settled(postgres, producer, (6, 300, 300, 0, 0, False))
    part, = parts(postgres)
    try_again(postgres)  # perhaps it was sealed when it was made
    wait_for(lambda: state_of(postgres, "click", 5) == (300, 1, False), what="a sealed day")
    producer.send(producer.make([hit(ms=int(time.time() * 1000) - 5 * DAY_MS)]))
    settled(postgres, producer, (7, 301, 301, 0, 0, False))
    try_again(postgres)
    wait_for(lambda: state_of(postgres, "click", 5) == (301, 2, False), what="a day that is sealed again")
    assert postgres.value(f"select 'autovacuum_freeze_min_age=0' = any (reloptions) from pg_class where oid = '{part}'::regclass")
    day = postgres.value("select current_date - 5")
    postgres.query("select partition_detach('click', %s)", [day])
    assert postgres.value("select count(*) from click") == 0
    assert postgres.value(f"select count(*) from clickledger_detached.click_{day:%Y%m%d}") == 301
    assert postgres.value("select count(*) from pg_class where relnamespace = 'clickledger'::regnamespace and relname like %s", [f"click_{day:%Y%m%d}%"]) == 0
    assert postgres.query("select * from conservation where not holds") == []


def test_killed_in_the_middle(large, postgres, producer):
    """It waits for readers of its day, because their plans do not know its part. Nothing of it stays, and nothing is missing."""
    postgres.query("select partition_ensure(current_date, current_date)")
    fill(producer)
    with session(postgres, "select count(*) from click"):
        large.start()
        waits_for(postgres, postgres.value("select partition_name('click', current_date)"))
        assert row(postgres, producer) is None
        large.process.kill()
    wait_for(lambda: postgres.value("select count(*) from pg_class where relname ~ '^click_\\d{8}_[1-9]'") == 0, what="its table to go")
    assert postgres.value("select count(*) from click") == 0 and not large.stream_is_empty()
    large.start()
    settled(postgres, producer, (6, 300, 300, 0, 0, False))
    assert postgres.value("select count(*) from click") == 300 and len(parts(postgres)) == 1


def test_a_reader_who_stays(large, postgres, producer):
    """After a while the load is divided."""
    postgres.query("select partition_ensure(current_date, current_date)")
    fill(producer)
    with session(postgres, "select count(*) from click"):
        large.start()
        settled(postgres, producer, (6, 300, 300, 0, 0, False))
        assert parts(postgres) == [] and divided(large) == 1


def test_somebody_settles(large, postgres, producer):
    """They read days for long, under a lock that large loads share: neither waits for the other."""
    fill(producer)
    with session(postgres, "select pg_advisory_lock(25454, 0)"):
        large.start()
        settled(postgres, producer, (6, 300, 300, 0, 0, False))
        assert parts(postgres) == [] and divided(large) == 0
    large.process.stop()
    fill(producer, klass=BOT)
    large.start()
    settled(postgres, producer, (12, 600, 600, 0, 0, False))
    assert len(parts(postgres)) == 1


def test_two_at_once(large, new_ingest, postgres, redis_server):
    """Parts of one day by two shards, each its own."""
    postgres.query("insert into shard (id) values (0), (1)")
    both = [frames.Producer(redis_server.client, shard) for shard in (0, 1)]
    for one in both:
        fill(one, 20, klass=BOT)
    large.start()
    new_ingest("other", **SETTINGS).start()
    for one in both:
        settled(postgres, one, (20, 1000, 1000, 0, 0, False))
    assert len(parts(postgres)) >= 2
    assert postgres.query("select count(*), count(distinct click_id) from click") == [(2000, 2000)]
    assert postgres.query("select part from click where part > 0 group by part having count(distinct producer) > 1") == []
