"""The same facts in any order of arrival come to the same credits, commissions and balances."""
import random
import subprocess

from conftest import ALL
from rollups import conversions_differ
from scenario import FRAUD, VARIANTS, Scenario, expect
from shop import ATTRIB

SEEDS = 3 if ALL else 1
SHOPS = 9 if ALL else 1  # of each policy: 108 orders of arrival with --all, told side by side, each in an order of its own
CUTS = (1, 4, 12, 36) if ALL else (8,)  # attributed so often while they are told


def tell(scenarios, chance, cuts):
    """All facts of all shops in one random order; a third of the shops close their month somewhere on the way."""
    facts = [fact for scenario in scenarios for fact in scenario.facts]
    chance.shuffle(facts)
    stops = set(chance.sample(range(len(facts)), cuts))
    for n, fact in enumerate(facts):
        fact()
        if n in stops:
            scenarios[0].shop.attribute()
            for scenario in chance.sample(scenarios, len(scenarios) // 4):
                scenario.decide()
            for scenario in chance.sample(scenarios, len(scenarios) // 3):
                scenario.shop.close("2026-03-01")
    scenarios[0].shop.attribute()
    for scenario in scenarios:
        scenario.decide()
    scenarios[0].shop.attribute()


def check(outcome):
    """The first five orders, where no policy is."""
    assert [(order, status, amount) for order, status, _, amount, *_ in outcome[0]][:5] == [
        ("o1", "approved", 10005), ("o2", "declined", 1050), ("o3", "approved", 700), ("o4", "pending", 400), ("o5", "approved", 600)]
    assert [(order, partner, amount) for order, partner, _, amount, *_ in outcome[3]][:4] == [
        ("o1", "Boris", 701), ("o3", "Boris", 140), ("o4", "Anna", 40), ("o5", "Anna", 60)]


def test_the_order_of_arrival_does_not_matter(postgres):
    """The same facts in many orders, attributed in between at random, give the same credits, commissions and balances."""
    expected = [expect(postgres, number, variant) for number, variant in enumerate(VARIANTS)]
    check(expected[0])
    assert len({str(outcome[2]) for outcome in expected}) == len(VARIANTS)  # every policy makes a difference
    assert {row[8] for outcome in expected for row in outcome[3]} == {None, "order_min", "order_max", "month_max"}
    assert {row[2] for outcome in expected for row in outcome[8]} == {fact for fact, *_ in FRAUD}
    names = iter(range(len(VARIANTS), 1 << 30))
    for seed in random.sample(range(1 << 30), SEEDS):
        print(f"seed {seed}")
        chance = random.Random(seed)
        for cuts in CUTS:
            scenarios = [Scenario(postgres, next(names), variant) for variant in VARIANTS for _ in range(SHOPS)]
            tell(scenarios, chance, cuts)
            for number, scenario in enumerate(scenarios):
                assert scenario.outcome() == expected[number // SHOPS], f"seed {seed}, {cuts} cuts, variant {VARIANTS[number // SHOPS]}"
            assert conversions_differ(postgres.query) == []


def test_one_pass_writes_the_same_credits(postgres):
    """clickledger-attrib credit over whole days, however many conversions at a time, against the batches of attribution: the same
    rows, and nothing is left to do for commissions."""
    for number, variant in enumerate(VARIANTS):
        scenario = Scenario(postgres, number, variant)
        for fact in scenario.facts:
            fact()
    scenario.shop.attribute()
    credits = "select * from credit order by conversion_id, touch_kind, touch_id"
    wanted, rollup = postgres.query(credits), "select * from conversion_hourly where conversions_ppm <> 0 order by 1, 2, 3, 4, 5, 6, 7"
    hours = postgres.query(rollup)

    def credit(since, until, *batch):
        done = subprocess.run([ATTRIB, "credit", "--from", since, "--to", until, *batch], capture_output=True, text=True, timeout=60, check=False,
                              env={"CLICKLEDGER_POSTGRES_CONNINFO": postgres.conninfo("cl_attrib")})
        assert done.returncode == 0, done.stderr
        return done

    assert "conversions=0 touches=0 credits=0 " in credit("2020-01-01", "2020-02-01").stdout
    assert postgres.query(credits) == wanted
    for batch in ("--batch", "1"), ("--batch", "7"), ():
        done = credit("2026-03-10", "2026-03-20", *batch)
        assert f"conversions={postgres.value('select count(*) from conversion')} " in done.stdout and f"credits={len(wanted)} " in done.stdout
        assert postgres.query(credits) == wanted
        assert postgres.query(rollup) == hours and conversions_differ(postgres.query) == []
    again = scenario.shop.attribute()
    assert (again["orders"] > 0, again["credits"], again["commissions"], again["transactions"]) == (True, 0, 0, 0)
