"""How do residuals scatter? What outliers, counts and a slow wander make of them is learnt from a first fit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from app.saturation.calendars import Calendar
from app.saturation.curves import FLOOR
from app.saturation.series import Floats
from app.saturation.windows import AnyFloats, Window

_T_FREEDOM = 5.0
_GREATEST_SHARE = 0.9
_PERSISTENCES = (0.5, 0.8, 0.92, 0.97)


@dataclass(frozen=True, slots=True, eq=False)
class Whitener:
    """What makes a window's residuals independent and alike.

    Residuals are taken for a slow first-order wander plus noise of each row by itself, that is an ARMA(1, 1),
    which one recursive filter undoes.

    Parameters
    ----------
    sqrt_weight : float64 (rows,)
        0 for a row that is not used.
    persistence : float
        Of the wander, from one row to the next.
    share : float
        Of the wander in the residuals' variance; 0 for none.
    """

    sqrt_weight: Floats
    persistence: float = 0.0
    share: float = 0.0

    def whiten(self, values: AnyFloats) -> AnyFloats:
        """Of values (..., rows), the same shape and type."""
        scaled = values * self.sqrt_weight.astype(values.dtype)
        if not self.share:
            return scaled
        ahead = np.array([1.0, -self.persistence], values.dtype)
        back = np.array([1.0, -self._moving_average], values.dtype)
        return np.asarray(lfilter(ahead, back, scaled, axis=-1), values.dtype)

    @property
    def _moving_average(self) -> float:
        """θ of the ARMA(1, 1) that wander and noise make together: the root below 1."""
        noise, wander, phi = 1 - self.share, self.share, self.persistence
        half = ((1 - phi**2) * wander + (1 + phi**2) * noise) / (2 * phi * noise)
        return float(half - np.sqrt(half * half - 1))


def learn(
    window: Window, cal: Calendar, used: NDArray[np.bool_], target: Floats, fitted: Floats
) -> tuple[Whitener, Floats]:
    """Weights against outliers (Student's t), the variance of counts, and the residuals' correlation."""
    variance = np.ones_like(target)
    mu = np.maximum(np.exp(np.clip(fitted, -30, 30)) - FLOOR, 1e-6)
    if cal.is_count:
        per_unit = cal.scale / cal.value * window.period.days
        counts = np.maximum(mu * per_unit, 0.05)
        target = fitted + np.clip((window.outcome - mu) / (mu + FLOOR), -3.0, 6.0)
        pearson = (window.outcome - mu)[used] / mu[used]
        excess = max(float(np.mean(np.minimum(pearson**2, 9.0) - 1 / counts[used])), 0.003)
        variance = (excess + 1 / counts) / (excess + float(np.mean(1 / counts[used])))
    else:
        target = _better_law(target, fitted, fitted + np.clip((window.outcome - mu) / (mu + FLOOR), -3.0, 6.0), used)
    residual = (target - fitted) / np.sqrt(variance)
    spread = max(1.4826 * float(np.median(np.abs(residual[used] - np.median(residual[used])))), 1e-3)
    robust = (_T_FREEDOM + 1) / (_T_FREEDOM + (residual / spread) ** 2)
    weight = np.where(used, np.minimum(robust, 1.0) / variance, 0.0)
    persistence, share = _wander(np.clip(residual / spread, -2.5, 2.5) * used, used, window.period.days)
    return Whitener(np.sqrt(weight), persistence, share), target


def _better_law(logs: Floats, fitted: Floats, relative: Floats, used: NDArray[np.bool_]) -> Floats:
    """Errors of the logarithm, or in shares of the mean: whichever scatter less, outliers apart."""

    def scatter(target: Floats) -> float:
        residual = (target - fitted)[used]
        residual = residual - np.median(residual)
        most = 4 * float(np.median(np.abs(residual)))
        return float(np.mean(np.minimum(residual**2, most**2)))

    return relative if scatter(relative) < scatter(logs) else logs


def is_outage(window: Window) -> NDArray[np.bool_]:
    """Rows of nothing where their neighbours have much: the tracking was down."""
    usual = np.median(window.conversions[window.is_used]) if window.is_used.any() else 0.0
    return np.asarray((window.outcome <= 0) & (usual > 20))


def _wander(residual: Floats, used: NDArray[np.bool_], days: int) -> tuple[float, float]:
    """Persistence and share of the slow part, from the autocorrelations of up to 10 rows."""
    n = int(used.sum())
    lags = np.arange(1, min(10, n // 6) + 1)
    variance = float((residual**2).sum()) / max(n, 1)
    if len(lags) < 2 or variance <= 0:
        return 0.0, 0.0
    found = np.array([_covariance(residual, used, int(k)) for k in lags]) / variance + 1.5 / n
    best, persistence, share = 0.0, 0.0, 0.0
    for daily in _PERSISTENCES:
        powers = (daily**days) ** lags
        fitted = float(np.clip(found @ powers / (powers @ powers), 0.0, _GREATEST_SHARE))
        gain = float(2 * fitted * (found @ powers) - fitted**2 * (powers @ powers))
        if gain > best:
            best, persistence, share = gain, daily**days, fitted
    return (persistence, share) if share > 1.2 / np.sqrt(n) and persistence > 0.02 else (0.0, 0.0)


def _covariance(residual: Floats, used: NDArray[np.bool_], lag: int) -> float:
    pairs = used[lag:] & used[:-lag]
    return float((residual[lag:] * residual[:-lag])[pairs].sum()) / max(int(pairs.sum()), 1)
