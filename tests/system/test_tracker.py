"""Every endpoint of the tracker, with good and bad input, against a real Redis."""
import re

import pytest

from conftest import wait_for
from tracker import (GIF, Tracker, integration, link, program, promo_code, publish, settings)

REVISION = 5
RECORDS = [
    settings(),
    program(1, "shop", hosts=["shop.example", "www.shop.example"], fallback="https://shop.example/gone"),
    program(2, "own", cookie=True, hosts=["own.example"]),
    program(3, "paused", active=False),
    link("demo", 11, 1, "https://shop.example/landing?a=1#top"),
    link("bare", 12, 1, "https://shop.example"),
    link("closed", 13, 1, "https://shop.example/closed", active=False),
    link("sleeping", 14, 3, "https://paused.example/"),
    link("cookie", 15, 2, "https://own.example/"),
    link("loud", 16, 1, "https://shop.example/?click_id=theirs&utm_source=ours&x=%D0%BF"),
    promo_code("Summer", 21, 1, "https://shop.example/summer"),
    integration("good-key", 31, 1, aliases={"tid": "order_id", "sum": "amount"}),
    integration("old-key", 32, 1, active=False),
]
UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")


@pytest.fixture
def make(tmp_path, redis_server, spawn):
    def started(**options):
        publish(redis_server.client, RECORDS, REVISION)
        tracker = Tracker(tmp_path, redis_server, spawn, **options)
        tracker.start(REVISION)
        return tracker

    return started


@pytest.fixture
def tracker(make):
    return make()


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
              "link_id": 11, "promo_code_id": 0, "catalog_revision": REVISION, "address": bytes([127, 0, 0, 1]),
              "method": b"GET", "path": b"demo", "sub1": b"a b", "sub2": b"c", "utm_source": b"mail", "erid": b"LjN8K/x",
              "ad_network": b"gclid", "ad_click_id": b"G1", "referrer": b"https://blog.example/", "language": b"ru",
              "destination": answer.location.encode()}
    assert {name: hit[name] for name in wanted} == wanted
