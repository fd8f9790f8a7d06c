import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.saturation.experiments import (
    Question,
    advise,
    lift,
    log_likelihood,
    measurement_noise,
    residual,
    standard_deviation,
)
from app.saturation.series import Assessment, Experiment, ExperimentKind
from tests.unit.saturation.oracle import assessment_of

GRID = np.linspace(0, 200, 401)
DAY = np.datetime64("2024-03-01")


def leaky(shares: np.ndarray, elasticities: np.ndarray, x0: float = 100.0) -> Assessment:
    """Draws of f = 400 · ((1 - o) · (x / x0)^ε + o)."""
    power = np.maximum(GRID / 100, 1e-12)[None] ** elasticities[:, None]
    revenue = 400 * ((1 - shares[:, None]) * power + shares[:, None])
    return assessment_of("brand", GRID * x0 / 100, revenue * x0 / 100, x0)


def unsure(seed: int = 0) -> Assessment:
    """Total elasticity is about 0.2 in every draw; whether by leak or by saturation is open."""
    rng = np.random.default_rng(seed)
    shares = rng.uniform(0, 0.6, 150)
    return leaky(shares, np.clip((0.2 + 0.02 * rng.standard_normal(150)) / (1 - shares), 0.02, 1.2))


def found(low: float, median: float, high: float, ratio: float = 0.0) -> Experiment:
    return Experiment("brand", ExperimentKind.GO_DARK, DAY, DAY + 13, low, median, high, ratio)


def test_going_dark_tells_leak_from_saturation():
    advice = advise(unsure(), noise=0.1, margin=0.5)
    assert advice is not None
    assert advice.kind is ExperimentKind.GO_DARK
    assert advice.settles is Question.SPEND_DRIVEN_STATUS
    assert advice.chance > 0.6
    assert f"Switch the channel off for {advice.days} days" in advice.sentence


def test_more_noise_settles_less_or_takes_longer():
    quiet, loud = (advise(unsure(), noise=noise, margin=0.5) for noise in (0.05, 0.5))
    assert quiet is not None
    assert loud is None or loud.chance < quiet.chance or loud.days > quiet.days


def test_regions_are_cheaper_than_going_dark_all_over():
    with_regions = advise(unsure(), noise=0.05, margin=0.5, regions=True)
    without = advise(unsure(), noise=0.05, margin=0.5)
    assert with_regions is not None
    assert without is not None
    assert with_regions.cost <= without.cost


def test_a_saving_test_has_a_negative_cost():
    nothing = leaky(np.linspace(0.9, 1.0, 50), np.linspace(0.1, 1.0, 50))
    assert advise(nothing, noise=0.05, margin=0.5) is None  # the test cannot tell the curves of a tenth apart
    half = leaky(np.linspace(0.4, 1.0, 60), np.linspace(1.0, 0.1, 60))
    advice = advise(half, noise=0.05, margin=0.2)
    assert advice is not None
    assert advice.cost < 0
    assert advice.worth >= -advice.cost


def test_what_is_known_needs_no_test():
    assert advise(leaky(np.full(20, 0.1), np.linspace(0.75, 0.85, 20)), noise=0.1, margin=0.5) is None


def test_nothing_to_advise():
    known = unsure()
    assert known.response is not None
    assert advise(assessment_of("off", GRID, np.ones((3, 401)), 0.0), noise=0.1, margin=0.5) is None
    assert advise(known, noise=float("nan"), margin=0.5) is None
    noisy = leaky(np.linspace(0, 0.05, 90), np.linspace(0.02, 1.2, 90))
    assert advise(noisy, noise=40.0, margin=0.5) is None


def test_a_value_of_information_is_never_below_nothing_and_grows_with_the_money():
    small, large = (advise(leaky(*_open(), x0=x0), noise=0.1, margin=0.5) for x0 in (100.0, 10_000.0))
    assert small is not None
    assert large is not None
    assert small.value >= 0
    assert large.value == pytest.approx(100 * small.value, rel=1e-3)
    assert large.cost == pytest.approx(100 * small.cost, rel=1e-3)
    assert large.worth == large.value - large.cost < small.worth


def _open() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.uniform(0, 0.6, 150), rng.uniform(0.1, 1.0, 150)


@pytest.mark.parametrize("kind", list(ExperimentKind))
def test_longer_tests_measure_better_and_none_is_exact(kind):
    noises = [measurement_noise(kind, 7 * weeks, 0.2, 3) for weeks in (2, 3, 4, 6, 8)]
    assert noises == sorted(noises, reverse=True)
    assert noises[-1] > 0.01
    assert measurement_noise(kind, 14, 0.2, 14) == float("inf")


def test_a_result_pulls_the_fit_towards_itself():
    result = found(0.2, 0.4, 0.5)
    assert standard_deviation(result) == pytest.approx(0.3 / 3.29, rel=1e-3)
    likelihood = log_likelihood(result, np.linspace(0, 1, 101))
    assert np.argmax(likelihood) == 40
    assert residual(result, np.array([0.2, 0.4, 0.5])) == pytest.approx([-1.645, 0, 1.645], abs=1e-3)


@given(st.floats(0, 1), st.floats(0.01, 0.3), st.floats(0.01, 0.3), st.floats(-1, 2))
def test_likelihoods_are_finite_and_best_at_the_median(median, below, above, modelled):
    result = found(median - below, median, median + above)
    assert np.isfinite(log_likelihood(result, np.array([modelled]))).all()
    assert log_likelihood(result, np.array([modelled]))[0] <= log_likelihood(result, np.array([median]))[0]


def test_lifts_are_positive_where_spend_brings_revenue():
    base = np.array([100.0])
    assert lift(np.array([70.0]), base, 0.0)[0] == pytest.approx(0.3)
    assert lift(np.array([110.0]), base, 1.5)[0] == pytest.approx(0.1)
