"""Which days of a channel are there, without gaps, and what is known of each?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.saturation.series import OPERATING_DAYS, ChannelSeries, Context, Days, Floats

Bools = NDArray[np.bool_]

LONGEST_DAYS = 728
FEW_CONVERSIONS = 30.0
"""A day; below it conversions are fitted as counts, above it revenue."""
_SMOOTHING = (0.25, 0.5, 0.25)


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """A channel's consecutive days up to the watermark, float64 (n,) each.

    Parameters
    ----------
    day : datetime64[D] (n,)
    spend : without gaps; a day not known is interpolated
    outcome : what is fitted, in revenue; ``nan`` where not known
    conversions : ``nan`` where not known
    demand : log of the demand proxy without its weekdays, 0 over the operating days; None without one
    season : log of the weekday's effect, mean 0 over a week
    is_holiday : bool (n,)
    x0 : mean spend a day of the last 28 days
    value : revenue per conversion
    is_count : whether outcome is conversions × value instead of revenue
    """

    day: Days
    spend: Floats
    outcome: Floats
    revenue: Floats
    conversions: Floats
    demand: Floats | None
    season: Floats
    is_holiday: Bools
    x0: float
    value: float
    is_count: bool

    def __len__(self) -> int:
        return len(self.day)

    @property
    def is_known(self) -> Bools:
        return np.isfinite(self.outcome)

    @property
    def scale(self) -> float:
        """A typical day's outcome: the median of the last 90 known days above 0, or 1."""
        positive = self.outcome[self.is_known & (np.nan_to_num(self.outcome) > 0)][-90:]
        return float(np.median(positive)) if len(positive) else 1.0

    @property
    def conversions_a_day(self) -> float:
        known = self.conversions[np.isfinite(self.conversions)][-90:]
        return float(known.mean()) if len(known) else 0.0


def calendar(series: ChannelSeries, context: Context, days: int = LONGEST_DAYS) -> Calendar | None:
    """The consecutive days to look at; None where there is not one known day."""
    series = _until(series, context.complete_until)
    known = series.known() if series.demand is None else _without_demand(series).known()
    if len(known) == 0:
        return None
    last = known.day[-1] if context.complete_until is None else min(series.day[-1], context.complete_until)
    first = max(known.day[0], last - np.timedelta64(days - 1, "D"))
    day = np.arange(first, last + np.timedelta64(1, "D"))
    at = (series.day - first).astype(np.int64)
    kept = at >= 0
    spend, revenue, conversions = (_laid(v[kept], at[kept], len(day)) for v in _columns(series))
    x0 = float(spend[np.isfinite(spend)][-OPERATING_DAYS:].mean())
    revenue = np.where(np.isnan(spend), np.nan, revenue)
    spend = _filled(spend)
    total = np.nansum(conversions)
    value = float(np.nansum(revenue) / total) if total > 0 else 1.0
    recent = conversions[-90:][np.isfinite(conversions[-90:])]
    is_count = bool(len(recent) and 0 < recent.mean() < FEW_CONVERSIONS and value > 0)
    outcome = np.where(np.isnan(spend), np.nan, conversions * value) if is_count else revenue
    outcome = np.where(np.isnan(revenue), np.nan, outcome)
    demand = None
    if series.demand is not None:
        demand = _log_demand(day, _laid(series.demand[kept], at[kept], len(day)))
    is_holiday = np.isin(day, np.asarray(list(context.holidays), dtype="datetime64[D]"))
    return Calendar(
        day, spend, outcome, revenue, conversions, demand, _weekdays(day, outcome), is_holiday, x0, value, is_count
    )


def _until(series: ChannelSeries, last: np.datetime64 | None) -> ChannelSeries:
    return series if last is None else series.where(series.day <= last)


def _without_demand(series: ChannelSeries) -> ChannelSeries:
    return ChannelSeries(series.channel, series.day, series.spend, series.revenue, series.conversions)


def _columns(series: ChannelSeries) -> tuple[Floats, Floats, Floats]:
    return series.spend, series.revenue, series.conversions


def _laid(values: Floats, at: NDArray[np.int64], n: int) -> Floats:
    laid = np.full(n, np.nan)
    inside = at < n
    laid[at[inside]] = values[inside]
    return laid


def _filled(values: Floats) -> Floats:
    """Gaps interpolated between known days."""
    known = np.isfinite(values)
    if not known.any():
        return np.zeros_like(values)
    index = np.arange(len(values))
    return np.asarray(np.interp(index, index[known], values[known]))


def _log_demand(day: Days, demand: Floats) -> Floats | None:
    """Log demand without its weekdays, 0 on average over the operating days; a proxy's own noise is smoothed."""
    known = np.isfinite(demand) & (np.nan_to_num(demand) > 0)
    if known.sum() < 14:
        return None
    logs = _filled(np.where(known, np.log(np.where(known, demand, 1.0)), np.nan)) - _weekdays(day, demand)
    padded = np.concatenate([logs[:1], logs, logs[-1:]])
    logs = np.convolve(padded, _SMOOTHING, mode="valid")
    return np.asarray(logs - np.log(np.exp(logs[-OPERATING_DAYS:]).mean()))


def _weekdays(day: Days, outcome: Floats) -> Floats:
    """Log effect of each day's weekday, from the medians of log outcome less its week's mean, float64 (n,)."""
    n = len(day)
    known = np.isfinite(outcome) & (np.nan_to_num(outcome) > 0)
    if known.sum() < 21:
        return np.zeros(n)
    logs = _filled(np.where(known, np.log(np.where(known, outcome, 1.0)), np.nan))
    padded = np.concatenate([np.full(3, logs[:7].mean()), logs, np.full(3, logs[-7:].mean())])
    ratio = logs - np.convolve(padded, np.full(7, 1 / 7), mode="valid")
    weekday = (day.astype(np.int64) + 4) % 7
    effects = np.array([_shrunk(ratio[known & (weekday == k)]) for k in range(7)])
    return np.asarray((effects - effects.mean())[weekday])


def _shrunk(ratios: Floats) -> float:
    """The median, drawn to 0 where there are few."""
    if len(ratios) < 2:
        return 0.0
    spread = float(np.median(np.abs(ratios - np.median(ratios)))) * 1.5 / np.sqrt(len(ratios))
    middle = float(np.median(ratios))
    return float(middle**3 / (middle**2 + spread**2 + 1e-12))
