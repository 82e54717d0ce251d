"""Whom a tracker believes, what it tells, and what it takes: each with the concrete input of an attack."""
import http.client
import re

import pytest
import redis

from conftest import BUILD, wait_for
from http_cases import answers
from test_http_cases import ask
from tracker import BROWSER, KEY_LINE, RECORDS, REVISION, Tracker, make_fixture, publish, tracker_fixture, workers  # noqa: F401

PROXY, STRANGER = "127.0.0.1", "127.0.0.2"
SECRET = "a-password-that-nobody-may-see"
LOG_LINE = re.compile(r"time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=(debug|info|warn|error) program=tracker pid=\d+ event=[a-z_.]+"
                      r"( [a-z_]+=(\"([^\"\\]|\\.)*\"|[^\" ]+))*")


# --- Whose word on an address counts -----------------------------------------------------------------------

BELIEVED = [  # peer, headers, the address that is recorded
    (PROXY, [], "127.0.0.1"),
    (PROXY, [("X-Forwarded-For", "1.2.3.4")], "1.2.3.4"),
    (PROXY, [("X-Forwarded-For", "1.2.3.4, 5.6.7.8")], "5.6.7.8"),
    (PROXY, [("X-Forwarded-For", "1.2.3.4, 5.6.7.8, 10.1.2.3")], "5.6.7.8"),
    (PROXY, [("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-For", "5.6.7.8")], "5.6.7.8"),
    (PROXY, [("X-Forwarded-For", "1.2.3.4"), ("x-forwarded-for", "10.9.9.9")], "1.2.3.4"),
    (PROXY, [("X-Forwarded-For", "<script>alert(1)</script>")], "127.0.0.1"),
    (PROXY, [("X-Forwarded-For", "1.2.3.4, unknown")], "127.0.0.1"),
    (PROXY, [("X-Forwarded-For", "1.2.3.4, 127.0.0.1.evil.example")], "127.0.0.1"),
    (PROXY, [("X-Forwarded-For", "0x7f.1, 017.0.0.1, 2130706433")], "127.0.0.1"),
    (PROXY, [("X-Forwarded-For", "")], "127.0.0.1"),
    (PROXY, [("X-Forwarded-For", ",")], "127.0.0.1"),
    (PROXY, [("X-Forwarded-For", "10.0.0.1," * 500 + "10.0.0.2")], "10.0.0.1"),
    (PROXY, [("X-Real-IP", "1.2.3.4")], "127.0.0.1"),
    (PROXY, [("X-Real-IP", "<script>")], "127.0.0.1"),
    (PROXY, [("Forwarded", 'for="[::1]:x"')], "127.0.0.1"),
    (PROXY, [("Forwarded", "for=1.2.3.4")], "127.0.0.1"),
    (PROXY, [("True-Client-IP", "1.2.3.4"), ("CF-Connecting-IP", "1.2.3.4"), ("X-Client-IP", "1.2.3.4"), ("Client-IP", "1.2.3.4")], "127.0.0.1"),
    (PROXY, [("X_Forwarded_For", "1.2.3.4")], "127.0.0.1"),
    (STRANGER, [("X-Forwarded-For", "1.2.3.4")], "127.0.0.2"),
    (STRANGER, [("X-Forwarded-For", "127.0.0.1")], "127.0.0.2"),
    (STRANGER, [("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-For", "127.0.0.1")], "127.0.0.2"),
    (STRANGER, [("X-Real-IP", "1.2.3.4"), ("Forwarded", "for=1.2.3.4")], "127.0.0.2"),
]


def request_from(tracker, source, path, headers, host="127.0.0.1"):
    connection = http.client.HTTPConnection("127.0.0.1", tracker.port, timeout=10, source_address=(source, 0))
    try:
        connection.putrequest("GET", path, skip_host=True)
        for name, value in [("Host", host), ("User-Agent", BROWSER), *headers]:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def test_client_address(make):
    """Only proxies that are configured are believed, and of what they say only the rightmost hop that is not one of them."""
    tracker = make(trusted_proxies="127.0.0.1, 10.0.0.0/8", address_policy="full")
    for source, headers, _ in BELIEVED:
        assert request_from(tracker, source, "/c/demo", headers).status == 302
    found = [".".join(map(str, hit["address"])) for hit in tracker.hits(len(BELIEVED))]
    assert [(case[1], address) for case, address in zip(BELIEVED, found)] == [(case[1], case[2]) for case in BELIEVED]


def test_nobody_is_believed_by_default(tracker):
    assert request_from(tracker, PROXY, "/c/cookie", [("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", "https")]).status == 302
    hit, = tracker.hits(1)
    assert hit["address"][:3] == bytes([127, 0, 0])


def test_host_builds_no_link(make):
    tracker = make(trusted_proxies="127.0.0.1")
    for headers in ([], [("X-Forwarded-Host", "evil.example")], [("X-Forwarded-Server", "evil.example")], [("X-Original-URL", "/c/bare")],
                    [("X-Rewrite-URL", "/c/bare")], [("X-HTTP-Method-Override", "POST")]):
        answer = request_from(tracker, PROXY, "/c/demo", headers, host="evil.example")
        assert answer.status == 302 and answer.getheader("Location").startswith("https://shop.example/landing?")
        assert "evil" not in str(answer.getheaders())


