"""What is a channel's fair part of all that was won together? The Shapley value in closed form (SEMANTICS 3)."""

import math

import numpy as np
from numpy.typing import NDArray

from app.attribution.paths import Count, PathCounts
from app.attribution.totals import ChannelCredit, credited
from app.attribution.touches import Floats, Int64s, require_flat, require_offsets
from app.attribution.transitions import require_no_negative

SHAPLEY = "shapley"

# Columns of the counts in the order of `totals.AMOUNTS`.
_GAMES = [Count.CONVERSIONS, Count.NET_CONVERSIONS, Count.GROSS_MINOR, Count.NET_MINOR]


def shapley(paths: PathCounts, key: int = 0) -> ChannelCredit:
    """The conversions and the value of `paths`, each journey's in equal parts to its distinct channels.

    In the game ``v(S)`` = what the journeys won whose channels all lie in S, each journey is a unanimity game of
    its channels, and those share it equally; the Shapley value of the sum is the sum (Shapley 1953). That holds
    for value as for conversions: what an order is worth goes to the channels that it met. Computed in whole
    numbers, rounded once, per channel.

    Parameters
    ----------
    paths : PathCounts
        Of one tenant, period, conversion type and currency.
    key : int
        A hash of these, 64 bits: orders equal remainders.

    Examples
    --------
    >>> from app.attribution.paths import count_paths
    >>> counts = np.array([[6, 6, 0, 1000, 900], [3, 3, 9, 500, 500]])
    >>> paths = count_paths(np.array([0, 1, 4]), np.array([0, 0, 1, 0], np.int32), ["ads", "email"], counts)
    >>> credit = shapley(paths)
    >>> credit.conversions_micro.tolist(), credit.gross_minor.tolist()
    ([7500000, 1500000], [1250, 250])
    """
    require_no_negative(paths)
    return credited(paths, paths.channels, _parts(paths), key, SHAPLEY)


def shapley_weights(offsets: Int64s, channel: NDArray[np.int32]) -> Floats:
    """The weight of every touch: an equal part for each distinct channel, shared equally over its touches.

    Parameters
    ----------
    offsets : int64 (n + 1,)
        Journeys, empty ones allowed.
    channel : int32 (m,)
        Codes of the touches' channels.

    Returns
    -------
    float64 (m,)
        Sums to 1 over each journey.

    Examples
    --------
    >>> shapley_weights(np.array([0, 3]), np.array([4, 2, 4], np.int32)).tolist()
    [0.25, 0.5, 0.25]
    """
    require_offsets(offsets, len(channel))
    require_flat("channel", channel, np.int32, len(channel))
    if not len(channel):
        return np.empty(0)
    journey = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    pair = journey * (int(channel.max()) + 1) + channel
    _, first, place, touches = np.unique(pair, return_index=True, return_inverse=True, return_counts=True)
    distinct = np.bincount(journey[first], minlength=len(offsets) - 1)
    weights: Floats = 1.0 / (distinct[journey] * touches[place])
    return weights


def members(paths: PathCounts) -> tuple[Int64s, Int64s, Int64s]:
    """Which channels each path has: path and channel of every such pair, and the distinct channels of each path."""
    n = max(len(paths.channels), 1)
    every = np.sort(np.repeat(np.arange(len(paths)), np.diff(paths.offsets)) * n + paths.codes)
    pair = every[np.flatnonzero(np.diff(every, prepend=-1))]
    path, channel = pair // n, pair % n
    return path, channel, np.bincount(path, minlength=len(paths))


def _parts(paths: PathCounts) -> list[list[int]]:
    """The Shapley values of the four games, times the least number that makes them whole."""
    n = len(paths.channels)
    path, channel, distinct = members(paths)
    sizes, size = np.unique(distinct[path], return_inverse=True)
    won = np.zeros((n, len(sizes), len(_GAMES)), np.int64)
    np.add.at(won, (channel, size), paths.counts[path][:, _GAMES])
    scale = math.lcm(*sizes.tolist())
    share = [scale // each for each in sizes.tolist()]
    return [
        [sum(count * part for count, part in zip(row, share, strict=True)) for row in won[:, :, game].tolist()]
        for game in range(len(_GAMES))
    ]
