"""Under which number does storage keep a raw id? Under the same as ClickHouse's xxHash64 of it."""

from __future__ import annotations

import xxhash


def id_hash(id: str) -> int:
    """The `user_hash` or `id_hash` of a raw id with its prefix.

    Sets of ids are asked for by it: numbers are packed at once, and those of a few may stand in a query's text, where
    an id would stay behind in the log of queries.
    """
    return xxhash.xxh64_intdigest(id.encode())
