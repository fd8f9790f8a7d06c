"""What did a channel cost? Rows per day, channel, campaign and currency; the newest version wins."""

from __future__ import annotations

from app.storage.client import Columns, Storage


def insert_spend(storage: Storage, columns: Columns, token: str, *, task: str = "") -> int:
    """Rows of `spend`; `day` as date, `version` grows with every statement of the same key."""
    return storage.insert("spend", columns, token=token, task=task)
