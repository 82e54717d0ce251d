"""Conversions in other currencies than the programme's: the rate in force at their time, whatever arrives first, to the last minor unit."""
import random
from datetime import timedelta
from fractions import Fraction

from api import api, world  # noqa: F401 (fixtures)
from shop import T0, Shop

EXPONENTS = {"JPY": 0, "KWD": 3, "RUB": 2, "EUR": 2}
ORDERS = 24
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def add_rate(shop, pair, rate, since):
    shop.db.query("insert into currency_rate (from_currency, to_currency, valid_from, rate_pico, source)"
                  " values (%s, %s, %s, (%s::numeric * 10::numeric ^ 12)::bigint, 'bank')", [*pair, since, rate])


def convert(amount, pair, rate):
    exact = Fraction(amount, 10 ** EXPONENTS[pair[0]]) * Fraction(rate) * 10 ** EXPONENTS[pair[1]]
    return round(exact)  # of a Fraction: halves to even


def reference(order, rates, to):
    """(amount, refunded) in the programme's currency, or None: from docs/commission.md, not from attrib/conversion.c."""
    if order["currency"] == to:
        return order["amount"], order["refund"]
    known = [(since, n, rate) for n, (pair, rate, since) in enumerate(rates) if pair == (order["currency"], to) and since <= order["at"]]
    if not known:
        return None
    rate = max(known)[2]
    return convert(order["amount"], (order["currency"], to), rate), convert(order["refund"], (order["currency"], to), rate)


class Trade:
    """A programme of one currency with orders in several."""

    def __init__(self, database, to, chance):
        self.shop = shop = Shop(database, f"shop-{to.lower()}")
        shop.db.query("update program set currency = %s where id = %s", [to, shop.program])
        self.to, self.orders, self.facts = to, [], []
        for n in range(ORDERS):
            currency = chance.choice(list(EXPONENTS))
            amount = chance.randrange(1, 10 ** 7)
            order = {"order": f"o{n}", "at": T0 + n * HOUR, "currency": currency, "amount": amount,
                     "refund": chance.choice([0, 0, amount, chance.randrange(amount)])}
            self.orders.append(order)
            click = shop.click(T0 - HOUR, shop.anna)
            self.facts.append(lambda: shop.load_touch(T0 - HOUR))
            self.facts.append(lambda o=order, c=click: self.report(o, o["at"], click_id=c, amount_minor=o["amount"], status="approved"))
            if order["refund"]:
                self.facts.append(lambda o=order: self.report(o, o["at"] + DAY, amount_minor=o["refund"], status="refunded"))

    def report(self, order, at, **said):
        self.shop.report(T0 + 9 * DAY, order["order"], event_time=at, currency=order["currency"], **said)

    def found(self):
        return {order: (amount, refunded) for order, amount, refunded in self.shop.db.query(
            "select order_id, amount_minor, refunded_minor from conversion where program_id = %s", [self.shop.program])}


def test_any_order_of_arrival_of_reports_and_rates(postgres):
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    trades = [Trade(postgres, to, chance) for to in ("RUB", "JPY", "KWD")]
    shop, facts, rates = trades[0].shop, [fact for trade in trades for fact in trade.facts], []
    for source in EXPONENTS:
        for to in ("RUB", "JPY", "KWD"):
            for since in (T0 + 5 * HOUR, T0 + 15 * HOUR, T0 + 15 * HOUR) if source != to else ():  # the third corrects the second
                rate = f"{chance.randrange(1000)}.{chance.randrange(1, 10 ** 9):09}"
                facts.append(lambda pair=(source, to), since=since, rate=rate: (
                    rates.append((pair, rate, since)), add_rate(shop, pair, rate, since)))
    chance.shuffle(facts)
    stops = set(chance.sample(range(len(facts)), 8))
    for n, fact in enumerate(facts):
        fact()
        if n in stops:
            shop.attribute()
    shop.attribute()
    for trade in trades:
        wanted = {o["order"]: reference(o, rates, trade.to) for o in trade.orders}
        assert trade.found() == {order: state for order, state in wanted.items() if state}, (seed, trade.to)
        paid = dict(postgres.query("select c.order_id, m.amount_minor from commission m join conversion c on c.id = m.conversion_id"
                                   " where c.program_id = %s", [trade.shop.program]))
        assert paid == {order: int(Fraction(state[0] - state[1], 10) + Fraction(1, 2)) for order, state in wanted.items() if state}, (seed, trade.to)
    assert postgres.value("select count(*) from conversion_report where verdict = 'rate_missing'") > 0
    assert postgres.value("select count(*) from conversion c join conversion_exchange x on x.conversion_id = c.id where c.status = 'refunded'") > 0
    assert shop.attribute()["orders"] == 0


