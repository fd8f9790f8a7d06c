"""What does the judge look at? One number per name, ``nan`` where a period could not be fitted."""

from dataclasses import dataclass

import numpy as np

from app.saturation.adstock import adstock
from app.saturation.calendars import Calendar
from app.saturation.curves import FLOOR, response
from app.saturation.evidence import Evidence
from app.saturation.fit import Fit
from app.saturation.grid import GridFit, coefficients, points
from app.saturation.names import APPROACHING_FROM, UNSATURATED_FROM
from app.saturation.recent import recent_of
from app.saturation.series import Floats

LEAST_ELASTICITY = 0.01
"""Elasticities are taken in logarithms from here on."""
_OPERATING = 28
_BY_NAME = {"daily_30": True, "daily_90": False, "weekly_52": True, "weekly_104": False, "monthly_24": True}
"""Periods that are looked at by themselves, and whether in short; longer daily ones are, as the lead and its half."""
_BREAKS = (0.75, 1.3)
_BEND_SD = np.array([0.6, 0.4, 0.4])


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """The estimates that the judge corrects.

    Parameters
    ----------
    elasticity, driven : float
        Of the response and of its spend-driven part, over all periods.
    roas : float
        f(x0) / x0.
    """

    elasticity: float
    driven: float
    roas: float


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """`values` by name, and the `Reference`."""

    values: dict[str, float]
    reference: Reference


def features_of(evidence: Evidence) -> Features:
    """Of one channel."""
    by_name = {fit.window.period.name: fit for fit in evidence.fits}
    values: dict[str, float] = {}
    for name, is_short in _BY_NAME.items():
        fit = by_name.get(name)
        values |= _of_grid(f"{name}.plain", None if fit is None else fit.plain, is_short)
    values |= _aligned(evidence)
    elasticity, spread = _combined(evidence, "elasticity")
    driven, driven_spread = _combined(evidence, "driven")
    values |= _margins("combined", elasticity, spread) | _margins("combined.driven", driven, driven_spread)
    level, direct = _levels(evidence)
    drift = evidence.drift
    values |= _of_grid("since_change.plain", None if evidence.since is None else evidence.since.plain, False)
    values |= {
        "combined_elasticity": elasticity,
        "combined_spread": spread,
        "combined_driven": driven,
        "direct_level": direct,
        "none": evidence.others.none,
        "linear": evidence.others.linear,
        "exponential": evidence.others.exponential,
        "logarithmic": evidence.others.logarithmic,
        "inflation": float(np.log(evidence.inflation)),
        "channels": float(evidence.channels),
        "has_market": float(evidence.market is not None),
        "drift": drift.score,
        "drift_days": float(drift.days_ago) if drift.onset >= 0 else np.nan,
        "drift_size": drift.size,
    }
    values |= _of_series(evidence.calendar)
    values |= _of_lead(evidence)
    values |= _local(evidence)
    values |= recent_of(evidence, _best_log_g(evidence), values["lead_rate"])
    for days in (45, 90, 180):
        values[f"bend_{days}.elasticity"] = values["lead.plain.mean"] + values[f"bend_{days}.by"]
    for name in ("daily_30", "daily_90"):
        apart = np.hypot(values["lead.plain.spread"], values[f"{name}.plain.spread"]) + 0.02
        values[f"lead_over_{name}"] = (values["lead.plain.mean"] - values[f"{name}.plain.mean"]) / apart
    roas = max(level * float(np.exp(0.7 * direct)), 1e-9) / evidence.calendar.x0
    return Features(values, Reference(elasticity, driven, roas))


def _aligned(evidence: Evidence) -> dict[str, float]:
    """Of the longest daily period and of the next shorter one, however long they are."""
    daily = sorted((one for one in evidence.fits if one.window.period.days == 1), key=lambda one: one.window.rows)
    lead = evidence.lead
    half = daily[-2] if len(daily) > 1 else None
    values = _of_grid("lead.plain", lead.plain, False) | _of_grid("lead.quick", lead.quick, False)
    values |= _of_grid("half.plain", None if half is None else half.plain, False)
    values |= _of_grid("half.quick", None if half is None else half.quick, True)
    values |= _of_fit("lead", evidence.best)
    for name in ("lead.plain", "lead.quick", "half.plain"):
        values |= _margins(name, values[f"{name}.mean"], values[f"{name}.spread"])
        values |= _margins(f"{name}.driven", values[f"{name}.driven"], values[f"{name}.driven_spread"])
    for name, other in (("quick", "lead.quick"), ("half", "half.plain")):
        spread = np.hypot(values["lead.plain.spread"], values[f"{other}.spread"]) + 0.02
        values[f"lead_over_{name}"] = (values["lead.plain.mean"] - values[f"{other}.mean"]) / spread
    return values


def _margins(name: str, mean: float, spread: float) -> dict[str, float]:
    """How far from the borders between classes, in spreads."""
    return {
        f"{name}.over_saturated": (mean - APPROACHING_FROM) / (spread + 0.03),
        f"{name}.over_approaching": (mean - UNSATURATED_FROM) / (spread + 0.03),
    }


