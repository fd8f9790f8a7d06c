"""What happens to a Celery process between its start and its end? ``celery --app workers.process worker|beat|flower``.

The main process of a worker never opens ClickHouse; a pool child makes its clients after the fork, when a task
first needs one, and closes them when it ends.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

from celery import signals

from config.celery_app import celery
from config.logging import configure
from config.settings import get_settings
from workers import liveness, metrics
from workers.garbage import look_rarely
from workers.orphans import die_with_parent

__all__ = ["celery"]

celery.steps["consumer"].add(liveness.Tick)
_clock = metrics.TaskClock()
_main_pid = os.getpid()


@signals.setup_logging.connect
def set_up_logging(**_: Any) -> None:
    """Connected, so Celery sets up none of its own."""
    configure(get_settings())


@signals.worker_init.connect
def start_worker(**_: Any) -> None:
    """Before the pool is forked: what is loaded here costs no child its first task."""
    metrics.clear_leftovers()
    import_module("app.storage.windows")


@signals.worker_ready.connect
def worker_is_ready(**_: Any) -> None:
    """The pool has been forked: threads may start."""
    settings = get_settings()
    metrics.serve(settings, liveness.is_alive)
    liveness.watch(settings.redis_url)


@signals.worker_process_init.connect
def start_child(**_: Any) -> None:
    die_with_parent(_main_pid)
    look_rarely()
    metrics.observe_storage()


@signals.worker_process_shutdown.connect
def end_child(pid: int | None = None, **_: Any) -> None:
    close_clients()
    if pid:
        metrics.forget_process(pid)


@signals.worker_shutdown.connect
def end_worker(**_: Any) -> None:
    close_clients()


@signals.task_prerun.connect
def task_starts(**_: Any) -> None:
    _clock.start()


@signals.task_postrun.connect
def task_ends(task: Any = None, state: str | None = None, **_: Any) -> None:
    _clock.stop(task.name)
    metrics.task_outcomes.labels(task.name, (state or "unknown").lower()).inc()


@signals.task_unknown.connect
def task_is_unknown(name: str = "", **_: Any) -> None:
    metrics.task_outcomes.labels("unknown", "unknown").inc()


def close_clients() -> None:
    """Close what this process opened; importing the room only to close it would open it."""
    if connections := sys.modules.get("app.storage.connections"):
        connections.close_all()
