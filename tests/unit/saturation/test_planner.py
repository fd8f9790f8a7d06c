import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from app.saturation.allocate import at_spend, envelope_slopes, grids, water_fill
from app.saturation.planner import DEVIATIONS, MOST_LOST, plan
from app.saturation.series import Assessment, Decision, Guard, Status
from tests.unit.saturation.oracle import assessment_of

GRID = np.linspace(0, 300, 601)


def channel(
    name: str, elasticity: float = 0.5, roas: float = 4.0, x0: float = 100.0, doubt: float = 0.0, **more: object
) -> Assessment:
    """A power curve through roas · x0, in 60 draws that differ by `doubt` in elasticity."""
    rng = np.random.default_rng([len(name), int(1000 * abs(elasticity))])
    draws = elasticity + doubt * rng.standard_normal((60, 1))
    grid = GRID * x0 / 100
    return assessment_of(name, grid, roas * x0 * (np.maximum(grid, 1e-9) / x0) ** draws, x0, **more)  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=12))
def test_the_envelope_is_the_least_concave_one_above(values):
    taken = np.array(values)
    slopes = envelope_slopes(taken)
    assert np.all(np.diff(slopes) <= 1e-9)
    envelope = taken[0] + np.concatenate([[0.0], np.cumsum(slopes)])
    assert np.all(envelope >= taken - 1e-9)
    for at in range(len(taken)):
        chords = [
            taken[a] + (taken[b] - taken[a]) * (at - a) / (b - a)
            for a, b in itertools.combinations(range(len(taken)), 2)
            if a <= at <= b
        ]
        assert envelope[at] == pytest.approx(max(chords), abs=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.floats(0.3, 1.5), st.floats(0.7, 1.3))
def test_water_filling_is_what_a_general_optimiser_finds(seed, margin, budget_share):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    x0, roas, exponent = rng.uniform(50, 500, n), rng.uniform(1, 8, n), rng.uniform(0.1, 0.9, n)
    low, high = 0.7 * x0, 1.3 * x0
    budget = budget_share * x0.sum()

    def profit(x: np.ndarray) -> float:
        return float(margin * (roas * x0 * (x / x0) ** exponent).sum() - x.sum())

    grid = grids(low, high, 201)
    values = (roas * x0)[:, None] * (grid / x0[:, None]) ** exponent[:, None]
    own = water_fill(grid, values[None], budget, margin)[0]
    scale = x0.sum()
    other = minimize(
        lambda x: -profit(x) / scale,
        low,
        jac=lambda x: -(margin * roas * exponent * (x / x0) ** (exponent - 1) - 1) / scale,
        method="SLSQP",
        bounds=list(zip(low, high, strict=True)),
        constraints={"type": "ineq", "fun": lambda x: (budget - x.sum()) / scale, "jac": lambda x: -np.ones(n) / scale},
        options={"ftol": 1e-13, "maxiter": 500},
    )
    assert own.sum() <= budget * (1 + 1e-9)
    assert np.all((own >= low - 1e-9) & (own <= high + 1e-9))
    assert profit(own) >= profit(other.x) - 1e-5 * scale


def test_water_filling_is_the_best_of_all_splits_on_a_grid():
    rng = np.random.default_rng(0)
    rise = -np.sort(-rng.uniform(0, 3, (20, 3, 4)), axis=2)
    values = np.concatenate([np.zeros((20, 3, 1)), np.cumsum(rise, axis=2)], axis=2)
    grid = grids(np.zeros(3), np.full(3, 4.0), 5)
    own = water_fill(grid, values, 7.0, 1.0)
    got = at_spend_each(grid, values, own) - own.sum(axis=1)
    splits = [split for split in itertools.product(range(5), repeat=3) if sum(split) <= 7]
    best = np.max([values[:, range(3), split].sum(axis=1) - sum(split) for split in splits], axis=0)
    assert got == pytest.approx(best)


def at_spend_each(grid: np.ndarray, values: np.ndarray, spend: np.ndarray) -> np.ndarray:
    return np.array([at_spend(grid, values[[k]], spend[k])[0].sum() for k in range(len(spend))])


