"""Does everything go on when Redis' master dies and a replica takes over? Real Sentinel, worker and beat."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from app.errors import Unavailable
from app.ingest.events import Batch, Conversion, Event, Touch, encode_batch
from app.ingest.inbox import Inbox
from app.ledger.runs import Runs
from app.storage.client import Storage
from app.storage.redis import make_redis
from app.storage.statements import TenantStatement
from app.tenants.registry import Registry
from config.celery_app import make_celery
from config.queues import Queue, TaskName
from config.settings import Settings
from tests.running import ROOT
from workers.local.ports import HOST, free_port
from workers.local.redis import LocalRedis, redis_server

LIMIT_S = 90.0
LEDGER = TenantStatement("test_failover_ledger", "SELECT order_id FROM ledger FINAL WHERE {tenant}")


def wait(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, f"waited {LIMIT_S} s in vain for {what}"
        time.sleep(0.1)


def run(stack: ExitStack, log: Path, command: list[str], environment: dict[str, str] | None = None) -> None:
    """A process that is ended with the stack."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("TRIBUTARY_")}
    file = stack.enter_context(log.open("ab"))
    process = subprocess.Popen(
        command, cwd=ROOT, env={**inherited, **(environment or {})}, stdin=subprocess.DEVNULL, stdout=file, stderr=file
    )

    def end() -> None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    stack.callback(end)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[LocalRedis, Redis, str]]:
    """A master, a client of its replica, and the URL by way of the Sentinel that watches them."""
    with ExitStack() as stack:
        master = stack.enter_context(LocalRedis(tmp_path / "master"))
        replica = stack.enter_context(LocalRedis(tmp_path / "replica"))
        behind = Redis.from_url(replica.url)
        behind.replicaof(HOST, str(master.port))
        port = free_port()
        (tmp_path / "sentinel.conf").write_text(
            f"port {port}\nbind {HOST}\ndir {tmp_path}\n"
            f"sentinel monitor mymaster {HOST} {master.port} 1\n"
            "sentinel down-after-milliseconds mymaster 1000\n"
            "sentinel failover-timeout mymaster 5000\n"
        )
        run(stack, tmp_path / "sentinel.log", [redis_server(), str(tmp_path / "sentinel.conf"), "--sentinel"])
        watching = Redis(HOST, port)
        wait(lambda: knows_the_replica(watching), "the Sentinel to know the replica")
        yield master, behind, f"sentinel://{HOST}:{port}/0?master_name=mymaster"


def knows_the_replica(sentinel: Redis) -> bool:
    try:
        return int(sentinel.sentinel_master("mymaster")["num-slaves"]) > 0
    except RedisError:
        return False


class Sender:
    """Sends orders with a touch each, and sees to it that the replica has what was taken."""

    def __init__(self, settings: Settings) -> None:
        self.redis = make_redis(settings.redis_url)
        self.celery = make_celery(settings)
        self.inbox = Inbox(self.redis, settings, self._wake)
        self.shards = range(settings.shards)
        self.runs = Runs(self.redis, settings.chunk_deadline_s)
        self.storage = Storage(settings)
        registry = Registry(self.redis, lambda: self.storage, settings)
        registry.rebuild()
        self.tenant_id = registry.create(f"failover-{uuid.uuid4().hex[:8]}", "Failover")[0].tenant_id
        self.sent: list[str] = []

    def _wake(self, shard: int) -> None:
        self.celery.send_task(str(TaskName.DRAIN), kwargs={"shard": shard}, ignore_result=True, retry=False)

    def send(self) -> None:
        number, now_ms = len(self.sent), time.time_ns() // 1_000_000
        order = f"order-{number}"
        events = [
            Event(f"touch-{number}", "page", "", now_ms - 5_000, f"u:{number}", touch=Touch(0, "email")),
            Event(
                order,
                "track",
                "Order Completed",
                now_ms,
                f"u:{number}",
                conversion=Conversion("Order Completed", order, 1_000, "USD"),
            ),
        ]
        batch = encode_batch(Batch(self.tenant_id, now_ms, 1, 400, events=events))
        # As an SDK does: until it is taken.
        wait(lambda: self._is_taken(batch), "a batch to be taken")
        self.sent.append(order)

    def _is_taken(self, batch: bytes) -> bool:
        try:
            self.inbox.accept(self.tenant_id, batch, 2)
        except Unavailable:
            return False
        return True

    def is_credited(self) -> bool:
        return self.credited() >= set(self.sent)

    def credited(self) -> set[str]:
        return {order for (order,) in self.storage.rows(LEDGER, tenant_id=self.tenant_id)}


@pytest.mark.timeout(300)
def test_a_replica_takes_over_and_everything_goes_on(
    servers: tuple[LocalRedis, Redis, str], settings: Settings, tmp_path: Path
) -> None:
    master, replica, url = servers
    by_sentinel = dataclasses.replace(settings, redis_url=url, lease_s=3, chunk_deadline_s=3)
    environment = {
        "TRIBUTARY_REDIS_URL": url,
        "TRIBUTARY_CLICKHOUSE_URL": settings.clickhouse_url,
        "TRIBUTARY_LEASE_S": "3",
        "TRIBUTARY_CHUNK_DEADLINE_S": "3",
        "C_FORCE_ROOT": "1",
    }
    celery = [sys.executable, "-m", "celery", "--quiet", "--app", "workers.process"]
    with ExitStack() as stack:
        worker = ["worker", "--queues", ",".join(queue.value for queue in Queue), "--concurrency", "1"]
        run(stack, tmp_path / "worker.log", [*celery, *worker, "--without-gossip", "--without-mingle"], environment)
        run(stack, tmp_path / "beat.log", [*celery, "beat", "--pidfile="], environment)
        sender = Sender(by_sentinel)
        for _ in range(5):
            sender.send()
        wait(sender.is_credited, "the first orders' credit")
        for _ in range(5):
            sender.send()
        # What a master has taken and not handed on dies with it: here it has.
        assert sender.redis.wait(1, 30_000) == 1
        master.kill9()
        for _ in range(5):
            sender.send()
        assert replica.info("replication")["role"] == "master"
        wait(sender.is_credited, "the credit of orders from before and after the failover")
        sender.storage.close()
