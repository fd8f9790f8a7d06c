"""By what are the events of one request read? The tenant's rules and the clock, put in order once per request."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import msgspec

from app.channels.book import DEFAULT_BOOK, ChannelBook
from app.errors import TributaryError
from app.ingest.refusals import Reason, Refused
from app.ingest.times import to_ms
from app.ingest.touch import CLICK, VIEW
from app.tenants.rules import ConversionRule, Rules, ValueRule, channel_book
from app.tenants.tenant import Tenant
from config.settings import Settings

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
SKEW_MS = 10_000
"""A client's clock is corrected where it is further off than this (ARCHITECTURE 5)."""

Role = int | str | ConversionRule
"""What a `track` event of a name is: the kind of a touch, the type of a conversion, or its rule where that has a value
rule of its own."""
_PLAIN_VALUE = ValueRule()


class Noted(NamedTuple):
    """Something of an event that was kept, and that its author hardly meant so: `code`, the field, and what helps."""

    code: str
    field: str
    detail: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What every event of a request is read by. Times in epoch ms; `skew_ms` is added to the client's times.

    `warnings` takes the names of id fields that named nobody, and so were taken as missing; `noted` what else the
    author of the events should look at. `spellings` are the names of `roles` by what they are alike in.
    """

    roles: dict[str, Role]
    spellings: dict[str, str]
    currency: str
    own_hosts: tuple[str, ...]
    received_ms: int
    oldest_ms: int
    newest_ms: int
    event_bytes: int
    book: ChannelBook = DEFAULT_BOOK
    skew_ms: int | None = None
    event_type: str = ""
    warnings: list[str] = field(default_factory=list)
    noted: list[Noted] = field(default_factory=list)

    def time_of(self, value: object, sent_at: object, field: str) -> int:
        """The corrected time of an event, refused where it is too far ahead or too old.

        Parameters
        ----------
        value : the time as sent; None means now.
        sent_at : the event's own sentAt, used where the request has none.
        """
        if value is None or value == "":
            return self.received_ms
        skew = self.skew_ms
        if skew is None:
            skew = clock_skew(sent_at, self.received_ms) or 0 if sent_at is not None else 0
        time_ms = to_ms(value, field) + skew
        if self.oldest_ms <= time_ms <= self.newest_ms:
            return time_ms
        raise self._out_of_range(time_ms, field)

    def _out_of_range(self, time_ms: int, field: str) -> Refused:
        if time_ms > self.newest_ms:
            hours = (self.newest_ms - self.received_ms) // HOUR_MS
            return Refused(
                Reason.TOO_FAR_AHEAD,
                f"{field} is more than {hours} hours ahead of the time of receipt.",
                "Correct the clock, or send sentAt so that it can be corrected here.",
            )
        days = (self.received_ms - self.oldest_ms) // DAY_MS
        return Refused(
            Reason.TOO_OLD,
            f"{field} is older than the {days} days that are kept for this tenant.",
            "Send newer events, or ask for a longer retention.",
        )


def begin_reading(
    tenant: Tenant, received_ms: int, sent_at: object, settings: Settings, event_type: str = ""
) -> Reading:
    """The reading of one request.

    Parameters
    ----------
    sent_at : the request's sentAt as sent; None where it has none.
    event_type : what the events are where the address says it (``/v1/track``); '' in a batch.
    """
    roles, spellings = _roles(tenant.rules)
    return Reading(
        roles=roles,
        spellings=spellings,
        currency=tenant.currency,
        own_hosts=tenant.hosts,
        received_ms=received_ms,
        oldest_ms=received_ms - tenant.retention_days * DAY_MS,
        newest_ms=received_ms + settings.future_hours * HOUR_MS,
        event_bytes=settings.event_bytes,
        book=channel_book(tenant.rules),
        skew_ms=None if sent_at is None else clock_skew(sent_at, received_ms),
        event_type=event_type,
    )


def clock_skew(sent_at: object, received_ms: int) -> int | None:
    """How much the client's clock is behind ours (ms): 0 where it is near enough, None where sentAt is unusable."""
    try:
        skew = received_ms - to_ms(sent_at, "sentAt")
    except TributaryError:
        return None
    return skew if abs(skew) > SKEW_MS else 0


def spelling(name: str) -> str:
    """What an event's name has in common with those that differ in capitals, blanks and the like only.

    Examples
    --------
    >>> spelling("order_completed ") == spelling("Order Completed") == spelling("OrderCompleted")
    True
    """
    return "".join(filter(str.isalnum, name)).casefold()


@lru_cache(maxsize=1024)
def _roles(rules: Rules) -> tuple[dict[str, Role], dict[str, str]]:
    roles: dict[str, Role] = dict.fromkeys(rules.click_events, CLICK)
    roles.update(dict.fromkeys(rules.view_events, VIEW))
    for rule in rules.conversions:
        roles[rule.event] = rule.type_name if rule.value == _PLAIN_VALUE else rule
    return roles, {spelling(name): name for name in roles}


def text_of(raw: msgspec.Raw) -> str:
    """The JSON text of an event."""
    try:
        return str(bytes(raw), "utf-8")
    except UnicodeDecodeError:
        raise Refused(Reason.BAD_TEXT, "The event is not UTF-8 throughout.", "Send JSON encoded as UTF-8.") from None
