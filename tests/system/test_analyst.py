"""The warehouse as analysts have it: views against the rows themselves, the example queries, the data dictionary, costs, rights.

CLICKLEDGER_WRITE=1 writes docs/data-dictionary.md and docs/queries/*.txt anew instead of comparing them.
"""
import os
import pathlib
import subprocess
from datetime import timedelta

import psycopg2
import pytest

from conftest import ROOT
from shop import T0, Shop, uuid7

QUERIES = sorted((ROOT / "docs/queries").glob("*.sql"))
WRITE = os.environ.get("CLICKLEDGER_WRITE") == "1"


def same_text(path, found):
    """The committed file says what was found; with CLICKLEDGER_WRITE=1 it does afterwards."""
    if WRITE:
        path.write_text(found)
    name = path.relative_to(ROOT)
    assert path.exists() and path.read_text() == found, \
        f"{name} is out of date: CLICKLEDGER_WRITE=1 /usr/bin/python3 -m pytest tests/system/test_analyst.py writes it"


def load_costs(database, path):
    done = subprocess.run([ROOT / "ops/channel-cost", path, database.conninfo()], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.fixture(scope="module")
def warehouse(cluster):
    """A database with the data of tests/data/warehouse.sql and costs.csv; tests only read it."""
    database = cluster.database()
    database.query((ROOT / "tests/data/warehouse.sql").read_text())
    database.close()
    assert load_costs(database, ROOT / "tests/data/costs.csv")[0] == 0
    yield database
    database.close()


@pytest.fixture
def analyst(warehouse):
    connection = psycopg2.connect(warehouse.conninfo("cl_analyst"))
    connection.autocommit = True
    cursor = connection.cursor()

    def query(sql, *arguments):
        cursor.execute(sql, arguments or None)
        return cursor.fetchall() if cursor.description else []

    yield query
    connection.close()


def test_deals_are_in_the_funnel(postgres):
    """Stages, contracts and payments beside leads and orders: what is of no kind that a column names would be missing."""
    shop = Shop(postgres)
    click = shop.click(T0, shop.anna, uuid7(T0))
    kinds = {"lead": 1, "sale": 2, "stage": 3, "contract": 4, "payment": 5}
    for kind, count in kinds.items():
        for n in range(count):
            shop.report(T0 + timedelta(hours=1), f"{kind}-{n}", kind=kind, click_id=click, amount_minor=1000)
    shop.attribute()
    assert postgres.query("select leads, orders, stages, contracts, payments from funnel") == [tuple(kinds.values())]
    assert postgres.query("select sum(conversions), sum(leads) from partner_month") == [(15, 1)]


# --- views against rows -----------------------------------------------------------------------------------------------

CLICK_DAILY = """
  select (k.ts at time zone coalesce(p.time_zone, 'UTC'))::date, coalesce(k.program_id, 0), coalesce(k.partner_id, 0), coalesce(k.link_id, 0),
    count(*) filter (where class = 'human'), count(*) filter (where class <> 'human'), count(*) filter (where class = 'bot'),
    count(*) filter (where class = 'duplicate')
  from clickledger.click k left join clickledger.program p on p.id = k.program_id group by 1, 2, 3, 4"""
# By partner and whole conversion, not by touch: another way to the same sums than that of the views.
SHARES = """
  select c.id, c.program_id, c.kind, c.status, c.currency, (c.occurred_at at time zone p.time_zone) as at,
    coalesce(r.partner_id, 0) as partner_id, coalesce(r.weight, 1000000) as weight, coalesce(r.amount, c.amount_minor - c.refunded_minor) as amount,
    coalesce((select m.amount_minor from clickledger.commission m where m.conversion_id = c.id and m.partner_id = r.partner_id), 0) as payout
  from clickledger.conversion c
  join clickledger.program p on p.id = c.program_id
  left join (select conversion_id, partner_id, sum(weight_ppm) as weight, sum(amount_minor) as amount from clickledger.credit group by 1, 2) r
    on r.conversion_id = c.id"""
PARTNER_MONTH = f"""
  with month as (
    select date_trunc('month', at)::date as month, program_id, partner_id, sum(weight) filter (where status in ('pending', 'approved')) as weight,
      sum(weight) filter (where status = 'declined') as declined, sum(amount) filter (where status in ('pending', 'approved')) as revenue,
      sum(payout) filter (where status in ('pending', 'approved')) as payout
    from ({SHARES}) as s group by 1, 2, 3),
  paid as (
    select date_trunc('month', t.posted_at at time zone p.time_zone)::date as month, t.program_id, t.partner_id, sum(e.amount_minor) as paid
    from clickledger.ledger_transaction t join clickledger.ledger_entry e on e.transaction_id = t.id and e.amount_minor > 0
    join clickledger.program p on p.id = t.program_id
    where t.kind = 'pay' group by 1, 2, 3)
  select month, program_id, partner_id, coalesce(weight, 0) / 1000000, coalesce(declined, 0) / 1000000, coalesce(revenue, 0), coalesce(payout, 0),
    coalesce(revenue, 0) - coalesce(payout, 0), coalesce(paid, 0)
  from month full join paid using (month, program_id, partner_id)"""
FUNNEL = """
  select date_trunc('month', r.touch_ts at time zone p.time_zone)::date, c.program_id, r.partner_id,
    coalesce(sum(r.weight_ppm) filter (where c.kind = 'lead'), 0) / 1000000.0, coalesce(sum(r.weight_ppm) filter (where c.kind = 'sale'), 0) / 1000000.0,
    coalesce(sum(r.weight_ppm) filter (where c.kind = 'sale' and c.status = 'approved'), 0) / 1000000.0
  from clickledger.credit r join clickledger.conversion c on c.id = r.conversion_id join clickledger.program p on p.id = c.program_id
  where r.partner_id is not null group by 1, 2, 3"""


@pytest.mark.parametrize("view, rows", [
    ("select day, program_id, partner_id, link_id, clicks, clicks_not_counted, clicks_bot, clicks_duplicate from clickledger.click_daily", CLICK_DAILY),
    ("""select day, program_id, partner_id, kind, status, currency, sum(conversions), sum(revenue_minor), sum(payout_minor)
        from clickledger.conversion_daily group by 1, 2, 3, 4, 5, 6""",
     f"""select at::date, program_id, partner_id, kind, status, currency, sum(weight) / 1000000, sum(amount), sum(payout)
         from ({SHARES}) s group by 1, 2, 3, 4, 5, 6"""),
    ("""select month, program_id, partner_id, conversions, conversions_declined, revenue_minor, payout_minor, earned_minor, paid_minor
        from clickledger.partner_month
        where (conversions, conversions_declined, conversions_refunded, paid_minor) <> (0, 0, 0, 0)""", PARTNER_MONTH),
    ("""select month, program_id, partner_id, sum(clicks), sum(clicks_not_counted) from clickledger.partner_month
        where clicks + clicks_not_counted > 0 group by 1, 2, 3""",
     f"""select date_trunc('month', k.day::timestamp)::date, k.p, k.a, sum(k.c), sum(k.n)
         from ({CLICK_DAILY}) as k (day, p, a, l, c, n, b, d) group by 1, 2, 3"""),
    ("select month, program_id, partner_id, leads, orders, orders_paid from clickledger.funnel where leads + orders > 0", FUNNEL),
], ids=["click_daily", "conversion_daily", "partner_month", "clicks_of_partner_month", "funnel"])
def test_views_say_what_the_rows_say(analyst, view, rows):
    expected = analyst(rows)
    assert len(expected) > 20
    assert analyst(f"({view} except ({rows})) union all (({rows}) except {view})") == []
    assert len(analyst(view)) == len(expected)


def test_days_are_those_of_the_zone(analyst):
    """The shop in India is five and a half hours ahead: its midnight divides an hour of the rollups."""
    day, = analyst("""select day from clickledger.click_daily d join clickledger.program p on p.id = d.program_id where p.code = 'india' group by day
                      having sum(clicks) > (select count(*) from clickledger.click k where k.program_id = min(d.program_id) and k.class = 'human'
                        and date_trunc('hour', k.ts, 'UTC') >= min(d.day)::timestamp at time zone 'Asia/Kolkata'
                        and date_trunc('hour', k.ts, 'UTC') < (min(d.day) + 1)::timestamp at time zone 'Asia/Kolkata') limit 1""")[0]
    assert day is not None


def test_money_as_decimals(analyst):
    assert analyst("""select count(*) from clickledger.partner_month m join clickledger.currency k on k.code = m.currency
                      where m.revenue * (10::numeric ^ k.exponent) <> m.revenue_minor or m.earned <> m.revenue - m.payout
                        or scale(m.revenue) <> k.exponent""") == [(0,)]
    assert analyst("select count(distinct currency) from clickledger.partner_month where revenue > 0") == [(3,)]


def test_standing(analyst):
    standings = dict(analyst("select partner_name, standing from clickledger.partner_standing where month = '2026-01-01' and program_name = 'Main shop'"))
    assert standings == {"Anna blog": "earns", "Boris coupons": "earns", "Clara video": "earns", "Dmitri news": "noise", "Traffic farm": "noise",
                         "Old forum": "noise", "Returns kings": "noise"}
    assert analyst("""select sum(earned_share_ppm) between 999990 and 1000000 from clickledger.partner_standing where earned_minor > 0
                      group by month, program_id""") == [(True,)] * 10


def test_paths(analyst):
    """Each way ends with what is nearest to the order; what is credited is on it; nothing else of another visitor."""
    asked = "(select * from clickledger.conversion_path where occurred_at >= '2026-01-01' and occurred_at < '2026-05-01') as p"
    assert analyst(f"select sum(weight_ppm) from {asked} group by conversion_id having sum(weight_ppm) not in (0, 1000000)") == []
    assert analyst(f"select count(*) = (select count(*) from clickledger.credit) from {asked} where weight_ppm > 0") == [(True,)]
    assert analyst(f"""select p.* from {asked} join clickledger.conversion c on c.id = p.conversion_id join clickledger.click k on k.click_id = p.touch_id
                       where p.weight_ppm = 0 and (k.visitor_id <> c.visitor_id or k.ts >= c.occurred_at or k.class <> 'human')""") == []
    assert analyst(f"""select p.* from {asked} join {asked.replace(' as p', ' as q')} using (conversion_id)
                       where p.step < q.step and p.touch_at > q.touch_at""") == []
    assert analyst(f"select count(*) from {asked} where touch_kind = 'click' and exists (select from clickledger.click k where k.click_id = p.touch_id)") == \
        analyst("""select count(*) from clickledger.conversion c join clickledger.click k on k.visitor_id = c.visitor_id and k.program_id = c.program_id
                   where k.class = 'human' and k.ts < c.occurred_at and k.ts >= c.occurred_at - interval '90 days'""")


def test_channels(analyst):
    """Each conversion has one channel, that of the last touch with a source; money adds up."""
    channels = analyst("select conversion_id, source, touch_at from clickledger.conversion_channel order by 1")
    touches = analyst("""
      select c.id, c.occurred_at, t.ts, t.utm_source from clickledger.conversion c
      left join (select visitor_id, program_id, ts, utm_source from clickledger.click where class = 'human'
                 union all select visitor_id, program_id, ts, utm_source from clickledger.visit) t
        on t.visitor_id = c.visitor_id and t.program_id = c.program_id and t.utm_source is not null
        and t.ts < c.occurred_at and t.ts >= c.occurred_at - interval '30 days' order by c.id, t.ts""")
    last = {}
    for conversion, _, at, source in touches:
        last[conversion] = (source or "(none)").lower(), at
    assert [(conversion, *last[conversion]) for conversion in sorted(last)] == channels
    assert {source for _, source, _ in channels} == {"(none)", "google", "newsletter", "telegram", "vk"}
    assert analyst("select sum(revenue_minor), sum(conversions) from clickledger.channel_roi") == \
        analyst("select sum(amount_minor - refunded_minor), count(*) from clickledger.conversion where status in ('pending', 'approved')")
    assert analyst("select sum(cost_minor) from clickledger.channel_roi") == analyst("select sum(amount_minor) from clickledger.channel_cost")
    assert analyst("""select cost, payout, revenue, profit, roi_ppm from clickledger.channel_roi
                      where (month, source, medium, campaign, currency) = ('2026-02-01', 'vk', 'social', '(none)', 'RUB')""") == [(640, 0, 0, -640, -1000000)]


# --- documents ----------------------------------------------------------------------------------------------------------

def test_ledger_of_the_examples_is_whole(warehouse):
    assert warehouse.query("select * from clickledger.ledger_violation") == []
    assert warehouse.query("select holds from clickledger.conservation") == [(True,)] * 2


def test_there_are_twenty():
    assert len(QUERIES) >= 20


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_example_query(warehouse, path):
    """As an analyst runs it, from the first line (a question in a comment) to its output."""
    assert path.read_text().startswith("-- ") and path.read_text().split("\n")[0].endswith("?")
    done = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", warehouse.conninfo("cl_analyst"), "-f", path], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, env={**os.environ, "PGTZ": "UTC", "PGDATESTYLE": "ISO", "LC_ALL": "C.UTF-8", "COLUMNS": "200"})
    assert done.returncode == 0, done.stderr
    assert "(0 rows)" not in done.stdout
    same_text(path.with_suffix(".txt"), done.stdout)


def test_dictionary(cluster):
    done = subprocess.run([ROOT / "sql/dictionary", cluster.conninfo("cl_template", "cl_owner")], capture_output=True, text=True, check=True)
    assert "| `earned_minor` |" in done.stdout and "| `email` | text | - |" in done.stdout and "|  |\n" not in done.stdout.split("## Functions")[1]
    same_text(pathlib.Path(ROOT / "docs/data-dictionary.md"), done.stdout)


# --- costs --------------------------------------------------------------------------------------------------------------

HEAD = "day,program,source,medium,campaign,currency,amount\n"
GOOD = "2026-02-01,main,Google ,CPC,Spring,RUB,12.50\n2026-02-02,main,google,,,RUB,7\n2026-02-02,yen,google,,,JPY,300\n"


def with_programs(database):
    database.query("insert into program (code, name, currency) values ('main', 'Main', 'RUB'), ('yen', 'Yen', 'JPY')")
    return database


@pytest.fixture
def shop(postgres):
    return with_programs(postgres)


@pytest.fixture(scope="module")
def unchanged_shop(cluster):
    """For files of which nothing is loaded."""
    database = with_programs(cluster.database())
    yield database
    assert costs(database) == []
    database.close()


def costs(database):
    return database.query("""select p.code, o.day::text, o.source, o.medium, o.campaign, o.currency, o.amount_minor
                             from channel_cost o join program p on p.id = o.program_id order by 1, 2""")


def test_costs_are_loaded_once(shop, tmp_path):
    path = tmp_path / "costs.csv"
    path.write_text(HEAD + GOOD)
    expected = [("main", "2026-02-01", "google", "cpc", "spring", "RUB", 1250), ("main", "2026-02-02", "google", "(none)", "(none)", "RUB", 700),
                ("yen", "2026-02-02", "google", "(none)", "(none)", "JPY", 300)]
    assert load_costs(shop, path) == (0, ["line,verdict,reason", "2,added,", "3,added,", "4,added,"], "3 added\n")
    assert costs(shop) == expected
    assert load_costs(shop, path)[1:] == (["line,verdict,reason", "2,same,", "3,same,", "4,same,"], "3 same\n")
    path.write_text(HEAD + "2026-02-02,main,GOOGLE,,(none),RUB,8.00\n2026-02-03,main,google,,,RUB,0\n")
    assert load_costs(shop, path)[1] == ["line,verdict,reason", "2,changed,", "3,added,"]
    assert [row[-1] for row in costs(shop)] == [1250, 800, 0, 300]


@pytest.mark.parametrize("row, reason", [
    ("2026-02-30,main,google,,,RUB,1", "day: not a day"),
    ("01.02.2026,main,google,,,RUB,1", "day: not a day"),
    (",main,google,,,RUB,1", "day: not a day"),
    ("2100-01-01,main,google,,,RUB,1", "in the future"),
    ("2026-02-05,nobody,google,,,RUB,1", "program: there is no such"),
    ("2026-02-05,main, ,,,RUB,1", "source: missing"),
    ("2026-02-05,main," + "g" * 201 + ",,,RUB,1", "longer than 200"),
    ("2026-02-05,main,\"a\nb\",,,RUB,1", "a control character"),
    ("2026-02-05,main,google,,,USD,1", "currency: must be the programme's, RUB"),
    ("2026-02-05,main,google,,,,1", "currency: must be"),
    ("2026-02-05,main,google,,,RUB,1.001", "at most 2 decimals"),
    ("2026-02-05,main,google,,,RUB,-1", "amount: not a number"),
    ("2026-02-05,main,google,,,RUB,1e3", "amount: not a number"),
    ("2026-02-05,main,google,,,RUB,\"1,5\"", "amount: not a number"),
    ("2026-02-05,main,google,,,RUB,10000000000000.01", "amount: not a number"),
    ("2026-02-05,main,google,,,RUB,", "amount: not a number"),
    ("2026-02-05,yen,google,,,JPY,1.5", "at most 0 decimals"),
    ("2026-02-02,main,Google,,,RUB,7", "row 3 has the same day"),
], ids=lambda text: text[:30])
def test_one_bad_cost_holds_all_back(unchanged_shop, tmp_path, row, reason):
    path = tmp_path / "costs.csv"
    path.write_text(HEAD + GOOD + row + "\n")
    status, said, counts = load_costs(unchanged_shop, path)
    assert status == 1 and counts == "3 held\n1 refused\n"
    assert said[1:4] == ["2,held,", "3,held,", "4,held,"] and said[4].startswith("5,refused,") and reason in said[4]
    assert costs(unchanged_shop) == []


@pytest.mark.parametrize("text, said", [
    ("day,program,source,medium,campaign,amount,currency\n" + GOOD, "column name mismatch"),
    (HEAD + "2026-02-05,main,google,,,RUB\n", "missing data"),
    (HEAD + "2026-02-05,main,google,,,RUB,1,2\n", "extra data"),
    (HEAD.encode() + b"2026-02-05,main,\xff,,,RUB,1\n", "invalid byte sequence"),
    (HEAD + "2026-02-05,main,google,,,RUB,1\n" * 100001, "at most 100000 rows"),
], ids=["order", "short", "long", "bytes", "many"])
def test_a_file_that_is_none(unchanged_shop, tmp_path, text, said):
    path = tmp_path / "costs.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    status, rows, error = load_costs(unchanged_shop, path)
    assert status == 2 and rows == [] and said in error and "nothing was loaded" in error
    assert costs(unchanged_shop) == []


# --- rights -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("statement", [
    "insert into clickledger.channel_cost values (1, '2026-01-01', 'a', 'b', 'c', 'RUB', 1)",
    "update clickledger.program set name = 'x'", "delete from clickledger.click", "truncate clickledger.click",
    "create table clickledger.mine (id integer)", "create table public.mine (id integer)",
    "select * from clickledger.click", "select address from clickledger.click", "select address_hash from clickledger.click",
    "select email from clickledger.partner", "select key_hash from clickledger.api_key", "select secret from clickledger.integration_secret",
    "select raw from clickledger.conversion_report", "select customer from clickledger.conversion", "select bytes from clickledger.dead_letter",
    "select clickledger.channel_cost_load('[]')", "select clickledger.ledger_post('k', 'adjust', 1, 1, null, 'RUB', '{}', '{}')",
    "set temp_file_limit = -1", "alter role cl_analyst connection limit 1000", "set session authorization cl_owner", "set role cl_owner",
    "copy clickledger.partner (name) from program 'true'", "select pg_read_file('/etc/hostname')",
])
def test_an_analyst_only_reads(analyst, statement):
    """Also after lifting what PostgreSQL lets every session lift."""
    analyst("set default_transaction_read_only = off")
    with pytest.raises(psycopg2.Error) as refused:
        analyst(statement)
    assert refused.value.pgcode == "42501", refused.value


