"""Which of an order's refunds and corrections stands?"""

from __future__ import annotations

from dataclasses import dataclass

from app.reports.proof import Unmatched, problem_with
from app.storage.client import Storage
from app.storage.report_conversions import ADJUSTMENTS_OF_ORDER
from app.tenants.tenant import Tenant

_TASK = "report.explain"


@dataclass(frozen=True, slots=True)
class AppliedAdjustment:
    """An adjustment of the order. `problem` None and `stands` False: a later one took its place."""

    adjustment_id: str
    action: str
    value: str
    currency: str
    at_ms: int
    problem: Unmatched | None
    stands: bool


def adjustments_of_order(
    storage: Storage, tenant: Tenant, order_id: str, conversion_type: str, currency_of_order: str
) -> list[AppliedAdjustment]:
    """The order's adjustments by time; the last applicable one stands (SEMANTICS 4.4, 4.8)."""
    params = {"order_id": order_id}
    found = storage.rows(ADJUSTMENTS_OF_ORDER, tenant_id=tenant.tenant_id, params=params, task=_TASK)
    judged = []
    for adjustment_id, wanted_type, action, value, currency, at_ms, _ in sorted(
        found, key=lambda row: (row[5], row[0])
    ):
        problem = problem_with(action, value, currency, currency_of_order)
        if wanted_type not in ("", conversion_type):
            problem = Unmatched.OTHER_CONVERSION_TYPE
        judged.append((adjustment_id, action, value, currency, at_ms, problem))
    applied = [item[0] for item in judged if item[5] is None]
    return [AppliedAdjustment(*item, stands=bool(applied) and item[0] == applied[-1]) for item in judged]
