"""Processes of a benchmark: what CPU they have used, and on which core they run."""
import contextlib
import os

NICE = -20
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
GONE = FileNotFoundError, ProcessLookupError  # what a process says that ends before its file is opened, or behind it


def _read(path):
    with open(path) as file:
        return file.read()


def tree(pid):
    """The process and all that descend from it."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        with contextlib.suppress(*GONE):
            for task in os.listdir(f"/proc/{one}/task"):
                waiting += map(int, _read(f"/proc/{one}/task/{task}/children").split())
    return found


def memory_high(pid):
    """The most memory that a process has had, in MB."""
    (kilobytes,) = [line.split()[1] for line in _read(f"/proc/{pid}/status").splitlines() if line.startswith("VmHWM:")]
    return int(kilobytes) / 1024


def tasks(pids):
    found = []
    for pid in pids:
        with contextlib.suppress(*GONE):
            found += [(pid, int(task)) for task in os.listdir(f"/proc/{pid}/task")]
    return found


class Cpu:
    """CPU time in ns; the total is exact, what of it was the kernel's is sampled by its tick."""

    def __init__(self, user=0.0, system=0.0):
        self.user, self.system = user, system

    @property
    def total(self):
        return self.user + self.system

    def __sub__(self, other):
        return Cpu(self.user - other.user, self.system - other.system)

    def __add__(self, other):
        return Cpu(self.user + other.user, self.system + other.system)

    def per(self, n):
        """In us, for each of n."""
        return Cpu(self.user / n / 1000, self.system / n / 1000)


class Group:
    """Processes that are counted together, with all that descend from them."""

    def __init__(self, *roots):
        self.roots, self.begin = roots, {}

    def _samples(self):
        samples = {}
        for pid in {one for root in self.roots for one in tree(root)}:
            with contextlib.suppress(*GONE):
                samples[pid] = self._sample(pid)
        return samples

    def start(self):
        self.begin = self._samples()

    def used(self):
        """Since start(). The split is that of the ticks in between. What a process that has gone used is in its parent's
        account, as a whole: what it had used at start() is taken off."""
        now, nothing, sum_ = self._samples(), (0, Cpu(), Cpu()), Cpu()
        for pid in {*now, *self.begin}:
            exact, ticks, gone = now.get(pid, nothing)
            exact_before, ticks_before, gone_before = self.begin.get(pid, nothing)
            spent, sampled = exact - exact_before, ticks - ticks_before
            share = sampled.user / sampled.total if sampled.total > 0 else 0.5
            sum_ += Cpu(spent * share, spent * (1 - share)) + (gone - gone_before)
        return sum_

    def members(self):
        return sorted({one for root in self.roots for one in tree(root)})

    @staticmethod
    def _sample(pid):
        """Exact time of all threads; ticks; ticks of children that were waited for (Redis' for the append-only file)."""
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        user, system, user_of_gone, system_of_gone = (int(field) * TICK_NS for field in fields[11:15])
        exact = sum(int(_read(f"/proc/{pid}/task/{task}/schedstat").split()[0]) for _, task in tasks([pid]))
        return exact, Cpu(user, system), Cpu(user_of_gone, system_of_gone)


@contextlib.contextmanager
def pinned(core):
    """What is started inside runs on this core; None: wherever."""
    before = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def prefer(pids):
    """Before what else runs on their core, without changing how they share it; only root can. Where the kernel groups
    processes by session, it is the groups that compete."""
    for pid, task in tasks(pids):
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, task, NICE)
            with open(f"/proc/{pid}/autogroup", "w") as group:
                group.write(str(NICE))


def astray(pids, core):
    """Threads that may run elsewhere, as text."""
    wrong = []
    for pid, task in tasks(pids):
        with contextlib.suppress(ProcessLookupError):
            if os.sched_getaffinity(task) != {core}:
                wrong.append(f"{_read(f'/proc/{pid}/comm').strip()}[{task}]")
    return wrong