def test_an_analyst_has_limits(analyst, warehouse):
    names = "default_transaction_read_only", "jit", "statement_timeout", "temp_file_limit"
    assert analyst("select name, setting from pg_settings where name in %s order by 1", names) == [
        ("default_transaction_read_only", "on"), ("jit", "off"), ("statement_timeout", "60000"), ("temp_file_limit", "4194304")]
    assert warehouse.query("select rolconnlimit from pg_roles where rolname = 'cl_analyst'") == [(20,)]
    analyst("set statement_timeout = '50ms'")
    with pytest.raises(psycopg2.errors.QueryCanceled):
        analyst("select count(*) from generate_series(1, 100000000)")


def test_columns_suit_tools(analyst):
    """What Metabase and Superset show: no composite types or arrays, names that need no quotes."""
    views = ("click_daily", "click_monthly", "conversion_daily", "conversion_monthly", "partner_month", "partner_standing", "funnel",
             "conversion_path", "conversion_visitor", "conversion_channel", "channel_roi", "zone_day")
    types = analyst("""select distinct t.typname, t.typtype, t.typcategory from pg_class c
                       join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 join pg_type t on t.oid = a.atttypid
                       where c.relnamespace = 'clickledger'::regnamespace and c.relkind = 'v' and c.relname in %s""", views)
    assert {name for name, _, _ in types} == {"date", "int4", "int8", "numeric", "text", "timestamptz", "uuid"}
