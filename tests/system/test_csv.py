"""Lists as CSV: whole, from one snapshot, harmless to spreadsheets, bounded in what they hold."""
import csv
import io
import re
import socket

import psycopg2
import pytest

from api import Api, Client, World, api, world  # noqa: F401 (fixtures)
from conftest import wait_for
from people import person

FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1+1)", '=IMPORTXML("http://x")', 'a;b"c,d', "＝1+1", "plain, 'quoted'"]
HELD = "usename = 'cl_api' and datname = current_database() and xact_start is not null"


def rows(answer):
    """Lines by their columns, and the names of these."""
    assert answer.status == 200, answer.text
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert answer.text.startswith("\ufeff")
    lines = list(csv.reader(io.StringIO(answer.text[1:], newline=""), strict=True))
    assert all(len(line) == len(lines[0]) for line in lines)
    return [dict(zip(lines[0], line)) for line in lines[1:]], lines[0]


def test_every_list_has_csv(world):
    """What JSON pages through is whole in CSV, with the same items in the same order; only lists know the format."""
    lists, missing = 0, set()
    askers = {"partner": world.anna.client, "person": person(world, "ann@example.org", "owner")}
    for path, methods in world.api.call("GET", "/v1/openapi.json").body["paths"].items():
        if "get" not in methods:
            continue
        names = {p["name"] for p in methods["get"]["parameters"]}
        client = askers.get(methods["get"]["x-asker"], world.team)
        url = path.replace("{id}", world.receipt if "receipts" in path else str(world.program))
        answer = client.get(url)
        if answer.status != 200:  # of something that is not there
            continue
        body = answer.body
        assert ("format" in names) == isinstance(body.get("data"), list), path
        assert "limit" not in names or "format" in names, path
        if "format" in names:
            lists += 1
            found, columns = rows(client.get(url + "?format=csv"))
            assert len(found) == len(body["data"]), path
            for item, line in zip(body["data"], found):
                known = {re.sub(" .*", "", column): cell for column, cell in line.items()}
                missing |= {(path, name) for name in item if name.removesuffix("_minor") not in known and name != "secrets"}
                for name, value in item.items():
                    if isinstance(value, (str, int)) and not isinstance(value, bool) and not name.endswith("_minor"):
                        assert known[name] == str(value), (path, name)
    assert lists >= 17 and not missing


def test_cells(world):
    """Formulas are defused, money is decimal with its currency, times say their zone, nested values are JSON."""
    for text in FORMULAS:
        world.team.post("/v1/links", {"program_id": world.program, "partner_id": world.anna.id, "target_url": "https://shop.example/", "name": text})
    # Line breaks and tabs do not get in by the API; what is in the rows may be older than its rules.
    for text in ("\t=1", "\r=1", "\n=1"):
        world.postgres.query("insert into link (program_id, partner_id, slug, target_url, name) values (%s, %s, %s, 'https://shop.example/', %s)",
                             (world.program, world.anna.id, f"s{ord(text[0])}", text))
    answer = world.team.get("/v1/links?format=csv")
    found, columns = rows(answer)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="links.csv"'
    assert "created_at (UTC)" in columns
    names = [line["name"] for line in found][::-1][2:]
    assert names == ["'" + text if text[0] in "=+-@＝\t\r\n" else text for text in FORMULAS + ["\t=1", "\r=1", "\n=1"]]
    conversion, columns = rows(world.anna.client.get("/v1/conversions?format=csv"))
    assert (conversion[0]["amount"], conversion[0]["commission"], conversion[0]["currency"]) == ("10.00", "1.00", "RUB")
    assert conversion[0]["occurred_at (UTC)"] == "2024-01-01T10:30:00.000Z" and conversion[0]["credits"].startswith('[{"')
    stats, columns = rows(world.anna.client.get("/v1/stats?from=2024-01-01&to=2024-01-01&tz=Europe/Moscow&format=csv"))
    assert columns[0] == "day (Europe/Moscow)" and (stats[0]["epc"], stats[0]["revenue"]) == ("0.142857", "10.00")
    stats, columns = rows(world.anna.client.get("/v1/stats?from=2024-01-01&to=2024-01-01&group_by=link&format=csv"))
    assert columns[0] == "link_id" and stats[0]["link_id"] == str(world.anna.link)
    statement, _ = rows(world.team.get("/v1/statement?format=csv"))
    assert sorted(line["amount"] for line in statement) == ["-1.00", "-2.00", "1.00", "2.00"]  # negative money stays a number
    own, _ = rows(world.anna.client.get("/v1/statement?format=csv"))
    assert [(line["amount"], line["balance"]) for line in own] == [("1.00", "1.00")]
    terms, _ = rows(world.team.get(f"/v1/programs/{world.program}/terms?format=csv"))
    assert (terms[0]["fixed"], terms[0]["currency"]) == ("", "RUB")


