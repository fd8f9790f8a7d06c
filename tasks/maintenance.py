"""Which tasks find again what a lost message or a killed worker left undone?"""

from __future__ import annotations

from typing import Any

from app.errors import TributaryError, Unavailable
from app.ledger.chunks import give_up
from app.ledger.close import store_closed
from config.queues import TaskName
from tasks.attribution import close_run, dispatch
from tasks.context import context
from tasks.ingest import drain
from tasks.policy import task


@task(TaskName.SWEEP, shown=False)
def sweep() -> dict[str, Any]:
    """Wake shards where batches wait unattended, send overdue runs again, and mend what a restart of Redis took.

    And store the rows of the runs that were closed: all of them in one insert, where each close would make its own.
    """
    woken = [shard for shard in range(context.settings.shards) if context.inbox.asleep(shard)]
    for shard in woken:
        drain.apply_async(kwargs={"shard": shard})
    sent, given_up = [], []
    for run_id, tries in context.runs.overdue(count_try=_storage_answers()):
        if tries > context.settings.chunk_attempts:
            give_up(context.runs, context.dead_letters, run_id)
            close_run.apply_async(args=([],), kwargs={"run_id": run_id})
            given_up.append(run_id)
        else:
            context.claims.let_go([run_id])
            dispatch(run_id)
            sent.append(run_id)
    done = {"woken": woken, "sent_again": sent, "given_up": given_up, "tenants_filled": _tenants_filled()}
    return done | {"runs_stored": _runs_stored()}


def _runs_stored() -> int:
    """While ClickHouse is away they wait in Redis; the next sweep looks again."""
    try:
        return store_closed(context.storage, context.runs)
    except Unavailable:
        return 0


def _tenants_filled() -> bool:
    """While ClickHouse is away the mirror of the tenants stays as it is; the next sweep looks again."""
    try:
        return context.registry.reconcile()
    except Unavailable:
        return False


def _storage_answers() -> bool:
    """While ClickHouse is away runs are only put off: an outage must not use up their tries."""
    try:
        context.storage.ping()
    except TributaryError:
        return False
    return True
