from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.saturation.series import Status
from app.saturation.simulator.curves import (
    CALIBRATE_ODD,
    CALIBRATE_SMOOTH,
    TEST_ODD,
    TEST_SMOOTH,
    TRAIN_ODD,
    TRAIN_SMOOTH,
    Curve,
    Family,
    bent,
    curve_with,
    elasticity_range,
    kinked,
)
from app.saturation.simulator.paths import adstock
from app.saturation.simulator.settings import Change, ChannelSetting, Noise, TenantSetting
from app.saturation.simulator.simulate import SimulatedTenant, simulate
from app.saturation.simulator.stress import CELLS, cell_tenants
from app.saturation.simulator.suites import MIXED_DAYS, Purpose, Suite, tenant, tenants

WITHOUT_SCALE = (Family.LINEAR, Family.KINKED, Family.BENT, Family.NONE)
CALIBRATED = [family for family in Family if family not in WITHOUT_SCALE]
QUIET = ChannelSetting(noise=0.0, spend=1000.0)


def bytes_of(made: SimulatedTenant) -> bytes:
    parts = []
    for one in made.channels:
        series = one.series
        parts += [series.day, series.spend, series.revenue, series.conversions, one.future.revenue]
        parts += [series.demand] if series.demand is not None else []
        parts += [np.array([one.truth.elasticity, one.truth.mroas, one.truth.x0])]
    return b"".join(part.tobytes() for part in parts)


@settings(deadline=None)
@given(st.sampled_from(CALIBRATED), st.floats(0, 1), st.floats(0.7, 3.0), st.floats(0.3, 3.0))
def test_slopes_are_those_of_the_curve_and_elasticities_as_asked(family, share, shape, u):
    low, high = elasticity_range(family, shape)
    wanted = low + share * (high - low)
    curve = curve_with(family, wanted, shape)
    assert curve.elasticity(1.0) == pytest.approx(wanted, rel=1e-8)
    step = 1e-5 * u
    finite = (curve.value(np.array([u + step])) - curve.value(np.array([u - step]))) / (2 * step)
    assert curve.slope(np.array([u])) == pytest.approx(finite, rel=1e-5, abs=1e-7)


def test_curves_without_a_scale():
    u = np.array([0.5, 1.0, 2.0])
    assert Curve(Family.LINEAR).elasticity(0.7) == 1
    assert Curve(Family.NONE).value(u).tolist() == [1, 1, 1]
    assert Curve(Family.NONE).elasticity(1.0) == 0
    assert kinked(0.5, 0.0).elasticity(1.0) == 0
    assert kinked(1.5, 0.1).elasticity(1.0) == 1
    soft = bent(0.6, 0.2)
    for at in (0.2, 0.6, 1.0, 1.7):
        finite = float(np.diff(soft.value(np.array([at - 1e-6, at + 1e-6])))[0]) / 2e-6
        assert soft.slope(np.array([at]))[0] == pytest.approx(finite, rel=1e-6)
    assert bent(0.6, 0.2).elasticity(1.0) == pytest.approx(kinked(0.6, 0.2).elasticity(1.0), abs=0.02)
    with pytest.raises(ValueError, match="hill of shape 1 has no elasticity 2"):
        curve_with(Family.HILL, 2.0, 1.0)


