"""Which connection is mine? One storage per process and thread, made after the fork."""

from __future__ import annotations

import os
import threading
import weakref
from dataclasses import replace

from app.storage.client import Storage
from config.settings import Settings, get_settings

PING_S = 3
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


def ping_soon(settings: Settings) -> None:
    """Raise `Unavailable` unless ClickHouse answers within seconds: one query on a connection of its own, not tried
    again."""
    url = settings.clickhouse_url
    soon = f"{url}{'&' if '?' in url else '?'}connect_timeout=2&send_receive_timeout={PING_S}"
    storage = Storage(replace(settings, clickhouse_url=soon, query_limit_s=PING_S), retry_for_s=0)
    try:
        storage.ping()
    finally:
        storage.close()


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
