"""ops/test: every suite in turn, one closing line, no process left behind.

This process is the reaper of all that the suites start (PR_SET_CHILD_SUBREAPER), so whatever is still there at the end
was left behind by a test: that is a failure, named and then killed.
"""
import argparse
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PR_SET_CHILD_SUBREAPER = 36
LEAVE_SECONDS = 10   # time that stopped processes have to be gone
MEMORY, MEMORY_FREE_BYTES = "/dev/shm", 8 << 30


def say(text):
    print(text, flush=True)


def run(command, **options):
    """Runs a command to its end and meanwhile buries what its processes orphaned: to a store that starts, a dead one
    whose parent does not look looks alive. Returns the exit code."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, **options)
    while process.poll() is None:
        bury(except_pid=process.pid)
        time.sleep(0.05)
    return process.returncode


def bury(except_pid=None):
    for pid, (state, _) in children().items():
        if state == "Z" and pid != except_pid:
            os.waitpid(pid, 0)


class Tally:
    def __init__(self):
        self.passed, self.failed = 0, 0

    def add(self, passed, failed):
        self.passed += passed
        self.failed += failed

    def step(self, title, command, **options):
        """Runs a command that passes or fails as one."""
        say(f"\n== {title}")
        code = run(command, **options)
        if code != 0:
            say(f"FAILED: {title} ({' '.join(command)}: exit code {code})")
            self.failed += 1
        return code == 0


def compile_into(tally, folder, title, *settings, environment=None):
    """Configures and compiles a build folder. Returns whether it can be tested."""
    env = dict(os.environ, **(environment or {}))
    is_new = not os.path.exists(os.path.join(folder, "build.ninja"))
    configure = ["meson", "setup", folder, REPOSITORY] if is_new else ["meson", "configure", folder]
    if not tally.step(f"{title}: configure", [*configure, *settings], env=env, stdout=subprocess.DEVNULL):
        return False
    return tally.step(f"{title}: compile", ["ninja", "-C", folder, "--quiet"], env=env)


def meson_suites(tally, folder, title, suites):
    say(f"\n== {title}: {', '.join(suites)}")
    # Four at a time: the longest ones wait.
    command = ["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", "--num-processes", "4", "--no-suite", "long"]
    code = run(command + [word for suite in suites for word in ("--suite", suite)])
    passed = failed = 0
    with open(os.path.join(folder, "meson-logs", "testlog.json")) as log:
        for line in log:
            result = json.loads(line)["result"]
            passed += result in ("OK", "EXPECTEDFAIL")
            failed += result not in ("OK", "EXPECTEDFAIL", "SKIP")
    tally.add(passed, failed or int(code != 0))


def pytest_suite(tally, folder, title, suite, **environment):
    say(f"\n== {title}: {suite} tests")
    report = os.path.join(folder, f"{suite}.xml")
    # Two at a time, a file in one process: most of a test is waiting.
    command = ["/usr/bin/python3", "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadfile", "--durations=10",
               f"--junitxml={report}", os.path.join(REPOSITORY, "tests", suite)]
    code = run(command, env=dict(os.environ, CLICKLEDGER_BUILD=folder, **environment))
    try:
        with open(report) as file:
            counts = dict(re.findall(r'(\w+)="(\d+)"', re.search(r"<testsuite [^>]*>", file.read()).group()))
    except (OSError, AttributeError):
        counts = {"tests": "0"}
    bad = int(counts.get("failures", 0)) + int(counts.get("errors", 0))
    tally.add(int(counts["tests"]) - bad - int(counts.get("skipped", 0)), bad or int(code != 0))


def sanitized_system_tests(tally, folder):
    """The programs write what the sanitizers find to files, whoever starts them and however they end."""
    with tempfile.TemporaryDirectory(prefix="clickledger-sanitizer-") as reports:
        os.chmod(reports, 0o1777)
        options = f"log_path={reports}/report"
        pytest_suite(tally, folder, "ASan and UBSan", "system", ASAN_OPTIONS=options, UBSAN_OPTIONS=options + ":print_stacktrace=1")
        for name in os.listdir(reports):
            with open(os.path.join(reports, name), errors="replace") as file:
                say(f"FAILED: {name}\n{file.read(4000)}")
        tally.add(not os.listdir(reports), len(os.listdir(reports)))


@contextlib.contextmanager
def temporary_folder(on_disk):
    """Where the tests' installations and files lie: in memory where there is room, because dozens of new clusters and journals
    make a disk stand still; what runs rarely runs on a disk."""
    if on_disk or not os.path.isdir(MEMORY) or shutil.disk_usage(MEMORY).free < MEMORY_FREE_BYTES:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="cl-", dir=MEMORY, ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        os.environ["TMPDIR"] = folder
        yield


def children():
    """Processes that this one is the parent of: pid -> (state, command line)."""
    mine = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
            with open(f"/proc/{pid}/cmdline", "rb") as line:
                command = line.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            mine[int(pid)] = fields[0], command
    return mine


def nothing_left_behind(tally):
    limit = time.monotonic() + LEAVE_SECONDS
    while children() and time.monotonic() < limit:
        bury()
        time.sleep(0.1)
    left = children()
    for pid, (_, command) in left.items():
        say(f"FAILED: left behind: {pid} {command}")
        os.kill(pid, signal.SIGKILL)
    tally.add(not left, bool(left))


def suites(tally, options):
    # Unit tests run with the sanitizers; without them they would only rarely find something else.
    if compile_into(tally, options.build, "gcc", "-Dwerror=true", f"-Dunit_tests={str(options.all).lower()}"):
        meson_suites(tally, options.build, "gcc", ["unit", "fuzz", "sql"] if options.all else ["sql"])
        pytest_suite(tally, options.build, "gcc", "system", CLICKLEDGER_TEST_ALL="1" if options.all else "")
        pytest_suite(tally, options.build, "gcc", "browser", CLICKLEDGER_TEST_ALL="1" if options.all else "")
    sanitized = options.build + "-asan"
    if compile_into(tally, sanitized, "ASan and UBSan", "-Dwerror=true", "-Db_sanitize=address,undefined", "-Db_lundef=false", "-Doptimization=1",
                    "-Dc_args=-fno-sanitize-recover=all"):
        meson_suites(tally, sanitized, "ASan and UBSan", ["unit", "fuzz"])
        if options.all:
            sanitized_system_tests(tally, sanitized)
    if options.all:
        compile_into(tally, options.build + "-clang", "clang", "-Dwerror=true", environment={"CC": "clang"})
        tally.step("fuzzers", [os.path.join(REPOSITORY, "tests", "fuzz", "run"), options.build + "-fuzz", "60"])


def main():
    parser = argparse.ArgumentParser(prog="ops/test", description="Runs the tests and prints 'N passed, N failed'.")
    parser.add_argument("--all", action="store_true",
                        help="also the long ones: clang, unit tests without sanitizers, the fuzzers for a minute each, hundreds of kills")
    parser.add_argument("--build", default=os.path.join(REPOSITORY, "build-test"), metavar="DIR",
                        help="build folders are made under this name (default build-test)")
    options = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    began = time.monotonic()
    tally = Tally()
    with temporary_folder(on_disk=options.all):
        suites(tally, options)
    nothing_left_behind(tally)
    say(f"\n{time.monotonic() - began:.0f} s")
    say(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
