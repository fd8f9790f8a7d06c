"""Short ways to rows of the tables, with defaults for what a test does not care about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.storage.client import Storage

T0 = 1_767_225_600_000
"""2026-01-01T00:00:00Z, epoch ms."""
DAY = 86_400_000

DEFAULTS: dict[str, dict[str, Any]] = {
    "events": {
        "ts": T0,
        "received_at": T0,
        "event_type": "track",
        "name": "Touchpoint",
        "role": "touch",
        "owner": "",
        "user_id": "u:1",
        "anonymous_id": "",
        "body": "",
        "retention_days": 4000,
    },
    "touchpoints": {
        "user_id": "u:1",
        "ts": T0,
        "kind": 0,
        "channel": "google",
        "campaign": "",
        "source": "",
        "medium": "",
        "term": "",
        "content": "",
        "click_id": "",
        "url": "",
        "referrer": "",
        "cost": "",
        "rules_version": 1,
        "received_at": T0,
        "retention_days": 4000,
        "is_deleted": 0,
    },
    "conversions": {
        "conversion_type": "Order Completed",
        "order_id": "o-1",
        "conversion_key": 1,
        "ts": T0,
        "message_id": "m-1",
        "user_id": "u:1",
        "anonymous_id": "",
        "value_minor": 100,
        "currency": "USD",
        "rules_version": 1,
        "received_at": T0,
        "retention_days": 4000,
        "is_deleted": 0,
    },
    "conversions_by_user": {"user_id": "u:1", "ts": T0, "conversion_key": 1, "retention_days": 4000},
    "conversions_by_order": {"order_id": "o-1", "conversion_key": 1, "conversion_type": "Order Completed"},
    "adjustments": {
        "adjustment_id": "a-1",
        "order_id": "o-1",
        "conversion_type": "",
        "action": "restate",
        "value": "1.00",
        "currency": "",
        "at": T0,
        "received_at": T0,
    },
    "identity_aliases": {"id": "a:1", "met": "u:1", "first_ts": T0},
    "ledger": {
        "conversion_type": "Order Completed",
        "order_id": "o-1",
        "message_id": "m-1",
        "person": "u:1",
        "currency": "USD",
        "gross_minor": 1000,
        "net_minor": 1000,
        "retracted": 0,
        "duplicates": 0,
        "touches_left_out": 0,
        "net": [],
        "rules_version": 1,
        "run_id": "r",
        "version": 1,
        "is_deleted": 0,
    },
}


def put(storage: Storage, table: str, tenant_id: int, *rows: Mapping[str, Any], token: str = "") -> None:
    """Insert rows, filled up with the table's defaults."""
    full = [{"tenant_id": tenant_id, **DEFAULTS[table], **row} for row in rows]
    columns = {name: [row[name] for row in full] for name in full[0]}
    storage.insert(table, columns, token=token)
