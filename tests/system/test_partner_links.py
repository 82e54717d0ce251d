"""What partners make themselves: links on a programme's hosts, with parameters, paused; promo codes where the programme admits it."""
import concurrent.futures

import pytest

from api import NONE, api, world  # noqa: F401 (fixtures)


@pytest.fixture
def shop(world):
    """The programme with hosts, so that partners may set targets."""
    assert world.team.patch(f"/v1/programs/{world.program}", {"hosts": ["shop.example", "www.shop.example"]}).status == 200
    return world


def test_a_partner_builds_links(shop):
    anna, team = shop.anna, shop.team
    (seen,) = anna.client.get("/v1/programs").data
    assert (seen["id"], seen["hosts"], seen["links_max"], seen["codes_max"]) == (shop.program, ["shop.example", "www.shop.example"], 500, 0)
    made = anna.client.post("/v1/links", {"program_id": shop.program, "target_url": "https://WWW.shop.example/tea?x={sub1}", "name": "Blog",
                                          "parameters": {"sub10": "c", "sub1": "обзор & co", "utm_source": "blog"}})
    assert made.status == 201, made.text
    link = made.body
    assert (link["partner_id"], link["status"], link["held"], link["path"]) == (anna.id, "active", False, "/c/" + link["slug"])
    assert link["share_path"] == link["path"] + "?sub1=%D0%BE%D0%B1%D0%B7%D0%BE%D1%80%20%26%20co&sub10=c&utm_source=blog"
    assert anna.client.get("/v1/links").data[0] == link
    assert anna.client.post("/v1/links", {"program_id": shop.program}).body["target_url"] == "https://shop.example/"
    path = f"/v1/links/{link['id']}"
    changed = anna.client.patch(path, {"name": None, "parameters": {}, "target_url": "http://shop.example", "status": "paused"}).body
    assert changed == {**link, "name": None, "parameters": {}, "share_path": link["path"], "target_url": "http://shop.example", "status": "paused"}
    assert anna.client.patch(path, {"status": "active"}).body == {**changed, "status": "active"}
    assert team.patch(path, {"status": "paused"}).body["held"] is True
    refused = anna.client.patch(path, {"status": "active"})
    assert (refused.status, refused.code) == (409, "status")
    assert anna.client.patch(path, {"status": "paused", "name": "still mine"}).status == 200
    assert team.patch(path, {"status": "active"}).body["held"] is False
    changes = shop.postgres.query("select k.partner_id, a.action from audit a join api_key k on k.id = a.api_key_id where object = 'link' and object_id = %s"
                                  " order by a.id", (str(link["id"]),))
    assert changes == [(anna.id, "insert"), (anna.id, "update"), (anna.id, "update"), (None, "update"), (anna.id, "update"), (None, "update")]


def test_one_among_many(shop):
    """Each is found, also where they are more than a page; another partner's is not there."""
    anna, boris = shop.anna, shop.boris
    shop.postgres.query("insert into link (program_id, partner_id, slug, target_url) select %s, %s, 'many' || n, 'https://shop.example/'"
                        " from generate_series(1, 600) n", (shop.program, anna.id))
    for link in (anna.link, shop.postgres.value("select id from link where slug = 'many600'")):
        assert [found["id"] for found in anna.client.get(f"/v1/links?link_id={link}&limit=500").data] == [link]
        assert boris.client.get(f"/v1/links?link_id={link}").data == []
    assert anna.client.get("/v1/links?link_id=x").status == 422


