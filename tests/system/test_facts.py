"""What a hit says about its sender: place, network, device, and what a reload makes of the files behind it."""
import os
import pathlib
import signal
import subprocess
import uuid

import pytest

import frames
from conftest import ROOT, wait_for
from frames import IMPRESSION, hit
from ingest import ingest, new_ingest, producer, settled  # noqa: F401 (fixtures)
from test_tracker_reload import refused, reload
from tracker import hits, make_fixture, varint  # noqa: F401

PHONE = ("Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 "
         "YaBrowser/24.4.1 Mobile Safari/537.36")
DEVICE_PHONE, OS_ANDROID, BROWSER_YANDEX = b"\x02", b"\x05", b"\x06"
PLACES = "192.0.2.0/24 RU MOW\n198.51.100.0/24 DE\n2001:db8::/32 US CA\n"
NETWORKS = "192.0.2.0/24 24940\n198.51.100.0/24 3320\n"


def geo_make(path, kind, rows):
    """By renaming, as an operator replaces a database."""
    subprocess.run([ROOT / "tests/tools/geo_make", f"{path}.new", kind], input=rows.encode(), check=True)
    os.rename(f"{path}.new", path)


@pytest.fixture(name="located")
def located_fixture(make, tmp_path):
    """A tracker with databases, behind a proxy."""
    geo_make(tmp_path / "place.mmdb", "place", PLACES)
    geo_make(tmp_path / "asn.mmdb", "asn", NETWORKS)

    def started(**options):
        return make(workers=2, trusted_proxies="127.0.0.1", geo_country=tmp_path / "place.mmdb", geo_asn=tmp_path / "asn.mmdb",
                    **options)

    return started


def click(tracker, address, **headers):
    """The hit of one click."""
    answer = tracker.request("GET", "/c/demo", {"X-Forwarded-For": address, "User-Agent": PHONE, **headers})
    found = []

    def recorded():
        found[:] = [hit for hit in hits(tracker.redis.client) if hit["id"] == answer.click_id]
        return found

    wait_for(recorded, what="the hit")
    return found[0]


def test_facts(located):
    tracker = located()
    found = click(tracker, "198.51.100.77", Referer="https://blog.example/a/b?session=1#top",
                  **{"Accept-Language": "ru-RU,ru;q=0.9"})
    assert (found["class"], found["reason"]) == ("human", "none")
    assert found["address"] == bytes([198, 51, 100, 0])
    assert found["country"] == b"DE" and "region" not in found and varint(found["asn"], 0)[0] == 3320
    assert (found["device"], found["os"], found["browser"]) == (DEVICE_PHONE, OS_ANDROID, BROWSER_YANDEX)
    assert found["language"] == b"ru-RU" and found["referrer"] == b"blog.example/a/b"
    assert varint(found["class_version"], 0)[0] >= 20261125
    other = click(tracker, "198.51.100.78")
    assert len(found["address_hash"]) == 8 and found["address_hash"] != other["address_hash"]
    assert click(tracker, "198.51.100.77")["address_hash"] == found["address_hash"]
    six = click(tracker, "2001:db8:1:2::3")
    assert (six["country"], six["region"]) == (b"US", b"CA") and "asn" not in six
    assert six["address"] == uuid.UUID("20010db8-0001-0000-0000-000000000000").bytes
    assert click(tracker, "2001:db8:1:2:ffff::")["address_hash"] == six["address_hash"]  # the same /64
    nowhere = click(tracker, "203.0.113.1")
    assert not {"country", "region", "asn"} & set(nowhere)


def test_data_centre_and_policy(located):
    tracker = located(address_policy="full")
    found = click(tracker, "192.0.2.9")
    assert (found["class"], found["reason"], found["region"]) == ("bot", "asn_datacentre", b"MOW")
    assert found["address"] == bytes([192, 0, 2, 9])
    reload(tracker, datacentre_class="human", address_policy="none")
    later = click(tracker, "192.0.2.9")
    assert (later["class"], varint(later["asn"], 0)[0]) == ("human", 24940)
    assert "address" not in later and later["address_hash"] == found["address_hash"]


