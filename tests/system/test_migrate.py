"""sql/migrate: forward only, each file once and whole, whoever else runs it."""
import contextlib
import shutil
import subprocess
import time

import psycopg2
import pytest

from conftest import ROOT, Database, wait_for
from ingest import new_ingest, producer, settled  # noqa: F401 (fixtures)


@pytest.fixture
def empty(cluster):
    cluster.databases += 1
    name = f"cl_empty_{cluster.databases}"
    cluster.execute(f"create database {name} owner cl_owner")
    database = Database(cluster, name)
    yield database
    database.close()


@pytest.fixture
def folder(tmp_path):
    """Migrations of its own, in a path that needs quoting."""
    folder = tmp_path / "it's a folder"
    folder.mkdir()
    shutil.copy(ROOT / "sql/migrate", folder)
    for number, name in enumerate(["one", "two", "three"], 1):
        (folder / f"{number:04}_{name}.sql").write_text(f"create table clickledger.{name} (id integer);\nselect 1;\n")
    return folder


def test_a_reader_in_its_way(empty, folder):
    """A migration waits behind a reader for moments only, so that whoever comes behind it is served; then it is tried again."""
    assert run(folder, empty)[0] == 0
    (folder / "0004_alter.sql").write_text("alter table clickledger.one add column more integer;\n")
    with contextlib.closing(psycopg2.connect(empty.conninfo())) as reader:
        reader.cursor().execute("select * from clickledger.one")
        runner = start(folder, empty)
        waiting = "select count(*) from pg_locks where not granted and relation = 'clickledger.one'::regclass"
        wait_for(lambda: empty.value(waiting), what="the migration to wait")
        empty.query("set lock_timeout = '60s'")
        empty.query("insert into clickledger.one values (1)")  # waits until the migration has stepped back
        assert runner.poll() is None and versions(empty) == [1, 2, 3]
    out, err = runner.communicate(timeout=60)
    assert (runner.returncode, out, err) == (0, "migrated 0004_alter\n", "")
    assert empty.query("select id, more from clickledger.one") == [(1, None)]


def test_a_deadlock(empty, folder):
    """With a reader who asks for the migration's tables in the other order: the migration steps back and comes again."""
    assert run(folder, empty)[0] == 0
    (folder / "0004_alter.sql").write_text("".join(f"alter table clickledger.{table} add column more integer;\n" for table in ("one", "two")))
    with contextlib.closing(psycopg2.connect(empty.conninfo("postgres"))) as reader:
        cursor = reader.cursor()
        cursor.execute("set deadlock_timeout = '20s'")  # so that it is not the reader who is cancelled
        cursor.execute("select * from clickledger.two")
        runner = start(folder, empty)
        waiting = "select count(*) from pg_locks where not granted and relation = 'clickledger.two'::regclass"
        wait_for(lambda: empty.value(waiting), what="the migration to wait")
        cursor.execute("select * from clickledger.one")
        assert runner.poll() is None and versions(empty) == [1, 2, 3]
    out, err = runner.communicate(timeout=60)
    assert (runner.returncode, out, err) == (0, "migrated 0004_alter\n", "")


def test_under_load(tmp_path, new_ingest, postgres, producer):
    """The tables of hits get a column while hits are loaded and an analyst reads."""
    folder = tmp_path / "sql"
    shutil.copytree(ROOT / "sql", folder)
    (folder / "9000_more.sql").write_text("".join(f"alter table clickledger.{table} add column more integer;\n"
                                                  for table in ("click", "impression", "visit", "promo_entry", "producer", "click_hourly")))
    new_ingest().start()
    producer.send(producer.make())
    settled(postgres, producer, (1, 3, 3, 0, 0, False))
    with contextlib.closing(psycopg2.connect(postgres.conninfo())) as reader:
        reader.cursor().execute("select count(*) from clickledger.click")
        runner = start(folder, postgres)
        waiting = "select count(*) from pg_locks where not granted and relation = 'clickledger.click'::regclass and mode = 'AccessExclusiveLock'"
        wait_for(lambda: postgres.value(waiting), what="the migration to wait")
        producer.send(*[producer.make() for _ in range(5)])
        settled(postgres, producer, (6, 18, 18, 0, 0, False))
    while runner.poll() is None:
        producer.send(producer.make())
        time.sleep(0.02)
    out, err = runner.communicate()
    assert (runner.returncode, out) == (0, "migrated 9000_more\n"), err
    producer.send(producer.make())
    settled(postgres, producer, (len(producer.frames), producer.hits, producer.hits, 0, 0, False))
    assert postgres.query("select * from conservation where not holds") == [] and postgres.query("select * from dead_letter") == []


