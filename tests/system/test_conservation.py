"""Every accepted hit is accounted for; whatever somebody takes away or changes behind the programs' backs raises the alarm."""
import urllib.request

import pytest

from conftest import wait_for
from frames import END, IMPRESSION, PROMO_ENTRY, REPORT, VISIT, Frame, hit
from ingest import new_ingest, producer, settled  # noqa: F401 (fixtures)
from installation import free_ports

HOUR_MS = 3600000
ALARMS = "select kind, expected::bigint, found::bigint from conservation_alarm order by kind, subject"


@pytest.fixture(name="watched")
def watched_fixture(new_ingest):
    """An ingest that checks all the time, and its metrics."""
    port = free_ports(1)
    ingest = new_ingest(admin_port=port, conservation_check="100ms").start()

    def metric(name):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return None
        return next((int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + " ")), None)

    ingest.metric = metric
    ingest.part = lambda name: metric(f'clickledger_ingest_hits{{part="{name}"}}')
    return ingest


def checked(ingest):
    """Waits for a check that began later."""
    before = ingest.metric("clickledger_ingest_conservation_checks_total") or 0
    wait_for(lambda: (ingest.metric("clickledger_ingest_conservation_checks_total") or 0) >= before + 2, 30, "two checks")


def load(postgres, producer):
    """Hits of every kind and of several hours, a dead one, a lost range."""
    now_ms = int(postgres.value("select extract(epoch from now()) * 1000"))
    producer.send(producer.make([hit(ms=now_ms - HOUR_MS * n) for n in range(12)] + [hit(k) for k in (IMPRESSION, VISIT, PROMO_ENTRY, REPORT)]))
    twice = hit()
    producer.send(producer.make([twice, twice]))
    producer.make(5)
    producer.send(producer.make(1), base=4, before_base=producer.hits - 1)
    settled(postgres, producer, (4, 24, 18, 1, 5, False))


def test_everything_adds_up(watched, postgres, producer):
    load(postgres, producer)
    producer.redis.hset("cl:accepted:{0}", mapping={producer.id.hex(): producer.hits + 7, "ff" * 16: 3, "nonsense": "1", "aa" * 16: "-1"})
    wait_for(lambda: watched.part("accepted") == producer.hits + 7 + 3, 30, "what the trackers said")
    assert [watched.part(name) for name in ("stored", "dead", "lost", "in_flight")] == [18, 1, 5, 10]
    assert postgres.query("select accepted, stored, dead, lost, in_flight from conservation_total") == [(34, 18, 1, 5, 10)]
    assert postgres.query("select accepted, in_flight, holds from conservation where producer = %s", [producer.uuid]) == [(31, 7, True)]
    producer.send(producer.make(7), producer.end())
    wait_for(lambda: watched.part("in_flight") == 3, 30, "nothing of it in flight")
    wait_for(lambda: not producer.redis.hexists("cl:accepted:{0}", producer.id.hex()), 30, "it to be forgotten")
    checked(watched)
    assert postgres.query(ALARMS) == [] and watched.metric("clickledger_ingest_conservation_alarms") == 0
    assert postgres.value("select count(*) from stored_check where expected = found and found > 0") >= 12
    assert "conservation_broken" not in watched.log()


def test_answered_and_never_written(watched, postgres, producer):
    """A power cut took the journal's end: a day after the producer's END that is lost, and what turns up after all is found."""
    kept = producer.make(3)
    producer.send(kept, Frame(producer.id, 2, 3, kept.chain, [], flags=END))
    settled(postgres, producer, (1, 3, 3, 0, 0, True))
    producer.redis.hset("cl:accepted:{0}", producer.id.hex(), 10)
    wait_for(lambda: watched.part("in_flight") == 7, 30, "what the tracker said")
    assert watched.part("lost") == 0
    postgres.query("update producer set last_at = now() - interval '25 hours'")
    settled(postgres, producer, (8, 10, 3, 0, 7, True))
    wait_for(lambda: not producer.redis.hexists("cl:accepted:{0}", producer.id.hex()), 30, "it to be forgotten")
    wait_for(lambda: watched.metric('clickledger_ingest_hits_lost_total{reason="gap"}') == 7, 30, "the counter")
    producer.send(producer.make(4))
    settled(postgres, producer, (8, 10, 7, 0, 3, True))
    checked(watched)
    assert [watched.part(name) for name in ("accepted", "stored", "lost", "in_flight")] == [10, 7, 3, 0]
    assert postgres.query(ALARMS) == [] and "conservation_broken" not in watched.log()


BREAKS = {
    "rows": ("create table kept as select * from click where click_id in (select click_id from click order by ts limit 1);"
             "delete from click where click_id in (select click_id from kept)",
             "insert into click select * from kept; drop table kept", [("rows", 1, 0)]),
    "rows that nobody sent": ("create table more as select ts, click_id, class, reason, status, catalog_revision, producer, seq, content_hash"
                              "  from click where ts > now() - interval '30 minutes' limit 1;"
                              "update more set click_id = click_id_at(date_trunc('hour', ts, 'UTC')), ts = date_trunc('hour', ts, 'UTC');"
                              "insert into click (ts, click_id, class, reason, status, catalog_revision, producer, seq, content_hash) select * from more",
                              "delete from click where click_id in (select click_id from more); drop table more", None),
    "stored": ("update producer set stored = stored + 2, hits = hits + 2", "update producer set stored = stored - 2, hits = hits - 2", [("shard", 20, 18)]),
    "dead": ("update producer set dead = dead + 1, stored = stored - 1", "update producer set dead = dead - 1, stored = stored + 1",
             [("dead_letters", 2, 1), ("shard", 17, 18)]),
    "letters": ("update dead_letter set replayed_at = now()", "update dead_letter set replayed_at = null", [("dead_letters", 1, 0)]),
    "ranges": ("update lost_range set hits = hits + 1", "update lost_range set hits = hits - 1", [("lost_ranges", 5, 6)]),
    "sum": ("alter table producer drop constraint producer_check; update producer set hits = hits + 1", "update producer set hits = hits - 1",
            [("counters", 25, 24)]),
}


def test_what_was_broken_on_purpose_is_seen(watched, postgres, producer):
    """Rows deleted and invented, counters changed, letters and ranges changed: view, metric and log say so until it is mended."""
    load(postgres, producer)
    checked(watched)
    assert postgres.query(ALARMS) == []
    superuser = lambda sql: postgres.cluster.execute(f"set search_path = clickledger, public; {sql}", postgres.name)  # noqa: E731
    for name, (harm, mend, alarms) in BREAKS.items():
        said = watched.process.log().count("conservation_broken")
        superuser(harm)
        wait_for(lambda: watched.metric("clickledger_ingest_conservation_alarms"), 60, f"the alarm of {name}")
        found = postgres.query(ALARMS)
        assert found == alarms if alarms else [kind for kind, *_ in found] == ["rows"], name
        wait_for(lambda s=said: watched.process.log().count("conservation_broken") > s, what=f"the line of {name}")
        superuser(mend)
        wait_for(lambda: watched.metric("clickledger_ingest_conservation_alarms") == 0, 60, f"the end of {name}; {postgres.query(ALARMS)}")
    assert watched.process.log().count("conservation_holds") == len(BREAKS)
