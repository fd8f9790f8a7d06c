"""Is every part as it should be? One small check a part, each with what it found and what helps."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from redis.exceptions import RedisError

from app.errors import TributaryError, Unavailable
from app.ingest.dead_letters import DeadLetters
from app.ingest.inbox import Inbox
from app.reports.words import counted
from app.storage import keys
from app.storage.connections import close_all, ping_soon
from app.storage.migrations import pending
from app.storage.redis import get_redis
from app.storage.statements import Rollup
from config.celery_app import celery
from config.queues import Queue
from config.settings import Settings, get_settings, misspelt

OLD_BATCH_S, OVERDUE_S = 60, 60
CLOCKS_APART_MS = 5_000
"""What is due a little later than now may be so by another machine's clock."""
BEAT_LOCK = "redbeat::lock"


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; `remedy` is empty where all is well."""

    part: str
    verdict: Verdict
    text: str
    remedy: str = ""


Findings = Iterator[Finding]


def checkup() -> Findings:
    """All checks; those that need Redis are left out where it does not answer."""
    settings = get_settings()
    yield Finding("settings", Verdict.OK, f"environment {settings.environment}, {settings.shards} shards")
    for name, meant in misspelt(os.environ).items():
        yield Finding("settings", Verdict.WARNING, f"{name} is set, and nobody reads it", f"Is {meant} meant?")
    redis = get_redis(settings)
    yield from _guarded("ClickHouse", lambda: _clickhouse(settings))
    try:
        facts = {**redis.info("server"), **redis.info("persistence"), **redis.info("memory")}
    except RedisError as error:
        yield Finding("Redis", Verdict.WRONG, f"does not answer ({_words(error)})", _start("REDIS"))
        return
    yield from _redis(facts)
    yield from _guarded("workers", _workers)
    yield from _beat(redis)
    yield from _inbox(Inbox(redis, settings), settings)
    yield from _runs(redis)
    yield from _refits(redis, settings)
    yield from _scoring(redis)
    yield from _rollups(redis)
    yield from _dead_letters(DeadLetters(redis, settings.dead_letter_entries))
    close_all()


def _words(error: RedisError) -> str:
    """Without the client that a Sentinel's error describes in a thousand characters."""
    return str(error).partition(" : ")[0]


def _start(part: str) -> str:
    return f"Start it (`tributary up` starts a local one), or say where it is: TRIBUTARY_{part}_URL."


def _guarded(part: str, check: Callable[[], Findings]) -> Findings:
    """A check that may itself fail: that is a finding too."""
    try:
        yield from check()
    except TributaryError as error:
        yield Finding(part, Verdict.WRONG, error.message, error.detail)
    except (OSError, RedisError) as error:
        yield Finding(part, Verdict.WRONG, str(error), "See that it runs and can be reached from here.")


def _clickhouse(settings: Settings) -> Findings:
    try:
        ping_soon(settings)
    except Unavailable as error:
        remedy = f"{_start('CLICKHOUSE')} Events are taken meanwhile, and stored later."
        yield Finding("ClickHouse", Verdict.WRONG, error.message.removeprefix("ClickHouse "), remedy)
        return
    if missing := pending(settings):
        names = ", ".join(missing)
        yield Finding("ClickHouse", Verdict.WRONG, f"answers, but lacks {names}", "Run `tributary migrate`.")
    else:
        yield Finding("ClickHouse", Verdict.OK, "answers; the schema is up to date")


