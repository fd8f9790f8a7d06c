"""What does a person see in the browser? The dashboard at `/`, and the description of the API at `/docs`."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

from flask import Blueprint, Response

from app.http.docs_page import docs_page
from app.http.openapi import document
from app.http.parts import parts
from config.settings import Settings

bp = Blueprint("pages", __name__)
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@bp.get("/")
def dashboard() -> Response:
    """Attribution by channel under the five models, and the reconciliation."""
    return _page(_dashboard())


@bp.get("/docs")
def docs() -> Response:
    """The OpenAPI document, to read."""
    return _page(_docs(parts().settings))


def _page(html: str) -> Response:
    response = Response(html, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-cache"
    return response


@lru_cache(maxsize=1)
def _dashboard() -> str:
    return (files("app.http") / "html" / "dashboard.html").read_text(encoding="utf-8")


@lru_cache(maxsize=4)
def _docs(settings: Settings) -> str:
    return docs_page(document(settings))
