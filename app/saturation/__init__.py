"""Where has spend saturated, and what is the next unit worth? Fits, their judge and the plan, as pure functions.

Names load their module when they are first used: whoever needs the statuses does not pay for LightGBM.

    names, answers, series   what the words mean; what comes out; what goes in
    calendars, windows       a channel's days without gaps; the rows of one fit
    adstock, curves          what still works of earlier spend; forms of response
    linear, residuals        what else moves revenue, taken out; how the rest scatters
    grid, fit                every response against a window; the best of them, to the digit
    drift, overlap           has the curve changed; what channels have in common
    evidence                 all periods' fits of a tenant's channels
    recent                   do the last weeks answer to spend as those before
    features, judge          what the judge sees; the judge
    training                 how it is made
    guards, standing, tested may a status be given; when does it change; what tests of a channel add
    draws, messages          responses still possible; the words
    assessment               all of it
    experiments, planner     which test settles it; where the money should go
    simulator, proof         channels with known curves, and whether the answers were right
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.saturation.assessment import assess
    from app.saturation.planner import plan
    from app.saturation.series import Assessment, ChannelSeries, Context, Experiment, Plan, Status

__all__ = ["Assessment", "ChannelSeries", "Context", "Experiment", "Plan", "Status", "assess", "plan"]

_HOMES = {"assess": "assessment", "plan": "planner"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'series')}"), name)
