"""Orders with lines: each is paid by the rule of its product or category, to the last minor unit, against a reference written
independently; refunds that name lines and that do not; any order of arrival; from the shop's JSON to the explanation."""
import json
import random
import urllib.error
import urllib.request
import uuid
from datetime import timedelta
from fractions import Fraction

import pytest

from conftest import wait_for
from installation import Installation, click_id_of
from load import AGENTS
from shop import T0, Shop, lines_text

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SHOPS, ORDERS, RATE = 6, 12, Fraction(3, 2)
RULES = [
    {"commission_kind": "percent", "tier_mode": "marginal", "tiers": [{"from_minor": 0, "rate_ppm": 50000},
        {"from_minor": 10000, "rate_ppm": 100000}, {"from_minor": 30000, "rate_ppm": 155555}], "order_max_minor": 900},
    {"product": "tea", "commission_kind": "percent", "tier_mode": "whole", "tiers": [{"from_minor": 0, "rate_ppm": 10000},
        {"from_minor": 40000, "rate_ppm": 70000}]},
    {"category": "books", "commission_kind": "hybrid", "rate_ppm": 30001, "fixed_minor": 77, "order_min_minor": 300, "hold_days": 1},
    {"category": "gifts", "commission_kind": "fixed", "fixed_minor": 901, "month_max_minor": 1500},
]
LINES = [("1", "tea", None), ("2", "novel", None), ("3", "card", "gifts"), (None, "tea", "books"), ("5", None, "toys"), ("tea", None, None)]


def half_up(value):
    return int(value + Fraction(1, 2))


def divide(total, weights):
    """By largest remainder; of equal ones the earlier."""
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [int(part) for part in exact]
    for n in sorted(range(len(weights)), key=lambda n: (parts[n] - exact[n], n))[:total - sum(parts)]:
        parts[n] += 1
    return parts


def bases_of(order):
    """What each line is paid for, in the programme's currency."""
    lines, refunded = order["lines"], [0] * len(order["lines"])
    for _, named in order["refunds"]:
        for line in named:
            left = line[4]
            for n, of in enumerate(lines):
                if (line[0] == of[0]) if line[0] else (line[1:3] == of[1:3]):
                    part = min(left, of[4] - refunded[n])
                    refunded[n], left = refunded[n] + part, left - part
    total = sum(amount for amount, _ in order["refunds"])
    rest = order["amount"] - sum(line[4] for line in lines)
    if total > sum(refunded):
        left = [line[4] - part for line, part in zip(lines, refunded)] + [rest]
        refunded = [part + more for part, more in zip(refunded, divide(total - sum(refunded), left))]
    bases = [half_up(Fraction(line[5] * (line[4] - part), line[4])) if line[4] else 0 for line, part in zip(lines, refunded)]
    if order["currency"] and order["amount"] > total:
        net = round(order["amount"] * RATE) - round(total * RATE)
        bases = divide(net, bases + [order["amount"] - total - sum(bases)])[:-1]
    return bases


def rule_of(line):
    product = line[1] or line[0]
    category = line[2] or {"novel": "books"}.get(product)
    matching = [r for r in RULES if r.get("product") in (None, product) and r.get("category") in (None, category)]
    return max(matching, key=lambda r: ["product" in r, "category" in r])


