"""``tributary reattribute``: credit a range again, under the rules in force."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from app.errors import TributaryError
from app.reports.words import counted
from workers.commands.progress import Progress
from workers.commands.target import edge_of, edge_options
from workers.edge import Edge

ASK_EVERY_S = 0.5


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


def follow(edge: Edge, job_id: str) -> None:
    """Show a job's progress until it ends.

    Raises
    ------
    TributaryError : it ended, but not well.
    """
    job: dict[str, Any] = edge.get(f"/v1/jobs/{job_id}")
    with Progress("chunks", job["chunks"]["total"]) as progress:
        while job["closed_at"] is None:
            progress.to(job["chunks"]["done"])
            time.sleep(ASK_EVERY_S)
            job = edge.get(f"/v1/jobs/{job_id}")
            progress.total = max(job["chunks"]["total"], 1)
        progress.to(job["chunks"]["done"])
    done = f": {counted(job['conversions']['attributed'], 'conversion')} attributed" if "conversions" in job else ""
    click.echo(f"{job['state']}{done}")
    for failure in job["failures"]:
        raise TributaryError(failure["code"], failure["message"], failure["detail"])
