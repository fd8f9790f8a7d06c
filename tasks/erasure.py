"""Which task deletes erased persons for good?"""

from __future__ import annotations

from app.ledger.erasing import Erasing
from config.queues import TaskName
from tasks.context import context
from tasks.policy import task


@task(TaskName.ERASE)
def erase() -> dict[str, int]:
    """Carry every erasure that is under way one step further. Returns how many are in which state."""
    return Erasing(context.redis, context.storage, context.settings, context.registry).step()
