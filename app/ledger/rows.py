"""What does a chunk's credit look like as rows of the ledger? Columns of arrays, as they are stored and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import fields as fields_in
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.attribution.credit import Credit
from app.attribution.names import FIVE_MODELS
from app.attribution.touches import Int64s, UInt64s
from app.identity.resolve import Identities
from app.ledger.content import content_of
from app.ledger.conversions import Order
from app.ledger.fields import Fields
from app.ledger.terms import Terms
from app.storage.native import Coded, Flat, Ragged
from app.storage.touches import TouchColumns

DAY_MS = 86_400_000
MODELS = len(FIVE_MODELS)


@dataclass(frozen=True, slots=True)
class Group:
    """Conversions of equal terms, the version of the rules that says so of each, their touches and their credit."""

    fields: Fields
    rules_versions: list[int]
    terms: Terms
    columns: TouchColumns
    credit: Credit


class RowCredit(NamedTuple):
    """The credit that a row gives; arrays are model-major."""

    ts_ms: int
    rules_version: int
    currency: str
    gross_minor: int
    net_minor: int
    retracted: int
    touch_keys: list[int]
    touch_channels: list[str]
    micros: list[int]
    gross: list[int]
    net: list[int]


@dataclass(frozen=True, slots=True)
class LedgerRows:
    """n rows of `ledger` with m touches, without run and version.

    Parameters
    ----------
    conversion_type, order_id, message_id, person, currency : list of str (n,)
    key, content : uint64 (n,)
        `content` tells credits apart: see `app.ledger.content`.
    tenant_id, day, ts_ms, gross_minor, net_minor, retracted, duplicates, left_out, rules_version,
    is_deleted : int64 (n,)
        `day` is the conversion's own day in UTC, counted from 1970.
    offsets, net_offsets : int64 (n + 1,)
        Touches of each row; those of them with a net amount of their own, all of a row's or none.
    touch_key, touch_ms : uint64, int64 (m,)
    channel, campaign, source : int64 (m,)
        Codes into `channel_names`, `campaign_names` and `source_names`.
    weights, micros, gross, net : (5 * m,), `net` shorter
        Model by model within each row.
    """

    conversion_type: list[str]
    order_id: list[str]
    message_id: list[str]
    person: list[str]
    currency: list[str]
    tenant_id: Int64s
    key: UInt64s
    content: UInt64s
    day: Int64s
    ts_ms: Int64s
    gross_minor: Int64s
    net_minor: Int64s
    retracted: Int64s
    duplicates: Int64s
    left_out: Int64s
    rules_version: Int64s
    is_deleted: Int64s
    offsets: Int64s
    net_offsets: Int64s
    touch_key: UInt64s
    touch_ms: Int64s
    channel: Int64s
    channel_names: list[str]
    campaign: Int64s
    campaign_names: list[str]
    source: Int64s
    source_names: list[str]
    weights: NDArray[np.float64]
    micros: Int64s
    gross: Int64s
    net: Int64s

    def __len__(self) -> int:
        return len(self.key)

    def columns(self, run_id: str, version: int) -> dict[str, Any]:
        """As `Storage.insert` takes them."""
        n, models = len(self), self.offsets * MODELS
        return {
            "tenant_id": Flat(self.tenant_id),
            "utc_day": Flat(self.day),
            "conversion_key": Flat(self.key),
            "conversion_type": Coded.of(self.conversion_type),
            "order_id": self.order_id,
            "message_id": self.message_id,
            "ts": Flat(self.ts_ms),
            "person": self.person,
            "currency": Coded.of(self.currency),
            "gross_minor": Flat(self.gross_minor),
            "net_minor": Flat(self.net_minor),
            "retracted": Flat(self.retracted),
            "duplicates": Flat(self.duplicates),
            "touches_left_out": Flat(self.left_out),
            "touch_keys": Ragged(Flat(self.touch_key), self.offsets),
            "touch_times": Ragged(Flat(self.touch_ms), self.offsets),
            "touch_channels": Ragged(Coded(self.channel, self.channel_names), self.offsets),
            "touch_campaigns": Ragged(Coded(self.campaign, self.campaign_names), self.offsets),
            "touch_sources": Ragged(Coded(self.source, self.source_names), self.offsets),
            "weights": Ragged(Flat(self.weights), models),
            "micros": Ragged(Flat(self.micros), models),
            "gross": Ragged(Flat(self.gross), models),
            "net": Ragged(Flat(self.net), self.net_offsets * MODELS),
            "content": Flat(self.content),
            "rules_version": Flat(self.rules_version),
            "run_id": [run_id] * n,
            "version": Flat(np.full(n, version)),
            "is_deleted": Flat(self.is_deleted),
        }

    def credit(self, number: int) -> RowCredit:
        """One row by itself."""
        touches = slice(self.offsets[number], self.offsets[number + 1])
        models = slice(MODELS * touches.start, MODELS * touches.stop)
        own = slice(MODELS * self.net_offsets[number], MODELS * self.net_offsets[number + 1])
        return RowCredit(
            ts_ms=int(self.ts_ms[number]),
            rules_version=int(self.rules_version[number]),
            currency=self.currency[number],
            gross_minor=int(self.gross_minor[number]),
            net_minor=int(self.net_minor[number]),
            retracted=int(self.retracted[number]),
            touch_keys=self.touch_key[touches].tolist(),
            touch_channels=[self.channel_names[code] for code in self.channel[touches].tolist()],
            micros=self.micros[models].tolist(),
            gross=self.gross[models].tolist(),
            net=self.net[own].tolist(),
        )


def ledger_rows(found: Sequence[Order], groups: Sequence[Group], persons: Mapping[int, Identities]) -> LedgerRows:
    """The rows of a chunk: one for each conversion, and one for each other day on which an older answer may stand.

    Parameters
    ----------
    persons : of each tenant.
    """
    parts = [_of_group(group, persons) for group in groups]
    moved = [order for order in found if len(order.times_ms) > 1 or order.winner is None]  # few
    gone = [(order.tenant_id, order.key, day) for order in moved for day in _days_left(order)]
    if gone or not parts:
        parts.append(_of_gone(gone))
    return parts[0] if len(parts) == 1 else _joined(parts)


def _of_group(group: Group, persons: Mapping[int, Identities]) -> LedgerRows:
    credited, columns, fields = group.credit, group.columns, group.fields
    offsets, kept = credited.journeys.offsets, credited.journeys.index
    in_row, lengths = _model_major(offsets), np.diff(offsets)
    changed = fields.retracted | (fields.net_minor != fields.gross_minor)
    own = in_row[np.repeat(changed, MODELS * lengths)]
    known: dict[str, Any] = {
        "currency": fields.currency,
        "ts_ms": fields.ts_ms,
        "gross_minor": fields.gross_minor,
        "net_minor": fields.net_minor,
        "retracted": fields.retracted.astype(np.int64),
        "offsets": offsets,
        "net_offsets": np.concatenate([np.zeros(1, np.int64), np.cumsum(np.where(changed, lengths, 0))]),
        "touch_key": columns.key[kept],
        "channel": columns.channel[kept].astype(np.int64),
        "channel_names": columns.channel_names,
        "micros": credited.conversions_micro.ravel()[in_row],
        "gross": credited.gross_minor.ravel()[in_row],
        "net": credited.net_minor.ravel()[own],
    }
    whose = zip(fields.tenant_id.tolist(), fields.user_id, fields.ts_ms.tolist(), strict=True)
    return LedgerRows(
        **known,
        content=content_of(**known),
        tenant_id=fields.tenant_id,
        key=fields.key,
        conversion_type=fields.conversion_type,
        order_id=fields.order_id,
        message_id=fields.message_id,
        person=[persons[tenant_id].person(id, ts_ms) for tenant_id, id, ts_ms in whose],
        day=fields.ts_ms // DAY_MS,
        duplicates=fields.duplicates,
        left_out=credited.journeys.left_out.astype(np.int64),
        rules_version=np.array(group.rules_versions, np.int64),
        is_deleted=np.zeros(len(fields), np.int64),
        touch_ms=columns.time_ms[kept],
        campaign=columns.campaign[kept].astype(np.int64),
        campaign_names=columns.campaign_names,
        source=columns.source[kept].astype(np.int64),
        source_names=columns.source_names,
        weights=credited.weights.ravel()[in_row],
    )


def _of_gone(gone: Sequence[tuple[int, int, int]]) -> LedgerRows:
    """Rows that delete what an earlier answer may have left under another day of the same key."""
    n, empty = len(gone), np.zeros(0, np.int64)
    none, offsets = np.zeros(n, np.int64), np.zeros(n + 1, np.int64)
    nothing: dict[str, Any] = {
        **{name: [""] * n for name in ("conversion_type", "order_id", "message_id", "person", "currency")},
        **dict.fromkeys(("ts_ms", "gross_minor", "net_minor", "retracted", "duplicates", "left_out"), none),
        **dict.fromkeys(("touch_ms", "channel", "campaign", "source", "micros", "gross", "net"), empty),
    }
    return LedgerRows(
        **nothing,
        tenant_id=np.array([tenant_id for tenant_id, _, _ in gone], np.int64),
        key=np.array([key for _, key, _ in gone], np.uint64),
        content=none.astype(np.uint64),
        day=np.array([day for _, _, day in gone], np.int64),
        rules_version=none,
        is_deleted=np.ones(n, np.int64),
        offsets=offsets,
        net_offsets=offsets,
        touch_key=empty.astype(np.uint64),
        channel_names=[],
        campaign_names=[],
        source_names=[],
        weights=np.zeros(0),
    )


def _days_left(order: Order) -> set[int]:
    now = {order.winner.ts_ms // DAY_MS} if order.winner else set()
    return {ts_ms // DAY_MS for ts_ms in order.times_ms} - now


def _joined(parts: Sequence[LedgerRows]) -> LedgerRows:
    joined: dict[str, Any] = {}
    for name in (field.name for field in fields_in(LedgerRows)):
        values = [getattr(part, name) for part in parts]
        if isinstance(values[0], list):
            joined[name] = [item for value in values for item in value]
            continue
        if name in ("offsets", "net_offsets"):
            lengths = np.concatenate([np.diff(value) for value in values])
            joined[name] = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
            continue
        if name in ("channel", "campaign", "source"):
            known = [len(getattr(part, f"{name}_names")) for part in parts]
            shift = np.cumsum([0, *known[:-1]]).tolist()
            values = [value + by for value, by in zip(values, shift, strict=True)]
        joined[name] = np.concatenate(values)
    return LedgerRows(**joined)


def _model_major(offsets: Int64s) -> Int64s:
    """Where the amounts of (conversion, model, touch) stand in a flat (5, m) array.

    Parameters
    ----------
    offsets : int64 (n + 1,)

    Returns
    -------
    int64 (5 * m,), conversion by conversion, within it model by model.
    """
    lengths, m = np.diff(offsets), int(offsets[-1])
    # Touch t of model k goes to (what other conversions have before it) + k * (touches of its own) + its place.
    first = np.arange(m) + np.repeat((MODELS - 1) * offsets[:-1], lengths)
    goes_to = first + np.arange(MODELS)[:, None] * np.repeat(lengths, lengths)
    comes_from = np.empty(MODELS * m, np.int64)
    comes_from[goes_to.ravel()] = np.arange(MODELS * m)
    return comes_from
