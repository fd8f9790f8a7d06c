"""``tributary export``: every single credit, as CSV or Parquet."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path

import click

from workers.commands.progress import Progress
from workers.commands.target import edge_of, edge_options, rules_option

_FILE = click.Path(dir_okay=False, allow_dash=True)


@click.command("export")
@click.option("--from", "from_day", help="First day, YYYY-MM-DD; 30 days ago by default.")
@click.option("--to", "to_day", help="The day after the last one; tomorrow by default.")
@click.option("--format", "kind", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True)
@rules_option
@click.option("--output", type=_FILE, default="-", help="A file; standard output by default.")
@edge_options
def command(
    from_day: str | None,
    to_day: str | None,
    kind: str,
    rules: str | None,
    output: str,
    url: str | None,
    secret_key: str | None,
    write_key: str | None,
    path: Path,
) -> None:
    """Export the ledger: one line per conversion, model and touch."""
    edge = edge_of(path, url, secret_key, write_key)
    query = {"format": kind, "from": from_day, "to": to_day, "rules": rules}
    done, is_shown = 0, output == "-" and sys.stdout.isatty()
    if is_shown and kind == "parquet":
        raise click.UsageError("Parquet is no text: name a file with --output, or pipe it into one.")
    progress_of = nullcontext() if is_shown else Progress("bytes exported", None)
    # An older file stays until there is something to put in its place.
    with progress_of as progress, click.open_file(output, "wb", lazy=True) as file:
        for piece in edge.pieces("/v1/export/ledger", query):
            file.write(piece)
            done += len(piece)
            if progress is not None:
                progress.to(done)
