"""How does a tenant say where it wants to be told of closed runs? With the secret key."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response, g

from app.http.answers import json_of
from app.http.asked import only, read_form
from app.http.auth import secret_key
from app.http.parts import own_storage, parts
from app.ledger.webhooks import add_webhook, delete_webhook
from app.reports.days import rfc3339
from app.storage.redis import get_redis
from app.storage.webhooks import Webhook, webhooks_of

bp = Blueprint("webhooks", __name__)


class _Add(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    kinds: list[str] = []


_BODY = 'Send {"url": "https://…"}, and "kinds": ["reattribute", …] where not every run is of interest.'


@bp.post("/v1/webhooks")
@secret_key
def add() -> Response:
    """A new webhook; its secret is in this answer and nowhere else."""
    body = read_form(_Add, _BODY)
    settings = parts().settings
    hook = add_webhook(get_redis(settings), own_storage(), settings, g.tenant, body.url, body.kinds)
    return json_of({"success": True, **_shown(hook), "secret": hook.secret})


@bp.get("/v1/webhooks")
@secret_key
def listed() -> Response:
    """The tenant's webhooks, without their secrets."""
    only()
    hooks = webhooks_of(own_storage(), g.tenant.tenant_id)
    return json_of({"webhooks": [_shown(hook) for hook in hooks]})


@bp.delete("/v1/webhooks/<webhook_id>")
@secret_key
def remove(webhook_id: str) -> Response:
    """Tell this address no more."""
    delete_webhook(own_storage(), g.tenant, webhook_id)
    return json_of({"success": True, "webhook_id": webhook_id})


def _shown(hook: Webhook) -> dict[str, Any]:
    return {
        "webhook_id": hook.webhook_id,
        "url": hook.url,
        "kinds": hook.kinds,
        "created_at": rfc3339(hook.created_ms),
    }

