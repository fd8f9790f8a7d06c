"""Which columns of which tables does a block become? Pure: the same block and memo give the same, however often."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from app.ingest.blocks import Known, Memo, NewLink, Received, column
from app.ingest.column import Column, Columns, joined, listed, says_nothing
from app.ingest.events import NO_TOUCH, Batch, SpendRow
from app.ledger.keys import conversion_key
from app.storage.native import Coded, Flat
from app.storage.spend import stated_at

CANCELLED_TOUCH = 255
"""`is_deleted` of a touch's twin: above every revision that classifying history again may give it."""
TOUCH, CONVERSION = 1, 2
"""Numbers of the `role` of an event in the register; 0 is neither."""
EVENT_TABLES = ("touchpoints", "conversions", "conversions_by_user", "conversions_by_order")
"""What events become; the register `events` comes after them."""


@dataclass(slots=True)
class Rows:
    """The columns of a block by table, in parts one after the other, and what they touch.

    Parameters
    ----------
    touched : tenant -> raw id -> times of its touches that come or go.
    converted : tenant -> conversion key -> time, of each conversion that comes or goes.
    """

    parts: dict[str, list[Columns]] = field(default_factory=dict)
    touched: dict[int, dict[str, list[int]]] = field(default_factory=dict)
    converted: dict[int, dict[int, int]] = field(default_factory=dict)
    duplicates: int = 0

    def columns(self, table: str) -> Columns:
        """The columns of a table; none where it gets no rows."""
        parts = self.parts.get(table, [])
        return {name: joined([part[name] for part in parts]) for name in (parts[0] if parts else ())}

    def put(self, table: str, columns: Columns) -> None:
        """Append rows."""
        self.parts.setdefault(table, []).append(columns)

    def touch(self, tenant_ids: Iterable[int], user_ids: Iterable[str], times: Iterable[int]) -> None:
        """Note that touches come or go."""
        for tenant_id, user_id, ts in zip(tenant_ids, user_ids, times, strict=True):
            self.touched.setdefault(tenant_id, {}).setdefault(user_id, []).append(ts)

    def convert(self, tenant_ids: Iterable[int], keys: Iterable[int], times: Iterable[int]) -> None:
        """Note that conversions come or go."""
        for tenant_id, key, ts in zip(tenant_ids, keys, times, strict=True):
            self.converted.setdefault(tenant_id, {})[key] = ts

    def add(self, other: Rows) -> None:
        """Note what another part of the block touches, and what is to be registered; its other columns are stored."""
        for columns in other.parts.get("events", ()):
            self.put("events", columns)
        for tenant_id, users in other.touched.items():
            for user_id, times in users.items():
                self.touched.setdefault(tenant_id, {}).setdefault(user_id, []).extend(times)
        for tenant_id, converted in other.converted.items():
            self.converted.setdefault(tenant_id, {}).update(converted)
        self.duplicates += other.duplicates


def compose(received: Received, memo: Memo) -> Rows:
    """Rows for the events that are new, or now known at an earlier time."""
    rows = Rows()
    new = _new(rows, received, {(item.tenant_id, item.message_id): item for item in memo.known})
    if len(new):
        keys = _add_conversions(rows, new)
        _add_touches(rows, new, keys)
        _add_events(rows, new, keys)
    return rows


def _new(rows: Rows, received: Received, known: dict[tuple[int, str], Known]) -> Received:
    """The events without those that were stored before at no later a time; later rows of the others are cancelled."""
    if not known or not len(received):
        return received
    kept = []
    events = zip(*map(received.listed, ("tenant_id", "message_id", "ts")), strict=True)
    for place, (tenant_id, message_id, ts) in enumerate(events):
        before = known.get((tenant_id, message_id))
        if before is None:
            kept.append(place)
        elif before.ts <= ts:
            rows.duplicates += 1
        else:
            _cancel(rows, received.at([place]), before)
            kept.append(place)
    return received.at(kept)


def _add_conversions(rows: Rows, new: Received) -> dict[int, int]:
    """Returns place -> conversion key of the events that are conversions."""
    places = [place for place, what in enumerate(new.listed("conversion")) if what is not None]
    if not places:
        return {}
    made = new.at(places)
    what = made.listed("conversion")
    keys = [conversion_key(one.conversion_type, one.order_id) for one in what]
    columns: Columns = {
        **{name: column(what, name) for name in ("conversion_type", "order_id", "value_minor", "currency")},
        **{name: made[name] for name in ("ts", "message_id", "user_id", "anonymous_id")},
        **_stamp(made),
        "conversion_key": keys,
    }
    rows.put("conversions", {**columns, "is_deleted": [0] * len(made)})
    by_user = ("tenant_id", "user_id", "ts", "conversion_key", "retention_days")
    rows.put("conversions_by_user", {name: columns[name] for name in by_user})
    by_order = ("tenant_id", "order_id", "conversion_key", "conversion_type")
    rows.put("conversions_by_order", {name: columns[name] for name in by_order})
    rows.convert(made.listed("tenant_id"), keys, made.listed("ts"))
    return dict(zip(places, keys, strict=True))


