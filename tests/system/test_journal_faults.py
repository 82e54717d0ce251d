"""The disk that the journals are on fails under a real tracker: answers wait for Redis, then have no id, and it comes back by itself."""
import errno
import os

import pytest

from conftest import BUILD, SANITIZED, wait_for
from tracker import RECORDS, REVISION, Tracker, hits, publish

MODES = {"journaled": 0, "held": 1, "blind": 2}
READ_ONLY = {call: errno.EROFS for call in ("write", "fallocate", "mkdirat", "create")}


class Disk:
    def __init__(self, folder):
        self.control, self.syncs_path = folder / "disk_fault", folder / "syncs"

    def fail(self, **calls):
        """From now on: fail(write=errno.EIO, ...). Put in place as a whole."""
        text = "".join(f"{call} {number}\n" for call, number in calls.items())
        other = self.control.with_suffix(".new")
        other.write_text(text)
        os.rename(other, self.control)

    def mend(self):
        self.fail()

    def syncs(self):
        """[(path, errno or 0)] of every sync so far, in order."""
        lines = self.syncs_path.read_text().splitlines() if self.syncs_path.exists() else []
        return [(line.split()[1], int(line.split()[2])) for line in lines]


@pytest.fixture
def disk(tmp_path):
    return Disk(tmp_path)


@pytest.fixture
def tracker(tmp_path, redis_server, spawn, disk):
    if SANITIZED:
        pytest.skip("its library would come before the sanitizer's")
    env = {"LD_PRELOAD": BUILD / "tests/system/libdisk_fault.so", "DISK_FAULT": disk.control, "DISK_FAULT_LOG": disk.syncs_path}

    def preloaded(*argv):
        return spawn(*argv, env={name: str(value) for name, value in env.items()})

    publish(redis_server.client, RECORDS, REVISION)
    made = Tracker(tmp_path, redis_server, preloaded, journal_sync_ms="10ms")
    made.start(REVISION)
    return made


def mode_is(tracker, name):
    return tracker.metric('clickledger_recorder_mode{worker="0"}') == MODES[name]


def clicks(tracker, count=5):
    return [tracker.get("/c/demo").click_id for _ in range(count)]


def arrived(tracker, ids):
    wait_for(lambda: sorted(hit["id"] for hit in hits(tracker.redis.client)) == sorted(ids), what=f"the {len(ids)} clicks, each once")


@pytest.mark.parametrize("fault", [{"write": errno.EIO}, {"write": errno.ENOSPC}, {"write": errno.EDQUOT}, READ_ONLY],
                         ids=["EIO", "ENOSPC", "EDQUOT", "read-only"])
def test_a_disk_that_takes_nothing(tracker, disk, fault):
    ids = clicks(tracker)
    disk.fail(**fault, **({} if "fallocate" in fault else {"fallocate": fault["write"]}))
    ids += clicks(tracker)  # the first one is answered again, when Redis has it
    wait_for(lambda: mode_is(tracker, "held"), what="answers that wait for Redis")
    assert tracker.healthy()
    arrived(tracker, ids)
    # What has no journal is where Redis' file is; behind a slow sync Redis keeps it to itself for a while.
    wait_for(lambda: tracker.redis.client.info("persistence")["aof_buffer_length"] == 0, what="the append-only file")
    tracker.redis.kill()
    wait_for(lambda: mode_is(tracker, "blind"), what="the end of Redis to be noticed")
    blind = tracker.get("/c/cookie")
    assert (blind.status, blind.location) == (302, "https://own.example/")
    disk.mend()
    wait_for(lambda: mode_is(tracker, "journaled"), what="a new journal")
    ids += clicks(tracker)
    tracker.redis.start()
    arrived(tracker, ids)
    assert tracker.metric("clickledger_recorder_lost_total") == 1


def test_a_sync_that_failed_is_not_believed_later(tracker, disk):
    """The kernel may have dropped what it could not write, and says so once. The file is never written or synced again."""
    ids = clicks(tracker)
    wait_for(lambda: any(error == 0 for _, error in disk.syncs()), what="a sync")
    disk.fail(fdatasync=errno.EIO)
    ids += clicks(tracker)
    wait_for(lambda: tracker.metric("clickledger_recorder_journal_failures_total") >= 1, what="the failed sync to be noticed")
    disk.mend()
    ids += clicks(tracker)
    wait_for(lambda: mode_is(tracker, "journaled"), what="a new journal")
    ids += clicks(tracker)
    wait_for(lambda: disk.syncs()[-1][1] == 0, what="a sync of the new one")
    failed = {path for path, error in disk.syncs() if error}
    assert failed
    for path in failed:
        assert [error for other, error in disk.syncs() if other == path][-1] == errno.EIO, path
    arrived(tracker, ids)


def test_synced_before_the_answer(tmp_path, tracker, disk):
    """journal_sync_ms = 0: who could not be synced is answered when Redis has it, or without an id."""
    assert tracker.process.stop() == 0
    tracker.config.write_text(tracker.config.read_text().replace("journal_sync_ms = 10ms", "journal_sync_ms = 0"))
    tracker.start(REVISION)
    ids = clicks(tracker)
    disk.fail(fdatasync=errno.EIO)
    ids += clicks(tracker)
    assert tracker.metric("clickledger_recorder_journal_failures_total") >= 1
    disk.mend()
    wait_for(lambda: mode_is(tracker, "journaled"), what="a new journal")
    ids += clicks(tracker)
    arrived(tracker, ids)
    assert tracker.metric("clickledger_recorder_lost_total") == 0
