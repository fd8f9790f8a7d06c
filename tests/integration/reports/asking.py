"""How do the tests ask for reports, and what must hold of every answer?"""

from __future__ import annotations

from typing import Any

import msgspec

from app.reports.attribution import AttributionReport, attribution
from app.reports.days import Period, read_period
from app.reports.query import read_query
from app.reports.reconcile import reconcile
from tests.integration.reports.world import World, at

NOW_MS = at("2025-04-15T00:00:00+00:00")


def period_of(world: World, first: str = "2025-03-01", end: str = "2025-04-01") -> Period:
    return read_period(first, end, world.tenant.timezone, NOW_MS)


def ask(world: World, first: str = "2025-03-01", end: str = "2025-04-01", **words: str) -> AttributionReport:
    return attribution(world.storage, world.tenant, read_query(period_of(world, first, end), **words), now_ms=NOW_MS)


def said(report: AttributionReport) -> Any:
    """The answer as a client reads it."""
    return msgspec.json.decode(msgspec.json.encode(report.shown()))


def require_sums(report: AttributionReport) -> None:
    """Rows sum to totals in every figure, and rows' and unmatched spend to all spend."""
    sums: dict[Any, Any] = {}
    for row in report.rows:
        key = (row.currency, row.model)
        sums[key] = sums[key] + row.amounts if key in sums else row.amounts
    assert sums == {(row.currency, row.model): row.amounts for row in report.totals}
    answer = said(report)
    if not report.spend.has_lines:
        return
    for total in answer["spend"]["totals"]:
        rows = [row["spend_minor"] or 0 for row in answer["rows"] if is_first(row, report, total["currency"])]
        unmatched = [line["spend_minor"] for line in answer["spend"]["unmatched"]["spend"]]
        of_currency = [
            minor
            for line, minor in zip(answer["spend"]["unmatched"]["spend"], unmatched, strict=True)
            if line["currency"] == total["currency"]
        ]
        assert sum(rows) + sum(of_currency) == total["spend_minor"]


def is_first(row: dict[str, Any], report: AttributionReport, currency: str) -> bool:
    return bool(row["currency"] == currency and row["model"] == str(report.query.models[0]))


def require_proof(world: World, first: str = "2025-01-01", end: str = "2025-06-01") -> None:
    """Credited + unattributed = total, and what reports show is the ledger."""
    found = reconcile(world.storage, world.tenant, period_of(world, first, end), now_ms=NOW_MS)
    assert found.reconciled, found.shown()


def total(report: AttributionReport, currency: str = "USD", model: str = "linear") -> Any:
    """The amounts of a total."""
    (row,) = [row for row in report.totals if row.currency == currency and row.model == model]
    return row.amounts
