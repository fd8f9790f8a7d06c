"""``tributary reattribute``: credit a range again, under the rules in force."""

from __future__ import annotations

from pathlib import Path

import click

from workers.commands.follow import follow
from workers.commands.target import edge_of, edge_options


@click.command("reattribute")
@click.option("--from", "from_day", required=True, help="First day, YYYY-MM-DD.")
@click.option("--to", "to_day", required=True, help="The day after the last one.")
@click.option("--no-wait", is_flag=True, help="Print the job's id and return.")
@edge_options
def command(
    from_day: str,
    to_day: str,
    no_wait: bool,
    url: str | None,
    secret_key: str | None,
    write_key: str | None,
    path: Path,
) -> None:
    """Attribute the conversions of a range again; a job that goes on if this command is stopped."""
    edge = edge_of(path, url, secret_key, write_key)
    job_id = str(edge.post("/v1/reattribute", {"from": from_day, "to": to_day})["job_id"])
    click.echo(job_id)
    if not no_wait:
        follow(edge, job_id)
