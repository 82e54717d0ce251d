"""One whole Clickledger in one folder: its settings, ports, stores, build and processes.

STATE holds everything: settings, secrets, configuration, build, Redis, PostgreSQL, journal, logs. As root, the stores
and programs run as the postgres user, because PostgreSQL refuses root; where that user cannot reach STATE, another
folder is taken for what they need, and named.
"""
import fcntl
import glob
import hashlib
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from service import Failure, Service, wait_for

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
POSTGRES_BIN = "/usr/lib/postgresql/15/bin"
PSQL = f"{POSTGRES_BIN}/psql"    # what lies in PATH is a script that starts another
SOCKET_PATH_MAX = 107          # sun_path of a unix socket
FREE_BYTES_MIN = 1 << 30       # build, WAL and a first journal segment fit in it
LOCKS = 512                    # of max_locks_per_transaction: ingest and attrib refuse less
DATABASE = "clickledger"
PROGRAMS = ("ingest", "attrib", "tracker", "api")
RELEASE = ("--native-file", os.path.join(REPOSITORY, "ops", "release.ini"))  # how the programs are built for use


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, log=None, **options):
    """Runs a command to its end; its output goes to the log, or into the failure."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if log:
        with open(log, "a") as file:
            file.write(done.stdout)
    if done.returncode != 0:
        tail = "\n".join("  " + line for line in done.stdout.splitlines()[-12:])
        raise Failure(f"{' '.join(command[:2])} failed:\n{tail}")
    return done.stdout


def link_target(path):
    """Where a link leads; None when it has gone or is not ours to read."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def port_is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def path_is_short(home):
    return len(os.fsencode(os.path.join(home, "run", ".s.PGSQL.5432.lock"))) <= SOCKET_PATH_MAX


def path_is_plain(home):
    """Whether the path needs no quotes in any of the places where programs and people write it."""
    return re.fullmatch(r"[\w./+@-]+", home) is not None


def http_ok(port, path="/healthz"):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


