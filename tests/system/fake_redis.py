"""A Redis that gives the replies which a real one cannot be brought to give. It takes a real one's place on its socket."""
import os
import socket
import threading

INFO = b"run_id:%s\r\naof_enabled:1\r\nmaxmemory_policy:noeviction\r\n" % (b"f" * 40)


def bulk(data):
    return b"$%d\r\n%s\r\n" % (len(data), data)


def healthy(command):
    """What a Redis says that is well, but for writes."""
    if command[0] == b"INFO":
        return bulk(INFO)
    if command[0] == b"CONFIG":
        return b"*2\r\n" + bulk(b"appendfsync") + bulk(b"everysec")
    if command[0] == b"XRANGE" and command[1].startswith(b"cl:hits:"):
        return b"*1\r\n*2\r\n" + bulk(b"1-1") + b"*0\r\n"  # whatever is looked for is still there
    return b"*0\r\n" if command[0] in (b"XRANGE", b"XREAD", b"HGETALL", b"HMGET") else b"$-1\r\n"


class FakeRedis:
    """`reply` is what a command gets: bytes, None for silence, or b"" for a close."""

    def __init__(self, path, reply):
        self.path, self.reply = str(path), reply
        self.seen = []  # names of commands
        self.connections = []
        self.listener = socket.socket(socket.AF_UNIX)

    def __enter__(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener.bind(self.path)
        self.listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        os.unlink(self.path)
        self.listener.close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it is closed already
            connection.close()

    def count(self, name):
        return self.seen.count(name)

    def _accept(self):
        try:
            while True:
                connection, _ = self.listener.accept()
                self.connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()
        except OSError:
            pass  # the end

    def _serve(self, connection):
        try:
            with connection.makefile("rb") as lines:
                while line := lines.readline():
                    command = []
                    for _ in range(int(line[1:])):
                        length = int(lines.readline()[1:])
                        command.append(lines.read(length + 2)[:-2])
                    self.seen.append(command[0])
                    answer = self.reply(command)
                    if answer == b"":
                        connection.close()
                        return
                    if answer is not None:
                        connection.sendall(answer)
        except (OSError, ValueError):
            pass  # the other side has gone
