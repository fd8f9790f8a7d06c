"""Was it right? Every answer beside the truth of the channel that was simulated, for `gates` to judge.

An assessor is handed the simulated tenant; an honest one reads its series and context only.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.saturation.allocate import at_spend, grids, water_fill
from app.saturation.baselines import linear_in_spend, log_log, naive_hill, seasonal_naive
from app.saturation.planner import STEP, may_move, plan
from app.saturation.series import CLASSES, Assessment, ChannelSeries, Context, Estimate, Floats, Status, status_of
from app.saturation.simulator.simulate import SimulatedChannel, SimulatedTenant

PROOF_MARGIN = 0.5
_FINE = 81

Assessor = Callable[[SimulatedTenant], Sequence[Assessment]]


@dataclass(frozen=True, slots=True)
class Row:
    """A channel: what was said, and what is so.

    Parameters
    ----------
    tenant : int
        Number of the tenant, the unit of the bootstrap.
    family, days
        Of the simulated channel.
    truth, spend_driven_truth, given, spend_driven_given : Status
    probabilities : tuple of 3 float
        In the order of `CLASSES`; empty where none were given.
    elasticity, mroas : float
        True ones.
    said_elasticity, said_mroas : Estimate or None
    errors : tuple of 3 float
        Mean absolute error of the forecast, of seasonal-naive and of linear in spend, over the mean revenue;
        the first is ``nan`` where no forecast was given.
    naive_hill, log_log : Status or None
        What the baselines say; None where they fail.
    seconds : float
        Share of the tenant's processor time.
    """

    tenant: int
    family: str
    days: int
    truth: Status
    spend_driven_truth: Status
    given: Status
    spend_driven_given: Status
    probabilities: tuple[float, ...]
    elasticity: float
    mroas: float
    said_elasticity: Estimate | None
    said_mroas: Estimate | None
    errors: tuple[float, float, float]
    naive_hill: Status | None
    log_log: Status | None
    seconds: float

    @property
    def is_decided(self) -> bool:
        """A status was given."""
        return self.given is not Status.INSUFFICIENT_EVIDENCE


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A tenant's plan at margin 0.5 and today's budget; all as shares of today's spend.

    Parameters
    ----------
    tenant : int
    realised, claimed : float
        Net profit a day over today: by the true curves, and the plan's median.
    possible : float
        The most that any split within the same limits gains, over all channels.
    possible_decided : float
        The same over the channels that the plan may move: see `planner.may_move`.
    possible_with_status : float
        The same over the channels with a status only.
    """

    tenant: int
    realised: float
    claimed: float
    possible: float
    possible_decided: float
    possible_with_status: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a run over a suite gives."""

    rows: tuple[Row, ...]
    plans: tuple[PlanRow, ...]


def collect(
    tenants: Iterable[SimulatedTenant], assessor: Assessor, progress: Callable[[int], None] = lambda done: None
) -> Evidence:
    """Assess and plan every tenant. `progress` is told how many are done."""
    rows: list[Row] = []
    plans: list[PlanRow] = []
    for number, tenant in enumerate(tenants):
        began = time.process_time()
        assessments = assessor(tenant)
        seconds = (time.process_time() - began) / len(tenant.channels)
        rows.extend(
            row_of(number, channel, said, seconds, tenant.context)
            for channel, said in zip(tenant.channels, assessments, strict=True)
        )
        plans.append(plan_row(number, tenant, assessments))
        progress(number + 1)
    return Evidence(tuple(rows), tuple(plans))


def row_of(tenant: int, channel: SimulatedChannel, said: Assessment, seconds: float, context: Context) -> Row:
    """One channel's answer beside its truth."""
    truth, complete = channel.truth, complete_days(channel.series, context)
    given = [said.probabilities[name] for name in CLASSES] if said.probabilities else []
    return Row(
        tenant=tenant,
        family=channel.setting.family,
        days=len(channel.series),
        truth=truth.status,
        spend_driven_truth=truth.spend_driven_status,
        given=said.status,
        spend_driven_given=said.spend_driven_status,
        probabilities=tuple(given),
        elasticity=truth.elasticity,
        mroas=truth.mroas,
        said_elasticity=said.elasticity,
        said_mroas=said.mroas,
        errors=_errors(channel, complete, said),
        naive_hill=_status_or_none(naive_hill(complete)),
        log_log=_status_or_none(log_log(complete)),
        seconds=seconds,
    )


