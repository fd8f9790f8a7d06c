"""Do workers on other hosts join by URL alone, and may they come and go? Hosts are network namespaces of this machine.

Redis and ClickHouse are on a host of their own, and each worker is on another, with its own network and no loopback in
common. The local ClickHouse listens on its host's loopback only, so a forwarder on that host hands connections on.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from app.errors import Unavailable
from app.ingest.events import Batch, Conversion, Event, Touch, encode_batch
from app.ingest.inbox import Inbox
from app.ledger.runs import Runs
from app.storage.client import Storage
from app.storage.migrations import migrate
from app.storage.redis import make_redis
from app.storage.statements import TenantStatement
from app.tenants.registry import Registry
from config.celery_app import make_celery
from config.queues import Queue, TaskName
from config.settings import Settings
from tests.running import ROOT
from workers.local.redis import LocalRedis

SERVER, HERE = "10.213.77.1", "10.213.77.9"
WORKERS = ("10.213.77.11", "10.213.77.12")
REDIS_PORT, CLICKHOUSE_PORT = 16379, 19000
LIMIT_S = 120.0

EVENTS = TenantStatement("test_hosts_events", "SELECT message_id, count() FROM events WHERE {tenant} GROUP BY 1")
LEDGER = TenantStatement("test_hosts_ledger", "SELECT order_id FROM ledger FINAL WHERE {tenant}")


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def hosts() -> Iterator[list[str]]:
    """A server's namespace and two workers', on one bridge with this one; their names."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and the command `ip`")
    mark = uuid.uuid4().hex[:6]
    names = [f"trib-{mark}-{part}" for part in ("s", "a", "b")]
    with ExitStack() as stack:
        try:
            for name in names:
                ip("netns", "add", name)
                stack.callback(ip, "netns", "delete", name)
            _connect(names, mark)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces are not permitted here: {error.stderr.decode().strip()}")
        yield names


def _connect(names: list[str], mark: str) -> None:
    server = names[0]
    ip("-n", server, "link", "add", "bridge", "type", "bridge")
    ip("-n", server, "addr", "add", f"{SERVER}/24", "dev", "bridge")
    for link in ("bridge", "lo"):
        ip("-n", server, "link", "set", link, "up")
    for place, (name, address) in enumerate(((None, HERE), *zip(names[1:], WORKERS, strict=True))):
        near, far = f"t{mark}{place}", f"u{mark}{place}"
        ip("link", "add", near, "type", "veth", "peer", "name", far)
        ip("link", "set", far, "netns", server)
        ip("-n", server, "link", "set", far, "master", "bridge", "up")
        inside = ("-n", name) if name else ()
        if name:
            ip("link", "set", near, "netns", name)
        ip(*inside, "addr", "add", f"{address}/24", "dev", near)
        ip(*inside, "link", "set", near, "up")


class Cluster:
    """Processes on these hosts."""

    def __init__(self, hosts: list[str], folder: Path, stack: ExitStack) -> None:
        self.hosts = hosts
        self.folder = folder
        self.settings = dataclasses.replace(
            Settings(),
            chunk_deadline_s=3,
            lease_s=3,
            chunk_conversions=10,
            redis_url=f"redis://{SERVER}:{REDIS_PORT}/0",
        )
        self._stack = stack

    def start_servers(self) -> None:
        data = self.folder / "redis"
        data.mkdir()
        redis = LocalRedis(data, REDIS_PORT, SERVER)
        self.run(0, "redis", [*redis.command(), "--protected-mode", "no"])
        clickhouse = [sys.executable, "-m", "workers.local.clickhouse", "--path", str(self.folder / "clickhouse")]
        self.run(0, "clickhouse", [*clickhouse, "--port", str(CLICKHOUSE_PORT)])
        command = [sys.executable, "-m", "load.delay", "--port", str(CLICKHOUSE_PORT), "--one-way-ms", "0"]
        forward = self.run(0, "forward", [*command, "--listen", SERVER], stdout=subprocess.PIPE)
        assert forward.stdout is not None
        port = int(forward.stdout.readline())
        self._stack.callback(forward.stdout.close)
        url = f"clickhouse://default@{SERVER}:{port}/tributary"
        self.settings = dataclasses.replace(self.settings, clickhouse_url=url)
        wait(lambda: _answers(self.settings), "the servers")
        migrate(self.settings)

    def start_worker(self, host: int, name: str) -> subprocess.Popen[bytes]:
        """By URL alone."""
        queues = ",".join(queue.value for queue in Queue)
        command = [sys.executable, "-m", "celery", "--quiet", "--app", "workers.process", "worker", "--hostname", name]
        command += ["--queues", queues, "--concurrency", "1", "--without-gossip", "--without-mingle"]
        environment = {
            "TRIBUTARY_REDIS_URL": self.settings.redis_url,
            "TRIBUTARY_CLICKHOUSE_URL": self.settings.clickhouse_url,
            "TRIBUTARY_LEASE_S": str(self.settings.lease_s),
            "TRIBUTARY_CHUNK_DEADLINE_S": str(self.settings.chunk_deadline_s),
            "TRIBUTARY_CHUNK_CONVERSIONS": str(self.settings.chunk_conversions),
        }
        return self.run(host, name, command, environment)

    def run(
        self,
        host: int,
        name: str,
        command: list[str],
        environment: dict[str, str] | None = None,
        stdout: int | None = None,
    ) -> subprocess.Popen[bytes]:
        """A process on a host; stopped at the end."""
        log = self._stack.enter_context((self.folder / f"{name}.log").open("ab"))
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("TRIBUTARY_")}
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.hosts[host], *command],
            cwd=ROOT,
            env={**inherited, **(environment or {}), "C_FORCE_ROOT": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log if stdout is None else stdout,
            stderr=log,
        )
        self._stack.callback(_end, process)
        return process


