"""Where does what a shadow rule set credits stand? In tables of the ledger's and the rollup's form, beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from app.storage.client import AnyStatement, Externals, Params, Storage
from app.storage.statements import Statement, TenantStatement

_BESIDE = re.compile(r"\b(ledger|attribution_daily)\b")

# Mutations that are begun and not waited for: they concern what is stored by then, and nothing that comes after.
CLEAR = tuple(
    TenantStatement(
        f"clear_{table}",
        f"""
        ALTER TABLE {table}
        DELETE WHERE {{tenant}}
        """,
    )
    for table in ("ledger_shadow", "attribution_daily_shadow")
)


@lru_cache(maxsize=256)
def of_shadow(statement: AnyStatement) -> AnyStatement:
    """The same statement over the shadow's ledger and rollup; one that reads neither stays as it is."""
    sql = _BESIDE.sub(r"\1_shadow", statement.sql)
    if isinstance(statement, Statement) or sql == statement.sql:
        return statement
    return TenantStatement(f"{statement.name}_shadow", sql)


class ShadowReads(Storage):
    """A storage, over the connection of another one, in which the shadow's ledger is the ledger."""

    def __init__(self, storage: Storage) -> None:
        self.__dict__.update(storage.__dict__)

    def rows(
        self,
        statement: AnyStatement,
        *,
        tenant_id: int | None = None,
        params: Params | None = None,
        external: Externals | None = None,
        task: str = "",
    ) -> list[tuple[Any, ...]]:
        """See `Storage.rows`."""
        return super().rows(of_shadow(statement), tenant_id=tenant_id, params=params, external=external, task=task)

    def stream(
        self,
        statement: AnyStatement,
        *,
        tenant_id: int | None = None,
        params: Params | None = None,
        external: Externals | None = None,
        task: str = "",
    ) -> Iterator[tuple[Any, ...]]:
        """See `Storage.stream`."""
        return super().stream(of_shadow(statement), tenant_id=tenant_id, params=params, external=external, task=task)


def clear_shadow(storage: Storage, tenant_id: int) -> None:
    """Delete all that was credited under a tenant's shadow."""
    for statement in CLEAR:
        storage.rows(statement, tenant_id=tenant_id, task="shadow")
