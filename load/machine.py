"""On what was it measured? Figures without their machine mean nothing."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version


def heading() -> str:
    """One line: processor, cores, memory, load of others, versions."""
    parts = ("chdb-core-lite", "clickhouse-driver", "numpy", "gunicorn", "redis")
    versions = ", ".join(f"{name} {_version(name)}" for name in parts)
    return (
        f"{_processor()}, {len(os.sched_getaffinity(0))} cores, {_memory_gib():.0f} GiB, "
        f"load {os.getloadavg()[0]:.1f}, Linux {platform.release()}, Python {platform.python_version()}, {versions}"
    )


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
