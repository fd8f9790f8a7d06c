"""How is one value shared by weights, exact to the unit, without numpy? (SEMANTICS 4.2)

The same rule as `app.attribution.money.share`, for the few values that a report converts into another currency: the
web process does not load numpy. A test holds the two to the same amounts.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache

EQUAL_WITHIN = 1e-9
_FRACTION_BITS = 52
_PLACE_BITS = 20
_64_BITS = (1 << 64) - 1


def share_value(
    value_minor: int, weights: Sequence[float], conversion_key: int, touch_keys: Sequence[int], model: str
) -> list[int]:
    """The units of each touch; they sum to the value.

    Parameters
    ----------
    value_minor : 0 or more.
    weights : of each touch, 0 or more, at least one above 0.
    conversion_key, touch_keys, model : what equal remainders are ordered by.

    Examples
    --------
    >>> share_value(100, [3.0, 3.0, 1.0], 11, [11, 12, 13], "mine")
    [43, 43, 14]
    """
    shift = _FRACTION_BITS - math.frexp(max(weights))[1]
    parts = [round(math.ldexp(weight, shift)) for weight in weights]
    total = sum(parts)
    floors, remainders = [], []
    for part in parts:
        units, left = divmod(value_minor * part, total)
        floors.append(units)
        remainders.append(left / total)
    units_left = value_minor - sum(floors)
    if units_left:
        for place in _winners(remainders, units_left, conversion_key, touch_keys, model):
            floors[place] += 1
    return floors


def _winners(
    remainders: list[float], units: int, conversion_key: int, touch_keys: Sequence[int], model: str
) -> list[int]:
    """The places of the largest remainders; of equal ones (a chain, each within 1e-9 of the next) by hash."""
    order = sorted(range(len(remainders)), key=lambda place: -remainders[place])
    first = last = units - 1
    while first > 0 and remainders[order[first - 1]] - remainders[order[first]] <= EQUAL_WITHIN:
        first -= 1
    while last + 1 < len(order) and remainders[order[last]] - remainders[order[last + 1]] <= EQUAL_WITHIN:
        last += 1
    equal = sorted(
        order[first : last + 1], key=lambda place: _rank(conversion_key, touch_keys[place], place, model), reverse=True
    )
    return order[:first] + equal[: units - first]


def _rank(conversion_key: int, touch_key: int, place: int, model: str) -> int:
    hashed = _mix(_mix(_mix(conversion_key) ^ _salt(model)) ^ touch_key)
    return (hashed >> _PLACE_BITS << _PLACE_BITS) | (place + 1)


@lru_cache(maxsize=32)
def _salt(model: str) -> int:
    return int.from_bytes(hashlib.blake2b(model.encode(), digest_size=8).digest())


def _mix(bits: int) -> int:
    """splitmix64 (Steele, Lea, Flood 2014, Fast splittable pseudorandom number generators)."""
    mixed = (bits + 0x9E3779B97F4A7C15) & _64_BITS
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _64_BITS
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _64_BITS
    return mixed ^ (mixed >> 31)
