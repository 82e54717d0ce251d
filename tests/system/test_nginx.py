"""ops/nginx.conf as it is, in a real nginx in front of a real tracker and a real api."""
import collections
import json
import os
import re
import signal
import socket
import ssl
import subprocess

import pytest

from api import Api, World
from conftest import ROOT, wait_for
from ports import free_port
from test_tracker_life import workers
from tracker import BROWSER, hits, make_fixture  # noqa: F401

MAIN = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/main.error.log;
events {{ worker_connections 256; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/front.conf;
}}
"""
HOST, API_HOST = "click.example.com", "partners.example.com"


class Nginx:
    def __init__(self, folder, spawn, tracker=None, api=None):
        self.folder, self.tracker, self.host = folder, tracker, HOST if tracker else API_HOST
        self.port, self.tls_port = free_port(), free_port()
        self.certificate = folder / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", f"/CN={HOST}",
                        "-addext", f"subjectAltName=DNS:{HOST},DNS:{API_HOST}", "-keyout", folder / "key.pem", "-out", self.certificate],
                       check=True, capture_output=True)
        text = (ROOT / "ops/nginx.conf").read_text()
        for old, new in (("server 127.0.0.1:8080;", f"server 127.0.0.1:{tracker.port if tracker else free_port()};"),
                         ("server 127.0.0.1:8081;", f"server 127.0.0.1:{api.port if api else free_port()};"),
                         ("listen 80;", f"listen 127.0.0.1:{self.port};"),
                         ("listen 443 ", f"listen 127.0.0.1:{self.tls_port} "),
                         (f"/etc/ssl/{HOST}.pem", self.certificate), (f"/etc/ssl/{HOST}.key", folder / "key.pem"),
                         (f"/etc/ssl/{API_HOST}.pem", self.certificate), (f"/etc/ssl/{API_HOST}.key", folder / "key.pem"),
                         ("/var/log/nginx", folder)):
            assert old in text
            text = text.replace(old, str(new))
        text = re.sub(r"(?m)^ *listen \[::\].*\n", "", text)  # there may be no IPv6 here
        (folder / "front.conf").write_text(text)
        (folder / "nginx.conf").write_text(MAIN.format(folder=folder))
        self.process = spawn("nginx", "-p", folder, "-c", folder / "nginx.conf")
        wait_for(self.listens, what="nginx")

    def listens(self):
        assert self.process.alive(), self.process.log() + (self.folder / "main.error.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.tls_port)) == 0

    def command(self, path, *options):
        return ["curl", "--silent", "--show-error", "--cacert", self.certificate, "--resolve", f"{self.host}:{self.tls_port}:127.0.0.1",
                "--user-agent", BROWSER, "--dump-header", "-", "--max-time", "20", *options, f"https://{self.host}:{self.tls_port}{path}"]

    def curl(self, path, *options):
        done = subprocess.run(self.command(path, *options), capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def raw(self, data):
        """Bytes over TLS, HTTP/1.1; all that comes until nginx closes."""
        context = ssl.create_default_context(cafile=self.certificate)
        with context.wrap_socket(socket.create_connection(("127.0.0.1", self.tls_port), timeout=20), server_hostname=HOST) as connection:
            connection.sendall(data)
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
        return b"".join(parts)

    def lines(self):
        return (self.folder / "clickledger.log").read_text().splitlines()

    def sent(self):
        """Requests that nginx sent to the tracker."""
        return sum("upstream=-" not in line for line in self.lines())


@pytest.fixture(name="nginx")
def nginx_fixture(make, tmp_path, spawn):  # noqa: F811
    tracker = make(workers=1, trusted_proxies="127.0.0.1")
    return Nginx(tmp_path, spawn, tracker)


def test_a_click_over_tls(nginx):
    answer = nginx.curl("/c/cookie?sub1=a%2Fb", "--http2", "--interface", "127.9.8.7", "--header", "X-Forwarded-For: 203.0.113.5",
                        "--header", "X-Forwarded-Proto: http")
    assert answer.startswith("HTTP/2 302") and re.search(r"(?mi)^set-cookie: .*; secure", answer), answer
    plain = subprocess.run(["curl", "-s", "-D", "-", "--http1.1", "--interface", "127.9.8.7", "-A", BROWSER, "-H", "X-Forwarded-Proto: https",
                            f"http://127.0.0.1:{nginx.port}/c/cookie"], capture_output=True, text=True, check=True).stdout
    assert plain.startswith("HTTP/1.1 302") and "secure" not in plain.lower()
    for hit in nginx.tracker.hits(2):
        assert hit["class"] == "human" and hit["address"][:3] == bytes((127, 9, 8)), hit
    assert hits(nginx.tracker.redis.client)[0]["sub1"] == b"a/b"


def test_connections_are_kept(nginx):
    context = ssl.create_default_context(cafile=nginx.certificate)
    with context.wrap_socket(socket.create_connection(("127.0.0.1", nginx.tls_port), timeout=20), server_hostname=HOST) as connection:
        for _ in range(20):
            connection.sendall(f"GET /c/demo HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: {BROWSER}\r\n\r\n".encode())
            assert connection.recv(65536).startswith(b"HTTP/1.1 302")
    nginx.tracker.hits(20)
    wait_for(lambda: nginx.tracker.metric("clickledger_tracker_http_requests_total") == 20, what="the count")
    assert nginx.tracker.metric("clickledger_tracker_http_connections_accepted_total") == 1


def test_keys_of_postbacks_are_in_no_log(nginx):
    assert " 202" in nginx.curl("/postback/good-key?order_id=1&amount=10").splitlines()[0]
    assert " 202" in nginx.curl("/postback/good-key", "--data", "order_id=2&amount=10").splitlines()[0]
    nginx.curl("//postback/good-key?order_id=3")
    nginx.curl("/%70ostback/good-key?order_id=3")
    nginx.curl("/c/demo?sub1=private")
    nginx.tracker.process.kill()
    assert " 502" in nginx.curl("/postback/good-key?order_id=4").splitlines()[0]
    assert " 502" in nginx.curl("/c/demo").splitlines()[0]
    wait_for(lambda: len(nginx.lines()) == 7, what="the log")
    logs = "".join(path.read_text() for path in nginx.folder.glob("*.log") if "tracker" not in path.name)
    assert "/postback/-" in logs and "good-key" not in logs and "private" not in logs
    assert "connect() failed" in logs  # of the click: errors as such are logged


def test_a_click_is_not_sent_twice(nginx):
    tracker = nginx.tracker
    nginx.curl("/c/demo?sub1=first")  # nginx keeps the connection
    tracker.hits(1)
    worker = workers(tracker)[0]
    os.kill(worker, signal.SIGSTOP)
    with subprocess.Popen(nginx.command("/c/demo?sub1=second"), stdout=subprocess.PIPE, text=True) as client:
        wait_for(lambda: waiting(tracker.port) > 0, what="the request")
        tracker.process.kill()
        answer, _ = client.communicate(timeout=30)
    assert " 502" in answer.splitlines()[0]
    tracker.start()
    wait_for(lambda: len(nginx.lines()) == 2, what="the log")
    assert nginx.sent() == 2 and nginx.lines()[1].count("127.0.0.1:") == 1  # one upstream was tried, once
    assert tracker.metric("clickledger_tracker_http_requests_total") == 0
    nginx.curl("/c/demo?sub1=third")
    assert [hit["sub1"] for hit in tracker.hits(2)] == [b"first", b"third"]


def waiting(port):
    """Bytes that have arrived at a port's connections and were not read."""
    queued = 0
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            fields = line.split()
            if int(fields[1].split(":")[1], 16) == port and fields[3] == "01":
                queued += int(fields[4].split(":")[1], 16)
    return queued


