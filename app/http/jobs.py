"""How is a range attributed again, and how far is it? Both with the secret key."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from flask import Blueprint, Response, g, request, url_for

from app.advice.refits import Refits, refit_job
from app.errors import BadInput
from app.http.auth import secret_key
from app.http.parts import parts
from app.ledger.model_jobs import ModelJobs
from app.ledger.reattribute import start_reattribution
from app.ledger.runs import Runs
from app.reports.channels import model_job
from app.reports.days import read_period
from app.reports.jobs import job
from app.storage.connections import get_storage
from app.storage.redis import get_redis

bp = Blueprint("jobs", __name__)

_BODY = 'Send {"from": "YYYY-MM-DD", "to": "YYYY-MM-DD"}; `from` is included, `to` is not.'


@bp.post("/v1/reattribute")
@secret_key
def reattribute() -> Response:
    """Attribute the conversions of some days again. 200 as everywhere: the job is recorded when this answers."""
    body = _body()
    period = read_period(body["from"], body["to"], timezone=g.tenant.timezone, now_ms=_now_ms())
    settings = parts().settings
    job_id = start_reattribution(
        get_redis(settings), get_storage(settings=settings), settings, g.tenant, period.from_ms, period.to_ms
    )
    url = url_for("jobs.progress", job_id=job_id)
    answer = {"success": True, "job_id": job_id, "url": url}
    answer |= {"from": period.first.isoformat(), "to": period.end.isoformat(), "timezone": period.timezone}
    return Response(msgspec.json.encode(answer), content_type="application/json", headers={"Location": url})


@bp.get("/v1/jobs/<job_id>")
@secret_key
def progress(job_id: str) -> Response:
    """Chunks and conversions (or steps) done, state, times and failures of one of the tenant's jobs."""
    settings = parts().settings
    redis = get_redis(settings)
    found = model_job(ModelJobs(redis), g.tenant, job_id)
    if found is None:
        found = refit_job(Refits(redis, settings.refit_deadline_s), g.tenant, job_id)
    if found is None:
        found = job(Runs(redis, settings.chunk_deadline_s), g.tenant, job_id)
    return Response(msgspec.json.encode(found), content_type="application/json")


def _body() -> dict[str, str]:
    """`from` and `to`, both needed: nobody should restate a month by leaving a word out."""
    try:
        body: Any = msgspec.json.decode(request.get_data(cache=False))
    except msgspec.DecodeError as error:
        raise BadInput("malformed_json", f"The body is not JSON: {error}.", _BODY) from None
    if not isinstance(body, dict):
        raise BadInput("bad_body", "The body is not a JSON object.", _BODY)
    for field in ("from", "to"):
        if not isinstance(body.get(field), str) or not body[field]:
            raise BadInput("missing_field", f"The body has no day in {field!r}.", _BODY)
    unknown = sorted(set(body) - {"from", "to"})
    if unknown:
        raise BadInput("unknown_field", f"The body has a field {unknown[0][:40]!r}.", _BODY)
    return {"from": body["from"], "to": body["to"]}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
