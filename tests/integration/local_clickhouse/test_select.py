"""Does every column type of a typical schema come back as it is, in every way the driver reads?"""

from __future__ import annotations

import datetime as dt
import time
import uuid
from decimal import Decimal
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import psutil
import pytest
from clickhouse_driver import Client

UTC = dt.UTC
MOMENT = dt.datetime(2024, 2, 29, 12, 34, 56, tzinfo=UTC)

VALUES: list[tuple[str, str, Any]] = [
    *[(f"Int{bits}", f"toInt{bits}(-7)", -7) for bits in (8, 16, 32, 64)],
    *[(f"UInt{bits}", f"toUInt{bits}(7)", 7) for bits in (8, 16, 32, 64)],
    ("UInt64", "toUInt64(18446744073709551615)", 2**64 - 1),
    ("Float64", "0.1", 0.1),
    ("Float32", "toFloat32(0.5)", 0.5),
    ("String", "'žluť \\0 \\n'", "žluť \0 \n"),
    ("FixedString(4)", "toFixedString('abcd', 4)", "abcd"),
    ("Date", "toDate('2024-02-29')", dt.date(2024, 2, 29)),
    ("DateTime('UTC')", "toDateTime('2024-02-29 12:34:56', 'UTC')", MOMENT),
    (
        "DateTime64(3, 'UTC')",
        "toDateTime64('2024-02-29 12:34:56.789', 3, 'UTC')",
        MOMENT.replace(microsecond=789000),
    ),
    ("DateTime('Europe/Prague')", "toDateTime('2024-02-29 13:34:56', 'Europe/Prague')", MOMENT),
    ("Array(DateTime('UTC'))", "[toDateTime('2024-02-29 12:34:56', 'UTC')]", [MOMENT]),
    ("LowCardinality(String)", "toLowCardinality('seo')", "seo"),
    ("LowCardinality(Nullable(String))", "CAST(NULL AS LowCardinality(Nullable(String)))", None),
    ("Nullable(Int64)", "CAST(NULL AS Nullable(Int64))", None),
    ("Nullable(String)", "CAST('x' AS Nullable(String))", "x"),
    ("Array(UInt16)", "[1, 2, 65535]", [1, 2, 65535]),
    (
        "Array(LowCardinality(String))",
        "CAST(['a', 'b', 'a'] AS Array(LowCardinality(String)))",
        ["a", "b", "a"],
    ),
    ("Array(Array(Float64))", "[[0.5, 1.5], [], [2.5]]", [[0.5, 1.5], [], [2.5]]),
    ("Array(Nullable(String))", "['x', NULL]", ["x", None]),
    ("Enum8('credit' = 1, 'a, (b)' = 2)", "CAST(2 AS Enum8('credit' = 1, 'a, (b)' = 2))", "a, (b)"),
    (
        "UUID",
        "toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')",
        uuid.UUID("61f0c404-5cb3-11e7-907b-a6006ad3dba0"),
    ),
    ("Bool", "true", True),
    ("Decimal(18, 4)", "toDecimal64('12.3456', 4)", Decimal("12.3456")),
    ("Map(String, UInt8)", "CAST(map('a', 1, 'b', 2) AS Map(String, UInt8))", {"a": 1, "b": 2}),
    ("Tuple(String, Int64)", "CAST(('a', 1) AS Tuple(String, Int64))", ("a", 1)),
    ("Array(Tuple(String, Float64))", "CAST([('a', 0.5)] AS Array(Tuple(String, Float64)))", [("a", 0.5)]),
]


@pytest.mark.parametrize(("kind", "expression", "value"), VALUES)
@pytest.mark.parametrize("compression", [False, "lz4"])
def test_a_value_of_each_type(connect: Any, kind: str, expression: str, value: Any, compression: Any) -> None:
    rows, columns = connect(compression=compression).execute(f"SELECT {expression} AS v", with_column_types=True)
    assert rows == [(value,)]
    assert columns == [("v", kind)]


def test_all_types_in_one_row_with_names_before_rows(client: Client) -> None:
    expressions = ", ".join(f"{expression} AS c{i}" for i, (_, expression, _) in enumerate(VALUES))
    rows = client.execute_iter(f"SELECT {expressions} FROM numbers(3)", with_column_types=True)
    assert next(rows) == [(f"c{i}", kind) for i, (kind, _, _) in enumerate(VALUES)]
    assert list(rows) == [tuple(value for _, _, value in VALUES)] * 3


