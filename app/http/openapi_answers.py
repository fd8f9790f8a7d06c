"""How do the answers to reads look? The shapes of reports, reconciliation, explanation and jobs."""

from __future__ import annotations

from typing import Any

from app.attribution.names import FIVE_MODELS
from app.reports.fates import Reason
from app.reports.proof import Unmatched
from app.reports.query import Adjusted, By

_REF = "#/components/schemas/"
_TEXT, _WHOLE, _YES, _REAL = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}, {"type": "number"}
_MAYBE_TEXT, _MAYBE_WHOLE = {"type": ["string", "null"]}, {"type": ["integer", "null"]}
_PERIOD = {"from": _TEXT, "to": _TEXT, "timezone": _TEXT}
_DONE = {"type": "object", "properties": dict.fromkeys(("total", "done", "failed"), _WHOLE)}
_MODEL = {"enum": [str(model) for model in FIVE_MODELS]}


def _object(**properties: Any) -> dict[str, Any]:
    """An object that has all of these."""
    return {"type": "object", "required": list(properties), "properties": properties}


def _some(**properties: Any) -> dict[str, Any]:
    """An object that may lack some of these."""
    return {"type": "object", "properties": properties}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _of(name: str) -> dict[str, Any]:
    return {"$ref": _REF + name}


_AMOUNTS = {
    "conversions": {**_TEXT, "description": "An exact decimal string; beside it in millionths."},
    "conversions_micro": _WHOLE,
    "net_conversions": {**_TEXT, "description": "Without those that were retracted."},
    "net_conversions_micro": _WHOLE,
    "value": {**_TEXT, "description": "Money, an exact decimal string; beside it in minor units."},
    "value_minor": _WHOLE,
    "net_value": {**_TEXT, "description": "After refunds and corrections."},
    "net_value_minor": _WHOLE,
    "currency": _TEXT,
}
_SPEND = {"spend": _MAYBE_TEXT, "spend_minor": _MAYBE_WHOLE}
_COSTS = _SPEND | {
    "cpa": {**_MAYBE_TEXT, "description": "Spend per conversion; null where there is nothing to divide by."},
    "net_cpa": _MAYBE_TEXT,
    "roas": {**_MAYBE_TEXT, "description": "Value per spend."},
    "net_roas": _MAYBE_TEXT,
}
_BY = {str(by): _TEXT for by in By}
_LINES = _list(_of("Credit"))
_ID = _object(id=_TEXT, **{"from": _MAYBE_TEXT, "until": _MAYBE_TEXT})
_EVENT = _some(
    **dict.fromkeys(("conversion_type", "order_id", "message_id", "time", "received_at", "user_id"), _TEXT),
    **dict.fromkeys(("anonymous_id", "value", "currency", "day"), _TEXT),
    value_minor=_WHOLE,
)

