"""How well would the model have forecast the last 28 days, from the days before?"""

import numpy as np

from app.saturation.adstock import adstock
from app.saturation.calendars import Calendar
from app.saturation.curves import FLOOR, response
from app.saturation.grid import fit_grid, pilot_points, points, responses
from app.saturation.series import Floats
from app.saturation.windows import Period, windows

HELD_BACK = 28


def forecast_errors(cal: Calendar) -> tuple[float, float]:
    """Error over the last 28 days, from the days before, over seasonal-naive's and over a line's; 0 if too short."""
    if len(cal) < 70:
        return 0.0, 0.0
    made = windows(cal, [Period("held_back", 1, min(len(cal) - HELD_BACK, 180))], held_back=HELD_BACK)
    if not made:
        return 0.0, 0.0
    window = made[0]
    g = window.gather(responses(cal), cal.is_known)
    fit = fit_grid(window, cal, np.log(g + np.float32(FLOOR)), np.ones((window.rows, 1)), None, among=pilot_points())
    shape = points().shape(fit.best)
    relative = response(shape, adstock(cal.spend, shape.rate) / cal.x0) * np.exp(cal.season)
    ahead = slice(len(cal) - HELD_BACK, len(cal))
    before = slice(window.first, window.first + window.rows)
    recent = slice(len(cal) - 2 * HELD_BACK, len(cal) - HELD_BACK)
    outcome = np.nan_to_num(cal.outcome)
    level = outcome[recent].sum() / max(float(relative[recent][cal.is_known[recent]].sum()), 1e-12)
    known = cal.is_known[ahead]
    actual = outcome[ahead][known]
    if len(actual) < 14:
        return 0.0, 0.0
    own = np.abs(level * relative[ahead][known] - actual)
    weeks = np.tile(np.nanmean(_weeks(cal.outcome[recent]), axis=0), 4)[known]
    naive = np.abs(weeks - actual)
    kept = cal.is_known[before]
    x, y = cal.spend[before][kept], outcome[before][kept]
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float((x - x.mean()) @ y) / spread if spread > 0 else 0.0
    line = np.abs(y.mean() + slope * (cal.spend[ahead][known] - x.mean()) - actual)
    return _least_ratio(own, naive), _least_ratio(own, line)


def _least_ratio(own: Floats, other: Floats) -> float:
    """The 5 % end of the ratio of two mean errors, four days' errors counting as one."""
    doubt = 1.64 * float((own - other).std()) / np.sqrt(len(own) / 4)
    return float(max(own.mean() - doubt, 0.0) / max(float(other.mean()), 1e-12))


def _weeks(outcome: Floats) -> Floats:
    filled = np.where(np.isfinite(outcome), outcome, np.nanmean(outcome) if np.isfinite(outcome).any() else 0.0)
    return np.asarray(filled.reshape(4, 7))
