"""SIGHUP: what may change while a tracker runs, and that a bad file changes nothing."""
import signal

from conftest import wait_for
from tracker import KEY_LINE, make_fixture  # noqa: F401

RELOADS = 'clickledger_tracker_reloads_total{result="%s"}'


def configure(tracker, text):
    tracker.config.write_text(text)
    tracker.process.signal(signal.SIGHUP)


def reload(tracker, **options):
    """Changes options, and waits until all workers work by them."""
    lines = tracker.config.read_text().splitlines()
    lines = [line for line in lines if line.split(" = ")[0] not in options]
    generation = tracker.metric('clickledger_tracker_config_generation{worker="0"}')
    configure(tracker, "\n".join(lines + [f"{name} = {value}" for name, value in options.items()]) + "\n")
    wait_for(lambda: all(tracker.metric(f'clickledger_tracker_config_generation{{worker="{n}"}}') == generation + 1 for n in range(2)),
             what="the reload")


def refused(tracker, text, reason):
    count = tracker.metric(RELOADS % "refused")
    configure(tracker, text)
    wait_for(lambda: tracker.metric(RELOADS % "refused") == count + 1, what="the refusal")
    line = [line for line in tracker.process.log().splitlines() if "supervisor.reload_refused" in line][-1]
    assert reason in line, line


def test_reload(make, tmp_path):
    tracker = make(workers=2)
    assert tracker.metric('clickledger_tracker_config_generation{worker="1"}') == 1
    assert tracker.get("/c/none").status == 404
    reload(tracker, fallback_url="https://fallback.example/")
    assert tracker.get("/c/none").location.startswith("https://fallback.example/")

    secure = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    assert "Secure" not in tracker.request("GET", "/c/cookie", secure).headers["Set-Cookie"]
    reload(tracker, trusted_proxies="127.0.0.1")
    assert "Secure" in tracker.request("GET", "/c/cookie", secure).headers["Set-Cookie"]

    first = tracker.get("/c/demo").click_id
    (tmp_path / "click_keys").write_text("1 ffeeddccbbaa99887766554433221100\n" + KEY_LINE)
    reload(tracker)
    second = tracker.get("/c/demo").click_id
    assert (int(first[19], 16) & 3, int(second[19], 16) & 3) == (0, 1)  # the key's number, behind the variant
    for click in first, second:
        assert tracker.get(f"/postback/good-key?order_id={click}&amount=1&click_id={click}").status == 202
    assert tracker.metric(RELOADS % "done") == 3


def test_bad_reload_changes_nothing(make, tmp_path):
    tracker = make(workers=2)
    good = tracker.config.read_text() + "fallback_url = https://fallback.example/\n"
    lines = good.count("\n")
    refused(tracker, good + "wrokers = 3\n", f"{tracker.config}:{lines + 1}: unknown key 'wrokers'")
    refused(tracker, good + "trusted_proxies = everybody\n", "trusted_proxies")
    refused(tracker, good.replace(f"port = {tracker.port}", "port = 1"), "'port' in [tracker] cannot change")
    refused(tracker, good.replace("workers = 2", "workers = 3"), "'workers' in [tracker] cannot change")
    keys = tmp_path / "click_keys"
    keys.write_text("0 ffeeddccbbaa99887766554433221100\n")
    refused(tracker, good, "key 0 is another one now")
    keys.unlink()
    refused(tracker, good, f"{keys}: No such file")
    keys.write_text(KEY_LINE)
    keys.chmod(0o600)
    tracker.config.unlink()
    tracker.process.signal(signal.SIGHUP)
    wait_for(lambda: tracker.metric(RELOADS % "refused") == 7, what="the refusal")
    assert tracker.get("/c/none").status == 404
    assert tracker.metric('clickledger_tracker_config_generation{worker="0"}') == 1

    configure(tracker, good)
    wait_for(lambda: tracker.get("/c/none").location, what="the good file")
    assert tracker.healthy()
