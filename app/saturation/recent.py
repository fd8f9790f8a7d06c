"""Do the last weeks answer to spend as the days before did? What a curve that is still changing leaves behind."""

import numpy as np

from app.saturation.adstock import adstock
from app.saturation.evidence import Evidence
from app.saturation.series import Floats

_LEVEL_DAYS = (28, 60, 120)
_RAMP_DAYS = (60, 120)
_BEND_DAYS = (45, 90, 180)
_BEND_SD = 0.3
"""Of the change of an elasticity, before anything is seen."""


def recent_of(evidence: Evidence, log_g: Floats, rate: float) -> dict[str, float]:
    """How far the last days leave the lead fit: in level, along a ramp, and in the answer to spend.

    Parameters
    ----------
    log_g : float64 (rows,)
        Log response of the lead's best fit.
    rate : float
        Its adstock rate.

    Each is one more regressor on what the fit leaves: its coefficient over its error (`t`) and the coefficient;
    of a bend, drawn to 0, so that it is the change of the elasticity. ``nan`` where the lead is not twice
    as long.
    """
    cal, lead = evidence.calendar, evidence.lead
    fit, span = lead.plain, lead.window.rows * lead.window.period.days
    logs = np.log(adstock(cal.spend, rate) / cal.x0 + 0.05)
    back = np.arange(len(cal))[::-1]
    regressors: dict[str, Floats] = {}
    for days in _LEVEL_DAYS:
        regressors[f"level_{days}"] = (back < days).astype(np.float64)
    for days in _RAMP_DAYS:
        regressors[f"ramp_{days}"] = np.clip(1 - back / days, 0.0, 1.0)
    for days in _BEND_DAYS:
        regressors[f"bend_{days}"] = np.where(back < days, logs - logs[-days:].mean(), 0.0)
    gathered = lead.window.gather(np.stack(list(regressors.values())), cal.is_known)
    left = fit.linear.leave(np.concatenate([log_g[None], gathered]))
    now, residual = left[0], fit.linear.target - left[0]
    values = {}
    for name, own in zip(regressors, left[1:], strict=True):
        is_long = span >= 2 * int(name.rpartition("_")[2])
        own = own - now * (own @ now) / max(now @ now, 1e-12)
        precision = float(own @ own) / max(fit.sigma, 1e-9) ** 2
        along = float(own @ residual) / max(fit.sigma, 1e-9) ** 2
        drawn = _BEND_SD**-2 if name.startswith("bend") else 1.0
        values[f"{name}.t"] = along / np.sqrt(max(precision, 1e-9)) if is_long else np.nan
        values[f"{name}.by"] = along / (precision + drawn) if is_long else np.nan
    return values