# --- What is written down ----------------------------------------------------------------------------------

def test_no_request_writes_a_line_of_the_log(tracker):
    for value in ("x\\n2026-01-01T00:00:00Z level=info event=payout.approved", "\x1b[31mred\x1b[0m", "%0a%0dlevel=error", '" level=error event="x'):
        for line in (b"GET /c/" + value.encode(), b"GET /c/demo?sub1=" + value.encode()):
            ask(tracker.port, line + b" HTTP/1.1\r\nHost: a\r\nReferer: " + value.encode() + b"\r\nUser-Agent: " + value.encode() + b"\r\n\r\n")
        tracker.get("/postback/" + value.encode().hex() + "?order_id=%0Alevel=error&amount=%1b[31m")
    tracker.redis.kill()  # something is logged for sure
    wait_for(lambda: "event=redis.lost" in tracker.process.log(), what="a line of the log")
    lines = tracker.process.log().splitlines()
    assert len(lines) > 3
    for line in lines:
        assert LOG_LINE.fullmatch(line) and line.isprintable(), line


def secret_free(text):
    return SECRET not in text and KEY_LINE.split()[1] not in text


def test_secrets_stay_in_their_files(tmp_path, redis_server, spawn):
    """In no argument, environment, log line, metric, health page or error page; and a file that others may read is refused."""
    publish(redis_server.client, RECORDS, REVISION)
    redis_server.client.config_set("requirepass", SECRET)
    redis_server.client = redis.Redis(unix_socket_path=str(redis_server.socket), password=SECRET)
    tracker = Tracker(tmp_path, redis_server, spawn)
    text = tracker.config.read_text()
    tracker.config.write_text(text.replace("[tracker]", f"password = {SECRET}\n[tracker]"))
    tracker.config.chmod(0o644)
    refused = spawn(BUILD / "tracker/clickledger-tracker", "--config", tracker.config)
    assert refused.wait() == 2 and "others may read this file" in refused.log() and secret_free(refused.log())
    tracker.config.chmod(0o600)
    tracker.start(REVISION)
    tracker.get("/c/demo")
    tracker.hits(1)
    for pid in [tracker.process.pid, *workers(tracker)]:
        for name in ("cmdline", "environ"):
            with open(f"/proc/{pid}/{name}", encoding="latin-1") as file:
                assert secret_free(file.read())
    redis_server.client.config_set("requirepass", "another")  # so that a login is refused
    redis_server.client.execute_command("CLIENT", "KILL", "TYPE", "normal")
    wait_for(lambda: "login refused" in tracker.process.log(), what="a refused login")
    pages = [tracker.admin("/metrics"), tracker.admin("/healthz"), tracker.get("/nothing"), tracker.get("/postback/x")]
    assert all(secret_free(page.body.decode()) for page in pages)
    assert secret_free(tracker.process.log())


# --- How much is taken -------------------------------------------------------------------------------------

POST = b"POST /postback/good-key HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
LIMITS = [
    (b"GET /c/demo HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 101 + b"\r\n", 431),
    (b"GET /c/demo HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 65536 + b"\r\n\r\n", 431),
    (b"GET /c/demo HTTP/1.1\r\nHost: a\r\nCookie: " + b"; ".join(b"c%d=1" % n for n in range(100_000)) + b"\r\n\r\n", 431),
    (b"GET /c/demo?" + b"&".join(b"p%d=1" % n for n in range(100_000)) + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET /" + b"a" * 65536 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET /c/demo?sub1=" + b"x" * 1_000_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (POST + b"Content-Length: 10000000000\r\n\r\n", 413),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 70_000 + b"0\r\n\r\n", 413),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;" + b"e" * 8000 + b"\r\nx\r\n0\r\n\r\n", 400),
    (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: x\r\n" * 2000 + b"\r\n", 400),
    (b"GET /c/demo?" + b"%25" * 2600 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 302),
    (b"GET /c/demo?" + b"&".join([b"Aa=1", b"BB=2"] * 700) + b" HTTP/1.1\r\nHost: a\r\n\r\n", 302),
    (b"GET /c/demo?" + b"&" * 8000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 302),
]


@pytest.mark.parametrize("number", range(len(LIMITS)))
def test_limits(tracker, number):
    request, status = LIMITS[number]
    (found, _, headers, _), = answers(ask(tracker.port, request))
    assert found == status
    assert status == 302 or headers[b"Connection"] == b"close"
    assert tracker.get("/c/demo").status == 302


def test_a_packed_body_is_not_unpacked(tracker):
    """There is nothing that a bomb could blow up: what is in it is no report."""
    bomb = bytes.fromhex("1f8b0800000000000003") + b"\xed\xc1\x01\x01" * 1000
    answer = tracker.request("POST", "/postback/good-key", {"Content-Encoding": "gzip", "Content-Type": "application/x-www-form-urlencoded"}, bomb)
    assert 400 <= answer.status < 500
    assert tracker.get("/c/demo").status == 302
