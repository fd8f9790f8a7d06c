"""How is a tenant with known curves made? From a setting and a seed, the same bytes every time.

A channel's revenue on day t is

    y_t = level · ((1 - o) · S_t(A_t / x0) + o) · M_t / mean(M over the last 28 complete days) · noise_t
    M_t = D_t^γ · exp(hidden · h_t) · weekday_t

with A the normalised adstock of spend, S the curve (`curves`) of the day, o the leak, D demand, h hidden
demand; noise has mean 1. So f(x), as SATURATION 1 defines it, is ``level · ((1 - o) · S(x / x0) + o)``
exactly, with S the curve of the last day. A ramp goes from the old curve to the new one over 60 days, in
equal steps of the share of the new one.

Every channel draws from its own stream: adding one changes no other. Bytes are the same on one kind of
processor and version of numpy; elsewhere the last bit of exp and log may differ.
"""

from dataclasses import dataclass

import numpy as np

from app.saturation.series import FORECAST_DAYS, OPERATING_DAYS, ChannelSeries, Context, Days, Floats
from app.saturation.simulator import paths
from app.saturation.simulator.curves import Curve, Family, bent, curve_with, kinked
from app.saturation.simulator.settings import Change, ChannelSetting, Noise, TenantSetting
from app.saturation.simulator.truth import Future, Truth

VERSION = 2
"""Of the formulas: raise it with any change of what a seed gives."""
FIRST_DAY = np.datetime64("2023-01-01")
RAMP_DAYS = 60
HOLIDAYS_A_YEAR = 9
ORDER_VALUE_CV = 0.6
EXTRA_DISPERSION = 0.1

Seed = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class SimulatedChannel:
    """A channel as an assessment sees it, its setting, its truth and its future."""

    series: ChannelSeries
    setting: ChannelSetting
    truth: Truth
    future: Future


@dataclass(frozen=True, eq=False)
class SimulatedTenant:
    """Channels that share days and demand, and the context with which they are assessed."""

    channels: tuple[SimulatedChannel, ...]
    context: Context
    setting: TenantSetting
    seed: Seed

    @property
    def series(self) -> list[ChannelSeries]:
        """The series of every channel."""
        return [one.series for one in self.channels]


@dataclass(frozen=True, eq=False)
class _Market:
    """What all channels of a tenant share: n = 28 days of adstock, the series, 28 days of future."""

    log_demand: Floats
    hidden: Floats
    weekday: Floats
    shared: Floats
    holiday: Floats
    proxy: Floats | None
    gamma: float


def simulate(setting: TenantSetting, seed: Seed) -> SimulatedTenant:
    """A tenant of this setting; other seeds give others of its kind.

    Raises
    ------
    ValueError
        Fewer than 1 channel or than 1 complete day.
    """
    if not setting.channels or setting.days - setting.late_days < 1:
        raise ValueError("a simulated tenant needs a channel and a complete day")
    market_stream, *streams = np.random.SeedSequence([VERSION, *seed]).spawn(1 + len(setting.channels))
    market = _market(np.random.default_rng(market_stream), setting)
    if setting.identical:
        streams = [streams[0]] * len(streams)
    channels = tuple(
        _channel(np.random.default_rng(stream), f"channel_{number}", one, setting, market)
        for number, (one, stream) in enumerate(zip(setting.channels, streams, strict=True))
    )
    return SimulatedTenant(channels, _context(setting, market, channels), setting, seed)


def curve_of(setting: ChannelSetting) -> Curve:
    """The curve that a setting describes."""
    if setting.family is Family.KINKED:
        return kinked(setting.kink, setting.shape)
    if setting.family is Family.BENT:
        return bent(setting.kink, setting.shape)
    if setting.family in (Family.LINEAR, Family.NONE):
        return Curve(setting.family)
    return curve_with(setting.family, setting.elasticity, setting.shape)


