"""Which tasks give credit? One chord a wave of a run: a header task per chunk, then the close, or the next wave.

A wave of one chunk is one task.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from celery import chord

from app.ledger.at_once import credit_at_once
from app.ledger.chunks import attribute_or_bury
from app.ledger.close import close
from app.ledger.refresh import catch_up_all
from app.ledger.runs import RunKind
from config.queues import Queue, TaskName
from tasks.context import context
from tasks.policy import task


def dispatch(run_id: str) -> int:
    """Send open chunks of a recorded run as one flat chord, a wave. Returns how many.

    A block's chunks are one wave. Of a backfill so many are under way that its workers are busy, and the next wave
    follows this one's close: another tenant's chunks never stand behind all of them.
    """
    record = context.runs.get(run_id)
    if record is None:
        return 0
    is_live = record.kind == RunKind.BLOCK
    chunks = context.runs.open_chunks(run_id, None if is_live else context.settings.backfill_chunks)
    wave = context.runs.next_wave(run_id)
    queue = Queue.ATTRIBUTION if is_live else Queue.BACKFILL
    last = close_run.signature(kwargs={"run_id": run_id, "wave": wave}, queue=queue.value)
    if not chunks:
        last.apply_async(args=([],))
        return 0
    # A chord of one header would wait for nobody: its join costs more than a small chunk does.
    header, more = (attribute_chunk, {}) if len(chunks) > 1 else (attribute_run, {"wave": wave})
    headers = [
        header.signature(
            kwargs={
                "tenant": _named(chunk.tenant_ids),
                "conversions": chunk.conversions,
                "chunk": number,
                "run_id": run_id,
                **more,
            },
            queue=queue.value,
        )
        for number, chunk in chunks.items()
    ]
    if len(headers) == 1:
        headers[0].apply_async()
    else:
        chord(headers, last).apply_async()
    return len(headers)


def _named(tenant_ids: Sequence[int]) -> str:
    """'acme', or 'acme and 41 more'."""
    name = context.registry.name_of(tenant_ids[0])
    return name if len(tenant_ids) == 1 else f"{name} and {len(tenant_ids) - 1} more"


@task(TaskName.ATTRIBUTE_CHUNK, in_chord=True, retries=4)
def attribute_chunk(*, run_id: str, chunk: int, tenant: str, conversions: int) -> dict[str, Any]:
    """Attribute one chunk of a run. `tenant` and `conversions` tell support what it is about."""
    return attribute_or_bury(context, run_id, chunk, tenant)


@task(TaskName.ATTRIBUTE_RUN, retries=4)
def attribute_run(*, run_id: str, chunk: int, tenant: str, conversions: int, wave: int) -> dict[str, Any]:
    """Attribute the one chunk of a wave, and close the run or send its next wave.

    Small block runs that wait are done along with it: their own tasks find nothing to do.
    """
    done = credit_at_once(context, run_id, chunk)
    if done is None:
        return {"outcome": "done along with another", "tenant": tenant, "run_id": run_id}
    if done["closed"]["outcome"] == "waits":
        context.claims.let_go([run_id])
        _send_next(done["closed"], run_id, wave)
    return {"tenant": tenant, **done}


@task(TaskName.CLOSE_RUN, retries=4)
def close_run(results: list[dict[str, Any]], *, run_id: str, wave: int = 0) -> dict[str, Any]:
    """Close the run, with what it has made stale refreshed where somebody asked for it; or send its next wave."""
    closed = close(context.storage, context.runs, context.registry, run_id)
    if closed["outcome"] == "waits" and results:
        _send_next(closed, run_id, wave)
    return closed


def _send_next(closed: dict[str, Any], run_id: str, wave: int) -> None:
    """Only the newest wave has a next one: where the sweep sent chunks again, the older wave ends with itself."""
    if wave == context.runs.newest_wave(run_id):
        closed["sent"] = dispatch(run_id)


@task(TaskName.START_RUN)
def start_run(*, run_id: str) -> dict[str, Any]:
    """Dispatch a run that was recorded outside of the tasks."""
    return {"run_id": run_id, "chunks": dispatch(run_id)}


@task(TaskName.REFRESH_ROLLUPS, shown=False)
def refresh_rollups() -> dict[str, Any]:
    """Refresh the rollups that blocks have left stale; the next beat looks again, and so if this fails."""
    return {"tenants": catch_up_all(context.storage, context.runs, context.registry)}
