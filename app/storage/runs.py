"""Where does it stand what was computed, when, and how it ended? For operators; a run under way lives in Redis."""

from __future__ import annotations

from app.storage.client import Columns, Storage


def insert_runs(storage: Storage, columns: Columns, token: str = "", *, task: str = "") -> int:
    """Rows of `runs`; the highest `version` of a run_id wins."""
    return storage.insert("runs", columns, token=token, task=task)
