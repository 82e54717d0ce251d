"""Stored clicks again: rollups rebuilt from rows, hits classified by new lists."""
import subprocess
import uuid
from datetime import timedelta

import frames
from clicks import Click, load, look_again, settle
from conftest import wait_for
from frames import hit
from ingest import INGEST, ingest, new_ingest, producer, row  # noqa: F401 pylint: disable=unused-import
from rollups import clicks_differ, conversions_differ, sketches_differ
from shop import PRODUCER, T0, Shop, uuid7

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36"
NOVEL = CHROME + " \"Novel\\Spider/2\""
FORMER = "FormerBot Chrome/1"
LIST = "version 20270101\nclass bot novel\\spider\nclass preview cards/\nbrowser chrome chrome/\n"
DAY = ("--from", "2026-03-10", "--to", "2026-03-11")


def run(database, command, *arguments, env=None):
    """(exit status, lines on stdout)"""
    done = subprocess.run([INGEST, command, *arguments], check=False, capture_output=True, text=True, timeout=60,
                          env={"CLICKLEDGER_POSTGRES_CONNINFO": database.conninfo("cl_ingest"), **(env or {})})
    assert done.returncode != 1, done.stderr
    return done.returncode, done.stdout.splitlines()


def rebuild(database, *more):
    status, lines = run(database, "rebuild", *DAY, *more)
    assert status == 0
    return lines


def some_load(postgres, shop):
    """Clicks of three hours, some of which repeat others."""
    visitors = [str(uuid.uuid4()) for _ in range(5)]
    load(postgres, shop, [Click(T0 + timedelta(minutes=3 * n, seconds=s), 1 + n % 2, visitors[n % 5]) for n in range(50) for s in (0, 5)])
    settle(postgres)
    assert postgres.value("select count(*) from click where class = 'duplicate'") == 50


def test_rebuild_finds_nothing_and_what_was_falsified(postgres):
    shop = Shop(postgres)
    some_load(postgres, shop)
    assert rebuild(postgres) == ["differences=0 mended=0"]
    postgres.query("update click_hourly set clicks = clicks + 7 where hour = '2026-03-10 12:00Z' and link_id = 1 and class = 'human' and shard = 0")
    postgres.query("delete from click_hourly where hour = '2026-03-10 13:00Z' and link_id = 2")
    postgres.query("update unique_hourly set sketch = repeat('0', 20480)::bit(20480) where hour = '2026-03-10 14:00Z' and link_id = 1")
    named = [f"click_hourly 2026-03-10 12:00 program={shop.program} partner={shop.anna} link=1 class=human counted=17 found=10",
             f"click_hourly 2026-03-10 13:00 program={shop.program} partner={shop.anna} link=2 class=human counted=0 found=10",
             f"click_hourly 2026-03-10 13:00 program={shop.program} partner={shop.anna} link=2 class=duplicate counted=0 found=10"]
    assert postgres.value("select uniques_there('2026-03-10')") is False, "retention has been at the clicks of that day"
    assert rebuild(postgres, "--dry-run") == [*named, "differences=3 mended=0"]
    assert clicks_differ(postgres.query) != []
    assert rebuild(postgres) == [*named, "differences=3 mended=3"]
    assert clicks_differ(postgres.query) == []
    postgres.query("update privacy_policy set identity_days = 3650, detail_days = 3650")
    found = rebuild(postgres)
    assert found[1:] == ["differences=1 mended=1"]
    assert found[0].startswith(f"unique_hourly 2026-03-10 14:00 program={shop.program} partner={shop.anna} link=1 counted=0 found=")
    assert sketches_differ(postgres.query) == []
    assert rebuild(postgres) == ["differences=0 mended=0"]


