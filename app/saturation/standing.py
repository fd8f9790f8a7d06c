"""When does a status change? Not for one night's doubt: after three runs in a row, or when it is 95 % sure."""

from app.saturation.names import Status
from app.saturation.series import Standing

RUNS = 3
SURE_FROM = 0.95


def next_standing(previous: Standing | None, asked: Status, probability: float) -> Standing:
    """What stands after a run that asks for a status with this probability.

    Examples
    --------
    >>> one = next_standing(None, Status.SATURATED, 0.85)
    >>> two = next_standing(one, Status.APPROACHING, 0.85)
    >>> two.status, two.candidate, two.runs
    (<Status.SATURATED: 'saturated'>, <Status.APPROACHING: 'approaching'>, 1)
    """
    if previous is None or previous.status is Status.INSUFFICIENT_EVIDENCE or asked is previous.status:
        return Standing(asked, asked, 1)
    runs = previous.runs + 1 if asked is previous.candidate else 1
    is_sure = asked is not Status.INSUFFICIENT_EVIDENCE and probability >= SURE_FROM
    return Standing(asked, asked, 1) if runs >= RUNS or is_sure else Standing(previous.status, asked, runs)
