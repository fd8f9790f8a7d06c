"""What did storage know about a block's events before the first of them was stored?

One statement a question, however many tenants are in the block, and all questions at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from functools import partial
from typing import Any

from app.ingest import blocks
from app.ingest.blocks import Known, Memo, NewLink, Received
from app.storage import events
from app.storage.client import Storage
from app.storage.erased import Sent, erased_among
from app.storage.identity import Link, links_and_cuts
from app.storage.together import together
from config.settings import Settings

DAY_MS = 86_400_000
LONG_AGO_MS = -4_102_444_800_000
"""Earlier than any event: what is known from then on is never new."""
_TASK = "ingest.drain"

KnownByTenant = dict[int, dict[str, events.Known]]
Met = dict[int, dict[str, list[Link]]]
"""Tenant -> id -> all of its meetings, none where it has met nobody."""


def look_up(storage: Storage, settings: Settings, received: Received) -> tuple[Memo, Met]:
    """The memo of a block, and the meetings of its ids, as far as they are the same when it is stored.

    Parameters
    ----------
    received : the block's events, each messageId of a tenant once.

    Events of erased persons count as repeats of what is no more, and bring nobody together. No other block of these
    tenants is stored before this one is. So what an id has met before it, it has met after it: but for those of which
    the block says more, and those whose meetings were cut, which may be done and undone at any time.
    """
    if not len(received):
        return Memo([], []), {}
    erased, known, (links, cut) = together(
        storage,
        settings,
        [
            partial(_erased_before, received=received),
            partial(_known_before, received=received, duplicate_days=settings.duplicate_days),
            partial(_links_before, received=received),
        ],
    )
    alive = received.at(place for place in range(len(received)) if place not in erased) if erased else received
    new = _new_links(alive, links)
    changing = cut | {(link.tenant_id, id) for link in new for id in (link.id, link.met)}
    return Memo(_gone(received, erased) + _repeated(alive, known), new), _lasting(links, changing, received)


def _erased_before(storage: Storage, received: Received) -> set[int]:
    """Their places in the block."""
    fields = map(received.by_tenant, ("message_id", "user_id", "ts", "received_ms"))
    sent = {tenant_id: Sent(*some) for tenant_id, *some in _beside(*fields)}
    spans = received.tenants()
    found = erased_among(storage, sent, task=_TASK)
    return {spans[tenant_id].start + place for tenant_id, places in found.items() for place in places}


def _beside(*columns: Mapping[int, list[Any]]) -> Iterator[tuple[Any, ...]]:
    """Of each tenant its parts of the columns."""
    for tenant_id in columns[0]:
        yield (tenant_id, *(column[tenant_id] for column in columns))


def _known_before(storage: Storage, received: Received, duplicate_days: int) -> KnownByTenant:
    since_ms = int(received.numbers("received_ms").min()) - duplicate_days * DAY_MS
    return events.known_messages(storage, received.by_tenant("message_id"), since_ms, task=_TASK)


def _links_before(storage: Storage, received: Received) -> tuple[dict[int, list[Link]], set[tuple[int, str]]]:
    """Of those that meet somebody, and of those that touches are of: whom these reach is asked after the block."""
    return links_and_cuts(storage, {id: sorted(ids) for id, ids in _ids(received).items()}, task=_TASK)


def _ids(received: Received) -> dict[int, set[str]]:
    wanted = received.touching()
    for tenant_id, id, _ in blocks.meetings(received):
        wanted[tenant_id].add(id)
    return wanted


def _lasting(links: Mapping[int, Sequence[Link]], changing: Set[tuple[int, str]], received: Received) -> Met:
    found: Met = {
        tenant_id: {id: [] for id in ids if (tenant_id, id) not in changing}
        for tenant_id, ids in _ids(received).items()
    }
    for tenant_id, some in links.items():
        for link in some:
            if link.id in found[tenant_id]:
                found[tenant_id][link.id].append(link)
    return found


def _gone(received: Received, erased: set[int]) -> list[Known]:
    gone = received.at(sorted(erased)) if erased else Received({})
    messages = gone.by_tenant("message_id") if len(gone) else {}
    return [Known(tenant_id, id, LONG_AGO_MS, "erased", "") for tenant_id, ids in messages.items() for id in ids]


def _repeated(alive: Received, known: KnownByTenant) -> list[Known]:
    if not any(known.values()):
        return []
    return [
        Known(tenant_id, message_id, row.ts_ms, row.role, row.owner, row.user_id)
        for tenant_id, message_ids in alive.by_tenant("message_id").items()
        for message_id in message_ids
        if (row := known[tenant_id].get(message_id)) is not None
    ]


def _new_links(alive: Received, links: dict[int, list[Link]]) -> list[NewLink]:
    before = {(tenant_id, *link[:2]): link.first_ms for tenant_id, found in links.items() for link in found}
    return [NewLink(*link, ts) for link, ts in blocks.meetings(alive).items() if ts < before.get(link, ts + 1)]