def test_rebuild_of_conversions(postgres):
    shop = Shop(postgres)
    clicks = [Click(T0 + timedelta(minutes=n), 1, str(uuid.uuid4())) for n in range(2)]
    load(postgres, shop, clicks)
    settle(postgres)
    for n, click in enumerate(clicks):
        shop.report(T0 + timedelta(hours=1 + n), f"o{n}", click_id=click.id, amount_minor=1000 + n)
    shop.attribute()
    assert rebuild(postgres) == ["differences=0 mended=0"]
    before = postgres.query("select * from conversion_hourly order by hour")
    postgres.query("update conversion_hourly set revenue_minor = 7, commission_minor = commission_minor + 1 where hour = '2026-03-10 13:00Z'")
    postgres.query("delete from conversion_hourly where hour = '2026-03-10 14:00Z'")
    first = f"conversion_hourly 2026-03-10 13:00 program={shop.program} partner={shop.anna} link=1 kind=sale status=pending currency=RUB measure="
    second = first.replace("13:00", "14:00")
    named = [first + "commission_minor counted=101 found=100", first + "revenue_minor counted=7 found=1000",
             second + "commission_minor counted=0 found=100", second + "conversions_ppm counted=0 found=1000000",
             second + "revenue_minor counted=0 found=1001"]
    assert rebuild(postgres, "--dry-run") == [*named, "differences=5 mended=0"]
    assert rebuild(postgres) == [*named, "differences=5 mended=5"]
    assert postgres.query("select * from conversion_hourly order by hour") == before
    assert conversions_differ(postgres.query) == []


def test_rebuild_leaves_days_whose_rows_were_detached(postgres):
    shop = Shop(postgres)
    some_load(postgres, shop)
    postgres.query("select partition_seal('click', '2026-03-10'), partition_detach('click', '2026-03-10')")
    assert clicks_differ(postgres.query) != []
    assert rebuild(postgres) == ["differences=0 mended=0"]


def test_rebuild_beside_loads(ingest, postgres, producer):  # noqa: F811
    """Loads and what settles behind them go on; every hour is seen in one snapshot."""
    shop = Shop(postgres)
    postgres.query("update program set duplicate_window_seconds = 86400")  # a round may be slow
    near = {frames.USER_AGENT: b"Mozilla/5.0", frames.ADDRESS_HASH: b"12345678"}
    today = postgres.value("select (now() at time zone 'UTC')::date")
    for _ in range(5):
        for _ in range(40):
            producer.send(producer.make([hit(program=shop.program, partner=shop.anna, link=7, fields=near) for _ in range(20)]))
        status, lines = run(postgres, "rebuild", "--from", str(today), "--to", str(today + timedelta(days=1)))
        assert (status, lines) == (0, ["differences=0 mended=0"])
    ingest.drain()
    wait_for(lambda: postgres.value("select not exists (select from click_due)"), 60, "what is behind the loads")
    assert clicks_differ(postgres.query) == []
    assert postgres.value("select count(*) from click where class = 'human'") == 1


def test_commands_refuse_what_is_no_range(postgres):
    for arguments in ((), ("--from", "2026-03-10"), ("--from", "2026-03-11", "--to", "2026-03-10"), ("--from", "yesterday", "--to", "2026-03-10"),
                      ("--from", "2026-03-10", "--to", "2026-03-10"), (*DAY, "--now")):
        for command in ("rebuild", "reclassify"):
            assert run(postgres, command, *arguments)[0] == 2, arguments


class History:
    """Hits whose classes new lists change, and others."""

    def __init__(self, postgres):
        self.shop = shop = Shop(postgres)
        visitor = str(uuid.uuid4())

        def click(second, agent=CHROME, hit_class="human", reason="none", link=1, asn=None, visitor=None):
            return Click(T0 + timedelta(seconds=second), link, visitor, None, agent, hit_class, reason, asn)

        self.spider, self.person = click(0, NOVEL, visitor=visitor), click(30, visitor=visitor)
        self.clicks = [self.spider, self.person, click(100, FORMER, "bot", "ua_bot"), click(101, FORMER, "bot", "ua_bot", link=None),
                       click(102, NOVEL, "prefetch", "sec_purpose"), click(103, NOVEL, "head", "method_head"),
                       click(104, NOVEL, "invalid", "sec_fetch_dest"), click(105, CHROME, "invalid", "link_expired"),
                       click(106, None, "bot", "ua_empty"), click(107, None, "human"), click(108, asn=64500),
                       click(109, "Cards/1 Chrome/1", "bot", "ua_bot"), click(3700, NOVEL)]
        load(postgres, shop, self.clicks)
        settle(postgres)
        seen = uuid7(T0)
        postgres.query("insert into visit (ts, hit_id, program_id, class, reason, status, user_agent, catalog_revision, producer, seq, content_hash)"
                       " values (click_ts(%s), %s, %s, 'human', 'none', 200, %s, 1, %s, 1, 1)", [seen, seen, shop.program, NOVEL, PRODUCER])

    def classes(self, postgres):
        return postgres.query("select class::text, reason, class_version from click order by click_id")


