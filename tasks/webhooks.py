"""Which tasks tell tenants of closed runs?"""

from __future__ import annotations

from typing import Any

from app.ledger import webhooks
from config.queues import TaskName
from tasks.context import context
from tasks.policy import task


@task(TaskName.SEND_WEBHOOKS, shown=False)
def send_webhooks() -> dict[str, int]:
    """Send every delivery whose time has come; each by a task of its own, so that a slow receiver holds up none."""
    found = webhooks.due(context.redis)
    for delivery_id in found:
        deliver_webhook.apply_async(kwargs={"delivery_id": delivery_id})
    return {"sent": len(found)}


@task(TaskName.DELIVER_WEBHOOK)
def deliver_webhook(*, delivery_id: str) -> dict[str, Any]:
    """Try one delivery."""
    return webhooks.deliver(context.redis, context.storage, context.settings, delivery_id)
