"""What does a test of the channel change? Its likelihood joins that of the series."""

from dataclasses import replace

import numpy as np

from app.saturation import experiments
from app.saturation.curves import hill
from app.saturation.draws import Draws
from app.saturation.evidence import Evidence
from app.saturation.grid import points
from app.saturation.judge import QUANTILES, Opinion
from app.saturation.names import APPROACHING_FROM, UNSATURATED_FROM
from app.saturation.series import Context, Experiment, Floats

_LEAST_LOG = -60.0


def with_tests(
    channel: str, context: Context, evidence: Evidence, opinion: Opinion, draws: Draws
) -> tuple[Opinion, Draws]:
    """The judge's opinion and the draws, reweighted by how well responses agree with the tests of a channel.

    The judge never saw a test. So each class keeps its odds times the mean likelihood of that class's responses under
    the lead fit, and quantiles and draws move to the reweighted draws'.
    """
    tests = [one for one in context.experiments if one.channel == channel]
    if not tests:
        return opinion, draws
    on_grid = _on_grid(tests)
    grid, weight = points(), evidence.lead.plain.weight
    likelihood = np.exp(np.maximum(on_grid - on_grid.max(), _LEAST_LOG))
    theta = np.array([(s.elasticity, s.intercept, s.slope, s.reached) for s in draws.shapes])
    logs = sum((_log_likelihood(one, *theta[:, 1:].T) for one in tests), np.zeros(len(theta)))
    chance = np.exp(np.maximum(logs - logs.max(), _LEAST_LOG))
    order = np.argsort(theta[:, 0], kind="stable")
    cumulated = np.cumsum(chance[order]) / chance.sum()
    chosen = order[np.minimum(np.searchsorted(cumulated, (np.arange(len(theta)) + 0.5) / len(theta)), len(theta) - 1)]
    elasticity = np.quantile(theta[chosen, 0], QUANTILES)
    driven = np.quantile([draws.shapes[i].spend_driven_elasticity for i in chosen], QUANTILES)
    change = np.maximum(elasticity, 0.01) / np.maximum(opinion.elasticity, 0.01)
    opinion = replace(
        opinion,
        probabilities=_reweighted(opinion.probabilities, grid.elasticity, weight, likelihood),
        driven_probabilities=_reweighted(opinion.driven_probabilities, grid.driven, weight, likelihood),
        elasticity=elasticity,
        mroas=np.sort(opinion.mroas * change),
        driven=driven,
    )
    shapes = tuple(draws.shapes[i] for i in chosen)
    return opinion, Draws(shapes, draws.level[chosen], draws.pareto_k, draws.left_class[chosen])


def _reweighted(probabilities: Floats, values: Floats, weight: Floats, likelihood: Floats) -> Floats:
    of_class = 2 - np.searchsorted((APPROACHING_FROM, UNSATURATED_FROM), values, side="right")
    mass = np.maximum(np.bincount(of_class, weights=weight, minlength=3), 1e-12)
    mean = np.bincount(of_class, weights=weight * likelihood, minlength=3) / mass
    odds = probabilities * np.maximum(mean, 1e-12)
    return np.asarray(odds / odds.sum())


def _on_grid(tests: list[Experiment]) -> Floats:
    grid = points()
    reached = np.clip(1 - grid.driven / grid.slope, 1e-4, 1 - 1e-4)
    logs = sum((_log_likelihood(one, grid.intercept, grid.slope, reached) for one in tests), np.zeros(len(grid)))
    return np.asarray(np.where(grid.elasticity == 0, _flat(tests), logs))


def _flat(tests: list[Experiment]) -> float:
    return float(sum(experiments.log_likelihood(one, np.zeros(1))[0] for one in tests))


def _log_likelihood(test: Experiment, intercept: Floats, slope: Floats, reached: Floats) -> Floats:
    ratio = max(test.spend_ratio, 1e-9)
    part = np.array([hill(np.array([ratio]), s, h)[0] for s, h in zip(slope, reached, strict=True)])
    moved = (1 - intercept) * part + intercept
    return experiments.log_likelihood(test, experiments.lift(moved, np.ones_like(moved), test.spend_ratio))
