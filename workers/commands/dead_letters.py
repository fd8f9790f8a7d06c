"""``tributary dead-letters``: what was given up, and why; once more, or for good."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.errors import Unavailable
from config.settings import get_settings
from workers.commands.progress import Progress
from workers.commands.table import table
from workers.commands.target import stack_option, use_engines

if TYPE_CHECKING:
    from app.tenants.registry import Registry

TENANT = click.option("--tenant", help="Slug or number of a tenant; all by default.")
AT_LEAST_ONE = click.IntRange(min=1)
REASON = click.option("--reason", help="Only this reason, such as too_old.")


@click.group("dead-letters")
def command() -> None:
    """List, replay and drop events and chunks that were given up."""


@command.command("list")
@TENANT
@REASON
@click.option("--limit", type=AT_LEAST_ONE, default=50, show_default=True, help="How many, oldest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with the body.")
@stack_option
def list_(tenant: str | None, reason: str | None, limit: int, as_json: bool, path: Path) -> None:
    """List dead letters with their reason and remedy."""
    use_engines(path)
    from app.ingest.dead_letters import DeadLetters
    from app.storage.redis import get_redis

    letters = DeadLetters(get_redis(), get_settings().dead_letter_entries)
    tenants = _tenants()
    found = list(letters.read(tenant_id=_number_of(tenants, tenant), reason=reason, limit=limit))
    if as_json:
        for entry_id, letter in found:
            fields = {name: getattr(letter, name) for name in letter.__struct_fields__}
            click.echo(json.dumps({"id": entry_id, **fields}, ensure_ascii=False))
        return
    rows, names = [], {number: _name_of(tenants, number) for number in {letter.tenant_id for _, letter in found}}
    for entry_id, letter in found:
        at = datetime.fromtimestamp(letter.at_ms // 1000, UTC)
        words = f"{letter.message} {letter.detail}"
        whose = letter.tenant_id
        rows.append([entry_id, f"{at:%Y-%m-%d %H:%M:%S}", names[whose], letter.source, letter.reason, words])
    click.echo(table(["id", "time (UTC)", "tenant", "part", "reason", "what and remedy"], rows, left=6))
    click.echo(f"{len(found)} shown of {letters.count():,} kept")


@command.command("replay")
@TENANT
@REASON
@click.option("--limit", type=AT_LEAST_ONE, help="At most so many, oldest first.")
@stack_option
def replay(tenant: str | None, reason: str | None, limit: int | None, path: Path) -> None:
    """Send dead letters on their way again; those that go are taken out, the others stay and say why."""
    use_engines(path)
    from workers.replay import replay_all

    with Progress("dead letters tried", None) as progress:
        done = replay_all(tenant_id=_number_of(_tenants(), tenant), reason=reason, limit=limit, told=progress.to)
        progress.to(done.replayed + done.kept)
    click.echo(f"{done.replayed:,} replayed, {done.kept:,} still cannot be")
    for problem in done.problems[:20]:
        click.echo(f"  {problem}", err=True)
    if done.kept:
        sys.exit(1)


@command.command("drop")
@TENANT
@REASON
@click.option("--limit", type=AT_LEAST_ONE, help="At most so many, oldest first.")
@click.confirmation_option(prompt="What they hold is lost then. Drop them?")
@stack_option
def drop(tenant: str | None, reason: str | None, limit: int | None, path: Path) -> None:
    """Take dead letters out for good: those that nobody will mend."""
    use_engines(path)
    from app.ingest.dead_letters import DeadLetters
    from app.storage.redis import get_redis

    letters = DeadLetters(get_redis(), get_settings().dead_letter_entries)
    dropped = 0
    with Progress("dead letters dropped", None) as progress:
        for entry_id, _ in letters.read(tenant_id=_number_of(_tenants(), tenant), reason=reason, limit=limit):
            letters.remove(entry_id)
            dropped += 1
            progress.to(dropped)
    click.echo(f"{dropped:,} dropped, {letters.count():,} kept")


def _tenants() -> Registry:
    from app.storage.connections import get_storage
    from app.storage.redis import get_redis
    from app.tenants.registry import Registry

    return Registry(get_redis(), get_storage, get_settings())


def _name_of(tenants: Registry, number: int) -> str:
    """Its number where nothing answers: letters are read while ClickHouse is away, too."""
    try:
        return tenants.name_of(number)
    except Unavailable:
        return str(number)


def _number_of(tenants: Registry, tenant: str | None) -> int | None:
    """Of a slug or a number; a number may be one that no tenant has any more."""
    if tenant is None or tenant.isdecimal():
        return None if tenant is None else int(tenant)
    return tenants.by_slug(tenant).tenant_id
