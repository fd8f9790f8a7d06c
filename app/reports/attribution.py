"""Which channel earned how much, under which model? The attribution report.

Read from the rollup, which close_run refreshes; cheap at any number of conversions. The part that no touch earned is
among the rows, under `(unattributed)`, so that rows sum to totals, and totals are the conversions themselves. What the
rollup cannot tell is read from the ledger: other currencies, a past state, refunds by their own day, a touch's source.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from app.attribution.currency import to_decimal_string
from app.attribution.names import FIVE_MODELS, UNATTRIBUTED, Model
from app.errors import BadInput
from app.reports.amounts import NOTHING, Amounts, summed
from app.reports.days import rfc3339
from app.reports.entries import entries
from app.reports.exchange import ReportedCredit, convert
from app.reports.query import AttributionQuery, By
from app.reports.spend import Line, Spend, shown_beside, spend_of
from app.storage.client import Storage
from app.storage.report_ledger import LEDGER_ROWS, LEDGER_ROWS_BY_SOURCE
from app.storage.report_statements import ATTRIBUTION_ROWS, LEDGER_WORTH, ROLLUP_TOTALS
from app.storage.statements import TenantStatement
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
    the ledger, to the unit. `as_of_ms`: when the newest figure in it was computed, or the moment asked for.
    """

    query: AttributionQuery
    rows: list[AttributionRow]
    totals: list[AttributionRow]
    unattributed: list[AttributionRow]
    reconciled: bool
    rules_version: int
    as_of_ms: int
    spend: Spend = field(default_factory=lambda: Spend(has_lines=False))

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
            "adjusted": str(query.adjusted),
            "rows": [_shown(row, query.by) | self._beside(row, self.spend.lines) for row in self.rows],
            "totals": [_shown(row) | self._beside(row, self._all_spend()) for row in self.totals],
            "unattributed": [_shown(row) for row in self.unattributed],
            "spend": self._spend_shown(),
            "reconciled": self.reconciled,
            "rules_version": self.rules_version,
            "as_of": rfc3339(self.as_of_ms),
        }

    def unmatched_spend(self) -> list[tuple[str, tuple[str, ...], int]]:
        """(currency, group, minor units) of spend on lines that no model credits."""
        credited = {(row.currency, row.group) for row in self.rows}
        return [(*line, minor) for line, minor in sorted(self.spend.lines.items()) if line not in credited]

    def unmatched_credit(self) -> list[AttributionRow]:
        """Rows of credit, unattributed apart, on lines without spend."""
        return [
            row
            for row in self.rows
            if (row.currency, row.group) not in self.spend.lines and UNATTRIBUTED not in row.group and row.amounts
        ]

    def _all_spend(self) -> dict[Line, int]:
        return {(currency, ()): minor for currency, minor in self.spend.totals.items()}

    def _beside(self, row: AttributionRow, lines: dict[Line, int]) -> dict[str, str | int | None]:
        return shown_beside(row.amounts, lines.get((row.currency, row.group)), row.currency)

    def _spend_shown(self) -> dict[str, Any]:
        by = self.query.by
        return {
            "totals": [_spend_line(currency, minor) for currency, minor in sorted(self.spend.totals.items())],
            "by_line": self.spend.has_lines,
            "unmatched": {
                "spend": [
                    _named(by, group) | _spend_line(currency, minor)
                    for currency, group, minor in self.unmatched_spend()
                ],
                "credit": [_shown(row, by) for row in self.unmatched_credit()] if self.spend.has_lines else [],
            },
        }


def attribution(storage: Storage, tenant: Tenant, query: AttributionQuery, *, now_ms: int) -> AttributionReport:
    """The report of one tenant.

    Raises
    ------
    BadInput : more than 200,000 lines, or a `currency` into which a conversion's day has no rate.
    """
    params = query.params()
    worth, rules_version, ledger_us = _worth(storage, tenant, params)
    figures = _Figures(query)
    figures.read(storage, tenant, params)
    rollup, rollup_us = _rollup_totals(storage, tenant, params, figures)
    if query.currency:
        figures.add_all(convert(storage, tenant, query))
    if query.has_entries:
        figures.add_all(entries(storage, tenant, query))
    return AttributionReport(
        query=query,
        rows=figures.rows(),
        totals=figures.lines(figures.sums),
        unattributed=figures.lines(figures.unattributed),
        reconciled=rollup == worth and figures.models_agree(),
        rules_version=rules_version or tenant.rules.version,
        as_of_ms=query.as_of_ms if query.is_past else max(rollup_us, ledger_us) // 1000 or now_ms,
        spend=spend_of(storage, tenant, query),
    )


Totals = dict[tuple[str, Model], Amounts]
Sums = dict[tuple[str, Model], list[int]]
"""The figures of Amounts, in its order: added up in place, since there may be a million of them."""


