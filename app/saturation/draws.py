"""Which responses are still possible? Draws of f, for the planner and the forecast.

Laplace's approximation of the lead fit proposes, importance reweights, and the tail of the weights says whether that
may be believed (Vehtari 2024, Pareto k). Where not, a bootstrap of the residuals over the grid takes its place. Then
the draws' elasticities are moved, in rank, to the quantiles that the judge gives: it knows more than one fit does. In
as many of them as a change of the curve is probable, they move on to what it would have become since (`changes`).
"""

from dataclasses import dataclass

import numpy as np

from app.saturation.adstock import Carry, adstock
from app.saturation.calendars import Bools
from app.saturation.changes import Changes
from app.saturation.curves import FLOOR, LEAST_H, Shape, response
from app.saturation.evidence import Evidence
from app.saturation.features import Reference
from app.saturation.fit import HIGHEST, LOWEST, Problem
from app.saturation.grid import points, responses
from app.saturation.judge import Opinion, at_levels
from app.saturation.names import APPROACHING_FROM, UNSATURATED_FROM
from app.saturation.series import FORECAST_DAYS, Floats, Forecast, ResponseDraws
from app.saturation.windows import Float32s

DRAWS = 200
GRID = 33
_PROPOSALS = 300
_FREEDOM = 5
_GREATEST_K = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Responses that are still possible.

    Parameters
    ----------
    shapes : tuple of Shape
    level : float64 (draws,)
        f(x0), in revenue a day.
    pareto_k : float
        Of the importance weights; above 0.7 the bootstrap was used.
    left_class : bool (draws,)
        Whether a change of the curve moved the elasticity into another class than the judge's quantiles gave it.
    """

    shapes: tuple[Shape, ...]
    level: Floats
    pareto_k: float
    left_class: Bools


def draw(evidence: Evidence, reference: Reference, opinion: Opinion, changes: Changes, seed: int) -> Draws:
    """200 draws, the same for the same seed; the opinion is that of the judge, who knows of no change."""
    rng = np.random.default_rng(seed)
    theta, k = _weighted(evidence, rng)
    if not k <= _GREATEST_K:
        theta = _bootstrapped(evidence, rng)
    before = _moved(theta[:, 0], opinion.elasticity, rng)
    elasticity = changes.moved(before, rng)
    was, now = np.searchsorted((APPROACHING_FROM, UNSATURATED_FROM), (before, elasticity), side="right")
    shapes = tuple(_shape(e, row) for e, row in zip(elasticity, theta, strict=True))
    spread = 0.03 + 0.5 * evidence.lead.plain.sigma / np.sqrt(28)
    level = reference.roas * evidence.calendar.x0 * np.exp(spread * rng.standard_normal(DRAWS) - spread**2 / 2)
    return Draws(shapes, level, k, was != now)


def response_draws(evidence: Evidence, draws: Draws) -> ResponseDraws:
    """The draws on a grid of spend."""
    cal = evidence.calendar
    p95 = float(np.quantile(cal.spend[-365:][cal.is_known[-365:]], 0.95))
    spend = spend_grid(cal.x0, p95)
    u = spend.astype(np.float64) / cal.x0
    revenue = np.stack([one * response(shape, u) for shape, one in zip(draws.shapes, draws.level, strict=True)])
    return ResponseDraws(spend, revenue.astype(np.float32), cal.x0, p95)


def spend_grid(x0: float, p95: float) -> Float32s:
    """From 0 to beyond the 95th percentile of spend, closer around today's: ascending as it is stored, float32 (g,)."""
    wide, near = np.linspace(0.0, 1.25 * max(x0, p95), GRID), x0 * np.linspace(0.75, 1.25, 11)
    return np.unique(np.concatenate([wide, near]).astype(np.float32))


def forecast(evidence: Evidence, draws: Draws, planned: Floats | None, seed: int) -> Forecast:
    """Attributed revenue of the next 28 days, with the noise of a day."""
    cal = evidence.calendar
    rng = np.random.default_rng(seed + 1)
    days = np.arange(1, FORECAST_DAYS + 1)
    given = np.full(FORECAST_DAYS, cal.x0) if planned is None else np.asarray(planned, np.float64)
    spend = np.concatenate([cal.spend[-60:], given])
    season = np.exp(_season_ahead(cal.season))
    sigma = min(float(evidence.look.sigma), 1.0)
    rows = []
    for shape, level in zip(draws.shapes[::2], draws.level[::2], strict=True):
        u = adstock(spend, shape.rate)[-FORECAST_DAYS:] / cal.x0
        noise = np.exp(sigma * rng.standard_normal((4, FORECAST_DAYS)) - sigma**2 / 2)
        rows.append(level * response(shape, u) * season * noise)
    low, median, high = np.quantile(np.concatenate(rows), (0.05, 0.5, 0.95), axis=0)
    return Forecast(cal.day[-1] + days.astype("timedelta64[D]"), low, median, high)


def rescored(response_of: ResponseDraws, carry: Carry, spend: float) -> tuple[Carry, Floats]:
    """One more day of spend, in O(1): its adstock, and the elasticity there in each stored draw, without a refit."""
    after = carry.add(spend)
    at = after.adstock
    step = 0.02 * max(at, 1e-9)
    above, below, here = response_of.at(at + step), response_of.at(at - step), response_of.at(at)
    return after, np.asarray((above - below) / (2 * step) * at / np.maximum(here, 1e-12))


