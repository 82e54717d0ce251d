"""GET /v1/stats from rollups and rows together, against the rows alone: zones whose midnights divide an hour of the rollups, bounds
in the middle of one, by whatever can be asked, for the team and for a partner."""
import json

import psycopg2
import pytest

from conftest import ROOT

ZONES = ["UTC", "Europe/Moscow", "Asia/Kolkata", "Australia/Lord_Howe"]
RANGES = [("2026-01-01", "2026-03-31"), ("2026-02-10", "2026-02-10"), ("2026-01-03T10:17:03Z", "2026-02-03T00:00:00Z"),
          ("2026-03-02T10:05:00Z", "2026-03-02T22:59:59.999Z"), ("2026-03-02T10:05:00Z", "2026-03-02T10:50:00Z")]
# What stands for a click, and for a part of a conversion (p) with its credited click (k).
KEYS = {"day": ("(k.ts at time zone %(zone)s)::date::text", "(p.occurred_at at time zone %(zone)s)::date::text"),
        "link": ("coalesce(k.link_id, 0)::text", "coalesce(p.link_id, 0)::text"), "class": ("k.class::text", "null"),
        "promo_code": ("k.promo_code_id::text", "p.promo_code_id::text"),
        **{name: (f"k.{name}::text",) * 2 for name in ("sub1", "utm_source", "country", "device")}}
