"""Which rows does a sealed block become? Pure: the same block and memo give the same rows, however often."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import msgspec

from app.ingest.events import Adjustment, Batch, Event, SpendRow
from app.ledger.keys import conversion_key
from app.storage.spend import stated_at

CANCELLED_TOUCH = 255
"""`is_deleted` of a touch's twin: above every revision that classifying history again may give it."""


@dataclass(frozen=True, slots=True)
class Received:
    """An event and the request that it came with."""

    tenant_id: int
    received_ms: int
    rules_version: int
    retention_days: int
    event: Event


class Known(msgspec.Struct, array_like=True, frozen=True):
    """An event of the block that was stored before it: where its row stands, to cancel it if need be."""

    tenant_id: int
    message_id: str
    ts: int
    role: str
    owner: str
    user_id: str = ""


class NewLink(msgspec.Struct, array_like=True, frozen=True):
    """Two ids that had not met before `ts`."""

    tenant_id: int
    id: str
    met: str
    ts: int


class Memo(msgspec.Struct, array_like=True, frozen=True):
    """What storage knew about a block before the block's first insert."""

    known: list[Known]
    links: list[NewLink]


encode_memo = msgspec.msgpack.Encoder().encode
decode_memo = msgspec.msgpack.Decoder(Memo).decode


def flatten(batches: Iterable[Batch]) -> list[Received]:
    """The events of a block, one after the other."""
    return [
        Received(batch.tenant_id, batch.received_ms, batch.rules_version, batch.retention_days, event)
        for batch in batches
        for event in batch.events
    ]


def distinct(received: Iterable[Received]) -> list[Received]:
    """Each (tenant, messageId) once, at the earliest of its times."""
    first: dict[tuple[int, str], Received] = {}
    for item in received:
        identity = (item.tenant_id, item.event.message_id)
        before = first.get(identity)
        if before is None or item.event.ts < before.event.ts:
            first[identity] = item
    return list(first.values())


def meetings(received: Iterable[Received]) -> dict[tuple[int, str, str], int]:
    """(tenant, id, met) -> earliest time, for every pair of ids that the events bring together."""
    found: dict[tuple[int, str, str], int] = {}
    for item in received:
        event = item.event
        pairs = []
        if event.anonymous_id and event.anonymous_id != event.user_id:
            pairs.append((event.anonymous_id, event.user_id))
        if event.previous_id and event.previous_id != event.user_id:
            pairs.append((event.previous_id, event.user_id))
        for id, met in pairs:
            link = (item.tenant_id, id, met)
            found[link] = min(found.get(link, event.ts), event.ts)
    return found


@dataclass(slots=True)
class Rows:
    """The rows of a block by table, and what they touch."""

    touchpoints: list[tuple[Any, ...]] = field(default_factory=list)
    conversions: list[tuple[Any, ...]] = field(default_factory=list)
    by_user: list[tuple[Any, ...]] = field(default_factory=list)
    by_order: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    touched: list[tuple[int, str, int]] = field(default_factory=list)
    converted: list[tuple[int, int, int]] = field(default_factory=list)
    duplicates: int = 0

    TOUCHPOINTS = (
        *("tenant_id", "user_id", "ts", "message_id", "kind", "channel", "campaign", "source", "medium"),
        *("term", "content", "click_id", "url", "referrer", "cost"),
        *("said", "sent_source", "sent_campaign", "event_name"),
        *("rules_version", "received_at", "retention_days", "is_deleted"),
    )
    CONVERSIONS = (
        *("tenant_id", "conversion_type", "order_id", "conversion_key", "ts", "message_id", "user_id"),
        *("anonymous_id", "value_minor", "currency"),
        *("rules_version", "received_at", "retention_days", "is_deleted"),
    )
    BY_USER = ("tenant_id", "user_id", "ts", "conversion_key", "retention_days")
    BY_ORDER = ("tenant_id", "order_id", "conversion_key", "conversion_type")
    EVENTS = (
        *("tenant_id", "message_id", "ts", "received_at", "event_type", "name", "role", "owner"),
        *("user_id", "anonymous_id", "body", "retention_days"),
    )


def compose(received: Iterable[Received], memo: Memo) -> Rows:
    """Rows for the events that are new, or now known at an earlier time.

    `touched` lists (tenant, user id, time) of every touch that comes or goes, `converted` (tenant, conversion key,
    time) of every conversion that does.
    """
    known = {(item.tenant_id, item.message_id): item for item in memo.known}
    rows = Rows()
    for item in received:
        before = known.get((item.tenant_id, item.event.message_id))
        if before is not None:
            if before.ts <= item.event.ts:
                rows.duplicates += 1
                continue
            _cancel(rows, item, before)
        _add(rows, item)
    return rows


