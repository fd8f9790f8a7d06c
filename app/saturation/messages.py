"""What does a marketer read? One or two sentences: where the channel stands, why, and what to do next."""

from app.saturation.names import Cause, Decision, Status, percent_sure
from app.saturation.series import Estimate, Guard

_CAUSES = {
    Cause.DIMINISHING_RETURNS: "the extra customers that more spend could reach are running out",
    Cause.CREDIT_WITHOUT_SPEND: "much of its credit does not depend on spend and would come anyway",
    Cause.NO_EFFECT: "its revenue does not move with spend at all",
    Cause.UNCLEAR: "the data cannot tell whether the curve has flattened or the credit would come anyway",
}
_DECISIONS = {
    Decision.INCREASE: "At this margin the next unit of spend earns more than it costs: spend more.",
    Decision.DECREASE: "At this margin the last unit of spend earns less than it costs: spend less.",
    Decision.HOLD: "Nothing suggests moving the budget.",
    Decision.TEST: "A test is worth more than moving the budget now.",
}


def sentence(
    channel: str,
    status: Status,
    probability: float,
    elasticity: Estimate,
    cause: Cause | None,
    decision: Decision,
    failing: list[Guard],
) -> str:
    """For a channel that could be fitted."""
    rise = f"10 % more spend would bring {_percent(elasticity.median)} more attributed revenue"
    between = f"(between {_percent(elasticity.low)} and {_percent(elasticity.high)})"
    if status is Status.INSUFFICIENT_EVIDENCE:
        why = failing[0].reason if failing else "the data fit more than one answer"
        money = f" {_DECISIONS[decision]}" if decision in (Decision.INCREASE, Decision.DECREASE) else ""
        return f"{channel}: not enough evidence for a status, since {why}. Best guess: {rise} {between}.{money}"
    stands = {
        Status.UNSATURATED: "still has room to grow",
        Status.APPROACHING: "is approaching saturation",
        Status.SATURATED: "is saturated",
    }[status]
    because = f", because {_CAUSES[cause]}" if cause is not None else ""
    sure = f"{percent_sure(probability)} sure"
    returns = " Returns still increase with spend." if elasticity.low > 1 else ""
    return f"{channel} {stands} ({sure}): {rise} {between}{because}.{returns} {_DECISIONS[decision]}"


def unfitted(channel: str, reason: str) -> str:
    """For a channel without a single fit."""
    return f"{channel}: not enough evidence for a status, since {reason}."


def _percent(elasticity: float) -> str:
    return f"{10 * max(elasticity, 0.0):.1f} %"