def test_money_moves_from_the_flat_channel_to_the_steep_one():
    made = plan([channel("flat", 0.1), channel("steep", 0.9)], 200.0, margin=0.5)
    assert made.spend == pytest.approx({"flat": 80.0, "steep": 120.0})
    assert made.net_profit.median == pytest.approx(0.5 * (400 * 0.8**0.1 + 400 * 1.2**0.9 - 800), rel=1e-3)
    assert made.probability_of_gain == 1
    assert "Lower spend from 100.00 to 80.00" in made.reasons["flat"]
    assert "most that is allowed" in made.reasons["steep"]


def test_spend_that_does_not_pay_is_saved():
    """Margin x mROAS is 0.5 at first, and 1 at no spend within reach."""
    made = plan([channel("poor", 0.25)], 100.0, margin=0.5)
    assert made.spend["poor"] == pytest.approx(80)
    assert made.net_profit.median == pytest.approx(20 - 0.5 * 400 * (1 - 0.8**0.25), rel=1e-3)


def test_the_plan_stops_where_the_next_unit_no_longer_pays():
    made = plan([channel("one", 0.5, roas=4.2)], 200.0, margin=0.5)
    # 0.5 · 4.2 · 0.5 · (x / 100)^-0.5 = 1
    assert made.spend["one"] == pytest.approx(100 * 1.05**2, abs=2)


def test_nobody_goes_beyond_what_was_observed():
    made = plan([channel("steep", 0.9, p95=105.0)], 500.0, margin=1.0)
    assert made.spend["steep"] == pytest.approx(105)
    now_higher = plan([channel("steep", 0.9, p95=70.0)], 500.0, margin=1.0)
    assert now_higher.spend["steep"] == pytest.approx(100)
    asked = plan([channel("steep", 0.9, p95=150.0)], 500.0, margin=1.0, bounds={"steep": (50.0, 400.0)})
    assert asked.spend["steep"] == pytest.approx(150)


def test_undecided_channels_stay_where_they_are():
    unsure = channel("unsure", 0.9, status=Status.INSUFFICIENT_EVIDENCE)
    made = plan([channel("flat", 0.1), unsure], 200.0, margin=0.5)
    assert made.spend["unsure"] == 100
    assert made.spend["flat"] == pytest.approx(80)
    assert made.reasons["unsure"] == "Spend stays as it is: the evidence is insufficient."
    forced = plan([channel("flat", 0.1), unsure], 200.0, margin=0.5, bounds={"unsure": (0.0, 60.0)})
    assert forced.spend["unsure"] == 60
    assert forced.reasons["unsure"] == "Spend goes to 60.00, as its bounds ask: the evidence is insufficient."


def test_a_class_that_is_open_bars_no_move_where_no_guard_fails():
    sound, faulty = (Guard("level", passed, 2.0, 1.5, "the level is not that of the weeks") for passed in (True, False))
    unsure = replace(channel("unsure", 0.1, status=Status.INSUFFICIENT_EVIDENCE), guards=(sound,))
    assert plan([unsure], 100.0, margin=0.5).spend["unsure"] == pytest.approx(80)
    assert plan([replace(unsure, guards=(sound, faulty))], 100.0, margin=0.5).spend["unsure"] == 100


def test_a_curve_that_may_have_changed_bars_no_move_since_its_draws_carry_the_doubt():
    changing = (Guard("steady", False, 0.35, 0.2, "the curve may have changed"),)
    sure, unsure = (
        replace(channel(called, 0.1, doubt=doubt, status=Status.INSUFFICIENT_EVIDENCE), guards=changing)
        for called, doubt in (("sure", 0.0), ("unsure", 0.6))
    )
    assert plan([sure], 100.0, margin=0.5).spend["sure"] == pytest.approx(80)
    assert plan([unsure], 100.0, margin=0.5).spend["unsure"] > 95


