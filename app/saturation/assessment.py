"""Where does each channel stand, how sure is that, and what should be done? The way from series to answers."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from app.saturation import experiments
from app.saturation.adstock import Carry
from app.saturation.averaged import averaged
from app.saturation.changes import changes_of
from app.saturation.draws import draw, forecast, response_draws
from app.saturation.evidence import Evidence, gather
from app.saturation.features import Features, features_of
from app.saturation.guards import LEAST_DAYS, LEAST_DAYS_TO_CUT, at_least, doubts, failed, guards_of
from app.saturation.judge import MIDDLE, QUANTILES, Judge, Opinion, shipped
from app.saturation.messages import sentence, unfitted
from app.saturation.names import CLASSES, DECIDED_FROM, Cause, Decision, Status
from app.saturation.series import (
    Assessment,
    ChannelSeries,
    Context,
    Estimate,
    Floats,
    Guard,
    Standing,
    require_distinct,
)
from app.saturation.standing import next_standing
from app.saturation.tested import with_tests

RULES_VERSION = "5"
_NO_EFFECT_BELOW = 0.08
_DRIVEN_DECIDED_FROM = 0.9
"""Stricter than of the whole: leak and flattening look alike where spend moves little."""
_NARROW, _NARROW_DECIDED_FROM = 0.2, 0.85
"""Where the 90 % interval of e is narrow, doubt is no longer about noise but about the form of the curve, which no
fit shows: among simulated channels such probabilities between 0.80 and 0.85 came true in 0.7 of the cases."""


def assess(
    channels: Sequence[ChannelSeries],
    *,
    margin: float = 1.0,
    context: Context | None = None,
    seed: int = 0,
    judge: Judge | None = None,
    only: Collection[str] | None = None,
) -> list[Assessment]:
    """An assessment of each channel of one tenant, in the order given.

    Parameters
    ----------
    channels : sequence of ChannelSeries
        Of distinct names, in one currency.
    margin : float
        Profit per unit of revenue before advertising, above 0.
    context : Context, optional
    seed : int
        Of the draws; the same seed gives the same bytes, whatever the order of the channels.
    judge : Judge, optional
        The shipped one if not given.
    only : collection of str, optional
        Names of the channels to answer for; the others still say what moved the market. So a tenant's channels
        can be assessed in parts, with the same answers as all at once.

    Raises
    ------
    ValueError
        A channel given twice, or a margin that is not above 0.
    """
    require_distinct(channels)
    if not (np.isfinite(margin) and margin > 0):
        raise ValueError(f"margin must be above 0, not {margin}")
    context = context or Context()
    if not channels:
        return []
    judge = judge or shipped()
    order = sorted(range(len(channels)), key=lambda i: channels[i].channel)
    found = gather([channels[i] for i in order], context, only)
    features = [None if one is None else features_of(one) for one in found]
    opinions = iter(judge.opinions([one for one in features if one is not None]))
    answers: dict[int, Assessment] = {}
    for i, evidence, seen in zip(order, found, features, strict=True):
        if only is not None and channels[i].channel not in only:
            continue
        if evidence is None or seen is None:
            answers[i] = _without_fit(channels[i], context, judge)
        else:
            answers[i] = _assessed(channels[i], evidence, seen, next(opinions), margin, context, seed, judge)
    return [answers[i] for i in sorted(answers)]


def _assessed(
    series: ChannelSeries,
    evidence: Evidence,
    seen: Features,
    opinion: Opinion,
    margin: float,
    context: Context,
    seed: int,
    judge: Judge,
) -> Assessment:
    name, cal = series.channel, evidence.calendar
    changes = changes_of(evidence)
    draws = draw(evidence, seen.reference, opinion, changes, seed)
    opinion, draws = with_tests(name, context, evidence, averaged(opinion, changes), draws)
    guards = guards_of(evidence, draws, seen, opinion, context)
    failing = failed(guards)
    standing = _standing(name, opinion, failing, context)
    status = standing.status
    driven = Status.INSUFFICIENT_EVIDENCE if failing else _asked(opinion.driven_probabilities, _DRIVEN_DECIDED_FROM)
    elasticity, mroas = _estimate(opinion.elasticity), _estimate(opinion.mroas)
    cause = _cause(status, elasticity, opinion)
    response = response_draws(evidence, draws)
    answer = Assessment(
        channel=name,
        status=status,
        probabilities=dict(zip(map(str, CLASSES), map(float, opinion.probabilities), strict=True)),
        elasticity=elasticity,
        mroas=mroas,
        spend_driven_elasticity=_estimate(opinion.driven),
        cause=cause,
        decision=Decision.HOLD,
        guards=guards,
        windows=tuple(fit.window.period.name for fit in evidence.fits),
        versions=_versions(series, context, judge),
        message="",
        forecast=forecast(evidence, draws, context.planned_spend.get(name), seed),
        response=response,
        changed_on=cal.day[evidence.drift.onset] if evidence.drift.is_alarm else None,
        standing=standing,
        spend_driven_status=driven,
        x0=cal.x0,
        carry=Carry.after(cal.spend, float(np.median([shape.rate for shape in draws.shapes]))),
    )
    advice = experiments.advise(answer, noise=max(evidence.lead.plain.sigma, 0.01), margin=margin)
    worth = 0.0 if advice is None else advice.worth
    decision = _decision(answer, opinion, margin, worth, is_barred=bool(failing))
    why = doubts(guards)
    said = sentence(name, status, float(opinion.probabilities.max()), elasticity, cause, decision, why)
    needs_test = status is Status.INSUFFICIENT_EVIDENCE or cause is Cause.UNCLEAR or decision is Decision.TEST
    test = advice.sentence if advice is not None and needs_test else ""
    return replace(answer, decision=decision, message=f"{said} {test}".strip(), experiment=test)


def _without_fit(series: ChannelSeries, context: Context, judge: Judge) -> Assessment:
    known = series.known()
    if context.complete_until is not None:
        known = known.where(known.day <= context.complete_until)
    recent = known.spend[-28:]
    x0 = float(recent.mean()) if len(recent) else float("nan")
    since = max((one for one in context.rule_changes if len(known) and one <= known.day[-1]), default=None)
    counted = len(known) if since is None else int((known.day >= since).sum())
    if len(known) == 0:
        reason = "no day is completely known"
    elif not x0 > 0:
        reason = "nothing was spent in the last 28 days"
    elif not (known.revenue > 0).any():
        reason = "no revenue was attributed to it"
    elif counted < len(known):
        reason = f"only {counted} complete days are known since attribution rules changed, {LEAST_DAYS} are needed"
    else:
        reason = f"{counted} complete days are known, {LEAST_DAYS} are needed"
    days = at_least("days", counted, LEAST_DAYS, reason)
    guard = days if not days.passed else Guard("spend", False, x0, 0.0, reason)
    status = Status.INSUFFICIENT_EVIDENCE
    return Assessment(
        channel=series.channel,
        status=status,
        probabilities=dict.fromkeys(map(str, CLASSES), 1 / len(CLASSES)),
        elasticity=None,
        mroas=None,
        spend_driven_elasticity=None,
        cause=None,
        decision=Decision.HOLD,
        guards=(guard,),
        windows=(),
        versions=_versions(series, context, judge),
        message=unfitted(series.channel, reason),
        standing=Standing(status, status, 1),
        x0=x0,
    )


def _asked(probabilities: Floats, least: float) -> Status:
    best = int(np.argmax(probabilities))
    return CLASSES[best] if probabilities[best] >= least else Status.INSUFFICIENT_EVIDENCE


def _standing(name: str, opinion: Opinion, failing: list[Guard], context: Context) -> Standing:
    """A guard that fails takes the status away at once; everything else waits."""
    if failing:
        return Standing(Status.INSUFFICIENT_EVIDENCE, Status.INSUFFICIENT_EVIDENCE, 1)
    previous = None if context.previous is None else context.previous.get(name)
    is_narrow = opinion.elasticity[-1] - opinion.elasticity[0] < _NARROW
    asked = _asked(opinion.probabilities, _NARROW_DECIDED_FROM if is_narrow else DECIDED_FROM)
    return next_standing(previous, asked, float(opinion.probabilities.max()))


def _estimate(quantiles: Floats) -> Estimate:
    return Estimate(float(quantiles[0]), float(quantiles[MIDDLE]), float(quantiles[-1]))


def _cause(status: Status, elasticity: Estimate, opinion: Opinion) -> Cause | None:
    """Of a low elasticity: is the spend-driven part flat too, or is it only a part?"""
    if status not in (Status.SATURATED, Status.APPROACHING):
        return None
    if status is Status.SATURATED and elasticity.high < 2 * _NO_EFFECT_BELOW and elasticity.median < _NO_EFFECT_BELOW:
        return Cause.NO_EFFECT
    steep, _, flat = opinion.driven_probabilities
    own = CLASSES.index(status)
    if opinion.driven_probabilities[own] >= DECIDED_FROM or flat >= DECIDED_FROM:
        return Cause.DIMINISHING_RETURNS
    higher = steep if status is Status.APPROACHING else 1 - flat
    return Cause.CREDIT_WITHOUT_SPEND if higher >= DECIDED_FROM else Cause.UNCLEAR


def _decision(answer: Assessment, opinion: Opinion, margin: float, worth_of_test: float, is_barred: bool) -> Decision:
    """From money, which may be clear where the class is not: a channel on a border between two may still pay.

    None where a guard fails, never a cut on less than 90 days, never a rise into what may be saturated.
    """
    if is_barred:
        return Decision.TEST if worth_of_test > 0 else Decision.HOLD
    below = _probability_below(1 / margin, opinion.mroas)
    days = next(guard.figure for guard in answer.guards if guard.name == "days")
    if below >= DECIDED_FROM and days >= LEAST_DAYS_TO_CUT:
        return Decision.DECREASE
    has_room = opinion.probabilities[CLASSES.index(Status.SATURATED)] <= 1 - DECIDED_FROM
    if 1 - below >= DECIDED_FROM and has_room and answer.status is not Status.SATURATED:
        return Decision.INCREASE
    return Decision.TEST if worth_of_test > 0 and below < DECIDED_FROM else Decision.HOLD


def _probability_below(value: float, quantiles: Floats) -> float:
    """Of a positive quantity with these `QUANTILES`, interpolated in logarithms."""
    logs = np.log(np.maximum(quantiles, 1e-9)) + np.arange(len(quantiles)) * 1e-12
    ends = (2 * logs[0] - logs[1], *logs, 2 * logs[-1] - logs[-2])
    return float(np.interp(np.log(value), ends, (0.0, *QUANTILES, 1.0)))


def _versions(series: ChannelSeries, context: Context, judge: Judge) -> dict[str, str]:
    until = context.complete_until if context.complete_until is not None else (series.day[-1] if len(series) else "-")
    return {"model": judge.version, "rules": RULES_VERSION, "data": str(until)}
