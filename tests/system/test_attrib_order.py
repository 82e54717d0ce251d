"""The same facts in any order of arrival come to the same credits, commissions and balances."""
import os
import random
import subprocess
import uuid
from datetime import timedelta

from rollups import conversions_differ
from shop import ATTRIB, T0, Shop, uuid7

TIERS = [{"from_minor": 0, "rate_ppm": 50000}, {"from_minor": 1500, "rate_ppm": 111111}, {"from_minor": 9000, "rate_ppm": 200000}]
MARGINAL = [{"commission_kind": "percent", "tier_mode": "marginal", "tiers": TIERS, "order_max_minor": 1200}]
WHOLE = [
    {"commission_kind": "percent", "tier_mode": "whole", "tiers": TIERS, "month_max_minor": 1000},
    {"customer_kind": "new", "commission_kind": "fixed", "fixed_minor": 400, "month_max_minor": 500},
    {"channel": "code", "commission_kind": "hybrid", "rate_ppm": 10000, "fixed_minor": 30, "order_min_minor": 700},
]
MIXED = [
    {"commission_kind": "percent", "tier_mode": "marginal", "tiers": TIERS, "month_max_minor": 900, "hold_days": 3650},
    {"customer_kind": "returning", "commission_kind": "percent", "tier_mode": "whole", "tiers": TIERS, "order_max_minor": 150},
]
FRAUD = [("self_referral", "hold", None), ("too_fast", "hold", 7200), ("code_without_visit", "hold", None), ("order_velocity", "hold", 1)]
VARIANTS = [  # policy of attribution, rules of the terms, facts that are looked for
    (None, [], []),
    ({"model": "last", "binding": "first_partner"}, MARGINAL, FRAUD[3:]),
    ({"model": "first", "precedence": "none", "touches_max": 2}, WHOLE, []),
    ({"model": "linear", "precedence": "split", "code_ppm": 300000, "visit_window_hours": 48, "binding": "first_partner", "bind_days": 1},
     MIXED, FRAUD),
    ({"model": "position", "precedence": "click_over_code", "impression_window_hours": 24}, [], FRAUD),
    ({"model": "time_decay", "half_life_hours": 5, "precedence": "none", "impression_window_hours": 48, "visit_window_hours": 48,
      "binding": "first_partner"}, WHOLE, FRAUD[:2]),
]
ALL = os.environ.get("CLICKLEDGER_TEST_ALL") == "1"
SEEDS = 3 if ALL else 1
SHOPS = 25 if ALL else 1  # of each policy, told side by side, each in an order of its own
CUTS = (1, 4, 12, 36) if ALL else (8,)  # attributed so often while they are told


