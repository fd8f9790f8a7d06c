"""Does the table say which goals are met, by the figures as they are printed?"""

from __future__ import annotations

import pytest
from msgspec import json

from load.figures import Figure, compared
from load.goals import GOALS, table


def line(name: str, ratio: float) -> dict:
    figure = Figure(name, 10.0, "ms", 1, 1, 10.0, 10.0)
    return json.decode(compared(figure, "the other way", 10.0 * ratio).line())


@pytest.mark.parametrize(("ratio", "verdict"), [(41.0, "met"), (40.0, "met"), (39.9, "MISSED")])
def test_a_ratio_is_held_against_its_goal(ratio, verdict):
    first, last = table([line("touch_query_1000", ratio), line("unknown", 1.0)])
    assert first.endswith(f"at least 40       {verdict}")
    assert last.startswith(f"{len(GOALS) - 1} goals are about figures that are not here")


@pytest.mark.parametrize(
    ("rate", "verdicts"),
    [
        (400.0, ["MISSED", "MISSED", "MISSED", "met", "met", "MISSED"]),
        (200.0, ["MISSED", "MISSED"]),
        (5_000.0, ["MISSED", "MISSED"]),
    ],
)
def test_a_load_has_goals_by_stage_and_more_at_400_a_second(rate, verdicts):
    stages = [{"name": "sustained", "rate": rate, "p95_ms": 250.0}, {"name": "burst", "rate": 9.0, "p95_ms": 199.0}]
    stages[0]["credited"] = {"p50_s": 0.4, "p95_s": 1.6}
    load = {"name": "load", "stages": stages, "amiss": 1}
    assert [row.split()[-1] for row in table([load])[:-1]] == verdicts


def test_a_figure_without_a_value_meets_nothing():
    assert len(table([{"name": "backfill", "value": None}])) == 1


def test_lines_of_other_programs_are_passed_over():
    assert len(table([{"benchmark": "another"}, {"stages": []}])) == 1


def test_of_several_loads_the_fastest_is_held_to_the_goals_of_all():
    loads = [
        {"name": "load", "stages": [{"name": "sustained", "rate": rate, "p95_ms": p95_ms}]}
        for rate, p95_ms in ((5_000.0, 150.0), (400.0, 20.0))
    ]
    for lines in (loads, loads[::-1]):
        assert [row.split()[-5] for row in table(lines)[:-1]] == ["150", "20"]
