"""Ports for the programs under test.

They lie below those that the kernel gives to outgoing connections (ip_local_port_range), so that none of these takes a
port between its choice and its use, and each process of the tests has its own stretch of them.
"""
import itertools
import os
import socket

FIRST, STRETCH = 10_240, 5_000
MINE = FIRST + STRETCH * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
OFFSETS = itertools.count(os.getpid() % STRETCH)  # two runs at a time seldom meet


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_ports(count):
    """The first of so many ports in a row that nobody listens on; none is given twice."""
    for _ in range(STRETCH):
        offsets = [next(OFFSETS) % STRETCH for _ in range(count)]
        if offsets[-1] == offsets[0] + count - 1 and all(is_free(MINE + offset) for offset in offsets):
            return MINE + offsets[0]
    raise RuntimeError(f"no {count} free ports from {MINE} on")


def free_port():
    return free_ports(1)
