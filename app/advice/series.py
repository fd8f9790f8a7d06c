"""What did each channel cost and bring, day by day? Series for the model, from spend and the rollup of the ledger.

Days are the tenant's, money is in one currency at each day's own rate, revenue is net credit of one model. What is
not known stays unknown: a day on which no channel has a row of spend is a gap of the import, while a channel without
a row beside others that have one was paused; and a day without any credit and visitor is one that nothing was sent on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from app.advice.settings import AdviceSettings
from app.attribution.currency import exponent
from app.reports.amounts import MICRO, exact
from app.reports.days import day_begins_ms, day_of
from app.reports.exchange import Rates, read_rates
from app.saturation.series import ChannelSeries
from app.storage.client import Storage
from app.storage.saturation import CREDIT_BY_DAY, LAST_SPEND, SPEND_BY_DAY, UNCREDITED, VISITORS_BY_DAY
from app.tenants.tenant import Tenant

DAYS = 728
"""As many as the longest fit looks at."""
MOST_CHANNELS = 500
_TASK = "saturation"
_OTHER_CURRENCY = "Or name another `currency` with PUT /v1/saturation/settings. Then POST /v1/saturation/train."
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """A tenant's channels under one model of attribution.

    Parameters
    ----------
    series : by channel, in the order of names.
    left_out : channels beyond the 500 that spent most.
    """

    series: list[ChannelSeries]
    left_out: list[str]


@dataclass(slots=True)
class _Days:
    """Sums by channel, over the days from `first` on."""

    first: date
    count: int
    of: dict[str, Floats]

    def add(self, channel: str, day: date, amount: float) -> None:
        if channel not in self.of:
            self.of[channel] = np.full(self.count, np.nan)
        at = (day - self.first).days
        self.of[channel][at] = np.nan_to_num(self.of[channel][at]) + amount

    def any_known(self) -> NDArray[np.bool_]:
        known = np.zeros(self.count, bool)
        for values in self.of.values():
            known |= np.isfinite(values)
        return known

    def column(self, channel: str, is_complete: NDArray[np.bool_]) -> Floats:
        """0 on days that are complete without a row."""
        values = self.of.get(channel, np.full(self.count, np.nan))
        return np.where(np.isnan(values) & is_complete, 0.0, values)


def watermark(storage: Storage, tenant: Tenant, settings: AdviceSettings, now_ms: int) -> date | None:
    """The last day that is complete: held back by the lag, and not after the last spend. None without spend."""
    latest = day_of(now_ms, tenant.timezone) - timedelta(days=1 + settings.lag_days)
    params = {"until": latest.isoformat()}
    ((rows, last),) = storage.rows(LAST_SPEND, tenant_id=tenant.tenant_id, params=params, task=_TASK)
    return last if rows else None


def uncredited(storage: Storage, tenant: Tenant, until: date) -> int:
    """Conversions up to and with a day whose credit is still on its way: without it their days look like failures."""
    params = {
        "from_ms": day_begins_ms(until - timedelta(days=DAYS - 1), tenant.timezone),
        "to_ms": day_begins_ms(until + timedelta(days=1), tenant.timezone),
    }
    ((count,),) = storage.rows(UNCREDITED, tenant_id=tenant.tenant_id, params=params, task=_TASK)
    return int(count)


def read_market(storage: Storage, tenant: Tenant, settings: AdviceSettings, model: str, until: date) -> Market:
    """The series of every channel that money was spent on, up to and with a day.

    Raises
    ------
    BadInput : `missing_rate`.
    """
    first = until - timedelta(days=DAYS - 1)
    spend = read_spend(storage, tenant, settings, first, until)
    revenue, conversions = _read_credit(storage, tenant, settings, model, first, until)
    demand = _read_visitors(storage, tenant, settings, first, until)
    imported = spend.any_known()
    sent = revenue.any_known() | np.isfinite(demand)
    worth = {name: float(np.nansum(values)) for name, values in spend.of.items() if np.nansum(values) > 0}
    largest = sorted(worth, key=lambda name: (-worth[name], name))
    day = np.datetime64(first) + np.arange(DAYS)
    return Market(
        [
            _series(
                name,
                day,
                spend.column(name, imported),
                revenue.column(name, sent),
                conversions.column(name, sent),
                demand,
            )
            for name in sorted(largest[:MOST_CHANNELS])
        ],
        sorted(largest[MOST_CHANNELS:]),
    )


def read_spend(storage: Storage, tenant: Tenant, settings: AdviceSettings, first: date, until: date) -> _Days:
    """Spend a day by channel, by the names that the rules give."""
    params = {"first": first.isoformat(), "until": until.isoformat()}
    rows = storage.rows(SPEND_BY_DAY, tenant_id=tenant.tenant_id, params=params, task=_TASK)
    rates = _rates(storage, tenant, settings, first, until, ((day, code) for day, _, code, _ in rows), "spend")
    found = _Days(first, (until - first).days + 1, {})
    for day, channel, code, minor in rows:
        found.add(channel, day, _major(rates, minor, code, day))
    return found


def _read_credit(
    storage: Storage, tenant: Tenant, settings: AdviceSettings, model: str, first: date, until: date
) -> tuple[_Days, _Days]:
    params = {"first": first.isoformat(), "until": until.isoformat()}
    params |= {"model": model, "conversion_type": settings.conversion_type}
    rows = storage.rows(CREDIT_BY_DAY, tenant_id=tenant.tenant_id, params=params, task=_TASK)
    needed = ((day, code) for day, _, code, *_ in rows)
    rates = _rates(storage, tenant, settings, first, until, needed, "conversions")
    count = (until - first).days + 1
    revenue, conversions = _Days(first, count, {}), _Days(first, count, {})
    for day, channel, code, micros, wrapped, about in rows:
        revenue.add(channel, day, _major(rates, exact(wrapped, about), code, day))
        conversions.add(channel, day, max(micros, 0) / MICRO)
    return revenue, conversions


def _read_visitors(storage: Storage, tenant: Tenant, settings: AdviceSettings, first: date, until: date) -> Floats:
    demand = np.full((until - first).days + 1, np.nan)
    if not settings.demand_channels:
        return demand
    params = {
        "timezone": tenant.timezone,
        "from_ms": day_begins_ms(first, tenant.timezone),
        "to_ms": day_begins_ms(until + timedelta(days=1), tenant.timezone),
        "channels": settings.demand_channels,
    }
    for day, visitors in storage.rows(VISITORS_BY_DAY, tenant_id=tenant.tenant_id, params=params, task=_TASK):
        demand[(day - first).days] = visitors
    return demand


def _rates(
    storage: Storage,
    tenant: Tenant,
    settings: AdviceSettings,
    first: date,
    until: date,
    needed: Iterable[tuple[date, str]],
    what: str,
) -> Rates:
    params = {"first": first.isoformat(), "end": (until + timedelta(days=1)).isoformat()}
    foreign = [pair for pair in needed if pair[1] != settings.currency]
    if not foreign:
        return Rates(settings.currency, {})
    rates = read_rates(storage, tenant, settings.currency, params, _OTHER_CURRENCY)
    rates.require(foreign, f"the {what} of that day")
    return rates


def _major(rates: Rates, minor: int, code: str, day: date) -> float:
    return float(rates.minor(minor, code, day) / 10 ** exponent(rates.into))


def _series(
    name: str, day: NDArray[np.datetime64], spend: Floats, revenue: Floats, conversions: Floats, demand: Floats
) -> ChannelSeries:
    """From the first day on which anything is known of the channel."""
    begun = np.flatnonzero((np.nan_to_num(spend) > 0) | (np.nan_to_num(revenue) != 0))
    kept = slice(int(begun[0]), None)
    shown = demand[kept] if np.isfinite(demand[kept]).any() else None
    return ChannelSeries(name, day[kept], spend[kept], revenue[kept], conversions[kept], shown)
