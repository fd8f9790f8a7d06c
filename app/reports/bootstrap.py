"""How far may chance move a figure? Percentile intervals by resampling whole blocks of days, seeded, in plain Python.

Conversions of one day are not independent of each other (a campaign, a weekend, an outage), so days are drawn, not
conversions: the moving part of the blocks bootstrap (Künsch 1989; Efron and Tibshirani 1993, ch. 8).
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence

WORD_BYTES = 8

REPLICATES = 400
LEAST_BLOCKS = 7
LOW, HIGH = 0.025, 0.975

Series = Sequence[int]
"""A figure's parts, one for each block."""


def intervals(
    series: Sequence[Series],
    statistic: Callable[[list[int]], Sequence[float]],
    seed: str,
    replicates: int = REPLICATES,
) -> list[tuple[float, float]] | None:
    """95 % intervals of some statistics of sums over blocks; None with fewer than 7 blocks.

    Parameters
    ----------
    series : figures by block, all of one length.
    statistic : gives the statistics of the figures' sums.
    seed : the same seed gives the same intervals.

    Examples
    --------
    >>> intervals([[1] * 8, [3] * 8], lambda sums: [sums[0] / sum(sums)], "any")
    [(0.25, 0.25)]
    """
    blocks = len(series[0]) if series else 0
    if blocks < LEAST_BLOCKS:
        return None
    rng = random.Random(seed)
    packed = _Packed(series)
    drawn = [statistic(packed.sums(rng)) for _ in range(replicates)]
    ordered = [sorted(values) for values in zip(*drawn, strict=True)]
    return [(quantile(values, LOW), quantile(values, HIGH)) for values in ordered]


class _Packed:
    """All figures of a block in one whole number, each in a field of its own: so one sum adds all of them up.

    A field is as wide as the largest sum that a resample can have; figures are kept less the least of them, so that
    none is below zero and no field runs over into the next.
    """

    def __init__(self, series: Sequence[Series]) -> None:
        self._least = min(map(min, series))
        most = (max(map(max, series)) - self._least) * len(series[0])
        self._words = most.bit_length() // (8 * WORD_BYTES) + 1
        self._bytes = WORD_BYTES * self._words * len(series)
        width = 8 * WORD_BYTES * self._words
        self._blocks = [
            sum((figure - self._least) << (width * place) for place, figure in enumerate(block))
            for block in zip(*series, strict=True)
        ]

    def sums(self, rng: random.Random) -> list[int]:
        """Of each figure over a resample of the blocks."""
        raw = sum(rng.choices(self._blocks, k=len(self._blocks))).to_bytes(self._bytes, "little")
        base = self._least * len(self._blocks)
        if self._words == 1 and sys.byteorder == "little":
            return [base + figure for figure in memoryview(raw).cast("Q")]
        step = WORD_BYTES * self._words
        return [base + int.from_bytes(raw[at : at + step], "little") for at in range(0, self._bytes, step)]


def quantile(ordered: Sequence[float], share: float) -> float:
    """Linear between the two nearest of some ordered values.

    Examples
    --------
    >>> quantile([0.0, 1.0, 2.0], 0.25)
    0.5
    """
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
