"""How is it told why numbers moved? Every change of credit that was made on some days, with the secret key."""

from __future__ import annotations

from flask import Blueprint, Response, g, request

from app.errors import BadInput
from app.http.answers import json_of
from app.http.asked import only, period_asked
from app.http.auth import secret_key
from app.http.parts import own_storage
from app.ledger.runs import RunKind
from app.reports.changes import changes
from app.reports.pages import read_limit

bp = Blueprint("changes", __name__)

REASONS = tuple(str(kind) for kind in RunKind if kind is not RunKind.SHADOW)
"""What re-attributes the ledger; a shadow's own run leaves it as it is."""
SHOWN, MOST_SHOWN = 100, 1_000


@bp.get("/v1/changes")
@secret_key
def changed() -> Response:
    """What changed in credits that stood, and what it moved."""
    only("from", "to", "reason", "limit", "after")
    period = period_asked(g.tenant.timezone)
    answer = changes(
        own_storage(),
        g.tenant,
        period,
        reason=_reason(request.args.get("reason", "")),
        after=request.args.get("after", ""),
        limit=read_limit(request.args.get("limit", str(SHOWN)), MOST_SHOWN, "changes"),
    )
    return json_of(answer)


def _reason(text: str) -> str:
    if text and text not in REASONS:
        raise BadInput("bad_reason", f"reason is {text[:40]!r}.", f"Use one of {', '.join(REASONS)}, or leave it out.")
    return text
