"""What can an operator set? Everything is an environment variable with a default, read and checked once at start."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import lru_cache
from typing import Any
from urllib.parse import SplitResult, urlsplit

PREFIX = "TRIBUTARY_"
MOST_SHARDS = 1024


class SettingsError(ValueError):
    """A setting that cannot be used; the message names the variable and the remedy."""


def _setting(default: Any, text: str, *, low: float | None = None, high: float | None = None) -> Any:
    return field(default=default, metadata={"text": text, "low": low, "high": high})


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. The variable of a field is ``TRIBUTARY_`` and its name in upper case."""

    redis_url: str = _setting(
        "redis://127.0.0.1:6379/0", "Redis: inbox, chunk ledger, broker; rediss:// for TLS, sentinel:// for failover"
    )
    clickhouse_url: str = _setting(
        "clickhouse://default@127.0.0.1:9000/tributary", "ClickHouse, native protocol"
    )
    clickhouse_cluster: str = _setting("", "name of a ClickHouse cluster (see docs/SCALING.md); empty: a single server")
    environment: str = _setting("local", "a name for logs and metrics: local, staging, production")
    log_level: str = _setting("INFO", "DEBUG, INFO, WARNING or ERROR")

    shards: int = _setting(
        4, "inbox streams; a tenant always uses the same one; change only while empty", low=1, high=MOST_SHARDS
    )
    block_events: int = _setting(50_000, "most events in one sealed block", low=1, high=1_000_000)
    block_share_events: int = _setting(
        5_000,
        "most events of one tenant in a block that others share, unless they have more together",
        low=1,
        high=1_000_000,
    )
    block_wait_ms: int = _setting(50, "how long a drain lets a small block grow", low=0, high=10_000)
    inbox_entries: int = _setting(
        20_000,
        "batches a shard may hold; beyond, the edge answers 429 to tenants that have an even share of them or more",
        low=10,
        high=10_000_000,
    )
    chunk_conversions: int = _setting(5_000, "most conversions in one chunk, half of a backfill's", low=1, high=100_000)
    backfill_chunks: int = _setting(
        16, "chunks of one backfill under way at once; 8 for each backfill process keep all busy", low=2, high=10_000
    )
    chunk_deadline_s: int = _setting(15, "a chunk not done by then is sent again", low=1, high=3_600)
    chunk_attempts: int = _setting(5, "after so many tries a chunk goes to the dead letters", low=1, high=100)
    sweep_every_s: float = _setting(2.0, "how often beat looks for overdue work", low=0.5, high=60)
    rollups_every_s: float = _setting(
        3.0, "how often beat refreshes the rollups that blocks left stale and nobody read", low=0.5, high=3_600
    )
    lease_s: int = _setting(10, "life of a drain's lease on its shard without renewal", low=1, high=300)
    dead_letter_entries: int = _setting(
        1_000_000, "dead letters kept, newest first", low=1_000, high=100_000_000
    )

    event_bytes: int = _setting(32 * 1024, "largest event", low=1024, high=1024 * 1024)
    batch_bytes: int = _setting(500 * 1024, "largest request body, unpacked", low=1024, high=64 * 1024 * 1024)
    duplicate_days: int = _setting(35, "how far back a repeated messageId is recognised", low=1, high=400)
    future_hours: int = _setting(24, "events further ahead than this are refused", low=0, high=24 * 30)
    tenant_cache_s: float = _setting(5.0, "how long a process may use its copy of a tenant", low=0, high=3600)

    shared_device_users: int = _setting(
        5, "an anonymousId that met more users than this is nobody's; reattribute after a change", low=1, high=1000
    )
    erase_every_s: float = _setting(60.0, "how often beat finishes erasures", low=1, high=86_400)
    webhook_every_s: float = _setting(5.0, "how often beat sends webhooks that are due", low=1, high=3_600)
    webhook_attempts: int = _setting(8, "after so many tries a webhook goes to the dead letters", low=1, high=50)
    webhook_private: int = _setting(0, "1 lets webhooks go to private and loopback addresses", low=0, high=1)

    refit_every_s: float = _setting(
        60.0, "how often beat looks for saturation refits that are due or overdue", low=1, high=3_600
    )
    refit_hour: int = _setting(3, "hour of the tenant's night from which its channels are refitted", low=0, high=23)
    refit_channels: int = _setting(16, "channels that one task fits", low=1, high=500)
    refit_deadline_s: int = _setting(300, "a refit that has not moved for so long is sent again", low=5, high=7_200)
    refit_attempts: int = _setting(5, "after so many tries a refit has failed", low=1, high=100)
    score_every_s: float = _setting(3_600.0, "how often beat has new spend scored", low=1, high=86_400)
    judge_every_s: float = _setting(7 * 86_400.0, "how often beat has the judge checked", low=60, high=90 * 86_400)

    task_soft_limit_s: int = _setting(120, "a task is asked to stop after this", low=1, high=3_600)
    task_hard_limit_s: int = _setting(150, "a task is killed after this", low=2, high=7_200)
    query_limit_s: int = _setting(60, "max_execution_time of a query", low=1, high=3_600)
    metrics_port: int = _setting(0, "port of /metrics of this process; 0 = none", low=0, high=65_535)
    metrics_host: str = _setting("127.0.0.1", "address of /metrics; an internal one")
    edge_workers: int = _setting(2, "web processes", low=1, high=256)
    edge_threads: int = _setting(
        8, "threads of a web process; a quarter of them, one at least, is kept for events", low=1, high=256
    )

    @property
    def visibility_timeout_s(self) -> int:
        """Celery's Redis transport does not renew it while a task runs, so it must outlast the hard limit."""
        return 3 * self.task_hard_limit_s


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read and check the settings.

    Raises
    ------
    SettingsError : names the variable, what it holds and what it should hold.
    """
    values: dict[str, Any] = {}
    for item in fields(Settings):
        name = PREFIX + item.name.upper()
        text = environ.get(name, "").strip()
        if text:
            values[item.name] = _parse(name, text, type(item.default), item.metadata)
    settings = Settings(**values)
    _check(settings)
    return settings


def _parse(name: str, text: str, kind: type, limits: Mapping[str, Any]) -> Any:
    if kind is str:
        return text
    try:
        value = kind(text)
    except ValueError:
        raise SettingsError(f"{name} is {text!r}: set it to a number ({limits['text']}).") from None
    low, high = limits["low"], limits["high"]
    if not low <= value <= high:
        raise SettingsError(f"{name} is {value}: set it between {low} and {high} ({limits['text']}).")
    return value


def _check(settings: Settings) -> None:
    _check_url(
        "REDIS_URL", settings.redis_url, {"redis", "rediss", "sentinel"}, "redis://host:6379/0"
    )
    _check_url(
        "CLICKHOUSE_URL",
        settings.clickhouse_url,
        {"clickhouse", "clickhouses"},
        "clickhouse://user:password@host:9000/tributary",
    )
    number = _addresses(settings.redis_url)[-1].path.strip("/")
    if not re.fullmatch("[0-9]*", number):
        raise SettingsError(f"{PREFIX}REDIS_URL names the database {number!r}: end it with a number, as in …:6379/0.")
    database = urlsplit(settings.clickhouse_url).path.lstrip("/")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", database):
        raise SettingsError(
            f"{PREFIX}CLICKHOUSE_URL names the database {database!r}: end it with a plain name, as in …:9000/tributary."
        )
    if not re.fullmatch(r"([A-Za-z_][A-Za-z0-9_]*)?", settings.clickhouse_cluster):
        raise SettingsError(
            f"{PREFIX}CLICKHOUSE_CLUSTER is {settings.clickhouse_cluster!r}: set it to a plain name that stands in the "
            "servers' remote_servers, or leave it empty."
        )
    if settings.log_level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise SettingsError(
            f"{PREFIX}LOG_LEVEL is {settings.log_level!r}: set it to DEBUG, INFO, WARNING or ERROR."
        )
    if settings.task_hard_limit_s <= settings.task_soft_limit_s:
        raise SettingsError(
            f"{PREFIX}TASK_HARD_LIMIT_S ({settings.task_hard_limit_s}) must be above "
            f"{PREFIX}TASK_SOFT_LIMIT_S ({settings.task_soft_limit_s})."
        )
    if settings.query_limit_s >= settings.task_soft_limit_s:
        raise SettingsError(
            f"{PREFIX}QUERY_LIMIT_S ({settings.query_limit_s}) must be below "
            f"{PREFIX}TASK_SOFT_LIMIT_S ({settings.task_soft_limit_s}), so that a query ends before its task."
        )


def _check_url(name: str, url: str, schemes: set[str], example: str) -> None:
    if urlsplit(url).scheme not in schemes:
        raise SettingsError(f"{PREFIX}{name} has no usable scheme: write it as {example}.")
    try:
        _ = [one.port for one in _addresses(url)]
    except ValueError:
        raise SettingsError(
            f"{PREFIX}{name} has a port that is none: write it as {example}, and in a password "
            "@ : / ? # as %40 %3A %2F %3F %23."
        ) from None


def _addresses(url: str) -> list[SplitResult]:
    """Of one server, or of several Sentinels."""
    pieces = re.split("[;,]", url) if url.startswith("sentinel://") else [url]
    return [urlsplit(piece if "://" in piece else f"sentinel://{piece}") for piece in pieces]


def misspelt(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that look like a setting and are none, with the setting that each is nearly called."""
    known = [item.name.upper() for item in fields(Settings)]
    found = {}
    for name in environ:
        short = name.removeprefix(PREFIX)
        if short != name and short not in known and (nearest := get_close_matches(short, known, 1, 0.8)):
            found[name] = PREFIX + nearest[0]
    return found


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process."""
    return load_settings(os.environ)
