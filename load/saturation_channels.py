"""What does a refit cost by number of channels? ``python -m load.saturation_channels [--channels 1 10 100 500]``

A tenant of so many simulated channels over a year is stored; each number is refitted by a process of its own, group by
group, as the tasks do it. One JSON object a line: processor seconds a channel and model (first look, reading, storing
included; loading the libraries and the judge not), wall seconds, and the most memory that the process came to hold.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from config.settings import Settings
from load.setting import Setting

DAYS = 365
REFITTED = "--refit"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m load.saturation_channels", description=__doc__.partition("\n")[0])
    parser.add_argument("--channels", type=int, nargs="+", default=[1, 10, 100, 500])
    options = parser.parse_args(arguments)
    with Setting() as setting:
        for count in options.channels:
            tenant_id = tenant_of_channels(setting.settings, count)
            setting.say(f"{count} channels of {DAYS} days are stored")
            environment = os.environ | {
                "TRIBUTARY_REDIS_URL": setting.settings.redis_url,
                "TRIBUTARY_CLICKHOUSE_URL": setting.settings.clickhouse_url,
                "OMP_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
            }
            command = [sys.executable, "-m", "load.saturation_channels", REFITTED, str(tenant_id)]
            subprocess.run(command, env=environment, check=True)
    return 0


def refit_tenant(tenant_id: int) -> None:
    """In a process of its own: its memory is the refit's."""
    import app.saturation.assessment  # noqa: F401
    from app.advice import refit
    from app.advice.refits import Reason
    from app.saturation.judge import shipped
    from tasks.context import context

    shipped()
    began_s, cpu_s = time.monotonic(), time.process_time()
    until = datetime.now(UTC).date() - timedelta(days=3)
    job = context.refits.ask(tenant_id, until, Reason.ASKED)
    groups = refit.begin(context, job.job_id, context.settings.refit_channels) or []
    longest_s = 0.0
    for number in groups:
        group_s = time.monotonic()
        refit.fit(context, job.job_id, number)
        longest_s = max(longest_s, time.monotonic() - group_s)
    published = refit.publish(context, job.job_id)
    channels = published["channels"]
    print(
        json.dumps(
            {
                "channels": channels,
                "models": 2,
                "groups": len(groups),
                "cpu_s_a_channel_and_model": round((time.process_time() - cpu_s) / (2 * channels), 3),
                "wall_s": round(time.monotonic() - began_s, 1),
                "longest_group_s": round(longest_s, 1),
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
        ),
        flush=True,
    )


def tenant_of_channels(settings: Settings, count: int) -> int:
    """A tenant with simulated channels: spend and credit as drain and runs would have stored them."""
    from app.saturation.simulator.settings import ChannelSetting, TenantSetting
    from app.saturation.simulator.simulate import simulate
    from app.storage.connections import get_storage
    from app.storage.redis import get_redis
    from app.tenants.registry import Registry

    storage = get_storage(settings=settings)
    registry = Registry(get_redis(settings), lambda: storage, settings)
    tenant, _, _ = registry.create(f"channels-{count}-{time.time_ns():x}", "Channels")
    rng = np.random.default_rng(count)
    drawn = tuple(ChannelSetting(elasticity=float(rng.uniform(0.1, 0.9))) for _ in range(count))
    until = datetime.now(UTC).date() - timedelta(days=3)
    days = [until - timedelta(days=DAYS - 1 - n) for n in range(DAYS)]
    for number, one in enumerate(simulate(TenantSetting(drawn, days=DAYS), (count,)).channels):
        same = {"tenant_id": [tenant.tenant_id] * DAYS, "day": days, "version": [1] * DAYS}
        same |= {"channel": [f"c{number:03d}"] * DAYS, "currency": ["USD"] * DAYS}
        spend = [round(value * 100) for value in one.series.spend.tolist()]
        storage.insert("spend", {**same, "campaign": [""] * DAYS, "amount_minor": spend})
        minor = [round(value * 100) for value in one.series.revenue.tolist()]
        micros = [int(value * 1_000_000) for value in one.series.conversions.tolist()]
        for model in ("position_based", "linear"):
            credit = {"model": [model] * DAYS, "conversion_type": ["Order Completed"] * DAYS}
            credit |= {"micros": micros, "net_micros": micros, "gross_minor": minor, "net_minor": minor}
            storage.insert("channels_daily", {**same, **credit})
    return tenant.tenant_id


if __name__ == "__main__":
    if sys.argv[1:2] == [REFITTED]:
        refit_tenant(int(sys.argv[2]))
    else:
        sys.exit(main())
