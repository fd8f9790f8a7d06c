"""Who is a tenant, as every process that serves one needs to know it?"""

from __future__ import annotations

import msgspec

from app.tenants.rules import Rules


class Tenant(msgspec.Struct, frozen=True):
    """A tenant and its rules in force. `hosts` are its own sites: a page reached from one of them is no touch."""

    tenant_id: int
    slug: str
    name: str
    timezone: str = "UTC"
    currency: str = "USD"
    retention_days: int = 400
    hosts: tuple[str, ...] = ()
    state: str = "active"
    rules: Rules = Rules()
