"""Does the judge's opinion know that the curve may have changed, as much as the days say and no more?"""

import numpy as np
import pytest

from app.saturation import Status, assess
from app.saturation.averaged import averaged
from app.saturation.changes import Changes
from app.saturation.judge import Opinion
from app.saturation.simulator.settings import Change
from tests.unit.saturation.channels import channel, tenant

SURE = Opinion(
    np.array([0.06, 0.9, 0.04]),
    np.array([0.1, 0.85, 0.05]),
    np.array([0.32, 0.38, 0.42, 0.45, 0.48, 0.52, 0.6]),
    np.array([1.2, 1.6, 1.8, 2.0, 2.1, 2.2, 2.5]),
    np.array([0.34, 0.4, 0.44, 0.48, 0.52, 0.56, 0.65]),
)


def changes(probability, shift, error=0.0):
    return Changes(np.array([1 - probability, probability]), np.array([0.0, shift]), np.array([0.0, error]))


def test_where_nothing_can_have_changed_the_opinion_stays():
    assert averaged(SURE, Changes(np.ones(1), np.zeros(1), np.zeros(1))) is SURE
    assert averaged(SURE, changes(1e-4, -0.3)) is SURE


def test_a_change_without_a_move_says_what_the_judge_says():
    same = averaged(SURE, changes(0.5, 0.0))
    assert same.probabilities == pytest.approx(SURE.probabilities, abs=1e-9)
    assert same.elasticity == pytest.approx(SURE.elasticity, abs=0.01)
    assert same.mroas == pytest.approx(SURE.mroas, rel=0.03)


def test_a_change_that_is_sure_gives_the_class_into_which_the_channel_moved():
    moved = averaged(SURE, changes(1.0, -0.35, 0.02))
    assert moved.probabilities[2] > 0.9
    assert moved.driven_probabilities[2] > 0.85
    assert moved.elasticity == pytest.approx(np.maximum(SURE.elasticity - 0.35, 0), abs=0.04)
    assert moved.mroas[3] == pytest.approx(2.0 * moved.elasticity[3] / 0.45)


def test_a_change_that_may_be_makes_the_answer_less_sure():
    doubted = averaged(SURE, changes(0.4, -0.35, 0.05))
    assert doubted.probabilities.sum() == pytest.approx(1)
    assert doubted.probabilities == pytest.approx(0.6 * SURE.probabilities + 0.4 * np.array([0, 0.05, 0.95]), abs=0.04)
    assert doubted.elasticity[0] < 0.05
    assert doubted.elasticity[-1] < SURE.elasticity[-1] + 0.01
    for quantiles in (doubted.elasticity, doubted.mroas, doubted.driven):
        assert (np.diff(quantiles) >= 0).all()


@pytest.mark.parametrize(("elasticity", "scale"), [(0.15, 2.0), (0.85, 1 / 1.7)])
def test_a_channel_that_has_moved_gets_the_class_it_is_in(elasticity, scale):
    made = tenant(
        channel(elasticity=elasticity, change=Change.STEP, change_at=0.7, change_level=1 / 1.35, change_scale=scale)
    )
    (answer,) = assess(made.series, context=made.context)
    assert answer.status is made.channels[0].truth.status
    assert answer.status is not Status.INSUFFICIENT_EVIDENCE
    assert answer.elasticity.low <= elasticity <= answer.elasticity.high
