"""How is a tenant refitted? Its channels in groups, each fitted beside the others' days; then all published at once.

A channel's fit borrows from the tenant's other channels: what their revenue shows of demand, and what demand is worth.
That needs a first look at every channel, a twentieth of the work; so each group looks at all channels and fits its
own. What a group stores is shown to nobody before the run is published, and storing it twice changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Protocol

import msgspec
import numpy as np

from app.advice.documents import answer_of, pack, standing_of
from app.advice.experiments import experiments_of
from app.advice.refits import Group, Refit, Refits, RefitState
from app.advice.series import DAYS, Market, read_market, uncredited
from app.advice.settings import AdviceSettings, settings_of
from app.advice.verify import verify_plans
from app.errors import TributaryError, Unavailable
from app.ledger.refresh import catch_up
from app.ledger.runs import Runs
from app.reports.days import day_of
from app.saturation.series import Context, Standing
from app.storage.client import Storage
from app.storage.saturation import answers_of, runs_until, store
from app.storage.statements import Rollup
from app.tenants.registry import Registry
from app.tenants.tenant import Tenant

SEED = 1
WAIT_FOR_CREDIT_S = 900.0
_encode = msgspec.json.Encoder().encode


class Services(Protocol):
    """What a refit needs of its process."""

    @property
    def storage(self) -> Storage: ...
    @property
    def refits(self) -> Refits: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def registry(self) -> Registry: ...
    def tenant(self, tenant_id: int) -> Tenant: ...


def begin(services: Services, job_id: str, group_channels: int) -> list[int] | None:
    """Record the groups of a refit, if that has not been done; those that are still to be fitted.

    None where there is nothing to send: it has ended, or it ends here, since the tenant has to change something first
    (a missing rate).

    Raises
    ------
    Unavailable : conversions of its days are not credited yet; after a quarter of an hour it goes on without them.
    """
    refit = services.refits.get(job_id)
    if refit is None or refit.state is not RefitState.OPEN:
        return None
    if refit.settings is None:
        tenant = services.tenant(refit.tenant_id)
        _wait_for_credit(services, tenant, refit)
        _catch_up(services, refit)
        settings = settings_of(services.storage, tenant)
        try:
            groups = list(_groups(services.storage, tenant, settings, refit.until, group_channels))
        except Unavailable:
            raise
        except TributaryError as error:
            services.refits.fail(job_id, error.code, error.message, error.detail)
            return None
        services.refits.begin(job_id, settings, groups)
    return services.refits.open_groups(job_id)


def fit(services: Services, job_id: str, number: int) -> dict[str, Any]:
    """Fit the channels of one group and store what came of it; what support reads in Flower."""
    refit, group = services.refits.get(job_id), services.refits.group(job_id, number)
    told = {"job_id": job_id, "group": number}
    if refit is None or refit.settings is None or group is None or refit.state is not RefitState.OPEN:
        return {"outcome": "done before", **told}
    tenant = services.tenant(refit.tenant_id)
    _catch_up(services, refit)
    market = read_market(services.storage, tenant, refit.settings, group.model, refit.until)
    _fit_and_store(services.storage, tenant, refit, refit.settings, group, market)
    services.refits.fitted(job_id, number, len(group.channels))
    return {"outcome": "fitted", "tenant": tenant.slug, "model": group.model, "channels": len(group.channels), **told}


def publish(services: Services, job_id: str) -> dict[str, Any]:
    """Show what the groups have stored, in place of an earlier refit over the same days. Safe to repeat."""
    refit = services.refits.get(job_id)
    if refit is None or refit.settings is None or refit.state is not RefitState.OPEN:
        return {"outcome": "closed before", "job_id": job_id}
    if still_open := len(services.refits.open_groups(job_id)):
        return {"outcome": "waits", "open_groups": still_open, "job_id": job_id}
    tenant, settings, now_us = services.tenant(refit.tenant_id), refit.settings, time.time_ns() // 1_000
    row = {
        "tenant_id": tenant.tenant_id,
        "data_until": refit.until,
        "run_id": job_id,
        "reason": refit.reason,
        "model": settings.model,
        "compared_with": settings.compared_with,
        "currency": settings.currency,
        "margin": settings.margin,
        "channels": refit.total // len(settings.models),
        "about": _encode(settings).decode(),
        "published_at": now_us // 1_000,
        "version": now_us,
    }
    store(services.storage, "saturation_runs", [row])
    _catch_up(services, refit)
    verified = verify_plans(services.storage, tenant, settings, refit.until)
    services.refits.finish(job_id)
    return {"outcome": "published", "tenant": tenant.slug, "channels": row["channels"], "plans": verified} | {
        "until": refit.until.isoformat(),
        "job_id": job_id,
    }


def _wait_for_credit(services: Services, tenant: Tenant, refit: Refit) -> None:
    waited_s = time.time() - refit.created_ms / 1_000
    if waited_s < WAIT_FOR_CREDIT_S and (count := uncredited(services.storage, tenant, refit.until)):
        services.refits.wait(refit.job_id)
        raise Unavailable("not_credited", f"{count} conversions are not credited yet.", "It is tried again.")


def _catch_up(services: Services, refit: Refit) -> None:
    """Sum up first what blocks have left of the days that are looked at."""
    days = refit.until - timedelta(days=DAYS - 1), refit.until + timedelta(days=1)
    catch_up(services.storage, services.runs, services.registry, refit.tenant_id, Rollup.CREDIT, days)


def _groups(storage: Storage, tenant: Tenant, settings: AdviceSettings, until: date, size: int) -> Iterator[Group]:
    for model in settings.models:
        names = [series.channel for series in read_market(storage, tenant, settings, model, until).series]
        for start in range(0, len(names), size):
            yield Group(model, tuple(names[start : start + size]))


def _fit_and_store(
    storage: Storage, tenant: Tenant, refit: Refit, settings: AdviceSettings, group: Group, market: Market
) -> None:
    from app.saturation import assess  # the edge reads this module's neighbours and never fits

    context = _context(storage, tenant, settings, group.model, refit.until)
    only = set(group.channels)
    assessments = assess(market.series, margin=settings.margin, context=context, seed=SEED, only=only)
    series = {one.channel: one for one in market.series}
    now_us = time.time_ns() // 1_000
    key = {"tenant_id": tenant.tenant_id, "run_id": refit.job_id, "model": group.model}
    stamp = {"created_at": now_us // 1_000, "version": now_us}
    answers, draws = [], []
    for one in assessments:
        text = _encode(answer_of(one)).decode()
        said = {"channel": one.channel, "data_until": refit.until, "status": str(one.status), "answer": text}
        answers.append(key | said | stamp)
        drawn = pack(one, series[one.channel], np.datetime64(refit.until))
        draws.append(key | {"channel": one.channel, "draws": drawn} | stamp)
    store(storage, "saturation_draws", draws)
    store(storage, "saturation_assessments", answers)


def _context(storage: Storage, tenant: Tenant, settings: AdviceSettings, model: str, until: date) -> Context:
    changed = [day_of(item.from_ms, tenant.timezone) for item in tenant.timeline[1:]]
    return Context(
        complete_until=np.datetime64(until),
        rule_changes=[np.datetime64(day) for day in changed],
        holidays=[np.datetime64(day) for day in settings.holidays],
        previous=_standings(storage, tenant, model, until),
        experiments=[one for one in experiments_of(storage, tenant) if one.end <= np.datetime64(until)],
    )


def _standings(storage: Storage, tenant: Tenant, model: str, until: date) -> dict[str, Standing]:
    """Of the refit over fewer days: one over the same days counts no second time."""
    before = runs_until(storage, tenant.tenant_id, until - timedelta(days=1))
    if not before:
        return {}
    kept = answers_of(storage, tenant.tenant_id, before[0].run_id)
    found = {channel: standing_of(msgspec.json.decode(text)) for name, channel, text in kept if name == model}
    return {channel: standing for channel, standing in found.items() if standing is not None}