ANSWER_SCHEMAS: dict[str, Any] = {
    "Amounts": _object(**_AMOUNTS),
    "Credit": _some(**_BY, model=_MODEL, **_AMOUNTS, **_COSTS)
    | {
        "description": "The columns of `by`, what a model gives them, and what they cost.",
        "required": ["model", *_AMOUNTS],
    },
    "AttributionReport": _some(
        **_PERIOD,
        currency=_MAYBE_TEXT,
        by=_list({"enum": [str(by) for by in By]}),
        models=_list(_MODEL),
        conversion_type=_MAYBE_TEXT,
        adjusted={"enum": [str(word) for word in Adjusted]},
        rows=_LINES,
        next={**_MAYBE_TEXT, "description": "For `after`, where more lines follow."},
        totals=_LINES,
        unattributed=_LINES,
        spend=_of("SpendBesideCredit"),
        reconciled=_YES,
        rules={"enum": ["shadow"], "description": "Only where the shadow's were asked for."},
        rules_version=_WHOLE,
        as_of=_TEXT,
    ),
    "SpendBesideCredit": _object(
        totals=_list(_object(currency=_TEXT, spend=_TEXT, spend_minor=_WHOLE)),
        by_line={**_YES, "description": "False where spend does not know the columns of `by`."},
        unmatched=_object(
            spend=_list(_some(**_BY, currency=_TEXT, spend=_TEXT, spend_minor=_WHOLE)),
            credit=_list(_some(**_BY, model=_MODEL, **_AMOUNTS)),
        ),
    ),
    "Reconciliation": _some(
        **_PERIOD,
        reconciled=_YES,
        models=_list(
            _object(
                model=_MODEL,
                currency=_TEXT,
                reconciled=_YES,
                **dict.fromkeys(
                    ("credited", "unattributed", "total", "difference", "rollup_difference"), _of("Amounts")
                ),
            )
        ),
        currencies=_list(
            _object(
                currency=_TEXT,
                conversions=_WHOLE,
                total=_of("Amounts"),
                duplicates=_object(events=_WHOLE, orders=_WHOLE),
                pending=_object(conversions=_WHOLE, value_minor=_WHOLE, order_ids=_list(_TEXT)),
                stale=_object(conversions=_WHOLE, order_ids=_list(_TEXT)),
            )
        ),
        pending={**_WHOLE, "description": "Conversions that are stored and not credited yet."},
        orphans=_object(ledger_rows=_WHOLE, order_ids=_list(_TEXT)),
        adjustments=_object(considered=_WHOLE, unmatched=_WHOLE, list=_list(_of("UnmatchedAdjustment"))),
        notes=_list(_TEXT),
        rules={"enum": ["shadow"]},
        as_of=_TEXT,
    ),
    "UnmatchedAdjustment": _object(
        **dict.fromkeys(("adjustment_id", "order_id", "type", "at", "explanation"), _TEXT),
        reason={"enum": [str(reason) for reason in Unmatched]},
    ),
    "Explanation": _some(
        conversion=_EVENT,
        state={"enum": ["pending", "retracted", "unattributed", "credited"]},
        amounts={"type": ["object", "null"], "properties": _AMOUNTS},
        person=_object(id=_MAYBE_TEXT, ids=_list(_ID)),
        window=_object(click_ms=_WHOLE, click_from=_TEXT, view_ms=_WHOLE, view_from=_TEXT, until=_TEXT),
        rules={"enum": ["shadow"]},
        rules_version=_WHOLE,
        formulas={"type": "object", "additionalProperties": _TEXT, "description": "By model, in words."},
        touches=_list(_of("ExplainedTouch")),
        touches_truncated=_YES,
        touches_left_out={**_WHOLE, "description": "Above the cap of the rules."},
        adjustments=_list(_of("AppliedAdjustment")),
        duplicates=_list(_EVENT),
        cancelled=_list(_EVENT),
        other_conversion_types=_list(_TEXT),
        run_id=_MAYBE_TEXT,
        as_of=_MAYBE_TEXT,
    ),
    "ExplainedTouch": _some(
        **dict.fromkeys(("touch_id", "message_id", "time", "kind", "channel", "campaign", "source", "medium"), _TEXT),
        **dict.fromkeys(("url", "referrer", "id", "explanation"), _TEXT),
        age_ms=_WHOLE,
        reason={"enum": [str(reason) for reason in Reason]},
        credits={
            "type": "object",
            "additionalProperties": _object(weight=_REAL, **_AMOUNTS),
            "description": "By model; empty where it has none.",
        },
        **{"in": _YES},
    ),
    "AppliedAdjustment": _object(
        **dict.fromkeys(("adjustment_id", "type", "at", "effect"), _TEXT),
        **dict.fromkeys(("value", "currency", "problem"), _MAYBE_TEXT),
        applied=_YES,
    ),
    "ReattributionStarted": _object(success={"const": True}, job_id=_TEXT, url=_TEXT, **_PERIOD),
    "Jobs": _object(jobs=_list(_of("Job"))),
    "Job": _some(
        job_id=_TEXT,
        kind=_TEXT,
        state=_TEXT,
        progress={"type": "number", "minimum": 0, "maximum": 1},
        chunks={**_DONE, "description": "Of a run that gives credit."},
        channels={**_DONE, "description": "Of a refit; a channel counts once under each of its models."},
        steps={**_DONE, "description": "Of Markov and Shapley."},
        conversions=_object(total=_WHOLE, attributed=_WHOLE),
        touches=_WHOLE,
        created_at=_TEXT,
        closed_at=_MAYBE_TEXT,
        note=_TEXT,
        until={**_TEXT, "description": "Of a refit: the last day of its data."},
        reason={**_TEXT, "description": "Of a refit: why it was made."},
        failures=_list(_object(code=_TEXT, message=_TEXT, detail=_TEXT)),
    ),
}
