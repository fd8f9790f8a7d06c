"""What happens to a chunk: done, done in halves around a conversion that cannot be, or given up?"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from app.errors import TributaryError, Unavailable
from app.ingest.dead_letters import DeadLetter, DeadLetters, Source
from app.ledger.attribute import Attributed, attribute
from app.ledger.runs import Runs
from app.storage.client import Storage
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
    def tenant(self, tenant_id: int) -> Tenant: ...


def attribute_or_bury(services: Services, run_id: str, number: int, slug: str) -> dict[str, Any]:
    """Attribute one chunk of a run and say so in the chunk ledger.

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
        return {"outcome": "done before", "tenant": slug, **told}
    work = _Work(services, services.tenant(chunk.tenant_id), run_id, record.version, record.kind)
    parts = work.attribute(chunk.conversion_keys())
    days = {day for part in parts for day in part.days}
    conversions = sum(part.conversions for part in parts)
    touches = sum(part.touches for part in parts)
    services.runs.finish(run_id, number, chunk.tenant_id, sorted(days), attributed=conversions, touches=touches)
    return {
        "outcome": "attributed" if not work.buried else "attributed but for some, see the dead letters",
        "tenant": slug,
        "conversions": conversions,
        "touches": touches,
        "unattributed": sum(part.unattributed for part in parts),
        "given_up": work.buried,
        **told,
    }


class _Work:
    def __init__(self, services: Services, tenant: Tenant, run_id: str, version: int, kind: str) -> None:
        self._services = services
        self._tenant = tenant
        self._run_id = run_id
        self._version = version
        self._kind = kind
        self.buried = 0

    def attribute(self, conversion_keys: Sequence[int]) -> list[Attributed]:
        """All that can be attributed; halves around a conversion that cannot, which goes to the dead letters."""
        try:
            done = attribute(
                self._services.storage,
                self._services.arrays,
                self._tenant,
                conversion_keys,
                run_id=self._run_id,
                version=self._version,
                reason=self._kind,
            )
        except Unavailable:
            raise
        except (TributaryError, ValueError) as error:
            if len(conversion_keys) == 1:
                self.buried += 1
                log.error("chunk of run %s: conversion %d: %s", self._run_id, conversion_keys[0], error)
                _bury(self._services.dead_letters, self._tenant.tenant_id, conversion_keys, str(error))
                return []
            middle = len(conversion_keys) // 2
            return self.attribute(conversion_keys[:middle]) + self.attribute(conversion_keys[middle:])
        return [done]


def give_up(runs: Runs, dead_letters: DeadLetters, run_id: str) -> int:
    """Move the open chunks of a run that failed too often to the dead letters. Returns how many."""
    chunks = runs.open_chunks(run_id)
    for number, chunk in chunks.items():
        message = f"Chunk {number} of run {run_id} was not done after the last try."
        _bury(dead_letters, chunk.tenant_id, chunk.conversion_keys(), message)
        runs.give_up(run_id, number)
    return len(chunks)


def _bury(dead_letters: DeadLetters, tenant_id: int, conversion_keys: Sequence[int], message: str) -> None:
    body = msgspec.json.encode({"tenant_id": tenant_id, "conversion_keys": list(conversion_keys)}).decode()
    detail = "Look into the worker's log, then replay it with: tributary dead-letters replay."
    letter = DeadLetter(tenant_id, "not_attributed", message, detail, Source.CHUNK.value, body)
    dead_letters.add(letter)
