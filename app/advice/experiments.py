"""What did tests of channels find? Their results, as a tenant tells them; they enter every later refit."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import numpy as np

from app.errors import BadInput, NotFound
from app.reports.days import read_day
from app.saturation.names import ExperimentKind
from app.saturation.series import Experiment
from app.storage.client import Storage
from app.storage.saturation import EXPERIMENTS, answers_of, runs_until, store
from app.tenants.tenant import Tenant

MOST_BYTES = 512
_REMEDY = (
    'Send {"channel", "kind": "go_dark"|"pulses"|"geo", "start", "end", "lift": {"low", "median", "high"}, '
    '"spend_ratio"}: lift is the 5, 50 and 95 % share of the revenue that the tested spend brings.'
)


class Lift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The 5, 50 and 95 % of what the tested spend brings, as a share of the channel's revenue without the test."""

    low: float
    median: float
    high: float


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A test and what it found; days are included. `experiment_id` '' is a new one, else it replaces an earlier."""

    channel: str
    kind: str
    start: str
    end: str
    lift: Lift
    spend_ratio: float = 0.0
    experiment_id: str = ""


def read_result(body: bytes, today: date) -> Result:
    """A test's result from JSON, checked; `today` is the tenant's, and a test that has not ended has none.

    Raises
    ------
    BadInput : names the field and the remedy.
    """
    try:
        result = msgspec.json.decode(body, type=Result)
    except msgspec.ValidationError as error:
        raise _bad(f"The experiment cannot be read: {error}.", _REMEDY) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput("malformed_json", f"The body is not JSON: {error}.", _REMEDY) from None
    kinds = [str(kind) for kind in ExperimentKind]
    if result.kind not in kinds:
        raise _bad(f"kind is {result.kind[:40]!r}.", f"Use one of {', '.join(kinds)}.")
    for field in ("channel", "experiment_id"):
        if len(getattr(result, field).encode()) > MOST_BYTES or (field == "channel" and not result.channel.strip()):
            raise _bad(f"{field} is empty or too long.", f"Give at most {MOST_BYTES} bytes.")
    read_day("start", result.start)
    if read_day("end", result.end) > today:
        raise _bad(f"end is {result.end}, which is ahead.", "Send the result once the test has ended.")
    _require_share(result)
    try:
        _experiment(result)
    except ValueError as error:
        raise _bad(f"{error}.", _REMEDY) from None
    return msgspec.structs.replace(result, channel=result.channel.strip().lower())


def _require_share(result: Result) -> None:
    """Refuse what is no share of revenue: percents, above all.

    Spend that is taken away cannot bring more than all of the revenue; more of it brings hardly more than its square.
    """
    most = max(1.0, result.spend_ratio**2 - 1)
    if abs(result.lift.median) > most:
        raise _bad(
            f"lift.median is {result.lift.median:g}, and revenue is 1.",
            "Send shares of the channel's revenue without the test: 0.2 for 20 %.",
        )


def add_result(storage: Storage, tenant: Tenant, result: Result) -> Result:
    """Keep it; the next refit counts it."""
    kept = msgspec.structs.replace(result, experiment_id=result.experiment_id or f"e{uuid.uuid4().hex[:16]}")
    _store(storage, tenant, kept.experiment_id, msgspec.json.encode(kept).decode(), is_deleted=0)
    return kept


def warnings_of(storage: Storage, tenant: Tenant, result: Result) -> list[dict[str, str]]:
    """What its author should look at: a channel of a name that the newest refit does not know is never refitted."""
    runs = runs_until(storage, tenant.tenant_id, datetime.now(UTC).date())
    if not runs:
        return []
    known = sorted({channel for _, channel, _ in answers_of(storage, tenant.tenant_id, runs[0].run_id)})
    if result.channel in known:
        return []
    detail = f"The newest refit has no channel {result.channel[:80]!r}, but {', '.join(known[:20]) or 'none'}."
    return [{"code": "unknown_channel", "field": "channel", "detail": f"{detail} It counts once there is one."}]


def delete_result(storage: Storage, tenant: Tenant, experiment_id: str) -> None:
    """Take it back; the next refit counts it no more.

    Raises
    ------
    NotFound : the tenant has none of this id.
    """
    if experiment_id not in {one.experiment_id for one in results_of(storage, tenant)}:
        raise NotFound(
            "unknown_experiment", f"There is no experiment {experiment_id[:80]!r}.", "See GET /v1/experiments."
        )
    _store(storage, tenant, experiment_id, "", is_deleted=1)


def results_of(storage: Storage, tenant: Tenant) -> list[Result]:
    """A tenant's results."""
    rows = storage.rows(EXPERIMENTS, tenant_id=tenant.tenant_id, task="saturation")
    return [msgspec.json.decode(text, type=Result) for _, text in rows]


def experiments_of(storage: Storage, tenant: Tenant) -> list[Experiment]:
    """The same, as a fit takes them."""
    return [_experiment(one) for one in results_of(storage, tenant)]


def _experiment(result: Result) -> Experiment:
    return Experiment(
        channel=result.channel,
        kind=ExperimentKind(result.kind),
        start=np.datetime64(result.start),
        end=np.datetime64(result.end),
        lift_low=result.lift.low,
        lift_median=result.lift.median,
        lift_high=result.lift.high,
        spend_ratio=result.spend_ratio,
    )


def _store(storage: Storage, tenant: Tenant, experiment_id: str, text: str, is_deleted: int) -> None:
    row: dict[str, Any] = {
        "tenant_id": tenant.tenant_id,
        "experiment_id": experiment_id,
        "is_deleted": is_deleted,
        "experiment": text,
        "version": time.time_ns() // 1_000,
    }
    store(storage, "saturation_experiments", [row])


def _bad(message: str, remedy: str) -> BadInput:
    return BadInput("bad_experiment", message, remedy)
