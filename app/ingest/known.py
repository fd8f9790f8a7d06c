"""What did storage know about a block's events before the first of them was stored?

One statement a question, however many tenants are in the block, and all questions at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from app.ingest import blocks
from app.ingest.blocks import Known, Memo, NewLink, Received
from app.storage import events
from app.storage.client import Storage
from app.storage.erased import Sent, erased_among
from app.storage.identity import Link, links_among
from app.storage.together import together
from config.settings import Settings

DAY_MS = 86_400_000
LONG_AGO_MS = -4_102_444_800_000
"""Earlier than any event: what is known from then on is never new."""
_TASK = "ingest.drain"

KnownByTenant = dict[int, dict[str, events.Known]]


def look_up(storage: Storage, settings: Settings, received: Sequence[Received]) -> Memo:
    """The memo of a block.

    Parameters
    ----------
    received : the block's events by tenant, each messageId once.

    Events of erased persons count as repeats of what is no more, and bring nobody together.
    """
    if not received:
        return Memo([], [])
    erased, known, links = together(
        storage,
        settings,
        [
            partial(_erased_before, received=received),
            partial(_known_before, received=received, duplicate_days=settings.duplicate_days),
            partial(_links_before, received=received),
        ],
    )
    alive = [_without(one, erased[one.tenant_id]) for one in received]
    return Memo(_gone(received, erased) + _repeated(alive, known), _new_links(alive, links))


def _erased_before(storage: Storage, received: Sequence[Received]) -> dict[int, set[int]]:
    sent = {
        one.tenant_id: Sent(one.of_events("message_id"), one.of_events("user_id"), one.of_events("ts"), one.received_ms)
        for one in received
    }
    return erased_among(storage, sent, task=_TASK)


def _known_before(storage: Storage, received: Sequence[Received], duplicate_days: int) -> KnownByTenant:
    since_ms = min(min(one.received_ms) for one in received) - duplicate_days * DAY_MS
    message_ids = {one.tenant_id: one.of_events("message_id") for one in received}
    return events.known_messages(storage, message_ids, since_ms, task=_TASK)


def _links_before(storage: Storage, received: Sequence[Received]) -> dict[int, list[Link]]:
    wanted: dict[int, set[str]] = {}
    for tenant_id, id, _ in blocks.meetings(received):
        wanted.setdefault(tenant_id, set()).add(id)
    return links_among(storage, {tenant_id: sorted(ids) for tenant_id, ids in wanted.items()}, task=_TASK)


def _without(one: Received, places: set[int]) -> Received:
    return one.at(place for place in range(len(one)) if place not in places) if places else one


def _gone(received: Sequence[Received], erased: dict[int, set[int]]) -> list[Known]:
    return [
        Known(one.tenant_id, one.events[place].message_id, LONG_AGO_MS, "erased", "")
        for one in received
        for place in sorted(erased[one.tenant_id])
    ]


def _repeated(alive: Sequence[Received], known: KnownByTenant) -> list[Known]:
    return [
        Known(one.tenant_id, message_id, row.ts_ms, row.role, row.owner, row.user_id)
        for one in alive
        for message_id in one.of_events("message_id")
        if (row := known[one.tenant_id].get(message_id)) is not None
    ]


def _new_links(alive: Sequence[Received], links: dict[int, list[Link]]) -> list[NewLink]:
    before = {(tenant_id, *link[:2]): link.first_ms for tenant_id, found in links.items() for link in found}
    return [NewLink(*link, ts) for link, ts in blocks.meetings(alive).items() if ts < before.get(link, ts + 1)]
