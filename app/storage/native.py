"""How do arrays become columns of an insert without a Python object for every value?

A column of an insert is a list, which the driver packs value by value, or one of these, which are packed as a whole
into ClickHouse's Native form: `Flat` for numbers and times, `Coded` for LowCardinality(String), `Ragged` for arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clickhouse_driver.columns.service import write_column
from clickhouse_driver.defines import DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION
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
_LOW_CARDINALITY_KEYS = 1 << 9 | 1 << 10  # a dictionary of its own comes with the block
WIDTHS = ("<u1", "<u2", "<u4", "<u8")


@dataclass(frozen=True, slots=True)
class Flat:
    """Numbers. Times are Int64 in the unit of the column (epoch ms for DateTime64(3)), dates are days since 1970."""

    values: NDArray[Any]

    def __len__(self) -> int:
        return len(self.values)

    def prefix(self, kind: str, out: Any) -> None:
        """What comes before all values of the block: nothing."""

    def write(self, kind: str, out: Any) -> None:
        dtype = "<i8" if kind.startswith("DateTime64(") else NUMBERS[kind]
        out.write(self.values.astype(dtype, copy=False).tobytes())


@dataclass(frozen=True, slots=True)
class Coded:
    """Strings of which few are distinct: codes into `names`, of which some may be the same or not occur."""

    codes: NDArray[np.signedinteger[Any]]
    names: Sequence[str]

    def __len__(self) -> int:
        return len(self.codes)

    def prefix(self, kind: str, out: Any) -> None:
        _require(kind, "LowCardinality(String)")
        out.write((1).to_bytes(8, "little"))  # the version of the keys' form

    def write(self, kind: str, out: Any) -> None:
        import numpy as np

        _require(kind, "LowCardinality(String)")
        if not len(self.codes):
            return
        occurs = np.flatnonzero(np.bincount(self.codes, minlength=len(self.names))).tolist()
        place = {name: number for number, name in enumerate(dict.fromkeys(self.names[code] for code in occurs))}
        renumbered = np.zeros(len(self.names), np.int64)
        renumbered[occurs] = [place[self.names[code]] for code in occurs]
        width = next(number for number in range(4) if len(place) <= 1 << (8 << number))
        out.write((_LOW_CARDINALITY_KEYS | width).to_bytes(8, "little") + len(place).to_bytes(8, "little"))
        for name in place:
            write_binary_str(name, out)
        out.write(len(self.codes).to_bytes(8, "little"))
        out.write(renumbered[self.codes].astype(WIDTHS[width]).tobytes())


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
    columns : lists, which the driver writes, or any of `Native`; all of one length.
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
        else:
            write_column(context, name, kind, column, out)


def _inner(kind: str) -> str:
    if not kind.startswith("Array("):
        raise TypeError(f"arrays were given for a column of type {kind}")
    return kind[len("Array(") : -1]


def _require(kind: str, wanted: str) -> None:
    if kind != wanted:
        raise TypeError(f"a column of type {wanted} was given for one of type {kind}")
