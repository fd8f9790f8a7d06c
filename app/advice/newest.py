"""Which refit answers, and why did the one that was asked for last not take its place?"""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from app.advice.refits import Refits, RefitState, failures
from app.errors import NotFound
from app.reports.days import day_of, read_day
from app.storage.client import Storage
from app.storage.saturation import Run, runs_until
from app.tenants.tenant import Tenant


class Newest(NamedTuple):
    """A published refit, and what the one that was asked for last failed of: nothing, or one failure."""

    run: Run
    failures: list[dict[str, str]]


def newest(storage: Storage, refits: Refits, tenant: Tenant, as_of: str, now_ms: int) -> Newest:
    """The newest refit, or the newest over data until a day.

    Raises
    ------
    NotFound : there is none; it says what became of the one that was asked for.
    """
    last = refits.newest(tenant.tenant_id)
    failed = failures(last) if last is not None else []
    until = read_day("as_of", as_of) if as_of else day_of(now_ms, tenant.timezone) + timedelta(days=1)
    runs = runs_until(storage, tenant.tenant_id, until)
    if runs:
        return Newest(runs[0], failed)
    missing = f"No refit of {tenant.slug} has been published" + (f" over data until {as_of}." if as_of else ".")
    for failure in failed:
        raise NotFound("not_trained", f"{missing} The last one failed: {failure['message']}", failure["detail"])
    if as_of:
        remedy = f'POST /v1/saturation/train {{"until": "{as_of}"}} makes one, where there is spend until then.'
    elif last is not None and last.state is RefitState.OPEN:
        missing, remedy = f"{missing} One is under way.", f"Follow it: GET /v1/jobs/{last.job_id}."
    else:
        remedy = "POST /v1/spend, then POST /v1/saturation/train; afterwards it is done every night."
    raise NotFound("not_trained", missing, remedy)
