"""clickledger-ingest replay: dead letters of every kind, repaired and put back once, or refused with the new reason."""
import subprocess

import frames
from conftest import wait_for
from frames import REPORT, Producer, hit, payload_of
from ingest import INGEST, ingest, new_ingest, producer, row, settled  # noqa: F401 (fixtures)


def replay(ingest, *arguments, status=0):
    """Its lines."""
    done = subprocess.run([INGEST, "--config", ingest.config, "replay", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout.splitlines() + done.stderr.splitlines()


def letters(postgres):
    return postgres.query("select kind, hits, reason, replayed_at is not null from dead_letter order by id")


def adds_up(postgres):
    assert postgres.query("select * from conservation where not holds") == []
    assert postgres.query("select * from conservation_alarm") == []
    assert postgres.value("select coalesce(sum(clicks), 0) from click_hourly") == postgres.value("select count(*) from click")


def test_rows_after_the_cause_is_fixed(ingest, postgres, producer):
    """PostgreSQL refused them; the same again while it does, all of them once it does not, nothing at the next time."""
    postgres.query("alter table click add constraint poison check (sub1 <> 'poison' and sub1 <> 'worse')")
    bad = [hit(fields={frames.SUB1: text}) for text in (b"poison", b"worse", b"poison")]
    producer.send(producer.make([hit(), *bad, hit(REPORT)]))
    settled(postgres, producer, (1, 5, 2, 3, 0, False))
    assert replay(ingest, "--kind", "row", status=1)[-1] == "went_in=0 refused=3"
    assert [line.split()[8] for line in replay(ingest, "--list")] == ["result=dead"] * 3
    postgres.query("alter table click drop constraint poison, add constraint less check (sub1 <> 'worse')")
    assert replay(ingest, "--kind", "row", "--dry-run", status=1)[-1] == "would_go_in=2 refused=1"
    assert row(postgres, producer) == (1, 5, 2, 3, 0, False)
    assert replay(ingest, "--kind", "row", "--to", "2020-01-01") == ["went_in=0 refused=0"]
    assert replay(ingest, "--kind", "row", "--from", "2020-01-01", status=1)[-1] == "went_in=2 refused=1"
    assert row(postgres, producer) == (1, 5, 4, 1, 0, False)
    producer.send(producer.make())
    settled(postgres, producer, (2, 8, 7, 1, 0, False))
    assert replay(ingest, "--kind", "row", status=1)[-1] == "went_in=0 refused=1"
    told = letters(postgres)
    assert [again for *_, again in told] == [True, False, True] and '"less"' in told[1][2] and '"poison"' in told[0][2]
    assert postgres.value("select count(*) from click where sub1 = 'poison' and producer = %s and seq = 1", [producer.uuid]) == 2
    assert postgres.value("select count(*) from touch_batch") >= 1
    adds_up(postgres)


def test_two_at_once_put_it_in_once(ingest, postgres, producer):
    postgres.query("alter table click add constraint poison check (sub1 <> 'poison')")
    producer.send(producer.make([hit(fields={frames.SUB1: b"poison"}) for _ in range(30)]))
    settled(postgres, producer, (1, 30, 0, 30, 0, False))
    postgres.query("alter table click drop constraint poison")
    command = [INGEST, "--config", ingest.config, "replay", "--kind", "row"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for number in range(10):
        producer.send(producer.make())
    went_in = [int(one.communicate()[0].splitlines()[-1].split()[0].split("=")[1]) for one in both]
    assert sum(went_in) == 30
    settled(postgres, producer, (11, 60, 60, 0, 0, False))
    adds_up(postgres)


def test_records_that_are_repaired(ingest, postgres, producer, tmp_path):
    """Saved, mended, put back; a file that is not what the letter stands for is refused."""
    good = hit()
    producer.send(producer.make([b"\x09" + good[1:], hit()]), producer.make([hit()], count=3), producer.make([hit(), hit()], count=1))
    settled(postgres, producer, (3, 6, 3, 3, 0, False))
    saved, file = tmp_path / "saved", tmp_path / "repaired"
    replay(ingest, "--id", 1, "--save", saved)
    assert saved.read_bytes() == b"\x09" + good[1:] and saved.stat().st_mode & 0o777 == 0o600
    assert "File exists" in replay(ingest, "--id", 1, "--save", saved, status=1)[-1]
    assert replay(ingest, "--id", 1, status=1)[-1] == "went_in=0 refused=1"
    file.write_bytes(good)
    assert replay(ingest, "--id", 1, "--file", file)[-1] == "went_in=1 refused=0"
    assert "result=replayed" in replay(ingest, "--id", 1, "--file", file)[0]
    for records, expected in (([hit()], "it stands for 2 hits, these are 1"), ([hit(ms=1000), hit()], "its time is too far from now"),
                              ([hit(hit_id=good[5:21], partner=9), hit()], "the id is there, with other content")):
        file.write_bytes(payload_of(records))
        assert f'result=refused reason="{expected}"' in replay(ingest, "--id", 2, "--file", file, status=1)[0]
        assert letters(postgres)[1] == ("hit", 2, expected, False)
    file.write_bytes(payload_of([hit(), hit(REPORT)]))
    assert replay(ingest, "--id", 2, "--file", file)[-1] == "went_in=1 refused=0"
    assert "it stands for no hit" in replay(ingest, "--id", 3, "--file", file, status=1)[0]
    assert row(postgres, producer) == (3, 6, 6, 0, 0, False)
    adds_up(postgres)


def test_an_id_that_is_there(ingest, postgres, producer, tmp_path):
    there = hit()
    producer.send(producer.make([there, there]))
    settled(postgres, producer, (1, 2, 1, 1, 0, False))
    assert replay(ingest, "--kind", "conflict", status=1)[-1] == "went_in=0 refused=1"
    assert letters(postgres) == [("conflict", 1, "the id is there, with the same content", False)]
    (tmp_path / "other").write_bytes(hit())
    assert replay(ingest, "--id", 1, "--file", tmp_path / "other")[-1] == "went_in=1 refused=0"
    assert row(postgres, producer) == (1, 2, 2, 0, 0, False)
    adds_up(postgres)


def test_frames_go_back_into_their_stream(ingest, postgres, producer, tmp_path):
    """A header and a payload that were mended; what came again meanwhile is dropped, a hole in the row is filled."""
    made = [producer.make() for _ in range(3)]
    broken = bytearray(made[0].bytes())
    broken[30] ^= 1
    producer.put(bytes(broken))
    damaged = bytearray(made[1].bytes())
    damaged[-1] ^= 1
    producer.send(made[0])
    producer.put(bytes(damaged))
    settled(postgres, producer, (1, 3, 3, 0, 0, False))
    wait_for(lambda: len(letters(postgres)) == 2, what="the letters")
    assert 'reason="damaged"' in replay(ingest, "--kind", "header", status=1)[0]
    assert 'reason="the payload does not fit its header"' in replay(ingest, "--kind", "payload", status=1)[0]
    (tmp_path / "first").write_bytes(made[0].bytes())
    (tmp_path / "second").write_bytes(made[1].bytes())
    assert replay(ingest, "--id", 1, "--file", tmp_path / "first")[-1] == "went_in=1 refused=0"
    assert replay(ingest, "--id", 2, "--file", tmp_path / "second", "--dry-run")[-1] == "would_go_in=1 refused=0"
    assert replay(ingest, "--id", 2, "--file", tmp_path / "second")[-1] == "went_in=1 refused=0"
    producer.send(made[2])
    settled(postgres, producer, (3, 9, 9, 0, 0, False))
    ingest.drain()
    assert [again for *_, again in letters(postgres)] == [True, True]
    adds_up(postgres)


def test_a_fork_becomes_a_producer_of_its_own(ingest, postgres, producer, redis_server):
    twin = Producer(redis_server.client)
    twin.id = producer.id
    producer.send(producer.make())
    settled(postgres, producer, (1, 3, 3, 0, 0, False))
    theirs = hit()
    twin.send(twin.make([theirs, producer.frames[0].records[0]]))
    wait_for(lambda: letters(postgres) == [("fork", 2, "it does not follow what was applied", False)], what="the letter")
    for _ in range(2):
        assert replay(ingest, "--kind", "fork")[-1].startswith("went_in=")
        postgres.query("update dead_letter set replayed_at = null where kind = 'fork'")
    wait_for(lambda: postgres.query("select hits, stored, dead, ended from producer where producer <> %s", [producer.uuid]) == [(2, 1, 1, True)],
             what="the producer of its own")
    ingest.drain()
    assert [kind for kind, *_ in letters(postgres)] == ["fork", "conflict"]
    assert row(postgres, producer) == (1, 3, 3, 0, 0, False)
    adds_up(postgres)


def test_a_frame_is_done_when_it_is_applied(ingest, postgres, producer, redis_server):
    """Redis loses what nobody has read: the letters stay, and go in at the next time."""
    twin = Producer(redis_server.client)
    twin.id = producer.id
    producer.send(producer.make())
    settled(postgres, producer, (1, 3, 3, 0, 0, False))
    twin.send(twin.make([hit(), hit()]), twin.make())
    wait_for(lambda: len(letters(postgres)) == 2, what="the letters")
    ingest.process.stop()
    lines = replay(ingest, "--kind", "fork", status=1)
    assert [line.split()[8] for line in lines[:2]] == ["result=sent"] * 2 and "went_in=0 refused=0" in lines
    assert [again for *_, again in letters(postgres)] == [False, False]
    redis_server.client.delete("cl:hits:{0}")
    ingest.start()
    assert replay(ingest, "--kind", "fork")[-1] == "went_in=2 refused=0"
    assert [again for *_, again in letters(postgres)] == [True, True]
    assert postgres.value("select sum(stored) from producer where producer <> %s", [producer.uuid]) == 5
    adds_up(postgres)


def test_mistakes(ingest, tmp_path):
    for arguments in ((), ("--id", 1, "--kind", "row"), ("--kind", "rows"), ("--kind", "row", "--file", "x"), ("--id", 0), ("--id", 1, "--file", "x", "--list"),
                      ("--kind", "row", "--from", "monday")):
        replay(ingest, *arguments, status=2)
    assert "there is no such letter" in replay(ingest, "--id", 7, status=1)[0]
    assert "No such file" in replay(ingest, "--id", 7, "--file", tmp_path / "none", status=1)[0]
    with open(tmp_path / "large", "wb") as file:
        file.truncate((4 << 20) + 97)
    assert "too large" in replay(ingest, "--id", 7, "--file", tmp_path / "large", status=1)[0]
    assert replay(ingest, "--list") == []
