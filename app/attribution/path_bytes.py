"""How do path counts travel and rest? A few bytes a path, read back as they were.

A header (magic, format, sizes), then the names as JSON, lengths, codes and counts, little-endian in the least
whole number that holds them, packed by zlib, whose checksum tells damage.
"""

import json
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from app.attribution.paths import Count, PathCounts

_HEADER = struct.Struct("<4sB3sQQQ")  # magic, format, sizes of lengths, codes and counts, names, paths, steps
_MAGIC = b"TPC\n"
_FORMAT = 1
_LEVEL = 1  # of zlib: the higher ones save a tenth and take five times as long


def to_bytes(paths: PathCounts) -> bytes:
    """The counts as bytes: equal counts give equal bytes."""
    names = json.dumps(paths.channels, ensure_ascii=False).encode()
    lengths = _least(np.diff(paths.offsets))
    codes = _least(paths.codes.astype(np.int64))
    counts = _least(paths.counts)
    sizes = bytes([lengths.itemsize, codes.itemsize, counts.itemsize])
    header = _HEADER.pack(_MAGIC, _FORMAT, sizes, len(names), len(paths), len(codes))
    # By columns: most of them are small or all 0, and pack to little.
    body = names + lengths.tobytes() + codes.tobytes() + counts.tobytes(order="F")
    return header + zlib.compress(body, _LEVEL)


def from_bytes(data: bytes) -> PathCounts:
    """The counts that `to_bytes` was given.

    Raises
    ------
    ValueError
        Not path counts, of a later format, or damaged.

    Examples
    --------
    >>> from app.attribution.paths import count_unconverted
    >>> one = count_unconverted(np.array([0, 2]), np.array([0, 1], np.int32), ["search", "email"])
    >>> from_bytes(to_bytes(one)).channels
    ('email', 'search')
    """
    if len(data) < _HEADER.size or not data.startswith(_MAGIC):
        raise ValueError("these bytes are not path counts")
    _, format_, sizes, names, paths, steps = _HEADER.unpack_from(data)
    if format_ != _FORMAT:
        raise ValueError(f"path counts of format {format_}; this version reads format {_FORMAT}")
    try:
        body = zlib.decompress(data[_HEADER.size :])
        ends = np.cumsum([names, paths * sizes[0], steps * sizes[1], paths * len(Count) * sizes[2]]).tolist()
        if ends[-1] != len(body):
            raise ValueError(f"{len(body)} bytes in place of {ends[-1]}")
        lengths = np.frombuffer(body[ends[0] : ends[1]], f"<i{sizes[0]}").astype(np.int64)
        codes = np.frombuffer(body[ends[1] : ends[2]], f"<i{sizes[1]}").astype(np.int32)
        counts = np.frombuffer(body[ends[2] : ends[3]], f"<i{sizes[2]}").astype(np.int64)
        channels = tuple(json.loads(body[:names]))
    except (zlib.error, ValueError, TypeError, OverflowError) as broken:
        raise ValueError(f"the path counts are damaged ({broken}); count the paths again") from broken
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    return PathCounts(channels, offsets, codes, np.ascontiguousarray(counts.reshape(len(Count), paths).T))


def _least(values: NDArray[np.int64]) -> NDArray[np.signedinteger]:
    """The same numbers in the least of 1, 2, 4 and 8 bytes."""
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    for size in (1, 2, 4):
        if np.iinfo(f"<i{size}").min <= low and high <= np.iinfo(f"<i{size}").max:
            return values.astype(f"<i{size}")
    return values.astype("<i8")
