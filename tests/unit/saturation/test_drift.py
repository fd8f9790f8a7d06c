"""Is a change seen soon, dated well, and not seen where there is none?"""

import numpy as np
import pytest

from app.saturation.drift import WARM_UP_DAYS, drift_of


def residuals(seed, n=300, sd=0.2):
    return np.random.default_rng(seed).normal(0.0, sd, n)


@pytest.mark.parametrize("size", [-0.4, 0.3])
@pytest.mark.parametrize("seed", range(5))
def test_a_step_is_seen_within_three_weeks_and_dated(size, seed):
    noise = residuals(seed)
    noise[200:] += size
    seen = [end for end in range(200, 260) if drift_of(noise[:end], np.ones(end, bool)).is_alarm]
    assert seen[0] - 200 <= 21
    drift = drift_of(noise[:260], np.ones(260, bool))
    assert abs(drift.onset - 200) <= 14
    assert np.sign(drift.size) == np.sign(size)


def test_false_alarms_are_rare():
    alarms = sum(drift_of(residuals(seed, 365), np.ones(365, bool)).onset >= 0 for seed in range(60))
    assert alarms <= 60 * 0.5


def test_an_old_change_is_no_alarm_any_more():
    noise = residuals(3, 400)
    noise[150:] += 0.4
    drift = drift_of(noise, np.ones(400, bool))
    assert drift.onset >= 0
    assert drift.days_ago > 90
    assert not drift.is_alarm


@pytest.mark.parametrize("days", [0, 10, WARM_UP_DAYS])
def test_too_few_days_say_nothing(days):
    drift = drift_of(np.full(days, 5.0), np.ones(days, bool))
    assert not drift.is_alarm
    assert drift.score == 0.0


def test_days_that_are_not_known_do_not_count():
    noise = residuals(4)
    known = np.ones(300, bool)
    known[100:103] = False
    noise[100:103] = -50.0
    assert drift_of(noise, known).onset < 0


def test_constant_residuals_are_no_change():
    assert drift_of(np.zeros(200), np.ones(200, bool)).onset < 0
