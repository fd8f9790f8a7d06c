"""How sure are Markov and Shapley? Intervals from journeys drawn again (Efron 1979)."""

from dataclasses import dataclass

import numpy as np

from app.attribution.markov import effects_of
from app.attribution.paths import Count, PathCounts
from app.attribution.shapley import members
from app.attribution.touches import Floats, Int64s
from app.attribution.transitions import Steps, require_no_negative

_CELLS_AT_ONCE = 4_000_000  # 32 MB an array


@dataclass(frozen=True, slots=True)
class Intervals:
    """Percentile intervals of n channels.

    Parameters
    ----------
    channels : tuple of str
        Sorted.
    removal_effect, markov_share, shapley_share : float64 (2, n)
        Lower and upper end; shares are of conversions, so times a total they are amounts.
    level : float
        Of the intervals, such as 0.95.
    replicates : int
        How many draws they come from: those asked for, less those in which nothing converted.
    seed : int
        The same seed and the same counts give the same intervals.
    """

    channels: tuple[str, ...]
    removal_effect: Floats
    markov_share: Floats
    shapley_share: Floats
    level: float
    replicates: int
    seed: int


def bootstrap(paths: PathCounts, replicates: int = 1000, level: float = 0.95, seed: int = 0) -> Intervals:
    """Intervals for both models: as many journeys with touches drawn again, with replacement, each time.

    Drawing journeys is one multinomial draw of the counts of (path, how it ended). Journeys are taken as
    independent; several of one person are not told apart.

    Parameters
    ----------
    paths : PathCounts
        Of one tenant, period and conversion type.
    replicates : int
        2 or more.
    level : float
        Between 0 and 1.
    seed : int

    Examples
    --------
    >>> from app.attribution.paths import count_paths
    >>> counts = np.array([[60, 60, 10, 0, 0], [40, 40, 20, 0, 0]])
    >>> found = bootstrap(count_paths(np.array([0, 1, 2]), np.array([0, 1], np.int32), ["ads", "email"], counts))
    >>> found.markov_share.round(1).tolist(), found.replicates
    ([[0.5, 0.3], [0.7, 0.5]], 1000)
    """
    if replicates < 2 or not 0 < level < 1:
        raise ValueError("a bootstrap needs 2 replicates or more and a level between 0 and 1")
    require_no_negative(paths)
    touched = np.diff(paths.offsets) > 0
    counts = np.where(touched[:, None], paths.counts[:, [Count.CONVERSIONS, Count.NULLS]], 0)
    journeys = int(counts.sum())
    chance = counts.T.reshape(-1) / max(journeys, 1)
    drawn_from = np.flatnonzero(chance)
    dice = np.random.default_rng(seed)
    at_once = max(_CELLS_AT_ONCE // (len(paths.codes) + 3 * len(paths) + 1), 1)
    steps, joined = Steps.of(paths), _Joined.of(paths)
    effects, won = [], []
    for start in range(0, replicates, at_once):
        drawn = np.zeros((min(at_once, replicates - start), len(chance)), np.int64)
        if journeys:
            drawn[:, drawn_from] = dice.multinomial(journeys, chance[drawn_from], len(drawn))
        conversions, nulls = drawn[:, : len(paths)], drawn[:, len(paths) :]
        effects.append(effects_of(steps.flows(conversions, nulls))[0])
        won.append(joined.shapley(conversions))
    effect = np.concatenate(effects)
    markov, shapley = _shares(effect), _shares(np.concatenate(won))
    kept = markov.sum(axis=-1) > 0
    bounds = [(1 - level) / 2, (1 + level) / 2]
    if not kept.any():
        nothing = np.zeros((2, len(paths.channels)))
        return Intervals(paths.channels, nothing, nothing, nothing, level, 0, seed)
    of_effect, of_markov, of_shapley = (np.quantile(each[kept], bounds, axis=0) for each in (effect, markov, shapley))
    return Intervals(paths.channels, of_effect, of_markov, of_shapley, level, int(kept.sum()), seed)


@dataclass(frozen=True, slots=True)
class _Joined:
    """Which path each channel has a part in, and how large: sorted by channel."""

    channels: int
    path: Int64s
    part: Floats
    used: Int64s
    starts: Int64s

    @classmethod
    def of(cls, paths: PathCounts) -> "_Joined":
        path, channel, distinct = members(paths)
        order = np.argsort(channel, kind="stable")
        starts = np.flatnonzero(np.diff(channel[order], prepend=-1))
        return cls(len(paths.channels), path[order], 1.0 / distinct[path[order]], channel[order][starts], starts)

    def shapley(self, conversions: Int64s) -> Floats:
        """What each channel earns in each draw, float64 (replicates, n)."""
        won = np.zeros((len(conversions), self.channels))
        if len(self.path):
            won[:, self.used] = np.add.reduceat(conversions[:, self.path] * self.part, self.starts, axis=1)
        return won


def _shares(amounts: Floats) -> Floats:
    total = amounts.sum(axis=-1, keepdims=True)
    shares: Floats = np.divide(amounts, total, out=np.zeros_like(amounts), where=total > 0)
    return shares
