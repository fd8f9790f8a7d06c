"""Who sums a tenant's rollups up again? One at a time, many days in parts, and once for the runs of several blocks.

A run that somebody asked for has refreshed all rollups when it is closed. The run of a block leaves its days stale to
whoever reads them next, or else to the beat: one refresh for all runs until then.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta

from app.errors import NotFound, TributaryError
from app.ledger.alone import LOOK_EVERY_S, RollupsBusy, refreshing
from app.ledger.runs import RunKind, Runs
from app.ledger.stale import EVER, Marks, StaleDays
from app.reports.days import day_begins_ms
from app.storage.client import Storage
from app.storage.failures import BAD_ROWS, StoragePermanent, StorageTooHeavy
from app.storage.rollups import TenantDay, refresh_daily
from app.storage.statements import Rollup
from app.tenants.registry import Registry

DAYS_AT_ONCE = 31
"""A backfill's many days are refreshed in parts, so that today's events need not wait for a year of them."""
TENANTS_AT_ONCE = 100
PAUSE_S = 3 * LOOK_EVERY_S
"""Between two parts: long enough for whoever waits to see that the rollups are free."""
PUT_OFF_S = 60.0
"""A tenant whose rollup cannot be summed up is not tried again by the beat before."""
ONES_OWN = (StorageTooHeavy, StoragePermanent, NotFound, *BAD_ROWS)
"""Failures that may come of one tenant's days alone."""
_CLOSE, _CATCH_UP = "attribution.close_run", "attribution.refresh_rollups"
log = logging.getLogger(__name__)


def left_stale(kind: str) -> Collection[Rollup]:
    """The rollups that a run of this kind need not have refreshed when it is closed: nobody waits for a block's."""
    return tuple(Rollup) if kind == RunKind.BLOCK else ()


def refresh_touched(
    storage: Storage, runs: Runs, registry: Registry, touched: Mapping[int, Sequence[date]], kind: str
) -> None:
    """Before runs of a kind are closed: every tenant's first days together, then the next ones of those with more."""
    left = {tenant_id: list(days) for tenant_id, days in touched.items() if days}
    while left:
        first = {tenant_id: days[:DAYS_AT_ONCE] for tenant_id, days in left.items()}
        left = {tenant_id: days[DAYS_AT_ONCE:] for tenant_id, days in left.items() if len(days) > DAYS_AT_ONCE}
        for rollup in Rollup:
            waiting = dict(first)
            while waiting:  # whose rollups are free; the others when they are
                with refreshing(runs, waiting, rollup) as (tenant_ids, version):
                    free = {each: waiting.pop(each) for each in tenant_ids}
                    _refresh(storage, registry, free, version, rollup, kind, _CLOSE)
        if left:
            time.sleep(PAUSE_S)


def catch_up(
    storage: Storage,
    runs: Runs,
    registry: Registry,
    tenant_id: int,
    rollup: Rollup,
    within: tuple[date, date] = EVER,
    *,
    wait_s: float | None = None,
) -> None:
    """Make a tenant's rollup as fresh as its ledger is when this is called. Safe to repeat.

    Parameters
    ----------
    within : only these days, from the first until before the second: those that are about to be read.
    wait_s : for others who are at it, and in all where there are more days than one part; without it, each part is
        waited for as the close of a run waits.

    Raises
    ------
    RollupsBusy : it could not be done within `wait_s`.
    """
    stale, (first, end) = StaleDays(runs.redis, rollup), within
    ends_s = time.monotonic() + wait_s if wait_s is not None else float("inf")
    while stale.marks([tenant_id], (first, end), 1):
        days = _catch_up(storage, runs, registry, rollup, [tenant_id], (first, end), wait_s).get(tenant_id, {})
        if len(days) < DAYS_AT_ONCE:
            return
        if time.monotonic() > ends_s:
            raise RollupsBusy("rollups_busy", "Many of the tenant's days are to be summed up.", "Ask again.")
        first = max(days) + timedelta(days=1)  # what is touched meanwhile before it is left to the next
        time.sleep(PAUSE_S)


def catch_up_all(storage: Storage, runs: Runs, registry: Registry) -> int:
    """The first stale days of the tenants that have waited longest. Returns how many tenants had their turn.

    What fails of one rollup is told when the others have had theirs; what fails of one tenant is logged.
    """
    tenant_ids: set[int] = set()
    failure: TributaryError | None = None
    for rollup in Rollup:
        try:
            tenant_ids.update(_catch_up_waiting(storage, runs, registry, rollup))
        except TributaryError as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return len(tenant_ids)


def _catch_up_waiting(storage: Storage, runs: Runs, registry: Registry, rollup: Rollup) -> list[int]:
    """Those whose turn it is, together; where that fails each alone, so that none holds up the others."""
    stale = StaleDays(runs.redis, rollup)
    tenant_ids = stale.tenants(TENANTS_AT_ONCE)
    try:
        with suppress(RollupsBusy):  # somebody else is at all of them
            _catch_up(storage, runs, registry, rollup, tenant_ids, EVER, 0.0)
    except ONES_OWN:
        for tenant_id in tenant_ids:
            stale.put_off(tenant_id, PUT_OFF_S)  # before it is tried: it may take this process with it
            _catch_up_alone(storage, runs, registry, rollup, tenant_id)
    return tenant_ids


def _catch_up_alone(storage: Storage, runs: Runs, registry: Registry, rollup: Rollup, tenant_id: int) -> None:
    try:
        with suppress(RollupsBusy):
            _catch_up(storage, runs, registry, rollup, [tenant_id], EVER, 0.0)
    except ONES_OWN as error:
        log.exception(
            "the rollup of %s of %s cannot be summed up; it is tried again in %.0f s, and until then its reports are "
            "not the newest and say that they are not reconciled: %s",
            rollup,
            registry.name_of(tenant_id),
            PUT_OFF_S,
            error,
        )


def _catch_up(
    storage: Storage,
    runs: Runs,
    registry: Registry,
    rollup: Rollup,
    tenant_ids: Collection[int],
    within: tuple[date, date],
    wait_s: float | None,
) -> Marks:
    """The first stale days of those tenants of whom nobody else refreshes the rollup. Returns what is fresh now."""
    if not tenant_ids:
        return {}
    stale = StaleDays(runs.redis, rollup)
    with refreshing(runs, tenant_ids, rollup, wait_s) as (free, version):
        marks = stale.marks(free, within, DAYS_AT_ONCE)
        if marks:
            days = {tenant_id: sorted(of_one) for tenant_id, of_one in marks.items()}
            _refresh(storage, registry, days, version, rollup, RunKind.BLOCK, _CATCH_UP)
            stale.refreshed(marks)
    return marks


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
