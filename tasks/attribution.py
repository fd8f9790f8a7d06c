"""Which tasks give credit? One chord a run: a header task per chunk, then the close."""

from __future__ import annotations

from typing import Any

from celery import chord

from app.ledger.chunks import attribute_or_bury
from app.ledger.close import close
from app.ledger.runs import RunKind
from config.queues import Queue, TaskName
from tasks.context import context
from tasks.policy import task


def dispatch(run_id: str) -> int:
    """Send the open chunks of a recorded run as one flat chord. Returns how many."""
    record = context.runs.get(run_id)
    chunks = context.runs.open_chunks(run_id)
    if record is None:
        return 0
    queue = Queue.ATTRIBUTION if record.kind == RunKind.BLOCK else Queue.BACKFILL
    headers = [
        attribute_chunk.signature(
            kwargs={
                "tenant": context.tenant(chunk.tenant_id).slug,
                "conversions": chunk.conversions,
                "chunk": number,
                "run_id": run_id,
            },
            queue=queue.value,
        )
        for number, chunk in chunks.items()
    ]
    last = close_run.signature(kwargs={"run_id": run_id}, queue=queue.value)
    if headers:
        chord(headers, last).apply_async()
    else:
        last.apply_async(args=([],))
    return len(headers)


@task(TaskName.ATTRIBUTE_CHUNK, in_chord=True, retries=4)
def attribute_chunk(*, run_id: str, chunk: int, tenant: str, conversions: int) -> dict[str, Any]:
    """Attribute one chunk of a run. `tenant` and `conversions` tell support what it is about."""
    return attribute_or_bury(context, run_id, chunk, tenant)


@task(TaskName.CLOSE_RUN, retries=4)
def close_run(results: list[dict[str, Any]], *, run_id: str) -> dict[str, Any]:
    """Refresh the rollups that the run has made stale and mark it closed."""
    return close(context.storage, context.runs, context.registry, run_id)


@task(TaskName.START_RUN)
def start_run(*, run_id: str) -> dict[str, Any]:
    """Dispatch a run that was recorded outside of the tasks."""
    return {"run_id": run_id, "chunks": dispatch(run_id)}
