"""How many units does each touch get? A whole value shared by weights, to the unit (SEMANTICS 4.2).

Every step that decides about a unit is done in whole numbers, so the answer is exact up to 10**15, and is
the same in whichever chunk, order or process it is computed.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np

from app.attribution.currency import MAX_MINOR
from app.attribution.models import MAX_TOUCHES
from app.attribution.names import FIVE_MODELS
from app.attribution.remainders import winners
from app.attribution.touches import Floats, Int64s, UInt64s, require_flat, require_offsets

MICRO = 1_000_000  # one conversion, in millionths (SEMANTICS 4.3)

_FRACTION_BITS = 53
_MAX_PARTS = 2**61


def share(
    value_minor: Int64s,
    weights: Floats | Int64s,
    offsets: Int64s,
    conversion_key: UInt64s,
    touch_key: UInt64s,
    models: Sequence[str] = FIVE_MODELS,
) -> Int64s:
    """Share each conversion's value over its touches, once per model.

    Floor, then one more unit to each of the largest remainders; remainders within 1e-9 of each other are
    ordered by a hash of (conversion, model, touch), the highest first (SEMANTICS 4.2).

    Parameters
    ----------
    value_minor : int64 (n,)
        0 to 10**15; `MICRO` for each conversion shares the conversions themselves.
    weights : int64 or float64 (k, m)
        Of each model and touch, 0 or more, in proportion. Whole numbers are taken as exact ratios
        (`ModelWeights.part`, journeys summing below 2**61); fractions at a precision of 2**-53.
    offsets : int64 (n + 1,)
        Journeys; an empty one shares nothing, its value is for the caller to keep.
    conversion_key : uint64 (n,)
        Names the conversion, for the order of equal remainders only.
    touch_key : uint64 (m,)
        Names the touch, likewise.
    models : sequence of str
        Name of each row of `weights`.

    Returns
    -------
    int64 (k, m)
        0 or more; sums to the value over every journey with touches, in every row.

    Raises
    ------
    ValueError
        Arrays that do not fit each other, a value or weight out of range, or a journey without weight.

    References
    ----------
    Hare-Niemeyer (largest remainder) apportionment.

    Examples
    --------
    >>> keys = np.array([11, 12, 13], np.uint64)
    >>> amounts = share(np.array([100]), np.array([[3, 3, 1]]), np.array([0, 3]), keys[:1], keys, ["mine"])
    >>> amounts.tolist(), int(amounts.sum())
    ([[43, 43, 14]], 100)
    """
    _require_fit(value_minor, weights, offsets, conversion_key, touch_key, models)
    lengths = np.diff(offsets)
    occupied = np.flatnonzero(lengths)
    lengths, starts = lengths[occupied], offsets[occupied]
    amounts = np.zeros(weights.shape, np.int64)
    if not len(lengths):
        return amounts
    value = value_minor[occupied]
    value_of_touch = np.repeat(value, lengths)
    remainders = np.zeros(weights.shape)
    units_left = np.zeros((len(models), len(lengths)), np.int64)
    for row, row_weights in enumerate(weights):
        parts = _whole(row_weights, starts, lengths)
        totals = _totals(parts, starts, lengths)
        if totals.max() == 1:  # one touch of each journey has it all: nothing is left over
            amounts[row] = value_of_touch * parts
            continue
        amounts[row], remainders[row] = _floors(value_of_touch, parts, np.repeat(totals, lengths))
        units_left[row] = value - np.add.reduceat(amounts[row], starts)
    lucky = winners(units_left, remainders, starts, lengths, conversion_key[occupied], touch_key, models)
    amounts.reshape(-1)[lucky] += 1
    return amounts


def _floors(value: Int64s, parts: Int64s, total: Int64s) -> tuple[Int64s, Floats]:
    """Floor and remainder, 0 to 1, of ``value * parts / total``, exactly.

    The product needs up to 111 bits. A float gives the floor to within 1; then the remainder
    ``value * parts - floor * total`` lies within twice the total, below 2**62, so int64 that wraps around
    holds it exactly and says in which direction the floor is off.
    """
    floors = (value * (parts / total)).astype(np.int64)
    remainders = value * parts
    remainders -= floors * total
    off_by = (remainders >= total).astype(np.int64)
    off_by -= remainders < 0
    if off_by.any():
        floors += off_by
        remainders -= off_by * total
    return floors, remainders / total


def _whole(weights: Floats | Int64s, starts: Int64s, lengths: Int64s) -> Int64s:
    if weights.dtype == np.int64:
        return cast(Int64s, weights)
    total = np.repeat(np.add.reduceat(weights, starts), lengths)
    if not (total > 0).all():
        raise ValueError("every journey with touches needs a weight above 0, in every model")
    parts: Int64s = np.rint(np.ldexp(weights / total, _FRACTION_BITS)).astype(np.int64)
    return parts


def _totals(parts: Int64s, starts: Int64s, lengths: Int64s) -> Int64s:
    totals: Int64s = np.add.reduceat(parts, starts)
    # A sum that has wrapped around can look small again; floats cannot.
    may_wrap = int(parts.max()) * int(lengths.max()) > _MAX_PARTS
    wrapped = may_wrap and np.add.reduceat(parts.astype(np.float64), starts).max() > _MAX_PARTS
    if wrapped or totals.max() > _MAX_PARTS:
        raise ValueError("whole weights must sum to 2**61 or less over a journey; divide them")
    if totals.min() <= 0:
        raise ValueError("every journey with touches needs a weight above 0, in every model")
    return totals


def _require_fit(
    value_minor: Int64s,
    weights: Floats | Int64s,
    offsets: Int64s,
    conversion_key: UInt64s,
    touch_key: UInt64s,
    models: Sequence[str],
) -> None:
    n, m = len(value_minor), len(touch_key)
    require_flat("value_minor", value_minor, np.int64, n)
    require_flat("conversion_key", conversion_key, np.uint64, n)
    require_flat("touch_key", touch_key, np.uint64, m)
    require_offsets(offsets, m)
    if len(offsets) != n + 1:
        raise ValueError(f"offsets must have {n + 1} entries, one more than there are values")
    if weights.shape != (len(models), m) or weights.dtype not in (np.int64, np.float64):
        raise ValueError(f"weights must be int64 or float64 of shape ({len(models)}, {m})")
    if n and not 0 <= value_minor.min() <= value_minor.max() <= MAX_MINOR:
        raise ValueError(f"a value must be 0 to {MAX_MINOR} minor units; a refund is an adjustment")
    if n and np.diff(offsets).max() > MAX_TOUCHES:
        raise ValueError(f"a journey has more than {MAX_TOUCHES} touches; lower the cap")
    if m and len(models) and not (weights.min() >= 0 and weights.max() < np.inf):
        raise ValueError("weights must be finite and 0 or more")
