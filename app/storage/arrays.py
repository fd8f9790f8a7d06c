"""How do a query's answers become whole arrays? Read as they stand in its blocks, without an object for every value.

The driver's own reader for numpy makes a `pandas.Categorical` of each LowCardinality column of each block, which takes
three milliseconds for every block of a touch query.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from clickhouse_driver.block import BlockInfo, ColumnOrientedBlock
from clickhouse_driver.columns.service import read_column
from clickhouse_driver.defines import DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION
from clickhouse_driver.reader import read_binary_str, read_binary_uint8, read_binary_uint64
from clickhouse_driver.result import QueryResult
from clickhouse_driver.varint import read_varint
from numpy.typing import NDArray

from app.storage.native import NUMBERS, WIDTHS, Coded, Flat, Ragged

CODED = "LowCardinality(String)"
Columns = list[Any]
Types = list[tuple[str, str]]


class ArrayResult(QueryResult):  # type: ignore[misc]
    """The answer to a query by columns: arrays, of LowCardinality(String) `Coded`, and of arrays of both `Ragged`.

    Moments are numbers in the unit of their column, epoch ms for DateTime64(3), and of an Enum8 it is the numbers too:
    to have the engine make them is a function more to plan.
    """

    data: list[Columns]
    columns_with_types: Types

    def store(self, packet: Any) -> None:
        block = getattr(packet, "block", None)
        if block is None:
            return
        if block.num_rows:
            self.data.append(block.get_columns())
        elif not self.columns_with_types:  # the first block has no rows
            self.columns_with_types = block.columns_with_types

    def get_result(self) -> tuple[Columns, Types]:
        for packet in self.packet_generator:
            self.store(packet)
        if not self.data:
            return [_empty(_form(kind)) for _, kind in self.columns_with_types], self.columns_with_types
        return [_joined(parts) for parts in zip(*self.data, strict=True)], self.columns_with_types


def read_block(stream: Any, use_numpy: bool | None = None) -> ColumnOrientedBlock:
    """A block of an answer, in place of the driver's `BlockInputStream.read`, whose `use_numpy` says nothing here."""
    fin, context, info = stream.fin, stream.context, BlockInfo()
    info.read(fin)
    is_marked = context.server_info.used_revision >= DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION
    columns, rows = read_varint(fin), read_varint(fin)
    types, data = [], []
    for _ in range(columns):
        name, kind = read_binary_str(fin), read_binary_str(fin)
        is_special = bool(is_marked and read_binary_uint8(fin))
        types.append((name, kind))
        if rows:
            data.append(_read(fin, context, _form(kind), rows, is_special))
    return ColumnOrientedBlock(types, data, info)


def _form(kind: str) -> str:
    """The type that the values of one come as: of moments and of members of an enumeration, their numbers."""
    if kind.startswith("DateTime64("):
        return "Int64"
    return "Int8" if kind.startswith("Enum8(") else kind


def _read(fin: Any, context: Any, kind: str, rows: int, is_special: bool) -> Any:
    inner = kind[len("Array(") : -1] if kind.startswith("Array(") else kind
    if is_special or (inner not in NUMBERS and inner != CODED):
        values = read_column(context, kind, rows, fin, use_numpy=False, has_custom_serialization=is_special)
        if kind in NUMBERS:
            return np.array(values, NUMBERS[kind])
        return np.fromiter(values, object, rows)  # np.array would make one block of lists of one length
    if inner == CODED:
        fin.read(8)  # the version of the keys' form
    if inner == kind:
        return _values(fin, kind, rows)
    offsets = np.append(np.int64(0), _numbers(fin, "<u8", rows).astype(np.int64))
    return _ragged(_values(fin, inner, int(offsets[-1])), offsets)


def _values(fin: Any, kind: str, count: int) -> Any:
    if not count:
        return _empty(kind)
    if kind in NUMBERS:
        return _numbers(fin, NUMBERS[kind], count)
    width = WIDTHS[read_binary_uint64(fin) & 0xF]
    names = [str(name) for name in fin.read_strings(read_binary_uint64(fin), encoding="utf-8")]
    return Coded(_numbers(fin, width, read_binary_uint64(fin)).astype(np.int32), names)


def _ragged(values: Any, offsets: NDArray[np.int64]) -> Ragged:
    return Ragged(values if isinstance(values, Coded) else Flat(values), offsets)


def _numbers(fin: Any, kind: str, count: int) -> NDArray[Any]:
    dtype = np.dtype(kind)
    return np.frombuffer(fin.read(count * dtype.itemsize), dtype)


def _joined(parts: Sequence[Any]) -> Any:
    """One column of several blocks; each block has names of its own."""
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], Ragged):
        ends = np.concatenate([np.diff(part.offsets) for part in parts]).cumsum()
        inside = [part.values if isinstance(part.values, Coded) else part.values.values for part in parts]
        return _ragged(_joined(inside), np.append(np.int64(0), ends))
    if not isinstance(parts[0], Coded):
        return np.concatenate(parts)
    place: dict[str, int] = {}
    codes = [
        np.array([place.setdefault(name, len(place)) for name in part.names], np.int32)[part.codes] for part in parts
    ]
    return Coded(np.concatenate(codes), list(place))


def _empty(kind: str) -> Any:
    if kind == CODED:
        return Coded(np.zeros(0, np.int32), [])
    if kind.startswith("Array("):
        return _ragged(_empty(kind[len("Array(") : -1]), np.zeros(1, np.int64))
    return np.zeros(0, NUMBERS.get(kind, object))
