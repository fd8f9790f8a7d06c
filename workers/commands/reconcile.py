"""``tributary reconcile``: is everything accounted for?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from app.reports.words import grouped
from workers.commands.table import table
from workers.commands.target import edge_of, edge_options, rules_option


@click.command("reconcile")
@click.option("--from", "from_day", help="First day, YYYY-MM-DD; 30 days ago by default.")
@click.option("--to", "to_day", help="The day after the last one; tomorrow by default.")
@rules_option
@click.option("--json", "as_json", is_flag=True, help="As the API answers.")
@edge_options
def command(
    from_day: str | None,
    to_day: str | None,
    rules: str | None,
    as_json: bool,
    url: str | None,
    secret_key: str | None,
    write_key: str | None,
    path: Path,
) -> None:
    """Prove that credited + unattributed = total, for every model; exit code 1 if it does not hold."""
    edge = edge_of(path, url, secret_key, write_key)
    found = edge.get("/v1/reconcile", {"from": from_day, "to": to_day, "rules": rules})
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(reconciliation_table(found))
        for note in found["notes"]:
            click.echo(f"- {note}")
    if not found["reconciled"]:
        sys.exit(1)


def reconciliation_table(found: dict[str, Any]) -> str:
    """A line per model and currency: gross value, and net below where adjustments changed it."""
    rows = []
    for line in found["models"]:
        parts = (line["credited"], line["unattributed"], line["total"], line["difference"])
        verdict = "holds" if line["reconciled"] else "DOES NOT HOLD"
        conversions = f"{float(line['total']['conversions']):,.0f}"
        figures = (grouped(part["value"]) for part in parts)
        rows.append([line["model"], line["currency"], conversions, *figures, verdict])
        if line["total"]["net_value_minor"] != line["total"]["value_minor"]:
            net = f"{float(line['total']['net_conversions']):,.0f}"
            figures = (grouped(part["net_value"]) for part in parts)
            rows.append(["  net", line["currency"], net, *figures, verdict])
    head = ["model", "currency", "conversions", "credited", "unattributed", "total", "difference", ""]
    return table(head, rows, left=2)
