"""Rules, tiers and limits: against a reference written independently, in any order of arrival, and what is refused when saved."""
import random
from datetime import datetime, timedelta, timezone
from fractions import Fraction

from api import api, world  # noqa: F401 (fixtures)
from shop import T0, Shop

SHOPS, ORDERS = 12, 14
RULES = [
    {"commission_kind": "percent", "tier_mode": "marginal", "tiers": [{"from_minor": 0, "rate_ppm": 50000},
        {"from_minor": 10000, "rate_ppm": 100000}, {"from_minor": 30000, "rate_ppm": 155555}], "order_max_minor": 600},
    {"product": "tea", "commission_kind": "percent", "tier_mode": "whole", "tiers": [{"from_minor": 0, "rate_ppm": 10000},
        {"from_minor": 40000, "rate_ppm": 70000}]},
    {"category": "books", "commission_kind": "hybrid", "rate_ppm": 30001, "fixed_minor": 77, "order_min_minor": 300},
    {"customer_kind": "new", "commission_kind": "fixed", "fixed_minor": 900, "month_max_minor": 800},
    {"customer_kind": "returning", "channel": "code", "commission_kind": "percent", "rate_ppm": 10000, "hold_days": 3650},
    {"kind": "lead", "commission_kind": "fixed", "fixed_minor": 55},
]
RANK = ("product", "category", "partner_group", "customer_kind", "channel", "country", "kind")


def half_up(value):
    return int(value + Fraction(1, 2))


def reference(orders):
    """Amounts by order id of one partner's month: from the rules' description, not from attrib/commission.c."""
    orders = sorted(orders, key=lambda o: (o["at"], o["kind"], o["order"]))
    alive = [o for o in orders if o["status"] != "declined"]
    total, before, used, seen, amounts = sum(o["base"] for o in alive), 0, {}, set(), {}
    for o in orders:
        facts = {"product": o["product"], "category": {"novel": "books"}.get(o["product"]), "channel": "code" if o["code"] else "click",
                 "kind": o["kind"], "customer_kind": o["customer"] and ("returning" if o["customer"] in seen else "new")}
        if o["status"] == "declined":
            amounts[o["order"]] = 0
            continue
        seen.add(o["customer"])
        matching = [r for r in RULES if all(facts.get(c) == r[c] for c in RANK if c in r)]
        rule = max(matching, key=lambda r: [c in r for c in RANK])
        amount = rule.get("fixed_minor", 0)
        if rule.get("tier_mode") == "whole":
            amount += half_up(Fraction(o["base"] * [t["rate_ppm"] for t in rule["tiers"] if t["from_minor"] <= total][-1], 10 ** 6))
        elif rule.get("tier_mode"):
            rates = [[t["rate_ppm"] for t in rule["tiers"] if t["from_minor"] <= before + unit][-1] for unit in range(o["base"])]
            amount += half_up(Fraction(sum(rates), 10 ** 6))
        else:
            amount += half_up(Fraction(o["base"] * rule.get("rate_ppm", 0), 10 ** 6))
        amount = min(max(amount, rule.get("order_min_minor", 0)), rule.get("order_max_minor", 10 ** 15))
        if "month_max_minor" in rule:
            amount = min(amount, rule["month_max_minor"] - used.get(id(rule), 0))
            used[id(rule)] = used.get(id(rule), 0) + amount
        before += o["base"]
        amounts[o["order"]] = amount
    return amounts


class Month:
    """Orders of one partner in one shop, as facts to be told in any order."""

    def __init__(self, database, number, chance):
        self.shop = shop = Shop(database, f"shop{number}")
        shop.make_rules(RULES)
        shop.db.query("insert into product_category values (%s, 'novel', 'books')", [shop.program])
        shop.make_code(f"CODE{number}", shop.anna)
        self.number, self.orders, self.facts = number, [], []
        for n in range(ORDERS):
            at = T0 + timedelta(minutes=chance.choice([n, n, 0]), hours=1)  # some at the same moment
            order = {"order": f"o{n}", "at": at, "kind": chance.choice(["sale"] * 4 + ["lead"]), "base": chance.choice([0, 999, 4001, 10000]),
                     "product": chance.choice([None, "tea", "novel"]), "code": chance.random() < 0.3,
                     "customer": chance.choice([None, None, "x", "y"]), "status": "approved"}
            self.orders.append(order)
            click = None
            if not order["code"]:
                click = shop.click(T0, shop.anna)
                self.facts.append(lambda at=T0: shop.load_touch(at))
            self.facts.append(lambda o=order, c=click: self.report(o, click_id=c, promo=f"CODE{number}" if o["code"] else None,
                                                                   amount_minor=o["base"] + o.get("refund", 0)))
            if chance.random() < 0.3 and order["base"] > 1000:
                order["refund"] = 500
                self.facts.append(lambda o=order: self.report(o, 40, status="refunded", amount_minor=500))
            elif chance.random() < 0.2:
                order["status"] = "declined"
                self.facts.append(lambda o=order: self.report(o, 50, status="declined"))

    def report(self, order, days=0, **said):
        at = order["at"] + timedelta(days=days / 10)
        said.setdefault("status", "approved")
        self.shop.report(T0 + timedelta(days=9), order["order"], kind=order["kind"], event_time=at, customer=order["customer"],
                         product=order["product"], signed=True, **said)

    def amounts(self):
        return dict(self.shop.db.query("select c.order_id, m.amount_minor from commission m join conversion c on c.id = m.conversion_id"
                                       " where c.program_id = %s and m.partner_id = %s", [self.shop.program, self.shop.anna]))


