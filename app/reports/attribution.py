"""Which channel earned how much, under which model? The attribution report.

Read from the rollup, which close_run refreshes; cheap at any number of conversions. The part that no touch earned is
among the rows, under `(unattributed)`, so that rows sum to totals, and totals are the conversions themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.attribution.names import FIVE_MODELS, Model
from app.errors import BadInput
from app.reports.amounts import NOTHING, Amounts
from app.reports.days import rfc3339
from app.reports.exchange import convert
from app.reports.query import AttributionQuery, By
from app.storage.client import Storage
from app.storage.report_statements import ATTRIBUTION_ROWS, LEDGER_WORTH, ROLLUP_TOTALS
from app.tenants.tenant import Tenant

MAX_ROWS = 200_000
_TASK = "report.attribution"


@dataclass(frozen=True, slots=True)
class AttributionRow:
    """One line: its group (a value for each of the query's `by`), model, currency and amounts."""

    group: tuple[str, ...]
    model: Model
    currency: str
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class AttributionReport:
    """The answer. `totals` and `unattributed` are lines per currency and model, without a group.

    `reconciled`: for every currency and model the rollup's credited and unattributed parts sum to the conversions of
    the ledger, to the unit. `as_of_ms`: when the newest figure in it was computed.
    """

    query: AttributionQuery
    rows: list[AttributionRow]
    totals: list[AttributionRow]
    unattributed: list[AttributionRow]
    reconciled: bool
    rules_version: int
    as_of_ms: int

    def shown(self) -> dict[str, Any]:
        """As the API answers."""
        query = self.query
        return {
            "from": query.period.first.isoformat(),
            "to": query.period.end.isoformat(),
            "timezone": query.period.timezone,
            "currency": query.currency or None,
            "by": list(query.by),
            "models": list(query.models),
            "conversion_type": query.conversion_type or None,
            "rows": [_shown(row, query.by) for row in self.rows],
            "totals": [_shown(row) for row in self.totals],
            "unattributed": [_shown(row) for row in self.unattributed],
            "reconciled": self.reconciled,
            "rules_version": self.rules_version,
            "as_of": rfc3339(self.as_of_ms),
        }


def attribution(storage: Storage, tenant: Tenant, query: AttributionQuery, *, now_ms: int) -> AttributionReport:
    """The report of one tenant.

    Raises
    ------
    BadInput : more than 200,000 lines, or a `currency` into which a conversion's day has no rate.
    """
    params = query.params()
    worth, rules_version, ledger_us = _worth(storage, tenant, params)
    rollup, rollup_us = _rollup_totals(storage, tenant, params)
    figures = _Figures(query)
    figures.read_rollup(storage, tenant, params)
    if query.currency:
        for credit in convert(storage, tenant, query):
            figures.add(credit.group, credit.model, query.currency, credit.amounts, credit.is_unattributed)
    return AttributionReport(
        query=query,
        rows=figures.rows(),
        totals=figures.lines(figures.totals),
        unattributed=figures.lines(figures.unattributed),
        reconciled=rollup == worth and figures.models_agree(),
        rules_version=rules_version or tenant.rules.version,
        as_of_ms=max(rollup_us, ledger_us) // 1000 or now_ms,
    )


Totals = dict[tuple[str, Model], Amounts]


@dataclass(slots=True)
class _Figures:
    """What was read so far, of all five models: a line that any model gives something is shown under each."""

    query: AttributionQuery
    groups: dict[tuple[str, tuple[str, ...]], dict[Model, Amounts]] = field(default_factory=dict)
    totals: Totals = field(default_factory=dict)
    unattributed: Totals = field(default_factory=dict)

    def read_rollup(self, storage: Storage, tenant: Tenant, params: dict[str, Any]) -> None:
        limited = params | {"limit": MAX_ROWS * len(FIVE_MODELS) + 1, "currency": self.query.currency}
        found = storage.rows(ATTRIBUTION_ROWS, tenant_id=tenant.tenant_id, params=limited, task=_TASK)
        if len(found) >= limited["limit"]:
            raise BadInput(
                "report_too_large",
                f"The report has more than {MAX_ROWS} lines.",
                "Ask for fewer days, or for less in `by`; the ledger export has no such limit.",
            )
        place = [list(By).index(by) for by in self.query.by]
        for currency, is_unattributed, *rest in found:
            columns, model, amounts = rest[: len(By)], Model(rest[len(By)]), Amounts(*rest[len(By) + 1 :])
            self.add(tuple(columns[i] for i in place), model, currency, amounts, bool(is_unattributed))

    def add(self, group: tuple[str, ...], model: Model, currency: str, amounts: Amounts, is_unattributed: bool) -> None:
        if not amounts:
            return
        models = self.groups.setdefault((currency, group), {})
        models[model] = models.get(model, NOTHING) + amounts
        self.totals[currency, model] = self.totals.get((currency, model), NOTHING) + amounts
        if is_unattributed:
            self.unattributed[currency, model] = self.unattributed.get((currency, model), NOTHING) + amounts

    def rows(self) -> list[AttributionRow]:
        return [
            AttributionRow(group, model, currency, models.get(model, NOTHING))
            for (currency, group), models in sorted(self.groups.items())
            for model in self.query.models
        ]

    def lines(self, figures: Totals) -> list[AttributionRow]:
        """A line per currency and model asked for, zeros too."""
        currencies = sorted({currency for currency, _ in self.totals})
        return [
            AttributionRow((), model, currency, figures.get((currency, model), NOTHING))
            for currency in currencies
            for model in self.query.models
        ]

    def models_agree(self) -> bool:
        """Every model shares out the same conversions."""
        currencies = {currency for currency, _ in self.totals}
        return all(
            len({self.totals.get((currency, model), NOTHING) for model in FIVE_MODELS}) == 1 for currency in currencies
        )


def _worth(storage: Storage, tenant: Tenant, params: dict[str, Any]) -> tuple[Totals, int, int]:
    """What each model's total must be, from the ledger's conversions; newest rules version; newest run (µs)."""
    worth: Totals = {}
    rules_version = newest_us = 0
    for currency, *amounts, rules, version in storage.rows(
        LEDGER_WORTH, tenant_id=tenant.tenant_id, params=params, task=_TASK
    ):
        worth.update({(currency, model): Amounts(*amounts) for model in FIVE_MODELS})
        rules_version, newest_us = max(rules_version, rules), max(newest_us, version)
    return worth, rules_version, newest_us


def _rollup_totals(storage: Storage, tenant: Tenant, params: dict[str, Any]) -> tuple[Totals, int]:
    totals: Totals = {}
    newest_us = 0
    for currency, model, *rest in storage.rows(ROLLUP_TOTALS, tenant_id=tenant.tenant_id, params=params, task=_TASK):
        amounts, newest_us = Amounts(*rest[:4]), max(newest_us, rest[-1])
        if amounts:
            totals[currency, Model(model)] = amounts
    return totals, newest_us


def _shown(row: AttributionRow, by: tuple[By, ...] = ()) -> dict[str, Any]:
    group = {str(name): value for name, value in zip(by, row.group, strict=True)}
    return group | {"model": str(row.model)} | row.amounts.shown(row.currency)
