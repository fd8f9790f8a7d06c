"""Which share of a worker's CPU goes to the queue: Celery, Redis and the decoding of what comes through them?

Events are posted at the sustained rate to a real edge; a real worker stores and credits them. Its pool children are
sampled (`load.sampled`); all that the worker's main process does is the queue's.
"""

from __future__ import annotations

import asyncio
import dataclasses
import random
import signal
import statistics
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil

from config.queues import Queue
from config.settings import Settings
from load.edge import BATCH, bench_tenant
from load.events import numbered, template
from load.figures import Figure, compared
from load.memory import wait_until_stored
from load.open_loop import Posts
from load.pace import Stage, plan
from load.poster import TEMPLATES
from load.sampled import FOLDER, Samples
from load.setting import Setting
from load.web import web
from load.worker_processes import beat, workers

RATE, SECONDS, WARM_UP_SECONDS = 5_000.0, 20.0, 3.0
QUICK_RATE, QUICK_SECONDS = 500.0, 1.0
GOAL_PERCENT = 15.0
QUEUE = ("main", "celery", "redis", "serialisation")


def measure(setting: Setting) -> Iterator[Figure]:
    stage = Stage("", QUICK_RATE, QUICK_SECONDS) if setting.is_quick else Stage("", RATE, SECONDS)
    # At the same rate: what a child loads when it first sends a task on, or dispatches a run, is not what it does.
    warm_up = dataclasses.replace(stage, seconds=min(stage.seconds, WARM_UP_SECONDS))
    _, write_key = bench_tenant(setting)
    rounds: list[dict[str, float]] = []
    behind_s: list[float] = []
    with web(setting.settings) as url:
        for _ in range(1 if setting.is_quick else 3):
            with _worker(setting.settings) as worker:
                _store(setting.settings, url, write_key, warm_up)
                worker.begin()
                began_s = time.perf_counter()
                events = _store(setting.settings, url, write_key, stage)
                behind_s.append(time.perf_counter() - began_s - stage.seconds)
                worker.end()
            rounds.append(worker.spent)
    shares = [100 * sum(one.get(part, 0.0) for part in QUEUE) / sum(one.values()) for one in rounds]
    whole: Counter[str] = Counter()
    for one in rounds:
        whole.update(one)
    more: dict[str, Any] = {f"{part}_percent": 100 * spent / whole.total() for part, spent in sorted(whole.items())}
    more["behind_s"] = statistics.median(behind_s)  # until all was credited: a rate that is not held makes large blocks
    more["worker_us_an_event"] = 1e6 * whole.total() / (events * len(rounds))
    figure = Figure("queue_share", statistics.median(shares), "%", events, len(rounds), min(shares), max(shares))
    yield compared(dataclasses.replace(figure, more=more), "the goal", GOAL_PERCENT)


class Worker:
    """A running worker and, after it has ended, the CPU seconds of its parts."""

    def __init__(self, pid: int) -> None:
        self._main = psutil.Process(pid)
        self._began_s = 0.0
        self.spent: dict[str, float] = {}

    def begin(self) -> None:
        """What was done so far does not count."""
        for child in self._main.children():
            child.send_signal(signal.SIGUSR2)
        self._began_s = self._main_s()

    def end(self) -> None:
        self.spent["main"] = self._main_s() - self._began_s

    def add(self, samples: Samples) -> None:
        """A child's."""
        total = sum(samples.parts.values())
        for part, count in samples.parts.items():
            self.spent[part] = self.spent.get(part, 0.0) + samples.cpu_s * count / total

    def _main_s(self) -> float:
        times = self._main.cpu_times()
        return float(times.user + times.system)


@contextmanager
def _worker(settings: Settings) -> Iterator[Worker]:
    queues = (Queue.INGEST, Queue.ATTRIBUTION, Queue.MAINTENANCE)
    with tempfile.TemporaryDirectory(prefix="tributary-samples-") as folder:
        usual = dataclasses.replace(settings, block_wait_ms=Settings().block_wait_ms)
        with workers(usual, 2, *queues, app="load.sampled", **{FOLDER: folder}) as process, beat(usual):
            worker = Worker(process.pid)
            yield worker
        for file in Path(folder).glob("*.json"):
            worker.add(msgspec.json.decode(file.read_bytes(), type=Samples))


def _store(settings: Settings, url: str, write_key: str, stage: Stage) -> int:
    """Post at a rate and wait until all of it is stored and credited; returns how many events there were."""
    events = asyncio.run(_post(url, write_key, stage))
    wait_until_stored(settings)
    return events


async def _post(url: str, write_key: str, stage: Stage) -> int:
    """Post at the rate; returns how many events there were."""
    prefix = f"bench-{uuid.uuid4().hex[:8]}"
    planned = plan([stage], BATCH)
    dice, now_ms = random.Random(prefix), time.time_ns() // 1_000_000
    bodies = [template(prefix, BATCH, dice, now_ms) for _ in range(min(TEMPLATES, len(planned)))]
    posts = Posts(url, write_key)
    began_s = time.perf_counter()
    tasks = []
    for one in planned:
        await asyncio.sleep(began_s + one.at_s - time.perf_counter())
        body = numbered(bodies[one.number % len(bodies)], one.number)
        tasks.append(asyncio.create_task(posts.send(body, began_s + one.at_s, "")))
    refused = [one.status for one in await asyncio.gather(*tasks) if one.status != "200"]
    posts.close()
    if refused:
        raise AssertionError(f"{len(refused)} posts were refused: {refused[0]}")
    return len(planned) * BATCH
