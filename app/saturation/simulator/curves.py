"""How does revenue answer to spend, in the simulator? Families of curves with their slope in closed form.

All are written in ``u = x / x0`` and scaled to ``S(1) = 1``, so that the slope at 1 is the elasticity of
the spend-driven part at the operating point; with ``v = u / scale``:

    hill          v^s / (1 + v^s), s = shape
    exponential   1 - exp(-v)
    logarithmic   log(1 + v)
    tanh          tanh(v)
    root          u^p, p = shape
    bounded       v / (1 + v^k)^(1/k), k = shape: near a power for a small k, near a kink for a large one
    blend         the mean of two Hills of slope 1, the second one's scale ``shape`` times the first's
    linear        u
    kinked        min(u, k) + r · max(u - k, 0), k = scale, r = shape
    bent          a kinked curve whose slope turns over a width w = 0.15 k: r·u + (1 - r)·(u - w·log((1 +
                  exp((u - k)/w)) / (1 + exp(-k/w))))
    none          1: credit that spend does not move
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from app.saturation.series import Floats


class Family(StrEnum):
    """The form of a curve."""

    HILL = "hill"
    EXPONENTIAL = "exponential"
    LOGARITHMIC = "logarithmic"
    TANH = "tanh"
    ROOT = "root"
    BOUNDED = "bounded"
    BLEND = "blend"
    LINEAR = "linear"
    KINKED = "kinked"
    BENT = "bent"
    NONE = "none"


TRAIN_SMOOTH = (Family.HILL, Family.EXPONENTIAL, Family.BLEND, Family.BOUNDED, Family.BOUNDED)
"""Bounded curves twice: no other family bends so slowly and so sharply."""
CALIBRATE_SMOOTH = (Family.HILL, Family.EXPONENTIAL, Family.BLEND, Family.LOGARITHMIC)
TEST_SMOOTH = (Family.HILL, Family.EXPONENTIAL, Family.LOGARITHMIC, Family.TANH, Family.ROOT)
TRAIN_ODD = CALIBRATE_ODD = (Family.LINEAR, Family.BENT, Family.NONE)
TEST_ODD = (Family.LINEAR, Family.KINKED, Family.NONE)

_BEND = 0.15
_WIDEST = 14.0
"""Scales are sought within exp(-14) to exp(14)."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A response relative to the operating point: ``S(u) / S(1)``.

    Parameters
    ----------
    family : Family
    scale, shape : float
        As in the table above; 1 where the family has none.

    Examples
    --------
    >>> Curve(Family.HILL, scale=1.0, shape=1.0).slope(np.array([1.0])).tolist()
    [0.5]
    """

    family: Family
    scale: float = 1.0
    shape: float = 1.0

    def value(self, u: Floats) -> Floats:
        """S(u) / S(1), float64 of the shape of u >= 0."""
        raw, _ = _FORMULAS[self.family]
        return np.asarray(raw(u, self.scale, self.shape) / raw(np.ones(1), self.scale, self.shape)[0])

    def slope(self, u: Floats) -> Floats:
        """Its derivative, float64 of the shape of u > 0. At a kink, of the right-hand side."""
        raw, derivative = _FORMULAS[self.family]
        return np.asarray(derivative(u, self.scale, self.shape) / raw(np.ones(1), self.scale, self.shape)[0])

    def elasticity(self, u: float) -> float:
        """S'(u) · u / S(u)."""
        at = np.array([u])
        return float((self.slope(at) * at / self.value(at))[0])


def elasticity_range(family: Family, shape: float = 1.0) -> tuple[float, float]:
    """The elasticities at u = 1 that `curve_with` can give this family: open bounds, no scale being extreme."""
    if family is Family.HILL:
        return 0.02, min(0.95 * shape, 1.25)
    if family is Family.LOGARITHMIC:
        return 0.12, 0.97
    return 0.02, 0.97


