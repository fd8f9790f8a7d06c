"""How often was each sequence of channels walked, and how did it end? Counts that add up (SEMANTICS 2.11, 4.9)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import cast

import numpy as np
from numpy.typing import NDArray

from app.attribution.credit import Conversions
from app.attribution.journeys import Journeys
from app.attribution.touches import Int64s, Touches, require_flat, require_offsets

Codes = NDArray[np.int32]

_MAX_SUM = 2.0**62  # of one column: int64 holds it, and a sum that would wrap around is seen in floats


class Count(IntEnum):
    """What is counted of a path; the columns of `PathCounts.counts`."""

    CONVERSIONS = 0
    NET_CONVERSIONS = 1  # without those retracted
    NULLS = 2  # journeys that did not convert
    GROSS_MINOR = 3
    NET_MINOR = 4  # after restatements; 0 for those retracted


@dataclass(frozen=True, slots=True)
class PathCounts:
    """The journeys of a chunk, or of many, as distinct sequences of channels and how often each was walked.

    There is one form for one content: equal counts are equal arrays, however they were chunked and merged. Made
    by `count_conversions`, `count_unconverted`, `count_paths` and `merged`.

    Parameters
    ----------
    channels : tuple of str
        The n channels that occur, sorted.
    offsets : int64 (p + 1,)
        Path i is ``codes[offsets[i]:offsets[i + 1]]``; sorted by length, then by code. The empty path, if there
        is one, comes first and holds the conversions without touches (SEMANTICS 2.6).
    codes : int32 (steps,)
        Places in `channels`.
    counts : int64 (p, 5)
        Columns of `Count`; no row is all 0. Negative only in what `minus` gives for later merging. The money
        columns add up within one currency only: keep one `PathCounts` per currency.
    """

    channels: tuple[str, ...]
    offsets: Int64s
    codes: Codes
    counts: Int64s

    def __len__(self) -> int:
        return len(self.counts)

    def column(self, count: Count) -> Int64s:
        """One column of `counts`, int64 (p,)."""
        return self.counts[:, count]

    def unattributed(self) -> Int64s:
        """What the conversions without touches count, int64 (5,); columns of `Count`."""
        return cast(Int64s, self.counts[np.diff(self.offsets) == 0].sum(axis=0))

    def credited(self) -> Int64s:
        """What the journeys with touches count, int64 (5,); with `unattributed` it is everything."""
        return cast(Int64s, self.counts[np.diff(self.offsets) > 0].sum(axis=0))

    def minus(self, other: "PathCounts") -> "PathCounts":
        """These counts without those of `other`: takes back a chunk that is attributed again."""
        return merged([self, PathCounts(other.channels, other.offsets, other.codes, -other.counts)])


def count_conversions(journeys: Journeys, touches: Touches, conversions: Conversions) -> PathCounts:
    """The paths of a chunk's conversions, those without touches too.

    Parameters
    ----------
    journeys : Journeys
        Of these conversions, from `journeys.select` or `Credit.journeys`.
    touches : Touches
        Those that the journeys were selected from, with `channel_names`.
    conversions : Conversions
        Of one conversion type and one currency.

    Examples
    --------
    >>> from app.attribution.journeys import JourneyRules, select
    >>> codes = np.array([0, 1, 1], np.int32)
    >>> touches = Touches(
    ...     conversion_index=np.array([0, 0, 2]), time_ms=np.array([1, 2, 3]), key=np.arange(3, dtype=np.uint64),
    ...     channel=codes, kind=np.zeros(3, np.int8), campaign=codes, channel_names=["search", "email"],
    ... )
    >>> conversions = Conversions.unadjusted(
    ...     np.array([4, 4, 4]), np.arange(3, dtype=np.uint64), np.array([1000, 500, 20])
    ... )
    >>> paths = count_conversions(select(touches, conversions.time_ms, JourneyRules()), touches, conversions)
    >>> paths.channels, paths.offsets.tolist(), paths.codes.tolist()
    (('email', 'search'), [0, 0, 1, 3], [0, 1, 0])
    >>> paths.column(Count.CONVERSIONS).tolist(), paths.column(Count.GROSS_MINOR).tolist()
    ([1, 1, 1], [500, 20, 1000])
    """
    ones = np.ones(len(conversions), np.int64)
    kept = np.where(conversions.retracted, 0, 1)
    columns = [ones, kept, 0 * ones, conversions.gross_minor, kept * conversions.net_minor]
    return count_paths(
        journeys.offsets, touches.channel[journeys.index], touches.channel_names, np.stack(columns, axis=1)
    )


def count_unconverted(offsets: Int64s, channel: Codes, channel_names: Sequence[str]) -> PathCounts:
    """The paths of persons who did not convert: each that is not empty counts once (SEMANTICS 2.11).

    Parameters
    ----------
    offsets : int64 (persons + 1,)
        Touches of each person inside the period that are in no conversion's journey. `journeys.select` with the
        end of the period in place of a conversion applies the tenant's filters and cap to them as well.
    channel : int32 (m,)
        Codes into `channel_names`, in the order of SEMANTICS 2.2.
    channel_names : sequence of str
    """
    counts = np.zeros((len(offsets) - 1, len(Count)), np.int64)
    counts[np.diff(offsets) > 0, Count.NULLS] = 1
    return count_paths(offsets, channel, channel_names, counts)


def count_paths(offsets: Int64s, channel: Codes, channel_names: Sequence[str], counts: Int64s) -> PathCounts:
    """Paths with counts of one's own; equal paths are added up.

    Parameters
    ----------
    offsets : int64 (p + 1,)
        The layout of `touches`: equal and empty paths allowed.
    channel : int32 (steps,)
        Codes into `channel_names`.
    channel_names : sequence of str
        In any order; one name may have several codes.
    counts : int64 (p, 5)
        Columns of `Count`.

    Raises
    ------
    ValueError
        Arrays that do not fit each other, a code without a name, or counts beyond int64 when added.
    """
    require_offsets(offsets, len(channel))
    require_flat("channel", channel, np.int32, len(channel))
    if counts.shape != (len(offsets) - 1, len(Count)) or counts.dtype != np.int64:
        raise ValueError(f"counts must be int64 of shape ({len(offsets) - 1}, {len(Count)})")
    if len(channel) and not 0 <= channel.min() <= channel.max() < len(channel_names):
        raise ValueError("give channel_names a name for every code")
    if len(counts) and np.abs(counts.astype(np.float64)).sum(axis=0).max() >= _MAX_SUM:
        raise ValueError("the counts add up to more than 64 bits hold; split the period")
    names = sorted(set(channel_names))
    place = {name: code for code, name in enumerate(names)}
    codes = np.array([place[name] for name in channel_names] or [0], np.int32)[channel]
    row, sums = _added_up(offsets, codes, counts, len(names))
    occurs = sums.any(axis=1)
    return _taken(names, offsets, codes, row[occurs], sums[occurs])


def merged(parts: Iterable[PathCounts]) -> PathCounts:
    """All counts of several chunks; the same whatever their order and number, and however they were merged before.

    Examples
    --------
    >>> one = count_unconverted(np.array([0, 1]), np.array([0], np.int32), ["email"])
    >>> both = merged([one, count_unconverted(np.array([0, 2]), np.array([0, 1], np.int32), ["email", "ads"]), one])
    >>> both.channels, both.codes.tolist(), both.column(Count.NULLS).tolist()
    (('ads', 'email'), [1, 1, 0], [2, 1])
    """
    chunks = list(parts)
    shift = np.cumsum([0, *(len(chunk.channels) for chunk in chunks)])
    codes = [chunk.codes + by for chunk, by in zip(chunks, shift.tolist(), strict=False)]
    lengths = [np.diff(chunk.offsets) for chunk in chunks]
    return count_paths(
        np.cumsum(np.concatenate([np.zeros(1, np.int64), *lengths])),
        np.concatenate([np.empty(0, np.int32), *codes]).astype(np.int32),
        [name for chunk in chunks for name in chunk.channels],
        np.concatenate([np.empty((0, len(Count)), np.int64), *(chunk.counts for chunk in chunks)]),
    )


def _added_up(offsets: Int64s, codes: Codes, counts: Int64s, channels: int) -> tuple[Int64s, Int64s]:
    """One row of each distinct path, by length and code, and the sums of its counts."""
    lengths = np.diff(offsets)
    by_length = np.argsort(lengths.astype(np.min_scalar_type(int(lengths.max(initial=0)))), kind="stable")
    bounds = np.flatnonzero(np.diff(lengths[by_length], prepend=-1))
    rows, sums = [np.empty(0, np.int64)], [np.empty((0, len(Count)), np.int64)]
    for same in np.split(by_length, bounds[1:]) if len(by_length) else []:
        grid = codes[offsets[same][:, None] + np.arange(lengths[same[0]])]
        words = _packed(grid, channels)
        order = np.lexsort(words[::-1])
        differs = (words[:, order[1:]] != words[:, order[:-1]]).any(axis=0)
        starts = np.flatnonzero(np.concatenate([[True], differs]))
        rows.append(same[order[starts]])
        sums.append(np.add.reduceat(counts[same[order]], starts, axis=0))
    return np.concatenate(rows), np.concatenate(sums)


def _packed(grid: Codes, channels: int) -> Int64s:
    """Paths of one length as few whole numbers that sort as the paths do, int64 (words, paths)."""
    paths, length = grid.shape
    bits = max(channels - 1, 1).bit_length()
    per_word = 63 // bits
    words = np.zeros((max(-(-length // per_word), 1), paths), np.int64)
    for place in range(length):
        words[place // per_word] |= grid[:, place].astype(np.int64) << bits * (per_word - 1 - place % per_word)
    return words


def _taken(names: Sequence[str], offsets: Int64s, codes: Codes, row: Int64s, counts: Int64s) -> PathCounts:
    """The paths `row`, their channels renumbered to those that occur."""
    lengths = np.diff(offsets)[row]
    bounds = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    taken = codes[np.arange(bounds[-1]) + np.repeat(offsets[row] - bounds[:-1], lengths)]
    occurs = np.bincount(taken, minlength=len(names)) > 0
    renumbered = (np.cumsum(occurs) - 1).astype(np.int32)
    channels = tuple(name for name, used in zip(names, occurs, strict=True) if used)
    return PathCounts(channels, bounds, renumbered[taken], counts)
