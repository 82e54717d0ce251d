"""Reports as shops and networks send them: JSON, their own words, signatures."""
import hashlib
import hmac
import json
import time

import pytest

from conftest import wait_for
from ingest import new_ingest  # noqa: F401
from shop import attribute
from tracker import make_fixture, tracker_fixture  # noqa: F401

JSON = {"Content-Type": "application/json"}
OLD, NEW = "cl_secret_" + "1" * 40, "cl_secret_" + "2" * 40


def post(tracker, key, body, headers=None):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return tracker.request("POST", "/postback/" + key, {**JSON, **(headers or {})}, data)


def signed(method, target, body=b"", secret=NEW, age_s=0):
    """Headers that sign a report sent age_s ago."""
    at = str(int(time.time()) - age_s)
    mac = hmac.new(secret.encode(), f"{at}.{method}.{target}.".encode() + body, hashlib.sha256)
    return {"X-Clickledger-Timestamp": at, "X-Clickledger-Signature": "v1=" + mac.hexdigest()}


def test_json(tracker):
    click_id = tracker.get("/c/demo").click_id
    answer = post(tracker, "good-key", b'{"click_id": "%s", "tid": 17, "sum": 1990.50, "currency": "eur", "product": "\\u0447\\u0430\\u0439", '
                                       b'"status": "paid", "customer": null, "extra": "x"}' % click_id.encode())
    assert answer.status == 202
    _, hit = tracker.hits(2)
    wanted = {"id": json.loads(answer.body)["receipt"], "report_click_id": bytes.fromhex(click_id.replace("-", "")), "report_order_id": b"17",
              "report_amount": b"1990.50", "report_amount_minor": (199050).to_bytes(8, "little"), "report_currency": b"EUR",
              "report_product": "чай".encode(), "report_status": b"approved"}
    assert {name: hit[name] for name in wanted} == wanted and not {"report_customer", "report_signed"} & hit.keys()
    assert hit["report_raw"].startswith(b'{"click_id"')


@pytest.mark.parametrize("body, code", [
    (b'{"order_id": "1", "amount": -100}', "amount_negative"), (b'{"order_id": "1", "amount": 1e9}', "amount_malformed"),
    (b'{"order_id": "1", "amount": 0x10}', "body_malformed"), (b'{"order_id": "1", "amount": "1,000.00"}', "amount_malformed"),
    (b'{"order_id": "1", "amount": NaN}', "body_malformed"), ('{"order_id": "1", "amount": "٣"}'.encode(), "amount_malformed"),
    (b'{"order_id": "1", "amount": %s}' % (b"9" * 40), "amount_too_large"), (b'{"order_id": "1", "amount": 0.001}', "amount_precision"),
    (b'{"order_id": "1", "amount": 1, "currency": "XXX"}', "currency_unknown"), (b'{"order_id": "1", "items": [1]}', "body_nested"),
    (b'[1]', "body_malformed"), (b'{"order_id": "1", "amount": 1', "body_malformed"), (b'{"order_id": "\xff", "amount": 1}', "utf8_invalid"),
    (b'{"order_id": "1", "order_id": "2", "amount": 1}', "parameter_duplicate"),
    (b"{" + b",".join(b'"%d": 1' % n for n in range(300)) + b"}", "parameter_too_long"),
])
def test_json_refused(tracker, body, code):
    answer = post(tracker, "good-key", body)
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (422, code)
    hit, = tracker.hits(1)
    assert (hit["class"], hit["reason"]) == ("invalid", code)


def test_words_of_an_integration(tracker):
    cases = [("status=1", b"approved"), ("status=2&amount=1", b"pending"), ("status=3", b"declined"), ("status=5&sale_status=5", b"approved"),
             ("status=trash&rejected_status=bad,trash&sale_status=ok", b"declined"), ("status=1&lead_status=1&amount=2", b"pending")]
    for number, (query, _) in enumerate(cases):
        assert tracker.get(f"/postback/words?order_id={number}&{query}").status == 202
    assert post(tracker, "words", {"order_id": 7, "status": 1}).status == 202
    assert tracker.get("/postback/good-key?order_id=1&status=1").status == 422  # only by a mapping
    hits = tracker.hits(len(cases) + 2)
    assert [hit["report_status"] for hit in hits[:-1]] == [status for _, status in cases] + [b"approved"]
    assert hits[-1]["reason"] == "status_unknown"


def test_click_id_under_the_name_of_an_integration(tracker):
    click_id = tracker.get("/c/demo").click_id
    assert tracker.get(f"/postback/words?tid={click_id}&order_id=1&status=1").status == 202
    assert tracker.get("/postback/good-key?tid=o-2&sum=1").status == 202  # there it is the order
    _, one, two = tracker.hits(3)
    assert one["report_click_id"].hex() == click_id.replace("-", "") and (one["report_order_id"], two["report_order_id"]) == (b"1", b"o-2")


