"""How is a range attributed again, and how far is it? Both with the secret key."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from flask import Blueprint, Response, g, url_for

from app.advice.refits import Refits, refit_job
from app.errors import NotFound
from app.http.answers import json_of
from app.http.asked import DAYS, Days, only, read_form
from app.http.auth import secret_key
from app.http.parts import clock_ms, own_storage, parts
from app.ledger.model_jobs import ModelJobs
from app.ledger.reattribute import start_reattribution
from app.ledger.runs import Runs
from app.ledger.tenant_jobs import newest
from app.reports.channels import model_job
from app.reports.days import read_period
from app.reports.jobs import job
from app.storage.redis import get_redis

bp = Blueprint("jobs", __name__)


@bp.post("/v1/reattribute")
@secret_key
def reattribute() -> Response:
    """Attribute the conversions of some days again. 200 as everywhere: the job is recorded when this answers."""
    body = read_form(Days, DAYS)
    period = read_period(body.first, body.end, timezone=g.tenant.timezone, now_ms=clock_ms())
    settings = parts().settings
    job_id = start_reattribution(get_redis(settings), own_storage(), settings, g.tenant, period.from_ms, period.to_ms)
    url = url_for("jobs.progress", job_id=job_id)
    answer = {"success": True, "job_id": job_id, "url": url}
    answer |= {"from": period.first.isoformat(), "to": period.end.isoformat(), "timezone": period.timezone}
    return json_of(answer, {"Location": url})


@bp.get("/v1/jobs/<job_id>")
@secret_key
def progress(job_id: str) -> Response:
    """Chunks and conversions (or channels, or steps) done, state, times and failures of one of the tenant's jobs."""
    only()
    return json_of(_job(job_id))


@bp.get("/v1/jobs")
@secret_key
def listing() -> Response:
    """The newest of the tenant's jobs as each shows itself, the newest first."""
    only()
    found = []
    for job_id in newest(get_redis(parts().settings), g.tenant.tenant_id):
        with suppress(NotFound):  # begun more than 7 days ago
            found.append(_job(job_id))
    return json_of({"jobs": found})


def _job(job_id: str) -> dict[str, Any]:
    settings = parts().settings
    redis = get_redis(settings)
    found = model_job(ModelJobs(redis), g.tenant, job_id)
    if found is None:
        found = refit_job(Refits(redis, settings.refit_deadline_s), g.tenant, job_id)
    if found is None:
        found = job(Runs(redis, settings.chunk_deadline_s), g.tenant, job_id)
    return found
