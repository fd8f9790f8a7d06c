"""Is an assessment whole, repeatable, the same in other units and orders, and calm?"""

import numpy as np
import pytest

import app.saturation
from app.saturation import ChannelSeries, Context, Experiment, Status, assess
from app.saturation.adstock import Carry
from app.saturation.changes import changes_of
from app.saturation.draws import draw, pareto_k, rescored, spend_grid
from app.saturation.evidence import gather
from app.saturation.features import features_of
from app.saturation.judge import QUANTILES, Opinion, shipped
from app.saturation.names import CLASSES, Cause, Decision, ExperimentKind
from app.saturation.series import Standing
from app.saturation.standing import next_standing
from tests.unit.saturation.channels import channel, tenant


def scaled(series, *, spend=1.0, revenue=1.0, name=None):
    return ChannelSeries(
        name or series.channel,
        series.day,
        series.spend * spend,
        series.revenue * revenue,
        series.conversions,
        series.demand,
    )


@pytest.fixture(scope="module")
def three():
    return tenant(channel(elasticity=0.1), channel(elasticity=0.45, leak=0.3), channel(elasticity=0.9))


@pytest.fixture(scope="module")
def answers(three):
    return assess(three.series, margin=0.5, context=three.context, seed=7)


def test_everything_is_there(answers, three):
    for answer, one in zip(answers, three.channels, strict=True):
        assert answer.channel == one.series.channel
        assert sum(answer.probabilities.values()) == pytest.approx(1.0)
        assert list(answer.probabilities) == [str(name) for name in CLASSES]
        for estimate in (answer.elasticity, answer.mroas, answer.spend_driven_elasticity):
            assert 0 <= estimate.low <= estimate.median <= estimate.high
        assert answer.channel in answer.message
        assert set(answer.versions) == {"model", "rules", "data"}
        assert answer.windows == ("daily_30", "daily_90", "daily_180", "daily_365", "weekly_52")
        assert answer.forecast.day[0] == one.future.day[0]
        assert (answer.forecast.low <= answer.forecast.median).all()
        assert answer.response.revenue.shape[0] == 200
        assert answer.x0 == pytest.approx(one.truth.x0, rel=1e-3)


def test_channels_answered_in_parts_are_answered_as_all_at_once(answers, three):
    middle = three.series[1].channel
    (alone,) = assess(three.series, margin=0.5, context=three.context, seed=7, only={middle})
    assert (alone.channel, alone.message) == (middle, answers[1].message)
    assert alone.response.revenue.tobytes() == answers[1].response.revenue.tobytes()


def test_what_still_works_of_the_spend_is_carried_on(answers, three):
    spend = three.series[0].spend
    assert answers[0].carry == Carry.after(spend, answers[0].carry.rate)
    assert 0 <= answers[0].carry.rate < 1


def test_the_answers_are_right(answers, three):
    for answer, one in zip(answers, three.channels, strict=True):
        assert answer.status in (one.truth.status, Status.INSUFFICIENT_EVIDENCE)
        assert answer.elasticity.median == pytest.approx(one.truth.elasticity, abs=0.12)
        assert answer.mroas.median == pytest.approx(one.truth.mroas, rel=0.5)
    assert answers[0].status is Status.SATURATED
    assert answers[2].status is Status.UNSATURATED


def test_the_draws_agree_with_the_estimates(answers):
    for answer in answers:
        x0 = answer.response.x0
        above, below, here = (answer.response.at(x0 * f) for f in (1.025, 0.975, 1.0))
        elasticity = np.median((above - below) / (0.05 * here))
        assert elasticity == pytest.approx(answer.elasticity.median, abs=0.05)
        assert answer.response.spend[-1] >= 1.25 * max(x0, answer.response.spend_p95) * 0.999


def test_the_same_seed_gives_the_same_bytes(answers, three):
    again = assess(three.series, margin=0.5, context=three.context, seed=7)
    for one, other in zip(answers, again, strict=True):
        assert one.message == other.message
        assert one.probabilities == other.probabilities
        assert one.response.revenue.tobytes() == other.response.revenue.tobytes()
        assert one.forecast.median.tobytes() == other.forecast.median.tobytes()


