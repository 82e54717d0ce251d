"""The life of a tracker: catalog changes, faults of Redis and of the journal, dying and stopping, the admin port."""
import os
import re
import signal

import pytest

from conftest import BUILD, wait_for
from tracker import (KEY_LINE, RECORDS, REVISION, check_pixel, link, make_fixture, publish,  # noqa: F401
                     tracker_fixture, workers)


def test_catalog_changes_arrive(tracker):
    assert tracker.get("/c/new").status == 404
    publish(tracker.redis.client, RECORDS + [link("new", 99, 1, "https://shop.example/new")], REVISION + 1)
    tracker.wait_catalog(REVISION + 1)
    assert tracker.get("/c/new").location.startswith("https://shop.example/new?")
    assert tracker.hits(2)[1]["catalog_revision"] == REVISION + 1


def test_redis_away(tracker):
    before = tracker.get("/c/demo").click_id
    tracker.hits(1)
    tracker.redis.kill()
    during = [tracker.get("/c/demo").click_id for _ in range(10)]
    assert tracker.healthy()
    tracker.redis.start()
    assert [hit["id"] for hit in tracker.hits(11)] == [before] + during


def test_restart_with_redis_away(tracker):
    tracker.get("/c/demo")
    tracker.hits(1)
    assert tracker.process.stop() == 0
    tracker.redis.kill()
    tracker.start(REVISION)
    assert tracker.get("/c/demo").status == 302


def test_dead_worker_is_replaced(make):
    tracker = make(workers=2)
    old = workers(tracker)
    assert len(old) == 2
    os.kill(old[0], signal.SIGKILL)
    wait_for(lambda: len(set(workers(tracker)) | set(old)) == 3 and len(workers(tracker)) == 2, what="a new worker")
    ids = {tracker.get("/c/demo").click_id for _ in range(20)}
    assert {hit["id"] for hit in tracker.hits(20)} == ids
    assert tracker.metric("clickledger_tracker_restarts_total") == 1


def running(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_nothing_is_left_behind_a_killed_supervisor(make):
    tracker = make(workers=2)
    children = workers(tracker)
    tracker.process.kill()
    wait_for(lambda: not any(map(running, children)), what="the workers' end")
    tracker.start(REVISION)
    assert tracker.get("/c/demo").status == 302


def test_stop_finishes_what_is_open(make):
    tracker = make(workers=2)
    children = workers(tracker)
    assert tracker.get("/c/demo").status == 302
    assert tracker.process.stop() == 0
    assert not any(map(running, children))
    with pytest.raises(OSError):
        tracker.get("/c/demo")


def test_admin(tracker):
    tracker.get("/c/demo")
    health = tracker.admin("/healthz")
    assert health.status == 200
    lines = health.body.decode().splitlines()
    assert lines[0] == "ok" and lines[1] == "workers: 1 of 1 alive"
    assert any(line.startswith("journal: 1 of 1 journaled") for line in lines)
    assert any(line.startswith(f"catalog: revision {REVISION}, heard of") for line in lines)
    wait_for(lambda: tracker.metric('clickledger_tracker_hits_total{kind="click"}') == 1, what="the counter")
    assert tracker.metric('clickledger_tracker_classes_total{class="human"}') == 1
    assert tracker.admin("/nothing").status == 404
    assert tracker.request("POST", "/metrics", port=tracker.admin_port).status == 405


def test_command_line(tmp_path, spawn):
    def run(*arguments):
        process = spawn(BUILD / "tracker/clickledger-tracker", *arguments)
        return process.wait(), process.log()

    status, text = run("--help")
    assert status == 0 and "drain" in text
    status, text = run("--version")
    assert status == 0 and text.startswith("clickledger-tracker ")
    keys = tmp_path / "keys"
    keys.write_text(KEY_LINE)
    keys.chmod(0o600)
    config = tmp_path / "conf"
    for line, what in (("prot = 1", "prot"), ("workers = 0", "workers"), ("trusted_proxies = everybody", "trusted_proxies"),
                       ("click_keys = /nowhere", "/nowhere")):
        config.write_text(f"[tracker]\nstate = {tmp_path}\n" +
                          ("" if "click_keys" in line else f"click_keys = {keys}\n") + line + "\n")
        status, text = run("--config", config)
        assert status == 2 and what in text
    keys.chmod(0o644)
    config.write_text(f"[tracker]\nclick_keys = {keys}\n")
    status, text = run("--config", config)
    assert status == 2 and str(keys) in text


def test_without_journal(tmp_path, make):
    (tmp_path / "state").mkdir()
    (tmp_path / "state/journal").write_text("not a folder")
    tracker = make()
    wait_for(lambda: b"1 wait for redis" in tracker.admin("/healthz").body, what="the mode")
    ids = [tracker.get("/c/demo").click_id for _ in range(5)]
    assert [hit["id"] for hit in tracker.hits(5)] == ids  # answered only when Redis had them
    assert tracker.get("/postback/good-key?order_id=1&amount=1").status == 202

    tracker.redis.kill()
    wait_for(lambda: tracker.admin("/healthz").status == 503, what="the mode")
    blind = tracker.get("/c/cookie")
    assert (blind.status, blind.location) == (302, "https://own.example/") and "Set-Cookie" not in blind.headers
    check_pixel(tracker.get("/v/shop.gif"))
    report = tracker.get("/postback/good-key?order_id=2&amount=1")
    assert report.status == 503 and report.headers["Retry-After"]
    assert tracker.metric("clickledger_recorder_lost_total") == 2
    assert tracker.metric("clickledger_tracker_reports_postponed_total") == 1

    tracker.redis.start()
    wait_for(tracker.healthy, what="Redis")
    last = tracker.get("/c/demo").click_id
    assert last in [hit["id"] for hit in tracker.hits(7)]


def test_answers_held_while_redis_is_slow(tmp_path, make):
    (tmp_path / "state").mkdir()
    (tmp_path / "state/journal").write_text("not a folder")
    tracker = make()
    wait_for(lambda: b"1 wait for redis" in tracker.admin("/healthz").body, what="the mode")
    requests = b"".join(b"GET /c/demo?sub1=%d HTTP/1.1\r\nHost: t\r\nUser-Agent: Mozilla/5.0\r\n\r\n" % n for n in range(50))
    tracker.redis.client.execute_command("CLIENT", "PAUSE", "300", "ALL")
    ids = re.findall(rb"click_id=([0-9a-f-]{36})", tracker.raw(requests))
    assert len(ids) == 50
    assert [hit["id"].encode() for hit in tracker.hits(50)] == ids


def test_journal_fails_under_a_turn(tmp_path, make):
    tracker = make()
    for reserve in (tmp_path / "state/journal").glob("*/reserve"):
        reserve.unlink()  # the first frame would have become it
    requests = b"".join(b"GET /c/demo?sub1=%d HTTP/1.1\r\nHost: t\r\nUser-Agent: Mozilla/5.0\r\n\r\n" % n for n in range(9))
    ids = re.findall(rb"click_id=([0-9a-f-]{36})", tracker.raw(requests))
    assert tracker.metric("clickledger_recorder_journal_failures_total") == 1
    assert len(ids) == 9
    assert [hit["id"].encode() for hit in tracker.hits(9)] == ids
