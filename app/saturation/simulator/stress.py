"""Where does the model break? One cell for each thing that goes wrong alone (SATURATION 3 and 4)."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from app.saturation.simulator.curves import Family
from app.saturation.simulator.settings import Change, ChannelSetting, Noise, TenantSetting
from app.saturation.simulator.simulate import Seed, SimulatedTenant, simulate
from app.saturation.simulator.suites import Purpose, drawn_curve

_STREAM = 103

_OfChannel = Callable[[ChannelSetting, np.random.Generator], ChannelSetting]
_OfTenant = Callable[[TenantSetting], TenantSetting]


def _with(**fields: object) -> _OfChannel:
    return lambda setting, _: replace(setting, **fields)  # type: ignore[arg-type]


def _family(family: Family) -> _OfChannel:
    return lambda setting, rng: replace(setting, **drawn_curve(rng, (family,)))  # type: ignore[arg-type]


def _s_curve(setting: ChannelSetting, rng: np.random.Generator) -> ChannelSetting:
    """The foot of a steep Hill: returns still increase."""
    shape = float(rng.uniform(2.0, 3.0))
    return replace(setting, family=Family.HILL, shape=shape, elasticity=float(rng.uniform(1.05, 1.25)))


def _deep(setting: ChannelSetting, rng: np.random.Generator) -> ChannelSetting:
    family = (Family.HILL, Family.EXPONENTIAL, Family.TANH)[int(rng.integers(3))]
    return replace(setting, family=family, shape=1.0, elasticity=float(rng.uniform(0.03, 0.15)))


def _changed(change: Change) -> _OfChannel:
    def apply(setting: ChannelSetting, rng: np.random.Generator) -> ChannelSetting:
        worse = rng.random() < 0.5
        level, scale = (1.35, 1 / 1.7) if worse else (1 / 1.35, 1.7)
        return replace(
            setting, change=change, change_at=float(rng.uniform(0.5, 0.85)), change_level=level, change_scale=scale
        )

    return apply


def _few_conversions(setting: ChannelSetting, rng: np.random.Generator) -> ChannelSetting:
    return replace(setting, noise_kind=Noise.COUNTS, conversions=float(rng.uniform(1.0, 5.0)))


def _same(setting: TenantSetting) -> TenantSetting:
    return setting


def _tenant(**fields: object) -> _OfTenant:
    return lambda setting: replace(setting, **fields)  # type: ignore[arg-type]


def _first_channel(setting: TenantSetting) -> TenantSetting:
    return replace(setting, channels=setting.channels[:1])


def _first_twice(setting: TenantSetting) -> TenantSetting:
    return replace(setting, channels=setting.channels[:1] * 2, identical=True)


CELLS: dict[str, tuple[_OfChannel, _OfTenant]] = {
    "plain": (_with(), _same),
    "zero_effect": (_with(family=Family.NONE), _same),
    "linear": (_with(family=Family.LINEAR), _same),
    "deep_saturation": (_deep, _same),
    "s_curve_start": (_s_curve, _same),
    "hill": (_family(Family.HILL), _same),
    "exponential": (_family(Family.EXPONENTIAL), _same),
    "logarithmic": (_family(Family.LOGARITHMIC), _same),
    "tanh": (_family(Family.TANH), _same),
    "root": (_family(Family.ROOT), _same),
    "kinked": (_family(Family.KINKED), _same),
    "leak_0.3": (_with(leak=0.3), _same),
    "leak_0.6": (_with(leak=0.6), _same),
    "hidden_demand": (_with(hidden=0.2, follows_demand=0.6), _same),
    "follows_demand_0.8": (_with(follows_demand=0.8), _same),
    "no_demand_proxy": (_with(follows_demand=0.6), _tenant(has_proxy=False)),
    "spend_cv_0.05": (_with(spend_cv=0.05), _same),
    "spend_cv_0.2": (_with(spend_cv=0.2), _same),
    "noise_0.4": (_with(noise=0.4), _same),
    "heavy_tails": (_with(noise=0.3, noise_kind=Noise.HEAVY_TAILED), _same),
    "counts": (_with(noise=0.3, noise_kind=Noise.COUNTS, conversions=0.0), _same),
    "under_5_conversions": (_few_conversions, _same),
    "adstock_0.8": (_with(decay=0.8), _same),
    "adstock_delayed": (_with(decay=0.7, delay=4.0), _same),
    "flights": (_with(flights=3), _same),
    "pulses": (_with(pulses=5, spend_cv=0.1), _same),
    "days_30": (_with(), _tenant(days=30)),
    "days_42": (_with(), _tenant(days=42)),
    "days_60": (_with(), _tenant(days=60)),
    "days_90": (_with(), _tenant(days=90)),
    "curve_step": (_changed(Change.STEP), _same),
    "curve_ramp": (_changed(Change.RAMP), _same),
    "outage": (_with(outages=2), _same),
    "promotion_x5": (_with(promotions=2, promotion_factor=5.0), _same),
    "spend_spike_x20": (_with(spikes=1, spike_factor=20.0), _same),
    "missing_days": (_with(missing=0.1), _same),
    "late_conversions": (_with(), _tenant(late_days=10)),
    "rule_switch": (_with(rule_switch=0.7, change_at=0.7), _same),
    "lockstep": (_with(follows_demand=0.0), _tenant(lockstep=0.97)),
    "identical": (_with(), _first_twice),
    "one_channel": (_with(), _first_channel),
}
"""Each cell changes the channels and then the tenant of `base`."""


def cell_tenants(cell: str, count: int, seed: int, purpose: Purpose = Purpose.TEST) -> Iterator[SimulatedTenant]:
    """Tenants of a stress cell."""
    of_channel, of_tenant = CELLS[cell]
    number_of_cell = list(CELLS).index(cell)
    for number in range(count):
        at: Seed = (int(purpose), seed, _STREAM, number_of_cell, number)
        rng = np.random.default_rng(np.random.SeedSequence([*at, 1]))
        setting = base(rng)
        setting = replace(setting, channels=tuple(of_channel(one, rng) for one in setting.channels))
        yield simulate(of_tenant(setting), (*at, 2))


def base(rng: np.random.Generator) -> TenantSetting:
    """A tenant without trouble: 3 channels, a year, spend CV 0.45, noise 0.2, Hill or exponential."""
    channels = tuple(
        ChannelSetting(
            **drawn_curve(rng, (Family.HILL, Family.EXPONENTIAL)),  # type: ignore[arg-type]
            spend=float(np.exp(rng.uniform(np.log(50), np.log(5000)))),
            spend_cv=0.45,
            noise=0.2,
            decay=float(rng.uniform(0.0, 0.6)),
            persistence=float(rng.uniform(0.6, 0.97) if rng.random() < 0.5 else rng.uniform(5, 35)),
        )
        for _ in range(3)
    )
    return TenantSetting(channels)
