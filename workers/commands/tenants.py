"""``tributary tenants``: who may send and read, and with which keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.reports.words import counted
from config.settings import get_settings
from workers.commands.table import table
from workers.commands.target import stack_option, use_engines

if TYPE_CHECKING:
    from app.tenants.registry import Registry


@click.group("tenants")
def command() -> None:
    """Create and list tenants; replace their keys."""


@command.command("create")
@click.argument("slug")
@click.option("--name", default="", help="For people; the slug by default.")
@click.option("--timezone", default="UTC", show_default=True, help="IANA name; its days are those of reports.")
@click.option("--currency", default="USD", show_default=True, help="Of amounts that come without one.")
@click.option("--host", "hosts", multiple=True, help="The tenant's own site; a page reached from it is no touch.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@stack_option
def create(
    slug: str, name: str, timezone: str, currency: str, hosts: tuple[str, ...], as_json: bool, path: Path
) -> None:
    """Create a tenant and print its keys. They are shown this once: only their hashes are stored."""
    tenant, write_key, secret_key = _registry(path).create(
        slug, name or slug, timezone=timezone, currency=currency, hosts=hosts
    )
    if as_json:
        keys = {"write_key": write_key, "secret_key": secret_key}
        click.echo(json.dumps({"tenant_id": tenant.tenant_id, "slug": tenant.slug, **keys}))
        return
    click.echo(f"tenant {tenant.slug} (number {tenant.tenant_id})")
    click.echo(f"  write key   {write_key}")
    click.echo(f"  secret key  {secret_key}")
    click.echo("Keep the keys: they are not shown again.")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@stack_option
def list_(as_json: bool, path: Path) -> None:
    """List the tenants."""
    tenants = _registry(path).list()
    if as_json:
        for tenant in tenants:
            fields = ("tenant_id", "slug", "name", "timezone", "currency", "state")
            click.echo(json.dumps({field: getattr(tenant, field) for field in fields}))
        return
    rows = [[tenant.slug, str(tenant.tenant_id), tenant.timezone, tenant.currency, tenant.state] for tenant in tenants]
    click.echo(table(["tenant", "number", "timezone", "currency", "state"], rows))


@command.command("set")
@click.argument("slug")
@click.option("--retention-days", type=int, required=True, help="1 to 3650; events that are stored already too.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@stack_option
def set_(slug: str, retention_days: int, as_json: bool, path: Path) -> None:
    """Change how long a tenant's events are kept. What becomes too old is deleted for good."""
    registry = _registry(path)
    tenant = registry.set_retention(registry.by_slug(slug).tenant_id, retention_days)
    if as_json:
        click.echo(json.dumps({"slug": tenant.slug, "retention_days": tenant.retention_days}))
        return
    click.echo(f"{tenant.slug}: events are kept {counted(tenant.retention_days, 'day')}")


@command.command("rotate-key")
@click.argument("slug")
@click.option("--which", type=click.Choice(["write", "secret"]), required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@stack_option
def rotate_key(slug: str, which: str, as_json: bool, path: Path) -> None:
    """Replace a key; the old one stops working within seconds."""
    key = _registry(path).rotate_key(slug, which)
    click.echo(json.dumps({"slug": slug, f"{which}_key": key}) if as_json else key)


def _registry(path: Path) -> Registry:
    use_engines(path)
    from app.storage.connections import get_storage
    from app.storage.redis import get_redis
    from app.tenants.registry import Registry

    return Registry(get_redis(), get_storage, get_settings())
