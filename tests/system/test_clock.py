"""The wall clock of a running tracker steps (libfaketime): ids stay in order, nothing times out, syncs and beats go on."""
import datetime
import http.client
import os
import uuid

import pytest

from conftest import SANITIZED, wait_for
from crowd import cpu_s
from tracker import BROWSER, RECORDS, REVISION, Answer, Tracker, hits, publish, workers

LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
STEPS = ("+1h", "-1h", "+1d", "-1d", "-400d", "+0")  # each against the real time
FAR = ("@2038-01-19 03:14:05", "@2039-06-01 00:00:00", "@2106-02-07 06:28:14", "@2200-01-01 00:00:00")


class Clock:
    def __init__(self, path):
        self.path = path
        self.step("+0")

    def step(self, text):
        other = self.path.with_suffix(".new")
        other.write_text(text + "\n")
        os.rename(other, self.path)


@pytest.fixture
def clock(tmp_path):
    return Clock(tmp_path / "faketime")


@pytest.fixture
def tracker(tmp_path, redis_server, spawn, clock):
    if not os.path.exists(LIBRARY) or SANITIZED:
        pytest.skip("libfaketime cannot be put before the program")
    env = {"LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": str(clock.path), "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1", "TZ": "UTC"}
    publish(redis_server.client, RECORDS, REVISION)
    made = Tracker(tmp_path, redis_server, lambda *argv: spawn(*argv, env=env), journal_sync_ms="10ms")
    made.start(REVISION)
    return made


class Visitor:
    """Clicks on one connection, which nobody may close."""

    def __init__(self, tracker):
        self.connection = http.client.HTTPConnection("127.0.0.1", tracker.port, timeout=10)
        self.connection.connect()
        self.socket = self.connection.sock
        self.date = None

    def clicks(self, count):
        ids = []
        for _ in range(count):
            self.connection.request("GET", "/c/demo", headers={"User-Agent": BROWSER})
            answer = self.connection.getresponse()
            assert self.connection.sock is self.socket
            self.date = answer.getheader("Date")
            ids.append(Answer(answer).click_id)
        return ids


def ms_of(click_id):
    return uuid.UUID(click_id).int >> 80


def goes_on(tracker):
    """Syncs and beats: both are timers of the worker."""
    syncs = tracker.metric("clickledger_recorder_syncs_total")
    tracker.get("/c/demo")
    wait_for(lambda: tracker.metric("clickledger_recorder_syncs_total") > syncs, what="a sync")
    assert tracker.healthy()


def stepped(tracker, clock, visitor, steps):
    """Clicks before and behind each step; their ids in order."""
    ids = visitor.clicks(20)
    for step in steps:
        clock.step(step)
        ids += visitor.clicks(20)
        goes_on(tracker)
    return ids


def all_in_order(tracker, ids):
    assert ids == sorted(set(ids))  # of one worker, whatever the clock did
    wait_for(lambda: set(ids) <= {hit["id"] for hit in hits(tracker.redis.client)}, what="the clicks in the stream")
    assert tracker.metric("clickledger_tracker_restarts_total") == 0
    assert tracker.metric("clickledger_recorder_lost_total") == 0
    assert tracker.metric("clickledger_tracker_http_idle_timeouts_total") == 0


def test_steps(tracker, clock):
    visitor = Visitor(tracker)
    ids = stepped(tracker, clock, visitor, STEPS)
    all_in_order(tracker, ids)
    worker, = workers(tracker)
    before, turns = cpu_s(worker), tracker.metric("clickledger_recorder_syncs_total")
    wait_for(lambda: visitor.clicks(1) and tracker.metric("clickledger_recorder_syncs_total") >= turns + 10, every_s=0.1, what="ten syncs")
    assert cpu_s(worker) - before < 0.5  # of more than a second: it waits, it does not spin
    tracker.redis.kill()  # reconnecting waits by the monotonic clock too
    ids += visitor.clicks(5)
    clock.step("-1d")
    ids += visitor.clicks(5)
    tracker.redis.start()
    ids += visitor.clicks(5)
    wait_for(lambda: set(ids) <= {hit["id"] for hit in hits(tracker.redis.client)}, what="the clicks in the stream")


def test_far_years(tracker, clock):
    """Past the end of 32 bits, signed and unsigned."""
    visitor = Visitor(tracker)
    ids = stepped(tracker, clock, visitor, FAR)
    all_in_order(tracker, ids)
    last = datetime.datetime.fromtimestamp(ms_of(ids[-1]) / 1000, datetime.timezone.utc)
    assert last.year == 2200
    assert " 2200 " in visitor.date


def test_start_with_a_clock_that_went_back(tracker, clock):
    """A new worker draws a new instance: its older ids are no earlier one's."""
    visitor = Visitor(tracker)
    ids = visitor.clicks(50)
    assert tracker.process.stop() == 0
    clock.step("-1d")
    tracker.start(REVISION)
    ids += Visitor(tracker).clicks(50)
    assert len(set(ids)) == len(ids)
    wait_for(lambda: sorted(hit["id"] for hit in hits(tracker.redis.client)) == sorted(ids), what="the clicks, each once")