@pytest.mark.parametrize("leak", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("family", CALIBRATED)
def test_the_truth_is_the_derivative_of_the_response(family, leak):
    made = simulate(TenantSetting((replace(QUIET, family=family, leak=leak, elasticity=0.4),)), (1,))
    truth = made.channels[0].truth
    step = 1e-4 * truth.x0
    up, down = truth.response(np.array([truth.x0 + step, truth.x0 - step]))
    assert truth.response(np.array([truth.x0]))[0] == pytest.approx(truth.level)
    assert truth.mroas == pytest.approx((up - down) / (2 * step), rel=1e-6)
    assert truth.elasticity == pytest.approx(truth.mroas * truth.x0 / truth.level)
    assert truth.elasticity == pytest.approx(0.4 * (1 - leak))
    assert truth.spend_driven_elasticity == pytest.approx(0.4)


@pytest.mark.parametrize("leak", [0.0, 0.5])
def test_constant_spend_without_noise_earns_the_level(leak):
    """Adstock is normalised and demand is relative to the last 28 complete days: their mean revenue is f(x0)."""
    constant = replace(QUIET, spend_cv=0.0, leak=leak, hidden=0.2, decay=0.7)
    made = simulate(TenantSetting((constant,), late_days=3), (2,)).channels[0]
    complete = made.series.revenue[:-3]
    assert made.truth.x0 == pytest.approx(1000)
    assert complete[-28:].mean() == pytest.approx(made.truth.level, rel=1e-5)


@pytest.mark.parametrize("kind", list(Noise))
def test_noise_has_mean_one_and_the_deviation_asked_for(kind):
    setting = replace(QUIET, spend_cv=0.0, noise=0.3, noise_kind=kind, conversions=0.0)
    one = simulate(TenantSetting((setting,) * 8, days=730), (3,))
    still = simulate(TenantSetting((replace(setting, noise=0.0, noise_kind=Noise.NORMAL),) * 8, days=730), (3,))
    ratio = np.stack([a.series.revenue / b.series.revenue for a, b in zip(one.channels, still.channels, strict=True)])
    assert ratio.mean() == pytest.approx(1, abs=0.02)
    assert ratio.std() == pytest.approx(0.3, rel=0.15)


@pytest.mark.parametrize("delay", [0.0, 3.0])
def test_adstock_keeps_a_permanent_spend_and_moves_mass_back(delay):
    assert adstock(np.full(60, 7.0), 0.8, delay) == pytest.approx(np.full(33, 7.0))
    pulse = np.zeros(60)
    pulse[27] = 1.0
    answer = adstock(pulse, 0.5, delay)
    assert answer.sum() == pytest.approx(1)
    assert answer.argmax() == delay


def test_a_step_and_a_ramp_reach_the_curve_that_is_true_today():
    def revenue(change: Change) -> np.ndarray:
        setting = replace(
            QUIET, spend_cv=0.0, change=change, change_at=0.5, change_level=0.7, change_scale=1.5, family=Family.TANH
        )
        return simulate(TenantSetting((setting,), days=400), (4,)).channels[0].series.revenue

    never, step, ramp = revenue(Change.NEVER), revenue(Change.STEP), revenue(Change.RAMP)
    # To the cent: the series is rounded to it.
    assert np.abs(step[200:] - never[200:]).max() == 0
    assert np.abs(ramp[259:] - never[259:]).max() == 0
    made = simulate(
        TenantSetting((replace(QUIET, change=Change.STEP, change_at=0.5, change_level=0.7, spend_cv=0.0),), days=400),
        (4,),
    ).channels[0]
    flat = simulate(TenantSetting((replace(QUIET, spend_cv=0.0),), days=400), (4,)).channels[0]
    assert made.truth.changed_on == made.series.day[200]
    seen = np.log(flat.series.revenue[100] / made.series.revenue[100])
    assert made.truth.change_effect == pytest.approx(seen, abs=1e-4)
    assert np.all(np.diff(np.log(ramp / never))[199:259] > 0)


def test_what_was_asked_for_is_there():
    plain = simulate(TenantSetting((replace(QUIET, noise=0.1),), days=400), (5,)).channels[0].series
    made = simulate(
        TenantSetting((replace(QUIET, noise=0.1, missing=0.1, flights=3),), days=400, late_days=6, has_proxy=False),
        (5,),
    )
    series = made.channels[0].series
    assert series.demand is None
    assert plain.demand is not None
    assert 340 <= len(series) <= 380
    assert (series.spend == 0).sum() >= 7
    assert made.context.complete_until == plain.day[-7]
    assert made.channels[0].future.day[0] == plain.day[-6]
    assert len(made.channels[0].future.revenue) == 28
    twice = simulate(TenantSetting((QUIET,) * 2, identical=True), (6,)).series
    assert twice[0].revenue.tolist() == twice[1].revenue.tolist()
    together = simulate(TenantSetting((QUIET,) * 2, lockstep=1.0), (6,)).series
    assert np.corrcoef(together[0].spend, together[1].spend)[0, 1] > 0.99
    switched = simulate(TenantSetting((replace(QUIET, rule_switch=0.5, change_at=0.5),), days=400), (5,))
    assert switched.context.rule_changes == (plain.day[200],)


@pytest.mark.parametrize("follows", [0.0, 0.8])
def test_spend_follows_demand_as_asked(follows):
    setting = replace(QUIET, follows_demand=follows, persistence=0.6)
    made = simulate(TenantSetting((setting,) * 8, days=730, demand_sd=0.25), (7,))
    seen = np.mean([np.corrcoef(np.log(one.spend), np.log(one.demand))[0, 1] for one in made.series])
    assert abs(seen - follows) < 0.12


@pytest.mark.parametrize("suite", list(Suite))
def test_a_seed_gives_the_same_bytes_and_another_one_others(suite):
    first = [bytes_of(one) for one in tenants(suite, 3, seed=1)]
    assert first == [bytes_of(one) for one in tenants(suite, 5, seed=1)][:3]
    others = [tenants(suite, 3, seed=2), tenants(suite, 3, 1, Purpose.TRAIN), tenants(suite, 3, 1, Purpose.CALIBRATE)]
    every = first + [bytes_of(one) for some in others for one in some]
    assert len(set(every)) == len(every)


def test_another_channel_changes_no_other():
    alone = simulate(TenantSetting((QUIET,)), (8,)).series[0]
    beside = simulate(TenantSetting((QUIET, replace(QUIET, spend=9.0))), (8,)).series[0]
    assert alone.revenue.tobytes() == beside.revenue.tobytes()


def test_spend_in_another_currency_is_the_same_channel():
    dear = simulate(TenantSetting((replace(QUIET, spend=100_000.0),)), (9,)).channels[0]
    cheap = simulate(TenantSetting((QUIET,)), (9,)).channels[0]
    assert dear.series.spend == pytest.approx(100 * cheap.series.spend, rel=1e-4)
    assert dear.series.revenue == pytest.approx(100 * cheap.series.revenue, rel=1e-4)
    assert dear.truth.elasticity == cheap.truth.elasticity


def test_training_never_meets_the_families_of_the_test_alone():
    trained = {*TRAIN_SMOOTH, *TRAIN_ODD}
    assert {Family.LOGARITHMIC, Family.TANH, Family.ROOT, Family.KINKED} <= {*TEST_SMOOTH, *TEST_ODD} - trained
    calibrated = {*CALIBRATE_SMOOTH, *CALIBRATE_ODD}
    assert not {Family.TANH, Family.ROOT, Family.KINKED} & calibrated
    for purpose, families in ((Purpose.TRAIN, trained), (Purpose.CALIBRATE, calibrated)):
        made = [one for some in tenants(Suite.MIXED, 40, 0, purpose) for one in some.channels]
        assert {one.setting.family for one in made} == families


def test_the_mixed_suite_holds_what_it_says():
    made = list(tenants(Suite.MIXED, 110, 0))
    channels = [one for some in made for one in some.channels]
    assert {some.setting.days for some in made} == set(MIXED_DAYS)
    assert {len(some.channels) for some in made} == set(range(1, 9))

    def share(facts: list[bool]) -> float:
        return sum(facts) / len(facts)

    assert 0.27 < share([one.setting.leak > 0 for one in channels]) < 0.40
    assert 0.27 < share([one.setting.hidden > 0 for one in channels]) < 0.40
    assert 0.14 < share([one.setting.family in TEST_ODD for one in channels]) < 0.26
    assert 0.14 < share([one.setting.change is not Change.NEVER for one in channels]) < 0.26
    assert 0.27 < share([one.setting.noise_kind is not Noise.NORMAL for one in channels]) < 0.40
    for status in (Status.UNSATURATED, Status.APPROACHING, Status.SATURATED):
        assert share([one.truth.status is status for one in channels]) > 0.2
    for one in channels:
        assert one.truth.x0 > 0
        assert np.isfinite(one.series.revenue).all()
        assert one.series.revenue.min() >= 0


@pytest.mark.parametrize("cell", list(CELLS))
def test_every_stress_cell_can_be_made(cell):
    first, again = (bytes_of(next(cell_tenants(cell, 1, 0))) for _ in range(2))
    assert first == again
    assert all(one.truth.x0 > 0 for some in cell_tenants(cell, 3, 1) for one in some.channels)


def test_a_tenant_of_a_suite_can_be_made_by_its_number():
    assert bytes_of(tenant(Suite.CLEAN, 2, 0)) == bytes_of(list(tenants(Suite.CLEAN, 3, 0))[2])


def test_nothing_cannot_be_simulated():
    for setting in (TenantSetting(()), TenantSetting((QUIET,), days=5, late_days=5)):
        with pytest.raises(ValueError, match="a channel and a complete day"):
            simulate(setting, (1,))