def test_what_a_partner_may_not(shop):
    anna, boris = shop.anna, shop.boris
    link = {"program_id": shop.program}
    for body, code in (({"target_url": "https://evil.example/"}, "target_url"), ({"target_url": "https://shop.example.evil.example/"}, "target_url"),
                       ({"target_url": "https://shop.example:8443/"}, "target_url"), ({"target_url": "https://shop.example@evil.example/"}, "target_url"),
                       ({"target_url": "https://evil.example/https://shop.example/"}, "target_url"), ({"target_url": "//shop.example/"}, "target_url"),
                       ({"target_url": "https://shop.example/{nothing}"}, "target_url"), ({"rules": []}, "rules"),
                       ({"click_cap": 5}, "click_cap"),
                       ({"fallback_url": "https://evil.example/"}, "fallback_url"), ({"starts_at": "2026-01-01T00:00:00Z"}, "starts_at"),
                       ({"parameters": {"sub11": "x"}}, "parameters"), ({"parameters": {"sub1": 5}}, "parameters"),
                       ({"parameters": {"sub1": ""}}, "parameters"),
                       ({"parameters": {"sub1": "x" * 513}}, "parameters"), ({"parameters": {"sub1": "a\r\nb"}}, "parameters"),
                       ({"parameters": {"to": "https://evil.example/"}}, "parameters"), ({"program_id": NONE}, "program_id"),
                       ({"partner_id": boris.id}, "partner_id")):
        answer = anna.client.post("/v1/links", {**link, **body})
        assert (answer.status, answer.code) == (422, code), (body, answer.text)
        if code not in ("program_id", "partner_id"):
            answer = anna.client.patch(f"/v1/links/{anna.link}", body)
            assert (answer.status, answer.code) == (422, code), (body, answer.text)
    assert anna.client.post("/v1/links", {**link, "slug": "boris"}).code == "slug"
    theirs, nobodys = (anna.client.patch(f"/v1/links/{id_}", {"status": "paused"}) for id_ in (boris.link, NONE))
    assert (theirs.status, theirs.text) == (404, nobodys.text)
    assert shop.team.post("/v1/links", {**link, "partner_id": anna.id}).code == "target_url"
    assert shop.team.post("/v1/links", {**link, "target_url": "https://a.example/"}).code == "partner_id"
    other = shop.team.post("/v1/programs", {"code": "other", "name": "Other", "currency": "RUB", "hosts": ["shop.example"]}).body["id"]
    assert anna.client.post("/v1/links", {"program_id": other}).code == "program_id", "it takes no part there"
    shop.team.post(f"/v1/partners/{anna.id}/pause")
    assert (anna.client.post("/v1/links", link).status, anna.client.post("/v1/links", link).code) == (409, "status")


def test_how_many(shop):
    """links_max and codes_max hold when two ask at once, too."""
    anna, policy, link = shop.anna, f"/v1/programs/{shop.program}/partner-policy", {"program_id": shop.program}
    code = {"program_id": shop.program, "code": "TEA-1"}
    assert (anna.client.post("/v1/promo-codes", code).status, anna.client.post("/v1/promo-codes", code).code) == (409, "codes_max")
    assert shop.team.patch(policy, {"links_max": 10001}).code == "links_max" and shop.team.patch(policy, {"codes_max": 1001}).code == "codes_max"
    assert anna.client.patch(policy, {"codes_max": 5}).status == 403
    assert shop.team.patch(policy, {"links_max": 3}).body == {"program_id": shop.program, "links_max": 3, "codes_max": 0}
    assert shop.team.patch(policy, {"codes_max": 2}).body["links_max"] == 3
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        links = list(pool.map(lambda n: anna.client.post("/v1/links", link), range(4)))
        codes = list(pool.map(lambda n: anna.client.post("/v1/promo-codes", {**code, "code": f"TEA-{n}"}), range(4)))
    assert sorted(a.status for a in links) == [201, 201, 409, 409] and sorted(a.status for a in codes) == [201, 201, 409, 409]
    assert {a.code for a in links if a.status == 409} == {"links_max"} and {a.code for a in codes if a.status == 409} == {"codes_max"}
    made = next(a.body for a in codes if a.status == 201)
    assert made["target_url"] == "https://shop.example/" and made["partner_id"] == anna.id
    assert shop.boris.client.post("/v1/promo-codes", {**code, "code": "abc"}).code == "code"
    assert shop.boris.client.post("/v1/promo-codes", {**code, "code": "anna"}).code == "code", "taken"
    assert shop.boris.client.post("/v1/promo-codes", {**code, "target_url": "https://evil.example/"}).code == "target_url"
