"""How far is it? A bar on a terminal; a line now and then where the output is a file. Without a total, what is done."""

from __future__ import annotations

import sys
import time

import click

LINE_EVERY_S = 5.0
BAR_WIDTH = 30


class Progress:
    """A context manager; call `to` with what is done."""

    def __init__(self, label: str, total: int | None) -> None:
        self.label = label
        self.total = None if total is None else max(total, 1)
        self._done = 0
        self._began_s = time.monotonic()
        self._shown_s = 0.0
        self._is_terminal = sys.stderr.isatty()

    def __enter__(self) -> Progress:
        self._show()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._show(is_last=True)

    def to(self, done: int) -> None:
        """So much of the total is done."""
        self._done = done
        now_s = time.monotonic()
        if now_s - self._shown_s >= (0.1 if self._is_terminal else LINE_EVERY_S):
            self._show()

    def to_the_end(self) -> None:
        """All of it is done."""
        if self.total is not None:
            self.to(self.total)

    def _show(self, is_last: bool = False) -> None:
        self._shown_s = time.monotonic()
        took = f"{self._shown_s - self._began_s:.1f} s"
        share = min(self._done / self.total, 1.0) if self.total else 0.0
        of = f"of {self.total:,} ({share:.0%}, {took})" if self.total else f"({took})"
        text = f"{self.label}  {self._done:,} {of}"
        if not self._is_terminal:
            if is_last or self._shown_s - self._began_s >= LINE_EVERY_S:
                click.echo(text, err=True)
            return
        bar = "█" * round(share * BAR_WIDTH)
        click.echo(f"\r{bar:<{BAR_WIDTH}} {text}\x1b[K", err=True, nl=is_last)
