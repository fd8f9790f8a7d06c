"""Which touches belong to a conversion, and why do the others not? (SEMANTICS 2)"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum

import numpy as np
from numpy.typing import NDArray

from app.attribution.names import DIRECT, TouchKind
from app.attribution.touches import Bools, Int64s, Touches, require_flat

DAY_MS = 86_400_000
NO_PREVIOUS_MS = np.iinfo(np.int64).min  # the first conversion of a person: no touch is as early


class Reuse(StrEnum):
    """May a touch serve several conversions of its person? (SEMANTICS 2.5)"""

    REUSE = "reuse"
    RESET = "reset"


class Fate(IntEnum):
    """What became of a touch; exactly one reason each.

    The rules are asked in this order but for `LOST_TIE`, which comes after `TAKEN_BY_EARLIER_CONVERSION`.
    """

    CREDITED = 0
    AFTER_CONVERSION = 1
    OUTSIDE_WINDOW = 2
    TAKEN_BY_EARLIER_CONVERSION = 3
    FILTERED_CHANNEL = 4
    FILTERED_DIRECT = 5
    COLLAPSED = 6
    OVER_CAP = 7
    LOST_TIE = 8

    @property
    def label(self) -> str:
        """The word that travels outside, such as ``outside_window``."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class JourneyRules:
    """How the journeys of one tenant and conversion type are made (SEMANTICS 2); defaults as there.

    Parameters
    ----------
    click_window_ms, view_window_ms : int
        How long before the conversion a touch of the kind counts, both ends included. 30 days and 1 day.
    cap : int
        Most touches of a journey, at least 2: the first and the newest ``cap - 1`` are kept.
    skip_direct : bool
        Leave out `direct` where the journey has anything else (last non-direct).
    excluded_channels : frozenset of str
        Channels to leave out where the journey has anything else. Applied before `skip_direct`.
    collapse_repeats : bool
        Keep only the newest of touches in a row with one channel.
    reuse : Reuse
        `RESET`: a touch serves only the next conversion of its person.
    channel_windows : tuple of (channel, click window, view window)
        In milliseconds, for the channels that have their own.
    clicks_win_ties : bool
        Leave out views at the very millisecond of a click that is in the journey. Before the filters.

    Raises
    ------
    ValueError
        A negative window or a cap below 2.
    """

    click_window_ms: int = 30 * DAY_MS
    view_window_ms: int = DAY_MS
    cap: int = 500
    skip_direct: bool = False
    excluded_channels: frozenset[str] = frozenset()
    collapse_repeats: bool = False
    reuse: Reuse = Reuse.REUSE
    channel_windows: tuple[tuple[str, int, int], ...] = ()
    clicks_win_ties: bool = False

    def __post_init__(self) -> None:
        of_channels = [window for _, click, view in self.channel_windows for window in (click, view)]
        if min(self.click_window_ms, self.view_window_ms, *of_channels) < 0:
            raise ValueError("a window must be 0 milliseconds or more")
        if self.cap < 2:
            raise ValueError("the cap must be 2 touches or more: the first and the last")


@dataclass(frozen=True, slots=True)
class Journeys:
    """The touches that earn credit, grouped by conversion, and the fate of every touch.

    Parameters
    ----------
    offsets : int64 (n + 1,)
        Journey i is ``index[offsets[i]:offsets[i + 1]]``; it may be empty (SEMANTICS 2.6).
    index : int64 (m,)
        Rows of the kept touches in the `Touches` that came in.
    age_ms : int64 (m,)
        Conversion time less touch time, 0 or more.
    left_out : int32 (n,)
        Touches lost to the cap (SEMANTICS 2.8).
    fate : uint8 (number of touches that came in,)
        `Fate` of each. `index` is where it is `CREDITED`, so an explanation cannot contradict a credit.
    """

    offsets: Int64s
    index: Int64s
    age_ms: Int64s
    left_out: NDArray[np.int32]
    fate: NDArray[np.uint8]


def select(
    touches: Touches,
    conversion_time_ms: Int64s,
    rules: JourneyRules,
    previous_conversion_ms: Int64s | None = None,
) -> Journeys:
    """The journeys of a chunk of conversions (SEMANTICS 2).

    Parameters
    ----------
    touches : Touches
        Sorted and deduplicated, at least all those inside the windows.
    conversion_time_ms : int64 (n,)
        UTC epoch milliseconds of each conversion.
    rules : JourneyRules
        The same for the whole chunk.
    previous_conversion_ms : int64 (n,), optional
        The time of the conversion before each one, of the same person and type and retracted ones too, whichever
        chunk it is in; `NO_PREVIOUS_MS` for the first. Needed for `Reuse.RESET`, ignored otherwise: a touch serves
        only the next conversion at or after it, so one may have the touches later than the conversion before it.

    Returns
    -------
    Journeys
        Independent of the order of the conversions and of the chunk that they are in.

    Raises
    ------
    ValueError
        Arrays that do not fit each other, reset without `previous_conversion_ms`, or a rule that names
        channels while the touches do not.

    Examples
    --------
    >>> codes = np.zeros(3, np.int32)
    >>> touches = Touches(
    ...     conversion_index=np.array([0, 0, 1]), time_ms=np.array([5, 10, 21]),
    ...     key=np.array([1, 2, 3], np.uint64), channel=codes, kind=np.zeros(3, np.int8), campaign=codes,
    ... )
    >>> journeys = select(touches, np.array([10, 20]), JourneyRules(click_window_ms=5))
    >>> journeys.offsets.tolist(), journeys.age_ms.tolist()
    ([0, 2, 2], [5, 0])
    >>> [Fate(fate).label for fate in journeys.fate]
    ['credited', 'credited', 'after_conversion']
    """
    n = len(conversion_time_ms)
    require_flat("conversion_time_ms", conversion_time_ms, np.int64, n)
    if len(touches) and not 0 <= touches.conversion_index[0] <= touches.conversion_index[-1] < n:
        raise ValueError(f"conversion_index must lie in 0 to {n - 1}, the conversions that are given")
    age_ms = conversion_time_ms[touches.conversion_index] - touches.time_ms
    fate, left_out = _fates(touches, age_ms, n, rules, previous_conversion_ms)
    index = _alive(fate)
    offsets = _offsets(touches.conversion_index[index], n)
    return Journeys(offsets, index, age_ms[index], left_out, fate)


