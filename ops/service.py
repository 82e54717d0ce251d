"""One supervised process of a state folder: started in a session of its own, known by a pid file, stopped by pid.

A pid file holds the pid and the start time of the process (field 22 of /proc/PID/stat), so that a pid which the kernel
has given to somebody else is never taken for ours. A program that replaces itself (the tracker, in an upgrade) tells the
new pid in a file of its own; that process is ours when it was started by the same command line.
"""
import contextlib
import os
import signal
import subprocess
import time


class Failure(Exception):
    """Something a person must act on; its text says what."""


ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def interrupt_on_every_end():
    """Ctrl-C, a polite kill and a closed terminal are one thing: KeyboardInterrupt. What is ignored (nohup) stays so."""
    def interrupt(*_):
        raise KeyboardInterrupt
    for end in ENDS:
        if signal.getsignal(end) != signal.SIG_IGN:
            signal.signal(end, interrupt)


@contextlib.contextmanager
def uninterrupted():
    """Collects interrupts in the list that it gives, and raises KeyboardInterrupt afterwards if there are any."""
    collected = []
    before = {end: signal.getsignal(end) for end in ENDS if signal.getsignal(end) != signal.SIG_IGN}
    for end in before:
        signal.signal(end, lambda number, _: collected.append(number))
    try:
        yield collected
    finally:
        for end, handler in before.items():
            signal.signal(end, handler)
    if collected:
        raise KeyboardInterrupt


def wait_for(what, condition, seconds, alive=lambda: True):
    """Waits until condition() is true; fails after the limit, or at once when alive() is false."""
    limit = time.monotonic() + seconds
    while not condition():
        if not alive():
            raise Failure(f"{what}: the process ended")
        if time.monotonic() > limit:
            raise Failure(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def process_fields(pid):
    """Fields of /proc/PID/stat from the state on (field 3), or None."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()
    except OSError:
        return None


def start_time(pid):
    fields = process_fields(pid)
    return None if fields is None or fields[0] == "Z" else fields[19]


class Service:
    def __init__(self, name, command, home, user, ready, stop_signal=signal.SIGTERM, ready_seconds=30, own_pid_path=None):
        self.name, self.command, self.user, self.own_pid_path = name, command, user, own_pid_path
        self.ready, self.ready_seconds, self.stop_signal = ready, ready_seconds, stop_signal
        self.pid_path = os.path.join(home, "run", name + ".pid")
        self.log_path = os.path.join(home, "log", name + ".log")

    def pid(self):
        """The pid of the running process, or None."""
        return self._successor() or self._started()

    def _successor(self):
        """The process that took over from the one that we started, or None."""
        try:
            with open(self.own_pid_path or "") as file:
                pid = int(file.read())
            with open(f"/proc/{pid}/cmdline") as line:
                return pid if line.read().split("\0")[:-1] == self.command else None
        except (OSError, ValueError):
            return None

    def _started(self):
        try:
            with open(self.pid_path) as file:
                pid, started = file.read().split()
        except (OSError, ValueError):
            return None
        return int(pid) if start_time(pid) == started else None

    def start(self):
        """Starts the process if it is not running and waits until it is ready. Returns whether it had to be started."""
        if self.pid():
            wait_for(self.name, self.ready, self.ready_seconds, self.pid)
            return False
        self._spawn()
        try:
            wait_for(self.name, self.ready, self.ready_seconds, self.pid)
        except Failure as failure:
            self.stop()
            raise Failure(f"{failure}; the end of {self.log_path}:\n{self.log_tail()}") from None
        return True

    def _spawn(self):
        account = {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}
        with uninterrupted(), open(self.log_path, "ab") as log:  # a process without a pid file would be nobody's
            self.log_begin = log.tell()
            process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                       start_new_session=True, close_fds=True, **account)
            with open(self.pid_path, "w") as file:
                file.write(f"{process.pid} {start_time(process.pid)}\n")

    def stop(self, seconds=30):
        """Asks the process to stop, insists after the limit. Returns whether it was running."""
        pid = self.pid()
        if pid is None:
            return False
        for sign, limit in (self.stop_signal, seconds), (signal.SIGKILL, 10):
            try:
                os.kill(pid, sign)
                wait_for(self.name, lambda: self._gone(pid), limit)
                break
            except ProcessLookupError:
                break
            except Failure:
                continue
        for path in self.pid_path, self.own_pid_path:
            if path and os.path.exists(path):
                os.unlink(path)
        return True

    def _gone(self, pid):
        for one in {pid, self._started()} - {None}:
            try:
                os.waitpid(one, os.WNOHANG)  # our own child, if this run started it
            except ChildProcessError:
                pass
        return self.pid() is None

    def log_tail(self, lines=8):
        with open(self.log_path, errors="replace") as log:
            return "".join("  " + line for line in log.readlines()[-lines:]).rstrip()
