"""``tributary up``: the whole stack on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from workers.local.folder import DEFAULT, Folder


@click.command("up")
@click.option("--dir", "path", type=click.Path(path_type=Path), default=DEFAULT, show_default=True, help="Its folder.")
@click.option("--port", default=0, help="Port of the web edge; a free one by default, the same at each start.")
@click.option("--flower-port", default=0, help="Port of Flower, likewise.")
@click.option("--quiet", is_flag=True, help="Keep the programs' output in the log files.")
def command(path: Path, port: int, flower_port: int, quiet: bool) -> None:
    """Start Redis, ClickHouse, web, worker, beat and Flower, and keep them running."""
    from workers.local.stack import Stack

    folder = Folder(path)
    folder.take()
    Stack(folder, web_port=port, flower_port=flower_port, is_quiet=quiet).run()
