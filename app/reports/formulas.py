"""By which formula did each model weigh the touches of a conversion? In words, with the numbers of the rules."""

from __future__ import annotations

from app.attribution.names import Model
from app.reports.words import counted
from app.tenants.rules import Rules


def formulas(rules: Rules, touches: int, milestones: int = 0) -> dict[str, str]:
    """One sentence a model.

    Parameters
    ----------
    touches : in the journey.
    milestones : that a touch of the journey led to.

    Examples
    --------
    >>> formulas(Rules(), 3)["position_based"]
    'first 0.4, last 0.4, the one between 0.2'
    >>> formulas(Rules(position_preset="w", milestones=("Lead",)), 3, 1)["position_based"][:64]
    'first 0.3, last 0.3, those that led to 1 milestone share 0.3, th'
    >>> formulas(Rules(position_preset="w", milestones=("Lead",)), 5)["position_based"][20:]
    ' the 3 between share 0.1 equally, divided by their sum, since no milestone was reached'
    >>> formulas(Rules(), 1)["linear"]
    '1/1 each'
    """
    if not touches:
        return {}
    return {
        Model.FIRST_TOUCH.value: "1 to the first touch",
        Model.LAST_TOUCH.value: "1 to the last touch",
        Model.LINEAR.value: f"1/{touches} each",
        Model.TIME_DECAY.value: f"2^(-age / {rules.half_life_ms} ms), divided by the sum over the journey",
        Model.POSITION_BASED.value: _position(rules, touches, milestones),
    }


def _position(rules: Rules, touches: int, milestones: int) -> str:
    first, middle, last, milestone = rules.position_weights
    if touches == 1:
        return "the one touch has all"
    if milestone and milestones:
        return (
            f"first {first}, last {last}, those that led to {counted(milestones, 'milestone')} share {milestone}, "
            f"the others {middle}, each equally; divided by the sum of the shares that somebody earns"
        )
    if touches == 2:
        return f"first {first}, last {last}, divided by their sum"
    between = f"the one between {middle}" if touches == 3 else f"the {touches - 2} between share {middle} equally"
    if milestone:
        return f"first {first}, last {last}, {between}, divided by their sum, since no milestone was reached"
    return f"first {first}, last {last}, {between}"
