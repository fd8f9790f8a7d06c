"""How does a sealed block become rows, once, whatever dies on the way?"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from app.errors import TributaryError
from app.identity.resolve import Identities, resolve
from app.ingest import blocks, columns
from app.ingest.blocks import Known, Memo, NewLink, Received
from app.ingest.columns import Columns, Rows, compose, without_defaults
from app.ingest.dead_letters import DeadLetter, DeadLetters, Source
from app.ingest.events import USER, Batch
from app.ingest.inbox import Block, Shard
from app.ledger.earlier import later_conversions
from app.ledger.runs import Chunk, Runs, make_chunks
from app.storage.client import Storage
from app.storage.conversions import conversions_after, keys_of_orders
from app.storage.erased import erased_among
from app.storage.events import known_messages
from app.storage.failures import StoragePermanent
from app.storage.identity import links_of
from app.tenants.tenant import Tenant
from config.settings import Settings

DAY_MS = 86_400_000
FAR_MS = 4_102_444_800_000
"""2100: later than any event that is taken."""
LONG_AGO_MS = -FAR_MS
"""Earlier than any event: what is known from then on is never new."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Drained:
    """What one drain did. `run_id` is empty where no conversion was affected."""

    outcome: str
    tenants: tuple[str, ...] = ()
    events: int = 0
    duplicates: int = 0
    conversions: int = 0
    batches: int = 0
    run_id: str = ""


