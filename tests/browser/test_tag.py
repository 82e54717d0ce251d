"""/t.js in a shop with a strict Content-Security-Policy: from a partner's link to the reported order."""
import re

from conftest import SHOP, wait_for
from tracker import hits

GPC = "Object.defineProperty(navigator, 'globalPrivacyControl', {value: true});"
NO_STORAGE = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }});"
KEPT = "return [localStorage.getItem('clickledger'), document.cookie]"
READY = "return !!(window.clickledger && clickledger.ready)"


def of_kind(tracker, kind, count=1):
    """The hits of a kind once there are so many."""
    def found():
        return [hit for hit in hits(tracker.redis.client) if hit["kind"] == kind]

    wait_for(lambda: len(found()) >= count, what=f"{count} of {kind}")
    return found()


def tag_ready(browser):
    wait_for(lambda: browser.run(READY), what="the tag")


def open_page(browser, url):
    browser.go(url)
    tag_ready(browser)


def click(browser, tracker, query=""):
    """Follows the partner's link; the click id with which the shop was reached."""
    open_page(browser, tracker.origin + "/c/demo" + query)
    return re.search(r"[?&]click_id=([0-9a-f-]{36})", browser.driver.current_url).group(1)


def values(browser):
    return browser.run("return ['asks', 'named', 'own', 'other'].map(id => { const field = document.querySelector('#' + id + ' [name=click_id]');"
                       " return field && field.value; })")


def bytes_of(click_id):
    return bytes.fromhex(click_id.replace("-", ""))


def test_from_a_click_to_an_order(browser, tracker, site):
    click_id = click(browser, tracker, "?utm_source=blog&sub1=s")
    visit, = of_kind(tracker, "visit")
    assert visit["report_click_id"] == bytes_of(click_id) and visit["utm_source"] == b"blog" and b"click_id=" in visit["page"]
    kept, cookie = browser.run(KEPT)
    assert kept.endswith(" " + click_id) and "clickledger=" + click_id in cookie
    browser.run("document.getElementById('next').click()")
    wait_for(lambda: browser.driver.current_url.endswith("/cart"), what="the next page")
    tag_ready(browser)
    assert values(browser) == [click_id, click_id, "mine", None]
    browser.run("document.querySelector('#asks button').click()")
    wait_for(lambda: site.sent, what="the form")
    assert site.sent == [{"click_id": [click_id]}]
    report, = of_kind(tracker, "report")
    wanted = {"class": "human", "reason": "none", "program_id": 1, "report_click_id": bytes_of(click_id), "report_order_id": b"A-17",
              "report_amount": b"1990.50", "report_currency": b"RUB", "promo": b"TEA10"}
    assert {name: report[name] for name in wanted} == wanted
    # The tracker's cookie is first-party: one visitor from the click to the order.
    assert {hit["visitor"] for hit in hits(tracker.redis.client)} == {visit["visitor"]}
    assert len(of_kind(tracker, "visit")) == 1  # pages within the shop are no landings, with a click id from its forms or without
    assert browser.console() == []


def test_a_promo_code_in_the_url(browser, tracker, site):
    open_page(browser, site.url("/?promo=tea10&utm_campaign=may"))
    entry, = of_kind(tracker, "promo_entry")
    assert (entry["promo_code_id"], entry["promo"]) == (21, b"tea10") and "report_click_id" not in entry
    assert of_kind(tracker, "visit")[0]["utm_campaign"] == b"may"
    browser.run("clickledger('promo', 'TEA10')")
    assert of_kind(tracker, "promo_entry", 2)[1]["promo"] == b"TEA10"
    site.attributes = "data-promo='coupon'"
    open_page(browser, site.url("/?coupon=tea10&promo=other"))
    assert of_kind(tracker, "promo_entry", 3)[2]["promo"] == b"tea10"
    assert browser.run(KEPT) == [None, ""] and browser.console() == []


def test_forms_that_come_later(browser, tracker, site):
    click_id = click(browser, tracker)
    browser.run("const form = document.createElement('form'); form.id = 'asks'; form.setAttribute('data-clickledger', '');"
                "document.body.append(form)")
    wait_for(lambda: values(browser) == [click_id, None, None, None], what="the new form's field")
    browser.run("const field = document.createElement('input'); field.name = 'click_id'; const other = document.createElement('form');"
                "other.id = 'named'; other.append(field); document.body.append(other)")
    wait_for(lambda: values(browser) == [click_id, click_id, None, None], what="the new field")
    assert browser.console() == []


def test_a_form_that_asks_late(browser, tracker, site):
    click_id = click(browser, tracker)
    open_page(browser, site.url("/cart"))
    browser.run("const form = document.getElementById('other'); form.setAttribute('data-clickledger', ''); form.requestSubmit()")
    wait_for(lambda: site.sent, what="the form")
    assert site.sent == [{"click_id": [click_id]}]