class State:
    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        self.user = "postgres" if os.getuid() == 0 else None
        self.settings_path = os.path.join(self.folder, "settings.json")

    # --- folders and settings -------------------------------------------------------------------

    def open(self, wait=False):
        """Makes the folder, takes its lock, reads the settings. close() gives the lock back."""
        if os.path.exists(self.folder) and not os.path.isdir(self.folder):
            raise Failure(f"{self.folder} is not a folder")
        try:
            os.makedirs(self.folder, exist_ok=True)
            self.lock = open(os.path.join(self.folder, "lock"), "w")
        except OSError as error:
            raise Failure(f"the state folder {self.folder} cannot be used: {error.strerror}") from None
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except OSError:
            raise Failure(f"another ops/up or ops/down is at work in {self.folder}; wait for it") from None
        self.read()

    def close(self):
        self.lock.close()

    def read(self):
        """Reads the settings, without the lock."""
        self.settings = {}
        if os.path.exists(self.settings_path):
            with open(self.settings_path) as file:
                self.settings = json.load(file)
        self.home = self.settings.get("home") or self._home()

    def check_space(self, folder):
        if shutil.disk_usage(folder).free < FREE_BYTES_MIN:
            raise Failure(f"less than {FREE_BYTES_MIN >> 20} MiB are free where {folder} is; make room or choose another --state")

    def _home(self):
        """Where the programs live: STATE, or a folder that their user can reach and sockets can be named in."""
        wanted = os.path.join(self.folder, "home")
        base = "/var/lib/clickledger" if self.user else os.path.expanduser("~/.local/state/clickledger")
        substitute = os.path.join(base, hashlib.sha256(self.folder.encode()).hexdigest()[:12])
        if not path_is_short(wanted):
            reason = "its path is too long for unix sockets"
        elif not path_is_plain(wanted):
            reason = "its path has characters that a connection string cannot have"
        elif self.user and subprocess.run(["runuser", "-u", self.user, "--", "test", "-x", self.folder]).returncode != 0:
            reason = f"the user {self.user} cannot reach it"
        else:
            return wanted
        if not path_is_short(substitute) or not path_is_plain(substitute):
            raise Failure(f"{self.folder}: {reason}; {substitute} is no better; choose another --state")
        say(f"{self.folder}: {reason}; programs and data go to {substitute}")
        return substitute

    def make_home(self):
        os.makedirs(self.home, mode=0o755, exist_ok=True)
        self.check_space(self.home)
        for name in ("run", "log", "redis", "postgres", "tracker", "attrib", "build"):
            os.makedirs(os.path.join(self.home, name), mode=0o700, exist_ok=True)
            self.give(os.path.join(self.home, name))
        os.chmod(os.path.join(self.home, "build"), 0o755)
        os.chmod(os.path.join(self.home, "postgres"), 0o700)

    def give(self, path):
        if self.user:
            account = pwd.getpwnam(self.user)
            os.chown(path, account.pw_uid, account.pw_gid)

    def path(self, *parts):
        return os.path.join(self.home, *parts)

    def choose(self, options):
        """Settles ports and workers: an option, else what the state had, else a default. A running state keeps its own."""
        old = dict(self.settings)
        chosen = {
            "home": self.home,
            "port": options.port or old.get("port", 8080),
            "workers": options.workers or old.get("workers", 2),
        }
        beside = old.get("api_port") if chosen["port"] == old.get("port") else None
        chosen["api_port"] = options.api_port or beside or chosen["port"] + 1
        changed = [name for name in chosen if name in old and old[name] != chosen[name]]
        running = {service.name for service in self.services() if service.pid()}
        if changed and running:
            raise Failure(f"{', '.join(changed)} cannot change while it runs; ops/down first")
        taken = {chosen["port"], chosen["api_port"]}
        for program in "tracker", "ingest", "attrib", "api":
            name = program + "_admin_port"
            port = old.get(name) if not changed else None
            if port and program not in running and not port_is_free(port):
                port = None
            candidate = max(taken) + 1
            while port is None:
                port = candidate if port_is_free(candidate) else None
                candidate += 1
            chosen[name] = port
            taken.add(port)
        self.settings = chosen
        with open(self.settings_path + ".new", "w") as file:
            json.dump(chosen, file, indent=2)
        os.replace(self.settings_path + ".new", self.settings_path)

    def check_ports(self, services):
        for name, port in ("tracker", self.settings["port"]), ("api", self.settings["api_port"]):
            if not services[name].pid() and not port_is_free(port):
                option = "--port" if name == "tracker" else "--api-port"
                raise Failure(f"port {port} is in use by another program; choose another with {option}")

    # --- stores and programs --------------------------------------------------------------------

    def conninfo(self, role):
        return f"host={self.path('run')} port=5432 dbname={DATABASE} user={role}"

    def psql(self, role, *arguments, database=DATABASE):
        environment = dict(os.environ, PGOPTIONS="-c client_min_messages=warning")
        return run([PSQL, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", f"host={self.path('run')} port=5432 dbname={database} user={role}",
                    *arguments], env=environment).strip()

    def postgres_answers(self):
        """Whether it takes writes: one that is being restored answers before."""
        done = subprocess.run([PSQL, "-X", "-A", "-t", "-d", f"host={self.path('run')} port=5432 dbname=postgres user=postgres",
                               "-c", "select pg_is_in_recovery()"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return done.stdout.strip() == "f"

    def redis_answers(self):
        done = subprocess.run(["redis-cli", "-s", self.path("run", "redis.sock"), "ping"], capture_output=True, text=True)
        return done.stdout.strip() == "PONG"

    def services(self):
        """All processes of the state, in the order in which they start."""
        def program(name, port):  # port: name of the setting with the port of its /healthz
            return Service(name, [self.path("build", name, f"clickledger-{name}"), "--config", self.path("clickledger.conf")],
                           self.home, self.user, lambda: http_ok(self.settings[port]),
                           own_pid_path=self.path("run", "tracker.own.pid") if name == "tracker" else None)

        redis = ["redis-server", "--port", "0", "--unixsocket", self.path("run", "redis.sock"), "--unixsocketperm", "700",
                 "--dir", self.path("redis"), "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
                 "--maxmemory-policy", "noeviction", "--stream-node-max-bytes", "65536"]
        postgres = [f"{POSTGRES_BIN}/postgres", "-D", self.path("postgres"), "-c", "listen_addresses=", "-c", "port=5432",
                    "-c", f"unix_socket_directories={self.path('run')}", "-c", "unix_socket_permissions=0700",
                    "-c", "timezone=UTC", "-c", f"max_locks_per_transaction={LOCKS}", "-c", "wal_compression=lz4",
                    "-c", "max_wal_size=4GB", "-c", "shared_buffers=512MB"]
        services = [
            Service("redis", redis, self.home, self.user, self.redis_answers),
            Service("postgres", postgres, self.home, self.user, self.postgres_answers, signal.SIGINT, 120),
        ]
        return services + [program("ingest", "ingest_admin_port"), program("attrib", "attrib_admin_port"),
                           program("tracker", "tracker_admin_port"), program("api", "api_port")]

    def _take_programs(self, folder):
        for name in PROGRAMS:
            taken = self.path("build", name, f"clickledger-{name}")
            if not os.path.exists(taken):
                os.makedirs(os.path.dirname(taken), exist_ok=True)
                shutil.copy2(os.path.join(folder, name, f"clickledger-{name}"), taken)
        if not os.path.exists(self.path("build", "web")):
            shutil.copytree(os.path.join(folder, "web"), self.path("build", "web"))

    def start_postgres(self, service):
        if not os.path.exists(self.path("postgres", "PG_VERSION")):
            self.make_cluster()
        limit = time.monotonic() + 60
        while True:
            self.forget_dead_postmaster()
            try:
                return service.start()
            except Failure:
                # After a kill -9 its children live on for a moment and hold the shared memory.
                if time.monotonic() > limit or "pre-existing shared memory block" not in service.log_tail():
                    raise

    def make_cluster(self):
        """Makes it aside and moves it to its place, so that an interrupted one is never taken for a whole one."""
        say("making a PostgreSQL cluster")
        account = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        aside = self.path("postgres.new")
        shutil.rmtree(aside, ignore_errors=True)
        os.mkdir(aside, 0o700)
        self.give(aside)
        # Only the owner of the socket's folder can reach the server, so the socket is the password.
        run([f"{POSTGRES_BIN}/initdb", "-D", aside, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"],
            self.path("log", "initdb.log"), cwd="/", **account)
        os.rename(aside, self.path("postgres"))

    def forget_dead_postmaster(self):
        """A dead postmaster looks alive to the next one where nobody buries orphans (a container without an init), or when
        its pid has gone to another process of the same user (after a reboot)."""
        for lock in self.path("postgres", "postmaster.pid"), self.path("run", ".s.PGSQL.5432.lock"):
            try:
                with open(lock) as file:
                    pid = int(file.readline())
            except (OSError, ValueError):
                continue
            if link_target(f"/proc/{pid}/cwd") != os.path.realpath(self.path("postgres")):
                wait_for("the last processes of PostgreSQL", lambda: not self.working_in("postgres"), 60)
                os.unlink(lock)

    def working_in(self, name):
        """Whether a process has this folder of the state as its working directory."""
        return any(link_target(link) == os.path.realpath(self.path(name)) for link in glob.glob("/proc/[0-9]*/cwd"))

    def migrate(self):
        sql = os.path.join(REPOSITORY, "sql")
        self.psql("postgres", "-f", os.path.join(sql, "bootstrap.sql"), database="postgres")
        if not self.psql("postgres", "-c", f"select 1 from pg_database where datname = '{DATABASE}'", database="postgres"):
            self.psql("postgres", "-c", f"create database {DATABASE} owner cl_owner", database="postgres")
        for line in run([os.path.join(sql, "migrate"), self.conninfo("cl_owner")]).splitlines():
            say(line)

    def build(self):
        ready = os.environ.get("CLICKLEDGER_BUILD")  # programs that somebody has built already
        if ready:
            self._take_programs(ready)
            return
        log = self.path("log", "build.log")
        folder = self.path("build")
        if not os.path.exists(os.path.join(folder, "build.ninja")):
            say("configuring the build")
            run(["meson", "setup", folder, REPOSITORY, *RELEASE], log)
        say("building")
        build = subprocess.Popen(["ninja", "-C", folder], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            last = self._follow(build.stdout, log)
        except BaseException:
            build.terminate()
            build.wait()
            raise
        if build.wait() != 0:
            raise Failure(f"the build failed: {last.strip()} (log: {log})")

    @staticmethod
    def _follow(output, log):
        """Writes the output of ninja to the log and now and then says how far it is. Returns the last line."""
        last, told = "", 0
        with open(log, "a") as file:
            for line in output:
                file.write(line)
                if line.startswith("[") and time.monotonic() - told > 2:
                    told = time.monotonic()
                    say("  " + line.split("]")[0] + "]")
                last = line
        return last
