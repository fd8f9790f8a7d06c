"""Does an INSERT of every kind arrive whole, once, and only when it was acknowledged?"""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

WIDE = """(
    i8 Int8, u64 UInt64, f Float64, s String, fs FixedString(3), d Date, t DateTime('UTC'),
    ms DateTime64(3, 'UTC'), lc LowCardinality(String), lcn LowCardinality(Nullable(String)), n Nullable(Int64),
    ns Nullable(String), a Array(UInt16), alc Array(LowCardinality(String)), aa Array(Array(Float64)),
    an Array(Nullable(String)), e Enum8('credit' = 1, 'a, (b)' = 2), u UUID, b Bool, dec Decimal(18, 4),
    m Map(String, UInt8), tup Tuple(name String, `the n` Int64), mlc Map(LowCardinality(String), Array(Int8))
) ENGINE = MergeTree ORDER BY u64"""
MOMENT = dt.datetime(2024, 2, 29, 12, 34, 56, tzinfo=dt.UTC)
KEYED = "(k UInt64, v String) ENGINE = MergeTree ORDER BY k SETTINGS non_replicated_deduplication_window = 100"


def wide_row(number: int) -> tuple[Any, ...]:
    some = number % 3
    return (
        -some, 2**63 + number, 0.1 * number, f"ž{number}\0\n;", "abc", dt.date(2024, 2, 29), MOMENT,
        MOMENT.replace(microsecond=789000), f"c{some}", f"c{some}" if some else None, number if some else None,
        "x" if some else None, list(range(some)), ["a", "b", "a"][:some], [[0.5, 1.5], []][:some],
        ["x", None][:some], "a, (b)", uuid.UUID(int=number), bool(some), Decimal("12.3456"), {"a": some},
        ("t", number), {"k": [1, some]},
    )  # fmt: skip


@pytest.mark.parametrize("compression", [False, "lz4"])
def test_rows_of_all_types(connect: Any, table: Any, compression: Any) -> None:
    client, name = connect(compression=compression), table(WIDE)
    rows = [wide_row(number) for number in range(500)]
    assert client.execute(f"INSERT INTO {name} VALUES", rows) == 500
    assert client.execute(f"SELECT * FROM {name} ORDER BY u64") == rows


@pytest.mark.parametrize("compression", [False, "lz4"])
def test_several_data_blocks_are_one_insert(connect: Any, table: Any, compression: Any) -> None:
    client, name = connect(compression=compression), table(WIDE)
    rows = [wide_row(number) for number in range(1000)]
    client.execute(f"INSERT INTO {name} VALUES", rows, settings={"insert_block_size": 64})
    assert client.execute(f"SELECT * FROM {name} ORDER BY u64") == rows
    assert client.execute(f"SELECT uniqExact(_part) FROM {name}") == [(1,)]


def test_columns_named_defaulted_and_dictionaries(client: Client, table: Any) -> None:
    name = table("(a Int64, b String DEFAULT concat('b', toString(a)), `the c` Int8, m Int64 MATERIALIZED a * 2) "
                 "ENGINE = MergeTree ORDER BY a")  # fmt: skip
    client.execute(f"INSERT INTO {name} (a, `the c`) VALUES", [{"a": 1, "the c": 2}])
    client.execute(f"INSERT INTO TABLE {name} (`the c`, a) FORMAT Native", [(3, 2)])
    client.execute(f"INSERT INTO {name} (* EXCEPT(b)) VALUES", [(3, 4)])
    client.execute(f"INSERT INTO {name} VALUES", [(4, "own", 5)])
    assert client.execute(f"SELECT a, b, `the c`, m FROM {name} ORDER BY a") == [
        (1, "b1", 2, 2), (2, "b2", 3, 4), (3, "b3", 4, 6), (4, "own", 5, 8),
    ]  # fmt: skip


def test_columnar(client: Client, table: Any) -> None:
    name = table(KEYED)
    assert client.execute(f"INSERT INTO {name} VALUES", [[1, 2], ["a", "b"]], columnar=True) == 2
    assert client.execute(f"SELECT * FROM {name} ORDER BY k") == [(1, "a"), (2, "b")]


@pytest.mark.parametrize("compression", [False, "lz4"])
def test_numpy_and_dataframe(connect: Any, table: Any, compression: Any) -> None:
    client = connect(settings={"use_numpy": True}, compression=compression)
    name = table("(k UInt64, x Float64, t Int64, s String, c LowCardinality(String), n Nullable(String)) "
                 "ENGINE = MergeTree ORDER BY k")  # fmt: skip
    size = 10_000
    keys = np.arange(size, dtype=np.uint64)
    words = np.array([f"w{i % 50}" for i in range(size)], dtype=object)
    columns = [keys, keys * 0.5, keys.astype(np.int64), words, words, np.where(keys % 2, words, None)]
    client.execute(f"INSERT INTO {name} VALUES", columns, columnar=True)
    # As objects: of pandas' own strings the driver cannot make a LowCardinality column.
    frame = pd.DataFrame({key: pd.Series(c, dtype=c.dtype) for key, c in zip("kxtscn", columns, strict=True)})
    assert client.insert_dataframe(f"INSERT INTO {name} VALUES", frame.assign(k=frame.k + size)) == size
    count, total, kinds, nulls = connect().execute(
        f"SELECT count(), sum(x), uniqExact(s, c), countIf(n IS NULL) FROM {name}"
    )[0]
    assert (count, kinds, nulls) == (2 * size, 50, size)
    assert total == float(keys.sum())