def _add(rows: Rows, item: Received) -> None:
    event, tenant_id, retention = item.event, item.tenant_id, item.retention_days
    role, owner = "other", ""
    if event.conversion is not None:
        role = "conversion"
        what = event.conversion
        key = conversion_key(what.conversion_type, what.order_id)
        owner = str(key)
        rows.conversions.append(
            (tenant_id, what.conversion_type, what.order_id, key, event.ts, event.message_id, event.user_id)
            + (event.anonymous_id, what.value_minor, what.currency)
            + (item.rules_version, item.received_ms, retention, 0)
        )
        rows.by_user.append((tenant_id, event.user_id, event.ts, key, retention))
        rows.by_order.append((tenant_id, what.order_id, key, what.conversion_type))
        rows.converted.append((tenant_id, key, event.ts))
    elif event.touch is not None:
        role, owner = "touch", event.user_id
        touch = event.touch
        rows.touchpoints.append(
            (tenant_id, event.user_id, event.ts, event.message_id, touch.kind, touch.channel, touch.campaign)
            + (touch.source, touch.medium, touch.term, touch.content, touch.click_id, touch.url)
            + (touch.referrer, touch.cost, touch.said, touch.sent_source or touch.source)
            + (touch.sent_campaign or touch.campaign, event.name if event.event_type == "track" else "")
            + (item.rules_version, item.received_ms, retention, 0)
        )
        rows.touched.append((tenant_id, event.user_id, event.ts))
    rows.events.append(
        (tenant_id, event.message_id, event.ts, item.received_ms, event.event_type, event.name, role, owner)
        + (event.user_id, event.anonymous_id, event.body, retention)
    )


def _cancel(rows: Rows, item: Received, before: Known) -> None:
    """A twin of the row that the event made when it was thought to be later."""
    tenant_id, message_id = item.tenant_id, before.message_id
    stamp = (item.rules_version, item.received_ms, item.retention_days)
    if before.role == "touch":
        row = (tenant_id, before.owner, before.ts, message_id, 0) + ("",) * 14 + stamp
        rows.touchpoints.append((*row, CANCELLED_TOUCH))
        rows.touched.append((tenant_id, before.owner, before.ts))
    elif before.role == "conversion":
        key = int(before.owner)
        rows.conversions.append((tenant_id, "", "", key, before.ts, message_id, before.user_id, "", 0, "", *stamp, 1))
        rows.converted.append((tenant_id, key, before.ts))


def spend_rows(batches: Sequence[Batch]) -> list[tuple[Any, ...]]:
    """Rows of `spend`, the version being the time of receipt: the newest statement stands."""
    return [
        (batch.tenant_id, date.fromisoformat(row.day), row.channel, row.campaign, row.currency)
        + (row.amount_minor, stated_at(batch.received_ms), row.source, row.medium)
        + (row.named_channel or row.channel, row.named_campaign or row.campaign)
        for batch in batches
        for row in _last_per_key(batch.spend)
    ]


def _last_per_key(rows: Sequence[SpendRow]) -> Iterable[SpendRow]:
    """Within one request the last row of a key stands: both would carry the same version."""
    return {row.key: row for row in rows}.values()


def adjustment_rows(batches: Sequence[Batch]) -> list[tuple[Any, ...]]:
    return [
        (batch.tenant_id, item.adjustment_id, item.order_id, item.conversion_type, item.action, item.value)
        + (item.currency, item.at, batch.received_ms)
        for batch in batches
        for item in batch.adjustments
    ]


SPEND = (
    *("tenant_id", "day", "channel", "campaign", "currency", "amount_minor", "version"),
    *("source", "medium", "named_channel", "named_campaign"),
)
ADJUSTMENTS = (
    *("tenant_id", "adjustment_id", "order_id", "conversion_type", "action", "value"),
    *("currency", "at", "received_at"),
)
ALIASES = ("tenant_id", "id", "met", "first_ts")


def adjusted_orders(batches: Sequence[Batch]) -> dict[int, list[Adjustment]]:
    """The adjustments of each tenant."""
    found: dict[int, list[Adjustment]] = {}
    for batch in batches:
        if batch.adjustments:
            found.setdefault(batch.tenant_id, []).extend(batch.adjustments)
    return found
