"""What was refunded or corrected on these orders?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from operator import attrgetter
from typing import NamedTuple

from app.storage.client import Storage
from app.storage.external import of_tenants
from app.storage.statements import TenantsStatement

# Refunds are few: to sort them here costs less than to plan it there.
ADJUSTMENTS = TenantsStatement(
    "adjustments",
    """
    SELECT tenant_id, adjustment_id, order_id, conversion_type, action, value, currency,
           toUnixTimestamp64Milli(at) AS at_ms, toUnixTimestamp64Milli(received_at) AS received_ms
    FROM adjustments
    WHERE {tenant}
      AND (tenant_id, order_key) IN (SELECT tenant_id, sipHash64(wanted) FROM orders)
    """,
)


ADJUSTED_AMONG = TenantsStatement(
    "adjusted_among",
    """
    SELECT DISTINCT tenant_id
    FROM adjustments
    WHERE {tenant}
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


def adjusted_among(storage: Storage, tenant_ids: Collection[int]) -> set[int]:
    """Those of these tenants that have an adjustment of any order."""
    return {tenant_id for (tenant_id,) in storage.rows(ADJUSTED_AMONG, tenant_id=sorted(tenant_ids))}


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
    first: dict[tuple[int, str, str], AdjustmentRow] = {}
    for row in sorted(map(AdjustmentRow._make, rows), key=_in_order):
        if row.order_id in wanted[row.tenant_id]:
            first.setdefault((row.tenant_id, row.order_id, row.adjustment_id), row)
    return list(first.values())


_in_order = attrgetter("tenant_id", "order_id", "adjustment_id", "at_ms", "received_ms", "action", "value")
