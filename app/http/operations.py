"""Is it well? `/healthz` says that the process lives, `/readyz` whether the parts that it needs answer."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
from flask import Blueprint, Response

from app.http.parts import parts

bp = Blueprint("operations", __name__)


class Part(msgspec.Struct, omit_defaults=True):
    """One part that is needed; `remedy` is given where it does not answer."""

    ok: bool
    milliseconds: float = -1.0
    message: str = ""
    remedy: str = ""


@bp.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return _json({"success": True, "status": "alive"}, 200)


@bp.get("/readyz")
def readyz() -> Response:
    """Redis and ClickHouse answer. While only ClickHouse is away, events are still taken."""
    service = parts()
    found = {
        "redis": _try(
            service.ping_redis, "Start Redis, or correct TRIBUTARY_REDIS_URL; no events are taken without it."
        ),
        "clickhouse": _try(
            service.ping_clickhouse,
            "Start ClickHouse, or correct TRIBUTARY_CLICKHOUSE_URL; events are taken, reports are not answered.",
        ),
    }
    missing = [name for name, part in found.items() if not part.ok]
    if not missing:
        return _json({"success": True, "status": "ready", "parts": found}, 200)
    answer = {
        "success": False,
        "code": "not_ready",
        "message": f"{' and '.join(missing)} {'does' if len(missing) == 1 else 'do'} not answer.",
        "detail": " ".join(found[name].remedy for name in missing),
        "parts": found,
    }
    response = _json(answer, 503)
    response.headers["Retry-After"] = "2"
    return response


def _try(ping: Callable[[], object], remedy: str) -> Part:
    started = time.perf_counter()
    try:
        ping()
    except Exception as error:
        # The message may name hosts and users: its type says enough to whoever may not see the logs.
        return Part(False, message=f"No answer ({type(error).__name__}).", remedy=remedy)
    return Part(True, milliseconds=round((time.perf_counter() - started) * 1000, 2))


def _json(answer: object, status: int) -> Response:
    response = Response(msgspec.json.encode(answer), status=status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
