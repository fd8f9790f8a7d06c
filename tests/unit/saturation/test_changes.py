"""Do draws know that the curve may have changed, as much as the days say and no more?"""

import numpy as np
import pytest

from app.saturation.changes import Changes, changes_of
from app.saturation.evidence import gather
from app.saturation.simulator.settings import Change
from tests.unit.saturation.channels import channel, tenant


def changes(*, days=365, **fields):
    made = tenant(channel(**fields), days=days)
    (one,) = gather(made.series, made.context)
    return made.channels[0].truth.elasticity, one, changes_of(one)


@pytest.mark.parametrize("change", [Change.STEP, Change.RAMP])
@pytest.mark.parametrize(("level", "scale"), [(1.35, 1 / 2), (1 / 1.35, 2)])
def test_the_move_of_a_change_leads_to_the_truth(change, level, scale):
    true, one, found = changes(change=change, change_at=0.7, change_level=level, change_scale=scale)
    before = one.best.shape.elasticity
    moved = found.probability[1:] @ found.shift[1:] / found.probability[1:].sum()
    assert abs(before + moved - true) < abs(before - true)
    assert before + moved == pytest.approx(true, abs=0.07)


def test_where_nothing_changed_that_is_what_is_probable():
    _, _, found = changes()
    assert found.probability[0] > 0.8
    assert found.probability.sum() == pytest.approx(1)
    assert abs(found.probability @ found.shift) < 0.02


def test_of_few_days_nothing_is_said():
    _, _, found = changes(days=50)
    assert found.probability.tolist() == [1.0]


def test_draws_move_in_as_many_worlds_as_are_probable():
    rng = np.random.default_rng(0)
    draws = np.full(4000, 0.5)
    moved = Changes(np.array([0.75, 0.25]), np.array([0.0, 0.2]), np.array([0.0, 0.05])).moved(draws, rng)
    assert np.mean(moved != 0.5) == pytest.approx(0.25, abs=0.03)
    assert moved[moved != 0.5].mean() == pytest.approx(0.7, abs=0.01)


@pytest.mark.parametrize("shift", [-2.0, -0.8, -0.55])
def test_a_move_below_nothing_is_doubt_of_its_own_size_and_not_certainty(shift):
    rng = np.random.default_rng(0)
    before = np.full(4000, 0.5)
    down = Changes(np.array([0.0, 1.0]), np.array([0.0, shift]), np.zeros(2)).moved(before, rng)
    most = -(0.5 + shift)
    assert down.min() >= 0
    assert down.max() <= most
    assert np.quantile(down, [0.05, 0.5, 0.95]) == pytest.approx([0.05 * most, 0.5 * most, 0.95 * most], abs=0.05)


def test_a_move_that_stays_above_nothing_is_taken_as_it_is():
    before = np.linspace(0.3, 0.9, 200)
    down = Changes(np.array([0.0, 1.0]), np.array([0.0, -0.25]), np.zeros(2)).moved(before, np.random.default_rng(0))
    assert down == pytest.approx(before - 0.25)
