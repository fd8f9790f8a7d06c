"""The edge under gunicorn, on a free port, with the session's Redis and ClickHouse, and a tenant of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis

from app.ingest.blocks import flatten
from app.ingest.dead_letters import DeadLetter, DeadLetters
from app.ingest.events import Batch, Event, decode_batch
from app.storage import keys
from app.storage.connections import get_storage
from app.storage.redis import make_redis
from app.tenants.registry import Registry
from app.tenants.tenant import Tenant
from config.settings import Settings

STARTS_IN_S = 30.0


@dataclass(frozen=True)
class Edge:
    """A served edge, one tenant's keys, and what reached Redis of it."""

    url: str
    tenant: Tenant
    write_key: str
    secret_key: str
    redis: Redis
    settings: Settings

    def batches(self) -> list[Batch]:
        """Every inbox entry of the tenant, oldest first."""
        inbox = keys.tenant_inbox(self.tenant.tenant_id)
        return [decode_batch(fields[b"b"]) for _, fields in self.redis.xrange(inbox)]

    def events(self) -> list[Event]:
        return flatten(self.batches()).events()

    def letters(self) -> list[DeadLetter]:
        letters = DeadLetters(self.redis, self.settings.dead_letter_entries)
        return [letter for _, letter in letters.read(tenant_id=self.tenant.tenant_id)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def edge_url(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """gunicorn with the settings that it is run with."""
    port = free_port()
    log = tmp_path_factory.mktemp("edge") / "gunicorn.log"
    command = [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.conf.py", "workers.web:application()"]
    environment = os.environ | {
        "TRIBUTARY_REDIS_URL": settings.redis_url,
        "TRIBUTARY_CLICKHOUSE_URL": settings.clickhouse_url,
        "WEB_BIND": f"127.0.0.1:{port}",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=Path(__file__).parents[3], env=environment, stdout=output, stderr=output
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + STARTS_IN_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the edge did not start:\n{log.read_text()[-3000:]}")


@pytest.fixture
def edge(edge_url: str, settings: Settings) -> Iterator[Edge]:
    """The edge, with a new tenant."""
    redis = make_redis(settings.redis_url)
    registry = Registry(redis, lambda: get_storage(settings=settings), settings)
    tenant, write_key, secret_key = registry.create(f"edge-{uuid.uuid4().hex[:8]}", "Edge")
    yield Edge(edge_url, tenant, write_key, secret_key, redis, settings)
    redis.close()
