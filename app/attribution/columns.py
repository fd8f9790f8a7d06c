"""How are values shared where journeys are short? Those of one length lie side by side, a row of numbers a place.

So every step is one operation on long rows, whatever the length, and sorting is a fixed sequence of minima and maxima
(a sorting network) in place of a sort of its own for every journey.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from app.attribution.remainders import EQUAL_WITHIN, HASH_BITS, floors_of, require_weight, tie_hash
from app.attribution.touches import Bools, Floats, Int64s, UInt64s

T = TypeVar("T", bound=np.generic)

LONGEST = 16
"""Touches of a journey that is short: the network of that many places has 63 steps, and grows faster than they do."""

_PLACE_BITS = 5
_RANK_BITS = HASH_BITS + _PLACE_BITS
_FEW = 3
_NEVER = -(1 << 62)
_NOBODY = np.iinfo(np.int64).max  # above every order; as a float not a number, so no neighbour of one


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Journeys laid out anew: the short ones by length, then the long ones.

    Parameters
    ----------
    touch : int64 (m,)
        Where what lies at each place of the new order lay.
    place : int64 (m,)
        The other way round.
    short : list of (int, int64 (j,), slice)
        Length, journeys, and the places of their touches, ``(length, j)`` in C order.
    long : int64 (j,)
        Journeys of more than `LONGEST` touches, one after the other at the end.
    """

    touch: Int64s
    place: Int64s
    short: list[tuple[int, Int64s, slice]]
    long: Int64s


def side_by_side(offsets: Int64s) -> SideBySide:
    """The journeys that have touches, by length.

    Examples
    --------
    >>> side_by_side(np.array([0, 2, 2, 3, 5])).touch.tolist()
    [2, 0, 3, 1, 4]
    """
    lengths = np.diff(offsets)
    capped = np.minimum(lengths, LONGEST + 1).astype(np.uint8)
    by_length = np.argsort(capped, kind="stable")
    ends = np.cumsum(np.bincount(capped, minlength=LONGEST + 2)).tolist()
    touch, short, begin = [], [], 0
    for length in range(1, LONGEST + 1):
        journey = by_length[ends[length - 1] : ends[length]]
        if len(journey):
            touch.append((offsets[journey] + np.arange(length)[:, None]).reshape(-1))
            short.append((length, journey, slice(begin, begin + length * len(journey))))
            begin += length * len(journey)
    long = by_length[ends[LONGEST] :]
    if len(long):
        after = np.cumsum(lengths[long])
        touch.append(np.arange(after[-1]) + np.repeat(offsets[long] - after + lengths[long], lengths[long]))
    laid = np.concatenate([np.empty(0, np.int64), *touch])
    place = np.empty_like(laid)
    place[laid] = np.arange(len(laid))
    return SideBySide(laid, place, short, long)


def share_columns(
    shared: Int64s, values: Int64s, parts: Int64s, conversion_key: UInt64s, touch_key: UInt64s, salts: UInt64s
) -> None:
    """Share values over journeys of one length, by whole parts, to the unit (SEMANTICS 4.2).

    Parameters
    ----------
    shared : int64 (v, k, n, j)
        Where the shares are put.
    values : int64 (v, j)
        What is shared of each journey.
    parts : int64 (k, n, j)
        Of each model, place and journey, n up to `LONGEST`; each journey's sum to 1 to 2**61.
    conversion_key, touch_key : uint64 (j,), (n, j)
    salts : uint64 (k,)
        Of the models.
    """
    totals = parts.sum(axis=1)
    require_weight(totals)
    if parts.shape[1] == 1:
        shared[:] = values[:, None, None, :]
        return
    contests = [
        _Contest(values, parts[row], total, _Ranks(conversion_key, touch_key, salts[row : row + 1]))
        for row, total in enumerate(totals)
    ]
    ordered = _sorted([contest.order for contest in contests])
    begin = 0
    for row, contest in enumerate(contests):
        end = begin + contest.order[0].size
        contest.decide(ordered[:, begin:end], shared[:, row])
        begin = end


@dataclass(frozen=True, slots=True)
class _Ranks:
    """The order of equals in journeys of one length: by hash, then by place (SEMANTICS 4.2); 49 bits, all distinct."""

    conversion_key: UInt64s
    touch_key: UInt64s
    salt: UInt64s

    def all(self) -> Int64s:
        return self._of(self.conversion_key, self.touch_key)

    def of(self, journey: Int64s) -> Int64s:
        return self._of(self.conversion_key[journey], self.touch_key[:, journey])

    def _of(self, conversion_key: UInt64s, touch_key: UInt64s) -> Int64s:
        ranks = tie_hash(conversion_key, self.salt, touch_key)
        ranks >>= np.uint64(64 - HASH_BITS)
        ranks <<= np.uint64(_PLACE_BITS)
        ranks |= np.arange(1, len(ranks) + 1, dtype=np.uint64)[:, None]
        return ranks.view(np.int64)


