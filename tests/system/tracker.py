"""A real tracker over a real Redis, with a catalog made here: no PostgreSQL is needed."""
import hashlib
import http.client
import pathlib
import re
import socket
import struct
import subprocess
import urllib.parse

import pytest

from conftest import BUILD, ROOT, wait_for
from ports import free_port

BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0 Safari/537.36"
KEY_LINE = "0 000102030405060708090a0b0c0d0e0f\n"
GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
SETTINGS, PROGRAM, PROGRAM_CODE, LINK, PROMO_CODE, INTEGRATION = range(1, 7)  # enum catalog_type


def text(value):
    return struct.pack(">H", len(value.encode())) + value.encode()


def record(kind, key, value):
    return struct.pack(">BBHI", kind, 0, len(key), len(value)) + key + value


def settings(shards=1):
    return record(SETTINGS, b"", struct.pack(">I", shards))


def extension(value):
    return text("") + struct.pack(">H", len(value)) + value


def program(number, code, active=True, cookie=False, currency="RUB", fallback="", hosts=(), visitor=None):
    """visitor: (flags, cookie domain, cookie hosts) as in base/catalog_policy.h."""
    value = struct.pack(">??", active, cookie) + text(code) + text(currency) + text(fallback) + b"".join(map(text, hosts))
    if visitor:
        flags, domain, cookie_hosts = visitor
        value += extension(bytes([flags]) + text(domain) + b"".join(map(text, cookie_hosts)))
    return (record(PROGRAM, struct.pack(">Q", number), value) +
            record(PROGRAM_CODE, code.encode(), struct.pack(">Q", number)))


def link(slug, number, program_id, target, active=True, partner_id=7, tail=b""):
    """target: text, or bytes with compiled macros; tail: see link_tail()."""
    target = target if isinstance(target, bytes) else target.encode()
    value = struct.pack(">QQQ?H", number, program_id, partner_id, active, len(target)) + target + tail
    return record(LINK, slug.encode(), value)


def link_tail(exhausted=False, starts_ms=0, expires_ms=0, fallback="", rules=()):
    return struct.pack(">?QQ", exhausted, starts_ms, expires_ms) + text(fallback) + b"".join(rules)


def rule(number, conditions, *targets):
    """conditions: (enum catalog_rule_kind, list bytes); targets: (weight, text)."""
    value = struct.pack(">QB", number, len(conditions))
    value += b"".join(struct.pack(">BH", kind, len(entries)) + entries for kind, entries in conditions)
    value += struct.pack(">B", len(targets)) + b"".join(struct.pack(">I", weight) + text(url) for weight, url in targets)
    return struct.pack(">H", len(value)) + value


def promo_code(code, number, program_id, target, active=True, partner_id=7):
    value = struct.pack(">QQQ?", number, program_id, partner_id, active) + text(code) + text(target)
    return record(PROMO_CODE, code.upper().encode(), value)


def pairs(words):
    return b"".join(text(word) for pair in (words or {}).items() for word in pair)


def integration(key, number, program_id, active=True, aliases=None, statuses=None, secrets=()):
    value = struct.pack(">QQ?", number, program_id, active) + pairs(aliases)
    if statuses or secrets:
        words = pairs(statuses)
        value += extension(struct.pack(">H", len(words)) + words + b"".join(map(text, secrets)))
    return record(INTEGRATION, hashlib.sha256(key.encode()).digest(), value)


def publish(client, records, revision):
    """An image in Redis, as ingest publishes it."""
    image = subprocess.run([BUILD / "tests/system/catalog_image", str(revision)], input=b"".join(records), check=True,
                           stdout=subprocess.PIPE).stdout
    client.set(f"cl:catalog:base:{revision}:0", image)
    client.hset("cl:catalog:base", mapping={"revision": revision, "bytes": len(image), "chunks": 1, "sum": "0" * 16,
                                            "epoch": "7e57"})


