"""How well would the model have forecast the last 28 days, from the days before?

All three forecasts start from the level of the 28 days before: what is compared is how they answer to spend.
"""

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
    own = _at_level(relative, cal, recent)
    known = cal.is_known[ahead]
    actual = cal.outcome[ahead][known]
    if len(actual) < 14:
        return 0.0, 0.0
    weeks = np.tile(np.nanmean(_weeks(cal.outcome[recent]), axis=0), 4)[known]
    line = _at_level(_line(cal, before), cal, recent)
    own_error, line_error = (np.abs(one[ahead][known] - actual) for one in (own, line))
    return _least_ratio(own_error, np.abs(weeks - actual)), _least_ratio(own_error, line_error)


def _at_level(relative: Floats, cal: Calendar, span: slice) -> Floats:
    """A forecast float64 (days,) brought to the revenue of the known days of a span."""
    known = cal.is_known[span]
    return np.asarray(relative * cal.outcome[span][known].sum() / max(float(relative[span][known].sum()), 1e-12))


def _line(cal: Calendar, span: slice) -> Floats:
    """A straight line in spend by least squares over the known days of a span, at least 0, float64 (days,)."""
    known = cal.is_known[span]
    x, y = cal.spend[span][known], cal.outcome[span][known]
    spread = float(((x - x.mean()) ** 2).sum())
    slope = float((x - x.mean()) @ y) / spread if spread > 0 else 0.0
    return np.asarray(np.maximum(y.mean() + slope * (cal.spend - x.mean()), 0.0))


def _least_ratio(own: Floats, other: Floats) -> float:
    """The 5 % end of the ratio of two mean errors, a week's errors counting as one: they persist."""
    doubt = 1.64 * float((own - other).std()) / np.sqrt(len(own) / 7)
    return float(max(own.mean() - doubt, 0.0) / max(float(other.mean()), 1e-12))


def _weeks(outcome: Floats) -> Floats:
    filled = np.where(np.isfinite(outcome), outcome, np.nanmean(outcome) if np.isfinite(outcome).any() else 0.0)
    return np.asarray(filled.reshape(4, 7))