def reference(orders, partner):
    """Amounts by order id of a partner's month: from docs/commission.md, not from attrib."""
    parts, alive_orders = [], set()
    for o in sorted(orders, key=lambda o: (o["at"], o["order"])):
        if partner not in o["partners"]:
            continue
        whole = sum(amount for amount, _ in o["refunds"]) == o["amount"]
        share, grouped = Fraction(1, len(o["partners"])), {}
        for line, base in zip(o["lines"], bases_of(o)):
            own = divide(base, [1] * len(o["partners"]))[o["partners"].index(partner)]
            part = grouped.setdefault(id(rule_of(line)), {"order": o["order"], "rule": rule_of(line), "base": 0, "alive": False, "share": share})
            part["base"] += own
            part["alive"] |= base > 0 and not whole
        parts += grouped.values()
    total, before, used, amounts = sum(p["base"] for p in parts if p["alive"]), 0, {}, {}
    for p in parts:
        rule, base = p["rule"], p["base"]
        amounts.setdefault(p["order"], 0)
        if not p["alive"]:
            continue
        amount = half_up(rule.get("fixed_minor", 0) * p["share"])
        if rule.get("tier_mode") == "whole":
            amount += half_up(Fraction(base * [t["rate_ppm"] for t in rule["tiers"] if t["from_minor"] <= total][-1], 10 ** 6))
        elif rule.get("tier_mode"):
            ends = [t["from_minor"] for t in rule["tiers"][1:]] + [10 ** 15]
            amount += half_up(sum(Fraction(max(0, min(end, before + base) - max(t["from_minor"], before)) * t["rate_ppm"], 10 ** 6)
                                  for t, end in zip(rule["tiers"], ends)))
        else:
            amount += half_up(Fraction(base * rule.get("rate_ppm", 0), 10 ** 6))
        amount = max(amount, half_up(rule.get("order_min_minor", 0) * p["share"]))
        amount = min(amount, half_up(rule.get("order_max_minor", 10 ** 15) * p["share"]))
        if "month_max_minor" in rule:
            amount = min(amount, rule["month_max_minor"] - used.get(id(rule), 0))
            used[id(rule)] = used.get(id(rule), 0) + amount
        before += base
        amounts[p["order"]] += amount
    return amounts


