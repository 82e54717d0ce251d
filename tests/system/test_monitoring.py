"""ops/prometheus and ops/grafana against a real Prometheus that scrapes a whole installation: every query finds what it asks for."""
import json
import re
import subprocess
import urllib.parse
import urllib.request

import psycopg2
import pytest

from conftest import ROOT, wait_for
from installation import Installation
from load import AGENTS
from ports import free_port

RULES = ROOT / "ops/prometheus/alerts.yml"
COMPARISON = re.compile(r" (==|>=|<=|>|<) [\d.]+$")
SQL_MACROS = {"$__timeFrom()": "now() - interval '6 hours'", "$__timeTo()": "now()"}
PROGRAMS = ("tracker", "ingest", "attrib", "api")


def alerts():
    """(name, expr, for) of each."""
    return re.findall(r"- alert: (\w+)\n\s+expr: (.+)\n\s+for: (\w+)", RULES.read_text())


def panels():
    return [panel for panel in json.loads((ROOT / "ops/grafana/dashboard.json").read_text())["panels"] if panel["type"] != "row"]


def targets(kind):
    """(title of the panel, target) of each that asks a data source of this kind."""
    return [(panel["title"], target) for panel in panels() for target in panel["targets"] if panel["datasource"]["type"] == kind]


class Prometheus:
    def __init__(self, spawn, folder, scraped):
        """`scraped`: address of each program. Scrapes and evaluates every second; alerts wait one second, not minutes."""
        folder.mkdir()
        text = (ROOT / "ops/prometheus/prometheus.yml").read_text().replace("15s", "1s")
        for program, address in scraped.items():
            text, found = re.subn(rf'(job_name: clickledger-{program}\n.*targets: \[")[^"]+', rf"\g<1>{address}", text)
            assert found == 1
        (folder / "prometheus.yml").write_text(text)
        (folder / "alerts.yml").write_text(re.sub(r"for: \w+", "for: 1s", RULES.read_text()))
        self.port = free_port()
        self.process = spawn("prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                             f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn")

    def ask(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]

    def query(self, text):
        """The series that a query finds."""
        return self.ask("query", query=text)["result"]

    def all_up(self):
        try:
            return len(self.query('up{job=~"clickledger-.+"} == 1')) == len(PROGRAMS)
        except OSError:
            return False

    def firing(self):
        return {alert["labels"]["alertname"] for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"}


@pytest.fixture(scope="module")
def installation():
    made = Installation(workers=1)
    made.up()
    yield made
    made.remove()


@pytest.fixture
def prometheus(installation, spawn, tmp_path):
    scraped = {program: urllib.parse.urlsplit(installation.addresses[f"{program}_admin"]).netloc for program in PROGRAMS}
    made = Prometheus(spawn, tmp_path / "prometheus", scraped)
    wait_for(made.all_up, 60, f"all programs scraped; {made.process.log()[-2000:]}")
    return made


def test_rules():
    for command in ["check", "rules", RULES], ["check", "config", ROOT / "ops/prometheus/prometheus.yml"], \
            ["test", "rules", ROOT / "ops/prometheus/alerts_test.yml"]:
        done = subprocess.run(["promtool", *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_says_what_to_do():
    text, page = RULES.read_text(), (ROOT / "docs/operations.md").read_text()
    headings = {re.sub(r"[^a-z0-9 _-]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in page.splitlines() if line.startswith("#")}
    assert len(alerts()) == text.count("- alert:") > 20
    blocks = text.split("- alert:")[1:]
    for (name, expr, _), block in zip(alerts(), blocks):
        assert COMPARISON.search(expr), f"{name}: a comparison at the end"
        assert re.search(r"severity: (critical|warning)", block) and len(re.findall(r"(summary|description): \"[^\"]{10,}\"", block)) == 2, name
        assert re.search(r"runbook: docs/operations.md#(\S+)", block).group(1) == name.lower() in headings, f"{name} has no heading in docs/operations.md"


def test_the_page_names_what_is_there():
    """Log events that docs/operations.md tells operators to look for are in the sources."""
    page = (ROOT / "docs/operations.md").read_text()
    sources = "".join(path.read_text() for room in ("base", "tracker", "ingest", "attrib", "api") for path in (ROOT / room).glob("*.c"))
    rooms = "adoption|attrib|batch|catalog|ingest|journal|order|postgres|privacy|seal|sender|supervisor|worker"
    events = set(re.findall(rf"`(?:event=)?((?:{rooms})\.[a-z_]+)`", page)) - {"journal.c"}
    assert len(events) > 8
    assert [name for name in events if f'"{name}"' not in sources] == []


def test_the_dashboard_is_whole():
    board = json.loads((ROOT / "ops/grafana/dashboard.json").read_text())
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids)) and {variable["name"] for variable in board["templating"]["list"]} == {"prometheus", "postgres"}
    for panel in panels():
        assert panel["title"] and panel["description"].endswith(".") and panel["targets"]
        assert panel["datasource"]["uid"] == "${%s}" % panel["datasource"]["type"]


def test_every_query_finds_series(prometheus, installation):
    for _ in range(3):
        installation.request(installation.addresses["link"], headers={"User-Agent": AGENTS[0]})
    wait_for(lambda: prometheus.query("sum(clickledger_ingest_hits_stored_total) > 2"), what="the clicks in Prometheus")
    queries = [(name, COMPARISON.sub("", expr)) for name, expr, _ in alerts()]
    queries += [(title, target["expr"].replace("$__rate_interval", "1m")) for title, target in targets("prometheus")]
    assert len(queries) > 60

    def unanswered():
        return [(name, query) for name, query in queries if not prometheus.query(query)]

    wait_for(lambda: not unanswered(), 30, f"series for {unanswered()}")
    known = set(prometheus.ask("label/__name__/values"))
    for name, query in queries:
        asked = set(re.findall(r"\b(clickledger_\w+|up|ALERTS)\b", query)) - {"ALERTS"}
        assert asked and asked <= known or "ALERTS" in query, (name, asked - known)
    page = (ROOT / "docs/operations.md").read_text()
    assert set(re.findall(r"\bclickledger_(?:recorder|tracker|ingest|attrib|api)_[a-z0-9_]+", page)) <= known


def test_the_dashboards_sql(installation):
    installation.request(installation.addresses["link"], headers={"User-Agent": AGENTS[0]})
    connection = psycopg2.connect(installation.addresses["postgres"])
    try:
        assert len(targets("postgres")) == 2
        for title, target in targets("postgres"):
            text = target["rawSql"]
            for macro, value in SQL_MACROS.items():
                text = text.replace(macro, value)
            with connection, connection.cursor() as cursor:
                cursor.execute("select current_user")
                assert cursor.fetchall() == [("cl_analyst",)]
                cursor.execute(text)
                assert [column.name for column in cursor.description] == ["time", "metric", "value"], title
    finally:
        connection.close()


def test_alerts_fire_and_go(prometheus, installation):
    wait_for(lambda: prometheus.ask("rules", type="alert")["groups"][0]["rules"][0]["health"] == "ok", what="the first evaluation")
    wait_for(lambda: not prometheus.firing(), 60, "a quiet start")
    installation.kill("attrib")
    installation.kill("redis")
    expected = {"ClickledgerDown", "ClickledgerRedisAway"}
    wait_for(lambda: expected <= prometheus.firing(), 60, f"{expected}, now {prometheus.firing()}")
    installation.up()
    wait_for(lambda: not expected & prometheus.firing(), 60, "the alerts to go")
