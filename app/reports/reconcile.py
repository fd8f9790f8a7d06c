"""Is everything accounted for? credited + unattributed = total of conversions, for every currency and model.

Three things are computed apart and compared: the conversions themselves (`app.reports.proof`), the ledger's credits
summed touch by touch, and the rollup that reports read (SEMANTICS 4.11).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.attribution.names import FIVE_MODELS, Model
from app.reports.amounts import NOTHING, Amounts, summed
from app.reports.days import Period, day_of, rfc3339
from app.reports.proof import TASK, UNMATCHED_TEXTS, CurrencyWorth, UnmatchedAdjustment, Worth, worth_of
from app.reports.query import period_params
from app.reports.words import counted
from app.storage.client import Storage
from app.storage.report_statements import CAMPAIGN_TOTALS, CHANNEL_TOTALS, LEDGER_CREDITS, LEDGER_ORPHANS
from app.storage.statements import TenantStatement
from app.tenants.tenant import Tenant

UNMATCHED_SHOWN = 100
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Line:
    """One currency and model. `total` comes from the conversions, `rollup` from what reports read."""

    currency: str
    model: Model
    credited: Amounts
    unattributed: Amounts
    total: Amounts
    rollup: Amounts

    @property
    def difference(self) -> Amounts:
        """Credited and unattributed, less the total: zero where all is accounted for."""
        return self.credited + self.unattributed - self.total

    @property
    def rollup_difference(self) -> Amounts:
        """What reports show, less the ledger."""
        return self.rollup - (self.credited + self.unattributed)

    @property
    def reconciled(self) -> bool:
        return not self.difference and not self.rollup_difference


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The proof. `orphans`: ledger rows whose conversion is not stored any more."""

    period: Period
    lines: list[Line]
    worth: Worth
    orphans: int
    orphan_orders: list[str]
    notes: list[str]
    as_of_ms: int

    @property
    def reconciled(self) -> bool:
        return all(line.reconciled for line in self.lines)

    @property
    def pending(self) -> int:
        """Conversions that are stored and not in the ledger yet."""
        return sum(worth.pending for worth in self.worth.currencies.values())

    def shown(self) -> dict[str, Any]:
        """As the API answers."""
        return {
            "from": self.period.first.isoformat(),
            "to": self.period.end.isoformat(),
            "timezone": self.period.timezone,
            "reconciled": self.reconciled,
            "models": [_shown_line(line) for line in self.lines],
            "currencies": [_shown_worth(code, worth) for code, worth in sorted(self.worth.currencies.items())],
            "pending": self.pending,
            "orphans": {"ledger_rows": self.orphans, "order_ids": self.orphan_orders},
            "adjustments": {
                "considered": self.worth.adjustments,
                "unmatched": len(self.worth.unmatched),
                "list": [_shown_unmatched(item) for item in self.worth.unmatched[:UNMATCHED_SHOWN]],
            },
            "notes": self.notes,
            "as_of": rfc3339(self.as_of_ms),
        }


def reconcile(storage: Storage, tenant: Tenant, period: Period, *, now_ms: int) -> Reconciliation:
    """Prove a period of one tenant, or say what is missing."""
    worth = worth_of(storage, tenant, period)
    credits = _credits(storage, tenant, period)
    rollups = [_rollup(storage, tenant, period, statement) for statement in (CAMPAIGN_TOTALS, CHANNEL_TOTALS)]
    known = set(credits).union(*rollups)
    currencies = sorted(set(worth.currencies) | {currency for currency, _ in known})
    lines = [
        Line(
            currency,
            model,
            *credits.get((currency, model), (NOTHING, NOTHING)),
            total=worth.currencies.get(currency, CurrencyWorth()).total,
            rollup=_differing([rollup.get((currency, model), NOTHING) for rollup in rollups], currency, model, credits),
        )
        for currency in currencies
        for model in FIVE_MODELS
    ]
    orphans, orphan_orders = _orphans(storage, tenant, period)
    found = Reconciliation(period, lines, worth, orphans, orphan_orders, [], now_ms)
    found.notes.extend(_notes(found, tenant, now_ms))
    return found


Credits = dict[tuple[str, Model], tuple[Amounts, Amounts]]


