"""When is a task tried again, what is measured of it, and what does support see? Once, for all tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.errors import Unavailable
from config.celery_app import celery
from config.queues import TaskName


def task(
    name: TaskName, *, in_chord: bool = False, retries: int = 0, shown: bool = True
) -> Callable[[Callable[..., Any]], Any]:
    """Declare a task.

    Parameters
    ----------
    name : its name, which also gives its queue (config.queues).
    in_chord : its result is kept, because a chord waits for it.
    retries : tries after the first one while a part does not answer, 1, 2, 4, … seconds apart with jitter. What is
        still undone then is found by the sweep.
    shown : support sees it in Flower; metrics count it either way.
    """
    declare: Callable[[Callable[..., Any]], Any] = celery.task(
        name=str(name),
        ignore_result=not in_chord,
        autoretry_for=(Unavailable,) if retries else (),
        max_retries=retries,
        retry_backoff=1,
        retry_backoff_max=30,
        retry_jitter=True,
        send_events=shown,
    )
    return declare
