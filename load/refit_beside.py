"""Does a refit delay the credit of events? ``python -m load.refit_beside [--quick]``: one JSON object a line.

100 tenants post as in `load.fairness`, in turns without and with refits of a tenant of many channels, one after the
other, by a worker of the queue `saturation` as the Procfile has it: one process, one thread, at low priority. What
counts is the p95 of the tenants' posts and of their orders, from when each was due. `refits` says how many there were.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from app.advice.refits import Reason, Refits, RefitState
from app.storage.redis import make_redis
from config.celery_app import make_celery
from config.queues import Queue, TaskName
from config.settings import Settings
from load.fairness import PROCESSES, QUICK_TENANTS, TENANTS, make_tenants, one_round, p95_of
from load.figures import Figure, compared, of_times
from load.machine import heading
from load.saturation_channels import tenant_of_channels
from load.setting import Setting
from load.web import web
from load.worker_processes import workers

CHANNELS, QUICK_CHANNELS = 100, 1
ROUNDS = 4
LOOK_EVERY_S = 0.1
AS_IN_THE_PROCFILE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m load.refit_beside", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few tenants and channels: shows that it works")
    with Setting(is_quick=parser.parse_args(arguments).quick) as setting:
        setting.say(heading())
        for figure in measure(setting):
            print(figure.line(), flush=True)
    return 0


def measure(setting: Setting) -> Iterator[Figure]:
    settings = setting.settings
    write_keys = make_tenants(setting, QUICK_TENANTS if setting.is_quick else TENANTS)
    tenant_id = tenant_of_channels(settings, QUICK_CHANNELS if setting.is_quick else CHANNELS)
    alone, beside, refits = [], [], 0
    today = (Queue.INGEST, Queue.ATTRIBUTION, Queue.MAINTENANCE)
    with (
        web(settings) as url,
        workers(settings, PROCESSES, *today),
        workers(settings, 1, Queue.SATURATION, nice=10, **AS_IN_THE_PROCFILE),
    ):
        one_round(setting, url, write_keys)  # what a process loads at first is not what it does
        for number in range(setting.rounds(ROUNDS)):
            alone.append(one_round(setting, url, write_keys))
            with _refitted_again_and_again(settings, tenant_id) as done:
                beside.append(one_round(setting, url, write_keys))
            refits += done[0]
            setting.say(f"round {number + 1}: {done[0]} refits beside it")
    for name in ("posts", "credits"):
        with_s, without_s = ([p95_of(one, name) for one in rounds] for rounds in (beside, alone))
        n = sum(len(getattr(one, f"{name}_s")) for one in beside)
        figure = of_times(f"refit_beside_{name}_p95", with_s, n, refits=refits)
        yield compared(figure, "the same without a refit", 1000 * statistics.median(without_s))


@contextmanager
def _refitted_again_and_again(settings: Settings, tenant_id: int) -> Iterator[list[int]]:
    """A refit is always under way; the one that is when this ends is waited for. Yields how many were asked for."""
    redis, celery = make_redis(settings.redis_url), make_celery(settings)

    def wake(job_id: str) -> None:
        celery.send_task(str(TaskName.START_REFIT), kwargs={"job_id": job_id}, ignore_result=True)

    refits, until = Refits(redis, settings.refit_deadline_s, wake), datetime.now(UTC).date() - timedelta(days=3)
    is_over, asked, ends = threading.Event(), [0], []

    def ask_on() -> None:
        while not is_over.is_set():
            refit = refits.ask(tenant_id, until, Reason.ASKED)
            asked[0] += 1
            while refit.state is RefitState.OPEN:
                time.sleep(LOOK_EVERY_S)
                refit = refits.get(refit.job_id) or refit
            ends.append(refit)

    thread = threading.Thread(target=ask_on, name="refits")
    thread.start()
    try:
        yield asked
    finally:
        is_over.set()
        thread.join()
        redis.close()
    if failed := [refit.message for refit in ends if refit.state is RefitState.FAILED]:
        raise RuntimeError(f"{len(failed)} refits failed: {failed[0]}")


if __name__ == "__main__":
    sys.exit(main())
