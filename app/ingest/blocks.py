"""Which events are in a sealed block, and what was known of them before it? Pure.

From here on a block is columns: what the driver packs is a column at a time, and to make rows of it first only to turn
them round again was half of what storing an event cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from operator import attrgetter
from typing import Any

import msgspec

from app.ingest.events import Adjustment, Batch, Event


@dataclass(frozen=True, slots=True)
class Received:
    """Events of one tenant and, event by event, what the request that each came with says."""

    tenant_id: int
    events: list[Event] = field(default_factory=list)
    received_ms: list[int] = field(default_factory=list)
    rules_version: list[int] = field(default_factory=list)
    retention_days: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.events)

    def add(self, batch: Batch) -> None:
        """Append the events of a request."""
        count = len(batch.events)
        self.events.extend(batch.events)
        self.received_ms.extend(repeat(batch.received_ms, count))
        self.rules_version.extend(repeat(batch.rules_version, count))
        self.retention_days.extend(repeat(batch.retention_days, count))

    def at(self, places: Iterable[int]) -> Received:
        """The events at these places."""
        chosen = list(places)
        return Received(
            self.tenant_id,
            [self.events[place] for place in chosen],
            [self.received_ms[place] for place in chosen],
            [self.rules_version[place] for place in chosen],
            [self.retention_days[place] for place in chosen],
        )

    def of_events(self, name: str) -> list[Any]:
        """A field of the events, as a column."""
        return column(self.events, name)


def column(items: Sequence[Any], name: str) -> list[Any]:
    """A field of each of the items."""
    return list(map(attrgetter(name), items))


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
    """The events of a block, by tenant."""
    found: dict[int, Received] = {}
    for batch in batches:
        if batch.events:
            found.setdefault(batch.tenant_id, Received(batch.tenant_id)).add(batch)
    return list(found.values())


def distinct(received: Iterable[Received]) -> list[Received]:
    """Each (tenant, messageId) once, at the earliest of its times."""
    return [_distinct(one) for one in received]


def _distinct(one: Received) -> Received:
    if len(set(one.of_events("message_id"))) == len(one):
        return one
    first: dict[str, int] = {}
    for place, event in enumerate(one.events):
        before = first.get(event.message_id)
        if before is None or event.ts < one.events[before].ts:
            first[event.message_id] = place
    return one.at(first.values())


def halves(received: Sequence[Received]) -> tuple[list[Received], list[Received]]:
    """The first half of the events, and the second."""
    left = sum(map(len, received)) // 2
    first, second = [], []
    for one in received:
        count = min(left, len(one))
        left -= count
        first.append(one.at(range(count)))
        second.append(one.at(range(count, len(one))))
    return [one for one in first if len(one)], [one for one in second if len(one)]


def find(received: Iterable[Received], tenant_id: int, message_id: str) -> Received:
    """A tenant's event of the block."""
    one = next(one for one in received if one.tenant_id == tenant_id)
    return one.at([one.of_events("message_id").index(message_id)])


def meetings(received: Iterable[Received]) -> dict[tuple[int, str, str], int]:
    """(tenant, id, met) -> earliest time, for every pair of ids that the events bring together."""
    found: dict[tuple[int, str, str], int] = {}
    for one in received:
        for event in one.events:
            for id in (event.anonymous_id, event.previous_id):
                if id and id != event.user_id:
                    link = (one.tenant_id, id, event.user_id)
                    found[link] = min(found.get(link, event.ts), event.ts)
    return found


def adjusted_orders(batches: Sequence[Batch]) -> dict[int, list[Adjustment]]:
    """The adjustments of each tenant."""
    found: dict[int, list[Adjustment]] = {}
    for batch in batches:
        if batch.adjustments:
            found.setdefault(batch.tenant_id, []).extend(batch.adjustments)
    return found
