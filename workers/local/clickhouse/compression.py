"""How do compressed frames come and go?

A frame is a CityHash128 of what follows, a method byte, two sizes and the payload. A block is one frame or
several, and a frame never holds parts of two blocks.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import lz4.block
from clickhouse_cityhash.cityhash import CityHash128  # type: ignore[import-untyped]

LZ4 = 0x82
ZSTD = 0x90
NONE = 0x02
HEADER_BYTES = 9
FRAME_BYTES = 1 << 20
"""Uncompressed bytes in a frame that we send, as clickhouse-server does."""


class BadFrameError(Exception):
    """A frame that is damaged or packed in a way that we cannot unpack: the rest of the stream is lost with it."""


def read_frame(reader: Any) -> bytes:
    """Read a frame from `reader` and return what was packed in it."""
    checksum = reader.read(16)
    header = reader.read(HEADER_BYTES)
    method, packed_size, size = struct.unpack("<BII", header)
    payload = reader.read(packed_size - HEADER_BYTES)
    if _checksum(header + payload) != checksum:
        raise BadFrameError("checksum of a compressed block does not match")
    return _unpack(method, payload, size)


def _unpack(method: int, payload: bytes, size: int) -> bytes:
    if method == LZ4:
        return bytes(lz4.block.decompress(payload, uncompressed_size=size))
    if method == NONE:
        return payload
    if method == ZSTD:
        return _unpack_zstd(payload)
    raise BadFrameError(f"unknown compression method {method:#x}; use compression='lz4'")


def _unpack_zstd(payload: bytes) -> bytes:
    try:
        import zstd  # type: ignore[import-untyped]
    except ImportError as error:
        raise BadFrameError("zstd is not installed beside the local server; use compression='lz4'") from error
    return bytes(zstd.decompress(payload))


def frames(data: bytes) -> Iterator[bytes]:
    """Pack `data` as LZ4 frames."""
    view = memoryview(data)
    for start in range(0, len(view), FRAME_BYTES):
        part = view[start : start + FRAME_BYTES]
        payload = lz4.block.compress(part, store_size=False)
        framed = struct.pack("<BII", LZ4, HEADER_BYTES + len(payload), len(part)) + payload
        yield _checksum(framed) + framed


def _checksum(framed: bytes) -> bytes:
    number: int = CityHash128(framed)
    return struct.pack("<QQ", number >> 64, number & 0xFFFFFFFFFFFFFFFF)
