import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.saturation.series import (
    ChannelSeries,
    Estimate,
    Experiment,
    ExperimentKind,
    ResponseDraws,
    Status,
    require_distinct,
    status_of,
)

DAYS = np.arange("2024-01-01", "2024-01-05", dtype="datetime64[D]")
ONES = np.ones(4)


def series(**changed: object) -> ChannelSeries:
    given_ = {"channel": "search", "day": DAYS, "spend": ONES, "revenue": ONES, "conversions": ONES, "demand": None}
    return ChannelSeries(**{**given_, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"day": DAYS[[0, 2, 1, 3]]}, "'search', day 2024-01-02: it comes after 2024-01-03"),
        ({"day": DAYS[[0, 1, 1, 3]]}, "'search', day 2024-01-02: the day is given twice"),
        ({"day": np.array(["2024-01-01", "NaT", "2024-01-03", "2024-01-04"], "datetime64[D]")}, "day number 2"),
        ({"day": np.array(["soon"] * 4)}, "'search': day must be dates"),
        ({"day": DAYS.reshape(2, 2)}, "one row of dates"),
        ({"spend": np.array([1, 1, -0.01, 1])}, "'search', day 2024-01-03: spend is below 0"),
        ({"spend": np.array([1, np.inf, 1, 1])}, "'search', day 2024-01-02: spend is infinite"),
        ({"revenue": np.array([1, 1, 1, -np.inf])}, "'search', day 2024-01-04: revenue is infinite"),
        ({"conversions": np.array([-1, 1, 1, 1])}, "'search', day 2024-01-01: conversions is below 0"),
        ({"demand": np.array([1, 1, 1, -1])}, "'search', day 2024-01-04: demand is below 0"),
        ({"spend": np.ones(3)}, r"'search': spend has shape \(3,\), but there are 4 days, the last one 2024-01-04"),
        ({"revenue": ["a", "b", "c", "d"]}, "'search': revenue must be numbers"),
    ],
)
def test_wrong_input_names_channel_and_day(changed, says):
    with pytest.raises(ValueError, match=says):
        series(**changed)


def test_refunds_gaps_and_unknown_figures_are_no_errors():
    poor = series(day=DAYS + np.array([0, 5, 9, 400]), revenue=[-5, 1, 1, 1], spend=[1, np.nan, 1, 1])
    assert poor.known().day.tolist() == poor.day[[0, 2, 3]].tolist()
    assert len(series(day=[], spend=[], revenue=[], conversions=[])) == 0


def test_a_channel_given_twice_is_refused():
    with pytest.raises(ValueError, match="'search' is given twice"):
        require_distinct([series(), series()])


@given(st.lists(st.integers(0, 2000), unique=True, max_size=60))
def test_any_ascending_days_are_taken_and_kept(offsets):
    day = np.datetime64("2024-01-01") + np.array(sorted(offsets), np.int64)
    n = len(day)
    made = ChannelSeries("a", day, np.ones(n), np.ones(n), np.ones(n), np.ones(n))
    assert made.where(np.ones(n, bool)).day.tolist() == day.tolist()


@given(st.floats(-2, 3))
def test_classes_have_no_gap(elasticity):
    expected = "unsaturated" if elasticity >= 0.6 else "approaching" if elasticity >= 0.3 else "saturated"
    assert status_of(elasticity) is Status(expected)


def test_a_response_is_linear_between_its_points_and_flat_beyond():
    draws = ResponseDraws(np.array([0, 1, 3], np.float32), np.array([[0, 2, 4], [0, 1, 1]], np.float32), 1.0, 2.0)
    assert draws.at(2.0).tolist() == [3.0, 1.0]
    assert draws.at(9.0).tolist() == [4.0, 1.0]
    with pytest.raises(ValueError, match="ascend"):
        ResponseDraws(np.zeros(3, np.float32), np.zeros((1, 3), np.float32), 1.0, 1.0)
    with pytest.raises(ValueError, match=r"\(draws, 2\)"):
        ResponseDraws(np.arange(2, dtype=np.float32), np.zeros((1, 3), np.float32), 1.0, 1.0)


def test_estimates_are_quantiles():
    assert Estimate.of(range(201)) == Estimate(10.0, 100.0, 190.0)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"end": DAYS[0] - 1}, "before its start"),
        ({"lift_low": 0.9}, "lift_low <= lift_median"),
        ({"lift_low": 0.4, "lift_median": 0.4, "lift_high": 0.4}, "not all equal"),
        ({"lift_high": np.inf}, "finite"),
        ({"spend_ratio": 1.0}, "moves no spend"),
    ],
)
def test_an_experiment_that_says_nothing_is_refused(changed, says):
    fields = {"lift_low": 0.1, "lift_median": 0.4, "lift_high": 0.6, "start": DAYS[0], "end": DAYS[3]}
    with pytest.raises(ValueError, match=says):
        Experiment(channel="search", kind=ExperimentKind.GO_DARK, **{**fields, **changed})