def names(enum):
    """Names of a closed list of base/hit.h or base/hit_lists.h, by number."""
    source = (ROOT / "base/hit_lists.h").read_text() + (ROOT / "base/hit.h").read_text()
    body = re.search(rf"enum {enum} \{{(.*?)\}}", source, re.S).group(1)
    prefix = {"hit_kind": "HIT_", "hit_class": "HIT_CLASS_", "hit_reason": "HIT_REASON_", "hit_field": "HIT_"}[enum]
    found = re.findall(r"\b(HIT_\w+)", re.sub(r"//.*", "", body))
    first = 0 if enum == "hit_reason" else 1
    return {number: name[len(prefix):].lower() for number, name in enumerate(found, first)}


KINDS, CLASSES, REASONS, FIELDS = (names(enum) for enum in ("hit_kind", "hit_class", "hit_reason", "hit_field"))


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if not data[at - 1] & 128:
            return value, at


def hit_decode(data):
    kind, klass, reason, status = struct.unpack_from("<BBBH", data)
    hit = {"kind": KINDS[kind], "class": CLASSES[klass], "reason": REASONS[reason], "status": status}
    hex_id = data[5:21].hex()
    hit["id"] = "-".join((hex_id[:8], hex_id[8:12], hex_id[12:16], hex_id[16:20], hex_id[20:]))
    at = 21
    for name in ("program_id", "partner_id", "link_id", "promo_code_id", "catalog_revision"):
        hit[name], at = varint(data, at)
    while at < len(data):
        tag = data[at]
        length, at = varint(data, at + 1)
        hit[FIELDS[tag]] = data[at:at + length]
        at += length
    if "destination" in hit:
        hit["destination"] = hit["destination"].replace(b"\1", hit["id"].encode(), 1)
    return hit


def frames(client, shard=0):
    """Each frame once: one that was sent again has the same first 64 bytes."""
    seen = {fields[b"f"][:64]: fields[b"f"] for _, fields in client.xrange(f"cl:hits:{{{shard}}}")}
    return seen.values()


def journal_frames(state):
    """All frames in the journals of a state folder; of one producer in order."""
    for segment in sorted(pathlib.Path(state).glob("journal/*/*.seg")):
        data, at = segment.read_bytes(), 0
        while data[at:at + 4] == b"CLFR":
            end = at + 96 + struct.unpack_from("<I", data, at + 60)[0]
            yield data[at:end]
            at = end


def plain_hits(payloads):
    """Of payloads of version 3, each as one of version 2."""
    sent = b"".join(struct.pack("<I", len(payload)) + payload for payload in payloads)
    said, at = subprocess.run([BUILD / "tests/system/delta_undo"], input=sent, capture_output=True, check=True).stdout if sent else b"", 0
    while at < len(said):
        end = at + 4 + struct.unpack_from("<I", said, at)[0]
        yield said[at + 4:end]
        at = end


def records(some_frames):
    """The bytes of each hit in frames."""
    some_frames = list(some_frames)
    undone = plain_hits(frame[96:] for frame in some_frames if frame[4] == 3)
    for frame in some_frames:
        payload = next(undone) if frame[4] == 3 else frame[96:]
        at = 0
        while at < len(payload):
            length, at = varint(payload, at)
            yield payload[at:at + length]
            at += length


def hits(client, shard=0):
    """All hits in the stream, in order."""
    return [hit_decode(data) for data in records(frames(client, shard))]


class Answer:
    def __init__(self, answer):
        self.status, self.headers, self.body = answer.status, answer.headers, answer.read()
        self.location = self.headers.get("Location")

    def query(self):
        return urllib.parse.parse_qs(urllib.parse.urlsplit(self.location).query, keep_blank_values=True)

    @property
    def click_id(self):
        assert self.location, f"no redirect: {self.status} {self.body}"
        return self.query()["click_id"][0]


