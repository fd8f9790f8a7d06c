"""``tributary doctor``: what is wrong, and what helps?"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from workers.commands.target import stack_option, use_engines

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "wrong": ("✗", "red")}


@click.command("doctor")
@stack_option
def command(path: Path) -> None:
    """Check settings, engines, workers, beat, and all that waits or was given up; exit code 1 if one is wrong."""
    use_engines(path)
    from workers.checkup import Verdict, checkup

    is_wrong = False
    for finding in checkup():
        mark, colour = MARKS[finding.verdict.value]
        click.echo(f"{click.style(mark, fg=colour)} {finding.part}: {finding.text}")
        if finding.remedy:
            click.echo(f"    {finding.remedy}")
        is_wrong |= finding.verdict is Verdict.WRONG
    if is_wrong:
        sys.exit(1)
