"""Channels with known answers for the tests: the simulator's, with one thing changed at a time."""

from dataclasses import replace

from app.saturation.simulator.curves import Family
from app.saturation.simulator.settings import ChannelSetting, TenantSetting
from app.saturation.simulator.simulate import SimulatedTenant, simulate


def tenant(*channels, seed=11, **fields) -> SimulatedTenant:
    """A year of channels that are easy to read, unless a field says otherwise."""
    return simulate(TenantSetting(channels or (channel(),), **fields), (99, seed))


def channel(**fields) -> ChannelSetting:
    """Hill, elasticity 0.5, much movement of spend, little noise."""
    easy = ChannelSetting(family=Family.HILL, spend_cv=0.5, noise=0.1, follows_demand=0.2, conversions=150.0)
    return replace(easy, **fields)
