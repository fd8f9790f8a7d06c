"""How are events, spend and adjustments described? Their part of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from app.http.ingest import BATCH_PATHS, CAPTURE_PATHS, EVENT_PATHS
from app.ingest.envelope import MOST_EVENTS
from app.ingest.refusals import Reason
from app.ingest.segment import EVENT_TYPES
from config.settings import Settings

_REF = "#/components/schemas/"
_SUMMARIES = {
    "track": "Something a person did: a touch, a conversion, or any other event.",
    "page": "A page was seen: a touch where it was entered from outside, or directly.",
    "screen": "A screen of an app was seen: a touch as a page is.",
    "identify": "Who a person is; with both ids, the anonymousId joins the user.",
    "alias": "Two users are one.",
    "group": "A person belongs to a group.",
}


def event_paths(settings: Settings) -> dict[str, Any]:
    """The paths of the ingest endpoints."""
    paths: dict[str, Any] = {}
    for event_type, addresses in EVENT_PATHS.items():
        for address in addresses:
            paths[address] = _post(_SUMMARIES[event_type], {"$ref": _REF + "Event"}, f"{event_type}{address}", "events")
    for address in BATCH_PATHS:
        summary = f"Up to {MOST_EVENTS:,} events of any type, {settings.batch_bytes:,} bytes unpacked."
        paths[address] = _post(summary, {"$ref": _REF + "Batch"}, f"batch{address}", "events")
    for address in CAPTURE_PATHS:
        shapes = [{"$ref": _REF + name} for name in ("PostHogBatch", "PostHogEvent")]
        body = {"oneOf": [*shapes, {"type": "array", "items": shapes[1]}]}
        paths[address] = _post("Events as PostHog's SDKs send them.", body, f"capture{address}", "events")
    paths["/v1/spend"] = _post("Costs by day, channel and campaign.", _rows("SpendRow", "rows"), "spend", "costs")
    paths["/v1/adjustments"] = _post(
        "Refunds and corrections of orders.", _rows("Adjustment", "adjustments"), "adjustments", "costs"
    )
    return paths


def _post(summary: str, body: dict[str, Any], operation: str, tag: str) -> dict[str, Any]:
    errors = {
        "400": "BadRequest",
        "401": "Unauthorized",
        "413": "TooLarge",
        "415": "UnsupportedMedia",
        "429": "TooMany",
        "503": "Unavailable",
    }
    events_keys: list[dict[str, list[str]]] = [{"writeKeyBasic": []}, {"writeKeyHeader": []}, {}]
    return {
        "post": {
            "tags": [tag],
            "operationId": operation.strip("/").replace("/", "_"),
            "summary": summary,
            "security": events_keys if tag == "events" else [{"secretKey": []}],
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
            "responses": {
                "200": {
                    "description": "It is safe with Redis; what is not kept is named, and in the dead letters.",
                    "content": {"application/json": {"schema": {"$ref": _REF + "Verdicts"}}},
                },
                **{status: {"$ref": f"#/components/responses/{name}"} for status, name in errors.items()},
            },
        }
    }


def _rows(schema: str, field: str) -> dict[str, Any]:
    one: dict[str, Any] = {"$ref": _REF + schema}
    many = {"type": "array", "items": one}
    return {"oneOf": [one, many, {"type": "object", "required": [field], "properties": {field: many}}]}


_ID = {"type": ["string", "integer"], "description": "1 to 512 bytes of UTF-8."}
_TIME = {
    "type": ["string", "number"],
    "description": "RFC 3339, without a zone UTC; or epoch seconds (below 10^11) or milliseconds.",
}
_AMOUNT = {"type": ["number", "string"], "description": "A number or decimal string, not negative."}
_TEXT = {"type": "string"}
_CURRENCY = {"type": "string", "description": "ISO 4217; the tenant's where it is missing."}
_CAMPAIGN = {
    "type": "object",
    "properties": dict.fromkeys(("name", "source", "medium", "term", "content"), _TEXT),
}

EVENT_SCHEMAS: dict[str, Any] = {
    "Event": {
        "type": "object",
        "description": "userId or anonymousId is needed; with both, they have met..",
        "properties": {
            "type": {"enum": list(EVENT_TYPES), "description": "Needed in a batch."},
            "messageId": {**_ID, "description": "Counts once however often it is sent; derived where missing."},
            "userId": _ID,
            "anonymousId": _ID,
            "previousId": {**_ID, "description": "Of alias: the user that userId was before."},
            "event": {"type": "string", "description": "Of track: its name."},
            "name": _TEXT,
            "timestamp": _TIME,
            "sentAt": {**_TIME, "description": "By the client's clock; corrects times where it is over 10 s off."},
            "writeKey": _TEXT,
            "context": {
                "type": "object",
                "properties": {
                    "campaign": _CAMPAIGN,
                    "page": {"type": "object", "properties": {"url": _TEXT, "referrer": _TEXT, "search": _TEXT}},
                },
            },
            "properties": {
                "type": "object",
                "properties": {
                    "channel": {"type": "string", "description": "Of a touch: its channel outright."},
                    "kind": {"enum": ["click", "view"]},
                    "campaign": {"oneOf": [_TEXT, _CAMPAIGN]},
                    "cost": _AMOUNT,
                    "url": _TEXT,
                    "referrer": _TEXT,
                    "order_id": {**_ID, "description": "Of a conversion; the messageId where missing."},
                    "revenue": {**_AMOUNT, "description": "Goes before value, and value before total; none means 0."},
                    "value": _AMOUNT,
                    "total": _AMOUNT,
                    "currency": _CURRENCY,
                },
            },
            "traits": {"type": "object"},
        },
    },
    "Batch": {
        "type": "object",
        "required": ["batch"],
        "properties": {
            "batch": {"type": "array", "maxItems": MOST_EVENTS, "items": {"$ref": _REF + "Event"}},
            "sentAt": _TIME,
            "writeKey": _TEXT,
            "context": {"type": "object", "description": "For events without one."},
        },
    },
    "PostHogEvent": {
        "type": "object",
        "required": ["event", "distinct_id"],
        "properties": {
            "event": _TEXT,
            "distinct_id": _ID,
            "uuid": _ID,
            "timestamp": _TIME,
            "properties": {"type": "object"},
            "api_key": {"type": "string", "description": "The write key."},
        },
    },
    "PostHogBatch": {
        "type": "object",
        "required": ["batch"],
        "properties": {
            "api_key": {"type": "string", "description": "The write key."},
            "batch": {"type": "array", "maxItems": MOST_EVENTS, "items": {"$ref": _REF + "PostHogEvent"}},
            "sent_at": _TIME,
        },
    },
    "Verdicts": {
        "type": "object",
        "required": ["success", "accepted", "rejected"],
        "properties": {
            "success": {"const": True},
            "accepted": {"type": "integer"},
            "rejected": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["index", "messageId", "code", "message", "detail"],
                    "properties": {
                        "index": {"type": "integer", "description": "Its place in the request, from 0."},
                        "messageId": {"type": ["string", "null"]},
                        "code": {"enum": [reason.value for reason in Reason]},
                        "message": _TEXT,
                        "detail": _TEXT,
                    },
                },
            },
            "warnings": {
                "type": "array",
                "description": "Only where something of what was accepted was put right or passed over.",
                "items": {
                    "type": "object",
                    "required": ["code", "field", "count", "detail"],
                    "properties": {
                        "code": {"enum": ["meaningless_id", "no_value", "similar_event", "unread_field"]},
                        "field": _TEXT,
                        "count": {"type": "integer"},
                        "detail": _TEXT,
                    },
                },
            },
        },
    },
    "SpendRow": {
        "type": "object",
        "required": ["day", "amount"],
        "properties": {
            "day": {"type": "string", "format": "date", "description": "At most 31 days ahead."},
            "channel": {
                **_TEXT,
                "description": "Its channel outright; or say source and medium, and the rules name it.",
            },
            "source": _TEXT,
            "medium": _TEXT,
            "campaign": _TEXT,
            "amount": _AMOUNT,
            "currency": _CURRENCY,
        },
    },
    "Adjustment": {
        "type": "object",
        "required": ["adjustment_id", "type", "order_id"],
        "properties": {
            "adjustment_id": {**_ID, "description": "Counts once per order, however often it is sent."},
            "type": {"enum": ["restate", "retract"]},
            "order_id": _ID,
            "value": {**_AMOUNT, "description": "Of restate: the order's new value."},
            "currency": {"type": "string", "description": "ISO 4217; the conversion's where it is missing."},
            "at": {**_TIME, "description": "When it happened; the time of receipt where missing."},
            "conversion_type": {"type": "string", "description": "Every type of the order where missing."},
        },
    },
}
