"""How are persons, history, export and webhooks described in the OpenAPI document?"""

from __future__ import annotations

from typing import Any

from app.http.openapi_money import RULES_WORD
from app.ledger.runs import RunKind

_REF = "#/components/schemas/"
_TEXT, _YES = {"type": "string"}, {"type": "boolean"}
_DAYS = {
    "from": "First day, YYYY-MM-DD, in the tenant's timezone; 30 days before `to` where missing.",
    "to": "The day after the last one; tomorrow where missing.",
}


def change_paths() -> dict[str, Any]:
    """What changes after the fact, what is taken away, and who is told."""
    return {
        "/v1/conversions/{order_id}/history": {
            "get": _operation(
                "Before and after of everything that changed the credit of an order.",
                "History",
                query={"conversion_type": "Where the order has several."},
                path="order_id",
            )
        },
        "/v1/changes": {
            "get": _operation(
                "Every change of credit that was made on some days, newest first, and what they moved together.",
                "Changes",
                query={
                    "from": "First day of the changes, YYYY-MM-DD; 30 days before `to` where missing.",
                    "to": "The day after the last one; tomorrow where missing.",
                    "reason": "One kind of run; every kind where missing.",
                    "limit": "Changes in this part: 1 to 1000, 100 where missing.",
                    "after": "The `next` of the part before.",
                },
            )
        },
        "/v1/persons/unmerge": {
            "post": _operation(
                "Take a wrong meeting of two ids back; both persons' conversions are credited again.",
                "Unmerged",
                body="Unmerge",
                missing=True,
            )
        },
        "/v1/persons/{id}": {
            "delete": _operation(
                "Erase a person: invisible when this answers, gone for good soon after.",
                "Erasure",
                query={
                    "conversions": "anonymise (the default: they stay as nobody's) or remove.",
                    "kind": "user or anonymous, where the id is both a userId and an anonymousId.",
                },
                path="id",
            )
        },
        "/v1/erasures/{erasure_id}": {
            "get": _operation("How far an erasure is; its proof once it is closed.", "Erasure", path="erasure_id")
        },
        "/v1/export/ledger": {"get": _export()},
        "/v1/webhooks": {
            "get": _operation("Who is told of closed runs.", "Webhooks"),
            "post": _operation(
                "Tell an address of closed runs; the secret is shown once.", "Webhook", body="NewWebhook"
            ),
        },
        "/v1/webhooks/{webhook_id}": {"delete": _operation("Tell this address no more.", "Deleted", path="webhook_id")},
    }


def _operation(
    summary: str,
    schema: str,
    *,
    query: dict[str, str] | None = None,
    path: str = "",
    body: str = "",
    missing: bool = False,
) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _REF + schema}}}
    names = {"400": "BadRequest", "401": "Unauthorized", "503": "Unavailable"}
    if path or missing:
        names["404"] = "NotFound"
    if body:
        names |= {"413": "TooLarge", "415": "UnsupportedMedia"}
    errors = {status: {"$ref": f"#/components/responses/{name}"} for status, name in names.items()}
    described: dict[str, Any] = {
        "tags": ["change"],
        "summary": summary,
        "security": [{"secretKey": []}],
        "parameters": _parameters(query or {}, path),
        "responses": {"200": {"description": summary, "content": content}} | errors,
    }
    if body:
        posted = {"application/json": {"schema": {"$ref": _REF + body}}}
        described["requestBody"] = {"required": True, "content": posted}
    return described


def _parameters(query: dict[str, str], path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "query", "required": False, "description": text, "schema": _TEXT}
        for name, text in query.items()
    ]
    return [{"name": path, "in": "path", "required": True, "schema": _TEXT}, *found] if path else found


def _export() -> dict[str, Any]:
    query = (
        _DAYS
        | RULES_WORD
        | {
            "format": "csv (the default) or parquet.",
            "text": "safe (the default: formulas are defused with an apostrophe) or raw; parquet is always raw.",
            "header": "no leaves the header of the CSV out, to append parts to each other; Parquet has none.",
            "limit": "About so many conversions in this part; all where missing.",
            "after": "The Tributary-Next-Cursor of the part before.",
        }
    )
    described = _operation("The ledger: one line per conversion, model and touch.", "", query=query)
    raw = {"type": "string", "format": "binary"}
    described["responses"]["404"] = {"$ref": "#/components/responses/NotFound"}
    described["responses"]["200"] = {
        "description": "The ledger, streamed; conversions by UTC day, then by a fixed order of their own.",
        "headers": {
            "Tributary-Next-Cursor": {"schema": _TEXT, "description": "Where the next part begins; none at the end."},
            "Link": {"schema": _TEXT, "description": 'The address of the next part, rel="next".'},
        },
        "content": {"text/csv": {"schema": _TEXT}, "application/vnd.apache.parquet": {"schema": raw}},
    }
    return described