ROWS = """
  with row as (
    select {0} as key, k.ts as at, k.program_id, coalesce(k.partner_id, 0) as partner_id, coalesce(k.link_id, 0) as link_id, p.currency,
      k.class = 'human' as human, null as status, 0 as weight, 0 as revenue, 0 as commission
    from clickledger.click k left join clickledger.program p on p.id = k.program_id
    union all
    select {1}, p.occurred_at, p.program_id, coalesce(p.partner_id, 0), coalesce(p.link_id, 0), p.currency, null, p.status, p.weight_ppm,
      p.revenue_minor, coalesce(p.commission_minor, 0)
    from clickledger.conversion_part p left join clickledger.click k on k.click_id = p.click_id and k.ts = clickledger.click_ts(p.click_id))
  select key, currency, count(*) filter (where human),
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
def call(database):
    connection = psycopg2.connect(database.conninfo("cl_api"), options="-c statement_timeout=60s")  # a busy machine is no fault

    def answer(function, key, **p):
        with connection, connection.cursor() as cursor:
            cursor.execute("select clickledger.api_begin(sha256(%s))", (key.encode(),))
            cursor.execute(f"select clickledger.{function}(%s)", (json.dumps(p),))
            return cursor.fetchone()[0]

    yield answer
    connection.close()


@pytest.fixture
def ask(call):
    return lambda key, **p: call("api_stats", key, **p)


def rows(answer):
    names = "clicks", "clicks_not_counted", "conversions", "conversions_declined", "conversions_refunded", "revenue_minor", "commission_minor"
    key = {"link": "link_id", "promo_code": "promo_code_id"}.get(answer["group_by"], answer["group_by"])
    none = "0" if answer["group_by"] == "link" else None
    return sorted(((none if one[key] is None else str(one[key]), one["currency"], *(float(one[name]) for name in names)) for one in answer["data"]), key=str)


@pytest.mark.parametrize("zone, by", [*((zone, by) for zone in ZONES for by in ("day", "link")),
                                      *(("Asia/Kolkata", by) for by in KEYS if by not in ("day", "link"))])
def test_stats_are_the_rows(database, ask, zone, by):
    seen = 0
    asking = [("accounting", None, {}), ("partner 1", 1, {}), ("accounting", 2, {"partner_id": 2}), ("accounting", None, {"program_id": 2}),
              ("accounting", None, {"link_id": 1}), ("partner 1", 1, {"program_id": 3})]
    for since, until in RANGES if by in ("day", "link") else RANGES[::2]:
        for key, partner, asked in asking if by in ("day", "link") else asking[:2]:
            expected = database.query(ROWS.format(*KEYS[by]), {"zone": zone, "from": since, "to": until, "partner": partner,
                                                               "program": asked.get("program_id"), "link": asked.get("link_id")})
            found = rows(ask(key, group_by=by, tz=zone, **{"from": since, "to": until}, **asked))
            assert found == [(*row[:2], *map(float, row[2:])) for row in sorted(expected, key=str)]
            seen += len(found)
    assert seen > 2


def test_midnight_comes_twice(database, ask):
    """On 2 November 2025 clocks in Havana went from 1:00 back to 0:00, at 5:00 UTC: the day begins with the second midnight, for all who count."""
    program, = database.query("insert into program (code, name, currency, time_zone) values ('havana', 'Havana', 'USD', 'America/Havana') returning id")[0]
    database.query("""insert into click_hourly (hour, shard, program_id, partner_id, link_id, class, clicks)
                      select hour, 0, %s, 0, 0, 'human', 1
                      from unnest(array['2025-11-02 03:00Z', '2025-11-02 04:00Z', '2025-11-02 05:00Z']::timestamptz[]) hour""", (program,))
    asked = {"program_id": program, "tz": "America/Havana", "from": "2025-11-01", "to": "2025-11-02"}
    days = [("2025-11-01", 2), ("2025-11-02", 1)]
    assert [(row["day"], row["clicks"]) for row in ask("accounting", **asked)["data"]] == days
    assert database.query("select day::text, clicks::integer from click_daily where program_id = %s order by 1", (program,)) == days
    assert database.query("select month::text, clicks::integer from click_monthly where program_id = %s", (program,)) == [("2025-11-01", 3)]


def test_another_partner_is_nothing(ask):
    for by in KEYS:
        assert ask("partner 1", group_by=by, partner_id=2, **{"from": "2026-01-01", "to": "2026-03-31"})["data"] == []


@pytest.mark.parametrize("since, until, before", [
    ("2026-02-01", "2026-02-28", ("2026-01-04", "2026-01-31")), ("2026-03-29", "2026-03-30", ("2026-03-27", "2026-03-28")),  # an hour shorter
    ("2026-03-02T10:05:00Z", "2026-03-02T22:05:00Z", ("2026-03-01T22:05:00Z", "2026-03-02T10:05:00Z"))])
def test_the_period_before(ask, since, until, before):
    for by in ("day", "sub1"):
        asked = {"tz": "Europe/Berlin", "group_by": by}
        both = ask("partner 1", compare="previous", **{"from": since, "to": until}, **asked)
        alone = ask("partner 1", **{"from": before[0], "to": before[1]}, **asked)
        assert both["previous"] == {name: alone[name] for name in ("from", "to", "data", "totals")} and alone["previous"] is None
        assert both["data"] != both["previous"]["data"] and "aov_minor" in both["totals"][0]


def test_what_is_too_much_is_refused(database, ask):
    """Never cut: the answer says what to narrow. Days, clicks, orders, rows of the answer."""
    def refused(key="partner 3", by="sub1", **p):
        with pytest.raises(psycopg2.Error) as fault:
            ask(key, group_by=by, **p)
        assert (fault.value.pgcode, fault.value.diag.message_hint) == ("CL422", "range")
        return fault.value.diag.message_primary

    assert "by sub1 at most 93 days" in refused(**{"from": "2026-01-01", "to": "2026-04-04"})
    assert ask("partner 3", group_by="sub1", **{"from": "2026-01-01", "to": "2026-04-03"})["data"]
    link, program = database.query("select id, program_id from clickledger.link where partner_id = 3 order by id limit 1")[0]
    of_day = {"from": "2025-06-01", "to": "2025-06-01"}
    try:
        database.query("insert into clickledger.click_hourly (hour, shard, program_id, partner_id, link_id, class, clicks)"
                       " values ('2025-06-01T10:00Z', 0, %s, 3, %s, 'bot', 1000001)", (program, link))
        assert "1000001 clicks, and at most 1000000" in refused(**of_day)
        assert ask("partner 3", group_by="link", **of_day)["data"][0]["clicks_not_counted"] == 1000001, "the rollup answers"
        database.query("update clickledger.click_hourly set clicks = 1000000 where hour = '2025-06-01T10:00Z'")
        assert ask("partner 3", group_by="sub1", **of_day)["data"] == []
        database.query("delete from clickledger.click_hourly where hour = '2025-06-01T10:00Z'")
        database.query("with made as (insert into clickledger.conversion (program_id, kind, order_id, occurred_at, status, currency, amount_minor)"
                       " select %s, 'sale', 'many-' || n, '2025-06-01T10:00Z', 'pending', 'RUB', 100 from generate_series(1, 20001) n returning id)"
                       " insert into clickledger.credit select id, 'promo', gen_random_uuid(), '2025-06-01T09:00Z', %s, 3, null, null, 1000000, 'last',"
                       " 100 from made",
                       (program, program))
        assert "more than 20000 orders" in refused(by="country", **of_day)
        database.query("select clickledger.partition_ensure('2025-06-01', '2025-06-01')")
        database.query("insert into clickledger.click (ts, click_id, program_id, partner_id, link_id, class, reason, status, sub1, catalog_revision, producer,"
                       " seq, content_hash) select clickledger.click_ts(id), id, %s, 3, %s, 'human', 'none', 302, 'sub ' || n, 1, gen_random_uuid(), 1, 0"
                       " from generate_series(1, 5001) n, lateral (select ('01972abc-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid as id) i",
                       (program, link))
        database.query("delete from clickledger.credit where touch_ts = '2025-06-01T09:00Z'")
        hour = database.value("select date_trunc('hour', clickledger.click_ts('01972abc-0000-7000-8000-000000000001'), 'UTC')")
        database.query("insert into clickledger.click_hourly (hour, shard, program_id, partner_id, link_id, class, clicks)"
                       " values (%s, 0, %s, 3, %s, 'human', 5001)", (hour, program, link))
        assert "these are 5001 rows, and at most 5000" in refused(**of_day)
        assert len(ask("partner 3", group_by="sub2", **of_day)["data"]) == 1
    finally:
        database.query("delete from clickledger.click_hourly where hour >= '2025-06-01' and hour < '2025-06-02'")
        database.query("delete from clickledger.click where ts >= '2025-06-01' and ts < '2025-06-02'")
        database.query("delete from clickledger.credit where touch_ts = '2025-06-01T09:00Z'")
        database.query("delete from clickledger.conversion where order_id ~ '^many-'")


@pytest.mark.parametrize("asked, wanted", [
    ({}, "true"), ({"status": "declined"}, "status = 'declined'"), ({"program_id": 2}, "program_id = 2")], ids=["all", "declined", "of a programme"])
def test_conversions_of_a_partner(database, call, asked, wanted):
    """Page by page, the newest first: those with a credit or a commission of his, each once; the same for the team that asks for him."""
    ids = [id for id, in database.query(f"""
        select id from conversion where {wanted} and id in (select conversion_id from credit where partner_id = 1
          union select conversion_id from commission where partner_id = 1) order by id desc""")]
    assert len(ids) > 6
    for key, p in ("partner 1", asked), ("accounting", {"partner_id": 1, **asked}):
        found, cursor = [], {}
        while cursor is not None:
            page = call("api_conversions", key, limit=3, **p, **cursor)
            found += [row["id"] for row in page["data"]]
            cursor = page["next_cursor"] and {"cursor": page["next_cursor"]}
        assert found == ids
    assert call("api_conversions", "partner 1", partner_id=2)["data"] == []
    order, = database.query("select order_id from conversion where id = %s", (ids[3],))[0]
    assert ids[3] in [row["id"] for row in call("api_conversions", "partner 1", order_id=order)["data"]]
