"""What does one get without this system? Two fits that anyone would try first, and two forecasts."""

import numpy as np
from scipy.optimize import least_squares

from app.saturation.series import FORECAST_DAYS, OPERATING_DAYS, ChannelSeries, Floats

WEEK = 7


def naive_hill(series: ChannelSeries) -> float:
    """Elasticity by one least-squares Hill fit of revenue on the same day's spend; ``nan`` where none is possible.

    ``revenue = top · x^s / (x^s + k^s)``, 0.5 <= s <= 3, over all days: no adstock, demand, season or leak.
    """
    x0 = float(series.spend[-OPERATING_DAYS:].mean())
    level = float(series.revenue.mean())
    if len(series) < 10 or x0 <= 0 or level <= 0:
        return float("nan")
    u, y = series.spend / x0, series.revenue / level

    def miss(p: Floats) -> Floats:
        power = u ** p[2]
        return np.asarray(np.exp(p[0]) * power / (power + np.exp(p[1] * p[2])) - y)

    fitted = least_squares(miss, (0.7, 0.0, 1.0), bounds=((-5, -6, 0.5), (8, 6, 3.0)), max_nfev=200).x
    return float(fitted[2] / (1 + np.exp(-fitted[1] * fitted[2])))


def log_log(series: ChannelSeries) -> float:
    """Elasticity by regression of log revenue on log spend, over days with both; ``nan`` where none is possible."""
    both = (series.spend > 0) & (series.revenue > 0)
    x, y = np.log(series.spend[both]), np.log(series.revenue[both])
    if len(x) < 10 or x.std() < 1e-9:
        return float("nan")
    return float(np.polyfit(x, y, 1)[0])


def seasonal_naive(series: ChannelSeries) -> Floats:
    """Revenue of the 28 days to come as it was on the same weekday of the last four weeks, float64 (28,)."""
    recent = series.revenue[-4 * WEEK :]
    if len(recent) < WEEK:
        return np.full(FORECAST_DAYS, recent.mean())
    ago = (series.day[-1] - series.day[-len(recent) :]).astype(np.int64)
    by_weekday = np.array(
        [
            recent[(ago % WEEK) == offset].mean() if (ago % WEEK == offset).any() else recent.mean()
            for offset in range(WEEK)
        ]
    )
    ahead = np.arange(1, FORECAST_DAYS + 1)
    return np.asarray(by_weekday[(-ahead) % WEEK])


def linear_in_spend(series: ChannelSeries, planned: Floats) -> Floats:
    """Revenue of the 28 days to come by least squares on the day's spend, last 90 days, float64 (28,)."""
    spend, revenue = series.spend[-90:], series.revenue[-90:]
    centred = spend - spend.mean()
    variance = float(centred @ centred)
    slope = float(centred @ revenue) / variance if variance > 0 else 0.0
    return np.asarray(revenue.mean() + slope * (planned - spend.mean()))
