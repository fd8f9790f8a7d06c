"""What are the columns of a SELECT, and its blocks?

The client needs the columns before the first block. They stand in that block, and asking the engine would plan
the query again; so it is asked only where there is no block, or where the block does not tell all. What it told of a
query without rows is remembered: most of what a drain looks up is not there yet, and planning is all that it costs.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping

from workers.local.clickhouse.blocks import columns_of, retyped
from workers.local.clickhouse.engine import Chunk, Session
from workers.local.clickhouse.layouts import UnknownLayoutError
from workers.local.clickhouse.told import Told

Columns = list[tuple[str, str]]
Chunks = Generator[Chunk, None, None]


def open_result(
    session: Session, text: str, tag: str, told: Told, tables: Mapping[str, Columns]
) -> tuple[Columns, Chunks]:
    """Start the SELECT, and return its columns and its blocks. Closing the blocks stops the engine.

    Parameters
    ----------
    tables : the columns of the external tables that came with it.
    """
    chunks = session.stream(f"{text}\n{tag}")
    first = next(chunks, None)
    if first is None:
        return told.of_query(session, text, tables), chunks
    columns = _told_by(first)
    if columns is not None:
        return columns, _with_first(first, chunks)
    # A session does one thing at a time: the SELECT is stopped, its columns are asked for, and it runs again.
    chunks.close()
    columns = session.columns_of(text)
    return columns, _with_zones(session.stream(f"{text}\n{tag}"), [kind for _, kind in columns])


def _told_by(chunk: Chunk) -> Columns | None:
    """The columns as the block has them; None if that is not the whole truth.

    Native output leaves the time zone out of DateTime, and a few types cannot be walked.
    """
    try:
        columns = columns_of(chunk.data)
    except UnknownLayoutError:
        return None
    return None if any(kind == "DateTime" for _, kind in columns) else columns


def _with_first(first: Chunk, rest: Chunks) -> Chunks:
    try:
        yield first
        yield from rest
    finally:
        rest.close()


def _with_zones(chunks: Chunks, kinds: list[str]) -> Chunks:
    """The blocks with the time zones put back in."""
    zoned = any(kind.startswith("DateTime(") for kind in kinds)
    try:
        for chunk in chunks:
            yield Chunk(retyped(chunk.data, kinds), chunk.rows) if zoned else chunk
    finally:
        chunks.close()
