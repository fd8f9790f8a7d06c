"""Was this event accepted before, and as what? The register of all events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from app.storage.client import Storage
from app.storage.external import of_tenants
from app.storage.statements import TenantsStatement

# By the key alone: asking for message_id too would read that column for every granule that is looked at, and new
# messages are the rule. What the key finds is compared in full afterwards.
KNOWN_MESSAGES = TenantsStatement(
    "known_messages",
    """
    SELECT tenant_id, message_id, toUnixTimestamp64Milli(ts), role, owner, user_id
    FROM events
    WHERE {tenant}
      AND (tenant_id, event_key) IN (SELECT tenant_id, sipHash64(id) FROM ids)
      AND received_at >= fromUnixTimestamp64Milli(%(since_ms)s)
    """,
)


class Known(NamedTuple):
    """What a repeated event was the first time. `role` is 'other', 'touch' or 'conversion'; `ts_ms` the earliest."""

    ts_ms: int
    role: str
    owner: str
    user_id: str


def known_messages(
    storage: Storage, message_ids: Mapping[int, Sequence[str]], since_ms: int, *, task: str = ""
) -> dict[int, dict[str, Known]]:
    """Those of some tenants' messages that were accepted at or after `since_ms` (time of arrival, epoch ms).

    Every tenant that was given is there. Of a message that stands several times the earliest (by `ts`) counts.
    """
    found: dict[int, dict[str, Known]] = {tenant_id: {} for tenant_id in message_ids}
    wanted = {tenant_id: set(ids) for tenant_id, ids in message_ids.items() if len(ids)}
    if not wanted:
        return found
    rows = storage.rows(
        KNOWN_MESSAGES,
        tenant_id=sorted(wanted),
        params={"since_ms": since_ms},
        external={"ids": of_tenants("id", "String", wanted)},
        task=task,
    )
    for tenant_id, message_id, *row in rows:
        if message_id in wanted[tenant_id]:
            known, of_tenant = Known(*row), found[tenant_id]
            of_tenant[message_id] = min(known, of_tenant.get(message_id, known))
    return found
