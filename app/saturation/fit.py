"""Which response fits a window best, and how sure is that?

The grid's best points start a Levenberg-Marquardt search with an analytic Jacobian over the quantities that are
reported: elasticity, intercept share, Hill's slope and adstock rate. The linear part is projected out at every step
(variable projection with Kaufman's Jacobian), so a step costs microseconds.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from app.saturation.adstock import adstock, adstock_slope
from app.saturation.calendars import Calendar
from app.saturation.curves import FLOOR, Shape, exponential, log_response, logarithmic, response
from app.saturation.grid import GridFit, points
from app.saturation.series import Floats
from app.saturation.windows import Window

LOWEST = np.array([0.0, 0.0, 0.5, 0.0])
HIGHEST = np.array([2.2, 0.9, 3.5, 0.9])
_PRIOR_MEAN = np.array([0.5, 0.0, 1.1, 0.4])
_PRIOR_SD = np.array([1.0, 0.4, 0.7, 0.35])
_STARTS = 3
_STEPS = 12


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
        self._window, self._cal, self._linear = window, cal, grid_fit.linear
        self._sigma = max(grid_fit.sigma, 1e-4)

    def log_posterior(self, theta: Floats) -> float:
        """Student's, the noise being profiled out."""
        residual, _ = self.residual(theta, with_jacobian=False)
        prior = (theta - _PRIOR_MEAN) / _PRIOR_SD
        return float(-0.5 * self._linear.freedom * np.log(residual @ residual) - 0.5 * prior @ prior)

    def residual(self, theta: Floats, with_jacobian: bool = True) -> tuple[Floats, Floats]:
        """What is left of the target, float64 (rows + 1,), and its Jacobian, (rows + 1, 4)."""
        shape = Shape(*(float(v) for v in theta))
        u = adstock(self._cal.spend, shape.rate) / self._cal.x0
        if not with_jacobian:
            value = self._gathered(np.log(response(shape, u) + FLOOR))
            return self._linear.target - self._linear.leave(value), np.empty((0, 4))
        daily, jacobian = log_response(shape, u, adstock_slope(self._cal.spend, shape.rate) / self._cal.x0)
        stacked = self._linear.leave(self._gathered(np.concatenate([daily[None], jacobian.T])))
        return self._linear.target - stacked[0], -stacked[1:].T

    def search(self, start: Floats) -> Fit:
        """Levenberg-Marquardt within bounds."""
        theta, damping, converged = start, 1e-2, False
        score = self.log_posterior(theta)
        for _ in range(_STEPS):
            residual, jacobian = self.residual(theta)
            hessian = jacobian.T @ jacobian / self._sigma**2 + np.diag(_PRIOR_SD**-2)
            gradient = jacobian.T @ residual / self._sigma**2 + (theta - _PRIOR_MEAN) / _PRIOR_SD**2
            step = -np.linalg.solve(hessian + damping * np.diag(np.diag(hessian)), gradient)
            moved = np.clip(theta + step, LOWEST, HIGHEST)
            moved[0] = min(moved[0], 0.999 * (1 - moved[1]) * moved[2])
            moved_score = self.log_posterior(moved)
            if moved_score > score:
                gain, theta, score, damping = moved_score - score, moved, moved_score, damping / 5
                if gain < 1e-3:
                    converged = True
                    break
            else:
                damping *= 8
                if damping > 1e4:
                    converged = True
                    break
        _, jacobian = self.residual(theta)
        hessian = jacobian.T @ jacobian / self._sigma**2 + np.diag(_PRIOR_SD**-2)
        return Fit(Shape(*(float(v) for v in theta)), np.asarray(np.linalg.inv(hessian), np.float64), score, converged)

    def _gathered(self, daily: Floats) -> Floats:
        return self._window.gather(daily, self._cal.is_known)


def fit_window(window: Window, cal: Calendar, grid_fit: GridFit, warm: Shape | None = None) -> Fit:
    """The best of several searches: from the grid's best points of unlike intercepts, and from `warm`."""
    problem = Problem(window, cal, grid_fit)
    found = [problem.search(start) for start in _starts(grid_fit, warm)]
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


def _starts(grid_fit: GridFit, warm: Shape | None) -> list[Floats]:
    grid = points()
    starts = [] if warm is None else [np.array([warm.elasticity, warm.intercept, warm.slope, warm.rate])]
    tops = [int(same[np.argmax(grid_fit.weight[same])]) for same in _by_intercept()]
    for at in sorted(tops, key=lambda one: -grid_fit.weight[one])[:_STARTS]:
        if grid_fit.weight[at] >= 1e-3 * grid_fit.weight.max():
            starts.append(np.array([grid.elasticity[at], grid.intercept[at], grid.slope[at], grid.rate[at]]))
    return starts


@cache
def _by_intercept() -> list[NDArray[np.int64]]:
    grid = points()
    return [np.flatnonzero(grid.intercept == one) for one in np.unique(grid.intercept)]