SMUGGLED = b"GET /c/demo?sub1=smuggled HTTP/1.1\r\nHost: click.example.com\r\n\r\n"
POST = b"POST /postback/good-key HTTP/1.1\r\nHost: click.example.com\r\n"
CHUNKS = b"0\r\n\r\n" + SMUGGLED
AMBIGUOUS = [
    POST + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % len(CHUNKS) + CHUNKS,
    POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n",
    POST + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    POST + b"Content-Length: 0, %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    POST + b"Content-Length: +0\r\n\r\n" + SMUGGLED,
    POST + b"Content-Length : 0\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    POST + b"Transfer-Encoding : chunked\r\nContent-Length: %d\r\n\r\n" % len(CHUNKS) + CHUNKS,
    POST + b"Transfer-Encoding: xchunked\r\nContent-Length: %d\r\n\r\n" % len(CHUNKS) + CHUNKS,
    POST + b"Transfer-Encoding: chunked, identity\r\nContent-Length: %d\r\n\r\n" % len(CHUNKS) + CHUNKS,
    POST + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
    POST + b"Transfer-Encoding:\x0bchunked\r\nContent-Length: %d\r\n\r\n" % len(CHUNKS) + CHUNKS,
    POST + b"X: y\rTransfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n" % len(CHUNKS) + CHUNKS,
    POST + b"X: y\nTransfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n" % len(CHUNKS) + CHUNKS,
    POST + b"X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n" % len(CHUNKS) + CHUNKS,
    POST + b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" + SMUGGLED,
    POST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n\r\n" + SMUGGLED,
    POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    b"GET /c/demo HTTP/1.1\r\nHost: click.example.com\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    b"GET /c/demo HTTP/1.1\r\nHost: click.example.com\r\nHost: other.example\r\n\r\n" + SMUGGLED,
    b"GET /c/demo?sub1=a%0d%0a%0d%0aGET%20/c/demo HTTP/1.1\r\nHost: click.example.com\r\n\r\n",
    b"GET http://other.example/c/demo HTTP/1.1\r\nHost: click.example.com\r\n\r\n",
    b"GET /c/demo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"GET /c/demo HTTP/1.1\r\nHost: click.example.com\r\nX: a\0b\r\n\r\n" + SMUGGLED,
]


