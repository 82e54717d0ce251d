"""clickledger-attrib recompute: what differs is shown or posted, once, the same each time, beside a daemon."""
import subprocess
from datetime import timedelta

import pytest

from conftest import wait_for
from shop import ATTRIB, T0, Shop

RANGE = ("--from", "2026-03-10", "--to", "2026-03-12T00:00:00Z")


class Recompute:
    """What a run said."""

    def __init__(self, database, *argv):
        done = subprocess.run([ATTRIB, "recompute", *argv], env={"CLICKLEDGER_POSTGRES_CONNINFO": database.conninfo("cl_attrib")},
                              capture_output=True, text=True, timeout=60, check=False)
        self.status, self.error = done.returncode, done.stderr
        self.lines = done.stdout.splitlines()
        words = [dict(word.split("=") for word in line.split() if "=" in word) for line in self.lines]
        self.differences = [w for w, line in zip(words, self.lines) if line.startswith("difference ")]
        self.totals = [w for w, line in zip(words, self.lines) if line.startswith("total ")]
        self.said = words[-1] if words else None


@pytest.fixture
def shop(postgres):
    shop = Shop(postgres)
    for number, partner in enumerate((shop.anna, shop.anna, shop.boris)):
        shop.report(T0 + timedelta(hours=1), f"o{number}", click_id=shop.click(T0, partner), amount_minor=1000 * (number + 1), status="approved")
    shop.report(T0 + timedelta(days=3), "out", click_id=shop.click(T0, shop.anna), amount_minor=100, status="approved")
    shop.attribute()
    return shop


def test_nothing_differs(shop):
    for dry in ((), ("--dry-run",)):
        run = Recompute(shop.db, *RANGE, *dry)
        assert (run.status, run.differences, run.totals) == (0, [], [])
        assert (run.said["conversions"], run.said["differences"], run.said["dry"]) == ("3", "0", "yes" if dry else "no")
    assert shop.db.query("select id, conversions, finished_at is not null from recompute_run") == [(1, 3, True)]


def test_what_differs_is_shown_then_posted_once(shop):
    shop.db.query("update terms set rate_ppm = 200000")  # behind everybody's back
    before = shop.balances()
    shown = Recompute(shop.db, *RANGE, "--dry-run")
    assert [(d["order"], int(d["available_minor"]), d["kind"]) for d in shown.differences] == [
        ("o0", 100, "adjust"), ("o1", 200, "adjust"), ("o2", 300, "adjust")]
    assert [(int(t["partner"]), int(t["before_minor"]), int(t["after_minor"])) for t in shown.totals] == [
        (shop.anna, 310, 610), (shop.boris, 300, 600)]
    assert shop.balances() == before and shop.db.value("select count(*) from ledger_transaction where run_id is not null") == 0
    again = Recompute(shop.db, *RANGE, "--dry-run")
    assert again.lines[:-1] == shown.lines[:-1]
    posted = Recompute(shop.db, *RANGE)
    assert posted.lines[:-1] == shown.lines[:-1], posted.error
    assert shop.balances() == [(shop.anna, 0, 610), (shop.boris, 0, 600)]
    assert shop.db.query("select distinct run_id from ledger_transaction where run_id is not null") == [(int(posted.said["run"]),)]
    assert Recompute(shop.db, *RANGE).differences == []
    assert shop.db.query("select * from ledger_violation") == []
    # What lies outside the range stays as it was until it is asked for.
    assert [d["order"] for d in Recompute(shop.db, "--from", "2026-03-01", "--to", "2026-04-01", "--program", str(shop.program)).differences] == ["out"]
    assert Recompute(shop.db, *RANGE, "--program", str(shop.make_program("other", "RUB"))).said["conversions"] == "0"
    unknown = Recompute(shop.db, *RANGE, "--program", "999")
    assert unknown.status == 2 and "there is no programme 999" in unknown.error


def test_what_other_terms_would_give(shop):
    shop.make_terms(rate_ppm=500000, since=T0 + timedelta(days=300), version=2)
    shop.attribute()
    terms = shop.db.value("select max(id) from terms")
    shop.make_rules([{"commission_kind": "percent", "tier_mode": "whole", "tiers": [{"from_minor": 0, "rate_ppm": 100000},
                                                                                    {"from_minor": 3000, "rate_ppm": 300000}]}])
    shown = Recompute(shop.db, *RANGE, "--terms", str(terms), "--dry-run")
    # Both orders of Anna make the tier; the one outside the range is of the same month, and by other terms.
    assert {(d["order"], int(d["available_minor"])) for d in shown.differences} == {("o0", 200), ("o1", 400), ("o2", 600)}
    refused = Recompute(shop.db, *RANGE, "--terms", str(terms))
    assert refused.status == 2 and "--dry-run" in refused.error
    unknown = Recompute(shop.db, *RANGE, "--terms", "999", "--dry-run")
    assert unknown.status == 2 and "there are no terms 999" in unknown.error and unknown.lines == []
    # Those of another programme are nothing to this one.
    other = shop.make_program("other", "RUB")
    foreign = shop.db.value("insert into terms (program_id, version, effective_from, commission_kind, rate_ppm)"
                            " values (%s, 1, '2025-01-01', 'percent', 900000) returning id", (other,))
    assert Recompute(shop.db, *RANGE, "--terms", str(foreign), "--dry-run").differences == []
    assert Recompute(shop.db, *RANGE).differences == []


def test_beside_a_daemon(shop, spawn):
    spawn(ATTRIB, env={"CLICKLEDGER_POSTGRES_CONNINFO": shop.db.conninfo("cl_attrib")})
    shop.report(T0 + timedelta(hours=2), "new", click_id=shop.click(T0, shop.anna), amount_minor=1000, status="approved")
    shop.db.query("notify clickledger_work")
    wait_for(lambda: shop.balances() == [(shop.anna, 0, 410), (shop.boris, 0, 300)], what="the commission")
    shop.db.query("update terms set rate_ppm = 0")
    assert len(Recompute(shop.db, *RANGE).differences) == 4
    assert shop.balances() == [(shop.anna, 0, 10), (shop.boris, 0, 0)]
    shop.db.query("update terms set rate_ppm = 100000")
    shop.report(T0 + timedelta(days=3), "newest", click_id=shop.click(T0, shop.boris), amount_minor=1000, status="approved")
    shop.db.query("notify clickledger_work")
    # The click comes late to all orders of its moment, which are computed anew with it.
    wait_for(lambda: shop.balances() == [(shop.anna, 0, 410), (shop.boris, 0, 400)], what="the daemon to go on")


def test_arguments(shop):
    for argv in ((), ("--from", "2026-03-10"), ("--from", "2026-03-10", "--to", "2026-03-10"), ("--from", "x", "--to", "2026-03-10"),
                 (*RANGE, "--program", "0"), (*RANGE, "--dry"), (*RANGE, *RANGE)):
        assert Recompute(shop.db, *argv).status == 2, argv
    shop.db.query("revoke execute on function order_due(integer) from cl_attrib")
    failed = Recompute(shop.db, *RANGE)
    assert failed.status == 1 and "recompute.failed" in failed.error
    assert shop.db.query("select finished_at from recompute_run") == [(None,)]
