"""Does a single window find the curve that made it, in little time, whatever the scale?"""

import time

import numpy as np
import pytest

from app.saturation.evidence import gather
from app.saturation.fit import Problem, fit_window
from app.saturation.grid import points
from app.saturation.simulator.curves import Family
from tests.unit.saturation.channels import channel, tenant


def evidence_of(made):
    found = gather(made.series, made.context)
    assert all(one is not None for one in found)
    return found


@pytest.mark.parametrize("elasticity", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_the_elasticity_is_found(elasticity):
    one = evidence_of(tenant(channel(elasticity=elasticity)))[0]
    assert one.best.shape.elasticity == pytest.approx(elasticity, abs=0.08)
    assert float(one.lead.plain.weight @ points().elasticity) == pytest.approx(elasticity, abs=0.1)


@pytest.mark.parametrize(("family", "true"), [(Family.LINEAR, 1.0), (Family.NONE, 0.0)])
def test_the_ends(family, true):
    one = evidence_of(tenant(channel(family=family)))[0]
    assert one.best.shape.elasticity == pytest.approx(true, abs=0.1)


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_units_of_money_do_not_matter(scale):
    made = tenant(channel(elasticity=0.4))
    plain = evidence_of(made)[0]
    object.__setattr__(made.channels[0].series, "spend", made.series[0].spend * scale)
    scaled = evidence_of(made)[0]
    assert scaled.best.shape.elasticity == pytest.approx(plain.best.shape.elasticity, abs=1e-3)


def test_the_jacobian_of_the_whole_problem():
    one = evidence_of(tenant(channel(elasticity=0.4, leak=0.3)))[0]
    problem = Problem(one.lead.window, one.calendar, one.lead.plain)
    theta = np.array([0.3, 0.2, 1.3, 0.4])
    _, jacobian = problem.residual(theta)
    for column in range(4):
        step = np.eye(4)[column] * 1e-5
        ahead, _ = problem.residual(theta + step)
        behind, _ = problem.residual(theta - step)
        assert jacobian[:, column] == pytest.approx((ahead - behind) / 2e-5, abs=2e-5)


def test_a_search_does_not_end_below_its_start():
    one = evidence_of(tenant(channel(elasticity=0.4)))[0]
    problem = Problem(one.lead.window, one.calendar, one.lead.plain)
    best = fit_window(one.lead.window, one.calendar, one.lead.plain)
    for theta in ([0.2, 0.0, 1.0, 0.3], [0.8, 0.0, 1.6, 0.5], [0.1, 0.6, 1.0, 0.0]):
        start = np.array(theta)
        found = problem.search(start)
        assert found.log_posterior >= problem.log_posterior(start)
        assert found.log_posterior <= best.log_posterior + 0.5


def test_the_grids_prior_is_neutral_over_the_classes():
    grid = points()
    prior = np.exp(grid.prior)
    shares = [prior[part].sum() for part in (grid.elasticity >= 0.6, grid.elasticity < 0.3)]
    shares = np.array([*shares, prior.sum() - sum(shares)]) / prior.sum()
    assert shares == pytest.approx(np.full(3, 1 / 3), abs=0.13)


def test_outliers_and_outages_hardly_move_it():
    made = tenant(channel(elasticity=0.4, outages=2, promotions=2, promotion_factor=5.0))
    one = evidence_of(made)[0]
    assert one.best.shape.elasticity == pytest.approx(0.4, abs=0.1)


def test_few_conversions_are_fitted_as_counts():
    made = tenant(channel(elasticity=0.4, conversions=8.0, noise_kind="counts"), days=730)
    one = evidence_of(made)[0]
    assert one.calendar.is_count
    assert one.best.shape.elasticity == pytest.approx(0.4, abs=0.25)


def test_all_periods_of_a_channel_take_less_than_a_second():
    made = tenant(channel(), days=730)
    evidence_of(made)
    began = time.process_time()
    evidence_of(made)
    assert time.process_time() - began < 1.0
