"""Which test would settle what the data cannot, for how long and at what price? And what does its result say?

A test holds a channel's spend at a ratio of today's and compares revenue with what it would have been. Of
each draw of the response the lift that the test would find is known, and so is what the draw answers; so a
test can be tried on the draws before it is made: take one for true, add the noise of the measurement, weigh
all draws by how well they agree, and see whether a class is sure now (preposterior analysis, Raiffa and
Schlaifer 1961).

The noise of a lift over ``d`` days that count, with σ a day's revenue over its mean:

    go_dark   σ² (1/d + 1/28) + drift²            against the four weeks before
    pulses    4 σ²/d + drift²/pairs               weeks on and off in turn
    geo       4 σ²/d + drift²/16                  half of the regions against the other half, at once

where drift, 5 %, is what demand may do unseen between the two sides, and the days that adstock needs to
settle after each switch do not count.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from app.saturation.answers import Assessment, Floats, ResponseDraws
from app.saturation.names import APPROACHING_FROM, DECIDED_FROM, UNSATURATED_FROM, ExperimentKind
from app.saturation.series import Experiment

DRIFT = 0.05
WEEKS = (2, 3, 4, 6, 8)
PULSE_RATIO = 1.5
HORIZON_DAYS = 90
"""For how long what a test teaches is put to use."""
_BEFORE_DAYS = 28
_MOVES = (0.8, 1.0, 1.2)
_MOST_DRAWS = 200
_Z90 = 1.6448536269514722


class Question(StrEnum):
    """What a test would settle."""

    STATUS = "status"
    SPEND_DRIVEN_STATUS = "spend_driven_status"


@dataclass(frozen=True, slots=True)
class Advice:
    """A test, what it would settle and what it costs.

    Parameters
    ----------
    channel : str
    kind : ExperimentKind
    days : int
    spend_ratio : float
        Spend under test over today's.
    settles : Question
    chance : float
        Probability that a class has 0.8 or more after it.
    cost : float
        Profit that is lost while it runs; below 0 where it saves.
    value : float
        Profit gained by deciding better over the 90 days after, before cost.
    sentence : str
    """

    channel: str
    kind: ExperimentKind
    days: int
    spend_ratio: float
    settles: Question
    chance: float
    cost: float
    value: float
    sentence: str

    @property
    def worth(self) -> float:
        """Value less cost."""
        return self.value - self.cost


def advise(
    assessment: Assessment,
    *,
    noise: float,
    margin: float,
    memory_days: int = 3,
    regions: bool = False,
) -> Advice | None:
    """The test to make on a channel: the cheapest of those that are likely to settle its first open question.

    Questions are the class of the elasticity, then that of the spend-driven one. Likely is a chance of 0.8, or
    within 0.05 of the best there is.

    Parameters
    ----------
    assessment : Assessment
        Its response's draws say what is not known.
    noise : float
        Standard deviation of a day's revenue over its mean, demand and weekday taken out.
    margin : float
    memory_days : int
        Days after a switch of spend until adstock has settled.
    regions : bool
        Whether spend can be set by region.

    Returns
    -------
    Advice or None
        None where nothing was fitted, the channel spends nothing, both classes are known, or no test of up to 8
        weeks has a chance of a half.
    """
    response = assessment.response
    if response is None or response.x0 <= 0 or not noise > 0:
        return None
    worlds = _Worlds.of(response, margin)
    asked = worlds.open_question()
    if asked is None:
        return None
    found = [
        _tried(assessment.channel, worlds, asked, kind, 7 * weeks, noise, margin, memory_days)
        for kind in ExperimentKind
        if regions or kind is not ExperimentKind.GEO
        for weeks in WEEKS
    ]
    best = max(one.chance for one in found)
    if best < 0.5:
        return None
    enough = min(DECIDED_FROM, best - 0.05)
    return min((one for one in found if one.chance >= enough), key=lambda one: (one.cost, one.days))


def lift(at_test: Floats, at_base: Floats, spend_ratio: float) -> Floats:
    """What the tested spend brings, as a share of revenue at `at_base`: the quantity of `Experiment`.

    ``(f(x) - f(r x)) / f(x)`` for a ratio r below 1, ``(f(r x) - f(x)) / f(x)`` above.

    Examples
    --------
    >>> lift(np.array([60.0]), np.array([100.0]), 0.0).tolist()
    [0.4]
    """
    gained = at_base - at_test if spend_ratio < 1 else at_test - at_base
    return np.asarray(gained / at_base)


def standard_deviation(experiment: Experiment) -> float:
    """Of the lift that was found: half its 90 % interval over 1.645."""
    return (experiment.lift_high - experiment.lift_low) / (2 * _Z90)


def log_likelihood(experiment: Experiment, modelled: Floats) -> Floats:
    """Of the result under a modelled lift, up to a constant: the term that enters the next fit.

    Normal on each side of the median, with the standard deviation of that side; in least squares its
    residual is `residual`.
    """
    return np.asarray(-0.5 * residual(experiment, modelled) ** 2)


def residual(experiment: Experiment, modelled: Floats) -> Floats:
    """(modelled lift - found lift) in standard deviations of the side it lies on, shape of `modelled`."""
    off = np.asarray(modelled, np.float64) - experiment.lift_median
    floor = 0.1 * standard_deviation(experiment)
    above = max((experiment.lift_high - experiment.lift_median) / _Z90, floor)
    below = max((experiment.lift_median - experiment.lift_low) / _Z90, floor)
    return np.asarray(off / np.where(off > 0, above, below))


def measurement_noise(kind: ExperimentKind, days: int, noise: float, memory_days: int) -> float:
    """Standard deviation of the lift that a test finds, by the table above; infinite where no day counts."""
    if kind is ExperimentKind.PULSES:
        counted = days - memory_days * (days // 7)
        drift = DRIFT**2 / max(days // 14, 1)
    else:
        counted = days - memory_days
        drift = DRIFT**2 if kind is ExperimentKind.GO_DARK else DRIFT**2 / 16
    if counted <= 0:
        return float("inf")
    within = 1 / counted + 1 / _BEFORE_DAYS if kind is ExperimentKind.GO_DARK else 4 / counted
    return float(np.sqrt(noise**2 * within + drift))


@dataclass(frozen=True, eq=False)
class _Worlds:
    """The draws of a response, and what each of them answers.

    Parameters
    ----------
    x0 : float
    pulse_ratio : float
        Spend in a pulse over today's: 1.5, or less where the response is not known so far.
    revenue : mapping of a ratio of today's spend to revenue a day, float64 (draws,)
    elasticity, spend_driven : float64 (draws,)
    profit : float64 (draws, 3)
        Net profit a day over today of spending 0.8, 1 and 1.2 times as much.
    """

    x0: float
    pulse_ratio: float
    revenue: Mapping[float, Floats]
    elasticity: Floats
    spend_driven: Floats
    profit: Floats

    @classmethod
    def of(cls, response: ResponseDraws, margin: float) -> "_Worlds":
        x0 = response.x0
        rows = np.linspace(0, len(response.revenue) - 1, min(len(response.revenue), _MOST_DRAWS)).astype(np.intp)
        pulse_ratio = min(PULSE_RATIO, float(response.spend[-1]) / x0)
        ratios = (0.0, pulse_ratio, 0.95, 1.05, *_MOVES)
        revenue = {ratio: response.at(ratio * x0)[rows] for ratio in ratios}
        now = np.maximum(revenue[1.0], 1e-12)
        rise = (revenue[1.05] - revenue[0.95]) / 0.1
        driven = np.maximum(now - revenue[0.0], 1e-9 * now)
        moves = [margin * (revenue[ratio] - revenue[1.0]) - (ratio - 1) * x0 for ratio in _MOVES]
        return cls(x0, pulse_ratio, revenue, rise / now, rise / driven, np.stack(moves, axis=1))

    def answers(self, asked: Question) -> Floats:
        """The elasticity that a question is about, float64 (draws,)."""
        return self.elasticity if asked is Question.STATUS else self.spend_driven

    def open_question(self) -> Question | None:
        """The first whose class no 0.8 of the draws agree on."""
        as_it_is = np.full((1, len(self.elasticity)), 1 / len(self.elasticity))
        return next((one for one in Question if _chance(as_it_is, self.answers(one)) < 1), None)


def _tried(
    channel: str,
    worlds: _Worlds,
    asked: Question,
    kind: ExperimentKind,
    days: int,
    noise: float,
    margin: float,
    memory_days: int,
) -> Advice:
    """A test made on the draws."""
    ratio = worlds.pulse_ratio if kind is ExperimentKind.PULSES else 0.0
    at_test, now = worlds.revenue[ratio], worlds.revenue[1.0]
    lifts = lift(at_test, np.maximum(now, 1e-12), ratio)
    weights = _weights(lifts, measurement_noise(kind, days, noise, memory_days))
    without = worlds.profit.mean(axis=0).max()
    with_it = (weights @ worlds.profit).max(axis=1).mean()
    share = 1.0 if kind is ExperimentKind.GO_DARK else 0.5
    lost = margin * (now - at_test) - (1 - ratio) * worlds.x0
    chance = _chance(weights, worlds.answers(asked))
    return Advice(
        channel=channel,
        kind=kind,
        days=days,
        spend_ratio=ratio,
        settles=asked,
        chance=chance,
        cost=float(lost.mean()) * days * share,
        value=max(float(with_it - without), 0.0) * HORIZON_DAYS,
        sentence=_sentence(kind, days, ratio, asked, chance),
    )


def _weights(lifts: Floats, sd: float) -> Floats:
    """Row i: the weights of all draws after a test in the world of draw i, float64 (draws, draws), rows sum to 1."""
    n = len(lifts)
    if not np.isfinite(sd):
        return np.full((n, n), 1 / n)
    found = lifts + sd * np.random.default_rng(0).standard_normal(n)
    log_weight = -0.5 * ((found[:, None] - lifts[None]) / sd) ** 2
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _chance(weights: Floats, elasticity: Floats) -> float:
    """Share of the worlds in which a class has 0.8 or more after the test."""
    borders = np.array([APPROACHING_FROM, UNSATURATED_FROM])
    of_class = np.eye(3)[np.searchsorted(borders, elasticity, side="right")]
    return float(np.mean((weights @ of_class).max(axis=1) >= DECIDED_FROM))


def _sentence(kind: ExperimentKind, days: int, ratio: float, asked: Question, chance: float) -> str:
    do = {
        ExperimentKind.GO_DARK: f"Switch the channel off for {days} days",
        ExperimentKind.PULSES: f"Raise spend by {100 * (ratio - 1):.0f} % every other week for {days} days",
        ExperimentKind.GEO: f"Switch the channel off in half of the regions for {days} days",
    }[kind]
    shows = {
        Question.STATUS: "how near to saturation the channel is",
        Question.SPEND_DRIVEN_STATUS: "whether spend itself is saturated or much of the credit comes without it",
    }[asked]
    return f"{do}: with a chance of {100 * chance:.0f} % this shows {shows}."
