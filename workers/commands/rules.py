"""``tributary rules``: read a tenant's rules, try others out, put them in force."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from app.errors import BadInput
from app.reports.words import counted, grouped
from workers.commands.follow import follow
from workers.commands.table import table
from workers.commands.target import edge_of, edge_options

_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


@click.group("rules")
def command() -> None:
    """The tenant's rules: windows, weights, reuse, channels."""


@command.command("show")
@edge_options
def show(url: str | None, secret_key: str | None, write_key: str | None, path: Path) -> None:
    """Print the rules in force, as JSON that `put` takes."""
    found = edge_of(path, url, secret_key, write_key).get("/v1/rules")
    click.echo(json.dumps(found["rules"], indent=2, ensure_ascii=False))


@command.command("preview")
@click.argument("file", type=_FILE)
@click.option("--days", default=30, show_default=True, help="How many days back.")
@edge_options
def preview(file: Path, days: int, url: str | None, secret_key: str | None, write_key: str | None, path: Path) -> None:
    """What would change on the last days under the rules in FILE. Nothing is stored."""
    edge = edge_of(path, url, secret_key, write_key)
    found = edge.post("/v1/rules/preview", {"rules": _read(file), "days": days})
    click.echo(f"{found['conversions_changed']:,} of {counted(found['conversions'], 'conversion')} would change")
    if found["conversions_left_out"]:
        click.echo(f"{counted(found['conversions_left_out'], 'older one was', 'older ones were')} not looked at")
    rows = [
        (row["model"], row["channel"], grouped(row["before"]["value"]), grouped(row["after"]["value"]), row["currency"])
        for row in found["rows"]
        if row["before"] != row["after"]
    ]
    if rows:
        click.echo(table(("model", "channel", "before", "after", ""), rows))
    for name in found["decided_on_arrival"]:
        click.echo(f"{name}: decides about events when they arrive; the past stays as it is")


@command.command("put")
@click.argument("file", type=_FILE)
@click.option("--apply", "how", default="from_now", show_default=True, help="from_now, history or a day: YYYY-MM-DD.")
@click.option("--no-wait", is_flag=True, help="Do not wait for the job.")
@edge_options
def put(
    file: Path, how: str, no_wait: bool, url: str | None, secret_key: str | None, write_key: str | None, path: Path
) -> None:
    """Put the rules in FILE in force."""
    edge = edge_of(path, url, secret_key, write_key)
    apply: Any = how if how in ("from_now", "history") else {"from": how}
    done = edge.put("/v1/rules", {"rules": _read(file), "apply": apply})
    click.echo(f"version {done['version']}" if done["changed"] else f"version {done['version']}: nothing changed")
    for job_id in done["job_ids"]:
        click.echo(job_id)
        if not no_wait:
            follow(edge, job_id)


@command.group("shadow")
def shadow() -> None:
    """A second rule set beside the first: the same conversions, credited under it into a ledger of its own."""


@shadow.command("show")
@edge_options
def show_shadow(url: str | None, secret_key: str | None, write_key: str | None, path: Path) -> None:
    """Print it, as JSON that `put` takes."""
    found = edge_of(path, url, secret_key, write_key).get("/v1/rules/shadow")
    click.echo(json.dumps(found["rules"], indent=2, ensure_ascii=False))


@shadow.command("put")
@click.argument("file", type=_FILE)
@click.option("--apply", "how", default="history", show_default=True, help="history, from_now or a day: YYYY-MM-DD.")
@edge_options
def put_shadow(
    file: Path, how: str, url: str | None, secret_key: str | None, write_key: str | None, path: Path
) -> None:
    """Put the rules in FILE beside those in force, and wait until every conversion is credited under them."""
    edge = edge_of(path, url, secret_key, write_key)
    apply: Any = how if how in ("from_now", "history") else {"from": how}
    done = edge.put("/v1/rules/shadow", {"rules": _read(file), "apply": apply})
    click.echo(f"version {done['version']}" if done["changed"] else f"version {done['version']}: nothing changed")
    for job_id in done["job_ids"]:
        click.echo(job_id)
        follow(edge, job_id)


@shadow.command("drop")
@edge_options
def drop_shadow(url: str | None, secret_key: str | None, write_key: str | None, path: Path) -> None:
    """Take it away, with all that was credited under it."""
    done = edge_of(path, url, secret_key, write_key).delete("/v1/rules/shadow")
    click.echo("dropped" if done["deleted"] else "there was none")


def _read(file: Path) -> Any:
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadInput("malformed_json", f"{file} is not JSON: {error}.", "Begin with: tributary rules show.") from None
