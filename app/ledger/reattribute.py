"""How is a whole range attributed again? As a run like any other, with more chunks."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from typing import Any

from app.errors import BadInput
from app.ingest.wake import wake_run
from app.ledger import tenant_jobs
from app.ledger.cut import BACKFILL, make_chunks
from app.ledger.runs import RunKind, Runs
from app.storage.client import Storage
from app.storage.conversions import conversion_keys_between
from app.tenants.tenant import Tenant
from config.settings import Settings

MOST_CONVERSIONS = 2_000_000

log = logging.getLogger(__name__)


def start_reattribution(
    redis: Any, storage: Storage, settings: Settings, tenant: Tenant, from_ms: int, to_ms: int
) -> str:
    """Record a run over the tenant's conversions in ``[from_ms, to_ms)`` and wake it.

    Returns
    -------
    The run's id: the job that progress is asked for. A range without conversions gives a job that is done at once.

    Raises
    ------
    BadInput : more than 2,000,000 conversions in one job.
    """
    found = list(conversion_keys_between(storage, tenant.tenant_id, from_ms, to_ms))
    if len(found) > MOST_CONVERSIONS:
        raise BadInput(
            "range_too_large",
            f"The range from `from` to `to` holds {len(found)} conversions; one job takes {MOST_CONVERSIONS}.",
            "Ask for a shorter range, several times.",
        )
    return start_run(redis, settings, RunKind.REATTRIBUTE, tenant.tenant_id, [key for key, _ in found])


def start_run(redis: Any, settings: Settings, kind: RunKind, tenant_id: int, conversion_keys: Sequence[int]) -> str:
    """Record a run over some conversions of a tenant and wake it."""
    run_id = f"{kind.value[0]}{uuid.uuid4().hex[:16]}"
    chunks = make_chunks({tenant_id: list(dict.fromkeys(conversion_keys))}, BACKFILL * settings.chunk_conversions)
    Runs(redis, settings.chunk_deadline_s).create(run_id, kind, tenant_id, chunks)
    tenant_jobs.begun(redis, tenant_id, run_id)
    try:
        wake_run(run_id)
    except Exception as error:
        # The run is recorded, and the sweep finds it when its deadline has passed.
        log.warning("run %s was not woken: %s", run_id, error)
    return run_id
