"""How is a person parted, erased, and a credit's past told? All with the secret key."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response, g, request, url_for

from app.attribution.names import FIVE_MODELS
from app.errors import BadInput, NotFound
from app.http.auth import secret_key
from app.http.parts import parts
from app.identity.unmerge import unmerge
from app.ledger.erase import request_erasure
from app.reports.changes import shown
from app.storage import keys
from app.storage.changes import changes_of
from app.storage.connections import get_storage
from app.storage.conversions import keys_of_orders
from app.storage.erasures import ErasureRow, erasure
from app.storage.redis import get_redis

bp = Blueprint("persons", __name__)

_UNMERGE = 'Send {"id": "…", "from": "…"}, two ids that met; "undo": true takes a cut back.'


@bp.get("/v1/conversions/<path:order_id>/history")
@secret_key
def conversion_history(order_id: str) -> Response:
    """Before and after of everything that changed the credit of an order."""
    _only("conversion_type")
    wanted = request.args.get("conversion_type", "")
    found = keys_of_orders(_storage(), {g.tenant.tenant_id: [order_id]})[g.tenant.tenant_id]
    chosen = {row.conversion_key: row.conversion_type for row in found if wanted in ("", row.conversion_type)}
    if not chosen:
        raise NotFound("no_such_order", f"There is no conversion with the order_id {order_id[:80]!r}.", "")
    rows = changes_of(_storage(), g.tenant.tenant_id, sorted(chosen))
    changes = [{"conversion_type": chosen[row.conversion_key], **shown(row)} for row in rows]
    return _json({"order_id": order_id, "models": [str(model) for model in FIVE_MODELS], "changes": changes})


@bp.post("/v1/persons/unmerge")
@secret_key
def part() -> Response:
    """Take a wrong meeting of two ids back, and credit both persons' conversions again."""
    body = _unmerge_body()
    settings = parts().settings
    done = unmerge(
        get_redis(settings),
        _storage(),
        settings,
        g.tenant,
        body["id"],
        body["from"],
        kind=body.get("id_kind", ""),
        other_kind=body.get("from_kind", ""),
        undo=body.get("undo", False),
    )
    url = url_for("jobs.progress", job_id=done.run_id)
    meetings = [[_named(id) for id in pair] for pair in done.pairs]
    told = {"meetings": meetings, "undone": body.get("undo", False), "conversions": done.conversions}
    return _json({"success": True, "job_id": done.run_id, "url": url, **told})


@bp.delete("/v1/persons/<path:id>")
@secret_key
def erase(id: str) -> Response:
    """Erase a person: invisible when this answers, gone for good soon after, with a proof to be asked for."""
    _only("conversions", "kind")
    settings = parts().settings
    row = request_erasure(
        get_redis(settings),
        _storage(),
        settings,
        g.tenant,
        id,
        kind=request.args.get("kind", ""),
        mode=request.args.get("conversions", "anonymise"),
    )
    return _json({"success": True, **_erasure(row)})


@bp.get("/v1/erasures/<erasure_id>")
@secret_key
def erasure_progress(erasure_id: str) -> Response:
    """How far an erasure is; its proof once it is closed."""
    row = erasure(_storage(), g.tenant.tenant_id, erasure_id)
    if row is None:
        raise NotFound("no_such_erasure", f"There is no erasure {erasure_id[:80]!r}.", "It is in the answer to DELETE.")
    if row.state != "erased":
        # Whatever became of the note in Redis: asking brings it back.
        mark = f"{g.tenant.tenant_id}:{row.erasure_id}"
        get_redis(parts().settings).zadd(keys.ERASURES_DUE, {mark: row.requested_ms}, nx=True)
    return _json(_erasure(row))


def _erasure(row: ErasureRow) -> dict[str, Any]:
    return {
        "erasure_id": row.erasure_id,
        "url": url_for("persons.erasure_progress", erasure_id=row.erasure_id),
        "state": row.state,
        "conversions": row.mode,
        "job_id": row.run_id or None,
        "requested_ms": row.requested_ms,
        "closed_ms": row.closed_ms or None,
        "proof": msgspec.json.decode(row.proof) if row.proof else None,
    }


def _unmerge_body() -> dict[str, Any]:
    try:
        body: Any = msgspec.json.decode(request.get_data(cache=False))
    except msgspec.DecodeError as error:
        raise BadInput("malformed_json", f"The body is not JSON: {error}.", _UNMERGE) from None
    if not isinstance(body, dict):
        raise BadInput("bad_body", "The body is not a JSON object.", _UNMERGE)
    unknown = sorted(set(body) - {"id", "from", "id_kind", "from_kind", "undo"})
    if unknown:
        raise BadInput("unknown_field", f"The body has a field {unknown[0][:40]!r}.", _UNMERGE)
    for field in ("id", "from"):
        if not isinstance(body.get(field), str) or not body[field]:
            raise BadInput("missing_field", f"The body has no id in {field!r}.", _UNMERGE)
    texts = (body.get("id_kind", ""), body.get("from_kind", ""))
    if not isinstance(body.get("undo", False), bool) or not all(isinstance(text, str) for text in texts):
        raise BadInput("bad_type", "undo is no truth value, or a kind is no text.", _UNMERGE)
    return body


def _named(raw: str) -> dict[str, str]:
    return {"userId" if raw.startswith("u:") else "anonymousId": raw[2:]}


def _only(*names: str) -> None:
    for name in request.args:
        if name not in names:
            raise BadInput(
                "unknown_parameter", f"There is no parameter {name[:40]!r} here.", f"Use {', '.join(names)}."
            )


def _storage() -> Any:
    return get_storage(settings=parts().settings)


def _json(answer: object) -> Response:
    return Response(msgspec.json.encode(answer), content_type="application/json")
