"""How does anything reach ClickHouse? Through `Storage`, and in it through one function.

That function names the query, tells the server whose it is and how long it may run, tries again what may succeed,
turns every failure into an error of ours, and tells the observers how it went.
"""

from __future__ import annotations

import json
import random
import time
import uuid
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

from clickhouse_driver import Client

from app.storage.cluster import QUERY_SETTINGS, mutation
from app.storage.driver import disconnect, forget, new_client
from app.storage.external import External, stated
from app.storage.failures import StorageTransient, failure_of
from app.storage.native import Native
from app.storage.statements import TENANT_TABLES, AnyStatement, Statement, UnsafeStatement, Whose, text_for
from config.settings import Settings

T = TypeVar("T")
Params = Mapping[str, Any]
Externals = Mapping[str, External]
Columns = Mapping[str, Any]
"""Column name -> values: lists, tuples, arrays or those of `app.storage.native`, all of one length."""

RETRY_FOR_S = 15.0
"""A query that failed transiently is not begun again later than this after its first start."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 2.0
STREAM_LIMIT_S = 3600
"""An export runs as fast as its reader reads."""


@dataclass(frozen=True, slots=True)
class QueryRecord:
    """How one try of a query went. `outcome` is 'ok' or the code of the error."""

    name: str
    task: str
    seconds: float
    outcome: str


observers: list[Callable[[QueryRecord], None]] = []
"""Called after every try; metrics hook in here."""


class Storage:
    """One connection to ClickHouse, for one thread. See `app.storage.connections.get_storage`.

    Parameters
    ----------
    numpy : it answers `columns`, and not `rows`; numpy is imported only then.
    retry_for_s : how long transient failures are tried again before they are raised.
    """

    def __init__(self, settings: Settings, numpy: bool = False, *, retry_for_s: float = RETRY_FOR_S) -> None:
        self.numpy = numpy
        self.retry_for_s = retry_for_s
        self._settings = settings
        self._client = new_client(settings, numpy)
        # A storage that is let go of (its thread has ended) closes its socket.
        self._closer = weakref.finalize(self, disconnect, self._client)

    @property
    def settings(self) -> Settings:
        """What it was made with."""
        return self._settings

    def rows(
        self,
        statement: AnyStatement,
        *,
        tenant_id: Whose = None,
        params: Params | None = None,
        external: Externals | None = None,
        task: str = "",
    ) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows."""
        if self.numpy:
            raise TypeError("rows() needs a Storage made without numpy")
        sql, tables = self._asked(statement, tenant_id, external)

        def send(client: Client, query_id: str, settings: dict[str, Any]) -> list[tuple[Any, ...]]:
            rows: list[tuple[Any, ...]] = client.execute(
                sql, dict(params or {}), external_tables=tables, query_id=query_id, settings=settings
            )
            return rows

        return self._run(statement.name, send, tenant_id=tenant_id, task=task)

    def columns(
        self,
        statement: AnyStatement,
        *,
        tenant_id: Whose = None,
        params: Params | None = None,
        external: Externals | None = None,
        task: str = "",
    ) -> dict[str, Any]:
        """Run a statement and return its columns as arrays, those of LowCardinality(String) as `Coded`.

        DateTime64(3) comes as epoch ms, an Enum8 by its numbers.

        An empty result has all of its columns, with their types. The storage must have been made with numpy.
        """
        if not self.numpy:
            raise TypeError("columns() needs a Storage made with numpy=True")
        sql, tables = self._asked(statement, tenant_id, external)

        def send(client: Client, query_id: str, settings: dict[str, Any]) -> tuple[list[Any], list[tuple[str, str]]]:
            answer: tuple[list[Any], list[tuple[str, str]]] = client.execute(
                sql,
                dict(params or {}),
                with_column_types=True,
                external_tables=tables,
                query_id=query_id,
                settings=settings,
                columnar=True,
            )
            return answer

        data, types = self._run(statement.name, send, tenant_id=tenant_id, task=task)
        return {name: column for (name, _), column in zip(types, data, strict=True)}

    def stream(
        self,
        statement: AnyStatement,
        *,
        tenant_id: Whose = None,
        params: Params | None = None,
        external: Externals | None = None,
        task: str = "",
    ) -> Iterator[tuple[Any, ...]]:
        """Run a statement and yield its rows as they come, over a connection of its own.

        Only the start is tried again; a failure after the first row is raised.
        """
        sql, tables = self._asked(statement, tenant_id, external)
        client = new_client(self._settings, numpy=False)

        def send(_: Client, query_id: str, settings: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
            settings["max_execution_time"] = STREAM_LIMIT_S
            found = client.execute_iter(
                sql, dict(params or {}), external_tables=tables, query_id=query_id, settings=settings
            )
            first = next(found, None)
            return iter(()) if first is None else chain((first,), found)

        try:
            yield from self._run(statement.name, send, tenant_id=tenant_id, task=task)
        except Exception as error:
            failure = failure_of(error, statement.name)
            if failure is None:
                raise
            raise failure from error
        finally:
            disconnect(client)

    def insert(
        self, table: str, columns: Columns, *, token: str = "", is_distinct: bool = False, task: str = ""
    ) -> int:
        """Insert columns of one length; returns the number of rows.

        A `token` makes the same insert count once, however often it is sent. It is remembered per table: two
        different inserts into one table need two tokens. Times are Int64 epoch milliseconds or datetimes.
        `is_distinct`: no two of these rows replace each other, so the engine need not look for such while it writes.
        Where no `token` is given they get one of their own: without any the engine goes through all values to know the
        insert by, which is a quarter of what the ledger's takes. It is the same when the insert is tried again.
        """
        if table in TENANT_TABLES and "tenant_id" not in columns:
            raise UnsafeStatement(f"An insert into {table} needs the column tenant_id.")
        lengths = {len(values) for values in columns.values()}
        if lengths == {0} or not columns:
            return 0
        data = self._data(columns)
        if is_distinct:
            token = token or uuid.uuid4().hex
        extra: dict[str, Any] = {"insert_deduplication_token": token} if token else {}
        if is_distinct:
            extra["optimize_on_insert"] = 0

        def send(client: Client, query_id: str, settings: dict[str, Any]) -> int:
            sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES"
            # A list of lists: the driver takes it for rows to insert, and packs it column by column.
            count: int = client.execute(
                sql, list(data), query_id=query_id, settings={**settings, **extra}, columnar=True
            )
            return count

        return self._run(table, send, tenant_id=None, task=task, is_insert=True)

    def command(self, sql: str) -> list[tuple[Any, ...]]:
        """Run DDL. For migrations only: nothing here looks at tenants."""

        def send(client: Client, query_id: str, settings: dict[str, Any]) -> list[tuple[Any, ...]]:
            rows: list[tuple[Any, ...]] = client.execute(sql, query_id=query_id, settings={**settings, **_DDL})
            return rows

        return self._run("command", send, tenant_id=None, task="migrate")

    def ping(self) -> None:
        """Raise `Unavailable` unless ClickHouse answers now; nothing is tried again."""

        def send(client: Client, query_id: str, settings: dict[str, Any]) -> None:
            client.execute(_PING.sql, query_id=query_id, settings=settings)

        self._run(_PING.name, send, tenant_id=None, task="", tries_again=False)

    def close(self) -> None:
        """Close the connection; the next query opens another."""
        disconnect(self._client)

    def forget(self) -> None:
        """In a forked child: let go of the parent's connection without a word on it."""
        self._closer.detach()
        forget(self._client)

    def _run(
        self,
        name: str,
        send: Callable[[Client, str, dict[str, Any]], T],
        *,
        tenant_id: Whose,
        task: str,
        is_insert: bool = False,
        tries_again: bool = True,
    ) -> T:
        """The one way to ClickHouse."""
        comment = json.dumps({"statement": name, "tenant": tenant_id, "task": task}, separators=(",", ":"))
        began = time.monotonic()
        longest_wait = FIRST_WAIT_S
        while True:
            settings: dict[str, Any] = {
                **_EVERY_QUERY,
                **(QUERY_SETTINGS if self._settings.clickhouse_cluster else {}),
                "max_execution_time": self._settings.query_limit_s,
                "log_comment": comment,
            }
            started = time.monotonic()
            try:
                result = send(self._client, f"{name}-{uuid.uuid4().hex}", settings)
            except BaseException as error:
                # Whatever happened half-way (a time limit too), the connection's state is not known.
                disconnect(self._client)
                failure = failure_of(error, name, is_insert=is_insert)
                outcome = type(error).__name__ if failure is None else failure.code
                _tell(QueryRecord(name, task, time.monotonic() - started, outcome))
                if failure is None:
                    raise
                wait = random.uniform(longest_wait / 2, longest_wait)
                late = time.monotonic() - began + wait > self.retry_for_s
                if late or not tries_again or not isinstance(failure, StorageTransient):
                    raise failure from error
                longest_wait = min(LONGEST_WAIT_S, 2 * longest_wait)
            else:
                _tell(QueryRecord(name, task, time.monotonic() - started, "ok"))
                return result
            time.sleep(wait)

    def _asked(
        self, statement: AnyStatement, tenant_id: Whose, external: Externals | None
    ) -> tuple[str, list[dict[str, Any]]]:
        """The text of a statement, and the tables that travel with it."""
        text = mutation(text_for(statement, tenant_id), self._settings.clickhouse_cluster)
        sql, travelling = stated(text, external or {}, tenant_id)
        return sql, [table.named(name) for name, table in travelling.items()]

    def _data(self, columns: Columns) -> list[Any]:
        if self.numpy:
            raise TypeError("insert through a Storage made without numpy: it packs Python lists")
        return [values if isinstance(values, list | tuple | Native) else _listed(values) for values in columns.values()]


_PING = Statement("ping", "SELECT 1")

_EVERY_QUERY: dict[str, Any] = {
    # Planning with column statistics took 24 of the 31 ms of a small query, and chose nothing else.
    "use_statistics": 0,
    # Blocks are large already, and a 200 of ours means that the rows are there.
    "async_insert": 0,
    # A year of daily spend or of old events may come in one insert.
    "max_partitions_per_insert_block": 1000,
}

_DDL: dict[str, Any] = {
    # A file of the schema drops what another table has taken the place of, however large it is.
    "max_table_size_to_drop": 0,
}


def _listed(values: Any) -> list[Any]:
    return values.tolist() if hasattr(values, "tolist") else list(values)


def _tell(record: QueryRecord) -> None:
    for observer in observers:
        observer(record)
