"""Everything a Redis can do to a tracker. Each click is answered meanwhile; when Redis is well again, its stream has each once."""
import contextlib
import os
import shutil
import signal
import subprocess
import threading

import pytest
import redis

from conftest import ALL, Process, wait_for
from fake_redis import FakeRedis, healthy
from tracker import RECORDS, REVISION, Tracker, hits, make_fixture, publish, tracker_fixture  # noqa: F401

CLICKS = 5


def clicks(tracker, count=CLICKS):
    """Their ids: nobody waits for Redis while there is a journal."""
    return [tracker.get("/c/demo").click_id for _ in range(count)]


def arrived(tracker, ids, limit_s=20):
    """Each in the stream exactly once; a frame that was sent again counts as one."""
    def found():
        try:
            return sorted(hit["id"] for hit in hits(tracker.redis.client))
        except redis.RedisError:
            return None  # not yet well again
    wait_for(lambda: found() == sorted(ids), limit_s, f"the {len(ids)} clicks, each once")


def refused(tracker, count=1):
    return tracker.metric("clickledger_recorder_not_stored_total") >= count


def losses(tracker):
    return tracker.metric("clickledger_recorder_redis_losses_total")


# --- What a real one does ----------------------------------------------------------------------------------

@contextlib.contextmanager
def full(tracker):
    tracker.redis.client.config_set("maxmemory", 1)
    yield lambda: refused(tracker)
    tracker.redis.client.config_set("maxmemory", 0)


@contextlib.contextmanager
def replica(tracker):
    tracker.redis.client.execute_command("REPLICAOF", "127.0.0.1", "1")
    yield lambda: refused(tracker) and losses(tracker)
    tracker.redis.client.execute_command("REPLICAOF", "NO", "ONE")


@contextlib.contextmanager
def unable_to_save(tracker):
    client = tracker.redis.client
    (tracker.redis.folder / "dump.rdb").mkdir()
    client.config_set("save", "3600 1")
    client.bgsave()
    wait_for(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err", what="a save that fails")
    yield lambda: refused(tracker)
    client.config_set("save", "")


@contextlib.contextmanager
def wanting_a_password(tracker):
    """Of those who connect from now on; so everybody is thrown out."""
    tracker.redis.client.config_set("requirepass", "secret")
    tracker.redis.client.execute_command("CLIENT", "KILL", "TYPE", "normal")
    yield lambda: losses(tracker) >= 2
    with redis.Redis(unix_socket_path=str(tracker.redis.socket), password="secret") as client:
        client.config_set("requirepass", "")


@contextlib.contextmanager
def busy(tracker):
    client = tracker.redis.client
    client.config_set("busy-reply-threshold", 1)

    def script():
        with contextlib.suppress(redis.RedisError):
            redis.Redis(unix_socket_path=str(tracker.redis.socket)).eval("while true do end", 0)

    thread = threading.Thread(target=script)
    thread.start()
    yield lambda: refused(tracker)
    client.execute_command("SCRIPT", "KILL")
    thread.join()


@contextlib.contextmanager
def paused(tracker):
    tracker.redis.client.execute_command("CLIENT", "PAUSE", "700", "ALL")
    yield lambda: True


@contextlib.contextmanager
def emptied(tracker):
    tracker.redis.client.flushall()
    yield lambda: tracker.metric("clickledger_recorder_vanished_total")


def restarted(tracker, change):
    """Like a crash; `change` is what happens to its files meanwhile."""
    tracker.redis.kill()
    change(tracker.redis.folder / "appendonlydir")
    tracker.redis.start()


@contextlib.contextmanager
def restarted_empty(tracker):
    restarted(tracker, shutil.rmtree)
    yield lambda: losses(tracker)


@contextlib.contextmanager
def truncated(tracker):
    """aof-load-truncated: it starts all the same, without its last entries."""
    def cut(folder):
        tail = max(folder.glob("*.incr.aof"))
        assert tail.stat().st_size > 2000
        os.truncate(tail, tail.stat().st_size - 1500)
    restarted(tracker, cut)
    yield lambda: losses(tracker)


@pytest.mark.parametrize("fault", [full, replica, unable_to_save, wanting_a_password, busy, paused, emptied, restarted_empty, truncated])
def test_real(tracker, fault):
    ids = clicks(tracker)
    arrived(tracker, ids)
    with fault(tracker) as noticed:
        ids += clicks(tracker)
        wait_for(noticed, what="the tracker to notice")
        ids += clicks(tracker)
    ids += clicks(tracker)
    arrived(tracker, ids)
    assert tracker.metric("clickledger_recorder_lost_total") == 0
    assert tracker.healthy()


def test_stopped(tracker):
    """It takes connections and says nothing: given up within a bounded time, and sent again what it did not confirm."""
    ids = clicks(tracker)
    arrived(tracker, ids)
    os.kill(tracker.redis.process.pid, signal.SIGSTOP)
    ids += clicks(tracker, 50)
    wait_for(lambda: losses(tracker), what="the connection given up")
    ids += clicks(tracker)
    os.kill(tracker.redis.process.pid, signal.SIGCONT)
    arrived(tracker, ids)


# --- What only a fake one does -----------------------------------------------------------------------------

ERRORS = [b"-%s\r\n" % error for error in (
    b"LOADING Redis is loading the dataset in memory", b"READONLY You can't write against a read only replica.", b"OOM command not allowed",
    b"MISCONF Redis is configured to save RDB snapshots", b"BUSY Redis is busy running a script", b"NOAUTH Authentication required.",
    b"NOPERM this user has no permissions", b"WRONGPASS invalid", b"MOVED 1 127.0.0.1:1", b"CLUSTERDOWN Hash slot not served", b"MASTERDOWN Link",
    b"NOREPLICAS Not enough good replicas to write.", b"WRONGTYPE Operation against a key", b"ERR unknown command 'XADD'", b"")]
ODDITIES = [b"+OK\r\n", b":1\r\n", b"$-1\r\n", b"*0\r\n", b"$3\r\n1-x\r\n", b"$0\r\n\r\n", b"hello\r\n", b"$99999999999999999999\r\n", b"*-5\r\n",
            b"$3\r\nab", b""]
TRIED = ERRORS + ODDITIES if ALL else [b"+OK\r\n", b"hello\r\n"]  # behind each, it rests


@pytest.fixture
def fake(tracker):
    """In the place of the real one, which has been killed; reply() may be changed at any time."""
    tracker.redis.kill()
    with FakeRedis(tracker.redis.socket, healthy) as made:
        yield made


def test_no_other_reply_to_a_write_is_a_success(tracker, fake):
    """What is believed to be stored would be sent once at most."""
    ids = []
    for reply in TRIED:
        ids += clicks(tracker, 2)
        sent = fake.count(b"XADD")
        fake.reply = lambda command, reply=reply: reply if command[0] == b"XADD" else healthy(command)
        once = len(ids) if reply else 1  # a close ends a connection behind its first write
        wait_for(lambda: fake.count(b"XADD") > sent + once, what=f"writes that are answered {reply} to be sent again")
    fake.__exit__()
    tracker.redis.start()
    arrived(tracker, ids)


def test_a_refused_question_is_no_position(tracker, fake):
    """One that loads its file refuses to say how far ingest is; that is no alarm, and the next answer counts."""
    fake.reply = lambda command: ERRORS[0] if command[0] == b"HGET" else healthy(command)
    asked = fake.count(b"HGET")
    wait_for(lambda: fake.count(b"HGET") >= asked + 3, what="it to be asked for the position")
    assert "sender.position_malformed" not in tracker.process.log()
    fake.reply = lambda command: b"+nonsense\r\n" if command[0] == b"HGET" else healthy(command)
    wait_for(lambda: "sender.position_malformed" in tracker.process.log(), what="the alarm")


@pytest.mark.parametrize("reply", [ERRORS[0], b""])
def test_one_that_is_not_ready_is_asked_again(tracker, fake, reply):
    fake.reply = lambda command: reply
    ids = clicks(tracker)
    wait_for(lambda: fake.count(b"INFO") >= 4, what="it to be asked again")  # by the recorder and by the catalog's link
    assert fake.count(b"XADD") == 0
    fake.__exit__()
    tracker.redis.start()
    arrived(tracker, ids)


def test_without_journal_only_a_stored_click_has_an_id(tmp_path, make):
    (tmp_path / "state").mkdir()
    (tmp_path / "state/journal").write_text("not a folder")
    tracker = make()
    tracker.redis.kill()
    wait_for(lambda: tracker.metric('clickledger_recorder_redis_up{worker="0"}') == 0, what="the loss")
    for reply in (ERRORS[2], b"+OK\r\n"):
        with FakeRedis(tracker.redis.socket, lambda command: reply if command[0] == b"XADD" else healthy(command)) as fake:
            wait_for(lambda: b"1 wait for redis" in tracker.admin("/healthz").body, what="the mode")
            wait_for(lambda: tracker.metric('clickledger_recorder_redis_up{worker="0"}') == 1, what="the link")
            answer = tracker.get("/c/cookie")
            assert (answer.status, answer.location) == (302, "https://own.example/"), reply
            assert fake.count(b"XADD") >= 1
        wait_for(lambda: tracker.metric('clickledger_recorder_redis_up{worker="0"}') == 0, what="the loss")
    assert tracker.metric("clickledger_recorder_lost_total") == 2


# --- A wire that is cut ------------------------------------------------------------------------------------

@pytest.fixture
def far_redis(tmp_path):
    """A Redis in a network namespace of its own, reached through a pair of virtual cards; cut() drops what it sends."""
    name, card, net = f"cl{os.getpid()}", f"cl{os.getpid() % 100000}", f"10.213.{os.getpid() % 250}"

    def ip(*words):
        return subprocess.run(["ip", *words], capture_output=True).returncode == 0

    if not (ip("netns", "add", name) and ip("link", "add", card, "type", "veth", "peer", "name", "far", "netns", name)):
        ip("netns", "delete", name)
        pytest.skip("network namespaces cannot be made here")
    server = None
    try:
        ip("address", "add", f"{net}.1/24", "dev", card)
        ip("link", "set", card, "up")
        ip("-n", name, "address", "add", f"{net}.2/24", "dev", "far")
        ip("-n", name, "link", "set", "far", "up")
        server = Process(["ip", "netns", "exec", name, "redis-server", "--port", "6379", "--bind", f"{net}.2", "--protected-mode", "no", "--save", "",
                          "--dir", tmp_path], tmp_path / "far.log")
        client = redis.Redis(f"{net}.2", socket_timeout=5)
        wait_for(lambda: server.alive() and far_up(client), what="the far Redis")
        yield FarRedis(f"{net}.2:6379", client, lambda: ip("-n", name, "link", "set", "far", "down"), lambda: ip("-n", name, "link", "set", "far", "up"))
    finally:
        if server:
            server.kill()
        ip("link", "delete", card)
        ip("netns", "delete", name)


def far_up(client):
    with contextlib.suppress(redis.RedisError):
        return client.ping()
    return False


class FarRedis:
    def __init__(self, address, client, cut, mend):
        self.socket, self.client, self.cut, self.mend = address, client, cut, mend


def test_cut_wire(tmp_path, far_redis, spawn):
    """No reset, no close, only silence: found within a bounded time, whatever the kernel thinks."""
    publish(far_redis.client, RECORDS, REVISION)
    tracker = Tracker(tmp_path, far_redis, spawn)
    tracker.start(REVISION)
    ids = clicks(tracker)
    arrived(tracker, ids)
    assert far_redis.cut()
    ids += clicks(tracker)
    wait_for(lambda: losses(tracker), what="the connection given up")
    ids += clicks(tracker)
    assert far_redis.mend()
    far_redis.client.connection_pool.disconnect()
    arrived(tracker, ids)
