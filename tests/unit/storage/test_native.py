"""What whole columns are packed into, read again by the driver's own reader."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from clickhouse_driver.block import ColumnOrientedBlock
from clickhouse_driver.bufferedreader import CompressedBufferedReader
from clickhouse_driver.bufferedwriter import BufferedSocketWriter
from clickhouse_driver.columns.service import write_column
from clickhouse_driver.context import Context
from clickhouse_driver.errors import LogicalError, TypeMismatchError
from clickhouse_driver.streams.native import BlockInputStream
from clickhouse_driver.writer import write_binary_str

from app.storage.arrays import _joined, read_block
from app.storage.failures import BAD_ROWS, StoragePermanent, failure_of
from app.storage.native import Coded, Flat, Ragged, Spelled, write_block

REVISIONS = (54453, 54460)  # before and after each column says in which form it comes


class Pipe:
    """What a writer of the driver needs of a socket."""

    def __init__(self) -> None:
        self.sent = BytesIO()

    def sendall(self, data: bytes) -> None:
        self.sent.write(data)


def context_of(revision: int) -> Context:
    context = Context()
    context.server_info = SimpleNamespace(used_revision=revision, get_timezone=lambda: "UTC")
    context.settings = {}
    context.client_settings = {"use_numpy": False, "strings_as_bytes": False, "strings_encoding": "utf-8"}
    return context


def stream_of(types: list[tuple[str, str]], columns: list[Any], revision: int) -> BlockInputStream:
    context, pipe = context_of(revision), Pipe()
    out = BufferedSocketWriter(pipe, 1 << 16)
    block = ColumnOrientedBlock(types, columns)
    block.info.write(out)
    write_block(types, columns, context, out)
    out.flush()
    parts = [pipe.sent.getvalue()]
    reader = CompressedBufferedReader(lambda: parts.pop() if parts else b"", 1 << 20)
    return BlockInputStream(reader, context)


def read_again(types: list[tuple[str, str]], columns: list[Any], revision: int) -> list[list[Any]]:
    found = stream_of(types, columns, revision).read()
    assert found.columns_with_types == types
    return [list(column) for column in found.data]


@pytest.mark.parametrize("revision", REVISIONS)
def test_answers_are_read_as_arrays(revision: int) -> None:
    types = [("number", "UInt64"), ("name", "LowCardinality(String)"), ("text", "String")]
    columns = [Flat(np.array([1, 2**64 - 1], np.uint64)), Coded(np.array([1, 0]), ["b", "ä"]), ["x", ""]]
    number, name, text = read_block(stream_of(types, columns, revision)).get_columns()
    assert (number.dtype, number.tolist(), text.tolist()) == (np.uint64, [1, 2**64 - 1], ["x", ""])
    assert [name.names[code] for code in name.codes] == ["ä", "b"]


@pytest.mark.parametrize("revision", REVISIONS)
def test_moments_and_members_of_enumerations_are_read_as_numbers(revision: int) -> None:
    types = [("ts", "DateTime64(3, 'UTC')"), ("kind", "Enum8('click' = 0, 'view' = -1)")]
    columns = [Flat(np.array([1_700_000_000_123, -1])), Flat(np.array([0, -1]))]
    ts, kind = read_block(stream_of(types, columns, revision)).get_columns()
    assert (ts.dtype, ts.tolist()) == (np.int64, [1_700_000_000_123, -1])
    assert (kind.dtype, kind.tolist()) == (np.int8, [0, -1])


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("offsets", [[0, 2, 2, 3], [0, 0]], ids=["some", "empty"])
def test_arrays_in_answers_are_read_whole(revision: int, offsets: list[int]) -> None:
    bounds, values = np.array(offsets), np.array([7, -1, 3])[: offsets[-1]]
    codes = np.array([1, 0, 1])[: offsets[-1]]
    types = [("numbers", "Array(Int64)"), ("names", "Array(LowCardinality(String))"), ("texts", "Array(String)")]
    texts = [["x"] * length for length in np.diff(bounds).tolist()]
    columns = [Ragged(Flat(values), bounds), Ragged(Coded(codes, ["b", "ä"]), bounds), texts]
    numbers, names, listed = read_block(stream_of(types, columns, revision)).get_columns()
    assert (numbers.offsets.tolist(), numbers.values.values.tolist()) == (offsets, values.tolist())
    assert names.offsets.tolist() == offsets
    assert [names.values.names[code] for code in names.values.codes] == [["b", "ä"][code] for code in codes]
    assert listed.tolist() == texts


def test_arrays_of_several_blocks_are_one_column() -> None:
    parts = [
        Ragged(Coded(np.array([0, 1]), ["a", "b"]), np.array([0, 0, 2])),
        Ragged(Coded(np.array([0]), ["b"]), np.array([0, 1])),
    ]
    joined = _joined(parts)
    assert joined.offsets.tolist() == [0, 0, 2, 3]
    assert [joined.values.names[code] for code in joined.values.codes] == ["a", "b", "b"]


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_form_is_read_again(revision: int) -> None:
    offsets = np.array([0, 2, 2, 3])
    codes = np.array([2, 0, 2])
    types = [
        ("number", "UInt64"), ("small", "UInt8"), ("name", "LowCardinality(String)"), ("text", "String"),
        ("lists", "Array(Int32)"), ("floats", "Array(Float64)"), ("names", "Array(LowCardinality(String))"),
    ]  # fmt: skip
    columns = [
        Flat(np.array([1, 2**64 - 1, 3], np.uint64)),
        Flat(np.array([0, 1, 255])),
        Coded(codes, ["b", "unused", "ä"]),
        ["x", "", "y"],
        Ragged(Flat(np.array([-1, 2, 3])), offsets),
        Ragged(Flat(np.array([0.5, 0.25, 1.0])), offsets),
        Ragged(Coded(codes, ["b", "unused", "b"]), offsets),
    ]
    assert read_again(types, columns, revision) == [
        [1, 2**64 - 1, 3],
        [0, 1, 255],
        ["ä", "b", "ä"],
        ["x", "", "y"],
        [[-1, 2], [], [3]],
        [[0.5, 0.25], [], [1.0]],
        [["b", "b"], [], ["b"]],
    ]


@pytest.mark.parametrize("revision", REVISIONS)
def test_few_strings_are_written_out(revision: int) -> None:
    names = ["", "ä", "x" * 127, "y" * 128, "z" * 20_000]
    codes, offsets = np.array([4, 0, 1, 3, 2, 4]), np.array([0, 2, 2, 6])
    said = [names[code] for code in codes.tolist()]
    types = [("texts", "String"), ("lists", "Array(String)")]
    columns = [Spelled(codes[:3], names), Ragged(Spelled(codes, names), offsets)]
    assert read_again(types, columns, revision) == [said[:3], [said[:2], [], said[2:]]]
    with pytest.raises(TypeError, match="column of type"):
        read_again([("x", "LowCardinality(String)")], [Spelled(codes, names)], revision)


def test_names_beyond_one_byte_and_none_at_all() -> None:
    types = [("names", "Array(LowCardinality(String))")]
    for count in (0, 255, 256, 257, 70_000):
        names = [f"name-{number}" for number in range(count)]
        column = Ragged(Coded(np.arange(count), names), np.array([0, count]))
        assert read_again(types, [column], REVISIONS[0]) == [[names]]


def test_the_bytes_are_those_of_the_driver() -> None:
    kind, context = "Array(Int64)", context_of(REVISIONS[0])
    pipes = Pipe(), Pipe()
    ours, theirs = (BufferedSocketWriter(pipe, 1 << 16) for pipe in pipes)
    column = Ragged(Flat(np.array([1, -2, 3])), np.array([0, 1, 3]))
    column.prefix(kind, ours)
    column.write(kind, ours)
    write_column(context, "x", kind, [[1], [-2, 3]], theirs)
    ours.flush()
    theirs.flush()
    assert pipes[0].sent.getvalue() == pipes[1].sent.getvalue()


ROLE = "Enum8('other' = 0, 'it\\'s' = 1, 'less' = -2)"
MANY = [f"name-{number % 300}" for number in range(1_000)]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("UInt8", [0, 255, True]), ("UInt64", [2**64 - 1, 0]), ("Int8", [-128, 127]), ("Int64", (-(2**63), 5)),
        ("Float64", [0.5, 3]), ("DateTime64(3, 'UTC')", [-1, 1_790_000_000_000]),
        ("DateTime64(3, 'UTC')", [datetime(2026, 11, 26, tzinfo=UTC), 5]),
        (ROLE, ["it's", "other", "less"]), (ROLE, [1, 0, -2]), ("String", ["x", "", "ä"]),
        ("LowCardinality(String)", ["b", "ä", "b", ""]), ("LowCardinality(String)", MANY),
        ("LowCardinality(String)", []), ("UInt32", []), ("Array(String)", (["a"], [])),
    ],
)  # fmt: skip
def test_a_list_becomes_what_the_driver_makes_of_it(kind: str, values: Any) -> None:
    context = context_of(REVISIONS[0])
    pipes = Pipe(), Pipe()
    ours, theirs = (BufferedSocketWriter(pipe, 1 << 16) for pipe in pipes)
    given = values[:]
    write_block([("x", kind)], [values], context, ours)
    assert values == given
    for written in (bytes([1, len(values) & 127]) if len(values) < 128 else b"\x01\xe8\x07", b"\x01x"):
        theirs.write(written)
    write_binary_str(kind, theirs)
    write_column(context, "x", kind, list(values), theirs)
    ours.flush()
    theirs.flush()
    assert pipes[0].sent.getvalue() == pipes[1].sent.getvalue()


@pytest.mark.parametrize(
    ("kind", "value"),
    [("UInt16", 70_000), ("UInt8", -1), ("Int64", 2**63), ("UInt32", "5"), ("UInt64", None), ("Int32", 1.5),
     (ROLE, 7), (ROLE, "touch"), ("String", 5), ("LowCardinality(String)", None), ("LowCardinality(String)", 5)],
)  # fmt: skip
def test_what_does_not_fit_its_column_is_refused_as_bad_rows(kind: str, value: Any) -> None:
    fits: Any = "" if "String" in kind else 0
    with pytest.raises((*BAD_ROWS, LogicalError)) as caught:
        stream_of([("x", kind)], [[fits, value]], REVISIONS[0])
    failure = failure_of(caught.value, "events", is_insert=True)
    assert isinstance(failure, StoragePermanent)


@pytest.mark.parametrize(("kind", "value"), [("UInt16", 70_000), ("UInt8", -1), ("UInt64", -1), (ROLE, 7), (ROLE, 257)])
def test_so_is_a_number_of_an_array(kind: str, value: int) -> None:
    with pytest.raises(TypeMismatchError):
        stream_of([("x", kind)], [Flat(np.array([0, value]))], REVISIONS[0])


def test_numbers_of_an_enumeration_are_read_as_its_names() -> None:
    assert read_again([("x", ROLE)], [Flat(np.array([0, -2]))], REVISIONS[0]) == [["other", "less"]]


@pytest.mark.parametrize(
    ("column", "kind"),
    [(Coded(np.array([0]), ["a"]), "String"), (Ragged(Flat(np.array([1])), np.array([0, 1])), "Int64")],
)
def test_a_column_of_another_type_is_refused(column: Any, kind: str) -> None:
    with pytest.raises(TypeError, match="column of type"):
        read_again([("x", kind)], [column], REVISIONS[0])
