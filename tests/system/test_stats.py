"""GET /v1/stats from rollups and rows together, against the rows alone: zones whose midnights divide an hour of the rollups, bounds
in the middle of one, by day and by link, for the team and for a partner."""
import json

import psycopg2
import pytest

from conftest import ROOT

ZONES = ["UTC", "Europe/Moscow", "Asia/Kolkata", "Australia/Lord_Howe"]
RANGES = [("2026-01-01", "2026-03-31"), ("2026-02-10", "2026-02-10"), ("2026-01-03T10:17:03Z", "2026-02-03T00:00:00Z"),
          ("2026-03-02T10:05:00Z", "2026-03-02T22:59:59.999Z"), ("2026-03-02T10:05:00Z", "2026-03-02T10:50:00Z")]
ROWS = """
  with row as (
    select k.ts as at, k.program_id, coalesce(k.partner_id, 0) as partner_id, coalesce(k.link_id, 0) as link_id, p.currency, k.class = 'human' as human,
      null as status, 0 as weight, 0 as revenue, 0 as commission
    from clickledger.click k left join clickledger.program p on p.id = k.program_id
    union all
    select occurred_at, program_id, coalesce(partner_id, 0), coalesce(link_id, 0), currency, null, status, weight_ppm, revenue_minor,
      coalesce(commission_minor, 0)
    from clickledger.conversion_part)
  select case when %(by_link)s then link_id::text else (at at time zone %(zone)s)::date::text end, currency, count(*) filter (where human),
    count(*) filter (where not human), coalesce(sum(weight) filter (where status in ('pending', 'approved')), 0) / 1000000.0,
    coalesce(sum(weight) filter (where status = 'declined'), 0) / 1000000.0, coalesce(sum(weight) filter (where status = 'refunded'), 0) / 1000000.0,
    coalesce(sum(revenue) filter (where status in ('pending', 'approved')), 0), coalesce(sum(commission) filter (where status in ('pending', 'approved')), 0)
  from row
  where at >= clickledger.api_moment(%(from)s, %(zone)s, false) and at < clickledger.api_moment(%(to)s, %(zone)s, true)
    and partner_id = coalesce(%(partner)s, partner_id) and coalesce(program_id, 0) = coalesce(%(program)s, program_id, 0)
    and link_id = coalesce(%(link)s, link_id)
  group by 1, 2 order by 1, 2"""


@pytest.fixture(scope="module")
def database(cluster):
    database = cluster.database()
    database.query((ROOT / "tests/data/warehouse.sql").read_text())
    database.close()
    yield database
    database.close()


@pytest.fixture(scope="module")
def ask(database):
    connection = psycopg2.connect(database.conninfo("cl_api"))

    def rows(key, by_link, **p):
        with connection, connection.cursor() as cursor:
            cursor.execute("select clickledger.api_begin(sha256(%s))", (key.encode(),))
            cursor.execute("select clickledger.api_stats(%s)", (json.dumps({**p, "group_by": "link" if by_link else "day"}),))
            data = cursor.fetchone()[0]["data"]
        names = "clicks", "clicks_not_counted", "conversions", "conversions_declined", "conversions_refunded", "revenue_minor", "commission_minor"
        keys = [str(one["link_id"] or 0) if by_link else one["day"] for one in data]
        return sorted(((key, one["currency"], *(one[name] for name in names)) for key, one in zip(keys, data)), key=str)

    yield rows
    connection.close()


@pytest.mark.parametrize("by_link", [False, True], ids=["day", "link"])
@pytest.mark.parametrize("zone", ZONES)
def test_stats_are_the_rows(database, ask, zone, by_link):
    seen = 0
    for since, until in RANGES:
        for key, partner, asked in [("accounting", None, {}), ("accounting", 2, {"partner_id": 2}), ("accounting", None, {"program_id": 2}),
                                    ("accounting", None, {"link_id": 1}), ("partner 1", 1, {}), ("partner 1", 1, {"program_id": 3})]:
            expected = database.query(ROWS, {"by_link": by_link, "zone": zone, "from": since, "to": until, "partner": partner,
                                             "program": asked.get("program_id"), "link": asked.get("link_id")})
            found = ask(key, by_link, tz=zone, **{"from": since, "to": until}, **asked)
            assert [(*row[:2], *map(float, row[2:])) for row in found] == [(*row[:2], *map(float, row[2:])) for row in sorted(expected, key=str)]
            seen += len(found)
    assert seen > 20


def test_another_partner_is_nothing(ask):
    assert ask("partner 1", False, tz="UTC", partner_id=2, **{"from": "2026-01-01", "to": "2026-03-31"}) == []
