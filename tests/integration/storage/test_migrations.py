"""Is the database made, brought up to date once, and protected from a changed past?"""

from __future__ import annotations

import dataclasses
import shutil
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from app.errors import Unavailable
from app.storage.client import Storage
from app.storage.failures import StoragePermanent
from app.storage.migrations import FOLDER, MigrationError, ddl, files, migrate, pending
from config.settings import Settings


@pytest.fixture
def empty(settings: Settings, tmp_path: Path) -> Iterator[Settings]:
    """Settings that name a database which is not there."""
    name = "migrations_" + tmp_path.name.replace("-", "_")
    made = dataclasses.replace(settings, clickhouse_url=settings.clickhouse_url.rpartition("/")[0] + f"/{name}")
    yield made
    storage = Storage(settings)
    storage.command(f"DROP DATABASE IF EXISTS {name}")
    storage.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copied = tmp_path / "schema"
    shutil.copytree(FOLDER, copied)
    return copied


def test_applied_once_in_order(empty: Settings) -> None:
    names = sorted(path.name for path in FOLDER.glob("*.sql"))
    assert migrate(empty) == names
    assert migrate(empty) == []
    assert pending(empty) == []


def test_a_new_file_is_applied_alone(empty: Settings, folder: Path) -> None:
    migrate(empty, folder)
    (folder / "0999_more.sql").write_text("CREATE TABLE IF NOT EXISTS more (x UInt8) ENGINE = Memory;\n")
    assert pending(empty, folder) == ["0999_more.sql"]
    told: list[str] = []
    assert migrate(empty, folder, told=told.append) == ["0999_more.sql"]
    assert told == ["applying 0999_more.sql, 1 of 1"]
    assert Storage(empty).command("EXISTS more") == [(1,)]


def test_changes_that_are_there_keep_their_channels(empty: Settings, folder: Path) -> None:
    last = folder / "0073_change_channels.sql"
    statements = last.read_text(encoding="utf-8")
    last.unlink()
    migrate(empty, folder)
    storage, columns = Storage(empty), "tenant_id, conversion_key, channels_before, channels_after"
    storage.command(f"INSERT INTO ledger_changes ({columns}) VALUES (1, 2, ['a', 'ä'], []), (1, 3, [], ['a'])")
    last.write_text(statements, encoding="utf-8")
    assert migrate(empty, folder) == [last.name]
    found = f"SELECT {columns}, toTypeName(channels_after) FROM ledger_changes ORDER BY conversion_key"
    assert storage.command(found) == [(1, 2, ["a", "ä"], [], "Array(String)"), (1, 3, [], ["a"], "Array(String)")]


def test_rollups_that_come_later_are_filled_from_those_that_are_there(empty: Settings) -> None:
    """However often: a file that broke off begins anew."""
    migrate(empty)
    storage = Storage(empty)
    keys = {"tenant_id": [1] * 3, "day": [date(2026, 1, 1)] * 3, "model": ["linear"] * 3, "conversion_type": ["o"] * 3}
    keys |= {"currency": ["USD"] * 3, "channel": ["email", "email", "direct"], "campaign": ["a", "b", ""]}
    sums = {name: [1, 2, 4] for name in ("micros", "net_micros", "gross_minor", "net_minor")}
    stamps = {"gross_wraps": [0, 1, 0], "net_wraps": [0] * 3, "version": [7, 8, 9]}
    storage.insert("attribution_daily", keys | sums | stamps)
    storage.command(
        "INSERT INTO journeys_daily (tenant_id, day, conversion_type, currency, path_hash, path, touches, "
        "first_channel, last_channel, channels, conversions, net_conversions, gross_minor, net_minor, lags, version) "
        "VALUES (1, '2026-01-02', 'o', 'USD', 1, ['a', 'b', 'a'], 3, 'a', 'a', ['a', 'b'], 2, 1, 50, 20, [0, 2], 7), "
        "(1, '2026-01-02', 'o', 'USD', 2, ['b'], 1, 'b', 'b', ['b'], 1, 1, 5, 5, [1, 0], 9), "
        "(1, '2026-01-02', 'o', 'USD', 3, [], 0, '', '', [], 4, 4, 7, 7, [], 9)"
    )
    for _ in range(2):
        for statement in ddl((FOLDER / "0012_reports.sql").read_text(encoding="utf-8"), empty):
            storage.command(statement)
        found = "SELECT channel, micros, net_minor, gross_wraps, version FROM channels_daily FINAL ORDER BY channel"
        assert storage.command(found) == [("direct", 4, 4, 0, 9), ("email", 3, 3, 1, 8)]
        parts = (
            "SELECT part, began, ended, number, conversions, net_conversions, gross_minor, version "
            "FROM journey_parts_daily FINAL WHERE conversions != 0 ORDER BY part, began, number"
        )
        assert storage.command(parts) == [
            *[("alone", "b", "", 0, 1, 1, 5, 9), ("ends", "a", "a", 0, 2, 1, 50, 7), ("ends", "b", "b", 0, 1, 1, 5, 9)],
            *[("lag", "", "", 0, 1, 0, 0, 9), ("lag", "", "", 1, 2, 0, 0, 9)],
            *[("length", "", "", 0, 4, 4, 7, 9), ("length", "", "", 1, 1, 1, 5, 9), ("length", "", "", 3, 2, 1, 50, 7)],
            *[("present", "a", "", 0, 2, 1, 50, 7), ("present", "b", "", 0, 3, 2, 55, 9)],
        ]


