"""Duplicates and unique visitors as ingest finds them, from what its loads noted: what all pairs and the rows say."""
import random
import struct
import uuid
from datetime import timedelta

import frames
from clicks import Click
from conftest import long, wait_for
from frames import Producer, hit
from ingest import new_ingest, row  # noqa: F401 pylint: disable=unused-import
from rollups import clicks_differ, sketches_differ
from shop import Shop

PEOPLE = 12
ROUNDS = 4
CLICKS = 80
LINKS = 4001  # SKETCHES_MAX of ingest/sketches.h, and one


def some_clicks(chance, begin):
    """Clicks of a few people on two links, close together; without a visitor, an address or both, and such of bots."""
    visitors = [str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(PEOPLE)]
    agents = ["a", "Mozilla/5.0 \xff\xe9", "b" * 300]
    return [Click(begin + timedelta(milliseconds=chance.choice([0, 1, 59999, 60000, 60001, chance.randrange(150000)])), 7 + chance.randrange(2),
                  chance.choice([None, None, *visitors]), chance.choice([None, *range(1, PEOPLE)]), chance.choice(agents),
                  chance.choice(["human"] * 5 + ["bot"])) for _ in range(ROUNDS * CLICKS)]


def record(shop, click):
    fields = {frames.USER_AGENT: click.agent.encode("latin-1")}
    if click.visitor:
        fields[frames.VISITOR] = uuid.UUID(click.visitor).bytes
    if click.address is not None:
        fields[frames.ADDRESS_HASH] = struct.pack("<q", click.address)
    return hit(hit_id=uuid.UUID(click.id).bytes, program=shop.program, partner=shop.anna, link=click.link, fields=fields,
               klass=1 if click.hit_class == "human" else 2, reason=0 if click.hit_class == "human" else 2)


@long("many loads; test_duplicate finds duplicates in every run")
def test_what_is_remembered(new_ingest, postgres, redis_server):  # noqa: F811
    """Clicks in any order through two shards; meanwhile another process settles, a command does, a class changes."""
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance, shop = random.Random(seed), Shop(postgres)
    postgres.query("select shard_count_set(2)")
    runs = new_ingest().start()
    begin = postgres.value("select date_trunc('hour', now()) - interval '1 minute'")  # some before, some behind a full hour
    clicks = some_clicks(chance, begin)
    chance.shuffle(clicks)
    producers = [Producer(redis_server.client, shard) for shard in (0, 1)]

    def settled():
        return postgres.value("select count(*) from click") == sent and postgres.value("select not exists (select from click_due)")

    sent = 0
    for number in range(ROUNDS):
        for producer in producers:
            part = clicks[sent:sent + CLICKS // 2]
            producer.send(producer.make([record(shop, click) for click in part]))
            sent += len(part)
        wait_for(settled, 60, f"settled clicks; {runs.log()}")
        if number == 1:
            assert runs.process.stop() == 0
            runs = new_ingest("other").start()
        elif number == 2:
            some = next(click for click in clicks[:sent] if click.hit_class == "human")
            some.hit_class = "bot"
            postgres.query("update click set class = 'bot', reason = 'none', duplicate_of = null where click_id = %s", [some.id])
            # Sketches only grow: who changes classes makes them anew, as reclassify does.
            postgres.query("select from unique_rebuild(%s, %s, true)", [begin - timedelta(minutes=59), begin + timedelta(minutes=61)])
            postgres.query("insert into click_due (from_ts, to_ts, clicks) select min(ts), max(ts), count(*) from click")
            wait_for(settled, 60, "a second look")
    expected = sorted(click.outcome(clicks) for click in clicks)
    found = postgres.query("select click_id, class::text, case class when 'bot' then 'none' else reason end, duplicate_of from click order by click_id")
    assert found == expected, f"seed {seed}"
    assert {reason for _, _, reason, _ in found} == {"none", "same_visitor", "same_address"}
    assert clicks_differ(postgres.query) == []
    assert sketches_differ(postgres.query) == []
    assert row(postgres, producers[0])[1] == sent // 2


def test_one_process_settles(new_ingest, postgres, redis_server):  # noqa: F811
    """The other takes over when it stops."""
    shop, producer = Shop(postgres), Producer(redis_server.client)
    first = new_ingest("first").start()
    settlers = "select count(*) from pg_locks where locktype = 'advisory' and (classid, objid) = (25454, 1) and granted"
    wait_for(lambda: postgres.value(settlers) == 1, 20, f"who settles; {first.log()}")
    second = new_ingest("second").start()
    producer.send(producer.make([hit(program=shop.program, partner=shop.anna, link=7) for _ in range(5)]))
    wait_for(lambda: row(postgres, producer) and postgres.value("select not exists (select from click_due)"), 30)
    assert first.process.stop() == 0
    wait_for(lambda: postgres.value(settlers) == 1, 20, f"who takes over; {second.log()}")
    # Sketches of more links than a pass takes from memory: they are read from the rows.
    producer.send(producer.make([hit(program=shop.program, partner=shop.anna, link=link + 1) for link in range(LINKS)]))
    wait_for(lambda: row(postgres, producer)[2] == 5 + LINKS and postgres.value("select not exists (select from click_due)"), 30, second.log())
    assert sketches_differ(postgres.query) == []
    assert second.process.stop() == 0