def test_what_is_ignored_is_kept_and_changes_nothing(tracker):
    for query in "status=ping", "status=PING&amount=x", "status=test&ignore_status=test&order_id=1":
        answer = tracker.get("/postback/words?" + query)
        assert answer.status == 202 and json.loads(answer.body)["receipt"]
    assert {(hit["class"], hit["reason"], hit["status"]) for hit in tracker.hits(3)} == {("invalid", "status_ignored", 202)}


def test_signed_by_either_live_secret(tracker):
    target, body = "/postback/signed?order_id=1&amount=1", b'{"order_id": 2, "amount": 2.50}'
    assert tracker.request("GET", target, signed("GET", target, secret=OLD)).status == 202
    assert tracker.request("GET", target, signed("GET", target, age_s=299)).status == 202
    assert tracker.request("GET", target, signed("GET", target, age_s=-299)).status == 202
    assert post(tracker, "signed", body, signed("POST", "/postback/signed", body)).status == 202
    hits = tracker.hits(4)
    assert hits[3]["report_amount"] == b"2.50" and all(hit["report_signed"] == b"\1" for hit in hits)


def test_signed_in_chunks(tracker):
    body = b'{"order_id": 2, "amount": 2.50}'
    headers = "".join(f"{name}: {value}\r\n" for name, value in signed("POST", "/postback/signed", body).items())
    chunks = b"".join(b"1\r\n" + body[at:at + 1] + b"\r\n" for at in range(len(body))) + b"0\r\n\r\n"
    answer = tracker.raw(f"POST /postback/signed HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\n{headers}"
                         "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode() + chunks)
    assert answer.startswith(b"HTTP/1.1 202 ")


def test_signature_refused_without_a_reason(tracker):
    target = "/postback/signed?order_id=1&amount=1"
    other = "/postback/signed?amount=1&order_id=1"
    sent = [
        ("GET", target, {}, b""),
        ("GET", target, signed("GET", target, secret="cl_secret_" + "3" * 40), b""),
        ("GET", other, signed("GET", target), b""),
        ("POST", target, signed("GET", target), b""),
        ("GET", target, {"X-Clickledger-Signature": signed("GET", target)["X-Clickledger-Signature"]}, b""),
        ("POST", "/postback/signed", signed("POST", "/postback/signed", b"order_id=1&amount=1"), b"order_id=1&amount=2"),
        ("GET", target, signed("GET", target, age_s=301), b""),
        ("GET", target, signed("GET", target, age_s=-302), b""),  # a second may pass on the way
    ]
    answers = [tracker.request(method, path, {"Content-Type": "application/x-www-form-urlencoded", **headers}, body)
               for method, path, headers, body in sent]
    assert {answer.status for answer in answers} == {401}
    bodies = [json.loads(answer.body) for answer in answers]
    assert all(body.pop("receipt") for body in bodies)
    assert bodies == [{"error": {"code": "unauthorized", "message": "The report is not signed as it must be."}}] * len(sent)
    hits = tracker.hits(len(sent))
    assert [hit["reason"] for hit in hits] == ["signature_missing", *["signature_wrong"] * 3, "signature_missing", "signature_wrong",
                                               *["signature_expired"] * 2]
    assert {hit["class"] for hit in hits} == {"invalid"} and not any("report_order_id" in hit for hit in hits)
    seen = tracker.process.log().encode() + tracker.admin("/metrics").body + repr(hits).encode()
    assert b"cl_secret_" not in seen


def test_a_replayed_report_is_one_conversion(redis_server, postgres, make, new_ingest):
    """The same bytes thousands of times within the window, some at once."""
    tracker = make()
    postgres.query("insert into program (code, name, currency) values ('shop', 'Shop', 'RUB')")
    postgres.query("insert into integration (id, program_id, name, key_hash) overriding system value values (34, 1, 'signed', sha256('signed'))")
    postgres.query("insert into shard (id) values (0)")
    target = "/postback/signed?order_id=1&amount=100&status=approved"
    headers = signed("GET", target)
    request = f"GET {target} HTTP/1.1\r\nHost: t\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    count = 200
    answers = tracker.raw(request.encode() * count)
    assert answers.count(b"HTTP/1.1 202 ") == count
    ingest = new_ingest().start()
    wait_for(lambda: postgres.value("select count(*) from conversion_report") == count, what="all reports")
    assert ingest.process.stop() == 0
    attribute(postgres)
    assert postgres.query("select status, amount_minor from conversion") == [("approved", 10000)]
    assert postgres.query("select verdict, count(*) from conversion_report group by verdict order by count(*)") == [("applied", 1), ("duplicate", count - 1)]
