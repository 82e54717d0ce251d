"""The units of ops/systemd: what systemd says about them, and every program at work inside what they allow."""
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

import frames
from conftest import BUILD, ROOT, wait_for
from sandbox import USER, settings
from tracker import RECORDS, REVISION, Tracker, publish

UNITS = sorted((ROOT / "ops/systemd").glob("*.service"))
EXPOSURE_MAX = 15  # of systemd-analyze, in tenths
SANDBOX = ROOT / "tests/system/sandbox.py"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def test_units(tmp_path):
    assert [unit.name for unit in UNITS] == [f"clickledger-{name}.service" for name in ("api", "attrib", "ingest", "privacy", "tracker")]
    for unit in UNITS:
        text = unit.read_text()
        program = re.search(r"ExecStart=(\S+)", text).group(1)
        name = program.rpartition("-")[2]
        built = BUILD / name / f"clickledger-{name}"
        assert program == f"/usr/local/bin/{built.name}"
        copy = tmp_path / unit.name
        copy.write_text(text.replace(program, str(built)))
        verified = subprocess.run(["systemd-analyze", "--no-pager", "--man=no", "verify", copy], capture_output=True, text=True)
        assert verified.returncode == 0 and not verified.stderr, verified.stderr
        rated = subprocess.run(["systemd-analyze", "--no-pager", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", copy],
                               capture_output=True, text=True)
        assert rated.returncode == 0, rated.stdout[-300:]
    sandboxes = {unit.read_text().split("# --- Sandbox")[1].split("[Install]")[0].strip() for unit in UNITS}
    assert len(sandboxes) == 1


def test_timers(tmp_path):
    timers = sorted((ROOT / "ops/systemd").glob("*.timer"))
    assert [timer.name for timer in timers] == ["clickledger-privacy.timer"]
    for path in timers:
        shutil.copy(path, tmp_path)
        service = path.with_suffix(".service").read_text().replace("/usr/local/bin/", f"{BUILD}/ingest/")
        (tmp_path / path.with_suffix(".service").name).write_text(service)
        verified = subprocess.run(["systemd-analyze", "--no-pager", "--man=no", "verify", tmp_path / path.name], capture_output=True, text=True)
        assert verified.returncode == 0 and not verified.stderr, verified.stderr


def unit(name):
    return ROOT / f"ops/systemd/clickledger-{name}.service"


@pytest.fixture
def folder():
    """A folder that the user of the sandbox can reach and owns."""
    made = pathlib.Path(tempfile.mkdtemp(prefix="clickledger-test-"))
    made.chmod(0o755)
    yield made
    if (made / "run/pid").exists():  # of a successor that a failed test left
        os.kill(int((made / "run/pid").read_text()), signal.SIGKILL)
    shutil.rmtree(made, ignore_errors=True)


def give(*paths):
    user = pwd.getpwnam(USER)
    for path in paths:
        os.chown(path, user.pw_uid, user.pw_gid)


def runs_confined(pid):
    status = dict(line.split(":\t") for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    uid = str(pwd.getpwnam(USER).pw_uid)
    return (status["Uid"].split() == [uid] * 4 and int(status["CapBnd"], 16) == int(status["CapPrm"], 16) == 0 and
            status["NoNewPrivs"] == "1" and status["Seccomp"] == "2")


class Notified:
    """What a program tells systemd."""

    def __init__(self, folder):
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.path.chmod(0o777)
        self.socket.settimeout(20)

    def hear(self):
        return self.socket.recv(4096).decode()


def confined(spawn, name, folder, notified):
    """A spawn that starts the program in the sandbox of its unit. The program must be where the user can reach it."""
    copy = folder / f"clickledger-{name}"
    shutil.copy2(BUILD / name / copy.name, copy)
    env = {"NOTIFY_SOCKET": str(notified.path),  # a search for leaks needs calls that the filter does not know
           "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}
    return lambda program, *arguments: spawn("/usr/bin/python3", "-B", SANDBOX, unit(name), copy, *arguments, env=env)


def test_tracker_in_its_sandbox(folder, redis_server, spawn):
    notified = Notified(folder)
    publish(redis_server.client, RECORDS, REVISION)
    for path in (redis_server.folder, redis_server.socket):
        path.chmod(0o777)
    (folder / "state").mkdir()
    (folder / "run").mkdir()
    tracker = Tracker(folder, redis_server, confined(spawn, "tracker", folder, notified), workers=2, drain="5s", pid_file=folder / "run/pid")
    give(folder / "state", folder / "run", folder / "click_keys", tracker.config)
    tracker.start(REVISION)
    assert notified.hear() == "READY=1" and runs_confined(tracker.process.pid)
    clicks = [tracker.get("/c/demo").click_id for _ in range(10)]
    assert tracker.get("/postback/good-key?order_id=1&amount=1").status == 202
    redis_server.kill()
    clicks += [tracker.get("/c/demo").click_id for _ in range(10)]
    redis_server.start()
    redis_server.socket.chmod(0o777)
    tracker.process.signal(signal.SIGHUP)
    wait_for(lambda: tracker.metric('clickledger_tracker_config_generation{worker="1"}') == 2, what="the reload")
    assert {hit["id"] for hit in tracker.hits(21)} >= set(clicks)
    tracker.process.signal(signal.SIGUSR2)
    main = notified.hear()
    assert re.fullmatch(r"MAINPID=\d+", main) and runs_confined(int(main[8:]))
    assert tracker.process.wait() == 0
    assert tracker.get("/c/demo").status == 302
    assert tracker.metric("clickledger_tracker_restarts_total") == 0
    os.kill(int(main[8:]), signal.SIGTERM)
    wait_for(lambda: not (folder / "run/pid").exists(), what="the end")


def test_the_others_in_their_sandboxes(folder, redis_server, postgres, spawn):
    """A frame goes through ingest; attrib and api start, work and stop."""
    for path in (redis_server.folder, redis_server.socket):
        path.chmod(0o777)
    running = {}
    for name, role in ("ingest", "cl_ingest"), ("attrib", "cl_attrib"), ("api", "cl_api"):
        home = folder / name
        home.mkdir(mode=0o755)
        notified = Notified(home)
        config = home / "clickledger.conf"
        config.write_text(f"[redis]\naddress = {redis_server.socket}\n[postgres]\nconninfo = {postgres.conninfo(role)}\n"
                          "[ingest]\nadmin_port = 0\n[api]\nport = 0\n")
        give(config)
        running[name] = confined(spawn, name, home, notified)(None, "--config", config)
        assert notified.hear() == "READY=1", running[name].log()
        assert runs_confined(running[name].pid)
    producer = frames.Producer(redis_server.client)
    producer.send(producer.make(5))
    wait_for(lambda: postgres.value("select count(*) from click") == 5, what="the clicks")
    port = int(re.search(r"event=api.listening port=(\d+)", running["api"].log()).group(1))
    done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:{port}/v1/openapi.json"],
                          capture_output=True, text=True)
    assert done.stdout == "200"
    for process in running.values():
        assert process.stop() == 0


def test_limits_are_longer_than_a_drain():
    service = settings(unit("tracker"))
    example = (ROOT / "ops/clickledger.conf.example").read_text()
    drain_s = int(re.search(r"(?m)^#drain = (\d+)s$", example).group(1))
    assert int(service["TimeoutStopSec"][0]) > drain_s + 5
