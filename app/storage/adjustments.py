"""What was refunded or corrected on these orders?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from app.storage.client import Storage
from app.storage.external import of_tenants
from app.storage.statements import TenantsStatement

ADJUSTMENTS = TenantsStatement(
    "adjustments",
    """
    SELECT tenant_id, adjustment_id, order_id, conversion_type, action, value, currency,
           toUnixTimestamp64Milli(at) AS at_ms, toUnixTimestamp64Milli(received_at) AS received_ms
    FROM adjustments
    WHERE {tenant}
      AND (tenant_id, order_key) IN (SELECT tenant_id, sipHash64(wanted) FROM orders)
    ORDER BY tenant_id, order_id, adjustment_id, at, received_at, action, value
    LIMIT 1 BY tenant_id, order_id, adjustment_id
    """,
)


class AdjustmentRow(NamedTuple):
    """A refund or correction. `action` is 'restate' or 'retract'; `value` the decimal string as sent."""

    tenant_id: int
    adjustment_id: str
    order_id: str
    conversion_type: str
    action: str
    value: str
    currency: str
    at_ms: int
    received_ms: int


def adjustments_of(
    storage: Storage, order_ids: Mapping[int, Collection[str]], *, task: str = ""
) -> list[AdjustmentRow]:
    """Of some tenants' orders: one row per order and adjustment id, that with the earliest `at`.

    In the order (tenant_id, order_id, adjustment_id).
    """
    wanted = {tenant_id: set(ids) for tenant_id, ids in order_ids.items() if ids}
    if not wanted:
        return []
    external = {"orders": of_tenants("wanted", "String", wanted)}
    rows = storage.rows(ADJUSTMENTS, tenant_id=sorted(wanted), external=external, task=task)
    found = map(AdjustmentRow._make, rows)
    return [row for row in found if row.order_id in wanted[row.tenant_id]]
