"""SIGUSR2: another program takes over the sockets, and no request is lost; one that cannot start changes nothing."""
import collections
import contextlib
import os
import re
import shutil
import signal
import socket
import uuid

import pytest

from conftest import ALL, BUILD, wait_for
from test_tracker_life import running
from tracker import RECORDS, REVISION, Tracker, frames, hits, journal_frames, link, publish, records

WORKERS = (2, 3, 1, 2, 2) if ALL else (3, 1)  # after each upgrade
SECONDS = 240 if ALL else 8
FAILED = 'clickledger_tracker_upgrades_total{result="failed"}'


class Life(Tracker):
    """A tracker that is known by its pid file, because an upgrade changes the pid."""

    def __init__(self, folder, *arguments, **options):
        super().__init__(folder, *arguments, **{"pid_file": folder / "pid", **options})
        self.program = folder / "clickledger-tracker"
        self.install()

    def install(self):
        """The program that is there after a new package: another file at the same path."""
        shutil.copy2(BUILD / "tracker/clickledger-tracker", f"{self.program}.new")
        os.rename(f"{self.program}.new", self.program)

    def install_script(self, text):
        self.program.unlink()
        self.program.write_text("#!/bin/sh\n" + text)
        self.program.chmod(0o755)

    @property
    def pid(self):
        return int((self.folder / "pid").read_text())

    def tell(self, number):
        os.kill(self.pid, number)

    def set(self, **options):
        text = self.config.read_text()
        for name, value in options.items():
            text = re.sub(rf"(?m)^{name} = .*\n", "", text) + f"{name} = {value}\n"
        self.config.write_text(text)

    def upgrade(self):
        """Returns the pid that was, when another has taken over."""
        old = self.pid
        self.tell(signal.SIGUSR2)
        wait_for(lambda: self.pid != old, what="the successor")
        return old

    def upgrade_failed(self, what):
        old, count = self.pid, self.metric(FAILED)
        self.tell(signal.SIGUSR2)
        wait_for(lambda: self.metric(FAILED) == count + 1, what="the failure")
        assert self.pid == old and what in self.process.log(), self.process.log()[-2000:]

    def end(self):
        with contextlib.suppress(OSError, ValueError):
            pid = self.pid
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda: not running(pid), what="the end")


@pytest.fixture(name="life")
def life_fixture(tmp_path, redis_server, spawn):
    made = []

    def started(**options):
        publish(redis_server.client, RECORDS, REVISION)
        made.append(Life(tmp_path, redis_server, spawn, **options))
        made[0].start(REVISION)
        return made[0]

    yield started
    for tracker in made:
        tracker.end()


class Connection:
    """One that a client keeps open."""

    def __init__(self, tracker):
        self.socket = socket.create_connection(("127.0.0.1", tracker.port), timeout=10)

    def say(self, data):
        self.socket.sendall(data)

    def hear(self):
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            part = self.socket.recv(65536)
            assert part, f"closed behind {data}"
            data += part
        return data

    def ask(self):
        self.say(b"GET /c/demo HTTP/1.1\r\nHost: t\r\n\r\n")
        return self.hear()

    def closed(self, within_s=10):
        self.socket.settimeout(within_s)
        try:
            return self.socket.recv(1) == b""
        except TimeoutError:
            return False


def load(spawn, tracker, name, *options):
    folder = tracker.folder
    process = spawn(BUILD / "bench/clickledger-load", f"http://127.0.0.1:{tracker.port}/c/demo", "--quiet", "--ids", folder / f"{name}.ids",
                    "--report", folder / f"{name}.report", "--seconds", SECONDS, "--requests", "500", *options)
    return name, process


def result(tracker, name, process):
    assert process.wait(SECONDS + 60) == 0, process.log()
    report = dict(line.split("=") for line in (tracker.folder / f"{name}.report").read_text().split())
    ids = (tracker.folder / f"{name}.ids").read_text().split()
    assert report["failed"] == "0" and len(ids) == int(report["answered"]) == int(report["sent"])
    return ids


def counted(some_frames):
    """How often each click id is there; of a million hits, only what is needed is read."""
    return collections.Counter(data[5:21] for data in records(some_frames))


