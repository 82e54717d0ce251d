"""Attribution once more, from docs/attribution.md and not from attrib/: with fractions and decimals."""
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from fractions import Fraction

WHOLE = 1000000


@dataclass
class Touch:
    kind: str
    id: str
    time: int
    partner: int
    program: int = 1
    window: int = 10 ** 9
    code: int = 0
    human: bool = True
    active: bool = True
    of_order: bool = False
    bound: bool = False

    def line(self):
        marks = " ".join(str(int(mark)) for mark in (self.human, self.active, self.of_order, self.bound))
        return f"{self.kind} {marks} {self.id} {self.time} {self.window} {self.program} {self.partner} {self.code}"


@dataclass
class Journey:
    time: int
    touches: list
    amount: int = 1000
    program: int = 1
    model: str = "last"
    first: int = 400000
    last: int = 400000
    half_life: int = 1000
    precedence: str = "none"
    code_share: int = 500000
    windows: dict = field(default_factory=lambda: {"click": -1, "promo": -1, "impression": 0, "visit": 0})
    touches_max: int = 50

    def lines(self):
        windows = " ".join(str(self.windows[kind]) for kind in ("click", "promo", "impression", "visit"))
        head = (f"{self.program} {self.time} {self.amount} {self.model} {self.first} {self.last} {self.half_life} {self.precedence}"
                f" {self.code_share} {windows} {self.touches_max} {len(self.touches)}")
        return [head] + [touch.line() for touch in self.touches]


def apportion(whole, parts):
    """Largest remainders; of equal ones the earlier part."""
    total = sum(parts)
    exact = [Fraction(whole * part, total) for part in parts]
    given = [int(share) for share in exact]
    order = sorted(range(len(parts)), key=lambda i: (given[i] - exact[i], i))
    for i in order[:whole - sum(given)]:
        given[i] += 1
    return given


def decayed(age, half_life):
    """Of 200 half-lives nothing is left that counts."""
    if age > 200 * half_life:
        return 0
    with localcontext() as context:
        context.prec = 160
        return int(Decimal(2) ** (200 - Decimal(age) / Decimal(half_life)) * 10 ** 60)


def parts(journey, times):
    n = len(times)
    if journey.model == "last":
        return [0] * (n - 1) + [1]
    if journey.model == "first":
        return [1] + [0] * (n - 1)
    if journey.model == "time_decay":
        return [decayed(times[-1] - time, journey.half_life) for time in times]  # only proportions matter; ages may be millions of half-lives
    if journey.model == "linear" or n == 1 or (n == 2 and journey.first + journey.last == 0):
        return [1] * n
    middle = [Fraction(WHOLE - journey.first - journey.last, n - 2)] * (n - 2) if n > 2 else []
    return [journey.first, *middle, journey.last]


def share(journey, touches, whole, out):
    if touches:
        for touch, weight in zip(touches, apportion(whole, parts(journey, [t.time for t in touches]))):
            out[id(touch)] = weight


def in_window(journey, touch):
    if touch.of_order or touch.bound:
        return True
    window = journey.windows[touch.kind]
    window = touch.window if window == -1 else window
    return window > 0 and journey.time - window <= touch.time < journey.time


def eligible(journey):
    found = [t for t in journey.touches if t.program == journey.program and (t.partner or t.kind == "visit") and t.human and t.active
             and in_window(journey, t)]
    typed = {t.code for t in found if t.kind == "promo" and not t.of_order and not t.bound}
    return [t for t in found if not (t.of_order and t.code in typed)]


def credit(journey):
    """Weight and amount of each touch."""
    weights, found = {}, eligible(journey)
    kinds = ("click", "promo", "impression", "visit")
    found.sort(key=lambda t: (t.time, t.id, kinds.index(t.kind)))
    bound = [t for t in journey.touches if t.bound and any(t is one for one in found)]
    found = bound[:1] or found[-journey.touches_max:]
    codes, others = [t for t in found if t.kind == "promo"], [t for t in found if t.kind != "promo"]
    if bound:
        share(journey, found, WHOLE, weights)
    elif journey.precedence == "split" and codes and others:
        share(journey, codes, journey.code_share, weights)
        share(journey, others, WHOLE - journey.code_share, weights)
    elif journey.precedence == "code_over_click" and codes:
        share(journey, codes, WHOLE, weights)
    elif journey.precedence == "click_over_code" and any(t.kind == "click" for t in others):
        share(journey, others, WHOLE, weights)
    else:
        share(journey, found, WHOLE, weights)
    amounts = dict(zip(map(id, found), apportion(journey.amount, [weights.get(id(t), 0) for t in found]))) if weights else {}
    return [(weights.get(id(t), 0), amounts.get(id(t), 0)) for t in journey.touches]
