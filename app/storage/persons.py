"""Is anything stored of an id?"""

from __future__ import annotations

from collections.abc import Sequence

from app.storage.client import Storage
from app.storage.external import one_column
from app.storage.statements import TenantStatement

SEEN_IDS = TenantStatement(
    "seen_ids",
    """
    SELECT user_id
    FROM
    (
        SELECT user_id, is_deleted
        FROM touchpoints
        WHERE {tenant}
          AND user_hash IN (SELECT xxHash64(wanted) FROM ids)
        ORDER BY user_hash, ts, event_key, is_deleted DESC
        LIMIT 1 BY user_hash, ts, event_key
    )
    WHERE is_deleted %% 2 = 0
    UNION DISTINCT
    SELECT user_id
    FROM conversions_by_user
    WHERE {tenant}
      AND user_hash IN (SELECT xxHash64(wanted) FROM ids)
    UNION DISTINCT
    SELECT id AS user_id
    FROM identity_aliases
    WHERE {tenant}
      AND id_hash IN (SELECT xxHash64(wanted) FROM ids)
    """,
)

# The register is not ordered by id: asked only where nothing else knows it.
REGISTERED_IDS = TenantStatement(
    "registered_ids",
    """
    SELECT DISTINCT user_id
    FROM events
    WHERE {tenant}
      AND user_id IN (SELECT wanted FROM ids)
    """,
)


def seen_ids(storage: Storage, tenant_id: int, ids: Sequence[str], *, task: str = "") -> list[str]:
    """Those of these raw ids that some stored row belongs to."""
    external = {"ids": one_column("wanted", "String", ids)}
    wanted = set(ids)
    for statement in (SEEN_IDS, REGISTERED_IDS):
        rows = storage.rows(statement, tenant_id=tenant_id, external=external, task=task)
        if found := sorted({id for (id,) in rows} & wanted):
            return found
    return []
