"""Every endpoint of the tracker, with good and bad input, against a real Redis."""
import gzip
import json
import re

import pytest

from conftest import wait_for
from tracker import check_pixel, REVISION, make_fixture, tracker_fixture  # noqa: F401

UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")


def test_click(tracker):
    answer = tracker.get("/c/demo?sub1=a%20b&sub_id_2=c&utm_source=mail&erid=LjN8K%2Fx&gclid=G1", Referer="https://blog.example/",
                         Accept_Language="ru")
    assert answer.status == 302
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "Set-Cookie" not in answer.headers
    click_id = answer.click_id
    assert UUID.match(click_id)
    assert answer.location == ("https://shop.example/landing?a=1&utm_source=mail&erid=LjN8K%2Fx&gclid=G1&click_id=" +
                               click_id + "#top")
    hit, = tracker.hits(1)
    assert hit["id"] == click_id
    wanted = {"kind": "click", "class": "human", "reason": "none", "status": 302, "program_id": 1, "partner_id": 7,
              "link_id": 11, "promo_code_id": 0, "catalog_revision": REVISION, "address": bytes([127, 0, 0, 0]),
              "method": b"GET", "path": b"demo", "sub1": b"a b", "sub2": b"c", "utm_source": b"mail", "erid": b"LjN8K/x",
              "ad_network": b"gclid", "ad_click_id": b"G1", "referrer": b"blog.example/", "language": b"ru",
              "destination": answer.location.encode()}
    assert {name: hit[name] for name in wanted} == wanted


def test_click_without_query(tracker):
    answer = tracker.get("/c/bare")
    assert answer.location == "https://shop.example?click_id=" + answer.click_id
    assert tracker.hits(1)[0]["destination"] == answer.location.encode()


def test_click_id_is_the_only_one(tracker):
    answer = tracker.get("/c/loud?utm_source=theirs&click_id=00000000-0000-7000-8000-000000000000&utm_medium=m")
    assert answer.location == ("https://shop.example/?utm_source=ours&x=%D0%BF&utm_medium=m&click_id=" + answer.click_id)


def test_click_ids_ascend(tracker):
    ids = [tracker.get("/c/demo").click_id for _ in range(20)]
    assert ids == sorted(set(ids))
    assert [hit["id"] for hit in tracker.hits(20)] == ids


