"""Which response fits a window best, and how sure is that?

The grid's best points start a Levenberg-Marquardt search with an analytic Jacobian over the quantities that are
reported: elasticity, intercept share, Hill's slope and adstock rate. The linear part is projected out at every step
(variable projection with Kaufman's Jacobian), so a step costs microseconds.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from app.saturation.adstock import CARRY_DAYS, adstock, padded, slope_weights, weights
from app.saturation.calendars import Calendar
from app.saturation.curves import FLOOR, Shape, exponential, log_response, logarithmic, response
from app.saturation.grid import GridFit, points
from app.saturation.series import Floats
from app.saturation.windows import Window, rows_of

LOWEST = np.array([0.0, 0.0, 0.5, 0.0])
HIGHEST = np.array([2.2, 0.9, 3.5, 0.9])
_PRIOR_MEAN = np.array([0.5, 0.0, 1.1, 0.4])
_PRIOR_SD = np.array([1.0, 0.4, 0.7, 0.35])
_STARTS = 2
_STEPS = 12
_LEAST_GAIN = 0.01
"""Of the log posterior, for another step."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The best response of a window.

    Parameters
    ----------
    shape : Shape
    covariance : float64 (4, 4)
        Of elasticity, intercept, slope and rate, by Laplace's method.
    log_posterior : float
        Up to a constant of the window.
    converged : bool
    """

    shape: Shape
    covariance: Floats
    log_posterior: float
    converged: bool


@dataclass(frozen=True, slots=True)
class Alternatives:
    """Log likelihood of other forms less that of the best Hill response."""

    none: float
    linear: float
    exponential: float
    logarithmic: float


class Problem:
    """A window's log posterior of (elasticity, intercept, slope, rate), its linear part projected out."""

    def __init__(self, window: Window, cal: Calendar, grid_fit: GridFit) -> None:
        last = window.first + window.rows * window.period.days
        self._window, self._linear = window, grid_fit.linear
        self._spend = padded(cal.spend)[window.first : last + CARRY_DAYS - 1] / cal.x0
        self._is_known = cal.is_known[window.first : last]
        self._sigma = max(grid_fit.sigma, 1e-4)

    def log_posterior(self, theta: Floats) -> float:
        """Student's, the noise being profiled out."""
        shape = Shape(*(float(v) for v in theta))
        u = np.convolve(self._spend, weights(shape.rate), mode="valid")
        left = self._linear.leave(self._gathered(np.log(response(shape, u) + FLOOR)))
        return self._score(theta, self._linear.target - left)

    def residual(self, theta: Floats) -> tuple[Floats, Floats]:
        """What is left of the target, float64 (rows + 1,), and its Jacobian, (rows + 1, 4)."""
        shape = Shape(*(float(v) for v in theta))
        u, slope_u = (np.convolve(self._spend, of(shape.rate), mode="valid") for of in (weights, slope_weights))
        daily, jacobian = log_response(shape, u, slope_u)
        stacked = self._linear.leave(self._gathered(np.concatenate([daily[None], jacobian])))
        return self._linear.target - stacked[0], -stacked[1:].T

    def search(self, start: Floats) -> Fit:
        """Levenberg-Marquardt within bounds."""
        theta, damping, converged = start, 1e-2, False
        residual, jacobian = self.residual(theta)
        score = self._score(theta, residual)
        for _ in range(_STEPS):
            hessian = jacobian.T @ jacobian / self._sigma**2 + np.diag(_PRIOR_SD**-2)
            gradient = jacobian.T @ residual / self._sigma**2 + (theta - _PRIOR_MEAN) / _PRIOR_SD**2
            step = -np.linalg.solve(hessian + damping * np.diag(np.diag(hessian)), gradient)
            moved = np.clip(theta + step, LOWEST, HIGHEST)
            moved[0] = min(moved[0], 0.999 * (1 - moved[1]) * moved[2])
            moved_residual, moved_jacobian = self.residual(moved)
            moved_score = self._score(moved, moved_residual)
            if moved_score > score:
                gain, theta, score, damping = moved_score - score, moved, moved_score, damping / 5
                residual, jacobian = moved_residual, moved_jacobian
                if gain < _LEAST_GAIN:
                    converged = True
                    break
            else:
                damping *= 8
                if damping > 1e4:
                    converged = True
                    break
        hessian = jacobian.T @ jacobian / self._sigma**2 + np.diag(_PRIOR_SD**-2)
        return Fit(Shape(*(float(v) for v in theta)), np.asarray(np.linalg.inv(hessian), np.float64), score, converged)

    def _score(self, theta: Floats, residual: Floats) -> float:
        prior = (theta - _PRIOR_MEAN) / _PRIOR_SD
        return float(-0.5 * self._linear.freedom * np.log(residual @ residual) - 0.5 * prior @ prior)

    def _gathered(self, daily: Floats) -> Floats:
        return rows_of(daily, self._is_known, 0, self._window.rows, self._window.period.days)


def fit_window(window: Window, cal: Calendar, grid_fit: GridFit) -> Fit:
    """The best of several searches, each warm: from the grid's best points of unlike intercepts."""
    problem = Problem(window, cal, grid_fit)
    found = [problem.search(start) for start in _starts(grid_fit)]
    return max(found, key=lambda one: one.log_posterior)


def alternatives(window: Window, cal: Calendar, grid_fit: GridFit) -> Alternatives:
    """How well no effect, a straight line, an exponential and a logarithm do, at the best adstock rate."""
    grid = points()
    best = grid_fit.log_likelihood.max()
    straight = (grid.intercept == 0) & (grid.slope == 1.0) & (grid.driven > 0.99) & (grid.driven < 1.01)
    u = adstock(cal.spend, float(grid.rate[grid_fit.best])) / cal.x0
    found = []
    for form in (exponential, logarithmic):
        daily = np.log(np.stack([form(u, e) for e in (0.1, 0.25, 0.4, 0.55, 0.7, 0.85)]) + FLOOR)
        log_g = window.gather(daily, cal.is_known).astype(np.float32)
        squares = grid_fit.linear.squares(log_g).min()
        found.append(-0.5 * grid_fit.linear.freedom * np.log(squares / (grid_fit.sigma**2 * grid_fit.linear.freedom)))
    return Alternatives(
        float(grid_fit.log_likelihood[grid.elasticity == 0].max() - best),
        float(grid_fit.log_likelihood[straight].max() - best),
        float(found[0]),
        float(found[1]),
    )


def _starts(grid_fit: GridFit) -> list[Floats]:
    grid = points()
    starts = []
    tops = [int(same[np.argmax(grid_fit.weight[same])]) for same in _by_intercept()]
    for at in sorted(tops, key=lambda one: -grid_fit.weight[one])[:_STARTS]:
        if grid_fit.weight[at] >= 1e-3 * grid_fit.weight.max():
            starts.append(np.array([grid.elasticity[at], grid.intercept[at], grid.slope[at], grid.rate[at]]))
    return starts


@cache
def _by_intercept() -> list[NDArray[np.int64]]:
    grid = points()
    return [np.flatnonzero(grid.intercept == one) for one in np.unique(grid.intercept)]
