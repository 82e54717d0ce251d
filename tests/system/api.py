"""The api under test, and two partners with everything that can belong to one."""
import http.client
import json
import pathlib
import re
import socket

import pytest

from conftest import BUILD, wait_for
from ports import free_port

OPTIONS = "connections = 2\n"
RATES = "address_rate = 0\nkey_rate = 0\n"  # tests ask as fast as they can
NONE = 999999999  # no row has this number
PROGRAM = {"code": "new", "name": "New", "currency": "RUB"}
LINK = {"program_id": 1, "partner_id": 1, "target_url": "https://a.example/"}
OPEN = "select count(*) from pg_stat_activity where usename = 'cl_api' and datname = current_database()"


class Answer:
    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text

    @property
    def body(self):
        return json.loads(self.text)

    @property
    def code(self):
        return self.body["error"]["code"]

    @property
    def data(self):
        assert self.status == 200, self.text
        return self.body["data"]


class Shapes:
    """Members of answers, as OpenAPI says: every answer to a Client or a Browser has them."""

    def __init__(self, document):
        self.operations = []  # method, pattern of the path, status, members
        for path, methods in document["paths"].items():
            pattern = re.compile(re.sub(r"{[a-z]+}", "[^/]+", path))
            for method, operation in methods.items():
                status, response = next(iter(operation["responses"].items()))
                schema = response["content"].get("application/json", {}).get("schema", {})
                self.operations.append((method.upper(), pattern, int(status), schema))

    def check(self, method, path, answer):
        for name, pattern, status, schema in self.operations:
            if name == method and pattern.fullmatch(path.split("?")[0]) and status == answer.status and answer.text.startswith("{"):
                body = answer.body
                assert set(schema.get("required", ())) <= set(body), (method, path, answer.text)
                for item in body.get("data", ()) if "$ref" in schema else ():
                    assert set(schema["properties"]["data"]["items"]["required"]) <= set(item), (method, path, item)


