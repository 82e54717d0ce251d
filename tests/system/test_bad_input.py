"""What shops, visitors and attackers send by mistake or on purpose: a defined answer, kept with its reason, and the batch goes on."""
import json
import socket
import urllib.parse

import pytest

from conftest import wait_for
from installation import Installation, click_id_of
from load import AGENTS


@pytest.fixture(scope="module")
def installation():
    made = Installation(workers=1)
    made.up()
    yield made
    made.remove()


def click(installation, link=None):
    _, headers, _ = installation.request(link or installation.addresses["link"], headers={"User-Agent": AGENTS[0]})
    return click_id_of(headers["Location"])


def report(installation, raw="", **parameters):
    """(status, decoded answer) of a conversion report."""
    url = installation.addresses["postback"] + "?" + urllib.parse.urlencode(parameters) + raw
    status, _, body = installation.request(url)
    return status, json.loads(body)


def verdict(installation, receipt):
    def found():
        status, body = installation.api("/v1/receipts/" + receipt, "admin_key")
        return body["verdict"] if status == 200 else None
    return wait_for(found, what=f"the verdict of {receipt}")


REFUSED = [
    ("amount_negative", {"amount": "-1"}),
    ("amount_malformed", {"amount": "1e9"}),
    ("amount_malformed", {"amount": "NaN"}),
    ("amount_malformed", {"amount": "1,000.00"}),
    ("amount_malformed", {"amount": "٣"}),
    ("amount_precision", {"amount": "0.001"}),
    ("amount_too_large", {"amount": "9" * 40}),
    ("currency_unknown", {"amount": "10.00", "currency": "XYZ"}),
    ("status_unknown", {"amount": "10.00", "status": "maybe"}),
    ("kind_unknown", {"amount": "10.00", "kind": "party"}),
    ("click_id_malformed", {"amount": "10.00", "click_id": "not-an-id"}),
    ("event_time_malformed", {"amount": "10.00", "event_time": "yesterday"}),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_refused_report_is_kept_with_its_reason(installation, number):
    reason, parameters = REFUSED[number]
    status, body = report(installation, order_id=f"refused-{number}", **parameters)
    assert status == 422
    assert body["error"]["code"] == reason
    assert body["error"]["message"]
    assert verdict(installation, body["receipt"]) == reason


def test_report_without_order_id(installation):
    status, body = report(installation, amount="10.00")
    assert (status, body["error"]["code"]) == (422, "order_id_missing")
    assert verdict(installation, body["receipt"]) == "order_id_missing"


def test_invalid_utf8_is_kept(installation):
    status, body = report(installation, "&product=%ff%fe", order_id="utf8", amount="10.00")
    assert (status, body["error"]["code"]) == (422, "utf8_invalid")
    assert verdict(installation, body["receipt"]) == "utf8_invalid"


def test_forged_click_id(installation):
    click_id = click(installation)
    forged = click_id[:-1] + ("0" if click_id[-1] != "0" else "1")
    status, body = report(installation, order_id="forged", amount="10.00", click_id=forged)
    assert (status, body["error"]["code"]) == (422, "click_id_forged")
    assert verdict(installation, body["receipt"]) == "click_id_forged"


def test_unknown_postback_key(installation):
    status, _, body = installation.request(installation.addresses["tracker"] + "/postback/nobodys-key?order_id=1&amount=10.00")
    assert status == 404
    assert json.loads(body)["error"]["code"] == "key_unknown"
    wait_for(lambda: installation.query("select count(*) from clickledger.conversion_report where verdict = 'key_unknown'")[0][0] == 1, what="the report")


def test_unknown_link_is_recorded(installation):
    status, _, _ = installation.request(installation.addresses["tracker"] + "/c/no-such-link", headers={"User-Agent": AGENTS[0]})
    assert status in (302, 404)
    wait_for(lambda: installation.query("select class::text, reason from clickledger.click where path = 'no-such-link'") == [("invalid", "link_unknown")])


def test_malformed_request_is_refused(installation):
    for request in (b"GET /c/demo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET /c/demo HTTP/1.1\nHost: a\n\n", b"GET /c/\x00demo HTTP/1.1\r\nHost: a\r\n\r\n",
                    b"POST /postback/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", installation.port), timeout=5) as connection:
            connection.sendall(request)
            answer = b""
            while chunk := connection.recv(4096):
                answer += chunk
        assert answer.startswith(b"HTTP/1.1 400 "), request
        assert answer.count(b"HTTP/1.1") == 1


