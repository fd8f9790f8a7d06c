"""How do the models share out lines, what moves between them, and how far may chance move that?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from operator import sub

from app.attribution.names import Model
from app.reports.bootstrap import intervals

INTERVAL_LINES = 200
"""With more lines there are no intervals."""

Table = dict[tuple[str, ...], dict[Model, list[int]]]
"""Line -> model -> units of each block of days."""

Interval = tuple[float, float]


def shares_intervals(
    table: Table, groups: list[tuple[str, ...]], models: Sequence[Model], seed: str
) -> tuple[dict[Model, list[Interval]], dict[tuple[Model, Model], Interval]]:
    """Of the change of each line's share under each model but the base, and of the share that each pair moves."""
    if not groups or len(groups) > INTERVAL_LINES:
        return {}, {}
    series = [table[group][model] for model in models for group in groups]
    count, pairs = len(groups), list(combinations(range(len(models)), 2))

    def statistic(sums: list[int]) -> list[float]:
        shares = [shares_of(sums[place * count : (place + 1) * count]) for place in range(len(models))]
        changes = [change for other in shares[1:] for change in map(sub, other, shares[0])]
        return changes + [moved_share(shares[one], shares[other]) for one, other in pairs]

    found = intervals(series, statistic, seed)
    if found is None:
        return {}, {}
    lines = {model: found[place * count : (place + 1) * count] for place, model in enumerate(models[1:])}
    of_pairs = found[(len(models) - 1) * count :]
    return lines, {(models[one], models[other]): item for (one, other), item in zip(pairs, of_pairs, strict=True)}


def shares_of(units: Sequence[int]) -> list[float]:
    """Of all units; 0 where there are none."""
    total = sum(units)
    return [unit / total if total else 0.0 for unit in units]


def moved(one: Sequence[int], other: Sequence[int]) -> int:
    """What some lines gain under the other model."""
    return sum(max(new - old, 0) for old, new in zip(one, other, strict=True))


def moved_share(one: Sequence[float], other: Sequence[float]) -> float:
    """What some lines gain is what the others lose: half of all that differs."""
    differences: Iterator[float] = map(sub, other, one)
    return sum(map(abs, differences)) / 2


def ranks_of(units: Sequence[int]) -> list[int]:
    """1 for the largest; equal ones share the better rank."""
    ordered = sorted(units, reverse=True)
    place = {unit: number + 1 for number, unit in reversed(list(enumerate(ordered)))}
    return [place[unit] for unit in units]
