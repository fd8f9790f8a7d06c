"""What is each tenant told of a run that closes? Its own part, and nothing of another tenant's."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from app.ledger.runs import RunRecord, Runs, RunState
from app.reports.days import rfc3339
from app.storage import keys
from app.storage.client import Storage
from app.storage.webhooks import webhooks_among
from app.tenants.never import Fact
from app.tenants.registry import Registry
from app.tenants.tenant import Tenant

KEPT_S = 7 * 86_400


def announce(
    storage: Storage,
    runs: Runs,
    registry: Registry,
    record: RunRecord,
    state: RunState,
    touched: Mapping[int, Sequence[date]],
) -> list[str]:
    """Record a delivery for each webhook of the run's tenants; the sweep sends them. Safe to repeat.

    Returns
    -------
    The ids of the new deliveries.
    """
    new: list[str] = []
    counted: dict[int, int] | None = None
    asked = sorted(registry.may_have(Fact.WEBHOOKED, record.tenant_ids))
    for tenant_id, subscribed in webhooks_among(storage, asked, task="attribution.close_run").items():
        hooks = [hook for hook in subscribed if not hook.kinds or record.kind in hook.kinds]
        if not hooks:
            continue
        counted = runs.conversions_by_tenant(record.run_id) if counted is None else counted
        told = _told(registry.get(tenant_id), record, state, counted.get(tenant_id, 0), touched.get(tenant_id, ()))
        for hook in hooks:
            seed = f"{record.run_id}\0{tenant_id}\0{hook.webhook_id}".encode()
            delivery_id = f"dl_{hashlib.blake2b(seed, digest_size=16).hexdigest()}"
            body = msgspec.json.encode({**told, "delivery_id": delivery_id})
            if record_delivery(runs.redis, tenant_id, hook.webhook_id, delivery_id, body):
                new.append(delivery_id)
    return new


def record_delivery(redis: Any, tenant_id: int, webhook_id: str, delivery_id: str, body: bytes) -> bool:
    """Note a delivery as due now; False where it was noted before, whatever became of it."""
    if redis.hexists(keys.delivery(delivery_id), "state"):
        return False
    fields = {"state": "waits", "tenant": tenant_id, "webhook": webhook_id, "body": body, "attempts": 0}
    with redis.pipeline(transaction=True) as pipe:
        pipe.hset(keys.delivery(delivery_id), mapping=fields)
        pipe.expire(keys.delivery(delivery_id), KEPT_S)
        pipe.zadd(keys.WEBHOOKS_DUE, {delivery_id: time.time_ns() // 1_000_000})
        pipe.execute()
    return True


def _told(tenant: Tenant, record: RunRecord, state: RunState, conversions: int, days: Sequence[date]) -> dict[str, Any]:
    return {
        "type": "run.closed",
        "tenant": tenant.slug,
        "run_id": record.run_id,
        "kind": record.kind,
        "state": state.value,
        "conversions": conversions,
        "days": [day.isoformat() for day in days],
        "timezone": tenant.timezone,
        "created_at": rfc3339(record.created_ms),
        "closed_at": rfc3339(time.time_ns() // 1_000_000),
    }
