"""Do the tables fit a terminal and say what the report says?"""

from __future__ import annotations

from datetime import date

from msgspec.structs import astuple

from app.attribution.names import FIVE_MODELS
from app.reports.amounts import Amounts
from app.reports.attribution import AttributionReport
from app.reports.days import Period
from app.reports.lines import Figures
from app.reports.proof import CurrencyWorth, Unmatched, UnmatchedAdjustment, Worth
from app.reports.query import AttributionQuery
from app.reports.reconcile import Line, Reconciliation
from app.reports.text import attribution_text, reconciliation_text

MARCH = Period(date(2025, 3, 1), date(2025, 4, 1), "UTC")


def report(channel: str) -> AttributionReport:
    amounts = Amounts(4_150_000, 3_000_000, 25_250_250, -5)
    figures = Figures({("USD", (channel,)): [*astuple(amounts)] * len(FIVE_MODELS)})
    return AttributionReport(AttributionQuery(MARCH), figures, True, 3, 0)


def test_the_attribution_table_has_conversions_and_money() -> None:
    text = attribution_text(report("search"))
    assert max(len(line) for line in text.splitlines()) <= 100
    lines = [line.split() for line in text.splitlines() if line.startswith("search")]
    assert lines == [["search", *["4.15"] * 5], ["search", *["252502.50"] * 5]]
    assert "Reconciled: yes" in text
    assert "-0.05" in attribution_text(report("search"), net=True)


def test_long_and_hostile_names_are_cut() -> None:
    text = attribution_text(report("\x1b[31m" + "long" * 100))
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "\x1b" not in text


def test_the_reconciliation_says_what_is_wrong() -> None:
    whole = Amounts(2_000_000, 2_000_000, 1_000, 1_000)
    part = Amounts(1_000_000, 1_000_000, 400, 400)
    lines = [Line("USD", model, part, part, whole, part + part) for model in FIVE_MODELS]
    worth = Worth(
        {"USD": CurrencyWorth(whole, conversions=2, pending=1)},
        1,
        [UnmatchedAdjustment("a1", "o1", "retract", 0, Unmatched.UNKNOWN_ORDER)],
    )
    text = reconciliation_text(Reconciliation(MARCH, lines, worth, 0, [], ["look " * 50], 0))
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "-2.00" in text
    assert "Reconciled: NO." in text
    assert "no conversion has this order_id" in text
