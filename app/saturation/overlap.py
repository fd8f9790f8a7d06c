"""What do a tenant's channels have in common? Spend that moves together, and revenue that is the same."""

from collections.abc import Sequence

import numpy as np

from app.saturation.calendars import Calendar


def inflation_of(at: int, calendars: Sequence[Calendar | None]) -> float:
    """VIF of log spend over the last year."""
    cal = calendars[at]
    assert cal is not None
    n = min(len(cal), 365)
    own = np.log(cal.spend[-n:] + 0.05 * cal.x0)
    columns = [np.ones(n)]
    if cal.demand is not None:
        columns.append(cal.demand[-n:])
    for number, other in enumerate(calendars):
        if other is not None and number != at and len(columns) < n // 10:
            theirs = np.interp(
                cal.day[-n:].astype(np.int64), other.day.astype(np.int64), np.log(other.spend + 0.05 * other.x0)
            )
            columns.append(theirs)
    x = np.stack(columns, axis=1)
    left = own - x @ np.linalg.lstsq(x, own, rcond=1e-9)[0]
    return float(min(own.var() / max(left.var(), 1e-12), 1e6)) if own.var() > 1e-12 else 1.0


def shared_outcome(at: int, calendars: Sequence[Calendar | None]) -> float:
    """The greatest correlation of a channel's daily outcome with another's, at least 0."""
    cal = calendars[at]
    assert cal is not None
    greatest = 0.0
    for number, other in enumerate(calendars):
        if other is None or number == at:
            continue
        _, own, theirs = np.intersect1d(cal.day, other.day, assume_unique=True, return_indices=True)
        both = cal.is_known[own] & other.is_known[theirs]
        x, y = cal.outcome[own][both], other.outcome[theirs][both]
        if len(x) >= 28 and x.std() > 0 and y.std() > 0:
            greatest = max(greatest, float(np.corrcoef(x, y)[0, 1]))
    return greatest
