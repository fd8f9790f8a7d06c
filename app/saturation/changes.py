"""Since when may the curve be another one, and how far has its elasticity moved? A scan over the days of a change.

For each day (Quandt 1960) what the lead fit leaves is set against another level and another slope in log spend from
that day on, at once or over two months. Bayes' rule gives each its probability, beside that of no change at all, and
the elasticity its move: what averaging over models needs (Hoeting 1999). So answers and draws are less sure where old
and new days disagree, whether or not a detector gave alarm.
"""

from dataclasses import dataclass

import numpy as np

from app.saturation.adstock import adstock
from app.saturation.curves import FLOOR, response
from app.saturation.evidence import Evidence
from app.saturation.grid import points
from app.saturation.series import Floats

PRIOR = 0.05
"""Of any change within the window, before anything is seen; spread evenly over days and forms."""
_EVIDENCE = 3.0
"""Power of the marginal likelihoods: the lead fit's noise and wander were learnt with the change in them, and explain a
part of it away. Chosen on validation channels."""
_BEFORE_SD, _STEP_SD, _BEND_SD = 0.1, 0.4, 0.3
"""Of the elasticity before a change against the lead's, of the step of the log level, and of the elasticity's move."""
_OVER_DAYS = (1, 60)
_EVERY, _LEAST_AFTER, _LEAST_BEFORE = 7, 14, 42


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """What may have happened, float64 (k + 1,) each; first that nothing did.

    Parameters
    ----------
    probability : summing to 1
    shift, error
        Of today's elasticity against what it is taken for if nothing changed: mean, and standard deviation beyond
        that which it has then anyway.
    """

    probability: Floats
    shift: Floats
    error: Floats

    def moved(self, elasticity: Floats, rng: np.random.Generator) -> Floats:
        """Draws of an elasticity, float64 (draws,), each in one of these worlds.

        No curve falls as spend rises. Where a move leads below 0, something else moved revenue against spend, such as
        demand that nobody sees, and may hide as much effect as it feigned loss: the draw is anything up to that. At 0
        itself all draws would agree, and a change would have made them sure.
        """
        world = rng.choice(len(self.probability), len(elasticity), p=self.probability)
        by = self.shift[world] + self.error[world] * rng.standard_normal(len(elasticity))
        moved = np.where(world > 0, elasticity + by, elasticity)
        below = moved < 0
        moved[below] = rng.uniform(0.0, -moved[below])
        return moved


def changes_of(evidence: Evidence) -> Changes:
    """Of one channel; that nothing happened where the days are too few to tell, or only months could be fitted."""
    rows = evidence.lead.window.rows
    if evidence.lead.window.period.days != 1 or rows <= _LEAST_AFTER + _LEAST_BEFORE:
        return Changes(np.ones(1), np.zeros(1), np.zeros(1))
    share = _shares(rows)
    y, slope, step, bend = _regressors(evidence, share)
    precision = np.diag([_BEFORE_SD**-2, _STEP_SD**-2, _BEND_SD**-2])
    x = np.stack([np.broadcast_to(slope, step.shape), step, bend], axis=1)
    covariance = np.linalg.inv(x @ x.transpose(0, 2, 1) + precision)
    along = x @ y
    theta = np.einsum("kij,kj->ki", covariance, along)
    # The log marginal likelihoods of each change, and of a slope alone.
    logs = 0.5 * (np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(precision)[1] + (along * theta).sum(axis=1))
    still = 1 / (slope @ slope + precision[0, 0])
    at_rest = 0.5 * (np.log(still * precision[0, 0]) + still * (slope @ y) ** 2)
    logs = np.concatenate([[np.log(1 - PRIOR)], _EVIDENCE * (logs - at_rest) + np.log(PRIOR / len(share))])
    odds = np.exp(logs - logs.max())
    today = share[:, -1]
    variance = covariance[:, 0, 0] + today**2 * covariance[:, 2, 2] + 2 * today * covariance[:, 0, 2]
    shift = theta[:, 0] + today * theta[:, 2] - still * (slope @ y)
    return Changes(
        odds / odds.sum(),
        np.concatenate([[0.0], shift]),
        np.concatenate([[0.0], np.sqrt(np.maximum(variance - still, 0.0))]),
    )


def _shares(rows: int) -> Floats:
    """How much of each change has happened by each row, float64 (k, rows)."""
    after = np.arange(_LEAST_AFTER, rows - _LEAST_BEFORE, _EVERY)[:, None] - np.arange(rows)[::-1]
    return np.concatenate([np.clip(after / days, 0.0, 1.0) for days in _OVER_DAYS])


def _regressors(evidence: Evidence, share: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """In standard errors of a row, without what the lead's covariates explain.

    What the lead fit leaves and log spend, float64 (rows + 1,); of each change the step of the level and the bend,
    float64 (k, rows + 1).
    """
    cal, lead = evidence.calendar, evidence.lead
    shape = evidence.best.shape if evidence.best is not None else points().shape(lead.plain.best)
    u = adstock(cal.spend, shape.rate) / cal.x0
    log_g, logs = lead.window.gather(np.log(np.stack([response(shape, u) + FLOOR, u + 0.05])), cal.is_known)
    middle = share @ logs / share.sum(axis=1)
    made = np.concatenate([[log_g, logs - logs.mean()], share, share * (logs - middle[:, None])])
    white, sigma = lead.plain.linear, max(lead.plain.sigma, 1e-9)
    left = white.leave(made) / sigma
    return white.target / sigma - left[0], left[1], left[2 : 2 + len(share)], left[2 + len(share) :]
