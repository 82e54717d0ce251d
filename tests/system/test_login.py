"""People: invitations, login and logout, sessions, CSRF, passwords, roles, keys; each rule with the input that breaks it."""
import json
import os
import re
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from api import NONE, Client, api, world  # noqa: F401 (fixtures)
from conftest import SANITIZED, wait_for
from people import PASSWORD, Browser, invited, person


def test_an_invitation_becomes_a_session(world):
    browser = Browser(world.api)
    token = invited(world, "Ann@Example.org", "owner")
    for body in ({"token": "0" * 40, "password": PASSWORD}, {"token": token, "password": "too short"}, {"token": token, "password": "x" * 129}):
        assert browser.post("/v1/password/new", body).status == 422
    again = invited(world, "ann@example.org", "owner")  # who has not come yet may be invited again; the first token ends
    assert browser.post("/v1/password/new", {"token": token, "password": PASSWORD}).code == "token"
    made = browser.post("/v1/password/new", {"token": again, "password": PASSWORD})
    assert made.status == 201 and re.fullmatch("cl_session_[0-9a-f]{40}", browser.token) and re.fullmatch("[0-9a-f]{64}", browser.csrf)
    me = browser.get("/v1/me").body
    assert me == made.body and (me["kind"], me["role"], me["person"]["email"]) == ("team", "owner", "ann@example.org")
    assert Browser(world.api).post("/v1/password/new", {"token": again, "password": PASSWORD}).code == "token"
    assert world.postgres.value("select count(*) from outbox where token is not null") == 0
    stored = json.dumps(world.postgres.query("select t::text from (select api_key::text as t from api_key union all select person::text from person"
                                             " union all select person_token::text from person_token union all select audit::text from audit) as all_of_it"))
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in stored
    assert not any(secret in stored + world.api.process.log() for secret in (PASSWORD, token, again, browser.token, browser.csrf))


def test_a_login_begins_another_session(world):
    ann = person(world, "ann@example.org", "owner")
    fixed = ann.token
    assert ann.login("ANN@example.org").status == 201 and ann.token != fixed
    planted = Browser(world.api)
    planted.token = "cl_session_" + "0" * 40  # set by an attacker before the login
    planted.login("ann@example.org")
    assert planted.token not in (ann.token, "cl_session_" + "0" * 40)
    fixated, fixated.token = Browser(world.api), fixed
    assert fixated.get("/v1/me").status == 401
    assert ann.post("/v1/logout").body == {"status": "ended"} and ann.token is None and ann.get("/v1/me").status == 401
    assert planted.get("/v1/me").status == 200


def test_who_guesses_learns_nothing(world):
    person(world, "ann@example.org", "owner")
    gone = person(world, "gone@example.org", "viewer")
    invited(world, "late@example.org", "viewer")
    world.postgres.query("update person set disabled_at = now() where email = 'gone@example.org'")
    assert gone.get("/v1/me").status == 401
    tried = (("ann@example.org", "wrong wrong"), ("nobody@example.org", PASSWORD), ("gone@example.org", PASSWORD), ("late@example.org", PASSWORD),
             ("ann@example.org'--", PASSWORD), ("АНН@example.org", "ы" * 128))
    answers = [Browser(world.api).login(*pair) for pair in tried]
    told = {(answer.status, answer.text, str(sorted(set(answer.headers) - {"Date"}))) for answer in answers}
    assert len(told) == 1 and answers[0].code == "login" and answers[0].status == 401
    resets = [Browser(world.api).post("/v1/password/reset", {"email": email}) for email in ("ann@example.org", "nobody@example.org", "gone@example.org")]
    assert {(answer.status, answer.text) for answer in resets} == {(202, resets[0].text)}
    assert world.postgres.query("select email, token is not null from outbox where kind = 'password_reset'") == [("ann@example.org", True)]