def test_any_order_of_arrival_comes_to_the_reference(postgres):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    months = [Month(postgres, n, chance) for n in range(SHOPS)]
    facts = [fact for month in months for fact in month.facts]
    chance.shuffle(facts)
    stops = set(chance.sample(range(len(facts)), 8))
    for n, fact in enumerate(facts):
        fact()
        if n in stops:
            months[0].shop.attribute()
    months[0].shop.attribute()
    for month in months:
        assert month.amounts() == reference(month.orders), (seed, month.number, month.orders)
    done = months[0].shop.attribute()
    assert done["orders"] == 0, done
    assert postgres.value("select count(distinct limited_by) from commission") == 3
    postgres.query("insert into conversion_due select id from conversion")
    done = months[0].shop.attribute()
    assert (done["commissions"], done["transactions"]) == (0, 0)


def test_a_late_order_moves_the_tiers_of_its_month_only(postgres):
    shop = Shop(postgres)
    shop.db.query("select partition_ensure('2026-03-25', '2026-04-10')")
    shop.make_rules([{"commission_kind": "percent", "tier_mode": "whole", "tiers": [{"from_minor": 0, "rate_ppm": 100000},
                                                                                    {"from_minor": 3000, "rate_ppm": 200000}]}])
    march, april = datetime(2026, 3, 31, 23, 30, tzinfo=timezone.utc), datetime(2026, 4, 1, tzinfo=timezone.utc)
    for number, (at, partner) in enumerate([(march, shop.anna), (april, shop.anna), (march, shop.boris)]):
        shop.report(at, f"o{number}", click_id=shop.click(at - timedelta(hours=1), partner), amount_minor=2000, status="approved")
    shop.attribute()
    assert [amount for _, amount, _ in shop.commissions()] == [200, 200, 200]
    shop.report(T0, "early", click_id=shop.click(T0 - timedelta(hours=1), shop.anna), amount_minor=1000, status="approved")
    shop.attribute()
    assert dict(shop.db.query("select c.order_id, m.amount_minor from commission m join conversion c on c.id = m.conversion_id")) == {
        "o0": 400, "o1": 200, "o2": 200, "early": 200}
    (told,) = shop.db.query("select x.body->'commission' from explanation x join conversion c on c.id = x.conversion_id where c.order_id = 'o0'")[0]
    assert (told["rule"]["volume_minor"], told["rule"]["tiers"][1]["rate_ppm"], told["amount_minor"], told["exact_minor"]) == (3000, 200000, 400, None)
    # A decline gives back what it took from others.
    shop.decide("decline", T0 + timedelta(days=1), "early", "test_order")
    shop.attribute()
    assert sorted(amount for _, amount, _ in shop.commissions()) == [0, 200, 200, 200]
    hours = shop.db.query("select sum(commission_minor) from conversion_hourly")
    assert hours == shop.db.query("select sum(amount_minor) from commission")


def test_groups_countries_and_categories(postgres):
    shop = Shop(postgres)
    shop.make_rules([{"partner_group": "vip", "commission_kind": "percent", "rate_ppm": 300000},
                     {"country": "KZ", "commission_kind": "percent", "rate_ppm": 200000},
                     {"category": "books", "commission_kind": "fixed", "fixed_minor": 5}])
    shop.db.query("insert into partner_group values (%s, 'vip', %s, tstzmultirange(tstzrange(%s, null)))", [shop.program, shop.boris, T0])
    first, later = (shop.click(at, shop.boris) for at in (T0 - timedelta(minutes=1), T0))
    abroad = shop.click(T0, shop.anna)
    shop.db.query("update click set country = 'KZ' where click_id in (%s, %s)", [first, abroad])
    for order, click, product in (("before", first, None), ("member", later, None), ("abroad", abroad, None), ("book", abroad, "novel")):
        shop.report(T0 + timedelta(hours=1), order, click_id=click, amount_minor=1000, status="approved", product=product)
    shop.attribute()
    amounts = "select c.order_id, m.amount_minor from commission m join conversion c on c.id = m.conversion_id"
    assert dict(shop.db.query(amounts)) == {"before": 200, "member": 300, "abroad": 200, "book": 200}
    shop.db.query("insert into product_category values (%s, 'novel', 'books')", [shop.program])
    shop.attribute()
    assert dict(shop.db.query(amounts))["book"] == 5


