"""``tributary up``: the whole stack on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from workers.local.folder import DEFAULT, Folder

_PORT = click.IntRange(1, 65_535)


@click.command("up")
@click.option("--dir", "path", type=click.Path(path_type=Path), default=DEFAULT, show_default=True, help="Its folder.")
@click.option("--port", type=_PORT, help="Port of the web edge; a free one by default, the same at each start.")
@click.option("--flower-port", type=_PORT, help="Port of Flower, likewise.")
@click.option("--quiet", is_flag=True, help="Keep the programs' output in the log files.")
def command(path: Path, port: int | None, flower_port: int | None, quiet: bool) -> None:
    """Start Redis, ClickHouse, web, worker, beat and Flower, and keep them running."""
    from workers.local.stack import Stack

    folder = Folder(path)
    folder.take()
    Stack(folder, web_port=port or 0, flower_port=flower_port or 0, is_quiet=quiet).run()
