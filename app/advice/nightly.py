"""Whose channels are refitted tonight, and which refit has been forgotten?"""

from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from app.advice.refits import Reason, Refits
from app.advice.series import watermark
from app.advice.settings import AdviceSettings, settings_of
from app.errors import BadInput
from app.storage.client import Storage
from app.tenants.registry import Registry
from app.tenants.tenant import Tenant

log = logging.getLogger(__name__)


class Services(Protocol):
    """What the night needs of its process."""

    @property
    def storage(self) -> Storage: ...
    @property
    def refits(self) -> Refits: ...
    @property
    def registry(self) -> Registry: ...


def due(services: Services, hour: int, now_ms: int) -> list[str]:
    """Ask for the refit of each tenant in whose timezone it is past the hour, once a day; the slugs asked for."""
    asked = []
    for tenant in services.registry.list():
        now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(ZoneInfo(tenant.timezone))
        if now.hour < hour or services.refits.was_asked_tonight(tenant.tenant_id, now.date()):
            continue
        settings = settings_of(services.storage, tenant)
        until = watermark(services.storage, tenant, settings, now_ms)
        if until is not None:
            services.refits.ask(tenant.tenant_id, until, Reason.NIGHTLY)
            asked.append(tenant.slug)
        services.refits.is_asked_tonight(tenant.tenant_id, now.date())
    return asked


def require_day(storage: Storage, tenant: Tenant, settings: AdviceSettings, asked: str, now_ms: int) -> date:
    """The day until which a refit that was asked for looks at data: the last complete one, or an earlier one.

    Raises
    ------
    BadInput : no day is complete, or the one asked for is not.
    """
    last = watermark(storage, tenant, settings, now_ms)
    if last is None:
        raise BadInput(
            "no_spend",
            f"No day with spend is complete yet: {settings.lag_days} days are held back.",
            "POST /v1/spend the days before, or set lag_days with PUT /v1/saturation/settings. "
            "What was sent just now is stored within seconds: ask again then.",
        )
    until = date.fromisoformat(asked) if asked else last
    if until > last:
        raise BadInput("not_complete", f"until is {until}, and data are complete until {last}.", "Ask for that day.")
    return until


def sweep_overdue(refits: Refits, attempts: int) -> list[str]:
    """The refits that are to be sent again. One that was sent too often has failed."""
    again = []
    for job_id, tries in refits.overdue():
        if tries > attempts:
            log.error("the refit %s failed every try", job_id)
            refits.fail(
                job_id,
                "not_fitted",
                f"The refit was begun {tries} times and did not end.",
                "See the log of the worker of the queue `saturation` (where tasks run out of time, set "
                "TRIBUTARY_REFIT_CHANNELS lower); then POST /v1/saturation/train again.",
            )
        else:
            again.append(job_id)
    return again
