"""query: what a partner and an analyst wait for, on a year of 10 million clicks of 500 partners.

Questions go to the API over HTTP, with the partners' own keys, and to the views as cl_analyst, each about another partner; a
question about a month also to the raw rows, as SQL of somebody who has no rollups. All questions come in turn, round by round; a
figure is the median of the rounds'. The ratio is the slowest 99th percentile of the questions about a partner's month, divided by
10 ms. Only PostgreSQL and the API run; caches are warm.
"""
import datetime
import http.client
import json
import os
import random
import statistics
import subprocess
import time
import types

import psycopg2

import commands
from processes import Group
from report import spread, table
from service import Failure
from state import say
from world import World, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
CLICKS, DAYS, QUICK_CLICKS, QUICK_DAYS, SKETCHED, PARTNERS = 10_000_000, 365, 50_000, 61, 61, 500
UNTIL = datetime.date(2026, 7, 1)
MONTHS = datetime.date(2026, 5, 1), datetime.date(2026, 6, 1)
TARGET_MS = 10
QUESTIONS = 200
# For loading in bulk; what is read later is in memory anyway.
POSTGRES = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "wal_level=minimal", "-c", "max_wal_senders=0", "-c", "max_wal_size=512MB",
            "-c", "shared_buffers=512MB")
RAW_MONTH = """
  select (k.ts at time zone p.time_zone)::date as day, count(*) filter (where k.class = 'human'), count(*) filter (where k.class <> 'human')
  from clickledger.click k join clickledger.program p on p.id = k.program_id
  where k.partner_id = %(partner)s and k.ts >= %(month)s::date - interval '1 day' and k.ts < %(month)s::date + interval '1 month 1 day'
    and date_trunc('month', k.ts at time zone p.time_zone) = %(month)s::date
  group by 1 order by 1"""
DAILY_MONTH = """
  select day, sum(clicks)::bigint, sum(clicks_not_counted)::bigint from clickledger.click_daily
  where partner_id = %(partner)s and month = %(month)s group by 1 order by 1"""


class Year(World):
    """PostgreSQL with the data, and the API."""

    def _start(self):
        state = self.state
        state.open()
        state.choose(types.SimpleNamespace(port=free_port(), api_port=free_port(), workers=1))
        state.make_home()
        state.build()
        commands.configure(state)
        self.services = {service.name: service for service in state.services()}
        self.services["postgres"].command += POSTGRES
        state.start_postgres(self.services["postgres"])
        state.migrate()

    def fill(self, clicks, days):
        began = time.monotonic()
        say(f"{clicks} clicks of {days} days are made in PostgreSQL")
        state, variables = self.state, {"clicks": clicks, "days": days, "partners": PARTNERS, "until": UNTIL, "sketched": SKETCHED}
        state.psql("cl_owner", *[word for name, value in variables.items() for word in ("-v", f"{name}={value}")], "-f", os.path.join(HERE, "query.sql"))
        state.psql("postgres", "-c", "checkpoint")
        os.sync()  # else the kernel writes gigabytes while questions are asked
        size = subprocess.run(["du", "-sm", state.path("postgres")], capture_output=True, text=True).stdout.split()[0]
        rows = state.psql("cl_owner", "-c", "select format('%s rows in click_hourly, %s conversions', (select count(*) from clickledger.click_hourly),"
                                            " (select count(*) from clickledger.conversion))")
        print(f"  made in {time.monotonic() - began:.0f} s: {clicks} clicks, {rows}, {size} MB")
        self.start_api()


