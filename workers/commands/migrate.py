"""``tributary migrate``: the schema of ClickHouse, and what Redis mirrors of it."""

from __future__ import annotations

from pathlib import Path

import click

from config.settings import get_settings
from workers.commands.target import stack_option, use_engines


@click.command("migrate")
@click.option("--show", is_flag=True, help="Print the statements for these settings, and run nothing.")
@stack_option
def command(path: Path, show: bool) -> None:
    """Bring ClickHouse's schema up to date and refill Redis's copy of tenants and keys. Safe to repeat.

    With TRIBUTARY_CLICKHOUSE_CLUSTER set, on every shard and replica of that cluster.
    """
    if show:
        _show()
        return
    use_engines(path)
    from app.storage.connections import close_all, get_storage
    from app.storage.migrations import migrate
    from app.storage.redis import get_redis
    from app.tenants.registry import Registry

    migrate(get_settings(), told=click.echo)
    click.echo("the schema is up to date")
    Registry(get_redis(), get_storage, get_settings()).rebuild()
    close_all()


def _show() -> None:
    from app.storage.migrations import ddl, files

    for file in files():
        click.echo(f"-- {file.name}")
        for statement in ddl(file.read_text(encoding="utf-8"), get_settings()):
            click.echo(f"{statement};\n")