def test_the_order_of_channels_does_not_matter(answers, three):
    turned = assess(three.series[::-1], margin=0.5, context=three.context, seed=7)[::-1]
    for one, other in zip(answers, turned, strict=True):
        assert one.channel == other.channel
        assert one.probabilities == other.probabilities
        assert one.response.revenue.tobytes() == other.response.revenue.tobytes()


def test_another_unit_of_spend_gives_the_same_elasticity(answers, three):
    dearer = assess([scaled(one, spend=100.0) for one in three.series], margin=0.5, context=three.context, seed=7)
    for one, other in zip(answers, dearer, strict=True):
        assert other.status is one.status
        assert other.elasticity.median == pytest.approx(one.elasticity.median, abs=0.01)
        assert other.mroas.median == pytest.approx(one.mroas.median / 100, rel=0.03)


def test_another_currency_gives_the_same_answers(answers, three):
    context = Context(three.context.complete_until, holidays=three.context.holidays)
    plain = assess(three.series, margin=0.5, context=context, seed=7)
    other = assess([scaled(one, spend=7.5, revenue=7.5) for one in three.series], margin=0.5, context=context, seed=7)
    for here, there in zip(plain, other, strict=True):
        assert there.status is here.status
        assert there.elasticity.median == pytest.approx(here.elasticity.median, abs=0.01)
        assert there.mroas.median == pytest.approx(here.mroas.median, rel=0.02)
        assert there.decision is here.decision


def test_money_decides_and_a_saturated_channel_is_never_raised(three):
    rich = assess(three.series, margin=50.0, context=three.context)
    poor = assess(three.series, margin=0.01, context=three.context)
    assert rich[0].decision is not Decision.INCREASE
    assert rich[2].decision is Decision.INCREASE
    assert poor[2].decision is Decision.DECREASE


def test_money_may_be_clear_where_the_class_is_not():
    made = tenant(channel(elasticity=0.6, noise=0.3), channel(elasticity=0.6, spend_cv=0.05))
    for margin, wanted in ((50.0, Decision.INCREASE), (0.01, Decision.DECREASE)):
        on_the_border, barred = assess(made.series, margin=margin, context=made.context)
        assert on_the_border.status is Status.INSUFFICIENT_EVIDENCE
        assert on_the_border.decision is wanted
        assert "not enough evidence for a status" in on_the_border.message
        assert "At this margin" in on_the_border.message
        assert barred.decision in (Decision.TEST, Decision.HOLD)


def test_low_elasticity_has_a_cause_and_high_has_none(answers):
    assert answers[0].cause in (Cause.DIMINISHING_RETURNS, Cause.UNCLEAR)
    assert answers[2].cause is None


def test_a_go_dark_test_settles_where_the_credit_comes_from():
    made = tenant(channel(elasticity=0.5, leak=0.6))
    day = made.series[0].day[-30]
    found = Experiment("channel_0", ExperimentKind.GO_DARK, day, day + 14, 0.35, 0.4, 0.45)
    (before,) = assess(made.series, context=made.context)
    (after,) = assess(made.series, context=Context(made.context.complete_until, experiments=(found,)))

    def off(answer):
        return abs(answer.spend_driven_elasticity.median - made.channels[0].truth.spend_driven_elasticity)

    assert off(after) <= off(before) + 0.05
    lost = 1 - after.response.revenue[:, 0] / after.response.at(after.response.x0)
    assert np.median(lost) == pytest.approx(0.4, abs=0.12)


