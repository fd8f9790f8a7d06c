"""How are statuses, curves, plans and experiments described in the OpenAPI document?"""

from __future__ import annotations

from typing import Any

from app.attribution.names import FIVE_MODELS

_REF = "#/components/schemas/"
_TEXT, _NUMBER, _WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer"}
_AS_OF = {"as_of": "The refit over data until this day, YYYY-MM-DD; the newest where missing."}
_STATUSES = ["unsaturated", "approaching", "saturated", "insufficient_evidence"]


def saturation_paths() -> dict[str, Any]:
    """The saturation model's face."""
    curve = _operation(
        "One channel: status, curve with its interval, points, history. ?format=png or svg draws it.",
        "ChannelCurve",
        query=_AS_OF | {"format": "json (the default), png or svg."},
        path="channel",
    )
    content = curve["responses"]["200"]["content"]
    content |= {"image/png": {"schema": _TEXT}, "image/svg+xml": {"schema": _TEXT}}
    return {
        "/v1/saturation": {
            "get": _operation("Every channel's status, probability, reason and advice.", "Saturation", query=_AS_OF)
        },
        "/v1/saturation/{channel}": {"get": curve},
        "/v1/saturation/train": {
            "post": _operation("Refit now; GET /v1/jobs/{job_id} follows it.", "Training", body="Train")
        },
        "/v1/saturation/plan": {
            "post": _operation("Where the budget should go, and what that is worth.", "Plan", body="PlanAsked")
        },
        "/v1/saturation/plans": {
            "get": _operation("Plans: what each claimed, and what followed ones brought.", "Plans")
        },
        "/v1/saturation/settings": {
            "get": _operation("Which credit, margin and days a refit uses.", "SaturationSettings"),
            "put": _operation("Other ones, from the next refit on.", "SaturationSettings", body="SaturationSettings"),
        },
        "/v1/experiments": {
            "get": _operation("The tests' results that count.", "Experiments"),
            "post": _operation("What a test found; it enters the next refit.", "ExperimentKept", body="Experiment"),
        },
        "/v1/experiments/{experiment_id}": {
            "delete": _operation("Take a result back.", "ExperimentKept", path="experiment_id")
        },
    }


def _operation(
    summary: str, schema: str, *, query: dict[str, str] | None = None, path: str = "", body: str = ""
) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _REF + schema}}}
    names = {"400": "BadRequest", "401": "Unauthorized", "404": "NotFound", "503": "Unavailable"}
    if body:
        names |= {"413": "TooLarge", "415": "UnsupportedMedia"}
    described: dict[str, Any] = {
        "tags": ["saturation"],
        "summary": summary,
        "security": [{"secretKey": []}],
        "responses": {
            "200": {"description": summary, "content": content},
            **{status: {"$ref": f"#/components/responses/{name}"} for status, name in names.items()},
        },
    }
    parameters = [
        {"name": name, "in": "query", "required": False, "description": text, "schema": _TEXT}
        for name, text in (query or {}).items()
    ]
    if path:
        parameters.append({"name": path, "in": "path", "required": True, "description": "", "schema": _TEXT})
    if parameters:
        described["parameters"] = parameters
    if body:
        described["requestBody"] = {"content": {"application/json": {"schema": {"$ref": _REF + body}}}}
    return described


def _object(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})


def _list_of(items: dict[str, Any], description: str = "") -> dict[str, Any]:
    return {"type": "array", "items": items} | ({"description": description} if description else {})


