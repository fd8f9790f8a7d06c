"""Which columns of which tables does a block become? Pure: the same block and memo give the same, however often."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import repeat
from typing import Any

from app.ingest.blocks import Known, Memo, NewLink, Received, column
from app.ingest.events import Batch, SpendRow
from app.ledger.keys import conversion_key
from app.storage.spend import stated_at

CANCELLED_TOUCH = 255
"""`is_deleted` of a touch's twin: above every revision that classifying history again may give it."""

Columns = dict[str, list[Any]]
"""Column name -> values, all of one length."""


@dataclass(slots=True)
class Rows:
    """The columns of a block by table, and what they touch.

    Parameters
    ----------
    touched : tenant -> raw id -> times of its touches that come or go.
    converted : tenant -> conversion key -> time, of each conversion that comes or goes.
    """

    touchpoints: Columns = field(default_factory=dict)
    conversions: Columns = field(default_factory=dict)
    conversions_by_user: Columns = field(default_factory=dict)
    conversions_by_order: Columns = field(default_factory=dict)
    events: Columns = field(default_factory=dict)
    touched: dict[int, dict[str, list[int]]] = field(default_factory=dict)
    converted: dict[int, dict[int, int]] = field(default_factory=dict)
    duplicates: int = 0

    def touch(self, tenant_id: int, user_ids: Iterable[str], times: Iterable[int]) -> None:
        """Note that touches come or go."""
        of_tenant = self.touched.setdefault(tenant_id, {})
        for user_id, ts in zip(user_ids, times, strict=True):
            of_tenant.setdefault(user_id, []).append(ts)

    def add(self, other: Rows) -> None:
        """Note what another part of the block touches, and what is to be registered; its other columns are stored."""
        _extend(self.events, other.events)
        for tenant_id, users in other.touched.items():
            for user_id, times in users.items():
                self.touch(tenant_id, repeat(user_id, len(times)), times)
        for tenant_id, converted in other.converted.items():
            self.converted.setdefault(tenant_id, {}).update(converted)
        self.duplicates += other.duplicates


def compose(received: Iterable[Received], memo: Memo) -> Rows:
    """Rows for the events that are new, or now known at an earlier time."""
    known: dict[int, dict[str, Known]] = {}
    for item in memo.known:
        known.setdefault(item.tenant_id, {})[item.message_id] = item
    rows = Rows()
    for one in received:
        new = _new(rows, one, known.get(one.tenant_id, {}))
        if len(new):
            keys = _add_conversions(rows, new)
            _add_touches(rows, new, keys)
            _extend(rows.events, _event_columns(new, keys))
    return rows


def _new(rows: Rows, one: Received, known: dict[str, Known]) -> Received:
    """The events without those that were stored before at no later a time; later rows of the others are cancelled."""
    if not known:
        return one
    kept = []
    for place, event in enumerate(one.events):
        before = known.get(event.message_id)
        if before is None:
            kept.append(place)
        elif before.ts <= event.ts:
            rows.duplicates += 1
        else:
            _cancel(rows, one.at([place]), before)
            kept.append(place)
    return one.at(kept)


def _add_conversions(rows: Rows, new: Received) -> dict[int, int]:
    """Returns place -> conversion key of the events that are conversions."""
    places = [place for place, event in enumerate(new.events) if event.conversion is not None]
    if not places:
        return {}
    made = new.at(places)
    what = made.of_events("conversion")
    keys = [conversion_key(one.conversion_type, one.order_id) for one in what]
    times, user_ids = made.of_events("ts"), made.of_events("user_id")
    columns = {
        "conversion_type": column(what, "conversion_type"),
        "order_id": column(what, "order_id"),
        "conversion_key": keys,
        "ts": times,
        "message_id": made.of_events("message_id"),
        "user_id": user_ids,
        "anonymous_id": made.of_events("anonymous_id"),
        "value_minor": column(what, "value_minor"),
        "currency": column(what, "currency"),
    }
    _extend(rows.conversions, columns | _stamp(made) | {"is_deleted": [0] * len(made)})
    tenant = {"tenant_id": [made.tenant_id] * len(made)}
    by_user = {"user_id": user_ids, "ts": times, "conversion_key": keys, "retention_days": made.retention_days}
    _extend(rows.conversions_by_user, tenant | by_user)
    by_order = {name: columns[name] for name in ("order_id", "conversion_key", "conversion_type")}
    _extend(rows.conversions_by_order, tenant | by_order)
    rows.converted.setdefault(new.tenant_id, {}).update(zip(keys, times, strict=True))
    return dict(zip(places, keys, strict=True))


_OF_TOUCH = (
    *("kind", "channel", "campaign", "source", "medium", "term", "content", "click_id", "url", "referrer", "cost"),
    "said",
)


def _add_touches(rows: Rows, new: Received, keys: dict[int, int]) -> None:
    places = [place for place, event in enumerate(new.events) if event.touch is not None and place not in keys]
    if not places:
        return
    made = new.at(places)
    touches = made.of_events("touch")
    columns = {name: made.of_events(name) for name in ("user_id", "ts", "message_id")}
    columns |= {name: column(touches, name) for name in _OF_TOUCH}
    columns["sent_source"] = [touch.sent_source or touch.source for touch in touches]
    columns["sent_campaign"] = [touch.sent_campaign or touch.campaign for touch in touches]
    columns["event_name"] = [event.name if event.event_type == "track" else "" for event in made.events]
    _extend(rows.touchpoints, columns | _stamp(made) | {"is_deleted": [0] * len(made)})
    rows.touch(new.tenant_id, columns["user_id"], columns["ts"])


