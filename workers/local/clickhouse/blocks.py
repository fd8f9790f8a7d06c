"""Where does a Native block end?

A block has no length: to know where it ends one must walk its columns by their types. The walk takes whole
columns at a time and keeps the bytes as they came, so that they can be handed to the engine untouched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from clickhouse_driver.bufferedreader import CompressedBufferedReader
from clickhouse_driver.varint import read_varint

from workers.local.clickhouse.layouts import UnknownLayoutError, layout_of
from workers.local.clickhouse.protocol import string

PULL_BYTES = 1 << 18


class ReplayReader:
    """A buffered reader that remembers the bytes between `mark` and `take`.

    Invariant: the last remembered chunk ends where the reader's buffer ends, so what is unread in the buffer is
    what has to be cut off the remembered bytes.
    """

    def __init__(self, pull: Callable[[], bytes]) -> None:
        self._pull = pull
        self._chunks: list[bytes] | None = None
        self.buffer = CompressedBufferedReader(self._next, PULL_BYTES)

    def mark(self) -> None:
        """Start to remember."""
        self._chunks = [bytes(memoryview(self.buffer.buffer)[self.buffer.position : self.buffer.current_buffer_size])]

    def take(self) -> list[bytes]:
        """The bytes read since `mark`, in chunks."""
        chunks, self._chunks = self._chunks or [b""], None
        if self.unread:
            chunks[-1] = chunks[-1][: -self.unread]
        return chunks

    @property
    def unread(self) -> int:
        """Bytes that have come and were not read yet."""
        return int(self.buffer.current_buffer_size - self.buffer.position)

    def _next(self) -> bytes:
        chunk = self._pull()
        if self._chunks is not None:
            self._chunks.append(chunk)
        return chunk


@dataclass(frozen=True)
class Block:
    """A Native block without its block info: names, types, row count and the bytes as they came."""

    columns: tuple[tuple[str, str], ...]
    rows: int
    chunks: tuple[bytes, ...]

    @property
    def is_end(self) -> bool:
        """Whether this is the block of no columns that ends a series."""
        return not self.columns


def read_block(source: ReplayReader) -> Block:
    """Read one block, which starts with its block info."""
    reader = source.buffer
    _skip_block_info(reader)
    source.mark()
    width, rows = read_varint(reader), read_varint(reader)
    columns = []
    for _ in range(width):
        columns.append(_name_and_type(reader))
        if rows:
            _skip_column(columns[-1][1], rows, reader)
    return Block(tuple(columns), rows, tuple(source.take()))


def split_blocks(data: bytes) -> list[bytes]:
    """The blocks of a Native byte string, which has no block infos."""
    source = ReplayReader(_once(data))
    blocks, done = [], 0
    while done < len(data):
        source.mark()
        width, rows = read_varint(source.buffer), read_varint(source.buffer)
        for _ in range(width):
            _, kind = _name_and_type(source.buffer)
            _skip_column(kind, rows, source.buffer)
        blocks.append(b"".join(source.take()))
        done += len(blocks[-1])
    return blocks


def columns_of(data: bytes) -> list[tuple[str, str]]:
    """Names and types of a Native block that has no block info; its last column is not walked."""
    reader = ReplayReader(_once(data)).buffer
    width, rows = read_varint(reader), read_varint(reader)
    columns = []
    for place in range(width):
        columns.append(_name_and_type(reader))
        if rows and place < width - 1:
            _skip_column(columns[-1][1], rows, reader)
    return columns


def retyped(data: bytes, kinds: list[str]) -> bytes:
    """The block with other names for its columns' types; the bytes of the values stay as they are."""
    source = ReplayReader(_once(data))
    source.mark()
    reader = source.buffer
    _, rows = read_varint(reader), read_varint(reader)
    parts = source.take()
    for kind in kinds:
        name, was = _name_and_type(reader)
        parts.append(string(name) + string(kind))
        if rows:
            source.mark()
            _skip_column(was, rows, reader)
            parts += source.take()
    return b"".join(parts)


def _once(data: bytes) -> Callable[[], bytes]:
    parts = [data]
    return lambda: parts.pop() if parts else b""


def _name_and_type(reader: Any) -> tuple[str, str]:
    name, kind = reader.read_strings(2, "utf-8")  # both in one step of the driver's compiled reader
    return name, kind


def _skip_block_info(reader: Any) -> None:
    while field := read_varint(reader):
        if field not in (1, 2):
            raise UnknownLayoutError(f"unknown field {field} in a block info")
        reader.read(1 if field == 1 else 4)


def _skip_column(kind: str, rows: int, reader: Any) -> None:
    layout = layout_of(kind)
    layout.prefix(reader)
    layout.values(reader, rows)
