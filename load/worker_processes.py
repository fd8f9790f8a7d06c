"""Do more worker processes do more, where ClickHouse is 20 ms away? Real Celery workers, 1, 2, 4 and 8 processes.

The chunks are small, so that they wait for the network and not for the processor: what is measured is whether workers
hold each other up. `busy` is the share of the machine's processor time that was used: near 1, it was the processor
after all. So one and eight are measured with ClickHouse 80 ms away as well.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from app.ledger.cut import Chunk, make_chunks
from app.ledger.keys import conversion_key
from app.ledger.runs import RunKind, Runs
from app.storage.client import Storage
from app.storage.redis import make_redis
from app.tenants.tenant import Tenant
from config.celery_app import make_celery
from config.queues import Queue, TaskName
from config.settings import Settings
from load.delay import further_away
from load.edge import bench_tenant
from load.figures import Figure, compared, of_rates
from load.setting import Setting
from load.web import environment_of

ONE_WAY_MS = 20.0
PROCESSES, QUICK_PROCESSES = (1, 2, 4, 8), (2,)
FAR_MS, FAR_PROCESSES = 80.0, (1, 8)
"""So far that eight processes wait for the network on two cores too: whether they hold each other up."""
CHUNKS_PER_PROCESS = 25
CONVERSIONS_PER_CHUNK = 5
TYPE = "Order Completed"
LIMIT_S = 120.0
LOOK_EVERY_S = 0.05
"""Who measures looks no oftener: it is seconds that are measured, and to look takes of the processor too."""
CHECKOUT = Path(__file__).resolve().parents[1]


def measure(setting: Setting) -> Iterator[Figure]:
    tenant, _ = bench_tenant(setting)
    per_process = 4 if setting.is_quick else CHUNKS_PER_PROCESS
    chunks = _chunks(setting.settings, tenant, max(PROCESSES) * per_process)
    if setting.is_quick:
        yield from _at(setting, tenant, chunks[: 2 * per_process], ONE_WAY_MS, QUICK_PROCESSES)
        return
    yield from _at(setting, tenant, chunks, ONE_WAY_MS, PROCESSES)
    yield from _at(setting, tenant, chunks, FAR_MS, FAR_PROCESSES, "_far")


def _at(
    setting: Setting,
    tenant: Tenant,
    chunks: Sequence[Chunk],
    one_way_ms: float,
    processes: Sequence[int],
    suffix: str = "",
) -> Iterator[Figure]:
    """With ClickHouse so far away: so many processes, against so many times the first."""
    per_process, alone = len(chunks) // max(processes), 0.0  # `alone`: chunks a second of one process
    with further_away(setting.settings.clickhouse_url, one_way_ms) as url:
        far = replace(setting.settings, clickhouse_url=url)
        for count in processes:
            with workers(far, count, Queue.ATTRIBUTION, Queue.BACKFILL):
                _run(far, tenant, chunks[: 2 * count])
                before, rates = _ticks(), []
                for _ in range(1 if setting.is_quick else 3):
                    rates.append(_run(far, tenant, chunks[: count * per_process]))
                busy = _busy(before, _ticks())
            conversions = count * per_process * CONVERSIONS_PER_CHUNK
            name = f"workers_{count}{suffix}"
            figure = of_rates(name, "chunks", rates, conversions, one_way_ms=one_way_ms, busy=busy)
            alone = alone or figure.value / count
            yield compared(figure, f"{count} times one process", count * alone)


@contextmanager
def workers(
    settings: Settings, processes: int, *queues: Queue, app: str = "workers.process", nice: int = 0, **variables: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery worker with so many processes, ready.

    Parameters
    ----------
    app : the module of its Celery app; `variables` are more of its environment.
    nice : how far it stands back for the others.
    """
    own = {"TRIBUTARY_BLOCK_WAIT_MS": str(settings.block_wait_ms), "C_FORCE_ROOT": "1"}
    environment = environment_of(settings, **own, **variables)
    name = f"bench-{uuid.uuid4().hex[:8]}"
    command = ["nice", "-n", str(nice), sys.executable, "-m", "celery", "--quiet", "--app", app, "worker"]
    command += ["--hostname", f"{name}@%h", "--queues", ",".join(queues), "--concurrency", str(processes)]
    command += ["--without-gossip", "--without-mingle"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=log, stderr=log)
        try:
            if not _is_ready(settings, name):
                log.seek(0)
                raise RuntimeError(f"The worker did not start:\n{log.read()[-2000:].decode('utf-8', 'replace')}")
            yield process
        finally:
            process.terminate()
            process.wait(60)


