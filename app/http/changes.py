"""How is it told why numbers moved? Every change of credit that was made on some days, with the secret key."""

from __future__ import annotations

import time

import msgspec
from flask import Blueprint, Response, g, request

from app.errors import BadInput
from app.http.asked import only
from app.http.auth import secret_key
from app.http.parts import parts
from app.ledger.runs import RunKind
from app.reports.changes import changes
from app.reports.days import read_period
from app.reports.pages import read_limit
from app.storage.connections import get_storage

bp = Blueprint("changes", __name__)

REASONS = tuple(str(kind) for kind in RunKind if kind is not RunKind.SHADOW)
"""What re-attributes the ledger; a shadow's own run leaves it as it is."""
SHOWN, MOST_SHOWN = 100, 1_000


@bp.get("/v1/changes")
@secret_key
def changed() -> Response:
    """What changed in credits that stood, and what it moved."""
    only("from", "to", "reason", "limit", "after")
    period = read_period(
        request.args.get("from", ""),
        request.args.get("to", ""),
        timezone=g.tenant.timezone,
        now_ms=time.time_ns() // 1_000_000,
    )
    answer = changes(
        get_storage(settings=parts().settings),
        g.tenant,
        period,
        reason=_reason(request.args.get("reason", "")),
        after=request.args.get("after", ""),
        limit=read_limit(request.args.get("limit", str(SHOWN)), MOST_SHOWN, "changes"),
    )
    return Response(msgspec.json.encode(answer), content_type="application/json")


def _reason(text: str) -> str:
    if text and text not in REASONS:
        raise BadInput("bad_reason", f"reason is {text[:40]!r}.", f"Use one of {', '.join(REASONS)}, or leave it out.")
    return text
