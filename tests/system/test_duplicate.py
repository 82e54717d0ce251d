"""Duplicates by event order: the same answer for every order of arrival, and what follows a class."""
import random
import subprocess
import uuid
from datetime import timedelta

import psycopg2
import pytest

import frames
from clicks import Click, load, look_again, settle
from conftest import wait_for
from frames import Producer, hit
from ingest import ingest, new_ingest, row  # noqa: F401 pylint: disable=unused-import
from rollups import clicks_differ, sketches_differ
from shop import ATTRIB, T0, Shop, ms_of

ORDERS = 12
CLICKS = 90


def outcomes(database, shop):
    return database.query("select click_id, class::text, reason, duplicate_of from click where program_id = %s order by click_id",
                          [shop.program])


def some_clicks(chance, link):
    """Clicks of a few people on two links: most of them close together, some of one millisecond, some a window apart to the ms."""
    visitors = [str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(4)]
    times = [T0 + timedelta(milliseconds=chance.choice([0, 1, 59999, 60000, 60001, chance.randrange(600000)])) for _ in range(CLICKS // 2)]
    times += [at + timedelta(milliseconds=chance.choice([0, 1, 60000, 60001, chance.randrange(70000)])) for at in times]
    return [Click(at, link + chance.randrange(2), chance.choice([None, None, *visitors]), chance.choice([None, 1, 2, 3]),
                  chance.choice("ab"), chance.choice(["human"] * 5 + ["bot"])) for at in times]


def test_the_order_of_arrival_does_not_matter(postgres):
    """The same clicks in many orders, in loads of any size, settled now and then: always what all pairs say."""
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    expected, shops = {}, {}
    for n in range(ORDERS):
        shop = shops[n] = Shop(postgres, f"shop{n}")
        clicks = some_clicks(chance, 1 + 2 * n)
        expected[n] = sorted(click.outcome(clicks) for click in clicks)
        chance.shuffle(clicks)
        while clicks:
            size = chance.choice([1, 1, 2, 3, 10])
            load(postgres, shop, clicks[:size])
            clicks = clicks[size:]
            if chance.random() < 0.4:
                settle(postgres, chance.choice([1, 20, 1000]))
    while settle(postgres)[0]:
        pass
    for n, shop in shops.items():
        assert outcomes(postgres, shop) == expected[n], f"seed {seed}, order {n}"
    reasons = {reason for rows in expected.values() for _, _, reason, _ in rows}
    assert reasons == {"none", "same_visitor", "same_address"}
    assert clicks_differ(postgres.query) == []
    assert sketches_differ(postgres.query) == []
    look_again(postgres)
    assert settle(postgres) == (1, 0), "settling again changes nothing"


def test_the_window_of_the_programme(postgres):
    shop = Shop(postgres)
    visitor = str(uuid.uuid4())
    clicks = [Click(T0 + timedelta(seconds=s), 1, visitor) for s in (0, 10, 100)]
    postgres.query("update program set duplicate_window_seconds = 0")
    load(postgres, shop, clicks)
    assert settle(postgres) == (1, 0)
    postgres.query("update program set duplicate_window_seconds = 90")
    look_again(postgres)
    assert settle(postgres) == (1, 2)
    with pytest.raises(Exception, match="duplicate_window_seconds"):
        postgres.query("update program set duplicate_window_seconds = 86401")


def test_one_settles_at_a_time(postgres):
    shop = Shop(postgres)
    load(postgres, shop, [Click(T0, 1)])
    other = psycopg2.connect(postgres.conninfo())
    other.cursor().execute("select pg_advisory_lock(25454, 0)")
    assert settle(postgres) == (-1, 0)
    other.close()
    wait_for(lambda: settle(postgres) == (1, 0), what="the lock of a session that has ended")


def test_a_duplicate_is_not_credited(postgres):
    """Told first, the second click earns; found to repeat one that came late, it does not, and what it repeats does."""
    shop = Shop(postgres)
    visitor = str(uuid.uuid4())
    first, second = Click(T0, 1, visitor), Click(T0 + timedelta(seconds=30), 1, visitor)
    load(postgres, shop, [second])
    shop.load_touch(T0 + timedelta(seconds=30))
    settle(postgres)
    shop.report(T0 + timedelta(hours=1), "o1", click_id=second.id, amount_minor=1000)
    shop.attribute()
    assert postgres.query("select touch_id from credit") == [(second.id,)]
    load(postgres, shop, [first])
    assert settle(postgres) == (1, 1)
    shop.attribute()
    assert postgres.query("select touch_id from credit") == [(first.id,)]
    assert shop.commissions() == [(shop.anna, 100, "pending")]
    assert clicks_differ(postgres.query) == []


def test_an_order_of_a_duplicate_is_the_originals(postgres):
    """Without a visitor: the click that the order names repeats another one, which earns; and so does an earlier one that comes late."""
    shop = Shop(postgres)
    last, middle, first = (Click(T0 + timedelta(seconds=s), 1, None, 7) for s in (90, 45, 0))
    load(postgres, shop, [middle, last])
    settle(postgres)
    shop.report(T0 + timedelta(hours=1), "o1", click_id=last.id, amount_minor=1000)
    shop.attribute()
    assert postgres.query("select touch_id from credit") == [(middle.id,)]
    load(postgres, shop, [first])
    settle(postgres)
    shop.attribute()
    assert postgres.query("select touch_id from credit") == [(first.id,)]
    subprocess.run([ATTRIB, "credit", "--from", "2026-03-01", "--to", "2026-04-01"], check=True, timeout=60,
                   env={"CLICKLEDGER_POSTGRES_CONNINFO": postgres.conninfo("cl_attrib")})
    assert postgres.query("select touch_id from credit") == [(first.id,)], "a whole period in one pass says the same"
    shop.attribute()
    assert [touch["verdict"] for touch in postgres.value("select body->'touches' from explanation")] == ["ineligible", "won"]
    postgres.query("update click set class = 'bot', reason = 'ua_bot' where click_id = %s", [first.id])
    look_again(postgres)
    settle(postgres)
    shop.attribute()
    assert postgres.query("select touch_id from credit") == [(middle.id,)]
    assert shop.commissions() == [(shop.anna, 100, "pending")]


@pytest.mark.parametrize("count, apart_s", [(2500, 1), (60, 7200), (4, 86400)])
def test_an_original_far_back(postgres, count, apart_s):
    """Who goes on clicking makes a long chain, over days; its begin is found all the same."""
    shop = Shop(postgres)
    postgres.query("update program set duplicate_window_seconds = 86400")
    clicks = [Click(T0 + timedelta(seconds=n * apart_s), 1, None, 7) for n in range(count)]
    load(postgres, shop, clicks)
    assert settle(postgres)[1] == count - 1
    for n in range(0, count, count // 4):
        assert postgres.value("select click_original(%s)", [clicks[n].id]) == clicks[0].id
    assert postgres.value("select click_original(%s)", [clicks[-1].id]) == clicks[0].id
    postgres.query("update click set class = 'bot', reason = 'ua_bot', duplicate_of = null where click_id = %s", [clicks[0].id])
    assert postgres.value("select click_original(%s)", [clicks[-1].id]) is None


def test_the_class_moves_the_rollup(postgres):
    """Whatever changes a class: the rollup follows in the same transaction, and attrib hears."""
    shop = Shop(postgres)
    load(postgres, shop, [Click(T0, 1), Click(T0 + timedelta(hours=2), 1)])
    postgres.query("delete from touch_batch")
    postgres.query("update click set class = 'bot', reason = 'ua_bot'")
    assert clicks_differ(postgres.query) == []
    assert postgres.query("select shard, from_ts, to_ts from touch_batch order by from_ts") == [
        (None, ms_of(at), ms_of(at)) for at in (T0, T0 + timedelta(hours=2))]
    postgres.query("delete from touch_batch")
    postgres.query("update click set sub1 = 'x'")
    assert postgres.value("select count(*) from touch_batch") == 0


def test_through_ingest(new_ingest, postgres, redis_server):  # noqa: F811
    """Two shards, the later click first, frames sent again: one human, the others duplicates."""
    shop = Shop(postgres)
    postgres.query("select shard_count_set(2)")
    runs = new_ingest().start()
    clock = postgres.value("select (extract(epoch from now()) * 1000)::bigint")
    near = {frames.USER_AGENT: b"Mozilla/5.0", frames.ADDRESS_HASH: b"12345678"}

    def click(ms, **more):
        return hit(ms=clock + ms, program=shop.program, partner=shop.anna, link=7, fields={**near, **more.pop("fields", {})}, **more)

    one, two = Producer(redis_server.client, 0), Producer(redis_server.client, 1)
    two.send(two.make([click(20000), click(20001, fields={frames.USER_AGENT: b"another"})]))
    wait_for(lambda: row(postgres, two), what="the later clicks")
    one.send(one.make([click(0), click(1, klass=2, reason=2)]))
    one.send(one.frames[0])
    two.send(two.frames[0])

    def classes():
        return postgres.query("select class::text, reason, duplicate_of is not null from click order by click_id")

    expected = [("human", "none", False), ("bot", "ua_bot", False), ("duplicate", "same_address", True), ("human", "none", False)]
    wait_for(lambda: classes() == expected, 60, f"the classes, now {classes()}; {runs.log()}")
    assert clicks_differ(postgres.query) == []
    wait_for(lambda: postgres.value("select sketch_count(bit_or(sketch)) from unique_hourly") == 2, 60, "the unique visitors")
