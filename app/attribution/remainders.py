"""Who gets the units that floors leave over? The largest remainders, ties by hash (SEMANTICS 4.2).

Only journeys with units left are looked at. They are laid out as rows of a few widths, powers of two, and
decided a width at a time: no journey is a loop of its own, and rows of one width sort fast.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from app.attribution.touches import Bools, Floats, Int64s, UInt64s

EQUAL_WITHIN = 1e-9

HASH_BITS = 44
"""Of a hash decide; the rest is left for the place in the journey, so that no two ranks are the same."""
WEIGHTLESS = "every journey with touches needs a weight above 0, in every model"

_PLACE_BITS = 64 - HASH_BITS
_PAD = -1.0  # below every remainder, and no neighbour of one
_ABOVE_ALL = np.uint64(2**64 - 1)


def winners(
    units_left: Int64s,
    remainders: Floats,
    starts: Int64s,
    lengths: Int64s,
    conversion_key: UInt64s,
    touch_key: UInt64s,
    salts: UInt64s,
) -> Int64s:
    """The touches that get one unit more.

    Parameters
    ----------
    units_left : int64 (k, n)
        Of each model and journey, 0 up to one less than its touches with a remainder above 0.
    remainders : float64 (k, m)
        0 to 1.
    starts, lengths : int64 (n,)
        Journeys, none empty.
    conversion_key, touch_key : uint64 (n,), (m,)
        What the hash is made of, with the salt of the model.
    salts : uint64 (k,)
        `salts_of` the models.

    Returns
    -------
    int64
        Flat positions in ``(k, m)``, as many per model and journey as it has units left.
    """
    model, journey = np.nonzero(units_left)
    if not len(model):
        return np.empty(0, np.int64)
    units = units_left[model, journey]
    width = _width(lengths[journey])
    chosen = []
    for each_width in np.unique(width):
        rows = np.flatnonzero(width == each_width)
        touch, inside = _grid(starts[journey[rows]], lengths[journey[rows]], int(each_width))
        place = touch + (model[rows] * len(touch_key))[:, None]
        remainder = np.where(inside, remainders.reshape(-1)[place], _PAD)
        ordered = np.sort(remainder, axis=1)
        won, tied = _largest(remainder, ordered, units[rows])
        if len(tied):
            of_journey, of_model = journey[rows[tied]], model[rows[tied]]
            hashed = tie_hash(conversion_key[of_journey, None], salts[of_model, None], touch_key[touch[tied]])
            won[tied] = _largest_of_tied(remainder[tied], ordered[tied], units[rows[tied]], hashed)
        chosen.append(place[won])
    return np.concatenate(chosen)


def floors_of(value: Int64s, parts: Int64s, totals: Int64s) -> tuple[Int64s, Floats]:
    """Floor and remainder, 0 to 1, of ``value * parts / totals``, exactly; the three are broadcast.

    The product needs up to 111 bits. A float gives the floor to within 1; then the remainder
    ``value * parts - floor * totals`` lies within twice the total, below 2**62, so int64 that wraps around
    holds it exactly and says in which direction the floor is off.
    """
    # Arrays of one type each: numpy is several times slower where it has to convert on the way.
    floors = (value.astype(np.float64) * (parts / totals)).astype(np.int64)
    remainders = value * parts
    remainders -= floors * totals
    for off_by, are_off in ((1, remainders >= totals), (-1, remainders < 0)):
        if are_off.any():
            floors += off_by * are_off
            remainders -= off_by * (are_off * totals)
    return floors, remainders.astype(np.float64) / totals.astype(np.float64)


def require_weight(totals: Int64s) -> None:
    """ValueError for a journey whose parts sum to nothing."""
    if totals.min() <= 0:
        raise ValueError(WEIGHTLESS)


def salts_of(models: Sequence[str]) -> UInt64s:
    """What the names of models add to the hash, uint64 (k,)."""
    return np.array([_salt(name) for name in models], np.uint64)


def tie_hash(conversion_key: UInt64s, salt: UInt64s, touch_key: UInt64s) -> UInt64s:
    """The hash of (conversion, model, touch) that orders equal remainders, uint64.

    Examples
    --------
    >>> one = np.ones(1, np.uint64)
    >>> hex(tie_hash(one, one, one)[0])
    '0x7095beebd76575e4'
    """
    return mix(mix(mix(conversion_key) ^ salt) ^ touch_key)


def _largest(remainder: Floats, ordered: Floats, units: Int64s) -> tuple[Bools, Int64s]:
    """Where the `units` largest of each row are, and the rows where that is a tie and not yet true.

    `ordered` is each row of `remainder`, smallest first.
    """
    row, width = np.arange(len(units)), ordered.shape[1]
    last_in, first_out = ordered[row, width - units], ordered[row, width - units - 1]
    return remainder >= last_in[:, None], np.flatnonzero(last_in - first_out <= EQUAL_WITHIN)


def _largest_of_tied(remainder: Floats, ordered: Floats, units: Int64s, hashed: UInt64s) -> Bools:
    """The same where the last unit falls among equals: those above them win, and of them by hash.

    Equals are a chain, each within `EQUAL_WITHIN` of the next. The low bits of a hash are the place in
    the journey, so that no two are the same and the number of winners always fits.
    """
    row, width = np.arange(len(units)), ordered.shape[1]
    link = np.zeros(ordered.shape, np.int32)
    np.cumsum(ordered[:, 1:] - ordered[:, :-1] > EQUAL_WITHIN, axis=1, out=link[:, 1:])
    equal = link == link[row, width - units][:, None]
    lowest = ordered[row, equal.argmax(axis=1)][:, None]
    highest = ordered[row, width - 1 - equal[:, ::-1].argmax(axis=1)][:, None]

    place = np.arange(1, width + 1, dtype=np.uint64)
    rank = (hashed >> np.uint64(_PLACE_BITS) << np.uint64(_PLACE_BITS)) | place
    rank[(remainder < lowest) | (remainder <= 0)] = 0  # an exact share is never raised
    rank[remainder > highest] = _ABOVE_ALL
    threshold = np.sort(rank, axis=1)[row, width - units]
    won: Bools = rank >= threshold[:, None]
    return won


def _grid(starts: Int64s, lengths: Int64s, width: int) -> tuple[Int64s, Bools]:
    """Rows of `width` places each: the touch at each place, and whether there is one."""
    place = np.arange(width)
    inside = place < lengths[:, None]
    return np.where(inside, starts[:, None] + place, starts[:, None]), inside


def _width(lengths: Int64s) -> Int64s:
    """The least power of two that is not below each length."""
    widths: Int64s = np.left_shift(1, np.frexp(lengths - 1.0)[1]).astype(np.int64)
    return widths


@lru_cache(maxsize=32)
def _salt(model: str) -> int:
    return int.from_bytes(hashlib.blake2b(model.encode(), digest_size=8).digest())


def mix(bits: UInt64s) -> UInt64s:
    """splitmix64 (Steele, Lea, Flood 2014, Fast splittable pseudorandom number generators)."""
    mixed = bits + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
