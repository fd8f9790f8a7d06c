"""What did it cost? Spend rows of day, channel, campaign, amount and currency; a later one replaces an earlier one."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from app.channels.book import ChannelBook, Visit
from app.channels.names import Channel
from app.ingest.amounts import read_currency, read_minor
from app.ingest.events import SpendRow
from app.ingest.ids import LONGEST
from app.ingest.reading import Reading
from app.ingest.refusals import Reason, Refused, bad_type
from app.ingest.touch import read_channel

_SHAPE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")  # fromisoformat takes weeks, and days without hyphens, too
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
MOST_DAYS_AHEAD = 31
"""A campaign may be booked for the month to come; a day further on is a slip of the pen."""


class _Posted(msgspec.Struct, gc=False):
    day: Any = None
    channel: Any = None
    source: Any = None
    medium: Any = None
    campaign: Any = None
    amount: Any = None
    currency: Any = None


SPEND_FIELDS = _Posted.__struct_fields__
_decode = msgspec.json.Decoder(_Posted).decode


def read_spend(raw: msgspec.Raw, reading: Reading) -> SpendRow:
    """One row.

    Raises
    ------
    Refused : with reason, field and remedy.
    msgspec.MsgspecError, UnicodeDecodeError, RecursionError : the JSON itself cannot be read.
    """
    posted = _decode(raw)
    day = _not_far_ahead(read_day(posted.day), reading.received_ms)
    channel = read_channel(posted.channel, "channel")
    source, medium, campaign = (_text(getattr(posted, name), name) for name in ("source", "medium", "campaign"))
    if not (channel or source or medium):
        raise Refused(
            Reason.BAD_CHANNEL,
            "channel is missing.",
            "Send the name of the channel, or the source and medium of its visits.",
        )
    currency = read_currency(posted.currency, "currency", reading.currency)
    if posted.amount is None:
        raise Refused(Reason.BAD_AMOUNT, "amount is missing.", "Send a number or a string like '12.34'.")
    named, label = names_of(reading.book, channel, source, medium, campaign)
    return SpendRow(
        day,
        channel,
        campaign,
        currency,
        read_minor(posted.amount, "amount", currency),
        source,
        medium,
        "" if named == channel else named,
        "" if label == campaign else label,
    )


def names_of(book: ChannelBook, channel: str, source: str, medium: str, campaign: str) -> tuple[str, str]:
    """Channel and campaign by which a cost meets the credit of its touches: it is named as a touch is.

    A channel said outright stays. Where none is said, source and campaign get their names, and then the tenant's rules
    and the default groups say the channel of such a visit.
    """
    label = book.campaign(campaign)
    if channel:
        return channel, label
    return book.channel_of(Visit(book.source(source), medium, label)) or Channel.UNASSIGNED.value, label


def newest_rows(rows: list[SpendRow]) -> list[SpendRow]:
    """The last row of each key: within a request, too, the later one counts."""
    return list({row.key: row for row in rows}.values())


def read_day(value: Any) -> str:
    """A day as YYYY-MM-DD, within what is kept."""
    if value is None:
        raise Refused(Reason.BAD_DAY, "day is missing.", "Send it as YYYY-MM-DD.")
    if type(value) is not str:
        raise bad_type("day", value, "a string like '2026-01-31'")
    try:
        if not _SHAPE.fullmatch(value):
            raise ValueError
        day = date.fromisoformat(value)
    except ValueError:
        raise Refused(Reason.BAD_DAY, f"day is {value[:40]!r}, which is no date.", "Send it as YYYY-MM-DD.") from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise Refused(Reason.BAD_DAY, f"day is {day}.", f"Send a day from {FIRST_DAY} to {LAST_DAY}.")
    return day.isoformat()


def _not_far_ahead(day: str, received_ms: int) -> str:
    latest = datetime.fromtimestamp(received_ms / 1000, UTC).date() + timedelta(days=MOST_DAYS_AHEAD)
    if day > latest.isoformat():
        raise Refused(
            Reason.TOO_FAR_AHEAD,
            f"day is {day}, more than {MOST_DAYS_AHEAD} days ahead of the day of receipt.",
            "Correct the day, or send what is booked for it later.",
        )
    return day


def _text(value: Any, field: str) -> str:
    if value is None:
        return ""
    if type(value) is int or type(value) is float:
        return str(value)
    if type(value) is not str:
        raise bad_type(field, value, "a string")
    if len(value.encode()) > LONGEST:
        raise Refused(
            Reason.TEXT_TOO_LONG, f"{field} has {len(value.encode())} bytes.", f"Send at most {LONGEST} bytes."
        )
    return value
