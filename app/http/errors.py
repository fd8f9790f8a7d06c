"""How does the edge say that something went wrong? One JSON form for every error; no 5xx but 503.

``{"success": false, "code", "message", "detail"}``, with Retry-After where the same request may succeed later.
"""

from __future__ import annotations

import logging
import uuid

import msgspec
from flask import Flask, Response, current_app, request
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from app.errors import TributaryError, Unavailable

RETRY_AFTER_S = 1
log = logging.getLogger(__name__)

_CODES: dict[int, tuple[str, str]] = {
    400: ("bad_request", "Correct the request; /docs shows what is expected."),
    404: ("not_found", "/docs lists the addresses that there are."),
    405: ("method_not_allowed", "Use a method that the Allow header names."),
    413: ("body_too_large", "Send less in one request."),
    415: ("unsupported_media_type", "Send JSON with Content-Type: application/json."),
}


def register_errors(app: Flask) -> None:
    """Answer every error of the app in the one form."""
    app.register_error_handler(TributaryError, _ours)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(RedisError, _without_redis)
    app.register_error_handler(Exception, _unexpected)


def error_answer(error: TributaryError, *, extra: dict[str, object] | None = None) -> Response:
    """The answer for one of our errors."""
    status = error.status
    if status >= 500:
        status = 503
    answer: dict[str, object] = {
        "success": False,
        "code": error.code,
        "message": error.message,
        "detail": error.detail,
    }
    response = Response(msgspec.json.encode(answer | (extra or {})), status=status, content_type="application/json")
    if status in (429, 503):
        response.headers["Retry-After"] = str(error.retry_after_s or RETRY_AFTER_S)
    if status == 401:
        # Every key may come as a Bearer token. Were Basic named, a browser would open its own login window instead of
        # letting the dashboard say that the key is wrong.
        response.headers["WWW-Authenticate"] = 'Bearer realm="tributary"'
    return response


def _ours(error: TributaryError) -> Response:
    if error.status >= 500:
        log.error("edge: %s %s: %s: %s", request.method, request.path, error.code, error)
    return error_answer(error)


def _of_http(error: HTTPException) -> Response:
    if error.response is not None and isinstance(error.response, Response):
        return error.response
    status = error.code or 400
    if status >= 500:
        return _unexpected(error)
    code, remedy = _CODES.get(status, _CODES[400])
    message = f"{request.method} {request.path[:200]}: {error.name}."
    if status == 404 and (field := _left_empty()):
        message, remedy = f"{field} is empty.", f"Name one: {request.method} {request.path}{{{field}}}."
    response = error_answer(TributaryError(code, message, remedy, status=status))
    for name, value in error.get_headers():
        if name == "Allow" or name == "Location":
            response.headers[name] = value
    return response


def _left_empty() -> str:
    """What the address would name if anything stood at its end; '' where nothing would help."""
    if request.path.endswith("/") and request.routing_exception is not None:
        try:
            _, given = current_app.url_map.bind("").match(f"{request.path}x", request.method)
        except HTTPException:
            return ""
        return next(iter(given), "")
    return ""


def _without_redis(error: RedisError) -> Response:
    log.error("edge: %s %s: Redis: %s", request.method, request.path, error)
    remedy = "Send the same request again; if it stays, whoever runs this finds what is away at /readyz."
    return error_answer(Unavailable("redis_unavailable", "Redis does not answer.", remedy, retry_after_s=2))


def _unexpected(error: Exception) -> Response:
    error_id = uuid.uuid4().hex[:12]
    log.error("edge: %s %s: error %s", request.method, request.path, error_id, exc_info=error)
    return error_answer(
        TributaryError(
            "internal_error",
            f"Something went wrong here ({error_id}).",
            "Send the same request again; if it stays, ask support and name the id.",
            status=503,
            retry_after_s=5,
        )
    )
