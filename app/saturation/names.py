"""What are the classes, causes and decisions called, and where are the borders between classes? (SATURATION 1)"""

from enum import StrEnum

OPERATING_DAYS = 28
FORECAST_DAYS = 28
UNSATURATED_FROM = 0.60
APPROACHING_FROM = 0.30
DECIDED_FROM = 0.80
"""The least probability of a class with which it is given as the status."""


class Status(StrEnum):
    """Where a channel stands on its curve, from the elasticity."""

    UNSATURATED = "unsaturated"
    APPROACHING = "approaching"
    SATURATED = "saturated"
    INSUFFICIENT_EVIDENCE = "insufficient_evidence"


CLASSES: tuple[Status, ...] = (Status.UNSATURATED, Status.APPROACHING, Status.SATURATED)
"""The order of every array of class probabilities."""


class Cause(StrEnum):
    """Why an elasticity is low."""

    DIMINISHING_RETURNS = "diminishing_returns"
    CREDIT_WITHOUT_SPEND = "credit_without_spend"
    NO_EFFECT = "no_effect"
    UNCLEAR = "unclear"


class Decision(StrEnum):
    """What the money says."""

    DECREASE = "decrease"
    INCREASE = "increase"
    TEST = "test"
    HOLD = "hold"


class ExperimentKind(StrEnum):
    """How spend is moved on purpose."""

    GO_DARK = "go_dark"
    PULSES = "pulses"
    GEO = "geo"


def status_of(elasticity: float) -> Status:
    """The class of an elasticity.

    Examples
    --------
    >>> [str(status_of(e)) for e in (0.6, 0.3, 0.29)]
    ['unsaturated', 'approaching', 'saturated']
    """
    if elasticity >= UNSATURATED_FROM:
        return Status.UNSATURATED
    return Status.APPROACHING if elasticity >= APPROACHING_FROM else Status.SATURATED


def percent_sure(probability: float) -> str:
    """A probability as people read it. No model of a channel is certain, so none is said to be.

    Examples
    --------
    >>> percent_sure(0.82), percent_sure(0.996)
    ('82 %', 'over 99 %')
    """
    return f"{100 * probability:.0f} %" if probability < 0.995 else "over 99 %"
