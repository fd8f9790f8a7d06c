"""Which data may not carry a status, and does each guard say why?"""

import numpy as np
import pytest

from app.saturation import ChannelSeries, Context, Status, assess
from app.saturation.calendars import calendar
from app.saturation.changes import changes_of
from app.saturation.evidence import gather
from app.saturation.features import features_of
from app.saturation.guards import moves
from app.saturation.held_back import forecast_errors
from app.saturation.judge import shipped
from app.saturation.names import Decision
from app.saturation.simulator.curves import Family
from app.saturation.simulator.settings import Change
from app.saturation.simulator.stress import cell_tenants
from app.saturation.simulator.suites import Purpose
from tests.unit.saturation.channels import channel, tenant

ALL = (
    "days",
    "days_to_cut",
    "conversions",
    "own_outcome",
    "spend_cv",
    "spend_ratio",
    "spend_moves",
    "demand_correlation",
    "collinearity",
    "prior_dominance",
    "inside_range",
    "forecast_naive",
    "forecast_linear",
    "level",
    "complete",
    "behind",
    "spread_days",
    "rule_change",
    "steady",
)


def assessed(made):
    return assess(made.series, context=made.context)


def failing(answer):
    return {guard.name for guard in answer.guards if not guard.passed}


def test_an_easy_channel_passes_all():
    (answer,) = assessed(tenant(channel(elasticity=0.15)))
    assert tuple(guard.name for guard in answer.guards) == ALL
    assert failing(answer) == set()
    assert answer.status is Status.SATURATED


@pytest.mark.parametrize(
    ("guard", "made"),
    [
        ("days", lambda: tenant(channel(), days=40)),
        ("days_to_cut", lambda: tenant(channel(), days=80)),
        ("conversions", lambda: tenant(channel(conversions=1.0, noise_kind="counts"))),
        ("spend_cv", lambda: tenant(channel(spend_cv=0.05))),
        ("spend_cv", lambda: tenant(channel(spend_cv=0.05, flights=3))),
        ("spend_ratio", lambda: tenant(channel(spend_cv=0.05))),
        ("demand_correlation", lambda: tenant(channel(follows_demand=0.999, persistence=0.6), demand_sd=0.4)),
        ("collinearity", lambda: tenant(channel(), channel(), identical=True)),
    ],
)
def test_a_guard_fails_where_it_should(guard, made):
    answer = assessed(made())[0]
    assert guard in failing(answer)
    reason = next(one.reason for one in answer.guards if one.name == guard)
    assert reason
    if guard != "days_to_cut":
        assert answer.status is Status.INSUFFICIENT_EVIDENCE
        assert any(one.reason in answer.message for one in answer.guards if not one.passed)


def test_one_total_given_to_all_channels_and_weeks_spread_over_days():
    made = tenant(channel(elasticity=0.4), channel(elasticity=0.8))
    total = made.series[0].revenue + made.series[1].revenue
    shared = [ChannelSeries(one.channel, one.day, one.spend, total, one.conversions, one.demand) for one in made.series]
    for answer in assess(shared, context=made.context):
        assert "own_outcome" in failing(answer)
        assert answer.status is Status.INSUFFICIENT_EVIDENCE
    weekly = np.repeat(total[:364].reshape(-1, 7).mean(axis=1), 7)
    one = made.series[0]
    (answer,) = assess([ChannelSeries("a", one.day[:364], one.spend[:364], weekly, one.conversions[:364])])
    assert "spread_days" in failing(answer)


def test_one_step_of_spend_is_one_move():
    series = tenant(channel(elasticity=0.4)).series[0]
    spend = np.where(np.arange(365) < 180, 100.0, 200.0)
    (answer,) = assess([ChannelSeries("a", series.day, spend, series.revenue, series.conversions, series.demand)])
    assert "spend_moves" in failing(answer)
    assert answer.status is Status.INSUFFICIENT_EVIDENCE


def test_a_jump_of_spend_out_of_what_was_seen():
    series = tenant(channel(spend_cv=0.3)).series[0]
    spend = series.spend.copy()
    spend[-28:] *= 6
    (answer,) = assess([ChannelSeries("a", series.day, spend, series.revenue, series.conversions, series.demand)])
    assert "inside_range" in failing(answer) or answer.status is Status.INSUFFICIENT_EVIDENCE


