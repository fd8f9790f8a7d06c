"""When is an erased person gone for good? After one batch of deletions a table, when nothing of them is counted.

An erasure waits until its credit is made again and until its tenant's inbox holds nothing older: what a drain stored
in the meantime, having looked before the tombstone stood, is hidden then and deleted with the rest.
"""

from __future__ import annotations

import hashlib
import logging
from contextlib import suppress
from typing import Any

import msgspec
from redis.exceptions import LockError

from app.ingest.inbox import Inbox
from app.ingest.purge import purge_letters
from app.ledger.erase import Work, counts, decode_work, encode_work, hide, work_tables
from app.ledger.runs import Runs, RunState
from app.storage import keys
from app.storage.client import Storage
from app.storage.erase_statements import DELETES
from app.storage.erased import REMEMBER_EVENTS, hashes_of, visible
from app.storage.erasures import ErasureRow, erasure, forget_work, insert_erasure
from app.tenants.registry import Registry
from app.tenants.tenant import Tenant
from config.settings import Settings

BATCH = 100
"""Erasures that are looked at in one go."""
AGAIN_MS = 3_600_000
"""Deletions that were begun so long ago and are not done are begun again."""

LOCK_LIFE_S = 600

log = logging.getLogger(__name__)


class Erasing:
    """Carries the erasures that are under way one step further."""

    def __init__(self, redis: Any, storage: Storage, settings: Settings, registry: Registry) -> None:
        self._redis = redis
        self._storage = storage
        self._settings = settings
        self._registry = registry
        self._runs = Runs(redis, settings.chunk_deadline_s)
        self._inbox = Inbox(redis, settings)

    def step(self) -> dict[str, int]:
        """Look at every erasure that is due. Returns how many are in which state now."""
        told: dict[str, int] = {}
        lock = self._redis.lock(keys.ERASING, timeout=LOCK_LIFE_S)
        if not lock.acquire(blocking=False):
            return told
        try:
            self._each(told)
        finally:
            with suppress(LockError):  # it expired: a step took long
                lock.release()
        return told

    def _each(self, told: dict[str, int]) -> None:
        for mark in self._redis.zrange(keys.ERASURES_DUE, 0, BATCH - 1):
            number, _, erasure_id = mark.decode().partition(":")
            tenant = self._registry.get(int(number))
            row = erasure(self._storage, tenant.tenant_id, erasure_id)
            if row is None or row.state == "erased":
                self._redis.zrem(keys.ERASURES_DUE, mark)
                continue
            row = self._further(tenant, row)
            told[row.state] = told.get(row.state, 0) + 1
            if row.state == "erased":
                forget_work(self._storage, tenant.tenant_id, erasure_id)
                self._redis.zrem(keys.ERASURES_DUE, mark)

    def _further(self, tenant: Tenant, row: ErasureRow) -> ErasureRow:
        if row.state == "requested":
            return hide(self._redis, self._storage, self._settings, tenant, row)
        work = decode_work(row.work)
        if row.state == "hidden":
            if self._waits(tenant, row, work):
                return row
            if self._stored_since(tenant, row, work):
                return hide(self._redis, self._storage, self._settings, tenant, row)
            return self._delete(tenant, row, work)
        left = counts(self._storage, tenant, work, row)
        if any(left.values()):
            late = self._now_ms() - work.deleting_since_ms > AGAIN_MS
            return self._delete(tenant, row, work) if late else row
        return self._close(tenant, row, work, left)

    def _waits(self, tenant: Tenant, row: ErasureRow, work: Work) -> bool:
        """Whether older events wait in the inbox, or the credit is not made again."""
        oldest = self._inbox.oldest_ms(self._inbox.shard_of(tenant.tenant_id))
        records = [self._runs.get(run_id) for run_id in work.run_ids]
        is_open = any(record is not None and record.state == RunState.OPEN for record in records)
        return is_open or (oldest is not None and oldest <= row.requested_ms)

    def _stored_since(self, tenant: Tenant, row: ErasureRow, work: Work) -> bool:
        """Whether a drain stored rows of the person after they were hidden."""
        return visible(self._storage, tenant.tenant_id, work.spans, row.requested_ms) > 0

    def _delete(self, tenant: Tenant, row: ErasureRow, work: Work) -> ErasureRow:
        """Begin the deletions; the register's messages are remembered by their hashes first."""
        params = {"erased_ms": row.requested_ms}
        external = {"gone": work_tables(work)["gone"]}
        self._storage.rows(REMEMBER_EVENTS, tenant_id=tenant.tenant_id, params=params, external=external, task="erase")
        begun = counts(self._storage, tenant, work, row)
        begun["dead_letters"] = purge_letters(
            self._redis, self._settings, tenant.tenant_id, work.spans, row.requested_ms
        )
        work.before = {table: max(number, work.before.get(table, 0)) for table, number in begun.items()}
        chosen = self._params(tenant, row, work)
        for table, statement in DELETES.items():
            if begun[table]:
                self._storage.rows(statement, tenant_id=tenant.tenant_id, params=chosen, task="erase")
        work.deleting_since_ms = self._now_ms()
        return self._store(tenant, row._replace(state="deleting", work=encode_work(work).decode()))

    def _params(self, tenant: Tenant, row: ErasureRow, work: Work) -> dict[str, Any]:
        """Keys as texts: the driver writes a number above 2**63 in a way that the server takes for a float."""
        ids, from_ms, until_ms = (list(part) for part in zip(*work.spans, strict=True))
        both = sorted({pair for id, met in work.meetings for pair in ((id, met), (met, id))})
        return {
            "erased_ms": row.requested_ms,
            "version": work.version,
            "ids": ids,
            "from_ms": from_ms,
            "until_ms": until_ms,
            "ids_set": tuple(sorted(set(ids))),
            "hashes": hashes_of(self._storage, ids),
            "keys": tuple(sorted({str(key) for key, _, _ in work.messages})) or ("0",),
            "messages": tuple((str(key), message_id) for key, message_id, _ in work.messages) or (("0", ""),),
            "user_keys": tuple((user_id, str(key)) for key, _, user_id in work.messages) or (("", "0"),),
            "orders": tuple((order_id, str(key)) for key, order_id in work.orders) or (("", "0"),),
            "order_ids": tuple(sorted({order_id for _, order_id in work.orders})) or ("",),
            "order_keys": tuple(sorted({str(key) for key, _ in work.orders})) or ("0",),
            "pairs": tuple(both) or (("", ""),),
        }

    def _close(self, tenant: Tenant, row: ErasureRow, work: Work, left: dict[str, int]) -> ErasureRow:
        """Store the proof, and forget whose it is."""
        closed_ms = self._now_ms()
        letters = purge_letters(self._redis, self._settings, tenant.tenant_id, work.spans, row.requested_ms)
        tables = {
            table: {"before": work.before.get(table, 0), "after": {**left, "dead_letters": 0}.get(table, 0)}
            for table in [*left, "dead_letters"]
        }
        tables["dead_letters"]["before"] += letters
        told = {
            "erasure_id": row.erasure_id,
            "tenant": tenant.slug,
            "conversions": row.mode,
            "requested_ms": row.requested_ms,
            "closed_ms": closed_ms,
            "ids": len({id for id, _, _ in work.spans}),
            "id_digest": _digest(sorted({id for id, _, _ in work.spans}), row.erasure_id),
            "conversion_events": len(work.messages),
            "tables": tables,
        }
        proof = msgspec.json.encode({**told, "digest": _digest(told, "")}, order="sorted").decode()
        log.info("erasure %s of tenant %d is closed", row.erasure_id, tenant.tenant_id)
        return self._store(tenant, row._replace(state="erased", closed_ms=closed_ms, work="", proof=proof))

    def _store(self, tenant: Tenant, row: ErasureRow) -> ErasureRow:
        newer = row._replace(version=self._runs.now_version())
        insert_erasure(self._storage, tenant.tenant_id, newer)
        return newer

    def _now_ms(self) -> int:
        return self._runs.now_version() // 1000


def _digest(content: object, salt: str) -> str:
    """SHA-256 of the canonical JSON, by which whoever kept the ids can check what the proof is about."""
    return hashlib.sha256(salt.encode() + msgspec.json.encode(content, order="sorted")).hexdigest()
