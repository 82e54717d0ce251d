"""What docs/embedding.md shows to a shop's developer works as it stands there."""
import json
import os
import subprocess

from api import api, world  # noqa: F401
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
    module = {}
    exec(SNIPPETS["signed-python"], module)  # pylint: disable=exec-used
    python_receipt = module["report"](origin, "signed", SECRET, order_id="A-18", amount="10.00", status="approved")
    one, two = tracker.hits(2)
    assert (one["id"], one["reason"], one["report_order_id"]) == (shell_receipt, "none", b"A-17")
    assert (two["id"], two["reason"], two["report_order_id"]) == (python_receipt, "none", b"A-18")


def test_integrations(world):
    variables = {"API": f"http://127.0.0.1:{world.api.port}", "TEAM_KEY": world.team_key}
    made = shell("integration", **variables)
    assert made["id"] == 1 and made["path"] == "/postback/" + made["key"] and made["statuses"]["test"] == "ignore"
    secret = shell("secret", **variables)["secret"]
    assert secret.startswith("cl_secret_") and world.postgres.value("select secret from integration_secret") == secret
