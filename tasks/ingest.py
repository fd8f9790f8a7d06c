"""Which tasks store events?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.errors import Unavailable
from app.ingest.drain import Drained
from app.ledger.at_once import credit_at_once, is_small
from config.queues import TaskName
from tasks.attribution import dispatch
from tasks.context import context
from tasks.policy import task


@task(TaskName.DRAIN)
def drain(*, shard: int) -> dict[str, Any]:
    """Store the next block of a shard, wake the next drain if more waits, and give the credit that the block calls for.

    The shard is free before the credit is begun: another process stores the next block meanwhile.
    """
    hold = context.shard(shard)
    if not hold.hold():
        return {"outcome": "held by another drain", "shard": shard}
    try:
        drained = context.drain().next_block(hold)
    except BaseException:
        hold.drop()
        raise
    released = hold.release()
    if released.more_waits:
        drain.apply_async(kwargs={"shard": shard})
    return {**asdict(drained), "shard": shard, **_credited(drained, released.others_wait)}


def _credited(drained: Drained, others_wait: bool) -> dict[str, Any]:
    """A small run is done here and now: a task of its own would cost more than it does. A larger one is dispatched, and
    a small one too while drains of other shards wait: what comes of them is then done along with it.

    If this process dies the run is recorded, and the sweep sends it.
    """
    if not drained.run_id:
        return {}
    if others_wait or not is_small(context, drained.conversions):
        return {"chunks": dispatch(drained.run_id)}
    try:
        return {"credit": credit_at_once(context, drained.run_id)}
    except Unavailable:
        return {"chunks": dispatch(drained.run_id)}  # whose tasks are tried again
