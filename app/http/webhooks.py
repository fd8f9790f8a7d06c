"""How does a tenant say where it wants to be told of closed runs? With the secret key."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response, g, request

from app.errors import BadInput
from app.http.auth import secret_key
from app.http.parts import parts
from app.ledger.webhooks import add_webhook, delete_webhook
from app.reports.days import rfc3339
from app.storage.connections import get_storage
from app.storage.redis import get_redis
from app.storage.webhooks import Webhook, webhooks_of

bp = Blueprint("webhooks", __name__)

_BODY = 'Send {"url": "https://…"}, and "kinds": ["reattribute", …] where not every run is of interest.'


@bp.post("/v1/webhooks")
@secret_key
def add() -> Response:
    """A new webhook; its secret is in this answer and nowhere else."""
    body = _body()
    settings = parts().settings
    storage, kinds = get_storage(settings=settings), body.get("kinds", [])
    hook = add_webhook(get_redis(settings), storage, settings, g.tenant, body["url"], kinds)
    return _json({"success": True, **_shown(hook), "secret": hook.secret})


@bp.get("/v1/webhooks")
@secret_key
def listed() -> Response:
    """The tenant's webhooks, without their secrets."""
    hooks = webhooks_of(get_storage(settings=parts().settings), g.tenant.tenant_id)
    return _json({"webhooks": [_shown(hook) for hook in hooks]})


@bp.delete("/v1/webhooks/<webhook_id>")
@secret_key
def remove(webhook_id: str) -> Response:
    """Tell this address no more."""
    delete_webhook(get_storage(settings=parts().settings), g.tenant, webhook_id)
    return _json({"success": True, "webhook_id": webhook_id})


def _shown(hook: Webhook) -> dict[str, Any]:
    return {
        "webhook_id": hook.webhook_id,
        "url": hook.url,
        "kinds": hook.kinds,
        "created_at": rfc3339(hook.created_ms),
    }


def _body() -> dict[str, Any]:
    try:
        body: Any = msgspec.json.decode(request.get_data(cache=False))
    except msgspec.DecodeError as error:
        raise BadInput("malformed_json", f"The body is not JSON: {error}.", _BODY) from None
    if not isinstance(body, dict) or not isinstance(body.get("url"), str):
        raise BadInput("missing_field", "The body has no url.", _BODY)
    if unknown := sorted(set(body) - {"url", "kinds"}):
        raise BadInput("unknown_field", f"The body has a field {unknown[0][:40]!r}.", _BODY)
    kinds = body.get("kinds", [])
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        raise BadInput("bad_type", "kinds is no list of texts.", _BODY)
    return body


def _json(answer: object) -> Response:
    return Response(msgspec.json.encode(answer), content_type="application/json")
