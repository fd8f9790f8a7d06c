"""How does a session talk to chDB?

A session is one connection of the engine: its settings, its current database and its temporary tables are its
own, and sessions run in parallel (the engine lets go of the interpreter while it works). Sessions are used by
one thread at a time.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chdb

from workers.local.clickhouse.errors import ServerError, from_engine
from workers.local.clickhouse.statements import identifier, quoted

NO_LIMITS = frozenset(
    {"use_statistics", "async_insert", "max_partitions_per_insert_block", "max_execution_time"}
)
"""Settings of a query that may hold for its external tables too: to take them back for these costs a statement."""


@dataclass(frozen=True)
class Chunk:
    """One Native block of a result, without block info, and what had been read from tables for it."""

    data: bytes
    rows: int


class Session:
    """One connection of the engine."""

    def __init__(self, directory: Path) -> None:
        self._address = f"{directory}?log-level=none"
        self._engine = _connect(self._address)
        self._own = self._changed_settings()
        self._applied: dict[str, str] = {}
        self.temporary: dict[str, str] = {}
        """Temporary tables that are there, empty, for queries that bring rows for them: name -> columns."""

    def close(self) -> None:
        """Close the connection; its temporary tables go with it."""
        self._engine.close()

    def stream(self, text: str) -> Generator[Chunk, None, None]:
        """Run a SELECT and yield its blocks as they come; no block is empty. Closing the iterator cancels it."""
        try:
            result = self._engine.send_query(text, "Native", params={})
        except RuntimeError as error:
            raise from_engine(error) from error
        done = False
        try:
            while True:
                chunk = self._engine.streaming_fetch_result(result)
                if chunk is None or not chunk.rows_read():
                    done = True
                    return
                yield Chunk(chunk.bytes(), chunk.rows_read())
        except RuntimeError as error:
            done = True
            raise from_engine(error) from error
        finally:
            if not done:
                self._engine.streaming_cancel_query(result)

    def run(self, text: str, output: str = "Native") -> bytes:
        """Run any statement and return its whole result."""
        try:
            return bytes(self._engine.query(text, output, params={}).bytes())
        except RuntimeError as error:
            raise from_engine(error) from error

    def run_with(self, insert: str, data: bytes) -> None:
        """Run an INSERT whose rows stand in its text, in the format that it ends with."""
        try:
            self._engine.query(insert.encode() + b"\n" + data, "Native", params={})
        except (RuntimeError, UnicodeDecodeError) as error:  # the words of an error may hold some of the data
            raise from_engine(error) from error

    def columns_of(self, select: str) -> list[tuple[str, str]]:
        """Names and types of the result of a SELECT."""
        return [(name, kind) for name, kind, *_ in self._described(f"({select}\n)")]

    def columns_told_by(self, text: str) -> list[tuple[str, str]]:
        """Names and types of the result of a SHOW, DESCRIBE, EXPLAIN or EXISTS, which is run for it."""
        names, kinds, *_ = _json_lines(self.run(text, "JSONCompactEachRowWithNamesAndTypes"))
        return list(zip(names, kinds, strict=True))

    def columns_of_table(self, target: str) -> list[tuple[str, str, str]]:
        """Names, types and kinds of default of the columns of a table or table function."""
        return [(name, kind, default) for name, kind, default, *_ in self._described(target)]

    def apply(self, settings: Mapping[str, str]) -> None:
        """Make `settings` hold over the session's own; those of an earlier call go back to the session's own."""
        if "readonly" in self._applied:
            self._reopen()
        changes = [f"{name}={quoted(value)}" for name, value in settings.items() if self._applied.get(name) != value]
        changes += [self._undo(name) for name in self._applied if name not in settings]
        if not changes:
            return
        try:
            self.run("SET " + ", ".join(changes))
        except ServerError:
            # Which of the changes were made is not known, so all are taken back.
            self.run("SET " + ", ".join(self._undo(name) for name in {**self._applied, **settings}))
            self._applied = {}
            raise
        self._applied = dict(settings)

    def lift_limits(self) -> None:
        """Take back what `apply` made hold, if any of it could stand in the way of the session's own statements."""
        if not self._applied.keys() <= NO_LIMITS:
            self.apply({})

    @property
    def settings(self) -> Mapping[str, str]:
        """The settings of the query that runs, beside the session's own."""
        return self._applied

    def set(self, text: str) -> None:
        """Run a SET statement, which changes the session's own settings."""
        self.apply({})
        self.run(text)
        self._own = self._changed_settings()

    def _undo(self, name: str) -> str:
        own = self._own.get(name)
        return f"{name}=DEFAULT" if own is None else f"{name}={quoted(own)}"

    def _reopen(self) -> None:
        """Begin again with a new connection in the same database, since `readonly` cannot be taken back.

        The session's own settings are kept; temporary tables of the user's own are lost.
        """
        database = self.run("SELECT currentDatabase()", "RawBLOB").decode()
        self._engine.close()
        self._engine = _connect(self._address)
        self._applied = {}
        self.temporary = {}
        self.run(f"USE {identifier(database)}")
        fresh = self._changed_settings()
        changes = [f"{name}={quoted(value)}" for name, value in self._own.items() if fresh.get(name) != value]
        if changes:
            self.run("SET " + ", ".join(changes))

    def _changed_settings(self) -> dict[str, str]:
        lines = self.run("SELECT name, value FROM system.settings WHERE changed", "JSONCompactEachRow")
        return dict(_json_lines(lines))

    def _described(self, what: str) -> list[list[str]]:
        return list(_json_lines(self.run(f"DESCRIBE TABLE {what}", "JSONCompactEachRow")))


def _connect(address: str) -> Any:
    # Under chdb's own wrapper, which draws progress bars and has a type of its own for each result.
    native: Any = chdb._chdb
    return native.connect(address)


def known_settings(session: Session) -> frozenset[str]:
    """The names of all settings that the engine has."""
    lines = session.run("SELECT name FROM system.settings", "JSONCompactEachRow")
    return frozenset(name for (name,) in _json_lines(lines))


def kill(session: Session, tag: str) -> None:
    """Ask the engine to stop the statement that carries `tag` in its text."""
    session.run(f"KILL QUERY WHERE query LIKE {quoted('%' + tag + '%')} ASYNC")


def _json_lines(lines: bytes) -> Iterator[list[str]]:
    for line in lines.splitlines():
        yield json.loads(line)
