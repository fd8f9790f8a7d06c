"""How are exchange rates, journeys and the comparison of models described in the OpenAPI document?"""

from __future__ import annotations

from typing import Any

from app.attribution.names import FIVE_MODELS
from app.reports.compare import Measure
from app.reports.query import Adjusted

_REF = "#/components/schemas/"
_DAYS = {
    "from": "First day, YYYY-MM-DD, in the tenant's timezone; 30 days before `to` where missing.",
    "to": "The day after the last one; tomorrow where missing.",
}
RULES_WORD = {"rules": "in_force (the default), or shadow: under the second rule set."}
NET_WORDS = {
    "adjusted": f"When net counts a refund or correction: {' (default) or '.join(Adjusted)}.",
    "as_of": "A day: the report without conversions and adjustments that were received after it ended.",
}


def money_paths() -> dict[str, Any]:
    """Rates, journeys, comparison."""
    rates = {"type": "array", "items": {"$ref": _REF + "Rate"}}
    body = {"oneOf": [{"$ref": _REF + "Rate"}, rates, {"type": "object", "properties": {"rates": rates}}]}
    listed = {"type": "object", "properties": {"from": _TEXT, "to": _TEXT, "rates": rates}}
    post = _operation("costs", "Exchange rates by day and pair; a row replaces the one before it.", _ref("Verdicts"))
    post["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    post["responses"] |= {
        "413": {"$ref": "#/components/responses/TooLarge"},
        "415": {"$ref": "#/components/responses/UnsupportedMedia"},
    }
    return {
        "/v1/fx": {
            "post": post,
            "get": _operation(
                "costs",
                "The stored exchange rates.",
                listed,
                _DAYS | {"currency": "Only from this one.", "into": "Only into this one."},
            ),
        },
        "/v1/reports/journeys": {
            "get": _operation(
                "reports",
                "Top paths, length, time lag, first to last, assists; converting against not.",
                _ref("Journeys"),
                _DAYS
                | RULES_WORD
                | {
                    "conversion_type": "Only these conversions.",
                    "limit": "Paths per currency, 50 by default.",
                    "with": "non_converting: the journeys that did not convert, too (slower).",
                },
            )
        },
        "/v1/reports/compare": {
            "get": _operation(
                "reports",
                "What the choice of the model changes: ranks, shares and money, with intervals.",
                _ref("Comparison"),
                _DAYS
                | {
                    "models": f"Two or more of {', '.join(FIVE_MODELS)}; the first is the base. All by default.",
                    "by": "Of channel, campaign, conversion_type, parted by commas; channel by default.",
                    "measure": f"One of {', '.join(Measure)}.",
                    "currency": "Convert everything into this currency.",
                    "conversion_type": "Only these conversions.",
                }
                | RULES_WORD
                | NET_WORDS,
            )
        },
    }


def _operation(tag: str, summary: str, schema: dict[str, Any], query: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "tags": [tag],
        "summary": summary,
        "security": [{"secretKey": []}],
        "parameters": [
            {"name": name, "in": "query", "required": False, "description": text, "schema": {"type": "string"}}
            for name, text in (query or {}).items()
        ],
        "responses": {
            "200": {"description": summary, "content": {"application/json": {"schema": schema}}},
            "400": {"$ref": "#/components/responses/BadRequest"},
            "401": {"$ref": "#/components/responses/Unauthorized"},
            "503": {"$ref": "#/components/responses/Unavailable"},
        }
        | ({"404": {"$ref": "#/components/responses/NotFound"}} if "rules" in (query or {}) else {}),
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF + name}


_TEXT = {"type": "string"}
_OBJECTS = {"type": "array", "items": {"type": "object"}}
_FRAME = {"from": _TEXT, "to": _TEXT, "timezone": _TEXT, "conversion_type": {"type": ["string", "null"]}} | {
    "reconciled": {"type": "boolean"},
    "rules": {"enum": ["shadow"], "description": "Only where the shadow's were asked for."},
    "rules_version": {"type": "integer"},
    "as_of": _TEXT,
}

MONEY_SCHEMAS: dict[str, Any] = {
    "Rate": {
        "type": "object",
        "required": ["day", "currency", "into", "rate"],
        "properties": {
            "day": {"type": "string", "format": "date"},
            "currency": {"type": "string", "description": "ISO 4217: what is converted."},
            "into": {"type": "string", "description": "ISO 4217: what it is converted into."},
            "rate": {"type": ["string", "number"], "description": "Units of `into` for one of `currency`; exact."},
        },
    },
    "Journeys": {
        "type": "object",
        "properties": _FRAME
        | {
            "totals": _OBJECTS,
            "unattributed": _OBJECTS,
            "paths": _OBJECTS,
            "other_paths": _OBJECTS,
            "lengths": _OBJECTS,
            "lags": _OBJECTS,
            "first_to_last": _OBJECTS,
            "channels": {**_OBJECTS, "description": "conversions = last_touch + assisted, for each channel."},
            "non_converting": {"type": "object", "description": "Where it was asked for."},
        },
    },
    "Comparison": {
        "type": "object",
        "properties": _FRAME
        | {
            "by": {"type": "array", "items": _TEXT},
            "models": {"type": "array", "items": _TEXT},
            "base": _TEXT,
            "measure": {"enum": [str(measure) for measure in Measure]},
            "rows": {**_OBJECTS, "description": "Each line under each model, and how it changes from the base."},
            "pairs": {**_OBJECTS, "description": "What moves between two models, in all."},
            "totals": _OBJECTS,
            "intervals": _TEXT,
        },
    },
}
