"""What happens to a chunk: done, done in halves around a conversion that cannot be, or given up?"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import msgspec

from app.errors import TributaryError, Unavailable
from app.ingest.dead_letters import DeadLetter, DeadLetters, Source
from app.ledger.attribute import Attributed, attribute
from app.ledger.cut import Chunk
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
    return {"tenant": whose, "chunk": number, "run_id": run_id} | attribute_together(services, [(run_id, number)])


def attribute_together(services: Services, wanted: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """The same for chunks of several runs of one kind at once: (run, number of its chunk).

    All of it is done as of the newest of the runs, which comes after whatever any of them is about.
    """
    runs = services.runs
    found = [(runs.get(run_id), number, runs.open_chunk(run_id, number)) for run_id, number in wanted]
    work = [_Part(record, number, chunk) for record, number, chunk in found if record is not None and chunk is not None]
    if not work:
        return {"outcome": "done before"}
    newest = max((part.record for part in work), key=lambda record: record.version)
    keys: dict[int, dict[int, None]] = {}
    for part in work:
        for tenant_id, of_one in part.chunk.conversion_keys().items():
            keys.setdefault(tenant_id, {}).update(dict.fromkeys(of_one))
    making = _Work(services, newest)
    done = making.attribute({tenant_id: list(of_one) for tenant_id, of_one in keys.items()})
    missing = frozenset(making.given_up).union(*(one.gone for one in done))
    touches = sum(one.touches for one in done)
    for part in work:  # touches are not told apart by run: the newest has them all
        _finish(runs, part, done, missing, touches if part.record is newest else 0)
    return {
        "outcome": "attributed" if not making.given_up else "attributed but for some, see the dead letters",
        "conversions": sum(one.conversions for one in done),
        "touches": touches,
        "unattributed": sum(one.unattributed for one in done),
        "given_up": len(making.given_up),
    }


@dataclass(frozen=True, slots=True)
class _Part:
    record: RunRecord
    number: int
    chunk: Chunk


def _finish(
    runs: Runs, part: _Part, done: Sequence[Attributed], missing: frozenset[tuple[int, int]], touches: int
) -> None:
    """Say that a chunk is done; `missing` of all conversions that were asked for are not attributed."""
    days: dict[int, set[date]] = {tenant_id: set() for tenant_id in part.chunk.tenant_ids}
    for one in done:
        for tenant_id in days.keys() & one.days.keys():
            days[tenant_id].update(one.days[tenant_id])
    keys = part.chunk.conversion_keys() if missing else {}
    attributed = part.chunk.conversions - sum((each, key) in missing for each, some in keys.items() for key in some)
    runs.finish(part.record.run_id, part.number, days, attributed=attributed, touches=touches)


class _Work:
    def __init__(self, services: Services, record: RunRecord) -> None:
        self._services = services
        self._record = record
        self.given_up: set[tuple[int, int]] = set()

    def attribute(self, conversion_keys: Mapping[int, Sequence[int]]) -> list[Attributed]:
        """All that can be attributed; halves around a conversion that cannot, which goes to the dead letters.

        A tenant that nothing knows any more is such a case: it must not hold up those beside it in the chunk.
        """
        try:
            done = attribute(
                self._services.storage,
                self._services.arrays,
                self._services.registry.fresh_of(conversion_keys),
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
                self.given_up.update((each, key) for each, some in conversion_keys.items() for key in some)
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