def _redis(facts: dict[str, Any]) -> Findings:
    version = str(facts["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < (6, 2):
        yield Finding("Redis", Verdict.WRONG, f"is version {version}", "Tributary needs 6.2; 7.2 in production.")
    else:
        yield Finding("Redis", Verdict.OK, f"answers, version {version}")
    policy = facts.get("maxmemory_policy")
    if policy != "noeviction":
        yield Finding(
            "Redis memory",
            Verdict.WRONG,
            f"maxmemory-policy is {policy}: it would throw away events that nobody has stored yet",
            "Set maxmemory-policy to noeviction.",
        )
    if not facts.get("aof_enabled"):
        yield Finding(
            "Redis durability",
            Verdict.WRONG,
            "its log of writes (AOF) is off: a restart loses events that were answered 200",
            "Set appendonly to yes, and appendfsync to always (or everysec, if a second may be lost).",
        )
    elif facts.get("aof_last_write_status") != "ok":
        yield Finding("Redis durability", Verdict.WRONG, "its log of writes fails", "See its log; is the disk full?")


def _workers() -> Findings:
    answers = celery.control.inspect(timeout=2.0).active_queues() or {}
    served = {queue["name"] for queues in answers.values() for queue in queues}
    missing = [queue.value for queue in Queue if queue.value not in served]
    if missing:
        yield Finding(
            "workers",
            Verdict.WRONG,
            f"{len(answers)} answer; nobody takes from {', '.join(missing)}",
            "Start a worker whose --queues name them (see Procfile); one that is stuck ends itself.",
        )
    else:
        yield Finding("workers", Verdict.OK, f"{len(answers)} answer; every queue has one")


def _beat(redis: Any) -> Findings:
    if redis.exists(BEAT_LOCK):
        yield Finding("beat", Verdict.OK, "holds its lock")
    else:
        yield Finding(
            "beat",
            Verdict.WRONG,
            "nobody holds its lock: lost wake-ups are not found again",
            "Start one (see Procfile); two are safe, one works.",
        )


def _inbox(inbox: Inbox, settings: Settings) -> Findings:
    depths = {shard: inbox.depth(shard) for shard in range(settings.shards)}
    now_ms = time.time_ns() // 1_000_000
    ages_s = [(now_ms - oldest) / 1000 for shard in depths if (oldest := inbox.oldest_ms(shard)) is not None]
    waiting = counted(sum(depths.values()), "batch waits", "batches wait")
    text = f"{waiting}, the oldest for {max(ages_s, default=0):.0f} s"
    if stranded := inbox.stranded():
        names, many = ", ".join(map(str, stranded)), counted(sum(stranded.values()), "batch waits", "batches wait")
        yield Finding(
            "inbox",
            Verdict.WRONG,
            f"{many} in shard {names}, which nobody drains: there are {settings.shards} now",
            f"Set TRIBUTARY_SHARDS to {max(stranded) + 1} or more, as it was; make it smaller only while the inbox is "
            "empty.",
        )
    if full := [shard for shard, depth in depths.items() if depth >= settings.inbox_entries]:
        yield Finding(
            "inbox",
            Verdict.WRONG,
            f"{text}; full: {counted(len(full), 'shard', 'shards')} of {settings.shards}",
            "Tenants with an even share of a full shard or more are answered 429 until it drains. Is ClickHouse up, do "
            "the workers log errors? More workers help.",
        )
    elif max(ages_s, default=0) > OLD_BATCH_S:
        yield Finding(
            "inbox",
            Verdict.WRONG,
            text,
            "Nothing is lost. Is ClickHouse up, do the workers log errors? More workers help.",
        )
    else:
        yield Finding("inbox", Verdict.OK, text)


def _runs(redis: Any) -> Findings:
    remedy = "The sweep should have sent them again: see that beat and a worker for `maintenance` run."
    yield _none_overdue("runs", redis, keys.RUNS_DUE, OVERDUE_S, remedy)


def _refits(redis: Any, settings: Settings) -> Findings:
    # It is put off whenever beat's look finds it, and that look waits for the task that its worker is at.
    patience_s = settings.refit_every_s + 2 * settings.task_hard_limit_s
    remedy = "See that beat and a worker for `saturation` run, and what its log says."
    yield _none_overdue("refits", redis, keys.REFITS_DUE, patience_s, remedy)


def _scoring(redis: Any) -> Findings:
    if failed := redis.zcard(keys.UNSCORED):
        yield Finding(
            "new spend",
            Verdict.WRONG,
            f"of {counted(failed, 'tenant')} it could not be scored; what is shown of it is older",
            "The log of the worker for `saturation` says which, and why. The next hour tries again.",
        )


def _none_overdue(what: str, redis: Any, due: str, patience_s: float, remedy: str) -> Finding:
    overdue = redis.zcount(due, "-inf", time.time_ns() // 1_000_000 - patience_s * 1000)
    if overdue:
        return Finding(what, Verdict.WRONG, f"{overdue} are more than {patience_s:.0f} s overdue", remedy)
    return Finding(what, Verdict.OK, f"{redis.zcard(due)} open, none overdue")


def _rollups(redis: Any) -> Findings:
    now_ms = time.time_ns() // 1_000_000
    many, late, failed = 0, 0, 0
    for name in map(keys.stale_tenants, Rollup):
        many += redis.zcard(name)
        late += redis.zcount(name, "-inf", now_ms - OVERDUE_S * 1000)
        failed += redis.zcount(name, now_ms + CLOCKS_APART_MS, "+inf")
    if failed:
        yield Finding(
            "rollups",
            Verdict.WRONG,
            f"{failed} could not be summed up; the reports of their tenants are not the newest, and say so",
            "The log of the worker for `maintenance` says which, and why.",
        )
    if late:
        yield Finding(
            "rollups",
            Verdict.WRONG,
            f"{late} have waited for more than {OVERDUE_S} s to be summed up",
            "See that beat and a worker for `maintenance` run. Reports sum theirs up first, and wait for it.",
        )
    if not failed and not late:
        yield Finding("rollups", Verdict.OK, f"{many} to be summed up, none overdue")


def _dead_letters(letters: DeadLetters) -> Findings:
    count = letters.count()
    if count:
        yield Finding(
            "dead letters",
            Verdict.WARNING,
            f"{count:,} were given up",
            "`tributary dead-letters list` says why; `replay` sends again what is mended, `drop` takes out the rest.",
        )
    else:
        yield Finding("dead letters", Verdict.OK, "none")
