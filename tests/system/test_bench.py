"""bench/load and bench/verify on a whole installation, and that bench/run works. What they measure is not judged here."""
import os
import signal
import subprocess

import pytest

from conftest import BUILD, ROOT, long, wait_for
from installation import Installation

SAMPLE = ROOT / "bench/browsers.mix"


def tool(name, *arguments, **options):
    return subprocess.run([ROOT / "bench" / name, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                          env=dict(os.environ, CLICKLEDGER_BUILD=str(BUILD)), **options)


@pytest.fixture(scope="module")
def installation():
    one = Installation(workers=1)
    one.up()
    yield one
    one.remove()


@pytest.fixture
def load(installation, tmp_path):
    """load(options...) asks the installation's demo link; returns the process and the ids it wrote."""
    def run(*options):
        ids = tmp_path / "ids"
        url = f"http://127.0.0.1:{installation.port}/c/demo?{{query}}"
        done = tool("load", url, "--mix", SAMPLE, "--ids", ids, *options)
        return done, ids.read_text().split()

    return run


def verify(installation, path, *options):
    return tool("verify", path, "--postgres", installation.addresses["postgres_owner"], *options)


def test_every_id_is_found(installation, load, tmp_path):
    before = installation.query("select count(*) from clickledger.click")[0][0]
    done, ids = load("--rate", 1000, "--seconds", 1.5, "--connections", 16)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "p99.9" in done.stdout and "   1 s" in done.stderr
    asked = int(done.stdout.split()[0])
    assert len(ids) == len(set(ids)) == asked and 1000 < asked <= 1501
    checked = verify(installation, tmp_path / "ids")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{asked} different ids, {asked} in PostgreSQL" in checked.stdout
    assert installation.query("select count(*) - %s from clickledger.click", before)[0][0] == asked


def test_mix_varies(installation, load, tmp_path):
    done, ids = load("--rate", 0, "--count", 16384, "--close")
    assert done.returncode == 0 and len(ids) == 16384
    assert verify(installation, tmp_path / "ids").returncode == 0
    agents, subs = installation.query("select count(distinct user_agent), count(distinct sub1) from clickledger.click")[0]
    assert agents > 2000 and subs > 2000


def test_missing_and_double_ids_are_named(installation, load, tmp_path):
    _, ids = load("--rate", 0, "--count", 3)
    never = ids[0][:-1] + ("0" if ids[0][-1] != "0" else "1")
    path = tmp_path / "wrong"
    path.write_text("\n".join([*ids, ids[1], never]) + "\n")
    wait_for(lambda: verify(installation, tmp_path / "ids").returncode == 0, what="the clicks in PostgreSQL")
    checked = verify(installation, path, "--wait", 0)
    assert checked.returncode == 1
    assert "4 different ids, 3 in PostgreSQL" in checked.stdout
    assert f"missing: 1, for example\n  {never}" in checked.stdout
    assert f"more than once: 1, for example\n  {ids[1]}" in checked.stdout


def test_interrupted_says_what_is_known(installation, tmp_path):
    process = subprocess.Popen([BUILD / "bench/clickledger-load", f"http://127.0.0.1:{installation.port}/c/demo", "--rate", "200", "--seconds", "60",
                                "--ids", tmp_path / "ids"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stderr.readline()  # a line of progress
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=10)
    assert process.returncode == 130
    assert said.startswith("interrupted; what is known:")
    assert verify(installation, tmp_path / "ids").returncode == 0
    assert len((tmp_path / "ids").read_text().split()) > 100


@pytest.mark.parametrize("name, arguments, code, said", [
    ("load", ["http://127.0.0.1:1/c/demo", "--rate", "100", "--count", "5"], 1, "not connected: 5"),
    ("load", ["https://127.0.0.1/", "--rate", "1", "--count", "1"], 2, "http://HOST"),
    ("load", ["http://127.0.0.1/"], 2, "--rate is needed"),
    ("load", ["http://127.0.0.1/", "--rate", "-1", "--count", "1"], 2, "--rate: a number"),
    ("load", ["http://127.0.0.1/", "--rate", "1", "--count", "1", "--mix", "/does/not/exist"], 2, "No such file"),
    ("verify", ["/does/not/exist", "--postgres", "dbname=x"], 2, "No such file"),
    ("verify", ["/dev/null"], 2, "--postgres"),
    ("verify", ["/dev/null", "--postgres", "host=/does/not/exist dbname=x"], 3, "PostgreSQL"),
])
def test_errors(name, arguments, code, said):
    done = tool(name, *arguments)
    assert done.returncode == code
    assert said in done.stdout + done.stderr


@long("half a minute each")
@pytest.mark.parametrize("arguments", [
    ["click"], ["ingest", "--shards", "1"], ["attrib"], ["attrib-live"], ["catchup"], ["query"], ["api"], ["export"], ["fresh"],
], ids=lambda arguments: arguments[0])
def test_runs(arguments):
    done = tool("run", *arguments, "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("ratio=") and float(last[6:]) > 0
    assert "in PostgreSQL" in done.stdout or "0 credits of floating point differ" in done.stdout
