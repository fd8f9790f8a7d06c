"""When did it happen? Times as clients write them, in epoch milliseconds.

RFC 3339 and ISO 8601 strings, without a zone taken as UTC; numbers (and strings of digits) as epoch seconds below
10**11, as epoch milliseconds from there on: 10**11 s is the year 5138, 10**11 ms is 1973.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from app.ingest.refusals import Reason, Refused, bad_type

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECONDS_BELOW = 10**11
_LATEST_MS = 253_402_300_800_000  # the year 10000
_DIGITS = re.compile(r"-?\d{1,18}(\.\d+)?")
_REMEDY = "Send RFC 3339, such as 2026-01-31T12:00:00.000Z, or epoch milliseconds."


def to_ms(value: object, field: str) -> int:
    """A time in epoch milliseconds, cut off to the millisecond.

    Raises
    ------
    Refused : not a time; the message names `field`.

    Examples
    --------
    >>> to_ms("2026-01-01T00:00:00.5Z", "timestamp") == to_ms("2026-01-01T01:00:00.500+01:00", "timestamp")
    True
    >>> to_ms("2026-01-01T00:00:00", "timestamp"), to_ms(1767225600, "timestamp"), to_ms(1767225600000.0, "timestamp")
    (1767225600000, 1767225600000, 1767225600000)
    """
    if type(value) is str:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return _unusual(value, field)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        gap = moment - EPOCH
        return gap.days * 86_400_000 + gap.seconds * 1000 + gap.microseconds // 1000
    if type(value) is int or type(value) is float:
        return _of_number(value, field)
    raise bad_type(field, value, "a time: RFC 3339 as a string, or epoch milliseconds")


def _unusual(text: str, field: str) -> int:
    """Strings that the fast reader does not know: small letters, blanks around, digits."""
    plain = text.strip()
    if _DIGITS.fullmatch(plain):
        return _of_number(float(plain) if "." in plain else int(plain), field)
    try:
        moment = datetime.fromisoformat(plain.upper())
    except ValueError:
        shown = repr(text if len(text) <= 40 else text[:37] + "...")
        raise Refused(Reason.BAD_TIME, f"{field} is {shown}, which is not a time.", _REMEDY) from None
    return to_ms(moment.isoformat(), field)


def _of_number(number: int | float, field: str) -> int:
    if not abs(number) < _LATEST_MS:
        raise Refused(Reason.BAD_TIME, f"{field} is a number outside of the years that can be kept.", _REMEDY)
    # Before the cut, so that 1.999 s stays 1999 ms in binary.
    return round(number * 1000) if abs(number) < SECONDS_BELOW else int(number)