def _fates(
    touches: Touches, age_ms: Int64s, n: int, rules: JourneyRules, previous_conversion_ms: Int64s | None
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """What becomes of each touch, uint8 (m,), by the rules in order; and of each journey how many the cap left out."""
    fate = np.zeros(len(touches), np.uint8)
    _apply_windows(fate, age_ms, touches, rules)
    if rules.reuse is Reuse.RESET:
        _apply_reset(fate, touches, n, previous_conversion_ms)
    if rules.clicks_win_ties:
        _apply_ties(fate, touches)
    if rules.excluded_channels:
        _filter(fate, touches, n, rules.excluded_channels, Fate.FILTERED_CHANNEL)
    if rules.skip_direct:
        _filter(fate, touches, n, frozenset({DIRECT}), Fate.FILTERED_DIRECT)
    if rules.collapse_repeats:
        _collapse(fate, touches)
    return fate, _apply_cap(fate, touches, n, rules.cap)


def _apply_windows(fate: NDArray[np.uint8], age_ms: Int64s, touches: Touches, rules: JourneyRules) -> None:
    is_view = touches.kind == TouchKind.VIEW
    window_ms = np.where(is_view, rules.view_window_ms, rules.click_window_ms)
    for channel, click_ms, view_ms in rules.channel_windows:
        own = _is_named(touches, frozenset({channel}))[touches.channel]
        window_ms[own] = np.where(is_view[own], view_ms, click_ms)
    fate[age_ms > window_ms] = Fate.OUTSIDE_WINDOW
    fate[age_ms < 0] = Fate.AFTER_CONVERSION


def _apply_reset(fate: NDArray[np.uint8], touches: Touches, n: int, previous_conversion_ms: Int64s | None) -> None:
    if previous_conversion_ms is None:
        raise ValueError("reset needs previous_conversion_ms")
    require_flat("previous_conversion_ms", previous_conversion_ms, np.int64, n)
    taken = touches.time_ms <= previous_conversion_ms[touches.conversion_index]
    fate[taken & (fate == Fate.CREDITED)] = Fate.TAKEN_BY_EARLIER_CONVERSION


def _apply_ties(fate: NDArray[np.uint8], touches: Touches) -> None:
    """Drop the views that stand at one time with a click of their journey."""
    alive = _alive(fate)
    if not len(alive):
        return
    conversion, time_ms = touches.conversion_index[alive], touches.time_ms[alive]
    begins = np.ones(len(alive), np.bool_)
    begins[1:] = (conversion[1:] != conversion[:-1]) | (time_ms[1:] != time_ms[:-1])
    moment = np.cumsum(begins) - 1
    is_click = touches.kind[alive] == TouchKind.CLICK
    has_click = np.bincount(moment[is_click], minlength=moment[-1] + 1) > 0
    fate[alive[~is_click & has_click[moment]]] = Fate.LOST_TIE


def _filter(fate: NDArray[np.uint8], touches: Touches, n: int, names: frozenset[str], reason: Fate) -> None:
    """Drop the channels called `names`, but from no journey that has nothing else (SEMANTICS 2.7)."""
    alive = _alive(fate)
    unwanted = _is_named(touches, names)[touches.channel[alive]]
    conversion = touches.conversion_index[alive]
    has_others = np.bincount(conversion[~unwanted], minlength=n) > 0
    fate[alive[unwanted & has_others[conversion]]] = reason


def _is_named(touches: Touches, names: frozenset[str]) -> Bools:
    """For each channel code: is it one of `names`? Always one entry more than codes, for none at all."""
    known = len(touches.channel_names)
    if len(touches) and not 0 <= touches.channel.min() <= touches.channel.max() < known:
        raise ValueError("the rules name channels: give Touches.channel_names a name for every code")
    return np.array([name in names for name in touches.channel_names] + [False], np.bool_)


def _collapse(fate: NDArray[np.uint8], touches: Touches) -> None:
    """Of touches in a row with one channel keep the newest, the one that last touch credits anyway."""
    alive = _alive(fate)
    channel, conversion = touches.channel[alive], touches.conversion_index[alive]
    repeated = (channel[:-1] == channel[1:]) & (conversion[:-1] == conversion[1:])
    fate[alive[:-1][repeated]] = Fate.COLLAPSED


def _apply_cap(fate: NDArray[np.uint8], touches: Touches, n: int, cap: int) -> NDArray[np.int32]:
    alive = _alive(fate)
    conversion = touches.conversion_index[alive]
    offsets = _offsets(conversion, n)
    lengths = np.diff(offsets)
    left_out: NDArray[np.int32] = np.maximum(lengths - cap, 0).astype(np.int32)
    if left_out.any():
        place = np.arange(len(alive)) - offsets[conversion]
        over = (place >= 1) & (place <= left_out[conversion])
        fate[alive[over]] = Fate.OVER_CAP
    return left_out


def _alive(fate: NDArray[np.uint8]) -> Int64s:
    return np.flatnonzero(fate == Fate.CREDITED)


def _offsets(conversion: Int64s, n: int) -> Int64s:
    offsets = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(conversion, minlength=n), out=offsets[1:])
    return offsets