def test_a_missing_rate_is_a_verdict_until_it_arrives_and_a_corrected_one_posts_the_difference(postgres):
    shop = Shop(postgres)
    report = shop.report(T0, "o1", click_id=shop.click(T0 - HOUR, shop.anna), amount_minor=1001, currency="EUR", status="approved")
    add_rate(shop, ("EUR", "RUB"), "95", T0 + timedelta(seconds=1))  # too late for it
    shop.attribute()
    assert shop.verdict(report) == "rate_missing"
    assert postgres.query("select from conversion") == []
    add_rate(shop, ("EUR", "RUB"), "92.5", T0)
    shop.attribute()
    assert (shop.verdict(report), shop.conversion()) == ("applied", ("approved", 92592, 0))  # 92592.5, to even
    assert shop.balances()[0] == (shop.anna, 0, 9259)
    add_rate(shop, ("EUR", "RUB"), "93.5", T0)
    shop.attribute()
    assert (shop.conversion(), shop.balances()[0]) == (("approved", 93594, 0), (shop.anna, 0, 9359))  # 93593.5, to even
    assert [row[0] for row in postgres.query("select e.amount_minor from ledger_entry e join ledger_account a on a.id = e.account_id"
                                             " where a.kind = 'partner_available' order by e.transaction_id")] == [9259, 100]
    (told,) = postgres.query("select body->'commission'->'exchange' from explanation where partner_id = %s", [shop.anna])[0]
    assert told == {"currency": "EUR", "amount_minor": 1001, "refunded_minor": 0, "rate": "93.5", "source": "bank",
                    "valid_from": "2026-03-10T12:00:00.000Z", "rounding": "half_even"}
    for lang, line in (("en", "Reported as 10.01 EUR, of which 0.00 EUR refunded; 1 EUR = 93.5 RUB (bank, since 2026-03-10)."),
                       ("ru", "Заказ пришёл как 10.01 EUR, из них возвращено 0.00 EUR; 1 EUR = 93.5 RUB (bank, с 2026-03-10).")):
        assert line in postgres.value("select explanation_text(body, %s) from explanation", [lang])
    shop.report(T0 + DAY, "o1", status="refunded")
    shop.attribute()
    assert (shop.conversion(), shop.balances()[0]) == (("refunded", 93594, 93594), (shop.anna, 0, 0))


GOOD = {"from_currency": "KWD", "to_currency": "RUB", "valid_from": "2026-03-01T00:00:00Z", "rate": "300.25", "source": "cbr.ru"}


def test_the_team_posts_rates(world):  # noqa: F811
    made = world.team.post("/v1/currency-rates", GOOD)
    assert made.status == 201, made.text
    assert (made.body["rate"], made.body["source"]) == ("300.25", "cbr.ru")
    assert world.team.get("/v1/currency-rates").data == [made.body]
    assert world.anna.client.post("/v1/currency-rates", GOOD).status == 403
    assert world.team.post("/v1/currency-rates", {**GOOD, "rate": "9000000"}).status == 201
    for field, value in (("from_currency", "XXX"), ("to_currency", "KWD"), ("rate", "0"), ("rate", "-1"), ("rate", "1e3"), ("rate", "9000000.1"),
                         ("rate", "0.0000000000001"), ("rate", 92.5), ("valid_from", "soon"), ("source", "")):
        answer = world.team.post("/v1/currency-rates", {**GOOD, field: value})
        assert (answer.status, answer.code) == (422, field), (field, value, answer.text)