def at_once(*calls):
    """Answers of requests that are sent together."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def test_guesses_are_slowed_down_but_the_owner_comes_in(world):
    """Security 10, 11, 18: per account and per address, as token buckets; nobody can shut an owner out."""
    ann = person(world, "ann@example.org", "owner")
    assert ann.login("ann@example.org").status == 201
    guesser = Browser(world.api, "127.0.0.2")
    answers = at_once(*[lambda n=n: guesser.login("ann@example.org", f"guess {n}") for n in range(18)])
    assert {answer.code for answer in answers} == {"login", "too_many_attempts"} and sum(answer.status == 401 for answer in answers) >= 10
    assert all(1 <= int(answer.headers["Retry-After"]) <= 30 for answer in answers if answer.status == 429)
    assert ann.login("ann@example.org").status == 201  # from where the account was entered before, it has the limit to itself
    sprayed = at_once(*[lambda n=n: Browser(world.api, "127.0.0.3").login(f"{n}@example.org") for n in range(40)])
    assert {answer.code for answer in sprayed} == {"login", "too_many_attempts"} and sum(answer.status == 401 for answer in sprayed) >= 20
    assert Browser(world.api, "127.0.0.4").login("bob@example.org").status == 401
    assert ann.get("/v1/me").status == 200


def test_csrf(world):
    """Security 12: what another site can make a browser send changes nothing."""
    ann, boris = person(world, "ann@example.org", "owner"), person(world, "boris@example.org", "owner")
    path, refused = f"/v1/partners/{world.anna.id}/pause", []
    for headers, code in (
            ({"Sec_Fetch_Site": "cross-site"}, "cross_site"), ({"Sec_Fetch_Site": "same-site"}, "cross_site"), ({"Sec_Fetch_Site": "none"}, "cross_site"),
            ({"Sec_Fetch_Site": "Same-Origin"}, "cross_site"), ({"Sec_Fetch_Site": None}, "cross_site"),
            ({"Sec_Fetch_Site": None, "Origin": "null"}, "cross_site"),
            ({"Sec_Fetch_Site": None, "Origin": "http://evil.example"}, "cross_site"),
            ({"Sec_Fetch_Site": None, "Origin": f"http://127.0.0.1:{world.api.port}.evil.example"}, "cross_site"),
            ({"Sec_Fetch_Site": "cross-site", "Origin": f"http://127.0.0.1:{world.api.port}"}, "cross_site"),
            ({"X_CSRF_Token": None}, "csrf"), ({"X_CSRF_Token": ""}, "csrf"), ({"X_CSRF_Token": boris.csrf}, "csrf"),
            ({"X_CSRF_Token": ann.csrf[:-1]}, "csrf"),
            ({"X_CSRF_Token": ann.csrf.upper()}, "csrf"), ({"X_CSRF_Token": None, "Content_Type": "text/plain"}, "csrf")):
        answer = ann.call("POST", path, {}, **headers)
        refused.append((answer.status, answer.code) == (403, code) or (headers, answer.text))
    assert refused == [True] * len(refused)
    assert world.postgres.value("select status from partner where id = %s", (world.anna.id,)) == "active"
    assert ann.call("GET", path).status == 405  # nothing is changed by a GET
    assert ann.call("PATCH", "/v1/me", {"name": "x"}, X_CSRF_Token=None).code == "csrf"
    assert ann.call("POST", path, {}, Sec_Fetch_Site=None, Origin=f"http://127.0.0.1:{world.api.port}").status == 200
    for headers in ({"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": None, "Origin": "https://evil.example"}):  # the login form, too
        answer = Browser(world.api).call("POST", "/v1/login", {"email": "ann@example.org", "password": PASSWORD}, **headers)
        assert (answer.status, answer.code, answer.headers["Set-Cookie"]) == (403, "cross_site", None)
    assert world.api.call("POST", "/v1/login", {"email": "ann@example.org", "password": PASSWORD}).status == 201  # no browser


def test_cookies(world):
    ann = person(world, "ann@example.org", "viewer")
    good = f"__Host-cl_session={ann.token}"
    for cookie, status in ((good, 200), (f"x=1;{good} ; y", 200), (f"{good}; {good}", 401), (f"{good}; __Host-cl_session=cl_session_0", 401),
                           (f"__host-cl_session={ann.token}", 401), (f"cl_session={ann.token}", 401), ("__Host-cl_session=", 401),
                           (f'__Host-cl_session="{ann.token}"', 401), (f"__Host-cl_session= {ann.token}", 401), (f"{good}\xe9", 401)):
        assert ann.call("GET", "/v1/me", Cookie=cookie.encode("latin-1").decode("latin-1")).status == status, cookie
    both = world.api.call("GET", "/v1/me", key=world.anna.key, headers=ann.headers())
    assert both.body["kind"] == "partner" and both.body["csrf"] is None  # a key is never overruled by a cookie
    assert world.api.call("GET", "/v1/me", headers={**ann.headers(), "Authorization": "Basic eDp5"}).status == 401
    world.postgres.query("update api_key set expires_at = now() where person_id is not null")
    assert ann.get("/v1/me").status == 401


def test_roles(world):
    people = {role: person(world, f"{role}@example.org", role) for role in ("owner", "manager", "finance", "analyst", "viewer")}
    partner = person(world, "p@example.org", None, world.anna.id)
    for path, body, allowed in (
            ("/v1/partners", {"name": "Vera"}, "owner manager"), ("/v1/currency-rates",
             {"from_currency": "USD", "to_currency": "RUB", "valid_from": "2026-01-01T00:00:00Z", "rate": "90", "source": "x"}, "owner finance"),
            ("/v1/keys", {"name": "k", "role": "viewer"}, "owner"), ("/v1/people", {"email": "n@example.org", "name": "n", "role": "viewer"}, "owner"),
            ("/v1/payouts", {"program_id": world.program}, "")):
        for role, browser in people.items():
            assert (browser.post(path, body).status != 403) == (role in allowed.split()), (path, role)
    for browser in people.values():
        assert browser.get("/v1/programs").status == browser.get("/v1/conversions").status == browser.get("/v1/sessions").status == 200
        assert browser.patch("/v1/me", {"language": "ru"}).body["language"] == "ru"
    assert partner.get("/v1/partners").status == 403 and partner.get("/v1/links").data[0]["id"] == world.anna.link
    # The second wall: a route that is marked wrongly.
    world.postgres.query("create or replace function api_partners(p jsonb) returns json language plpgsql set search_path = clickledger, pg_temp as"
                         " 'begin insert into partner (name) values (''x''); return ''{}''; end'")
    assert [people[role].get("/v1/partners").status for role in people] == [200, 200, 200, 403, 403]
    viewer = Client(world.api, people["owner"].post("/v1/keys", {"name": "v", "role": "viewer"}).body["key"])
    assert viewer.get("/v1/me").body["role"] == "viewer" and viewer.post("/v1/partners", {"name": "x"}).status == 403


def test_people_are_invited_changed_and_disabled(world):
    owner = person(world, "owner@example.org", "owner")
    made = owner.call("POST", "/v1/people", {"email": "Fin@Example.org", "name": "Fin", "role": "finance", "language": "ru"}, Idempotency_Key="i1")
    assert made.status == 201 and (made.body["email"], made.body["role"], made.body["has_password"]) == ("fin@example.org", "finance", False)
    again = owner.call("POST", "/v1/people", {"email": "Fin@Example.org", "name": "Fin", "role": "finance", "language": "ru"}, Idempotency_Key="i1")
    assert again.text == made.text and made.body["token"] not in str(world.postgres.query("select answer from idempotency"))
    assert world.postgres.query("select kind, language, token from outbox order by id desc limit 1") == [("invitation", "ru", made.body["token"])]
    fin = Browser(world.api)
    assert fin.post("/v1/password/new", {"token": made.body["token"], "password": PASSWORD}).body["role"] == "finance"
    assert owner.post("/v1/people", {"email": "fin@example.org", "name": "Fin", "role": "finance"}).code == "email"
    for body, code in (({"email": "a b@x.org", "name": "x", "role": "viewer"}, "email"), ({"email": "x@x.org", "name": "x"}, "role"),
                       ({"email": "x@x.org", "name": "x", "role": "viewer", "partner_id": 1}, "role"),
                       ({"email": "x@x.org", "name": "x", "partner_id": NONE}, "partner_id"), ({"email": "ы@x.org", "name": "x", "role": "viewer"}, "email")):
        assert owner.post("/v1/people", body).code == code, body
    id_ = made.body["id"]
    assert owner.patch(f"/v1/people/{id_}", {"role": "viewer"}).body["role"] == "viewer"
    assert fin.get("/v1/me").status == 401 and fin.login("fin@example.org").body["role"] == "viewer"  # a changed right is a new session
    assert owner.patch(f"/v1/people/{id_}", {"disabled": True}).body["disabled_at"]
    assert fin.get("/v1/me").status == fin.login("fin@example.org").status == 401
    assert owner.patch(f"/v1/people/{id_}", {"disabled": False}).body["disabled_at"] is None and fin.login("fin@example.org").status == 201
    me = owner.get("/v1/me").body["person"]["id"]
    for body in ({"role": "manager"}, {"disabled": True}):
        assert owner.patch(f"/v1/people/{me}", body).code == "last_owner"
    assert owner.get("/v1/me").status == 200
    # A partner has people of its own and sees no others.
    anna = person(world, "anna@shop.example", None, world.anna.id)
    colleague = anna.post("/v1/people", {"email": "c@shop.example", "name": "C"}).body
    assert colleague["partner_id"] == world.anna.id and {row["email"] for row in anna.get("/v1/people").data} == {"anna@shop.example", "c@shop.example"}
    for body in ({"email": "d@shop.example", "name": "D", "role": "owner"}, {"email": "d@shop.example", "name": "D", "partner_id": world.boris.id}):
        assert anna.post("/v1/people", body).code == "role"
    assert anna.patch(f"/v1/people/{colleague['id']}", {"role": "owner"}).code == "role"
    assert anna.patch(f"/v1/people/{me}", {"name": "x"}).text == anna.patch(f"/v1/people/{NONE}", {"name": "x"}).text
    assert len(owner.get("/v1/people").data) == 4 and [row["email"] for row in owner.get("/v1/people?role=owner").data] == ["owner@example.org"]
    # Where the team has no person, only keys, partners still change theirs.
    world.postgres.query("update person set disabled_at = now() where role = 'owner'")
    assert anna.patch(f"/v1/people/{colleague['id']}", {"name": "Clara"}).body["name"] == "Clara"


def test_passwords_change(world):
    ann, phone = person(world, "ann@example.org", "owner"), Browser(world.api)
    phone.login("ann@example.org")
    assert ann.post("/v1/password", {"old": "wrong wrong", "new": "another password"}).code == "old" and phone.get("/v1/me").status == 200
    assert ann.post("/v1/password", {"old": PASSWORD, "new": "short"}).code == "new"
    before = ann.token
    assert ann.call("POST", "/v1/password", {"old": PASSWORD, "new": "another password"}, Idempotency_Key="x").status == 201
    assert ann.token != before and ann.get("/v1/me").status == 200 and phone.get("/v1/me").status == 401
    assert phone.login("ann@example.org").status == 401 and phone.login("ann@example.org", "another password").status == 201
    # Forgotten: one token in five minutes, which works once.
    for _ in range(2):
        Browser(world.api).post("/v1/password/reset", {"email": "ann@example.org"})
    ((token,),) = world.postgres.query("select token from outbox where kind = 'password_reset'")
    reset = Browser(world.api)
    assert reset.post("/v1/password/new", {"token": token, "password": PASSWORD}).status == 201
    assert reset.get("/v1/me").status == 200 and ann.get("/v1/me").status == phone.get("/v1/me").status == 401
    assert reset.post("/v1/password/new", {"token": token, "password": PASSWORD}).code == "token"
    world.postgres.query("update person_token set created_at = '2020-01-01'")
    Browser(world.api).post("/v1/password/reset", {"email": "ann@example.org"})
    world.postgres.query("update person_token set expires_at = now()")
    token = world.postgres.value("select token from outbox where token is not null")
    assert reset.post("/v1/password/new", {"token": token, "password": PASSWORD}).code == "token"


def test_sessions_and_keys(world):
    ann, boris = person(world, "ann@example.org", None, world.anna.id), person(world, "boris@example.org", None, world.boris.id)
    phone = Browser(world.api)
    phone.call("POST", "/v1/login", {"email": "ann@example.org", "password": PASSWORD}, User_Agent="Phone/1.0 \xff")
    there, here = ann.get("/v1/sessions").data
    assert (here["is_this"], there["is_this"], there["agent"][:9]) == (True, False, "Phone/1.0")
    assert boris.post(f"/v1/sessions/{there['id']}/revoke").status == boris.post(f"/v1/keys/{there['id']}/revoke").status == 404
    assert ann.post(f"/v1/sessions/{there['id']}/revoke").status == 200 and phone.get("/v1/me").status == 401
    assert [row["id"] for row in ann.get("/v1/sessions").data] == [here["id"]]
    made = ann.post("/v1/keys", {"name": "export", "expires_at": "2999-01-01T00:00:00Z"})
    assert made.status == 201 and made.body["kind"] == "partner" and made.body["role"] is None
    key = Client(world.api, made.body["key"])
    assert key.get("/v1/me").body["partner"]["id"] == world.anna.id and key.get("/v1/sessions").status == 403
    assert {row["name"] for row in ann.get("/v1/keys").data} == {"First key", "test", "export"} and "key" not in ann.get("/v1/keys").data[0]
    assert ann.post("/v1/keys", {"name": "x", "role": "owner"}).code == "role"
    assert ann.post("/v1/keys", {"name": "x", "expires_at": "2020-01-01T00:00:00Z"}).code == "expires_at"
    for tried in (boris, world.boris.client):
        assert tried.post(f"/v1/keys/{made.body['id']}/revoke").status == 404
    assert world.boris.client.get(f"/v1/keys?partner_id={world.anna.id}").data == []
    assert key.post(f"/v1/keys/{made.body['id']}/revoke").body["revoked_at"] and key.get("/v1/me").status == 401
    world.postgres.query("insert into api_key (kind, partner_id, name, prefix, key_hash) select 'partner', %s, 'n', 'cl_partner_', sha256(n::text::bytea)"
                         " from generate_series(1, 49) n", (world.anna.id,))
    assert ann.post("/v1/keys", {"name": "one too many"}).code == "keys"
    assert len(world.team.get("/v1/keys?kind=team").data) == 1


def workers(world):
    with open(f"/proc/{world.api.process.pid}/task/{world.api.process.pid}/children") as file:
        return [int(pid) for pid in file.read().split()]


def memory(pid):
    """What a process holds that it may write to."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        for line in maps:
            place, rights = line.split()[:2]
            if "w" in rights:
                first, end = (int(address, 16) for address in place.split("-"))
                file.seek(first)
                yield file.read(end - first)