class Tracker:
    def __init__(self, folder, redis_server, spawn, **options):
        self.folder = pathlib.Path(folder)
        self.redis = redis_server
        self.spawn = spawn
        self.port, self.admin_port = free_port(), free_port()
        keys = self.folder / "click_keys"
        keys.write_text(KEY_LINE)
        keys.chmod(0o600)
        options = {"host": "127.0.0.1", "port": self.port, "admin_port": self.admin_port, "workers": 1,
                   "state": self.folder / "state", "click_keys": keys, **options}
        self.config = self.folder / "clickledger.conf"
        self.config.write_text("[redis]\naddress = %s\n[tracker]\n" % redis_server.socket +
                               "".join(f"{name} = {value}\n" for name, value in options.items()))
        self.program = BUILD / "tracker/clickledger-tracker"
        self.process = None

    def start(self, revision=None):
        """Starts it and waits until it answers, by a catalog of this revision if one is named."""
        self.process = self.spawn(self.program, "--config", self.config)
        wait_for(self.healthy, what=f"the tracker of {self.config}")
        if revision is not None:
            self.wait_catalog(revision)

    def wait_catalog(self, revision):
        wait_for(lambda: self.metric('clickledger_tracker_catalog_revision{worker="0"}') >= revision, what="the catalog")

    def healthy(self):
        assert self.process.alive(), self.process.log()
        try:
            return self.admin("/healthz").status == 200
        except OSError:
            return False

    def admin(self, path):
        return self.request("GET", path, port=self.admin_port)

    def metric(self, name):
        for line in self.admin("/metrics").body.decode().splitlines():
            if line.rsplit(" ", 1)[0] == name:
                return float(line.rsplit(" ", 1)[1])
        return None

    def request(self, method, path, headers=None, body=None, port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=10)
        try:
            headers = {"User-Agent": BROWSER, **(headers or {})}
            connection.request(method, path, body=body, headers={k: v for k, v in headers.items() if v is not None})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, {name.replace("_", "-"): value for name, value in headers.items()})

    def raw(self, data, limit_s=10):
        """Sends bytes, returns all bytes until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=limit_s) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
        return b"".join(parts)

    def hits(self, count):
        """Waits until so many hits are in the stream; returns all."""
        found = []

        def enough():
            found[:] = hits(self.redis.client)
            return len(found) >= count

        wait_for(enough, what=f"{count} hits")
        assert len(found) == count
        return found


def workers(tracker):
    """Their process ids."""
    with open(f"/proc/{tracker.process.pid}/task/{tracker.process.pid}/children", encoding="ascii") as file:
        return [int(pid) for pid in file.read().split()]


REVISION = 5
RECORDS = [
    settings(),
    program(1, "shop", hosts=["shop.example", "www.shop.example"], fallback="https://shop.example/gone"),
    program(2, "own", cookie=True, hosts=["own.example"]),
    program(3, "paused", active=False),
    link("demo", 11, 1, "https://shop.example/landing?a=1#top"),
    link("bare", 12, 1, "https://shop.example"),
    link("closed", 13, 1, "https://shop.example/closed", active=False),
    link("sleeping", 14, 3, "https://paused.example/"),
    link("cookie", 15, 2, "https://own.example/"),
    link("loud", 16, 1, "https://shop.example/?click_id=theirs&utm_source=ours&x=%D0%BF"),
    promo_code("Summer", 21, 1, "https://shop.example/summer"),
    integration("good-key", 31, 1, aliases={"tid": "order_id", "sum": "amount"}),
    integration("old-key", 32, 1, active=False),
    integration("words", 33, 1, aliases={"tid": "click_id"}, statuses={"1": "approved", "2": "pending", "3": "declined", "ping": "ignore"}),
    integration("signed", 34, 1, secrets=["cl_secret_" + "1" * 40, "cl_secret_" + "2" * 40]),
]


@pytest.fixture(name="make")
def make_fixture(tmp_path, redis_server, spawn):
    """make(option=value, ...) starts a tracker by RECORDS."""
    def started(**options):
        publish(redis_server.client, RECORDS, REVISION)
        tracker = Tracker(tmp_path, redis_server, spawn, **options)
        tracker.start(REVISION)
        return tracker

    return started


@pytest.fixture(name="tracker")
def tracker_fixture(make):
    return make()


def check_pixel(answer):
    assert (answer.status, answer.body) == (200, GIF)
    assert answer.headers["Content-Type"] == "image/gif"
    assert "no-store" in answer.headers["Cache-Control"]
