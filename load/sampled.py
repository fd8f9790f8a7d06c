"""Where does a worker's CPU go? The product's own Celery app, whose pool children look at their stack as they work.

Started by `load.queue_share` in place of `workers.process`. A timer that runs while the process is on the CPU takes a
sample every 5 ms; what runs inside of C counts for the function that called it. Each child leaves a JSON file behind.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec
from celery import signals

from workers.process import celery

__all__ = ["FOLDER", "Samples", "celery"]

FOLDER = "TRIBUTARY_SAMPLES"
"""Environment variable: where the files go."""
EVERY_S = 0.005

PARTS = {
    "/site-packages/celery/": "celery",
    "/site-packages/kombu/": "celery",
    "/site-packages/billiard/": "celery",
    "/site-packages/vine/": "celery",
    "/site-packages/redis/": "redis",
    "/site-packages/clickhouse_driver/": "driver",
    "/site-packages/numpy/": "numpy",
    "/app/ingest/inbox.py": "serialisation",
    "/app/ingest/events.py": "serialisation",
    "/app/attribution/": "credit",
    "/app/ingest/": "ingest",
    "/app/": "app",
}
"""Whose the CPU is, by the innermost file of the stack that is named here: what the standard library does is done for
its caller. The inbox's own Python is the decoding of batches."""


class Samples(msgspec.Struct):
    """What one process saw: samples by part, and its CPU time as the system counts it."""

    parts: dict[str, int]
    cpu_s: float


_seen: Counter[str] = Counter()
_began_s = [0.0]


@signals.worker_process_init.connect
def start(**_: Any) -> None:
    """SIGUSR2 begins again: what the first tasks load is not what a worker does."""
    signal.signal(signal.SIGPROF, _take)
    signal.signal(signal.SIGUSR2, lambda number, frame: _begin())
    _begin()


@signals.worker_process_shutdown.connect
def stop(**_: Any) -> None:
    signal.setitimer(signal.ITIMER_PROF, 0)
    path = Path(os.environ[FOLDER]) / f"{os.getpid()}.json"
    path.write_bytes(msgspec.json.encode(Samples(dict(_seen), time.process_time() - _began_s[0])))


def _begin() -> None:
    _seen.clear()
    _began_s[0] = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)


def _take(number: int, frame: FrameType | None) -> None:
    _seen[part_of(frame)] += 1


def part_of(frame: FrameType | None) -> str:
    """The part that a stack belongs to, 'other' for none of them."""
    while frame is not None:
        name = frame.f_code.co_filename
        for place, part in PARTS.items():
            if place in name:
                return part
        frame = frame.f_back
    return "other"
