"""ops/up and ops/down as an operator uses them."""
import os
import shutil
import signal
import socket
import subprocess

import pytest

from conftest import BUILD, ROOT, long, wait_for
from installation import Installation, click_id_of
from test_tracker_life import running


@pytest.fixture
def installation():
    made = Installation(workers=1)
    yield made
    if os.path.isdir(made.state):
        made.remove()


def start(installation, *options):
    """ops/up as a terminal starts it: a shell that runs the tests in the background makes its children ignore SIGINT."""
    return subprocess.Popen([ROOT / "ops/up", "--state", installation.state, "--port", str(installation.port), *options], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ, CLICKLEDGER_BUILD=str(BUILD)),
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))


def listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_up_again_prints_the_same_and_starts_only_what_died(installation):
    first = installation.up()
    pids = {name: installation.pid(name) for name in ("redis", "postgres", "ingest", "attrib", "tracker", "api")}
    installation.kill("postgres")  # its children live on for a moment
    installation.kill("attrib")
    assert installation.up() == first
    now = {name: installation.pid(name) for name in pids}
    assert {name for name in pids if now[name] != pids[name]} == {"postgres", "attrib"}


@long("an installation of its own; test_tracker_upgrade upgrades in every run")
def test_an_upgraded_tracker_is_still_ours(installation):
    addresses = installation.up()
    own = installation.home("run", "tracker.own.pid")
    old = installation.pid("tracker")
    os.kill(old, signal.SIGUSR2)

    def successor():
        with open(own) as file:
            return int(file.read()) != old

    wait_for(successor, what="the successor")
    assert installation.up() == addresses
    with open(own) as file:
        pid = int(file.read())
    assert pid != old and os.path.exists(f"/proc/{pid}")
    installation.down()
    assert not running(pid) and not listening(installation.port)
    assert not [name for name in os.listdir(installation.home("run")) if name.endswith(".pid")]


def test_data_survives_down(installation):
    installation.up()
    _, headers, _ = installation.request(installation.addresses["link"])
    click_id = click_id_of(headers["Location"])
    installation.down()
    assert not listening(installation.port)
    installation.up()
    wait_for(lambda: installation.query("select count(*) from clickledger.click where click_id = %s", click_id)[0][0] == 1, what="the click")


def test_secrets_are_private(installation):
    installation.up()
    for path in (installation.home("clickledger.conf"), installation.home("click_keys"), os.path.join(installation.state, "keys.json")):
        assert os.stat(path).st_mode & 0o077 == 0, path


def test_port_in_use_is_a_clear_sentence(installation):
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", installation.port))
        holder.listen()
        process = start(installation, "--detach")
        out, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"port {installation.port} is in use by another program; choose another with --port" in error
    assert out == "" and "Traceback" not in error


def test_ctrl_c_stops_everything(installation):
    process = start(installation)
    for line in process.stdout:
        if line == "ready\n":
            break
    assert listening(installation.port)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert not listening(installation.port)
    assert not [name for name in os.listdir(installation.home("run")) if name.endswith(".pid")]


def test_interrupted_at_any_step_leaves_nothing_and_can_be_repeated(installation):
    for step in "starting redis", "making a PostgreSQL cluster", "migrated 0003", "starting tracker":
        process = start(installation)
        for line in process.stderr:
            if line.startswith(step):
                process.send_signal(signal.SIGTERM)
                break
        _, error = process.communicate(timeout=60)
        assert process.returncode == 130, step + error
        assert not [name for name in os.listdir(installation.home("run")) if name.endswith(".pid")], step
        assert not listening(installation.port)
    installation.up()


def test_down_elsewhere_ends_the_one_in_the_foreground(installation):
    process = start(installation)
    for line in process.stdout:
        if line == "ready\n":
            break
    installation.down()
    _, error = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "stopped from elsewhere" in error


@long("an installation of its own for one sentence")
def test_a_folder_that_cannot_be_written_in_a_connection_string(installation):
    installation.state = os.path.join(installation.folder, "it's a state")
    addresses = installation.up()
    home = os.path.dirname(os.path.dirname(addresses["redis"]))
    assert not home.startswith(installation.folder)
    assert installation.query("select count(*) from clickledger.click") == [(0,)]
    installation.down()
    shutil.rmtree(home)


def test_options_out_of_range(installation):
    for option, message in (("--port=80", "--port must be between"), ("--workers=0", "--workers must be between")):
        process = start(installation, option)
        _, error = process.communicate(timeout=60)
        assert process.returncode == 1 and message in error
    for option in "--nonsense", "nonsense":
        process = start(installation, option)
        _, error = process.communicate(timeout=60)
        assert process.returncode == 2 and f"ops/up: error: unrecognized arguments: {option}" in error