def test_files_are_exchanged_and_bad_ones_refused(located, tmp_path):
    tracker = located()
    place = tmp_path / "place.mmdb"
    assert click(tracker, "198.51.100.1")["country"] == b"DE"
    geo_make(place, "place", PLACES.replace("DE", "FR"))
    reload(tracker)
    assert click(tracker, "198.51.100.1")["country"] == b"FR"

    (tmp_path / "bad.mmdb").write_bytes(place.read_bytes()[:-100])
    os.rename(tmp_path / "bad.mmdb", place)
    refused(tracker, tracker.config.read_text(), f"geo_country: {place}: no MaxMind DB of what is asked for, or a damaged one")
    assert click(tracker, "198.51.100.1")["country"] == b"FR"
    # A worker that starts now has the old one, too.
    main = tracker.process.process.pid
    for worker in pathlib.Path(f"/proc/{main}/task/{main}/children").read_text().split():
        os.kill(int(worker), signal.SIGKILL)
    wait_for(lambda: (tracker.metric("clickledger_tracker_restarts_total") or 0) >= 2 and tracker.healthy(), what="new workers")
    assert click(tracker, "198.51.100.1")["country"] == b"FR"

    geo_make(place, "place", PLACES)
    agents = tmp_path / "agents.list"
    agents.write_text("version 5\nclass bot mobile\nclass bot Mobile\n")
    refused(tracker, tracker.config.read_text() + f"agents_list = {agents}\n", f"agents_list: {agents}: line 3: a word is 2 to 64")
    agents.write_text("version 2000000001\nclass bot mobile\nbrowser other safari\n")
    reload(tracker, agents_list=agents)
    found = click(tracker, "198.51.100.1")
    assert (found["class"], found["reason"], found["country"]) == ("bot", "ua_bot", b"DE")
    assert varint(found["class_version"], 0)[0] == 2000000001 and "os" not in found


def test_start_without_what_is_named(make, tmp_path):
    (tmp_path / "agents.list").write_text("nothing")
    tracker = make(trusted_proxies="127.0.0.1", geo_country=tmp_path / "none.mmdb", agents_list=tmp_path / "agents.list")
    log = tracker.process.log()
    assert log.count("event=reference.refused option=geo_country") == 1 and log.count("event=reference.no_geo") == 1
    assert log.count("event=reference.refused option=agents_list") == 1
    found = click(tracker, "198.51.100.1")
    assert "country" not in found and found["browser"] == BROWSER_YANDEX


def test_rows(ingest, postgres, producer):
    fields = {8: b"blog.example/a", 44: b"DE", 45: b"BE", 46: b"\x81\x01", 47: DEVICE_PHONE, 48: OS_ANDROID, 49: BROWSER_YANDEX,
              50: b"\x07", 43: (1 << 63).to_bytes(8, "little")}
    kinds = [frames.CLICK, IMPRESSION, frames.VISIT, frames.PROMO_ENTRY]
    report = {tag: value for tag, value in fields.items() if tag not in (8, 50)}
    producer.send(producer.make([hit(kind, fields=fields) for kind in kinds] +
                                [hit(frames.REPORT, fields={**report, frames.REPORT_ORDER_ID: b"A1"})]))
    settled(postgres, producer, (1, 5, 5, 0, 0, False))
    shared = "country, region, asn, device::text, os::text, browser::text, address_hash"
    wanted = ("DE", "BE", 129, "phone", "android", "yandex", -1 << 63)
    for table in "click", "impression", "visit", "promo_entry":
        assert postgres.query(f"select {shared}, class_version, referrer_host, referrer_path from {table}") == [
            (*wanted, 7, "blog.example", "/a")]
    assert postgres.query(f"select {shared} from conversion_report") == [wanted]