def test_credit_from_before_there_were_sources_has_an_unknown_one(empty: Settings) -> None:
    """However often: a file that broke off begins anew."""
    migrate(empty)
    storage = Storage(empty)
    keys = {"tenant_id": [1] * 3, "day": [date(2026, 1, 1)] * 3, "model": ["linear"] * 3, "conversion_type": ["o"] * 3}
    keys |= {"currency": ["USD"] * 3, "channel": ["email", "email", "tv"], "campaign": ["a", "b", ""]}
    sums = {name: [1, 2, 4] for name in ("micros", "net_micros", "gross_minor", "net_minor")}
    storage.insert("attribution_daily", keys | sums | {"gross_wraps": [0, 1, 0], "version": [7, 8, 9]})
    for _ in range(2):
        for statement in ddl((FOLDER / "0060_sources.sql").read_text(encoding="utf-8"), empty):
            storage.command(statement)
        columns = "channel, campaign, source, micros, gross_wraps, version"
        found = f"SELECT {columns} FROM attribution_daily FINAL ORDER BY {columns}"
        assert storage.command(found) == [
            *[("email", "a", "", 0, 0, 7), ("email", "a", "(unknown)", 1, 0, 7), ("email", "b", "", 0, 0, 8)],
            *[("email", "b", "(unknown)", 2, 1, 8), ("tv", "", "", 0, 0, 9), ("tv", "", "(unknown)", 4, 0, 9)],
        ]


def test_touches_keep_what_they_are_in_their_new_table(empty: Settings, folder: Path) -> None:
    """Where the file breaks off, too: it begins anew."""
    name = "0050_touches_by_id.sql"
    text = (folder / name).read_text(encoding="utf-8")
    later = [path for path in files(folder) if path.name >= name]
    for path in later:
        path.unlink()
    migrate(empty, folder)
    storage = Storage(empty)
    keys = {"tenant_id": [1] * 3, "user_id": ["u:1", "u:1", "u:2"]}
    words = {"message_id": ["m1", "m2", "m3"], "channel": ["email", "direct", "email"], "source": ["crm", "", "x"]}
    times = {"ts": [1_767_225_600_000, 1_767_225_601_000, 1_752_000_000_000], "retention_days": [20_000] * 3}
    storage.insert("touchpoints", keys | words | times | {"is_deleted": [0, 1, 2]})
    everything = "SELECT *, user_hash, event_key FROM touchpoints ORDER BY ALL"
    before = storage.command(everything)
    assert len(before) == 3
    statements = ddl(text, empty)
    for done in range(len(statements) + 1):
        for statement in statements[:done]:
            storage.command(statement)
        assert storage.command(everything) == before
    (path,) = (path for path in later if path.name == name)
    path.write_text(text, encoding="utf-8")
    assert migrate(empty, folder) == [name]
    assert storage.command(everything) == before
    ((made,),) = storage.command("SHOW CREATE TABLE touchpoints")
    assert "PRIMARY KEY (tenant_id, user_hash)\nORDER BY (tenant_id, user_hash, ts, event_key)\n" in made
    assert storage.command("EXISTS touchpoints_by_id") == [(0,)]


def test_two_at_once(empty: Settings) -> None:
    applied: list[list[str]] = []
    threads = [threading.Thread(target=lambda: applied.append(migrate(empty))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(names) for names in applied) == [0, 0, len(list(FOLDER.glob("*.sql")))]


def test_a_changed_file_is_refused(empty: Settings, folder: Path) -> None:
    migrate(empty, folder)
    first = sorted(folder.glob("*.sql"))[0]
    first.write_text(first.read_text() + "-- changed\n")
    with pytest.raises(MigrationError, match=f"{first.name} was applied and has changed"):
        migrate(empty, folder)


def test_an_older_code_is_refused(empty: Settings, folder: Path) -> None:
    migrate(empty, folder)
    sorted(folder.glob("*.sql"))[-1].unlink()
    with pytest.raises(MigrationError, match="older"):
        migrate(empty, folder)


def test_a_file_that_broke_off_is_applied_again(empty: Settings, folder: Path) -> None:
    broken = folder / "0999_more.sql"
    broken.write_text("CREATE TABLE IF NOT EXISTS more (x UInt8) ENGINE = Memory; CREATE TABLE (;")
    with pytest.raises(StoragePermanent, match=r"SYNTAX_ERROR|Syntax error"):
        migrate(empty, folder)
    broken.write_text("CREATE TABLE IF NOT EXISTS more (x UInt8) ENGINE = Memory;")
    assert migrate(empty, folder) == ["0999_more.sql"]


def test_without_redis_nothing_is_touched(empty: Settings) -> None:
    with pytest.raises(Unavailable, match="Redis"):
        migrate(dataclasses.replace(empty, redis_url="redis://127.0.0.1:1/0"))


def test_the_engine_can_read_what_a_cluster_would_run(settings: Settings, storage: Storage) -> None:
    """Parsed, not run: that takes a Keeper and several servers."""
    cluster = dataclasses.replace(settings, clickhouse_cluster="tributary")
    for path in files():
        for statement in ddl(path.read_text(encoding="utf-8"), cluster):
            word = statement.split()[0].capitalize()
            kind = "Rename (children" if word == "Exchange" else f"{word}Query"
            ((first,), *_) = storage.command(f"EXPLAIN AST {statement}")
            assert first.startswith(kind), statement
