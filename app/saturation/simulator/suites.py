"""Which tenants is the model proved on, and which is its judge trained on? (SATURATION 3)

Train, calibration and test draw from streams that cannot meet: the purpose is part of the seed. The
families differ too: tanh, root and kinked curves are in the tests only, logarithmic ones in the tests and in
calibration, blends of two Hills and soft bends in training and calibration only, bounded ones in training only.
"""

from collections.abc import Iterator
from enum import IntEnum, StrEnum

import numpy as np

from app.saturation.simulator.curves import (
    CALIBRATE_ODD,
    CALIBRATE_SMOOTH,
    TEST_ODD,
    TEST_SMOOTH,
    TRAIN_ODD,
    TRAIN_SMOOTH,
    Family,
    elasticity_range,
)
from app.saturation.simulator.settings import Change, ChannelSetting, Noise, TenantSetting
from app.saturation.simulator.simulate import Seed, SimulatedTenant, simulate


class Purpose(IntEnum):
    """What a tenant is for; the number is part of its seed."""

    TRAIN = 1
    CALIBRATE = 2
    TEST = 3


class Suite(StrEnum):
    """A way to draw tenants."""

    CLEAN = "clean"
    MIXED = "mixed"


SMOOTH = {Purpose.TRAIN: TRAIN_SMOOTH, Purpose.CALIBRATE: CALIBRATE_SMOOTH, Purpose.TEST: TEST_SMOOTH}
ODD = {Purpose.TRAIN: TRAIN_ODD, Purpose.CALIBRATE: CALIBRATE_ODD, Purpose.TEST: TEST_ODD}
MIXED_DAYS = (60, 90, 180, 365, 365, 730, 730)
MIXED_SPEND_CV = (0.05, 0.2, 0.35, 0.35, 0.45, 0.6, 0.6)
_STREAMS = {Suite.CLEAN: 101, Suite.MIXED: 102}


def tenants(suite: Suite, count: int, seed: int, purpose: Purpose = Purpose.TEST) -> Iterator[SimulatedTenant]:
    """Tenants of a suite, one after the other; the first of them do not depend on `count`."""
    for number in range(count):
        yield tenant(suite, number, seed, purpose)


def tenant(suite: Suite, number: int, seed: int, purpose: Purpose = Purpose.TEST) -> SimulatedTenant:
    """The tenant with this number of a suite."""
    at: Seed = (int(purpose), seed, _STREAMS[suite], number)
    rng = np.random.default_rng(np.random.SeedSequence([*at, 1]))
    drawn = _clean(rng, purpose) if suite is Suite.CLEAN else _mixed(rng, purpose)
    return simulate(drawn, (*at, 2))


def drawn_curve(rng: np.random.Generator, families: tuple[Family, ...]) -> dict[str, object]:
    """family, shape, elasticity, kink and roas of a channel.

    Elasticities are even over 0.03 to 1 (of Hills steep enough, to 1.25), so that no class is rare; the
    return on spend is lognormal around what makes the last unit of spend worth 2 on average.
    """
    family = families[int(rng.integers(len(families)))]
    shape = 1.0
    if family is Family.HILL:
        shape = float(np.exp(rng.uniform(np.log(0.7), np.log(3.0))))
    elif family is Family.BOUNDED:
        shape = float(np.exp(rng.uniform(np.log(0.25), np.log(3.0))))
    elif family is Family.BLEND:
        shape = float(np.exp(rng.uniform(np.log(2.0), np.log(20.0))))
    elif family in (Family.KINKED, Family.BENT):
        shape = float(rng.uniform(0.0, 0.4))
    low, high = elasticity_range(family, shape)
    elasticity = float(np.clip(rng.uniform(0.03, high), low, high))
    kink = float(rng.uniform(0.4, 0.85) if rng.random() < 0.6 else rng.uniform(1.15, 1.8))
    roas = float(2.0 / max(elasticity, 0.2) * np.exp(0.5 * rng.standard_normal()))
    return {"family": family, "shape": shape, "elasticity": elasticity, "kink": kink, "roas": roas}


