"""``tributary report``: the attribution table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from workers.commands.table import table
from workers.commands.target import edge_of, edge_options


@click.command("report")
@click.option("--from", "from_day", help="First day, YYYY-MM-DD; 30 days ago by default.")
@click.option("--to", "to_day", help="The day after the last one; tomorrow by default.")
@click.option("--by", default="channel", show_default=True, help="Comma list: channel, campaign, day, week, month, …")
@click.option("--models", help="Comma list; all five by default.")
@click.option("--currency", help="Convert everything into this one.")
@click.option("--conversion-type", help="Only this one.")
@click.option("--json", "as_json", is_flag=True, help="As the API answers.")
@edge_options
def command(
    from_day: str | None,
    to_day: str | None,
    by: str,
    models: str | None,
    currency: str | None,
    conversion_type: str | None,
    as_json: bool,
    url: str | None,
    secret_key: str | None,
    write_key: str | None,
    path: Path,
) -> None:
    """Show conversions and money by channel (or more) and model."""
    query = {"from": from_day, "to": to_day, "by": by, "models": models, "currency": currency}
    query["conversion_type"] = conversion_type
    report = edge_of(path, url, secret_key, write_key).get("/v1/reports/attribution", query)
    click.echo(json.dumps(report, indent=2) if as_json else report_table(report))


def report_table(report: dict[str, Any]) -> str:
    """A line per group and currency; conversions and gross value of each model side by side."""
    models, by = report["models"], report["by"]
    lines: dict[tuple[str, ...], dict[str, str]] = {}
    for row in report["rows"]:
        group = (*(row[name] for name in by), row["currency"])
        lines.setdefault(group, {})[row["model"]] = _cell(row)
    totals: dict[tuple[str, ...], dict[str, str]] = {}
    for row in report["totals"]:
        group = ("total", *[""] * (len(by) - 1), row["currency"])
        totals.setdefault(group, {})[row["model"]] = _cell(row)
    rows = [[*group, *(cells.get(model, "") for model in models)] for group, cells in {**lines, **totals}.items()]
    text = table([*by, "currency", *models], rows, left=len(by) + 1)
    state = "reconciled: every model sums to the conversions" if report["reconciled"] else "NOT reconciled yet"
    return f"{report['from']} to {report['to']} ({report['timezone']})\n{text}\n{state}"


def _cell(row: dict[str, Any]) -> str:
    return f"{float(row['conversions']):,.2f}  {row['value']:>12}"
