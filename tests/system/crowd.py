"""Many connections at once from one thread: slow clients, and more requests than there is room for."""
import resource
import selectors
import socket
import threading
import time

SPARE = 400  # descriptors that the test itself needs


def room_for(connections):
    """Raises the soft limit of descriptors; how many of the connections it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < connections + SPARE:
        soft = min(hard, connections + SPARE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(connections, soft - SPARE)


class SlowClients:
    """`count` connections that open at `rate` a second and send a request a byte at a time, one in `period_s` each.

    opened, refused (503), closed (without a word) and timed_out (408) count what became of them.
    """

    def __init__(self, port, count, request, rate=2000, period_s=1.0):
        self.port, self.count, self.request, self.rate, self.period_s = port, count, request, rate, period_s
        self.opened = self.refused = self.closed = self.timed_out = 0
        self.alive = {}  # socket -> bytes sent
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        for connection in self.alive:
            connection.close()

    def _open(self, selector):
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", self.port))
        selector.register(connection, selectors.EVENT_READ)
        self.alive[connection] = 0
        self.opened += 1

    def _hear(self, selector, connection):
        try:
            data = connection.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.refused += data.startswith(b"HTTP/1.1 503 ")
        self.timed_out += data.startswith(b"HTTP/1.1 408 ")
        self.closed += not data
        selector.unregister(connection)
        connection.close()
        del self.alive[connection]

    def _drip(self):
        for connection, sent in list(self.alive.items()):
            try:
                connection.send(self.request[sent:sent + 1])
                self.alive[connection] = sent + 1 if sent + 1 < len(self.request) else sent
            except OSError:
                pass  # not connected yet, or heard of at the next look

    def _run(self):
        looked = dripped = time.monotonic()
        due = 0.0
        with selectors.EpollSelector() as selector:
            while not self.stopping.is_set():
                now = time.monotonic()
                due, looked = due + min(now - looked, 0.1) * self.rate, now  # a late look makes no burst
                while due >= 1 and self.opened < self.count:
                    due -= 1
                    self._open(selector)
                if now - dripped >= self.period_s:
                    dripped = now
                    self._drip()
                for key, _ in selector.select(0.02):
                    self._hear(selector, key.fileobj)


def cpu_s(pid):
    """CPU seconds of a process so far."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def resident_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))