def test_data_that_stop_before_the_watermark():
    made = tenant(channel())
    late = Context(complete_until=made.series[0].day[-1] + np.timedelta64(20, "D"))
    (answer,) = assess(made.series, context=late)
    assert "behind" in failing(answer)
    assert answer.status is Status.INSUFFICIENT_EVIDENCE


def test_only_the_days_since_a_change_of_rules_are_used():
    made = tenant(channel(family=Family.HILL, elasticity=0.1, rule_switch=0.5, change_at=0.95))
    (answer,) = assessed(made)
    assert answer.status is Status.INSUFFICIENT_EVIDENCE
    assert "19 complete days" in answer.message
    (answer,) = assessed(tenant(channel(elasticity=0.1, rule_switch=0.5, change_at=0.4)))
    assert answer.status is Status.SATURATED


@pytest.mark.parametrize(
    ("spend", "expected"),
    [
        (np.full(100, 5.0), 0),
        (np.zeros(100), 0),
        (np.array([1.0]), 0),
        (np.tile(np.repeat([1.0, 3.0], 10), 4), 7),
    ],
)
def test_moves_of_spend(spend, expected):
    assert moves(spend) == expected


def test_a_level_of_revenue_that_was_not_seen_lately_bars_status_and_money():
    made = list(cell_tenants("under_5_conversions", 3, 902))[2]
    answer = assessed(made)[2]
    assert "level" in failing(answer)
    assert answer.status is Status.INSUFFICIENT_EVIDENCE
    assert answer.decision in (Decision.TEST, Decision.HOLD)


@pytest.mark.parametrize(("cell", "number", "at"), [("curve_ramp", 7, 0), ("curve_step", 0, 2)])
def test_a_curve_that_changed_lately_gets_no_status_that_averages_over_the_change(cell, number, at):
    made = list(cell_tenants(cell, number + 1, 7, Purpose.CALIBRATE))[number]
    evidence = gather(made.series, made.context)[at]
    (alone,) = shipped().opinions([features_of(evidence)])
    assert alone.probabilities.max() > 0.8  # the judge alone would have given one
    answer = assess(made.series, context=made.context, only={made.series[at].channel})[0]
    assert failing(answer) == {"steady"}
    assert max(answer.probabilities.values()) < 0.7
    assert answer.status is Status.INSUFFICIENT_EVIDENCE
    assert "the curve may have changed" in answer.message


def test_a_change_takes_only_a_status_that_it_may_have_made_wrong():
    fields = {"change": Change.STEP, "change_at": 0.7, "change_level": 1 / 1.35, "change_scale": 2.0}
    deep, near = (tenant(channel(elasticity=elasticity, **fields)) for elasticity in (0.15, 0.5))
    for made in (deep, near):
        (evidence,) = gather(made.series, made.context)
        assert changes_of(evidence).probability[0] < 0.1
    (answer,) = assessed(deep)
    assert failing(answer) == set()
    assert answer.status is Status.SATURATED
    (answer,) = assessed(near)
    assert failing(answer) == {"steady"}
    assert answer.status is Status.APPROACHING  # the judge alone says 0.59, and no class
    assert answer.elasticity.low <= 0.5 <= answer.elasticity.high


def held_back_errors(revenue_of):
    series = tenant(channel(spend_cv=0.5)).series[0]
    revenue = revenue_of(series.spend / series.spend.mean(), np.random.default_rng(7).lognormal(0, 0.1, len(series)))
    return forecast_errors(calendar(ChannelSeries("a", series.day, series.spend, revenue, revenue), Context()))


def test_a_month_that_was_low_is_held_against_no_form_of_the_curve():
    def low(spend, noise):
        revenue = 1000 * spend / (spend + 1) * noise
        revenue[-56:-28] *= 0.7
        return revenue

    _, line = held_back_errors(low)
    assert line < 1


def test_a_forecast_that_a_line_or_last_month_beats_fails():
    naive, line = held_back_errors(lambda spend, noise: 1000 * np.maximum(2 - spend, 0.1) * noise)
    assert line > 1  # no response falls with spend
    naive, line = held_back_errors(lambda spend, noise: np.r_[1000 * spend[:-56], np.full(56, 1000.0)] * noise)
    assert naive > 1
