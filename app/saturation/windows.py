"""Which days does a fit look at, and what moves revenue in them besides spend?

A channel's series becomes a `Calendar` without gaps: up to 728 consecutive days until the watermark. A
`Window` is a view of it: its last n days, or as many weeks or months of means.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from app.saturation.calendars import Bools, Calendar
from app.saturation.series import Floats

Float32s = NDArray[np.float32]
AnyFloats = TypeVar("AnyFloats", Floats, Float32s)

KNOT_DAYS = 28


@dataclass(frozen=True, slots=True)
class Period:
    """One of the fits: `count` rows of `days` days each."""

    name: str
    days: int
    count: int

    @property
    def span(self) -> int:
        return self.days * self.count


PERIODS = (
    Period("daily_30", 1, 30),
    Period("daily_90", 1, 90),
    Period("daily_180", 1, 180),
    Period("daily_365", 1, 365),
    Period("daily_728", 1, 728),
    Period("weekly_52", 7, 52),
    Period("weekly_104", 7, 104),
    Period("monthly_24", 28, 24),
)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """The rows of one fit.

    Parameters
    ----------
    period : Period
    first : int
        Index of its first day in the calendar.
    rows : int
    is_used : bool (rows,)
    outcome : float64 (rows,)
        A day, over the calendar's scale.
    conversions : float64 (rows,)
        Of the whole row.
    covariates : float64 (rows, p)
        Intercept first; what moves log revenue besides spend.
    trend : float64 (rows, q)
        Slow movement, as pieces of straight lines: a fit with it believes only the quick moves of spend.
    demand_column : int
        Of the covariates; -1 without a proxy.
    """

    period: Period
    first: int
    rows: int
    is_used: Bools
    outcome: Floats
    conversions: Floats
    covariates: Floats
    trend: Floats
    demand_column: int

    def gather(self, daily: AnyFloats, is_known: Bools) -> AnyFloats:
        """Means over this window's rows of daily values, (..., n) to (..., rows); days not known do not count."""
        return rows_of(daily, is_known, self.first, self.rows, self.period.days)


def rows_of(daily: AnyFloats, is_known: Bools, first: int, rows: int, days: int) -> AnyFloats:
    """Means over `rows` rows of `days` days, from day `first` on: (..., n) to (..., rows)."""
    block = daily[..., first : first + rows * days]
    if days == 1:
        return block
    known = is_known[first : first + rows * days].astype(np.float64).reshape(rows, days)
    blocks = block.reshape(*block.shape[:-1], rows, days)
    means = np.einsum("...rd,rd->...r", blocks, known) / np.maximum(known.sum(axis=1), 1.0)
    return np.asarray(means, daily.dtype)


def windows(cal: Calendar, periods: Sequence[Period] = PERIODS, held_back: int = 0) -> list[Window]:
    """The periods that the calendar can fill: whole, or from 60 % of their days on.

    Parameters
    ----------
    held_back : int
        Days left out at the end.
    """
    made = []
    covered = 0
    for period in periods:
        available = (len(cal) - held_back) // period.days
        rows = min(period.count, available)
        if rows * period.days < 0.6 * period.span or (rows < 24 and period.days < 28) or rows < 10:
            continue
        if period.days == 1 and covered >= rows:
            continue
        covered = max(covered, rows) if period.days == 1 else covered
        window = _window(cal, period, rows, held_back)
        if window.is_used.sum() >= max(12, window.covariates.shape[1] + 6):
            made.append(window)
    return made


def _window(cal: Calendar, period: Period, rows: int, held_back: int) -> Window:
    first = len(cal) - held_back - rows * period.days
    block = slice(first, first + rows * period.days)
    known = cal.is_known
    per_row = known[block].reshape(rows, period.days).sum(axis=1)

    def gathered(daily: Floats) -> Floats:
        return rows_of(daily, known, first, rows, period.days)

    deseasoned = np.where(known, np.nan_to_num(cal.outcome), 0.0) / cal.scale
    if period.days == 1:
        deseasoned = deseasoned * np.exp(-cal.season)
    outcome = np.maximum(gathered(deseasoned), 0.0)
    conversions = gathered(np.nan_to_num(cal.conversions)) * period.days
    t = np.arange(first, first + rows * period.days).reshape(rows, period.days).mean(axis=1) - len(cal)
    columns = [np.ones(rows)]
    demand_column = -1
    if cal.demand is not None and float(np.std(cal.demand[block])) > 1e-6:
        demand_column = len(columns)
        columns.append(gathered(cal.demand))
    holiday = gathered(cal.is_holiday.astype(np.float64))
    if 2 <= (holiday > 0).sum() <= rows / 3:
        columns.append(holiday)
    if rows * period.days >= 330:
        angle = 2 * np.pi * t / 365.25
        columns += [np.sin(angle), np.cos(angle)]
    if rows * period.days >= 600:
        columns += [np.sin(2 * angle), np.cos(2 * angle)]
    if rows * period.days >= 170:
        columns.append((t - t.mean()) / 180)
    knots = np.arange(-KNOT_DAYS, t[0] + KNOT_DAYS / 2, -KNOT_DAYS * max(1, period.days / 4))
    trend = [(t - t.mean()) / 90] + [np.maximum(0.0, knot - t) / 90 for knot in knots]
    return Window(
        period,
        first,
        rows,
        per_row >= max(1, 0.5 * period.days),
        outcome,
        conversions,
        np.stack(columns, axis=1),
        np.stack(trend, axis=1),
        demand_column,
    )