def test_an_empty_result_has_its_columns(client: Client) -> None:
    expressions = ", ".join(f"{expression} AS c{i}" for i, (_, expression, _) in enumerate(VALUES))
    rows, columns = client.execute(f"SELECT {expressions} WHERE 0 -- none", with_column_types=True)
    assert rows == []
    assert columns == [(f"c{i}", kind) for i, (kind, _, _) in enumerate(VALUES)]


def test_show_and_describe(client: Client) -> None:
    rows, columns = client.execute("SHOW TABLES LIKE 'no such table'", with_column_types=True)
    assert (rows, columns) == ([], [("name", "String")])
    assert client.execute("DESCRIBE TABLE system.one")[0][:2] == ("dummy", "UInt8")
    assert client.execute("EXISTS TABLE system.one") == [(1,)]


def test_columnar(client: Client) -> None:
    columns = client.execute("SELECT number, toString(number) FROM numbers(3)", columnar=True)
    assert [list(column) for column in columns] == [[0, 1, 2], ["0", "1", "2"]]


@pytest.mark.parametrize("compression", [False, "lz4"])
def test_numpy(connect: Any, compression: Any) -> None:
    client = connect(settings={"use_numpy": True}, compression=compression)
    keys, names, times = client.execute(
        "SELECT cityHash64(number), toString(number), toInt64(number) * 1000 FROM numbers(200000)",
        columnar=True,
    )
    assert keys.dtype == np.uint64
    assert len(keys) == len(names) == 200_000
    assert times.sum() == 1000 * sum(range(200_000))
    assert client.execute("SELECT 1 WHERE 0", columnar=True) == []


def test_dataframe(connect: Any) -> None:
    client = connect(settings={"use_numpy": True})
    frame = client.query_dataframe("SELECT number AS n, toLowCardinality(toString(number % 2)) AS s FROM numbers(5)")
    assert list(frame.columns) == ["n", "s"]
    assert list(frame.n) == [0, 1, 2, 3, 4]
    assert list(client.query_dataframe("SELECT 1 AS a, 'x' AS b WHERE 0").columns) == ["a", "b"]


@pytest.mark.parametrize("compression", [False, "lz4"])
def test_millions_of_rows_come_block_by_block(connect: Any, compression: Any) -> None:
    client = connect(settings={"use_numpy": True}, compression=compression)
    rows = client.execute_iter("SELECT number FROM numbers(3000000)", chunk_size=100_000)
    assert len(next(rows)) == 100_000
    assert sum(len(chunk) for chunk in rows) == 2_900_000


def test_a_reader_that_stops_holds_the_engine_back(client: Client, url: str, local_only: None) -> None:
    server = server_process(url)
    before = server.memory_info().rss
    rows = client.execute_iter("SELECT number, repeat('x', 200) FROM numbers(20000000)")
    assert sum(1 for _ in islice(rows, 100_000)) == 100_000
    time.sleep(0.5)
    assert server.memory_info().rss - before < 400 << 20, "a result of 4 GB is not held in memory"


def server_process(url: str) -> psutil.Process:
    port = urlsplit(url).port
    listening = (c for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == port)
    return psutil.Process(next(listening).pid)


def test_progress_and_profile_info(client: Client) -> None:
    progress = client.execute_with_progress("SELECT number FROM numbers(100000)")
    assert list(progress)[-1][0] >= 0
    assert len(progress.get_result()) == 100_000
    client.execute("SELECT number FROM numbers(7)")
    assert client.last_query.profile_info.rows == 7


def test_parameters_are_put_in_by_the_driver(client: Client) -> None:
    given = {"s": "it's; -- \\ %", "n": [1, 2], "d": dt.date(2024, 1, 1)}
    assert client.execute("SELECT %(s)s, 2 IN %(n)s, toDate(%(d)s)", given) == [("it's; -- \\ %", 1, given["d"])]


def test_a_format_clause_and_a_semicolon_are_passed_over(client: Client) -> None:
    assert client.execute("SELECT 1 AS a FORMAT JSON;") == [(1,)]
    assert client.execute("SELECT ';' AS a -- FORMAT of a comment; and a semicolon") == [(";",)]
    assert client.execute("WITH 1 AS x SELECT x UNION ALL SELECT x") == [(1,), (1,)]
    assert client.execute("(SELECT 1)") == [(1,)]
