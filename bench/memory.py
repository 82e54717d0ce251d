"""memory: bytes of an idle connection, and of a click that waits in Redis and in the journal.

Of a connection, what the process holds (Pss, so that shared pages count once) and what the kernel holds for both of its
ends, which are on the same machine. A click waits while ingest is stopped; at a high rate many share a frame, at a low
rate each has its own.
"""
import os
import resource
import signal
import socket
import time

import geo
import peers
from loading import Loader
from processes import tree
from report import table
from service import Failure
from world import ROOT, World

REDIS_TARGET = 100
LOW_RATE = 100
REQUEST = (b"GET /c/demo?sub1=memory HTTP/1.1\r\nHost: shop.example\r\n"
           b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0\r\n\r\n")


# --- connections -----------------------------------------------------------------------------

def pss(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            total += sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
    return total


def kernel():
    """Slab and the memory of TCP buffers, of the whole machine."""
    with open("/proc/meminfo") as file:
        slab = next(int(line.split()[1]) * 1024 for line in file if line.startswith("Slab:"))
    with open("/proc/net/sockstat") as file:
        fields = next(line.split() for line in file if line.startswith("TCP:"))
    return slab + int(fields[fields.index("mem") + 1]) * os.sysconf("SC_PAGE_SIZE")


def ask(connections):
    """One click on each; the answers are read whole."""
    for first in range(0, len(connections), 500):
        some = connections[first:first + 500]
        for connection in some:
            connection.sendall(REQUEST)
        for connection in some:
            answer = b""
            while b"\r\n\r\n" not in answer:
                part = connection.recv(4096)
                if not part:
                    raise Failure("a connection ended before its answer")
                answer += part


def idle(port, pids, count):
    """Bytes of a connection: process and kernel, before its first request and after one."""
    process, kernel_before = pss(pids), kernel()
    connections = []
    try:
        for _ in range(count):
            connections.append(socket.create_connection(("127.0.0.1", port)))
        time.sleep(0.5)
        fresh = (pss(pids) - process) / count, (kernel() - kernel_before) / count
        ask(connections)
        time.sleep(0.5)
        used = (pss(pids) - process) / count, (kernel() - kernel_before) / count
    finally:
        for connection in connections:
            connection.close()
    return [f"{value:.0f}" for value in (*fresh, *used)]


def connections_measure(world, peer, count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 100:
        raise Failure(f"{count} connections need a higher limit of open files than {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(f"\nmemory: bytes of each of {count} idle connections\n")
    rows = [["", "process, new", "kernel, new", "process, after a request", "kernel, after a request"]]
    rows.append(["ours", *idle(world.state.settings["port"], tree(world.pid("tracker")), count)])
    world.answered += count
    world.drain()
    rows.append([peer.name, *idle(peer.port, peer.group.members(), count)])
    table(rows)
    print("  kernel: slab and TCP buffers of both ends")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# --- clicks ----------------------------------------------------------------------------------

def used_memory(world):
    info = dict(line.split(":", 1) for line in world.redis("info", "memory").splitlines() if ":" in line)
    return int(info["used_memory"])


def waiting(world, loader, **load):
    """What clicks cost while ingest does not take them: bytes in Redis by both of its measures, and in the journal."""
    for pid in tree(world.pid("ingest")):
        os.kill(pid, signal.SIGSTOP)
    try:
        used, frames = used_memory(world), [world.metric(f"clickledger_recorder_{name}_total") for name in ("frame_bytes", "frames")]
        n = loader.run(world.url, ids=world.ids, connections=64, **load)["answered"]
        world.answered += n
        time.sleep(1)
        stream = int(world.redis("memory", "usage", "cl:hits:{0}", "samples", "0"))
        grown = used_memory(world) - used
        bytes_, count = (world.metric(f"clickledger_recorder_{name}_total") - before for name, before in zip(("frame_bytes", "frames"), frames))
        if world.metric("clickledger_recorder_window_full") or world.metric("clickledger_recorder_behind_frames"):
            raise Failure("not every click was in Redis: its window was full")
    finally:
        for pid in tree(world.pid("ingest")):
            os.kill(pid, signal.SIGCONT)
    world.drain()
    return stream / n, grown / n, bytes_ / n, n / count


def clicks_measure(world, loader, quick):
    print("\nmemory: bytes of a click that waits\n")
    rows = [["", "stream in Redis", "all of Redis", "journal", "clicks in a frame"]]
    full = waiting(world, loader, rate=0, count=5000 if quick else 100000)
    low = waiting(world, loader, rate=LOW_RATE, seconds=1 if quick else 20)
    for name, found in ("64 connections, as fast as they are answered", full), (f"{LOW_RATE} clicks/s", low):
        rows.append([name, *(f"{value:.1f}" for value in found)])
    table(rows)
    print(f"  target in Redis at most {REDIS_TARGET}: {'met' if full[0] <= REDIS_TARGET else 'missed'} at full rate, "
          f"{'met' if low[0] <= REDIS_TARGET else 'missed'} at {LOW_RATE}/s")
    print("  the journal reserves whole segments before; what is counted is what is written")
    return full[0] / REDIS_TARGET


def run(options):
    databases = None if options.quick else geo.databases(ROOT, options.build)
    with World(databases) as world, peers.started([peers.redirect], {}) as (peer,):
        connections_measure(world, peer, 500 if options.quick else 10000)
        ratio = clicks_measure(world, Loader(options.build, world.slugs()), options.quick)
        print("\n" + world.verify(options.build))
    print(f"bytes of the stream in Redis for each waiting click at full rate, divided by {REDIS_TARGET}:")
    return ratio
