"""ingest with a real Redis and a real PostgreSQL: every row of "Applying a frame", and what it says about itself."""
import json
import subprocess
import time
import urllib.request

import frames
import pytest
from conftest import wait_for
from frames import DELTA, HOLE, PACKED, REPORT, UNJOURNALED, Producer, hit
from ingest import DAY_MS, INGEST, ingest, letters, new_ingest, producer, row, settled  # noqa: F401 (fixtures)
from ports import free_port


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


def test_frames_of_all_versions(ingest, postgres, producer):
    producer.send(producer.make(3, version=PACKED), producer.make(2), producer.make(4, version=DELTA), producer.make(1, version=PACKED))
    settled(postgres, producer, (4, 10, 10, 0, 0, False))
    assert postgres.value("select count(*) from click") == 10
    assert postgres.value("select count(*) from click where sub1 = 's' and partner_id = 2 and link_id = 3") == 10


@pytest.mark.parametrize("version, nonsense", [(PACKED, b"\x10\0\0\0nonsense"), (DELTA, b"\x40\0\0\0\4\0\0\0nonsense")])
def test_hits_that_cannot_be_unpacked(ingest, postgres, producer, version, nonsense):
    producer.send(producer.make(2, version=version, payload=nonsense), producer.make(1, version=version))
    settled(postgres, producer, (2, 3, 1, 2, 0, False))
    assert letters(postgres) == [("hit", 2, 1)]


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
    newer[4] = 4
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
    port = free_port()
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