def _object(required: list[str], properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties}


_LIST_OF_KINDS = {"type": "array", "items": {"enum": [str(kind) for kind in RunKind]}}

_REASON = {"enum": [str(kind) for kind in RunKind]}
_CHANGE = _object(
    ["conversion_type", "run_id", "reason", "at", "before", "after"],
    {
        "order_id": {"type": ["string", "null"], "description": "In a list of days; null where it was erased."},
        "conversion_type": {"type": ["string", "null"]},
        "run_id": _TEXT,
        "reason": _REASON,
        "at": _TEXT,
        "version": {"type": "integer"},
        "before": {"type": ["object", "null"]},
        "after": {"type": ["object", "null"]},
    },
)

CHANGE_SCHEMAS: dict[str, Any] = {
    "History": _object(
        ["order_id", "models", "changes"],
        {
            "order_id": _TEXT,
            "models": {"type": "array", "items": _TEXT},
            "changes": {"type": "array", "items": _CHANGE},
        },
    ),
    "Changes": _object(
        ["from", "to", "timezone", "models", "reasons", "moved", "changes", "next"],
        {
            **dict.fromkeys(("from", "to", "timezone"), _TEXT),
            "models": {"type": "array", "items": _TEXT},
            "reasons": {
                "type": "array",
                "items": _object(
                    ["reason", "changes", "conversions"],
                    {"reason": _REASON, "changes": {"type": "integer"}, "conversions": {"type": "integer"}},
                ),
            },
            "moved": {
                "type": "array",
                "description": "After less before, of all changes of the days, by reason, model and channel; net.",
                "items": {"type": "object"},
            },
            "changes": {"type": "array", "items": _CHANGE},
            "next": {"type": ["string", "null"], "description": "Pass it as `after` for the part that follows."},
        },
    ),
    "Unmerge": _object(
        ["id", "from"],
        {
            "id": _TEXT,
            "from": _TEXT,
            "id_kind": {"enum": ["user", "anonymous"]},
            "from_kind": {"enum": ["user", "anonymous"]},
            "undo": {**_YES, "description": "Take a cut back instead."},
        },
    ),
    "Unmerged": _object(
        ["success", "job_id", "url", "meetings", "conversions"],
        {
            "success": {"const": True},
            "job_id": _TEXT,
            "url": _TEXT,
            "meetings": {"type": "array", "items": {"type": "array", "items": {"type": "object"}}},
            "undone": _YES,
            "conversions": {"type": "integer", "description": "How many are credited again."},
        },
    ),
    "Erasure": _object(
        ["erasure_id", "url", "state", "conversions", "proof"],
        {
            "success": _YES,
            "erasure_id": _TEXT,
            "url": _TEXT,
            "state": {"enum": ["requested", "hidden", "deleting", "erased"]},
            "conversions": {"enum": ["anonymise", "remove"]},
            "job_id": {"type": ["string", "null"]},
            "requested_at": _TEXT,
            "closed_at": {"type": ["string", "null"]},
            "proof": {"type": ["object", "null"], "description": "Rows before and after by table, and digests."},
        },
    ),
    "NewWebhook": _object(["url"], {"url": {"type": "string", "format": "uri"}, "kinds": _LIST_OF_KINDS}),
    "Webhook": _object(
        ["webhook_id", "url", "kinds", "created_at"],
        {
            "success": _YES,
            "webhook_id": _TEXT,
            "url": _TEXT,
            "kinds": _LIST_OF_KINDS,
            "created_at": _TEXT,
            "secret": {"type": "string", "description": "In the answer to POST alone."},
        },
    ),
    "Webhooks": _object(["webhooks"], {"webhooks": {"type": "array", "items": {"$ref": _REF + "Webhook"}}}),
    "Deleted": _object(["success", "webhook_id"], {"success": {"const": True}, "webhook_id": _TEXT}),
}