def test_a_channel_whose_spend_hardly_moved_is_cut_where_it_cannot_pay_and_never_raised():
    still = (Guard("spend_cv", False, 0.05, 0.12, "spend varies by 5 % only while the channel is on, 12 % is needed"),)
    poor, rich, open_ = (
        replace(channel(name, 0.5, roas, doubt=0.2, status=Status.INSUFFICIENT_EVIDENCE), guards=still)
        for name, roas in (("poor", 1.0), ("rich", 30.0), ("open", 4.0))
    )
    made = plan([poor, rich, open_], 300.0, margin=0.5)
    assert made.spend == pytest.approx({"poor": 80, "rich": 100, "open": 100})
    faulty = replace(poor, guards=(*still, Guard("level", False, 2.0, 1.5, "the level is not that of the last weeks")))
    assert plan([faulty], 100.0, margin=0.5).spend["poor"] == 100


def test_money_that_is_sure_moves_a_channel_whose_class_is_not():
    unsure = replace(channel("unsure", 0.1, status=Status.INSUFFICIENT_EVIDENCE), decision=Decision.DECREASE)
    assert plan([unsure], 100.0, margin=0.5).spend["unsure"] == pytest.approx(80)


def test_a_channel_of_less_than_90_days_is_not_cut():
    flat, steep = channel("flat", 0.05), channel("steep", 0.9)
    young = replace(flat, guards=(Guard("days_to_cut", False, 60, 90, "advice to cut needs 90 days, 60 known"),))
    assert plan([flat, steep], 200, margin=0.5).spend["flat"] < 100
    assert plan([young, steep], 200, margin=0.5).spend["flat"] == pytest.approx(100)
    assert plan([young, steep], 200, margin=0.5, bounds={"flat": (80, 100)}).spend["flat"] == pytest.approx(80)


def test_without_a_sure_gain_nothing_moves():
    made = plan([channel("a", 0.5, doubt=0.4), channel("bb", 0.5, doubt=0.4)], 200.0, margin=0.5)
    assert made.spend == {"a": 100, "bb": 100}
    assert (made.net_profit.low, made.net_profit.median, made.net_profit.high) == (0, 0, 0)
    assert made.probability_of_gain == 0
    assert "no move is sure enough to gain" in made.reasons["a"]


def test_a_gain_that_risks_too_much_is_taken_in_part():
    """Nine draws of ten gain by any rise; the tenth loses the more the larger the rise."""
    power = np.where(np.arange(60) % 10 == 0, 0.1, 0.8)[:, None]
    one = assessment_of("risky", GRID, 400 * (np.maximum(GRID, 1e-9) / 100) ** power, 100.0)
    made = plan([one], 200.0, margin=0.5)
    assert 100 <= made.spend["risky"] < 115
    assert made.net_profit.low >= -0.5


def test_only_the_channel_that_is_risky_moves_less():
    sure, risky = channel("sure", 0.1), channel("risky", 0.2, doubt=0.2)
    assert plan([risky], 100.0, margin=0.5).spend["risky"] > 95
    made = plan([sure, risky], 200.0, margin=0.5)
    assert made.spend["sure"] == pytest.approx(80)
    assert 82 < made.spend["risky"] < 92


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_no_plan_loses_more_than_two_per_cent_far_below_its_mean(share):
    """A large channel near the border of paying is what makes a plan lose."""
    large, small = channel("large", 0.3, x0=100 * share, doubt=0.15), channel("small", 0.8, x0=100 * (1 - share))
    made = plan([large, small], 100.0, margin=0.5)
    profit = sum(
        0.5 * (one.response.at(made.spend[one.channel]) - one.response.at(one.x0)) - made.spend[one.channel] + one.x0
        for one in (large, small)
    )
    assert profit.mean() - DEVIATIONS * profit.std() >= -MOST_LOST * 100
    assert made.net_profit.median > 0


def test_a_smaller_budget_is_kept_where_it_hurts_least():
    made = plan([channel("flat", 0.2, roas=9.0), channel("steep", 0.9)], 180.0, margin=1.0)
    assert made.spend == pytest.approx({"flat": 80.0, "steep": 100.0})
    assert made.probability_of_gain < 1


