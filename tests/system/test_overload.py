"""More of everything than there is room for: slow clients, descriptors, requests. It recovers by itself each time."""
import os
import resource
import signal
import socket
import time

import pytest

from conftest import ALL, SANITIZED, long, wait_for
from crowd import SlowClients, cpu_s, resident_bytes, room_for
from http_cases import answers, read_to_end
from tracker import REVISION, RECORDS, Tracker, make_fixture, publish, tracker_fixture, workers  # noqa: F401

CLICK = b"GET /c/demo HTTP/1.1\r\nHost: t\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0\r\nConnection: close\r\n\r\n"
SLOW = {"head": b"GET /c/demo HTTP/1.1\r\nHost: t\r\nX-Slow: " + b"x" * 4000,
        "body": b"POST /postback/good-key HTTP/1.1\r\nHost: t\r\nContent-Length: 60000\r\n\r\n" + b"x" * 4000}
ROUNDS = 50 if ALL else 3


def honest_clicks(tracker, until):
    """Clicks on new connections until the condition holds; the ids of those redirected, and how many got 503 instead.

    A machine that stands still for a second lets a crowd in at once; then nobody is old enough to make room.
    """
    ids, shed = [], 0
    while not until():
        answer = tracker.get("/c/demo")
        if answer.status == 503:
            shed += 1
        else:
            ids.append(answer.click_id)
    return ids, shed


def recorded(tracker, ids):
    assert len(ids) == len(set(ids))
    assert {hit["id"] for hit in tracker.hits(len(ids))} == set(ids)


@pytest.mark.parametrize("part", SLOW)
def test_ten_thousand_slow_clients(make, part):
    """Nobody waits for them: their requests end in time, or make room for others, and their memory is bounded."""
    tracker = make()
    worker, = workers(tracker)
    before = resident_bytes(worker)
    count = room_for(10_000 if part == "head" else 5000)
    with SlowClients(tracker.port, count, SLOW[part]) as crowd:
        ids, shed = honest_clicks(tracker, lambda: crowd.opened == count)
        displaced = wait_for(lambda: tracker.metric("clickledger_tracker_http_displaced_total"), what="slow clients that make room")
        more, shed_later = honest_clicks(tracker, lambda: crowd.closed >= displaced)
        ids += more
        assert len(ids) >= 20 and shed + shed_later <= len(ids)
        assert SANITIZED or resident_bytes(worker) - before < 4096 * 40_000
    recorded(tracker, ids)


@long("takes as long as a head may take")
def test_slow_head_ends_in_time(make):
    """By the time of the whole head, not of each byte; tests/unit/test_http_server.c does the same with less time."""
    tracker = make()
    with SlowClients(tracker.port, 50, SLOW["head"], rate=1000, period_s=0.2) as crowd:
        wait_for(lambda: crowd.timed_out == 50, what="408 for everybody who dripped")
    assert crowd.closed == crowd.refused == 0


def test_more_connections_than_descriptors(tmp_path, redis_server, spawn):
    """Visitors never take the descriptors of journal and stores: they are shed, or displaced, before."""
    def limited(*argv):
        return spawn("prlimit", "--nofile=256", "--", *argv)

    publish(redis_server.client, RECORDS, REVISION)
    tracker = Tracker(tmp_path, redis_server, limited, journal_segment_bytes="1m")
    tracker.start(REVISION)
    with SlowClients(tracker.port, 2000, SLOW["head"], rate=500) as crowd:
        wait_for(lambda: crowd.opened >= 600 and crowd.refused, what="somebody who is shed")
    wait_for(lambda: tracker.metric("clickledger_tracker_connections") < 10, what="the end of the crowd")
    ids = [tracker.get("/c/demo").click_id for _ in range(20)]
    recorded(tracker, ids)
    assert tracker.metric("clickledger_recorder_journal_failures_total") == 0
    assert tracker.metric("clickledger_tracker_http_accept_failures_total") == 0


def open_connections(port, count):
    """So many connections, all accepted by the kernel at least."""
    return [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(count)]


def test_descriptors_taken_away(make):
    """A limit that sinks while it runs: accept() fails, nothing spins, what is open goes on, and it comes back by itself."""
    tracker = make()
    worker, = workers(tracker)
    limits = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    kept = open_connections(tracker.port, 1)[0]
    ids = [tracker.get("/c/demo").click_id]
    in_use = len(os.listdir(f"/proc/{worker}/fd"))
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (in_use, limits[1]))
    waiting = open_connections(tracker.port, 200)
    wait_for(lambda: tracker.metric("clickledger_tracker_http_accept_failures_total") >= 3, what="accept() to fail")
    began, cpu_before = time.monotonic(), cpu_s(worker)
    failed = tracker.metric("clickledger_tracker_http_accept_failures_total")
    wait_for(lambda: tracker.metric("clickledger_tracker_http_accept_failures_total") >= failed + 15, what="accept() to fail on")
    assert cpu_s(worker) - cpu_before < 0.5 * (time.monotonic() - began)
    kept.sendall(CLICK)
    ids.append(answers(read_to_end(kept))[0][2][b"Location"].rsplit(b"=", 1)[1].split(b"#")[0].decode())
    tracker.hits(2)  # the link to Redis lives
    resource.prlimit(worker, resource.RLIMIT_NOFILE, limits)
    for connection in waiting:
        connection.sendall(CLICK)
    for connection in waiting:
        (status, _, headers, _), = answers(read_to_end(connection))
        assert status == 302
        ids.append(headers[b"Location"].rsplit(b"=", 1)[1].split(b"#")[0].decode())
    recorded(tracker, ids)
    assert tracker.metric("clickledger_recorder_journal_failures_total") == 0


def test_five_times_what_it_can_take(make):
    """All at once, again and again: who is too many gets 503 before his request is read, the others what was promised."""
    tracker = make(connections_max=64)
    worker, = workers(tracker)
    ids, shed = [], 0
    for _ in range(ROUNDS):
        os.kill(worker, signal.SIGSTOP)
        crowd = open_connections(tracker.port, 5 * 64)
        for connection in crowd:
            connection.sendall(CLICK)
        os.kill(worker, signal.SIGCONT)
        for connection in crowd:
            (status, _, headers, _), = answers(read_to_end(connection))
            connection.close()
            if status == 302:
                ids.append(headers[b"Location"].rsplit(b"=", 1)[1].split(b"#")[0].decode())
            else:
                assert status == 503 and int(headers[b"Retry-After"]) >= 1
                shed += 1
    assert ids and shed
    ids.append(tracker.get("/c/demo").click_id)
    recorded(tracker, ids)
    wait_for(lambda: tracker.metric("clickledger_tracker_http_connections_shed_total") == shed, what="the counter")
