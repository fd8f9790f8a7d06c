"""How is what a tenant sets about itself described?"""

from __future__ import annotations

from typing import Any

from app.http.openapi_rules import call_of, object_of

_TEXT, _WHOLE = {"type": "string"}, {"type": "integer"}
_DAYS = {"type": "integer", "minimum": 1, "maximum": 3650}


def tenant_paths() -> dict[str, Any]:
    """The paths of the tenant itself, with the secret key."""
    changed = call_of(
        "How long events are kept, those stored already too; what becomes too old is deleted for good.",
        "TenantChanged",
        object_of(["retention_days"], retention_days=_DAYS),
    )
    return {"/v1/tenant": {"get": call_of("The tenant that the key is of.", "Tenant"), "patch": changed}}


_TENANT = {
    "tenant_id": _WHOLE,
    "slug": _TEXT,
    "name": _TEXT,
    "timezone": _TEXT,
    "currency": _TEXT,
    "hosts": {"type": "array", "items": _TEXT},
    "retention_days": _DAYS,
}
TENANT_SCHEMAS: dict[str, Any] = {
    "Tenant": object_of(list(_TENANT), **_TENANT),
    "TenantChanged": object_of(["success", *_TENANT], success={"const": True}, **_TENANT),
}