class Api:
    """One connection that is kept."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def get(self, path, partner):
        self.connection.request("GET", path, headers={"Authorization": f"Bearer cl_partner_bench_{partner}"})
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise Failure(f"{path}: {answer.status} {body[:200]}")
        return json.loads(body)["data"]


def questions(world):
    """name -> (about a month, ask(partner, month)), and a month's days by rows and by rollups; partners are numbers from 1 on."""
    api = Api(world.state.settings["api_port"])
    connection = psycopg2.connect(world.state.conninfo("cl_analyst"))
    connection.autocommit = True
    cursor = connection.cursor()
    ids = world.state.psql("cl_owner", "-c", "select id from clickledger.partner where name ~ '^Bench partner' order by id").split()

    def sql(text):
        def ask(partner, month):
            cursor.execute(text, {"partner": int(ids[partner - 1]), "month": month})
            return cursor.fetchall()
        return ask

    def get(path):
        def ask(partner, month):
            last = (month + datetime.timedelta(days=32)).replace(day=1) - datetime.timedelta(days=1)
            return api.get(path.format(since=month, until=last), partner)
        return ask

    def view(name):
        return sql(f"select * from clickledger.{name} where partner_id = %(partner)s and month = %(month)s")

    month = "/v1/stats?from={since}&to={until}"
    return {
        "API: month by day": (True, get(month + "&tz=Europe/Moscow")),
        "API: month by link": (True, get(month + "&group_by=link")),
        "API: month in India": (False, get(month + "&tz=Asia/Kolkata")),
        "API: year by day": (False, get("/v1/stats?from=2025-07-01&to=2026-06-30&tz=Europe/Moscow")),
        "API: conversions": (False, get("/v1/conversions")),
        "API: balance": (False, get("/v1/balance")),
        "API: statement": (False, get("/v1/statement")),
        "partner_month": (True, view("partner_month")),
        "click_daily, month": (True, view("click_daily")),
        "conversion_daily, month": (True, view("conversion_daily")),
        "funnel, month": (True, view("funnel")),
        "partner_standing, a month of all": (False, sql("select * from clickledger.partner_standing where month = %(month)s")),
    }, sql(RAW_MONTH), sql(DAILY_MONTH)


def measure(ask, count, chance, postgres, seconds_max=10):
    """Times in ms of a round, after some that do not count; and CPU in ms of each, which neighbours on the machine change less."""
    found, end = [], time.monotonic() + seconds_max
    for number in range(-count // 10, count):
        partner, month = chance.randint(1, PARTNERS), chance.choice(MONTHS)
        if number == 0:
            postgres.start()
        began = time.perf_counter()
        ask(partner, month)
        if number >= 0:
            found.append((time.perf_counter() - began) * 1000)
        if time.monotonic() > end and len(found) >= 3:
            break
    return sorted(found), postgres.used().total / len(found) / 1e6


def percentile(times, part):
    return times[min(len(times) - 1, int(len(times) * part))]


def check(raw, daily):
    """The rollups and the rows say the same."""
    for partner, month in zip(range(1, PARTNERS, PARTNERS // 5), MONTHS * 3):
        if raw(partner, month) != daily(partner, month):
            raise Failure(f"rollups and rows differ: partner {partner}, {month}")


def row(name, of_month, rounds):
    """What the rounds of a question say; times by round, CPU by round."""
    times, cpu = zip(*rounds)
    return [name, str(sum(map(len, times))), f"{statistics.median(percentile(one, 0.5) for one in times):.1f}",
            spread([percentile(one, 0.99) for one in times], 1), f"{max(one[-1] for one in times):.1f}", f"{statistics.median(cpu):.1f}",
            "*" if of_month else ""]


def run(options):
    clicks, days = (QUICK_CLICKS, QUICK_DAYS) if options.quick else (options.requests or CLICKS, DAYS)
    count, rounds = (10, 1) if options.quick else (QUESTIONS, options.rounds)
    with Year() as world:
        world.fill(clicks, days)
        asked, raw, daily = questions(world)
        check(raw, daily)
        found, raw_times = {name: [] for name in asked}, []
        chance, postgres = random.Random(1), Group(world.pid("postgres"))
        for number in range(1, rounds + 1):
            say(f"round {number} of {rounds}")
            for name, (_, ask) in asked.items():
                found[name].append(measure(ask, count, chance, postgres))
            raw_times += measure(raw, max(3, count // 20), chance, postgres)[0]
    worst = max(statistics.median(percentile(times, 0.99) for times, _ in found[name]) for name, (of_month, _) in asked.items() if of_month)
    print(f"\nquery: {clicks} clicks of {days} days in PostgreSQL, {PARTNERS} partners; each question about another partner; {rounds} rounds\n")
    table([["ms", "n", "p50", "p99", "max", "CPU", ""], *(row(name, of_month, found[name]) for name, (of_month, _) in asked.items())])
    print("  p50, p99, CPU: medians of the rounds (least..most); CPU: of all processes of PostgreSQL, mean of a question")
    print(f"  * a partner's month; the same from the raw rows (clicks by day): {spread(raw_times, 0)} ms")
    print(f"  the slowest p99 of a partner's month: {worst:.1f} ms, the raw rows' median {statistics.median(raw_times) / worst:.0f} times as long;"
          f" target at most {TARGET_MS} ms: {'met' if worst <= TARGET_MS else 'missed'}")
    return worst / TARGET_MS