class Scenario:
    """Facts of a few orders of one shop, each with its own id and time, to be told in any order."""

    def __init__(self, database, number, variant):
        policy, rules, fraud = variant
        self.shop = shop = Shop(database, f"shop{number}")
        shop.make_rules(rules)
        for fact in fraud:
            shop.db.query("insert into fraud_policy values (%s, %s, %s, %s, %s)", [shop.program, fact[0], T0, *fact[1:]])
        shop.db.query("insert into partner_customer values (%s, 'c')", [shop.boris])
        self.names = {}
        self.undecided = {"o2": "decline", "o6": "decline", "o7": "approve"}
        visitors = [self.named(str(uuid.uuid4()), f"visitor {n}") for n in range(9)]
        hour = [T0 + timedelta(hours=n) for n in range(80)]
        ids = [self.named(uuid7(hour[n]), f"id {n}") for n in range(80)]
        code, typed = f"GIFT{number}", self.named(f"gift{number}", "gift")
        shop.make_code(code, shop.boris)
        self.facts = [
            # o1: two clicks of a visitor, known only by the reported one; approved, refunded in part, the same again.
            lambda: shop.click(hour[0], shop.anna, visitors[0], ids[0]),
            lambda: shop.click(hour[2], shop.boris, visitors[0], ids[2]),
            lambda: shop.report(hour[5], "o1", ids[5], click_id=ids[0], amount_minor=10005),
            lambda: shop.report(hour[6], "o1", ids[6], status="approved"),
            lambda: shop.report(hour[7], "o1", ids[7], status="refunded", amount_minor=3000),
            lambda: shop.report(hour[8], "o1", ids[8], status="refunded", amount_minor=3000),
            lambda: shop.report(hour[9], "o1", ids[9], amount_minor=999),
            # o2: the refund is told before its sale.
            lambda: shop.click(hour[1], shop.anna, None, ids[1]),
            lambda: shop.report(hour[10], "o2", ids[10], status="refunded", amount_minor=50),
            lambda: shop.report(hour[11], "o2", ids[11], click_id=ids[1], amount_minor=1050, status="approved"),
            # o3: a code against a click; the shop's own time.
            lambda: shop.click(hour[12], shop.anna, visitors[1], ids[12]),
            lambda: shop.promo_entry(hour[13], code, visitors[1], ids[13]),
            lambda: shop.report(hour[20], "o3", ids[20], visitor_id=visitors[1], amount_minor=500, promo=typed,
                                event_time=hour[14], status="approved"),
            lambda: shop.report(hour[21], "o3", ids[21], amount_minor=700, event_id="e1", status="approved"),
            lambda: shop.report(hour[22], "o3", ids[22], amount_minor=700, event_id="e1", status="approved"),
            # o4: the pixel and the postback carry different visitors; the first one counts.
            lambda: shop.click(hour[3], shop.anna, visitors[2], ids[3]),
            lambda: shop.click(hour[4], shop.boris, visitors[3], ids[4]),
            lambda: shop.report(hour[23], "o4", ids[23], source="pixel", visitor_id=visitors[2], amount_minor=99999),
            lambda: shop.report(hour[24], "o4", ids[24], visitor_id=visitors[3], amount_minor=400),
            # o5: two clicks of two visitors are named.
            lambda: shop.click(hour[15], shop.anna, visitors[4], ids[15]),
            lambda: shop.click(hour[16], shop.boris, visitors[5], ids[16]),
            lambda: shop.report(hour[25], "o5", ids[25], click_id=ids[15], amount_minor=600),
            lambda: shop.report(hour[26], "o5", ids[26], click_id=ids[16], status="approved"),
            # Terms that reach back.
            lambda: (shop.make_terms(rate_ppm=200000, partner=shop.boris, since=hour[3]), shop.make_rules(rules)),
            # o6, o7, o8: a customer on three devices, known by what the shop signed; o6 will be declined.
            lambda: shop.click(hour[40], shop.boris, visitors[6], ids[40]),
            lambda: shop.report(hour[41], "o6", ids[41], visitor_id=visitors[6], customer="c", signed=True, amount_minor=1000),
            lambda: shop.click(hour[42], shop.anna, visitors[7], ids[42]),
            lambda: shop.impression(hour[43], shop.boris, visitors[7], hit_id=ids[43]),
            lambda: shop.promo_entry(hour[44], code, visitors[7], ids[44]),
            lambda: shop.visit(hour[45], visitors[7], hit_id=ids[45], utm_source="mail"),
            lambda: shop.report(hour[46], "o7", ids[46], visitor_id=visitors[7], amount_minor=1001),
            lambda: shop.report(hour[47], "o7", ids[47], customer="c", signed=True, status="approved"),
            lambda: shop.click(hour[48], shop.boris, visitors[8], ids[48]),
            lambda: shop.click(hour[49], shop.anna, visitors[8], ids[49]),
            lambda: shop.report(hour[72], "o8", ids[72], visitor_id=visitors[8], customer="c", signed=True, amount_minor=10007,
                                status="approved"),
            lambda: shop.report(hour[73], "o8", ids[73], status="refunded", amount_minor=7),
            # A customer whom nobody signed joins nothing.
            lambda: shop.report(hour[74], "o9", ids[74], visitor_id=visitors[5], customer="c", amount_minor=100),
            # p1: by code, without any visit.
            lambda: shop.report(hour[75], "p1", ids[75], promo=typed, amount_minor=2000, status="approved"),
        ]
        if policy:  # that reaches back over one that does not last
            self.facts += [lambda: shop.make_policy("last", binding="first_partner", since=hour[0]),
                           lambda: shop.make_policy(**policy, since=hour[1])]

    def named(self, value, name):
        self.names[value] = name
        return value

    def decide(self):
        """The team can decide only about what is there."""
        for order in sorted(self.undecided):
            if self.shop.db.value("select id from conversion where program_id = %s and order_id = %s", [self.shop.program, order]):
                self.shop.decide(self.undecided.pop(order), T0 + timedelta(hours=75), order)

    def rows(self, sql):
        return [tuple(self.names.get(value, value) for value in row) for row in self.shop.db.query(sql, [self.shop.program])]

    def outcome(self):
        """Everything that must not depend on the order of arrival, in names."""
        return [
            self.rows("select order_id, status, occurred_at, amount_minor, refunded_minor, click_id, visitor_id, promo, reason"
                      " from conversion where program_id = %s order by 1"),
            self.rows("select id, verdict, note from conversion_report where program_id = %s order by ts"),
            self.rows("select c.order_id, r.touch_kind, r.touch_id, partner_name(r.partner_id), r.weight_ppm, r.amount_minor, r.model from credit r"
                      " join conversion c on c.id = r.conversion_id where c.program_id = %s order by 1, r.touch_ts, 2"),
            self.rows("select c.order_id, partner_name(m.partner_id), m.base_minor, m.amount_minor, m.status, m.hold_until, m.volume_minor, m.uncapped_minor,"
                      " m.limited_by, m.customer_kind, r.place from commission m left join commission_rule r on r.id = m.rule_id"
                      " join conversion c on c.id = m.conversion_id"
                      " where c.program_id = %s and (m.amount_minor > 0 or m.status <> 'void') order by 1, 2"),
            self.rows("select c.order_id, partner_name(t.partner_id), a.kind, sum(e.amount_minor) from ledger_entry e"
                      " join ledger_transaction t on t.id = e.transaction_id join ledger_account a on a.id = e.account_id"
                      " join conversion c on c.id = t.conversion_id where c.program_id = %s"
                      " group by 1, 2, 3 having sum(e.amount_minor) <> 0 order by 1, 2, 3"),
            # By the month of the order, whether it was closed before or not.
            self.rows("select c.order_id, partner_name(t.partner_id), coalesce(t.adjusts, t.period), sum(e.amount_minor) from ledger_transaction t"
                      " join ledger_entry e on e.transaction_id = t.id and e.partner_id is not null join conversion c on c.id = t.conversion_id"
                      " where c.program_id = %s group by 1, 2, 3 having sum(e.amount_minor) <> 0 order by 1, 2, 3"),
            self.rows("select a.kind, partner_name(a.partner_id), sum(e.amount_minor) from ledger_account a join ledger_entry e on e.account_id = a.id"
                      " where a.program_id = %s group by 1, 2 having sum(e.amount_minor) <> 0 order by 1, 2"),
            sorted(self.rows("select c.order_id, k.kind, case k.kind when 'customer' then '' else k.value::text end from conversion_key k"
                             " join conversion c on c.id = k.conversion_id where c.program_id = %s")),
            self.rows("select c.order_id, partner_name(f.partner_id), f.fact, f.action, f.measured from conversion_fact f"
                      " join conversion c on c.id = f.conversion_id where c.program_id = %s order by 1, 2, 3"),
            self.rows("select partner_name(b.partner_id), b.touch_id, c.order_id from customer_binding b join conversion c on c.id = b.conversion_id"
                      " where b.program_id = %s"),
            self.rows("select c.order_id, partner_name(x.partner_id), x.body->'touches' @> '[{\"own\": true, \"verdict\": \"won\"}]' from explanation x"
                      " join conversion c on c.id = x.conversion_id"
                      " where c.program_id = %s and x.body->'touches' @> '[{\"own\": true}]' order by 1, 2"),
        ]


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