def test_refusals(world):
    for parameter in ("limit=5", "cursor=31"):
        assert world.team.get("/v1/links?format=csv&" + parameter).code == parameter.split("=")[0]
    assert world.team.get("/v1/links?format=xml").code == "format"
    assert world.team.get("/v1/me?format=csv").code == "unknown_parameter"
    assert world.api.call("GET", "/v1/links?format=csv", key="nobody").status == 401
    assert world.anna.client.get("/v1/partners?format=csv").status == 403
    head = world.api.call("HEAD", "/v1/links?format=csv", key=world.team_key)
    assert (head.status, head.text, head.headers["Transfer-Encoding"]) == (200, "", "chunked")
    options = world.api.call("OPTIONS", "/v1/links")
    assert (options.status, options.headers["Allow"]) == (204, "OPTIONS, GET, HEAD, POST")
    old = world.api.raw(f"GET /v1/links?format=csv HTTP/1.0\r\nAuthorization: Bearer {world.team_key}\r\n\r\n".encode())
    assert b"Transfer-Encoding" not in old and old.count(b"\r\n\"") == 0 and old.endswith(b"Z\"\r\n")


def as_superuser(world, sql):
    """Its rows. What others do only a superuser sees, and only he goes past the triggers of 50,000 partners."""
    connection = psycopg2.connect(world.postgres.conninfo("postgres"))
    with connection, connection.cursor() as cursor:
        cursor.execute("set session_replication_role = replica")
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def held(world):
    """How many transactions are open: exports that compute a page, or wait for their client."""
    return as_superuser(world, "select count(*) from pg_stat_activity where " + HELD)[0][0]


def fill(world):
    as_superuser(world, "insert into clickledger.partner (name, status) select 'p' || n || repeat('x', 180), 'active' from generate_series(1, 50000) n")


class Slow:
    """A client that takes what it likes."""

    def __init__(self, world, path):
        self.socket = socket.create_connection(("127.0.0.1", world.api.port), 20)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {world.team_key}\r\n\r\n".encode())
        self.text = self.socket.recv(4096)

    def rest(self):
        self.text += b"".join(iter(lambda: self.socket.recv(1 << 20), b""))
        return self.text


@pytest.fixture
def patient(spawn, postgres, tmp_path):
    """An api with one export at a time."""
    return World(Api(spawn, postgres, tmp_path, "connections = 2\nexports = 1\nexport_timeout = 60s\n"))


def test_one_snapshot_and_room_for_others(patient):
    world = patient
    fill(world)
    before = world.postgres.value("select count(*) from partner")
    slow = Slow(world, "/v1/partners?format=csv")
    wait_for(lambda: held(world) == 1, what="a client that makes the export wait")
    busy = world.team.get("/v1/partners?format=csv")
    assert (busy.status, busy.headers["Retry-After"]) == (503, "1") and busy.code == "busy"
    as_superuser(world, "delete from clickledger.partner where name like 'p_x%'")  # of the last page
    assert world.team.get("/v1/partners").status == 200
    # Memory is that of a page, not of the list.
    status = open(f"/proc/{world.api.process.pid}/status").read()
    assert int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) < 40_000
    slow.socket.settimeout(60)
    text = b""
    while not text.endswith(b"0\r\n\r\n"):
        piece = slow.socket.recv(1 << 20)
        assert piece
        text += piece
    assert len(re.findall(rb'\n\d+,"', slow.text + text)) == before
    wait_for(lambda: held(world) == 0, what="the connection back")
    assert world.team.get("/v1/partners?format=csv").status == 200


def test_what_breaks_is_seen(patient):
    """A lost database and a vanished client: the one sees no last chunk, of the other nothing is left."""
    world = patient
    fill(world)
    slow = Slow(world, "/v1/partners?format=csv")
    wait_for(lambda: held(world) == 1, what="an export that waits")
    slow.socket.close()
    wait_for(lambda: held(world) == 0, what="the connection back")
    slow = Slow(world, "/v1/partners?format=csv")
    # Between two pages it is idle, too, for a moment: who ends it then may find nobody.
    wait_for(lambda: as_superuser(world, "select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and " + HELD),
             what="an export that waits, and its end")
    text = slow.rest()
    assert b"HTTP/1.1 200" in text and not text.endswith(b"0\r\n\r\n")
    assert world.api.process.log().count("api.export_broken") == 1
    wait_for(lambda: world.team.get("/v1/partners?format=csv").status == 200, what="the next one")


def test_a_slow_client_has_its_time(spawn, postgres, tmp_path):
    world = World(Api(spawn, postgres, tmp_path, "connections = 2\nexport_timeout = 1s\n"))
    fill(world)
    slow = Slow(world, "/v1/partners?format=csv")
    wait_for(lambda: "the client was too slow" in world.api.process.log(), what="its end")
    wait_for(lambda: held(world) == 0, what="the connection back")
    assert not slow.rest().endswith(b"0\r\n\r\n")
