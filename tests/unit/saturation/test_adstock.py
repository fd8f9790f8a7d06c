"""Does adstock carry what it should, and does its O(1) form agree with it?"""

import numpy as np
import pytest

from app.saturation.adstock import CARRY_DAYS, Carry, adstock, slope_weights, weights

RATES = (0.0, 0.3, 0.7, 0.95)


@pytest.fixture
def spend():
    return np.random.default_rng(1).gamma(2.0, 50.0, 120)


@pytest.mark.parametrize("rate", RATES)
def test_weights_sum_to_one_and_a_permanent_spend_is_its_own_adstock(rate):
    assert weights(rate).shape == (CARRY_DAYS,)
    assert weights(rate).sum() == pytest.approx(1.0)
    assert adstock(np.full(60, 12.5), rate) == pytest.approx(np.full(60, 12.5))


def test_without_carry_over_adstock_is_spend(spend):
    assert adstock(spend, 0.0) == pytest.approx(spend)


def test_a_pulse_decays_and_is_gone_after_28_days():
    spend = np.zeros(100)
    spend[50] = 1.0
    felt = adstock(spend, 0.6)
    assert felt[50:78] == pytest.approx(weights(0.6))
    assert felt[78:] == pytest.approx(np.zeros(22))
    assert felt.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.7, 0.9])
def test_the_slope_is_the_derivative(rate):
    step = 1e-6
    numeric = (weights(rate + step) - weights(rate - step)) / (2 * step)
    assert slope_weights(rate) == pytest.approx(numeric, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("known", [1, 5, 28, 60])
def test_one_day_more_in_constant_time(spend, rate, known):
    carry = Carry.after(spend[:known], rate)
    for day in range(known, min(known + 40, len(spend))):
        carry = carry.add(float(spend[day]))
        expected = _from(spend, known, day, rate)
        assert carry.adstock == pytest.approx(expected)


def _from(spend, known, day, rate):
    """The days before the first are the mean of the first 28 that were known when the carry began."""
    before = np.full(CARRY_DAYS - 1, spend[: min(known, CARRY_DAYS)].mean())
    seen = np.concatenate([before, spend[: day + 1]])
    return float(seen[-CARRY_DAYS:][::-1] @ weights(rate))


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_a_rate_that_is_none(rate):
    with pytest.raises(ValueError, match="adstock rate"):
        weights(rate)
