"""How are the models of whole periods described in the OpenAPI document?"""

from __future__ import annotations

from typing import Any

from app.reports.query import PERIOD_MODELS

_REF = "#/components/schemas/"
_TEXT, _NUMBER, _WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}
_ENDS = {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2}
_WORDS = {
    "from": "First day, YYYY-MM-DD, in the tenant's timezone; 30 days before `to` where missing.",
    "to": "The day after the last one; tomorrow where missing.",
    "models": f"Of {', '.join(PERIOD_MODELS)}, parted by commas; both by default.",
    "conversion_type": "Only these conversions; every type by itself where missing.",
    "intervals": "1: 95 % intervals from journeys drawn again (slower).",
}


def model_paths() -> dict[str, Any]:
    """Markov and Shapley."""
    summary = "Markov and Shapley of a period, by channel. Computed by a job: ask again while state is computing."
    answer = {"description": summary, "content": {"application/json": {"schema": {"$ref": _REF + "ChannelModels"}}}}
    answer["headers"] = {
        "Retry-After": {"schema": _WHOLE, "description": "Seconds; only where state is computing."},
    }
    return {
        "/v1/reports/channels": {
            "get": {
                "tags": ["reports"],
                "summary": summary,
                "security": [{"secretKey": []}],
                "parameters": [
                    {"name": name, "in": "query", "required": False, "description": text, "schema": _TEXT}
                    for name, text in _WORDS.items()
                ],
                "responses": {
                    "200": answer,
                    "400": {"$ref": "#/components/responses/BadRequest"},
                    "401": {"$ref": "#/components/responses/Unauthorized"},
                    "503": {"$ref": "#/components/responses/Unavailable"},
                },
            }
        }
    }


def _objects(description: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "object"}, "description": description}


MODEL_SCHEMAS: dict[str, Any] = {
    "ChannelModels": {
        "type": "object",
        "required": ["from", "to", "timezone", "models", "state", "current"],
        "properties": {
            "from": _TEXT,
            "to": _TEXT,
            "timezone": _TEXT,
            "conversion_type": {"type": ["string", "null"]},
            "models": {"type": "array", "items": {"enum": [str(model) for model in PERIOD_MODELS]}},
            "state": {"enum": ["ready", "computing", "failed"]},
            "current": {"type": "boolean", "description": "Nothing has changed since computed_at."},
            "computed_at": {**_TEXT, "description": "Where there is an answer, current or not; so all that follows."},
            "job_id": {**_TEXT, "description": "Where state is not ready."},
            "url": {**_TEXT, "description": "Of the job."},
            "failures": _objects("Why the job failed: code, message, detail."),
            "rows": _objects("model, conversion_type, channel, currency, conversions, value, net of both, share."),
            "unattributed": _objects("Conversions without touches: outside of both models."),
            "totals": _objects("Rows and unattributed together."),
            "journeys": _objects("By type: converting, non_converting, unattributed, conversion_rate, intervals."),
            "channels": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "conversion_type": _TEXT,
                        "channel": _TEXT,
                        "removal_effect": _NUMBER,
                        "markov_share": _NUMBER,
                        "shapley_share": _NUMBER,
                        "removal_effect_interval": _ENDS,
                        "markov_share_interval": _ENDS,
                        "shapley_share_interval": _ENDS,
                    },
                },
                "description": "By type and channel, over all currencies.",
            },
            "reconciled": {"type": "boolean", "description": "Totals are the ledger's, to the unit."},
        },
    }
}
