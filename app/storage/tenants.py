"""Which tenants are there, with which keys and rules? Rows of the service itself, read whole by the registry only."""

from __future__ import annotations

from typing import Any, NamedTuple

from app.storage.client import Storage
from app.storage.statements import Statement

_COLUMNS = """
    SELECT tenants.tenant_id, slug, name, timezone, currency, retention_days, hosts, write_key_sha256,
           secret_key_sha256, CAST(state, 'String'), toUnixTimestamp64Milli(created_at), version,
           rules_versions, rules_from, rules_texts, newest_shadow, shadow_from, shadow_text
    FROM tenants FINAL
    LEFT JOIN
    (
        SELECT tenant_id,
               groupArray(rules_version) AS rules_versions,
               groupArray(toUnixTimestamp64Milli(applies_from)) AS rules_from,
               groupArray(rules) AS rules_texts
        FROM
        (
            SELECT tenant_id, rules_version, applies_from, rules
            FROM rules
            ORDER BY tenant_id, rules_version, created_at DESC
            LIMIT 1 BY tenant_id, rules_version
        )
        GROUP BY tenant_id
    ) AS made
    ON tenants.tenant_id = made.tenant_id
    LEFT JOIN
    (
        SELECT tenant_id,
               max(shadow_version) AS newest_shadow,
               argMax(toUnixTimestamp64Milli(applies_from), shadow_version) AS shadow_from,
               argMax(rules, shadow_version) AS shadow_text
        FROM shadow_rules
        GROUP BY tenant_id
    ) AS shadows
    ON tenants.tenant_id = shadows.tenant_id
"""
ALL_TENANTS = Statement("all_tenants", f"{_COLUMNS} ORDER BY tenants.tenant_id")
ONE_TENANT = Statement("one_tenant", f"{_COLUMNS} WHERE tenants.tenant_id = %(tenant_id)s")
TENANT_BY_SLUG = Statement("tenant_by_slug", f"{_COLUMNS} WHERE slug = %(slug)s")
NEXT_TENANT_ID = Statement("next_tenant_id", "SELECT max(tenant_id) + 1 FROM tenants")
RULES_OF = Statement(
    "rules_of",
    "SELECT rules FROM rules WHERE tenant_id = %(tenant_id)s AND rules_version = %(version)s LIMIT 1",
)

RULES_VERSIONS = Statement(
    "rules_versions",
    """
    SELECT rules_version, toUnixTimestamp64Milli(applies_from), toUnixTimestamp64Milli(created_at), rules
    FROM rules
    WHERE tenant_id = %(tenant_id)s
    ORDER BY rules_version DESC, created_at DESC
    LIMIT 1 BY rules_version
    """,
)


class RulesVersion(NamedTuple):
    """One version of a tenant's rules: from which conversion time (epoch ms) it was to hold, when it was made."""

    version: int
    from_ms: int
    created_ms: int
    rules: str


class TenantRow(NamedTuple):
    """A tenant as stored.

    `rules_versions`, `rules_from` (epoch ms) and `rules_texts` (JSON) are parallel, one entry per version.
    `shadow_version` is the newest there ever was; `shadow_text` is '' where there is no shadow now.
    """

    tenant_id: int
    slug: str
    name: str
    timezone: str
    currency: str
    retention_days: int
    hosts: list[str]
    write_key_sha256: str
    secret_key_sha256: str
    state: str
    created_ms: int
    version: int
    rules_versions: list[int]
    rules_from: list[int]
    rules_texts: list[str]
    shadow_version: int = 0
    shadow_from: int = 0
    shadow_text: str = ""

    def with_version(self, version: int, from_ms: int, text: str) -> TenantRow:
        """The row with one more version of the rules."""
        return self._replace(
            rules_versions=[*self.rules_versions, version],
            rules_from=[*self.rules_from, from_ms],
            rules_texts=[*self.rules_texts, text],
        )


def all_tenants(storage: Storage) -> list[TenantRow]:
    """Every tenant, by id."""
    return [TenantRow._make(row) for row in storage.rows(ALL_TENANTS)]


def one_tenant(storage: Storage, tenant_id: int) -> TenantRow | None:
    """The tenant with this id."""
    return _first(storage.rows(ONE_TENANT, params={"tenant_id": tenant_id}))


def tenant_by_slug(storage: Storage, slug: str) -> TenantRow | None:
    """The tenant with this slug."""
    return _first(storage.rows(TENANT_BY_SLUG, params={"slug": slug}))


def next_tenant_id(storage: Storage) -> int:
    """An id that no tenant has had: tenants are closed, never deleted. Ids begin at 1."""
    number: int = storage.rows(NEXT_TENANT_ID)[0][0]
    return number


def rules_of(storage: Storage, tenant_id: int, version: int) -> str | None:
    """The JSON of one version of a tenant's rules."""
    rows = storage.rows(RULES_OF, params={"tenant_id": tenant_id, "version": version})
    return str(rows[0][0]) if rows else None


def insert_tenant(storage: Storage, row: TenantRow) -> None:
    """A new tenant, or a new state of one: the highest version wins."""
    columns: dict[str, list[Any]] = {
        name: [value]
        for name, value in row._asdict().items()
        if name != "created_ms" and not name.startswith(("rules_", "shadow_"))
    }
    storage.insert("tenants", {**columns, "created_at": [row.created_ms]})


def rules_versions(storage: Storage, tenant_id: int) -> list[RulesVersion]:
    """Every version of a tenant's rules, the newest first."""
    rows = storage.rows(RULES_VERSIONS, params={"tenant_id": tenant_id})
    return [RulesVersion._make(row) for row in rows]


def insert_rules(storage: Storage, tenant_id: int, version: int, rules: str, created_ms: int, from_ms: int = 0) -> None:
    """A new version of a tenant's rules, for conversions from a time (epoch ms) on."""
    columns: dict[str, list[Any]] = {
        "tenant_id": [tenant_id],
        "rules_version": [version],
        "rules": [rules],
        "applies_from": [from_ms],
        "created_at": [created_ms],
    }
    storage.insert("rules", columns)


def insert_shadow(storage: Storage, tenant_id: int, version: int, rules: str, created_ms: int, from_ms: int) -> None:
    """A new version of a tenant's shadow rules, for conversions from a time (epoch ms) on; '' takes them away."""
    columns: dict[str, list[Any]] = {
        "tenant_id": [tenant_id],
        "shadow_version": [version],
        "rules": [rules],
        "applies_from": [from_ms],
        "created_at": [created_ms],
    }
    storage.insert("shadow_rules", columns)


def _first(rows: list[tuple[Any, ...]]) -> TenantRow | None:
    return TenantRow._make(rows[0]) if rows else None
