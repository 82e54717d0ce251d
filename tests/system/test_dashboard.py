"""GET /v1/dashboard against GET /v1/stats and the views of analysts: each figure has one definition, wherever it is shown."""
import json

import psycopg2
import pytest

from conftest import ROOT

QUARTER = {"from": "2026-01-01", "to": "2026-03-31"}
FEBRUARY = {"from": "2026-02-01", "to": "2026-02-28"}


@pytest.fixture(scope="module")
def database(cluster):
    database = cluster.database()
    database.query((ROOT / "tests/data/warehouse.sql").read_text())
    yield database
    database.close()


@pytest.fixture(scope="module")
def ask(database):
    connection = psycopg2.connect(database.conninfo("cl_api"))

    def answer(function, **p):
        with connection, connection.cursor() as cursor:
            cursor.execute("select clickledger.api_begin(sha256('accounting'))")
            cursor.execute(f"select clickledger.{function}(%s)", (json.dumps(p),))
            return cursor.fetchone()[0]

    yield answer
    connection.close()


def test_days_are_a_list(ask):
    """The same days as in the figures."""
    whole, days = ask("api_dashboard", **QUARTER), ask("api_dashboard_days", **QUARTER)
    assert days["data"] == whole["data"]["days"] and len(days["data"]) > 20
    assert (days["from"], days["to"], days["tz"]) == (whole["from"], whole["to"], whole["tz"])


def test_parts_are_lists(ask):
    """The same as in the dashboard's answer; CSV gives lists only."""
    funnel, times = (ask("api_dashboard", **QUARTER, part=part)["data"] for part in ("funnel", "times"))
    figures, partners = (ask(function, **FEBRUARY)["data"] for function in ("api_dashboard", "api_dashboard_partners"))
    assert min(len(figures[name]) for name in ("top", "falling")) > 1
    assert [{**row, "list": name} for name in ("top", "falling") for row in figures[name]] == partners
    assert ask("api_dashboard_funnel", **QUARTER)["data"] == [funnel] and funnel["orders"] > 0
    assert ask("api_dashboard_times", **QUARTER)["data"] == [{"what": what, **times[what]} for what in ("approval", "hold")]


NAMES = "clicks", "conversions", "revenue_minor", "commission_minor", "cr_ppm"


def shown(rows, *keys):
    return {tuple(row[key] for key in keys): tuple(float(row[name] or 0) for name in NAMES) for row in rows if any(row[name] for name in NAMES[:4])}


@pytest.mark.parametrize("asked", [{"tz": "UTC"}, {"tz": "Asia/Kolkata"}, {"tz": "Europe/Moscow", "program_id": 1}, {"tz": "UTC", "partner_id": 2}])
def test_figures_are_those_of_the_statistics(ask, asked):
    told, stats = ask("api_dashboard", **QUARTER, **asked), ask("api_stats", **QUARTER, **asked)
    assert (told["from"], told["to"], told["tz"]) == (stats["from"], stats["to"], asked["tz"])
    with_currency = [row for row in stats["data"] if row["currency"]]
    assert shown(told["data"]["days"], "day", "currency") == shown(with_currency, "day", "currency") != {}
    assert shown(told["data"]["totals"], "currency") == shown([row for row in stats["totals"] if row["currency"]], "currency")
    for row in told["data"]["totals"] + told["data"]["days"] + told["data"]["top"]:
        assert row["earned_minor"] == row["revenue_minor"] - row["commission_minor"]
    for rank in told["data"]["top"][:3]:
        alone = {row["currency"]: row for row in ask("api_stats", **QUARTER, **{**asked, "partner_id": rank["partner_id"]})["totals"]}
        assert all(rank[name] == alone[rank["currency"]][name] for name in NAMES)


def test_partners_are_those_of_the_analysts(ask, database):
    """In the programme's own zone a month is partner_month."""
    zone, currency = database.query("select time_zone, currency from program where id = 1")[0]
    told = ask("api_dashboard", **{"from": "2026-03-01", "to": "2026-03-31", "program_id": 1})
    assert told["tz"] == zone
    rows = database.query("select partner_id, clicks, conversions, revenue_minor, payout_minor, earned_minor from partner_month"
                          " where program_id = 1 and month = '2026-03-01' and partner_id <> 0 and earned_minor > 0 order by earned_minor desc, 1 limit 10")
    assert rows and [(r["partner_id"], r["clicks"], r["conversions"], r["revenue_minor"], r["commission_minor"], r["earned_minor"])
                     for r in told["data"]["top"]] == [(p, c, float(n), *money) for p, c, n, *money in rows]
    assert {r["currency"] for r in told["data"]["top"]} == {currency}

    def earned(month):
        return dict(database.query("select partner_id, earned_minor from partner_month where program_id = 1 and month = %s and partner_id <> 0", (month,)))

    # The period before has as many days: of January's 31 days as many as February has.
    february = ask("api_dashboard", **FEBRUARY, program_id=1)
    assert february["before_from"] < "2026-01-04T12"
    assert all(r["earned_minor"] == earned("2026-02-01").get(r["partner_id"], 0) and r["change_minor"] < 0 for r in february["data"]["falling"])
    march = ask("api_dashboard", **{"from": "2026-04-01", "to": "2026-04-30", "program_id": 1})["data"]["falling"]
    assert march and march[0]["change_minor"] <= march[-1]["change_minor"] < 0


