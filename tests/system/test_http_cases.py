"""Conformance and smuggling cases over real sockets: one answer each, and the same however the bytes arrive."""
import contextlib
import re
import socket
import time

from http_cases import answers, cases, connect, read_to_end, verdict_of
from tracker import make_fixture, tracker_fixture  # noqa: F401

BYTEWISE_MAX = 400   # bytes of a request that is sent byte by byte
OPEN_AT_ONCE = 150


def ask(port, request):
    with connect(port) as connection:
        with contextlib.suppress(OSError):  # it may have had enough: the answer is there all the same
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        return read_to_end(connection)


def wrong(verdict, request, line, data):
    found = verdict_of(answers(data, request.startswith(b"HEAD")))
    return None if found == verdict else f"{found}, not {line}"


def test_every_case_gets_its_verdict(tracker):
    faults = [fault for verdict, request, line in cases() if (fault := wrong(verdict, request, line, ask(tracker.port, request)))]
    assert not faults, "\n".join(faults)
    assert tracker.get("/c/demo").status == 302


def feed_bytewise(port, requests):
    """Sends many requests at once, each a byte at a time; what each was answered."""
    connections = [connect(port) for _ in requests]
    try:
        for at in range(max(map(len, requests))):
            for connection, request in zip(connections, requests):
                with contextlib.suppress(OSError):  # the server may have closed behind its answer
                    connection.send(request[at:at + 1])
            time.sleep(0.001)  # lets the server read each byte alone
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
        return [read_to_end(connection) for connection in connections]
    finally:
        for connection in connections:
            connection.close()


def without_what_differs(data):
    return re.sub(rb"click_id=[0-9a-f-]{36}|Date: [^\r]*|HTTP/1.1 100 Continue\r\n\r\n", b"", data)


def test_byte_by_byte_is_the_same(tracker):
    """A sample over a real socket; tests/unit/test_http_cases.c cuts all of them at every place."""
    chosen = [case for case in cases() if len(case[1]) <= BYTEWISE_MAX and not case[0].startswith("ok,close")][::2]
    for first in range(0, len(chosen), OPEN_AT_ONCE):
        batch = chosen[first:first + OPEN_AT_ONCE]
        for (verdict, request, line), data in zip(batch, feed_bytewise(tracker.port, [case[1] for case in batch])):
            assert not wrong(verdict, request, line, data)
            assert without_what_differs(data) == without_what_differs(ask(tracker.port, request)), line


def test_no_answer_says_what_was_injected(tracker):
    """CR, LF and what decodes to them never become a header, wherever they stand."""
    wanted = [b"Cache-Control", b"Location", b"Date", b"Content-Length"]
    for value in ("%0d%0aSet-Cookie:%20crlf=1", "%250a", "%E5%98%8A%E5%98%8DSet-Cookie:crlf=1", "%0d%0a%20x", "a%0d%0aLocation:%20http://evil", "%00",
                  "%u000d", "%c0%8d%c0%8a"):
        for place in ("sub1", "utm_source", "erid", "gclid", "x"):
            (status, names, headers, _), = answers(ask(tracker.port, f"GET /c/demo?{place}={value} HTTP/1.1\r\nHost: a\r\n\r\n".encode()))
            assert (status, names) == (302, wanted), (place, value)
            assert headers[b"Location"].startswith(b"https://shop.example/")
        (status, names, _, _), = answers(ask(tracker.port, f"GET /c/{value} HTTP/1.1\r\nHost: a\r\n\r\n".encode()))
        assert status == 404 and b"Location" not in names and b"Set-Cookie" not in names