def pareto_k(log_weights: Floats) -> float:
    """The shape of the tail of importance weights (Zhang & Stephens 2009); inf where there is no tail to see."""
    weights = np.exp(log_weights - log_weights.max())
    tail = int(min(0.2 * len(weights), 3 * np.sqrt(len(weights))))
    if tail < 5:
        return float("inf")
    ordered = np.sort(weights)
    excess = ordered[-tail:] - ordered[-tail - 1]
    if excess[-1] <= 0:
        return float("-inf")
    excess = np.maximum(excess, 1e-300)
    m = 30 + int(np.sqrt(tail))
    quarter = max(excess[int(tail / 4 + 0.5) - 1], 1e-300)
    b = 1 / excess[-1] + (1 - np.sqrt(m / (np.arange(1, m + 1) - 0.5))) / (3 * quarter)
    k = np.log1p(-b[:, None] * excess).mean(axis=1)
    likelihood = tail * (np.log(-b / k) - k - 1)
    share = np.exp(likelihood - likelihood.max())
    best = float((b * share).sum() / share.sum())
    return float(np.log1p(-best * excess).mean())


def _weighted(evidence: Evidence, rng: np.random.Generator) -> tuple[Floats, float]:
    """Draws float64 (200, 4) of elasticity, intercept, slope and rate, and their weights' Pareto k."""
    lead = evidence.lead
    if evidence.best is None:
        return np.empty((0, 4)), float("inf")
    problem = Problem(lead.window, evidence.calendar, lead.plain)
    shape = evidence.best.shape
    mode = np.array([shape.elasticity, shape.intercept, shape.slope, shape.rate])
    try:
        root = np.linalg.cholesky(1.2 * evidence.best.covariance)
    except np.linalg.LinAlgError:
        return np.empty((0, 4)), float("inf")
    normal = rng.standard_normal((_PROPOSALS, 4))
    stretch = np.sqrt(_FREEDOM / rng.chisquare(_FREEDOM, _PROPOSALS))[:, None]
    theta = mode + (normal * stretch) @ root.T
    inside = ((theta >= LOWEST) & (theta <= HIGHEST)).all(axis=1)
    inside &= theta[:, 0] <= 0.999 * (1 - theta[:, 1]) * theta[:, 2]
    if inside.sum() < 40:
        return np.empty((0, 4)), float("inf")
    distance = (normal**2 * stretch**2).sum(axis=1)[inside]
    proposed = -0.5 * (_FREEDOM + 4) * np.log1p(distance / _FREEDOM)
    theta = theta[inside]
    log_weights = np.array([problem.log_posterior(row) for row in theta]) - proposed
    weights = np.exp(log_weights - log_weights.max())
    chosen = rng.choice(len(theta), DRAWS, p=weights / weights.sum())
    return theta[chosen], pareto_k(log_weights)


def _bootstrapped(evidence: Evidence, rng: np.random.Generator) -> Floats:
    """The best point of the grid for each of 200 resampled residuals, in blocks of a week; float64 (200, 4)."""
    cal, lead = evidence.calendar, evidence.lead
    grid, linear = points(), lead.plain.linear
    g = lead.window.gather(responses(cal), cal.is_known)
    left = linear.leave(np.log(g + np.float32(FLOOR)).astype(np.float64))
    residual = linear.target - left[lead.plain.best]
    rows = len(residual) - 1
    starts = rng.integers(0, max(rows - 6, 1), (DRAWS, rows // 7 + 1))
    index = (starts[:, :, None] + np.arange(min(7, rows))).reshape(DRAWS, -1)[:, :rows]
    resampled = left[lead.plain.best] + np.pad(residual[index], ((0, 0), (0, 1)))
    norms = np.einsum("gr,gr->g", left, left)
    squares = (resampled**2).sum(axis=1)[:, None] - 2 * resampled @ left.T + norms
    score = grid.prior - 0.5 * linear.freedom * np.log(np.maximum(squares, 1e-12))
    best = np.argmax(score, axis=1)
    return np.asarray(np.stack([grid.elasticity, grid.intercept, grid.slope, grid.rate], axis=1)[best])


def _moved(elasticity: Floats, quantiles: Floats, rng: np.random.Generator) -> Floats:
    """The draws' ranks at the judge's quantiles, float64 (draws,)."""
    order = np.lexsort((rng.random(len(elasticity)), elasticity))
    rank = np.empty(len(elasticity))
    rank[order] = (np.arange(len(elasticity)) + 0.5) / len(elasticity)
    return at_levels(quantiles, rank)


def _shape(elasticity: float, row: Floats) -> Shape:
    """The draw's shape with another elasticity: its intercept gives way, then its slope."""
    _, intercept, slope, rate = (float(v) for v in row)
    most = 1 - 2 * LEAST_H
    intercept = float(np.clip(min(intercept, 1 - elasticity / (most * slope)), 0.0, HIGHEST[1]))
    return Shape(elasticity, intercept, max(slope, elasticity / (most * (1 - intercept))), rate)


def _season_ahead(season: Floats) -> Floats:
    week = season[-7:] if len(season) >= 7 else np.zeros(7)
    return np.resize(week, FORECAST_DAYS)