def _event_columns(new: Received, keys: dict[int, int]) -> Columns:
    roles = ["touch" if event.touch is not None else "other" for event in new.events]
    owners = [event.user_id if event.touch is not None else "" for event in new.events]
    for place, key in keys.items():
        roles[place], owners[place] = "conversion", str(key)
    names = ("message_id", "ts", "event_type", "name", "user_id", "anonymous_id", "body")
    return {
        "tenant_id": [new.tenant_id] * len(new),
        **{name: new.of_events(name) for name in names},
        "role": roles,
        "owner": owners,
        "received_at": new.received_ms,
        "retention_days": new.retention_days,
    }


def _cancel(rows: Rows, item: Received, before: Known) -> None:
    """A twin of the row that the event made when it was thought to be later."""
    twin: Columns = {"ts": [before.ts], "message_id": [before.message_id], **_stamp(item)}
    if before.role == "touch":
        empty: Columns = {name: [""] for name in (*_OF_TOUCH, "sent_source", "sent_campaign", "event_name")}
        empty["kind"] = [0]
        owned: Columns = {"user_id": [before.owner], "is_deleted": [CANCELLED_TOUCH]}
        _extend(rows.touchpoints, empty | twin | owned)
        rows.touch(item.tenant_id, [before.owner], [before.ts])
    elif before.role == "conversion":
        key = int(before.owner)
        empty = {name: [""] for name in ("conversion_type", "order_id", "anonymous_id", "currency")}
        owned = {"user_id": [before.user_id], "conversion_key": [key], "value_minor": [0], "is_deleted": [1]}
        _extend(rows.conversions, empty | twin | owned)
        rows.converted.setdefault(item.tenant_id, {})[key] = before.ts


def _stamp(of: Received) -> Columns:
    return {
        "tenant_id": [of.tenant_id] * len(of),
        "rules_version": of.rules_version,
        "received_at": of.received_ms,
        "retention_days": of.retention_days,
    }


def _extend(columns: Columns, more: Columns) -> None:
    """Append rows; what is empty takes the columns over."""
    for name, values in more.items():
        columns.setdefault(name, []).extend(values)


MAY_BE_LEFT_OUT = {
    "touchpoints": (
        *("kind", "campaign", "term", "content", "click_id", "referrer", "cost", "event_name", "is_deleted"),
        *("source", "medium"),
    ),
    "conversions": ("anonymous_id", "is_deleted"),
    "events": ("name", "anonymous_id", "body"),
}
"""Columns whose default is empty (0, '' or the first of an enumeration): not sent where all values are."""
SENT_AS_THEY_ARE = {"sent_source": "source", "sent_campaign": "campaign"}
"""Columns whose default is another column."""


def without_defaults(table: str, columns: Columns) -> Columns:
    """The columns that have to be sent: what every row leaves at its default, storage fills in by itself."""
    left_out = {name for name in MAY_BE_LEFT_OUT.get(table, ()) if not any(columns[name])}
    left_out |= {name for name, same in SENT_AS_THEY_ARE.items() if name in columns and columns[name] == columns[same]}
    return {name: values for name, values in columns.items() if name not in left_out}


def spend_columns(batches: Sequence[Batch]) -> Columns:
    """Columns of `spend`, the version being the time of receipt: the newest statement stands."""
    stated = [(batch, row) for batch in batches if batch.spend for row in _last_per_key(batch.spend)]
    if not stated:
        return {}
    rows = [row for _, row in stated]
    return {
        "tenant_id": [batch.tenant_id for batch, _ in stated],
        "day": [date.fromisoformat(row.day) for row in rows],
        **{name: column(rows, name) for name in ("channel", "campaign", "currency", "amount_minor")},
        "version": [stated_at(batch.received_ms) for batch, _ in stated],
        "source": column(rows, "source"),
        "medium": column(rows, "medium"),
        "named_channel": [row.named_channel or row.channel for row in rows],
        "named_campaign": [row.named_campaign or row.campaign for row in rows],
    }


def _last_per_key(rows: Sequence[SpendRow]) -> Iterable[SpendRow]:
    """Within one request the last row of a key stands: both would carry the same version."""
    return {row.key: row for row in rows}.values()


def adjustment_columns(batches: Sequence[Batch]) -> Columns:
    """Columns of `adjustments`."""
    made = [(batch, item) for batch in batches for item in batch.adjustments]
    if not made:
        return {}
    names = ("adjustment_id", "order_id", "conversion_type", "action", "value", "currency", "at")
    items = [item for _, item in made]
    return {
        "tenant_id": [batch.tenant_id for batch, _ in made],
        **{name: column(items, name) for name in names},
        "received_at": [batch.received_ms for batch, _ in made],
    }


def alias_columns(links: Sequence[NewLink]) -> Columns:
    """Columns of `identity_aliases`: every meeting from both of its ids."""
    if not links:
        return {}
    both = [pair for link in links for pair in ((link.id, link.met), (link.met, link.id))]
    return {
        "tenant_id": [link.tenant_id for link in links for _ in range(2)],
        "id": [id for id, _ in both],
        "met": [met for _, met in both],
        "first_ts": [link.ts for link in links for _ in range(2)],
    }