def _of_grid(name: str, fit: GridFit | None, is_short: bool) -> dict[str, float]:
    names = ["mean", "spread", "low", "high", "unsaturated", "saturated", "information", "sigma", "wander"]
    if not is_short:
        names += ["driven", "driven_spread", "driven_unsaturated", "driven_saturated", "intercept", "leak", "rate"]
    if fit is None:
        return {f"{name}.{what}": np.nan for what in names}
    grid, weight = points(), fit.weight
    e, driven = grid.elasticity, grid.driven
    cumulated = np.cumsum(weight[grid.by_elasticity])
    low, high = e[grid.by_elasticity][np.minimum(np.searchsorted(cumulated, (0.05, 0.95)), len(e) - 1)]
    values = {
        "mean": float(weight @ e),
        "spread": _spread(weight, e),
        "low": float(low),
        "high": float(high),
        "unsaturated": float(weight[e >= UNSATURATED_FROM].sum()),
        "saturated": float(weight[e < APPROACHING_FROM].sum()),
        "information": float(np.log(fit.information + 0.01)),
        "sigma": fit.sigma,
        "wander": fit.linear.whitener.share,
        "driven": float(weight @ driven),
        "driven_spread": _spread(weight, driven),
        "driven_unsaturated": float(weight[driven >= UNSATURATED_FROM].sum()),
        "driven_saturated": float(weight[driven < APPROACHING_FROM].sum()),
        "intercept": float(weight @ grid.intercept),
        "leak": float(weight[grid.intercept > 0.1].sum()),
        "rate": float(weight @ grid.rate),
    }
    return {f"{name}.{what}": values[what] for what in names}


def _spread(weight: Floats, values: Floats) -> float:
    return float(np.sqrt(weight @ (values - weight @ values) ** 2))


def _of_fit(name: str, fit: Fit | None) -> dict[str, float]:
    if fit is None:
        return {f"{name}.best": np.nan, f"{name}.error": np.nan, f"{name}.best_driven": np.nan}
    return {
        f"{name}.best": fit.shape.elasticity,
        f"{name}.error": float(np.sqrt(fit.covariance[0, 0])),
        f"{name}.best_driven": fit.shape.spend_driven_elasticity,
    }


def _combined(evidence: Evidence, what: str) -> tuple[float, float]:
    """Mean of the daily and weekly periods' posteriors by their precision, and its spread."""
    values = getattr(points(), what)
    total = precision = 0.0
    for fit in evidence.fits:
        if fit.window.period.days >= 28:
            continue
        mean = float(fit.plain.weight @ values)
        own = 1 / (float(fit.plain.weight @ (values - mean) ** 2) + 0.02**2)
        total += own * own * mean
        precision += own * own
    if not precision:
        mean = float(evidence.lead.plain.weight @ values)
        return mean, 1.0
    return total / precision, float(precision**-0.25)


def _levels(evidence: Evidence) -> tuple[float, float]:
    """f(x0) as the lead fit has it, in revenue a day, and the log of the last 28 days' own level over it."""
    cal, lead = evidence.calendar, evidence.lead
    window = lead.window
    log_g = _best_log_g(evidence)
    fitted = log_g + lead.plain.covariates @ coefficients(lead.plain, log_g)
    weight = lead.plain.linear.whitener.sqrt_weight
    used = weight > 0.5
    mu = np.maximum(np.exp(fitted) - FLOOR, 1e-3)
    smear = float((weight * window.outcome)[used].sum() / (weight * mu)[used].sum()) if used.any() else 1.0
    smear = max(smear, 1e-6)  # days that all count may have brought nothing
    recent = np.flatnonzero(window.is_used)[-_OPERATING:]
    g = np.exp(log_g) - FLOOR
    known = np.isfinite(cal.outcome)
    season = np.exp(cal.season[window.first : window.first + window.rows]) if window.period.days == 1 else np.ones(1)
    weekday = float(np.mean(np.exp(cal.season[-_OPERATING:]))) if known.any() else 1.0
    level = float(np.mean(mu[recent] / np.maximum(g[recent], 0.02))) * smear * weekday
    good = recent[weight[recent] > 0.5]
    direct = 0.0
    if len(good) >= 10:
        season = np.broadcast_to(season, (window.rows,))
        ratio = float((window.outcome * season)[good].sum() / (mu * smear * season)[good].sum())
        direct = float(np.clip(np.log(max(ratio, 1e-3)), -1.0, 1.0))
    return level * cal.scale, direct


def _best_log_g(evidence: Evidence) -> Floats:
    """log(g + floor) of the lead's best response, float64 (rows,)."""
    cal, lead = evidence.calendar, evidence.lead
    shape = evidence.best.shape if evidence.best is not None else points().shape(lead.plain.best)
    u = adstock(cal.spend, shape.rate) / cal.x0
    return np.asarray(np.log(lead.window.gather(response(shape, u), cal.is_known) + FLOOR))


