"""When does a tenant's day begin, and how are bad dates answered?"""

from __future__ import annotations

from datetime import date

import pytest

from app.errors import BadInput
from app.reports.days import day_begins_ms, day_of, read_period, rfc3339

HOUR = 3_600_000
NOW_MS = 1_741_608_000_000  # 2025-03-10T12:00Z


@pytest.mark.parametrize(
    ("timezone", "day", "hours"),
    [
        ("UTC", "2025-03-30", 24),
        ("Europe/Berlin", "2025-03-30", 23),
        ("Europe/Berlin", "2025-10-26", 25),
        ("Africa/Cairo", "2025-04-25", 23),  # its midnight is skipped
        ("America/Havana", "2025-11-02", 25),  # its midnight comes twice
        ("Asia/Kathmandu", "2025-03-30", 24),
    ],
)
def test_days_are_as_long_as_their_clock_says(timezone: str, day: str, hours: int) -> None:
    first = date.fromisoformat(day)
    begins, ends = day_begins_ms(first, timezone), day_begins_ms(date.fromordinal(first.toordinal() + 1), timezone)
    assert ends - begins == hours * HOUR
    assert day_of(begins, timezone) == day_of(ends - 1, timezone) == first
    assert day_of(begins - 1, timezone) < first < day_of(ends, timezone)


def test_the_last_thirty_days_are_the_default() -> None:
    period = read_period("", "", "Pacific/Auckland", NOW_MS)  # 11 March there
    assert (period.first, period.end) == (date(2025, 2, 10), date(2025, 3, 12))
    assert read_period("2025-01-01", "", "UTC", NOW_MS).end == date(2025, 3, 11)
    assert read_period("", "2025-02-01", "UTC", NOW_MS).first == date(2025, 1, 2)


@pytest.mark.parametrize(
    ("first", "end", "field"),
    [
        ("2025-02-30", "", "from"),
        ("", "01.03.2025", "to"),
        ("20250301", "", "from"),
        ("2025-W10-1", "", "from"),
        ("2025-03-01T00", "", "from"),
        ("٢٠٢٥-٠٣-٠١", "", "from"),
        ("0001-01-01", "", "from"),
        ("", "9999-12-31", "to"),
        ("2025-03-01", "2025-03-01", "from"),
        ("2025-03-02", "2025-03-01", "from"),
        ("1990-01-01", "2025-03-01", "from"),
        ("x" * 1000, "", "from"),
    ],
)
def test_bad_dates_name_field_and_remedy(first: str, end: str, field: str) -> None:
    with pytest.raises(BadInput) as raised:
        read_period(first, end, "UTC", NOW_MS)
    assert field in raised.value.message
    assert raised.value.detail
    assert len(raised.value.message) < 200


def test_times_are_written_to_the_millisecond() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00.000Z"
    assert rfc3339(-1) == "1969-12-31T23:59:59.999Z"
    assert rfc3339(1_741_608_000_007) == "2025-03-10T12:00:00.007Z"
