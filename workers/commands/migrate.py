"""``tributary migrate``: the schema of ClickHouse, and what Redis mirrors of it."""

from __future__ import annotations

from pathlib import Path

import click

from config.settings import get_settings
from workers.commands.target import stack_option, use_engines


@click.command("migrate")
@stack_option
def command(path: Path) -> None:
    """Bring ClickHouse's schema up to date and refill Redis's copy of tenants and keys. Safe to repeat."""
    use_engines(path)
    from app.storage.connections import close_all, get_storage
    from app.storage.migrations import migrate
    from app.storage.redis import get_redis
    from app.tenants.registry import Registry

    applied = migrate(get_settings())
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("the schema is up to date")
    Registry(get_redis(), get_storage, get_settings()).rebuild()
    close_all()
