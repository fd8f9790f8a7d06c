"""What does the spend that came in since the refit mean? Each new day is added to the stored adstock: no refit.

A day counts when it is over in the tenant's timezone and a row of spend has come in for it. The stored draws say what
the elasticity is at the adstock that is reached; the status waits for the refit, which alone sees revenue.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import msgspec
import numpy as np

from app.advice.documents import Drawn, unpack
from app.advice.series import read_spend
from app.advice.settings import AdviceSettings, settings_of
from app.reports.days import day_of
from app.saturation.answers import Estimate
from app.saturation.draws import rescored
from app.saturation.names import CLASSES, status_of
from app.storage.client import Storage
from app.storage.saturation import Run, draws_of, runs_until, store
from app.tenants.tenant import Tenant

MOST_DAYS = 35
"""A refit that is older than this has no say about today."""


@dataclass(frozen=True, slots=True)
class _Score:
    """A channel after its last known day of spend."""

    channel: str
    day: date
    score: dict[str, Any]


def score_tenant(storage: Storage, tenant: Tenant, now_ms: int) -> int:
    """Score every channel of the newest refit. Returns how many were. Safe to repeat."""
    yesterday = day_of(now_ms, tenant.timezone) - timedelta(days=1)
    runs = runs_until(storage, tenant.tenant_id, yesterday)
    if not runs or not 0 < (yesterday - runs[0].data_until).days <= MOST_DAYS:
        return 0
    settings = settings_of(storage, tenant)
    scores = list(_scores(storage, tenant, settings, runs[0], yesterday))
    now_us = time.time_ns() // 1_000
    key = {"tenant_id": tenant.tenant_id, "run_id": runs[0].run_id}
    rows = [
        key | {"channel": one.channel, "day": one.day, "score": msgspec.json.encode(one.score).decode()}
        for one in scores
    ]
    store(storage, "saturation_scores", [row | {"version": now_us} for row in rows])
    return len(scores)


def _scores(storage: Storage, tenant: Tenant, settings: AdviceSettings, run: Run, yesterday: date) -> Iterator[_Score]:
    first = run.data_until + timedelta(days=1)
    spend = read_spend(storage, tenant, settings, first, yesterday)
    imported = spend.any_known()
    for channel, text in draws_of(storage, tenant.tenant_id, run.run_id, run.model).items():
        drawn = unpack(text)
        if drawn is None:
            continue
        days = spend.column(channel, imported)
        known = int(np.argmin(np.isfinite(days))) if not np.isfinite(days).all() else len(days)
        if known:
            yield _Score(channel, first + timedelta(days=known - 1), score_of(drawn, days[:known].tolist()))


def score_of(drawn: Drawn, spend: list[float]) -> dict[str, Any]:
    """Where a channel stands after further days of spend; O(1) for each."""
    carry, elasticity = drawn.carry, np.zeros(1)
    for one in spend:
        carry, elasticity = rescored(drawn.response, carry, one)
    at = max(carry.adstock, 1e-9)
    revenue = drawn.response.at(at)
    classes = [status_of(value) for value in elasticity.tolist()]
    return {
        "days": len(spend),
        "spend": round(spend[-1], 2),
        "adstock": round(carry.adstock, 2),
        "is_inside": bool(at <= float(drawn.response.spend[-1])),
        "elasticity": _shown(Estimate.of(elasticity)),
        "mroas": _shown(Estimate.of(elasticity * revenue / at)),
        "probabilities": {str(one): round(classes.count(one) / len(classes), 4) for one in CLASSES},
    }


def _shown(estimate: Estimate) -> dict[str, float]:
    return {name: round(getattr(estimate, name), 4) for name in ("low", "median", "high")}
