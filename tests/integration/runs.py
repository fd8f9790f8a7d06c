"""What does the history of runs say of one? The product writes it for whoever operates it, and reads it nowhere."""

from __future__ import annotations

from typing import NamedTuple

from app.storage.client import Storage
from app.storage.statements import Statement

_RUN = Statement(
    "test_run",
    """
    SELECT run_id, kind, tenants, state, chunks, chunks_failed, conversions, touches,
           toUnixTimestamp64Milli(created_at), toUnixTimestamp64Milli(closed_at)
    FROM runs FINAL
    WHERE run_id = %(run_id)s
    """,
)


class RunRow(NamedTuple):
    """A run that was closed. Times in epoch ms."""

    run_id: str
    kind: str
    tenants: list[int]
    state: str
    chunks: int
    chunks_failed: int
    conversions: int
    touches: int
    created_ms: int
    closed_ms: int


def run_of(storage: Storage, run_id: str) -> RunRow | None:
    """The run as it was last recorded."""
    rows = storage.rows(_RUN, params={"run_id": run_id})
    return RunRow._make(rows[0]) if rows else None
