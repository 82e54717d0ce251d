"""A way to PostgreSQL that breaks where it is told: it reads the wire protocol, so that it can cut a link exactly between a
COMMIT that was sent and its answer."""
import contextlib
import os
import pathlib
import re
import shutil
import socket
import struct
import tempfile
import threading
import time

COMMIT = re.compile(rb"(^|\0)commit\0")  # the statement alone, simple or prepared
COMMITTED = b"COMMIT\0"  # of CommandComplete


class Link:
    """One client and its connection to the server."""

    def __init__(self, proxy, client):
        self.proxy, self.client = proxy, client
        self.server = socket.socket(socket.AF_UNIX)
        self.server.connect(str(proxy.server))
        self.application = ""
        self.swallowing = False
        self.bytes = b""
        for work in self.upstream, self.downstream:
            threading.Thread(target=self.guarded, args=(work,), daemon=True).start()

    def guarded(self, work):
        try:
            work()
        except OSError:
            pass
        finally:
            self.close()

    def close(self):
        for end in self.client, self.server:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def receive(self, size):
        """Exactly so many bytes of the client."""
        data = b""
        while len(data) < size:
            more = self.client.recv(size - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def upstream(self):
        head = self.receive(4)
        startup = self.receive(struct.unpack("!I", head)[0] - 4)
        words = startup[4:].split(b"\0")
        self.application = dict(zip(words[::2], words[1::2])).get(b"application_name", b"").decode()
        self.server.sendall(head + startup)
        while True:
            head = self.receive(5)
            body = self.receive(struct.unpack("!I", head[1:])[0] - 4)
            if head[:1] in b"QP" and COMMIT.search(body.lower()):
                cut = self.proxy.cut_here(self.application)
                if cut == "before":
                    return
                self.swallowing = cut == "after"
            self.server.sendall(head + body)

    def downstream(self):
        while True:
            data = self.server.recv(65536)
            if not data:
                return
            if self.proxy.delay_s:
                time.sleep(self.proxy.delay_s)
            if not self.swallowing:
                self.client.sendall(data)
                continue
            self.bytes += data
            if COMMITTED in self.bytes:
                return  # it is done, and the client will never hear of it


class PostgresProxy:
    """Listens on a socket in `folder`. cut_next() breaks the links of the next commits of applications whose names begin so, before the server has
    the COMMIT or after it has done it; delay_s makes every answer late."""

    def __init__(self, server_folder):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cl-proxy-"))
        self.server = pathlib.Path(server_folder) / ".s.PGSQL.5432"
        self.lock = threading.Lock()
        self.mode, self.left, self.application = None, 0, ""
        self.cuts, self.delay_s = 0, 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.folder / ".s.PGSQL.5432"))
        os.chmod(self.folder / ".s.PGSQL.5432", 0o777)
        self.folder.chmod(0o755)
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                try:
                    Link(self, client)
                except OSError:
                    client.close()

    def cut_next(self, mode, application, commits=1):
        with self.lock:
            self.mode, self.application, self.left = mode, application, commits

    def cut_here(self, application):
        with self.lock:
            if self.left == 0 or not application.startswith(self.application):
                return None
            self.left -= 1
            self.cuts += 1
            return self.mode

    def close(self):
        self.listener.close()
        shutil.rmtree(self.folder)


class Through:
    """A test's database by way of the proxy."""

    def __init__(self, proxy, database):
        self.proxy, self.name = proxy, database.name

    def conninfo(self, role):
        return f"host={self.proxy.folder} dbname={self.name} user={role}"
