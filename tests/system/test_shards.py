"""Shards among several real ingest processes: one owner each, whoever dies, is frozen, comes or goes."""
import signal
import subprocess

import psycopg2

from conftest import wait_for
from frames import Producer
from ingest import INGEST, new_ingest, row, settled  # noqa: F401 (fixtures)
from load import Visitors
from tracker import Tracker

OWNERS = """select l.id, right(a.application_name, 8) from shard_lock l join pg_stat_activity a using (pid)
  where l.kind = 'shard' order by l.id"""


def owners(postgres):
    """{shard: member}, as a superuser sees it."""
    connection = psycopg2.connect(postgres.cluster.conninfo(postgres.name))
    try:
        cursor = connection.cursor()
        cursor.execute("set search_path = clickledger, public")
        cursor.execute(OWNERS)
        rows = cursor.fetchall()
    finally:
        connection.close()
    assert len({shard for shard, _ in rows}) == len(rows), rows  # never two
    return dict(rows)


def shares(postgres):
    members = list(owners(postgres).values())
    return sorted(members.count(member) for member in set(members))


def shards(config, *arguments):
    """What `clickledger-ingest shards` says: [{name: value}]."""
    out = subprocess.run([INGEST, "--config", config, "shards", *arguments], check=True, stdout=subprocess.PIPE).stdout
    return [dict(word.split("=") for word in line.split()) for line in out.decode().splitlines()]


def nothing_disappeared(postgres, hits):
    assert postgres.query("select * from conservation where not holds") == []
    assert postgres.query("select count(*), count(distinct click_id) from click") == [(hits, hits)]
    assert postgres.value("select sum(clicks) from click_hourly") == hits
    assert postgres.query("select coalesce(sum(dead), 0), coalesce(sum(lost), 0) from producer") == [(0, 0)]


def test_divided_and_taken_over(new_ingest, postgres, redis_server):
    """Shares are equal; who comes gets a share, who is killed, stopped or away leaves it to the others."""
    ingests = [new_ingest(f"ingest{number}", shards=5) for number in range(3)]
    producers = [Producer(redis_server.client, shard) for shard in range(5)]

    def load():
        for producer in producers:
            producer.send(producer.make(), producer.make())
        for producer in producers:
            settled(postgres, producer, (len(producer.frames), producer.hits, producer.hits, 0, 0, False))

    ingests[0].start()
    wait_for(lambda: shares(postgres) == [5], what="one owner of all")
    load()
    for ingest, divided in ((ingests[1], [2, 3]), (ingests[2], [1, 2, 2])):
        ingest.start()
        wait_for(lambda d=divided: shares(postgres) == d, what=f"shares of {divided}")
        load()
    ingests[1].process.kill()
    wait_for(lambda: shares(postgres) == [2, 3], what="two owners")
    load()
    assert ingests[0].process.stop() == 0
    wait_for(lambda: shares(postgres) == [5], what="one owner again")
    load()
    nothing_disappeared(postgres, sum(producer.hits for producer in producers))


def test_frozen_in_the_middle_of_a_load(new_ingest, postgres, redis_server):
    """The owner holds frames and stands in its COPY; the other one ends its sessions and takes over; what the first goes on with is refused."""
    producer = Producer(redis_server.client)
    first, second = new_ingest("first").start(), new_ingest("second")
    producer.send(producer.make())
    settled(postgres, producer, (1, 3, 3, 0, 0, False))
    owner = owners(postgres)[0]
    second.start()
    wait_for(lambda: postgres.value("select count(*) from shard_lock where kind = 'member'") == 2, what="the second one")
    locker = psycopg2.connect(postgres.conninfo())
    locker.cursor().execute("lock table clickledger.click in access exclusive mode")
    producer.send(*[producer.make(10) for _ in range(5)])
    waiting = "select count(*) from pg_locks where not granted and relation = ('clickledger.click_' || to_char(now() at time zone 'UTC', 'YYYYMMDD'))::regclass"
    wait_for(lambda: postgres.value(waiting), what="the COPY to wait")
    first.process.signal(signal.SIGSTOP)
    locker.close()
    wait_for(lambda: owners(postgres).get(0) not in (None, owner), what=f"another owner; {second.log()}")
    producer.send(producer.make(), producer.frames[3])
    settled(postgres, producer, (7, 56, 56, 0, 0, False))
    assert "silent_member_ended" in second.log()
    first.process.signal(signal.SIGCONT)
    wait_for(lambda: "shard_stopped" in first.log(), what=f"the refusal; {first.log()}")
    producer.send(producer.make())
    settled(postgres, producer, (8, 59, 59, 0, 0, False))
    assert owners(postgres)[0] != owner
    nothing_disappeared(postgres, 59)
    second.process.stop()
    wait_for(lambda: owners(postgres).get(0) == owner, what="the first one again")
    producer.send(producer.make())
    settled(postgres, producer, (9, 62, 62, 0, 0, False))
    nothing_disappeared(postgres, 62)


