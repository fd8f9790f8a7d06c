"""Given curves, which split of a budget brings most? Concave envelopes and water-filling, for many draws at once.

Every channel's curve is taken at ``k`` points, evenly over its bounds. Its least concave majorant falls in
slope from one segment to the next, so that the best split buys segments in the order of their slope until
the next one does not earn its cost or the budget is used up (marginal returns are then equal: water at one
level).
"""

import numpy as np
from numpy.typing import NDArray

from app.saturation.series import Floats

POINTS = 21


def grids(low: Floats, high: Floats, points: int = POINTS) -> Floats:
    """Spend at which each channel's curve is taken, float64 (c, points), from bounds float64 (c,)."""
    return np.asarray(low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, points))


def envelope_slopes(values: Floats) -> Floats:
    """Rise of the least concave majorant over each segment of an even grid.

    Parameters
    ----------
    values : float64 (..., k)

    Returns
    -------
    float64 (..., k - 1)
        Falling. The slope over segment j is the least, over starts a <= j, of the greatest, over ends b > j,
        of the mean rise from a to b.

    Examples
    --------
    >>> envelope_slopes(np.array([0.0, 0.0, 3.0, 4.0])).tolist()
    [1.5, 1.5, 1.0]
    """
    k = values.shape[-1]
    best = np.full((*values.shape[:-1], k - 1), np.inf)
    for start in range(k - 1):
        steps = np.arange(1, k - start)
        mean_rise = (values[..., start + 1 :] - values[..., start : start + 1]) / steps
        to_later_end = np.maximum.accumulate(mean_rise[..., ::-1], axis=-1)[..., ::-1]
        best[..., start:] = np.minimum(best[..., start:], to_later_end)
    return best


def water_fill(grid: Floats, values: Floats, budget: float, margin: float) -> Floats:
    """The split that maximises ``margin × revenue - spend`` under the budget, in each draw.

    Parameters
    ----------
    grid : float64 (c, k)
        Even grids of spend; column 0 is the lower bound, the last the upper one. They may have no width.
    values : float64 (draws, c, k)
        Revenue a day at them.
    budget : float
        Most that may be spent on these channels; not below the sum of the lower bounds.
    margin : float

    Returns
    -------
    float64 (draws, c)
        Spend. Exact for concave curves up to the grid; a curve that is not concave counts as its envelope.
    """
    draws, channels, k = values.shape
    width = (grid[:, -1] - grid[:, 0]) / (k - 1)
    worth = np.zeros((draws, channels, k - 1))
    wide = width > 0
    worth[:, wide] = margin * envelope_slopes(values[:, wide]) / width[wide, None]
    worth = worth.reshape(draws, -1)
    cost = np.repeat(width, k - 1)
    order = np.argsort(-worth, axis=1, kind="stable")
    ordered_cost = cost[order]
    left = (budget - grid[:, 0].sum()) - (np.cumsum(ordered_cost, axis=1) - ordered_cost)
    pays = np.take_along_axis(worth, order, axis=1) > 1
    bought = np.where(pays, np.clip(left, 0.0, ordered_cost), 0.0)
    spent: Floats = np.zeros_like(bought)
    np.put_along_axis(spent, order, bought, axis=1)
    return np.asarray(grid[:, 0] + spent.reshape(draws, channels, k - 1).sum(axis=2))


def at_spend(grid: Floats, values: Floats, spend: Floats) -> Floats:
    """Each channel's revenue at a spend within its grid, linear between points.

    Parameters
    ----------
    grid : float64 (c, k)
        Even.
    values : float64 (draws, c, k)
    spend : float64 (c,)

    Returns
    -------
    float64 (draws, c)
    """
    k = grid.shape[1]
    width = (grid[:, -1] - grid[:, 0]) / (k - 1)
    place = np.clip((spend - grid[:, 0]) / np.where(width > 0, width, 1.0), 0, k - 1)
    left: NDArray[np.intp] = np.minimum(place.astype(np.intp), k - 2)
    share = place - left
    channel = np.arange(len(grid))
    return np.asarray(values[:, channel, left] * (1 - share) + values[:, channel, left + 1] * share)
