"""What goes into an assessment, and what comes out? The shapes that every module of this room shares.

Spend, revenue and conversions are a day's; money is in one currency, in major units. A channel's
*operating point* ``x0`` is its mean daily spend of the last 28 complete days, and its *response*
``f(x)`` the attributed revenue a day at a permanent spend ``x`` and the mean demand of those days
(SATURATION 1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.saturation.answers import (
    Assessment,
    Day,
    Days,
    Estimate,
    Floats,
    Forecast,
    Guard,
    Plan,
    ResponseDraws,
    Standing,
)
from app.saturation.names import (
    APPROACHING_FROM,
    CLASSES,
    DECIDED_FROM,
    FORECAST_DAYS,
    OPERATING_DAYS,
    UNSATURATED_FROM,
    Cause,
    Decision,
    ExperimentKind,
    Status,
    status_of,
)

__all__ = [
    "APPROACHING_FROM",
    "CLASSES",
    "DECIDED_FROM",
    "FORECAST_DAYS",
    "OPERATING_DAYS",
    "UNSATURATED_FROM",
    "Assessment",
    "Cause",
    "ChannelSeries",
    "Context",
    "Day",
    "Days",
    "Decision",
    "Estimate",
    "Experiment",
    "ExperimentKind",
    "Floats",
    "Forecast",
    "Guard",
    "Plan",
    "ResponseDraws",
    "Standing",
    "Status",
    "require_distinct",
    "status_of",
]


@dataclass(frozen=True, eq=False)
class ChannelSeries:
    """A channel's days: ascending and unique, gaps allowed, one currency.

    Parameters
    ----------
    channel : str
    day : datetime64[D] (n,)
        In the tenant's time zone.
    spend, revenue, conversions : float64 (n,)
        Of each day; ``nan`` is a figure not known. Revenue is the attributed one, and is negative on a day
        of refunds.
    demand : float64 (n,), optional
        A proxy of demand that the channel does not move, such as organic and direct sessions.

    Raises
    ------
    ValueError
        Days out of order, repeated or not a date; lengths that differ; spend, conversions or demand below 0;
        infinite numbers. It names the channel and the day.
    """

    channel: str
    day: Days
    spend: Floats
    revenue: Floats
    conversions: Floats
    demand: Floats | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "day", _days(self.channel, self.day))
        for name in ("spend", "revenue", "conversions", "demand"):
            given = getattr(self, name)
            if given is not None:
                object.__setattr__(self, name, self._checked(name, given))

    def __len__(self) -> int:
        return len(self.day)

    def known(self) -> "ChannelSeries":
        """The days of which spend, revenue, conversions and (where given) demand are all known."""
        is_known = ~(np.isnan(self.spend) | np.isnan(self.revenue) | np.isnan(self.conversions))
        if self.demand is not None:
            is_known &= ~np.isnan(self.demand)
        return self.where(is_known)

    def where(self, kept: NDArray[np.bool_]) -> "ChannelSeries":
        """The days for which `kept`, bool (n,), is true."""
        demand = None if self.demand is None else self.demand[kept]
        return ChannelSeries(
            self.channel, self.day[kept], self.spend[kept], self.revenue[kept], self.conversions[kept], demand
        )

    def _checked(self, name: str, given: Any) -> Floats:
        try:
            values = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"channel {self.channel!r}: {name} must be numbers") from None
        if values.shape != self.day.shape:
            raise ValueError(
                f"channel {self.channel!r}: {name} has shape {values.shape}, but there are {len(self.day)} days"
                f"{self._until()}"
            )
        self._refuse(np.isinf(values), values, f"{name} is infinite")
        if name != "revenue":
            self._refuse(values < 0, values, f"{name} is below 0")
        return values

    def _refuse(self, is_wrong: NDArray[np.bool_], values: Floats, what: str) -> None:
        if is_wrong.any():
            at = int(np.argmax(is_wrong))
            raise ValueError(f"channel {self.channel!r}, day {self.day[at]}: {what} ({values[at]:g})")

    def _until(self) -> str:
        return f", the last one {self.day[-1]}" if len(self.day) else ""


@dataclass(frozen=True, slots=True)
class Experiment:
    """What a test of a channel found; it enters the next fit as a term of its likelihood (`experiments`).

    Parameters
    ----------
    channel : str
    kind : ExperimentKind
    start, end : datetime64[D]
        First and last day of the test.
    lift_low, lift_median, lift_high : float
        5, 50 and 95 %: what the tested spend brings, as a share of the channel's attributed revenue without
        the test. 0 of a channel that could be switched off unnoticed, 1 where all its revenue would go.
    spend_ratio : float
        Spend under test over spend without it: 0 of going dark, 1.5 of pulses up by half.
    """

    channel: str
    kind: ExperimentKind
    start: Day
    end: Day
    lift_low: float
    lift_median: float
    lift_high: float
    spend_ratio: float = 0.0

    def __post_init__(self) -> None:
        if not self.start <= self.end:
            raise ValueError(f"experiment on {self.channel!r}: it ends on {self.end}, before its start {self.start}")
        if not self.lift_low <= self.lift_median <= self.lift_high or self.lift_low == self.lift_high:
            raise ValueError(f"experiment on {self.channel!r}: lift_low <= lift_median <= lift_high, and not all equal")
        if not (np.isfinite([self.lift_low, self.lift_high]).all() and 0 <= self.spend_ratio < np.inf):
            raise ValueError(f"experiment on {self.channel!r}: lift must be finite and spend_ratio 0 or more")
        if self.spend_ratio == 1:
            raise ValueError(f"experiment on {self.channel!r}: spend_ratio 1 moves no spend and tells nothing")


@dataclass(frozen=True)
class Context:
    """What is known beside the series; all of it optional.

    Parameters
    ----------
    complete_until : datetime64[D], optional
        The watermark: the last day whose conversions have all arrived. Later days are not used.
    rule_changes : sequence of datetime64[D]
        Days on which attribution's rules changed.
    holidays : sequence of datetime64[D]
    previous : mapping of channel to `Standing`, optional
        From the last run's assessments.
    experiments : sequence of `Experiment`
    planned_spend : mapping of channel to float64 (28,)
        For the forecast: spend of the 28 days after the last; x0 every day where not given.
    """

    complete_until: Day | None = None
    rule_changes: Sequence[Day] = ()
    holidays: Sequence[Day] = ()
    previous: Mapping[str, Standing] | None = None
    experiments: Sequence[Experiment] = ()
    planned_spend: Mapping[str, Floats] = field(default_factory=dict)


def require_distinct(channels: Sequence[ChannelSeries]) -> None:
    """ValueError where a channel is given twice."""
    seen: set[str] = set()
    for series in channels:
        if series.channel in seen:
            raise ValueError(f"channel {series.channel!r} is given twice; join its days into one series")
        seen.add(series.channel)


def _days(channel: str, given: Any) -> Days:
    days = np.asarray(given)
    if days.size == 0:
        days = days.astype("datetime64[D]")
    try:
        whole = days.astype("datetime64[D]")
    except (TypeError, ValueError):
        raise ValueError(f"channel {channel!r}: day must be dates") from None
    if whole.ndim != 1:
        raise ValueError(f"channel {channel!r}: day must be one row of dates, not of shape {whole.shape}")
    if np.isnat(whole).any():
        raise ValueError(f"channel {channel!r}: day number {int(np.argmax(np.isnat(whole))) + 1} is not a date")
    steps = np.diff(whole).astype(np.int64)
    if (steps == 0).any():
        raise ValueError(f"channel {channel!r}, day {whole[int(np.argmax(steps == 0))]}: the day is given twice")
    if (steps < 0).any():
        at = int(np.argmax(steps < 0))
        raise ValueError(f"channel {channel!r}, day {whole[at + 1]}: it comes after {whole[at]}; sort by day")
    return whole
