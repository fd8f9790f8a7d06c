"""What does the judge's opinion become where the curve may have changed? The judge itself knows of no change.

The opinion is averaged over the worlds of `changes` (Hoeting 1999), as the draws are. In each the elasticity moves by
what the change is worth, with its error: a channel may get the class into which it has moved, and one that may or may
not have moved gets none. Training the judge on the scan's findings did less, see docs/SATURATION.md.
"""

from dataclasses import replace

import numpy as np
from scipy.special import ndtri

from app.saturation.changes import Changes
from app.saturation.features import LEAST_ELASTICITY
from app.saturation.judge import QUANTILES, Opinion, at_levels
from app.saturation.names import APPROACHING_FROM, UNSATURATED_FROM
from app.saturation.series import Floats

_LEVELS = (np.arange(100) + 0.5) / 100
_NODES = ndtri((np.arange(9) + 0.5) / 9)
"""Of a change's error, in standard deviations: as likely as one another."""
_LEAST_PROBABILITY = 1e-3


def averaged(opinion: Opinion, changes: Changes) -> Opinion:
    """The opinion over all that may have happened; the same if nothing can have."""
    is_kept = changes.probability[1:] > _LEAST_PROBABILITY
    if not is_kept.any():
        return opinion
    weight = changes.probability[1:][is_kept]
    by = (changes.shift[1:][is_kept, None] + changes.error[1:][is_kept, None] * _NODES).ravel()
    weight = np.repeat(weight / len(_NODES), len(_NODES))
    probabilities, elasticity = _over(opinion.probabilities, opinion.elasticity, by, weight)
    driven_probabilities, driven = _over(opinion.driven_probabilities, opinion.driven, by, weight)
    ratio = np.maximum(elasticity, LEAST_ELASTICITY) / np.maximum(opinion.elasticity, LEAST_ELASTICITY)
    return replace(
        opinion,
        probabilities=probabilities,
        driven_probabilities=driven_probabilities,
        elasticity=elasticity,
        mroas=np.sort(opinion.mroas * ratio),
        driven=driven,
    )


def _over(probabilities: Floats, quantiles: Floats, by: Floats, weight: Floats) -> tuple[Floats, Floats]:
    """Class probabilities float64 (3,) and quantiles (7,) where an elasticity moves `by` with these weights.

    What is left of the weights is that nothing happened.
    """
    before = at_levels(quantiles, _LEVELS)
    # Below 0 is 0 here, other than in draws: where nothing works the interval has to hold it, and no plan rests on it.
    after = np.maximum(before[:, None] + by, 0.0)
    share = np.bincount(_classes(before), minlength=3) / len(before)
    # Points of a class weigh as the class heads have it, not as the quantiles alone do.
    each = np.divide(probabilities, share, out=np.zeros(3), where=share > 0)[_classes(before)]
    moved = np.bincount(_classes(after).ravel(), weights=np.outer(each, weight).ravel(), minlength=3)
    still = 1 - float(weight.sum())
    odds = still * probabilities + (1 - still) * moved / moved.sum()
    values = np.concatenate([before, after.ravel()])
    mass = np.concatenate([np.full(len(before), still), np.tile(weight, len(before))])
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(mass[order])
    return odds, np.interp(QUANTILES, (reached - 0.5 * mass[order]) / reached[-1], values[order])


def _classes(elasticity: Floats) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Indices in `CLASSES`."""
    return np.asarray(2 - np.searchsorted((APPROACHING_FROM, UNSATURATED_FROM), elasticity, side="right"))
