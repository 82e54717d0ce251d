"""sql/migrate: forward only, each file once and whole, whoever else runs it."""
import shutil
import subprocess

import pytest

from conftest import ROOT, Database


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
