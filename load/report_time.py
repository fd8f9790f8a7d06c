"""How long does a report take while events come in, and does it show what was credited before it was asked for?

A report sums up first what runs have left of its days: that is what its reader pays, and how the credit of a run gets
into it. Every five seconds the attribution report of the last days is asked for through the API. It has to hold every
order whose run was closed before that, and the last one, when nothing waits any more, has to reconcile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from app.errors import TributaryError
from load.stack import Stack
from workers.edge import Edge

ASK_EVERY_S = 5.0
MODEL = "linear"
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Reported:
    """One report: how long it took, its conversions (none where it failed), whether it said that it reconciles."""

    milliseconds: float
    conversions: int | None
    reconciled: bool


class ReportTimes:
    """Asks a stack for the report from a thread, from `begin` to `finish`.

    Parameters
    ----------
    closed : how many of the load's orders are in runs that were closed by now.
    """

    def __init__(self, stack: Stack, closed: Callable[[], int]) -> None:
        self._edge = Edge(stack.url, secret_key=stack.secret_key)
        self._closed = closed
        now = datetime.now(UTC).date()
        self._query = {
            "from": (now - timedelta(days=1)).isoformat(),
            "to": (now + timedelta(days=2)).isoformat(),
            "models": MODEL,
        }
        self._before = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="reports", daemon=True)
        self.asked: list[Reported] = []
        self.failure = ""
        """What was wrong with a report, where anything was."""

    def begin(self) -> None:
        """Note what stood there before the load, and start asking."""
        self._before = self._ask().conversions or 0
        if not self.failure:
            self._thread.start()

    def finish(self) -> None:
        """Stop asking, when nothing waits any more, and ask a last time."""
        self._is_over.set()
        if self._thread.ident is not None:
            self._thread.join()
        self.asked.append(self._checked())
        if not self.asked[-1].reconciled:
            self._failed("nothing waits any more, and the report says that it does not reconcile")
        self._edge.close()

    def _watch(self) -> None:
        try:
            while not self._is_over.wait(ASK_EVERY_S):
                self.asked.append(self._checked())
        except Exception as error:  # told by the load, which would not miss the thread
            self._failed(f"no report could be asked for any more: {error!r}")
            raise

    def _checked(self) -> Reported:
        closed = self._closed()  # before it is asked for
        found = self._ask()
        if found.conversions is not None and found.conversions < self._before + closed:
            shown = found.conversions - self._before
            self._failed(f"the runs of {closed} orders were closed, and a report that was asked then has {shown}")
        return found

    def _ask(self) -> Reported:
        began_s = time.perf_counter()
        try:
            report = self._edge.get("/v1/reports/attribution", self._query)
        except TributaryError as error:
            self._failed(f"a report: {error.code}: {error.message}")
            return Reported(1000 * (time.perf_counter() - began_s), None, False)
        took_ms = 1000 * (time.perf_counter() - began_s)
        return Reported(took_ms, conversions_of(report), bool(report["reconciled"]))

    def _failed(self, text: str) -> None:
        self.failure = self.failure or text


def conversions_of(report: dict[str, Any]) -> int:
    """The conversions of an attribution report of one model, of all currencies."""
    return int(sum(total["conversions_micro"] for total in report["totals"])) // MILLION
