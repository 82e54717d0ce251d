"""Faults of the disk that the tracker's journals are on, with the whole installation under load."""
import contextlib
import glob
import os
import shutil
import subprocess

import pytest

from conftest import long, wait_for
from installation import Installation
from load import Visitors
from test_faults import all_there, conserved, missing, more_clicks


@pytest.fixture
def installation(monkeypatch):
    monkeypatch.setenv("CLICKLEDGER_TRACKER_JOURNAL_SEGMENT_BYTES", "1m")
    made = Installation()
    made.up()
    yield made
    made.remove()


def modes(installation):
    """0: journaled, 1: answers wait for Redis, 2: neither; of each worker."""
    return {value for name, value in installation.metrics().items() if name.startswith("clickledger_recorder_mode")}


@contextlib.contextmanager
def small_disk(installation, size):
    """Moves the tracker's state to a disk of this size."""
    folder = installation.home("tracker")
    owner = os.stat(folder)
    installation.down()
    shutil.rmtree(folder)
    os.mkdir(folder)
    options = f"size={size},mode=700,uid={owner.st_uid},gid={owner.st_gid}"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True).returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    try:
        installation.up()
        yield folder
        installation.down()
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(path):
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(65536))


def test_disk_full_under_load(installation):
    """Journals fail in the middle of a turn: its answers are made again, and none with an id that was not recorded."""
    with small_disk(installation, "40m") as folder, Visitors(installation.port, pause_s=0) as visitors:
        for _ in range(3):
            more_clicks(visitors, 300)
            fill(os.path.join(folder, "ballast"))
            wait_for(lambda: 1 in modes(installation), what="answers that wait for Redis")
            more_clicks(visitors, 300)
            os.unlink(os.path.join(folder, "ballast"))
            wait_for(lambda: modes(installation) == {0}, what="journals")
        visitors.stop()
        all_there(installation, visitors)
        assert visitors.total("blind") == 0
        assert installation.query("select coalesce(sum(lost), 0) from clickledger.producer")[0][0] == 0


@long("an installation of its own; a full disk is in every run")
def test_journals_deleted_under_load(installation):
    """Nobody finds again what is written to a deleted file: a new journal is begun."""
    with Visitors(installation.port) as visitors:
        more_clicks(visitors, 300)
        for path in glob.glob(installation.home("tracker", "journal", "*")), [installation.home("tracker", "journal")]:
            failures = installation.metrics()["clickledger_recorder_journal_failures_total"]
            for folder in path:
                shutil.rmtree(folder)
            wait_for(lambda: installation.metrics()["clickledger_recorder_journal_failures_total"] >= failures + 2, what="both workers to notice")
            wait_for(lambda: modes(installation) == {0}, what="new journals")
        ids = visitors.total("answered")
        wait_for(lambda: missing(installation, ids) == 0, what="the clicks before")
        installation.kill("redis")
        more_clicks(visitors, 300)  # these are in the new journals only
        installation.kill("tracker")
        installation.up()
        more_clicks(visitors, 300)
    all_there(installation, visitors)
    assert visitors.total("blind") == 0
    assert conserved(installation)
