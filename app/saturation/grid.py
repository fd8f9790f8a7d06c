"""Which responses agree with a window, out of a grid of all that are thinkable?

The response has four non-linear parameters and everything else is linear in log revenue. So the linear part
is projected out, and each of the 1,300 points of a grid costs two inner products: the posterior over the whole
grid takes milliseconds, cannot end in a wrong local optimum, and its best points start the fit (`fit`).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from app.saturation.adstock import adstock
from app.saturation.calendars import Calendar
from app.saturation.curves import FLOOR, LEAST_H, Shape
from app.saturation.linear import CoefficientPrior, Linear, coefficients_of
from app.saturation.residuals import Whitener, is_outage, learn
from app.saturation.series import Floats
from app.saturation.windows import Float32s, Window

RATES = (0.0, 0.3, 0.5, 0.7, 0.82)
SLOPES = (0.7, 1.0, 1.6, 2.6)
INTERCEPTS = (0.0, 0.2, 0.4, 0.6, 0.8)
ELASTICITIES = (0.0, 0.05, 0.11, 0.17, 0.23, 0.29, 0.35, 0.42, 0.5, 0.58, 0.67, 0.77, 0.88, 1.0, 1.25, 1.6, 2.1)
_RATE_PRIOR = (0.22, 0.22, 0.22, 0.2, 0.14)
_SLOPE_PRIOR = (0.2, 0.4, 0.25, 0.15)
_INTERCEPT_PRIOR = (0.5, 0.15, 0.15, 0.14, 0.06)


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The grid: its points' parameters, float64 (points,) each, and what is thought of them beforehand.

    `elasticity` is that of the whole response, `driven` that of the spend-driven part, `prior` the log
    density, neutral over the three classes of elasticity.
    """

    rate: Floats
    slope: Floats
    intercept: Floats
    driven: Floats
    elasticity: Floats
    prior: Floats
    by_elasticity: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rate)

    def shape(self, at: int) -> Shape:
        return Shape(float(self.elasticity[at]), float(self.intercept[at]), float(self.slope[at]), float(self.rate[at]))


@dataclass(frozen=True, slots=True, eq=False)
class GridFit:
    """A window against the grid.

    Parameters
    ----------
    log_likelihood : float64 (points,)
        The best point's is 0; the noise is profiled out.
    weight : float64 (points,)
        Posterior, summing to 1.
    best : int
        The point of greatest posterior.
    sigma : float
        Residual spread of a row, whitened.
    target : float64 (rows,)
        Log outcome, or the working response of counts.
    covariates : float64 (rows, p)
        Used in this fit.
    linear : Linear
    information : float
        Standard deviation of log adstock that the covariates leave, over sigma, times sqrt(rows).
    """

    log_likelihood: Floats
    weight: Floats
    best: int
    sigma: float
    target: Floats
    covariates: Floats
    linear: Linear
    coefficient_prior: CoefficientPrior | None
    information: float


@cache
def points() -> Points:
    """The grid, in the order rate, slope, elasticity, intercept."""
    columns, prior = [], []
    edges = np.concatenate([[0.0], (np.array(ELASTICITIES)[1:] + np.array(ELASTICITIES)[:-1]) / 2, [2.4]])
    for i, rate in enumerate(RATES):
        for j, slope in enumerate(SLOPES):
            for k, driven in enumerate(ELASTICITIES):
                if driven > slope * (1 - LEAST_H) + 0.01:
                    continue
                width = min(edges[k + 1], slope) - edges[k]
                for m, intercept in enumerate(INTERCEPTS):
                    if k == 0 and m:
                        continue
                    whole = (1 - intercept) * driven
                    columns.append((rate, slope, intercept, min(driven, slope * (1 - LEAST_H)), whole))
                    density = _RATE_PRIOR[i] * _SLOPE_PRIOR[j] * _INTERCEPT_PRIOR[m] * _neutral(whole)
                    if k == 0:  # without effect there is nothing to share
                        density /= _INTERCEPT_PRIOR[0]
                    prior.append(np.log(density * max(width, 0.005) * (1 - intercept)))
    rate, slope, intercept, driven, elasticity = np.array(columns).T
    return Points(
        rate,
        slope,
        intercept,
        driven,
        elasticity,
        np.array(prior),
        np.argsort(elasticity, kind="stable"),
    )


