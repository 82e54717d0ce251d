"""attrib/attribution.c against a reference that was written independently, and against published worked cases."""
import random
import subprocess
from itertools import islice

import pytest

from conftest import BUILD
from reference import Journey, Touch, credit

JOURNEYS = 10000
DAY = 86400 * 10 ** 6
T = 1000 * DAY


def decide(journeys):
    """(reason, weight, amount) of each touch of each journey, by the product."""
    text = "\n".join(line for journey in journeys for line in journey.lines()) + "\n"
    done = subprocess.run([BUILD / "tests/system/journeys"], input=text, capture_output=True, text=True, timeout=120, check=True)
    lines = iter(done.stdout.splitlines())
    found = [[(reason, int(weight), int(amount)) for reason, weight, amount in (line.split() for line in islice(lines, len(journey.touches)))]
             for journey in journeys]
    assert next(lines, None) is None
    return found


def weights(model, days, **policy):
    """Weights in ppm of clicks so many days before the order."""
    touches = [Touch("click", f"{n:04}", int(T - day * DAY), n + 1, window=400 * DAY) for n, day in enumerate(days)]
    found, = decide([Journey(T, touches, model=model, half_life=7 * DAY, **policy)])
    return [weight for _, weight, _ in found]


# Paid search, a week later a social network, the same day an e-mail and, hours later, direct.
GOOGLE = [7.2, 0.2, 0.15, 0.01]


@pytest.mark.parametrize("model, days, policy, wanted", [
    # Google Analytics Help, "Default MCF attribution models" (support.google.com/analytics/answer/1665189): last and first interaction,
    # linear 25 % each, position based 40, 10, 10, 40 %.
    ("last", GOOGLE, {}, [0, 0, 0, 1000000]),
    ("first", GOOGLE, {}, [1000000, 0, 0, 0]),
    ("linear", GOOGLE, {}, [250000, 250000, 250000, 250000]),
    ("position", GOOGLE, {}, [400000, 100000, 100000, 400000]),
    # Likewise: half-life of 7 days; 7 days before: 1/2 of the credit of one on the day, 14 days before: 1/4.
    ("time_decay", [14, 7, 1e-6], {}, [142857, 285714, 571429]),
    # Matomo, "Multi Channel Conversion Attribution supports the following attribution models" (matomo.org faq_25500): of 5 visits 20 % each.
    ("linear", [5, 4, 3, 2, 1], {}, [200000] * 5),
    # Salesforce Help, "Supported Multi-Touch Attribution Models": e-mail 40 %, Meta ads 10 %, LinkedIn ads 10 %, Google ads 40 %.
    ("position", [4, 3, 2, 1], {}, [400000, 100000, 100000, 400000]),
    # Adobe Analytics, "Attribution models" (Experience League): U shaped, two touches share 50 and 50 %.
    ("position", [2, 1], {}, [500000, 500000]),
    ("position", [1], {}, [1000000]),
    # J shaped: 60 % last, 20 % first; of two 75 % to the last and 25 % to the first. Inverse J the other way round.
    ("position", [5, 4, 3, 2, 1], {"first": 200000, "last": 600000}, [200000, 66667, 66667, 66666, 600000]),
    ("position", [2, 1], {"first": 200000, "last": 600000}, [250000, 750000]),
    ("position", [2, 1], {"first": 600000, "last": 200000}, [750000, 250000]),
])
def test_published_numbers(model, days, policy, wanted):
    assert weights(model, days, **policy) == wanted


def test_a_published_journey():
    """Five touches on days 0, 5, 12, 30, 38 of an order of 12,000 (C. Haines, "Attribution Models - The Math, Worked", a week of half-life):
    175, 290, 575, 3,415, 7,545; rounded there from weights with three decimals."""
    found = [12000 * weight / 1000000 for weight in weights("time_decay", [38, 33, 26, 8, 1e-6])]
    assert [abs(ours - theirs) < 4 for ours, theirs in zip(found, [175, 290, 575, 3415, 7545])] == [True] * 5
    assert [round(12000 * weight / 1000000) for weight in weights("position", [38, 33, 26, 8, 1e-6])] == [4800, 800, 800, 800, 4800]


def made_touch(chance, number, span):
    kind = chance.choice(["click", "click", "click", "promo", "impression", "visit"])
    of_order = kind == "promo" and chance.random() < 0.1
    time = T if of_order else T - chance.choice([1, span // 7, span, chance.randrange(1, span), -chance.randrange(span)])
    partner = 0 if kind == "visit" or chance.random() < 0.05 else chance.randrange(1, 5)
    return Touch(kind, f"{chance.randrange(10 ** 6):06}-{number}", time, partner, program=2 if chance.random() < 0.05 else 1,
                 window=chance.choice([span // 2, span, 10 * span]), code=partner if kind == "promo" else 0, human=chance.random() > 0.1,
                 active=chance.random() > 0.05, of_order=of_order, bound=kind in ("click", "promo") and chance.random() < 0.03)


def made_journey(chance):
    span = chance.choice([30, 10 ** 6, 30 * DAY, 300 * DAY])
    touches = [made_touch(chance, number, span) for number in range(chance.choice([0, 1, 2, 3, 5, 8, 20, 70]))]
    first, last = chance.choice([(400000, 400000), (0, 0), (chance.randrange(500000), chance.randrange(500001)), (1000000, 0)])
    return Journey(T, touches, amount=chance.choice([0, 1, 99, 10 ** 15, chance.randrange(10 ** 7)]),
                   model=chance.choice(["last", "first", "linear", "position", "time_decay"]), first=first, last=last,
                   half_life=chance.choice([1, 7, span, 7 * DAY]),
                   precedence=chance.choice(["none", "code_over_click", "click_over_code", "split"]), code_share=chance.randrange(1, 1000000),
                   windows={"click": chance.choice([-1, span]), "promo": chance.choice([-1, span // 3]), "impression": chance.choice([0, span]),
                            "visit": chance.choice([0, span])},
                   touches_max=chance.choice([1, 3, 50, 64]))


def test_the_reference_finds_the_same():
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    journeys = [made_journey(chance) for _ in range(JOURNEYS)]
    credited = 0
    for journey, found in zip(journeys, decide(journeys)):
        wanted = credit(journey)
        assert [(weight, amount) for _, weight, amount in found] == wanted, f"seed {seed}: {journey}"
        assert sum(weight for weight, _ in wanted) in (0, 1000000)
        credited += any(wanted)
    assert credited > JOURNEYS / 2
