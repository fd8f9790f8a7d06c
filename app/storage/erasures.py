"""Which erasures are under way, and what proves the finished ones?"""

from __future__ import annotations

from typing import NamedTuple

from app.storage.client import Storage
from app.storage.statements import TenantStatement

ERASURE = TenantStatement(
    "erasure",
    """
    SELECT erasure_id, state, mode, run_id, toUnixTimestamp64Milli(requested_at), toUnixTimestamp64Milli(closed_at),
           work, proof, version
    FROM erasures FINAL
    WHERE {tenant}
      AND erasure_id = %(erasure_id)s
    """,
)
FORGET_WORK = TenantStatement(
    "forget_erasure_work",
    """
    ALTER TABLE erasures
    DELETE WHERE {tenant}
      AND erasure_id = %(erasure_id)s
      AND work != ''
    """,
)


class ErasureRow(NamedTuple):
    """An erasure as stored; times in epoch ms, `closed_ms` 0 while it is under way, `work` and `proof` JSON."""

    erasure_id: str
    state: str
    mode: str
    run_id: str
    requested_ms: int
    closed_ms: int
    work: str
    proof: str
    version: int


def erasure(storage: Storage, tenant_id: int, erasure_id: str) -> ErasureRow | None:
    rows = storage.rows(ERASURE, tenant_id=tenant_id, params={"erasure_id": erasure_id}, task="erase")
    return ErasureRow._make(rows[0]) if rows else None


def insert_erasure(storage: Storage, tenant_id: int, row: ErasureRow) -> None:
    """A new erasure, or a new state of one: the highest version stands."""
    columns = {
        "tenant_id": [tenant_id],
        "erasure_id": [row.erasure_id],
        "state": [row.state],
        "mode": [row.mode],
        "run_id": [row.run_id],
        "requested_at": [row.requested_ms],
        "closed_at": [row.closed_ms],
        "work": [row.work],
        "proof": [row.proof],
        "version": [row.version],
    }
    storage.insert("erasures", columns, task="erase")


def forget_work(storage: Storage, tenant_id: int, erasure_id: str) -> None:
    """Delete the rows that still name the person."""
    storage.rows(FORGET_WORK, tenant_id=tenant_id, params={"erasure_id": erasure_id}, task="erase")
