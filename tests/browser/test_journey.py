"""From a stranger to a payout, by people in two browsers: a partner who registers, builds a link and is paid; a visitor who follows it from a
blog to a shop and buys, with a promo code and without; a team that approves, and declines with a reason."""
import contextlib
import json
import secrets
import shutil
import tempfile
import urllib.parse

import pytest
from cabinet import Cabinet
from chromium import Chromium
from conftest import SHOP, TRACKER_HOST, program_that_takes_partners, wait_for
from site_server import STUB, Site

# The installation is there for other tests, too.
CODE = f"journey-{secrets.token_hex(3)}"
EMAIL, PASSWORD = f"vera@{CODE}.example", "a long walk by the sea"
BLOG = "blog.example"
THANKS = STUB + "clickledger('order', Object.fromEntries([...new URLSearchParams(location.search)].filter(([, value]) => value)));"
BUY = ("<form action='/thanks'><input name='order_id'><input name='amount'><input name='currency' value='RUB'><input name='promo'>"
       "<button>Buy</button></form>")


class Shop(Site):
    """And the partner's blog, on a name of its own."""

    def __init__(self, tracker):
        super().__init__(SHOP)
        self.tracker, self.program = f"http://{TRACKER_HOST}:{urllib.parse.urlsplit(tracker).port}", CODE
        self.link = ""

    def contents(self):
        return {"/": self.page(BUY), "/thanks": self.page("Thanks", "/thanks.js"), "/thanks.js": THANKS, "/stub.js": STUB,
                "/post": f"<!doctype html><title>Blog</title><a href='{self.link}'>The best tea</a>"}


@pytest.fixture
def shop(installation):
    shop = Shop(installation.addresses["tracker"])
    yield shop
    shop.close()


@pytest.fixture
def other_browser(shop):
    """Of somebody else: a visitor, who finds the shop without a port, or the team."""
    folder = tempfile.mkdtemp(prefix="clickledger-chromium-")
    browser = Chromium(folder, f"MAP {SHOP} 127.0.0.1:{shop.server.server_port}")
    yield browser
    browser.quit()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def program(installation):
    """It pays 10 % without a hold."""
    return program_that_takes_partners(installation, f"http://{SHOP}/", {"commission_kind": "percent", "rate_ppm": 100000, "hold_days": 0},
                                       code=CODE, name="Tea shop", currency="RUB", hosts=[SHOP])


@contextlib.contextmanager
def team(browser, installation):
    """The owner at the screen."""
    browser.forget()
    cabinet = Cabinet(browser, installation.addresses["api"])
    cabinet.login(installation.addresses["owner_email"], installation.addresses["owner_password"])
    yield cabinet
    assert cabinet.complaints() == []
    browser.forget()


def register(partner):
    partner.open(f"/join/{CODE}")
    partner.read("Tea shop")
    for name, value in ("name", "Vera's blog"), ("email", EMAIL), ("password", PASSWORD), ("site", "https://blog.example"):
        partner.type(f"input[name={name}]", value)
    partner.press("input[name=accepted]")
    partner.press("form button[type=submit]")
    partner.read("We have your application")


def approve(browser, installation):
    with team(browser, installation) as owner:
        owner.open("/team/applications")
        owner.read("Vera's blog")
        owner.button("Approve", "main").click()
        owner.read("Approved")


def take_key(partner, installation):
    """The first API key, which came with the approval, is shown once."""
    partner.read("Your first API key is ready.")
    partner.open("/cabinet/keys")
    partner.read("Not shown yet")
    partner.picture("journey-first-key")
    partner.button("Show the key", "main").click()
    partner.button("Show the key", "dialog").click()
    key = partner.find("dialog code").text
    partner.picture("journey-first-key-shown")
    partner.button("I have kept it", "dialog").click()
    partner.read("Live")
    assert "Not shown yet" not in partner.find("body").text and "first API key" not in partner.find("body").text
    status, _, text = installation.request(installation.addresses["api"] + "/v1/me", headers={"Authorization": f"Bearer {key}"})
    assert status == 200 and json.loads(text)["partner"]["name"] == "Vera's blog"