BLIND_LOCKS = """
create or replace function clickledger.shard_take(shard integer) returns boolean language sql return true;
create or replace function clickledger.shard_duty(member integer, keep_open_ms bigint, keep_ended_ms bigint)
  returns table (shard integer, wanted boolean, owned boolean, retired boolean, members integer, place integer)
  language sql as 'select 0, true, false, false, 1, 0';
"""


def test_two_who_both_believe_to_be_the_owner(new_ingest, postgres, redis_server):
    """With locks that say yes to everybody, as behind a pooler that shares sessions, rows and compare-and-set alone keep a frame from counting twice."""
    postgres.query(BLIND_LOCKS)
    producers = [Producer(redis_server.client) for _ in range(4)]
    both = [new_ingest(name, load_hits=40, read_entries=20).start() for name in ("one", "other")]
    for ingest in both:
        wait_for(lambda i=ingest: "ingest.shard_taken" in i.log(), what="both to work")
    for _ in range(60):
        for producer in producers:
            producer.send(producer.make(7))
    for producer in producers:
        settled(postgres, producer, (60, 420, 420, 0, 0, False))
    both[0].drain()
    nothing_disappeared(postgres, 4 * 420)


def test_a_position_that_another_one_moves(new_ingest, postgres, redis_server):
    """What the compare-and-set does not hit is not committed, and the shard is given up and taken anew."""
    producer = Producer(redis_server.client)
    postgres.query("create function moved() returns trigger language plpgsql as 'begin return null; end';"
                   "create trigger moved before update on producer for each row execute function moved()")
    ingest = new_ingest().start()
    producer.send(producer.make())
    wait_for(lambda: "another process moved a producer" in ingest.log(), what="the refusal")
    assert postgres.value("select count(*) from click") == 0 and postgres.value("select count(*) from click_hourly") == 0
    postgres.query("drop trigger moved on producer")
    settled(postgres, producer, (1, 3, 3, 0, 0, False))
    nothing_disappeared(postgres, 3)


def open_shards(postgres, tracker):
    """Those of producers that have not ended; every look is a click, so that every worker gets one."""
    assert tracker.get("/c/demo").status == 302
    return [shard for shard, in postgres.query("select distinct shard from producer where not ended order by shard")]


def test_the_number_of_shards_changes_under_load(new_ingest, postgres, redis_server, tmp_path, spawn):
    """1, then 3, then 2 shards: trackers follow without a restart, old streams are drained, and then nobody needs them."""
    postgres.query("insert into program (code, name, currency, hosts) values ('shop', 'Shop', 'RUB', '{shop.example}')")
    postgres.query("insert into partner (name, status) values ('Partner', 'active')")
    postgres.query("insert into link (program_id, partner_id, slug, target_url) values (1, 1, 'demo', 'https://shop.example/')")
    ingests = [new_ingest(f"ingest{number}").start() for number in range(2)]
    tracker = Tracker(tmp_path, redis_server, spawn, workers=3)
    tracker.start(1)
    wait_for(lambda: "click_id" in (tracker.get("/c/demo").location or ""), what="the link")
    before = 0
    with Visitors(tracker.port, threads=3) as visitors:
        for count in (1, 3, 2):
            shards(ingests[0].config, "--set", str(count))
            wait_for(lambda c=count: open_shards(postgres, tracker) == list(range(c)), 60, f"{count} shards")
            wait_for(lambda b=before: visitors.count() > b + 300, 60, "clicks")
            before = visitors.count()
    ids = visitors.total("answered")
    assert len(set(ids)) == len(ids) and visitors.total("blind") == visitors.total("unanswered") == 0
    wait_for(lambda: postgres.value("select count(*) from click where click_id = any(%s::uuid[])", [ids]) == len(ids), 60, "all clicks")
    wait_for(lambda: postgres.value("select bool_and(ended and accepted = hits) from producer where shard = 2"), 60, "the end of shard 2's producers")
    wait_for(lambda: sorted(owners(postgres)) == [0, 1, 2], what="owners of all")
    for table, at in ("shard", "retired_at"), ("producer", "last_at"):  # as if keep_ended were over
        postgres.query(f"update {table} set {at} = {at} - interval '8 days' where {'id' if table == 'shard' else 'shard'} = 2")
    wait_for(lambda: sorted(owners(postgres)) == [0, 1], 60, "nobody to need shard 2")
    assert [(s["shard"], s["state"], s["waiting_entries"]) for s in shards(ingests[1].config)] == [
        ("0", "open", "0"), ("1", "open", "0"), ("2", "retired", "0")]
    wait_for(lambda: shares(postgres) == [1, 1], what="equal shares")
    nothing_disappeared(postgres, postgres.value("select sum(hits) from producer"))
    wait_for(lambda: postgres.value("select bool_and(accepted = hits) from producer"), what="the trackers to have said the same")
    # Somebody who was away all the time still sends to it.
    late = Producer(redis_server.client, 2)
    late.send(late.make())
    settled(postgres, late, (1, 3, 3, 0, 0, False))
    late.send(late.end())
    wait_for(lambda: row(postgres, late)[5] and sorted(owners(postgres)) == [0, 1, 2], what="its end, and an owner until keep_ended")
