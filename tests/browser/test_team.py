"""The team at its pages: what it decides reaches the partner, what a role may not do is not offered, and each page can be read by everybody."""
import datetime
import json
import urllib.parse

import pytest
from selenium.webdriver.support.ui import Select

from chromium import PERSON
from conftest import program_that_takes_partners, wait_for
from installation import click_id_of

PASSWORD = "a long password"
HOSTILE = "\"><svg onload=alert(1)> & '</a></script><script>alert(1)</script> {{7*7}} \u2028 \u2069\u202etxt.exe"
READ = HOSTILE.replace("\u2069\u202e", "")  # no mark turns round what stands beside it
CHANGES = "main button.primary, main button.danger, main input[type=checkbox]"
PAGES = {"dashboard": "/team", "conversions": "/team/conversions?status=all", "applications": "/team/applications", "payouts": "/team/payouts?status=all",
         "partners": "/team/partners", "groups": "/team/groups", "partner": "/team/partners/1", "links": "/team/links", "codes": "/team/codes",
         "creatives": "/team/creatives", "programs": "/team/programs", "program": "/team/programs/1", "terms": "/team/programs/1/terms",
         "uploads": "/team/uploads", "people": "/team/people", "audit": "/team/audit", "account": "/team/account"}


@pytest.fixture
def owner(cabinet, installation):
    cabinet.login(installation.addresses["owner_email"], installation.addresses["owner_password"])
    return cabinet


def order(installation, number, link=None, **headers):
    """A visitor of the demo partner's link orders; the shop has yet to confirm it."""
    _, answered, _ = installation.request(link or installation.addresses["link"], headers={"User-Agent": PERSON, **headers})
    status, _, text = installation.request(f"{installation.addresses['postback']}?click_id={click_id_of(answered['Location'])}"
                                           f"&order_id={urllib.parse.quote(number)}&amount=1990.50&status=pending")
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


@pytest.fixture
def program(installation):
    """It pays 10 %, and had one order last month, of 1000, by the demo partner's code."""
    program = program_that_takes_partners(installation, "https://shop.example/", {"commission_kind": "percent", "rate_ppm": 100000, "hold_days": 0,
                                                                                  "effective_from": "2025-01-01T00:00:00Z"},
                                          code="preview", name="Preview shop", currency="RUB", hosts=["shop.example"])
    installation.query("update clickledger.partner set active_at = '{(,)}' where id = 1 returning id")
    assert installation.api("/v1/promo-codes", "admin_key", "POST", {"program_id": program["id"], "partner_id": 1, "code": "PREVIEW",
                                                                     "target_url": "https://shop.example/"})[0] == 201
    shop = installation.api(f"/v1/programs/{program['id']}/integrations", "admin_key", "POST", {"name": "shop"})[1]
    month = datetime.date.today().replace(day=1) - datetime.timedelta(days=15)
    ordered = (f"{installation.addresses['tracker']}{shop['path']}?order_id=P-1&promo=PREVIEW&amount=1000&currency=RUB&status=approved"
               f"&event_time={month}T12:00:00Z")
    wait_for(lambda: installation.request(ordered)[0] == 202, what="the tracker to know the shop")
    the_partners(installation, f"/v1/conversions?program_id={program['id']}", order_id="P-1", status="approved")
    return program


def test_what_other_terms_would_have_cost(owner, installation, program):
    owner.open(f"/team/programs/{program['id']}/terms")
    owner.button("New version", "main").click()
    owner.type("input[name=rate]", "25")
    owner.button("Preview last month", "main").click()
    for text in "100.00", "250.00", "150.00":
        owner.read(text, "form")
    owner.picture("team-terms-preview")
    assert owner.axe() == []
    sheet = owner.find("form a[download]").get_attribute("href")
    _, _, text = installation.request(sheet, headers={"Authorization": "Bearer " + installation.addresses["admin_key"]})
    assert text.decode("utf-8-sig").splitlines()[1].endswith(",RUB,100.00,250.00,150.00,1,1")
    owner.type("input[name=rate]", "30")
    owner.read("The terms have changed since", "form")
    assert len(installation.api(f"/v1/programs/{program['id']}/terms", "admin_key")[1]["data"]) == 1  # nothing was saved


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


