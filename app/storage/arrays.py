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

from app.storage.native import NUMBERS, WIDTHS, Coded

Columns = list[Any]
Types = list[tuple[str, str]]


class ArrayResult(QueryResult):  # type: ignore[misc]
    """The answer to a query by columns: arrays, and of LowCardinality(String) columns `Coded`."""

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
            return [_empty(kind) for _, kind in self.columns_with_types], self.columns_with_types
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
            data.append(_read(fin, context, kind, rows, is_special))
    return ColumnOrientedBlock(types, data, info)


def _read(fin: Any, context: Any, kind: str, rows: int, is_special: bool) -> Any:
    if is_special or (kind not in NUMBERS and kind != "LowCardinality(String)"):
        values = read_column(context, kind, rows, fin, use_numpy=False, has_custom_serialization=is_special)
        if kind in NUMBERS:
            return np.array(values, NUMBERS[kind])
        return np.fromiter(values, object, rows)  # np.array would make one block of lists of one length
    if kind in NUMBERS:
        return _numbers(fin, NUMBERS[kind], rows)
    fin.read(8)  # the version of the keys' form
    width = WIDTHS[read_binary_uint64(fin) & 0xF]
    names = [str(name) for name in fin.read_strings(read_binary_uint64(fin), encoding="utf-8")]
    return Coded(_numbers(fin, width, read_binary_uint64(fin)).astype(np.int32), names)


def _numbers(fin: Any, kind: str, count: int) -> NDArray[Any]:
    dtype = np.dtype(kind)
    return np.frombuffer(fin.read(count * dtype.itemsize), dtype)


def _joined(parts: Sequence[Any]) -> Any:
    """One column of several blocks; each block has names of its own."""
    if len(parts) == 1:
        return parts[0]
    if not isinstance(parts[0], Coded):
        return np.concatenate(parts)
    place: dict[str, int] = {}
    codes = [
        np.array([place.setdefault(name, len(place)) for name in part.names], np.int32)[part.codes] for part in parts
    ]
    return Coded(np.concatenate(codes), list(place))


def _empty(kind: str) -> Any:
    if kind == "LowCardinality(String)":
        return Coded(np.zeros(0, np.int32), [])
    return np.zeros(0, NUMBERS.get(kind, object))