def test_insert_select_values_and_nothing(client: Client, table: Any) -> None:
    name, copy = table(KEYED), table(KEYED)
    client.execute(f"INSERT INTO {name} SELECT number, toString(number) FROM numbers(10)")
    client.execute(f"INSERT INTO {copy} WITH 1 AS one SELECT k + one, v FROM {name} SETTINGS max_threads = 1")
    assert client.execute(f"INSERT INTO {copy} VALUES", []) == 0
    assert client.execute(f"SELECT count(), sum(k) FROM {copy}") == [(10, 55)]


def test_insert_select_from_input(client: Client, table: Any) -> None:
    name = table(KEYED)
    client.execute(
        f"INSERT INTO {name} (k, v) SELECT n * 2, concat(s, 'input(') FROM input('n UInt32, s String') WHERE n > 1 "
        "FORMAT Native",
        [(1, "a"), (2, "b"), (3, "c")],
    )
    assert client.execute(f"SELECT * FROM {name} ORDER BY k") == [(4, "binput("), (6, "cinput(")]


@pytest.mark.parametrize("block_size", [50, 1000])
def test_the_same_token_counts_once(client: Client, table: Any, block_size: int) -> None:
    name = table("(k UInt64, d Date) ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(d) ORDER BY k "
                 "SETTINGS non_replicated_deduplication_window = 100")  # fmt: skip
    rows = [(i, dt.date(2024, 1 + i % 3, 1)) for i in range(300)]
    for token in ("one", "one", "two", "one"):
        settings = {"insert_deduplication_token": token, "insert_block_size": block_size}
        client.execute(f"INSERT INTO {name} VALUES", rows, settings=settings)
    assert client.execute(f"SELECT count() FROM {name}") == [(600,)]
    client.execute(f"INSERT INTO {name} VALUES", rows)
    assert client.execute(f"SELECT count() FROM {name}") == [(900,)], "the token does not outlive its insert"


def test_a_token_in_the_statement(client: Client, table: Any) -> None:
    name = table(KEYED)
    for _ in range(2):
        client.execute(f"INSERT INTO {name} SETTINGS insert_deduplication_token = 'x' VALUES", [(1, "a")])
        client.execute(f"INSERT INTO {name} (k, v) SETTINGS insert_deduplication_token = 'y' VALUES", [(1, "a")])
    assert client.execute(f"SELECT count() FROM {name}") == [(2,)]


def test_a_view_is_fed_once_under_a_token(client: Client, table: Any) -> None:
    name, target = table(KEYED), table(KEYED)
    client.execute(f"CREATE MATERIALIZED VIEW {target}_mv TO {target} AS SELECT k, v FROM {name}")
    for _ in range(2):
        client.execute(
            f"INSERT INTO {name} VALUES", [(1, "a"), (2, "b")],
            settings={"insert_deduplication_token": "t", "deduplicate_blocks_in_dependent_materialized_views": 1},
        )  # fmt: skip
    client.execute(f"DROP VIEW {target}_mv")
    assert client.execute(f"SELECT (SELECT count() FROM {name}), (SELECT count() FROM {target})") == [(2, 2)]


def test_a_failing_insert_leaves_nothing(client: Client, table: Any) -> None:
    name = table("(k UInt64, CONSTRAINT small CHECK k < 500) ENGINE = MergeTree ORDER BY k")
    with pytest.raises(ServerException) as error:
        client.execute(f"INSERT INTO {name} VALUES", [(k,) for k in range(1000)], settings={"insert_block_size": 100})
    assert error.value.code == 469
    assert client.execute(f"SELECT count() FROM {name}") == [(0,)]


def test_a_client_that_breaks_off_leaves_nothing(connect: Any, client: Client, table: Any) -> None:
    name, breaking = table(KEYED), connect()

    def rows() -> Any:
        yield from ((k, "x") for k in range(1000))
        raise RuntimeError("the client breaks off")

    with pytest.raises(RuntimeError):
        breaking.execute(f"INSERT INTO {name} VALUES", rows(), settings={"insert_block_size": 100})
    assert client.execute(f"SELECT count() FROM {name}") == [(0,)]


def test_insert_into_what_is_not_there(client: Client) -> None:
    with pytest.raises(ServerException) as error:
        client.execute("INSERT INTO no_such_table VALUES", [(1,)])
    assert error.value.code == 60


def test_insert_with_external_tables(client: Client, table: Any) -> None:
    name = table(KEYED)
    extra = [{"name": "ext", "structure": [("k", "UInt64")], "data": [(7,)]}]
    client.execute(f"INSERT INTO {name} SELECT k, 'x' FROM ext", external_tables=extra)
    assert client.execute(f"SELECT * FROM {name}") == [(7, "x")]
