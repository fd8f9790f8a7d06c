"""``tributary export``: every single credit, as CSV or Parquet."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import BinaryIO

import click

from workers.commands.progress import Progress
from workers.commands.target import edge_of, edge_options, rules_option


@click.command("export")
@click.option("--from", "from_day", help="First day, YYYY-MM-DD; 30 days ago by default.")
@click.option("--to", "to_day", help="The day after the last one; tomorrow by default.")
@click.option("--format", "kind", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True)
@rules_option
@click.option("--output", type=click.File("wb"), default="-", help="A file; standard output by default.")
@edge_options
def command(
    from_day: str | None,
    to_day: str | None,
    kind: str,
    rules: str | None,
    output: BinaryIO,
    url: str | None,
    secret_key: str | None,
    write_key: str | None,
    path: Path,
) -> None:
    """Export the ledger: one line per conversion, model and touch."""
    edge = edge_of(path, url, secret_key, write_key)
    query = {"format": kind, "from": from_day, "to": to_day, "rules": rules}
    done = 0
    with nullcontext() if output.isatty() else Progress("bytes exported", None) as progress:
        for piece in edge.pieces("/v1/export/ledger", query):
            output.write(piece)
            done += len(piece)
            if progress is not None:
                progress.to(done)
