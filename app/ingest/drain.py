"""How does a sealed block become rows, once, whatever dies on the way?"""

from __future__ import annotations

import base64
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import msgspec
import numpy as np

from app.errors import TributaryError
from app.ingest import blocks, columns
from app.ingest.blocks import Memo, Received
from app.ingest.column import Columns, chosen, listed
from app.ingest.columns import Rows, compose, without_defaults
from app.ingest.dead_letters import DeadLetter, DeadLetters, Source
from app.ingest.events import Batch
from app.ingest.inbox import Block, Shard
from app.ingest.known import Met, look_up
from app.ingest.reached import reached
from app.ledger.cut import Chunk, make_chunks
from app.ledger.runs import Runs
from app.storage.client import Storage
from app.storage.failures import StoragePermanent
from app.storage.together import together
from app.tenants.never import Fact, storing
from app.tenants.registry import Registry
from app.tenants.tenant import Tenant
from config.settings import Settings

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
    registry : says which tenants there are and, once the block is stored, which rules hold for them now.
    """

    def __init__(self, redis: Any, storage: Storage, settings: Settings, registry: Registry) -> None:
        self._redis = redis
        self._storage = storage
        self._settings = settings
        self._registry = registry
        self._runs = Runs(redis, settings.chunk_deadline_s)
        self._dead = DeadLetters(redis, settings.dead_letter_entries)

    def next_block(self, shard: Shard) -> Drained:
        """Take, store and acknowledge one block of a shard whose lease the caller holds."""
        block = shard.take()
        if block is None:
            return Drained("empty")
        block = self._without_strangers(block)
        received = blocks.distinct(blocks.flatten(block.batches))
        memo, met = self._memo(shard, block, received)
        if memo is None:
            return Drained("done by another drain")
        rows = self._store(block.token, received, memo)
        self._store_rest(block, memo)
        self._bury_unreadable(block)
        shard.keep()
        tenant_ids = sorted({batch.tenant_id for batch in block.batches})
        tenants = dict(zip(tenant_ids, self._registry.fresh_of(tenant_ids), strict=True))
        # The register last: an event that storage refuses is not in it, and counts when it is sent again, mended.
        chunks, _ = together(
            self._storage,
            self._settings,
            [
                partial(self._chunks, block=block, rows=rows, memo=memo, met=met, tenants=tenants),
                partial(self._register, token=block.token, received=received, found=rows.columns("events")),
            ],
        )
        run_id = f"b{block.token[:16]}"
        acknowledged = self._runs.acknowledge(block.shard, block.last, run_id, chunks)
        return Drained(
            "stored" if acknowledged else "done by another drain",
            tenants=tuple(tenant.slug for tenant in tenants.values()),
            batches=len(block.batches),
            events=block.events,
            duplicates=rows.duplicates + block.events - len(received),
            conversions=sum(chunk.conversions for chunk in chunks),
            run_id=run_id if chunks and acknowledged else "",
        )

    def _memo(self, shard: Shard, block: Block, received: Received) -> tuple[Memo | None, Met]:
        """What storage knew before the block: looked up once, then remembered with the seal; and what else was seen."""
        packed, met = block.memo, Met()
        if packed is None:
            memo, met = look_up(self._storage, self._settings, received)
            packed = shard.remember(block, blocks.encode_memo(memo))
        return blocks.decode_memo(packed) if packed is not None else None, met

    def _store(self, token: str, received: Received, memo: Memo) -> Rows:
        """Insert the events' rows. Where storage refuses a row for good, halve until it is found.

        Halves carry tokens of their own, and the same refusal comes at every replay, so a replay halves alike.
        """
        rows = compose(received, memo)
        try:
            self._insert(token, **{table: rows.columns(table) for table in columns.EVENT_TABLES})
        except StoragePermanent as error:
            if len(received) == 1:
                self._bury(received, error)
                return Rows()
            first, second = blocks.halves(received)
            rows = self._store(token + "a", first, memo)
            rows.add(self._store(token + "b", second, memo))
        return rows

    def _register(self, storage: Storage, token: str, received: Received, found: Columns) -> None:
        """Insert the register's rows of the events that are stored, in the same way."""
        if not found:
            return
        try:
            _insert_into(storage, "events", found, token)
        except StoragePermanent as error:
            count = len(found["message_id"])
            if count == 1:
                which = (listed(found["tenant_id"])[0], listed(found["message_id"])[0])
                self._bury(blocks.find(received, *which), error)
                return
            for letter, half in (("a", np.arange(count // 2)), ("b", np.arange(count // 2, count))):
                part = {name: chosen(values, half) for name, values in found.items()}
                self._register(storage, token + letter, received, part)

    def _bury(self, item: Received, error: TributaryError) -> None:
        (event,) = item.events()
        stamp = {name: item.listed(name)[0] for name in blocks.STAMP}
        tenant_id = stamp["tenant_id"]
        log.error("drain: tenant %d: event %s refused: %s", tenant_id, event.message_id, error)
        body = msgspec.json.encode(Batch(**stamp, events=[event])).decode()
        detail = "Mend what the message names, then replay it with: tributary dead-letters replay."
        self._dead.add(DeadLetter(tenant_id, error.code, error.message, detail, Source.DRAIN.value, body))

    def _without_strangers(self, block: Block) -> Block:
        """The block without batches of tenants that nothing knows, which must not hold up those of others.

        They are buried before anything is stored: of what is stored, a replay would only be a repeat.
        """
        strangers = self._registry.unknown_among({batch.tenant_id for batch in block.batches})
        if not strangers:
            return block
        for batch in block.batches:
            if batch.tenant_id in strangers:
                self._bury_stranger(batch)
        return replace(block, batches=[batch for batch in block.batches if batch.tenant_id not in strangers])

    def _bury_stranger(self, batch: Batch) -> None:
        log.error("drain: nothing knows tenant %d, of which a batch waited", batch.tenant_id)
        message = f"There is no tenant {batch.tenant_id}, neither in Redis nor in ClickHouse."
        detail = "Restore the table `tenants`, if it lost a row; then: tributary dead-letters replay."
        body = msgspec.json.encode(msgspec.structs.replace(batch, events=blocks.flatten([batch]).events())).decode()
        self._dead.add(DeadLetter(batch.tenant_id, "unknown_tenant", message, detail, Source.DRAIN.value, body))

    def _bury_unreadable(self, block: Block) -> None:
        for entry in block.unreadable:
            log.error("drain: shard %d holds an entry that is no batch", block.shard)
            message = "The inbox held an entry that this release cannot read."
            detail = "Update the workers to the release of the web, then: tributary dead-letters replay."
            body = base64.b64encode(entry).decode()
            self._dead.add(DeadLetter(0, "unreadable_batch", message, detail, Source.DRAIN.value, body))

    def _store_rest(self, block: Block, memo: Memo) -> None:
        adjusted = {batch.tenant_id for batch in block.batches if batch.adjustments}
        with storing(self._runs.redis, Fact.ADJUSTED, adjusted):
            self._insert(
                block.token,
                spend=columns.spend_columns(block.batches),
                adjustments=columns.adjustment_columns(block.batches),
                identity_aliases=columns.alias_columns(memo.links),
            )

    def _insert(self, token: str, **tables: Columns) -> None:
        """Insert into these tables at once."""
        inserts = [partial(_insert_into, table=name, found=some, token=token) for name, some in tables.items() if some]
        if inserts:
            together(self._storage, self._settings, inserts)

    def _chunks(
        self, storage: Storage, block: Block, rows: Rows, memo: Memo, met: Met, tenants: Mapping[int, Tenant]
    ) -> list[Chunk]:
        """The conversions that this block makes, changes or gives other touches, as chunks by tenant and time."""
        found = reached(storage, tenants, block.batches, rows, memo.links, met)
        by_time = {
            tenant_id: sorted(times, key=lambda key: (times[key], key)) for tenant_id, times in sorted(found.items())
        }
        return make_chunks(by_time, self._settings.chunk_conversions)


def _insert_into(storage: Storage, table: str, found: Columns, token: str) -> int:
    return storage.insert(table, without_defaults(table, found), token=f"{token}:{table}", task="ingest.drain")
