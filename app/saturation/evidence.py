"""What do all the periods say of a tenant's channels? The fits, before anyone judges them.

Channels of a tenant share a market. A first look at each over all its days gives what the others' revenue shows of
demand that no proxy sees, and what a rise of demand is worth; both enter the fits of every period.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from app.saturation.calendars import LONGEST_DAYS, Calendar, calendar
from app.saturation.curves import FLOOR
from app.saturation.drift import Drift, drift_of
from app.saturation.fit import Alternatives, Fit, alternatives, fit_window
from app.saturation.grid import (
    GridFit,
    coefficients,
    fit_grid,
    pilot_points,
    responses,
)
from app.saturation.linear import CoefficientPrior
from app.saturation.overlap import inflation_of, shared_outcome
from app.saturation.series import ChannelSeries, Context, Floats
from app.saturation.windows import Float32s, Period, Window, windows

WHOLE = Period("daily_728", 1, LONGEST_DAYS)
DEMAND_PRIOR = (0.8, 0.4)
"""Mean and standard deviation of what a per cent of demand is worth, before anything is seen."""
_SMOOTHED_DAYS = 15
_TENANT_SPREAD = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class PeriodFit:
    """One period's fits: `plain`, and of the two longest daily ones `quick`: it believes only quick moves of spend."""

    window: Window
    plain: GridFit
    quick: GridFit | None


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Every response of the grid on a calendar's days, float32 (points, days): as it is, and in logarithms."""

    calendar: Calendar
    g: Float32s
    log_g: Float32s

    @classmethod
    def of(cls, cal: Calendar) -> "Curves":
        g = responses(cal)
        return cls(cal, g, np.log(g + np.float32(FLOOR)))

    def in_window(self, window: Window) -> Float32s:
        """log(g + floor) in a window's rows, float32 (points, rows)."""
        if window.period.days == 1:
            return window.gather(self.log_g, self.calendar.is_known)
        return np.asarray(np.log(window.gather(self.g, self.calendar.is_known) + np.float32(FLOOR)), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A first look at a channel over all its days.

    Parameters
    ----------
    residual : float64 (days,)
        Log outcome that spend, demand and season do not explain; 0 where not known.
    sigma : float
    demand_worth, demand_error : float
        Coefficient of log demand and its standard error; ``nan`` without a proxy.
    """

    residual: Floats
    sigma: float
    demand_worth: float
    demand_error: float


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """A channel's fits, and all that a judge may look at.

    Parameters
    ----------
    calendar : Calendar
    look : Look
    market : float64 (days,) or None
        What the tenant's other channels show of demand.
    drift : Drift
    fits : tuple of PeriodFit
        In the order of `PERIODS`; not empty.
    since : PeriodFit or None
        Of the days since the last change, if there was one.
    lead : PeriodFit
        The longest daily one.
    best : Fit or None
        Of the lead, to the digit.
    others : Alternatives
        Of the lead.
    inflation : float
        VIF of log spend against the other channels' and demand.
    shared : float
        Greatest correlation of its outcome with another channel's; 1 of one total that is given to all.
    channels : int
        Of the tenant.
    """

    calendar: Calendar
    look: Look
    market: Floats | None
    drift: Drift
    fits: tuple[PeriodFit, ...]
    since: PeriodFit | None
    lead: PeriodFit
    best: Fit | None
    others: Alternatives
    inflation: float
    shared: float
    channels: int


def gather(
    channels: Sequence[ChannelSeries], context: Context, only: Collection[str] | None = None
) -> list[Evidence | None]:
    """The evidence of each channel (of those in `only`); None where there is not enough for a single fit."""
    calendars = [_calendar(series, context) for series in channels]
    looks = [None if cal is None else _look(Curves.of(cal)) for cal in calendars]
    return [
        None
        if cal is None or look is None or not (only is None or channels[at].channel in only)
        else _evidence(at, Curves.of(cal), look, calendars, looks)  # made twice: 500 channels' would not fit
        for at, (cal, look) in enumerate(zip(calendars, looks, strict=True))
    ]


def _calendar(series: ChannelSeries, context: Context) -> Calendar | None:
    """From the last change of rules on: what came before was counted in another way."""
    cal = calendar(series, context)
    if cal is None:
        return None
    changes = [change for change in context.rule_changes if cal.day[0] < change <= cal.day[-1]]
    if changes:
        since = int((cal.day[-1] - np.max(np.asarray(changes, "datetime64[D]"))).astype(int)) + 1
        cal = calendar(series, context, days=min(since, LONGEST_DAYS))
    if cal is None or not (cal.x0 > 0) or not (np.nan_to_num(cal.outcome) > 0).any():
        return None
    return cal


def _look(curves: Curves) -> Look | None:
    cal = curves.calendar
    made = windows(cal, [Period(WHOLE.name, 1, min(LONGEST_DAYS, len(cal)))])
    if not made:
        return None
    window = made[0]
    log_g = curves.in_window(window)
    prior = _demand_prior(window, *DEMAND_PRIOR)
    fit = fit_grid(window, cal, log_g, window.covariates, prior, among=pilot_points())
    beta = coefficients(fit, log_g[fit.best].astype(np.float64))
    residual = fit.target - log_g[fit.best] - window.covariates @ beta
    worth, error = np.nan, np.nan
    if window.demand_column >= 0:
        column = window.demand_column
        x = fit.linear.whitener.whiten(window.covariates.T).T
        spread = np.linalg.pinv(x.T @ x)[column, column]
        worth, error = float(beta[column]), float(np.sqrt(max(spread, 1e-9)) * fit.sigma)
    weight = fit.linear.whitener.sqrt_weight
    return Look(np.where(weight > 0.1, np.clip(residual, -1.0, 1.0), 0.0), fit.sigma, worth, error)


def _evidence(
    at: int,
    curves: Curves,
    look: Look,
    calendars: Sequence[Calendar | None],
    looks: Sequence[Look | None],
) -> Evidence | None:
    cal = curves.calendar
    drift = drift_of(look.residual, cal.is_known)
    linear = _Linear(_market(at, cal, calendars, looks), _step(cal, drift), _demand_worth(at, looks))
    made = windows(cal)
    if not made:
        return None
    longest = sorted(made, key=lambda one: (one.period.days == 1, one.rows))[-2:]
    fits = [_period_fit(window, curves, linear, has_quick=window in longest) for window in made]
    lead = fits[made.index(longest[-1])]
    return Evidence(
        cal,
        look,
        linear.market,
        drift,
        tuple(fits),
        _since_change(curves, drift, linear),
        lead,
        fit_window(lead.window, cal, lead.plain) if lead.window.period.days < 28 else None,
        alternatives(lead.window, cal, lead.plain),
        inflation_of(at, calendars),
        shared_outcome(at, calendars),
        sum(one is not None for one in calendars),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Linear:
    """What the linear part knows beside the window's own covariates."""

    market: Floats | None
    step: Floats | None
    demand_worth: tuple[float, float]


def _step(cal: Calendar, drift: Drift) -> Floats | None:
    """1 from the change of level on, float64 (days,)."""
    if drift.onset < 0:
        return None
    return (np.arange(len(cal)) >= drift.onset).astype(np.float64)


def _since_change(curves: Curves, drift: Drift, linear: _Linear) -> PeriodFit | None:
    cal = curves.calendar
    days = len(cal) - drift.onset
    if drift.onset < 0 or days < 28:
        return None
    made = windows(cal, [Period("since_change", 1, min(days, 365))])
    return _period_fit(made[0], curves, linear, has_quick=False) if made else None


def _period_fit(
    window: Window,
    curves: Curves,
    linear: _Linear,
    has_quick: bool,
) -> PeriodFit:
    cal = curves.calendar
    log_g = curves.in_window(window)
    covariates = window.covariates
    if linear.step is not None:
        step = window.gather(linear.step, cal.is_known)
        covariates = covariates if min(step.sum(), (1 - step).sum()) < 3 else np.column_stack([covariates, step])
    if linear.market is not None:
        covariates = np.column_stack([covariates, window.gather(linear.market, cal.is_known)])
    prior = _demand_prior(window, *linear.demand_worth)
    plain = fit_grid(window, cal, log_g, covariates, prior)
    quick = None
    if has_quick and window.period.days == 1 and window.rows >= 54:
        quick = fit_grid(window, cal, log_g, np.hstack([covariates, window.trend]), prior)
    return PeriodFit(window, plain, quick)


def _demand_prior(window: Window, mean: float, sd: float) -> CoefficientPrior | None:
    return None if window.demand_column < 0 else CoefficientPrior(window.demand_column, mean, sd)


def _demand_worth(at: int, looks: Sequence[Look | None]) -> tuple[float, float]:
    """Prior of a channel's demand coefficient, from the tenant's other channels."""
    mean, sd = DEMAND_PRIOR
    precision = sd**-2
    total = mean * precision
    for number, look in enumerate(looks):
        if look is None or number == at or not np.isfinite(look.demand_worth):
            continue
        own = 1 / (look.demand_error**2 + _TENANT_SPREAD**2)
        precision += own
        total += own * look.demand_worth
    return total / precision, max(float(precision**-0.5), _TENANT_SPREAD)


def _market(
    at: int, cal: Calendar, calendars: Sequence[Calendar | None], looks: Sequence[Look | None]
) -> Floats | None:
    """The others' residuals, averaged by their precision and over two weeks; None without others."""
    total, weight = np.zeros(len(cal)), np.zeros(len(cal))
    for number, (other, look) in enumerate(zip(calendars, looks, strict=True)):
        if other is None or look is None or number == at:
            continue
        shift = int((other.day[0] - cal.day[0]).astype(int))
        index = np.arange(len(other)) + shift
        inside = (index >= 0) & (index < len(cal)) & other.is_known
        total[index[inside]] += look.residual[inside] / look.sigma**2
        weight[index[inside]] += 1 / look.sigma**2
    if (weight > 0).sum() < 0.5 * len(cal):
        return None
    kernel = np.ones(_SMOOTHED_DAYS)
    smooth = np.convolve(total, kernel, "same") / np.maximum(np.convolve(weight, kernel, "same"), 1e-9)
    return np.asarray(smooth - smooth.mean()) if float(smooth.std()) > 1e-4 else None