def _market(rng: np.random.Generator, setting: TenantSetting) -> _Market:
    n = paths.LAGS + setting.days + FORECAST_DAYS
    demand = paths.log_demand(rng, n, setting.demand_sd, setting.season)
    holiday = np.zeros(n)
    holiday[rng.integers(0, n, max(1, round(n * HOLIDAYS_A_YEAR / 365)))] = rng.uniform(0.1, 0.5)
    weekday = paths.weekdays(rng, n, 0.12)
    seen = demand + holiday + rng.uniform(0.3, 1.0) * np.log(weekday) + 0.04 * rng.standard_normal(n)
    proxy = np.rint(rng.uniform(300, 5000) * np.exp(seen)) if setting.has_proxy else None
    hidden = paths.hidden_demand(rng, n)
    shared = paths.own_movement(rng, n, 0.85)
    return _Market(demand, hidden, weekday, shared, holiday, proxy, float(rng.uniform(0.5, 1.2)))


def _channel(
    rng: np.random.Generator, name: str, setting: ChannelSetting, tenant: TenantSetting, market: _Market
) -> SimulatedChannel:
    drive = market.log_demand + setting.hidden * market.hidden
    spend = paths.spend_path(
        rng, setting, (drive - drive.mean()) / max(drive.std(), 1e-9), market.shared, tenant.lockstep
    )
    stock = paths.adstock(spend, setting.decay, setting.delay)
    spend = spend[paths.LAGS - 1 :]
    day = FIRST_DAY + np.arange(len(spend))
    multiplier = np.exp(market.gamma * (market.log_demand + market.holiday) + setting.hidden * market.hidden)
    multiplier = (multiplier * market.weekday)[paths.LAGS - 1 :]

    last = tenant.days - tenant.late_days  # of the complete days, exclusive
    is_there = rng.random(len(spend)) >= setting.missing
    is_there[[0, last - 1]] = True
    recent = np.flatnonzero(is_there[:last])[-OPERATING_DAYS:]
    x0 = float(spend[recent].mean())
    level = setting.roas * x0
    curve = curve_of(setting)
    relative = _relative_response(curve, setting, stock / x0, day, tenant.days)
    expected = level * relative * multiplier / multiplier[recent].mean()
    revenue, conversions = _noisy(rng, setting, expected, level)
    _disturb(rng, setting, revenue, conversions, tenant.days)

    truth = Truth(curve, level, setting.leak, x0, *_change(setting, curve, day, tenant.days))
    ahead = slice(last, last + FORECAST_DAYS)
    future = Future(day[ahead], spend[ahead].copy(), revenue[ahead].copy(), expected[ahead].copy())
    _delay_arrivals(revenue, conversions, last, tenant)
    kept = np.flatnonzero(is_there[: tenant.days])
    proxy = None if market.proxy is None else market.proxy[paths.LAGS - 1 :][kept]
    series = ChannelSeries(name, day[kept], spend[kept].round(2), revenue[kept].round(2), conversions[kept], proxy)
    return SimulatedChannel(series, setting, truth, future)


def _relative_response(curve: Curve, setting: ChannelSetting, u: Floats, day: Days, days: int) -> Floats:
    """((1 - o) · S_t(u_t) + o), with the old curve before a change and the old rules before a switch."""
    now = (1 - setting.leak) * curve.value(u) + setting.leak
    if setting.rule_switch:
        now = now * np.where(np.arange(len(day)) < _at(setting, days), setting.rule_switch, 1.0)
    if setting.change is Change.NEVER:
        return now
    since = np.arange(len(day)) - _at(setting, days)
    share = (since >= 0) * 1.0 if setting.change is Change.STEP else np.clip((since + 1) / RAMP_DAYS, 0, 1)
    return np.asarray(share * now + (1 - share) * _old_response(curve, setting, u))


def _old_response(curve: Curve, setting: ChannelSetting, u: Floats) -> Floats:
    spend_driven = (1 - setting.leak) * curve.value(u / setting.change_scale)
    return np.asarray(setting.change_level * (spend_driven + setting.leak))


