"""Is the database as this version of the code needs it? Numbered files of DDL, each applied once.

What was applied is recorded with its checksum in `schema_migrations`; a file that changed afterwards is an error,
not a surprise. A lock in Redis lets one process migrate at a time. Every file may run twice (IF NOT EXISTS): one
that was cut off is simply applied again. On a cluster the same files are run in the form that `app.storage.cluster`
gives them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import logging
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from redis.exceptions import LockError, RedisError

from app.errors import TributaryError, Unavailable
from app.storage.client import Storage
from app.storage.cluster import on_cluster
from app.storage.held import kept
from app.storage.redis import make_redis
from app.storage.statements import Statement
from config.settings import Settings

log = logging.getLogger(__name__)
FOLDER = Path(__file__).resolve().parents[2] / "config" / "schema"
LOCK = "lock:migrations"
"""Redis string; held by the one process that migrates; renewed while it does, expires by itself."""
LOCK_LIFE_S = 120.0
STATEMENT_LIMIT_S = 86_400
"""A file may copy a table, which takes as long as the table is large."""

_RECORD = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    name String,
    checksum String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY name
"""
_APPLIED = Statement("applied_migrations", "SELECT name, any(checksum) FROM schema_migrations GROUP BY name")
_PIECES = re.compile(r"--[^\n]*|'(?:[^'\\]|\\.|'')*'|;|[^;'\-]+|-", re.DOTALL)


class MigrationError(TributaryError):
    """The files and the database do not fit each other."""

    status = 500


def migrate(settings: Settings, folder: Path = FOLDER, *, told: Callable[[str], None] = log.info) -> list[str]:
    """Bring the database up to date and return the names of the files that were applied.

    Parameters
    ----------
    told : takes a sentence before each file: one that copies a table takes minutes.

    Raises
    ------
    MigrationError : an applied file has changed, or is gone.
    Unavailable : Redis or ClickHouse does not answer, or another process has been migrating for long.
    """
    lock = make_redis(settings.redis_url).lock(
        LOCK, timeout=LOCK_LIFE_S, blocking_timeout=LOCK_LIFE_S, thread_local=False
    )
    try:
        held = lock.acquire()
    except RedisError as error:
        raise Unavailable("redis_unavailable", f"Redis does not answer ({error}).", "Start it, then again.") from error
    if not held:
        raise Unavailable("migrating", "Another process has been migrating for long.", "Wait for it, then again.")
    try:
        with kept(partial(lock.extend, LOCK_LIFE_S, replace_ttl=True), LOCK_LIFE_S):
            return _apply_missing(settings, folder, told)
    finally:
        # It may have expired, and will if Redis is away.
        with contextlib.suppress(LockError, RedisError):
            lock.release()


def pending(settings: Settings, folder: Path = FOLDER) -> list[str]:
    """Names of the files that are not applied yet; raises as `migrate` does."""
    applied = _read_applied(Storage(settings))
    return [path.name for path in files(folder) if not _is_applied(path, applied)]


def _apply_missing(settings: Settings, folder: Path, told: Callable[[str], None]) -> list[str]:
    _create_database(settings)
    storage = Storage(dataclasses.replace(settings, query_limit_s=STATEMENT_LIMIT_S))
    for statement in ddl(_RECORD, settings):
        storage.command(statement)
    applied = _read_applied(storage)
    found = files(folder)
    gone = sorted(set(applied) - {path.name for path in found})
    if gone:
        raise MigrationError(
            "migration_gone", f"The database has {', '.join(gone)} applied.", "This code is older: run the newer one."
        )
    missing = [path for path in found if not _is_applied(path, applied)]
    for number, path in enumerate(missing, 1):
        told(f"applying {path.name}, {number} of {len(missing)}")
        for statement in ddl(path.read_text(encoding="utf-8"), settings):
            storage.command(statement)
        storage.insert("schema_migrations", {"name": [path.name], "checksum": [_checksum(path)]})
    storage.close()
    return [path.name for path in missing]


def ddl(text: str, settings: Settings) -> list[str]:
    """The statements that a file runs against these settings' server or cluster."""
    database = _database(settings)
    cluster = settings.clickhouse_cluster
    return [made for statement in statements_of(text) for made in on_cluster(statement, cluster, database)]


def files(folder: Path = FOLDER) -> list[Path]:
    """The numbered files, in order."""
    return sorted(path for path in folder.glob("*.sql") if re.match(r"\d{4}_", path.name))


def statements_of(text: str) -> Iterator[str]:
    """The statements of a file: parted by semicolons, which count neither in comments nor in strings."""
    statement = ""
    for piece in _PIECES.findall(text):
        if piece.startswith("--"):
            continue
        if piece != ";":
            statement += piece
        elif statement.strip():
            yield statement.strip()
            statement = ""
        else:
            statement = ""
    if statement.strip():
        yield statement.strip()


def _create_database(settings: Settings) -> None:
    url = urlsplit(settings.clickhouse_url)
    # A hello that names a database which is not there is refused, so it is created over another one.
    elsewhere = dataclasses.replace(settings, clickhouse_url=urlunsplit(url._replace(path="/default")))
    storage = Storage(elsewhere)
    for statement in ddl(f"CREATE DATABASE IF NOT EXISTS {_database(settings)}", settings):
        storage.command(statement)
    storage.close()


def _database(settings: Settings) -> str:
    return urlsplit(settings.clickhouse_url).path.lstrip("/")


def _read_applied(storage: Storage) -> dict[str, str]:
    return dict(storage.rows(_APPLIED))


def _is_applied(path: Path, applied: dict[str, str]) -> bool:
    known = applied.get(path.name)
    if known is not None and known != _checksum(path):
        raise MigrationError(
            "migration_changed",
            f"{path.name} was applied and has changed since.",
            "Restore it, and put the change into a new numbered file.",
        )
    return known is not None


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