class Month:
    """Orders of two partners in one shop, as facts to be told in any order."""

    def __init__(self, database, number, chance):
        self.shop = shop = Shop(database, f"shop{number}")
        shop.make_rules(RULES)
        shop.make_policy("linear")
        self.number, self.orders = number, [self.order(n, chance) for n in range(ORDERS)]
        self.facts = [lambda: shop.db.query("insert into product_category values (%s, 'novel', 'books')", [shop.program])]
        for order in self.orders:
            visitor = str(uuid.UUID(int=chance.getrandbits(128)))
            for hours, partner in enumerate(order["partners"]):
                click = shop.click(T0 + hours * HOUR, partner, visitor)
            self.facts.append(lambda o=order, c=click: self.report(o, 0, click_id=c, amount_minor=o["amount"], status="approved", lines=lines_text(o["lines"])))
            for n, (amount, named) in enumerate(order["refunds"]):
                self.facts.append(lambda o=order, n=n, amount=amount, named=named: self.report(
                    o, n + 1, status="refunded", amount_minor=amount, event_id=f"r{n}", lines=lines_text(named) or None))

    def order(self, n, chance):
        lines = []
        for sku, product, category in chance.sample(LINES, chance.randrange(1, 6)):
            amount = chance.choice([0, 999, 4001, 10000, 1])
            lines.append((sku, product, category, chance.randrange(1, 4), amount, chance.choice([amount, amount, amount // 3, 0])))
        amount = sum(line[4] for line in lines) + chance.choice([0, 0, 499])
        order = {"order": f"o{n}", "at": T0 + 5 * HOUR + timedelta(minutes=chance.choice([n, 0])), "lines": lines, "amount": amount, "refunds": [],
                 "currency": chance.choice([None, None, "EUR"]), "partners": chance.choice([[self.shop.anna], [self.shop.anna, self.shop.boris]])}
        left = amount
        for _ in range(chance.choice([0, 0, 1, 2])):
            line = chance.choice(lines)
            part = chance.choice([line[4], line[4] // 2, left])
            if 0 < part <= left:
                named = [(*line[:4], min(part, line[4]), 0)] if chance.random() < 0.6 else []
                order["refunds"].append((part, named))
                left -= part
        return order

    def report(self, order, days, **said):
        self.shop.report(T0 + 9 * DAY, order["order"], event_time=order["at"] + days * HOUR, currency=order["currency"] or "RUB", **said)

    def amounts(self, partner):
        return dict(self.shop.db.query("select c.order_id, m.amount_minor from commission m join conversion c on c.id = m.conversion_id"
                                       " where c.program_id = %s and m.partner_id = %s", [self.shop.program, partner]))


def test_any_order_of_arrival_comes_to_the_reference(postgres):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    months = [Month(postgres, n, chance) for n in range(SHOPS)]
    facts = [fact for month in months for fact in month.facts]
    facts.append(lambda: postgres.query("insert into currency_rate (from_currency, to_currency, valid_from, rate_pico, source)"
                                        " values ('EUR', 'RUB', %s, 1500000000000, 'bank')", [T0]))
    chance.shuffle(facts)
    stops = set(chance.sample(range(len(facts)), 6))
    for n, fact in enumerate(facts):
        fact()
        if n in stops:
            months[0].shop.attribute()
    months[0].shop.attribute()
    for month in months:
        for partner in (month.shop.anna, month.shop.boris):
            assert month.amounts(partner) == reference(month.orders, partner), (seed, month.number, partner, month.orders)
        for order in month.orders:
            found = postgres.query("select l.base_minor from conversion_line l join conversion c on c.id = l.conversion_id"
                                   " where c.program_id = %s and c.order_id = %s order by l.place", [month.shop.program, order["order"]])
            wanted = bases_of(order) if sum(a for a, _ in order["refunds"]) < order["amount"] else [0] * len(order["lines"])
            assert [base for (base,) in found] == wanted, (seed, order)
    assert postgres.query("select from commission m where amount_minor <> (select sum(amount_minor) from commission_line l"
                          " where l.conversion_id = m.conversion_id and l.partner_id = m.partner_id)") == []
    assert postgres.value("select count(*) from conversion_report where verdict not in ('applied', 'duplicate')") == 0
    done = months[0].shop.attribute()
    assert done["orders"] == 0, done
    postgres.query("insert into conversion_due select id from conversion")
    done = months[0].shop.attribute()
    assert (done["commissions"], done["transactions"]) == (0, 0)


def test_lines_are_explained(postgres):
    shop = Shop(postgres)
    shop.make_rules([{"category": "tea", "commission_kind": "percent", "rate_ppm": 200000}, {"product": "card", "commission_kind": "fixed", "fixed_minor": 500},
                     {"product": "mug", "commission_kind": "percent", "tier_mode": "whole", "tiers": [{"from_minor": 0, "rate_ppm": 50000}]}])
    lines = [("A1", "oolong", "tea", 2, 100000, 100000), ("A2", "card", None, 1, 50000, 50000), ("A3", "mug", None, 1, 20000, 20000),
             ("A4", "wrapping", None, 1, 5000, 0), ("A5", "pan", None, 1, 30000, 30000)]
    shop.report(T0, click_id=shop.click(T0 - HOUR, shop.anna), amount_minor=210000, status="approved", lines=lines_text(lines))
    shop.report(T0 + HOUR, status="refunded", amount_minor=50000, lines=lines_text([("A1", None, None, 1, 50000, 50000)]))
    shop.report(T0 + HOUR, "plain", click_id=shop.click(T0 - HOUR, shop.anna), amount_minor=1000, status="approved", product="card")
    shop.attribute()
    assert [amount for _, amount, _ in shop.commissions()] == [10000 + 500 + 1000 + 0 + 3000, 500]
    (told,) = postgres.query("select x.body->'commission' from explanation x join conversion c on c.id = x.conversion_id where c.order_id = 'o1'")[0]
    assert [(line["place"], line.get("rule"), line["base_minor"], line["refunded_minor"], line["commission_minor"], line.get("rate_ppm"))
            for line in told["lines"]] == [(1, 1, 50000, 50000, 10000, 200000), (2, 2, 50000, 0, 500, None), (3, 3, 20000, 0, 1000, None),
                                           (4, None, 0, 0, 0, 100000), (5, None, 30000, 0, 3000, 100000)]
    assert (told["base_minor"], told["amount_minor"], told["exact_minor"]) == (150000, 14500, None)
    for lang, wanted in (("en", ["Line 1, oolong x 2: 1000.00 RUB, of which 500.00 RUB for commission; 20 % by rule 1: 100.00 RUB.",
                                 "Line 2, card x 1: 500.00 RUB, of which 500.00 RUB for commission; fixed, by rule 2: 5.00 RUB.",
                                 "Line 3, mug x 1: 200.00 RUB, of which 200.00 RUB for commission; by the volume of the month, rule 3: 10.00 RUB.",
                                 "Line 5, pan x 1: 300.00 RUB, of which 300.00 RUB for commission; 10 % by the terms: 30.00 RUB."]),
                         ("ru", ["Строка 1, oolong x 2: 1000.00 RUB, из них для комиссии 500.00 RUB; 20 %, правило 1: 100.00 RUB."])):
        said = postgres.value("select explanation_text(body, %s) from explanation x join conversion c on c.id = x.conversion_id"
                              " where c.order_id = 'o1'", [lang])
        assert set(wanted) <= set(said.split("\n")), said
    # Nothing is left of a line: its fixed sum goes, too. Of a category that is told later, its rule pays.
    shop.report(T0 + 2 * HOUR, status="refunded", amount_minor=50000, lines=lines_text([("A2", None, None, 1, 50000, 50000)]))
    postgres.query("insert into product_category values (%s, 'pan', 'tea')", [shop.program])
    shop.attribute()
    assert [amount for _, amount, _ in shop.commissions()] == [10000 + 0 + 1000 + 0 + 6000, 500]


def test_lines_that_are_none(postgres):
    shop = Shop(postgres)
    for n, bad in enumerate(["", "x", "A\t\t\t1\t5\t5", "A\t\t\t0\t5\t5\n", "A\t\t\t1\t5\t6\n", "A\t\t\t1\t101\t0\n", "A\t\t\t1\t05\t5\n",
                             "\t\t\t1\t1\t1\n" * 51]):
        report = shop.report(T0, f"bad{n}", amount_minor=100, lines=bad)
        shop.attribute()
        assert shop.verdict(report) == "lines_invalid", bad
    # Lines are those of the report whose amount stands.
    lines = lines_text([("A", None, None, 1, 60, 60)])
    assert [shop.report(T0, "o1", amount_minor=100), shop.report(T0 + HOUR, "o1", amount_minor=100, lines=lines)]
    shop.attribute()
    assert postgres.query("select place, amount_minor, base_minor from conversion_line") == [(1, 60, 60)]
    shop.report(T0 + 2 * HOUR, "o1", amount_minor=90, status="approved")
    shop.attribute()
    assert postgres.query("select from conversion_line") == []


@pytest.fixture(scope="module")
def installation():
    made = Installation(workers=1)
    made.up()
    yield made
    made.remove()


def post(installation, body):
    try:
        with urllib.request.urlopen(urllib.request.Request(installation.addresses["postback"], json.dumps(body).encode(),
                                                           {"Content-Type": "application/json"}), timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


LINE = {"sku": "T-1", "product": "Чай", "category": "tea", "quantity": 2, "amount": "100.00", "commissionable": 50.5}


def test_from_the_shop_to_the_explanation(installation):
    _, headers, _ = installation.request(installation.addresses["link"], headers={"User-Agent": AGENTS[0]})
    status, body = post(installation, {"order_id": "L-1", "click_id": click_id_of(headers["Location"]), "status": "approved",
                                       "lines": [LINE, {"amount": 20, "sku": None}]})
    assert status == 202, body

    def told():
        _, receipt = installation.api("/v1/receipts/" + body["receipt"], "admin_key")
        if not receipt.get("conversion_id"):
            return None
        status, answer = installation.api(f"/v1/conversions/{receipt['conversion_id']}/explain", "admin_key")
        return answer["explanations"][0]["explanation"] if status == 200 else None
    explanation = wait_for(told, what="the explanation")
    assert explanation["conversion"]["amount_minor"] == 12000
    assert [{name: line.get(name) for name in ("sku", "product", "category", "quantity", "amount_minor", "commissionable_minor", "base_minor")}
            for line in explanation["commission"]["lines"]] == [
        {"sku": "T-1", "product": "Чай", "category": "tea", "quantity": 2, "amount_minor": 10000, "commissionable_minor": 5050, "base_minor": 5050},
        {"sku": None, "product": None, "category": None, "quantity": 1, "amount_minor": 2000, "commissionable_minor": 2000, "base_minor": 2000}]
    for amount, lines, reason in (("10.00", [LINE], "lines_exceed_amount"), ("900.00", [LINE] * 51, "lines_too_many"), ("900.00", [], "lines_malformed"),
                                  ("900.00", [{**LINE, "colour": "red"}], "lines_malformed"), ("900.00", "none", "lines_malformed")):
        status, answer = post(installation, {"order_id": "L-2", "amount": amount, "lines": lines})
        assert (status, answer["error"]["code"]) == (422, reason), (lines, answer)
    assert post(installation, {"order_id": "L-2", "amount": "1.00", "items": [LINE]})[1]["error"]["code"] == "body_nested"
