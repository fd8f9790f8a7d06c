"""Where does each channel stand? The newest published refit, what has come in since, and how it got there."""

from __future__ import annotations

from typing import Any

import msgspec

from app.advice.judge_check import last_check
from app.advice.newest import newest
from app.advice.refits import Refits
from app.errors import NotFound
from app.reports.days import rfc3339
from app.storage.client import Storage
from app.storage.saturation import SCORES, Run, answers_of, draws_of, history_of, runs_until
from app.tenants.tenant import Tenant

HISTORY_RUNS = 400
_BESIDE = ("status", "probabilities", "elasticity", "mroas", "decision")
Answer = dict[str, Any]


def overview(storage: Storage, refits: Refits, tenant: Tenant, as_of: str, now_ms: int) -> Answer:
    """Every channel's status, by name; and why the refit that was asked for last failed, if it did.

    Raises
    ------
    NotFound : no refit has been published.
    """
    run, failed = newest(storage, refits, tenant, as_of, now_ms)
    answers = _answers(storage, tenant, run)
    scores = _scores(storage, tenant, run)
    return _head(run, failed) | {
        "channels": [_of_channel(channel, answers, run) | _now(scores, channel) for channel in answers],
        "judge": last_check(storage),
    }


def one_channel(storage: Storage, refits: Refits, tenant: Tenant, channel: str, as_of: str, now_ms: int) -> Answer:
    """A channel's answer with its curve, the days behind it and its statuses so far.

    Raises
    ------
    NotFound : no refit has been published, or the newest has no such channel.
    """
    from app.advice.curve import curve_of  # numpy: only here

    run, failed = newest(storage, refits, tenant, as_of, now_ms)
    answers = _answers(storage, tenant, run)
    if channel not in answers:
        known = ", ".join(list(answers)[:20]) or "none"
        raise NotFound(
            "unknown_channel",
            f"The refit over data until {run.data_until} has no channel {channel[:80]!r}.",
            f"Channels with spend: {known}. Spend comes in by POST /v1/spend.",
        )
    drawn = draws_of(storage, tenant.tenant_id, run.run_id, run.model, channel).get(channel, "")
    return _head(run, failed) | {
        **_of_channel(channel, answers, run),
        **_now(_scores(storage, tenant, run), channel),
        "curve": curve_of(drawn, run.margin),
        "history": _history(storage, tenant, run, channel),
    }


def _head(run: Run, failed: list[dict[str, str]]) -> Answer:
    return {
        "as_of": run.data_until.isoformat(),
        "job_id": run.run_id,
        "reason": run.reason,
        "published_at": rfc3339(run.published_ms),
        "model": run.model,
        "compared_with": run.compared_with or None,
        "currency": run.currency,
        "margin": run.margin,
        "failures": failed,
    }


def _answers(storage: Storage, tenant: Tenant, run: Run) -> dict[str, dict[str, Answer]]:
    """By channel and model."""
    found: dict[str, dict[str, Answer]] = {}
    for model, channel, text in answers_of(storage, tenant.tenant_id, run.run_id):
        found.setdefault(channel, {})[model] = msgspec.json.decode(text)
    return {channel: of_models for channel, of_models in found.items() if run.model in of_models}


def _of_channel(channel: str, answers: dict[str, dict[str, Answer]], run: Run) -> Answer:
    answer = {name: value for name, value in answers[channel][run.model].items() if name != "standing"}
    other = answers[channel].get(run.compared_with)
    if other is None:
        return answer
    beside = {"model": run.compared_with, **{name: other[name] for name in _BESIDE}}
    return answer | {"compared": beside | {"agrees": other["status"] == answer["status"]}}


def _scores(storage: Storage, tenant: Tenant, run: Run) -> dict[str, Answer]:
    rows = storage.rows(SCORES, tenant_id=tenant.tenant_id, params={"run_id": run.run_id}, task="saturation")
    return {channel: msgspec.json.decode(text) for channel, text in rows}


def _now(scores: dict[str, Answer], channel: str) -> Answer:
    return {"now": scores.get(channel)}


def _history(storage: Storage, tenant: Tenant, run: Run, channel: str) -> list[Answer]:
    """Newest first: what each published refit said, under the model of the newest."""
    runs = [
        one for one in runs_until(storage, tenant.tenant_id, run.data_until, HISTORY_RUNS) if one.model == run.model
    ]
    said = history_of(storage, tenant.tenant_id, runs, channel, run.model)
    found = []
    for one in runs:
        if one.run_id in said:
            answer = msgspec.json.decode(said[one.run_id])
            shown = {name: answer[name] for name in ("status", "probabilities", "elasticity", "decision", "changed_on")}
            found.append({"as_of": one.data_until.isoformat(), **shown})
    return found
