"""Whom has an id met, and when first?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from app.storage.client import Columns, Storage
from app.storage.external import one_column
from app.storage.statements import TenantStatement

# By the hash alone, as in app.storage.events.
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
