"""What did storage know about a block's events before the first of them was stored? One statement a question, not a
tenant."""

from __future__ import annotations

from collections.abc import Sequence

from app.ingest import blocks
from app.ingest.blocks import Known, Memo, NewLink, Received
from app.storage.client import Storage
from app.storage.erased import Sent, erased_among
from app.storage.events import known_messages
from app.storage.identity import links_among

DAY_MS = 86_400_000
LONG_AGO_MS = -4_102_444_800_000
"""Earlier than any event: what is known from then on is never new."""
_TASK = "ingest.drain"


def look_up(storage: Storage, received: Sequence[Received], duplicate_days: int) -> Memo:
    """The memo of a block.

    Parameters
    ----------
    received : the block's events by tenant, each messageId once.
    duplicate_days : how far back a repeated messageId is recognised, from when the block's oldest events came.
    """
    erased, alive = _without_erased(storage, received)
    return Memo(erased + _repeated(storage, alive, duplicate_days), _new_links(storage, alive))


def _without_erased(storage: Storage, received: Sequence[Received]) -> tuple[list[Known], list[Received]]:
    """Events of erased persons count as repeats of what is no more, and bring nobody together. And all the others."""
    sent = {
        one.tenant_id: Sent(one.of_events("message_id"), one.of_events("user_id"), one.of_events("ts"), one.received_ms)
        for one in received
    }
    gone = erased_among(storage, sent, task=_TASK)
    known: list[Known] = []
    alive: list[Received] = []
    for one in received:
        places = gone[one.tenant_id]
        known += [Known(one.tenant_id, one.events[at].message_id, LONG_AGO_MS, "erased", "") for at in sorted(places)]
        if places:
            one = one.at(place for place in range(len(one)) if place not in places)
        if len(one):
            alive.append(one)
    return known, alive


def _repeated(storage: Storage, received: Sequence[Received], duplicate_days: int) -> list[Known]:
    if not received:
        return []
    since_ms = min(min(one.received_ms) for one in received) - duplicate_days * DAY_MS
    message_ids = {one.tenant_id: one.of_events("message_id") for one in received}
    found = known_messages(storage, message_ids, since_ms, task=_TASK)
    return [
        Known(tenant_id, message_id, row.ts_ms, row.role, row.owner, row.user_id)
        for tenant_id, rows in found.items()
        for message_id, row in rows.items()
    ]


def _new_links(storage: Storage, received: Sequence[Received]) -> list[NewLink]:
    met = blocks.meetings(received)
    wanted: dict[int, set[str]] = {}
    for tenant_id, id, _ in met:
        wanted.setdefault(tenant_id, set()).add(id)
    found = links_among(storage, {tenant_id: sorted(ids) for tenant_id, ids in wanted.items()}, task=_TASK)
    before = {(tenant_id, *link[:2]): link.first_ms for tenant_id, links in found.items() for link in links}
    return [NewLink(*link, ts) for link, ts in met.items() if ts < before.get(link, ts + 1)]
