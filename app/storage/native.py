"""How do columns of an insert become ClickHouse's Native form, each as a whole?

A column is a list, or one of these, which hold no Python object for every value: `Flat` for numbers and times, `Coded`
for LowCardinality(String), `Spelled` for String, `Ragged` for arrays. Of lists the driver packs those that need its
care: moments, days, arrays, and what does not fit its column, which it refuses in its own words. It goes through them
value by value.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

from clickhouse_driver.columns.service import write_column
from clickhouse_driver.defines import DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION
from clickhouse_driver.errors import TypeMismatchError
from clickhouse_driver.varint import write_varint
from clickhouse_driver.writer import write_binary_str, write_binary_uint8

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NUMBERS = {
    **{f"UInt{bits}": f"<u{bits // 8}" for bits in (8, 16, 32, 64)},
    **{f"Int{bits}": f"<i{bits // 8}" for bits in (8, 16, 32, 64)},
    "Float64": "<f8",
    "Date": "<u2",
}
_OF_ARRAYS = {
    **dict(zip(("UInt8", "UInt16", "UInt32", "UInt64"), "BHIQ", strict=True)),
    **dict(zip(("Int8", "Int16", "Int32", "Int64"), "bhiq", strict=True)),
    "Float64": "d",
}
"""Codes of Python's own arrays: they are made of lists faster than numpy's, and take no number that does not fit."""
_MEMBER = re.compile(r"'((?:[^'\\]|\\.)*)' = (-?\d+)")
_LOW_CARDINALITY_KEYS = 1 << 9 | 1 << 10  # a dictionary of its own comes with the block
_KEYS_VERSION = (1).to_bytes(8, "little")
WIDTHS = ("<u1", "<u2", "<u4", "<u8")


@dataclass(frozen=True, slots=True)
class Flat:
    """Numbers. Times are Int64 in the unit of the column (epoch ms for DateTime64(3)), dates are days since 1970.

    Whole numbers that the column cannot hold are refused, as those of a list are.
    """

    values: NDArray[Any]

    def __len__(self) -> int:
        return len(self.values)

    def prefix(self, kind: str, out: Any) -> None:
        """What comes before all values of the block: nothing."""

    def write(self, kind: str, out: Any) -> None:
        packed = self.values.astype(_dtype(kind), copy=False)
        is_whole = packed.dtype != self.values.dtype and self.values.dtype.kind in "iu"
        is_member = not kind.startswith("Enum8(") or _members(kind).keys() >= set(packed.tolist())
        if not is_member or (is_whole and not _fits(self.values, packed.dtype)):
            raise TypeMismatchError(f"a number does not fit into {kind}")
        out.write(packed.tobytes())


@dataclass(frozen=True, slots=True)
class Coded:
    """Strings of which few are distinct: codes into `names`, of which some may be the same or not occur."""

    codes: NDArray[np.signedinteger[Any]]
    names: Sequence[str]

    @classmethod
    def of(cls, values: Sequence[str]) -> Coded:
        """These strings."""
        import numpy as np

        numbers = _numbered(values)
        return cls(np.fromiter(map(numbers.__getitem__, values), np.int64, len(values)), list(numbers))

    def __len__(self) -> int:
        return len(self.codes)

    def occurring(self) -> list[int]:
        """The codes that occur, in their order."""
        import numpy as np

        found: list[int] = np.flatnonzero(np.bincount(self.codes, minlength=len(self.names))).tolist()
        return found

    def prefix(self, kind: str, out: Any) -> None:
        _require(kind, "LowCardinality(String)")
        out.write(_KEYS_VERSION)

    def write(self, kind: str, out: Any) -> None:
        import numpy as np

        _require(kind, "LowCardinality(String)")
        if not len(self.codes):
            return
        occurs = self.occurring()
        place = _numbered(self.names[code] for code in occurs)
        renumbered = np.zeros(len(self.names), np.int64)
        renumbered[occurs] = [place[self.names[code]] for code in occurs]
        width = _write_names(place, len(self.codes), out)
        out.write(renumbered[self.codes].astype(WIDTHS[width]).tobytes())


@dataclass(frozen=True, slots=True)
class Spelled(Coded):
    """The same for String, where every value is written out."""

    def prefix(self, kind: str, out: Any) -> None:
        """What comes before all values of the block: nothing."""

    def write(self, kind: str, out: Any) -> None:
        _require(kind, "String")
        said = [_said(name) for name in self.names]
        out.write(b"".join(map(said.__getitem__, self.codes.tolist())))


@dataclass(frozen=True, slots=True)
class Ragged:
    """Arrays, one after the other: row i is ``values[offsets[i]:offsets[i + 1]]``; offsets begin at 0."""

    values: Flat | Coded
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def prefix(self, kind: str, out: Any) -> None:
        self.values.prefix(_inner(kind), out)

    def write(self, kind: str, out: Any) -> None:
        out.write(self.offsets[1:].astype("<u8").tobytes())
        self.values.write(_inner(kind), out)


Native = Flat | Coded | Ragged


def write_block(types: Sequence[tuple[str, str]], columns: Sequence[Any], context: Any, out: Any) -> None:
    """A block, after its block info.

    Parameters
    ----------
    types : name and type of each column, from the server's sample block.
    columns : lists, or any of `Native`; all of one length.
    context : of the driver's connection.
    """
    is_marked = context.server_info.used_revision >= DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION
    write_varint(len(columns), out)
    write_varint(len(columns[0]), out)
    for (name, kind), column in zip(types, columns, strict=True):
        write_binary_str(name, out)
        write_binary_str(kind, out)
        if is_marked:
            write_binary_uint8(0, out)  # the usual form
        if isinstance(column, Native):
            column.prefix(kind, out)
            column.write(kind, out)
        elif kind == "String":
            out.write_strings(column, encoding="utf-8")
        elif not _wrote_list(kind, column, out):
            write_column(context, name, kind, list(column), out)  # it writes into it


def _wrote_list(kind: str, values: Sequence[Any], out: Any) -> bool:
    """Whether a list could be written as a whole; else nothing of it was."""
    try:
        if kind == "LowCardinality(String)":
            place = _numbered(values)
            if not all(type(name) is str for name in place):
                return False
            out.write(_KEYS_VERSION)
            if values:
                width = _write_names(place, len(values), out)
                out.write(array("BHIQ"[width], map(place.__getitem__, values)).tobytes())
            return True
        if kind.startswith("Enum8("):
            packed = array("b", map(_members(kind).__getitem__, values))
        else:
            packed = array("q" if kind.startswith("DateTime64(") else _OF_ARRAYS[kind], values)
    except (KeyError, TypeError, OverflowError):
        return False
    out.write(packed.tobytes())
    return True


def _numbered(names: Iterable[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(names))}


def _write_names(names: Collection[str], rows: int, out: Any) -> int:
    """All of a LowCardinality(String) but its codes; returns the place in `WIDTHS` of these."""
    width = next(number for number in range(4) if len(names) <= 1 << (8 << number))
    out.write((_LOW_CARDINALITY_KEYS | width).to_bytes(8, "little") + len(names).to_bytes(8, "little"))
    out.write_strings(list(names), encoding="utf-8")
    out.write(rows.to_bytes(8, "little"))
    return width


def _fits(values: NDArray[Any], dtype: Any) -> bool:
    """Whether whole numbers all lie within a type."""
    import numpy as np

    bounds = np.iinfo(dtype)
    return not len(values) or (int(values.min()) >= bounds.min and int(values.max()) <= bounds.max)


def _said(text: str) -> bytes:
    """A value of String: its length and itself."""
    said = BytesIO()
    write_binary_str(text, said)
    return said.getvalue()


@cache
def _members(kind: str) -> dict[str | int, int]:
    """The number of each name of an enumeration, and of each number."""
    found = [(name, int(number)) for name, number in _MEMBER.findall(kind)]
    return {**dict(found), **{number: number for _, number in found}}


def _dtype(kind: str) -> str:
    if kind.startswith("DateTime64("):
        return "<i8"
    return "<i1" if kind.startswith("Enum8(") else NUMBERS[kind]


def _inner(kind: str) -> str:
    if not kind.startswith("Array("):
        raise TypeError(f"arrays were given for a column of type {kind}")
    return kind[len("Array(") : -1]


def _require(kind: str, wanted: str) -> None:
    if kind != wanted:
        raise TypeError(f"a column of type {wanted} was given for one of type {kind}")
