"""How soon is a change of the curve seen, and how often is one seen that was none? Weeks replayed one by one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.saturation.series import Assessment, ChannelSeries, Context, Day, Standing
from app.saturation.simulator.simulate import SimulatedTenant

WEEK = 7
WATCHED_AFTER = 63
"""Days after a change for which it may be reported."""
SAME_CHANGE = 21
"""Alarms that name days this near to one another are one alarm."""

Judge = Callable[[Sequence[ChannelSeries], Context], Sequence[Assessment]]


@dataclass(frozen=True, slots=True)
class Watched:
    """A channel that was assessed every week, as if the days came in.

    Parameters
    ----------
    delay : int or None
        Days from the change to the first assessment that reports one not older than 21 days before it;
        None where none does within 63 days, or where nothing changed.
    changed : bool
    false_alarms : int
        Distinct changes reported before the true one, or at all where there is none.
    years : float
        Over which a false alarm could occur.
    """

    delay: int | None
    changed: bool
    false_alarms: int
    years: float


def watch(tenant: SimulatedTenant, judge: Judge, first: int, last: int, step: int = WEEK) -> list[Watched]:
    """Assess a tenant on days `first` to `last` of its series, every `step` days, statuses carried along."""
    origin = tenant.channels[0].series.day[0]
    reports: list[list[tuple[Day, Day]]] = [[] for _ in tenant.channels]
    previous: dict[str, Standing] = {}
    for end in range(first, last + 1, step):
        until = origin + np.timedelta64(end - 1, "D")
        context = replace(tenant.context, complete_until=until, previous=dict(previous), planned_spend={})
        said = judge([one.where(one.day <= until) for one in tenant.series], context)
        for report, one in zip(reports, said, strict=True):
            if one.standing is not None:
                previous[one.channel] = one.standing
            if one.changed_on is not None:
                report.append((until, one.changed_on))
    days = len(range(first, last + 1, step)) * step
    return [
        _watched(report, channel.truth.changed_on, days, origin + np.timedelta64(first - 1, "D"))
        for report, channel in zip(reports, tenant.channels, strict=True)
    ]


def _watched(report: list[tuple[Day, Day]], changed_on: Day | None, days: int, begin: Day) -> Watched:
    """`report` holds the day of each assessment that named a change, and the change it named."""
    if changed_on is None:
        return Watched(None, False, _distinct([named for _, named in report]), days / 365)
    early = [named for until, named in report if until < changed_on]
    delays = [
        _days(until, changed_on)
        for until, named in report
        if until >= changed_on and _days(named, changed_on) >= -SAME_CHANGE
    ]
    delay = min((one for one in delays if one <= WATCHED_AFTER), default=None)
    return Watched(delay, True, _distinct(early), max(_days(changed_on, begin), 0) / 365)


def _distinct(named: Sequence[Day]) -> int:
    """How many changes are named, those within 21 days of the one before counting as it."""
    count, last = 0, None
    for day in named:
        if last is None or abs(_days(day, last)) > SAME_CHANGE:
            count += 1
        last = day
    return count


def _days(later: Day, earlier: Day) -> int:
    return int((later - earlier) / np.timedelta64(1, "D"))