@pytest.fixture(scope="module")
def hostile(installation):
    """Everything that others may write says HOSTILE: names, sub id, UTM, referrer, browser, order. The numbers of partner, link and order."""
    link = {"program_id": 1, "partner_id": 1, "target_url": "https://shop.example/", "name": HOSTILE}
    made = [installation.api(path, "admin_key", "POST", body) for path, body in (("/v1/partners", {"name": HOSTILE}), ("/v1/links", link))]
    assert [status for status, _ in made] == [201, 201]
    code = {**link, "code": HOSTILE}
    del code["name"]
    assert installation.api("/v1/promo-codes", "admin_key", "POST", code)[1]["error"]["code"] == "code"  # of these characters a code cannot be
    person = {"email": installation.addresses["owner_email"], "password": installation.addresses["owner_password"]}
    status, _, _ = installation.request(installation.addresses["api"] + "/v1/login", "POST",
                                        {"Content-Type": "application/json", "User-Agent": HOSTILE.encode()}, json.dumps(person))
    assert status == 201
    url = installation.addresses["tracker"] + made[1][1]["path"] + "?" + urllib.parse.urlencode({"sub1": HOSTILE, "utm_source": HOSTILE})
    wait_for(lambda: installation.request(url)[0] == 302, what="the link at the tracker")
    order(installation, HOSTILE, url, **{"User-Agent": f"{PERSON} {HOSTILE}".encode(), "Referer": HOSTILE.encode()})
    day = datetime.datetime.now(datetime.timezone.utc).date()
    for group in "sub1", "utm_source":
        path = f"/v1/stats?group_by={group}&from={day - datetime.timedelta(1)}&to={day}&tz=UTC"
        the_partners(installation, path, **{group: HOSTILE, "currency": "RUB"})
    return made[0][1]["id"], made[1][1]["id"], the_partners(installation, "/v1/conversions", order_id=HOSTILE)["id"]


def reads_as_text(cabinet, path, press=None):
    cabinet.follow(path)
    if press:
        cabinet.button(press, "main").click()
    wait_for(lambda: cabinet.browser.run("return document.body.textContent.includes(arguments[0])", READ), what=f"what was written, at {path}")
    assert cabinet.browser.run("return document.querySelectorAll('[onload], body script, body style').length") == 0
    shown = cabinet.browser.run("return document.title + document.documentElement.outerHTML")
    assert [mark for mark in "\u2069\u202e" if mark in shown] == []


def test_a_partner_reads_what_others_wrote_as_text(cabinet, installation, hostile):
    """Security 13: nothing of it runs, is computed, or reaches the page or the console as anything but text."""
    _, link, conversion = hostile
    cabinet.login(installation.addresses["partner_email"], installation.addresses["partner_password"])
    for path in ("/links", "?by=sub", f"/links/{link}", "?by=utm_source", "/conversions", f"/conversions/{conversion}"):
        reads_as_text(cabinet, "/cabinet" + path)


def test_the_team_reads_what_others_wrote_as_text(owner, hostile):
    partner, _, _ = hostile
    for path in (PAGES["partners"], f"/team/partners/{partner}", PAGES["links"], PAGES["dashboard"], PAGES["account"]):
        reads_as_text(owner, path)
    reads_as_text(owner, "/team/audit?object=link", "Before and after")
    reads_as_text(owner, PAGES["conversions"], "Explain")


def test_each_page_can_be_read_by_everybody(owner, installation, hostile):
    order(installation, "P-1")
    the_partners(installation, "/v1/conversions", order_id="P-1")
    assert owner.look({f"team-{name}": path for name, path in PAGES.items()}) == []
