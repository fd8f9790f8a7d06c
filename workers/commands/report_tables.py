"""How do the answers of the reports look as text tables?"""

from __future__ import annotations

from typing import Any

from app.reports.words import counted, grouped
from workers.commands.table import printable, table

Answer = dict[str, Any]


def report_table(report: Answer, *, net: bool = False) -> str:
    """A line per group and currency; conversions and value of each model side by side, then what they cost."""
    models, by = report["models"], report["by"]
    lines: dict[tuple[str, ...], dict[str, Answer]] = {}
    for row in report["rows"]:
        lines.setdefault((*(row[name] for name in by), row["currency"]), {})[row["model"]] = row
    totals: dict[tuple[str, ...], dict[str, Answer]] = {}
    for row in report["totals"]:
        totals.setdefault(("total", *[""] * (len(by) - 1), row["currency"]), {})[row["model"]] = row
    every = [(tuple(name or "(none)" for name in group), cells) for group, cells in lines.items()]
    every += totals.items()
    rows = [
        [*group, *(_cell(cells[model], net) if model in cells else "" for model in models)] for group, cells in every
    ]
    text = table([*by, "currency", *models], rows, left=len(by) + 1) if rows else "no conversions in these days"
    costs = _costs(every, models, by, net)
    state = "reconciled: every model sums to the conversions" if report["reconciled"] else "NOT reconciled yet"
    head = f"{_of(report)}, {'net' if net else 'gross'}"
    return "\n".join([head, text, *costs, *_unmatched(report, by), state])


def _of(report: Answer) -> str:
    """Which days, and whose rules where they are not those in force."""
    days = f"{report['from']} to {report['to']} ({report['timezone']})"
    return f"{days}, {report['rules']} rules" if "rules" in report else days


def _cell(row: Answer, net: bool) -> str:
    value = grouped(row["net_value"] if net else row["value"])
    return f"{float(row['net_conversions'] if net else row['conversions']):,.2f}  {value:>12}"


def _costs(
    every: list[tuple[tuple[str, ...], dict[str, Answer]]], models: list[str], by: list[str], net: bool
) -> list[str]:
    """Spend, and under each model CPA and ROAS; nothing where nothing was spent."""
    cpa, roas = ("net_cpa", "net_roas") if net else ("cpa", "roas")
    rows = []
    for group, cells in every:
        spent = next((row for row in cells.values() if row.get("spend")), None)
        if spent is not None:
            figures = [f"{_money(cells[m][cpa])}  {_money(cells[m][roas]):>8}" if m in cells else "" for m in models]
            rows.append([*group, grouped(spent["spend"]), *figures])
    if not rows:
        return []
    text = table([*by, "currency", "spend", *models], rows, left=len(by) + 1)
    return ["", "Spend, and CPA and ROAS of each model", text]


def _money(amount: str | None) -> str:
    return "-" if amount is None else grouped(amount)


def _unmatched(report: Answer, by: list[str]) -> list[str]:
    lines = report.get("spend", {}).get("unmatched", {}).get("spend", [])
    return [
        f"spend without credit: {printable(' / '.join(line[name] or '(none)' for name in by))}  "
        f"{grouped(line['spend'])} {line['currency']}"
        for line in lines
    ]


def journeys_table(report: Answer) -> str:
    """Paths, then lengths, time lags, channels by their role, and what did not convert."""
    parts = [_of(report)]
    paths = [
        [" > ".join(line["path"]), line["currency"], grouped(line["conversions"]), grouped(line["value"])]
        for line in report["paths"]
    ]
    others = [
        ["(other paths)", line["currency"], grouped(line["conversions"]), grouped(line["value"])]
        for line in report["other_paths"]
        if line["conversions_micro"]
    ]
    parts.append(table(["path", "currency", "conversions", "value"], paths + others, left=2))
    lengths = [[str(line["length"]), line["currency"], grouped(line["conversions"])] for line in report["lengths"]]
    parts.append(table(["touches", "currency", "conversions"], lengths, left=2))
    lags = [
        [line["lag"], line["currency"], f"{line['conversions']:,}"] for line in report["lags"] if line["conversions"]
    ]
    parts.append(table(["first touch to conversion", "currency", "conversions"], lags, left=2))
    roles = [
        [line["channel"], line["currency"], *(f"{line[name]:,}" for name in ("first_touch", "last_touch", "assisted"))]
        for line in report["channels"]
    ]
    parts.append(table(["channel", "currency", "first", "last", "assisted"], roles, left=2))
    lost = report.get("non_converting")
    if lost:
        parts.append(counted(lost["journeys"], "journey did not convert", "journeys did not convert"))
        rows = [
            [
                line["channel"],
                f"{line['converting']:,}",
                f"{line['non_converting']:,}",
                _percent(line["converting_share"]),
            ]
            for line in lost["channels"]
        ]
        parts.append(table(["channel", "converting", "not converting", "share converting"], rows))
    parts.append("reconciled: paths sum to the conversions" if report["reconciled"] else "NOT reconciled yet")
    return "\n\n".join(parts)


def compare_table(report: Answer) -> str:
    """A line per group: its share and rank under each model, and whether it differs by more than chance."""
    by, models = report["by"], report["models"]
    rows = []
    for row in report["rows"]:
        cells = [f"{_percent(row['models'][model]['share'])} #{row['models'][model]['rank']}" for model in models]
        marks = [
            cell + ("*" if model in row["changes"] and row["changes"][model]["disagrees"] else " ")
            for model, cell in zip(models, cells, strict=True)
        ]
        rows.append([*(row[name] or "(none)" for name in by), row["currency"], *marks])
    lines = [
        f"{_of(report)}: share of {report['measure']} and rank; "
        f"* differs from {report['base']} by more than chance (95 %)",
        table([*by, "currency", *models], rows, left=len(by) + 1),
        "",
    ]
    moving = {pair["currency"] for pair in report["pairs"] if float(pair["moved"]["amount"])}
    still = dict.fromkeys(pair["currency"] for pair in report["pairs"] if pair["currency"] not in moving)
    for pair in report["pairs"]:
        if pair["currency"] in still:
            continue
        interval = pair["moved_share_interval"]
        between = f" ({_percent(interval[0])} to {_percent(interval[1])})" if interval else ""
        lines.append(
            f"{pair['models'][0]} or {pair['models'][1]}: {grouped(pair['moved']['amount'])} {pair['currency']} move, "
            f"{_percent(pair['moved_share'])}{between}"
        )
    return "\n".join([*lines, *(f"{currency}: nothing moves, whatever the model" for currency in still)])


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.1f} %"