def curve_with(family: Family, elasticity: float, shape: float = 1.0) -> Curve:
    """The smooth curve of this family with this elasticity at u = 1.

    Raises
    ------
    ValueError
        An elasticity outside of `elasticity_range`.

    Examples
    --------
    >>> round(curve_with(Family.TANH, 0.25).elasticity(1.0), 12)
    0.25
    """
    low, high = elasticity_range(family, shape)
    if not low <= elasticity <= high:
        raise ValueError(f"{family} of shape {shape:g} has no elasticity {elasticity:g}; use {low:g} to {high:g}")
    if family is Family.ROOT:
        return Curve(family, 1.0, elasticity)
    if family is Family.HILL:
        return Curve(family, (elasticity / (shape - elasticity)) ** (1 / shape), shape)
    if family is Family.BOUNDED:
        return Curve(family, (elasticity / (1 - elasticity)) ** (1 / shape), shape)

    def miss(log_scale: float) -> float:
        return Curve(family, math.exp(log_scale), shape).elasticity(1.0) - elasticity

    return Curve(family, math.exp(brentq(miss, -_lowest(family), _WIDEST, xtol=1e-13)), shape)


def kinked(at: float, ratio: float) -> Curve:
    """Linear up to `at` times the operating point, from there with `ratio` of the slope."""
    return Curve(Family.KINKED, at, ratio)


def bent(at: float, ratio: float) -> Curve:
    """The same with a soft bend: slope 1 well before `at`, and `ratio` well after."""
    return Curve(Family.BENT, at, ratio)


def _lowest(family: Family) -> float:
    # Exponential and tanh are flat to the last bit below exp(-6): no elasticity of 0.02 needs less.
    return _WIDEST if family in (Family.LOGARITHMIC, Family.BLEND) else 5.0


_Formula = Callable[[Floats, float, float], Floats]


def _hill(u: Floats, scale: float, shape: float) -> Floats:
    power = (u / scale) ** shape
    return power / (1 + power)


def _hill_slope(u: Floats, scale: float, shape: float) -> Floats:
    power = (u / scale) ** shape
    return shape * power / (u * (1 + power) ** 2)


def _bounded(u: Floats, scale: float, shape: float) -> Floats:
    v = u / scale
    return np.asarray(v * (1 + v**shape) ** (-1 / shape))


def _bounded_slope(u: Floats, scale: float, shape: float) -> Floats:
    return np.asarray((1 + (u / scale) ** shape) ** (-1 / shape - 1) / scale)


def _blend(u: Floats, scale: float, shape: float) -> Floats:
    return u / (u + scale) / 2 + u / (u + scale * shape) / 2


def _blend_slope(u: Floats, scale: float, shape: float) -> Floats:
    second = scale * shape
    return scale / (u + scale) ** 2 / 2 + second / (u + second) ** 2 / 2


def _kinked(u: Floats, at: float, ratio: float) -> Floats:
    return np.minimum(u, at) + ratio * np.maximum(u - at, 0)


def _bent(u: Floats, at: float, ratio: float) -> Floats:
    width = _BEND * at
    turned = np.logaddexp(0.0, (u - at) / width) - np.logaddexp(0.0, -at / width)
    return np.asarray(ratio * u + (1 - ratio) * (u - width * turned))


def _bent_slope(u: Floats, at: float, ratio: float) -> Floats:
    return np.asarray(ratio + (1 - ratio) * (1 - expit((u - at) / (_BEND * at))))


def _cosh_squared(v: Floats) -> Floats:
    return np.cosh(np.minimum(v, 300.0)) ** 2


_FORMULAS: dict[Family, tuple[_Formula, _Formula]] = {
    Family.HILL: (_hill, _hill_slope),
    Family.EXPONENTIAL: (lambda u, k, _: -np.expm1(-u / k), lambda u, k, _: np.exp(-u / k) / k),
    Family.LOGARITHMIC: (lambda u, k, _: np.log1p(u / k), lambda u, k, _: 1 / (k + u)),
    Family.TANH: (lambda u, k, _: np.tanh(u / k), lambda u, k, _: 1 / (k * _cosh_squared(u / k))),
    Family.ROOT: (lambda u, _, p: u**p, lambda u, _, p: p * u ** (p - 1)),
    Family.BOUNDED: (_bounded, _bounded_slope),
    Family.BLEND: (_blend, _blend_slope),
    Family.LINEAR: (lambda u, _, __: u * 1.0, lambda u, _, __: np.ones_like(u)),
    Family.KINKED: (_kinked, lambda u, k, r: np.where(u < k, 1.0, r)),
    Family.BENT: (_bent, _bent_slope),
    Family.NONE: (lambda u, _, __: np.ones_like(u), lambda u, _, __: np.zeros_like(u)),
}
