"""How long are a tenant's rows kept? As long as each says itself: a change of retention is a change of the rows."""

from __future__ import annotations

from app.storage.client import Storage
from app.storage.statements import TenantStatement

# Mutations that are begun and not waited for; the engine works the rows' TTL out again with them.
KEEP_FOR = tuple(
    TenantStatement(
        f"keep_{table}",
        f"""
        ALTER TABLE {table}
        UPDATE retention_days = %(days)s
        WHERE {{tenant}}
          AND retention_days != %(days)s
        """,
    )
    for table in ("events", "touchpoints", "conversions", "conversions_by_user")
)


def keep_rows_for(storage: Storage, tenant_id: int, days: int) -> None:
    """Give every stored row of a tenant this retention; what is older goes with the next merges."""
    for statement in KEEP_FOR:
        storage.rows(statement, tenant_id=tenant_id, params={"days": days}, task="retention")
