"""``tributary jobs``: how far is a job?"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import click

from workers.commands.follow import follow
from workers.commands.target import edge_of, edge_options


@click.group("jobs")
def command() -> None:
    """Look at jobs."""


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
