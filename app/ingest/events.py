"""What is an accepted event, on its way from the edge to the drain?

The edge reads whatever the SDKs send, decides all that can be decided from the event and the tenant's rules, and
puts these structs into the inbox, as MessagePack. A batch of more than a few events travels by column: most of what
reading it costs is making strings, and few of them are distinct. The drain works on columns, and never looks at JSON.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Sequence
from itertools import count
from typing import Annotated, Any

import msgspec
from msgspec.structs import astuple

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What an array of numbers can hold. Whether storage's column can, it says itself."""

USER = "u:"
ANONYMOUS = "a:"
"""Prefixes of raw ids: userId and anonymousId are different namespaces (SEMANTICS 2.10)."""


class Touch(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What makes an event a touchpoint. `kind` is 0 for a click, 1 for a view; `cost` a decimal string or ''.

    `said` is the channel that the event named outright; `sent_source` and `sent_campaign` are the words before the
    tenant's aliases, '' where these changed nothing.
    """

    kind: Annotated[int, msgspec.Meta(ge=0, le=127)]
    channel: str
    campaign: str = ""
    source: str = ""
    medium: str = ""
    term: str = ""
    content: str = ""
    click_id: str = ""
    url: str = ""
    referrer: str = ""
    cost: str = ""
    said: str = ""
    sent_source: str = ""
    sent_campaign: str = ""


class Conversion(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What makes an event a conversion. `value_minor` in the minor unit of `currency`."""

    conversion_type: str
    order_id: str
    value_minor: int
    currency: str


class Event(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One accepted event. `user_id` is the raw id that it belongs to, with its prefix; times in epoch ms.

    `anonymous_id` (with prefix) is given where the event carried both ids: the two have met. `previous_id` (with
    prefix) is set on `alias`. `body` is the event's JSON where it is neither a touch nor a conversion.
    """

    message_id: str
    event_type: str
    name: str
    ts: Int64
    user_id: str
    anonymous_id: str = ""
    previous_id: str = ""
    touch: Touch | None = None
    conversion: Conversion | None = None
    body: str = ""


class SpendRow(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Cost of one day, channel and campaign. `day` is YYYY-MM-DD.

    What it was sent with says which row it is: a later one with the same replaces it. `channel` is '' where `source`
    and `medium` say it. `named_channel` and `named_campaign` are what the tenant's rules call them, '' where that is
    what was sent.
    """

    day: str
    channel: str
    campaign: str
    currency: str
    amount_minor: int
    source: str = ""
    medium: str = ""
    named_channel: str = ""
    named_campaign: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        return self.day, self.channel, self.campaign, self.currency, self.source, self.medium


class Adjustment(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A refund or correction. `action` is 'restate' or 'retract'; `value` a decimal string ('' for retract);
    `currency` '' means the conversion's; `conversion_type` '' means every conversion of the order."""

    adjustment_id: str
    action: str
    order_id: str
    value: str
    currency: str
    at: int
    conversion_type: str = ""


CODED = (
    *("event_type", "name", "channel", "campaign", "source", "medium", "click_id", "said"),
    *("sent_source", "sent_campaign"),
)
"""Fields of an event or its touch of which few values are distinct: they are LowCardinality in storage."""
TEXTS = (
    *("message_id", "user_id", "anonymous_id", "previous_id", "body"),
    *("term", "content", "url", "referrer", "cost"),
)
"""The other texts."""
NO_TOUCH = -1
"""`kind` of an event that is no touch."""
_NOTHING = Touch(NO_TOUCH, "")
FEW = 25
"""A batch of so many events travels as it is: columns would cost more than they save."""


class EventColumns(msgspec.Struct, frozen=True, gc=False, rename={"conversions": "c", "coded": "d", "texts": "t"}):
    """Events by column: fields of Event and Touch by their names, left out where every value is ''.

    `ts` are Int64 and `kind` Int8; `coded` are names and which of them each event has, as numbers of one byte or four,
    none where all have the only one. `conversions` stand with their event's place.

    Raises ValueError where they do not fit together, so that an entry that was damaged is unreadable, and neither stops
    its shard nor takes names of the batch beside it.
    """

    ts: bytes
    kind: bytes
    texts: dict[str, list[str]]
    coded: dict[str, tuple[list[str], bytes]]
    conversions: list[tuple[int, Conversion]]

    def __post_init__(self) -> None:
        count = len(self.kind)
        columns = [len(self.ts) / 8, *map(len, self.texts.values())]
        if not count or any(length != count for length in columns):
            raise ValueError(f"columns are not all of {count} events, or there are none")
        if not all(_fit(names, codes, count) for names, codes in self.coded.values()):
            raise ValueError("codes and their names do not fit together")
        if not all(0 <= place < count for place, _ in self.conversions):
            raise ValueError("a conversion is of no event")

    def __len__(self) -> int:
        return len(self.kind)


def _fit(names: Sequence[str], codes: bytes, count: int) -> bool:
    if not codes:
        return len(names) == 1
    if len(codes) not in (count, 4 * count):
        return False
    return max(codes if len(codes) == count else array("I", codes)) < len(names)


def columns_of(events: Sequence[Event]) -> EventColumns:
    """One event at least."""
    found: dict[str, tuple[Any, ...]] = dict(
        zip(Event.__struct_fields__, zip(*map(astuple, events), strict=True), strict=True)
    )
    touches = [_NOTHING if touch is None else touch for touch in found["touch"]]
    found |= zip(Touch.__struct_fields__, zip(*map(astuple, touches), strict=True), strict=True)
    return EventColumns(
        array("q", found["ts"]).tobytes(),
        array("b", found["kind"]).tobytes(),
        {name: list(found[name]) for name in TEXTS if any(found[name])},
        {name: _coded(found[name]) for name in CODED if any(found[name])},
        [(place, what) for place, what in enumerate(found["conversion"]) if what is not None],
    )


def _coded(values: tuple[str, ...]) -> tuple[list[str], bytes]:
    numbers: dict[str, int] = defaultdict(count().__next__)
    codes = list(map(numbers.__getitem__, values))
    if len(numbers) == 1:
        return list(numbers), b""
    return list(numbers), bytes(codes) if len(numbers) <= 1 << 8 else array("I", codes).tobytes()


class Batch(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one request left in the inbox: one stream entry."""

    tenant_id: Int64
    received_ms: Int64
    rules_version: Int64
    retention_days: Int64
    events: list[Event] | EventColumns = []
    spend: list[SpendRow] = []
    adjustments: list[Adjustment] = []


_encode = msgspec.msgpack.Encoder().encode


def encode_batch(batch: Batch) -> bytes:
    """An entry of the inbox."""
    if isinstance(batch.events, list) and len(batch.events) > FEW:
        batch = msgspec.structs.replace(batch, events=columns_of(batch.events))
    return _encode(batch)


decode_batch = msgspec.msgpack.Decoder(Batch).decode
