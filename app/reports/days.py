"""Which days does a report cover, and when do they begin in the tenant's timezone? (SEMANTICS 4.10)"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.errors import BadInput, TributaryError

DEFAULT_DAYS = 30
MAX_DAYS = 3_660
_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")  # fromisoformat takes weeks and times too
_DAY_SHAPE = "Write it as YYYY-MM-DD, such as 2025-03-31"
_ENDS = {"from": "; `from` is included, `to` is not.", "to": "; `to` is the day after the last one."}


@dataclass(frozen=True, slots=True)
class Period:
    """Days of one timezone: `first` is included, `end` is not."""

    first: date
    end: date
    timezone: str

    @property
    def from_ms(self) -> int:
        """The first millisecond of the period, UTC epoch."""
        return day_begins_ms(self.first, self.timezone)

    @property
    def to_ms(self) -> int:
        """The first millisecond after the period, UTC epoch."""
        return day_begins_ms(self.end, self.timezone)

    @property
    def days(self) -> int:
        return (self.end - self.first).days


def read_period(from_text: str, to_text: str, timezone: str, now_ms: int) -> Period:
    """The period that a request asks for; the last 30 days, today included, where it says nothing.

    Raises
    ------
    BadInput : names the field and the remedy.

    Examples
    --------
    >>> period = read_period("2025-03-01", "2025-04-01", "Europe/Berlin", 0)
    >>> period.days, (period.to_ms - period.from_ms) // 3_600_000
    (31, 743)
    """
    end = read_day("to", to_text) if to_text else _tomorrow(timezone, now_ms)
    first = read_day("from", from_text) if from_text else _days_before(end, DEFAULT_DAYS)
    if first >= end:
        raise BadInput(
            "bad_period",
            f"from ({first}) is not before to ({end}).",
            "`to` is the day after the last one: for one day, give the next as `to`.",
        )
    if (end - first).days > MAX_DAYS:
        raise BadInput(
            "bad_period",
            f"from ({first}) to to ({end}) is more than {MAX_DAYS} days.",
            f"Ask for at most {MAX_DAYS} days at a time.",
        )
    return Period(first, end, timezone)


def day_begins_ms(day: date, timezone: str) -> int:
    """The first millisecond of a local day, UTC epoch; right too where a clock change falls on midnight."""
    # fold=0: of a repeated midnight the first, and a skipped one is the moment of the change itself.
    midnight = datetime.combine(day, time(0), tzinfo=_zone(timezone))
    return milliseconds(midnight)


def day_of(time_ms: int, timezone: str) -> date:
    """The local day that a time belongs to."""
    return (datetime.fromtimestamp(time_ms // 1000, UTC)).astimezone(_zone(timezone)).date()


def milliseconds(moment: datetime) -> int:
    """UTC epoch milliseconds of an aware time, without going through a float."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def rfc3339(time_ms: int) -> str:
    """
    Examples
    --------
    >>> rfc3339(1_735_689_600_007)
    '2025-01-01T00:00:00.007Z'
    """
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


def read_day(field: str, text: str) -> date:
    """A day as requests write it; BadInput names the field."""
    try:
        if not _SHAPE.fullmatch(text):
            raise ValueError
        day = date.fromisoformat(text)
    except ValueError:
        remedy = _DAY_SHAPE + _ENDS.get(field, ".")
        raise BadInput("bad_date", f"{field} is {text[:40]!r}, which is not a day.", remedy) from None
    if not date(1971, 1, 1) <= day <= date(2148, 1, 1):  # what a Date column holds, with room for timezones
        raise BadInput("bad_date", f"{field} is {day}.", "Give a day between 1971-01-01 and 2148-01-01.")
    return day


def _days_before(end: date, days: int) -> date:
    return end - timedelta(days=days)


def _tomorrow(timezone: str, now_ms: int) -> date:
    return day_of(now_ms, timezone) + timedelta(days=1)


def _zone(timezone: str) -> ZoneInfo:
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise TributaryError(
            "unknown_timezone",
            f"The tenant's timezone {timezone!r} is not known here.",
            "Set it to an IANA name such as Europe/Berlin, and install the system's tzdata.",
            status=500,
        ) from None
