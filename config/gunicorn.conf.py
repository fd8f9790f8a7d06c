"""How does gunicorn serve the edge? Threads, since a request waits for Redis far more than it computes."""

# gunicorn reads the names below as its settings and hooks.
import os
import sys
from typing import Any

from config.logging import logging_config
from config.settings import get_settings
from workers import metrics
from workers.garbage import look_rarely
from workers.orphans import die_with_parent

_settings = get_settings()

bind = os.environ.get("WEB_BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = _settings.edge_workers
threads = _settings.edge_threads
backlog = 2048
keepalive = 75  # SDKs and load balancers keep connections; longer than the usual 60 s of a balancer
timeout = 30
graceful_timeout = 10
max_requests = 200_000  # whatever leaks stays small
max_requests_jitter = 20_000
limit_request_line = 8190
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
logconfig_dict = logging_config(_settings)
control_socket_disable = True


def on_starting(server: Any) -> None:
    metrics.clear_leftovers()


def when_ready(server: Any) -> None:
    metrics.serve(_settings)


def post_fork(server: Any, worker: Any) -> None:
    die_with_parent(server.pid)
    metrics.observe_storage()
    look_rarely()


def child_exit(server: Any, worker: Any) -> None:
    metrics.forget_process(worker.pid)


def worker_exit(server: Any, worker: Any) -> None:
    """Close what the worker opened, if it ever opened it."""
    if connections := sys.modules.get("app.storage.connections"):
        connections.close_all()
