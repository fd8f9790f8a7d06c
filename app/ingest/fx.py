"""What is a currency worth in another? Rates by day, exact decimals; a later one replaces an earlier one."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from app.ingest.amounts import read_currency
from app.ingest.refusals import Reason, Refused, bad_type
from app.ingest.spend import read_day

LEAST, MOST, MOST_DECIMALS = Decimal("1e-12"), Decimal("1e12"), 18
_PLAIN = re.compile(r"[0-9]{1,13}(\.[0-9]{1,18})?")
_REMEDY = f"Send a decimal string such as '1.0834', with at most {MOST_DECIMALS} decimals, from 1e-12 to 1e12."


class Rate(NamedTuple):
    """One unit of `currency` is `rate` units of `into`, on `day` (YYYY-MM-DD); `rate` is a plain decimal string."""

    day: str
    currency: str
    into: str
    rate: str


class _Posted(msgspec.Struct, gc=False):
    day: Any = None
    currency: Any = None
    into: Any = None
    rate: Any = None


RATE_FIELDS = _Posted.__struct_fields__
_decode = msgspec.json.Decoder(_Posted).decode


def read_rate(raw: msgspec.Raw) -> Rate:
    """One row.

    Raises
    ------
    Refused : with reason, field and remedy.
    msgspec.MsgspecError, UnicodeDecodeError, RecursionError : the JSON itself cannot be read.
    """
    posted = _decode(raw)
    day = read_day(posted.day)
    currency, into = _code(posted.currency, "currency"), _code(posted.into, "into")
    if currency == into:
        raise Refused(Reason.BAD_CURRENCY, f"currency and into are both {into}.", "Send two different currencies.")
    return Rate(day, currency, into, _rate(posted.rate))


def newest_rates(rows: list[Rate]) -> list[Rate]:
    """The last row of each day and pair: within a request, too, the later one counts."""
    return list({row[:3]: row for row in rows}.values())


def _code(value: Any, field: str) -> str:
    code = read_currency(value, field, "")
    if not code:
        raise Refused(Reason.BAD_CURRENCY, f"{field} is missing.", "Send an ISO 4217 code such as USD.")
    return code


def _rate(value: Any) -> str:
    if value is None:
        raise Refused(Reason.BAD_RATE, "rate is missing.", _REMEDY)
    if type(value) is float:  # the shortest decimal that prints it, as amounts are read
        value = format(Decimal(repr(value)), "f")
    elif type(value) is int and abs(value) < 10**13:
        value = str(value)
    if not isinstance(value, str):
        raise bad_type("rate", value, "a decimal string")
    text = value.strip()
    if not _PLAIN.fullmatch(text) or not LEAST <= Decimal(text) <= MOST:
        raise Refused(Reason.BAD_RATE, f"rate is {text[:40]!r}.", _REMEDY)
    return text
