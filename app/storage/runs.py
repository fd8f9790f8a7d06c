"""What was computed, when and how did it end? For history; a run under way lives in Redis."""

from __future__ import annotations

from typing import NamedTuple

from app.storage.client import Columns, Storage
from app.storage.statements import Statement

RUN = Statement(
    "run",
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
    """The run as it was last recorded. The caller checks that its tenant is among `tenants`."""
    rows = storage.rows(RUN, params={"run_id": run_id})
    return RunRow._make(rows[0]) if rows else None


def insert_runs(storage: Storage, columns: Columns, token: str = "", *, task: str = "") -> int:
    """Rows of `runs`; the highest `version` of a run_id wins."""
    return storage.insert("runs", columns, token=token, task=task)
