"""``tributary channels``: find broken campaign parameters, classify touches of the past again."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import click

from app.errors import TributaryError
from app.reports.words import counted
from workers.commands.follow import follow
from workers.commands.table import table
from workers.commands.target import edge_of, edge_options
from workers.edge import Edge


@click.group("channels")
def command() -> None:
    """Channels of touches."""


@command.command("lint")
@click.option("--from", "from_day", help="First day, YYYY-MM-DD.")
@click.option("--to", "to_day", help="The day after the last one.")
@edge_options
def lint(
    from_day: str | None,
    to_day: str | None,
    url: str | None,
    secret_key: str | None,
    write_key: str | None,
    path: Path,
) -> None:
    """List campaign parameters that look broken."""
    edge = edge_of(path, url, secret_key, write_key)
    found = edge.get("/v1/channels/lint", {"from": from_day, "to": to_day})
    rows = [
        (str(row["touches"]), row["source"], row["medium"], row["campaign"], problem["message"], problem["remedy"])
        for row in found["rows"]
        for problem in row["problems"]
    ]
    if rows:
        click.echo(table(("touches", "source", "medium", "campaign", "problem", "remedy"), rows))
    click.echo(f"{found['suspicious']:,} of {found['combinations']:,} combinations look broken")


@command.command("reclassify")
@click.option("--from", "from_day", required=True, help="First day, YYYY-MM-DD.")
@click.option("--to", "to_day", required=True, help="The day after the last one.")
@edge_options
def reclassify(
    from_day: str, to_day: str, url: str | None, secret_key: str | None, write_key: str | None, path: Path
) -> None:
    """Give the touches of a range the channels of the newest rules; a range too large is done in halves."""
    edge = edge_of(path, url, secret_key, write_key)
    for job_id in _in_halves(edge, from_day, to_day):
        follow(edge, job_id)


def _in_halves(edge: Edge, from_day: str, to_day: str) -> list[str]:
    try:
        done = edge.post("/v1/channels/reclassify", {"from": from_day, "to": to_day})
    except TributaryError as error:
        if error.code != "range_too_large":  # whatever else is wrong, the days too, is the edge's to say
            raise
        first, end = date.fromisoformat(from_day), date.fromisoformat(to_day)
        if (end - first).days < 2:
            raise
        middle = (first + timedelta(days=(end - first).days // 2)).isoformat()
        return _in_halves(edge, from_day, middle) + _in_halves(edge, middle, to_day)
    click.echo(
        f"{from_day} to {to_day}: {done['touches_changed']:,} of {counted(done['touches'], 'touch', 'touches')} "
        f"changed, {done['spend_changed']:,} of {counted(done['spend'], 'row')} of spend"
    )
    return [str(done["job_id"])] if done["job_id"] else []