def test_nothing_is_smuggled_through(nginx):
    """Every request that the tracker read is one that nginx sent, and the other way round."""
    tracker = nginx.tracker
    for data in AMBIGUOUS:
        nginx.raw(data + b"GET /c/bare?sub1=last HTTP/1.1\r\nHost: click.example.com\r\nConnection: close\r\n\r\n")

    def read():
        faults = [line for line in tracker.admin("/metrics").body.decode().splitlines() if line.startswith("clickledger_tracker_http_faults_total")]
        return tracker.metric("clickledger_tracker_http_requests_total") + sum(float(line.split()[-1]) for line in faults)

    wait_for(lambda: read() == nginx.sent() >= 8, what="equal counts")
    statuses = collections.Counter(re.search(r'" (\d+) ', line).group(1) for line in nginx.lines())
    assert set(statuses) <= {"200", "202", "302", "400", "401", "404", "405", "411", "413", "422", "501"}, statuses


def test_the_api_behind_it(spawn, postgres, tmp_path):
    """Who asks is the client; a file of rows arrives while it is sent, a CSV leaves whole; what is too long the api refuses itself."""
    world = World(Api(spawn, postgres, tmp_path, "connections = 2\ntrusted_proxies = 127.0.0.1\naddress_rate = 2\nkey_rate = 0\n"))
    nginx = Nginx(tmp_path, spawn, api=world.api)
    key = "--header", f"Authorization: Bearer {world.team_key}"
    plain = subprocess.run(["curl", "-s", "-D", "-", "-H", f"Host: {API_HOST}", f"http://127.0.0.1:{nginx.port}/login?a=b"],
                           capture_output=True, text=True, check=True)
    assert plain.stdout.startswith("HTTP/1.1 308") and f"ocation: https://{API_HOST}/login?a=b" in plain.stdout
    rows = nginx.command(f"/v1/uploads?kind=conversions&program_id={world.program}", *key, "--http1.1", "--no-buffer", "--header", "Content-Type: text/csv",
                         "--header", "Expect:", "--upload-file", "-", "--request", "POST")
    with subprocess.Popen(rows, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        lines = b"".join(b"N-%d,1.00%s\n" % (n, b",".ljust(201, b"x") * 4) for n in range(3000))  # more than 2 MiB
        client.stdin.write(b"order_id,amount,sub1,sub2,sub3,sub4\n" + lines)
        client.stdin.flush()
        wait_for(lambda: world.postgres.value("select coalesce(max(accepted), 0) from upload") >= 500, what="rows of a file that is not whole")
        answer, _ = client.communicate(b"N-3000,1.00,,,,\n", timeout=60)
    head, body = answer.decode().split("\r\n\r\n", 1)
    assert " 201" in head.splitlines()[0] and (json.loads(body)["status"], json.loads(body)["accepted"]) == ("complete", 3001)
    listed = nginx.curl(f"/v1/uploads/{json.loads(body)['id']}/rows?format=csv", *key)
    assert listed.startswith("HTTP/2 200") and listed.count("accepted") == 3001
    long = nginx.curl("/v1/partners", *key, "--header", "Content-Type: application/json", "--data", '{"name": "' + "x" * 70_000 + '"}')
    assert long.startswith("HTTP/2 413") and "http_" in long
    # Others are not slowed down by one that asks too often.
    def often(source):
        return nginx.curl("/v1/me", *key, "--interface", source, "--header", "X-Forwarded-For: 203.0.113.5")

    wait_for(lambda: often("127.9.8.7").startswith("HTTP/2 429"), what="the end of patience")
    assert often("127.9.8.6").startswith("HTTP/2 200")
