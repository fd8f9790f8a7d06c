"""What can be measured from outside? Counters of all processes of a program, and what waits in Redis.

Every program (web, worker) has its own folder of counter files (``PROMETHEUS_MULTIPROC_DIR``); its main process
serves their sum on the internal metrics port, beside `/healthz` for whoever watches it.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import redis
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from app.storage import keys
from app.storage.redis import make_redis
from app.storage.statements import Rollup
from config.queues import Queue, redis_lists
from config.settings import Settings

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
if _FOLDER in os.environ:
    Path(os.environ[_FOLDER]).mkdir(parents=True, exist_ok=True)

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)

task_seconds = Histogram("tributary_task_seconds", "How long a task ran.", ["task"], buckets=SECONDS)
task_outcomes = Counter("tributary_tasks", "Tasks by how they ended.", ["task", "outcome"])
query_seconds = Histogram(
    "tributary_query_seconds", "How long a query to ClickHouse took.", ["statement", "outcome"], buckets=SECONDS
)


def serve(settings: Settings, is_alive: Callable[[], bool] = lambda: True) -> None:
    """Serve `/metrics` and `/healthz` from a thread of this process, if it has a metrics port."""
    if settings.metrics_port == 0:
        return
    registry = CollectorRegistry() if _FOLDER in os.environ else REGISTRY
    if _FOLDER in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    registry.register(Waiting(settings))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
            elif self.path == "/healthz":
                alive = is_alive()
                self._answer(200 if alive else 503, "text/plain", b"ok\n" if alive else b"no progress\n")
            else:
                self._answer(404, "text/plain", b"only /metrics and /healthz are here\n")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """A scrape is not news."""

    server = ThreadingHTTPServer((settings.metrics_host, settings.metrics_port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()


def observe_storage() -> None:
    """Measure every query of this process; called after the fork."""
    from app.storage.client import QueryRecord, observers

    def measure(record: QueryRecord) -> None:
        query_seconds.labels(record.name, record.outcome).observe(record.seconds)

    observers.append(measure)


def clear_leftovers() -> None:
    """Remove the counter files of an earlier run; called by the main process before it forks."""
    own = f"_{os.getpid()}.db"
    for file in Path(os.environ.get(_FOLDER, "/nonexistent")).glob("*.db"):
        if not file.name.endswith(own):
            file.unlink(missing_ok=True)


def forget_process(pid: int) -> None:
    """A forked process has ended: its gauges go, its counts stay."""
    if _FOLDER in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]


class Waiting:
    """What waits: messages in queues, batches in inboxes, tenants' rollups, dead letters. Read at each scrape."""

    def __init__(self, settings: Settings) -> None:
        self.shards = settings.shards
        self.lists = [name for queue in Queue for name in redis_lists(queue.value)]
        self.redis: Any = make_redis(settings.redis_url, timeout_s=2.0)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        pipe = self.redis.pipeline(transaction=False)
        for name in self.lists:
            pipe.llen(name)
        for shard in range(self.shards):
            pipe.hget(keys.waiting(shard), "all")
        for rollup in Rollup:
            pipe.zcard(keys.stale_tenants(rollup))
        pipe.xlen(keys.DEAD_LETTERS)
        try:
            depths = pipe.execute()
        except redis.RedisError:
            return  # no sample is how a scrape says "unknown"
        queued = GaugeMetricFamily("tributary_queue_messages", "Messages that wait in a queue.", labels=["queue"])
        for queue in Queue:
            depth = sum(depths[self.lists.index(name)] for name in redis_lists(queue.value))
            queued.add_metric([queue.value], depth)
        inbox = GaugeMetricFamily("tributary_inbox_batches", "Batches that wait to be drained.", labels=["shard"])
        for shard, depth in enumerate(depths[len(self.lists) :][: self.shards]):
            inbox.add_metric([str(shard)], int(depth or 0))
        stale = GaugeMetricFamily("tributary_stale_rollups", "Tenants whose rollup is behind.", labels=["rollup"])
        for rollup, depth in zip(Rollup, depths[-1 - len(Rollup) : -1], strict=True):
            stale.add_metric([rollup.value], depth)
        yield from (queued, inbox, stale, GaugeMetricFamily("tributary_dead_letters", "Dead letters kept.", depths[-1]))


class TaskClock:
    """When did the task that this process runs start? A pool child runs one at a time."""

    started_s = 0.0

    def start(self) -> None:
        self.started_s = time.perf_counter()

    def stop(self, task: str) -> None:
        if self.started_s:
            task_seconds.labels(task).observe(time.perf_counter() - self.started_s)
        self.started_s = 0.0
