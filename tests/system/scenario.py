"""A small shop's story: facts that may be told in any order, and what must come out of them."""
import uuid
from datetime import timedelta

from shop import T0, Shop, lines_text, uuid7

TIERS = [{"from_minor": 0, "rate_ppm": 50000}, {"from_minor": 1500, "rate_ppm": 111111}, {"from_minor": 9000, "rate_ppm": 200000}]
MARGINAL = [{"commission_kind": "percent", "tier_mode": "marginal", "tiers": TIERS, "order_max_minor": 1200}]
WHOLE = [
    {"commission_kind": "percent", "tier_mode": "whole", "tiers": TIERS, "month_max_minor": 1000},
    {"customer_kind": "new", "commission_kind": "fixed", "fixed_minor": 400, "month_max_minor": 500},
    {"channel": "code", "commission_kind": "hybrid", "rate_ppm": 10000, "fixed_minor": 30, "order_min_minor": 700},
    {"product": "tea", "commission_kind": "percent", "tier_mode": "marginal", "tiers": TIERS},
]
MIXED = [
    {"commission_kind": "percent", "tier_mode": "marginal", "tiers": TIERS, "month_max_minor": 900, "hold_days": 3650},
    {"customer_kind": "returning", "commission_kind": "percent", "tier_mode": "whole", "tiers": TIERS, "order_max_minor": 150},
    {"category": "books", "commission_kind": "hybrid", "rate_ppm": 30001, "fixed_minor": 77, "order_min_minor": 100},
]
LINES = [("1", "tea", None, 2, 4000, 4000), ("2", "novel", None, 1, 3001, 1500), ("3", None, "gifts", 1, 999, 0)]
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
PARTNER_NAME_SQL = """create or replace function partner_name(bigint) returns text language sql stable
  as 'select name from clickledger.partner where id = $1'"""


class Scenario:
    """Facts of a few orders of one shop, each with its own id and time, to be told in any order."""

    def __init__(self, database, number, variant):
        policy, rules, fraud = variant
        database.query(PARTNER_NAME_SQL)
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
        ]
        self.facts += self.lines(hour, ids, visitors[1], typed)
        if policy:  # that reaches back over one that does not last
            self.facts += [lambda: shop.make_policy("last", binding="first_partner", since=hour[0]),
                           lambda: shop.make_policy(**policy, since=hour[1])]

    def lines(self, hour, ids, visitor, typed):
        shop = self.shop
        return [
            # p1: by code, without any visit.
            lambda: shop.report(hour[75], "p1", ids[75], promo=typed, amount_minor=2000, status="approved"),
            # p2: lines, of which one is refunded by name; what is sold belongs to a category that is told at any time.
            lambda: shop.report(hour[52], "p2", ids[52], visitor_id=visitor, amount_minor=8500, status="approved", lines=lines_text(LINES)),
            lambda: shop.report(hour[53], "p2", ids[53], status="refunded", amount_minor=1500, event_id="r1",
                                lines=lines_text([("1", None, None, 1, 1000, 0)])),
            lambda: shop.report(hour[54], "p2", ids[54], status="refunded", amount_minor=700, event_id="r2"),
            lambda: shop.db.query("insert into product_category values (%s, 'novel', 'books')", [shop.program]),
        ]

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
            self.rows("select c.order_id, l.place, l.amount_minor, l.base_minor, partner_name(m.partner_id), m.base_minor, m.amount_minor, r.place"
                      " from conversion_line l join conversion c on c.id = l.conversion_id left join commission_line m"
                      " on (m.conversion_id, m.place) = (l.conversion_id, l.place) left join commission_rule r on r.id = m.rule_id"
                      " where c.program_id = %s order by 1, 2, 5"),
        ]


def expect(postgres, number, variant):
    """What comes out when every fact is told in its turn."""
    scenario = Scenario(postgres, number, variant)
    for fact in scenario.facts:
        fact()
    scenario.shop.attribute()
    scenario.decide()
    scenario.shop.attribute()
    return scenario.outcome()
