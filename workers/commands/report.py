"""``tributary report``: the attribution table, and under it the journeys and the comparison of models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from workers.commands.channel_models import asks_for_period_models, channels_table, computed
from workers.commands.report_tables import compare_table, journeys_table, report_table
from workers.commands.target import edge_of, edge_options, rules_option
from workers.edge import Edge

Target = dict[str, Any]

FROM = click.option("--from", "from_day", help="First day, YYYY-MM-DD; 30 days ago by default.")
TO = click.option("--to", "to_day", help="The day after the last one; tomorrow by default.")
CURRENCY = click.option("--currency", help="Convert everything into this one.")
TYPE = click.option("--conversion-type", help="Only this one.")
ADJUSTED = click.option(
    "--adjusted",
    type=click.Choice(["conversion_day", "adjustment_day"]),
    help="When net counts a refund; the conversion's day by default.",
)
AS_OF = click.option("--as-of", help="A day: as it stood when that day ended.")
JSON = click.option("--json", "as_json", is_flag=True, help="As the API answers.")


@click.group("report", invoke_without_command=True)
@FROM
@TO
@click.option("--by", default="channel", show_default=True, help="Comma list: channel, campaign, source, day, week, …")
@click.option("--models", help="Comma list; all five by default. Or of markov, shapley, which are computed on demand.")
@CURRENCY
@TYPE
@ADJUSTED
@AS_OF
@click.option("--net", is_flag=True, help="Net of refunds and corrections, instead of gross.")
@click.option("--intervals", is_flag=True, help="Of markov and shapley: 95 % intervals (slower).")
@rules_option
@JSON
@edge_options
@click.pass_context
def command(
    context: click.Context,
    /,
    from_day: str | None,
    to_day: str | None,
    by: str,
    models: str | None,
    currency: str | None,
    conversion_type: str | None,
    adjusted: str | None,
    as_of: str | None,
    net: bool,
    intervals: bool,
    rules: str | None,
    as_json: bool,
    **target: Any,
) -> None:
    """Show conversions and money by channel (or more) and model, with spend, CPA and ROAS where there is spend."""
    if context.invoked_subcommand is not None:
        return
    others = {"currency": currency, "adjusted": adjusted, "as-of": as_of, "by": by if by != "channel" else None}
    others["rules"] = rules if rules == "shadow" else None
    query = {"from": from_day, "to": to_day, "models": models, "conversion_type": conversion_type}
    if asks_for_period_models(models, others):
        report = computed(_edge(target), query | {"intervals": "1" if intervals else None})
        click.echo(json.dumps(report, indent=2) if as_json else channels_table(report, net=net))
        return
    query |= {"by": by, "currency": currency, "adjusted": adjusted, "as_of": as_of, "rules": rules}
    report = _get("/v1/reports/attribution", query, target)
    click.echo(json.dumps(report, indent=2) if as_json else report_table(report, net=net))


@command.command("journeys")
@FROM
@TO
@TYPE
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="Paths to list.")
@click.option("--non-converting", is_flag=True, help="The journeys that did not convert, too (slower).")
@rules_option
@JSON
@edge_options
def journeys(
    from_day: str | None,
    to_day: str | None,
    conversion_type: str | None,
    limit: int,
    non_converting: bool,
    rules: str | None,
    as_json: bool,
    **target: Any,
) -> None:
    """Top paths, their length and time lag, first to last, and assists."""
    query = {"from": from_day, "to": to_day, "conversion_type": conversion_type, "limit": str(limit)}
    query |= {"with": "non_converting" if non_converting else None, "rules": rules}
    report = _get("/v1/reports/journeys", query, target)
    click.echo(json.dumps(report, indent=2) if as_json else journeys_table(report))


@command.command("compare")
@FROM
@TO
@click.option("--by", default="channel", show_default=True, help="Comma list: channel, campaign, conversion_type.")
@click.option("--models", help="Comma list, the base first; all five by default.")
@click.option(
    "--measure",
    type=click.Choice(["value", "net_value", "conversions", "net_conversions"]),
    default="value",
    show_default=True,
)
@CURRENCY
@TYPE
@ADJUSTED
@AS_OF
@rules_option
@JSON
@edge_options
def compare(
    from_day: str | None,
    to_day: str | None,
    by: str,
    models: str | None,
    measure: str,
    currency: str | None,
    conversion_type: str | None,
    adjusted: str | None,
    as_of: str | None,
    rules: str | None,
    as_json: bool,
    **target: Any,
) -> None:
    """What the choice of the model changes: ranks, shares, and the money that moves."""
    query = {"from": from_day, "to": to_day, "by": by, "models": models, "measure": measure, "currency": currency}
    query |= {"conversion_type": conversion_type, "adjusted": adjusted, "as_of": as_of, "rules": rules}
    report = _get("/v1/reports/compare", query, target)
    click.echo(json.dumps(report, indent=2) if as_json else compare_table(report))


def _get(address: str, query: dict[str, str | None], target: Target) -> dict[str, Any]:
    return _edge(target).get(address, query)


def _edge(target: Target) -> Edge:
    path: Path = target["path"]
    return edge_of(path, target["url"], target["secret_key"], target["write_key"])
