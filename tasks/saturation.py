"""Which tasks say where spend has saturated? A refit is one chord: groups of channels, then what publishes them."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import Any

from celery import chord
from celery.exceptions import SoftTimeLimitExceeded

from app.advice import refit
from app.advice.judge_check import check_judge as check
from app.advice.nightly import due, sweep_overdue
from app.errors import Unavailable
from config.queues import TaskName, Urgency
from tasks.context import context
from tasks.policy import task

log = logging.getLogger(__name__)


def dispatch(job_id: str) -> int:
    """Send what is open of a refit as one flat chord. Returns how many groups."""
    numbers = refit.begin(context, job_id, context.settings.refit_channels)
    found = context.refits.get(job_id)
    if numbers is None or found is None:
        return 0
    how = {"priority": int(Urgency.FIRST if found.is_urgent else Urgency.LATER)}
    last = publish_refit.signature(kwargs={"job_id": job_id}, **how)
    headers = [fit_channels.signature(kwargs={"job_id": job_id, "group": number}, **how) for number in numbers]
    context.refits.sent(job_id)
    if headers:
        chord(headers, last).apply_async()
    else:
        last.apply_async(args=([],))
    return len(headers)


@task(TaskName.REFIT_DUE, shown=False)
def refit_due() -> dict[str, Any]:
    """Ask for the nightly refits whose hour has come, and send again what is overdue."""
    asked = due(context, context.settings.refit_hour, time.time_ns() // 1_000_000)
    again = sweep_overdue(context.refits, context.settings.refit_attempts)
    for job_id in again:
        start_refit.apply_async(kwargs={"job_id": job_id})
    return {"asked": asked, "sent_again": again}


@task(TaskName.START_REFIT, retries=4)
def start_refit(*, job_id: str) -> dict[str, Any]:
    """Dispatch a refit that was recorded."""
    return {"job_id": job_id, "groups": dispatch(job_id)}


@task(TaskName.FIT_CHANNELS, in_chord=True, retries=4)
def fit_channels(*, job_id: str, group: int) -> dict[str, Any]:
    """Fit one group of channels. One that runs out of time stays open, and the sweep sends it again."""
    try:
        return refit.fit(context, job_id, group)
    except SoftTimeLimitExceeded:
        log.error("group %d of %s ran out of time: fit fewer channels (TRIBUTARY_REFIT_CHANNELS)", group, job_id)
        return {"outcome": "too slow", "job_id": job_id, "group": group}


@task(TaskName.PUBLISH_REFIT, retries=4)
def publish_refit(results: list[dict[str, Any]], *, job_id: str) -> dict[str, Any]:
    """Publish what the groups have stored."""
    return refit.publish(context, job_id)


@task(TaskName.SCORE_SPEND, retries=4)
def score_spend() -> dict[str, int]:
    """Have every tenant's new spend scored, by a task each; one that waits for an hour makes way for the next.

    They go after refits that somebody waits for, and before those of the night, which take longer.
    """
    tenants = context.registry.list()
    for tenant in tenants:
        score_tenant.apply_async(
            kwargs={"tenant_id": tenant.tenant_id, "tenant": tenant.slug},
            priority=int(Urgency.SOON),
            expires=context.settings.score_every_s,
        )
    return {"tenants": len(tenants)}


@task(TaskName.SCORE_TENANT, retries=4)
def score_tenant(*, tenant_id: int, tenant: str) -> dict[str, Any]:
    """Score the spend that came in since a tenant's refit. `tenant` tells support whose it is."""
    from app.advice import scores  # with scipy and lightgbm, which no other queue's worker needs

    now_ms = time.time_ns() // 1_000_000
    try:
        channels = scores.score_tenant(context.storage, context.tenant(tenant_id), now_ms)
    except Unavailable:
        raise
    except Exception:
        log.error("the new spend of %s was not scored; the next hour's task tries again", tenant)
        context.refits.not_scored(tenant_id)
        raise
    context.refits.scored(tenant_id)
    return {"tenant": tenant, "channels": channels}


@task(TaskName.CHECK_JUDGE)
def check_judge() -> dict[str, Any]:
    """Prove the judge on this week's simulated channels."""
    return check(context.storage, datetime.now(UTC).date())
