"""Was this event accepted before, and as what? The register of all events, and the rows that they become."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from app.storage.client import Columns, Storage
from app.storage.external import one_column
from app.storage.statements import TenantStatement

# By the key alone: asking for message_id too would read that column for every granule that is looked at, and new
# messages are the rule. What the key finds is compared in full afterwards.
KNOWN_MESSAGES = TenantStatement(
    "known_messages",
    """
    SELECT message_id, min(toUnixTimestamp64Milli(ts)) AS ts_ms, argMin(role, ts), argMin(owner, ts),
           argMin(user_id, ts)
    FROM
    (
        SELECT message_id, ts, role, owner, user_id
        FROM events
        WHERE {tenant}
          AND event_key IN (SELECT sipHash64(id) FROM ids)
          AND received_at >= fromUnixTimestamp64Milli(%(since_ms)s)
    )
    GROUP BY message_id
    """,
)


class Known(NamedTuple):
    """What a repeated event was the first time. `role` is 'other', 'touch' or 'conversion'; `ts_ms` the earliest."""

    ts_ms: int
    role: str
    owner: str
    user_id: str


def known_messages(
    storage: Storage, tenant_id: int, message_ids: Sequence[str], since_ms: int, *, task: str = ""
) -> dict[str, Known]:
    """Those of the messages that were accepted at or after `since_ms` (time of arrival, epoch ms)."""
    if not message_ids:
        return {}
    rows = storage.rows(
        KNOWN_MESSAGES,
        tenant_id=tenant_id,
        params={"since_ms": since_ms},
        external={"ids": one_column("id", "String", message_ids)},
        task=task,
    )
    wanted = set(message_ids)
    return {message_id: Known(*known) for message_id, *known in rows if message_id in wanted}


def insert_events(storage: Storage, columns: Columns, token: str, *, task: str = "") -> int:
    """Rows of `events`; see config/schema for the columns. MATERIALIZED ones are left out."""
    return storage.insert("events", columns, token=token, task=task)


def insert_touchpoints(storage: Storage, columns: Columns, token: str, *, task: str = "") -> int:
    """Rows of `touchpoints`; is_deleted = 1 cancels the row of the same user_id, ts and message_id."""
    return storage.insert("touchpoints", columns, token=token, task=task)
