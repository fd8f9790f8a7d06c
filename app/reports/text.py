"""How do the reports look in a terminal? Plain text, at most 100 columns wide, for the CLI and the demo."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from app.attribution.currency import to_decimal_string
from app.attribution.names import FIVE_MODELS
from app.reports.amounts import MICRO, Amounts
from app.reports.attribution import AttributionReport
from app.reports.days import rfc3339
from app.reports.explain import Explanation
from app.reports.explained import amounts, credits, effect, state, why
from app.reports.fates import Reason
from app.reports.proof import UNMATCHED_TEXTS
from app.reports.reconcile import Reconciliation

WIDTH = 100


def attribution_text(report: AttributionReport, *, net: bool = False) -> str:
    """A table of the models by group, conversions above value, for each currency; gross, or net."""
    period = report.query.period
    lines = [f"Attribution, {period.first} to {period.end} (not included), {period.timezone}"]
    for currency in sorted({row.currency for row in report.totals}):
        lines += ["", *_currency_table(report, currency, net)]
    if not report.totals:
        lines += ["", "No conversions in these days."]
    word = "yes, to the unit" if report.reconciled else "NO: see the reconciliation"
    lines += ["", f"Reconciled: {word}. Rules version {report.rules_version}, as of {rfc3339(report.as_of_ms)}."]
    return "\n".join(lines) + "\n"


def _currency_table(report: AttributionReport, currency: str, net: bool) -> list[str]:
    models = [str(model) for model in report.query.models]
    groups: dict[tuple[str, ...], list[Amounts]] = {}
    for row in report.rows:
        if row.currency == currency:
            groups.setdefault(row.group, []).append(row.amounts)
    totals = [row.amounts for row in report.totals if row.currency == currency]
    named = [(" / ".join(group) or "all", found) for group, found in groups.items()]
    header = [" / ".join(report.query.by), *models]
    kind = "net" if net else "gross"
    counts = [[name, *(_count(item, net) for item in found)] for name, found in [*named, ("total", totals)]]
    money = [[name, *(_money(item, currency, net) for item in found)] for name, found in [*named, ("total", totals)]]
    return [
        f"Conversions ({kind}), orders in {currency}",
        *_table(header, counts),
        "",
        f"Value ({kind}), {currency}",
        *_table(header, money),
    ]


def reconciliation_text(found: Reconciliation) -> str:
    """The proof: a line per currency and model, then what is pending, duplicated or unmatched."""
    period = found.period
    lines = [f"Reconciliation, {period.first} to {period.end} (not included), {period.timezone}"]
    for currency in sorted({line.currency for line in found.lines}):
        rows = []
        for line in found.lines:
            if line.currency == currency:
                figures = (line.credited, line.unattributed, line.total, line.difference)
                rows.append([str(line.model), *(to_decimal_string(item.value_minor, currency) for item in figures)])
                rows[-1].append("yes" if line.reconciled else "NO")
        header = ["model", "credited", "+ unattributed", "= total", "difference", "holds"]
        lines += ["", f"Value (gross), {currency}", *_table(header, rows)]
        lines += _counts_of(found, currency)
    if not found.lines:
        lines += ["", "No conversions in these days."]
    for item in found.worth.unmatched[:20]:
        lines.append(_cut(f"Adjustment {item.adjustment_id} of order {item.order_id}: {UNMATCHED_TEXTS[item.reason]}"))
    lines += ["", *(_wrapped(note) for note in found.notes)]
    lines.append(f"Reconciled: {'yes, gross and net, to the unit' if found.reconciled else 'NO'}.")
    return "\n".join(lines) + "\n"


def _counts_of(found: Reconciliation, currency: str) -> list[str]:
    worth = found.worth.currencies.get(currency)
    if worth is None:
        return []
    total = worth.total
    return [
        f"{worth.conversions} conversions, net {_count(total, True)} worth "
        f"{to_decimal_string(total.net_value_minor, currency)} {currency}; "
        f"{worth.pending} not credited yet; {worth.duplicates} duplicates of {worth.duplicated_orders} orders"
    ]


def explanation_text(found: Explanation) -> str:
    """One order: what it is, every touch with its credit or its reason, adjustments, duplicates."""
    event = found.conversion
    worth = amounts(found)
    lines = [
        _cut(f"Order {event.order_id} ({event.conversion_type}), {rfc3339(event.ts_ms)}, {state(found)}"),
        f"Value {to_decimal_string(event.value_minor, event.currency)} {event.currency} gross, "
        f"{to_decimal_string(worth.net_value_minor, event.currency)} net",
        _cut(f"Person: {', '.join(dict.fromkeys(alias.id for alias in found.aliases))}"),
        "",
    ]
    inside = [item for item in found.touches if item.reason is Reason.CREDITED]
    lines += _credit_tables(found) if inside else ["No touch is in its journey: it counts as (unattributed)."]
    outside = [item for item in found.touches if item.reason is not Reason.CREDITED]
    if outside:
        lines += ["", f"Touches that are out ({len(outside)})"]
        lines += [_cut(f"  {rfc3339(item.touch.ts_ms)}  {item.touch.channel}: {why(item, found)}") for item in outside]
    for adjustment in found.adjustments:
        said = effect(adjustment, event.currency)
        lines.append(_cut(f"Adjustment {adjustment.adjustment_id} ({adjustment.action}): {said}"))
    for duplicate in found.duplicates:
        lines.append(_cut(f"Duplicate: {duplicate.message_id} at {rfc3339(duplicate.ts_ms)} earns nothing"))
    lines += ["", f"Rules version {found.rules.version}"]
    return "\n".join(lines) + "\n"


def _credit_tables(found: Explanation) -> list[str]:
    header = ["touch", *(str(model) for model in FIVE_MODELS)]
    weights, money = [], []
    for item in found.touches:
        given = credits(item, found)
        if given:
            name = f"{rfc3339(item.touch.ts_ms)[:16]} {item.touch.channel}"
            weights.append([name, *(f"{given[str(model)]['weight']:.6f}" for model in FIVE_MODELS)])
            money.append([name, *(str(given[str(model)]["net_value"]) for model in FIVE_MODELS)])
    return [
        "Weights",
        *_table(header, weights),
        "",
        f"Value (net), {found.conversion.currency}",
        *_table(header, money),
    ]


def job_text(job: dict[str, Any]) -> str:
    """One line on a job, as `app.reports.jobs.shown` gives it."""
    chunks = job["chunks"]
    failed = f", {chunks['failed']} failed" if chunks["failed"] else ""
    return (
        f"{job['job_id']} {job['state']}: {chunks['done']} of {chunks['total']} chunks{failed}, "
        f"{job['conversions']['attributed']} of {job['conversions']['total']} conversions\n"
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Text left, numbers right; as wide as it needs to be, the first column giving way at 100."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    widths[0] = max(8, min(widths[0], WIDTH - sum(widths[1:]) - 2 * (len(widths) - 1)))
    return [
        "  ".join(
            [_cut(row[0], widths[0]).ljust(widths[0])]
            + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        ).rstrip()
        for row in [header, ["-" * width for width in widths], *rows]
    ]


def _count(item: Amounts, net: bool) -> str:
    """Conversions with two decimals, rounded half to even: for reading; the API has every millionth."""
    micro = item.net_conversions_micro if net else item.conversions_micro
    hundredths, rest = divmod(micro * 100, MICRO)
    hundredths += rest * 2 > MICRO or (rest * 2 == MICRO and hundredths % 2)
    return to_decimal_string(hundredths, "USD")


def _money(item: Amounts, currency: str, net: bool) -> str:
    return to_decimal_string(item.net_value_minor if net else item.value_minor, currency)


def _cut(text: str, width: int = WIDTH) -> str:
    clean = "".join(letter if letter.isprintable() else "?" for letter in text)  # no control codes into a terminal
    return clean if len(clean) <= width else clean[: width - 1] + "…"


def _wrapped(text: str) -> str:

    return "\n".join(textwrap.wrap(text, WIDTH))