_OF_TOUCH = (
    *("kind", "channel", "campaign", "source", "medium", "term", "content", "click_id", "url", "referrer", "cost"),
    *("said", "sent_source", "sent_campaign"),
)


def _add_touches(rows: Rows, new: Received, keys: dict[int, int]) -> None:
    is_touch = new.numbers("kind") != NO_TOUCH
    is_touch[list(keys)] = False
    if not is_touch.any():
        return
    made = new.at(np.flatnonzero(is_touch))
    columns = {name: made[name] for name in ("user_id", "ts", "message_id", *_OF_TOUCH)}
    columns["event_name"] = _name_of_track(made)
    rows.put("touchpoints", {**columns, **_stamp(made), "is_deleted": Flat(np.zeros(len(made), np.int64))})
    rows.touch(made.listed("tenant_id"), made.listed("user_id"), made.listed("ts"))


def _name_of_track(made: Received) -> Coded:
    """The names of `track` events, '' of others."""
    names, types = made["name"], made["event_type"]
    assert isinstance(names, Coded)
    assert isinstance(types, Coded)
    is_track = np.array([name == "track" for name in types.names])[types.codes]
    return Coded(np.where(is_track, names.codes, len(names.names)), [*names.names, ""])


def _add_events(rows: Rows, new: Received, keys: dict[int, int]) -> None:
    roles = np.where(new.numbers("kind") != NO_TOUCH, TOUCH, 0)
    owners = [user_id if role else "" for user_id, role in zip(new.listed("user_id"), roles.tolist(), strict=True)]
    for place, key in keys.items():
        roles[place], owners[place] = CONVERSION, str(key)
    names = ("message_id", "ts", "event_type", "name", "user_id", "anonymous_id", "body")
    columns: Columns = {
        **{name: new[name] for name in names},
        **{name: values for name, values in _stamp(new).items() if name != "rules_version"},
        "role": Flat(roles),
        "owner": owners,
    }
    rows.put("events", columns)


def _cancel(rows: Rows, item: Received, before: Known) -> None:
    """A twin of the row that the event made when it was thought to be later."""
    whose = item.listed("tenant_id")
    twin: Columns = {"ts": [before.ts], "message_id": [before.message_id], **_stamp(item)}
    if before.role == "touch":
        empty: Columns = {name: [""] for name in (*_OF_TOUCH, "event_name")}
        owned: Columns = {"kind": [0], "user_id": [before.owner], "is_deleted": [CANCELLED_TOUCH]}
        rows.put("touchpoints", {**empty, **twin, **owned})
        rows.touch(whose, [before.owner], [before.ts])
    elif before.role == "conversion":
        key = int(before.owner)
        empty = {name: [""] for name in ("conversion_type", "order_id", "anonymous_id", "currency")}
        owned = {"user_id": [before.user_id], "conversion_key": [key], "value_minor": [0], "is_deleted": [1]}
        rows.put("conversions", {**empty, **twin, **owned})
        rows.convert(whose, [key], [before.ts])


def _stamp(of: Received) -> Columns:
    names = ("tenant_id", "rules_version", "retention_days")
    return {**{name: of[name] for name in names}, "received_at": of["received_ms"]}


MAY_BE_LEFT_OUT = {
    "touchpoints": (
        *("kind", "campaign", "term", "content", "click_id", "referrer", "cost", "event_name", "is_deleted"),
        *("source", "medium", "sent_source", "sent_campaign"),
    ),
    "conversions": ("anonymous_id", "is_deleted"),
    "events": ("name", "anonymous_id", "body"),
}
"""Columns whose default is empty (0, '' or the first of an enumeration): not sent where all values are."""
SENT_AS_THEY_ARE = {"sent_source": "source", "sent_campaign": "campaign"}
"""Columns whose default is another column: where they are '' they are that."""


def without_defaults(table: str, columns: Columns) -> Columns:
    """The columns that have to be sent: what every row leaves at its default, storage fills in by itself."""
    left_out = {name for name in MAY_BE_LEFT_OUT.get(table, ()) if says_nothing(columns[name])}
    sent: dict[str, Column] = {name: values for name, values in columns.items() if name not in left_out}
    for name in SENT_AS_THEY_ARE.keys() & sent.keys():
        both = zip(listed(sent[name]), listed(columns[SENT_AS_THEY_ARE[name]]), strict=True)
        sent[name] = Coded.of([own or same for own, same in both])
    return sent


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
