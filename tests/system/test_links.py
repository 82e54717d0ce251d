"""What a link can do: start, expiry, cap, rules, macros. By catalogs made here, and once all the way from the team's API
to rows in PostgreSQL."""
import time
import urllib.parse

import pytest

from api import Api, Client
from conftest import wait_for
from ingest import new_ingest  # noqa: F401 (fixture)
from test_facts import PLACES, geo_make
from tracker import BROWSER, Tracker, link, link_tail, program, publish, rule, settings

REVISION = 7
ALL = 1000000
COUNTRY, REGION, ASN, DEVICE, OS, BROWSER_KIND, LANGUAGE, TIME = range(1, 9)  # enum catalog_rule_kind
PHONE = "Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Mobile Safari/537.36"
NOW_MS = int(time.time() * 1000)
HOUR_MS = 3600000
EVER = b"\1" + bytes(6) + b"\0\0\x27\x60"
MINUTE = (NOW_MS // 60000 + 3 * 1440) % 10080  # of the week
FAR = (MINUTE + 5040) % 10000  # half a week from now
SPLIT = rule(5, [], (ALL // 2, "https://shop.example/left"), (ALL // 2, "https://shop.example/right"))
TARGET = "https://shop.example/"


def window(begin, end):
    return b"\1" + bytes(6) + begin.to_bytes(2, "big") + end.to_bytes(2, "big")


RECORDS = [
    settings(),
    program(1, "shop", hosts=["shop.example"], fallback="https://shop.example/gone"),
    program(2, "own", cookie=True, hosts=["own.example"]),
    program(3, "bare", hosts=["bare.example"]),
    link("open", 11, 1, TARGET, tail=link_tail(starts_ms=NOW_MS - HOUR_MS, expires_ms=NOW_MS + HOUR_MS)),
    link("early", 12, 1, TARGET, tail=link_tail(starts_ms=NOW_MS + HOUR_MS)),
    link("late", 13, 1, TARGET, tail=link_tail(expires_ms=NOW_MS - HOUR_MS)),
    link("full", 14, 1, TARGET, tail=link_tail(exhausted=True)),
    link("paused", 15, 1, TARGET, active=False),
    link("late-own", 16, 1, TARGET, tail=link_tail(expires_ms=NOW_MS - HOUR_MS, fallback="https://shop.example/over")),
    link("late-bare", 17, 3, "https://bare.example/", tail=link_tail(expires_ms=1)),
    link("late-rules", 18, 1, TARGET, tail=link_tail(expires_ms=1, rules=[rule(1, [], (ALL, "https://shop.example/rule"))])),
    link("rules", 21, 1, TARGET + "others", tail=link_tail(rules=[
        rule(1, [(TIME, EVER), (LANGUAGE, b"ru\0")], (ALL, "https://shop.example/ru")),
        rule(2, [(LANGUAGE, b"ru\0de\0")], (ALL, "https://shop.example/de")),
    ])),
    link("places", 26, 1, TARGET + "others", tail=link_tail(rules=[
        rule(11, [(REGION, b"RUMOW"), (DEVICE, b"\2")], (ALL, TARGET + "moscow-phone")),
        rule(12, [(COUNTRY, b"KZRU"), (OS, b"\1")], (ALL, TARGET + "ru-windows")),
        rule(13, [(ASN, (3320).to_bytes(4, "big"))], (ALL, TARGET + "network")),
        rule(14, [(BROWSER_KIND, b"\1"), (DEVICE, b"\1")], (ALL, TARGET + "desktop-chrome")),
    ])),
    link("always", 22, 1, TARGET, tail=link_tail(rules=[rule(4, [(TIME, EVER)], (ALL, "https://shop.example/in"))])),
    link("elsewhen", 23, 1, TARGET + "out", tail=link_tail(rules=[rule(4, [(TIME, window(FAR, FAR + 60))], (ALL, "https://shop.example/in"))])),
    link("split", 24, 1, TARGET, tail=link_tail(rules=[SPLIT])),
    link("split-own", 25, 2, "https://own.example/", tail=link_tail(rules=[
        rule(6, [], *((ALL // 10, f"https://own.example/{n}") for n in range(10)))])),
    link("macros", 31, 1, b"https://shop.example/\x8b/\x81?cid=\x80&lang=\x94&s2=\x82&e=\x9a&d=\x91#\x9f"),
    link("own-id", 32, 1, b"https://shop.example/?click_id=\x80&x=1"),
]


@pytest.fixture(name="tracker")
def tracker_fixture(tmp_path, redis_server, spawn):
    publish(redis_server.client, RECORDS, REVISION)
    tracker = Tracker(tmp_path, redis_server, spawn, fallback_url="https://site.example/")
    tracker.start(REVISION)
    return tracker


def went(answer):
    return answer.location.partition("?")[0]


@pytest.mark.parametrize("slug, reason, destination", [
    ("early", "link_not_started", "https://shop.example/gone"),
    ("late", "link_expired", "https://shop.example/gone"),
    ("full", "link_exhausted", "https://shop.example/gone"),
    ("paused", "link_inactive", "https://shop.example/gone"),
    ("late-own", "link_expired", "https://shop.example/over"),
    ("late-bare", "link_expired", "https://site.example/"),
    ("late-rules", "link_expired", "https://shop.example/gone"),
    ("unknown", "link_unknown", "https://site.example/"),
])
def test_a_closed_link_leads_to_the_fallback_and_is_an_orphan(tracker, slug, reason, destination):
    answer = tracker.get(f"/c/{slug}?to=https://shop.example/deep")
    assert (answer.status, went(answer)) == (302, destination)
    bot = tracker.get(f"/c/{slug}", User_Agent="curl/8")
    assert went(bot) == destination
    hit, of_bot = tracker.hits(2)
    assert (hit["class"], hit["reason"], hit["destination"].decode()) == ("invalid", reason, answer.location)
    assert of_bot["class"] == "bot"
    assert tracker.metric(f'clickledger_tracker_orphan_clicks_total{{reason="{reason}"}}') == 1


def test_an_open_link_leads_there(tracker):
    assert went(tracker.get("/c/open")) == TARGET
    assert tracker.hits(1)[0]["class"] == "human"
    tracker.get("/i/late.gif")
    assert tracker.hits(2)[1]["reason"] == "link_expired"


def test_the_first_rule_that_matches_counts(tracker):
    for language, destination in (("ru-RU,ru;q=0.9,en;q=0.8", "ru"), ("de", "de"), ("en-US,en;q=0.5", "others"), (None, "others")):
        assert went(tracker.get("/c/rules", Accept_Language=language)) == TARGET + destination
    assert went(tracker.get("/c/always")) == "https://shop.example/in"
    assert went(tracker.get("/c/elsewhen")) == "https://shop.example/out"
    assert [hit["destination"].decode().partition("?")[0] for hit in tracker.hits(6)][0] == "https://shop.example/ru"
    assert went(tracker.get("/c/rules?to=https://shop.example/deep", Accept_Language="de")) == "https://shop.example/deep"
    assert went(tracker.get("/c/rules?to=https://evil.example/", Accept_Language="de")) == "https://shop.example/de"


def test_rules_by_place_network_and_device(tmp_path, redis_server, spawn):
    geo_make(tmp_path / "place.mmdb", "place", PLACES)
    geo_make(tmp_path / "asn.mmdb", "asn", "198.51.100.0/24 3320\n")
    publish(redis_server.client, RECORDS, REVISION)
    tracker = Tracker(tmp_path, redis_server, spawn, trusted_proxies="127.0.0.1", geo_country=tmp_path / "place.mmdb", geo_asn=tmp_path / "asn.mmdb")
    tracker.start(REVISION)
    for address, agent, destination in (
            ("192.0.2.1", PHONE, "moscow-phone"), ("192.0.2.1", BROWSER, "ru-windows"), ("198.51.100.1", PHONE, "network"),
            ("198.51.100.1", BROWSER, "network"), ("203.0.113.1", BROWSER, "desktop-chrome"), ("203.0.113.1", PHONE, "others")):
        assert went(tracker.get("/c/places", X_Forwarded_For=address, User_Agent=agent)) == TARGET + destination, (address, agent)


def test_a_split_keeps_a_visitor_on_his_side(tracker):
    sides = {agent: went(tracker.get("/c/split", User_Agent=agent)) for agent in (f"{BROWSER} n/{n}" for n in range(40))}
    assert set(sides.values()) == {"https://shop.example/left", "https://shop.example/right"}
    for agent, side in sides.items():
        assert went(tracker.get("/c/split", User_Agent=agent)) == side
    # By his cookie from the first click on, whatever he comes with.
    for n in range(8):
        first = tracker.get("/c/split-own", User_Agent=f"{BROWSER} n/{n}")
        cookie = first.headers["Set-Cookie"].partition(";")[0]
        assert went(tracker.get("/c/split-own", User_Agent=PHONE, Cookie=cookie)) == went(first)


def test_macros(tracker):
    answer = tracker.get("/c/macros?sub1=a%2F..%2Fb&sub2=%0d%0a%26x&erid=LjN8%2fKzQ&utm_source=s", Accept_Language="ru-RU", User_Agent=PHONE)
    hit = tracker.hits(1)[0]
    day = urllib.parse.urlsplit(answer.location).fragment
    assert answer.location == (f"https://shop.example/7/a%2F..%2Fb?cid={hit['id']}&lang=ru-RU&s2=%0D%0A%26x&e=LjN8%2fKzQ&d=phone"
                               f"&erid=LjN8%2fKzQ&utm_source=s#{day}")
    assert time.strftime("%Y-%m-%d", time.gmtime(int(hit["id"].replace("-", "")[:12], 16) / 1000)) == day
    own = tracker.get("/c/own-id?click_id=theirs")
    assert own.location == f"https://shop.example/?click_id={tracker.hits(2)[1]['id']}&x=1"


def test_erid_goes_on_byte_for_byte(tracker):
    for erid in ("LjN8KzQaB", "2VtzqxAbCdEf", "2vtzQXabcdef", "a%2fB%2F+-._~%7E", "%D0%9F%d1%80"):
        assert f"&erid={erid}&" in tracker.get(f"/c/open?x=1&utm_medium=m&erid={erid}").location + "&"


@pytest.mark.parametrize("query", [
    "u=//evil.com", "to=//evil.com", "to=///evil.com/%2f..", "to=https:evil.com", "to=%5C/%5C/evil.com/", "to=/%5Cevil.com",
    "to=https://shop.example@evil.com/", "to=https://shop.example.evil.com", "to=//evil%E3%80%82com", "to=//evil%00.com",
    "to=https://shop.example&to=https://evil.com", "to=javascript:alert(1)", "to=data:text/html,x", "to=java%0d%0ascript%0d%0a:alert(1)",
    "to=https://evil.c%E2%84%80.shop.example", "to=ht%09tps://evil.com", "to=https%0a://evil.com", "to=https://evil.com%23@shop.example/",
    "to=https://shop.example%0d%0aSet-Cookie:a=b", "to=https://shop.example/%250d%250a", "sub1=a%0d%0aLocation:%20http://evil",
])
def test_a_visitor_goes_nowhere_but_to_the_programmes_hosts(tracker, query):
    answer = tracker.get(f"/c/rules?{query}")
    assert urllib.parse.urlsplit(answer.location).netloc == "shop.example"
    assert not {"Set-Cookie", "X"} & set(answer.headers.keys()) and answer.headers.get_all("Location") == [answer.location]
    hit = tracker.hits(1)[0]
    refused = query.startswith("to=") and "%250d" not in query
    assert (hit["class"], hit["reason"]) == (("invalid", "deep_link_refused") if refused else ("human", "none"))


@pytest.fixture(name="team")
def team_fixture(spawn, postgres, tmp_path):
    postgres.query("insert into shard (id) values (0)")
    postgres.query("insert into program (code, name, currency, time_zone, hosts, fallback_url)"
                   " values ('shop', 'Shop', 'RUB', 'Europe/Berlin', '{shop.example}', 'https://shop.example/gone')")
    postgres.query("insert into partner (name, status) values ('Anna', 'active'), ('Boris', 'active')")
    key = postgres.value("select api_key_create('team', null, 'test')")
    return Client(Api(spawn, postgres, tmp_path), key)


LINK = {"program_id": 1, "partner_id": 1, "target_url": TARGET}
GOOD_RULES = [{"conditions": {"device": ["phone"], "language": ["ru"]}, "targets": [{"target_url": "https://shop.example/m?s={sub1}"}]},
              {"targets": [{"target_url": TARGET + "a", "weight_ppm": 400000}, {"target_url": TARGET + "b", "weight_ppm": 600000}]}]


def test_the_api_refuses_what_cannot_be(team):
    for change, code, message in (
            ({"target_url": TARGET + "{foo}"}, "target_url", "target_url has the unknown macro {foo}"),
            ({"target_url": "https://{sub1}.example/"}, "target_url", "target_url has a macro in scheme or host"),
            ({"target_url": TARGET + "{sub1"}, "target_url", "target_url has a brace that is not closed or not opened"),
            ({"fallback_url": TARGET + "{sub1}"}, "fallback_url", "fallback_url is not a clean http or https URL"),
            ({"starts_at": "2026-01-02T00:00:00Z", "expires_at": "2026-01-02T00:00:00Z"}, "expires_at", "expires_at must be behind starts_at"),
            ({"click_cap": 0}, "click_cap", "click_cap must be from 1 to 9223372036854775807"),
            ({"rules": [1]}, "rules", "rules must be a list of 0 to 32 objects"),
            ({"rules": [{}] * 33}, "rules", "rules must be a list of 0 to 32 objects"),
            ({"rules": [{}]}, "rules", "rule 1: targets is missing"),
            ({"rules": [{"targets": [{"target_url": TARGET}], "name": "x"}]}, "rules", 'rule 1: unknown key "name"'),
            ({"rules": [{"targets": [{"target_url": TARGET}]}]}, "rules",
             "rule 1: is empty: without a condition its target belongs into the link's target_url"),
            ({"rules": GOOD_RULES[::-1]}, "rules", "rule 2: is never asked: rule 1 has no conditions"),
            ({"rules": [{"conditions": {"country": ["UK"]}, "targets": [{"target_url": TARGET}]}]}, "rules",
             'rule 1, conditions.country: "UK" is no country of ISO 3166-1 such as "RU"'),
            ({"exhausted_at": None}, "unknown_parameter", "there is no parameter exhausted_at here")):
        answer = team.post("/v1/links", {**LINK, **change})
        assert (answer.status, answer.body["error"]) == (422, {"code": code, "message": message}), change
    assert team.get("/v1/links").data == []
    codes = team.post("/v1/promo-codes", {**LINK, "code": "x", "target_url": TARGET + "{foo}"})
    assert codes.body["error"]["message"] == "target_url has the unknown macro {foo}"


def test_the_api_keeps_and_shows_what_a_link_can_do(team, postgres):
    full = {**LINK, "slug": "full", "starts_at": "2026-01-01T00:00:00Z", "expires_at": "2099-01-01T00:00:00Z", "click_cap": 5,
            "fallback_url": TARGET + "over", "rules": GOOD_RULES}
    made = team.post("/v1/links", full)
    assert made.status == 201, made.text
    shown = {**full, "starts_at": "2026-01-01T00:00:00.000Z", "expires_at": "2099-01-01T00:00:00.000Z", "exhausted_at": None,
             "rules": [GOOD_RULES[0], {"conditions": {}, **GOOD_RULES[1]}]}
    assert {name: made.body[name] for name in shown} == shown
    numbers = postgres.query("select id from link_rule order by position")
    path = f"/v1/links/{made.body['id']}"
    assert team.patch(path, {"status": "paused"}).body == {**made.body, "status": "paused", "held": True}
    other = [{**GOOD_RULES[0], "conditions": {"os": ["ios"]}}, GOOD_RULES[1]]
    assert team.patch(path, {"rules": other, "status": "active"}).body["rules"][0] == other[0]
    assert postgres.query("select id from link_rule order by position") == numbers  # visitors keep their sides
    assert team.patch(path, {"expires_at": "2025-01-01T00:00:00Z"}).code == "expires_at"
    bare = team.patch(path, {"starts_at": None, "expires_at": None, "click_cap": None, "fallback_url": None, "rules": []}).body
    assert bare == {**made.body, "starts_at": None, "expires_at": None, "click_cap": None, "fallback_url": None, "rules": []}
    team.patch(path, {"rules": GOOD_RULES})
    anna, boris = (Client(team.api, postgres.value("select api_key_create('partner', %s, 'test')", (n,))) for n in (1, 2))
    assert [x["rules"] for x in anna.get("/v1/links").data] == [shown["rules"]] and boris.get("/v1/links").data == []
    content = team.api.call("GET", "/v1/openapi.json").body["paths"]["/v1/links"]["post"]["requestBody"]["content"]
    schema = content["application/json"]["schema"]["properties"]
    assert schema["rules"]["type"] == "array" and schema["expires_at"]["type"] == ["string", "null"]


def test_every_macro_has_its_value_from_the_api_to_the_click(team, postgres, new_ingest, redis_server, spawn, tmp_path):  # noqa: F811
    """So that the numbers in SQL and in C are the same, and with them the rest of the way."""
    values = {"click_id": None, "clickid": None, **{f"sub{n}": f"s{n}" for n in range(1, 11)}, "aff_sub": "s1", "sub_id_2": "s2", "aff_sub3": "s3",
              "partner_id": "1", "aff_id": "1", "program_id": "1", "offer_id": "1", "link_id": "1", "language": "ru-RU",
              "device": "phone", "device_type": "phone", "os": "android", "browser": "chrome",
              "utm_source": "us", "utm_medium": "um", "utm_campaign": "uc",
              "utm_content": "uo", "utm_term": "ut", "erid": "LjN8", "ad_network": "yclid", "ad_click_id": "y-1", "promo_code": "",
              "country": "RU", "region": "MOW", "asn": "3320", "ip": "192.0.2.0", "referrer": "blog.example/post"}
    slugs = {}
    names = sorted(values) + ["timestamp", "date", "rand"]
    for part in range(0, len(names), 20):
        query = "&".join(f"p_{name}={{{name}}}" for name in names[part:part + 20])
        made = team.post("/v1/links", {**LINK, "slug": f"m{part}", "target_url": f"{TARGET}?{query}"})
        assert made.status == 201, made.text
        slugs[f"m{part}"] = made.body["id"]
    new_ingest().start()
    wait_for(lambda: redis_server.client.exists("cl:catalog:base"), what="the catalog")
    geo_make(tmp_path / "place.mmdb", "place", PLACES)
    geo_make(tmp_path / "asn.mmdb", "asn", "192.0.2.0/24 3320\n")
    tracker = Tracker(tmp_path, redis_server, spawn, trusted_proxies="127.0.0.1", geo_country=tmp_path / "place.mmdb", geo_asn=tmp_path / "asn.mmdb")
    tracker.start(1)
    for slug, number in slugs.items():
        query = "&".join([f"sub{n}=s{n}" for n in range(1, 11)] + ["utm_source=us&utm_medium=um&utm_campaign=uc&utm_content=uo&utm_term=ut",
                                                                 "erid=LjN8&yclid=y-1"])
        answer = tracker.get(f"/c/{slug}?{query}", X_Forwarded_For="192.0.2.77", User_Agent=PHONE, Accept_Language="ru-RU,ru;q=0.9",
                             Referer="https://blog.example/post?q=1")
        found = {name[2:]: value[0] for name, value in answer.query().items() if name.startswith("p_")}
        click_id = wait_for(lambda: postgres.value("select click_id::text from click where link_id = %s and destination = %s", (number, answer.location)),
                            what=f"the row of {slug}")
        for name, value in found.items():
            if name in values:
                wanted = click_id if values[name] is None else str(number) if name == "link_id" else values[name]
                assert value == wanted, name
        assert found.get("timestamp", "1").isdigit() and found.get("rand", "1").isdigit() and len(found.get("date", "2026-01-01")) == 10


def test_a_cap_an_expiry_and_a_start_are_enforced_all_the_way(team, postgres, new_ingest, redis_server, spawn, tmp_path):  # noqa: F811
    new_ingest().start()
    postgres.query("update program set duplicate_window_seconds = 0")  # one visitor makes all clicks
    made = team.post("/v1/links", {**LINK, "slug": "capped", "click_cap": 5}).body
    path = f"/v1/links/{made['id']}"
    wait_for(lambda: redis_server.client.exists("cl:catalog:base"), what="the catalog")
    tracker = Tracker(tmp_path, redis_server, spawn)
    tracker.start(1)

    def answer_is(url, **headers):
        return wait_for(lambda: went(tracker.get("/c/capped", User_Agent="curl/8", **headers)) == url, what=url)

    answer_is(TARGET)
    for n in range(4):
        tracker.get("/c/capped")
    wait_for(lambda: postgres.value("select link_clicks(%s)", (made["id"],)) == 4, what="four clicks counted")
    time_left = postgres.value("select exhausted_at from link where id = %s", (made["id"],))
    assert time_left is None  # bots do not count
    tracker.get("/c/capped")
    answer_is("https://shop.example/gone")
    assert team.get("/v1/links").data[0]["exhausted_at"] is not None
    tracker.get("/c/capped")
    orphan = wait_for(lambda: postgres.query("select reason, slug, link_id, destination from orphan_click"), what="the orphan")[0]
    assert orphan[:3] == ("link_exhausted", "capped", made["id"]) and orphan[3].startswith("https://shop.example/gone")
    assert team.patch(path, {"click_cap": 100}).body["exhausted_at"] is None
    answer_is(TARGET)
    team.patch(path, {"expires_at": "2026-01-01T00:00:00Z"})
    answer_is("https://shop.example/gone")
    team.patch(path, {"expires_at": None, "starts_at": "2099-01-01T00:00:00Z"})
    wait_for(lambda: [went(tracker.get("/c/capped"))] and
             postgres.query("select 1 from orphan_click where reason = 'link_not_started'"), what="a click before the start", every_s=0.2)
    team.patch(path, {"starts_at": None, "rules": [{"conditions": {"time": {"windows": [{"from": "00:00", "to": "24:00"}]}},
                                                    "targets": [{"target_url": TARGET + "rule"}]}]})
    answer_is(TARGET + "rule")
    assert team.get("/v1/links").data[0]["rules"][0]["conditions"]["time"]["windows"] == [{"from": "00:00", "to": "24:00"}]