def expect(postgres, number, variant):
    """What comes out when every fact is told in its turn."""
    scenario = Scenario(postgres, number, variant)
    for fact in scenario.facts:
        fact()
    scenario.shop.attribute()
    scenario.decide()
    scenario.shop.attribute()
    return scenario.outcome()


def check(outcome):
    """The first five orders, where no policy is."""
    assert [(order, status, amount) for order, status, _, amount, *_ in outcome[0]][:5] == [
        ("o1", "approved", 10005), ("o2", "declined", 1050), ("o3", "approved", 700), ("o4", "pending", 400), ("o5", "approved", 600)]
    assert [(order, partner, amount) for order, partner, _, amount, *_ in outcome[3]][:4] == [
        ("o1", "Boris", 701), ("o3", "Boris", 140), ("o4", "Anna", 40), ("o5", "Anna", 60)]


def test_the_order_of_arrival_does_not_matter(postgres):
    """The same facts in many orders, attributed in between at random, give the same credits, commissions and balances."""
    postgres.query("create function partner_name(bigint) returns text return (select name from partner where id = $1)")
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
    """clickledger-attrib credit over whole days against the batches: the same rows, and nothing is left to do for commissions."""
    for number, variant in enumerate(VARIANTS):
        scenario = Scenario(postgres, number, variant)
        for fact in scenario.facts:
            fact()
    scenario.shop.attribute()
    credits = "select * from credit order by conversion_id, touch_kind, touch_id"
    wanted, rollup = postgres.query(credits), "select * from conversion_hourly where conversions_ppm <> 0 order by 1, 2, 3, 4, 5, 6, 7"
    hours = postgres.query(rollup)
    done = subprocess.run([ATTRIB, "credit", "--from", "2026-03-10", "--to", "2026-03-20"], capture_output=True, text=True, timeout=60, check=False,
                          env={"CLICKLEDGER_POSTGRES_CONNINFO": postgres.conninfo("cl_attrib")})
    assert done.returncode == 0, done.stderr
    assert f"conversions={postgres.value('select count(*) from conversion')} " in done.stdout and f"credits={len(wanted)} " in done.stdout
    assert postgres.query(credits) == wanted
    assert postgres.query(rollup) == hours and conversions_differ(postgres.query) == []
    again = scenario.shop.attribute()
    assert (again["orders"] > 0, again["credits"], again["commissions"], again["transactions"]) == (True, 0, 0, 0)
