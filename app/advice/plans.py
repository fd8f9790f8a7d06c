"""Where should the budget go? Plans over the newest refit, kept as modelled until `verify` has measured them."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from app.advice.documents import assessment_of, unpack
from app.advice.newest import newest
from app.advice.refits import Refits
from app.errors import BadInput
from app.reports.days import day_of, read_day, rfc3339
from app.saturation.answers import Assessment, Plan
from app.storage.client import Storage
from app.storage.saturation import Run, StoredPlan, answers_of, draws_of, plans_of, store
from app.tenants.tenant import Tenant

COUNTED_FROM = 0.8
"""Least probability of a gain with which a plan's net profit is called a saving."""
_MOST_BOUNDS = 500
_MOST_DAYS_AHEAD = 366
_BODY = (
    'Send {"budget": 1000, "margin": 0.4, "bounds": {"channel": [least, most]}, "start": "YYYY-MM-DD"}, amounts a day; '
    "everything may be left out."
)


class PlanState(StrEnum):
    """What is known of a plan's profit: only the model says so; it has been measured; nobody followed it."""

    MODELLED = "modelled"
    VERIFIED = "verified"
    NOT_VERIFIED = "not_verified"
    NOT_FOLLOWED = "not_followed"


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a plan is asked for.

    Parameters
    ----------
    budget : most that may be spent a day; what is spent today where None.
    margin : profit per unit of revenue; the settings' where None.
    bounds : (least, most) a day by channel.
    start : the day from which it will be followed; tomorrow where ''.
    as_of : the refit over data until this day; the newest where ''.
    """

    budget: float | None = None
    margin: float | None = None
    bounds: dict[str, tuple[float, float]] = {}
    start: str = ""
    as_of: str = ""


def read_asked(body: bytes) -> Asked:
    """What is asked for, from JSON.

    Raises
    ------
    BadInput : names the field and the remedy.
    """
    try:
        asked = msgspec.json.decode(body or b"{}", type=Asked)
    except msgspec.ValidationError as error:
        raise BadInput("bad_plan", f"The plan cannot be read: {error}.", _BODY) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput("malformed_json", f"The body is not JSON: {error}.", _BODY) from None
    if len(asked.bounds) > _MOST_BOUNDS:
        raise BadInput("bad_plan", f"bounds has {len(asked.bounds)} entries.", f"Give at most {_MOST_BOUNDS}.")
    for field in ("start", "as_of"):
        if getattr(asked, field):
            read_day(field, getattr(asked, field))
    return asked


def make_plan(storage: Storage, refits: Refits, tenant: Tenant, asked: Asked, now_ms: int) -> dict[str, Any]:
    """The plan, stored as modelled; and why the refit that was asked for last failed, if it did.

    Raises
    ------
    NotFound : no refit has been published.
    BadInput : a budget, margin or bounds that cannot be kept; names the field and the remedy.
    """
    from app.saturation import plan  # no other request of the edge computes

    run, failed = newest(storage, refits, tenant, asked.as_of, now_ms)
    assessments = assessments_of(storage, tenant, run)
    margin = run.margin if asked.margin is None else asked.margin
    today = {one.channel: _spend_today(one) for one in assessments}
    budget = sum(today.values()) if asked.budget is None else asked.budget
    bounds = {channel.strip().lower(): limits for channel, limits in asked.bounds.items()}
    if not assessments:
        raise BadInput("bad_plan", "The newest refit has no channel with spend.", "POST /v1/spend, then train again.")
    try:
        made = plan(assessments, budget, margin=margin, bounds=bounds)
    except ValueError as error:
        head, _, tail = str(error).rpartition("; ")
        what, remedy = (head, tail) if head else (tail, "")
        raise BadInput("bad_plan", f"{what[:1].upper()}{what[1:]}.", _sentence(remedy) or _BODY) from None
    now = day_of(now_ms, tenant.timezone)
    start = asked.start or (now + timedelta(days=1)).isoformat()
    _require_near(start, run, now)
    content = _content(run, made, today, budget, margin, start)
    plan_id = f"p{uuid.uuid4().hex[:16]}"
    stored = StoredPlan(plan_id, run.data_until, PlanState.MODELLED, msgspec.json.encode(content).decode(), "", now_ms)
    store_plan(storage, tenant, stored)
    return shown_plan(stored) | {"failures": failed}


def assessments_of(storage: Storage, tenant: Tenant, run: Run) -> list[Assessment]:
    """What a refit said under its own model, with the draws where they are still kept."""
    draws = draws_of(storage, tenant.tenant_id, run.run_id, run.model)
    return [
        assessment_of(msgspec.json.decode(text), unpack(draws.get(channel, "")))
        for model, channel, text in answers_of(storage, tenant.tenant_id, run.run_id)
        if model == run.model
    ]


def listed_plans(storage: Storage, tenant: Tenant) -> list[dict[str, Any]]:
    """The newest hundred plans with what is known of them."""
    return [shown_plan(stored) for stored in plans_of(storage, tenant.tenant_id)]


def shown_plan(stored: StoredPlan) -> dict[str, Any]:
    """As the API shows it."""
    outcome = msgspec.json.decode(stored.outcome) if stored.outcome else None
    return {"plan_id": stored.plan_id, "state": str(stored.state), "made_at": rfc3339(stored.made_ms)} | {
        **msgspec.json.decode(stored.plan),
        "realised": outcome,
    }


def store_plan(storage: Storage, tenant: Tenant, stored: StoredPlan) -> None:
    row = stored._asdict() | {"tenant_id": tenant.tenant_id, "version": time.time_ns() // 1_000}
    row["made_at"] = row.pop("made_ms")
    row["state"] = str(stored.state)
    store(storage, "saturation_plans", [row])


def _content(
    run: Run, made: Plan, today: Mapping[str, float], budget: float, margin: float, start: str
) -> dict[str, Any]:
    profit = {name: round(getattr(made.net_profit, name), 2) for name in ("low", "median", "high")}
    is_counted = made.probability_of_gain >= COUNTED_FROM
    return {
        "as_of": run.data_until.isoformat(),
        "run_id": run.run_id,
        "start": start,
        "currency": run.currency,
        "model": run.model,
        "margin": margin,
        "budget": round(budget, 2),
        "channels": [
            {
                "channel": channel,
                "today": round(today[channel], 2),
                "spend": round(spend, 2),
                "change": round(spend - today[channel], 2),
                "reason": made.reasons[channel],
            }
            for channel, spend in made.spend.items()
        ],
        "net_profit": profit,
        "probability_of_gain": round(made.probability_of_gain, 4),
        "saving": profit if is_counted else None,
    }


def _require_near(start: str, run: Run, today: date) -> None:
    """A plan is measured by the days from its start on: they must not be those that it was made of, nor never come."""
    if start <= run.data_until.isoformat():
        raise BadInput(
            "bad_plan",
            f"start is {start}, and the plan is made of days until {run.data_until}.",
            "Give a later `start`, or an earlier `as_of`.",
        )
    if date.fromisoformat(start) > today + timedelta(days=_MOST_DAYS_AHEAD):
        raise BadInput(
            "bad_plan", f"start is {start}, more than {_MOST_DAYS_AHEAD} days ahead.", "Give an earlier `start`."
        )


def _spend_today(one: Assessment) -> float:
    spend = one.response.x0 if one.response is not None else one.x0
    return float(spend) if math.isfinite(spend) else 0.0


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""
