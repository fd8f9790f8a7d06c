"""Does this worker make progress? One that does not is ended, so that its supervisor starts another.

A worker whose broker was restarted under it can go on running without ever taking a message again. Two things
are watched from a thread of its main process, and only while Redis itself answers:

- the consumer's loop ticks (it hangs, or never came back from a lost connection, when it does not);
- messages do not wait while the pool has room and nothing is taken.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import redis
from celery import bootsteps
from celery.worker import state

from app.storage.redis import make_redis
from config.queues import redis_lists

log = logging.getLogger(__name__)

TICK_S = 1.0
CHECK_S = 3.0
STALLED_S = 15.0
EXIT_CODE = 70


@dataclass(slots=True)
class Progress:
    """What the consumer's loop tells the watching thread. Times by the monotonic clock, in seconds."""

    ticked_s: float = field(default_factory=time.monotonic)
    moved_s: float = field(default_factory=time.monotonic)
    taken: int = 0
    busy: int = 0
    room: int = 1
    queues: tuple[str, ...] = ()

    def note(self, taken: int, waiting: int, now_s: float) -> None:
        """Something moved if a message was taken, if none waits, or if the pool has no room for one."""
        if taken != self.taken or waiting == 0 or self.busy >= self.room:
            self.taken = taken
            self.moved_s = now_s

    def complaint(self, now_s: float) -> str:
        """Why this worker should be replaced, or ''."""
        if now_s - self.ticked_s > STALLED_S:
            return f"its loop has not ticked for {now_s - self.ticked_s:.0f} s although Redis answers"
        if now_s - self.moved_s > STALLED_S:
            return f"messages have waited for {now_s - self.moved_s:.0f} s while its pool has room"
        return ""


progress = Progress()


class Tick(bootsteps.StartStopStep):
    """Lets the consumer's own loop say that it runs; a loop without a broker connection has no ticks."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        self.timer: Any = None
        super().__init__(consumer, **options)

    def start(self, consumer: Any) -> None:
        progress.queues = tuple(queue.name for queue in consumer.task_consumer.queues)
        progress.room = consumer.pool.num_processes
        self._tick()
        self.timer = consumer.timer.call_repeatedly(TICK_S, self._tick)

    def stop(self, consumer: Any) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _tick(self) -> None:
        progress.ticked_s = time.monotonic()
        progress.busy = len(state.reserved_requests)


def is_alive() -> bool:
    """What `/healthz` of the worker says."""
    return not progress.complaint(time.monotonic())


def watch(redis_url: str) -> None:
    """Start the watching thread of a worker's main process."""
    client = make_redis(redis_url, timeout_s=2.0)
    threading.Thread(target=_watch, args=(client,), name="liveness", daemon=True).start()


def waiting(client: Any, queues: Iterable[str]) -> int:
    """Messages in these queues, asked for at once."""
    pipe = client.pipeline(transaction=False)
    for queue in queues:
        for name in redis_lists(queue):
            pipe.llen(name)
    return sum(pipe.execute())


def _watch(client: Any) -> None:
    while True:
        time.sleep(CHECK_S)
        if state.should_stop is not None or state.should_terminate is not None:
            return  # it is on its way out
        now_s = time.monotonic()
        try:
            messages = waiting(client, progress.queues)
        except redis.RedisError:
            # Without Redis there is no progress to be made; the clocks start again when it is back.
            progress.ticked_s = progress.moved_s = now_s
            continue
        progress.note(state.all_total_count[0], messages, now_s)
        if complaint := progress.complaint(now_s):
            log.critical("This worker is replaced: %s.", complaint)
            _end_at_once()


def _end_at_once() -> None:
    """No shutdown: what hangs would hang it as well. The pool's children die with this process."""
    for child in _children():
        os.kill(child, signal.SIGKILL)
    os._exit(EXIT_CODE)


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []
