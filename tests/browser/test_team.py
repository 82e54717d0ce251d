"""The team at its pages: what it decides reaches the partner, what a role may not do is not offered, and each page can be read by everybody."""
import json

import pytest
from selenium.webdriver.support.ui import Select

from chromium import PERSON
from conftest import wait_for
from installation import click_id_of

PASSWORD = "a long password"
HOSTILE = "\"><svg onload=alert(1)> & '</a><script>alert(1)</script> {{7*7}}"
CHANGES = "main button.primary, main button.danger, main input[type=checkbox]"
PAGES = {"dashboard": "/team", "conversions": "/team/conversions?status=all", "applications": "/team/applications", "payouts": "/team/payouts?status=all",
         "partners": "/team/partners", "groups": "/team/groups", "partner": "/team/partners/1", "links": "/team/links", "codes": "/team/codes",
         "creatives": "/team/creatives", "programs": "/team/programs", "program": "/team/programs/1", "terms": "/team/programs/1/terms",
         "uploads": "/team/uploads", "people": "/team/people", "audit": "/team/audit", "account": "/team/account"}


@pytest.fixture
def owner(cabinet, installation):
    cabinet.login(installation.addresses["owner_email"], installation.addresses["owner_password"])
    return cabinet


def order(installation, number):
    """A visitor of the demo partner's link orders; the shop has yet to confirm it."""
    _, headers, _ = installation.request(installation.addresses["link"], headers={"User-Agent": PERSON})
    status, _, text = installation.request(
        f"{installation.addresses['postback']}?click_id={click_id_of(headers['Location'])}&order_id={number}&amount=1990.50&status=pending")
    assert status == 202, text


def registered(installation, path, body):
    """Somebody without a session says a password, which is hashed aside."""
    status, _, text = installation.request(installation.addresses["api"] + path, "POST", {"Content-Type": "application/json"},
                                           json.dumps({**body, "password": PASSWORD}))
    assert status < 300, text


def the_partners(installation, path, **wanted):
    """The first item of the partner's own list with these members, once it is there."""
    def found():
        _, answer = installation.api(path)
        return [item for item in answer["data"] if {name: item[name] for name in wanted} == wanted]
    return wait_for(found, what=f"{path} with {wanted}")[0]


def test_an_order_is_declined_and_the_partner_reads_why(owner, installation):
    order(installation, "D-1")
    the_partners(installation, "/v1/conversions", order_id="D-1", status="pending")
    owner.open("/team/conversions")
    owner.find(".pick input").click()
    owner.button("Decline", ".chosen-bar").click()
    owner.button("Decline", "dialog").click()
    owner.read("Say why", "dialog")
    Select(owner.find("dialog select")).select_by_value("not_delivered")
    owner.button("Decline", "dialog").click()
    owner.read("1 order declined", ".toasts")
    assert the_partners(installation, "/v1/conversions", order_id="D-1", status="declined")["reason"] == "not_delivered"
    owner.read("Nothing waits")  # the queue without a reload
    owner.open("/team/conversions?status=declined")
    owner.button("Explain").click()
    owner.read("declined", "dialog")


def test_who_applies_is_approved_and_has_a_link(owner, installation):
    owner.open("/team/programs/1")
    owner.press("input[name=is_open]")
    owner.type("input[name=target_url]", "https://shop.example/")
    owner.press("form[aria-label='Joining page'] [type=submit]")
    owner.read(installation.addresses["api"] + "/join/demo")
    _, _, text = installation.request(installation.addresses["api"] + "/v1/join/demo")
    terms = json.loads(text)["terms"]
    registered(installation, "/v1/join/demo", {"name": "Anna's blog", "email": "anna@blog.example", "site": "https://blog.example/", "language": "ru",
                                               "terms_id": terms["id"], "terms_version": terms["version"]})
    owner.open("/team/applications")
    owner.read("https://blog.example/")
    owner.button("Approve").click()
    owner.read("No applications")
    _, answer = installation.api("/v1/applications?status=approved&program_id=1", "admin_key")
    partner, = {application["partner_id"] for application in answer["data"]}
    assert installation.api(f"/v1/links?partner_id={partner}", "admin_key")[1]["data"][0]["status"] == "active"
    owner.open(f"/team/partners/{partner}")
    owner.read("Anna's blog", "h1")
    owner.button("Add to a group", "main").click()
    owner.type("dialog input[name=name]", "Bloggers")
    owner.button("Add to a group", "dialog").click()
    owner.read("bloggers")
    owner.follow("/team/groups")
    owner.button("Figures", "main").click()  # of this group alone, programme and all
    wait_for(lambda: Select(owner.find(".filters select[aria-label=Group]")).first_selected_option.text.startswith("bloggers · "), what="the filter")
    owner.settle()
    owner.read("Where from")


def test_a_payout_is_marked_as_paid(owner, installation):
    gift = {"program_id": 1, "partner_id": 1, "key": "gift", "amount_minor": 1_000_000, "reason": "a gift"}
    assert installation.api("/v1/adjustments", "admin_key", "POST", gift)[0] == 201
    status, payout = installation.api("/v1/payouts", method="POST", body={"program_id": 1})
    assert status == 201
    owner.open("/team/payouts")
    waiting = len(owner.rows())
    owner.button("Mark as paid").click()
    owner.type("dialog input[name=reference]", "PP-4711")
    owner.button("Mark as paid", "dialog").click()
    wait_for(lambda: len(owner.rows()) == waiting - 1, what="one row less, without a reload")
    assert the_partners(installation, "/v1/payouts", status="paid", id=payout["id"])["reference"] == "PP-4711"
    owner.open("/team/audit?object=payout")
    person = installation.query("select id from clickledger.person where email = %s", installation.addresses["owner_email"])[0][0]
    owner.button("Demo owner", "tbody").click()
    wait_for(lambda: f"object=payout&person_id={person}" in owner.browser.driver.current_url, what="both filters in the address")
    owner.button("Before and after").click()
    owner.read("PP-4711", "dialog")


def test_a_viewer_is_offered_nothing_to_change(cabinet, installation):
    _, invited = installation.api("/v1/people", "admin_key", "POST", {"name": "Vera", "email": "vera@team.example", "role": "viewer", "language": "en"})
    registered(installation, "/v1/password/new", {"token": invited["token"]})
    cabinet.login("vera@team.example", PASSWORD)
    for path in PAGES.values():
        if path not in ("/team/people", "/team/account"):
            cabinet.follow(path)
            offered = [one.text for one in cabinet.browser.driver.find_elements("css selector", CHANGES)]
            assert offered == [], path
    assert cabinet.browser.driver.find_elements("css selector", "a[href='/team/people']") == []


def test_each_page_can_be_read_by_everybody(owner, installation):
    """Security 13, too: what others have written is text, and nothing of it reaches the console or the page as anything else."""
    order(installation, "P-1")
    the_partners(installation, "/v1/conversions", order_id="P-1")
    link = {"program_id": 1, "partner_id": 1, "target_url": "https://shop.example/", "name": HOSTILE}
    assert installation.api("/v1/links", "admin_key", "POST", link)[0] == installation.api("/v1/partners", "admin_key", "POST", {"name": HOSTILE})[0] == 201
    for path in PAGES["partners"], PAGES["links"]:
        owner.open(path)
        owner.read(HOSTILE)
        assert owner.browser.driver.find_elements("css selector", "[onload]") == []
    assert owner.look({f"team-{name}": path for name, path in PAGES.items()}) == []