def _neutral(elasticity: float) -> float:
    """Density with a third on each class, falling slowly above 1."""
    return 1.0 if elasticity < 0.6 else 0.85 * float(np.exp(-max(0.0, elasticity - 0.9) / 0.3))


def responses(cal: Calendar) -> Float32s:
    """g at every point of the grid on every day of a calendar, float32 (points, days)."""
    g = np.empty((len(points()), len(cal)), np.float32)
    shares = np.array(INTERCEPTS, np.float32)[:, None]
    at = 0
    for rate in RATES:
        log_u = np.log(np.maximum(adstock(cal.spend, rate) / cal.x0, 1e-9)).astype(np.float32)
        for slope in SLOPES:
            power = np.exp(np.float32(slope) * log_u)
            driven = np.array([d for d in ELASTICITIES[1:] if d <= slope * (1 - LEAST_H) + 0.01], np.float32)
            h = np.clip(1 - driven / np.float32(slope), LEAST_H, 1 - LEAST_H)[:, None]
            part = power / (h * power + (1 - h))
            g[at] = 1.0  # without effect
            block = g[at + 1 : at + 1 + len(driven) * len(shares)].reshape(len(driven), len(shares), -1)
            np.multiply(part[:, None], 1 - shares, out=block)
            block += shares
            at += 1 + len(driven) * len(shares)
    return g


def fit_grid(
    window: Window,
    cal: Calendar,
    log_g: Float32s,
    covariates: Floats,
    coefficient_prior: CoefficientPrior | None = None,
    among: NDArray[np.int64] | None = None,
) -> GridFit:
    """A window against every point.

    Parameters
    ----------
    log_g : float32 (points, rows)
        ``log(g + FLOOR)``, gathered for this window.
    covariates : float64 (rows, p)
    coefficient_prior : CoefficientPrior, optional
    among : int64 (k,), optional
        Only these points; the others get weight 0.
    """
    grid = points()
    prior = grid.prior
    plain = np.log(window.outcome + FLOOR)
    used = window.is_used & ~is_outage(window)
    linear = Linear.of(Whitener(used.astype(np.float64)), covariates, plain, coefficient_prior)
    target = plain
    for subset in (pilot_points(), pilot_points() if among is None else among):
        score = prior[subset] - 0.5 * linear.freedom * np.log(linear.squares(log_g[subset]))
        best = log_g[subset[np.argmax(score)]].astype(np.float64)
        fitted = best + covariates @ coefficients_of(linear.whitener, covariates, target - best, coefficient_prior)
        whitener, target = learn(window, cal, used, plain, fitted)
        linear = Linear.of(whitener, covariates, target, coefficient_prior)
    kept = np.arange(len(grid)) if among is None else among
    squares = linear.squares(log_g if among is None else log_g[among])
    likelihood = np.full(len(grid), -np.inf)
    likelihood[kept] = -0.5 * linear.freedom * np.log(squares / squares.min())
    posterior = likelihood + prior
    weight = np.exp(posterior - posterior.max())
    sigma = float(np.sqrt(squares.min() / linear.freedom))
    return GridFit(
        likelihood,
        weight / weight.sum(),
        int(np.argmax(posterior)),
        sigma,
        target,
        covariates,
        linear,
        coefficient_prior,
        _information(linear, log_g, sigma),
    )


def coefficients(fit: GridFit, log_response: Floats) -> Floats:
    """Of the covariates, given a response float64 (rows,): float64 (p,)."""
    return coefficients_of(fit.linear.whitener, fit.covariates, fit.target - log_response, fit.coefficient_prior)


@cache
def pilot_points() -> NDArray[np.int64]:
    """A tenth of the grid, for a first look."""
    grid = points()
    return np.flatnonzero((grid.slope == 1.0) & np.isin(grid.intercept, (0.0, 0.4)))


def _information(linear: Linear, log_g: Float32s, sigma: float) -> float:
    grid = points()
    straight = np.flatnonzero((grid.slope == 1.0) & (grid.driven > 0.99) & (grid.intercept == 0) & (grid.rate == 0.3))
    left = linear.leave(log_g[straight[0]].astype(np.float64))
    return float(np.sqrt((left**2).sum()) / max(sigma, 1e-6))
