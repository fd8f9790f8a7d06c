"""Which tasks store events?"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from config.queues import TaskName
from tasks.attribution import dispatch
from tasks.context import context
from tasks.policy import task


@task(TaskName.DRAIN)
def drain(*, shard: int) -> dict[str, Any]:
    """Store the next block of a shard, dispatch what it calls for, and wake the next drain if more waits."""
    hold = context.shard(shard)
    if not hold.hold():
        return {"outcome": "held by another drain", "shard": shard}
    try:
        drained = context.drain().next_block(hold)
    except BaseException:
        hold.drop()
        raise
    more_waits = hold.release()
    if drained.run_id:
        dispatch(drained.run_id)
    if more_waits:
        drain.apply_async(kwargs={"shard": shard})
    return {**asdict(drained), "shard": shard}
