"""What docs/embedding.md shows to a shop's developer works as it stands there."""
import html
import http.client
import json
import os
import re
import subprocess

from api import api, world  # noqa: F401
from conftest import wait_for
from ports import free_port
from snippets import SNIPPETS
from tracker import make_fixture, tracker_fixture  # noqa: F401

SECRET = "cl_secret_" + "2" * 40


def shell(name, **variables):
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", SNIPPETS[name]], env={**os.environ, **variables}, capture_output=True, text=True,
                          timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_reports(tracker):
    origin, click_id = f"http://127.0.0.1:{tracker.port}", tracker.get("/c/demo").click_id
    receipts = [shell(name, TRACKER=origin, KEY="words", CLICK_ID=click_id)["receipt"] for name in ("report", "report-json")]
    _, *reports = tracker.hits(3)
    assert [report["id"] for report in reports] == receipts
    for report in reports:
        wanted = {"reason": "none", "report_order_id": b"A-17", "report_amount": b"1990.50", "report_status": b"approved",
                  "report_click_id": bytes.fromhex(click_id.replace("-", ""))}
        assert {name: report[name] for name in wanted} == wanted


def test_lines(tracker):
    origin, click_id = f"http://127.0.0.1:{tracker.port}", tracker.get("/c/demo").click_id
    receipt = shell("report-lines", TRACKER=origin, KEY="words", CLICK_ID=click_id)["receipt"]
    _, report = tracker.hits(2)
    assert (report["id"], report["reason"], report["report_amount"]) == (receipt, "none", b"2190.50")
    assert report["report_lines"] == b"T-100\tOolong\ttea\t2\t150000\t150000\nG-1\t\tgift-card\t1\t50000\t0\n"


def test_signed_reports(tracker):
    origin = f"http://127.0.0.1:{tracker.port}"
    shell_receipt = shell("signed", TRACKER=origin, KEY="signed", SECRET=SECRET)["receipt"]
    module = {"__name__": "shop"}
    exec(SNIPPETS["server-python"], module)  # pylint: disable=exec-used
    python_receipt = module["report"](origin, "signed", SECRET, order_id="A-18", amount="10.00", status="approved")
    one, two = tracker.hits(2)
    assert (one["id"], one["reason"], one["report_order_id"]) == (shell_receipt, "none", b"A-17")
    assert (two["id"], two["reason"], two["report_order_id"]) == (python_receipt, "none", b"A-18")


def test_links_and_pixels(tracker):
    """What stands in an attribute is asked as a browser asks it."""
    def asked(name):
        urls = [html.unescape(url) for url in re.findall(r'(?:href|src)="https://go.shop.example([^"]*)"', SNIPPETS[name])]
        return urls, [tracker.get(url) for url in urls]

    urls, answers = asked("links")
    assert [answer.status for answer in answers] == [302] * 4 + [200] and urls[1] == "/c/demo?sub1=review&utm_source=blog"
    assert answers[2].location.startswith("https://shop.example/green?size=2&click_id=")
    assert answers[3].location.startswith("https://shop.example/summer?click_id=")
    assert {answer.status for answer in asked("pixels")[1]} == {200}
    *_, promo, order = tracker.hits(7)
    assert [hit["reason"] for hit in tracker.hits(7)] == ["none"] * 7
    assert promo["promo_code_id"] == 21 and (order["report_order_id"], order["report_amount"], order["promo"]) == (b"A-17", b"1990.50", b"Summer")


SHOPS = {"server-python": ("shop.py", ["/usr/bin/python3", "-B", "shop.py", "PORT"]),
         "server-php": ("shop.php", ["php", "-S", "127.0.0.1:PORT", "shop.php"]),
         "server-node": ("shop.mjs", ["node", "shop.mjs", "PORT"])}


def test_a_server_in_any_language(tracker, spawn, tmp_path):
    for count, (name, (file, command)) in enumerate(SHOPS.items(), 1):
        (tmp_path / file).write_text(SNIPPETS[name])
        port = free_port()
        spawn("env", "-C", tmp_path, *(word.replace("PORT", str(port)) for word in command),
              env={"TRACKER": f"http://127.0.0.1:{tracker.port}", "KEY": "signed", "SECRET": SECRET})

        def shop(method, path, body=None, headers=None, port=port):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            try:
                connection.request(method, path, body, headers or {})
                answer = connection.getresponse()
                return answer.status, answer.headers, answer.read()
            except OSError:
                return None
            finally:
                connection.close()

        wait_for(lambda shop=shop: shop("GET", "/"), what=name)
        click_id = tracker.get("/c/bare").click_id
        _, headers, page = shop("GET", f"/tea?size=2&click_id={click_id}")
        assert b"name=promo" in page and headers["Set-Cookie"].startswith(f"click_id={click_id}; ")
        for attribute in ("Max-Age=7776000", "path=/", "secure", "HttpOnly", "SameSite=Lax"):
            assert attribute.lower() in headers["Set-Cookie"].lower(), name
        for wrong in ("", "x", click_id + "%0d%0aSet-Cookie:%20a=b", click_id.upper() + "0"):
            assert shop("GET", f"/?click_id={wrong}")[1]["Set-Cookie"] is None, (name, wrong)
        form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"other=1; click_id={click_id}"}
        status, _, page = shop("POST", "/order", "promo=Summer", form)
        assert (status, page) == (200, b"Thanks"), name
        report = tracker.hits(2 * count)[-1]
        wanted = {"reason": "none", "report_order_id": b"A-17", "report_amount": b"1990.50", "report_status": b"approved", "promo": b"Summer",
                  "report_click_id": bytes.fromhex(click_id.replace("-", ""))}
        assert {key: report[key] for key in wanted} == wanted, name


def test_integrations(world):
    variables = {"API": f"http://127.0.0.1:{world.api.port}", "TEAM_KEY": world.team_key}
    made = shell("integration", **variables)
    assert made["id"] == 1 and made["path"] == "/postback/" + made["key"] and made["statuses"]["test"] == "ignore"
    secret = shell("secret", **variables)["secret"]
    assert secret.startswith("cl_secret_") and world.postgres.value("select secret from integration_secret") == secret
