"""The api: what is done once, and what a fault leaves behind."""
import concurrent.futures

import psycopg2

from api import LINK, OPEN, PROGRAM, Api, Client, World, api, world  # noqa: F401 (fixtures)
from conftest import wait_for
from ports import free_port


# --- Once -----------------------------------------------------------------------------------------------------------------


def test_idempotency(world):
    key = {"Idempotency-Key": "order 66"}
    first = world.team.post("/v1/partners", {"name": "Vera"}, key)
    again = world.team.post("/v1/partners", {"name": "Vera"}, key)
    assert first.status == again.status == 201 and first.text == again.text
    assert world.team.post("/v1/partners", {"name": "Vlad"}, key).code == "idempotency_key"
    assert world.team.post("/v1/programs", PROGRAM, key).status == 409
    other = Client(world.api, world.postgres.value("select api_key_create('team', null, 'other')"))
    assert other.post("/v1/partners", {"name": "Vera"}, key).body["id"] != first.body["id"]
    for bad in ("x" * 201, "ключ".encode().decode("latin-1")):
        assert world.team.post("/v1/partners", {"name": "Vera"}, {"Idempotency-Key": bad}).code == "idempotency_key"
    # What failed may be repeated, even otherwise.
    assert world.team.post("/v1/links", {**LINK, "slug": "anna"}, {"Idempotency-Key": "b"}).status == 409
    assert world.team.post("/v1/links", {**LINK, "slug": "anna2"}, {"Idempotency-Key": "b"}).status == 201


def test_idempotent_keys_are_shown_again_but_not_stored(world):
    path, key = f"/v1/partners/{world.anna.id}/keys", {"Idempotency-Key": "k"}
    first, again = (world.team.post(path, {"name": "phone"}, key) for _ in range(2))
    assert first.text == again.text and Client(world.api, first.body["key"]).get("/v1/me").status == 200
    secret = first.body["key"].rsplit("_", 1)[1]
    assert world.postgres.value("select count(*) from idempotency where answer like %s", (f"%{secret}%",)) == 0
    assert world.team.post(path, {"name": "phone"}).body["key"] != first.body["key"]


def test_two_copies_at_once_are_one(world):
    def post(n):
        return world.team.post("/v1/partners", {"name": "twin"}, {"Idempotency-Key": f"pair {n // 2}"}).text

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(40)))
    assert all(answers[n] == answers[n + 1] for n in range(0, 40, 2))
    assert world.postgres.value("select count(*) from partner where name = 'twin'") == 20


# --- Faults ---------------------------------------------------------------------------------------------------------------


def test_revoked_key_stops_at_once(world):
    assert world.anna.client.get("/v1/me").status == 200
    world.postgres.query("update api_key set revoked_at = now() where partner_id = %s", (world.anna.id,))
    assert world.anna.client.get("/v1/me").status == 401


def terminate(world):
    world.postgres.cluster.execute("select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = 'cl_api'", world.postgres.name)


def test_lost_connections_come_back(world):
    for _ in range(3):
        terminate(world)
        wait_for(lambda: world.team.get("/v1/me").status == 200, what="a new connection")
        wait_for(lambda: world.postgres.value(OPEN) == 2, what="both connections")
    assert [x["slug"] for x in world.anna.client.get("/v1/links").data] == ["anna"]


def test_postgres_restarted(world):
    cluster = world.postgres.cluster
    world.postgres.close()
    cluster.stop("immediate")
    try:
        answer = wait_for(lambda: (a := world.team.get("/v1/me")).status == 503 and a, what="503")
        assert answer.headers["Retry-After"] == "1" and answer.code in ("unavailable", "unknown_outcome")
        assert world.api.call("GET", "/healthz").status == 503
    finally:
        cluster.start()
    wait_for(lambda: world.team.get("/v1/me").status == 200, what="the api to come back")
    wait_for(world.api.healthy, what="health")


def test_a_slow_database_does_not_pile_up(spawn, postgres, tmp_path):
    world = World(Api(spawn, postgres, tmp_path, "connections = 1\nwaiting_max = 2\nwait_timeout = 1s\ntimeout = 1s\n"))
    blocker = psycopg2.connect(postgres.conninfo())
    blocker.cursor().execute("lock table clickledger.link in access exclusive mode")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = [(a.status, a.code) for a in pool.map(lambda _: world.anna.client.get("/v1/links"), range(8))]
    assert {status for status, _ in statuses} == {503} and ("busy" in {code for _, code in statuses})
    blocker.rollback()
    blocker.close()
    wait_for(lambda: world.anna.client.get("/v1/links").status == 200, what="the api to answer again")


def test_metrics_count(spawn, postgres, tmp_path):
    port = free_port()
    world = World(Api(spawn, postgres, tmp_path, f"connections = 2\nadmin_port = {port}\n"))
    before = world.api.metrics(port)
    assert world.team.get("/v1/me").status == 200
    assert world.team.get("/v1/links?x=1").status == 422
    assert world.api.call("GET", "/v1/me").status == 401
    assert world.anna.client.get(f"/v1/conversions/{world.boris.conversion}").status == 404
    after = world.api.metrics(port)
    moved = {name.removeprefix("clickledger_api_"): after[name] - before[name] for name in after if after[name] != before[name]}
    assert moved == {"requests_total": 4, "connections_total": 4, 'jobs_total{end="done"}': 1, 'jobs_total{end="refused"}': 1,
                     'refused_total{reason="request"}': 2, 'refused_total{reason="unauthorized"}': 1}
    assert after["clickledger_api_postgres_connections"] == 2 and after["clickledger_api_postgres_busy"] == 0


def test_stops_when_told(world):
    assert world.api.process.stop() == 0
