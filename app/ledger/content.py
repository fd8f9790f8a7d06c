"""Do two credits of a conversion say the same? One number for each tells, without reading either."""

from __future__ import annotations

import numpy as np

from app.attribution.names import FIVE_MODELS
from app.attribution.remainders import mix
from app.attribution.totals import keys_of
from app.attribution.touches import Int64s, UInt64s


def content_of(
    *,
    currency: list[str],
    ts_ms: Int64s,
    gross_minor: Int64s,
    net_minor: Int64s,
    retracted: Int64s,
    offsets: Int64s,
    net_offsets: Int64s,
    touch_key: UInt64s,
    channel: Int64s,
    channel_names: list[str],
    micros: Int64s,
    gross: Int64s,
    net: Int64s,
) -> UInt64s:
    """A number of 64 bits that says whether two credits of a conversion are the same, without reading either.

    Over what `history` calls a change: not the rules' version, the weights or what was left out. 0 is none.
    """
    names = keys_of(channel_names) if channel_names else np.zeros(1, np.uint64)
    distinct = sorted(set(currency))
    place = {name: number for number, name in enumerate(distinct)}
    content = mix(keys_of(distinct)[[place[name] for name in currency]] if currency else np.zeros(0, np.uint64))
    for column in (ts_ms, gross_minor, net_minor, retracted, np.diff(offsets), np.diff(net_offsets)):
        content = mix(content ^ column.view(np.uint64))
    touches, amounts = _places(offsets), _places(offsets * len(FIVE_MODELS))
    own = _places(net_offsets * len(FIVE_MODELS))
    arrays = ((touch_key, touches), (names[channel], touches), (micros, amounts), (gross, amounts), (net, own))
    for values, places in arrays:
        content = mix(content ^ _summed(values.view(np.uint64), *places))
    return np.maximum(content, np.uint64(1))


def _places(offsets: Int64s) -> tuple[Int64s, UInt64s]:
    """The bounds of rows, and a number for the place of each of their values."""
    lengths = np.diff(offsets)
    place = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    return offsets, mix(np.arange(lengths.max(initial=0), dtype=np.uint64))[place]


def _summed(values: UInt64s, offsets: Int64s, places: UInt64s) -> UInt64s:
    """A sum over each row of its values, each mixed with its place."""
    filled = np.diff(offsets) > 0
    sums = np.zeros(len(filled), np.uint64)
    if filled.any():
        sums[filled] = np.add.reduceat(mix(values ^ places), offsets[:-1][filled])
    return sums