def test_no_request_is_lost(life, spawn):
    tracker = life(workers=2, drain="10s")
    generation = 'clickledger_tracker_config_generation{worker="0"}'
    loads = [load(spawn, tracker, "kept", "--connections", "64", "--rate", "3600" if ALL else "1500"),
             load(spawn, tracker, "new", "--connections", "64", "--rate", "600" if ALL else "300", "--close")]
    for number, workers in enumerate(WORKERS):
        for fallback in range(4 if ALL else 2):
            before = tracker.metric(generation)
            tracker.set(fallback_url=f"https://fallback.example/{number}/{fallback}")
            tracker.tell(signal.SIGHUP)
            wait_for(lambda: tracker.metric(generation) == before + 1, what="the reload")
        tracker.install()
        tracker.set(workers=workers)
        old = tracker.upgrade()
        wait_for(lambda: not running(old), what="the predecessor's end")
        assert f"workers: {workers} of {workers} alive" in tracker.admin("/healthz").body.decode()
        wait_for(lambda: tracker.metric("clickledger_tracker_predecessor_drains") == 0, what="word of it")
    ids = [uuid.UUID(id).bytes for one in loads for id in result(tracker, *one)]
    assert len(ids) > (1_000_000 if ALL else 1000) and len(set(ids)) == len(ids)
    once = collections.Counter(ids)
    assert counted(journal_frames(tracker.folder / "state")) == once
    if not ALL:  # more frames than may be on their way to PostgreSQL, which is not here
        wait_for(lambda: counted(frames(tracker.redis.client)) == once, what="all hits in the stream")


def test_open_connections_are_served_to_the_end(life):
    tracker = life(workers=2, drain="10s")
    idle, unused, half = Connection(tracker), Connection(tracker), Connection(tracker)
    assert b"Connection: close" not in idle.ask()
    half.say(b"GET /c/demo HTTP/1.1\r\nHo")
    wait_for(lambda: tracker.metric("clickledger_tracker_connections") == 3, what="the connections")
    old = tracker.upgrade()
    assert not unused.closed(within_s=1.5)  # longer than a tracker without a successor would keep it
    half.say(b"st: t\r\n\r\n")
    for answer in half.hear(), idle.ask(), unused.ask():
        assert b"302 Found" in answer and b"Connection: close" in answer
    assert half.closed() and idle.closed() and unused.closed()
    wait_for(lambda: not running(old), what="the predecessor's end")
    assert tracker.process.wait() == 0
    assert b"Connection: close" not in Connection(tracker).ask()
    assert len(set(hit["id"] for hit in tracker.hits(5))) == 5


def test_a_program_that_cannot_start_changes_nothing(life):
    tracker = life(workers=2)
    kept = Connection(tracker)
    kept.ask()
    tracker.install_script("exit 3\n")
    tracker.upgrade_failed("exit=3")
    tracker.program.unlink()
    tracker.upgrade_failed("supervisor.exec_failed")
    tracker.install()
    good = tracker.config.read_text()
    for options, what in ({"wrokers": 3}, "unknown key 'wrokers'"), ({"port": 1}, "'host' and 'port' in [tracker] cannot change"), \
                         ({"admin_port": 1}, "'admin_host' and 'admin_port'"), ({"state": "/nowhere"}, "'state' in [tracker]"):
        tracker.set(**options)
        tracker.upgrade_failed(what)
        tracker.config.write_text(good)
    # A stack that no thread can have: the supervisor starts, its workers do not.
    tracker.install_script(f"ulimit -s 100000000000; exec {BUILD}/tracker/clickledger-tracker \"$@\"\n")
    tracker.upgrade_failed("supervisor.worker_died")

    publish(tracker.redis.client, RECORDS + [link("new", 99, 1, "https://shop.example/new")], REVISION + 1)
    tracker.wait_catalog(REVISION + 1)
    assert tracker.get("/c/new").status == 302
    assert b"Connection: close" not in kept.ask()
    assert tracker.metric("clickledger_tracker_restarts_total") == 0
    tracker.install()
    tracker.upgrade()
    wait_for(lambda: b"Connection: close" in kept.ask(), what="the old worker to drain")
    assert tracker.get("/c/new").status == 302


def test_one_upgrade_at_a_time(life):
    tracker = life(workers=1, drain="60s")
    idle = Connection(tracker)
    idle.ask()
    old = tracker.upgrade()
    wait_for(lambda: tracker.metric("clickledger_tracker_predecessor_drains") == 1, what="word of the predecessor")
    tracker.upgrade_failed("the one before it still drains")
    tracker.tell(signal.SIGTERM)  # the end of all: what drains does not wait for idle clients then
    wait_for(lambda: not running(old), what="the predecessor's end")
    assert idle.closed()
    assert not (tracker.folder / "pid").exists()


def test_what_redis_does_not_have_yet_is_handed_over(life):
    tracker = life(workers=1)
    ids = [tracker.get("/c/demo").click_id]
    tracker.hits(1)
    tracker.redis.kill()
    ids += [tracker.get("/c/demo").click_id for _ in range(20)]
    old = tracker.upgrade()
    ids += [tracker.get("/c/demo").click_id for _ in range(20)]
    wait_for(lambda: not running(old), what="the predecessor's end")
    tracker.redis.start()
    wait_for(lambda: len(hits(tracker.redis.client)) >= len(ids), what="the hits")
    assert sorted(hit["id"] for hit in hits(tracker.redis.client)) == sorted(ids)