def build_link(partner):
    """Its address, and the code that came with the approval."""
    partner.open("/cabinet/codes")
    code = partner.find("main td code").text.rpartition("/")[2]  # of its address /p/CODE
    partner.open("/cabinet/links/new")
    partner.type("input[name=name]", "Tea post")
    partner.type("input[name=target_url]", f"http://{SHOP}/")
    partner.type("input[name=sub1]", "post-7")
    partner.button("Make the link", "main").click()
    partner.read("Copy the address")
    return partner.find(".share code").text, code


def buy(browser, order, amount, promo=""):
    wait_for(lambda: browser.run("return !!(window.clickledger && clickledger.ready)"), 60, "the tag")
    for name, value in ("order_id", order), ("amount", amount), ("promo", promo):
        browser.run("document.querySelector(`[name=${arguments[0]}]`).value = arguments[1]", name, value)
    browser.driver.find_element("css selector", "button").click()
    wait_for(lambda: "/thanks" in browser.driver.current_url and browser.run("return !!(window.clickledger && clickledger.ready)"), 60, "the shop's thanks")


def visit(browser, shop, code):
    """Three visitors: two who follow the blog's link, one who only has the code."""
    for order, amount in ("J-1", "1000.00"), ("J-3", "70.00"):
        browser.forget()
        browser.go(shop.url("/post", BLOG))
        browser.driver.find_element("link text", "The best tea").click()
        wait_for(lambda: SHOP in browser.driver.current_url and "click_id=" in browser.driver.current_url, 60, "the shop")
        buy(browser, order, amount)
    browser.forget()
    browser.go(f"http://{SHOP}/")
    buy(browser, "J-2", "500.00", code)


def pick(cabinet, order):
    wait_for(lambda: cabinet.browser.driver.find_elements("xpath", f"//label[normalize-space()='{order}']"), 60, order)[0].click()


def decide(browser, installation, program):
    with team(browser, installation) as owner:
        owner.open(f"/team/conversions?program_id={program['id']}")
        pick(owner, "J-1")
        pick(owner, "J-2")
        owner.button("Approve", "main").click()
        owner.read("2 orders approved")
        pick(owner, "J-3")
        owner.button("Decline", "main").click()
        owner.press("dialog form button[type=submit]")
        owner.read("Say why", "dialog")  # it is not optional
        owner.press("dialog select[name=reason] option[value=fraud_card]")
        owner.press("dialog form button[type=submit]")
        owner.read("1 order declined")


def test_from_a_stranger_to_a_payout(cabinet, other_browser, installation, program, shop):
    partner = cabinet
    register(partner)
    approve(other_browser, installation)
    partner.login(EMAIL, PASSWORD)
    take_key(partner, installation)
    link, code = build_link(partner)
    shop.link = link
    partner.open("/cabinet/conversions")
    partner.read("No conversions yet")
    visit(other_browser, shop, code)
    # Without a reload.
    for order in "J-1", "J-2", "J-3":
        partner.read(order)
    partner.read("100.00")
    partner.open("/cabinet")
    partner.read("157.00")  # pending: 10 % of 1000, 500 and 70
    decide(other_browser, installation, program)
    partner.read("150.00")

    partner.open("/cabinet/conversions?order=J-2")
    partner.button("Why?", "main").click()
    partner.read("50.00")
    partner.read("Your promo code")
    partner.picture("journey-explain")
    partner.open("/cabinet/conversions?order=J-3")
    partner.read("The payment was made with somebody else's card.")

    partner.open("/cabinet/payouts")
    partner.button("Request a payout", "main").click()
    partner.button("Request a payout", "dialog").click()
    partner.read("The payout is requested")
    (row,) = installation.query("select amount_minor, status from clickledger.payout where program_id = %s", program["id"])
    assert row == (15000, "requested")
    assert installation.query("select count(*) from clickledger.ledger_violation") == [(0,)]