def test_reclassify(postgres, tmp_path):
    history = History(postgres)
    shop = history.shop
    before = history.classes(postgres)
    assert before[:2] == [("human", "none", None), ("duplicate", "same_visitor", None)]
    shop.report(T0 + timedelta(hours=2), "o1", click_id=history.person.id, amount_minor=1000)
    shop.attribute()
    assert postgres.query("select touch_id from credit") == [(history.spider.id,)]
    (tmp_path / "agents").write_text(LIST)
    (tmp_path / "datacentres").write_text("version 20260101\nasn 64500 somebody's\n")
    lists = {"CLICKLEDGER_INGEST_AGENTS_LIST": str(tmp_path / "agents"), "CLICKLEDGER_INGEST_DATACENTRES_LIST": str(tmp_path / "datacentres")}
    table = [line.split() for line in """\
table from to hits
click human bot 3
click bot human 1
click bot preview 1
click bot invalid 1
click invalid bot 1
click duplicate human 1
visit human bot 1""".splitlines()]

    def reclassify(*more):
        status, lines = run(postgres, "reclassify", *DAY, *more, env=lists)
        assert status == 0
        return [line.split() for line in lines]

    assert reclassify("--dry-run") == [*table, ["nothing", "was", "written"]]
    assert history.classes(postgres) == before
    assert reclassify() == table
    new = 20270101
    assert history.classes(postgres) == [
        ("bot", "ua_bot", new), ("human", "none", None), ("human", "none", new), ("invalid", "link_unknown", new),
        ("prefetch", "sec_purpose", None), ("head", "method_head", None), ("bot", "ua_bot", new), ("invalid", "link_expired", None),
        ("bot", "ua_empty", None), ("human", "none", None), ("bot", "asn_datacentre", new), ("preview", "ua_preview", new), ("bot", "ua_bot", new)]
    assert postgres.query("select class::text, reason, class_version from visit") == [("bot", "ua_bot", new)]
    assert clicks_differ(postgres.query) == []
    shop.attribute()
    assert postgres.query("select touch_id from credit") == [(history.person.id,)]
    assert reclassify() == [["table", "from", "to", "hits"]]
    status, lines = run(postgres, "reclassify", *DAY, env={**lists, "CLICKLEDGER_INGEST_DATACENTRE_CLASS": "human"})
    assert (status, [line.split() for line in lines[1:]]) == (0, [["click", "bot", "human", "1"]])


def test_reclassify_refuses_a_wrong_list(postgres, tmp_path):
    (tmp_path / "agents").write_text("version 1\nclass robot x\n")
    done = subprocess.run([INGEST, "reclassify", *DAY], check=False, capture_output=True, text=True, timeout=60,
                          env={"CLICKLEDGER_POSTGRES_CONNINFO": postgres.conninfo("cl_ingest"),
                               "CLICKLEDGER_INGEST_AGENTS_LIST": str(tmp_path / "agents")})
    assert done.returncode == 1
    assert "agents_list: line 2: " in done.stderr


def test_what_retention_took_does_not_make_a_duplicate_human(postgres):
    """Neither the duplicate without its address hash, nor the one whose original has lost it, nor visitors with new names."""
    shop = Shop(postgres)
    visitor, alias = str(uuid.uuid4()), "00000000-0000-8000-8000-000000000001"
    load(postgres, shop, [Click(T0, 1, None, 5), Click(T0 + timedelta(seconds=1), 1, None, 5), Click(T0 + timedelta(seconds=2), 1, None, 5),
                          Click(T0 + timedelta(seconds=3), 2, visitor), Click(T0 + timedelta(seconds=4), 2, visitor)])
    settle(postgres)
    expected = ["human", "duplicate", "duplicate", "human", "duplicate"]

    def classes():
        look_again(postgres)
        settle(postgres)
        return [name for (name,) in postgres.query("select class::text from click order by click_id")]

    postgres.query("update click set address_hash = null where ts <= %s", [T0 + timedelta(seconds=1)])
    postgres.query("update click set visitor_id = %s where ts = %s", [alias, T0 + timedelta(seconds=3)])
    assert classes() == expected
    postgres.query("update click set class = 'bot' where class = 'human'")
    assert classes() == ["bot", "human", "duplicate", "bot", "human"]
