"""How far is a job? A bar until it ends, then how it ended."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import click

from app.errors import TributaryError
from app.reports.words import counted
from workers.commands.progress import Progress
from workers.edge import Edge

ASK_EVERY_S = 0.3
COUNTED = ("chunks", "channels", "steps")
"""What jobs count, each one of these (`Job` in the OpenAPI document)."""


def follow(edge: Edge, job_id: str) -> None:
    """Show a job's progress until it ends.

    Raises
    ------
    TributaryError : it ended, but not well.
    """
    job = watch(edge, f"/v1/jobs/{quote(job_id, safe='')}")
    done = f": {counted(job['conversions']['attributed'], 'conversion')} attributed" if "conversions" in job else ""
    click.echo(f"{job['state']}{done}")
    for failure in job["failures"]:
        raise TributaryError(failure["code"], failure["message"], failure["detail"])


def watch(edge: Edge, url: str) -> dict[str, Any]:
    """Show a job's progress under what it counts; the job as it ended."""
    job: dict[str, Any] = edge.get(url)
    unit = next(name for name in COUNTED if name in job)
    with Progress(unit, job[unit]["total"]) as progress:
        while job["closed_at"] is None:
            progress.to(job[unit]["done"])
            time.sleep(ASK_EVERY_S)
            job = edge.get(url)
            progress.total = max(job[unit]["total"], 1)
        if job["state"] == "done":
            progress.to_the_end()
        else:
            progress.to(job[unit]["done"])
    return job