PERCENT = {"commission_kind": "percent", "rate_ppm": 1}
TIERS = {"commission_kind": "percent", "tier_mode": "whole"}
REFUSED = [  # a list of rules, and what the message says
    ([PERCENT, {**PERCENT, "colour": "red"}], "rules[1]: unknown: colour"),
    ([PERCENT, {**PERCENT, "rate_ppm": 2}], "rules[1]: asks the same as rules[0]"),
    ([{**PERCENT, "country": "RU"}, PERCENT, {**PERCENT, "country": "RU", "hold_days": 1}], "rules[2]: asks the same as rules[0]"),
    ([{"rate_ppm": 1}], "rules[0].commission_kind: is needed"),
    ([{"commission_kind": "percent"}], "rules[0].rate_ppm"),
    ([{"commission_kind": "fixed"}], "rules[0].fixed_minor"),
    ([{**PERCENT, "fixed_minor": 1}], "rules[0].fixed_minor"),
    ([{"commission_kind": "hybrid", "rate_ppm": 1}], "rules[0].fixed_minor"),
    ([{**PERCENT, "commission_kind": "half"}], "rules[0].commission_kind"),
    ([{**PERCENT, "rate_ppm": 1000001}], "rules[0].rate_ppm: must be an integer from 0 to 1000000"),
    ([{**PERCENT, "rate_ppm": 1.5}], "rules[0].rate_ppm"),
    ([{**PERCENT, "rate_ppm": "1"}], "rules[0].rate_ppm"),
    ([{**PERCENT, "country": "ru"}], "rules[0].country"),
    ([{**PERCENT, "kind": "gift"}], "rules[0].kind"),
    ([{**PERCENT, "product": ""}], "rules[0].product"),
    ([{**PERCENT, "product": None}], "rules[0].product"),
    ([{**PERCENT, "order_min_minor": 2, "order_max_minor": 1}], "rules[0].order_min_minor"),
    ([{**PERCENT, "order_min_minor": 2, "month_max_minor": 1}], "rules[0].order_min_minor"),
    ([{**TIERS}], "rules[0]: tier_mode and tiers belong together"),
    ([{**TIERS, "tiers": []}], "rules[0].tiers: must be a list of 1 to 32"),
    ([{**TIERS, "rate_ppm": 1, "tiers": [{"from_minor": 0, "rate_ppm": 1}]}], "rules[0].rate_ppm: either"),
    ([{**TIERS, "tiers": [{"from_minor": 1, "rate_ppm": 1}]}], "rules[0].tiers[0].from_minor: the first tier begins at 0"),
    ([{**TIERS, "tiers": [{"from_minor": 0, "rate_ppm": 1}, {"from_minor": 0, "rate_ppm": 2}]}], "rules[0].tiers[1].from_minor: tiers ascend"),
    ([{**TIERS, "tiers": [{"from_minor": 0}]}], "rules[0].tiers[0]: needs"),
    ([{**TIERS, "tiers": [{"from_minor": 0, "rate_ppm": 1, "x": 1}]}], "rules[0].tiers[0]: knows"),
    ([{**TIERS, "tiers": [1]}], "rules[0].tiers[0]: must be an object"),
]


def test_rules_are_checked_when_they_are_saved(world):
    path = f"/v1/programs/{world.program}/terms"
    body = {"commission_kind": "percent", "rate_ppm": 100000}
    before = world.postgres.value("select count(*) from terms")
    for rules, message in REFUSED:
        answer = world.team.post(path, {**body, "rules": rules})
        assert (answer.status, answer.code) == (422, "rules") and message in answer.body["error"]["message"], (rules, answer.text)
    assert world.team.post(path, {**body, "rules": [PERCENT] * 201}).code == "rules"
    assert world.postgres.value("select count(*) from terms") == before
    made = world.team.post(path, {**body, "rules": RULES})
    assert made.status == 201 and made.body["rules"] == RULES and world.team.get(path).data[0] == made.body
    group = {"name": "vip", "partner_id": world.anna.id, "member": True}
    answer = world.team.patch(f"/v1/programs/{world.program}/partner-groups", group)
    assert answer.body == {"program_id": world.program, **group}
    assert world.team.patch(f"/v1/programs/{world.program}/partner-groups", {**group, "member": False}).body["member"] is False
    assert world.team.patch(f"/v1/programs/{world.program}/products", {"product": "tea", "category": "drinks"}).status == 200
