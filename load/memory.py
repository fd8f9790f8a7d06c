"""How much memory do web and worker take after an hour's worth of load, and does it grow?

An hour at 400 events/s is 1.44 million events, sent as fast as they are stored, of 200,000 users: seven events each.
Of fewer users journeys grow from part to part, and a worker with them. `value` is the largest process at the
end; `growth_mb` is what a straight line through the second half of the run says of that half: near 0 is flat.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from app.ingest.inbox import Inbox
from app.ledger.runs import Runs
from app.storage.redis import make_redis
from config.celery_app import make_celery
from config.queues import Queue, TaskName
from config.settings import Settings
from load.edge import BATCH, bench_tenant, orders_for, require_all
from load.figures import Figure, compared
from load.poster import post_from_processes
from load.setting import Setting
from load.web import web
from load.worker_processes import beat, workers

EVENTS, QUICK_EVENTS = 1_440_000, 1_000
USERS = 200_000
STEPS = 48
"""Times that the memory is looked at: after each part of the events is stored and credited."""
LIMITS_MB = {"web": 150.0, "worker": 400.0}
MARKS = {"web": "gunicorn", "worker": "celery"}
STEP_LIMIT_S = 600.0
MB = 1024 * 1024


def measure(setting: Setting) -> Iterator[Figure]:
    events, steps = (QUICK_EVENTS, 1) if setting.is_quick else (EVENTS, STEPS)
    _, write_key = bench_tenant(setting)
    seen: dict[str, list[float]] = {name: [] for name in MARKS}
    whole: dict[str, float] = {}
    with (
        web(setting.settings) as url,
        workers(setting.settings, 2, Queue.INGEST, Queue.ATTRIBUTION, Queue.MAINTENANCE),
        beat(setting.settings),
    ):
        for step in range(steps):
            requests = events // steps // BATCH
            require_all(post_from_processes(orders_for(url, write_key, BATCH, 8, STEP_LIMIT_S, requests, USERS)))
            wait_until_stored(setting.settings)
            for name, mark in MARKS.items():
                processes = _processes(mark)
                seen[name].append(max(_rss_mb(pid) for pid in processes))
                whole[name] = sum(_pss_mb(pid) for pid in processes)
            setting.say(f"{(step + 1) * events // steps:,} events: " + _told(seen))
    for name, sizes in seen.items():
        facts = {"growth_mb": _growth(sizes), "all_processes_mb": whole[name], "first_mb": sizes[0]}
        figure = Figure(f"memory_{name}", sizes[-1], "MB", events, steps, min(sizes), max(sizes), more=facts)
        yield compared(figure, "its limit", LIMITS_MB[name])


def _growth(sizes: list[float]) -> float:
    """MB over the second half, by least squares."""
    half = np.array(sizes[len(sizes) // 2 :])
    if len(half) < 2:
        return 0.0
    slope = np.polyfit(np.arange(len(half)), half, 1)[0]
    return float(slope * (len(half) - 1))


def wait_until_stored(settings: Settings) -> None:
    """Until nothing waits and every run is closed; shards that sleep are woken, as the sweep would."""
    redis = make_redis(settings.redis_url)
    inbox, runs, celery = Inbox(redis, settings), Runs(redis, settings.chunk_deadline_s), make_celery(settings)
    end_s = time.monotonic() + STEP_LIMIT_S
    while any(inbox.depth(shard) for shard in range(settings.shards)) or runs.waiting():
        if time.monotonic() > end_s:
            raise RuntimeError("Events were not stored and credited in time.")
        for shard in range(settings.shards):
            if inbox.asleep(shard):
                celery.send_task(str(TaskName.DRAIN), kwargs={"shard": shard}, ignore_result=True)
        time.sleep(0.1)
    redis.close()


def _processes(mark: str) -> list[int]:
    """Descendants of this process whose command names the program."""
    parents = _parents()
    found = []
    for pid in parents:
        above: int | None = pid
        while above and above != os.getpid():
            above = parents.get(above)
        try:
            command = Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # it has just ended
        if above and mark in command:
            found.append(pid)
    return found


def _parents() -> Mapping[int, int]:
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(folder.name)] = int(fields[1])
    return parents


def _rss_mb(pid: int) -> float:
    """What the process holds in memory, what it shares with others too."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


def _pss_mb(pid: int) -> float:
    """The same, each shared page parted among those that share it: these may be added up."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _told(seen: Mapping[str, list[float]]) -> str:
    return ", ".join(f"{name} {sizes[-1]:.0f} MB" for name, sizes in seen.items())
