"""How does a peer get its journeys and give its answers? JSON in, JSON out, one process a peer.

Runs with the peer's own Python, so it imports nothing but the standard library; so do not the other files here
import anything of Tributary.
"""

import contextlib
import json
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

SEPARATOR = " > "
CONVERTING_OF_100 = 30
"""Of the timed journeys, for Markov, which needs some that do not convert; for the heuristics all do."""


class Row(NamedTuple):
    """One distinct journey: channels, how often it converted and did not, the value of all its conversions."""

    path: list[str]
    conversions: int
    nulls: int
    value: float
    ages_hours: list[float]


ByChannel = dict[str, float]
Measures = dict[str, Callable[[], ByChannel]]


def serve(
    measures: Callable[[list[Row]], Measures], timed: Callable[[list[Row]], dict[str, Callable[[], object]]]
) -> None:
    """Answer one request on stdin: the measures of each set of journeys, and how long each timed call takes.

    A measure that fails says why in place of its numbers. What peers print goes to stderr.
    """
    warnings.simplefilter("ignore")
    request = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        answer: dict[str, Any] = {"sets": {}, "seconds": {}}
        for name, rows in request["sets"].items():
            asked = measures([Row(*row) for row in rows])
            answer["sets"][name] = {measure: _answered(compute) for measure, compute in asked.items()}
        if request["timing"]:
            calls = timed([Row(*row) for row in request["timing"]])
            answer["seconds"] = {
                name: [_seconds(call) for _ in range(request["rounds"])] for name, call in calls.items()
            }
    json.dump(answer, sys.stdout)


def converts(place: int) -> bool:
    """Whether Markov takes the journey at this place as one that converted."""
    return place % 100 < CONVERTING_OF_100


def _answered(compute: Callable[[], ByChannel]) -> ByChannel | str:
    try:
        return {str(channel): float(amount) for channel, amount in compute().items()}
    except Exception as error:  # whatever a peer raises is its answer
        return f"{type(error).__name__}: {error}"


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def journeys(rows: list[Row]) -> list[tuple[list[str], bool, float, list[float]]]:
    """Each journey by itself: channels, whether it converted, its value, ages in hours."""
    return [
        (row.path, converted, row.value / row.conversions if converted else 0.0, row.ages_hours)
        for row in rows
        for converted, times in ((True, row.conversions), (False, row.nulls))
        for _ in range(times)
    ]