class _Contest:
    """Who gets the units that the floors of one model leave over?

    `order`, int64 (n, v, j) or (n, 1, j), says it: the largest of each journey do. Where places are nearly all
    different it is the bits of the remainders, which sort as these do, and ties are decided apart. Where many are
    equal, as in linear all of them, these are computed once, and it is the level of the remainder and then the rank.
    """

    def __init__(self, values: Int64s, parts: Int64s, totals: Int64s, ranks: _Ranks) -> None:
        # Which of the distinct rows of parts each place has.
        self.kind = np.concatenate([np.zeros(1, np.int64), np.cumsum((parts[1:] != parts[:-1]).any(axis=1))])
        distinct = parts[np.searchsorted(self.kind, np.arange(self.kind[-1] + 1))][:, None, :]
        self.ranks = ranks
        self.floors, remainders = floors_of(values, distinct, totals)
        self.units = values - (self.floors * np.bincount(self.kind)[:, None, None]).sum(axis=0)
        self.remainders = _spread(remainders, self.kind) if len(distinct) > _FEW else None
        if self.remainders is not None:
            self.order = self.remainders.view(np.int64)
        elif len(distinct) == 1:
            self.order = ranks.all()[:, None, :]
        else:
            self.order = _levelled(remainders)[self.kind]
            self.order += ranks.all()[:, None, :]

    def decide(self, ordered: Int64s, shared: Int64s) -> None:
        """Write the shares, (v, n, j); `ordered` is `order` by size, smallest first."""
        height = len(ordered)
        ordered = ordered.reshape(height, -1, self.units.shape[1])
        last_in = _at(ordered, height - 1 - self.units)
        won = self.order >= last_in
        if self.remainders is not None:
            first_out = _at(ordered, np.maximum(height - 2 - self.units, 0))
            close = last_in.view(np.float64) - first_out.view(np.float64) <= EQUAL_WITHIN
            if close.any():
                self._break_ties(won, self.remainders, *np.nonzero(close))
        np.add(_spread(self.floors, self.kind).swapaxes(0, 1), won.swapaxes(0, 1), out=shared)

    def _break_ties(self, won: Bools, remainders: Floats, value: Int64s, journey: Int64s) -> None:
        tied = remainders[:, value, journey]
        order = _levelled(tied) + self.ranks.of(journey)
        ordered = _sorted([order[:, None, :]])[:, None, :]
        won[:, value, journey] = order >= _at(ordered, len(order) - self.units[value, journey][None, :])[0]


def _levelled(remainders: Floats) -> Int64s:
    """Which chain of equals, each within `EQUAL_WITHIN` of the next, a remainder is in: 0 for the least of them.

    Returns
    -------
    int64, of the same shape (n, …), above the bits of a rank. Of a remainder of 0 it is below all else, whatever
    chain reaches it: an exact share is never raised.
    """
    ordered = _in_order(list(remainders.copy()))
    level = np.zeros(remainders.shape, np.int64)
    for below, above in pairwise(ordered):
        level += (remainders >= above) & (above - below > EQUAL_WITHIN)
    level <<= _RANK_BITS
    level[remainders <= 0] = _NEVER
    return level


def _at(ordered: Int64s, height: Int64s) -> Int64s:
    """What stands at a height (v, j) of each column of (n, v or 1, j)."""
    _, values, journeys = ordered.shape
    column = np.arange(values)[:, None] * journeys + np.arange(journeys)
    found: Int64s = ordered.reshape(-1)[height * (values * journeys) + column]
    return found


def _spread(rows: NDArray[T], kind: Int64s) -> NDArray[T]:
    """A row for each place, of a row for each kind."""
    return rows if len(rows) == len(kind) else rows[kind]


def _sorted(orders: list[Int64s]) -> Int64s:
    """The columns of all orders, (n, …) each, one beside the other, smallest first, and `_NOBODY` above them."""
    height = len(orders[0])
    grid = np.concatenate([order.reshape(height, -1) for order in orders], axis=1)
    return np.stack([*_in_order(list(grid)), np.full(grid.shape[1], _NOBODY)])


def _in_order(rows: list[NDArray[T]]) -> list[NDArray[T]]:
    """The rows, which are written over, with each column sorted, smallest first."""
    spare = np.empty_like(rows[0])
    for low, high in _network(len(rows)):
        np.minimum(rows[low], rows[high], out=spare)
        np.maximum(rows[low], rows[high], out=rows[high])
        rows[low], spare = spare, rows[low]
    return rows


@lru_cache(maxsize=LONGEST + 1)
def _network(n: int) -> tuple[tuple[int, int], ...]:
    """Which two places to put in order, one pair after the other, so that n are sorted (merge exchange).

    References
    ----------
    Batcher 1968, Sorting networks and their applications; Knuth, The Art of Computer Programming 3, 5.2.2 M.

    Examples
    --------
    >>> _network(4)
    ((0, 2), (1, 3), (0, 1), (2, 3), (1, 2))
    """
    pairs = []
    top = 1 << max((n - 1).bit_length() - 1, 0)
    p = top
    while p > 0:
        q, r, d = top, 0, p
        while True:
            pairs += [(i, i + d) for i in range(n - d) if i & p == r]
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1
    return tuple(pairs)
