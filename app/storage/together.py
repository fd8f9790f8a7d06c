"""How are statements asked that need nothing of one another? At once, each on a connection of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import Any

from app.storage.client import Storage
from app.storage.connections import get_storage
from config.settings import Settings

THREADS = 3
"""Beside the caller's own: more than four statements at once would wait for one another in a small server."""

_pool: ThreadPoolExecutor | None = None


def together(storage: Storage, settings: Settings, asked: Sequence[Callable[[Storage], Any]]) -> list[Any]:
    """The answers to all of these, in their order: the first is asked by the caller, on its storage.

    Returns when the last one has ended. Where several fail the first of them, in their order, is raised.
    """
    first, *others = asked
    futures = [_threads().submit(partial(_ask, settings, one)) for one in others]
    try:
        answer = first(storage)
    finally:
        wait(futures)
    return [answer, *(future.result() for future in futures)]


def _ask(settings: Settings, one: Callable[[Storage], Any]) -> Any:
    return one(get_storage(settings=settings))


def _threads() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(THREADS, thread_name_prefix="storage")
    return _pool


def _leave_to_the_parent() -> None:
    """A forked child has none of its parent's threads."""
    global _pool
    _pool = None


os.register_at_fork(after_in_child=_leave_to_the_parent)