def test_hysteresis():
    given = Standing(Status.SATURATED, Status.SATURATED, 1)
    first = next_standing(given, Status.APPROACHING, 0.85)
    second = next_standing(first, Status.APPROACHING, 0.85)
    third = next_standing(second, Status.APPROACHING, 0.85)
    assert [one.status for one in (first, second, third)] == [Status.SATURATED] * 2 + [Status.APPROACHING]
    assert next_standing(given, Status.APPROACHING, 0.96).status is Status.APPROACHING
    assert next_standing(first, Status.SATURATED, 0.85).candidate is Status.SATURATED
    nothing = Standing(Status.INSUFFICIENT_EVIDENCE, Status.INSUFFICIENT_EVIDENCE, 1)
    assert next_standing(nothing, Status.SATURATED, 0.8).status is Status.SATURATED
    unsure = next_standing(given, Status.INSUFFICIENT_EVIDENCE, 0.99)
    assert unsure.status is Status.SATURATED


def test_hysteresis_travels_through_the_context(three):
    stood = Standing(Status.UNSATURATED, Status.SATURATED, 2)
    context = Context(three.context.complete_until, previous={"channel_0": stood})
    assert assess(three.series, context=context)[0].status is Status.SATURATED


def test_a_new_day_of_spend_is_scored_without_a_refit(answers, three):
    answer, series = answers[1], three.series[1]
    carry = Carry.after(series.spend, 0.5)
    after, elasticity = rescored(answer.response, carry, 3 * answer.x0)
    assert after.adstock > carry.adstock
    assert elasticity.shape == (200,)
    assert np.isfinite(elasticity).all()


def test_the_importance_weights_check_themselves():
    rng = np.random.default_rng(1)
    assert pareto_k(0.1 * rng.standard_normal(500)) < 0.5
    assert pareto_k(4 * rng.standard_normal(500)) > 0.7


@pytest.mark.parametrize("p95_over_x0", [1.0, 1.28, 1.6])
def test_the_grid_of_the_draws_ascends_as_it_is_stored(p95_over_x0):
    """Where the wide and the near grid meet, two points may differ in double precision and not in single."""
    for x0 in np.random.default_rng(0).uniform(1, 5000, 300):
        spend = spend_grid(x0, p95_over_x0 * x0)
        assert spend.dtype == np.float32
        assert np.all(np.diff(spend) > 0)
        assert spend[-1] >= np.float32(1.25 * x0)


def test_where_the_check_fails_the_bootstrap_draws(three, monkeypatch):
    monkeypatch.setattr("app.saturation.draws._GREATEST_K", -np.inf)
    (one, *_) = gather(three.series, three.context)
    seen = features_of(one)
    (opinion,) = shipped().opinions([seen])
    drawn = draw(one, seen.reference, opinion, changes_of(one), 1)
    assert len(drawn.shapes) == 200
    assert np.median([shape.elasticity for shape in drawn.shapes]) == pytest.approx(opinion.elasticity[3], abs=0.02)


@pytest.mark.parametrize("margin", [0.0, -1.0, float("nan"), float("inf")])
def test_a_margin_that_is_none(three, margin):
    with pytest.raises(ValueError, match="margin"):
        assess(three.series, margin=margin)


def test_a_channel_given_twice(three):
    with pytest.raises(ValueError, match="channel_0"):
        assess([three.series[0], three.series[0]])


def test_no_channels():
    assert assess([]) == []


def test_names_are_loaded_when_used():
    assert app.saturation.assess is assess
    with pytest.raises(AttributeError, match="nothing"):
        _ = app.saturation.nothing


class Fixed:
    """A judge that is 82 % sure of "saturated", whatever it sees."""

    version = "fixed"

    def __init__(self, width):
        elasticity = 0.2 + width * (np.array(QUANTILES) - 0.5) / 0.9
        sure = np.array([0.06, 0.12, 0.82])
        self.opinion = Opinion(sure, sure, elasticity, elasticity, elasticity)

    def opinions(self, channels):
        return [self.opinion for _ in channels]


@pytest.mark.parametrize(("width", "status"), [(0.3, Status.SATURATED), (0.1, Status.INSUFFICIENT_EVIDENCE)])
def test_a_narrow_interval_across_a_border_asks_for_more_certainty(width, status):
    made = tenant(channel(elasticity=0.2))
    (answer,) = assess(made.series, context=made.context, judge=Fixed(width))
    assert answer.status is status