def test_funnel_is_the_view(ask, database):
    told = ask("api_dashboard", **QUARTER, program_id=1, part="funnel")["data"]
    names = "clicks", "leads", "orders", "orders_paid", "orders_pending", "orders_declined", "orders_refunded"
    expected = database.query(f"select {', '.join(f'sum({name})' for name in names)} from funnel where program_id = 1 and month < '2026-04-01'")[0]
    assert tuple(told[name] for name in names) == tuple(map(float, expected))
    assert told["order_to_paid_ppm"] == told["orders_paid"] * 1000000 // told["orders"]


def test_cost_and_groups(ask, database):
    database.query("insert into channel_cost (program_id, day, source, medium, campaign, currency, amount_minor)"
                   " select id, '2026-02-10', 'google', 'cpc', 'spring', currency, 700000 from program where id = 1")
    database.query("insert into partner_group (program_id, name, partner_id, active_at) values (1, 'gold', 1, '{[2020-01-01,)}'),"
                   " (1, 'gold', 2, '{[2020-01-01,2021-01-01)}')")
    (total,) = ask("api_dashboard", **QUARTER, program_id=1)["data"]["totals"]
    assert total["cost_minor"] == 700000
    assert total["roi_ppm"] == (total["earned_minor"] - 700000) * 1000000 // (total["commission_minor"] + 700000)
    (group,), (partner,) = (ask("api_dashboard", **QUARTER, program_id=1, **whose)["data"]["totals"]
                            for whose in ({"partner_group": "gold"}, {"partner_id": 1}))
    assert group == partner and group["cost_minor"] is None
    assert ask("api_dashboard", **QUARTER, program_id=1, partner_group="none")["data"]["totals"] == []
    by = {"group_by": "utm_source", **QUARTER, "program_id": 1}
    for asked in ["day", "link", "utm_source"]:
        group, partner = (ask("api_stats", **{**by, "group_by": asked}, **whose) for whose in ({"partner_group": "gold"}, {"partner_id": 1}))
        assert group["data"] == partner["data"] != [] and group["totals"] == partner["totals"], asked
    assert ask("api_stats", **by, partner_group="none")["data"] == []
    with pytest.raises(psycopg2.Error, match="name its program_id"):
        ask("api_stats", partner_group="gold")
    for p in {"partner_group": "gold"}, {"from": "2026-02-01", "to": "2026-01-01"}, {"from": "2024-01-01", "to": "2026-01-01"}, {"tz": "Mars"}:
        with pytest.raises(psycopg2.Error) as refused:
            ask("api_dashboard", **p)
        assert refused.value.pgcode == "CL422"


def test_times(ask, database):
    # The team approves one after three hours, one at once (the clocks differ), and one again.
    database.query("insert into conversion_decision (conversion_id, action, api_key_id, decided_at)"
                   " select c.id, 'approve', (select min(id) from api_key), c.occurred_at + d.after"
                   " from (select id, occurred_at, row_number() over (order by id) as n from conversion"
                   "       where status = 'approved' and occurred_at < '2026-04-01') c"
                   " join (values (1, interval '3 hours'), (2, '-1 s'), (3, '1 hour'), (3, '2 days')) d (n, after) on d.n = c.n")
    times = ask("api_dashboard", **QUARTER, part="times")["data"]
    assert times["approval"] == {"count": 3, "median_seconds": 3600, "p90_seconds": 10800} and times["hold"]["count"] > 0
    released = database.value("""
      select percentile_disc(0.5) within group (order by s)
      from (select floor(extract(epoch from greatest(min(t.posted_at) - c.occurred_at, '0'))) as s
            from conversion c join ledger_transaction t on t.conversion_id = c.id join ledger_entry e on e.transaction_id = t.id
            join ledger_account a on a.id = e.account_id
            where a.kind = 'partner_available' and e.amount_minor > 0 and c.status = 'approved' and c.occurred_at < '2026-04-01'
            group by c.id, t.partner_id) x""")
    assert times["hold"]["median_seconds"] == released
    assert ask("api_dashboard", **{"from": "2020-01-01", "to": "2020-01-31"}, part="times")["data"] == {
        what: {"count": 0, "median_seconds": None, "p90_seconds": None} for what in ("approval", "hold")}


def test_more_orders_than_are_read_are_refused(ask, database):
    """These have neither report nor decision, so that nobody knows how long they took: they are not counted."""
    def fill(first, last):
        database.query("insert into conversion (program_id, kind, order_id, occurred_at, status, currency, amount_minor)"
                       " select p.id, 'sale', 'many-' || n, '2020-01-10', 'approved', p.currency, 100 from program p, generate_series(%s, %s) n where p.id = 1",
                       (first, last))

    many = {"from": "2020-01-01", "to": "2020-01-31", "part": "times"}
    try:
        fill(1, 20_000)
        assert ask("api_dashboard", **many)["data"]["approval"] == {"count": 0, "median_seconds": None, "p90_seconds": None}
        fill(20_001, 20_001)
        with pytest.raises(psycopg2.Error) as refused:
            ask("api_dashboard", **many)
        assert refused.value.diag.message_hint == "range" and "more than 20000 approved orders" in refused.value.diag.message_primary
    finally:
        database.query("delete from conversion where order_id ~ '^many-'")
