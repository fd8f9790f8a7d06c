"""Which events are in a sealed block, and what was known of them before it? Pure.

From here on a block is columns: what the driver packs is a column at a time, and to make rows of it first only to turn
them round again was half of what storing an event cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, compress, pairwise, repeat
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.ingest.column import Column, Columns, chosen, listed
from app.ingest.events import (
    CODED,
    NO_TOUCH,
    TEXTS,
    Adjustment,
    Batch,
    Conversion,
    Event,
    EventColumns,
    Touch,
    columns_of,
)
from app.storage.native import Coded, Flat

STAMP = ("tenant_id", "received_ms", "rules_version", "retention_days")
"""What the request that an event came with says of it."""
_EMPTY: tuple[list[str], bytes] = ([""], b"")
"""A coded field that all events of a batch leave out."""
_PLAIN = tuple(name for name in Event.__struct_fields__ if name != "touch")


@dataclass(frozen=True, slots=True)
class Received:
    """Events of a block by column, those of a tenant beside one another.

    The columns are the fields of Event and Touch, and those of `STAMP`. Coded are those in `CODED`, the numbers are
    arrays, and all others are lists.
    """

    columns: Columns

    def __len__(self) -> int:
        return len(self.columns["message_id"]) if self.columns else 0

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def listed(self, name: str) -> list[Any]:
        """A column as Python's own values."""
        return listed(self.columns[name])

    def numbers(self, name: str) -> NDArray[np.int64]:
        """A column of numbers."""
        column = self.columns[name]
        assert isinstance(column, Flat)
        return column.values

    def at(self, places: Iterable[int]) -> Received:
        """The events at these places."""
        taken = np.fromiter(places, np.int64)
        return Received({name: chosen(column, taken) for name, column in self.columns.items()})

    def tenants(self) -> dict[int, slice]:
        """Tenant -> where its events stand."""
        ids = self.numbers("tenant_id")
        bounds = [*np.flatnonzero(np.diff(ids, prepend=-1)).tolist(), len(ids)]
        return {int(ids[first]): slice(first, end) for first, end in pairwise(bounds)}

    def by_tenant(self, name: str) -> dict[int, list[Any]]:
        """Tenant -> its part of a column."""
        values = self.listed(name)
        return {tenant_id: values[span] for tenant_id, span in self.tenants().items()}

    def touching(self) -> dict[int, set[str]]:
        """Tenant -> the ids of its touches."""
        user_ids, is_touch = self.listed("user_id"), self.numbers("kind") != NO_TOUCH
        return {id: set(compress(user_ids[span], is_touch[span].tolist())) for id, span in self.tenants().items()}

    def events(self) -> list[Event]:
        """The events as they were sent."""
        if not len(self):
            return []
        touches = zip(*map(self.listed, Touch.__struct_fields__), strict=True)
        made = [Touch(*fields) if fields[0] != NO_TOUCH else None for fields in touches]
        plain = zip(*map(self.listed, _PLAIN), strict=True)
        return [
            Event(**dict(zip(_PLAIN, fields, strict=True)), touch=touch)
            for fields, touch in zip(plain, made, strict=True)
        ]


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


def flatten(batches: Iterable[Batch]) -> Received:
    """The events of a block."""
    some = sorted((batch for batch in batches if batch.events), key=attrgetter("tenant_id"))
    if not some:
        return Received({})
    counts = [len(batch.events) for batch in some]
    stamps = {name: Flat(np.repeat(np.array(column(some, name), np.int64), counts)) for name in STAMP}
    return Received({**_joined(list(_by_column(some))), **stamps})


def _by_column(batches: Iterable[Batch]) -> Iterator[EventColumns]:
    """Small batches, which come as events, are made columns of together."""
    events: list[Event] = []
    for batch in batches:
        if isinstance(batch.events, list):
            events += batch.events
            continue
        if events:
            yield columns_of(events)
            events = []
        yield batch.events
    if events:
        yield columns_of(events)


def _joined(parts: Sequence[EventColumns]) -> Columns:
    counts = [len(part) for part in parts]
    conversions: list[Conversion | None] = [None] * sum(counts)
    for part, first in zip(parts, accumulate(counts, initial=0), strict=False):
        for place, what in part.conversions:
            conversions[first + place] = what
    texts = {
        name: [*chain.from_iterable(part.texts.get(name) or repeat("", len(part)) for part in parts)] for name in TEXTS
    }
    return {
        "ts": Flat(np.frombuffer(b"".join(part.ts for part in parts), np.int64)),
        "kind": Flat(np.frombuffer(b"".join(part.kind for part in parts), np.int8).astype(np.int64)),
        "conversion": conversions,
        **texts,
        **{name: _coded([part.coded.get(name, _EMPTY) for part in parts], counts) for name in CODED},
    }


def _coded(parts: Sequence[tuple[list[str], bytes]], counts: Sequence[int]) -> Coded:
    """Each part's codes after those of the parts before it."""
    names = list(chain.from_iterable(own for own, _ in parts))
    firsts = np.repeat(list(accumulate((len(own) for own, _ in parts[:-1]), initial=0)), counts)
    if len(names) == len(parts):
        return Coded(firsts, names)
    codes = [
        np.frombuffer(packed, f"=u{len(packed) // count}") if packed else np.zeros(count, np.uint8)
        for (_, packed), count in zip(parts, counts, strict=True)
    ]
    return Coded(firsts + np.concatenate(codes), names)


def column(items: Sequence[Any], name: str) -> list[Any]:
    """A field of each of the items."""
    return list(map(attrgetter(name), items))


def distinct(received: Received) -> Received:
    """Each (tenant, messageId) once, at the earliest of its times."""
    if not len(received) or len(set(received.listed("message_id"))) == len(received):
        return received
    first: dict[tuple[int, str], int] = {}
    times = received.listed("ts")
    for place, key in enumerate(_keys(received)):
        before = first.get(key)
        if before is None or times[place] < times[before]:
            first[key] = place
    return received.at(first.values())


def _keys(received: Received) -> Iterable[tuple[int, str]]:
    return zip(received.listed("tenant_id"), received.listed("message_id"), strict=True)


def halves(received: Received) -> tuple[Received, Received]:
    """The first half of the events, and the second."""
    middle = len(received) // 2
    return received.at(range(middle)), received.at(range(middle, len(received)))


def find(received: Received, tenant_id: int, message_id: str) -> Received:
    """A tenant's event of the block."""
    return received.at([list(_keys(received)).index((tenant_id, message_id))])


def meetings(received: Received) -> dict[tuple[int, str, str], int]:
    """(tenant, id, met) -> earliest time, for every pair of ids that the events bring together."""
    found: dict[tuple[int, str, str], int] = {}
    for name in ("anonymous_id", "previous_id"):
        ids = received.listed(name)
        if not any(ids):
            continue
        events = zip(ids, *map(received.listed, ("tenant_id", "user_id", "ts")), strict=True)
        for id, tenant_id, user_id, ts in events:
            if id and id != user_id:
                link = (tenant_id, id, user_id)
                found[link] = min(found.get(link, ts), ts)
    return found


def adjusted_orders(batches: Sequence[Batch]) -> dict[int, list[Adjustment]]:
    """The adjustments of each tenant."""
    found: dict[int, list[Adjustment]] = {}
    for batch in batches:
        if batch.adjustments:
            found.setdefault(batch.tenant_id, []).extend(batch.adjustments)
    return found
