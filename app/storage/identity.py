"""Whom has an id met, and when first?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from app.storage.client import Columns, Storage
from app.storage.external import one_column
from app.storage.statements import TenantStatement

# By the hash alone, as in app.storage.events. A meeting that was cut (unmerge, erasure) does not count.
LINKS = TenantStatement(
    "links",
    """
    SELECT id, met, min(toUnixTimestamp64Milli(first_ts)) AS first_ms
    FROM
    (
        SELECT id, met, first_ts
        FROM identity_aliases
        WHERE {tenant}
          AND id_hash IN (SELECT xxHash64(wanted) FROM ids)
    )
    WHERE (id, met) NOT IN
    (
        SELECT id, met
        FROM identity_cuts FINAL
        WHERE {tenant}
          AND id_hash IN (SELECT xxHash64(wanted) FROM ids)
          AND undone = 0
    )
    GROUP BY id, met
    ORDER BY id, first_ms, met
    """,
)


class Link(NamedTuple):
    """`id` met `met` at `first_ms` (epoch ms) for the first time. Both are raw ids with their prefix."""

    id: str
    met: str
    first_ms: int


def links_of(storage: Storage, tenant_id: int, ids: Sequence[str], *, task: str = "") -> list[Link]:
    """All meetings of these ids, in the order (id, first_ms, met)."""
    if not ids:
        return []
    rows = storage.rows(LINKS, tenant_id=tenant_id, external={"ids": one_column("wanted", "String", ids)}, task=task)
    wanted = set(ids)
    return [Link._make(row) for row in rows if row[0] in wanted]


def insert_aliases(storage: Storage, columns: Columns, token: str, *, task: str = "") -> int:
    """Rows of `identity_aliases`; every meeting stands twice, once under each of its ids."""
    return storage.insert("identity_aliases", columns, token=token, task=task)


CUTS = TenantStatement(
    "cuts",
    """
    SELECT id, met
    FROM identity_cuts FINAL
    WHERE {tenant}
      AND id_hash IN (SELECT xxHash64(wanted) FROM ids)
      AND undone = 0
    ORDER BY id, met
    """,
)


def cuts_of(storage: Storage, tenant_id: int, ids: Sequence[str], *, task: str = "") -> set[tuple[str, str]]:
    """The meetings of these ids that do not count: (id, met)."""
    if not ids:
        return set()
    rows = storage.rows(CUTS, tenant_id=tenant_id, external={"ids": one_column("wanted", "String", ids)}, task=task)
    wanted = set(ids)
    return {(id, met) for id, met in rows if id in wanted}


def insert_cuts(
    storage: Storage,
    tenant_id: int,
    pairs: Sequence[tuple[str, str]],
    *,
    version: int,
    undone: bool = False,
    task: str = "",
) -> int:
    """Cut meetings, or take their cuts back; each pair is stored from both of its ids."""
    both = sorted({pair for id, met in pairs for pair in ((id, met), (met, id))})
    columns = {
        "tenant_id": [tenant_id] * len(both),
        "id": [id for id, _ in both],
        "met": [met for _, met in both],
        "undone": [int(undone)] * len(both),
        "version": [version] * len(both),
    }
    return storage.insert("identity_cuts", columns, task=task)
