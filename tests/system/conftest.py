"""Real stores for the system tests.

One PostgreSQL cluster per session (fsync on: ingest refuses anything else), a fresh database per test from a migrated
template; one Redis per test, on a unix socket with an append-only file. The cluster lies in memory where there is room:
hundreds of databases synced at a checkpoint made the disk stand still for seconds, and tests with it. Everything is
stopped by its process id. CLICKLEDGER_BUILD names the build folder (default: build).
"""
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg2
import pytest
import redis

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CLICKLEDGER_BUILD", ROOT / "build"))
PG_BIN = pathlib.Path("/usr/lib/postgresql/15/bin")
TEMPLATE = "cl_template"
MEMORY, MEMORY_FREE_BYTES = "/dev/shm", 4 << 30
ALL = bool(os.environ.get("CLICKLEDGER_TEST_ALL"))  # the long ones, too
SANITIZED = "sanitizer" in os.environ.get("ASAN_OPTIONS", "")  # its memory is not the program's, and its library must come first


def long(reason):
    """A mark: this runs among the long ones only."""
    return pytest.mark.skipif(not ALL, reason=f"{reason}; CLICKLEDGER_TEST_ALL=1 runs it")


def pytest_collection_modifyitems(items):
    """Files with an installation, which take longest, go first: so no worker is alone with one at the end."""
    longest = {item.path for item in items if "installation" in item.fixturenames}
    items.sort(key=lambda item: item.path not in longest)


def wait_for(condition, limit_s=60.0, what="the condition", every_s=0.02):
    """Returns condition()'s first true value; fails when there is none within limit_s."""
    end = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            pytest.fail(f"waited {limit_s} s for {what}")
        time.sleep(every_s)


class Process:
    """A program under test; its stderr goes to a file."""

    def __init__(self, argv, log, env=None):
        self.argv = [str(a) for a in argv]
        self.log_path = pathlib.Path(log)
        with open(self.log_path, "ab") as out:
            self.process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            env={**os.environ, **(env or {})})

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def alive(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, limit_s=10):
        """SIGTERM and wait; returns the exit status."""
        if self.alive():
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        return self.wait(limit_s)

    def kill(self):
        if self.alive():
            self.signal(signal.SIGKILL)
        return self.process.wait()

    def wait(self, limit_s=10):
        try:
            return self.process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"{self.argv[0]} did not end within {limit_s} s:\n{self.log()[-4000:]}")


def as_postgres(argv, **kwargs):
    """PostgreSQL refuses root; root becomes the postgres user."""
    if os.geteuid() == 0:
        argv = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *argv]
    return subprocess.run([str(a) for a in argv], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, cwd="/", **kwargs)


class Cluster:
    """A private PostgreSQL. Superuser: postgres; trust on its unix socket, no TCP."""

    def __init__(self, folder, settings=()):
        self.folder = pathlib.Path(folder)
        self.settings = list(settings)
        self.databases = 0
        self.folder.mkdir(mode=0o755)
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        as_postgres([PG_BIN / "initdb", "-D", self.folder / "data", "-U", "postgres", "--auth=trust", "--no-sync",
                     "-E", "UTF8", "--locale=C.UTF-8"])
        self.start()

    def start(self):
        options = {"listen_addresses": "", "unix_socket_directories": self.folder, "max_connections": 60,
                   "shared_buffers": "64MB", "autovacuum_naptime": "10s", "log_min_messages": "warning", "max_locks_per_transaction": 512,
                   **dict(self.settings)}
        line = " ".join(f"-c {k}='{v}'" for k, v in options.items())
        as_postgres([PG_BIN / "pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", "-t", "60",
                     "-o", line, "start"])

    def stop(self, mode="fast"):
        as_postgres([PG_BIN / "pg_ctl", "-D", self.folder / "data", "-m", mode, "-w", "stop"])

    def restart(self, mode="fast"):
        self.stop(mode)
        self.start()

    def conninfo(self, database="postgres", role="postgres"):
        return f"host={self.folder} dbname={database} user={role}"

    def execute(self, sql, database="postgres", role="postgres"):
        connection = psycopg2.connect(self.conninfo(database, role))
        try:
            connection.autocommit = True
            connection.cursor().execute(sql)
        finally:
            connection.close()

    def make_template(self):
        self.execute((ROOT / "sql/bootstrap.sql").read_text())
        self.execute(f"create database {TEMPLATE} owner cl_owner")
        subprocess.run([ROOT / "sql/migrate", self.conninfo(TEMPLATE, "cl_owner")], check=True,
                       stdout=subprocess.DEVNULL)

    def database(self):
        self.databases += 1
        name = f"cl_test_{self.databases}"
        self.execute(f"create database {name} template {TEMPLATE} owner cl_owner strategy file_copy")
        return Database(self, name)

    def drop(self, database):
        database.close()
        self.execute(f"drop database {database.name} with (force)")


class Database:
    """One test's database."""

    def __init__(self, cluster, name):
        self.cluster = cluster
        self.name = name
        self.connection = None

    def conninfo(self, role="cl_owner"):
        return self.cluster.conninfo(self.name, role)

    def _cursor(self):
        if self.connection is None or self.connection.closed:
            self.connection = psycopg2.connect(self.conninfo())
            self.connection.autocommit = True
            self.connection.cursor().execute("set search_path = clickledger, public; set jit = off")
        return self.connection.cursor()

    def query(self, sql, args=None):
        """All rows as cl_owner, each in a transaction of its own; [] for a statement without rows."""
        try:
            cursor = self._cursor()
            cursor.execute(sql, args)
            return cursor.fetchall() if cursor.description else []
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            self.close()
            raise

    def value(self, sql, args=None):
        rows = self.query(sql, args)
        return rows[0][0] if rows else None

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class RedisServer:
    """A private Redis on a unix socket; `client` talks to it."""

    def __init__(self, folder, *options):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.socket = self.folder / "redis.sock"
        self.options = options
        self.process = None
        self.client = redis.Redis(unix_socket_path=str(self.socket))
        self.start()

    def start(self):
        self.process = Process(["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", self.folder,
                                "--appendonly", "yes", "--save", "", *self.options], self.folder / "redis.log")
        wait_for(self.up, what="Redis")

    def up(self):
        try:
            return self.client.ping()
        except redis.RedisError:
            return False

    def stop(self):
        self.process.stop()

    def kill(self):
        self.process.kill()


@pytest.fixture(scope="session")
def test_folder():
    roomy = os.path.isdir(MEMORY) and shutil.disk_usage(MEMORY).free >= MEMORY_FREE_BYTES
    folder = pathlib.Path(tempfile.mkdtemp(prefix="clickledger-test-", dir=MEMORY if roomy else None))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(test_folder):
    cluster = Cluster(test_folder / "pg")
    cluster.make_template()
    yield cluster
    cluster.stop("immediate")


@pytest.fixture
def postgres(cluster):
    database = cluster.database()
    yield database
    cluster.drop(database)


@pytest.fixture
def redis_server(tmp_path_factory):
    # Not tmp_path: a unix socket's path is limited to 107 bytes.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="cl-redis-"))
    server = RedisServer(folder)
    yield server
    server.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def spawn(tmp_path):
    """spawn(argv...) starts a program; whatever still runs at the end of the test is killed."""
    started = []

    def start(*argv, env=None):
        process = Process(argv, tmp_path / f"{pathlib.Path(str(argv[0])).name}-{len(started)}.log", env)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
