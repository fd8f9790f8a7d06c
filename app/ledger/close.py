"""When is a run over, and what is fresh after it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from app.ledger.announce import announce
from app.ledger.refresh import leaves_journeys, refresh_touched
from app.ledger.runs import RunRecord, Runs, RunState
from app.storage.client import Storage
from app.storage.runs import insert_runs
from app.tenants.registry import Registry


def close(storage: Storage, runs: Runs, registry: Registry, run_id: str) -> dict[str, Any]:
    """Refresh the rollups of the days that a run touched, tell its tenants, mark it closed. Safe to repeat.

    A run with open chunks stays open: its next wave closes it, or the sweep, which sends them again.
    """
    return close_together(storage, runs, registry, [run_id])[0]


def close_together(storage: Storage, runs: Runs, registry: Registry, run_ids: Sequence[str]) -> list[dict[str, Any]]:
    """The same for several runs of one kind: what they have all touched is refreshed once. What became of each."""
    told: list[dict[str, Any]] = []
    ready: dict[str, tuple[RunRecord, dict[int, list[date]]]] = {}
    for run_id in run_ids:
        record = runs.get(run_id)
        if record is None or record.state != RunState.OPEN:
            told.append({"run_id": run_id, "outcome": "closed before"})
        elif still_open := runs.open_count(run_id):
            told.append({"run_id": run_id, "outcome": "waits", "open_chunks": still_open})
        else:
            ready[run_id] = record, runs.touched_days(run_id)
    stale: dict[int, set[date]] = {}
    for _, touched in ready.values():
        for tenant_id, days in touched.items():
            stale.setdefault(tenant_id, set()).update(days)
    if ready:
        kind = ready[next(iter(ready))][0].kind
        refresh_touched(storage, runs, registry, {each: sorted(days) for each, days in stale.items()}, kind)
    return told + [_end(storage, runs, registry, record, touched) for record, touched in ready.values()]


def _end(
    storage: Storage, runs: Runs, registry: Registry, record: RunRecord, touched: Mapping[int, Sequence[date]]
) -> dict[str, Any]:
    state = RunState.FAILED if record.chunks_failed else RunState.DONE
    announce(storage, runs, registry, record, state, touched)
    runs.close(record.run_id, state, leaves_journeys=leaves_journeys(record.kind))
    return {
        "outcome": state.value,
        "tenants": [registry.name_of(tenant_id) for tenant_id in record.tenant_ids],
        "conversions": record.attributed,
        "touches": record.touches,
        "chunks": record.chunks,
        "chunks_failed": record.chunks_failed,
        "days": sum(len(days) for days in touched.values()),
        "run_id": record.run_id,
    }


def store_closed(storage: Storage, runs: Runs) -> int:
    """Store the rows of runs that were closed since the last time, for history. Returns how many. Safe to repeat."""
    run_ids = runs.closed()
    records = [record for run_id in run_ids if (record := runs.get(run_id)) is not None]
    if records:
        insert_runs(storage, _columns(records), task="maintenance.sweep")
    if run_ids:
        runs.stored(run_ids)
    return len(run_ids)


def _columns(records: Sequence[RunRecord]) -> dict[str, list[Any]]:
    closed_ms = [record.closed_ms or record.created_ms for record in records]
    return {
        "run_id": [record.run_id for record in records],
        "kind": [record.kind for record in records],
        "tenants": [list(record.tenant_ids) for record in records],
        "state": [record.state for record in records],
        "chunks": [record.chunks for record in records],
        "chunks_failed": [record.chunks_failed for record in records],
        "conversions": [record.attributed for record in records],
        "touches": [record.touches for record in records],
        "created_at": [record.created_ms for record in records],
        "closed_at": closed_ms,
        "version": [1000 * ms for ms in closed_ms],
    }
