"""What does a chunk of conversions earn its touches? Journeys, weights and money in one call."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from app.attribution.journeys import NO_PREVIOUS_MS, JourneyRules, Journeys, select
from app.attribution.models import NO_MILESTONE_MS, ModelParams, weigh
from app.attribution.money import MICRO, require_values, share_into
from app.attribution.names import FIVE_MODELS
from app.attribution.touches import Bools, Floats, Int64s, Touches, UInt64s, require_flat

AT_ONCE = 131_072
"""Touches whose arrays are made at once: few enough to stay in a processor's cache."""


@dataclass(frozen=True, slots=True)
class Conversions:
    """The conversions of a chunk, duplicates of an order already out (SEMANTICS 4.7).

    Parameters
    ----------
    time_ms : int64 (n,)
        UTC epoch milliseconds.
    key : uint64 (n,)
        A hash of (type, order id): orders equal remainders, and has to stay the same for a rerun.
    gross_minor : int64 (n,)
        Value as it was sent, in minor units of each conversion's own currency.
    net_minor : int64 (n,)
        Value after the adjustments (SEMANTICS 4.4); the same as gross without any.
    retracted : bool (n,)
        Taken back whole: counts for nothing, net.
    previous_ms : int64 (n,), optional
        Needed for reset only: see `journeys.select`.
    milestone_ms : int64 (k, n), optional
        When the person reached each milestone before the conversion; `NO_PREVIOUS_MS` where it did not. Needed where
        `ModelParams.milestone` is above 0.
    """

    time_ms: Int64s
    key: UInt64s
    gross_minor: Int64s
    net_minor: Int64s
    retracted: Bools
    previous_ms: Int64s | None = None
    milestone_ms: Int64s | None = None

    def __post_init__(self) -> None:
        n = len(self.time_ms)
        require_flat("time_ms", self.time_ms, np.int64, n)
        require_flat("key", self.key, np.uint64, n)
        require_flat("gross_minor", self.gross_minor, np.int64, n)
        require_flat("net_minor", self.net_minor, np.int64, n)
        require_flat("retracted", self.retracted, np.bool_, n)

    @classmethod
    def unadjusted(
        cls, time_ms: Int64s, key: UInt64s, value_minor: Int64s, previous_ms: Int64s | None = None
    ) -> "Conversions":
        """Conversions without adjustments: net is gross."""
        return cls(time_ms, key, value_minor, value_minor, np.zeros(len(time_ms), np.bool_), previous_ms)

    def __len__(self) -> int:
        return len(self.time_ms)


@dataclass(frozen=True, slots=True)
class Credit:
    """The credit of a chunk: n conversions, m touches kept, five models in the order of `FIVE_MODELS`.

    Parameters
    ----------
    journeys : Journeys
        Says where each conversion's touches lie in the arrays below, and which they are.
    weights : float64 (5, m)
        Share of each touch, summing to 1 over each journey.
    conversions_micro, net_conversions_micro : int64 (5, m)
        Conversions in millionths; net of those retracted.
    gross_minor, net_minor : int64 (5, m)
        Value in minor units, before and after the adjustments.
    unattributed : bool (n,)
        Conversions without touches: theirs stay whole under `UNATTRIBUTED` (SEMANTICS 2.6).
    """

    journeys: Journeys
    weights: Floats
    conversions_micro: Int64s
    net_conversions_micro: Int64s
    gross_minor: Int64s
    net_minor: Int64s
    unattributed: Bools


