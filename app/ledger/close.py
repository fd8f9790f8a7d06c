"""When is a run over, and what is fresh after it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from app.ledger.announce import announce
from app.ledger.chunks import Ended
from app.ledger.refresh import left_stale, refresh_touched
from app.ledger.runs import RunRecord, Runs, RunState
from app.storage.client import Storage
from app.storage.runs import insert_runs
from app.tenants.registry import Registry


def close(storage: Storage, runs: Runs, registry: Registry, run_id: str) -> dict[str, Any]:
    """Tell a run's tenants and mark it closed, the rollups of its days fresh or marked as stale. Safe to repeat.

    A run with open chunks stays open: its next wave closes it, or the sweep, which sends them again.
    """
    record = runs.get(run_id)
    if record is None or record.state != RunState.OPEN:
        return {"run_id": run_id, "outcome": "closed before"}
    if still_open := runs.open_count(run_id):
        return {"run_id": run_id, "outcome": "waits", "open_chunks": still_open}
    touched, stale = runs.touched_days(run_id), left_stale(record.kind)
    if not stale:
        refresh_touched(storage, runs, registry, touched, record.kind)
    state = RunState.FAILED if record.chunks_failed else RunState.DONE
    announce(storage, runs, registry, record, state, touched)
    runs.close(run_id, state, stale=stale)
    return _told(registry, record, state, touched)


def finish_and_close(storage: Storage, runs: Runs, registry: Registry, ended: Ended) -> dict[str, Any]:
    """Say that a chunk is done and, if it was the last one, close its run: a block's of one chunk in one step."""
    record, stale = ended.claim.record, left_stale(ended.claim.record.kind)
    run_id, number = record.run_id, ended.claim.number
    if record.chunks > 1 or not stale:
        runs.finish(run_id, number, ended.days, attributed=ended.attributed, touches=ended.touches)
        return close(storage, runs, registry, run_id)
    touched = {tenant_id: sorted(days) for tenant_id, days in ended.days.items()}
    announce(storage, runs, registry, record, RunState.DONE, touched)
    runs.finish_run(run_id, number, touched, attributed=ended.attributed, touches=ended.touches, stale=stale)
    record = replace(record, attributed=ended.attributed, touches=ended.touches)
    return _told(registry, record, RunState.DONE, touched)


def _told(
    registry: Registry, record: RunRecord, state: RunState, touched: Mapping[int, Sequence[date]]
) -> dict[str, Any]:
    """What support reads of a run that was closed."""
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
