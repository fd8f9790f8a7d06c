"""``tributary jobs``: which jobs are there, and how far is each?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from workers.commands.follow import follow
from workers.commands.table import printable, table
from workers.commands.target import edge_of, edge_options


@click.group("jobs")
def command() -> None:
    """Look at jobs."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="As the API answers.")
@edge_options
def list_(as_json: bool, path: Path, **target: Any) -> None:
    """The tenant's newest jobs, the newest first."""
    answer = edge_of(path, **target).get("/v1/jobs")
    click.echo(json.dumps(answer, indent=2) if as_json else jobs_table(answer["jobs"]))


@command.command("show")
@click.argument("job_id")
@click.option("--wait", is_flag=True, help="Follow it to its end, with a progress bar.")
@edge_options
def show(job_id: str, wait: bool, url: str | None, secret_key: str | None, write_key: str | None, path: Path) -> None:
    """Show a job."""
    edge = edge_of(path, url, secret_key, write_key)
    if wait:
        follow(edge, job_id)
    else:
        click.echo(json.dumps(edge.get(f"/v1/jobs/{quote(job_id, safe='')}"), indent=2))


def jobs_table(jobs: list[dict[str, Any]]) -> str:
    """A line per job, then why those that failed did."""
    if not jobs:
        return "no jobs; finished ones are kept 7 days"
    rows = [
        [one["job_id"], one["kind"], one["state"], one["created_at"], one["closed_at"] or "", f"{one['progress']:.0%}"]
        for one in jobs
    ]
    why = [f"- {one['job_id']}: {each['message']} {each['detail']}" for one in jobs for each in one["failures"]]
    return "\n".join([table(["job", "kind", "state", "begun", "ended", "done"], rows, left=5), *map(printable, why)])