@contextmanager
def beat(settings: Settings) -> Iterator[None]:
    """Have rollups summed up as often as the beat does: what blocks leave stale is a part of what they cost."""
    celery, is_over = make_celery(settings), threading.Event()

    def send() -> None:
        while not is_over.wait(settings.rollups_every_s):
            celery.send_task(str(TaskName.REFRESH_ROLLUPS), ignore_result=True)

    thread = threading.Thread(target=send, name="beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _is_ready(settings: Settings, name: str) -> bool:
    celery, end = make_celery(settings), time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        if any(host.startswith(f"{name}@") for host in celery.control.inspect(timeout=0.5).ping() or {}):
            return True
    return False


def _chunks(settings: Settings, tenant: Tenant, count: int) -> list[Chunk]:
    """Chunks of conversions of one touch each, stored."""
    orders = [f"order-{number}" for number in range(count * CONVERSIONS_PER_CHUNK)]
    keys = [conversion_key(TYPE, order) for order in orders]
    now_ms, n = time.time_ns() // 1_000_000, len(orders)
    both = {
        "tenant_id": [tenant.tenant_id] * n,
        "user_id": [f"u:user-{number}" for number in range(n)],
        "rules_version": [1] * n,
        "received_at": [now_ms] * n,
        "retention_days": [400] * n,
        "is_deleted": [0] * n,
    }
    storage = Storage(settings)
    storage.insert(
        "conversions",
        both
        | {
            "conversion_type": [TYPE] * n,
            "order_id": orders,
            "conversion_key": keys,
            "ts": [now_ms - 1_000] * n,
            "message_id": [f"message-{order}" for order in orders],
            "value_minor": [1_000] * n,
            "currency": ["USD"] * n,
        },
    )
    touch = {"kind": ["click"] * n, "channel": ["email"] * n, "message_id": [f"touch-{order}" for order in orders]}
    storage.insert("touchpoints", both | touch | {"ts": [now_ms - 60_000] * n})
    storage.close()
    return make_chunks({tenant.tenant_id: keys}, CONVERSIONS_PER_CHUNK)


def _run(settings: Settings, tenant: Tenant, chunks: Sequence[Chunk]) -> float:
    """Attribute the chunks in one run; chunks a second, from its sending to its last chunk."""
    redis = make_redis(settings.redis_url)
    runs, run_id = Runs(redis, 600), f"bench-{uuid.uuid4().hex[:12]}"
    runs.create(run_id, RunKind.BLOCK, tenant.tenant_id, chunks)
    began_s = time.perf_counter()
    make_celery(settings).send_task(str(TaskName.START_RUN), kwargs={"run_id": run_id}, ignore_result=True)
    end_s = began_s + LIMIT_S
    while runs.open_count(run_id):
        if time.perf_counter() > end_s:
            raise RuntimeError(f"{runs.open_count(run_id)} of {len(chunks)} chunks were not done in {LIMIT_S:.0f} s.")
        time.sleep(LOOK_EVERY_S)
    took_s = time.perf_counter() - began_s
    redis.close()
    return len(chunks) / took_s


def _ticks() -> tuple[int, int]:
    """Of the processors, since the machine started: all, and those that nobody used."""
    with open("/proc/stat", encoding="utf-8") as lines:
        ticks = [int(word) for word in next(lines).split()[1:9]]
    return sum(ticks), ticks[3] + ticks[4]


def _busy(before: tuple[int, int], after: tuple[int, int]) -> float:
    whole = after[0] - before[0]
    return 1 - (after[1] - before[1]) / whole if whole else 0.0
