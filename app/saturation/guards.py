"""May a status be given at all? Conditions on the data, each with its figure, its limit and what to do (SATURATION 2).

A guard that fails means insufficient evidence, whatever the judge says. Two do not: `days_to_cut` bars only advice to
cut, and `steady` says why a status is missing whose probability a change of the curve took.
"""

from collections.abc import Sequence

import numpy as np

from app.saturation.calendars import Calendar
from app.saturation.draws import Draws
from app.saturation.evidence import Evidence
from app.saturation.features import Features, Reference
from app.saturation.held_back import HELD_BACK, forecast_errors
from app.saturation.judge import Opinion
from app.saturation.series import Context, Floats, Guard

LEAST_DAYS, LEAST_DAYS_TO_CUT = 42, 90
LEAST_CONVERSIONS = 500
LEAST_CV = 0.12
LEAST_RATIO = 1.5
LEAST_MOVES = 6
GREATEST_CORRELATION = 0.9
GREATEST_INFLATION = 10.0
GREATEST_WIDTH = 0.9
"""Of the 90 % interval of e: the prior's own is 1.1 wide."""
GREATEST_ERROR_RATIO = 1.0
"""Of the lower end of the ratio: 28 days of errors that persist are few, so only what noise cannot explain counts."""
GREATEST_OFF_LEVEL = 1.5
GREATEST_DEPARTURE = 0.2
"""Share of the draws that a change of the curve moves into another class; the doubt itself is in the probabilities."""
LEAST_COMPLETE = 0.8
GREATEST_SHARED = 0.999
GREATEST_REPEATED = 0.5
ADVISORY = frozenset({"days_to_cut", "steady"})
MOVEMENT = frozenset({"spend_cv", "spend_ratio", "spend_moves", "prior_dominance"})
"""Those that say that spend moved too little to tell the class."""
_MOVED_DAYS = 3
_LEAST_MOVE = 0.1
"""In log spend."""
_PAUSED_BELOW = 0.3
"""Of the middle of the days with spend."""


def guards_of(
    evidence: Evidence, draws: Draws, seen: Features, opinion: Opinion, context: Context
) -> tuple[Guard, ...]:
    """Every guard with its verdict; a message gives the reasons of the first that fail."""
    cal = evidence.calendar
    return (
        *_of_amount(cal),
        *_of_spend(evidence),
        *_of_fit(evidence, seen, opinion),
        *_of_data(cal, context),
        _steady(draws),
    )


def _of_amount(cal: Calendar) -> tuple[Guard, ...]:
    days = int(cal.is_known.sum())
    conversions = float(np.nansum(cal.conversions[-365:]))
    return (
        at_least("days", days, LEAST_DAYS, f"{days} complete days are known, {LEAST_DAYS} are needed"),
        at_least("days_to_cut", days, LEAST_DAYS_TO_CUT, f"advice to cut needs {LEAST_DAYS_TO_CUT} days, {days} known"),
        at_least(
            "conversions",
            conversions,
            LEAST_CONVERSIONS,
            f"{conversions:,.0f} conversions in a year, {LEAST_CONVERSIONS} are needed",
        ),
    )


def _of_spend(evidence: Evidence) -> tuple[Guard, ...]:
    cal, spend = evidence.calendar, _spend_of_lead(evidence)
    low, high = np.quantile(spend, (0.05, 0.95))
    varies = variation(spend)
    return (
        at_most(
            "own_outcome",
            evidence.shared,
            GREATEST_SHARED,
            "it carries the same revenue as another channel: a total, not what was attributed to it",
        ),
        at_least(
            "spend_cv",
            varies,
            LEAST_CV,
            f"spend varies by {100 * varies:.0f} % only while the channel is on, {100 * LEAST_CV:.0f} % is needed",
        ),
        at_least(
            "spend_ratio",
            high / low if low > 0 else 1e6,
            LEAST_RATIO,
            f"the highest days' spend is under {LEAST_RATIO} times the lowest days'",
        ),
        at_least(
            "spend_moves",
            moves(spend),
            LEAST_MOVES,
            f"spend moved by 10 % or more {moves(spend)} times, {LEAST_MOVES} are needed",
        ),
        at_most(
            "demand_correlation",
            _correlation(cal),
            GREATEST_CORRELATION,
            "spend follows demand so closely that the two cannot be told apart",
        ),
        at_most(
            "collinearity",
            evidence.inflation,
            GREATEST_INFLATION,
            "spend moves in lockstep with other channels or demand",
        ),
    )


def _of_fit(evidence: Evidence, seen: Features, opinion: Opinion) -> tuple[Guard, ...]:
    cal = evidence.calendar
    naive, linear = forecast_errors(cal)
    width = float(opinion.elasticity[-1] - opinion.elasticity[0])
    return (
        at_most(
            "prior_dominance", width, GREATEST_WIDTH, "the data say little more than was assumed before looking at them"
        ),
        _inside(_spend_of_lead(evidence), cal.x0),
        at_most(
            "forecast_naive",
            naive,
            GREATEST_ERROR_RATIO,
            "the model forecast the last 28 days worse than repeating the weeks before",
        ),
        at_most(
            "forecast_linear",
            linear,
            GREATEST_ERROR_RATIO,
            "the model forecast the last 28 days worse than a straight line in spend",
        ),
        at_most(
            "level",
            _off_level(cal, seen.reference),
            GREATEST_OFF_LEVEL,
            "the model's level of revenue is not that of the last four weeks, as happens with very few conversions",
        ),
    )


