"""What was refunded or corrected on these orders?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from app.storage.client import Columns, Storage
from app.storage.external import one_column
from app.storage.statements import TenantStatement

ADJUSTMENTS = TenantStatement(
    "adjustments",
    """
    SELECT adjustment_id, order_id, conversion_type, action, value, currency, toUnixTimestamp64Milli(at) AS at_ms,
           toUnixTimestamp64Milli(received_at) AS received_ms
    FROM adjustments
    WHERE {tenant}
      AND order_key IN (SELECT sipHash64(wanted) FROM orders)
      AND order_id IN (SELECT wanted FROM orders)
    ORDER BY order_id, adjustment_id, at, received_at, action, value
    LIMIT 1 BY order_id, adjustment_id
    """,
)


class AdjustmentRow(NamedTuple):
    """A refund or correction. `action` is 'restate' or 'retract'; `value` the decimal string as sent."""

    adjustment_id: str
    order_id: str
    conversion_type: str
    action: str
    value: str
    currency: str
    at_ms: int
    received_ms: int


def adjustments_of(
    storage: Storage, tenant_id: int, order_ids: Sequence[str], *, task: str = ""
) -> list[AdjustmentRow]:
    """One row per order and adjustment id, that with the earliest `at`; in the order (order_id, adjustment_id)."""
    if not order_ids:
        return []
    table = one_column("wanted", "String", order_ids)
    rows = storage.rows(ADJUSTMENTS, tenant_id=tenant_id, external={"orders": table}, task=task)
    return [AdjustmentRow._make(row) for row in rows]


def insert_adjustments(storage: Storage, columns: Columns, token: str, *, task: str = "") -> int:
    """Rows of `adjustments`; `action` as its name or number, `at` and `received_at` in epoch ms."""
    return storage.insert("adjustments", columns, token=token, task=task)