def _credits(storage: Storage, tenant: Tenant, period: Period) -> Credits:
    """The ledger's credited and unattributed parts."""
    params = period_params(period) | {"models": len(FIVE_MODELS)}
    return {
        (currency, FIVE_MODELS[number]): (summed(*amounts[:6]), summed(*amounts[6:]))
        for currency, number, *amounts in storage.rows(
            LEDGER_CREDITS, tenant_id=tenant.tenant_id, params=params, task=TASK
        )
    }


def _differing(rollups: list[Amounts], currency: str, model: Model, credits: Credits) -> Amounts:
    """What reports show: of several rollups one that is not the ledger's sum, where there is one."""
    credited, unattributed = credits.get((currency, model), (NOTHING, NOTHING))
    ledger = credited + unattributed
    return next((found for found in rollups if found != ledger), ledger)


def _rollup(
    storage: Storage, tenant: Tenant, period: Period, statement: TenantStatement
) -> dict[tuple[str, Model], Amounts]:
    params = period_params(period) | {"conversion_type": ""}
    found = {
        (currency, Model(model)): summed(*rest[:6])
        for currency, model, *rest in storage.rows(statement, tenant_id=tenant.tenant_id, params=params, task=TASK)
    }
    return {key: amounts for key, amounts in found.items() if amounts}


def _orphans(storage: Storage, tenant: Tenant, period: Period) -> tuple[int, list[str]]:
    [(count, orders)] = storage.rows(
        LEDGER_ORPHANS, tenant_id=tenant.tenant_id, params=period_params(period), task=TASK
    )
    return count, orders


def _notes(found: Reconciliation, tenant: Tenant, now_ms: int) -> list[str]:
    """What a person should know about the figures, and what to do about it."""
    notes = []
    if found.pending:
        notes.append(
            f"{counted(found.pending, 'conversion is', 'conversions are')} stored and not credited yet: normal for "
            "some seconds after they arrive. Ask again; if the number stays, look at the jobs and the dead letters."
        )
    stale = sum(worth.stale for worth in found.worth.currencies.values())
    if stale:
        notes.append(
            f"{counted(stale, 'conversion')} changed after being credited, and will be credited again. "
            "If the number stays, POST /v1/reattribute for these days."
        )
    if any(line.rollup_difference for line in found.lines):
        notes.append(
            "Reports do not show the newest ledger yet: a run that touched these days is still open, or they are being "
            "summed up. Ask again; if it stays, see the workers' log. POST /v1/reattribute for these days sums them up."
        )
    if day_of(now_ms - tenant.retention_days * _DAY_MS, tenant.timezone) > found.period.first:
        notes.append(
            f"The period reaches back past the retention of {counted(tenant.retention_days, 'day')}: conversion events "
            "are no longer all stored, and the ledger keeps more than can be proved."
        )
    if found.worth.unmatched:
        many = counted(len(found.worth.unmatched), "adjustment changes", "adjustments change")
        notes.append(f"{many} nothing; `adjustments` says why.")
    return notes


def _shown_line(line: Line) -> dict[str, Any]:
    return {
        "model": str(line.model),
        "currency": line.currency,
        "reconciled": line.reconciled,
        "credited": line.credited.shown(line.currency),
        "unattributed": line.unattributed.shown(line.currency),
        "total": line.total.shown(line.currency),
        "difference": line.difference.shown(line.currency),
        "rollup_difference": line.rollup_difference.shown(line.currency),
    }


def _shown_worth(currency: str, worth: CurrencyWorth) -> dict[str, Any]:
    return {
        "currency": currency,
        "conversions": worth.conversions,
        "total": worth.total.shown(currency),
        "duplicates": {"events": worth.duplicates, "orders": worth.duplicated_orders},
        "pending": {
            "conversions": worth.pending,
            "value_minor": worth.pending_minor,
            "order_ids": worth.pending_orders,
        },
        "stale": {"conversions": worth.stale, "order_ids": worth.stale_orders},
    }


def _shown_unmatched(item: UnmatchedAdjustment) -> dict[str, Any]:
    return {
        "adjustment_id": item.adjustment_id,
        "order_id": item.order_id,
        "type": item.action,
        "at": rfc3339(item.at_ms),
        "reason": str(item.reason),
        "explanation": UNMATCHED_TEXTS[item.reason],
    }