def complete_days(series: ChannelSeries, context: Context) -> ChannelSeries:
    """The known days up to the watermark."""
    known = series.known()
    return known if context.complete_until is None else known.where(known.day <= context.complete_until)


def plan_row(number: int, tenant: SimulatedTenant, assessments: Sequence[Assessment]) -> PlanRow:
    """What the plan is worth by the true curves."""
    truths = {one.series.channel: one.truth for one in tenant.channels}
    today = {name: truth.x0 for name, truth in truths.items()}
    # The bounds are the simulator's, so that an assessment's idea of today cannot widen what is possible.
    bounds = {one.series.channel: _bounds(one, tenant.context) for one in tenant.channels}
    total = sum(today.values())
    made = plan(assessments, _budget(assessments, total), margin=PROOF_MARGIN)
    with_status = {one.channel for one in assessments if one.status is not Status.INSUFFICIENT_EVIDENCE}
    decided = {one.channel for one in assessments if may_move(one, PROOF_MARGIN)}

    def most(moving: set[str]) -> float:
        frozen = {name: limits if name in moving else (today[name], today[name]) for name, limits in bounds.items()}
        return best_gain(tenant, frozen) / total

    return PlanRow(
        tenant=number,
        realised=true_gain(tenant, made.spend) / total,
        claimed=made.net_profit.median / total,
        possible=most(set(bounds)),
        possible_decided=most(decided),
        possible_with_status=most(with_status),
    )


def _budget(assessments: Sequence[Assessment], total: float) -> float:
    """Today's spend as the assessments see it, which is the simulator's but for rounding."""
    seen = [one.response.x0 if one.response is not None else one.x0 for one in assessments]
    return max(total, float(np.nansum(seen)))


def true_gain(tenant: SimulatedTenant, spend: Mapping[str, float]) -> float:
    """Net profit a day over today, by the true curves."""
    gain = 0.0
    for one in tenant.channels:
        wanted, truth = spend[one.series.channel], one.truth
        revenue = truth.response(np.array([max(wanted, 1e-9), truth.x0]))
        gain += PROOF_MARGIN * float(revenue[0] - revenue[1]) - (wanted - truth.x0)
    return gain


def best_gain(tenant: SimulatedTenant, bounds: Mapping[str, tuple[float, float]]) -> float:
    """The most that a split of today's budget within the bounds gains, by the true curves; at least 0."""
    limits = np.array([bounds[one.series.channel] for one in tenant.channels])
    grid = grids(limits[:, 0], limits[:, 1], _FINE)
    values = np.stack([one.truth.response(grid[number]) for number, one in enumerate(tenant.channels)])[None]
    today = np.array([one.truth.x0 for one in tenant.channels])
    best = water_fill(grid, values, float(today.sum()), PROOF_MARGIN)[0]
    now = np.array([one.truth.level for one in tenant.channels])
    gained = PROOF_MARGIN * (at_spend(grid, values, best)[0] - now).sum() - (best - today).sum()
    return max(float(gained), 0.0)


def _bounds(channel: SimulatedChannel, context: Context) -> tuple[float, float]:
    today = channel.truth.x0
    p95 = float(np.quantile(complete_days(channel.series, context).spend, 0.95))
    return today * (1 - STEP), min(today * (1 + STEP), max(p95, today))


def _status_or_none(elasticity: float) -> Status | None:
    return status_of(elasticity) if np.isfinite(elasticity) else None


def _errors(channel: SimulatedChannel, complete: ChannelSeries, said: Assessment) -> tuple[float, float, float]:
    future = channel.future

    def error(forecast: Floats) -> float:
        return float(np.abs(forecast - future.revenue).mean() / channel.truth.level)

    own = float("nan") if said.forecast is None else error(said.forecast.median)
    return own, error(seasonal_naive(complete)), error(linear_in_spend(complete, future.spend))
