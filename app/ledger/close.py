"""When is a run over, and what is fresh after it?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date
from typing import Any

from app.ledger.announce import announce
from app.ledger.runs import LOOK_EVERY_S, RunKind, RunRecord, Runs, RunState
from app.storage.client import Storage
from app.storage.rollups import refresh_daily
from app.storage.runs import insert_runs
from app.tenants.registry import Registry
from app.tenants.tenant import Tenant

DAYS_AT_ONCE = 31
"""A backfill's many days are refreshed in parts, so that today's events need not wait for a year of them."""
PAUSE_S = 3 * LOOK_EVERY_S
"""Between two parts: long enough for whoever waits to see that the rollups are free."""


def close(storage: Storage, runs: Runs, registry: Registry, run_id: str) -> dict[str, Any]:
    """Refresh the rollups of the days that a run touched, store its row, mark it closed. Safe to repeat.

    A run with open chunks stays open: its next wave closes it, or the sweep, which sends them again.
    """
    record = runs.get(run_id)
    if record is None or record.state != RunState.OPEN:
        return {"run_id": run_id, "outcome": "closed before"}
    still_open = runs.open_count(run_id)
    if still_open:
        return {"run_id": run_id, "outcome": "waits", "open_chunks": still_open}
    touched = runs.touched_days(run_id)
    for tenant_id, days in touched.items():
        for start in range(0, len(days), DAYS_AT_ONCE):
            if start:
                time.sleep(PAUSE_S)
            with runs.refreshing(tenant_id) as version:
                _refresh(storage, registry.fresh(tenant_id), days[start : start + DAYS_AT_ONCE], version, record.kind)
    state = RunState.FAILED if record.chunks_failed else RunState.DONE
    insert_runs(storage, _row(record, state, runs.now_version()), task="attribution.close_run")
    announce(storage, runs, registry, record, state, touched)
    runs.close(run_id, state)
    return {
        "outcome": state.value,
        "tenants": [registry.get(tenant_id).slug for tenant_id in record.tenant_ids],
        "conversions": record.attributed,
        "touches": record.touches,
        "chunks": record.chunks,
        "chunks_failed": record.chunks_failed,
        "days": sum(len(days) for days in touched.values()),
        "run_id": run_id,
    }


def _refresh(storage: Storage, tenant: Tenant, days: Sequence[date], version: int, kind: str) -> None:
    if kind != RunKind.SHADOW:
        refresh_daily(storage, tenant.tenant_id, days, tenant.timezone, version)
    if tenant.shadow is not None:
        refresh_daily(storage, tenant.tenant_id, days, tenant.timezone, version, shadow=True)


def _row(record: RunRecord, state: RunState, now_us: int) -> dict[str, list[Any]]:
    return {
        "run_id": [record.run_id],
        "kind": [record.kind],
        "tenants": [list(record.tenant_ids)],
        "state": [state.value],
        "chunks": [record.chunks],
        "chunks_failed": [record.chunks_failed],
        "conversions": [record.attributed],
        "touches": [record.touches],
        "created_at": [record.created_ms],
        "closed_at": [now_us // 1000],
        "version": [now_us],
    }
