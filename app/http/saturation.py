"""Where has spend saturated, and where should it go? Statuses, curves, plans and tests' results; secret key only.

What needs numpy is imported where it is first asked for: a web process that is not asked stays light.
"""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response, g, request, url_for

from app.advice.refits import Reason, Refits
from app.advice.settings import read_settings, set_settings, settings_of
from app.errors import BadInput
from app.http.answers import json_of
from app.http.asked import only
from app.http.auth import secret_key
from app.http.body import read_body
from app.http.parts import clock_ms, own_storage, parts
from app.reports.days import day_of, read_day
from app.storage.redis import get_redis

bp = Blueprint("saturation", __name__)

_PICTURES = {"png": "image/png", "svg": "image/svg+xml"}


@bp.get("/v1/saturation")
@secret_key
def statuses() -> Response:
    """Every channel's status, with its probability, reason and advice."""
    from app.advice.statuses import overview

    only("as_of")
    return json_of(overview(own_storage(), _refits(), g.tenant, request.args.get("as_of", ""), clock_ms()))


@bp.get("/v1/saturation/<any_id:channel>")
@secret_key
def channel(channel: str) -> Response:
    """One channel, with curve and history, or its curve as a picture. A channel's name may hold slashes."""
    from app.advice.statuses import one_channel

    only("as_of", "format")
    kind = request.args.get("format", "json")
    if kind not in ("json", *_PICTURES):
        raise BadInput("bad_format", f"format is {kind[:40]!r}.", f"Use json, {' or '.join(_PICTURES)}.")
    answer = one_channel(own_storage(), _refits(), g.tenant, channel, request.args.get("as_of", ""), clock_ms())
    if kind == "json":
        return json_of(answer)
    from app.advice.pictures import picture

    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'"}
    return Response(picture(answer, kind), content_type=_PICTURES[kind], headers=headers)


@bp.post("/v1/saturation/train")
@secret_key
def train() -> Response:
    """Refit now, over the data until the last complete day or an earlier one; a job that GET /v1/jobs follows."""
    from app.advice.nightly import require_day

    asked, storage = _until(), own_storage()
    until = require_day(storage, g.tenant, settings_of(storage, g.tenant), asked, clock_ms())
    refit = _refits().ask(g.tenant.tenant_id, until, Reason.ASKED)
    url = url_for("jobs.progress", job_id=refit.job_id)
    answer = {"success": True, "job_id": refit.job_id, "url": url, "until": until.isoformat()}
    return json_of(answer, {"Location": url})


@bp.post("/v1/saturation/plan")
@secret_key
def plan() -> Response:
    """Where the budget should go, in steps that the evidence carries; kept as modelled until it is verified."""
    from app.advice.plans import make_plan, read_asked

    asked = read_asked(read_body(parts().settings.batch_bytes))
    return json_of(make_plan(own_storage(), _refits(), g.tenant, asked, clock_ms()))


@bp.get("/v1/saturation/plans")
@secret_key
def plans() -> Response:
    """The newest plans: what each claimed and, of those that were followed, what it brought."""
    from app.advice.plans import listed_plans

    only()
    return json_of({"plans": listed_plans(own_storage(), g.tenant)})


@bp.get("/v1/saturation/settings")
@secret_key
def settings() -> Response:
    """Which credit, margin, currency and days the next refit uses."""
    only()
    return json_of(settings_of(own_storage(), g.tenant))


@bp.put("/v1/saturation/settings")
@secret_key
def put_settings() -> Response:
    """Other ones, from the next refit on; what is left out has its default."""
    asked = read_settings(read_body(parts().settings.batch_bytes))
    set_settings(own_storage(), g.tenant, asked)
    return json_of(settings_of(own_storage(), g.tenant))


@bp.post("/v1/experiments")
@secret_key
def add_experiment() -> Response:
    """What a test of a channel found; it enters every refit after its end."""
    from app.advice.experiments import add_result, read_result, warnings_of

    today = day_of(clock_ms(), g.tenant.timezone)
    result, storage = read_result(read_body(parts().settings.batch_bytes), today), own_storage()
    warnings = warnings_of(storage, g.tenant, result)
    kept = {"success": True, "experiment": add_result(storage, g.tenant, result)}
    return json_of(kept | {"warnings": warnings} if warnings else kept)


@bp.get("/v1/experiments")
@secret_key
def experiments() -> Response:
    """The results that count."""
    from app.advice.experiments import results_of

    only()
    return json_of({"experiments": results_of(own_storage(), g.tenant)})


@bp.delete("/v1/experiments/<experiment_id>")
@secret_key
def delete_experiment(experiment_id: str) -> Response:
    """Take a result back; the next refit counts it no more."""
    from app.advice.experiments import delete_result

    delete_result(own_storage(), g.tenant, experiment_id)
    return json_of({"success": True, "experiment_id": experiment_id})


def _until() -> str:
    """The day that a body of {"until": "YYYY-MM-DD"} names; '' without one."""
    remedy = 'Send nothing, or {"until": "YYYY-MM-DD"}.'
    text = read_body(parts().settings.batch_bytes)
    try:
        body: Any = msgspec.json.decode(text) if text else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput("malformed_json", f"The body is not JSON: {error}.", remedy) from None
    if not isinstance(body, dict) or set(body) - {"until"} or not isinstance(body.get("until", ""), str):
        raise BadInput("bad_body", "The body is more than the day `until`.", remedy)
    if body.get("until"):
        read_day("until", body["until"])
    return str(body.get("until", ""))


def _refits() -> Refits:
    settings = parts().settings
    return Refits(get_redis(settings), settings.refit_deadline_s)



