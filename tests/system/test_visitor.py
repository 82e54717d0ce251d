"""Whose cookie where: hosts, domains, consent, and whatever browsers send as cookies."""
import re

import pytest

from tracker import REVISION, Tracker, check_pixel, link, program, publish, settings

COOKIE = re.compile(r"cl_v=([0-9a-f-]{36}); Max-Age=34560000; Path=/; (Domain=shop\.example; )?HttpOnly; SameSite=(Lax|None)(; Secure)?")
CONSENT, CROSS_SITE = 1, 2
HOME = "go.shop.example"
RECORDS = [
    settings(),
    program(1, "home", cookie=True, fallback="https://shop.example/", visitor=(0, "shop.example", [HOME, "t.shop.example"])),
    program(2, "asks", cookie=True, fallback="https://shop.example/", visitor=(CONSENT, "", [HOME])),
    program(3, "far", cookie=True, fallback="https://shop.example/", visitor=(CROSS_SITE, "", [HOME])),
    program(4, "none", cookie=False, visitor=(0, "", [HOME])),
    link("home", 11, 1, "https://shop.example/"),
    link("asks", 12, 2, "https://shop.example/"),
    link("far", 13, 3, "https://shop.example/"),
    link("none", 14, 4, "https://shop.example/"),
    link("closed", 15, 1, "https://shop.example/", active=False),
]


@pytest.fixture(name="tracker")
def tracker_fixture(tmp_path, redis_server, spawn):
    publish(redis_server.client, RECORDS, REVISION)
    tracker = Tracker(tmp_path, redis_server, spawn, trusted_proxies="127.0.0.1")
    tracker.start(REVISION)
    return tracker


def cookie_of(answer):
    """(visitor, domain, SameSite, Secure) of Set-Cookie."""
    found = COOKIE.fullmatch(answer.headers["Set-Cookie"])
    assert found, answer.headers["Set-Cookie"]
    return found.groups()


def visitors(tracker, count):
    return [hit["visitor"].hex() if "visitor" in hit else None for hit in tracker.hits(count)]


def test_only_on_hosts_of_the_shop(tracker):
    hosts = {HOME: True, "GO.shop.example:8443": True, "t.shop.example": True, "shop.example": False, "go.network.example": False,
             "xgo.shop.example": False, "go.shop.example.evil.example": False, "127.0.0.1": False}
    for path in "/c/home", "/v/home.gif", "/promo/home.gif?code=x":
        for host, wanted in hosts.items():
            answer = tracker.get(path, Host=host)
            assert ("Set-Cookie" in answer.headers) == wanted, (path, host)
    assert "Set-Cookie" not in tracker.get("/c/none", Host=HOME).headers
    assert "Set-Cookie" not in tracker.get("/i/home.gif", Host=HOME).headers
    assert "Set-Cookie" not in tracker.get("/c/closed", Host=HOME).headers
    assert "Set-Cookie" not in tracker.get("/conv/home.gif?order_id=1&amount=1", Host=HOME).headers


def test_attributes(tracker):
    _, domain, same_site, secure = cookie_of(tracker.get("/c/home", Host=HOME, X_Forwarded_Proto="https"))
    assert (domain, same_site, secure) == ("Domain=shop.example; ", "Lax", "; Secure")
    assert cookie_of(tracker.get("/c/home", Host=HOME))[1:] == ("Domain=shop.example; ", "Lax", None)  # plain http keeps no Secure cookie
    assert cookie_of(tracker.get("/v/far.gif", Host=HOME, X_Forwarded_Proto="https"))[1:] == (None, "None", "; Secure")
    assert cookie_of(tracker.get("/c/far", Host=HOME))[1:] == (None, "Lax", None)


def test_consent(tracker):
    assert "Set-Cookie" not in tracker.get("/c/asks", Host=HOME).headers
    known = cookie_of(tracker.get("/c/asks?consent=1", Host=HOME))[0]
    cookie = "cl_v=" + known
    for path in "/c/asks", "/v/asks.gif", "/promo/asks.gif?code=x", "/c/home?consent=0&consent=1", "/i/home.gif?consent=0":
        answer = tracker.get(path, Host=HOME, Cookie=cookie)
        assert known not in answer.headers.get("Set-Cookie", "")
    assert cookie_of(tracker.get("/v/asks.gif?consent=1", Host=HOME, Cookie=cookie))[0] == known
    check_pixel(tracker.get("/conv/asks.gif?order_id=1&amount=1", Host=HOME, Cookie=cookie))
    check_pixel(tracker.get("/conv/asks.gif?order_id=2&amount=1&consent=1", Host=HOME, Cookie=cookie))
    known = known.replace("-", "")
    assert visitors(tracker, 10) == [None, known, *[None] * 5, known, None, known]