def start(folder, database):
    return subprocess.Popen([folder / "migrate", database.conninfo()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(folder, database):
    process = start(folder, database)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def versions(database):
    return [version for version, in database.query("select version from clickledger.schema_migration order by 1")]


def test_three_at_once(folder, empty):
    runners = [start(folder, empty) for _ in range(3)]
    said = [runner.communicate(timeout=60) for runner in runners]
    assert [runner.returncode for runner in runners] == [0, 0, 0], said
    assert sorted(line for out, _ in said for line in out.splitlines()) == ["migrated 0001_one", "migrated 0002_two", "migrated 0003_three"]
    assert versions(empty) == [1, 2, 3]
    assert run(folder, empty) == (0, "", "")


def test_what_it_refuses(folder, empty):
    assert run(folder, empty)[0] == 0
    bad = folder / "0004_bad.sql"
    bad.write_text("create table clickledger.left_over (id integer);\nselect 1 / 0;\n")
    status, out, err = run(folder, empty)
    assert status == 1 and out == "" and "division by zero" in err and "nothing of it was kept" in err
    assert versions(empty) == [1, 2, 3] and empty.value("select to_regclass('clickledger.left_over')") is None
    bad.write_text("create table clickledger.made (id integer);\n")
    assert run(folder, empty)[0] == 0
    bad.unlink()
    status, _, err = run(folder, empty)
    assert status == 1 and "use a newer release" in err
    with open(folder / "0001_one.sql", "a") as file:
        file.write("-- changed\n")
    status, _, err = run(folder, empty)
    assert status == 1 and "0001_one was applied and then changed" in err


def migrate_before(number, tmp_path, database):
    """As a release was that had no migration of this number yet."""
    older = tmp_path / "older"
    shutil.copytree(ROOT / "sql", older, ignore=lambda _, names: [name for name in names if name >= number and name.endswith(".sql") and name[0].isdigit()])
    assert run(older, database)[0] == 0


def test_days_of_clicks_are_hung_anew(tmp_path, empty):
    """Those that have rows stay whole and keep their indexes; those that have none yet are divided."""
    migrate_before("0093", tmp_path, empty)
    empty.query("select clickledger.partition_ensure(current_date - 5, current_date + 3)")
    empty.query("insert into clickledger.click (ts, click_id, class, reason, status, catalog_revision, producer, seq, content_hash)"
                " select clickledger.click_ts(id), id, 'human', 'none', 302, 1, gen_random_uuid(), 1, 1 from"
                " (select clickledger.click_id_at(current_date::timestamp at time zone 'UTC' - n * interval '5 days' + interval '1 s') as id"
                "  from generate_series(0, 1) n) ids")
    status, out, err = run(ROOT / "sql", empty)
    assert (status, err) == (0, ""), out
    assert empty.value("select count(*) from clickledger.click") == 2
    days = empty.query("select p.day - current_date, c.relkind, (select count(*) from clickledger.partition_parts('click', p.day)),"
                       " (select array_agg(distinct (select count(*) from pg_index x where x.indrelid = t)) from clickledger.partition_parts('click', p.day) t)"
                       " from clickledger.hit_partition p join pg_class c on c.oid = ('clickledger.' || clickledger.partition_name('click', p.day))::regclass"
                       " where p.table_name = 'click' order by 1")
    assert days == [(n, "r" if n <= 0 else "p", 1, [2]) for n in range(-5, 4)]
    assert empty.value("select count(*) from pg_index where indrelid = 'clickledger.click'::regclass") == 0
    assert empty.value("select count(*) from pg_constraint where conname = 'click_range'") == 0
    assert empty.query("select clickledger.part_make(current_date), clickledger.part_make(current_date + 1) is null") == [(None, False)]
    assert empty.value("select clickledger.partition_seal('click', current_date - 5)") == 1
    empty.query("select clickledger.partition_detach('click', current_date - 5)")
    assert empty.value("select count(*) from clickledger.click") == 1


def test_partners_get_sketches(tmp_path, empty):
    """All of a partner in an hour: the union of his links and codes, and nothing for whole programmes."""
    migrate_before("0097", tmp_path, empty)
    empty.query("""insert into clickledger.unique_hourly (hour, program_id, partner_id, link_id, sketch)
                   select hour, program, partner, link, set_bit(repeat('0', 20480)::bit(20480), place, 1)
                   from (values ('2026-03-01 10:00Z'::timestamptz, 1, 7, 1, 5), ('2026-03-01 10:00Z', 1, 7, 2, 6), ('2026-03-01 10:00Z', 1, 7, 0, 7),
                     ('2026-03-01 10:00Z', 2, 7, 3, 8), ('2026-03-01 11:00Z', 1, 7, 1, 5), ('2026-03-01 10:00Z', 1, 8, 4, 9), ('2026-03-01 10:00Z', 1, 0, 0, 5))
                     as row (hour, program, partner, link, place)""")
    assert run(ROOT / "sql", empty)[0] == 0
    assert empty.query("""select extract(hour from hour at time zone 'UTC')::integer, program_id, partner_id,
                            (select array_agg(n) from generate_series(0, 20479) n where get_bit(sketch, n) = 1)
                          from clickledger.unique_hourly where link_id = -1 order by 1, 2, 3""") \
        == [(10, 1, 7, [5, 6, 7]), (10, 1, 8, [9]), (10, 2, 7, [8]), (11, 1, 7, [5])]
    assert empty.value("select count(*) from clickledger.unique_hourly") == 11
