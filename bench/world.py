"""A private whole installation for benchmarks: Redis, PostgreSQL, ingest and a tracker with one worker.

Tracker and Redis run on the servers' core; PostgreSQL and ingest on the load's, because on a larger machine they would
be elsewhere and their work is printed apart. attrib and api are not started.
"""
import contextlib
import os
import random
import shutil
import subprocess
import tempfile
import time
import types
import urllib.request

import commands
from processes import Group, astray, pinned, tree
from service import Failure, wait_for
from state import RELEASE, State, port_is_free, say

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SERVER_CORE, LOAD_CORE = 0, 1
PORTS_ROW = 8
PORTS = range(21_000, 32_000, PORTS_ROW)
DRAIN_SECONDS = 120
CATALOG_SECONDS = 600
TARGET = "https://shop.example/landing?campaign=bench"
OURS = "tracker", "redis"
APART = "ingest", "postgres"
LINKS_SQL = """
insert into clickledger.link (program_id, partner_id, slug, target_url, name)
  select program.id, partner.id, substr(md5('bench' || n), 1, 10), '{target}', 'bench ' || n
  from clickledger.program, clickledger.partner, generate_series(1, {links}) as n
  on conflict do nothing"""


def build():
    """The build that is measured: as ops/up makes it, in build-bench; or the one that CLICKLEDGER_BUILD names."""
    folder = os.environ.get("CLICKLEDGER_BUILD")
    if folder:
        return os.path.abspath(folder)
    folder = os.path.join(ROOT, "build-bench")
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        say("configuring build-bench")
        subprocess.run(["meson", "setup", folder, ROOT, *RELEASE], check=True, stdout=subprocess.DEVNULL)
    say("building")
    done = subprocess.run(["ninja", "-C", folder, "--quiet"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failure("the build failed:\n" + done.stdout[-2000:])
    os.environ["CLICKLEDGER_BUILD"] = folder
    return folder


def free_port():
    """The first of PORTS_ROW that nobody listens on: an installation takes those behind it, too. They lie below those that the kernel
    gives to outgoing connections, none of which can take one before it is used."""
    for port in random.sample(PORTS, len(PORTS)):
        if all(port_is_free(port + n) for n in range(PORTS_ROW)):
            return port
    raise Failure(f"no {PORTS_ROW} free ports in a row from {PORTS.start} to {PORTS.stop}")


@contextlib.contextmanager
def environment(**settings):
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class World:
    server_core, load_core = SERVER_CORE, LOAD_CORE

    def __init__(self, databases=None, links=1000, workers=1, **settings):
        self.links, self.workers = links, workers
        self.settings = {"trusted_proxies": "127.0.0.0/8", "connections_max": 16384, **settings}
        self.answered = 0          # clicks that must come to PostgreSQL
        self.folder = tempfile.mkdtemp(prefix="clickledger-bench-", dir=os.environ.get("TMPDIR", "/var/tmp"))
        os.chmod(self.folder, 0o755)
        self.ids = os.path.join(self.folder, "ids")
        self.state = State(os.path.join(self.folder, "state"))
        for option, kind in ("geo_country", "place"), ("geo_asn", "asn"):
            if databases:  # where the tracker's user can read it
                self.settings[option] = shutil.copy(databases[kind], self.folder)

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if hasattr(self.state, "settings") and self.state.settings:
            for service in reversed(self.state.services()):
                service.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self):
        state = self.state
        state.open()
        state.choose(types.SimpleNamespace(port=free_port(), api_port=None, workers=self.workers))
        state.make_home()
        state.build()
        commands.configure(state)
        self.services = {service.name: service for service in state.services()}
        with pinned(self.load_core):
            state.start_postgres(self.services["postgres"])
            state.migrate()
            commands.seed(state)
            state.psql("cl_owner", "-c", LINKS_SQL.format(target=TARGET, links=self.links))
            with pinned(self.server_core):
                self.services["redis"].start()
            self.services["ingest"].start()
        self.start_tracker()

    def start_tracker(self, **settings):
        """Starts it (again), with settings beside those of this world."""
        self.services["tracker"].stop()
        chosen = {f"CLICKLEDGER_TRACKER_{name.upper()}": str(value) for name, value in {**self.settings, **settings}.items()}
        with environment(**chosen), pinned(self.server_core):
            self.services["tracker"].start()
        self.wait_catalog()
        self.groups = {name: Group(self.services[name].pid()) for name in OURS}

    def start_api(self):
        """It answers as often as it is asked, and for as long as an export takes."""
        with environment(CLICKLEDGER_API_KEY_RATE="0", CLICKLEDGER_API_ADDRESS_RATE="0", CLICKLEDGER_API_EXPORT_TIMEOUT="60m"):
            self.services["api"].start()

    def wait_catalog(self):
        wait_for("the tracker's catalog", lambda: commands.catalog_has_arrived(self.state), CATALOG_SECONDS)

    # --- asking -------------------------------------------------------------------------------

    @property
    def url(self):
        return f"http://127.0.0.1:{self.state.settings['port']}"

    def pid(self, name):
        return self.services[name].pid()

    def slugs(self):
        """A file with the links' names."""
        path = os.path.join(self.folder, "slugs")
        with open(path, "w") as file:
            file.write(self.state.psql("cl_owner", "-c", "select slug from clickledger.link where slug <> 'demo' order by id") + "\n")
        return path

    def redis(self, *command):
        done = subprocess.run(["redis-cli", "-s", self.state.path("run", "redis.sock"), *command], capture_output=True, text=True)
        return done.stdout.strip()

    def settle_redis(self):
        """Until Redis has rewritten its append-only file, which it does once after a large catalog."""
        def quiet():
            return "aof_rewrite_in_progress:0" in self.redis("info", "persistence")
        time.sleep(1)
        wait_for("Redis' append-only file", quiet, 120)

    def metric(self, name):
        """The sum over the tracker's workers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.state.settings['tracker_admin_port']}/metrics", timeout=5) as answer:
            values = [float(line.rsplit(" ", 1)[1]) for line in answer.read().decode().splitlines() if line.startswith((name + "{", name + " "))]
        if not values:
            raise Failure(f"the tracker has no metric {name}")
        return sum(values)

    # --- draining and checking ----------------------------------------------------------------

    def settled(self):
        """Hits that PostgreSQL has, of all producers."""
        return int(self.state.psql("cl_owner", "-c", "select coalesce(sum(stored), 0) from clickledger.producer"))

    def waiting(self):
        """Frames in Redis."""
        return int(self.redis("xlen", "cl:hits:{0}"))

    def drain(self):
        """Until PostgreSQL has every answered click and Redis none."""
        end = time.monotonic() + DRAIN_SECONDS
        while self.settled() < self.answered or self.waiting() > 0:
            if time.monotonic() > end:
                raise Failure(f"not drained within {DRAIN_SECONDS} s: {self.answered} answered, {self.settled()} stored")
            time.sleep(0.1)

    def verify(self, build_folder):
        """Every click id that was answered is in PostgreSQL once."""
        done = subprocess.run([os.path.join(build_folder, "bench", "clickledger-verify"), self.ids, "--quiet", "--wait", "30",
                               "--postgres", self.state.conninfo("cl_owner")], capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure("not every answered click is in PostgreSQL once:\n" + done.stdout + done.stderr)
        return done.stdout.strip()

    def check_cores(self):
        wrong = [one for name in OURS for one in astray(tree(self.pid(name)), SERVER_CORE)]
        wrong += [one for name in APART for one in astray(tree(self.pid(name)), LOAD_CORE)]
        if wrong:
            raise Failure("not on their core: " + ", ".join(wrong))
