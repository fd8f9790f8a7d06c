"""How far is a job? What the API, the CLI's progress bar and support read."""

from __future__ import annotations

from typing import Any

from app.errors import NotFound
from app.ledger.runs import RunRecord, Runs
from app.reports.days import rfc3339
from app.tenants.tenant import Tenant


def job(runs: Runs, tenant: Tenant, job_id: str) -> dict[str, Any]:
    """The progress of one of the tenant's own jobs.

    Raises
    ------
    NotFound : there is no such job, or it is not the tenant's alone: the runs of a shard serve several tenants, and
        their numbers are nobody's business.
    """
    record = runs.get(job_id)
    if record is None or record.tenant_ids != (tenant.tenant_id,):
        raise NotFound(
            "unknown_job",
            f"There is no job {job_id[:80]!r}.",
            "Use the job_id that was given, with the same tenant's key; finished jobs are kept 7 days.",
        )
    return shown(record)


def shown(record: RunRecord) -> dict[str, Any]:
    """As the API answers. `progress` is 0 to 1, a failed chunk counting as ended."""
    ended = record.chunks_done + record.chunks_failed
    return {
        "job_id": record.run_id,
        "kind": record.kind,
        "state": record.state,
        "progress": round(ended / record.chunks, 4) if record.chunks else float(record.closed_ms is not None),
        "chunks": {"total": record.chunks, "done": record.chunks_done, "failed": record.chunks_failed},
        "conversions": {"total": record.conversions, "attributed": record.attributed},
        "touches": record.touches,
        "created_at": rfc3339(record.created_ms),
        "closed_at": rfc3339(record.closed_ms) if record.closed_ms is not None else None,
        "note": record.note,
        "failures": _failures(record),
    }


def _failures(record: RunRecord) -> list[dict[str, Any]]:
    if not record.chunks_failed:
        return []
    return [
        {
            "code": "chunks_failed",
            "message": f"{record.chunks_failed} of {record.chunks} chunks failed every try.",
            "detail": "They lie in the dead letters with their error: `tributary dead-letters list`, then `replay`.",
        }
    ]
