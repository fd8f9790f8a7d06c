"""Which pages may call the edge from a browser? Any page may send events; nothing else is offered to browsers."""

from __future__ import annotations

from flask import Response, request

_ALLOWED_HEADERS = "Authorization, Content-Type, Content-Encoding, X-Write-Key"


def allow_any_origin(response: Response) -> Response:
    """Add the CORS headers of the ingest endpoints, to errors too, so that the page can read why."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = "Retry-After"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = "POST, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = _ALLOWED_HEADERS
        response.headers["Access-Control-Max-Age"] = "86400"
    return response