def test_the_newest_click_is_kept(browser, tracker, site):
    first, second = click(browser, tracker), click(browser, tracker)
    assert first != second
    open_page(browser, site.url("/cart"))
    assert values(browser)[0] == second
    open_page(browser, site.url("/cart?click_id=javascript:alert(1)"))
    assert values(browser)[0] == second
    assert browser.run("let id; clickledger('click_id', found => { id = found; }); return id") == second


def test_consent_is_asked_for(browser, tracker, site):
    site.program, site.attributes = "asking", "data-consent='required'"
    open_page(browser, site.url("/?click_id=0198d9a0-0000-7000-8000-000000000001&utm_source=x"))
    browser.run("clickledger('promo', 'TEA10')")
    entry, = of_kind(tracker, "promo_entry")
    assert "visitor" not in entry and "report_click_id" not in entry
    assert browser.run(KEPT) == [None, ""] and browser.driver.get_cookies() == []
    assert of_kind(tracker, "visit", 0) == []
    browser.run("clickledger('consent', true)")
    visit, = of_kind(tracker, "visit")
    assert "visitor" in visit and visit["utm_source"] == b"x" and "report_click_id" in visit
    assert browser.run(KEPT)[1] == "clickledger=0198d9a0-0000-7000-8000-000000000001"
    open_page(browser, site.url("/cart"))
    assert browser.run(KEPT)[1] != "" and values(browser)[0] is None  # this page has not asked yet
    browser.run("clickledger('consent', true)")
    assert values(browser)[0] is not None
    assert browser.console() == []


def test_consent_taken_back(browser, tracker, site):
    click_id = click(browser, tracker)
    of_kind(tracker, "visit")
    open_page(browser, site.url("/cart"))
    assert values(browser)[0] == click_id
    browser.run("clickledger('consent', false); clickledger('order', {order_id: 1, amount: 2.5})")
    report, = of_kind(tracker, "report")
    assert "visitor" not in report and "report_click_id" not in report and report["report_amount"] == b"2.5"
    assert "visitor" not in of_kind(tracker, "visit", 3)[2]  # it takes the tracker's cookie away
    assert browser.run(KEPT) == [None, ""]
    assert values(browser) == ["", "", "mine", None]
    open_page(browser, site.url("/cart"))
    assert values(browser) == [None, "", "mine", None]
    assert browser.console() == []


def test_consent_said_before_the_tag_is_there(browser, tracker, site):
    browser.before_every_page("window.clickledger = function () { (clickledger.q = clickledger.q || []).push(arguments); };"
                              "clickledger('promo', 'TEA10'); clickledger('consent', false);")
    click(browser, tracker)
    assert "visitor" not in of_kind(tracker, "promo_entry")[0] and "report_click_id" not in of_kind(tracker, "promo_entry")[0]
    assert browser.run(KEPT) == [None, ""] and of_kind(tracker, "visit", 0) == []


def test_global_privacy_control(browser, tracker, site):
    browser.before_every_page(GPC)
    browser.send_always(Sec_GPC="1")
    click(browser, tracker)
    open_page(browser, site.url("/cart"))
    browser.run("clickledger('consent', true)")
    open_page(browser, site.url("/done"))
    report, = of_kind(tracker, "report")
    assert browser.run(KEPT) == [None, ""] and browser.driver.get_cookies() == []
    assert not any("visitor" in hit for hit in hits(tracker.redis.client)) and "report_click_id" not in report
    assert of_kind(tracker, "visit", 0) == [] and browser.console() == []


def test_without_storage_the_cookie_does(browser, tracker, site):
    browser.before_every_page(NO_STORAGE)
    click_id = click(browser, tracker)
    open_page(browser, site.url("/cart"))
    assert values(browser)[0] == click_id and browser.console() == []


def test_one_cookie_for_all_hosts_of_the_shop(browser, tracker, site):
    site.attributes = "data-domain='shop.example'"
    click_id = click(browser, tracker)
    open_page(browser, site.url("/cart", host="checkout.shop.example"))
    assert values(browser)[0] == click_id
    open_page(browser, site.url("/cart", host="shop.example.other.example"))
    assert values(browser)[0] is None and SHOP not in browser.driver.current_url


def test_what_is_no_command_is_said_and_harms_nothing(browser, tracker, site):
    open_page(browser, site.url("/"))
    of_kind(tracker, "visit")
    browser.run("clickledger('ordr', {}); clickledger(); clickledger('order', {order_id: 'B', amount: 1, coupon: null, product: ''})")
    assert of_kind(tracker, "report")[0]["report_order_id"] == b"B"
    assert [entry["level"] for entry in browser.console()] == ["WARNING", "WARNING"]