@pytest.mark.skipif(SANITIZED, reason="a sanitizer keeps freed memory, and maps terabytes")
def test_memory_forgets_what_was_asked_with(world):
    """Security 10: answered, no password, key or session's token is left in the api, nor in the password process."""
    ann = person(world, "ann@example.org", "owner")
    tail = "the end of a long password"  # freed memory loses its beginning to the list of what is free
    new = "x" * 90 + tail
    assert ann.post("/v1/password", {"old": PASSWORD, "new": new}).status == 201 and ann.login("ann@example.org", new).status == 201
    assert ann.get("/v1/sessions").status == ann.get("/v1/me").status == Client(world.api, world.team_key).get("/v1/partners").status == 200
    assert world.api.call("GET", "/v1/me", key="cl_team_" + "7" * 40).status == 401
    asked_with = {"password": tail, "key": world.team_key, "token": ann.token, "unknown key": "cl_team_" + "7" * 40}
    pids = [world.api.process.pid, *workers(world)]

    def left():
        return {name for pid in pids for part in memory(pid) for name, secret in asked_with.items() if secret.encode() in part}

    wait_for(lambda: left() == set(), 5, "nothing to be left")
    assert any(b"/v1/partners" in part for part in memory(pids[0]))  # it was looked at


def test_the_password_process(world):
    """It comes with the first password, is missed by nobody but its question, and dies with the api."""
    assert workers(world) == []
    ann = person(world, "ann@example.org", "owner")
    (first,) = workers(world)
    assert len(os.listdir(f"/proc/{first}/fd")) <= 4  # stdin, stdout, stderr and its socket
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: ann.login("ann@example.org").status == 201, what="a login by a new process")
    (second,) = workers(world)
    assert second != first
    assert re.search("event=password.process_failed why=(died|gone)", world.api.process.log())  # seen by its end, or by the next question
    world.api.process.kill()
    wait_for(lambda: not os.path.exists(f"/proc/{second}") or "State:\tZ" in open(f"/proc/{second}/status").read(), what="its end")
