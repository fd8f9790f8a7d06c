"""Assessments from the truth, with as much doubt as a test wants: for tests of what comes after the model."""

from collections.abc import Callable, Sequence

import numpy as np

from app.saturation.series import (
    CLASSES,
    Assessment,
    Decision,
    Estimate,
    Forecast,
    ResponseDraws,
    Status,
    status_of,
)
from app.saturation.simulator.simulate import SimulatedChannel, SimulatedTenant

DRAWS = 120


def oracle(noise: float, seed: int = 0) -> Callable[[SimulatedTenant], Sequence[Assessment]]:
    """An assessor that errs by normal `noise` on the elasticity and knows how much it errs."""

    def judged(tenant: SimulatedTenant) -> Sequence[Assessment]:
        rng = np.random.default_rng([seed, *tenant.seed])
        return [of_truth(one, noise, rng) for one in tenant.channels]

    return judged


def of_truth(channel: SimulatedChannel, noise: float, rng: np.random.Generator) -> Assessment:
    """One channel: draws are normal around an estimate which is itself off by as much."""
    truth = channel.truth
    draws = truth.elasticity + noise * (rng.standard_normal() + rng.standard_normal(DRAWS * 10))
    classes = [status_of(e) for e in draws]
    probability = {str(name): classes.count(name) / len(classes) for name in CLASSES}
    best = max(CLASSES, key=lambda name: probability[name])
    status = best if probability[best] >= 0.8 else Status.INSUFFICIENT_EVIDENCE
    return Assessment(
        channel=channel.series.channel,
        status=status,
        probabilities=probability,
        elasticity=Estimate.of(draws),
        mroas=Estimate.of(draws * truth.roas),
        spend_driven_elasticity=None,
        cause=None,
        decision=Decision.HOLD,
        guards=(),
        windows=(),
        versions={},
        message="",
        forecast=Forecast(channel.future.day, *(channel.future.expected for _ in range(3))),
        response=response_of(channel, draws[:DRAWS]),
        x0=truth.x0,
    )


def response_of(channel: SimulatedChannel, elasticities: np.ndarray) -> ResponseDraws:
    """Power curves through f(x0) with these elasticities."""
    truth = channel.truth
    p95 = float(np.quantile(channel.series.spend, 0.95))
    grid = np.linspace(0, 1.5 * max(p95, truth.x0), 120)
    u = np.maximum(grid / truth.x0, 1e-6)
    revenue = truth.level * u[None] ** np.clip(elasticities, -1, 3)[:, None]
    return ResponseDraws(grid.astype(np.float32), revenue.astype(np.float32), truth.x0, p95)


def assessment_of(
    channel: str,
    spend: np.ndarray,
    revenue: np.ndarray,
    x0: float,
    *,
    p95: float = 1e9,
    status: Status = Status.APPROACHING,
) -> Assessment:
    """An assessment that knows a response, and no more."""
    draws = ResponseDraws(spend.astype(np.float32), np.atleast_2d(revenue).astype(np.float32), x0, p95)
    return Assessment(channel, status, {}, None, None, None, None, Decision.HOLD, (), (), {}, "", response=draws, x0=x0)
