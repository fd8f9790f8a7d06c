"""Is a thread always left to take events? Whatever else is asked may not hold all of a web process'.

A report holds a thread while it waits for ClickHouse, for more than a minute where that hangs; events need Redis alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import cast

from flask import Flask, Response, g, request

from app.errors import Unavailable
from config.settings import Settings

ONE_IN = 4
"""Of so many threads one is kept for events, and one at least. A process with a single thread has none to keep."""
WAIT_S = 0.5
"""So long a request waits for one of the others. It holds a kept one meanwhile, so one of these is never waited in."""
KEPT_FOR = frozenset({"ingest", "costs", "operations", "openapi", "pages"})
"""Blueprints that do not wait for ClickHouse, or not for long."""


def keep_threads_for_events(app: Flask, settings: Settings) -> None:
    """Refuse with 503 what would take the last threads from events; a streamed answer holds its thread to its end."""
    kept = max(1, settings.edge_threads // ONE_IN)
    others = max(1, settings.edge_threads - kept)
    free, may_wait = threading.BoundedSemaphore(others), threading.BoundedSemaphore(kept - 1)

    def is_let_in() -> bool:
        if free.acquire(blocking=False):
            return True
        if not may_wait.acquire(blocking=False):
            return False
        try:
            return free.acquire(timeout=WAIT_S)
        finally:
            may_wait.release()

    def take() -> None:
        if request.blueprint is None or request.blueprint in KEPT_FOR:
            return
        if not is_let_in():
            raise Unavailable(
                "busy",
                f"This process works on {others} other requests already, and keeps its last threads for events.",
                "Send the same request again; if it stays, see at /readyz whether ClickHouse answers.",
                retry_after_s=2,
            )
        g.let_go = _once(free.release)

    def hand_on(response: Response) -> Response:
        if response.is_streamed and "let_go" in g:
            response.response = _Streamed(cast(Iterator[bytes], response.response), g.pop("let_go"))
        return response

    def let_go(_: BaseException | None) -> None:
        if "let_go" in g:
            g.pop("let_go")()

    app.before_request(take)
    app.after_request(hand_on)
    app.teardown_request(let_go)


class _Streamed:
    """The pieces of an answer; `done` is called after the last, or when the answer is closed before."""

    def __init__(self, pieces: Iterator[bytes], done: Callable[[], None]) -> None:
        self._pieces, self._done = pieces, done

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except BaseException:
            self._done()
            raise

    def close(self) -> None:
        try:
            if close := getattr(self._pieces, "close", None):
                close()
        finally:
            self._done()


def _once(call: Callable[[], None]) -> Callable[[], None]:
    calls = iter((call,))
    return lambda: next(calls, lambda: None)()
