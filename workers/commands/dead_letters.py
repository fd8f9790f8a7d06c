"""``tributary dead-letters``: what was given up, and why; and once more."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from config.settings import get_settings
from workers.commands.progress import Progress
from workers.commands.table import table
from workers.commands.target import stack_option, use_engines

TENANT = click.option("--tenant", type=int, help="Number of a tenant; all by default.")
AT_LEAST_ONE = click.IntRange(min=1)
REASON = click.option("--reason", help="Only this reason, such as too_old.")


@click.group("dead-letters")
def command() -> None:
    """List and replay events and chunks that were given up."""


@command.command("list")
@TENANT
@REASON
@click.option("--limit", type=AT_LEAST_ONE, default=50, show_default=True, help="How many, oldest first.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with the body.")
@stack_option
def list_(tenant: int | None, reason: str | None, limit: int, as_json: bool, path: Path) -> None:
    """List dead letters with their reason and remedy."""
    use_engines(path)
    from app.ingest.dead_letters import DeadLetters
    from app.storage.redis import get_redis

    letters = DeadLetters(get_redis(), get_settings().dead_letter_entries)
    found = list(letters.read(tenant_id=tenant, reason=reason, limit=limit))
    if as_json:
        for entry_id, letter in found:
            fields = {name: getattr(letter, name) for name in letter.__struct_fields__}
            click.echo(json.dumps({"id": entry_id, **fields}, ensure_ascii=False))
        return
    rows = []
    for entry_id, letter in found:
        at = datetime.fromtimestamp(letter.at_ms // 1000, UTC)
        words = f"{letter.message} {letter.detail}"
        rows.append([entry_id, f"{at:%Y-%m-%d %H:%M:%S}", str(letter.tenant_id), letter.source, letter.reason, words])
    click.echo(table(["id", "time (UTC)", "tenant", "part", "reason", "what and remedy"], rows, left=6))
    click.echo(f"{len(found)} shown of {letters.count():,} kept")


@command.command("replay")
@TENANT
@REASON
@click.option("--limit", type=AT_LEAST_ONE, help="At most so many, oldest first.")
@stack_option
def replay(tenant: int | None, reason: str | None, limit: int | None, path: Path) -> None:
    """Send dead letters on their way again; those that go are taken out, the others stay and say why."""
    use_engines(path)
    from workers.replay import replay_all

    with Progress("dead letters tried", None) as progress:
        done = replay_all(tenant_id=tenant, reason=reason, limit=limit, told=progress.to)
        progress.to(done.replayed + done.kept)
    click.echo(f"{done.replayed:,} replayed, {done.kept:,} still cannot be")
    for problem in done.problems[:20]:
        click.echo(f"  {problem}", err=True)
    if done.kept:
        sys.exit(1)
