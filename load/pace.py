"""When should which batch be sent? Planned ahead, and never put off because the edge is slow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stage:
    """So many events a second for so long."""

    name: str
    rate: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Planned:
    """Batch `number` is to be sent `at_s` seconds after the start."""

    number: int
    at_s: float
    stage: str


def plan(stages: list[Stage], batch: int) -> list[Planned]:
    """The batches of all stages, evenly spaced within each.

    Examples
    --------
    >>> [one.at_s for one in plan([Stage("a", 100, 1), Stage("b", 200, 0.5)], batch=50)]
    [0.0, 0.5, 1.0, 1.25]
    """
    planned: list[Planned] = []
    began_s = 0.0
    for stage in stages:
        count = round(stage.rate * stage.seconds / batch)
        for place in range(count):
            planned.append(Planned(len(planned), began_s + place * batch / stage.rate, stage.name))
        began_s += stage.seconds
    return planned
