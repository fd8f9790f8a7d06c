"""What is an accepted event, on its way from the edge to the drain?

The edge reads whatever the SDKs send, decides all that can be decided from the event and the tenant's rules, and
puts these structs into the inbox. Positional (array_like) MessagePack: the drain turns rows into columns with
``zip`` and never looks at JSON again.
"""

from __future__ import annotations

import msgspec

USER = "u:"
ANONYMOUS = "a:"
"""Prefixes of raw ids: userId and anonymousId are different namespaces (SEMANTICS 2.10)."""


class Touch(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What makes an event a touchpoint. `kind` is 0 for a click, 1 for a view; `cost` a decimal string or ''.

    `said` is the channel that the event named outright; `sent_source` and `sent_campaign` are the words before the
    tenant's aliases, '' where these changed nothing.
    """

    kind: int
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
    ts: int
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


class Batch(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What one request left in the inbox: one stream entry."""

    tenant_id: int
    received_ms: int
    rules_version: int
    retention_days: int
    events: list[Event] = []
    spend: list[SpendRow] = []
    adjustments: list[Adjustment] = []


encode_batch = msgspec.msgpack.Encoder().encode
decode_batch = msgspec.msgpack.Decoder(Batch).decode