def _clean(rng: np.random.Generator, purpose: Purpose) -> TenantSetting:
    """180 to 730 days, spend CV 0.35 to 0.6, noise 0.1 to 0.2, no leak, no hidden demand, smooth curves."""
    families = SMOOTH[purpose]
    channels = tuple(
        ChannelSetting(
            **drawn_curve(rng, families),  # type: ignore[arg-type]
            **_ordinary(rng),  # type: ignore[arg-type]
            spend_cv=float(rng.uniform(0.35, 0.6)),
            noise=float(rng.uniform(0.1, 0.2)),
        )
        for _ in range(int(rng.integers(1, 9)))
    )
    return TenantSetting(
        channels,
        days=int(rng.choice((180, 270, 365, 545, 730))),
        demand_sd=float(rng.uniform(0.05, 0.25)),
        season=float(rng.uniform(0.0, 0.2)),
    )


def _mixed(rng: np.random.Generator, purpose: Purpose) -> TenantSetting:
    """The mixed suite: see SATURATION 3 for how often what occurs."""
    channels = tuple(
        _mixed_channel(rng, (ODD if rng.random() < 0.2 else SMOOTH)[purpose]) for _ in range(int(rng.integers(1, 9)))
    )
    return TenantSetting(
        channels,
        days=int(rng.choice(MIXED_DAYS)),
        late_days=int(rng.integers(2, 11)) if rng.random() < 0.25 else 0,
        lockstep=float(rng.choice((0.6, 0.9))) if rng.random() < 0.2 else 0.0,
        demand_sd=float(rng.uniform(0.05, 0.25)),
        season=float(rng.uniform(0.0, 0.25)),
        # A tenant without a proxy is a stress cell; the judge should have met some.
        has_proxy=bool(rng.random() < 0.9) or purpose is not Purpose.TRAIN,
    )


def _mixed_channel(rng: np.random.Generator, families: tuple[Family, ...]) -> ChannelSetting:
    kind = Noise.NORMAL
    if rng.random() < 1 / 3:
        kind = Noise.HEAVY_TAILED if rng.random() < 0.5 else Noise.COUNTS
    fields = drawn_curve(rng, families) | _ordinary(rng) | drawn_change(rng, 0.2)
    if kind is Noise.COUNTS:
        fields["conversions"] = 0.0
    return ChannelSetting(
        **fields,  # type: ignore[arg-type]
        spend_cv=float(rng.choice(MIXED_SPEND_CV)),
        noise=float(rng.uniform(0.1, 0.4)),
        noise_kind=kind,
        leak=0.0 if rng.random() < 2 / 3 else float(rng.choice((0.3, 0.6))),
        hidden=float(rng.uniform(0.05, 0.2)) if rng.random() < 1 / 3 else 0.0,
        flights=int(rng.integers(1, 4)) if rng.random() < 0.2 else 0,
        pulses=int(rng.integers(2, 7)) if rng.random() < 0.2 else 0,
        promotions=int(rng.integers(1, 4)) if rng.random() < 0.25 else 0,
        promotion_factor=float(rng.uniform(1.5, 4.0)),
        spikes=1 if rng.random() < 0.2 else 0,
        spike_factor=float(rng.uniform(3.0, 8.0)),
        outages=int(rng.integers(1, 3)) if rng.random() < 0.25 else 0,
        missing=float(rng.uniform(0.02, 0.1)) if rng.random() < 0.25 else 0.0,
    )


def drawn_change(rng: np.random.Generator, share: float) -> dict[str, object]:
    """No change but in `share` of the cases; else a step or ramp by 20 to 60 % up or down, scale and level alike."""
    if rng.random() >= share:
        return {}
    worse = rng.random() < 0.5
    level, scale = float(rng.uniform(1.15, 1.5)), float(rng.uniform(1.2, 2.0))
    return {
        "change": Change.STEP if rng.random() < 0.5 else Change.RAMP,
        "change_at": float(rng.uniform(0.25, 0.9)),
        "change_level": level if worse else 1 / level,
        "change_scale": 1 / scale if worse else scale,
    }


def _ordinary(rng: np.random.Generator) -> dict[str, object]:
    """What every channel has: a size, a way to move its spend, an adstock."""
    return {
        "spend": float(np.exp(rng.uniform(np.log(50), np.log(5000)))),
        "persistence": float(rng.uniform(0.6, 0.97) if rng.random() < 0.5 else rng.uniform(5, 35)),
        "follows_demand": float(rng.uniform(0.0, 0.8)),
        "conversions": float(np.exp(rng.uniform(np.log(20), np.log(400)))),
        "decay": float(rng.uniform(0.0, 0.8)),
        "delay": float(rng.uniform(1.0, 4.0)) if rng.random() < 0.15 else 0.0,
    }