@pytest.mark.parametrize(
    ("budget", "margin", "bounds", "says"),
    [
        (-1.0, 0.5, {}, "budget must be a number of 0 or more, not -1"),
        (float("nan"), 0.5, {}, "budget must be a number"),
        (float("inf"), 0.5, {}, "budget must be a number"),
        (200.0, 0.0, {}, "margin must be a number above 0"),
        (200.0, float("nan"), {}, "margin must be a number above 0"),
        (100.0, 0.5, {}, "budget 100 a day is below 180, the least that the bounds allow .*'frozen' 100"),
        (200.0, 0.5, {"other": (0.0, 1.0)}, "bounds name 'other', which is not one of the channels"),
        (200.0, 0.5, {"a": (90.0, 80.0)}, "bounds of 'a' must be 0 <= least <= most, not 90 and 80"),
        (200.0, 0.5, {"a": (-5.0, 80.0)}, "bounds of 'a' must be 0 <= least"),
        (200.0, 0.5, {"a": (float("nan"), 80.0)}, "bounds of 'a'"),
        (900.0, 0.5, {"a": (160.0, 180.0)}, "bounds of 'a' ask for at least 160 a day, but no plan goes beyond 150"),
        (200.0, 0.5, {"a": (120.0, 130.0)}, "budget 200 a day is below 220"),
    ],
)
def test_what_cannot_be_planned_is_named(budget, margin, bounds, says):
    known = [channel("a", p95=150.0), channel("frozen", status=Status.INSUFFICIENT_EVIDENCE)]
    with pytest.raises(ValueError, match=says):
        plan(known, budget, margin=margin, bounds=bounds)


def test_no_channels_and_channels_twice_are_refused():
    with pytest.raises(ValueError, match="at least one channel"):
        plan([], 1.0, margin=1.0)
    with pytest.raises(ValueError, match="'a' is given twice"):
        plan([channel("a"), channel("a")], 500.0, margin=1.0)


def test_channels_of_which_nothing_is_known_keep_their_spend():
    unknown = Assessment(
        "new", Status.INSUFFICIENT_EVIDENCE, {}, None, None, None, None, channel("a").decision, (), (), {}, "", x0=40.0
    )
    made = plan([channel("flat", 0.1), unknown], 140.0, margin=0.5)
    assert made.spend["new"] == 40
    assert made.spend["flat"] == pytest.approx(80)
    assert made.reasons["new"] == "Spend stays as it is: nothing could be fitted."


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.floats(-0.2, 1.3), st.floats(0.2, 8), st.floats(0, 0.5)), min_size=1, max_size=6),
    st.floats(0.85, 1.5),
    st.floats(0.2, 1.0),
    st.integers(0, 10**6),
)
def test_a_plan_keeps_its_limits_and_never_claims_a_loss(drawn, budget_share, margin, seed):
    rng = np.random.default_rng(seed)
    some = [channel(f"c{k}", e, roas, float(rng.uniform(1, 1000)), doubt) for k, (e, roas, doubt) in enumerate(drawn)]
    today = {one.channel: one.x0 for one in some}
    budget = budget_share * sum(today.values())
    made = plan(some, budget, margin=margin)
    assert sum(made.spend.values()) <= budget * (1 + 1e-6)
    for name, spend in made.spend.items():
        assert 0.8 * today[name] - 1e-6 <= spend <= 1.2 * today[name] + 1e-6
    if budget_share >= 1 and made.spend != today:
        assert made.probability_of_gain >= 0.8
        assert made.net_profit.median >= 0
    order = rng.permutation(len(some))
    again = plan([some[k] for k in order], budget, margin=margin)
    assert again.net_profit.median == pytest.approx(made.net_profit.median, rel=1e-6, abs=1e-6 * sum(today.values()))


def test_many_channels_are_planned_quickly():
    some = [channel(f"c{k}", 0.1 + 0.8 * k / 200, doubt=0.1) for k in range(200)]
    made = plan(some, 20_000.0, margin=0.5)
    assert made.net_profit.median > 0
    assert sum(made.spend.values()) <= 20_000.001
