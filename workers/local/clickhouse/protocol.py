"""What do the packets of ClickHouse's native protocol look like, at the one revision that we speak?

The server advertises REVISION, so that no client sends or expects a field that came later. The layouts follow
from it: block info, client info, settings as strings, traces and parallel replicas are there; custom column
serialisation, query parameters and the addendum to the hello are not.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any, NamedTuple

from clickhouse_driver.reader import read_binary_str
from clickhouse_driver.varint import read_varint

REVISION = 54453
SERVER_NAME = "ClickHouse"

BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
"""No overflow rows, no bucket: the header that the TCP protocol puts before each Native block."""

IMPORTANT = 0x01
"""Flag of a setting that the server must know; without it an unknown setting is passed over."""


class ClientPacket(IntEnum):
    """What a client sends."""

    HELLO = 0
    QUERY = 1
    DATA = 2
    CANCEL = 3
    PING = 4
    TABLES_STATUS_REQUEST = 5


class ServerPacket(IntEnum):
    """What the server sends."""

    HELLO = 0
    DATA = 1
    EXCEPTION = 2
    PROGRESS = 3
    PONG = 4
    END_OF_STREAM = 5
    PROFILE_INFO = 6


@dataclass(frozen=True)
class Hello:
    """Who opens the connection, and the database that it wants to stand in."""

    client: str
    revision: int
    database: str
    user: str


class Setting(NamedTuple):
    """A setting of one query; values travel as strings."""

    name: str
    value: str
    important: bool


@dataclass(frozen=True)
class Query:
    """A query packet. External tables and the data of an INSERT follow it as data packets."""

    query_id: str
    settings: tuple[Setting, ...]
    compressed: bool
    text: str


def read_hello(reader: Any) -> Hello:
    """Read the hello after its packet number."""
    client = read_binary_str(reader)
    read_varint(reader), read_varint(reader)
    revision = read_varint(reader)
    database = read_binary_str(reader)
    user = read_binary_str(reader)
    read_binary_str(reader)  # the password: whoever reaches loopback may use a local database
    return Hello(client, revision, database, user)


def read_query(reader: Any) -> Query:
    """Read a query after its packet number."""
    query_id = read_binary_str(reader)
    _skip_client_info(reader)
    settings = tuple(_read_settings(reader))
    read_binary_str(reader)  # the secret between servers
    read_varint(reader)  # the stage: the driver always asks for a complete result
    compressed = bool(read_varint(reader))
    return Query(query_id, settings, compressed, read_binary_str(reader))


def _skip_client_info(reader: Any) -> None:
    if not reader.read_one():
        return
    reader.read_strings(3)  # initial user, query id, address
    reader.read(8 + 1)  # start time, interface
    reader.read_strings(3)  # system user, host, client
    for _ in range(3):
        read_varint(reader)  # version, revision
    reader.read_strings(1)  # quota key
    read_varint(reader), read_varint(reader)  # distributed depth, version patch
    if reader.read_one():
        reader.read(16 + 8)  # trace and span
        read_binary_str(reader)
        reader.read(1)
    for _ in range(3):
        read_varint(reader)  # parallel replicas


def _read_settings(reader: Any) -> list[Setting]:
    settings = []
    while name := read_binary_str(reader):
        flags = reader.read_one()
        settings.append(Setting(name, read_binary_str(reader), bool(flags & IMPORTANT)))
    return settings


def hello(version: tuple[int, int, int], timezone: str, display_name: str) -> bytes:
    """The server's answer to a hello."""
    major, minor, patch = version
    return b"".join(
        [
            varint(ServerPacket.HELLO),
            string(SERVER_NAME),
            varint(major),
            varint(minor),
            varint(REVISION),
            string(timezone),
            string(display_name),
            varint(patch),
        ]
    )


def exception(code: int, message: str) -> bytes:
    """An exception as ClickHouse words it, without a stack trace and without a nested one."""
    text = string("DB::Exception") + string(f"DB::Exception: {message}") + string("")
    return varint(ServerPacket.EXCEPTION) + struct.pack("<i", code) + text + b"\x00"


def progress(rows: int, size: int) -> bytes:
    """Rows and bytes read so far; the total is not known ahead, and nothing is said about written rows."""
    return varint(ServerPacket.PROGRESS) + varint(rows) + varint(size) + varint(rows) + b"\x00\x00"


def profile_info(rows: int, blocks: int, size: int) -> bytes:
    """Rows, blocks and bytes of the result; the limit is never reported as applied."""
    return b"".join(
        [
            varint(ServerPacket.PROFILE_INFO),
            varint(rows),
            varint(blocks),
            varint(size),
            b"\x00",
            b"\x00",
            b"\x00",
        ]
    )


def pong() -> bytes:
    """The answer to a ping."""
    return varint(ServerPacket.PONG)


def end_of_stream() -> bytes:
    """The last packet of every query that did not fail."""
    return varint(ServerPacket.END_OF_STREAM)


def data_head() -> bytes:
    """What stands before each block, outside of the compression: the packet and an empty table name."""
    return varint(ServerPacket.DATA) + b"\x00"


def header_block(columns: list[tuple[str, str]]) -> bytes:
    """A Native block of no rows: the names and types of `columns`."""
    return varint(len(columns)) + b"\x00" + b"".join([_name_and_type(*column) for column in columns])


@lru_cache(maxsize=4096)
def _name_and_type(name: str, kind: str) -> bytes:
    return string(name) + string(kind)


def varint(number: int) -> bytes:
    """An unsigned LEB128 number."""
    out = bytearray()
    while number > 0x7F:
        out.append(0x80 | (number & 0x7F))
        number >>= 7
    out.append(number)
    return bytes(out)


def string(text: str) -> bytes:
    """A length and UTF-8 bytes."""
    raw = text.encode()
    return varint(len(raw)) + raw
