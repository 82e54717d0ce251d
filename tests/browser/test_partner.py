"""A partner's day in the cabinet, and each of its pages as it looks."""
import http.client
import json
import re
import urllib.parse

from chromium import PERSON
from conftest import wait_for

PAGES = ["", "/links", "/links/new", "/links/1", "/codes", "/creatives", "/conversions", "/conversions/1", "/balance", "/payouts", "/terms", "/postbacks",
         "/keys", "/notifications", "/faq", "/account"]


def ask(url, method="GET", body=None, **headers):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body and json.dumps(body), {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def follow(url):
    """A visitor's click; its id."""
    answer, _ = ask(url, User_Agent=PERSON)
    return re.search(r"click_id=([0-9a-f-]{36})", answer.getheader("Location")).group(1)


def team(addresses, path, body, method="POST"):
    answer, text = ask(addresses["api"] + path, method, body, Authorization="Bearer " + addresses["admin_key"], Content_Type="application/json")
    assert answer.status in (200, 201, 202), text


def enter(cabinet, addresses):
    cabinet.login(addresses["partner_email"], addresses["partner_password"])
    cabinet.speak("en")


def clicks(cabinet):
    """-1: not known yet."""
    text = cabinet.find(".overview-metrics .figure-value").text
    return int(text.replace(",", "") or -1)


def test_from_a_link_to_the_payout(cabinet, installation):
    addresses = installation.addresses
    enter(cabinet, addresses)

    cabinet.open("/cabinet/links/new")
    cabinet.type("input[name=name]", "Spring review")
    cabinet.type("input[name=sub1]", "spring & summer")
    cabinet.button("Make the link").click()
    cabinet.find(".share .qr")
    url = cabinet.find(".share code").text
    assert url.startswith(addresses["tracker"] + "/c/") and url.endswith("?sub1=spring%20%26%20summer")
    assert cabinet.find(".qr svg[role=img]").get_attribute("aria-label").endswith(url)

    cabinet.open("/cabinet")
    before = clicks(cabinet)
    click_id = follow(url)
    wait_for(lambda: clicks(cabinet) == before + 1, what="the click, without a reload")

    ask(f"{addresses['postback']}?click_id={click_id}&order_id=P-1&amount=1990.50&status=approved")
    cabinet.open("/cabinet/conversions")
    order = cabinet.button("P-1").get_attribute("href").rsplit("/", 1)[1]
    team(addresses, f"/v1/conversions/{order}/decline", {"reason": "returned"})
    cabinet.read("The customer gave the goods back.", "table")
    cabinet.button("P-1").click()
    cabinet.read("t was the last", ".path")
    cabinet.read("The customer gave the goods back.", ".path")
    cabinet.read("10 % of 1990.50 RUB", ".explain-words")

    team(addresses, "/v1/programs/1/payout-policy", {"min_minor": 50000}, "PATCH")
    team(addresses, "/v1/adjustments", {"program_id": 1, "partner_id": 1, "amount_minor": 30000, "key": "browser-1", "reason": "bonus"})
    cabinet.open("/cabinet/payouts")
    cabinet.read("₽200.00 are missing: payouts begin at ₽500.00.")
    team(addresses, "/v1/adjustments", {"program_id": 1, "partner_id": 1, "amount_minor": 30000, "key": "browser-2", "reason": "bonus"})
    cabinet.button("Request a payout", "main").click()
    cabinet.button("Request a payout", "dialog").click()
    cabinet.read("Requested", "table tbody")
    cabinet.open("/cabinet/balance")
    cabinet.read("₽600.00", "table")


def test_an_answer_that_takes_longer_than_the_next_question(cabinet, installation):
    """It is waited for, not asked again."""
    enter(cabinet, installation.addresses)
    cabinet.open("/cabinet/faq")
    cabinet.browser.command("Network.enable")
    cabinet.browser.command("Network.emulateNetworkConditions", offline=False, latency=6000, downloadThroughput=-1, uploadThroughput=-1)
    try:
        cabinet.button("Overview").click()
        wait_for(lambda: clicks(cabinet) >= 0, 60, "the numbers")
    finally:
        cabinet.browser.command("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)


def test_each_page(cabinet, installation):
    enter(cabinet, installation.addresses)
    assert cabinet.look({"partner" + (page.replace("/", "-") or "-overview"): "/cabinet" + page for page in PAGES}) == []
    cabinet.speak("en")
