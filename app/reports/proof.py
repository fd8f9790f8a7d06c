"""What are the conversions of a period worth, without asking the ledger? One half of the reconciliation.

Computed from the conversion events and the adjustments alone: the winner of each order, less what was taken back. It
shares no code with attribution, so that agreeing means something.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from app.attribution.currency import AmountError, CurrencyError, to_minor
from app.reports.amounts import MICRO, NOTHING, Amounts, exact
from app.reports.days import Period
from app.reports.query import period_params
from app.storage.client import Storage
from app.storage.report_conversions import ADJUSTMENTS_WITH_CONVERSIONS, CONVERSIONS_WORTH
from app.tenants.tenant import Tenant

TASK = "report.reconcile"


class Unmatched(StrEnum):
    """Why an adjustment changes nothing."""

    UNKNOWN_ORDER = "unknown_order"
    OTHER_CONVERSION_TYPE = "other_conversion_type"
    OTHER_CURRENCY = "other_currency"
    UNUSABLE_VALUE = "unusable_value"


UNMATCHED_TEXTS = {
    Unmatched.UNKNOWN_ORDER: "no conversion has this order_id; it takes effect as soon as one comes",
    Unmatched.OTHER_CONVERSION_TYPE: "the order has no conversion of this type; name the right one, or none",
    Unmatched.OTHER_CURRENCY: "its currency is not the conversion's; send it in that one, under a new id",
    Unmatched.UNUSABLE_VALUE: "its value is no amount of the conversion's currency; send a right one, under a new id",
}


@dataclass(frozen=True, slots=True)
class UnmatchedAdjustment:
    adjustment_id: str
    order_id: str
    action: str
    at_ms: int
    reason: Unmatched


@dataclass(slots=True)
class CurrencyWorth:
    """The conversions of one currency, and how the ledger stands to them. Samples hold up to 20 order ids."""

    total: Amounts = NOTHING
    conversions: int = 0
    duplicates: int = 0
    duplicated_orders: int = 0
    pending: int = 0
    pending_minor: int = 0
    pending_orders: list[str] = field(default_factory=list)
    stale: int = 0
    stale_orders: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Worth:
    currencies: dict[str, CurrencyWorth]
    adjustments: int
    unmatched: list[UnmatchedAdjustment]


@dataclass(frozen=True, slots=True)
class _Adjusted:
    """One adjustment beside one conversion of its order (key 0: there is none)."""

    adjustment_id: str
    order_id: str
    wanted_type: str
    action: str
    value: str
    adjustment_currency: str
    at_ms: int
    at_in_period: int
    conversion_key: int
    conversion_type: str
    currency: str
    value_minor: int
    in_period: int

    def problem(self) -> Unmatched | None:
        if not self.conversion_key:
            return Unmatched.UNKNOWN_ORDER
        if self.wanted_type not in ("", self.conversion_type):
            return Unmatched.OTHER_CONVERSION_TYPE
        return problem_with(self.action, self.value, self.adjustment_currency, self.currency)


def problem_with(action: str, value: str, adjustment_currency: str, currency: str) -> Unmatched | None:
    """Why an adjustment of the right order and type cannot be applied to a conversion in `currency`."""
    if action == "retract":
        return None
    if adjustment_currency not in ("", currency):
        return Unmatched.OTHER_CURRENCY
    try:
        to_minor(value, currency)
    except (AmountError, CurrencyError):
        return Unmatched.UNUSABLE_VALUE
    return None


def worth_of(storage: Storage, tenant: Tenant, period: Period) -> Worth:
    """The conversions of a period by currency, gross and net, and the adjustments that found no conversion."""
    params = period_params(period)
    currencies: dict[str, CurrencyWorth] = {}
    for currency, count, wrapped, about, *rest in storage.rows(
        CONVERSIONS_WORTH, tenant_id=tenant.tenant_id, params=params, task=TASK
    ):
        value = exact(wrapped, about)
        total = Amounts(count * MICRO, count * MICRO, value, value)
        currencies[currency] = CurrencyWorth(total, count, *rest)
    rows = [
        _Adjusted(*row)
        for row in storage.rows(ADJUSTMENTS_WITH_CONVERSIONS, tenant_id=tenant.tenant_id, params=params, task=TASK)
    ]
    for currency, effect in _effects(row for row in rows if row.in_period and row.conversion_key):
        currencies[currency].total += effect
    return Worth(currencies, len({row.adjustment_id for row in rows}), _unmatched(rows))


def _effects(rows: Iterable[_Adjusted]) -> list[tuple[str, Amounts]]:
    """What each adjusted conversion's net loses or gains: its last applicable adjustment by (time, id) stands."""
    last: dict[int, _Adjusted] = {}
    for row in sorted(rows, key=lambda row: (row.at_ms, row.adjustment_id)):
        if row.problem() is None:
            last[row.conversion_key] = row
    return [(row.currency, _effect(row)) for row in last.values()]


def _effect(row: _Adjusted) -> Amounts:
    if row.action == "retract":
        return Amounts(net_conversions_micro=-MICRO, net_value_minor=-row.value_minor)
    return Amounts(net_value_minor=to_minor(row.value, row.currency) - row.value_minor)


def _unmatched(rows: Iterable[_Adjusted]) -> list[UnmatchedAdjustment]:
    """Adjustments that fit none of their order's conversions; the most telling reason of each."""
    problems: dict[str, list[tuple[Unmatched | None, _Adjusted]]] = {}
    for row in rows:
        problems.setdefault(row.adjustment_id, []).append((row.problem(), row))
    found = []
    for adjustment_id, tried in problems.items():
        reasons = [problem for problem, _ in tried if problem is not None]
        if len(reasons) == len(tried):
            row = tried[0][1]
            reason = max(reasons, key=list(Unmatched).index)
            found.append(UnmatchedAdjustment(adjustment_id, row.order_id, row.action, row.at_ms, reason))
    return found
