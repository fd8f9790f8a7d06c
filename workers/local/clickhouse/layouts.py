"""How do the values of a column type lie in a Native block?

Only as much as it takes to walk over them: what has a fixed width is skipped at once, strings by their lengths.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

FIXED_WIDTHS = {
    **dict.fromkeys(("Int8", "UInt8", "Bool", "Enum8", "Nothing"), 1),
    **dict.fromkeys(("Int16", "UInt16", "Date", "Enum16", "BFloat16"), 2),
    **dict.fromkeys(("Int32", "UInt32", "Float32", "Date32", "DateTime", "Time", "IPv4", "Decimal32"), 4),
    **dict.fromkeys(("Int64", "UInt64", "Float64", "DateTime64", "Time64", "Decimal64"), 8),
    **dict.fromkeys(("Int128", "UInt128", "UUID", "IPv6", "Decimal128"), 16),
    **dict.fromkeys(("Int256", "UInt256", "Decimal256"), 32),
}
DECIMAL_WIDTHS = ((9, 4), (18, 8), (38, 16), (76, 32))
"""Greatest precision and the bytes it takes."""


class UnknownLayoutError(Exception):
    """A column type whose bytes we cannot walk: the rest of the stream is lost with it."""


class Layout(Protocol):
    """How the values of a type lie in a block: first all prefixes, then all values."""

    def prefix(self, reader: Any) -> None: ...

    def values(self, reader: Any, rows: int) -> None: ...


@dataclass(frozen=True)
class Fixed:
    """Values of one width, one after the other."""

    width: int

    def prefix(self, reader: Any) -> None:
        return

    def values(self, reader: Any, rows: int) -> None:
        reader.read(self.width * rows)


@dataclass(frozen=True)
class Strings:
    """Each with its length."""

    def prefix(self, reader: Any) -> None:
        return

    def values(self, reader: Any, rows: int) -> None:
        reader.read_strings(rows)


@dataclass(frozen=True)
class Nullable:
    """A byte per row that says whether it is NULL, then the values."""

    inner: Layout

    def prefix(self, reader: Any) -> None:
        self.inner.prefix(reader)

    def values(self, reader: Any, rows: int) -> None:
        reader.read(rows)
        self.inner.values(reader, rows)


@dataclass(frozen=True)
class Array:
    """The end of each row's values as UInt64, then the values of all rows."""

    inner: Layout

    def prefix(self, reader: Any) -> None:
        self.inner.prefix(reader)

    def values(self, reader: Any, rows: int) -> None:
        if rows:
            ends = reader.read(8 * rows)
            self.inner.values(reader, int.from_bytes(ends[-8:], "little"))


@dataclass(frozen=True)
class Tuple:
    """Column after column."""

    items: tuple[Layout, ...]

    def prefix(self, reader: Any) -> None:
        for item in self.items:
            item.prefix(reader)

    def values(self, reader: Any, rows: int) -> None:
        for item in self.items:
            item.values(reader, rows)


@dataclass(frozen=True)
class LowCardinality:
    """A version; then, if there are rows: flags, the dictionary, and the rows as places in it."""

    dictionary: Layout

    def prefix(self, reader: Any) -> None:
        reader.read(8)

    def values(self, reader: Any, rows: int) -> None:
        if not rows:
            return
        place_width = 1 << (_uint64(reader) & 0xFF)
        self.dictionary.values(reader, _uint64(reader))
        reader.read(place_width * _uint64(reader))


def _uint64(reader: Any) -> int:
    return int.from_bytes(reader.read(8), "little")


@lru_cache(maxsize=4096)
def layout_of(kind: str) -> Layout:
    """The layout of a column type as ClickHouse writes it, e.g. `Array(LowCardinality(String))`."""
    name, _, rest = kind.partition("(")
    if name == "String":
        return Strings()
    if name in FIXED_WIDTHS:
        return Fixed(FIXED_WIDTHS[name])
    if name.startswith("Interval"):
        return Fixed(8)
    return _layout_with_arguments(kind, name, _arguments(rest[:-1]))


def _layout_with_arguments(kind: str, name: str, arguments: list[str]) -> Layout:
    match name:
        case "FixedString":
            return Fixed(int(arguments[0]))
        case "Decimal":
            return Fixed(next(width for most, width in DECIMAL_WIDTHS if int(arguments[0]) <= most))
        case "Nullable":
            return Nullable(layout_of(arguments[0]))
        case "Array":
            return Array(layout_of(arguments[0]))
        case "Tuple":
            return Tuple(tuple(layout_of(_without_name(item)) for item in arguments))
        case "Nested":
            return Array(Tuple(tuple(layout_of(_without_name(item)) for item in arguments)))
        case "Map":
            return Array(Tuple(tuple(layout_of(item) for item in arguments)))
        case "SimpleAggregateFunction":
            return layout_of(arguments[-1])
        case "LowCardinality":
            inner = layout_of(arguments[0])
            return LowCardinality(inner.inner if isinstance(inner, Nullable) else inner)
    raise UnknownLayoutError(f"columns of type {kind} cannot be sent to the local ClickHouse server")


def _arguments(text: str) -> list[str]:
    """Split `A, B(C, D)` at its outer commas; quoted text is taken whole."""
    parts, depth, current = [], 0, ""
    for token in re.findall(r"'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|[(),]|[^'`(),]+", text):
        if token == "," and depth == 0:
            parts.append(current.strip())
            current = ""
            continue
        depth += (token == "(") - (token == ")")
        current += token
    return [*parts, current.strip()]


def _without_name(item: str) -> str:
    """The type of a tuple's element, which may have a name before it."""
    return re.sub(r"^(?:`(?:[^`\\]|\\.)*`|\w+)\s+(?=[A-Z])", "", item)
