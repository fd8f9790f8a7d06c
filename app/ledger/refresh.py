"""Who sums a tenant's rollups up again? One at a time, many days in parts, journeys once for several runs.

A run has refreshed the rollups of credit when it is closed. The attribution report reads no others, so the run of a
block leaves those of journeys to whoever reads them next, or else to the beat: one refresh for all runs until then.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta

from app.ledger.runs import LOOK_EVERY_S, RollupsBusy, RunKind, Runs
from app.ledger.stale import StaleJourneys
from app.reports.days import day_begins_ms
from app.storage.client import Storage
from app.storage.rollups import Rollup, TenantDay, refresh_daily
from app.tenants.registry import Registry

DAYS_AT_ONCE = 31
"""A backfill's many days are refreshed in parts, so that today's events need not wait for a year of them."""
TENANTS_AT_ONCE = 100
PAUSE_S = 3 * LOOK_EVERY_S
"""Between two parts: long enough for whoever waits to see that the rollups are free."""
_CLOSE, _CATCH_UP = "attribution.close_run", "attribution.refresh_journeys"


def refresh_touched(
    storage: Storage, runs: Runs, registry: Registry, touched: Mapping[int, Sequence[date]], kind: str
) -> None:
    """Before runs of a kind are closed: every tenant's first days together, then the next ones of those with more."""
    rollups = [Rollup.CREDIT] if leaves_journeys(kind) else [Rollup.CREDIT, Rollup.JOURNEYS]
    left = {tenant_id: list(days) for tenant_id, days in touched.items() if days}
    while left:
        first = {tenant_id: days[:DAYS_AT_ONCE] for tenant_id, days in left.items()}
        left = {tenant_id: days[DAYS_AT_ONCE:] for tenant_id, days in left.items() if len(days) > DAYS_AT_ONCE}
        for rollup in rollups:
            waiting = dict(first)
            while waiting:  # whose rollups are free; the others when they are
                with runs.refreshing(waiting, rollup) as (tenant_ids, version):
                    free = {each: waiting.pop(each) for each in tenant_ids}
                    _refresh(storage, registry, free, version, rollup, kind, _CLOSE)
        if left:
            time.sleep(PAUSE_S)


def leaves_journeys(kind: str) -> bool:
    """Whether a run of this kind is closed before the rollups of journeys are fresh: one that nobody has asked for."""
    return kind == RunKind.BLOCK


def catch_up(
    storage: Storage, runs: Runs, registry: Registry, tenant_id: int, *, wait_s: float | None = None
) -> None:
    """Make the rollups of a tenant's journeys as fresh as its credit is when this is called. Safe to repeat.

    Raises
    ------
    RollupsBusy : somebody else is at it, and was not done within `wait_s`.
    """
    stale = StaleJourneys(runs.redis)
    while stale.marks([tenant_id], 1) and _catch_up(storage, runs, registry, [tenant_id], wait_s):
        time.sleep(PAUSE_S)


def catch_up_all(storage: Storage, runs: Runs, registry: Registry) -> int:
    """The first stale days of the tenants that have had some longest. Returns how many tenants have had some."""
    tenant_ids = StaleJourneys(runs.redis).tenants(TENANTS_AT_ONCE)
    if tenant_ids:
        with suppress(RollupsBusy):  # somebody else is at all of them
            _catch_up(storage, runs, registry, tenant_ids, 0.0)
    return len(tenant_ids)


def _catch_up(
    storage: Storage, runs: Runs, registry: Registry, tenant_ids: Collection[int], wait_s: float | None
) -> bool:
    """The first stale days of those tenants whose journeys nobody else refreshes. Whether one of them has more."""
    stale = StaleJourneys(runs.redis)
    with runs.refreshing(tenant_ids, Rollup.JOURNEYS, wait_s) as (free, version):
        marks = stale.marks(free, DAYS_AT_ONCE)
        if marks:
            days = {tenant_id: sorted(of_one) for tenant_id, of_one in marks.items()}
            _refresh(storage, registry, days, version, Rollup.JOURNEYS, RunKind.BLOCK, _CATCH_UP)
            stale.refreshed(marks)
    return any(len(of_one) == DAYS_AT_ONCE for of_one in marks.values())


def tenant_days(tenant_id: int, timezone: str, days: Sequence[date]) -> list[TenantDay]:
    """Days of a tenant's timezone with their bounds."""
    return [
        TenantDay(tenant_id, day, day_begins_ms(day, timezone), day_begins_ms(day + timedelta(days=1), timezone))
        for day in days
    ]


def _refresh(
    storage: Storage,
    registry: Registry,
    days: Mapping[int, Sequence[date]],
    version: int,
    rollup: Rollup,
    kind: str,
    task: str,
) -> None:
    tenants = registry.fresh_of(days)
    bounds = {each.tenant_id: tenant_days(each.tenant_id, each.timezone, days[each.tenant_id]) for each in tenants}
    own = [day for of_one in bounds.values() for day in of_one] if kind != RunKind.SHADOW else []
    shadowed = [day for each in tenants if each.shadow is not None for day in bounds[each.tenant_id]]
    refresh_daily(storage, own, version, shadowed=shadowed, rollups=[rollup], task=task)
