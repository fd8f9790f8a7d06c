"""How far may chance move a figure? Percentile intervals by resampling whole blocks of days, seeded, in plain Python.

Conversions of one day are not independent of each other (a campaign, a weekend, an outage), so days are drawn, not
conversions: the moving part of the blocks bootstrap (Künsch 1989; Efron and Tibshirani 1993, ch. 8).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from operator import mul

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
    drawn = []
    for _ in range(replicates):
        times = [0] * blocks
        for block in rng.choices(range(blocks), k=blocks):
            times[block] += 1
        drawn.append(statistic([sum(map(mul, times, figure)) for figure in series]))
    return [(quantile(sorted(values), LOW), quantile(sorted(values), HIGH)) for values in zip(*drawn, strict=True)]


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