@dataclass(slots=True)
class _Figures:
    """What was read so far, of all five models: a line that any model gives something is shown under each."""

    query: AttributionQuery
    groups: dict[tuple[str, tuple[str, ...]], dict[Model, Amounts]] = field(default_factory=dict)
    sums: Sums = field(default_factory=dict)
    unattributed: Sums = field(default_factory=dict)
    newest_us: int = 0

    @property
    def is_rollup(self) -> bool:
        """Whether all figures are the rollup's own."""
        query = self.query
        return not query.currency and not query.has_entries and self._statement() is ATTRIBUTION_ROWS

    def read(self, storage: Storage, tenant: Tenant, params: dict[str, Any]) -> None:
        """The rollup, or the ledger where the rollup does not tell. With entries, net begins as gross."""
        limited = params | {
            "limit": MAX_ROWS * len(FIVE_MODELS) + 1,
            "currency": self.query.currency,
            "models": [str(model) for model in FIVE_MODELS],
        }
        found = storage.rows(self._statement(), tenant_id=tenant.tenant_id, params=limited, task=_TASK)
        if len(found) >= limited["limit"]:
            raise BadInput(
                "report_too_large",
                f"The report has more than {MAX_ROWS} lines.",
                "Ask for fewer days, or for less in `by`; the ledger export has no such limit.",
            )
        place = [list(By).index(by) for by in self.query.by]
        models = {str(model): model for model in FIVE_MODELS}
        for currency, is_unattributed, *rest, version in found:
            columns, model, amounts = rest[: len(By)], models[rest[len(By)]], summed(*rest[len(By) + 1 :])
            self.newest_us = max(self.newest_us, version)
            if self.query.has_entries:
                amounts = Amounts(
                    amounts.conversions_micro, amounts.conversions_micro, amounts.value_minor, amounts.value_minor
                )
            self.add(tuple(columns[i] for i in place), model, currency, amounts, bool(is_unattributed))

    def _statement(self) -> TenantStatement:
        if By.SOURCE in self.query.by:
            return LEDGER_ROWS_BY_SOURCE
        return LEDGER_ROWS if self.query.is_past else ATTRIBUTION_ROWS

    def add_all(self, credits: Iterable[ReportedCredit]) -> None:
        for credit in credits:
            self.add(credit.group, credit.model, credit.currency, credit.amounts, credit.is_unattributed)

    def add(self, group: tuple[str, ...], model: Model, currency: str, amounts: Amounts, is_unattributed: bool) -> None:
        if not amounts:
            return
        models = self.groups.setdefault((currency, group), {})
        before = models.get(model)
        models[model] = amounts if before is None else before + amounts
        _add(self.sums.setdefault((currency, model), [0, 0, 0, 0]), amounts)
        if is_unattributed:
            _add(self.unattributed.setdefault((currency, model), [0, 0, 0, 0]), amounts)

    def rows(self) -> list[AttributionRow]:
        return [
            AttributionRow(group, model, currency, models.get(model, NOTHING))
            for (currency, group), models in sorted(self.groups.items())
            for model in self.query.models
        ]

    @property
    def totals(self) -> Totals:
        return {key: Amounts(*figures) for key, figures in self.sums.items() if any(figures)}

    def lines(self, figures: Sums) -> list[AttributionRow]:
        """A line per currency and model asked for, zeros too."""
        currencies = sorted({currency for currency, _ in self.sums})
        return [
            AttributionRow((), model, currency, Amounts(*figures.get((currency, model), ())))
            for currency in currencies
            for model in self.query.models
        ]

    def models_agree(self) -> bool:
        """Every model shares out the same conversions."""
        totals = self.totals
        currencies = {currency for currency, _ in totals}
        return all(
            len({totals.get((currency, model), NOTHING) for model in FIVE_MODELS}) == 1 for currency in currencies
        )


def _add(sums: list[int], amounts: Amounts) -> None:
    sums[0] += amounts.conversions_micro
    sums[1] += amounts.net_conversions_micro
    sums[2] += amounts.value_minor
    sums[3] += amounts.net_value_minor


def _worth(storage: Storage, tenant: Tenant, params: dict[str, Any]) -> tuple[Totals, int, int]:
    """What each model's total must be, from the ledger's conversions; newest rules version; newest run (µs)."""
    worth: Totals = {}
    rules_version = newest_us = 0
    for currency, *amounts, rules, version in storage.rows(
        LEDGER_WORTH, tenant_id=tenant.tenant_id, params=params, task=_TASK
    ):
        worth.update({(currency, model): summed(*amounts) for model in FIVE_MODELS})
        rules_version, newest_us = max(rules_version, rules), max(newest_us, version)
    return worth, rules_version, newest_us


def _rollup_totals(storage: Storage, tenant: Tenant, params: dict[str, Any], figures: _Figures) -> tuple[Totals, int]:
    """The rollup's own totals, whatever the report makes of them; newest refresh (µs)."""
    if figures.is_rollup:
        return figures.totals, figures.newest_us
    totals: Totals = {}
    newest_us = 0
    for currency, model, *rest in storage.rows(ROLLUP_TOTALS, tenant_id=tenant.tenant_id, params=params, task=_TASK):
        amounts, newest_us = summed(*rest[:6]), max(newest_us, rest[-1])
        if amounts:
            totals[currency, Model(model)] = amounts
    return totals, newest_us


def _shown(row: AttributionRow, by: tuple[By, ...] = ()) -> dict[str, Any]:
    return _named(by, row.group) | {"model": str(row.model)} | row.amounts.shown(row.currency)


def _named(by: tuple[By, ...], group: tuple[str, ...]) -> dict[str, Any]:
    return {str(name): value for name, value in zip(by, group, strict=True)}


def _spend_line(currency: str, minor: int) -> dict[str, Any]:
    return {"currency": currency, "spend": to_decimal_string(minor, currency), "spend_minor": minor}
