"""Which channel earned how much, under which model? The attribution report.

Read from the rollup, which is summed up first where it is stale; cheap at any number of conversions. The part that no
touch earned is among the rows, under `(unattributed)`, so that rows sum to totals, and totals are the conversions
themselves. What the rollup cannot tell is read from the ledger: other currencies, a past state, refunds by their own
day.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

from app.attribution.currency import to_decimal_string
from app.attribution.names import FIVE_MODELS, Model
from app.errors import BadInput
from app.reports.amounts import summed
from app.reports.days import rfc3339
from app.reports.entries import entries
from app.reports.exchange import convert
from app.reports.lines import AttributionRow, Figures, Lines, Totals, rows_of
from app.reports.pages import MOST_LINES, Line, cursor_of
from app.reports.query import AttributionQuery, By
from app.reports.said import SaidRows
from app.reports.spend import Spend, spend_of
from app.storage.client import Storage
from app.storage.report_ledger import LEDGER_LINES
from app.storage.report_statements import CAMPAIGN_LINES, CHANNEL_LINES, CHANNEL_TOTALS, LEDGER_WORTH
from app.storage.statements import TenantStatement
from app.tenants.tenant import Tenant

_TASK = "report.attribution"


@dataclass(frozen=True, slots=True)
class AttributionReport:
    """The answer. `totals` and `unattributed` are lines per currency and model, without a group.

    `reconciled`: for every currency and model the rollup's credited and unattributed parts sum to the conversions of
    the ledger, to the unit. `as_of_ms`: when the newest figure in it was computed, or the moment asked for.
    """

    query: AttributionQuery
    figures: Figures
    reconciled: bool
    rules_version: int
    as_of_ms: int
    spend: Spend = field(default_factory=lambda: Spend(has_lines=False))

    @property
    def rows(self) -> list[AttributionRow]:
        """Of all lines."""
        return rows_of(self.figures.ordered(), self.query.models)

    @property
    def totals(self) -> list[AttributionRow]:
        return rows_of(self.figures.totals(), self.query.models)

    @property
    def unattributed(self) -> list[AttributionRow]:
        return rows_of(self.figures.without_touches(), self.query.models)

    def shown(self) -> dict[str, Any]:
        """As the API answers, the rows as JSON: the lines that `limit` and `after` ask for, and the totals of all."""
        query, spend = self.query, self.spend
        lines, end = self._part()
        rows = SaidRows(lines, query.models, query.by)
        totals = SaidRows(self.figures.totals(), query.models)
        return {
            "from": query.period.first.isoformat(),
            "to": query.period.end.isoformat(),
            "timezone": query.period.timezone,
            "currency": query.currency or None,
            "by": list(query.by),
            "models": list(query.models),
            "conversion_type": query.conversion_type or None,
            "adjusted": str(query.adjusted),
            "rows": rows.with_spend(spend.lines),
            "next": cursor_of(end) if end else None,
            "totals": totals.with_spend({(code, ()): minor for code, minor in spend.totals.items()}),
            "unattributed": SaidRows(self.figures.without_touches(), query.models).plain(),
            "spend": {
                "totals": [_spend_line(currency, minor) for currency, minor in sorted(spend.totals.items())],
                "by_line": spend.has_lines,
                "unmatched": {
                    "spend": self._unmatched_spend(end),
                    "credit": rows.credit_without(spend.lines) if spend.has_lines else [],
                },
            },
            "reconciled": self.reconciled,
            "rules_version": self.rules_version,
            "as_of": rfc3339(self.as_of_ms),
        }

    def _part(self) -> tuple[Lines, Line | None]:
        """The lines asked for, and the last of them where others follow."""
        lines, after = self.figures.ordered(), self.query.after
        start = bisect_right(lines, after, key=itemgetter(0)) if after else 0
        part = lines[start : start + self.query.limit]
        return part, part[-1][0] if len(lines) > start + len(part) else None

    def _unmatched_spend(self, end: Line | None) -> list[dict[str, Any]]:
        """Spend on lines that no model credits, those of them that stand among the lines asked for."""
        after, credited, spend = self.query.after, self.figures.lines, self.spend.lines
        lines = sorted(line for line in spend if line not in credited)
        return [
            {str(name): value for name, value in zip(self.query.by, line[1], strict=True)}
            | _spend_line(line[0], spend[line])
            for line in lines
            if (after is None or line > after) and (end is None or line <= end)
        ]


def attribution(storage: Storage, tenant: Tenant, query: AttributionQuery, *, now_ms: int) -> AttributionReport:
    """The report of one tenant.

    Raises
    ------
    BadInput : more than 200,000 lines, or a `currency` into which a conversion's day or its spend has no rate.
    """
    return replace(credited(storage, tenant, query, now_ms=now_ms), spend=spend_of(storage, tenant, query))


def credited(storage: Storage, tenant: Tenant, query: AttributionQuery, *, now_ms: int) -> AttributionReport:
    """The same without spend.

    Raises
    ------
    BadInput : more than 200,000 lines, or a `currency` into which a conversion's day has no rate.
    """
    params = query.params()
    worth, rules_version, ledger_us = _worth(storage, tenant, params)
    figures, newest_us = _read(storage, tenant, query, params)
    if not query.currency and not query.has_entries:
        rollup, rollup_us = figures.worth(), newest_us
    else:
        rollup, rollup_us = _rollup_totals(storage, tenant, params)
    if query.currency:
        figures.add_all(convert(storage, tenant, query))
    if query.has_entries:
        figures.add_all(entries(storage, tenant, query))
    return AttributionReport(
        query=query,
        figures=figures,
        reconciled=rollup == worth and figures.models_agree(),
        rules_version=rules_version or tenant.rules.version,
        as_of_ms=query.as_of_ms if query.is_past else max(rollup_us, ledger_us) // 1000 or now_ms,
    )


def _statement(query: AttributionQuery) -> TenantStatement:
    """The coarsest rollup that can tell, or the ledger where none can."""
    if query.is_past:
        return LEDGER_LINES
    return CAMPAIGN_LINES if {By.CAMPAIGN, By.SOURCE} & set(query.by) else CHANNEL_LINES


def _read(storage: Storage, tenant: Tenant, query: AttributionQuery, params: dict[str, Any]) -> tuple[Figures, int]:
    """The lines that are stored in the currencies asked for, and when the newest was made (µs)."""
    figures, newest_us = Figures(), 0
    place = [list(By).index(by) for by in query.by]
    limited = params | {
        "limit": MOST_LINES + 1,
        "currency": query.currency,
        "models": [str(model) for model in FIVE_MODELS],
    }
    found = storage.rows(_statement(query), tenant_id=tenant.tenant_id, params=limited, task=_TASK)
    for row in found:
        currency, is_unattributed, *groups, sums, newest = row
        line = currency, tuple([groups[i] for i in place])
        figures.add_row(line, bool(is_unattributed), sums, net_is_gross=query.has_entries)
        newest_us = max(newest_us, newest)
    if max(len(found), len(figures.lines)) > MOST_LINES:  # rows of zeros are read, and are no lines
        raise BadInput(
            "report_too_large",
            f"The report has more than {MOST_LINES} lines.",
            "Ask for fewer days, or for less in `by`; the ledger export has no such limit.",
        )
    return figures, newest_us


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


def _rollup_totals(storage: Storage, tenant: Tenant, params: dict[str, Any]) -> tuple[Totals, int]:
    """The rollup's own totals, whatever the report makes of them; newest refresh (µs)."""
    totals: Totals = {}
    newest_us = 0
    for currency, model, *rest in storage.rows(CHANNEL_TOTALS, tenant_id=tenant.tenant_id, params=params, task=_TASK):
        amounts, newest_us = summed(*rest[:6]), max(newest_us, rest[-1])
        if amounts:
            totals[currency, Model(model)] = amounts
    return totals, newest_us


def _spend_line(currency: str, minor: int) -> dict[str, Any]:
    return {"currency": currency, "spend": to_decimal_string(minor, currency), "spend_minor": minor}
