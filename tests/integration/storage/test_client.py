"""Does the one way to ClickHouse retry, map, insert once and keep its connection to itself?"""

from __future__ import annotations

import dataclasses
import json
import os
import threading
import time
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest

from app.errors import BadInput, TributaryError, Unavailable
from app.storage import client as client_module
from app.storage.client import QueryRecord, Storage
from app.storage.connections import close_all, get_storage
from app.storage.external import External, one_column
from app.storage.failures import StoragePermanent, StorageTooHeavy, StorageTransient
from app.storage.native import Coded
from app.storage.statements import Statement, TenantStatement
from config.settings import Settings
from tests.integration.storage.rows import T0, put
from workers.local.clickhouse.launch import LocalClickHouse

ONE = Statement("one", "SELECT 1")
COUNT = TenantStatement("count_touches", "SELECT count() FROM touchpoints WHERE {tenant}")


@pytest.fixture
def records() -> Iterator[list[QueryRecord]]:
    seen: list[QueryRecord] = []
    client_module.observers.append(seen.append)
    yield seen
    client_module.observers.remove(seen.append)


class TestAnswers:
    def test_params_and_percent_signs(self, storage: Storage) -> None:
        text = "it's 100 % \\ %(x)s {tenant}\n"
        assert storage.rows(Statement("p", "SELECT %(text)s, 7 %% 4"), params={"text": text}) == [(text, 3)]

    def test_external_tables_of_any_size(self, storage: Storage, numpy_storage: Storage) -> None:
        count = Statement("sum", "SELECT sum(n) AS s, count() AS c, max(name) AS m FROM things")
        for size in (0, 1, 100_000):
            things = External(
                {"n": ("UInt64", list(range(size))), "name": ("String", [str(i % 10) for i in range(size)])}
            )
            expected = (size * (size - 1) // 2, size, "" if not size else "0" if size == 1 else "9")
            assert storage.rows(count, external={"things": things}) == [expected]
            found = numpy_storage.columns(count, external={"things": things})
            assert (int(found["s"][0]), int(found["c"][0]), str(found["m"][0])) == expected

    def test_an_empty_result_has_its_columns(self, numpy_storage: Storage) -> None:
        sql = """
        SELECT toInt64(1) AS a, toUInt64(1) AS b, toInt8(1) AS c, toFloat64(1) AS d,
               toLowCardinality('x') AS e, 'y' AS f
        FROM numbers(1)
        WHERE number = 5
        """
        found = numpy_storage.columns(Statement("empty", sql))
        assert isinstance(found.pop("e"), Coded)
        assert {name: str(column.dtype) for name, column in found.items()} == {
            "a": "int64",
            "b": "uint64",
            "c": "int8",
            "d": "float64",
            "f": "object",
        }
        assert all(len(column) == 0 for column in found.values())

    def test_columns_of_several_blocks(self, numpy_storage: Storage) -> None:
        sql = "SELECT number AS n, toLowCardinality(toString(modulo(number, 3))) AS name FROM numbers(200000)"
        found = numpy_storage.columns(Statement("blocks", sql))
        assert len(found["n"]) == 200_000
        assert int(found["n"].sum()) == 199_999 * 100_000
        codes, names = found["name"].codes, found["name"].names
        assert [names[code] for code in codes[-4:]] == [str(number % 3) for number in range(199_996, 200_000)]
        assert sorted(names) == ["", "0", "1", "2"] or sorted(names) == ["0", "1", "2"]

    def test_a_column_of_lists_has_one_list_a_row(self, numpy_storage: Storage) -> None:
        """Also where the lists of one block are all of one length, and those of the next are not."""
        lists = "range(if(number < 65536, 2, modulo(number, 3)))"
        sql = f"SELECT {lists} AS some, arrayMap(x -> toString(x), some) AS words FROM numbers(131072)"
        found = numpy_storage.columns(Statement("lists", sql))
        assert found["words"].shape == (131_072,)
        assert [list(one) for one in found["words"][[0, 65_538, 131_071]]] == [["0", "1"], [], ["0"]]
        values, offsets = found["some"].values.values, found["some"].offsets
        assert len(offsets) == 131_073
        parts = [values[offsets[row] : offsets[row + 1]].tolist() for row in (0, 65_538, 131_071)]
        assert parts == [[0, 1], [], [0]]

    def test_a_stream_does_not_disturb_its_storage(self, storage: Storage) -> None:
        rows = storage.stream(Statement("numbers", "SELECT number FROM numbers(300000)"))
        assert next(rows) == (0,)
        assert storage.rows(ONE) == [(1,)]
        assert sum(1 for _ in rows) == 299_999

    def test_a_stream_may_be_left(self, storage: Storage) -> None:
        rows = storage.stream(Statement("numbers", "SELECT number FROM numbers(100000000)"))
        next(rows)
        rows.close()  # type: ignore[attr-defined]
        assert storage.rows(ONE) == [(1,)]
        assert list(storage.stream(Statement("none", "SELECT 1 FROM numbers(0)"))) == []

    def test_the_query_says_whose_it_is(self, storage: Storage, fresh_tenant: int) -> None:
        asked = TenantStatement(
            "whose",
            """
            SELECT getSetting('log_comment'), getSetting('max_execution_time')
            FROM (SELECT count() FROM spend WHERE {tenant})
            """,
        )
        ((comment, limit),) = storage.rows(asked, tenant_id=fresh_tenant, task="a.task")
        assert json.loads(comment) == {"statement": "whose", "tenant": fresh_tenant, "task": "a.task"}
        assert int(limit) == Settings().query_limit_s


class TestInserts:
    def touch(self, tenant_id: int, message: str) -> dict[str, list[object]]:
        return {
            "tenant_id": [tenant_id],
            "user_id": ["u"],
            "ts": [T0],
            "message_id": [message],
            "retention_days": [4000],
        }

    def count(self, storage: Storage, tenant_id: int) -> int:
        return int(storage.rows(COUNT, tenant_id=tenant_id)[0][0])

    def test_a_token_counts_once(self, storage: Storage, fresh_tenant: int) -> None:
        token = f"block-{fresh_tenant}"
        for message in ("m1", "m1", "m2"):
            storage.insert("touchpoints", self.touch(fresh_tenant, message), token=token)
        assert self.count(storage, fresh_tenant) == 1, "the token decides, not the rows"
        storage.insert("touchpoints", self.touch(fresh_tenant, "m2"), token=token + "b")
        assert self.count(storage, fresh_tenant) == 2

    def test_distinct_rows_are_known_by_their_token_alone(self, storage: Storage) -> None:
        storage.command(
            "CREATE TABLE told (k UInt8) ENGINE = MergeTree ORDER BY k SETTINGS non_replicated_deduplication_window = 9"
        )
        for options in ({"is_distinct": True}, {"is_distinct": True, "token": "t"}):
            for _ in range(2):
                storage.insert("told", {"k": [1]}, **options)  # type: ignore[arg-type]
        assert storage.command("SELECT count() FROM told") == [(3,)], "two without a token, one with it"

    @pytest.mark.parametrize(
        "table",
        [
            "events",
            "touchpoints",
            "conversions",
            "conversions_by_user",
            "conversions_by_order",
            "adjustments",
            "identity_aliases",
        ],
    )
    def test_every_table_of_a_block_has_tokens(self, storage: Storage, fresh_tenant: int, table: str) -> None:
        """Their rows would collapse anyway; the parts must not pile up on a replay."""
        row = {"message_id": "m"} if table in ("events", "touchpoints") else {}
        stored = (
            f"SELECT sum(rows) FROM system.parts WHERE table = '{table}' AND active AND database = currentDatabase()"
        )
        put(storage, table, fresh_tenant, row, token=f"t-{fresh_tenant}")
        before = storage.command(stored)
        put(storage, table, fresh_tenant, row, token=f"t-{fresh_tenant}")
        assert storage.command(stored) == before

    def test_one_token_over_several_partitions(self, storage: Storage, fresh_tenant: int) -> None:
        columns = {
            "tenant_id": [fresh_tenant] * 9,
            "user_id": ["u"] * 9,
            "ts": [T0 + 40 * 86_400_000 * number for number in range(9)],
            "message_id": [f"m{number}" for number in range(9)],
            "retention_days": [4000] * 9,
        }
        for _ in range(2):
            assert storage.insert("touchpoints", columns, token=f"wide-{fresh_tenant}") == 9
        assert self.count(storage, fresh_tenant) == 9

    def test_a_large_block(self, storage: Storage, fresh_tenant: int) -> None:
        n = 50_000
        columns = {
            "tenant_id": [fresh_tenant] * n,
            "user_id": [f"u:{number % 999}" for number in range(n)],
            "ts": tuple(range(T0, T0 + n)),
            "message_id": [f"m{number}" for number in range(n)],
            "channel": [f"c{number % 300}" for number in range(n)],
            "retention_days": [4000] * n,
        }
        assert storage.insert("touchpoints", columns, token=f"large-{fresh_tenant}") == n
        assert self.count(storage, fresh_tenant) == n

    def test_columns_of_the_caller_stay_as_they_were(self, storage: Storage, fresh_tenant: int) -> None:
        columns = self.touch(fresh_tenant, "m") | {"kind": ["view"], "ts": [datetime(2026, 1, 1)]}
        storage.insert("touchpoints", columns)
        assert columns["kind"] == ["view"]
        assert columns["ts"] == [datetime(2026, 1, 1)]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"ts": ["yesterday"]},
            {"kind": ["glance"]},
            {"retention_days": [-1]},
            {"user_id": ["\ud800"]},
            {"nothing": [1]},
            {"ts": [1, 2]},
        ],
        ids=["text for time", "unknown enum", "too small", "not utf-8", "no such column", "lengths"],
    )
    def test_rows_that_do_not_fit_are_permanent(
        self, storage: Storage, fresh_tenant: int, wrong: dict[str, list[object]]
    ) -> None:
        with pytest.raises(StoragePermanent):
            storage.insert("touchpoints", self.touch(fresh_tenant, "m") | wrong)
        assert storage.rows(ONE) == [(1,)]
        assert self.count(storage, fresh_tenant) == 0

    def test_numpy_columns_are_packed_too(self, storage: Storage, fresh_tenant: int) -> None:
        import numpy as np

        columns = self.touch(fresh_tenant, "m") | {"ts": np.array([T0]), "kind": np.array([1], dtype=np.int8)}
        assert storage.insert("touchpoints", columns) == 1


