"""What we are compared with: servers on the servers' core that answer the same requests."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from processes import Group, astray, pinned, tree
from service import Failure, wait_for
from world import ROOT, SERVER_CORE, free_port


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


class Peer:
    """A process on a port of its own, with what belongs to it."""

    def __init__(self, name, folder):
        self.name, self.folder, self.port = name, folder, free_port()
        self.processes = []

    def start(self, command, ready=None):
        with pinned(SERVER_CORE), open(os.path.join(self.folder, "output"), "a") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
        self.processes.append(process)
        try:
            wait_for(self.name, ready or (lambda: answers(self.port)), 10, lambda: process.poll() is None)
        except Failure as failure:
            self.stop()
            raise Failure(f"{failure}\n{self._said()}") from None

    def _said(self):
        said = ""
        for name in "output", "error.log":
            with contextlib.suppress(OSError), open(os.path.join(self.folder, name)) as file:
                said += file.read()[-1000:]
        return said

    def counted(self):
        self.group = Group(*(process.pid for process in self.processes))
        return self

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def check_cores(self):
        wrong = [one for process in self.processes for one in astray(tree(process.pid), SERVER_CORE)]
        if wrong:
            raise Failure("not on their core: " + ", ".join(wrong))

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []


def nginx(peer, conf, **values):
    with open(os.path.join(ROOT, "bench", "nginx", conf + ".conf")) as file:
        text = file.read()
    for name, value in {"folder": peer.folder, "port": peer.port, **values}.items():
        text = text.replace(f"@{name}@", str(value))
    path = os.path.join(peer.folder, "nginx.conf")
    with open(path, "w") as file:
        file.write(text)
    peer.start(["/usr/sbin/nginx", "-p", peer.folder, "-c", path, "-g", "daemon off;"])
    return peer.counted()


def redirect(folder, _):
    return nginx(Peer("nginx return 302", folder), "redirect")


def bare(folder, context):
    peer = Peer("bare epoll loop", folder)
    peer.start([os.path.join(context["build"], "bench", "epoll_peer"), str(peer.port)])
    return peer.counted()


def lua(folder, _):
    """Its Redis keeps an append-only file, synced every second, as ours does."""
    peer = Peer("nginx, Lua, XADD", folder)
    address = os.path.join(folder, "redis.sock")
    peer.start(["redis-server", "--port", "0", "--unixsocket", address, "--unixsocketperm", "777", "--dir", folder, "--appendonly", "yes",
                "--appendfsync", "everysec", "--save", "", "--loglevel", "warning"], lambda: os.path.exists(address))
    return nginx(peer, "lua", redis=address)


def recording(folder, context):
    return nginx(Peer("nginx, log, userid, geoip2", folder), "recording", **context["geo"])


@contextlib.contextmanager
def started(makers, context):
    """The peers, in folders of their own that their workers may enter."""
    top = tempfile.mkdtemp(prefix="clickledger-peers-", dir=os.environ.get("TMPDIR", "/var/tmp"))
    os.chmod(top, 0o755)
    peers = []
    try:
        for number, maker in enumerate(makers):
            folder = os.path.join(top, str(number))
            os.mkdir(folder, 0o777)
            os.chmod(folder, 0o777)
            peers.append(maker(folder, context))
        yield peers
    finally:
        for peer in peers:
            peer.stop()
        shutil.rmtree(top, ignore_errors=True)