class Api:
    """A clickledger-api on a port of its own."""

    shapes = None  # of the first one that has no limits: they are all the same

    def __init__(self, spawn, postgres, folder, options=OPTIONS):
        self.postgres = postgres
        self.config = pathlib.Path(folder) / "clickledger.conf"
        conninfo = f"host={postgres.cluster.folder} dbname={postgres.name}"
        self.config.write_text(f"[postgres]\nconninfo = {conninfo}\n\n[log]\nlevel = debug\n\n[api]\nport = 0\n{options}{'' if '_rate' in options else RATES}")
        self.process = spawn(BUILD / "api/clickledger-api", "--config", self.config)
        self.port = int(wait_for(lambda: re.search(r"event=api.listening port=(\d+)", self.process.log()), what="the api").group(1))
        wait_for(self.healthy, what="a connection to PostgreSQL")
        if not Api.shapes and "_rate" not in options:
            Api.shapes = Shapes(self.call("GET", "/v1/openapi.json").body)

    def check_shape(self, method, path, answer):
        if Api.shapes:
            Api.shapes.check(method, path, answer)

    def healthy(self):
        return self.call("GET", "/healthz", key=None).status == 200

    def metrics(self, port):
        """Values of /metrics by name and labels."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", "/metrics")
            lines = connection.getresponse().read().decode().splitlines()
        finally:
            connection.close()
        return {name: int(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}

    def call(self, method, path, body=None, key=None, headers=None, source="127.0.0.1"):
        """body: an object, sent as JSON, or bytes, sent as they are. source: an address of this machine."""
        sent = dict(headers or {})
        if key:
            sent["Authorization"] = "Bearer " + key
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60, source_address=(source, 0))
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode())
        finally:
            connection.close()

    def raw(self, data):
        with socket.create_connection(("127.0.0.1", self.port), 20) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))


class Client:
    """Calls with one key."""

    def __init__(self, api, key):
        self.api, self.key = api, key

    def get(self, path):
        return self._call("GET", path)

    def post(self, path, body=None, headers=None):
        return self._call("POST", path, {} if body is None else body, headers)

    def patch(self, path, body):
        return self._call("PATCH", path, body)

    def _call(self, method, path, body=None, headers=None):
        answer = self.api.call(method, path, body, self.key, headers)
        self.api.check_shape(method, path, answer)
        return answer


class Tenant:
    """A partner of programme 'shop' with one of each thing. The number makes its amounts its own."""

    def __init__(self, world, name, number):
        db = world.postgres
        self.id = db.value("insert into partner (name, email, status) values (%s, %s, 'active') returning id", (name, f"{name}@example.org"))
        self.key = db.value("select api_key_create('partner', %s, 'test')", (self.id,))
        self.client = Client(world.api, self.key)
        self.link = db.value("insert into link (program_id, partner_id, slug, target_url) values (%s, %s, %s, 'https://shop.example/') returning id",
                             (world.program, self.id, name))
        self.code = db.value("insert into promo_code (program_id, partner_id, code, target_url) values (%s, %s, %s, 'https://shop.example/') returning id",
                             (world.program, self.id, name.upper()))
        self.click = f"018cc251-f400-7000-8000-{number:012d}"  # 2024-01-01T00:00:00Z
        self.amount, self.commission = 1000 * number, 100 * number
        self.conversion = self._conversion(world, f"order-{name}")
        self._clicks(world)

    def _conversion(self, world, order):
        db = world.postgres
        conversion = db.value("insert into conversion (program_id, kind, order_id, occurred_at, status, currency, amount_minor, click_id)"
                              " values (%s, 'sale', %s, '2024-01-01T10:30Z', 'approved', 'RUB', %s, %s) returning id", (world.program, order,
                                  self.amount, self.click))
        db.query("insert into credit values (%s, 'click', %s, click_ts(%s), %s, %s, %s, null, 1000000, 'last', %s)",
                 (conversion, self.click, self.click, world.program, self.id, self.link, self.amount))
        db.query("insert into commission (conversion_id, partner_id, program_id, terms_id, currency, base_minor, amount_minor, status,"
                 " approved, hold_until, revision)"
                 " values (%s, %s, %s, %s, 'RUB', %s, %s, 'pending', true, '2024-02-01', 1)",
                 (conversion, self.id, world.program, world.terms, self.amount, self.commission))
        db.query("insert into explanation (conversion_id, partner_id, body) values (%s, %s, %s)", (conversion, self.id, json.dumps({"for": self.id})))
        db.query("select ledger_post(%s, 'accrue', %s, %s, %s, 'RUB', array['program_expense', 'partner_pending'], array[%s, %s]::bigint[])",
                 (f"test:{conversion}", world.program, self.id, conversion, -self.commission, self.commission))
        db.query("insert into conversion_hourly (hour, program_id, partner_id, link_id, kind, status, currency, conversions_ppm,"
                 " revenue_minor, commission_minor) values ('2024-01-01T10:00Z', %s, %s, %s, 'sale', 'approved', 'RUB', 1000000, %s, %s)",
                 (world.program, self.id, self.link, self.amount, self.commission))
        return conversion

    def _clicks(self, world):
        db = world.postgres
        db.query("select partition_ensure('2024-01-01', '2024-01-01')")
        db.query("insert into click (ts, click_id, program_id, partner_id, link_id, class, reason, status, catalog_revision, producer, seq, content_hash)"
                 " values (click_ts(%s), %s, %s, %s, %s, 'human', 'none', 302, 1, gen_random_uuid(), 1, 0)",
                 (self.click, self.click, world.program, self.id, self.link))
        db.query("insert into click_hourly (hour, shard, program_id, partner_id, link_id, class, clicks) values"
                 " ('2024-01-01T00:00Z', 0, %s, %s, %s, 'human', 3), ('2024-01-01T10:00Z', 1, %s, %s, %s, 'human', 4),"
                          " ('2024-01-01T10:00Z', 0, %s, %s, %s, 'bot', 5)",
                 (world.program, self.id, self.link) * 3)


class World:
    """A programme with the partners anna and boris, the team's client, a receipt."""

    def __init__(self, api):
        self.api, self.postgres = api, api.postgres
        db = self.postgres
        self.program = db.value("insert into program (code, name, currency, time_zone) values ('shop', 'Shop', 'RUB', 'Europe/Moscow') returning id")
        self.terms = db.value("insert into terms (program_id, version, effective_from, commission_kind, rate_ppm)"
                              " values (%s, 1, '2020-01-01', 'percent', 100000) returning id", (self.program,))
        self.team_key = db.value("select api_key_create('team', null, 'test')")
        self.team = Client(api, self.team_key)
        self.anna = Tenant(self, "anna", 1)
        self.boris = Tenant(self, "boris", 2)
        self.receipt = "018cc251-f401-7000-8000-000000000001"
        db.query("insert into conversion_report (id, ts, source, program_id, order_id, amount, amount_minor, currency, producer, seq,"
                 " content_hash, verdict, conversion_id)"
                 " values (%s, click_ts(%s), 'postback', %s, 'order-anna', '10.00', 1000, 'RUB', gen_random_uuid(), 1, 0, 'applied', %s)",
                 (self.receipt, self.receipt, self.program, self.anna.conversion))


@pytest.fixture
def api(spawn, postgres, tmp_path):
    return Api(spawn, postgres, tmp_path)


@pytest.fixture
def world(api):
    return World(api)
