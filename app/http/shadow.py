"""How is a second rule set put beside the first, read and taken away again? With the secret key."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response, g

from app.errors import NotFound
from app.http.answers import json_of
from app.http.asked import only, read_form
from app.http.auth import secret_key
from app.http.parts import own_storage, parts
from app.http.rules import From, begins_ms, fresh_tenant, from_text, jobs_of, registry
from app.ledger.rules_change import apply_shadow, decided_on_arrival, drop_shadow
from app.storage.redis import get_redis
from app.tenants.checks import read_rules
from app.tenants.tenant import Tenant

bp = Blueprint("shadow", __name__)


class _Put(msgspec.Struct, forbid_unknown_fields=True):
    rules: msgspec.Raw
    apply: str | From = "history"


_PUT = 'Send {"rules": {…}, "apply": "history", "from_now" or {"from": "YYYY-MM-DD"}}.'


@bp.get("/v1/rules/shadow")
@secret_key
def shadow() -> Response:
    """The second rule set."""
    only()
    return json_of(_shown(fresh_tenant()))


@bp.put("/v1/rules/shadow")
@secret_key
def change() -> Response:
    """Another second rule set; every conversion is credited under it, the ledger stays as it is."""
    body = read_form(_Put, _PUT)
    new = read_rules(body.rules)
    tenant, settings = fresh_tenant(), parts().settings
    from_ms = begins_ms(body.apply, tenant)
    if body.apply == "from_now" and tenant.shadow is not None and tenant.shadow.rules.same_as(new):
        from_ms = tenant.shadow.from_ms  # it holds now: the same again changes nothing
    applied = apply_shadow(get_redis(settings), own_storage(), settings, registry(), tenant.tenant_id, new, from_ms)
    more = {"decided_on_arrival": decided_on_arrival(tenant.rules, new)}
    return json_of({"success": True} | _shown(applied.tenant) | more | jobs_of(applied))


@bp.delete("/v1/rules/shadow")
@secret_key
def remove() -> Response:
    """No second rule set any more, and nothing that was credited under it."""
    return json_of({"success": True, "deleted": drop_shadow(own_storage(), registry(), g.tenant.tenant_id)})


def _shown(tenant: Tenant) -> dict[str, Any]:
    if tenant.shadow is None:
        raise no_shadow()
    shadow = tenant.shadow
    return {"version": shadow.rules.version, "applies_from": from_text(shadow.from_ms), "rules": shadow.rules}


def no_shadow() -> NotFound:
    """The tenant has one rule set only."""
    return NotFound("no_shadow", "There is no shadow rule set.", "Put one with PUT /v1/rules/shadow.")
