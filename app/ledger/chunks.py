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
from app.ledger.claims import Claim, Claims
from app.ledger.cut import Chunk
from app.ledger.runs import RunRecord, Runs
from app.storage.client import Storage
from app.tenants.registry import Registry
from app.tenants.tenant import Tenant
from config.settings import Settings

DONE_BEFORE = {"outcome": "done before"}
log = logging.getLogger(__name__)


class Services(Protocol):
    """What a chunk needs of its process."""

    @property
    def settings(self) -> Settings: ...
    @property
    def storage(self) -> Storage: ...
    @property
    def arrays(self) -> Storage: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def claims(self) -> Claims: ...
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
    runs = services.runs
    told: dict[str, Any] = {"tenant": whose, "chunk": number, "run_id": run_id}
    found = runs.open_chunk(run_id, number)
    if found is None:
        return told | DONE_BEFORE
    record, chunk = found
    done, (ended,) = attribute_together(services, [Claim(record, number, chunk)])
    runs.finish(run_id, number, ended.days, attributed=ended.attributed, touches=ended.touches)
    return told | done


@dataclass(frozen=True, slots=True)
class Ended:
    """A chunk that is done, and what the chunk ledger is to be told of it: see `Runs.finish`."""

    claim: Claim
    days: Mapping[int, set[date]]
    attributed: int
    touches: int


def attribute_together(services: Services, claims: Sequence[Claim]) -> tuple[dict[str, Any], list[Ended]]:
    """Attribute chunks of several runs of one kind at once.

    All of it is done as of the newest of the runs, which comes after whatever any of them is about.

    Returns
    -------
    What support reads, and what is to be said of each chunk that was open.
    """
    work = [(claim, claim.chunk) for claim in claims if claim.chunk is not None]
    if not work:
        return DONE_BEFORE, []
    newest = max((claim.record for claim, _ in work), key=lambda record: record.version)
    keys: dict[int, dict[int, None]] = {}
    for _, chunk in work:
        for tenant_id, of_one in chunk.conversion_keys().items():
            keys.setdefault(tenant_id, {}).update(dict.fromkeys(of_one))
    making = _Work(services, newest)
    done = making.attribute({tenant_id: list(of_one) for tenant_id, of_one in keys.items()})
    missing = frozenset(making.given_up).union(*(one.gone for one in done))
    touches = sum(one.touches for one in done)
    told = {
        "outcome": "attributed" if not making.given_up else "attributed but for some, see the dead letters",
        "conversions": sum(one.conversions for one in done),
        "touches": touches,
        "unattributed": sum(one.unattributed for one in done),
        "given_up": len(making.given_up),
    }
    ended = [  # touches are not told apart by run: the newest has them all
        _ended(claim, chunk, done, missing, touches if claim.record is newest else 0) for claim, chunk in work
    ]
    return told, ended


def _ended(
    claim: Claim, chunk: Chunk, done: Sequence[Attributed], missing: frozenset[tuple[int, int]], touches: int
) -> Ended:
    """Of a chunk that is done; `missing` of all conversions that were asked for are not attributed."""
    days: dict[int, set[date]] = {tenant_id: set() for tenant_id in chunk.tenant_ids}
    for one in done:
        for tenant_id in days.keys() & one.days.keys():
            days[tenant_id].update(one.days[tenant_id])
    keys = chunk.conversion_keys() if missing else {}
    attributed = chunk.conversions - sum((each, key) in missing for each, some in keys.items() for key in some)
    return Ended(claim, days, attributed, touches)


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
            tenants, never = self._services.registry.fresh_and_never(conversion_keys)
            done = attribute(
                self._services.storage,
                self._services.arrays,
                tenants,
                conversion_keys,
                run_id=self._record.run_id,
                version=self._record.version,
                reason=self._record.kind,
                never=never,
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
