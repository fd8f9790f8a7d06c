"""Arrays for tests, from rows that one can read."""

from collections.abc import Iterable, Sequence

import numpy as np

from app.attribution.credit import Conversions
from app.attribution.names import TouchKind
from app.attribution.touches import Int64s, Touches

Row = tuple[int, int, int, str, TouchKind]  # conversion, time_ms, key, channel, kind


def touches_of(rows: Iterable[Row]) -> Touches:
    """Touches from rows in any order."""
    ordered = sorted(rows, key=lambda row: row[:3])
    names = sorted({row[3] for row in ordered})
    return Touches(
        conversion_index=np.array([row[0] for row in ordered], np.int64),
        time_ms=np.array([row[1] for row in ordered], np.int64),
        key=np.array([row[2] for row in ordered], np.uint64),
        channel=np.array([names.index(row[3]) for row in ordered], np.int32),
        kind=np.array([row[4] for row in ordered], np.int8),
        campaign=np.zeros(len(ordered), np.int32),
        channel_names=names,
    )


def journey_of(
    times_ms: Sequence[int], channels: str | Sequence[str] = "", kind: TouchKind = TouchKind.CLICK
) -> Touches:
    """Touches of one conversion, number 0; keys count from 1."""
    channels = channels or "a" * len(times_ms)
    return touches_of(
        (0, time_ms, key, channel, kind)
        for key, (time_ms, channel) in enumerate(zip(times_ms, channels, strict=True), start=1)
    )


def times(*times_ms: int) -> Int64s:
    return np.array(times_ms, np.int64)


def random_chunk(n: int, seed: int, longest: int = 20) -> tuple[Touches, Conversions]:
    """n conversions with 0 to `longest` touches each, some at equal times; every value up to 10**12."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, longest + 1, n)
    m = int(lengths.sum())
    conversion_index = np.repeat(np.arange(n), lengths)
    time_ms = rng.integers(10**12, 10**12 + 10**9, n)
    touch_time_ms = time_ms[conversion_index] - 3_600_000 * rng.integers(0, 720, m)
    key = rng.integers(0, 2**64, m, dtype=np.uint64)
    order = np.lexsort((key, touch_time_ms, conversion_index))
    touches = Touches(
        conversion_index=conversion_index,
        time_ms=touch_time_ms[order],
        key=key[order],
        channel=rng.integers(0, 4, m).astype(np.int32),
        kind=rng.integers(0, 2, m).astype(np.int8),
        campaign=np.zeros(m, np.int32),
        channel_names=["direct", "email", "search", "social"],
    )
    gross_minor = rng.integers(0, 10 ** rng.integers(1, 13, n))
    conversions = Conversions(
        time_ms=time_ms,
        key=rng.integers(0, 2**64, n, dtype=np.uint64),
        gross_minor=gross_minor,
        net_minor=np.where(rng.random(n) < 0.2, gross_minor // 3, gross_minor),
        retracted=rng.random(n) < 0.1,
        previous_ms=time_ms - 86_400_000,
    )
    return touches, conversions


def taken(touches: Touches, conversions: Conversions, which: Int64s) -> tuple[Touches, Conversions, Int64s]:
    """The chunk of conversions `which`, in that order, and the rows of its touches in the old arrays."""
    bounds = np.searchsorted(touches.conversion_index, np.arange(len(conversions) + 1))
    pieces = [np.arange(bounds[i], bounds[i + 1]) for i in which]
    rows = np.concatenate([*pieces, np.empty(0, np.int64)]).astype(np.int64)
    part = Touches(
        conversion_index=np.repeat(np.arange(len(which)), [len(piece) for piece in pieces]),
        time_ms=touches.time_ms[rows],
        key=touches.key[rows],
        channel=touches.channel[rows],
        kind=touches.kind[rows],
        campaign=touches.campaign[rows],
        channel_names=touches.channel_names,
    )
    previous_ms = None if conversions.previous_ms is None else conversions.previous_ms[which]
    chunk = Conversions(
        conversions.time_ms[which],
        conversions.key[which],
        conversions.gross_minor[which],
        conversions.net_minor[which],
        conversions.retracted[which],
        previous_ms,
    )
    return part, chunk, rows
