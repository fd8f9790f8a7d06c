"""``tributary saturation``: where has spend saturated, and where should it go?"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from app.errors import BadInput, TributaryError
from workers.commands.follow import follow
from workers.commands.progress import Progress
from workers.commands.saturation_tables import plan_table, status_table
from workers.commands.target import edge_of, edge_options

AS_OF = click.option("--as-of", help="The refit over data until this day, YYYY-MM-DD; the newest by default.")
JSON = click.option("--json", "as_json", is_flag=True, help="As the API answers.")
KINDS = ("png", "svg")
Target = dict[str, Any]


@click.group("saturation")
def command() -> None:
    """Statuses of channels, their curves, and plans for the budget."""


@command.command("train")
@click.option("--until", help="Last day of data, YYYY-MM-DD; the last complete one by default.")
@click.option("--no-wait", is_flag=True, help="Print the job's id and return.")
@edge_options
def train(until: str | None, no_wait: bool, path: Path, **target: Any) -> None:
    """Refit the tenant's channels now; a job that goes on if this command is stopped. It is done every night too."""
    edge = edge_of(path, **target)
    job_id = str(edge.post("/v1/saturation/train", {"until": until} if until else {})["job_id"])
    click.echo(job_id)
    if not no_wait:
        follow(edge, job_id)
        click.echo(status_table(edge.get("/v1/saturation", {"as_of": until})))


@command.command("status")
@AS_OF
@JSON
@edge_options
def status(as_of: str | None, as_json: bool, path: Path, **target: Any) -> None:
    """Where each channel stands, how sure that is, and what to do."""
    answer = edge_of(path, **target).get("/v1/saturation", {"as_of": as_of})
    click.echo(json.dumps(answer, indent=2) if as_json else status_table(answer))


@command.command("curve")
@click.argument("channel")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A file that ends in .png or .svg.")
@AS_OF
@edge_options
def curve(channel: str, out: Path | None, as_of: str | None, path: Path, **target: Any) -> None:
    """Draw a channel's curve into a file; without --out, print it and its history as JSON."""
    edge, where = edge_of(path, **target), f"/v1/saturation/{quote(channel, safe='')}"
    if out is None:
        click.echo(json.dumps(edge.get(where, {"as_of": as_of}), indent=2))
        return
    kind = out.suffix.removeprefix(".").lower()
    if kind not in KINDS:
        raise BadInput("bad_format", f"--out ends in {out.suffix!r}.", f"End it in .{' or .'.join(KINDS)}.")
    picture = b"".join(edge.pieces(where, {"as_of": as_of, "format": kind}))
    out.write_bytes(picture)
    click.echo(f"{out}: {len(picture):,} bytes")


@command.command("plan")
@click.option("--budget", type=float, help="Most that may be spent a day; what is spent today by default.")
@click.option("--margin", type=float, help="Profit per unit of revenue; the settings' by default.")
@click.option("--bound", "bounds", multiple=True, metavar="CHANNEL=LEAST:MOST", help="Spend a day; may be repeated.")
@click.option("--start", help="Followed from this day on, YYYY-MM-DD; tomorrow by default.")
@AS_OF
@JSON
@edge_options
def plan(
    budget: float | None,
    margin: float | None,
    bounds: tuple[str, ...],
    start: str | None,
    as_of: str | None,
    as_json: bool,
    path: Path,
    **target: Any,
) -> None:
    """Where the budget should go, in steps that the evidence carries."""
    asked = {"budget": budget, "margin": margin, "start": start, "as_of": as_of}
    body: Target = {name: value for name, value in asked.items() if value is not None}
    body["bounds"] = dict(_bound(text) for text in bounds)
    made = edge_of(path, **target).post("/v1/saturation/plan", body)
    click.echo(json.dumps(made, indent=2) if as_json else plan_table(made))


@command.command("train-judge")
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--tenants",
    type=click.IntRange(min=4),
    default=1000,
    show_default=True,
    help="Simulated tenants; a quarter more calibrate.",
)
@click.option("--seed", default=1, show_default=True)
def train_judge(out: Path, tenants: int, seed: int) -> None:
    """Train the judge on simulated channels and write its artefact to OUT: minutes, and the same bytes each time.

    The one that is shipped is app/saturation/artefacts/judge.json.gz.
    """
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy is there: two threads add up in another order
    try:
        from app.saturation.training import CALIBRATION_SHARE
        from app.saturation.training import train as train_on
    except ImportError as error:
        raise TributaryError(
            "no_lightgbm", f"The judge cannot be trained here ({error}).", "make install, which brings LightGBM."
        ) from None
    with Progress("tenants simulated and fitted", tenants + round(tenants * CALIBRATION_SHARE)) as progress:
        judge = train_on(out, tenants, seed, progress.to)
    click.echo(f"{out}: {out.stat().st_size:,} bytes, judge {judge.version}")
    click.echo(json.dumps(dict(judge.record), indent=2))


def _bound(text: str) -> tuple[str, tuple[float, float]]:
    channel, _, limits = text.rpartition("=")
    least, _, most = limits.partition(":")
    try:
        return channel, (float(least), float(most))
    except ValueError:
        raise BadInput(
            "bad_bound", f"--bound is {text!r}.", "Write it as CHANNEL=LEAST:MOST: search=100:250."
        ) from None