class Load:
    """Sends batches of touches and orders, and remembers what was taken."""

    def __init__(self, settings: Settings) -> None:
        self.celery = make_celery(settings)
        self.redis = make_redis(settings.redis_url)
        self.storage = Storage(settings)
        registry = Registry(self.redis, lambda: self.storage, settings)
        registry.rebuild()
        self.tenant_id = registry.create("hosts", "Hosts")[0].tenant_id
        self.inbox = Inbox(self.redis, settings, self._wake)
        self.shards = range(settings.shards)
        self.runs = Runs(self.redis, settings.chunk_deadline_s)
        self.sent = 0

    def _wake(self, shard: int) -> None:
        self.celery.send_task(str(TaskName.DRAIN), kwargs={"shard": shard}, ignore_result=True)

    def send_for(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            now_ms, number = time.time_ns() // 1_000_000, self.sent
            user, order = f"u:{number}", Conversion("Order Completed", f"o{number}", 1_000, "USD")
            events = [
                Event(f"t{number}", "page", "", now_ms - 5_000, user, touch=Touch(0, "email")),
                Event(f"o{number}", "track", "Order Completed", now_ms, user, conversion=order),
            ]
            self.inbox.accept(self.tenant_id, encode_batch(Batch(self.tenant_id, now_ms, 1, 400, events=events)), 2)
            self.sent += 1
            if number % 20 == 0:
                self.sweep()
            time.sleep(0.02)

    def sweep(self) -> None:
        """What beat sends."""
        self.celery.send_task(str(TaskName.SWEEP), ignore_result=True)

    def is_settled(self) -> bool:
        self.sweep()
        time.sleep(0.5)
        return not self.runs.waiting() and not any(self.inbox.depth(shard) for shard in self.shards)

    def is_served_by(self, name: str) -> bool:
        """Whether a worker has done some task by now; there is something to do."""
        self.send_for(0.3)
        answer = self.celery.control.inspect([name], timeout=1.0).stats() or {}
        return bool(answer.get(name, {}).get("total"))


def wait(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, f"waited {LIMIT_S} s in vain for {what}"
        time.sleep(0.1)


def _answers(settings: Settings) -> bool:
    storage = Storage(
        dataclasses.replace(settings, clickhouse_url=settings.clickhouse_url.rpartition("/")[0] + "/default"),
        retry_for_s=0,
    )
    try:
        storage.ping()
        return bool(make_redis(settings.redis_url).ping())
    except (Unavailable, RedisError):
        return False
    finally:
        storage.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.mark.timeout(300)
def test_workers_of_other_hosts_come_and_go_and_nothing_is_lost(hosts: list[str], tmp_path: Path) -> None:
    with ExitStack() as stack:
        cluster = Cluster(hosts, tmp_path, stack)
        cluster.start_servers()
        load = Load(cluster.settings)
        first = cluster.start_worker(1, "first@a")
        second = cluster.start_worker(2, "second@b")
        for name in ("first@a", "second@b"):
            wait(partial(load.is_served_by, name), f"work done by {name}")
        first.send_signal(signal.SIGTERM)
        load.send_for(1)
        assert first.wait(30) == 0
        third = cluster.start_worker(1, "third@a")
        second.kill()
        wait(partial(load.is_served_by, "third@a"), "work done by third@a")
        load.send_for(1)
        wait(load.is_settled, "everything stored and credited")
        stored = dict(load.storage.rows(EVENTS, tenant_id=load.tenant_id))
        credited = [order for (order,) in load.storage.rows(LEDGER, tenant_id=load.tenant_id)]
        load.storage.close()
        orders = {f"o{number}" for number in range(load.sent)}
        assert stored == dict.fromkeys(orders | {f"t{number}" for number in range(load.sent)}, 1)
        assert sorted(credited) == sorted(orders)
        assert third.poll() is None