def test_consent_taken_back(tracker):
    known = cookie_of(tracker.get("/c/home", Host=HOME))[0]
    answer = tracker.get("/v/home.gif?consent=0", Host=HOME, Cookie="cl_v=" + known)
    assert answer.headers["Set-Cookie"] == "cl_v=; Max-Age=0; Path=/; Domain=shop.example; HttpOnly; SameSite=Lax"
    assert "Set-Cookie" not in tracker.get("/v/home.gif?consent=0", Host=HOME).headers
    assert visitors(tracker, 3)[1:] == [None, None]


@pytest.mark.parametrize("path", ["/c/home", "/c/asks?consent=1", "/v/home.gif", "/promo/home.gif?code=x", "/i/home.gif", "/c/unknown", "/c/closed",
                                  "/conv/home.gif?order_id=1&amount=1"])
def test_global_privacy_control(tracker, path):
    known = cookie_of(tracker.get("/c/home", Host=HOME))[0]
    answer = tracker.get(path, Host=HOME, Cookie="cl_v=" + known, Sec_GPC="1")
    assert "Set-Cookie" not in answer.headers
    assert visitors(tracker, 2)[1] is None


def test_a_known_visitor_is_known_on_every_way(tracker):
    known = cookie_of(tracker.get("/c/home", Host=HOME))[0]
    for path in "/c/home", "/c/none", "/c/closed", "/i/home.gif", "/v/home.gif", "/promo/home.gif?code=x", \
            "/conv/home.gif?order_id=1&amount=1":
        tracker.get(path, Host=HOME, Cookie="cl_v=" + known)
    assert set(visitors(tracker, 8)) == {known.replace("-", "")}


def test_where_no_programme_could_ask_a_visitor_must_have_agreed(tracker):
    known = cookie_of(tracker.get("/c/home", Host=HOME))[0]
    for query in "", "?consent=1":
        tracker.get("/c/unknown" + query, Host=HOME, Cookie="cl_v=" + known)
    assert visitors(tracker, 3) == [known.replace("-", ""), None, known.replace("-", "")]


def test_consent_taken_back_where_a_link_is_closed(tracker):
    known = cookie_of(tracker.get("/c/home", Host=HOME))[0]
    answer = tracker.get("/c/closed?consent=0", Host=HOME, Cookie="cl_v=" + known)
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("cookies", [
    ["cl_v=018bcfe5-6800-7000-8000-000000000000"],  # not issued here
    ["cl_v=%s0"], ["cl_v=\"%s\""], ["cl_v=%%20%s"], ["CL_V=%s"], ["cl_v"], ["cl_v="], ["=%s"], ["; ; ;"], ["cl_v=" + "a" * 5000],
    ["cl_v=\x80\xff"], ["; ".join(f"a{n}=b" for n in range(128)) + "; cl_v=%s"],
])
def test_foreign_or_malformed_is_replaced(tracker, cookies):
    known = cookie_of(tracker.get("/c/home", Host=HOME))[0]
    sent = "".join(f"Cookie: {cookie.replace('%s', known).replace('%%', '%')}\r\n" for cookie in cookies)
    answer = tracker.raw(f"GET /c/home HTTP/1.1\r\nHost: {HOME}\r\nUser-Agent: Mozilla/5.0 Firefox/128.0\r\n{sent}Connection: close\r\n\r\n".encode("latin-1"))
    new = re.search(rb"Set-Cookie: cl_v=([0-9a-f-]{36});", answer).group(1).decode()
    assert new != known and answer.startswith(b"HTTP/1.1 302 ")
    assert visitors(tracker, 2) == [known.replace("-", ""), new.replace("-", "")]


@pytest.mark.parametrize("cookies", [
    ["cl_v=018bcfe5-6800-7000-8000-000000000000; cl_v=%s"],  # duplicates: ours counts
    ["cl_v=%s; cl_v=%s"], ["a=b", "cl_v=%s"], ["; ".join(f"a{n}=\"b c\"" for n in range(60)) + ";cl_v=%s"],
    ["a=" + "b" * 8000 + "; cl_v=%s"], ["\tcl_v=%s\t;"], ["cl_v=" + "a" * 5000, "cl_v=%s"],
])
def test_ours_is_found_among_others(tracker, cookies):
    known = cookie_of(tracker.get("/c/home", Host=HOME))[0]
    sent = "".join(f"Cookie: {cookie.replace('%s', known)}\r\n" for cookie in cookies)
    answer = tracker.raw(f"GET /c/home HTTP/1.1\r\nHost: {HOME}\r\nUser-Agent: Mozilla/5.0 Firefox/128.0\r\n{sent}Connection: close\r\n\r\n".encode())
    assert b"Set-Cookie: cl_v=" + known.encode() in answer
    assert visitors(tracker, 2) == [known.replace("-", "")] * 2