def _change(setting: ChannelSetting, curve: Curve, day: Days, days: int) -> tuple[np.datetime64 | None, float]:
    """The day of the change, and what it does at x0."""
    if setting.change is Change.NEVER:
        return None, 0.0
    return day[_at(setting, days)], float(-np.log(_old_response(curve, setting, np.ones(1))[0]))


def _at(setting: ChannelSetting, days: int) -> int:
    """The first day of a change; the last 14 days see none, so that what is true today was seen at all."""
    return max(min(int(setting.change_at * days), days - 14), 1)


def _noisy(rng: np.random.Generator, setting: ChannelSetting, expected: Floats, level: float) -> tuple[Floats, Floats]:
    """Revenue and conversions a day, float64 (n,) each.

    normal: 1 + σ z, at least 0.02. heavy_tailed: z is Student's t of 3 degrees, scaled to variance 1.
    counts: conversions are negative binomial with an extra scatter of 0.1, each worth a gamma of
    coefficient of variation 0.6; σ sets how many there are, unless the setting says.
    """
    n = len(expected)
    if setting.noise_kind is Noise.COUNTS:
        spread = max(setting.noise**2 - EXTRA_DISPERSION**2, 1e-3)
        a_day = setting.conversions or (1 + ORDER_VALUE_CV**2) / spread
        mean = expected / level * a_day * rng.gamma(EXTRA_DISPERSION**-2, EXTRA_DISPERSION**2, n)
        conversions = rng.poisson(mean).astype(np.float64)
        shape = conversions / ORDER_VALUE_CV**2
        orders = rng.gamma(np.maximum(shape, 1e-9), ORDER_VALUE_CV**2) * (conversions > 0)
        return orders * level / a_day, conversions
    z = rng.standard_normal(n) if setting.noise_kind is Noise.NORMAL else rng.standard_t(3, n) / np.sqrt(3)
    revenue = expected * np.maximum(1 + setting.noise * z, 0.02)
    a_day = setting.conversions or 100.0
    conversions = np.rint(revenue / level * a_day * np.exp(0.05 * rng.standard_normal(n)))
    return revenue, conversions


def _disturb(
    rng: np.random.Generator, setting: ChannelSetting, revenue: Floats, conversions: Floats, days: int
) -> None:
    """Promotions that nobody announced (1 to 3 days) and outages of the tracking (1 to 3 days), in place."""
    for count, low, high in ((setting.promotions, 1.0, 1.0), (setting.outages, 0.0, 0.2)):
        for _ in range(count):
            begin = int(rng.integers(0, days))
            factor = rng.uniform(low, high)
            touched = slice(begin, min(begin + int(rng.integers(1, 4)), days))
            factor = factor * setting.promotion_factor if low else factor
            revenue[touched] *= factor
            conversions[touched] = np.rint(conversions[touched] * factor)


def _delay_arrivals(revenue: Floats, conversions: Floats, last: int, tenant: TenantSetting) -> None:
    """Of the late days only a part has arrived: 90 % of the first falling to 30 % of the last, in place."""
    arrived = np.linspace(0.9, 0.3, tenant.late_days)
    revenue[last : tenant.days] *= arrived
    conversions[last : tenant.days] = np.rint(conversions[last : tenant.days] * arrived)


def _context(setting: TenantSetting, market: _Market, channels: tuple[SimulatedChannel, ...]) -> Context:
    day = FIRST_DAY + np.arange(setting.days + FORECAST_DAYS)
    switches = {day[_at(one, setting.days)] for one in setting.channels if one.rule_switch}
    holidays = day[market.holiday[paths.LAGS - 1 : paths.LAGS - 1 + len(day)] > 0]
    return Context(
        complete_until=day[setting.days - setting.late_days - 1],
        rule_changes=tuple(sorted(switches)),
        holidays=tuple(holidays),
        planned_spend={one.series.channel: one.future.spend for one in channels},
    )
