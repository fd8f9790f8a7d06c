"""Where does a tenant want to be told?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from app.storage.client import Storage
from app.storage.statements import TenantsStatement

WEBHOOKS = TenantsStatement(
    "webhooks",
    """
    SELECT tenant_id, webhook_id, url, secret, kinds, CAST(state, 'String'), toUnixTimestamp64Milli(created_at), version
    FROM webhooks FINAL
    WHERE {tenant}
      AND state = 'active'
    ORDER BY created_at, webhook_id
    """,
)


class Webhook(NamedTuple):
    """An address, the secret that signs what is sent there, and the kinds of runs that it is about (none: all)."""

    webhook_id: str
    url: str
    secret: str
    kinds: list[str]
    state: str
    created_ms: int
    version: int


def webhooks_of(storage: Storage, tenant_id: int, *, task: str = "") -> list[Webhook]:
    """The tenant's webhooks, oldest first."""
    return webhooks_among(storage, [tenant_id], task=task)[tenant_id]


def webhooks_among(storage: Storage, tenant_ids: Sequence[int], *, task: str = "") -> dict[int, list[Webhook]]:
    """The same of several tenants. Every one that was given is there."""
    found: dict[int, list[Webhook]] = {tenant_id: [] for tenant_id in tenant_ids}
    if found:
        for tenant_id, *row in storage.rows(WEBHOOKS, tenant_id=tenant_ids, task=task):
            found[tenant_id].append(Webhook._make(row))
    return found


def webhooked_among(storage: Storage, tenant_ids: Collection[int]) -> set[int]:
    """Those of these tenants that have a webhook."""
    return {tenant_id for tenant_id, hooks in webhooks_among(storage, sorted(tenant_ids)).items() if hooks}


def insert_webhook(storage: Storage, tenant_id: int, hook: Webhook) -> None:
    """A new webhook, or a new state of one; without its secret once it is deleted."""
    columns = {name: [value] for name, value in hook._asdict().items() if name != "created_ms"}
    storage.insert("webhooks", {"tenant_id": [tenant_id], **columns, "created_at": [hook.created_ms]}, task="webhooks")
