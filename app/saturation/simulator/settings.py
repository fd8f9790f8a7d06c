"""Of what is a simulated tenant made? Everything that `simulate` needs but the seed."""

from dataclasses import dataclass
from enum import StrEnum

from app.saturation.simulator.curves import Family


class Noise(StrEnum):
    """How a day's revenue scatters around its mean."""

    NORMAL = "normal"
    HEAVY_TAILED = "heavy_tailed"
    COUNTS = "counts"


class Change(StrEnum):
    """How a curve changes within the series."""

    NEVER = "never"
    STEP = "step"
    RAMP = "ramp"


@dataclass(frozen=True, slots=True)
class ChannelSetting:
    """A channel of the simulator.

    Parameters
    ----------
    family, shape
        Of the curve; see `curves`.
    elasticity : float
        Of the spend-driven part at the operating point; not used by linear, kinked and none.
    kink : float
        Where a kinked curve bends, in operating points; not used by others.
    roas : float
        f(x0) / x0.
    spend : float
        Typical spend a day.
    spend_cv : float
        Standard deviation over mean of the day's spend, before flights, pulses and spikes.
    persistence : float
        0 to 1: autocorrelation of spend from day to day; above 1, budgets that stand for so many days.
    follows_demand : float
        0 to 1: correlation of log spend with log demand, the hidden part included.
    leak : float
        Share of the credit at the operating point that comes without spend.
    hidden : float
        Standard deviation of the log of demand that the proxy does not show.
    noise, noise_kind
        Standard deviation of a day's revenue over its mean.
    conversions : float
        A day at the operating point. Of counts it follows from the noise where 0.
    decay, delay : float
        Adstock: weight ``decay**(lag)`` with delay 0, else ``decay**((lag - delay)**2)``, 28 lags, normalised.
    change : Change
    change_at : float
        Share of the series after which the curve changes.
    change_level, change_scale : float
        The old curve is ``change_level · S(u / change_scale)``: its scale and level over the new one's.
    rule_switch : float
        0, or the level of attributed revenue before a known change of rules, relative to after.
    flights, pulses, promotions, spikes, outages : int
        How many; see `paths` and `simulate`.
    promotion_factor, spike_factor : float
    missing : float
        Share of days that are not there.
    """

    family: Family = Family.HILL
    shape: float = 1.0
    elasticity: float = 0.5
    kink: float = 0.6
    roas: float = 4.0
    spend: float = 500.0
    spend_cv: float = 0.45
    persistence: float = 0.85
    follows_demand: float = 0.3
    leak: float = 0.0
    hidden: float = 0.0
    noise: float = 0.15
    noise_kind: Noise = Noise.NORMAL
    conversions: float = 100.0
    decay: float = 0.3
    delay: float = 0.0
    change: Change = Change.NEVER
    change_at: float = 0.6
    change_level: float = 1.0
    change_scale: float = 1.0
    rule_switch: float = 0.0
    flights: int = 0
    pulses: int = 0
    promotions: int = 0
    promotion_factor: float = 3.0
    spikes: int = 0
    spike_factor: float = 5.0
    outages: int = 0
    missing: float = 0.0


@dataclass(frozen=True, slots=True)
class TenantSetting:
    """A tenant of the simulator.

    Parameters
    ----------
    channels : tuple of ChannelSetting
    days : int
        Of every series.
    late_days : int
        Days at the end whose conversions have not all arrived; the context says so.
    lockstep : float
        0 to 1: the share of own movement of spend (its variance) that all channels have in common.
    demand_sd, season : float
        Standard deviation of log demand, and the amplitude of its yearly wave.
    has_proxy : bool
        Whether demand is observed at all.
    identical : bool
        Every channel gets the same spend and revenue.
    """

    channels: tuple[ChannelSetting, ...]
    days: int = 365
    late_days: int = 0
    lockstep: float = 0.0
    demand_sd: float = 0.15
    season: float = 0.1
    has_proxy: bool = True
    identical: bool = False
