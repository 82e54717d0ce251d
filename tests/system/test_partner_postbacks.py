"""A partner's own postbacks: what may be saved, and what their macros become."""
import urllib.parse

from api import NONE, api, world  # noqa: F401 (fixtures)

GOOD = "https://tracker.example/pb?cid={clickid}&s={sub_id_3}&sum={payout}"


REFUSED = [
    ("http://127.0.0.1:6379/", "must be https"), ("https://[::1]/", "without a port"), ("https://[::ffff:127.0.0.1]/", "without a port"),
    ("https://0x7f000001/", "no address"), ("https://2130706433/", "no address"), ("https://0177.1/", "no address"), ("https://127.0.0.1/", "no address"),
    ("https://169.254.169.254/latest", "no address"), ("https://0x7f.0x1/", "no address"), ("https://localhost/", "no address"),
    ("https://a.localhost/", "local network"), ("https://printer.local/", "local network"), ("https://metadata.google.internal/", "local network"),
    ("gopher://a.example/", "not a clean URL"), ("https://a.example:25/", "without a port"), ("https://a@127.0.0.1/", "not a clean URL"),
    ("https://a.example@b.example/", "not a clean URL"), ("https://a.example/\u2028", "url"), ("https://{sub1}.example/", "in scheme or host"),
    ("{sub1}", "in scheme or host"), ("https://a.example/{nope}?{sub1}", "unknown macro {nope} at character 19"),
    ("https://a.example/{ip}", "unknown macro {ip}"),
    ("https://a.example/{sub11}", "unknown macro {sub11}"), ("https://a.example/{sub1}}", "at character 25"), ("https://a.example/{sub1", "at character 19"),
    ("https://a.example/" + "{sub1}" * 33, "more than 32"), ("https://a.example/" + "x" * 2040, "url must be")
]


def test_what_is_refused(world):
    for url, fault in REFUSED:
        for path in ("/v1/postbacks", "/v1/postbacks/preview"):
            answer = world.anna.client.post(path, {"url": url})
            assert (answer.status, answer.code) == (422, "url") and fault in answer.body["error"]["message"], (url, answer.text)
    assert world.anna.client.get("/v1/postbacks").data == []


def test_a_partner_and_its_postbacks(world):
    anna, boris = world.anna.client, world.boris.client
    made = anna.post("/v1/postbacks", {"url": GOOD, "events": ["declined", "approved", "approved"], "program_id": world.program, "name": "network"})
    assert made.status == 201 and made.body["events"] == ["approved", "declined"] and made.body["status"] == "active"
    assert anna.get("/v1/postbacks").data == [made.body] and boris.get("/v1/postbacks").data == [] and world.team.get("/v1/postbacks").status == 403
    path = f"/v1/postbacks/{made.body['id']}"
    assert boris.patch(path, {"status": "paused"}).text == boris.patch(f"/v1/postbacks/{NONE}", {"status": "paused"}).text
    changed = anna.patch(path, {"status": "paused", "name": None, "program_id": None, "events": ["available"]})
    assert changed.body == {**made.body, "status": "paused", "name": None, "program_id": None, "events": ["available"]}
    assert anna.get("/v1/postbacks?status=active").data == []
    for body, code in (({"events": []}, "events"), ({"events": ["opened"]}, "events"), ({"program_id": NONE}, "program_id"), ({"url": "https://a/"}, "url")):
        assert (anna.patch(path, body).status, anna.patch(path, body).code) == (422, code)
    statuses = [anna.post("/v1/postbacks", {"url": "https://a.example/"}).status for _ in range(10)]
    assert statuses == [201] * 9 + [409] and anna.post("/v1/postbacks", {"url": "https://a.example/"}).code == "postbacks_max"
    assert anna.get("/v1/postbacks").data[0]["events"] == ["approved"]
    audited = world.postgres.query("select hidden, after->>'url' from audit where object = 'partner_postback' order by id limit 1")
    assert audited == [(["url"], None)], "what may hold a secret of the partner is nobody else's"


def test_what_macros_become(world):
    anna = world.anna
    world.postgres.query("update click set sub3 = %s, country = 'RU', device = 'phone' where click_id = %s", ("а&b=c d/ё%", anna.click))

    def shown(url, **more):
        answer = anna.client.post("/v1/postbacks/preview", {"url": url, **more})
        assert answer.status == 200, answer.text
        return answer.body["url"]

    assert shown(GOOD, conversion_id=anna.conversion) == \
        f"https://tracker.example/pb?cid={anna.click}&s={urllib.parse.quote('а&b=c d/ё%', safe='')}&sum=1.00"
    rest = ("https://t.example/{event}/{kind}?o={order_id}&os={order_sum}&p={payout_minor}{currency}&x={sub1}&c={country}&d={device_type}"
            "&t={click_time}&a={aff_id}")
    assert shown(rest, conversion_id=anna.conversion, event="declined") == \
        f"https://t.example/declined/sale?o=order-anna&os=10.00&p=100RUB&x=&c=RU&d=phone&t=1704067200&a={anna.id}"
    theirs, nobodys = (anna.client.post("/v1/postbacks/preview", {"url": GOOD, "conversion_id": id_}) for id_ in (world.boris.conversion, NONE))
    assert theirs.status == 404 and theirs.text == nobodys.text
    values = anna.client.post("/v1/postbacks/preview", {"url": "https://t.example/"}).body["values"]
    names = sorted(name for name in values if name not in ("rand", "timestamp", "date") and name[:4] not in ("sub7", "sub8", "sub9"))
    every = "https://t.example/?" + "&".join(f"{name}={{{name}}}" for name in names)
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(shown(every)).query, keep_blank_values=True, strict_parsing=True)
    assert query == {name: ["" if values[name] is None else str(values[name])] for name in names}
    real = anna.client.post("/v1/postbacks/preview", {"url": "https://t.example/", "conversion_id": anna.conversion}).body["values"]
    assert set(real) == set(values), "an example knows what an order knows"
