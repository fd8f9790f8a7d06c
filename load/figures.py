"""What did a measurement give? Times taken in turns, their medians, and one line of JSON."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of `make bench`.

    Parameters
    ----------
    name : which measurement.
    value, unit : the median of `rounds` rounds.
    against : what it is compared with, in words; '' for nothing.
    against_value : the same unit; None where nothing is compared.
    ratio : how many times better than `against`: above 1 is better, whether the unit is a time or a rate.
    n : of what the measurement handles: conversions, journeys, events.
    low, high : of the rounds of `value`.
    more : further facts, each a field of its own.
    """

    name: str
    value: float
    unit: str
    n: int
    rounds: int
    low: float
    high: float
    against: str = ""
    against_value: float | None = None
    ratio: float | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """The figure as JSON, with four significant digits: more would pretend."""
        shown = {
            "name": self.name,
            "value": _short(self.value),
            "unit": self.unit,
            "against": self.against,
            "ratio": _short(self.ratio),
            "against_value": _short(self.against_value),
            "n": self.n,
            "rounds": self.rounds,
            "min": _short(self.low),
            "max": _short(self.high),
        }
        return msgspec.json.encode(shown | {name: _short(fact) for name, fact in self.more.items()}).decode()


def in_turns(actions: Sequence[Callable[[], object]], rounds: int) -> list[list[float]]:
    """Seconds of each action in each round, taken A B A B …, so that noise on the machine meets all of them."""
    times: list[list[float]] = [[] for _ in actions]
    for _ in range(rounds):
        for taken, action in zip(times, actions, strict=True):
            taken.append(seconds(action))
    return times


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def of_times(name: str, times: Iterable[float], n: int, **more: Any) -> Figure:
    """A figure in milliseconds, of times in seconds."""
    taken = [1000 * one for one in times]
    return Figure(name, statistics.median(taken), "ms", n, len(taken), min(taken), max(taken), more=more)


def of_rates(name: str, unit: str, rates: Iterable[float], n: int, **more: Any) -> Figure:
    """A figure in `unit` a second."""
    given = list(rates)
    return Figure(name, statistics.median(given), f"{unit}/s", n, len(given), min(given), max(given), more=more)


def compared(figure: Figure, against: str, against_value: float) -> Figure:
    """The same figure beside what it is compared with, in the same unit."""
    is_rate = figure.unit.endswith("/s")
    ratio = figure.value / against_value if is_rate else against_value / figure.value
    return Figure(
        figure.name,
        figure.value,
        figure.unit,
        figure.n,
        figure.rounds,
        figure.low,
        figure.high,
        against,
        against_value,
        ratio,
        figure.more,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` (0 to 1) of the values do not exceed; nan of nothing.

    Examples
    --------
    >>> percentile([1.0, 2.0, 3.0, 4.0], 0.5), percentile([1.0, 2.0, 3.0, 4.0], 0.95)
    (2.0, 4.0)
    """
    if not values:
        return float("nan")
    ordered = sorted(values)
    place = -(-len(ordered) * round(share * 1000) // 1000)
    return ordered[max(place, 1) - 1]


class FigureError(ValueError):
    """Figures that were printed cannot be used; the message says which, and what to do."""


def printed(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The figures among lines that benchmarks printed; what else stands there is passed over.

    Raises
    ------
    FigureError : a line begins like a figure and is none: whoever wrote it was ended, or two wrote at once.
    """
    for number, line in enumerate(lines, 1):
        if line.startswith("{"):
            try:
                found: dict[str, Any] = msgspec.json.decode(line, type=dict)
            except msgspec.DecodeError as error:
                raise FigureError(
                    f"Line {number} is no figure ({error}): it was cut off. Take it out, or run that benchmark again."
                ) from None
            yield found


def _short(value: Any) -> Any:
    if not isinstance(value, float):
        return value
    return float(f"{value:.4g}") if value == value else None
