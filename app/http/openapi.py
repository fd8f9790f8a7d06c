"""What does the API offer? `/openapi.json`: one document for every endpoint, held to the routes by a test."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from flask import Blueprint, Response

from app.http.openapi_answers import ANSWER_SCHEMAS
from app.http.openapi_change import CHANGE_SCHEMAS, change_paths
from app.http.openapi_events import EVENT_SCHEMAS, event_paths
from app.http.openapi_models import MODEL_SCHEMAS, model_paths
from app.http.openapi_money import MONEY_SCHEMAS, money_paths
from app.http.openapi_reports import report_paths
from app.http.openapi_rules import rules_paths, rules_schemas
from app.http.openapi_saturation import SATURATION_SCHEMAS, saturation_paths
from app.http.openapi_tenant import TENANT_SCHEMAS, tenant_paths
from app.http.parts import parts
from app.ingest.envelope import MOST_EVENTS
from config.settings import Settings

bp = Blueprint("openapi", __name__)

DESCRIPTION = """Tributary takes in events, finds the journey behind every conversion, and credits it under five models,
to the cent.

**Keys.** A write key sends events; the secret key does everything else. **Answers.** Success is 200; every error is
`{{"success": false, "code", "message", "detail"}}`, where `detail` is the remedy. 429 and 503 carry `Retry-After`: send
the same request again then, since the same `messageId` counts once. **Limits.** {event_bytes:,} bytes an event,
{batch_bytes:,} bytes and {most_events:,} events a request, counted after unpacking (gzip, deflate)."""


@bp.get("/openapi.json")
def openapi() -> Response:
    return Response(_encoded(parts().settings), content_type="application/json")


@lru_cache(maxsize=4)
def _encoded(settings: Settings) -> bytes:
    return msgspec.json.encode(document(settings))


def document(settings: Settings) -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    description = DESCRIPTION.format(
        event_bytes=settings.event_bytes, batch_bytes=settings.batch_bytes, most_events=MOST_EVENTS
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tributary", "version": "1", "description": description},
        "tags": [
            {"name": "events", "description": "Send events. Any browser origin may."},
            {"name": "costs", "description": "Spend and adjustments. Secret key."},
            {"name": "reports", "description": "Read what was credited. Secret key."},
            {"name": "saturation", "description": "Where spend has saturated, and where it should go. Secret key."},
            {"name": "change", "description": "Persons, history, export, webhooks. Secret key."},
            {"name": "operations", "description": "Health and this description. No key."},
        ],
        "paths": event_paths(settings)
        | report_paths()
        | money_paths()
        | model_paths()
        | saturation_paths()
        | rules_paths()
        | tenant_paths()
        | change_paths()
        | _operation_paths(),
        "components": {
            "securitySchemes": {
                "writeKeyBasic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The write key as user name, no password.",
                },
                "writeKeyHeader": {"type": "apiKey", "in": "header", "name": "X-Write-Key"},
                "secretKey": {"type": "http", "scheme": "bearer", "description": "The tenant's secret key."},
            },
            "schemas": _SCHEMAS
            | EVENT_SCHEMAS
            | ANSWER_SCHEMAS
            | MONEY_SCHEMAS
            | MODEL_SCHEMAS
            | SATURATION_SCHEMAS
            | rules_schemas()
            | TENANT_SCHEMAS
            | CHANGE_SCHEMAS,
            "responses": _RESPONSES,
        },
    }


def _error(description: str, *, later: bool = False) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    if later:
        answer["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
    return answer


_RESPONSES = {
    "BadRequest": _error("The request cannot be accepted as it is; the message names the field."),
    "Unauthorized": _error("No key, an unknown one, or one of the wrong kind."),
    "NotFound": _error("There is no such thing in this tenant."),
    "TooLarge": _error("The body, or the one event in it, is larger than is taken."),
    "UnsupportedMedia": _error("Not JSON, or packed with something other than gzip or deflate."),
    "TooMany": _error("Faster than it can be stored: send the same again later.", later=True),
    "Unavailable": _error("Something that is needed does not answer: send the same again later.", later=True),
}

_SCHEMAS: dict[str, Any] = {
    "Error": {
        "type": "object",
        "required": ["success", "code", "message", "detail"],
        "properties": {
            "success": {"const": False},
            "code": {"type": "string", "description": "Stable name of what is wrong."},
            "message": {"type": "string", "description": "What is wrong, naming the field."},
            "detail": {"type": "string", "description": "What to do about it."},
            "accepted": {"type": "integer", "description": "Of one event or row that was posted by itself: 0."},
            "rejected": {"$ref": "#/components/schemas/Verdicts/properties/rejected"},
        },
    },
    "Part": {
        "type": "object",
        "required": ["ok"],
        "properties": {
            "ok": {"type": "boolean"},
            "milliseconds": {"type": "number"},
            "message": {"type": "string"},
            "remedy": {"type": "string"},
        },
    },
}


def _operation_paths() -> dict[str, Any]:
    def get(summary: str, media: str, schema: dict[str, Any]) -> dict[str, Any]:
        answer = {"description": "As described.", "content": {media: {"schema": schema}}}
        return {"get": {"tags": ["operations"], "summary": summary, "security": [], "responses": {"200": answer}}}

    page, plain = {"type": "string"}, {"type": "object"}
    paths = {
        "/": get("The dashboard.", "text/html", page),
        "/healthz": get("The process answers.", "application/json", plain),
        "/readyz": get(
            "Redis and ClickHouse answer, each by name.",
            "application/json",
            {
                "type": "object",
                "properties": {
                    "success": {"const": True},
                    "status": {"const": "ready"},
                    "parts": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Part"}},
                },
            },
        ),
        "/openapi.json": get("This document.", "application/json", plain),
        "/docs": get("This document, to read.", "text/html", page),
    }
    paths["/readyz"]["get"]["responses"]["503"] = {"$ref": "#/components/responses/Unavailable"}
    return paths
