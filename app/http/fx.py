"""How do exchange rates come in, and which are there? Rates by day and pair, a tenant's own; secret key only."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

from flask import Blueprint, Response, g, request

from app.errors import BadInput
from app.http.answers import json_of
from app.http.asked import only, period_asked
from app.http.auth import secret_key
from app.http.body import read_body
from app.http.ingest import answer, unread
from app.http.parts import own_storage, parts
from app.ingest.envelope import Posted, open_rows
from app.ingest.explain import UNREADABLE, explain
from app.ingest.fx import RATE_FIELDS, Rate, newest_rates, read_rate
from app.ingest.judge import Rejection, Verdicts
from app.ingest.refusals import Refused
from app.reports.query import period_params, read_currency
from app.storage.fx import RATES_LISTED, insert_rates

bp = Blueprint("fx", __name__)

MOST_LISTED = 50_000
_TASK = "edge.fx"


@bp.post("/v1/fx")
@secret_key
def post_rates() -> Response:
    """Rows of day, currency, into and rate; a row replaces an earlier one of the same key. Stored when answered."""
    service = parts()
    posted = open_rows(read_body(service.settings.batch_bytes), "rates")
    rows, verdicts = _read(posted)
    kept = newest_rates(rows)
    if kept:
        insert_rates(own_storage(), _columns(g.tenant.tenant_id, kept), task=_TASK)
    return answer(verdicts, len(rows), alone=posted.alone, warnings=unread(posted, RATE_FIELDS))


@bp.get("/v1/fx")
@secret_key
def list_rates() -> Response:
    """The stored rates of some days, of one pair or of all."""
    only("from", "to", "currency", "into")
    words = request.args
    period = period_asked(g.tenant.timezone)
    asked = {name: read_currency(words.get(name, "")) for name in ("currency", "into")}
    found = own_storage().rows(
        RATES_LISTED,
        tenant_id=g.tenant.tenant_id,
        params=period_params(period) | asked | {"limit": MOST_LISTED + 1},
        task=_TASK,
    )
    if len(found) > MOST_LISTED:
        raise BadInput("too_many_rates", f"More than {MOST_LISTED} rates.", "Ask for fewer days, or for one pair.")
    rates = [{"day": str(day), "currency": code, "into": into, "rate": rate} for day, code, into, rate in found]
    body = {"from": period.first.isoformat(), "to": period.end.isoformat(), "rates": rates}
    return json_of(body)


def _read(posted: Posted) -> tuple[list[Rate], Verdicts]:
    """A refused rate is in the answer alone: no dead letter, since it is not replayed but sent again."""
    rows, verdicts = [], Verdicts()
    for index, raw in enumerate(posted.items):
        try:
            rows.append(read_rate(raw))
        except Refused as refused:
            verdicts.rejected.append(Rejection(index, None, refused.code, refused.message, refused.detail))
        except UNREADABLE as error:
            why = explain(bytes(raw), error)
            verdicts.rejected.append(Rejection(index, None, why.code, why.message, why.detail))
    return rows, verdicts


def _columns(tenant_id: int, rates: list[Rate]) -> dict[str, list[Any]]:
    count = len(rates)
    return {
        "tenant_id": [tenant_id] * count,
        "day": [date.fromisoformat(row.day) for row in rates],
        "currency": [row.currency for row in rates],
        "into": [row.into for row in rates],
        "rate": [row.rate for row in rates],
        "version": [time.time_ns() // 1000] * count,
    }
