"""``tributary explain``: where did the credit of this order go?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from app.reports.words import grouped
from workers.commands.table import printable, table
from workers.commands.target import edge_of, edge_options, rules_option


@click.command("explain")
@click.argument("order")
@click.option("--conversion-type", help="Where several types share the order id.")
@rules_option
@click.option("--json", "as_json", is_flag=True, help="As the API answers.")
@edge_options
def command(
    order: str,
    conversion_type: str | None,
    rules: str | None,
    as_json: bool,
    url: str | None,
    secret_key: str | None,
    write_key: str | None,
    path: Path,
) -> None:
    """Show every touch of the buyer of ORDER: in or out, why, and what each model gives it."""
    edge = edge_of(path, url, secret_key, write_key)
    query = {"conversion_type": conversion_type, "rules": rules}
    found = edge.get(f"/v1/conversions/{quote(order, safe='')}", query)
    click.echo(json.dumps(found, indent=2) if as_json else _text(found))


def _text(found: dict[str, Any]) -> str:
    conversion, rules = found["conversion"], f"{'shadow ' if found.get('rules') else ''}rules version"
    lines = [
        f"{conversion['conversion_type']} {conversion['order_id']}: {grouped(conversion['value'])} "
        f"{conversion['currency']}, {conversion['time']}, {found['state']}",
        f"person {', '.join(alias['id'] for alias in found['person']['ids'])}; {rules} {found['rules_version']}",
    ]
    if found["touches"]:
        lines += ["", *_touches(found["touches"])]
    lines += [f"- adjustment {item['adjustment_id']}: {item['effect']}" for item in found["adjustments"]]
    lines += [
        f"- duplicate {item['message_id']} at {item['time']}: the order was there already, it is credited nothing"
        for item in found["duplicates"]
    ]
    if found["touches_truncated"]:
        lines.append("- there are more touches than are shown")
    return "\n".join(map(printable, lines))


def _touches(touches: list[dict[str, Any]]) -> list[str]:
    models = list(next((touch["credits"] for touch in touches if touch["credits"]), {}))
    rows = [
        [
            touch["time"],
            touch["channel"],
            touch["campaign"],
            touch["explanation"],
            *(grouped(touch["credits"][model]["value"]) if touch["credits"] else "" for model in models),
        ]
        for touch in touches
    ]
    return table(["time", "channel", "campaign", "", *models], rows, left=4).splitlines()
