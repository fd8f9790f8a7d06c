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
        "/v1/jobs": _get("The newest jobs, up to 100, the newest first; each is kept for 7 days.", "Jobs", {}),
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
    may_be_missing = "404" if path or "rules" in query else ""  # the thing itself, or the shadow
    responses = {"200": {"description": summary, "content": content}} | _errors(may_be_missing)
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
    started = {"$ref": _REF + "ReattributionStarted"}
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