def credit(
    touches: Touches,
    conversions: Conversions,
    rules: JourneyRules | None = None,
    params: ModelParams | None = None,
) -> Credit:
    """Credit a chunk of conversions under the five models (SEMANTICS 2 to 4).

    Parameters
    ----------
    touches : Touches
        Whatever the touchpoint query found for them.
    conversions : Conversions
        In any order; `touches.conversion_index` counts in it.
    rules, params
        The tenant's; the defaults of SEMANTICS where not given.

    Returns
    -------
    Credit
        Every conversion by itself: neither the chunk nor the order changes anything.

    Raises
    ------
    ValueError
        Arrays that do not fit each other, or a value that is negative or above 10**15.

    Examples
    --------
    >>> codes = np.array([0, 1, 2], np.int32)
    >>> touches = Touches(
    ...     conversion_index=np.array([0, 0, 0]), time_ms=np.array([1, 2, 3]),
    ...     key=np.array([1, 2, 3], np.uint64), channel=codes, kind=np.zeros(3, np.int8), campaign=codes,
    ... )
    >>> conversions = Conversions.unadjusted(
    ...     np.array([4, 4]), np.array([8, 9], np.uint64), value_minor=np.array([1000, 500])
    ... )
    >>> earned = credit(touches, conversions)
    >>> earned.gross_minor[[0, 1, 4]].tolist(), earned.unattributed.tolist()
    ([[1000, 0, 0], [0, 0, 1000], [400, 200, 400]], [False, True])
    """
    journeys = select(touches, conversions.time_ms, rules or JourneyRules(), conversions.previous_ms)
    weights, shared = _weighed_and_shared(journeys, touches.key[journeys.index], conversions, params)
    touches_of_each = np.diff(journeys.offsets)
    taken_back = np.repeat(conversions.retracted, touches_of_each)
    return Credit(
        journeys=journeys,
        weights=weights,
        conversions_micro=shared[0],
        net_conversions_micro=np.where(taken_back, 0, shared[0]) if taken_back.any() else shared[0],
        gross_minor=shared[1],
        net_minor=shared[-1],
        unattributed=touches_of_each == 0,
    )


def _weighed_and_shared(
    journeys: Journeys, touch_key: UInt64s, conversions: Conversions, params: ModelParams | None
) -> tuple[Floats, Int64s]:
    """The weights of the touches kept, and what they earn of each of `_values`: (5, m), and int64 (2 or 3, 5, m)."""
    values, ages = _values(conversions), _milestone_ages(conversions)
    weights = np.empty((len(FIVE_MODELS), len(journeys.index)))
    shared = np.empty((len(values), *weights.shape), np.int64)
    for part, touch in slices(journeys.offsets):
        offsets = journeys.offsets[part.start : part.stop + 1] - touch.start
        weighed = weigh(offsets, journeys.age_ms[touch], params, None if ages is None else ages[:, part])
        weights[:, touch] = weighed.fraction
        share_into(shared[:, :, touch], values[:, part], weighed.part, offsets, conversions.key[part], touch_key[touch])
    return weights, shared


def slices(offsets: Int64s) -> Iterator[tuple[slice, slice]]:
    """The journeys in slices of about `AT_ONCE` touches: which journeys, which touches."""
    last = len(offsets) - 1
    begin = 0
    while begin < last:
        end = max(int(np.searchsorted(offsets, offsets[begin] + AT_ONCE, side="right")) - 1, begin + 1)
        yield slice(begin, end), slice(int(offsets[begin]), int(offsets[end]))
        begin = end


def _values(conversions: Conversions) -> Int64s:
    """What is shared of each conversion: millionths, gross, and net where any differs; int64 (2 or 3, n)."""
    values = [np.full(len(conversions), MICRO), conversions.gross_minor]
    net_minor = np.where(conversions.retracted, 0, conversions.net_minor)
    if not np.array_equal(net_minor, conversions.gross_minor):
        values.append(net_minor)
    stacked = np.stack(values)
    require_values(stacked)
    return stacked


def _milestone_ages(conversions: Conversions) -> Int64s | None:
    if conversions.milestone_ms is None:
        return None
    reached = conversions.milestone_ms != NO_PREVIOUS_MS
    ages: Int64s = np.where(
        reached, conversions.time_ms - np.where(reached, conversions.milestone_ms, 0), NO_MILESTONE_MS
    )
    return ages
