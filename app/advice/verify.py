"""What did a followed plan bring? Profit a day since its start against the four weeks before, demand taken out.

Both sides are whole weeks. A day's profit is margin × revenue - spend of the channels that the plan moved, revenue
divided by what visitors say demand was worth that day. The interval is that of a difference of two means, widened
where days follow each other.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.advice.plans import PlanState, store_plan
from app.advice.series import Market, read_market
from app.advice.settings import AdviceSettings
from app.saturation.series import ChannelSeries
from app.storage.client import Storage
from app.storage.saturation import StoredPlan, plans_of
from app.tenants.tenant import Tenant

BEFORE_DAYS = AFTER_DAYS = 28
LEAST_AFTER_DAYS = 14
DEMAND_WORTH = 0.8
"""Per cent of revenue that a per cent of demand is worth: the model's own prior (app.saturation.evidence)."""
_FOLLOWED_WITHIN = 0.5
"""Of the move that was planned: spend further from the plan than this share did not follow it."""
_Z = 1.6448536269514722
Floats = NDArray[np.float64]


def verify_plans(storage: Storage, tenant: Tenant, settings: AdviceSettings, until: date) -> int:
    """Measure every plan that has run for two weeks by now; final after four. Returns how many were measured."""
    measured = 0
    for stored in plans_of(storage, tenant.tenant_id, PlanState.MODELLED):
        plan = msgspec.json.decode(stored.plan)
        start = date.fromisoformat(plan["start"])
        days = min((until - start).days + 1, AFTER_DAYS) // 7 * 7
        if days < LEAST_AFTER_DAYS:
            continue
        end = start + timedelta(days=days - 1)
        market = read_market(storage, tenant, settings, plan["model"], end)
        outcome = realised(market, plan, start, days)
        state = outcome.pop("state") if days == AFTER_DAYS else PlanState.MODELLED
        outcome.pop("state", None)
        text = msgspec.json.encode(outcome).decode()
        store_plan(storage, tenant, StoredPlan(**(stored._asdict() | {"state": state, "outcome": text})))
        measured += 1
    return measured


def realised(market: Market, plan: dict[str, Any], start: date, days: int) -> dict[str, Any]:
    """What a plan brought a day, as `net_profit` of it claims; and the state that follows."""
    moved = {one["channel"]: one for one in plan["channels"] if abs(one["change"]) > 0.01 * max(one["today"], 0.01)}
    series = [one for one in market.series if one.channel in moved]
    before = _days(date.fromisoformat(plan["as_of"]) + timedelta(days=1 - BEFORE_DAYS), BEFORE_DAYS)
    after = _days(start, days)
    told: dict[str, Any] = {"days": days, "from": start.isoformat(), "claimed": plan["net_profit"]["median"]}
    if not moved:
        return told | {"state": PlanState.NOT_FOLLOWED, "note": "The plan moves nothing."}
    spent = {one.channel: _mean(one, one.spend, after) for one in series}
    told["spend"] = {channel: round(value, 2) for channel, value in spent.items()}
    off = sum(abs(spent.get(channel, 0.0) - one["spend"]) for channel, one in moved.items())
    if off > _FOLLOWED_WITHIN * sum(abs(one["change"]) for one in moved.values()):
        return told | {"state": PlanState.NOT_FOLLOWED, "note": "Spend did not go where the plan put it."}
    profits = [_profit(series, plan["margin"], before, one) for one in (before, after)]
    gain = float(profits[1].mean() - profits[0].mean())
    half = _Z * float(np.sqrt(sum(_variance_of_mean(one) for one in profits)))
    told["net_profit"] = {"low": round(gain - half, 2), "median": round(gain, 2), "high": round(gain + half, 2)}
    is_gain = gain - half > 0
    state = PlanState.VERIFIED if is_gain else PlanState.NOT_VERIFIED
    if is_gain:
        note = "It paid."
    elif gain + half < 0:
        note = "It cost more than it brought."
    else:
        note = "The days since are too few and too noisy to tell its gain from nothing."
    return told | {"state": state, "note": note}


def _days(first: date, count: int) -> NDArray[np.datetime64]:
    return np.asarray(np.datetime64(first) + np.arange(count))


def _profit(
    series: list[ChannelSeries], margin: float, before: NDArray[np.datetime64], days: NDArray[np.datetime64]
) -> Floats:
    """A day's, of all these channels; days on which one of them is not known are left out."""
    profit = np.zeros(len(days))
    for one in series:
        revenue, spend = _at(one, one.revenue, days), _at(one, one.spend, days)
        if one.demand is not None:
            normal = float(np.nanmean(_at(one, one.demand, before)))
            demand = _at(one, one.demand, days) / normal if normal > 0 else np.full(len(days), np.nan)
            revenue = revenue / np.where(demand > 0, demand, 1.0) ** DEMAND_WORTH
        profit += margin * revenue - spend
    known = profit[np.isfinite(profit)]
    return known if len(known) else np.zeros(1)


def _variance_of_mean(values: Floats) -> float:
    if len(values) < 3 or values.std() == 0:
        return float("inf")
    correlation = float(np.clip(np.corrcoef(values[:-1], values[1:])[0, 1], 0.0, 0.9))
    return float(values.var(ddof=1) / len(values) * (1 + correlation) / (1 - correlation))


def _mean(series: ChannelSeries, values: Floats, days: NDArray[np.datetime64]) -> float:
    found = _at(series, values, days)
    return float(np.nanmean(found)) if np.isfinite(found).any() else 0.0


def _at(series: ChannelSeries, values: Floats, days: NDArray[np.datetime64]) -> Floats:
    """Values of these days; ``nan`` of those that the series does not have."""
    found = np.full(len(days), np.nan)
    inside = np.isin(days, series.day)
    found[inside] = values[np.searchsorted(series.day, days[inside])]
    return found