def test_same_order_twice(installation):
    first = report(installation, order_id="twice", amount="100.00", status="approved")[1]["receipt"]
    assert verdict(installation, first) == "applied"
    same = report(installation, order_id="twice", amount="100.00", status="approved")[1]["receipt"]
    assert verdict(installation, same) == "duplicate"
    other = report(installation, order_id="twice", amount="900.00", status="approved")[1]["receipt"]
    assert verdict(installation, other) == "amount_conflict"
    assert installation.query("select amount_minor from clickledger.conversion where order_id = 'twice'") == [(10000,)]


def test_click_of_another_programme(installation):
    installation.query("with p as (insert into clickledger.program (code, name, currency) values ('other', 'Other', 'RUB') returning id) "
                       "insert into clickledger.link (program_id, partner_id, slug, target_url) "
                       "select p.id, (select min(id) from clickledger.partner), 'other', 'https://other.example/' from p returning id")
    link = installation.addresses["tracker"] + "/c/other"
    foreign = wait_for(lambda: click(installation, link), what="the link of the other programme")
    receipt = report(installation, order_id="foreign", amount="10.00", status="approved", click_id=foreign)[1]["receipt"]
    assert verdict(installation, receipt) == "program_mismatch"
    assert installation.query("select count(*) from clickledger.credit c join clickledger.conversion o on o.id = c.conversion_id "
                              "where order_id = 'foreign'") == [(0,)]


def test_rejected_reports_are_capped_and_counted(installation):
    receipts = [report(installation, order_id=f"flood-{number}", amount="x")[1].get("receipt") for number in range(300)]
    kept = [receipt for receipt in receipts if receipt]
    assert 0 < len(kept) < 300
    counted = sum(value for name, value in installation.metrics().items() if "reports_unkept" in name)
    assert counted == 300 - len(kept)


INJECTED = {  # as the query has it -> as it is stored
    "'%3B%20DROP%20TABLE%20clickledger.click%3B--": "'; DROP TABLE clickledger.click;--",
    "x')%20OR%20('1'='1": "x') OR ('1'='1",
    "%5C.": "\\.",
    "%5CN": "\\N",
    "a%09b%5Ct": "a\tb\\t",
    "a%0d%0aXADD%20cl:hits:%7B0%7D%20*%20f%20x": "a\r\nXADD cl:hits:{0} * f x",
    "*3%0d%0a$3%0d%0aSET": "*3\r\n$3\r\nSET",
    "%7Bhash%7D%0a": "{hash}\n",
    "%ff%fe": "\ufffd\ufffd",
    "%00%c0%80": None,
    "%f0%9f%92%a9": "\U0001f4a9",
    "$(id)%60id%60%7C": "$(id)`id`|",
}


def test_what_is_injected_is_only_text(installation):
    """No value becomes a command of SQL, COPY or Redis, and none spoils the batch that it is in."""
    link = installation.addresses["link"] + "?utm_source=injected&sub1="
    ids = {click(installation, link + value): stored for value, stored in INJECTED.items()}

    def rows():
        return dict(installation.query("select click_id::text, sub1 from clickledger.click where click_id = any(%s::uuid[])", list(ids)))

    found = wait_for(lambda: len(rows()) == len(ids) and rows(), what="the clicks")
    wrong = {value: found[click_id] for (click_id, stored), value in zip(ids.items(), INJECTED) if stored is not None and found[click_id] != stored}
    assert not wrong
    assert "\0" not in "".join(filter(None, found.values()))


def test_the_batch_behind_goes_on(installation):
    click_id = click(installation)
    receipt = report(installation, order_id="good", amount="100.00", status="approved", click_id=click_id)[1]["receipt"]
    assert verdict(installation, receipt) == "applied"
    assert installation.query("select m.amount_minor from clickledger.commission m join clickledger.conversion c on c.id = m.conversion_id "
                              "where order_id = 'good'") == [(1000,)]
    assert installation.query("select count(*) from clickledger.ledger_violation")[0][0] == 0
