"""Backup with archived WAL and point-in-time restore of a whole installation: what was answered since comes back from the journals,
what was forgotten stays forgotten, the money is the same."""
import os
import pathlib
import shutil
import signal
import subprocess

import psycopg2
import pytest

from conftest import PG_BIN, long, wait_for
from installation import Installation, click_id_of
from load import Visitors
from test_faults import conserved, copy, missing, more_clicks, postgres_children

RECOVERY = """
restore_command = 'cp {archive}/%f %p'
recovery_target_name = 'before_the_mistake'
recovery_target_action = 'promote'
"""


@pytest.fixture
def installation():
    made = Installation()
    made.up()
    yield made
    made.remove()


def superuser(installation, *statements):
    connection = psycopg2.connect(installation.addresses["postgres_owner"].replace("user=cl_owner", "user=postgres"))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None
    finally:
        connection.close()


def stop_postgres(installation):
    os.kill(installation.pid("postgres"), signal.SIGINT)  # fast: it ends what it does, and the archive gets the rest
    wait_for(lambda: not postgres_children(installation), what="PostgreSQL to end")


def begin_archiving(installation):
    """As docs/operations.md tells it: archive_mode, a base backup, a named moment."""
    archive = pathlib.Path(installation.home("wal"))
    owner = os.stat(installation.home("postgres"))
    archive.mkdir(mode=0o700)
    os.chown(archive, owner.st_uid, owner.st_gid)
    superuser(installation, "alter system set archive_mode = on", f"alter system set archive_command = 'test ! -f {archive}/%f && cp %p {archive}/%f'")
    stop_postgres(installation)
    installation.up()
    return archive


def base_backup(installation):
    folder = os.path.join(installation.folder, "base")
    subprocess.run([PG_BIN / "pg_basebackup", "-h", installation.home("run"), "-p", "5432", "-U", "postgres", "-D", folder, "-c", "fast", "-X", "none",
                    "--no-sync"], check=True, stdin=subprocess.DEVNULL, capture_output=True)
    owner = os.stat(installation.home("postgres"))
    subprocess.run(["chown", "-R", f"{owner.st_uid}:{owner.st_gid}", folder], check=True)
    return folder


def restore(installation, backup, archive):
    data = installation.home("postgres")
    copy(backup, data)
    os.chmod(data, 0o700)
    with open(os.path.join(data, "postgresql.auto.conf"), "a") as file:
        file.write(RECOVERY.format(archive=archive))
    owner = os.stat(data)
    asked = pathlib.Path(data, "recovery.signal")
    asked.touch()
    os.chown(asked, owner.st_uid, owner.st_gid)
    installation.up()
    wait_for(lambda: superuser(installation, "select pg_is_in_recovery()") == [(False,)], what="the promotion")


def order(installation, name):
    """An order by a click of a browser that nobody else has, so that it repeats no other click."""
    agent = f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/1{len(name)}.0 Safari/537.36"
    _, headers, _ = installation.request(installation.addresses["link"], headers={"User-Agent": agent})
    click_id = click_id_of(headers["Location"])
    status, _, _ = installation.request(f"{installation.addresses['postback']}?click_id={click_id}&order_id={name}&amount=100.00&status=approved")
    assert status == 202


def earned(installation):
    """Orders and what they earned, without what a second computation numbers anew."""
    return installation.query("select c.order_id, m.amount_minor, m.status from clickledger.conversion c"
                              " join clickledger.commission m on m.conversion_id = c.id order by 1")


@long("a new cluster each; test_faults restores an earlier backup in every run")
def test_restored_to_a_moment(installation):
    archive = begin_archiving(installation)
    with Visitors(installation.port) as visitors:
        more_clicks(visitors, 200)
        backup = base_backup(installation)
        more_clicks(visitors, 200)
        early = visitors.total("answered")
        order(installation, "early")
        wait_for(lambda: missing(installation, early) == 0 and len(earned(installation)) == 1, what="the first clicks and the order in PostgreSQL")
        superuser(installation, "select pg_create_restore_point('before_the_mistake')")
        more_clicks(visitors, 200)
        order(installation, "late")
        wait_for(lambda: len(earned(installation)) == 2, what="the second order")
        known = earned(installation)
        late = visitors.total("answered")
        wait_for(lambda: missing(installation, late) == 0, what="the later clicks in PostgreSQL")
        installation.kill("tracker")  # its producers end, and must be sent again all the same
        installation.up()
        more_clicks(visitors, 100)
        superuser(installation, "select pg_switch_wal()")
        last = superuser(installation, "select pg_walfile_name(pg_current_wal_lsn())")[0][0]
        superuser(installation, "select pg_switch_wal()")
        wait_for(lambda: any(path.name >= last for path in archive.iterdir()), what="the archive to have it")
        stop_postgres(installation)
        restore(installation, backup, archive)
        assert installation.query("select timeline_id > 1 from pg_control_checkpoint()") == [(True,)]
        more_clicks(visitors, 200)
    ids = visitors.total("answered")
    wait_for(lambda: missing(installation, ids) == 0, what=f"all {len(ids)} answered clicks in PostgreSQL")
    assert conserved(installation)
    wait_for(lambda: earned(installation) == known, what=f"the same commissions, now {earned(installation)}")
    assert installation.query("select coalesce(sum(lost), 0) from clickledger.producer")[0][0] == 0
    assert installation.query("select count(*) from clickledger.ledger_violation")[0][0] == 0
    shutil.rmtree(backup)
