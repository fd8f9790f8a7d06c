"""How is a person parted, erased, and a credit's past told? All with the secret key."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response, g, request, url_for

from app.attribution.names import FIVE_MODELS
from app.errors import NotFound
from app.http.answers import json_of
from app.http.asked import Said, only, read_form
from app.http.auth import secret_key
from app.http.parts import own_storage, parts
from app.identity.unmerge import unmerge
from app.ledger.erase import request_erasure
from app.reports.changes import shown
from app.reports.days import rfc3339
from app.reports.unknown import unknown_order
from app.storage import keys
from app.storage.changes import changes_of
from app.storage.conversions import keys_of_orders
from app.storage.erasures import ErasureRow, erasure
from app.storage.redis import get_redis

bp = Blueprint("persons", __name__)

_UNMERGE = 'Send {"id": "…", "from": "…"}, two ids that met; "undo": true takes a cut back.'


class _Unmerge(msgspec.Struct, rename={"other": "from", "other_kind": "from_kind"}, forbid_unknown_fields=True):
    id: Said
    other: Said
    id_kind: str = ""
    other_kind: str = ""
    undo: bool = False


@bp.get("/v1/conversions/<any_id:order_id>/history")
@secret_key
def conversion_history(order_id: str) -> Response:
    """Before and after of everything that changed the credit of an order."""
    only("conversion_type")
    wanted = request.args.get("conversion_type", "")
    found = keys_of_orders(own_storage(), {g.tenant.tenant_id: [order_id]})[g.tenant.tenant_id]
    chosen = {row.conversion_key: row.conversion_type for row in found if wanted in ("", row.conversion_type)}
    if not chosen:
        types = list(dict.fromkeys(row.conversion_type for row in found))
        raise unknown_order(own_storage(), g.tenant, order_id, wanted, types)
    rows = changes_of(own_storage(), g.tenant.tenant_id, sorted(chosen))
    changes = [{"conversion_type": chosen[row.conversion_key], **shown(row)} for row in rows]
    return json_of({"order_id": order_id, "models": [str(model) for model in FIVE_MODELS], "changes": changes})


@bp.post("/v1/persons/unmerge")
@secret_key
def part() -> Response:
    """Take a wrong meeting of two ids back, and credit both persons' conversions again."""
    body = read_form(_Unmerge, _UNMERGE)
    settings = parts().settings
    done = unmerge(
        get_redis(settings),
        own_storage(),
        settings,
        g.tenant,
        body.id,
        body.other,
        kind=body.id_kind,
        other_kind=body.other_kind,
        undo=body.undo,
    )
    url = url_for("jobs.progress", job_id=done.run_id)
    meetings = [[_named(id) for id in pair] for pair in done.pairs]
    told = {"meetings": meetings, "undone": body.undo, "conversions": done.conversions}
    return json_of({"success": True, "job_id": done.run_id, "url": url, **told})


@bp.delete("/v1/persons/<any_id:id>")
@secret_key
def erase(id: str) -> Response:
    """Erase a person: invisible when this answers, gone for good soon after, with a proof to be asked for."""
    only("conversions", "kind")
    settings = parts().settings
    row = request_erasure(
        get_redis(settings),
        own_storage(),
        settings,
        g.tenant,
        id,
        kind=request.args.get("kind", ""),
        mode=request.args.get("conversions", "anonymise"),
    )
    return json_of({"success": True, **_erasure(row)})


@bp.get("/v1/erasures/<erasure_id>")
@secret_key
def erasure_progress(erasure_id: str) -> Response:
    """How far an erasure is; its proof once it is closed."""
    only()
    row = erasure(own_storage(), g.tenant.tenant_id, erasure_id)
    if row is None:
        raise NotFound("no_such_erasure", f"There is no erasure {erasure_id[:80]!r}.", "It is in the answer to DELETE.")
    if row.state != "erased":
        # Whatever became of the note in Redis: asking brings it back.
        mark = f"{g.tenant.tenant_id}:{row.erasure_id}"
        get_redis(parts().settings).zadd(keys.ERASURES_DUE, {mark: row.requested_ms}, nx=True)
    return json_of(_erasure(row))


def _erasure(row: ErasureRow) -> dict[str, Any]:
    return {
        "erasure_id": row.erasure_id,
        "url": url_for("persons.erasure_progress", erasure_id=row.erasure_id),
        "state": row.state,
        "conversions": row.mode,
        "job_id": row.run_id or None,
        "requested_at": rfc3339(row.requested_ms),
        "closed_at": rfc3339(row.closed_ms) if row.closed_ms else None,
        "proof": msgspec.json.decode(row.proof) if row.proof else None,
    }


def _named(raw: str) -> dict[str, str]:
    return {"userId" if raw.startswith("u:") else "anonymousId": raw[2:]}
