"""Security 10 and 18: how often a key and an address may ask, whoever says it comes from elsewhere; the numbers are the configured ones."""
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import Api, Client, World, api, world  # noqa: F401 (fixtures)
from conftest import BUILD

BURST_S = 4  # seconds' worth at once, api/service.h


@pytest.fixture
def limited(spawn, postgres, tmp_path):
    return World(Api(spawn, postgres, tmp_path, "connections = 2\naddress_rate = 10\nkey_rate = 5\ntrusted_proxies = 127.0.0.9\n"))


def many(ask, times):
    """How many of so many requests at once were let through; those that were not say when to come again."""
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: ask(), range(times)))
    refused = [answer for answer in answers if answer.status == 429]
    assert all(answer.code == "too_many_requests" and int(answer.headers["Retry-After"]) >= 1 for answer in refused)
    return times - len(refused), len(refused)


def test_keys_and_addresses_ask_so_often(limited):
    api = limited.api

    def asking(key, source, **headers):
        return lambda: api.call("GET", "/v1/links", key=key, source=source, headers={name.replace("_", "-"): value for name, value in headers.items()})

    # A key, wherever it is used.
    passed, refused = many(asking(limited.anna.key, "127.0.0.2"), 35)
    assert passed >= 5 * BURST_S and refused > 0
    assert many(asking(limited.anna.key, "127.0.0.3"), 8)[1] > 0
    assert asking(limited.boris.key, "127.0.0.3")().status == 200
    # An address, whatever key it brings, and whatever it claims to be.
    passed, refused = many(lambda: api.call("GET", "/v1/links", source="127.0.0.4"), 70)
    assert passed >= 10 * BURST_S and refused > 0
    spoofed = iter(range(1000))
    assert many(lambda: asking(limited.team_key, "127.0.0.4", X_Forwarded_For=f"10.0.0.{next(spoofed) % 250}")(), 20)[1] > 0
    # Behind a proxy that is believed, the client is counted; one of its networks in IPv6 is one client.
    assert many(asking(limited.team_key, "127.0.0.9", X_Forwarded_For="2001:db8::1, 127.0.0.9"), 1) == (1, 0)
    numbers = iter(range(1000))
    assert many(lambda: asking(None, "127.0.0.9", X_Forwarded_For=f"2001:db8:7::{next(numbers):x}")(), 70)[1] > 0
    assert asking(limited.team_key, "127.0.0.9", X_Forwarded_For="2001:db8:7:1::1")().status == 200
    # The description and health are for everybody, and a rate of 0 counts nothing.
    assert api.call("GET", "/v1/openapi.json", source="127.0.0.4").status == api.call("GET", "/healthz", source="127.0.0.4").status == 200


def test_a_list_of_proxies_that_is_none(spawn, tmp_path):
    config = tmp_path / "clickledger.conf"
    config.write_text("[api]\nport = 0\ntrusted_proxies = proxy.example\n")
    refused = spawn(BUILD / "api/clickledger-api", "--config", config)
    assert refused.wait() == 1 and "event=api.trusted_proxies not_a_list=proxy.example" in refused.log()


def test_keys_are_guessed_in_vain(limited):
    """Security 10: what is in the query is no key; it is nowhere to be read; revoked, it ends with the next request. How often one guesses: test_api."""
    api, boris = limited.api, limited.boris
    assert api.call("GET", f"/v1/me?key={boris.key}").status == 401
    assert api.call("GET", f"/v1/links?key={boris.key}", key=boris.key).code == "unknown_parameter"
    assert api.call("GET", "/v1/me", headers={"X-Api-Key": boris.key}).status == 401
    assert boris.key not in api.process.log() and boris.key not in str(limited.postgres.query("select api_key::text from api_key"))
    for name in ("cmdline", "environ"):
        with open(f"/proc/{api.process.pid}/{name}", encoding="latin-1") as file:
            assert boris.key not in file.read()
    id_ = limited.postgres.value("select id from api_key where partner_id = %s and not is_waiting", (boris.id,))
    assert Client(api, boris.key).get("/v1/me").status == 200
    assert limited.team.post(f"/v1/keys/{id_}/revoke").status == 200 and Client(api, boris.key).get("/v1/me").status == 401


def test_ten_thousand_guesses(world):
    """Of keys of each kind, on kept connections: who guesses is refused, others are not. A million of them: tests/unit/test_limiter.c."""
    statuses = Counter()
    for first in range(0, 10_000, 500):
        keys = (f"cl_{('team', 'partner', 'session')[n % 3]}_{n:040x}" for n in range(first, first + 500))
        lines = "".join(f"GET /v1/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\r\n" for key in keys)
        statuses.update(re.findall(rb"HTTP/1.1 (\d+) ", world.api.raw(lines.encode())))
    assert set(statuses) == {b"401", b"429"} and statuses.total() == 10_000 and statuses[b"429"] > 9000
    assert world.api.call("GET", "/v1/me", key=world.team_key, source="127.0.0.2").status == 200