_ESTIMATE = {
    "type": ["object", "null"],
    "properties": {"low": _NUMBER, "median": _NUMBER, "high": _NUMBER},
    "description": "5, 50 and 95 %.",
}
_MODEL = {"enum": [str(model) for model in FIVE_MODELS]}
_ANY = {"type": ["object", "null"]}
_CHANNEL: dict[str, Any] = {
    "channel": _TEXT,
    "status": {"enum": _STATUSES},
    "probabilities": _object(dict.fromkeys(_STATUSES[:3], _NUMBER)),
    "elasticity": _ESTIMATE,
    "mroas": _ESTIMATE,
    "spend_driven_elasticity": _ESTIMATE,
    "spend_driven_status": {"enum": _STATUSES},
    "cause": {"enum": ["diminishing_returns", "credit_without_spend", "no_effect", "unclear", None]},
    "decision": {"enum": ["increase", "decrease", "test", "hold"]},
    "message": {**_TEXT, "description": "The same in a sentence."},
    "experiment": {**_TEXT, "description": "The cheapest test that would settle what is not known."},
    "spend_a_day": _NUMBER,
    "changed_on": {"type": ["string", "null"], "description": "Since when the curve is another one."},
    "guards": _list_of({"type": "object"}, "Conditions for a status: name, passed, figure, limit, reason."),
    "windows": _list_of(_TEXT),
    "versions": {"type": "object"},
    "forecast": _ANY,
    "compared": {**_ANY, "description": "What another model of attribution leads to."},
    "now": {**_ANY, "description": "With the spend since the refit: elasticity, mroas, probabilities."},
}
_FAILURE = _object(dict.fromkeys(("code", "message", "detail"), _TEXT))
_FAILURES = _list_of(_FAILURE, "Why the refit that was asked for last failed, if it did.")
_HEAD: dict[str, Any] = {
    "as_of": {**_TEXT, "description": "The last day of the data."},
    "job_id": _TEXT,
    "reason": {"enum": ["nightly", "asked"]},
    "published_at": _TEXT,
    "model": _MODEL,
    "compared_with": {"type": ["string", "null"]},
    "currency": _TEXT,
    "margin": _NUMBER,
    "failures": _FAILURES,
}
_LIFT = _object({"low": _NUMBER, "median": _NUMBER, "high": _NUMBER}, ["low", "median", "high"])
_EXPERIMENT: dict[str, Any] = {
    "experiment_id": {**_TEXT, "description": "Of an earlier result that this one replaces."},
    "channel": _TEXT,
    "kind": {"enum": ["go_dark", "pulses", "geo"]},
    "start": _TEXT,
    "end": {**_TEXT, "description": "The last day."},
    "lift": {**_LIFT, "description": "Share of the channel's revenue that the tested spend brings."},
    "spend_ratio": {**_NUMBER, "description": "Spend under test over spend without it; 0 of going dark."},
}
_PLAN: dict[str, Any] = {
    "plan_id": _TEXT,
    "state": {"enum": ["modelled", "verified", "not_verified", "not_followed"]},
    "made_at": _TEXT,
    "as_of": _TEXT,
    "start": _TEXT,
    "budget": _NUMBER,
    "margin": _NUMBER,
    "currency": _TEXT,
    "channels": _list_of({"type": "object"}, "channel, today, spend, change and reason; amounts a day."),
    "net_profit": _ESTIMATE,
    "probability_of_gain": _NUMBER,
    "saving": {**_ESTIMATE, "description": "The net profit, where its probability is at least 0.8."},
    "realised": {**_ANY, "description": "What it brought, from two weeks after its start on."},
}

SATURATION_SCHEMAS: dict[str, Any] = {
    "Saturation": _object(
        _HEAD
        | {
            "channels": _list_of(_object(_CHANNEL)),
            "judge": {**_ANY, "description": "Its last weekly check."},
        }
    ),
    "ChannelCurve": _object(
        _HEAD
        | _CHANNEL
        | {
            "curve": {**_ANY, "description": "spend, revenue low/median/high, operating_point, pays_until, points."},
            "history": _list_of({"type": "object"}, "Newest first: as_of, status, probabilities, elasticity."),
        }
    ),
    "Train": _object({"until": {**_TEXT, "description": "An earlier day than the last complete one."}}),
    "Training": _object({"success": {"const": True}, "job_id": _TEXT, "url": _TEXT, "until": _TEXT}),
    "PlanAsked": _object(
        {
            "budget": {**_NUMBER, "description": "Most that may be spent a day; today's spend where missing."},
            "margin": {**_NUMBER, "description": "Profit per unit of revenue; the settings' where missing."},
            "bounds": {
                "type": "object",
                "additionalProperties": {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2},
                "description": "[least, most] a day by channel; within 20 % of today where missing.",
            },
            "start": {**_TEXT, "description": "Followed from this day on, after the refit's; tomorrow where missing."},
            "as_of": _TEXT,
        }
    ),
    "Plan": _object(_PLAN | {"failures": _FAILURES}),
    "Plans": _object({"plans": _list_of(_object(_PLAN))}),
    "SaturationSettings": _object(
        {
            "model": _MODEL,
            "compared_with": {**_TEXT, "description": "Another model, or ''."},
            "conversion_type": {**_TEXT, "description": "'' counts every type."},
            "currency": {**_TEXT, "description": "'' is the tenant's."},
            "margin": {**_NUMBER, "description": "Profit per unit of revenue, before advertising."},
            "lag_days": {**_WHOLE, "description": "Days held back, since not all has arrived."},
            "demand_channels": _list_of(_TEXT, "Channels whose visitors show demand that no spend moves."),
            "holidays": _list_of(_TEXT),
        }
    ),
    "Experiment": _object(_EXPERIMENT, ["channel", "kind", "start", "end", "lift"]),
    "ExperimentKept": _object(
        {
            "success": {"const": True},
            "experiment_id": _TEXT,
            "experiment": _object(_EXPERIMENT),
            "warnings": _list_of(_object(dict.fromkeys(("code", "field", "detail"), _TEXT)), "An unknown channel."),
        }
    ),
    "Experiments": _object({"experiments": _list_of(_object(_EXPERIMENT))}),
}
