"""How does revenue answer to spend, in units of the operating point?

Everything here is relative: ``u`` is adstock over x0, and a curve is f(u) / f(1). A response is a spend-driven
part, which follows a Hill curve, and an intercept share ``o`` of credit that would come without spend:

    g(u) = (1 - o) · S(u) + o,      S(u) = u^s / (h·u^s + 1 - h),      h = 1 - e / ((1 - o)·s)

``h`` is how much of its ceiling the Hill curve has reached at x0. Written so, the elasticity ``e`` of g at
x0 is itself a parameter, as is that of the spend-driven part, e / (1 - o). h = 0 is a power curve (linear
where s = 1), h = 1 no effect at all.
"""

from dataclasses import dataclass

import numpy as np

from app.saturation.series import Floats

LEAST_H = 1e-4
FLOOR = 0.02
"""Of g in logarithms, as a share of revenue at x0: days without spend stay finite."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A response relative to its value at x0.

    Parameters
    ----------
    elasticity : float
        Of the whole response at x0, 0 or more.
    intercept : float
        Share of the revenue at x0 that does not depend on spend, in [0, 1).
    slope : float
        Hill's, above 0; an S-curve above 1.
    rate : float
        Of the adstock.
    """

    elasticity: float
    intercept: float
    slope: float
    rate: float

    @property
    def reached(self) -> float:
        """h: the share of the ceiling that is reached at x0, kept off 0 and 1."""
        h = 1 - self.elasticity / ((1 - self.intercept) * self.slope)
        return float(min(max(h, LEAST_H), 1 - LEAST_H))

    @property
    def spend_driven_elasticity(self) -> float:
        return self.elasticity / (1 - self.intercept)


def response(shape: Shape, u: Floats) -> Floats:
    """g(u), float64 (n,), 1 at u = 1.

    Examples
    --------
    >>> half_way = Shape(elasticity=0.5, intercept=0.0, slope=1.0, rate=0.0)
    >>> response(half_way, np.array([0.0, 1.0, 3.0])).tolist()
    [0.0, 1.0, 1.5]
    """
    return (1 - shape.intercept) * hill(u, shape.slope, shape.reached) + shape.intercept


def hill(u: Floats, slope: float, reached: float) -> Floats:
    """S(u), float64 (n,): Hill's curve over its value at u = 1."""
    power = np.power(u, slope)
    return np.asarray(power / (reached * power + (1 - reached)))


def log_response(shape: Shape, u: Floats, slope_u: Floats) -> tuple[Floats, Floats]:
    """log(g + floor) and its derivatives by elasticity, intercept, slope and rate.

    Parameters
    ----------
    shape : Shape
    u, slope_u : float64 (n,)
        Adstock over x0, and its derivative by the rate.

    Returns
    -------
    value : float64 (n,)
    jacobian : float64 (4, n)
    """
    o, s, h = shape.intercept, shape.slope, shape.reached
    log_u = np.log(np.maximum(u, 1e-12))
    power = np.exp(s * log_u)
    below = h * power + (1 - h)
    part = power / below
    g = (1 - o) * part + o
    squared = below * below
    by_h = power * (1 - power) / squared
    by_s = (1 - h) * power * log_u / squared
    by_u = s * (1 - h) * np.exp((s - 1) * log_u) / squared
    h_by_e = -1 / ((1 - o) * s)
    h_by_o = -shape.elasticity / ((1 - o) ** 2 * s)
    h_by_s = shape.elasticity / ((1 - o) * s**2)
    jacobian = np.stack(
        [
            (1 - o) * by_h * h_by_e,
            1 - part + (1 - o) * by_h * h_by_o,
            (1 - o) * (by_s + by_h * h_by_s),
            (1 - o) * by_u * slope_u,
        ]
    )
    return np.log(g + FLOOR), jacobian / (g + FLOOR)


def exponential(u: Floats, elasticity: float) -> Floats:
    """(1 - exp(-a·u)) / (1 - exp(-a)) of an elasticity in (0, 1), float64 (n,)."""
    a = _solved(lambda a: a / np.expm1(a), elasticity)
    return np.asarray(np.expm1(-a * u) / np.expm1(-a))


def logarithmic(u: Floats, elasticity: float) -> Floats:
    """log(1 + a·u) / log(1 + a) of an elasticity in (0, 1), float64 (n,)."""
    a = _solved(lambda a: a / ((1 + a) * np.log1p(a)), elasticity)
    return np.asarray(np.log1p(a * u) / np.log1p(a))


def _solved(elasticity_of, wanted: float) -> float:  # type: ignore[no-untyped-def]
    """The a at which a falling elasticity is the wanted one, by bisection on log a."""
    low, high = np.log(1e-6), np.log(1e6)
    with np.errstate(over="ignore"):
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if elasticity_of(np.exp(middle)) > wanted else (low, middle)
    return float(np.exp(low))
