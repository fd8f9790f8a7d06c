"""What happens to a chunk: done, done in halves around a conversion that cannot be, or given up?"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Protocol

import msgspec

from app.errors import TributaryError, Unavailable
from app.ingest.dead_letters import DeadLetter, DeadLetters, Source
from app.ledger.attribute import Attributed, attribute
from app.ledger.runs import RunRecord, Runs
from app.storage.client import Storage
from app.tenants.registry import Registry
from app.tenants.tenant import Tenant

log = logging.getLogger(__name__)


class Services(Protocol):
    """What a chunk needs of its process."""

    @property
    def storage(self) -> Storage: ...
    @property
    def arrays(self) -> Storage: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def dead_letters(self) -> DeadLetters: ...
    @property
    def registry(self) -> Registry: ...
    def tenant(self, tenant_id: int) -> Tenant: ...


def attribute_or_bury(services: Services, run_id: str, number: int, whose: str) -> dict[str, Any]:
    """Attribute one chunk of a run and say so in the chunk ledger.

    Parameters
    ----------
    whose : names its tenants.

    Returns
    -------
    What support reads in Flower: tenant, run, chunk, how it ended, conversions, touches, unattributed, given up.

    Raises
    ------
    Unavailable : a part does not answer; the chunk stays open.
    """
    told: dict[str, Any] = {"chunk": number, "run_id": run_id}
    chunk, record = services.runs.open_chunk(run_id, number), services.runs.get(run_id)
    if chunk is None or record is None:
        return {"outcome": "done before", "tenant": whose, **told}
    work = _Work(services, services.registry.fresh_of(chunk.tenant_ids), record)
    parts = work.attribute(chunk.conversion_keys())
    days: dict[int, set[date]] = {}
    for part in parts:
        for tenant_id, of_one in part.days.items():
            days.setdefault(tenant_id, set()).update(of_one)
    conversions = sum(part.conversions for part in parts)
    touches = sum(part.touches for part in parts)
    services.runs.finish(run_id, number, days, attributed=conversions, touches=touches)
    return {
        "outcome": "attributed" if not work.buried else "attributed but for some, see the dead letters",
        "tenant": whose,
        "conversions": conversions,
        "touches": touches,
        "unattributed": sum(part.unattributed for part in parts),
        "given_up": work.buried,
        **told,
    }


class _Work:
    def __init__(self, services: Services, tenants: Sequence[Tenant], record: RunRecord) -> None:
        self._services = services
        self._tenants = {tenant.tenant_id: tenant for tenant in tenants}
        self._record = record
        self.buried = 0

    def attribute(self, conversion_keys: Mapping[int, Sequence[int]]) -> list[Attributed]:
        """All that can be attributed; halves around a conversion that cannot, which goes to the dead letters."""
        try:
            done = attribute(
                self._services.storage,
                self._services.arrays,
                [self._tenants[tenant_id] for tenant_id in conversion_keys],
                conversion_keys,
                run_id=self._record.run_id,
                version=self._record.version,
                reason=self._record.kind,
            )
        except Unavailable:
            raise
        except (TributaryError, ValueError) as error:
            parts = _halves(conversion_keys)
            if parts is None:
                self.buried += 1
                log.error("chunk of run %s: conversion %s: %s", self._record.run_id, dict(conversion_keys), error)
                _bury(self._services.dead_letters, conversion_keys, str(error))
                return []
            return [done for part in parts for done in self.attribute(part)]
        return [done]


def _halves(conversion_keys: Mapping[int, Sequence[int]]) -> list[dict[int, list[int]]] | None:
    """The two halves of some tenants' conversions; None of a single one."""
    each = [(tenant_id, key) for tenant_id, of_one in conversion_keys.items() for key in of_one]
    if len(each) <= 1:
        return None
    parts: list[dict[int, list[int]]] = []
    for half in (each[: len(each) // 2], each[len(each) // 2 :]):
        parts.append({})
        for tenant_id, key in half:
            parts[-1].setdefault(tenant_id, []).append(key)
    return parts


def give_up(runs: Runs, dead_letters: DeadLetters, run_id: str) -> int:
    """Move the open chunks of a run that failed too often to the dead letters. Returns how many."""
    chunks = runs.open_chunks(run_id)
    for number, chunk in chunks.items():
        message = f"Chunk {number} of run {run_id} was not done after the last try."
        _bury(dead_letters, chunk.conversion_keys(), message)
        runs.give_up(run_id, number)
    return len(chunks)


def _bury(dead_letters: DeadLetters, conversion_keys: Mapping[int, Sequence[int]], message: str) -> None:
    """A letter for each tenant."""
    detail = "Look into the worker's log, then replay it with: tributary dead-letters replay."
    for tenant_id, of_one in conversion_keys.items():
        body = msgspec.json.encode({"tenant_id": tenant_id, "conversion_keys": list(of_one)}).decode()
        dead_letters.add(DeadLetter(tenant_id, "not_attributed", message, detail, Source.CHUNK.value, body))
