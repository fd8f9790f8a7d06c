from dataclasses import replace

import numpy as np
import pytest

from app.saturation.baselines import linear_in_spend, log_log, naive_hill, seasonal_naive
from app.saturation.change_proof import watch
from app.saturation.gates import BINS, calibration_error, cell_gates, reliability, suite_gates
from app.saturation.proof import Row, best_gain, collect, true_gain
from app.saturation.series import ChannelSeries, Estimate, Standing, Status
from app.saturation.simulator.settings import Change, ChannelSetting, TenantSetting
from app.saturation.simulator.simulate import simulate
from app.saturation.simulator.stress import cell_tenants
from app.saturation.simulator.suites import Suite, tenants
from tests.unit.saturation.oracle import oracle

COUNT = 14


@pytest.fixture(scope="module")
def sure():
    return collect(tenants(Suite.CLEAN, COUNT, 5), oracle(0.02))


@pytest.fixture(scope="module")
def blind():
    return collect(tenants(Suite.MIXED, COUNT, 5), oracle(0.4))


def of(gates, name):
    return next(gate for gate in gates if gate.name.startswith(name))


def test_an_oracle_with_little_doubt_passes_the_gates_of_the_status(sure):
    gates = suite_gates(Suite.CLEAN, sure)
    for name in ("right where", "share with", "calibration", "elasticity, mean", "mROAS, median", "processor seconds"):
        assert of(gates, name).passed, of(gates, name).line()
    for name in ("plan: share of the possible", "plan: worst", "plan: realised", "90 % interval of e"):
        assert of(gates, name).passed, of(gates, name).line()
    assert of(gates, "forecast error over seasonal").passed
    assert of(gates, "falsely saturated").passed is None
    assert not of(gates, "spend-driven: right").passed  # it gives none
    for gate in gates:
        assert not gate.low > gate.figure + 1e-9 or gate.n == 0
        assert gate.name in gate.line()


def test_an_oracle_with_much_doubt_decides_little_and_is_not_passed(blind):
    gates = suite_gates(Suite.MIXED, blind)
    assert of(gates, "share with").figure < 0.45
    assert not of(gates, "share with").passed
    assert not of(gates, "right where").passed


def test_an_overconfident_liar_fails(sure):
    wrong = replace(sure, rows=tuple(_lie(row) for row in sure.rows))
    gates = suite_gates(Suite.CLEAN, wrong)
    for name in ("right where", "calibration", "90 % interval of e"):
        assert of(gates, name).passed is False
    assert of(gates, "share with").passed
    cell = cell_gates("plain", wrong)
    assert of(cell, "plain: right").passed is False
    assert of(cell, "plain: falsely").passed is False


def _lie(row: Row) -> Row:
    return replace(
        row, given=Status.SATURATED, probabilities=(0.0, 0.0, 1.0), said_elasticity=Estimate(0.01, 0.02, 0.03)
    )


def test_a_cell_that_almost_never_gets_a_status_passes():
    given = collect(cell_tenants("plain", 6, 0), oracle(0.1))
    silent = replace(given, rows=tuple(replace(row, given=Status.INSUFFICIENT_EVIDENCE) for row in given.rows))
    right, share, falsely, _ = cell_gates("plain", silent)
    assert share.figure == 0
    assert right.passed
    assert falsely.passed


def test_calibration_is_measured_over_all_classes(sure):
    row = sure.rows[0]
    half = [
        replace(row, probabilities=(0.5, 0.5, 0.0), truth=truth) for truth in (Status.UNSATURATED, Status.APPROACHING)
    ]
    assert calibration_error(half) == pytest.approx(0)
    assert calibration_error(half[:1]) == pytest.approx(0, abs=1e-9)  # 0.5 twice, once so
    assert calibration_error([replace(half[0], probabilities=(0.0, 1.0, 0.0))]) == pytest.approx(2 / 3)
    assert reliability(half).shape == (3, BINS)
    assert reliability(half)[2].sum() == 6


def test_nothing_gained_is_what_doing_nothing_gains():
    tenant = next(tenants(Suite.CLEAN, 1, 1))
    today = {one.series.channel: one.truth.x0 for one in tenant.channels}
    assert true_gain(tenant, today) == pytest.approx(0)
    assert best_gain(tenant, {name: (x0, x0) for name, x0 in today.items()}) == pytest.approx(0, abs=1e-6)


def test_the_best_gain_is_not_beaten_by_chance():
    rng = np.random.default_rng(0)
    for tenant in tenants(Suite.MIXED, 8, 2):
        x0 = {one.series.channel: one.truth.x0 for one in tenant.channels}
        best = best_gain(tenant, {name: (0.8 * x, 1.2 * x) for name, x in x0.items()})
        total = sum(x0.values())
        for _ in range(200):
            tried = {name: x * rng.choice([0.8, 0.9, 1.0, 1.1, 1.2]) for name, x in x0.items()}
            if sum(tried.values()) <= total:
                assert true_gain(tenant, tried) <= best + 1e-3 * total


def test_baselines_find_a_curve_without_trouble():
    setting = ChannelSetting(noise=0.03, decay=0.0, follows_demand=0.0, elasticity=0.5, spend_cv=0.6)
    made = simulate(TenantSetting((setting,), days=365, demand_sd=0.0, season=0.0), (1,)).channels[0]
    assert naive_hill(made.series) == pytest.approx(0.5, abs=0.12)
    assert log_log(made.series) == pytest.approx(0.5, abs=0.12)


def test_baselines_of_nothing_fail_without_an_error():
    flat = ChannelSeries("a", np.arange("2024-01-01", "2024-02-01", dtype="datetime64[D]"), *np.zeros((3, 31)))
    assert np.isnan(naive_hill(flat))
    assert np.isnan(log_log(flat))
    assert seasonal_naive(flat).tolist() == [0] * 28
    assert linear_in_spend(flat, np.ones(28)).tolist() == [0] * 28


def test_seasonal_naive_knows_the_weekday():
    day = np.arange("2024-01-01", "2024-02-26", dtype="datetime64[D]")
    weekday = (np.arange(len(day)) % 7).astype(float)
    made = ChannelSeries("a", day, weekday, weekday, weekday)
    assert seasonal_naive(made).tolist() == [float((len(day) + k) % 7) for k in range(28)]


def test_a_watcher_counts_delay_and_false_alarms():
    setting = ChannelSetting(change=Change.STEP, change_at=0.5, change_level=0.7)
    tenant = simulate(TenantSetting((setting, setting), days=400), (1,))
    changed_on = tenant.channels[0].truth.changed_on
    assert changed_on is not None
    seen_previous = []

    def judge(channels, context):
        seen_previous.append(dict(context.previous or {}))
        said = [replace(one, standing=Standing(one.status, one.status, 1)) for one in oracle(0.02)(tenant)]
        until = channels[0].day[-1]
        assert until <= context.complete_until
        if until < np.datetime64(changed_on) - 60:
            return [replace(one, changed_on=tenant.channels[0].series.day[40]) for one in said]
        if until >= changed_on + np.timedelta64(15, "D"):
            return [replace(said[0], changed_on=changed_on), said[1]]
        return said

    first, second = watch(tenant, judge, 100, 300)
    assert first.delay is not None
    assert 15 <= first.delay <= 21
    assert second.delay is None
    assert first.false_alarms == second.false_alarms == 1
    assert first.years == pytest.approx(100 / 365, abs=0.01)
    assert seen_previous[0] == {}
    assert set(seen_previous[1]) == {"channel_0", "channel_1"}
