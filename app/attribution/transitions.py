"""How often did which channel follow which? The flow that the Markov model is made of (SEMANTICS 3)."""

from dataclasses import dataclass

import numpy as np

from app.attribution.paths import Count, PathCounts
from app.attribution.touches import Int64s


def flow_of(paths: PathCounts) -> Int64s:
    """How many journeys went from where to where, int64 (n + 1, n + 2): `Steps.flows` of the counts themselves.

    Gross conversions and nulls count, money never does; a refund takes back credit, not what led to it.

    Examples
    --------
    >>> from app.attribution.paths import count_paths
    >>> counts = np.array([[2, 2, 5, 0, 0]])
    >>> flow_of(count_paths(np.array([0, 2]), np.array([0, 1], np.int32), ["ads", "email"], counts)).tolist()
    [[0, 7, 0, 0], [0, 0, 2, 5], [7, 0, 0, 0]]
    """
    require_no_negative(paths)
    return Steps.of(paths).flows(paths.column(Count.CONVERSIONS), paths.column(Count.NULLS))


@dataclass(frozen=True, slots=True)
class Steps:
    """Every step of every path, by where it goes, to be counted again and again.

    Parameters
    ----------
    channels : int
        How many there are, n.
    cell : int64 (s,)
        Which count a step is walked by, of p paths: 0 to p - 1 for however the path ends, p to 2p - 1 for its
        conversions, 2p to 3p - 1 for its nulls.
    pair : int64 (d,)
        The distinct steps, ``from * (n + 2) + to``.
    starts : int64 (d,)
        Where the cells of each begin.
    """

    channels: int
    cell: Int64s
    pair: Int64s
    starts: Int64s

    @classmethod
    def of(cls, paths: PathCounts) -> "Steps":
        """The steps of all paths that have touches."""
        n, p = len(paths.channels), len(paths)
        path = np.flatnonzero(np.diff(paths.offsets))
        code = paths.codes.astype(np.int64)
        before = np.roll(code, 1)
        before[paths.offsets[path]] = n
        last = code[paths.offsets[path + 1] - 1]
        pair = np.concatenate([before * (n + 2) + code, last * (n + 2) + n, last * (n + 2) + n + 1])
        cell = np.concatenate([np.repeat(np.arange(p), np.diff(paths.offsets)), p + path, 2 * p + path])
        # Whole numbers of 16 bits, which do for 254 channels, sort many times faster than longer ones.
        order = np.argsort(pair.astype(np.min_scalar_type((n + 1) * (n + 2))), kind="stable")
        starts = np.flatnonzero(np.diff(pair[order], prepend=-1))
        return cls(n, cell[order], pair[order][starts], starts)

    def flows(self, conversions: Int64s, nulls: Int64s) -> Int64s:
        """The flow if the paths had been walked so often, once for each row of counts.

        Parameters
        ----------
        conversions, nulls : int64 (..., p)
            How often each path ended in which way. Paths without touches are left out.

        Returns
        -------
        int64 (..., n + 1, n + 2)
            From the n channels and the start (row n) to the n channels, the conversion (column n) and the null
            (column n + 1). Each step between touches counts, from a channel to itself too.
        """
        n = self.channels
        counted = np.zeros((*conversions.shape[:-1], (n + 1) * (n + 2)), np.int64)
        if len(self.pair):
            walked = np.concatenate([conversions + nulls, conversions, nulls], axis=-1)
            counted[..., self.pair] = np.add.reduceat(walked[..., self.cell], self.starts, axis=-1)
        return counted.reshape(*conversions.shape[:-1], n + 1, n + 2)


def require_no_negative(paths: PathCounts) -> None:
    """ValueError for what `PathCounts.minus` gives before it is merged with the rest."""
    if (paths.counts < 0).any():
        raise ValueError("counts below 0: merge what was taken back with the chunks that it came from")
