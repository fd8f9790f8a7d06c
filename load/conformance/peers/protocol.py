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
from typing import NamedTuple

SEPARATOR = " > "
ANSWER = "answer: "
"""What a line with an answer begins with."""
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
    """Answer one request, a line on stdin, with a line on stdout; what peers print goes to stderr.

    `sets`: the measures of each set of journeys. A measure that fails says why in place of its numbers.
    `timing`: the names of the calls that can be timed on these journeys. After that every line names one of them, and
    is answered by how many seconds it took.
    """
    warnings.simplefilter("ignore")
    request = json.loads(sys.stdin.readline())
    with contextlib.redirect_stdout(sys.stderr):
        sets = {name: [Row(*row) for row in rows] for name, rows in request.get("sets", {}).items()}
        found = {name: _measured(measures(rows)) for name, rows in sets.items()}
        calls = timed([Row(*row) for row in request["timing"]]) if "timing" in request else {}
    _answer(found or list(calls))
    for line in sys.stdin:
        with contextlib.redirect_stdout(sys.stderr):
            taken = _seconds(calls[line.strip()])
        _answer(taken)


def _answer(answer: object) -> None:
    # Some print a greeting past sys.stdout: a line of its own, which the reader leaves out.
    print(f"\n{ANSWER}{json.dumps(answer)}", flush=True)


def _measured(asked: Measures) -> dict[str, ByChannel | str]:
    return {measure: _answered(compute) for measure, compute in asked.items()}


def _answered(compute: Callable[[], ByChannel]) -> ByChannel | str:
    try:
        return {str(channel): float(amount) for channel, amount in compute().items()}
    except Exception as error:  # whatever a peer raises is its answer
        return f"{type(error).__name__}: {error}"


def converts(place: int) -> bool:
    """Whether Markov takes the journey at this place as one that converted."""
    return place % 100 < CONVERTING_OF_100


def mixed_of(rows: list[Row]) -> list[Row]:
    """The timed journeys as Markov takes them: some of them did not convert."""
    return [
        row if converts(place) else row._replace(conversions=0, nulls=1, value=0.0) for place, row in enumerate(rows)
    ]


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
