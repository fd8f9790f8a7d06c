"""``tributary import``: events, spend and exchange rates from files, through HTTP like everything else."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from app.reports.words import counted
from workers.commands.lines import BadLine, Line, read_lines
from workers.commands.progress import Progress
from workers.commands.table import printable
from workers.commands.target import edge_of, edge_options

BATCH_LINES, BATCH_BYTES = 200, 400_000
SHOWN = 50
Answer = dict[str, Any]


@click.group("import")
def command() -> None:
    """Import a file: NDJSON (one object a line) or CSV (a dot in a column's name makes an object)."""


@command.command("events")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@edge_options
def events(file: Path, url: str | None, secret_key: str | None, write_key: str | None, path: Path) -> None:
    """Send the events of FILE; one that has a messageId counts once, however often it is imported."""
    edge = edge_of(path, url, secret_key, write_key)

    def send(values: list[Answer]) -> Answer:
        return edge.send_events(values, datetime.now(UTC).isoformat(timespec="milliseconds"))

    _import(file, send)


@command.command("spend")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@edge_options
def spend(file: Path, url: str | None, secret_key: str | None, write_key: str | None, path: Path) -> None:
    """Send the rows of FILE: day, channel, campaign, amount, currency. A row replaces the one before it."""
    edge = edge_of(path, url, secret_key, write_key)
    _import(file, lambda values: edge.post("/v1/spend", {"rows": values}))


@command.command("fx")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@edge_options
def fx(file: Path, url: str | None, secret_key: str | None, write_key: str | None, path: Path) -> None:
    """Send the exchange rates of FILE: day, currency, into, rate. A row replaces the one before it."""
    edge = edge_of(path, url, secret_key, write_key)
    _import(file, lambda values: edge.post("/v1/fx", {"rates": values}))


def _import(file: Path, send: Callable[[list[Answer]], Answer]) -> None:
    """Send a file's good lines; tell the bad ones by number, and end with exit code 1 if there were any."""
    kept, bad = 0, 0
    warned: Counter[tuple[str, str]] = Counter()

    def complain(problem: BadLine) -> None:
        nonlocal bad
        bad += 1
        if bad <= SHOWN:
            click.echo(f"line {problem.number}: {problem.message} {problem.remedy}", err=True)

    with Progress(file.name, file.stat().st_size) as progress:
        for batch in _batches(read_lines(file, complain)):
            answer = send([line.value for line in batch])
            rejected = answer.get("rejected", [])
            for warning in answer.get("warnings", []):
                warned[warning["field"], warning["detail"]] += warning["count"]
            for verdict in rejected:
                line = batch[verdict["index"]]
                complain(BadLine(line.number, verdict["message"], verdict.get("detail", "")))
            kept += len(batch) - len(rejected)
            progress.to(batch[-1].end_byte)
        progress.to_the_end()
    if bad > SHOWN:
        click.echo(f"… and {bad - SHOWN} more bad lines", err=True)
    for (field, detail), count in warned.items():
        click.echo(f"{printable(field)}, in {counted(count, 'line')}: {detail}", err=True)
    click.echo(f"{counted(kept, 'line')} imported, {bad:,} not")
    if bad:
        sys.exit(1)


def _batches(lines: Iterator[Line]) -> Iterator[list[Line]]:
    batch: list[Line] = []
    size = 0
    for line in lines:
        length = len(json.dumps(line.value))
        if batch and (len(batch) == BATCH_LINES or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += length
    if batch:
        yield batch
