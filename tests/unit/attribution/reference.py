"""The rules of SEMANTICS 2 to 4 once more, as plainly as Python can say them; slow, exact, no arrays."""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from hashlib import blake2b

from app.attribution.journeys import Fate, JourneyRules, Reuse
from app.attribution.models import ModelParams
from app.attribution.names import TouchKind

EQUAL_WITHIN = Fraction(1, 10**9)
MASK = 2**64 - 1


@dataclass(frozen=True)
class PlainTouch:
    time_ms: int
    key: int
    channel: str
    kind: TouchKind


@dataclass(frozen=True)
class PlainConversion:
    person: int
    type: int
    time_ms: int
    key: int
    value_minor: int
    net_minor: int = 0
    retracted: bool = False


@dataclass(frozen=True)
class PlainJourney:
    fates: dict[int, Fate]  # by touch key
    kept: list[PlainTouch]
    left_out: int


def journey(
    conversion: PlainConversion,
    conversions: list[PlainConversion],
    touches: list[PlainTouch],
    rules: JourneyRules,
) -> PlainJourney:
    """The journey of one conversion, among all `conversions` and `touches` of its person."""
    fates: dict[int, Fate] = {}
    kept: list[PlainTouch] = []
    for touch in sorted(touches, key=lambda touch: (touch.time_ms, touch.key)):
        windows = next(
            ((click, view) for channel, click, view in rules.channel_windows if channel == touch.channel),
            (rules.click_window_ms, rules.view_window_ms),
        )
        window = windows[1] if touch.kind is TouchKind.VIEW else windows[0]
        if touch.time_ms > conversion.time_ms:
            fates[touch.key] = Fate.AFTER_CONVERSION
        elif touch.time_ms < conversion.time_ms - window:
            fates[touch.key] = Fate.OUTSIDE_WINDOW
        elif rules.reuse is Reuse.RESET and next_conversion(touch, conversion, conversions) != conversion:
            fates[touch.key] = Fate.TAKEN_BY_EARLIER_CONVERSION
        else:
            kept.append(touch)
    if rules.clicks_win_ties:
        clicked = {touch.time_ms for touch in kept if touch.kind is TouchKind.CLICK}
        lost = [touch for touch in kept if touch.kind is TouchKind.VIEW and touch.time_ms in clicked]
        fates.update((touch.key, Fate.LOST_TIE) for touch in lost)
        kept = [touch for touch in kept if touch not in lost]
    kept = without(kept, fates, rules.excluded_channels, Fate.FILTERED_CHANNEL)
    if rules.skip_direct:
        kept = without(kept, fates, frozenset({"direct"}), Fate.FILTERED_DIRECT)
    if rules.collapse_repeats:
        newest_of_run = [
            touch for i, touch in enumerate(kept) if i + 1 == len(kept) or kept[i + 1].channel != touch.channel
        ]
        fates.update((touch.key, Fate.COLLAPSED) for touch in kept if touch not in newest_of_run)
        kept = newest_of_run
    left_out = max(len(kept) - rules.cap, 0)
    if left_out:
        fates.update((touch.key, Fate.OVER_CAP) for touch in kept[1 : 1 + left_out])
        kept = [kept[0], *kept[-(rules.cap - 1) :]]
    fates.update((touch.key, Fate.CREDITED) for touch in kept)
    return PlainJourney(fates, kept, left_out)


def next_conversion(
    touch: PlainTouch, conversion: PlainConversion, conversions: list[PlainConversion]
) -> PlainConversion:
    same = [c for c in conversions if (c.person, c.type) == (conversion.person, conversion.type)]
    return min((c for c in same if c.time_ms >= touch.time_ms), key=lambda c: (c.time_ms, c.key))


def milestone_of(conversion: PlainConversion, conversions: list[PlainConversion], type: int) -> PlainConversion | None:
    """The person's newest conversion of a type before this one, by (time, key)."""
    own = (conversion.time_ms, conversion.key)
    same = [c for c in conversions if (c.person, c.type) == (conversion.person, type) and (c.time_ms, c.key) < own]
    return max(same, key=lambda c: (c.time_ms, c.key), default=None)


def without(kept: list[PlainTouch], fates: dict[int, Fate], channels: frozenset[str], reason: Fate) -> list[PlainTouch]:
    others = [touch for touch in kept if touch.channel not in channels]
    if not others:
        return kept
    fates.update((touch.key, reason) for touch in kept if touch not in others)
    return others


def model_weights(ages_ms: list[int], params: ModelParams) -> dict[str, list[Fraction]]:
    """Exact weights by model, for one journey; time decay to 50 digits."""
    n = len(ages_ms)
    first, middle, last = (Fraction(str(w)) for w in (params.first, params.middle, params.last))
    if n == 1:
        position = [Fraction(1)]
    elif n == 2:
        position = [first, last] if first + last else [Fraction(1), Fraction(1)]
    else:
        position = [first, *[middle / (n - 2)] * (n - 2), last]
    if not sum(position):  # all of it is for milestones: see `milestone_weights`
        position = [Fraction(1)] * n
    with localcontext() as context:
        context.prec = 50
        decay = [Fraction(Decimal(2) ** -(Decimal(age - ages_ms[-1]) / params.half_life_ms)) for age in ages_ms]
    return {
        "first_touch": [Fraction(int(i == 0)) for i in range(n)],
        "last_touch": [Fraction(int(i == n - 1)) for i in range(n)],
        "linear": [Fraction(1, n)] * n,
        "time_decay": normalised(decay),
        "position_based": normalised(position),
    }


def milestone_weights(n: int, led_to: list[int], params: ModelParams) -> list[Fraction]:
    """Position weights with milestones: `led_to` has, for each that was reached, the touch that led to it."""
    first, middle, last, milestone = (
        Fraction(str(w)) for w in (params.first, params.middle, params.last, params.milestone)
    )
    anchors = {0, n - 1, *led_to}
    weights = [Fraction(0) if i in anchors else middle / (n - len(anchors)) for i in range(n)]
    weights[0] += first
    weights[-1] += last
    for place in led_to:
        weights[place] += milestone / len(led_to)
    return normalised(weights if sum(weights) else [Fraction(1)] * n)


def normalised(weights: list[Fraction]) -> list[Fraction]:
    total = sum(weights)
    return [weight / total for weight in weights]


def share(value: int, weights: list[Fraction], conversion_key: int, model: str, touch_keys: list[int]) -> list[int]:
    """Floor and largest remainder; a chain of remainders, each within 1e-9 of the next, goes by hash."""
    exact = [value * weight for weight in weights]
    amounts = [x.numerator // x.denominator for x in exact]
    remainders = [x - floor for x, floor in zip(exact, amounts, strict=True)]
    by_remainder = sorted((i for i in range(len(exact)) if remainders[i]), key=lambda i: -remainders[i])
    chains: list[list[int]] = []
    for i in by_remainder:
        if chains and remainders[chains[-1][-1]] - remainders[i] <= EQUAL_WITHIN:
            chains[-1].append(i)
        else:
            chains.append([i])
    order = [
        i for chain in chains for i in sorted(chain, key=lambda i: -tie_hash(conversion_key, model, touch_keys[i]))
    ]
    for i in order[: value - sum(amounts)]:
        amounts[i] += 1
    return amounts


def tie_hash(conversion_key: int, model: str, touch_key: int) -> int:
    salt = int.from_bytes(blake2b(model.encode(), digest_size=8).digest(), "big")
    return splitmix64(splitmix64(splitmix64(conversion_key) ^ salt) ^ touch_key)


def splitmix64(x: int) -> int:
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)
