"""How are the tenant's rules described? Reading, trying out and changing them, and classifying touches again."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from app.tenants.rules import Rules

_REF = "#/components/schemas/"
_TEXT, _WHOLE, _YES = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
_DAY = {"type": "string", "format": "date"}
_OBJECT = {"type": "object"}


def rules_paths() -> dict[str, Any]:
    """The paths of rules and channels, all with the secret key."""
    rules = {"$ref": _REF + "Rules"}
    apply = {
        "description": "From which conversion time on the rules hold: from_now (the default), history, or a day.",
        "oneOf": [
            {"enum": ["from_now", "history"]},
            {"type": "object", "required": ["from"], "properties": {"from": _DAY}},
        ],
    }
    put = object_of(["rules"], rules=rules, apply=apply, expected_version=_WHOLE)
    days = {"type": "integer", "minimum": 1, "maximum": 90, "default": 30}
    wanted = object_of(["from", "to"], **{"from": _DAY, "to": _DAY})
    between = [
        {"name": name, "in": "query", "required": False, "description": text, "schema": _TEXT}
        for name, text in (
            ("from", "First day, YYYY-MM-DD, in the tenant's timezone; 30 days before `to` where missing."),
            ("to", "The day after the last one; tomorrow where missing."),
        )
    ]
    changed = call_of("Put new rules in force; the same again change nothing.", "RulesChanged", put)
    changed["responses"]["409"] = {"$ref": "#/components/responses/BadRequest"}
    return {
        "/v1/rules": {
            "get": call_of("The rules in force, and every version there was.", "RulesInForce"),
            "put": changed,
        },
        "/v1/rules/shadow": {
            "get": with_404(call_of("The second rule set.", "ShadowRules")),
            "put": call_of(
                "Put a second rule set beside the first; every conversion is credited under it too.",
                "ShadowChanged",
                object_of(["rules"], rules=rules, apply=apply),
            ),
            "delete": call_of("Take the second rule set away, and all that was credited under it.", "ShadowDeleted"),
        },
        "/v1/rules/preview": {
            "post": call_of(
                "What would change on the last days under these rules. Nothing is stored.",
                "RulesPreview",
                object_of(["rules"], rules=rules, days=days),
            )
        },
        "/v1/channels/lint": {
            "get": call_of("Campaign parameters that look broken, and the remedy.", "ChannelLint")
            | {"parameters": between}
        },
        "/v1/channels/reclassify": {
            "post": call_of("Give the touches of some days the channels of the newest rules.", "Reclassified", wanted)
        },
    }


def call_of(summary: str, schema: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """An operation with the secret key that answers with a schema."""
    content = {"application/json": {"schema": {"$ref": _REF + schema}}}
    names = {"400": "BadRequest", "401": "Unauthorized", "503": "Unavailable"}
    described: dict[str, Any] = {
        "tags": ["reports"],
        "summary": summary,
        "security": [{"secretKey": []}],
        "responses": {"200": {"description": summary, "content": content}}
        | {status: {"$ref": f"#/components/responses/{name}"} for status, name in names.items()},
    }
    if body is not None:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
        described["responses"] |= {
            "413": {"$ref": "#/components/responses/TooLarge"},
            "415": {"$ref": "#/components/responses/UnsupportedMedia"},
        }
    return described


def with_404(operation: dict[str, Any]) -> dict[str, Any]:
    """The same where there may be nothing."""
    operation["responses"]["404"] = {"$ref": "#/components/responses/NotFound"}
    return operation


def object_of(required: list[str], **properties: Any) -> dict[str, Any]:
    """The schema of an object."""
    return {"type": "object", "required": required, "properties": properties}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


_PERIOD = {"from": _TEXT, "to": _TEXT, "timezone": _TEXT}
_JOB = {"job_id": {"type": ["string", "null"]}, "url": {"type": ["string", "null"]}}
_JOBS = _JOB | {"job_ids": _list(_TEXT)}


@lru_cache(maxsize=1)
def rules_schemas() -> dict[str, Any]:
    """The schemas of the answers, and of the rules themselves, taken from their definition."""
    _, of_rules = msgspec.json.schema_components([Rules], ref_template=_REF + "{name}")
    in_force = {
        "version": _WHOLE,
        "applies_from": {"type": ["string", "null"]},
        "rules": {"$ref": _REF + "Rules"},
        "in_force": _list(_OBJECT),
    }
    shadow = {name: in_force[name] for name in ("version", "applies_from", "rules")}
    sides = dict.fromkeys(("before", "after", "change"), _OBJECT)
    line = object_of(["model", "channel", "currency"], model=_TEXT, channel=_TEXT, currency=_TEXT, **sides)
    return (
        dict(of_rules)
        | _of_channels()
        | {
            "RulesInForce": object_of(["version", "rules"], **in_force, history=_list(_OBJECT)),
            "RulesChanged": object_of(
                ["version", "changed"], success={"const": True}, **in_force, changed=_YES, conversions=_WHOLE, **_JOBS
            ),
            "ShadowRules": object_of(["version", "rules"], **shadow),
            "ShadowChanged": object_of(
                ["version", "changed"],
                success={"const": True},
                **shadow,
                decided_on_arrival=_list(_TEXT),
                changed=_YES,
                conversions=_WHOLE,
                **_JOBS,
            ),
            "ShadowDeleted": object_of(["success", "deleted"], success={"const": True}, deleted=_YES),
            "RulesPreview": object_of(
                ["conversions", "conversions_changed", "rows"],
                **_PERIOD,
                rules_version=_WHOLE,
                conversions=_WHOLE,
                conversions_changed=_WHOLE,
                conversions_left_out=_WHOLE,
                decided_on_arrival=_list(_TEXT),
                rows=_list(line),
            ),
        }
    )


def _of_channels() -> dict[str, Any]:
    problem = object_of(["code", "field"], code=_TEXT, field=_TEXT, message=_TEXT, remedy=_TEXT)
    texts = dict.fromkeys(("source", "medium", "campaign", "channel"), _TEXT)
    return {
        "ChannelLint": object_of(
            ["rows"],
            **_PERIOD,
            combinations=_WHOLE,
            suspicious=_WHOLE,
            touches=_WHOLE,
            truncated=_YES,
            rows=_list(object_of(["touches", "problems"], **texts, touches=_WHOLE, problems=_list(problem))),
        ),
        "Reclassified": object_of(
            ["touches", "touches_changed"],
            success={"const": True},
            **_PERIOD,
            touches=_WHOLE,
            touches_changed=_WHOLE,
            spend=_WHOLE,
            spend_changed=_WHOLE,
            conversions=_WHOLE,
            **_JOB,
        ),
    }