class Drain:
    """Stores the next block of a shard.

    Parameters
    ----------
    tenant_of : gives a tenant's record, for its rules.
    """

    def __init__(
        self,
        redis: Any,
        storage: Storage,
        settings: Settings,
        tenant_of: Callable[[int], Tenant],
    ) -> None:
        self._redis = redis
        self._storage = storage
        self._settings = settings
        # Each tenant's record once a block: a drain lives as long as a task.
        self._tenant_of = lru_cache(maxsize=None)(tenant_of)
        self._runs = Runs(redis, settings.chunk_deadline_s)
        self._dead = DeadLetters(redis, settings.dead_letter_entries)

    def next_block(self, shard: Shard) -> Drained:
        """Take, store and acknowledge one block of a shard whose lease the caller holds."""
        block = shard.take()
        if block is None:
            return Drained("empty")
        received = blocks.distinct(blocks.flatten(block.batches))
        memo = self._memo(shard, block, received)
        if memo is None:
            return Drained("done by another drain")
        shard.hold()
        rows = self._store(block.token, received, memo)
        self._store_rest(block, memo)
        self._bury_unreadable(block)
        shard.hold()
        chunks = self._chunks(block.batches, rows, memo)
        run_id = f"b{block.token[:16]}"
        acknowledged = self._runs.acknowledge(block.shard, block.last, run_id, chunks)
        return Drained(
            "stored" if acknowledged else "done by another drain",
            tenants=tuple(self._tenant_of(tenant).slug for tenant in sorted({b.tenant_id for b in block.batches})),
            batches=len(block.batches),
            events=block.events,
            duplicates=rows.duplicates + block.events - sum(map(len, received)),
            conversions=sum(chunk.conversions for chunk in chunks),
            run_id=run_id if chunks and acknowledged else "",
        )

    def _memo(self, shard: Shard, block: Block, received: Sequence[Received]) -> Memo | None:
        """What storage knew before the block: looked up once, then remembered with the seal."""
        packed = shard.remembered()
        if packed is None:
            packed = shard.remember(block, blocks.encode_memo(self._look_up(received)))
        return blocks.decode_memo(packed) if packed is not None else None

    def _look_up(self, received: Sequence[Received]) -> Memo:
        known: list[Known] = []
        alive: list[Received] = []
        for one in received:
            tenant_id = one.tenant_id
            gone = self._erased(one)
            known += [Known(tenant_id, one.events[at].message_id, LONG_AGO_MS, "erased", "") for at in sorted(gone)]
            if gone:
                one = one.at(place for place in range(len(one)) if place not in gone)
            if not len(one):
                continue
            alive.append(one)
            since_ms = min(one.received_ms) - self._settings.duplicate_days * DAY_MS
            ids = one.of_events("message_id")
            for message_id, row in known_messages(self._storage, tenant_id, ids, since_ms).items():
                known.append(Known(tenant_id, message_id, row.ts_ms, row.role, row.owner, row.user_id))
        return Memo(known, self._new_links(alive))

    def _erased(self, one: Received) -> set[int]:
        """Places of events of erased persons: they count as repeats of what is no more, and bring nobody together."""
        sent = (one.of_events("message_id"), one.of_events("user_id"), one.of_events("ts"), one.received_ms)
        return erased_among(self._storage, one.tenant_id, *sent, task="ingest.drain")

    def _new_links(self, received: Sequence[Received]) -> list[NewLink]:
        met = blocks.meetings(received)
        wanted: dict[int, set[str]] = {}
        for tenant_id, id, _ in met:
            wanted.setdefault(tenant_id, set()).add(id)
        before = {
            (tenant_id, id, other): ts
            for tenant_id, ids in wanted.items()
            for id, other, ts in links_of(self._storage, tenant_id, sorted(ids))
        }
        return [NewLink(*link, ts) for link, ts in met.items() if ts < before.get(link, ts + 1)]

    def _store(self, token: str, received: Sequence[Received], memo: Memo) -> Rows:
        """Insert the events' rows. Where storage refuses a row for good, halve until it is found.

        Halves carry tokens of their own, and the same refusal comes at every replay, so a replay halves alike.
        """
        rows = compose(received, memo)
        try:
            self._insert("touchpoints", rows.touchpoints, token)
            self._insert("conversions", rows.conversions, token)
            self._insert("conversions_by_user", rows.conversions_by_user, token)
            self._insert("conversions_by_order", rows.conversions_by_order, token)
            self._insert("events", rows.events, token)
        except StoragePermanent as error:
            if sum(map(len, received)) == 1:
                self._bury(received[0], error)
                return Rows()
            first, second = blocks.halves(received)
            rows = self._store(token + "a", first, memo)
            rows.add(self._store(token + "b", second, memo))
        return rows

    def _bury(self, item: Received, error: TributaryError) -> None:
        (event,) = item.events
        log.error("drain: tenant %d: event %s refused: %s", item.tenant_id, event.message_id, error)
        stamp = (item.received_ms[0], item.rules_version[0], item.retention_days[0])
        body = msgspec.json.encode(Batch(item.tenant_id, *stamp, events=[event])).decode()
        detail = "Mend what the message names, then replay it with: tributary dead-letters replay."
        self._dead.add(DeadLetter(item.tenant_id, error.code, error.message, detail, Source.DRAIN.value, body))

    def _bury_unreadable(self, block: Block) -> None:
        for entry in block.unreadable:
            log.error("drain: shard %d holds an entry that is no batch", block.shard)
            message = "The inbox held an entry that this release cannot read."
            detail = "Update the workers to the release of the web, then: tributary dead-letters replay."
            body = base64.b64encode(entry).decode()
            self._dead.add(DeadLetter(0, "unreadable_batch", message, detail, Source.DRAIN.value, body))

    def _store_rest(self, block: Block, memo: Memo) -> None:
        self._insert("spend", columns.spend_columns(block.batches), block.token)
        self._insert("adjustments", columns.adjustment_columns(block.batches), block.token)
        self._insert("identity_aliases", columns.alias_columns(memo.links), block.token)

    def _insert(self, table: str, found: Columns, token: str) -> None:
        if found:
            self._storage.insert(table, without_defaults(table, found), token=f"{token}:{table}", task="ingest.drain")

    def _chunks(self, batches: Sequence[Batch], rows: Rows, memo: Memo) -> list[Chunk]:
        """The conversions that this block makes, changes or gives other touches, as chunks by tenant and time."""
        affected = {tenant_id: dict(converted) for tenant_id, converted in rows.converted.items()}
        for tenant_id, adjustments in blocks.adjusted_orders(batches).items():
            orders = sorted({item.order_id for item in adjustments})
            for _, key, _ in keys_of_orders(self._storage, tenant_id, orders):
                affected.setdefault(tenant_id, {}).setdefault(key, 0)
        touched, linked = rows.touched, _links_by_tenant(memo.links)
        for tenant_id in touched.keys() | linked.keys():
            found = self._late(tenant_id, touched.get(tenant_id, {}), linked.get(tenant_id, {}))
            for key, ts in found:
                affected.setdefault(tenant_id, {}).setdefault(key, ts)
        for tenant_id, converted in rows.converted.items():
            for key, ts in later_conversions(self._storage, self._tenant_of(tenant_id), converted):
                affected.setdefault(tenant_id, {}).setdefault(key, ts)
        chunks: list[Chunk] = []
        for tenant_id in sorted(affected):
            by_time = sorted(affected[tenant_id], key=lambda key: (affected[tenant_id][key], key))
            chunks += make_chunks(tenant_id, by_time, self._settings.chunk_conversions)
        return chunks

    def _late(self, tenant_id: int, touched: dict[str, list[int]], linked: dict[str, int]) -> Iterable[tuple[int, int]]:
        """(conversion key, time) of earlier conversions that the block's touches and meetings reach."""
        identities = resolve(
            touched.keys() | linked.keys(), lambda ids: links_of(self._storage, tenant_id, ids), changed=linked
        )
        window_ms = self._tenant_of(tenant_id).widest_window_ms
        times = _spread(touched, identities)
        merged = {alias for id, changed in linked.items() for alias in identities.touched_by(id, changed)}
        ids = sorted(times.keys() | merged)
        low = [0 if id in merged else min(times[id]) for id in ids]
        high = [FAR_MS if id in merged else max(times[id]) + window_ms for id in ids]
        for user_id, ts, key in conversions_after(self._storage, tenant_id, ids, low, high):
            if user_id in merged or any(t <= ts <= t + window_ms for t in times[user_id]):
                yield key, ts


def _links_by_tenant(links: Iterable[NewLink]) -> dict[int, dict[str, int]]:
    """Of each tenant: how many users each id has newly met."""
    found: dict[int, dict[str, int]] = {}
    for link in links:
        met = found.setdefault(link.tenant_id, {})
        for id, other in ((link.id, link.met), (link.met, link.id)):
            met[id] = met.get(id, 0) + int(other.startswith(USER))
    return found


def _spread(touched: dict[str, list[int]], identities: Identities) -> dict[str, list[int]]:
    """The touch times of each id, given to every id of the same person."""
    found: dict[str, list[int]] = {}
    for user_id, times in touched.items():
        for alias in identities.ids(user_id):
            found.setdefault(alias, []).extend(times)
    return found
