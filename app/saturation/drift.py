"""Has the curve become another one? Cumulative sums over one-step residuals of log revenue.

A residual is compared with the slow mean of those before it. What stays on one side too long raises an alarm
(Page 1954); the change is dated to the day on which the sum left zero, and the mean starts anew from there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.saturation.series import Floats

WARM_UP_DAYS = 42
_SLACK, _LIMIT = 0.25, 11.0
_MEMORY_DAYS = 120.0
_RECENT_DAYS = 90
_LEAST_SIZE = 0.1


@dataclass(frozen=True, slots=True)
class Drift:
    """What the detector says on the last day.

    Parameters
    ----------
    is_alarm : bool
        A change within the last 90 days.
    days_ago : int
        Since the change.
    size : float
        Of the change in log revenue: mean residual since then less before.
    score : float
        The greater of the two sums today over its limit.
    onset : int
        Index of the day of the last change, however long ago; -1 for none.
    """

    is_alarm: bool
    days_ago: int
    size: float
    score: float
    onset: int = -1


def drift_of(residual: Floats, is_known: NDArray[np.bool_]) -> Drift:
    """Over all days.

    Parameters
    ----------
    residual : float64 (n,)
        Log revenue less what spend, demand and season explain.
    is_known : bool (n,)
    """
    known = np.flatnonzero(is_known)
    if len(known) < WARM_UP_DAYS + 7:
        return Drift(False, 0, 0.0, 0.0)
    values = residual[known]
    correlation = float(np.clip(np.corrcoef(values[:-1], values[1:])[0, 1], 0.0, 0.9)) if values.std() > 0 else 0.0
    alarms, score = _alarms(values, correlation)
    if not alarms:
        return Drift(False, 0, 0.0, score)
    onset = alarms[-1]
    days_ago = int(len(residual) - 1 - known[onset])
    before = values[max(0, onset - 90) : onset]
    size = float(values[onset:].mean() - before.mean()) if len(before) else 0.0
    return Drift(days_ago <= _RECENT_DAYS and abs(size) >= _LEAST_SIZE, days_ago, size, score, int(known[onset]))


def _alarms(values: Floats, correlation: float) -> tuple[list[int], float]:
    """Onsets of alarms, and today's score. Correlated residuals count for less."""
    spread = max(1.4826 * float(np.median(np.abs(np.diff(values)))) / np.sqrt(2 * (1 - correlation) + 1e-9), 1e-3)
    inflated = spread * np.sqrt((1 + correlation) / (1 - correlation))
    mean = float(np.median(values[:WARM_UP_DAYS]))
    up = down = 0.0
    up_from = down_from = seen = 0
    alarms: list[int] = []
    for t, value in enumerate(values.tolist()):
        z = min(max((value - mean) / inflated, -3.0), 3.0)
        seen += 1
        up, up_from = (up + z - _SLACK, up_from) if up + z > _SLACK else (0.0, t + 1)
        down, down_from = (down - z - _SLACK, down_from) if down - z > _SLACK else (0.0, t + 1)
        mean += (value - mean) / max(min(seen, _MEMORY_DAYS), WARM_UP_DAYS)
        if seen >= WARM_UP_DAYS and max(up, down) > _LIMIT:
            onset = up_from if up > down else down_from
            alarms.append(onset)
            mean = float(np.median(values[onset : t + 1]))
            up = down = 0.0
            up_from = down_from = t + 1
            seen = t + 1 - onset
    return alarms, max(up, down) / _LIMIT
