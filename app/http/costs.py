"""How do costs and corrections come in? Spend rows and adjustments, with the secret key."""

from __future__ import annotations

import time

from flask import Blueprint, Response, g

from app.http.auth import secret_key
from app.http.body import read_body
from app.http.ingest import answer, keep, unread
from app.http.parts import parts
from app.ingest.adjustments import ADJUSTMENT_FIELDS, read_adjustment
from app.ingest.envelope import open_rows
from app.ingest.judge import Dialect, judge_rows
from app.ingest.reading import begin_reading
from app.ingest.spend import SPEND_FIELDS, newest_rows, read_spend

bp = Blueprint("costs", __name__)


@bp.post("/v1/spend")
@secret_key
def spend() -> Response:
    """Rows of day, channel, campaign, amount and currency; a row replaces an earlier one of the same key."""
    service, received_ms = parts(), time.time_ns() // 1_000_000
    posted = open_rows(read_body(service.settings.batch_bytes), "rows")
    reading = begin_reading(g.tenant, received_ms, None, service.settings)
    rows, verdicts = judge_rows(posted, read_spend, Dialect.SPEND, reading, g.tenant.tenant_id)
    keep(service, g.tenant, received_ms, verdicts, spend=newest_rows(rows))
    return answer(verdicts, len(rows), alone=posted.alone, warnings=unread(posted, SPEND_FIELDS))


@bp.post("/v1/adjustments")
@secret_key
def adjustments() -> Response:
    """Refunds and corrections: one or a list; each counts once by its order and adjustment_id."""
    service, received_ms = parts(), time.time_ns() // 1_000_000
    posted = open_rows(read_body(service.settings.batch_bytes), "adjustments")
    reading = begin_reading(g.tenant, received_ms, None, service.settings)
    rows, verdicts = judge_rows(posted, read_adjustment, Dialect.ADJUSTMENT, reading, g.tenant.tenant_id)
    keep(service, g.tenant, received_ms, verdicts, adjustments=rows)
    return answer(verdicts, len(rows), alone=posted.alone, warnings=unread(posted, ADJUSTMENT_FIELDS))