@pytest.mark.parametrize("headers, klass, reason", [
    ({"User-Agent": None}, "bot", "ua_empty"),
    ({"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}, "bot", "ua_bot"),
    ({"User-Agent": "TelegramBot (like TwitterBot)"}, "preview", "ua_preview"),
    ({"Sec-Purpose": "prefetch;prerender"}, "prefetch", "sec_purpose"),
    ({"X-Moz": "prefetch"}, "prefetch", "sec_purpose"),
    ({"Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"}, "invalid", "sec_fetch_dest"),
    ({"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate"}, "invalid", "sec_fetch_dest"),
])
def test_click_that_counts_for_nothing_is_still_redirected(tracker, headers, klass, reason):
    answer = tracker.request("GET", "/c/cookie", headers)
    assert answer.status == 302 and answer.click_id
    assert "Set-Cookie" not in answer.headers
    hit, = tracker.hits(1)
    assert (hit["class"], hit["reason"], hit["link_id"]) == (klass, reason, 15)


def test_head(tracker):
    answer = tracker.request("HEAD", "/c/demo")
    assert answer.status == 302 and answer.click_id and answer.body == b""
    hit, = tracker.hits(1)
    assert (hit["class"], hit["reason"], hit["method"]) == ("head", "method_head", b"HEAD")


@pytest.mark.parametrize("slug", ["nothing", "%00", "%zz", "a%2Fb", "DEMO", "x" * 300])
def test_unknown_link(tracker, slug):
    answer = tracker.get("/c/" + slug)
    assert answer.status == 404 and answer.location is None
    hit, = tracker.hits(1)
    wanted = {"class": "invalid", "reason": "link_unknown", "status": 404, "link_id": 0, "program_id": 0,
              "path": slug.encode()[:256]}
    assert {name: hit[name] for name in wanted} == wanted
    assert "destination" not in hit


def test_fallbacks(make):
    tracker = make(fallback_url="https://installation.example/")
    assert tracker.get("/c/nothing?utm_source=x").location == "https://installation.example/?utm_source=x"
    assert tracker.get("/c/sleeping").location == "https://installation.example/"
    closed = tracker.get("/c/closed")
    assert closed.location == "https://shop.example/gone?click_id=" + closed.click_id
    unknown, sleeping, closed = tracker.hits(3)
    assert (unknown["class"], unknown["reason"], unknown["status"]) == ("invalid", "link_unknown", 302)
    assert (sleeping["reason"], sleeping["link_id"], sleeping["program_id"]) == ("link_inactive", 14, 3)
    assert (closed["class"], closed["reason"], closed["link_id"]) == ("invalid", "link_inactive", 13)


def test_deep_link(tracker):
    answer = tracker.get("/c/demo?to=https%3A%2F%2Fwww.shop.example%2Fitem%3Fid%3D1%26click_id%3Dx%23reviews")
    assert answer.location == "https://www.shop.example/item?id=1&click_id=" + answer.click_id + "#reviews"
    assert tracker.hits(1)[0]["class"] == "human"


@pytest.mark.parametrize("to", [
    "//evil.com", "///evil.com/%2f..", "https:evil.com", "%5C%2F%5C%2Fevil.com/", "/%5Cevil.com", "https://shop.example@evil.com/",
    "https://shop.example.evil.com", "//evil%E3%80%82com", "//evil%00.com", "https://shop.example&to=https://evil.com",
    "javascript:alert(1)", "data:text/html,x", "java%0d%0ascript%0d%0a:alert(1)", "https://evil.c%E2%84%80.shop.example",
    "ht%09tps://shop.example", "https://shop.example%5C@evil.com", "https://shop.example:8443/",
    "https://shop.example/%0d%0aSet-Cookie:a=b", "https://own.example/", ""])
def test_deep_link_refused(tracker, to):
    answer = tracker.get("/c/demo?to=" + to)
    assert answer.status == 302
    assert answer.location == "https://shop.example/landing?a=1&click_id=" + answer.click_id + "#top"
    hit, = tracker.hits(1)
    assert (hit["class"], hit["reason"], hit["link_id"]) == ("invalid", "deep_link_refused", 11)


@pytest.mark.parametrize("value", ["%0d%0aSet-Cookie:crlf=1", "%250a", "%E5%98%8A%E5%98%8D", "%0d%0a%20x",
                                   "a%0d%0aLocation:%20http:%2f%2fevil", "%00", "%ff%fe", "%", "%zz"])
def test_no_value_reaches_a_header_raw(tracker, value):
    for path in ("/c/demo?sub1=X&utm_source=X", "/c/X", "/c/demo?to=X", "/p/X", "/i/X.gif?sub1=X", "/promo/shop.gif?code=X"):
        answer = tracker.raw(f"GET {path.replace('X', value)} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n".encode())
        head, _, _ = answer.partition(b"\r\n\r\n")
        names = {line.split(b":")[0] for line in head.split(b"\r\n")[1:]}
        assert names <= {b"Date", b"Content-Length", b"Connection", b"Cache-Control", b"Location", b"Content-Type",
                         b"Cross-Origin-Resource-Policy", b"X-Content-Type-Options"}
        assert b"\n" not in head.replace(b"\r\n", b"") and b"\0" not in head
    tracker.hits(6)


def test_visitor_cookie(tracker):
    first = tracker.get("/c/cookie")
    cookie = first.headers["Set-Cookie"]
    found = re.fullmatch(r"cl_v=([0-9a-f-]{36}); Max-Age=34560000; Path=/; HttpOnly; SameSite=Lax", cookie)
    assert found and UUID.match(found.group(1)) and found.group(1) != first.click_id
    again = tracker.get("/c/cookie", Cookie="a=b; cl_v=" + found.group(1))
    assert again.headers["Set-Cookie"] == cookie
    forged = tracker.get("/c/cookie", Cookie="cl_v=018bcfe5-6800-7000-8000-000000000000")
    assert found.group(1) not in forged.headers["Set-Cookie"] and "018bcfe5-6800" not in forged.headers["Set-Cookie"]
    assert "Set-Cookie" not in tracker.get("/c/cookie", Sec_GPC="1").headers
    assert "Set-Cookie" not in tracker.get("/c/demo", Cookie="cl_v=" + found.group(1)).headers
    visitor = bytes.fromhex(found.group(1).replace("-", ""))
    one, two, three, four, five = tracker.hits(5)
    assert one["visitor"] == two["visitor"] == five["visitor"] == visitor
    assert three["visitor"] != visitor and "visitor" not in four


def test_proxies(make):
    tracker = make(trusted_proxies="127.0.0.0/8", address_policy="full")
    answer = tracker.get("/c/cookie", X_Forwarded_For="1.2.3.4, 5.6.7.8, 127.0.0.2", X_Forwarded_Proto="https")
    assert answer.headers["Set-Cookie"].endswith("; Secure")
    tracker.get("/c/cookie", X_Forwarded_For="2001:db8::1")
    tracker.get("/c/cookie", X_Forwarded_For="<script>")
    assert [hit["address"] for hit in tracker.hits(3)] == [
        bytes([5, 6, 7, 8]), bytes.fromhex("20010db8000000000000000000000001"), bytes([127, 0, 0, 1])]


def test_no_proxies(tracker):
    answer = tracker.get("/c/cookie", X_Forwarded_For="1.2.3.4", X_Forwarded_Proto="https", X_Real_IP="1.2.3.4")
    assert "Secure" not in answer.headers["Set-Cookie"]
    assert tracker.hits(1)[0]["address"] == bytes([127, 0, 0, 0])


def test_promo_link(tracker):
    answer = tracker.get("/p/sUmMeR?sub1=x")
    assert answer.location == "https://shop.example/summer?click_id=" + answer.click_id
    assert tracker.get("/p/winter").status == 404
    hit, unknown = tracker.hits(2)
    wanted = {"kind": "click", "class": "human", "promo_code_id": 21, "link_id": 0, "partner_id": 7, "promo": b"Summer",
              "path": b"sUmMeR", "sub1": b"x"}
    assert {name: hit[name] for name in wanted} == wanted
    assert (unknown["reason"], unknown["promo_code_id"]) == ("link_unknown", 0)


def test_impression(tracker):
    for slug in "demo", "nothing", "closed":
        check_pixel(tracker.get(f"/i/{slug}.gif", Sec_Fetch_Dest="image", Sec_Fetch_Mode="no-cors"))
    shown, unknown, closed = tracker.hits(3)
    assert (shown["kind"], shown["class"], shown["link_id"], shown["path"]) == ("impression", "human", 11, b"demo")
    assert (unknown["class"], unknown["reason"]) == ("invalid", "link_unknown")
    assert (closed["class"], closed["reason"]) == ("invalid", "link_inactive")


def test_visit(tracker):
    click_id = "018bcfe5-6800-7000-8000-000000000000"
    answer = tracker.get(f"/v/own.gif?page=https%3A%2F%2Fown.example%2F%3Fa&click_id={click_id}&utm_source=s&yclid=Y")
    check_pixel(answer)
    assert "Set-Cookie" in answer.headers
    check_pixel(tracker.get("/v/nothing.gif?click_id=x"))
    hit, unknown = tracker.hits(2)
    wanted = {"kind": "visit", "class": "human", "program_id": 2, "page": b"https://own.example/?a", "utm_source": b"s",
              "report_click_id": bytes.fromhex(click_id.replace("-", "")), "ad_network": b"yclid"}
    assert {name: hit[name] for name in wanted} == wanted
    assert (unknown["reason"], unknown["program_id"]) == ("link_unknown", 0) and "report_click_id" not in unknown


def test_promo_entry(tracker):
    for code in "SUMMER", "nonsense", "":
        check_pixel(tracker.get("/promo/shop.gif?code=" + code))
    check_pixel(tracker.get("/promo/own.gif?code=summer"))
    good, unknown, _, other = tracker.hits(4)
    assert (good["kind"], good["promo_code_id"], good["partner_id"], good["promo"]) == ("promo_entry", 21, 7, b"SUMMER")
    assert (unknown["promo_code_id"], unknown["partner_id"], unknown["promo"]) == (0, 0, b"nonsense")
    assert (other["program_id"], other["promo_code_id"]) == (2, 0)


def test_postback(tracker):
    click_id = tracker.get("/c/demo").click_id
    answer = tracker.get(f"/postback/good-key?click_id={click_id}&tid=A-1&sum=1234.50&currency=EUR&status=confirmed&sub1=s",
                         User_Agent="curl/8")
    assert answer.status == 202
    receipt = json.loads(answer.body)
    assert list(receipt) == ["receipt"]
    _, hit = tracker.hits(2)
    wanted = {"id": receipt["receipt"], "kind": "report", "class": "human", "reason": "none", "status": 202, "program_id": 1,
              "report_integration": bytes([31]), "report_click_id": bytes.fromhex(click_id.replace("-", "")),
              "report_order_id": b"A-1", "report_kind": b"sale", "report_status": b"approved", "report_amount": b"1234.50",
              "report_amount_minor": (123450).to_bytes(8, "little"), "report_currency": b"EUR", "sub1": b"s"}
    assert {name: hit[name] for name in wanted} == wanted
    assert not any(b"good-key" in value for value in hit.values() if isinstance(value, bytes))


def test_postback_by_post(tracker):
    form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
    body = b"order_id=%D0%90&amount=10&customer=c+d"
    assert tracker.request("POST", "/postback/good-key?sub1=q", form, body).status == 202
    answer = tracker.request("POST", "/postback/good-key", {"Content-Type": "text/plain"}, b'{"order_id": 1}')
    assert answer.status == 415 and json.loads(answer.body)["error"]["code"] == "body_type_unsupported"
    good, refused = tracker.hits(2)
    assert good["report_order_id"].decode() == "\u0410" and good["report_customer"] == b"c d" and good["sub1"] == b"q"
    assert good["report_raw"] == b"sub1=q\n" + body and "report_currency" not in good
    assert (refused["reason"], refused["status"]) == ("body_type_unsupported", 415)


@pytest.mark.parametrize("query, code", [
    ("", "order_id_missing"), ("order_id=1", "amount_missing"), ("order_id=1&amount=-100", "amount_negative"),
    ("order_id=1&amount=1e9", "amount_malformed"), ("order_id=1&amount=0x10", "amount_malformed"),
    ("order_id=1&amount=NaN", "amount_malformed"), ("order_id=1&amount=%D9%A3", "amount_malformed"),
    ("order_id=1&amount=" + "9" * 40, "amount_too_large"), ("order_id=1&amount=0.001", "amount_precision"),
    ("order_id=1&amount=1&currency=XXX", "currency_unknown"), ("order_id=1&amount=1&status=x", "status_unknown"),
    ("order_id=1&amount=1&kind=x", "kind_unknown"), ("order_id=1&amount=1&click_id=x", "click_id_malformed"),
    ("order_id=1&amount=1&click_id=018bcfe5-6800-7000-8000-000000000000", "click_id_forged"),
    ("order_id=1&amount=1&event_time=x", "event_time_malformed"), ("order_id=%ff&amount=1", "utf8_invalid"),
    ("order_id=1&order_id=2&amount=1", "parameter_duplicate"), ("order_id=" + "1" * 256 + "&amount=1", "parameter_too_long"),
])
def test_postback_refused(tracker, query, code):
    answer = tracker.get("/postback/good-key?" + query)
    assert answer.status == 422
    body = json.loads(answer.body)
    assert body["error"]["code"] == code and body["error"]["message"]
    hit, = tracker.hits(1)
    assert (hit["id"], hit["class"], hit["reason"], hit["status"]) == (body["receipt"], "invalid", code, 422)
    assert hit["report_raw" if query else "report_integration"]


def test_postback_keys(tracker):
    for key in "bad-key", "old-key", "%00", "%zz", "x" * 2000:
        answer = tracker.get(f"/postback/{key}?order_id=1&amount=1")
        assert answer.status == 404 and json.loads(answer.body)["error"]["code"] == "key_unknown"
    assert {(hit["reason"], hit["program_id"]) for hit in tracker.hits(5)} == {("key_unknown", 0)}


def test_refused_reports_are_capped(tracker):
    answers = [json.loads(tracker.get("/postback/bad-key").body) for _ in range(150)]
    assert 60 <= sum("receipt" in answer for answer in answers) <= 120  # 60 a minute, and a minute may end meanwhile
    assert tracker.get("/postback/good-key?order_id=1&amount=1").status == 202
    wait_for(lambda: tracker.metric("clickledger_tracker_reports_unkept_total") > 0, what="the counter")
    assert tracker.metric("clickledger_tracker_reports_refused_total") == 150


def test_conversion_pixel(tracker):
    cookie = tracker.get("/c/cookie").headers["Set-Cookie"].split(";")[0]
    check_pixel(tracker.get("/conv/own.gif?order_id=1&amount=5", Cookie=cookie))
    check_pixel(tracker.get("/conv/own.gif?order_id=1"))
    check_pixel(tracker.get("/conv/nothing.gif?order_id=1&amount=5"))
    assert tracker.request("HEAD", "/conv/own.gif?order_id=2&amount=5").status == 405
    click, good, missing, unknown = tracker.hits(4)
    assert (good["kind"], good["reason"], good["program_id"]) == ("report", "none", 2)
    assert good["visitor"] == click["visitor"] and "report_integration" not in good
    assert good["report_amount_minor"] == (500).to_bytes(8, "little")
    assert (missing["class"], missing["reason"]) == ("invalid", "amount_missing")
    assert unknown["reason"] == "key_unknown"


def test_tag(tracker):
    plain, small = tracker.get("/t.js"), tracker.get("/t.js", Accept_Encoding="gzip, deflate, br")
    assert plain.status == small.status == 200 and gzip.decompress(small.body) == plain.body and b"clickledger" in plain.body
    assert small.headers["Content-Encoding"] == "gzip" and "Content-Encoding" not in plain.headers and len(small.body) < 2048
    for answer in plain, small:
        assert answer.headers["Content-Type"].startswith("text/javascript")
        assert answer.headers["Cache-Control"] == "public, max-age=3600" and answer.headers["Vary"] == "Accept-Encoding"
    again = tracker.get("/t.js", Accept_Encoding="gzip", If_None_Match=small.headers["ETag"])
    assert (again.status, again.body, again.headers["ETag"]) == (304, b"", small.headers["ETag"])
    assert tracker.get("/t.js", If_None_Match=small.headers["ETag"]).status == 200  # of the other coding
    assert tracker.request("HEAD", "/t.js").headers["Content-Length"] == str(len(plain.body))


@pytest.mark.parametrize("method, path, status, allow", [
    ("POST", "/c/demo", 405, "GET, HEAD"), ("DELETE", "/p/x", 405, "GET, HEAD"), ("PUT", "/i/demo.gif", 405, "GET, HEAD"),
    ("OPTIONS", "/v/shop.gif", 405, "GET, HEAD"), ("PATCH", "/promo/shop.gif", 405, "GET, HEAD"),
    ("HEAD", "/postback/good-key", 405, "GET, POST"), ("POST", "/conv/shop.gif", 405, "GET"), ("BREW", "/t.js", 405, "GET, HEAD"),
    ("GET", "/", 404, None), ("GET", "/c/", 404, None), ("GET", "/c", 404, None), ("GET", "/c/a/b", 404, None),
    ("GET", "/i/demo", 404, None), ("GET", "/i/.gif", 404, None), ("GET", "/t.jsx", 404, None), ("GET", "/postback/", 404, None),
    ("GET", "/healthz", 404, None), ("GET", "/metrics", 404, None), ("POST", "/nowhere", 404, None), ("GET", "//c/demo", 404, None),
])
def test_paths_and_methods(tracker, method, path, status, allow):
    answer = tracker.request(method, path)
    assert (answer.status, answer.headers.get("Allow")) == (status, allow)
    assert tracker.get("/c/demo").status == 302
    tracker.hits(1)


def test_too_much_is_capped(tracker):
    many = "&".join(f"p{number}=1" for number in range(1000))
    assert tracker.get("/c/demo?" + many).status == 302
    assert tracker.get("/c/demo?sub1=" + "a" * 7000).status == 302
    assert tracker.get("/c/demo?sub1=" + "a" * 9000).status == 414
    assert tracker.get("/c/demo?" + "%25" * 2000).status == 302
    assert tracker.get("/c/demo", Cookie="; ".join(f"c{number}=1" for number in range(1500))).status == 302
    assert tracker.request("GET", "/c/demo", {f"X-{number}": "1" for number in range(101)}).status == 431
    assert tracker.request("POST", "/postback/good-key", {}, b"a" * 70000).status == 413
    long_agent = tracker.get("/c/demo", User_Agent="Mozilla/5.0 " + "x" * 8000)
    assert long_agent.status == 302
    found = tracker.hits(5)
    assert len(found[1]["sub1"]) == 512 and len(found[4]["user_agent"]) == 512


def test_pipelined_clicks(tracker):
    requests = b"".join(b"GET /c/demo?sub1=%d HTTP/1.1\r\nHost: t\r\nUser-Agent: Mozilla/5.0\r\n\r\n" % n for n in range(100))
    answers = tracker.raw(requests)
    ids = re.findall(rb"click_id=([0-9a-f-]{36})", answers)
    found = tracker.hits(100)
    assert [hit["id"].encode() for hit in found] == ids
    assert [int(hit["sub1"]) for hit in found] == list(range(100))