def _of_series(cal: Calendar) -> dict[str, float]:
    n = min(len(cal), 365)
    spend = cal.spend[-n:]
    low, high = np.quantile(spend, (0.05, 0.95))
    logs = np.log(spend + 0.02 * cal.x0)
    follows = 0.0
    if cal.demand is not None and logs.std() > 1e-9 and cal.demand[-n:].std() > 1e-9:
        follows = float(np.corrcoef(logs, cal.demand[-n:])[0, 1])
    return {
        "days": float(len(cal)),
        "conversions": float(np.log(cal.conversions_a_day + 0.1)),
        "is_count": float(cal.is_count),
        "spend_cv": float(spend.std() / max(spend.mean(), 1e-12)),
        "spend_cv_90": float(cal.spend[-90:].std() / max(cal.spend[-90:].mean(), 1e-12)),
        "spend_ratio": float(np.log((high + 0.02 * cal.x0) / (low + 0.02 * cal.x0))),
        "spend_rank": float((spend < cal.x0).mean()),
        "spend_high": float(np.log(max(high, 1e-9) / cal.x0)),
        "idle": float((spend < 0.05 * cal.x0).mean()),
        "quickness": float(np.std(np.diff(logs)) / max(float(np.std(logs)), 1e-9)),
        "follows_demand": follows,
        "has_demand": float(cal.demand is not None),
        "missing": float((~cal.is_known).mean()),
    }


def _of_lead(evidence: Evidence) -> dict[str, float]:
    """Does revenue know of spend that is still to come? Then something else moves both."""
    cal, lead = evidence.calendar, evidence.lead
    fit = lead.plain
    log_g = _best_log_g(evidence)
    logs = np.log(cal.spend / cal.x0 + 0.05)
    residual = fit.linear.target - fit.linear.leave(log_g)
    values = {}
    for name, ahead in (("next_week", 7), ("next_month", 28), ("last_week", -14)):
        moved = _moved(logs, ahead)
        left = fit.linear.leave(np.stack([lead.window.gather(moved, cal.is_known), log_g]))
        own, now = left
        own = own - now * (own @ now) / max(now @ now, 1e-12)
        size = float(np.sqrt(own @ own))
        values[f"{name}.t"] = float(own @ residual) / max(size * fit.sigma, 1e-9) if size > 1e-6 else 0.0
        values[f"{name}.slope"] = float(np.clip(own @ residual / max(size**2, 1e-9), -3, 3)) if size > 1e-6 else 0.0
    half = len(residual) // 2
    values["halves"] = float(residual[:half].mean() - residual[half:].mean()) / max(fit.sigma, 1e-9)
    values["market"] = 0.0
    if evidence.market is not None:
        values["market"] = float(coefficients(fit, log_g)[-1])
    best = evidence.best.shape if evidence.best is not None else points().shape(fit.best)
    values |= {"lead_slope": best.slope, "lead_intercept": best.intercept, "lead_rate": best.rate}
    values["lead_gain"] = float(fit.log_likelihood.max() - fit.log_likelihood[points().elasticity == 0].max())
    return values


def _moved(logs: Floats, ahead: int) -> Floats:
    """Mean of the `ahead` days after each day, or of the week that begins so many days before, as far as they go."""
    at = np.arange(len(logs))
    first, last = (at + 1, at + 1 + ahead) if ahead > 0 else (at + ahead, at + ahead + 7)
    first, last = np.clip(first, 0, len(logs)), np.clip(last, 0, len(logs))
    total = np.concatenate([[0.0], np.cumsum(logs)])
    return np.asarray(np.where(last > first, (total[last] - total[first]) / np.maximum(last - first, 1), logs))


def _local(evidence: Evidence) -> dict[str, float]:
    """Elasticity around x0 without a family of curves: a broken line in log adstock, with breaks to either side."""
    cal, lead = evidence.calendar, evidence.lead
    fit = lead.plain
    rate = evidence.best.shape.rate if evidence.best is not None else float(points().rate[fit.best])
    logs = np.log(adstock(cal.spend, rate) / cal.x0 + 0.05)
    lines = [logs, *(np.maximum(logs - np.log(at), 0.0) for at in _BREAKS)]
    x = fit.linear.leave(lead.window.gather(np.stack(lines), cal.is_known))
    precision = x @ x.T / fit.sigma**2 + np.diag(_BEND_SD**-2)
    covariance = np.linalg.inv(precision)
    below, first, second = covariance @ (x @ fit.linear.target / fit.sigma**2 + _BEND_SD**-2 * np.array([0.5, 0, 0]))
    slope, error = below + first, float(np.sqrt(covariance[:2, :2].sum()))
    return {
        "local.slope": float(slope),
        "local.error": error,
        "local.below": float(first),
        "local.below_error": float(np.sqrt(covariance[1, 1])),
        "local.above": float(second),
        "local.above_error": float(np.sqrt(covariance[2, 2])),
    } | _margins("local", float(slope), error)
