"""Which connection is mine? One storage per process and thread, made after the fork."""

from __future__ import annotations

import os
import threading
import weakref

from app.storage.client import Storage
from config.settings import Settings, get_settings

_mine = threading.local()
_all: weakref.WeakSet[Storage] = weakref.WeakSet()
_all_lock = threading.Lock()


def get_storage(numpy: bool = False, settings: Settings | None = None) -> Storage:
    """This thread's storage; a second one where `numpy` is asked for. Nothing connects before the first query."""
    settings = settings or get_settings()
    made: dict[tuple[bool, Settings], Storage] = _mine.__dict__.setdefault("storages", {})
    key = (numpy, settings)
    if key not in made:
        made[key] = Storage(settings, numpy)
        with _all_lock:
            _all.add(made[key])
    return made[key]


def close_all() -> None:
    """Close the connections of all threads, at shutdown."""
    with _all_lock:
        storages = list(_all)
    for storage in storages:
        storage.close()


def _leave_to_the_parent() -> None:
    """In a forked child no connection of the parent may be used, nor closed for it."""
    global _mine, _all_lock
    for storage in list(_all):
        storage.forget()
    _all.clear()
    _mine = threading.local()
    _all_lock = threading.Lock()


os.register_at_fork(after_in_child=_leave_to_the_parent)
