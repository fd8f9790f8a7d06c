"""What does a tenant set about itself, its rules apart? How long its events are kept. With the secret key."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response, g

from app.http.answers import json_of
from app.http.asked import only, read_form
from app.http.auth import secret_key
from app.http.parts import parts
from app.tenants.tenant import Tenant

bp = Blueprint("tenant", __name__)

_PATCH = 'Send {"retention_days": 1 to 3650}.'


class _Patch(msgspec.Struct, forbid_unknown_fields=True):
    retention_days: int


@bp.get("/v1/tenant")
@secret_key
def tenant() -> Response:
    """The tenant that the key is of."""
    only()
    return json_of(_shown(parts().registry.fresh(g.tenant.tenant_id)))


@bp.patch("/v1/tenant")
@secret_key
def change() -> Response:
    """How long events are kept, from now on; events that are stored already too."""
    body = read_form(_Patch, _PATCH)
    return json_of({"success": True} | _shown(parts().registry.set_retention(g.tenant.tenant_id, body.retention_days)))


def _shown(tenant: Tenant) -> dict[str, Any]:
    return {
        "tenant_id": tenant.tenant_id,
        "slug": tenant.slug,
        "name": tenant.name,
        "timezone": tenant.timezone,
        "currency": tenant.currency,
        "hosts": list(tenant.hosts),
        "retention_days": tenant.retention_days,
    }

