"""Path counts for tests, from words that one can read; and the two models as plainly as Python can say them."""

from fractions import Fraction
from itertools import pairwise, permutations

import numpy as np

from app.attribution.paths import Count, PathCounts, count_paths

Walk = tuple[tuple[str, ...], int, int, int]  # channels, conversions, nulls, value in minor units


def paths_of(walks: list[Walk]) -> PathCounts:
    """Path counts in which nothing was refunded."""
    names = sorted({channel for path, *_ in walks for channel in path})
    offsets = np.cumsum([0, *(len(path) for path, *_ in walks)])
    codes = np.array([names.index(channel) for path, *_ in walks for channel in path], np.int32)
    counts = np.array([[converted, converted, null, value, value] for _, converted, null, value in walks])
    return count_paths(offsets, codes, names, counts.reshape(-1, len(Count)).astype(np.int64))


def walks_of(paths: PathCounts) -> dict[tuple[str, ...], list[int]]:
    """The other way: counts by path."""
    names = [paths.channels[code] for code in paths.codes]
    bounds = paths.offsets.tolist()
    return {
        tuple(names[start:end]): row.tolist()
        for start, end, row in zip(bounds[:-1], bounds[1:], paths.counts, strict=True)
    }


TEN_PATHS: list[Walk] = [  # SEMANTICS 6
    (("A",), 1, 0, 10000),
    (("A", "B"), 1, 0, 10000),
    (("A", "B", "C"), 1, 0, 9000),
    (("A", "B", "C", "D"), 1, 0, 1001),
    (("A", "A"), 1, 0, 5000),
    (("A", "B", "A"), 1, 0, 3000),
    (("D", "D", "C"), 2, 0, 6000),
    (("B", "C"), 0, 3, 0),
    (("C",), 0, 5, 0),
    (("D", "A", "B", "A", "C"), 1, 1, 0),
]


def plain_removal_effects(walks: list[Walk]) -> dict[str, Fraction]:
    """Each channel taken out of the chain in turn, and the smaller chain solved anew, in fractions."""
    channels = sorted({channel for path, *_ in walks for channel in path})
    whole = chance_to_convert(walks, channels)
    if not whole:
        return dict.fromkeys(channels, Fraction(0))
    return {
        gone: 1 - chance_to_convert(walks, [channel for channel in channels if channel != gone]) / whole
        for gone in channels
    }


def chance_to_convert(walks: list[Walk], left: list[str]) -> Fraction:
    """From the start to a conversion by the channels that are left; a step to another one is lost."""
    steps: dict[tuple[str, str], int] = {}
    leaving: dict[str, int] = {}
    for path, converted, null, _ in walks:
        ends = [("(conversion)", converted), ("(null)", null)]
        for end, count in ends if path else []:
            walked = ["(start)", *path, end]
            for step in pairwise(walked):
                steps[step] = steps.get(step, 0) + count
                leaving[step[0]] = leaving.get(step[0], 0) + count
    states = ["(start)", *left]
    rows = []
    for state in states:
        gone = leaving.get(state, 0)
        chance = {other: Fraction(steps.get((state, other), 0), gone or 1) for other in [*states, "(conversion)"]}
        rows.append([int(state == other) - chance[other] for other in states] + [chance["(conversion)"]])
    return solved(rows)[0]


def solved(rows: list[list[Fraction]]) -> list[Fraction]:
    """Gauss and Jordan, in fractions; the right side is the last column."""
    n = len(rows)
    for k in range(n):
        pivot = next(i for i in range(k, n) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [value / rows[k][k] for value in rows[k]]
        for i in range(n):
            if i != k and rows[i][k]:
                rows[i] = [value - rows[i][k] * by for value, by in zip(rows[i], rows[k], strict=True)]
    return [row[-1] for row in rows]


def plain_shapley(walks: list[Walk], of: int) -> dict[str, Fraction]:
    """What each channel adds when it joins, over all orders of joining; `of` is 1 for conversions, 3 for value."""
    channels = sorted({channel for path, *_ in walks for channel in path})
    won = dict.fromkeys(channels, Fraction(0))
    orders = list(permutations(channels))
    for order in orders:
        joined: set[str] = set()
        before = 0
        for channel in order:
            joined.add(channel)
            after = sum(int(walk[of]) for walk in walks if walk[0] and set(walk[0]) <= joined)
            won[channel] += Fraction(after - before, len(orders))
            before = after
    return won
