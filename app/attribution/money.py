"""How many units does each touch get? A whole value shared by weights, to the unit (SEMANTICS 4.2).

Every step that decides about a unit is done in whole numbers, so the answer is exact up to 10**15, and is
the same in whichever chunk, order or process it is computed.
"""

from collections.abc import Sequence
from typing import cast

import numpy as np

from app.attribution.columns import SideBySide, share_columns, side_by_side
from app.attribution.currency import MAX_MINOR
from app.attribution.models import MAX_TOUCHES
from app.attribution.names import FIVE_MODELS
from app.attribution.remainders import WEIGHTLESS, floors_of, require_weight, salts_of, winners
from app.attribution.touches import Floats, Int64s, UInt64s, require_flat, require_offsets

MICRO = 1_000_000  # one conversion, in millionths (SEMANTICS 4.3)

_FRACTION_BITS = 52
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
        (`ModelWeights.part`, journeys summing below 2**61); fractions to 52 bits of the greatest of their journey.
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
    amounts = np.zeros((1, *weights.shape), np.int64)
    if amounts.size:
        share_into(amounts, value_minor[None, :], _whole(weights, offsets), offsets, conversion_key, touch_key, models)
    return cast(Int64s, amounts[0])


def share_into(
    amounts: Int64s,
    values: Int64s,
    parts: Int64s,
    offsets: Int64s,
    conversion_key: UInt64s,
    touch_key: UInt64s,
    models: Sequence[str] = FIVE_MODELS,
) -> None:
    """`share` of several values of each conversion at once, (v, n), into `amounts`, (v, k, m).

    `parts` are whole and sum to less than 2**61 over a journey. Nothing is checked but that they sum to something.
    """
    occupied = np.flatnonzero(np.diff(offsets))
    contested = []
    for row, row_parts in enumerate(parts):
        touch = _taker(row_parts, offsets[occupied], offsets[occupied + 1])
        if touch is None:
            contested.append(row)
            continue
        for place, value in enumerate(values):
            amounts[place, row] = 0
            amounts[place, row, touch] = value[occupied]
    if contested:
        laid, salts = side_by_side(offsets), salts_of([models[row] for row in contested])
        shared = _share_laid(values, parts[contested], offsets, laid, conversion_key, touch_key, salts)
        for into, found in zip(amounts, shared, strict=True):
            for row, found_row in zip(contested, found, strict=True):
                found_row.take(laid.place, out=into[row], mode="clip")


def _share_laid(
    values: Int64s,
    parts: Int64s,
    offsets: Int64s,
    laid: SideBySide,
    conversion_key: UInt64s,
    touch_key: UInt64s,
    salts: UInt64s,
) -> Int64s:
    """The shares (v, k, m) in the order of `laid`; the other arrays are in the order of `offsets`."""
    parts, touch_key = parts.take(laid.touch, axis=1), touch_key.take(laid.touch)
    shared = np.empty((len(values), *parts.shape), np.int64)
    for length, journey, at in laid.short:
        shape = (length, len(journey))
        share_columns(
            shared[:, :, at].reshape(*shared.shape[:2], *shape),
            values.take(journey, axis=1),  # values[:, journey] would lie the other way round, and slow all that follows
            parts[:, at].reshape(-1, *shape),
            conversion_key[journey],
            touch_key[at].reshape(shape),
            salts,
        )
    if len(laid.long):
        lengths = np.diff(offsets)[laid.long]
        at = slice(len(touch_key) - int(lengths.sum()), len(touch_key))
        keys = conversion_key[laid.long], touch_key[at]
        for value, long_shared in zip(values[:, laid.long], shared[:, :, at], strict=True):
            long_shared[:] = _share_long(value, parts[:, at], lengths, *keys, salts)
    return shared


def require_values(value_minor: Int64s) -> None:
    """ValueError for a value below 0 or above 10**15."""
    if value_minor.size and not 0 <= value_minor.min() <= value_minor.max() <= MAX_MINOR:
        raise ValueError(f"a value must be 0 to {MAX_MINOR} minor units; a refund is an adjustment")


def _taker(parts: Int64s, starts: Int64s, ends: Int64s) -> Int64s | None:
    """The one touch of each journey that has all of it, as in first touch: nothing is left over. None if not so."""
    if np.count_nonzero(parts) != len(starts):
        return None
    touch = np.flatnonzero(parts)
    if not ((starts <= touch) & (touch < ends)).all():
        return None
    return touch


def _share_long(
    value: Int64s, parts: Int64s, lengths: Int64s, conversion_key: UInt64s, touch_key: UInt64s, salts: UInt64s
) -> Int64s:
    """Journeys one after the other, none empty, of any lengths."""
    starts = np.cumsum(lengths) - lengths
    amounts, remainders = np.empty(parts.shape, np.int64), np.empty(parts.shape)
    units_left = np.empty((len(parts), len(lengths)), np.int64)
    value_of_touch = np.repeat(value, lengths)
    for row, row_parts in enumerate(parts):
        totals = np.add.reduceat(row_parts, starts)
        require_weight(totals)
        total = np.repeat(totals, lengths)
        amounts[row], remainders[row] = floors_of(value_of_touch, row_parts, total)
        units_left[row] = value - np.add.reduceat(amounts[row], starts)
    lucky = winners(units_left, remainders, starts, lengths, conversion_key, touch_key, salts)
    amounts.reshape(-1)[lucky] += 1
    return amounts


def _whole(weights: Floats | Int64s, offsets: Int64s) -> Int64s:
    """The same as whole numbers, those of a journey summing to 2**61 or less."""
    lengths = np.diff(offsets)
    starts, lengths = offsets[:-1][lengths > 0], lengths[lengths > 0]
    if weights.dtype == np.int64:
        if int(weights.max()) * int(lengths.max()) > _MAX_PARTS:
            _require_small(cast(Int64s, weights), starts)
        return cast(Int64s, weights)
    greatest = np.maximum.reduceat(weights, starts, axis=1)
    if not (greatest > 0).all():
        raise ValueError(WEIGHTLESS)
    # By a power of two, which is exact: a sum of floats would depend on the order in which it is made.
    shift = _FRACTION_BITS - np.frexp(greatest)[1]
    parts: Int64s = np.rint(np.ldexp(weights, np.repeat(shift, lengths, axis=1))).astype(np.int64)
    return parts


def _require_small(parts: Int64s, starts: Int64s) -> None:
    # A sum that has wrapped around can look small again; floats cannot.
    sums = (np.add.reduceat(parts.astype(kind), starts, axis=1) for kind in (np.float64, np.int64))
    if any(total.max() > _MAX_PARTS for total in sums):
        raise ValueError("whole weights must sum to 2**61 or less over a journey; divide them")


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
    require_values(value_minor)
    if n and np.diff(offsets).max() > MAX_TOUCHES:
        raise ValueError(f"a journey has more than {MAX_TOUCHES} touches; lower the cap")
    if m and len(models) and not (weights.min() >= 0 and weights.max() < np.inf):
        raise ValueError("weights must be finite and 0 or more")
