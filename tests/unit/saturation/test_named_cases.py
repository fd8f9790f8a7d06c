"""The named cases of SATURATION 4: each gives the right status or says that it cannot know, and never fails."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from app.saturation import ChannelSeries, Context, Status, assess, plan
from app.saturation.simulator.curves import Family
from app.saturation.simulator.settings import Change
from tests.unit.saturation.channels import channel, tenant

UNKNOWN = Status.INSUFFICIENT_EVIDENCE
SEEDS = range(3)
BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[4] / "shared" / "data"
DATA = Path(os.environ.get("TRIBUTARY_DATA", BESIDE_THE_CHECKOUT))


def assessed(made):
    return assess(made.series, context=made.context)


def given(make):
    """Statuses given beside the true ones, over a few seeds."""
    pairs = []
    for seed in SEEDS:
        made = make(seed)
        for answer, one in zip(assessed(made), made.channels, strict=True):
            if answer.status is not UNKNOWN:
                pairs.append((answer.status, one.truth.status))
    return pairs


def right(pairs):
    return sum(said is true for said, true in pairs)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"family": Family.NONE}, Status.SATURATED),
        ({"family": Family.LINEAR}, Status.UNSATURATED),
        ({"elasticity": 0.06}, Status.SATURATED),
        ({"shape": 2.5, "elasticity": 1.2}, Status.UNSATURATED),
        ({"family": Family.LINEAR, "leak": 0.6}, Status.APPROACHING),
        ({"elasticity": 0.12, "leak": 0.3}, Status.SATURATED),
        ({"elasticity": 0.1, "flights": 3}, Status.SATURATED),
        ({"elasticity": 0.1, "outages": 1}, Status.SATURATED),
        ({"elasticity": 0.1, "promotions": 2, "promotion_factor": 5.0}, Status.SATURATED),
        ({"elasticity": 0.1, "spikes": 1, "spike_factor": 20.0}, Status.SATURATED),
    ],
    ids=["zero", "linear", "deep", "s_curve", "leak_0.6", "leak_0.3", "flights", "outage", "promotion", "spike"],
)
def test_a_status_is_given_and_right(fields, status):
    pairs = given(lambda seed: tenant(channel(**fields), seed=seed))
    assert len(pairs) >= 2
    assert all(true is status for _, true in pairs)
    assert right(pairs) == len(pairs)


def test_zero_effect_has_its_cause():
    answers = [assessed(tenant(channel(family=Family.NONE), seed=seed))[0] for seed in SEEDS]
    assert any(one.cause == "no_effect" for one in answers)
    assert all(one.elasticity.low <= 0.05 for one in answers)


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: tenant(channel(spend_cv=0.05), seed=seed),
        lambda seed: tenant(channel(), days=30, seed=seed),
        lambda seed: tenant(channel(conversions=0.8, noise_kind="counts"), days=365, seed=seed),
        lambda seed: tenant(channel(), channel(), identical=True, seed=seed),
        lambda seed: tenant(channel(rule_switch=0.6, change_at=0.93), seed=seed),
    ],
    ids=["spend_cv_0.05", "30_days", "few_conversions", "identical", "rule_switch"],
)
def test_no_status_and_the_reason(make):
    for seed in SEEDS:
        for answer in assessed(make(seed)):
            assert answer.status is UNKNOWN
            assert "not enough evidence" in answer.message
            assert any(not guard.passed for guard in answer.guards)


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: tenant(channel(hidden=0.2, follows_demand=0.6), channel(), channel(), seed=seed),
        lambda seed: tenant(channel(elasticity=0.8), days=42, seed=seed),
        lambda seed: tenant(channel(elasticity=0.8), days=60, seed=seed),
        lambda seed: tenant(channel(elasticity=0.1, noise_kind="counts", conversions=3.0), channel(), seed=seed),
        lambda seed: tenant(channel(elasticity=0.2), channel(elasticity=0.8), late_days=10, seed=seed),
        lambda seed: tenant(channel(elasticity=0.1), channel(elasticity=0.9), lockstep=0.97, seed=seed),
        lambda seed: tenant(
            channel(elasticity=0.2, change=Change.STEP, change_level=1.4, change_scale=0.6),
            channel(elasticity=0.8, change=Change.RAMP, change_level=0.7, change_scale=1.6),
            seed=seed,
        ),
    ],
    ids=["hidden_demand", "42_days", "60_days", "under_5_conversions", "late_conversions", "lockstep", "step_and_ramp"],
)
def test_what_is_given_is_mostly_right(make):
    pairs = given(make)
    assert right(pairs) >= len(pairs) - 1


def series(days=120, **columns):
    rng = np.random.default_rng(1)
    spend = 100 * np.exp(0.4 * rng.standard_normal(days))
    revenue = 20 * spend**0.5 * np.exp(0.1 * rng.standard_normal(days))
    base = {"spend": spend, "revenue": revenue, "conversions": revenue / 5, "demand": None} | columns
    return ChannelSeries("shop", np.datetime64("2025-01-01") + np.arange(days), **base)


@pytest.mark.parametrize(
    ("columns", "word"),
    [
        ({"spend": np.zeros(120)}, "nothing was spent"),
        ({"spend": np.full(120, np.nan)}, "no day"),
        ({"revenue": np.zeros(120), "conversions": np.zeros(120)}, "no revenue"),
        ({"revenue": np.full(120, -3.0)}, "no revenue"),
        ({"spend": np.full(120, 10.0)}, "spend varies"),
        ({"conversions": np.zeros(120)}, "conversions"),
    ],
)
def test_nothing_to_learn_from(columns, word):
    (answer,) = assess([series(**columns)])
    assert answer.status is UNKNOWN
    assert word in answer.message


@pytest.mark.parametrize("days", [0, 1, 5, 13, 29, 41])
def test_too_few_days(days):
    (answer,) = assess([series(days)])
    assert answer.status is UNKNOWN
    assert answer.message


def test_refunds_missing_spend_and_gaps_are_no_obstacle():
    one = series(300)
    revenue, spend = one.revenue.copy(), one.spend.copy()
    revenue[40:43] = -500.0
    spend[[7, 70, 170]] = np.nan
    kept = np.delete(np.arange(300), [20, 21, 150])
    damaged = ChannelSeries("shop", one.day, spend, revenue, one.conversions).where(np.isin(np.arange(300), kept))
    (answer,) = assess([damaged])
    assert answer.elasticity.median == pytest.approx(0.5, abs=0.15)


def test_days_after_the_watermark_are_not_used():
    made = tenant(channel(elasticity=0.3))
    until = made.series[0].day[-40]
    (cut,) = assess([made.series[0].where(made.series[0].day <= until)], context=Context(until))
    (whole,) = assess(made.series, context=Context(until))
    assert cut.probabilities == whole.probabilities


def test_spend_stopped_after_a_good_year():
    one = series(300)
    spend = one.spend.copy()
    spend[-40:] = 0.0
    (answer,) = assess([ChannelSeries("shop", one.day, spend, one.revenue, one.conversions)])
    assert answer.status is UNKNOWN
    assert "nothing was spent" in answer.message


def test_malformed_input_names_channel_and_day():
    one = series(50)
    with pytest.raises(ValueError, match=r"shop.*2025-01-11"):
        ChannelSeries("shop", one.day, np.where(np.arange(50) == 10, -1.0, one.spend), one.revenue, one.conversions)
    with pytest.raises(ValueError, match=r"shop.*2025-01-05.*twice"):
        ChannelSeries("shop", np.sort(np.append(one.day[:-1], one.day[4])), one.spend, one.revenue, one.conversions)


def test_five_hundred_campaigns():
    """Most of them young, as campaigns are; `make bench-saturation SUITE=size` has 500 of a year."""
    made = tenant(*[channel(elasticity=e) for e in np.linspace(0.1, 0.9, 500)], days=60)
    given = [one if at % 12 == 0 else one.where(one.day > one.day[-10]) for at, one in enumerate(made.series)]
    answers = assess(given, context=made.context)
    assert len({one.channel for one in answers}) == 500
    assert all("not enough evidence" in one.message for at, one in enumerate(answers) if at % 12)
    assert sum(one.elasticity is not None for one in answers) == 42
    made_plan = plan(answers, sum(one.x0 for one in answers), margin=0.5)
    assert len(made_plan.spend) == 500
    assert all(made_plan.spend[one.channel] == pytest.approx(one.x0) for at, one in enumerate(answers) if at % 12)


def test_a_three_day_outage_of_the_tracking():
    made = tenant(channel(elasticity=0.1))
    series = made.series[0]
    revenue, conversions = series.revenue.copy(), series.conversions.copy()
    revenue[-50:-47] = conversions[-50:-47] = 0.0
    damaged = ChannelSeries("shop", series.day, series.spend, revenue, conversions, series.demand)
    (answer,) = assess([damaged], context=made.context)
    assert answer.status is Status.SATURATED


def test_budgets_no_plan_can_keep_are_refused_in_words():
    answers = assessed(tenant(channel(elasticity=0.2), channel(elasticity=0.8)))
    today = sum(one.x0 for one in answers)
    with pytest.raises(ValueError, match=r"budget .* is below .*raise the budget or lower the bounds"):
        plan(answers, 0.1 * today, margin=0.5)
    with pytest.raises(ValueError, match="lower the bound"):
        plan(answers, today, margin=0.5, bounds={"channel_0": (100 * today, 200 * today)})


def weekly(path, day, spend, total, value=1.0):
    """Weekly rows spread evenly over their days, since a series is daily; conversions are not known: one a unit."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    days = np.datetime64(rows[0][day]) + np.arange(7 * len(rows))
    revenue = np.repeat([float(row[total]) * value for row in rows], 7) / 7
    return [
        ChannelSeries(name, days, np.repeat([float(row[name]) for row in rows], 7) / 7, revenue, revenue / 50)
        for name in spend
    ]


@pytest.mark.skipif(not DATA.exists(), reason="the shared data are not on this machine")
@pytest.mark.parametrize(
    ("file", "day", "spend", "total"),
    [
        ("robyn_dt_simulated_weekly.csv", "DATE", ("tv_S", "ooh_S", "print_S", "search_S", "facebook_S"), "revenue"),
        ("pymc_mmm_example_with_truth.csv", "date_week", ("x1", "x2"), "y"),
        (
            "meridian_national_media.csv",
            "time",
            ("Channel0_spend", "Channel1_spend", "Channel2_spend", "Channel3_spend"),
            "conversions",
        ),
    ],
)
def test_one_total_for_all_channels_is_never_read_as_saturation(file, day, spend, total):
    for answer in assess(weekly(DATA / file, day, spend, total)):
        assert answer.status is UNKNOWN
        assert "same revenue as another channel" in answer.message or "forecast" in answer.message
