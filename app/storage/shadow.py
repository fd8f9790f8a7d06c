"""Where does what a shadow rule set credits stand? In tables of the ledger's and the rollups' form, beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from app.storage.client import Externals, Params, Storage
from app.storage.report_conversions import RULES_OF_VERSION
from app.storage.statements import ROLLUPS, AnyStatement, Statement, TenantStatement, Whose

BESIDE = ("ledger", *ROLLUPS)
"""The tables that have a twin: its name is theirs and `_shadow`."""

_BESIDE = re.compile(rf"\b({'|'.join(BESIDE)})\b")

# The rules that made a row of the shadow's ledger: a version of the shadow's own where the conversion is not before the
# day from which that one holds, else a version of the rules in force. The two are counted apart.
SHADOW_RULES_OF_VERSION = Statement(
    "report_shadow_rules_of_version",
    """
    SELECT rules
    FROM
    (
        SELECT rules, 1 AS is_shadow, created_at
        FROM shadow_rules
        WHERE tenant_id = %(tenant_number)s
            AND shadow_version = %(rules_version)s
            AND rules != ''
            AND toUnixTimestamp64Milli(applies_from) <= %(ts_ms)s
        UNION ALL
        SELECT rules, 0, created_at
        FROM rules
        WHERE tenant_id = %(tenant_number)s AND rules_version = %(rules_version)s
    )
    ORDER BY is_shadow DESC, created_at DESC
    LIMIT 1
    """,
)

# Mutations that are begun and not waited for: they concern what is stored by then, and nothing that comes after.
CLEAR = tuple(
    TenantStatement(
        f"clear_{table}",
        f"""
        ALTER TABLE {table}
        DELETE WHERE {{tenant}}
        """,
    )
    for table in (f"{name}_shadow" for name in BESIDE)
)


@lru_cache(maxsize=256)
def of_shadow(statement: AnyStatement) -> AnyStatement:
    """The same statement over the shadow's ledger, rollups and rules; one that reads none of them stays as it is."""
    if statement is RULES_OF_VERSION:
        return SHADOW_RULES_OF_VERSION
    sql = _BESIDE.sub(r"\1_shadow", statement.sql)
    if isinstance(statement, Statement) or sql == statement.sql:
        return statement
    return type(statement)(f"{statement.name}_shadow", sql)


class ShadowReads(Storage):
    """A storage, over the connection of another one, in which the shadow's ledger is the ledger."""

    def __init__(self, storage: Storage) -> None:
        self.__dict__.update(storage.__dict__)

    def rows(
        self,
        statement: AnyStatement,
        *,
        tenant_id: Whose = None,
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
        tenant_id: Whose = None,
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