class TestFailures:
    @pytest.mark.parametrize(
        ("sql", "kind", "code"),
        [
            ("SELEC 1", StoragePermanent, "storage_error"),
            ("SELECT nothing FROM numbers(1)", StoragePermanent, "storage_error"),
            ("SELECT 1 FROM no_such_table", Unavailable, "storage_not_ready"),
            ("SELECT toDate('yesterday')", BadInput, "bad_value"),
        ],
    )
    def test_what_the_server_refuses(
        self, storage: Storage, records: list[QueryRecord], sql: str, kind: type[TributaryError], code: str
    ) -> None:
        with pytest.raises(kind) as caught:
            storage.rows(Statement("bad", sql))
        assert caught.value.code == code
        assert [record.outcome for record in records] == [code], "tried once"
        assert storage.rows(ONE) == [(1,)]

    def test_a_query_that_takes_too_long(self, settings: Settings, records: list[QueryRecord]) -> None:
        hasty = Storage(dataclasses.replace(settings, query_limit_s=1))
        with pytest.raises(StorageTooHeavy):
            hasty.rows(Statement("slow", "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"))
        assert [record.outcome for record in records] == ["storage_overloaded"]
        hasty.close()

    def test_a_failed_stream(self, storage: Storage) -> None:
        with pytest.raises(StoragePermanent):
            next(storage.stream(Statement("bad", "SELECT nothing")))
        late = storage.stream(Statement("late", "SELECT throwIf(number = 290000) FROM numbers(300000)"))
        with pytest.raises(StoragePermanent):
            list(late)

    def test_an_error_of_ours_passes_through(self, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
        """A time limit of a task comes up anywhere."""

        class TimeLimit(Exception):
            pass

        def interrupted(*_: object, **__: object) -> None:
            raise TimeLimit

        storage.rows(ONE)
        with monkeypatch.context() as patch:
            patch.setattr(storage._client, "receive_result", interrupted)
            with pytest.raises(TimeLimit):
                storage.rows(Statement("half", "SELECT number FROM numbers(100000)"))
        assert storage.rows(ONE) == [(1,)]

    def test_nobody_there(self, settings: Settings, records: list[QueryRecord]) -> None:
        away = dataclasses.replace(settings, clickhouse_url="clickhouse://default@127.0.0.1:1/tributary")
        started = time.monotonic()
        with pytest.raises(StorageTransient) as caught:
            Storage(away, retry_for_s=0.5).rows(ONE)
        assert 0.1 < time.monotonic() - started < 2
        assert caught.value.retry_after_s == 1
        assert len(records) >= 3, "tried again, with longer and longer waits"


class TestServerGoesAway:
    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[LocalClickHouse]:
        with LocalClickHouse(tmp_path / "clickhouse") as server:
            yield server

    def test_killed_and_started_again(self, server: LocalClickHouse, records: list[QueryRecord]) -> None:
        storage = Storage(Settings(clickhouse_url=server.url))
        storage.command("CREATE TABLE t (tenant_id UInt32) ENGINE = MergeTree ORDER BY tenant_id")
        server.kill9()
        again = threading.Timer(0.5, server.start)
        again.start()
        try:
            assert storage.insert("t", {"tenant_id": [1]}) == 1
            assert storage.rows(Statement("t", "SELECT count() FROM t")) == [(1,)]
        finally:
            again.join()
        assert {record.outcome for record in records} == {"ok", "storage_unavailable"}
        storage.close()


class TestConnections:
    def test_one_per_thread_and_kind(self, settings: Settings) -> None:
        mine = get_storage(settings=settings)
        assert get_storage(settings=settings) is mine
        assert get_storage(numpy=True, settings=settings) is not mine
        theirs: list[Storage] = []

        def use() -> None:
            theirs.append(get_storage(settings=settings))
            theirs[0].rows(ONE)

        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        assert theirs[0] is not mine
        close_all()
        assert mine.rows(ONE) == [(1,)], "a closed storage opens again"
        close_all()

    def test_a_child_leaves_the_parents_connection_alone(self, settings: Settings) -> None:
        mine = get_storage(settings=settings)
        mine.rows(ONE)
        pid = os.fork()
        if not pid:
            code = 1
            try:
                own = get_storage(settings=settings)
                apart = own is not mine and mine._client.connection.socket is None
                code = 0 if apart and own.rows(ONE) == [(1,)] else 2
                close_all()
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        connection = mine._client.connection
        assert connection.connected
        assert connection.ping(), "the parent's connection lives"
        assert mine.rows(ONE) == [(1,)]
        close_all()


def test_dates_in_sets(storage: Storage) -> None:
    days = one_column("day", "Date", [date(2026, 1, 1), date(2026, 1, 2)])
    newest = Statement("days", "SELECT max(day) FROM days")
    assert storage.rows(newest, external={"days": days}) == [(date(2026, 1, 2),)]
