"""Faults of the stores and of the journal, with the whole installation under load. Each ends with the counters right."""
import glob
import os
import shutil
import subprocess
import sys

import pytest
import redis

from conftest import ROOT, wait_for
from installation import Installation, click_id_of
from load import AGENTS, Visitors

sys.path.insert(0, str(ROOT / "ops"))
import state  # noqa: E402


@pytest.fixture
def installation():
    made = Installation()
    made.up()
    yield made
    made.remove()


def missing(installation, ids):
    return installation.query("select count(*) from unnest(%s::uuid[]) id where not exists "
                              "(select from clickledger.click c where c.click_id = id and c.ts = clickledger.click_ts(id))", ids)[0][0]


def conserved(installation):
    return installation.query("select coalesce(sum(hits - stored - dead - lost), 0) from clickledger.producer")[0][0] == 0


def all_there(installation, visitors, limit_s=60):
    ids = visitors.total("answered")
    assert ids
    wait_for(lambda: missing(installation, ids) == 0, limit_s, f"all {len(ids)} answered clicks in PostgreSQL")
    rows = installation.query("select count(*), count(distinct click_id) from clickledger.click")[0]
    assert rows[0] == rows[1]
    assert rows[0] - len(ids) <= visitors.total("unanswered") + visitors.total("blind")
    assert conserved(installation)


def more_clicks(visitors, count):
    before = visitors.count()
    wait_for(lambda: visitors.count() >= before + count, what=f"{count} more clicks")


def test_redis_emptied_under_load(installation):
    store = redis.Redis(unix_socket_path=installation.addresses["redis"])
    with Visitors(installation.port) as visitors:
        for _ in range(5):
            more_clicks(visitors, 200)
            store.flushall()
        more_clicks(visitors, 200)
    all_there(installation, visitors)
    assert installation.query("select coalesce(sum(lost), 0) from clickledger.producer")[0][0] == 0


def stop_postgres(installation):
    """Like a crash: SIGKILL, and wait until the last of its children has let go of the data."""
    pid = installation.kill("postgres")
    wait_for(lambda: not postgres_children(installation), what=f"PostgreSQL {pid} and its children gone")


def postgres_children(installation):
    data = installation.home("postgres")
    return [link for link in glob.glob("/proc/[0-9]*/cwd") if state.link_target(link) == data]


def copy(source, target):
    """Puts a copy in place of the target, with owners and modes."""
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", source, target], check=True)


def test_postgres_restored_to_an_earlier_backup(installation):
    data, backup = installation.home("postgres"), os.path.join(installation.folder, "backup")
    with Visitors(installation.port) as visitors:
        more_clicks(visitors, 300)
        early = visitors.total("answered")
        wait_for(lambda: missing(installation, early) == 0, what="the first clicks in PostgreSQL")
        stop_postgres(installation)
        copy(data, backup)
        installation.up()
        more_clicks(visitors, 300)
        installation.kill("tracker")  # its producers end, and must be sent again all the same
        installation.up()
        more_clicks(visitors, 300)
        late = visitors.total("answered")
        wait_for(lambda: missing(installation, late) == 0, what="the later clicks in PostgreSQL")
        stop_postgres(installation)
        copy(backup, data)
        installation.up()
        more_clicks(visitors, 300)
    all_there(installation, visitors)
    assert installation.query("select coalesce(sum(lost), 0) from clickledger.producer")[0][0] == 0


def click(installation):
    _, headers, _ = installation.request(installation.addresses["link"], headers={"User-Agent": AGENTS[0]})
    return click_id_of(headers["Location"])


def test_flipped_bit_in_the_journal_is_counted(installation):
    installation.kill("redis")  # nothing leaves the journal now
    ids = [click(installation) for _ in range(20)]
    installation.kill("tracker")
    damaged = flip_one_bit_of_a_payload(installation, ids)
    installation.up()
    wait_for(lambda: missing(installation, ids) == 1, what="all but the damaged click")
    assert missing(installation, [damaged]) == 1
    wait_for(lambda: installation.query("select sum(lost) from clickledger.producer")[0][0] == 1, what="the damaged click counted as lost")
    assert installation.query("select reason, hits from clickledger.lost_range") == [("hole", 1)]
    assert conserved(installation)


def flip_one_bit_of_a_payload(installation, ids):
    """Damages the frame of one click inside a journal; returns the click's id."""
    for path in glob.glob(installation.home("tracker", "journal", "*", "*.seg")):
        with open(path, "r+b") as file:
            content = file.read()
            for click_id in ids[5:]:
                at = content.find(bytes.fromhex(click_id.replace("-", "")))
                if at >= 0:
                    file.seek(at + 20)
                    file.write(bytes([content[at + 20] ^ 4]))
                    return click_id
    raise AssertionError("no journal holds the clicks")


def test_copied_tracker_state_is_noticed_and_harms_nobody(installation):
    """The folder of a living tracker, copied and started beside it: no answered click of either is lost or doubled."""
    config = installation.home("clickledger.conf")
    copied = os.path.join(installation.folder, "copied")
    with Visitors(installation.port) as visitors:
        more_clicks(visitors, 200)
        copy(installation.home("tracker"), copied)
        with open(config) as file:
            text = file.read()
        port = installation.port + 6
        for old, new in ((f"port = {installation.port}\n", f"port = {port}\n"), (f"admin_port = {installation.port + 2}\n", f"admin_port = {port + 1}\n"),
                         (f"state = {installation.home('tracker')}", f"state = {copied}")):
            assert old in text
            text = text.replace(old, new, 1)
        other_config = os.path.join(installation.folder, "copied.conf")
        with open(os.open(other_config, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(text)
        program = [installation.home("build", "tracker", "clickledger-tracker"), "--config", other_config]
        other = subprocess.Popen(program, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with Visitors(port, threads=1) as others:
                more_clicks(others, 100)
                more_clicks(visitors, 300)
        finally:
            other.terminate()
            other.wait(20)
    ids = visitors.total("answered") + others.total("answered")
    wait_for(lambda: missing(installation, ids) == 0, 60, "every answered click of both")
    rows = installation.query("select count(*), count(distinct click_id) from clickledger.click")[0]
    assert rows[0] == rows[1]
    assert conserved(installation)
