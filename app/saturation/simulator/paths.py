"""How do demand and spend move from day to day, in the simulator?"""

import numpy as np
from scipy.signal import lfilter

from app.saturation.series import Floats
from app.saturation.simulator.settings import ChannelSetting

LAGS = 28
_DEMAND_PERSISTENCE, _HIDDEN_PERSISTENCE = 0.95, 0.97


def wander(rng: np.random.Generator, n: int, persistence: float) -> Floats:
    """A first-order autoregression of mean 0 and variance 1, begun in equilibrium: float64 (n,)."""
    shocks = rng.standard_normal(n) * np.sqrt(1 - persistence**2)
    shocks[0] = rng.standard_normal()
    return np.asarray(lfilter([1.0], [1.0, -persistence], shocks))


def blocks(rng: np.random.Generator, n: int, mean_days: float) -> Floats:
    """Budgets that stand: a normal level, drawn anew after a random number of days; float64 (n,)."""
    is_new = rng.random(n) < 1 / mean_days
    is_new[0] = True
    return np.asarray(rng.standard_normal(n)[np.maximum.accumulate(np.where(is_new, np.arange(n), 0))])


def log_demand(rng: np.random.Generator, n: int, sd: float, season: float) -> Floats:
    """``sd`` × an autoregression + ``season`` × a yearly wave of random phase, float64 (n,)."""
    wave = np.sin(2 * np.pi * (np.arange(n) / 365.25 + rng.random()))
    return np.asarray(sd * wander(rng, n, _DEMAND_PERSISTENCE) + season * wave)


def hidden_demand(rng: np.random.Generator, n: int) -> Floats:
    """A slow autoregression of variance 1, float64 (n,)."""
    return wander(rng, n, _HIDDEN_PERSISTENCE)


def weekdays(rng: np.random.Generator, n: int, amplitude: float) -> Floats:
    """A factor for each day of the week, of mean 1, repeated: float64 (n,)."""
    factor = np.exp(amplitude * rng.standard_normal(7))
    return np.resize(factor / factor.mean(), n)


def own_movement(rng: np.random.Generator, n: int, persistence: float) -> Floats:
    """What a channel's spend does of itself: mostly slow, a tenth of the variance new each day; about N(0, 1)."""
    slow = wander(rng, n, persistence) if persistence < 1 else blocks(rng, n, persistence)
    return np.asarray(np.sqrt(0.9) * slow + np.sqrt(0.1) * rng.standard_normal(n))


def spend_path(
    rng: np.random.Generator, setting: ChannelSetting, demand_drive: Floats, shared: Floats, lockstep: float
) -> Floats:
    """Spend a day, float64 (n,): lognormal, then flights, pulses and spikes.

    ``log s = log m + σ (ρ g + √(1 - ρ²) (√c shared + √(1 - c) own)) - σ²/2`` with ``σ² = log(1 + cv²)``,
    ρ = follows_demand, g the standardised log of demand, c = lockstep.
    """
    n = len(demand_drive)
    own = np.sqrt(lockstep) * shared + np.sqrt(1 - lockstep) * own_movement(rng, n, setting.persistence)
    follows = setting.follows_demand
    sd = np.sqrt(np.log1p(setting.spend_cv**2))
    move = follows * demand_drive + np.sqrt(1 - follows**2) * own
    spend = setting.spend * np.exp(sd * move - sd**2 / 2)
    spend = spend * _flights(rng, n, setting.flights) * _pulses(rng, n, setting.pulses)
    for at in rng.integers(0, n, setting.spikes):
        spend[at] *= setting.spike_factor
    return np.asarray(spend)


def adstock(spend: Floats, decay: float, delay: float) -> Floats:
    """Normalised adstock over 28 lags, float64 (n - 27,): the days that have all their lags.

    Geometric where `delay` is 0, else the delayed form of Jin et al. 2017, with its peak after `delay` days.
    """
    lag = np.arange(LAGS)
    exponent = lag if delay == 0 else (lag - delay) ** 2
    weight = np.float64(decay) ** exponent
    return np.convolve(spend, weight / weight.sum(), "valid")


def _flights(rng: np.random.Generator, n: int, count: int) -> Floats:
    """0 in each of `count` pauses of 7 to 35 days, none of which begins in the last 87 days; else 1."""
    on = np.ones(n)
    for _ in range(count):
        begin = int(rng.integers(0, max(n - 87, 1)))
        on[begin : begin + int(rng.integers(7, 36))] = 0.0
    return on


def _pulses(rng: np.random.Generator, n: int, count: int) -> Floats:
    """1.5 to 2 in each of `count` weeks of 3 to 7 days, else 1."""
    factor = np.ones(n)
    for _ in range(count):
        begin = int(rng.integers(0, n))
        factor[begin : begin + int(rng.integers(3, 8))] = rng.uniform(1.5, 2.0)
    return factor