def _of_data(cal: Calendar, context: Context) -> tuple[Guard, ...]:
    complete = float(cal.is_known[-28:].mean()) if len(cal) else 0.0
    behind = _days_behind(cal, context)
    changes = sum(1 for one in context.rule_changes if cal.day[0] < one <= cal.day[-1])
    return (
        at_least("complete", complete, LEAST_COMPLETE, f"only {100 * complete:.0f} % of the last 28 days are known"),
        at_most("behind", behind, 3, f"the last known day lies {behind} days before the day until which data are due"),
        at_most(
            "spread_days",
            _repeated(cal),
            GREATEST_REPEATED,
            "most days repeat the day before: they were spread from longer periods",
        ),
        at_most("rule_change", changes, 0, "attribution rules changed inside the window"),
    )


def _steady(draws: Draws) -> Guard:
    left = float(draws.left_class.mean())
    return at_most(
        "steady",
        left,
        GREATEST_DEPARTURE,
        f"the curve may have changed: with a probability of {100 * left:.0f} % that put the channel into another class",
    )


def _spend_of_lead(evidence: Evidence) -> Floats:
    """Spend of the known days of the window that leads."""
    cal, window = evidence.calendar, evidence.lead.window
    span = slice(window.first, window.first + window.rows * window.period.days)
    spend: Floats = cal.spend[span][cal.is_known[span]]
    return spend


def failed(guards: Sequence[Guard]) -> list[Guard]:
    """Those that bar a status."""
    return [one for one in guards if not one.passed and one.name not in ADVISORY]


def doubts(guards: Sequence[Guard]) -> list[Guard]:
    """Those that say why there is no status: what bars it, and last that the curve may have changed."""
    return [*failed(guards), *(one for one in guards if one.name == "steady" and not one.passed)]


def moves(spend: Floats) -> int:
    """How often spend rose or fell by 10 % or more between turning points, as means of three days have it.

    Three days, since one day's spike is no move. A share of spend, not of its spread: pauses widen that so far that
    months of ordinary moves beside them would not count.

    Examples
    --------
    >>> moves(np.tile(np.repeat([1.0, 3.0], 14), 3))
    5
    """
    if len(spend) < 14 or not spend.any():
        return 0
    logs = np.log(np.convolve(spend + 0.05 * spend.mean(), np.full(_MOVED_DAYS, 1 / _MOVED_DAYS), "valid"))
    swings, direction, turn = 0, 0, float(logs[0])
    for value in logs.tolist():
        if direction * (value - turn) > 0 or (direction == 0 and abs(value - turn) < _LEAST_MOVE):
            turn = value if direction else turn
        elif abs(value - turn) >= _LEAST_MOVE:
            swings, direction, turn = swings + 1, 1 if value > turn else -1, value
    return swings


def variation(spend: Floats) -> float:
    """Standard deviation of log spend around its middle while the channel is on, of at most twice or half of it.

    Pauses do not count: they say what the channel brings, not what a little more of it would. Nor do a few spikes.

    Examples
    --------
    >>> variation(np.array([100.0, 0.0] * 50))
    0.0
    """
    if not spend.any():
        return 0.0
    on = spend[spend >= _PAUSED_BELOW * float(np.median(spend[spend > 0]))]
    most = np.log(2.0)
    return float(np.clip(np.log(on / np.median(on)), -most, most).std())


def at_least(name: str, figure: float, limit: float, reason: str) -> Guard:
    """Passed where the figure reaches the limit."""
    return Guard(name, bool(figure >= limit), float(figure), float(limit), reason if figure < limit else "")


def at_most(name: str, figure: float, limit: float, reason: str) -> Guard:
    """Passed where the figure does not exceed the limit."""
    return Guard(name, bool(figure <= limit), float(figure), float(limit), reason if figure > limit else "")


def _inside(spend: Floats, x0: float) -> Guard:
    low, high = np.quantile(spend, (0.01, 0.99))
    passed = bool(0.9 * low <= x0 <= 1.1 * high)
    reason = "" if passed else "today's spend lies outside of what was spent before"
    return Guard("inside_range", passed, x0, float(high if x0 > high else low), reason)


def _off_level(cal: Calendar, reference: Reference) -> float:
    """By what factor f(x0) lies above or below the mean of the last 28 known days."""
    recent = float(cal.revenue[cal.is_known][-HELD_BACK:].mean())
    if recent <= 0:
        return 1e6
    ratio = reference.roas * cal.x0 / recent
    return max(ratio, 1 / max(ratio, 1e-6))


def _repeated(cal: Calendar) -> float:
    """Share of the days with revenue whose revenue is exactly that of the day before."""
    revenue = cal.revenue[np.isfinite(cal.revenue)]
    now, before = revenue[1:], revenue[:-1]
    counted = now > 0
    return float((now == before)[counted].mean()) if counted.any() else 0.0


def _correlation(cal: Calendar) -> float:
    n = min(len(cal), 365)
    if cal.demand is None:
        return 0.0
    logs = np.log(cal.spend[-n:] + 0.02 * cal.x0)
    if logs.std() < 1e-9 or cal.demand[-n:].std() < 1e-9:
        return 0.0
    return abs(float(np.corrcoef(logs, cal.demand[-n:])[0, 1]))


def _days_behind(cal: Calendar, context: Context) -> int:
    known = np.flatnonzero(cal.is_known)
    last = cal.day[known[-1]]
    until = cal.day[-1] if context.complete_until is None else context.complete_until
    return max(int((until - last).astype(int)), 0)
