"""How are the reads described? Reports, reconciliation, explanation, export and jobs in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from app.attribution.names import FIVE_MODELS
from app.http.openapi_money import NET_WORDS, RULES_WORD
from app.reports.pages import MOST_LINES

_REF = "#/components/schemas/"
_DAYS = {
    "from": "First day, YYYY-MM-DD, in the tenant's timezone; 30 days before `to` where missing.",
    "to": "The day after the last one; tomorrow where missing.",
}


def report_paths() -> dict[str, Any]:
    """The paths that are read with the secret key."""
    return {
        "/v1/reports/attribution": _get(
            "Credit by channel, campaign, day, …, for each model.",
            "AttributionReport",
            _DAYS
            | {
                "by": "Of channel, campaign, day, week, month, conversion_type, source, parted by commas; channel by "
                "default. The source of touches that were credited before the ledger held it is `(unknown)`.",
                "models": f"Of {', '.join(FIVE_MODELS)}, parted by commas; all by default.",
                "currency": "Convert everything into this currency; rows per currency where missing.",
                "conversion_type": "Only these conversions.",
                "limit": f"Lines (a row for each model) at most, up to {MOST_LINES:,}; all by default.",
                "after": "`next` of the answer before: the lines that follow it.",
            }
            | RULES_WORD
            | NET_WORDS,
        ),
        "/v1/reconcile": _get(
            "The proof that credited + unattributed = total, for every currency and model.",
            "Reconciliation",
            _DAYS | RULES_WORD,
        ),
        "/v1/conversions/{order_id}": _get(
            "One order: every touch of its person, in or out, and why.",
            "Explanation",
            RULES_WORD | {"conversion_type": "Where the order has several."},
            path="order_id",
        ),
        "/v1/reattribute": _reattribute(),
        "/v1/jobs/{job_id}": _get("How far a job is.", "Job", {}, path="job_id"),
    }


def _get(summary: str, schema: str, query: dict[str, str], *, path: str = "") -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "query", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in query.items()
    ]
    if path:
        parameters.insert(0, {"name": path, "in": "path", "required": True, "schema": {"type": "string"}})
    content = (
        {"application/json": {"schema": {"$ref": _REF + schema}}}
        if schema
        else {"text/csv": {"schema": {"type": "string"}}}
    )
    responses = {"200": {"description": summary, "content": content}} | _errors("404" if path else "")
    return {
        "get": {
            "tags": ["reports"],
            "summary": summary,
            "security": [{"secretKey": []}],
            "parameters": parameters,
            "responses": responses,
        }
    }


def _reattribute() -> dict[str, Any]:
    days = {"type": "string", "format": "date"}
    body = {"type": "object", "required": ["from", "to"], "properties": {"from": days, "to": days}}
    started = {
        "type": "object",
        "required": ["success", "job_id", "url"],
        "properties": {"success": {"const": True}, "job_id": {"type": "string"}, "url": {"type": "string"}},
    }
    return {
        "post": {
            "tags": ["reports"],
            "summary": "Attribute the conversions of some days again.",
            "security": [{"secretKey": []}],
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
            "responses": {
                "200": {"description": "The job is recorded.", "content": {"application/json": {"schema": started}}}
            }
            | _errors("")
            | {
                "413": {"$ref": "#/components/responses/TooLarge"},
                "415": {"$ref": "#/components/responses/UnsupportedMedia"},
            },
        }
    }


def _errors(more: str) -> dict[str, Any]:
    names = {"400": "BadRequest", "401": "Unauthorized", "503": "Unavailable"}
    if more:
        names[more] = "NotFound"
    return {status: {"$ref": f"#/components/responses/{name}"} for status, name in names.items()}


_TEXT, _WHOLE, _YES = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
_LINES = {"type": "array", "items": {"$ref": _REF + "Credit"}}
_PERIOD = {"from": _TEXT, "to": _TEXT, "timezone": _TEXT}

REPORT_SCHEMAS: dict[str, Any] = {
    "Credit": {
        "type": "object",
        "description": "The columns of `by`, and what a model gives them. Money is an exact decimal string.",
        "required": ["model", "currency", "conversions", "value", "value_minor"],
        "properties": {
            "model": {"enum": [str(model) for model in FIVE_MODELS]},
            "currency": _TEXT,
            "conversions": {"type": ["string", "number"]},
            "value": _TEXT,
            "value_minor": _WHOLE,
        },
    },
    "AttributionReport": {
        "type": "object",
        "properties": _PERIOD
        | {
            "currency": {"type": ["string", "null"]},
            "rows": _LINES,
            "next": {"type": ["string", "null"], "description": "For `after`, where more lines follow."},
            "totals": _LINES,
            "unattributed": _LINES,
            "reconciled": _YES,
            "rules_version": _WHOLE,
            "as_of": _TEXT,
        },
    },
    "Reconciliation": {
        "type": "object",
        "properties": _PERIOD
        | {
            "reconciled": _YES,
            "models": {"type": "array", "items": {"type": "object"}},
            "currencies": {"type": "array", "items": {"type": "object"}},
            "pending": {**_WHOLE, "description": "Conversions that are stored and not credited yet."},
            "notes": {"type": "array", "items": _TEXT},
            "as_of": _TEXT,
        },
    },
    "Explanation": {
        "type": "object",
        "properties": {
            "conversion": {"type": "object"},
            "state": {"enum": ["pending", "retracted", "unattributed", "credited"]},
            "touches": {"type": "array", "items": {"type": "object"}},
            "adjustments": {"type": "array", "items": {"type": "object"}},
            "duplicates": {"type": "array", "items": {"type": "object"}},
        },
    },
    "Job": {
        "type": "object",
        "properties": {
            "job_id": _TEXT,
            "kind": _TEXT,
            "state": _TEXT,
            "progress": {"type": "number", "minimum": 0, "maximum": 1},
            "chunks": {"type": "object"},
            "conversions": {"type": "object"},
            "created_at": _TEXT,
            "closed_at": {"type": ["string", "null"]},
            "failures": {"type": "array", "items": {"type": "object"}},
        },
    },
}
