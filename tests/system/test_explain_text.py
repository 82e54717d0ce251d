"""Explanations as text: what a partner reads in two languages, and that nothing of a rival is in it."""
import json
import re
import uuid
from datetime import timedelta

from conftest import ROOT
from shop import T0, Shop


def texts(shop, partner, order="o1"):
    return [shop.db.value("select explanation_text(x.body, %s) from explanation x join conversion c on c.id = x.conversion_id"
                          " where c.order_id = %s and x.partner_id = %s", [lang, order, partner]) for lang in ("en", "ru")]


def test_what_the_winner_and_the_loser_read(postgres):
    shop = Shop(postgres)
    visitor = str(uuid.uuid4())
    shop.click(T0 - timedelta(days=2), shop.anna, visitor)
    shop.click(T0, shop.boris, visitor)
    shop.report(T0 + timedelta(hours=1), visitor_id=visitor, amount_minor=123450, status="approved")
    shop.attribute()
    posted = shop.db.value("select to_char(posted_at at time zone 'UTC', 'YYYY-MM-DD') from ledger_transaction")
    winner_en, winner_ru = texts(shop, shop.boris)
    assert winner_en.splitlines() == [
        "Order o1 of 2026-03-10 13:00 UTC: 1234.50 RUB, of which 0.00 RUB refunded; confirmed.",
        "Who is credited: the last touch; a code goes before clicks.",
        "Your click of 2026-03-10 12:00 UTC: credited 100 % (it was the last).",
        "Another touch (click), 2 days before the order: not credited (a later touch came).",
        "Terms: version 1 of the programme, in force since 2025-01-01.",
        "10 % of 1234.50 RUB = 123.45.",
        "Commission: 123.45 RUB, available.",
        f"Posted on {posted}: 123.45 RUB to your available account."]
    assert winner_ru.splitlines()[2] == "Ваше касание (клик) от 2026-03-10 12:00 UTC: засчитано 100 % (оно последнее)."
    assert winner_ru.splitlines()[6] == "Комиссия: 123.45 RUB, доступна."
    loser_en, loser_ru = texts(shop, shop.anna)
    assert loser_en.splitlines()[0] == "An order of 2026-03-10 13:00 UTC; confirmed." and "No commission is yours" in loser_en
    assert "Another touch (click), 0 days before the order: credited (it was the last)." in loser_en and "Чужое касание" in loser_ru


def test_nothing_of_a_rival_is_told(postgres):
    """Every value that is stored of one partner and could be recognised, searched in the other's texts and JSON."""
    shop = Shop(postgres)
    visitor = str(uuid.uuid4())
    shop.make_code("RIVAL77", shop.boris)
    shop.click(T0 - timedelta(days=3, minutes=17), shop.anna, visitor)
    shop.promo_entry(T0 - timedelta(days=1, minutes=43), "RIVAL77", visitor)
    shop.report(T0, "secret-order", visitor_id=visitor, amount_minor=987654, status="approved")
    shop.attribute()
    rows = shop.db.query("select click_id::text, ts::text from click where partner_id = %s", [shop.anna])
    rows += shop.db.query("select hit_id::text, ts::text from promo_entry where partner_id = %s", [shop.boris])
    stored = {shop.anna: [rows[0][0], "11:43", "Anna"],
              shop.boris: [rows[1][0], "11:17", "RIVAL77", "Boris", "secret-order", "987654", "9876.54", "98765", "987.65"]}
    for partner, rival in ((shop.anna, shop.boris), (shop.boris, shop.anna)):
        body = shop.db.value("select body from explanation where partner_id = %s", [partner])
        told = "\n".join([json.dumps(body), *texts(shop, partner, "secret-order")])
        assert [value for value in stored[rival] if value in told] == []
        assert any(value in told for value in stored[partner])


def test_rules_limits_and_declines_are_told(postgres):
    shop = Shop(postgres)
    shop.make_rules([{"commission_kind": "hybrid", "rate_ppm": 125000, "fixed_minor": 300, "order_max_minor": 1000},
                     {"kind": "lead", "commission_kind": "percent", "tier_mode": "marginal", "tiers": [{"from_minor": 0, "rate_ppm": 500000}]}])
    shop.report(T0 + timedelta(hours=1), "o1", click_id=shop.click(T0, shop.anna), amount_minor=10000)
    shop.report(T0 + timedelta(hours=2), "o2", click_id=shop.click(T0, shop.anna), amount_minor=500, kind="lead")
    shop.attribute()
    told = texts(shop, shop.anna)[0].splitlines()
    assert told[3:] == ["Terms: version 1 of the programme, in force since 2025-01-01.", "Rule 1 of the terms applies.",
                        "12.5 % of 100.00 RUB = 12.5.", "Fixed: 3.00 RUB.", "Cut to the largest commission of an order.",
                        "Commission: 10.00 RUB, on hold: available from 2026-03-10 on, once the order is confirmed.", told[-1]]
    assert "By the volume of the month, 100.00 RUB, on 5.00 RUB: 2.50 RUB." in texts(shop, shop.anna, "o2")[0]
    shop.decide("decline", T0 + timedelta(hours=3), "o1", "fraud_card")
    shop.attribute()
    english, russian = texts(shop, shop.anna)
    assert "Declined: The payment was made with somebody else's card." in english and "Отклонён: Оплата чужой картой." in russian
    assert "Commission: none" in english


def test_every_reason_has_a_phrase(postgres):
    source = (ROOT / "attrib/attribution.c").read_text()
    reasons = set(re.findall(r'\[TOUCH_\w+\] = \{"\w+", "(\w+)"\}', source))
    assert len(reasons) >= 18
    phrases = {code for (code,) in postgres.query("select code from phrase")}
    assert {f"reason_{reason}" for reason in reasons} <= phrases
    models = re.findall(r"check \(model in \(([^)]*)\)", (ROOT / "sql/0030_attribution.sql").read_text())
    assert models and {f"model_{model}" for model in re.findall(r"'(\w+)'", models[0])} <= phrases
    assert postgres.query("select code from phrase where regexp_count(text_en, '%s') <> regexp_count(text_ru, '%s')") == []
