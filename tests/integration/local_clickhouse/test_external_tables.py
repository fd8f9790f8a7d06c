"""Are a query's external tables its own, and gone after it?"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pandas as pd
import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException


def numbers_table(name: str, values: list[int]) -> dict[str, Any]:
    return {"name": name, "structure": [("n", "Int64")], "data": [(value,) for value in values]}


@pytest.mark.parametrize("compression", [False, "lz4"])
def test_several_tables_of_several_types(connect: Any, compression: Any) -> None:
    client = connect(compression=compression)
    conv = {
        "name": "conv",
        "structure": [
            ("conv_idx", "UInt32"),
            ("user_id", "String"),
            ("lo", "Int64"),
            ("tags", "Array(String)"),
        ],
        "data": [{"conv_idx": i, "user_id": f"u{i}", "lo": -i, "tags": ["x"] * (i % 3)} for i in range(5000)],
    }
    rows = client.execute(
        "SELECT count(), sum(lo), sum(length(tags)) FROM conv WHERE conv_idx IN (SELECT n FROM wanted)",
        external_tables=[conv, numbers_table("wanted", [1, 2, 10_000])],
    )
    assert rows == [(2, -3, 3)]


def test_low_cardinality_and_nullable(client: Client) -> None:
    ext = {
        "name": "ext",
        "structure": [
            ("c", "LowCardinality(String)"),
            ("n", "Nullable(Int64)"),
            ("d", "DateTime64(3, 'UTC')"),
        ],
        "data": [("a", None, 0), ("b", 1, 1500), ("a", 2, 0)],
    }
    assert client.execute("SELECT c, sum(n), max(toUnixTimestamp64Milli(d)) FROM ext GROUP BY c ORDER BY c",
                          external_tables=[ext]) == [("a", 2, 0), ("b", 1, 1500)]  # fmt: skip


def test_an_empty_table(client: Client) -> None:
    assert client.execute("SELECT count() FROM ext", external_tables=[numbers_table("ext", [])]) == [(0,)]


@pytest.mark.usefixtures("local_only")
@pytest.mark.parametrize("compression", [False, "lz4"])
def test_an_empty_table_that_the_driver_writes_wrongly(connect: Any, compression: Any) -> None:
    ext = {"name": "ext", "structure": [("c", "LowCardinality(String)")], "data": []}
    with pytest.raises(ServerException, match="declare the column as String"):
        connect(compression=compression).execute("SELECT count() FROM ext", external_tables=[ext])


def test_under_readonly_and_limits(raw: Any, client: Client) -> None:
    tables = [numbers_table("ext", [1])]
    for settings in ({"readonly": 1}, {"max_execution_time": 5, "readonly": 2}, {"max_rows_to_read": 1}):
        assert client.execute("SELECT n FROM ext", external_tables=tables, settings=settings) == [(1,)]
    assert raw.ask("SELECT n FROM ext", tables) == 1


def test_gone_after_the_query_and_after_a_failed_one(raw: Any) -> None:
    tables = [numbers_table("ext", [1])]
    assert raw.ask("SELECT n FROM ext", tables) == 1
    for text, given in (
        ("SELECT * FROM ext", []),
        ("SELECT nope FROM ext", tables),
        ("SELECT * FROM ext", []),
    ):
        assert isinstance(raw.ask(text, given), ServerException)
    assert raw.ask("SELECT n + 1 FROM ext", tables) == 2


def test_a_table_stands_in_nobodys_way_afterwards(client: Client) -> None:
    """The local server keeps the emptied table for the next query that brings one like it."""
    tables = [numbers_table("kept", [1, 2])]
    total = "SELECT sum(n) FROM kept"
    assert client.execute(total, external_tables=tables) == [(3,)]
    assert client.execute(total, external_tables=[numbers_table("kept", [7])]) == [(7,)]
    other = {"name": "kept", "structure": [("n", "String")], "data": [("x",)]}
    assert client.execute("SELECT n FROM kept", external_tables=[other]) == [("x",)]
    assert client.execute("SELECT 1") == [(1,)]
    client.execute("CREATE TABLE kept (n Int64) ENGINE = MergeTree ORDER BY n")
    client.execute("INSERT INTO kept VALUES", [(40,), (2,)])
    assert client.execute(total) == [(42,)]
    assert client.execute(total, external_tables=tables) == [(3,)]
    assert client.execute(total, settings={"readonly": 1}) == [(42,)]
    assert client.execute(total, external_tables=tables, settings={"readonly": 1}) == [(3,)]
    assert client.execute("SELECT sum(n) FROM KEPT".lower()) == [(42,)]
    client.execute("DROP TABLE kept")


@pytest.mark.parametrize("text", ["\n\n", "\n", ";", "\r\n\r\n", " ", "\n\n\n;--", "/*"])
def test_bytes_that_mean_something_in_a_statement(client: Client, text: str) -> None:
    tables = [{"name": "odd", "structure": [("a", "String"), ("b", "String")], "data": [(text, "x"), ("x", text)]}]
    found = client.execute("SELECT a, b FROM odd ORDER BY a = 'x'", external_tables=tables)
    assert found == [(text, "x"), ("x", text)]


def test_a_bad_table_is_an_exception(client: Client) -> None:
    with pytest.raises(ServerException) as error:
        client.execute("SELECT 1", external_tables=[numbers_table("one", [1]), numbers_table("one two`", [1])] * 1 + [
            {"name": "bad", "structure": [("a", "Int64"), ("a", "Int64")], "data": [(1, 2)]}
        ])  # fmt: skip
    assert error.value.code == 44


def test_dataframe(connect: Any) -> None:
    client = connect(settings={"use_numpy": True})
    frame = pd.DataFrame({"idx": np.arange(3000, dtype=np.uint32), "t": np.arange(3000, dtype=np.int64) * 1000})
    ext = {"name": "conv", "structure": [("idx", "UInt32"), ("t", "Int64")], "data": frame}
    result = client.query_dataframe("SELECT idx, t FROM conv WHERE idx < 3 ORDER BY idx", external_tables=[ext])
    assert result.t.tolist() == [0, 1000, 2000]


def test_connections_do_not_see_each_others(connect: Any) -> None:
    wrong: list[Any] = []

    def work(client: Client, own: int) -> None:
        for turn in range(10):
            ext = numbers_table("conv", [own * 1000 + turn] * 50)
            rows = client.execute("SELECT min(n), max(n), count() FROM conv", external_tables=[ext])
            if rows != [(own * 1000 + turn, own * 1000 + turn, 50)]:
                wrong.append(rows)

    threads = [threading.Thread(target=work, args=(connect(), own)) for own in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
