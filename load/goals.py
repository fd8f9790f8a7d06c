"""Which goals do these figures meet? A table for people, of what the benchmarks printed.

``make bench`` ends with it. Figures of several runs together: ``cat *.jsonl | python -m load.goals``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from load.figures import FigureError, printed


class Bound(StrEnum):
    """From which side a figure meets its goal."""

    LEAST = "at least"
    MOST = "at most"


@dataclass(frozen=True, slots=True)
class Goal:
    """One promise about one figure.

    Parameters
    ----------
    figure : the line's name.
    what : the goal in words, with its unit.
    bound, limit : which values meet it.
    path : where the value stands in the line; names of fields, one inside the other.
    """

    figure: str
    what: str
    bound: Bound
    limit: float
    path: tuple[str, ...] = ("ratio",)

    def value(self, line: Mapping[str, Any]) -> float | None:
        """The figure's value; None where the line has none."""
        found: Any = line
        for name in self.path:
            found = found.get(name) if isinstance(found, Mapping) else None
        return None if found is None else float(found)

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.bound is Bound.LEAST else value <= self.limit


LEAST, MOST = Bound.LEAST, Bound.MOST
SUSTAINED = ("stages", "sustained")
COMMANDS = "make bench, make bench-peers, make load, python -m load.report_speed"
GOALS = (
    Goal("touch_query_1000", "one query for 1,000 conversions, times as fast as one by one", LEAST, 40),
    Goal("touch_query_5000", "the same for 5,000", LEAST, 70),
    Goal("touch_query_20000", "linear beyond: the same for 20,000", LEAST, 70),
    Goal("peer_channel_attribution_heuristics_five_models", "five models with exact money beside C++", LEAST, 1),
    Goal("peer_mam_2_five_models_alone_five_models", "the same beside marketing-attribution-models 2", LEAST, 3),
    Goal("peer_channel_attribution_markov_markov", "Markov, exact, beside C++ by simulation", LEAST, 1),
    Goal("backfill", "conversions a second re-attributed and stored", LEAST, 20_000, ("value",)),
    Goal("queue_share", "of a worker's processor time for the queue, %", MOST, 15, ("value",)),
    Goal("workers_2", "of twice one worker process, ClickHouse 20 ms away", LEAST, 0.8),
    Goal("workers_4", "of four times", LEAST, 0.8),
    Goal("workers_8", "of eight times", LEAST, 0.8),
    Goal("cache_memory", "queries to ClickHouse for tenants that a process remembers", MOST, 0, ("queries",)),
    Goal("cache_redis", "the same for those that Redis remembers", MOST, 0, ("queries",)),
    Goal("fairness_posts_p95", "the others' p95 of posts, without a flood to with it", LEAST, 0.8),
    Goal("fairness_credits_p95", "the others' p95 to their credit, likewise", LEAST, 0.8),
    Goal("memory_web", "MB of a web process after an hour's events", MOST, 150, ("value",)),
    Goal("memory_worker", "MB of a worker process after an hour's events", MOST, 400, ("value",)),
    Goal("report_speed", "ms of the slowest report of a large tenant's year", MOST, 300, ("slowest_ms",)),
    Goal("load", "events and orders lost, doubled or without credit, posts refused", MOST, 0, ("amiss",)),
    Goal("load", "p95 of posts at the sustained rate, ms", MOST, 200, (*SUSTAINED, "p95_ms")),
    Goal("load_400", "p95 of posts at 400 events/s, ms", MOST, 50, (*SUSTAINED, "p95_ms")),
    Goal("load_400", "p95 of posts in the burst after it, ms", MOST, 200, ("stages", "burst", "p95_ms")),
    Goal(
        "load_400",
        "median from an event to its credit, s, at 400 events/s",
        MOST,
        0.5,
        (*SUSTAINED, "credited", "p50_s"),
    ),
    Goal("load_400", "p95 of it, s", MOST, 1.5, (*SUSTAINED, "credited", "p95_s")),
)


def table(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line a goal that one of the figures is about, and the number of goals that no figure is about."""
    by_name = {name: _by_stage(line) for line in sorted(lines, key=_rate) if "name" in line for name in _names(line)}
    rows, absent = [], 0
    for goal in GOALS:
        value = goal.value(by_name[goal.figure]) if goal.figure in by_name else None
        if value is None:
            absent += 1
            continue
        verdict = "met" if goal.is_met(value) else "MISSED"
        rows.append(f"{goal.what:<66} {value:>12,.4g}  {goal.bound} {goal.limit:<8,g} {verdict}")
    if absent:
        rows.append(f"{absent} goals are about figures that are not here ({COMMANDS}).")
    return rows


def _names(line: Mapping[str, Any]) -> list[str]:
    """Under which names the goals know a line: a load of 400 events/s has goals of its own."""
    return [str(line["name"]), *(["load_400"] if _rate(line) == 400 else [])]


def _rate(line: Mapping[str, Any]) -> float:
    """A load's sustained rate: of several the fastest is held to the goals of all. 0 for any other line."""
    return float(line["stages"][0]["rate"]) if line.get("name") == "load" else 0.0


def _by_stage(line: Mapping[str, Any]) -> Mapping[str, Any]:
    """A load's stages by their names; any other line as it is."""
    stages = line.get("stages")
    return {**line, "stages": {one["name"]: one for one in stages}} if isinstance(stages, list) else line


def main() -> None:
    try:
        print("\n".join(table(printed(sys.stdin))))
    except FigureError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
