"""Are figures lines of JSON, and is a ratio above 1 always the better?"""

from __future__ import annotations

import json
import math

import pytest

from load.figures import compared, in_turns, of_rates, of_times, percentile


def test_a_line_has_its_fields():
    figure = compared(of_times("query", [0.002, 0.001, 0.004], 10, parts=5), "one by one", 40.0)
    assert json.loads(figure.line()) == {
        "name": "query",
        "value": 2.0,
        "unit": "ms",
        "against": "one by one",
        "against_value": 40.0,
        "ratio": 20.0,
        "n": 10,
        "rounds": 3,
        "min": 1.0,
        "max": 4.0,
        "parts": 5,
    }


def test_nothing_to_compare_with_is_null():
    line = json.loads(of_rates("edge", "events", [10.0], 1).line())
    assert (line["against"], line["ratio"], line["unit"]) == ("", None, "events/s")


def test_more_of_a_rate_is_better_and_less_of_a_time():
    assert compared(of_rates("", "events", [30.0], 1), "x", 10.0).ratio == 3.0
    assert compared(of_times("", [0.03], 1), "x", 10.0).ratio == pytest.approx(1 / 3)


def test_turns_are_taken():
    order = []
    times = in_turns([lambda: order.append("a"), lambda: order.append("b")], 3)
    assert "".join(order) == "ababab"
    assert [len(taken) for taken in times] == [3, 3]


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_percentile(share, expected):
    assert percentile([float(value) for value in range(100, 0, -1)], share) == expected


def test_percentile_of_nothing_passes_no_limit():
    assert math.isnan(percentile([], 0.95))
    assert not percentile([], 0.95) <= 200
