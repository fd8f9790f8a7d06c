"""What would be lost without a channel? The order-1 absorbing Markov chain, solved exactly (SEMANTICS 3)."""

from dataclasses import dataclass

import numpy as np

from app.attribution.paths import PathCounts
from app.attribution.totals import ChannelCredit, credited
from app.attribution.touches import Floats, Int64s
from app.attribution.transitions import flow_of, require_no_negative

MARKOV = "markov"


@dataclass(frozen=True, slots=True)
class RemovalEffects:
    """What the chain says of n channels.

    Parameters
    ----------
    channels : tuple of str
        Sorted.
    effect : float64 (n,)
        ``RE_c = 1 - p(without c) / p``, 0 to 1: the share of conversions that came by c. All 0 where none converts.
    conversion_rate : float
        ``p``, the chance that a journey converts.
    """

    channels: tuple[str, ...]
    effect: Floats
    conversion_rate: float


def markov(paths: PathCounts, effects: RemovalEffects | None = None, key: int = 0) -> ChannelCredit:
    """The conversions and the value of `paths`, in proportion to removal effects (SEMANTICS 3, 4.9).

    Parameters
    ----------
    paths : PathCounts
        Whose totals are shared: of one tenant, period, conversion type and currency.
    effects : RemovalEffects, optional
        Of all currencies together, where there are several; those of `paths` if not given.
    key : int
        A hash of tenant, period, type and currency, 64 bits: orders equal remainders, the same on every rerun.

    Raises
    ------
    ValueError
        Counts below 0, or effects that do not cover the channels of `paths`.

    Examples
    --------
    >>> from app.attribution.paths import count_paths
    >>> counts = np.array([[6, 6, 0, 1000, 900], [3, 3, 0, 500, 500]])
    >>> paths = count_paths(np.array([0, 1, 3]), np.array([0, 0, 1], np.int32), ["ads", "email"], counts)
    >>> credit = markov(paths)
    >>> credit.share.round(3).tolist(), credit.gross_minor.tolist(), credit.net_minor.tolist()
    ([0.75, 0.25], [1125, 375], [1050, 350])
    """
    require_no_negative(paths)
    known = effects or removal_effects(paths)
    if not set(paths.channels) <= set(known.channels):
        raise ValueError("the effects lack channels of these paths: take them of all currencies together")
    parts = _whole(known.effect)
    return credited(paths, known.channels, [parts] * 4, key, MARKOV)


def removal_effects(paths: PathCounts) -> RemovalEffects:
    """The removal effect of every channel.

    Examples
    --------
    >>> from app.attribution.paths import count_paths
    >>> counts = np.array([[6, 6, 1, 0, 0], [3, 3, 2, 0, 0]])
    >>> paths = count_paths(np.array([0, 1, 3]), np.array([0, 0, 1], np.int32), ["ads", "email"], counts)
    >>> found = removal_effects(paths)
    >>> found.effect.round(4).tolist(), round(found.conversion_rate, 4)
    ([1.0, 0.3333], 0.75)
    """
    flow = flow_of(paths)
    effect, converted = effects_of(flow)
    begun = int(flow[-1].sum())
    return RemovalEffects(paths.channels, effect, float(converted) / begun if begun else 0.0)


def effects_of(flow: Int64s) -> tuple[Floats, Floats]:
    """The removal effects of one flow or of many at once.

    With the fundamental matrix ``N = inv(I - Q)``, a journey meets channel c with the chance
    ``(s N)_c / N_cc`` and converts from there with ``(N r)_c``. Taking c out loses exactly those journeys
    (Sherman-Morrison), so ``RE_c = (s N)_c (N r)_c / (N_cc p)``, all channels by one elimination.

    Parameters
    ----------
    flow : int64 (..., n + 1, n + 2)
        From `transitions.Steps.flows`.

    Returns
    -------
    effect : float64 (..., n)
        0 to 1; 0 where nothing converts.
    converted : float64 (...)
        Conversions that the chain expects of the journeys that began.

    References
    ----------
    Kemeny and Snell 1960, Finite Markov Chains; Anderl, Becker, von Wangenheim, Schumann 2016, Mapping the
    customer journey. IJRM 33(3).
    """
    solved = _eliminated(flow)
    n = flow.shape[-2] - 1
    channel = np.arange(n)
    converted = solved[..., n, n]
    met, from_there, returns = solved[..., n, :n], solved[..., :n, n], solved[..., channel, channel]
    with np.errstate(invalid="ignore"):
        effect = met * from_there / (returns * converted[..., None])
    return np.where(converted[..., None] > 0, np.minimum(effect, 1.0), 0.0), converted


def _eliminated(flow: Int64s) -> Floats:
    """Every channel taken out of the flow in turn, what went through it led on to where it leads.

    With D the diagonal of what leaves each channel and C the flow between channels, this leaves ``inv(D - C)`` in
    the first n rows and columns, ``inv(D - C) v`` in the column of conversions, ``s inv(D - C)`` in the row of the
    start, and in their corner ``s inv(D - C) v``, the conversions expected.

    Nothing is ever subtracted: what leaves a channel is added up anew (Grassmann, Taksar, Heyman 1985). So every
    entry is right to a few units of the last place, however long journeys circle, and has the same bits on every
    processor, as a cent can hang on one. A step from a channel to itself changes no effect and is left out.
    """
    left = flow.astype(np.float64)
    for k in range(flow.shape[-2] - 1):
        leads_to, comes_from = left[..., k, :].copy(), left[..., :, k].copy()
        leads_to[..., k] = comes_from[..., k] = 0.0
        leaves = np.cumsum(leads_to[..., k + 1 :], axis=-1)[..., -1:]
        leaves = np.where(leaves > 0, leaves, 1.0)  # a channel that a resampled flow does not have
        leads_to /= leaves
        left += comes_from[..., :, None] * leads_to[..., None, :]
        left[..., k, :] = leads_to
        left[..., :, k] = comes_from / leaves
        left[..., k, k] = 1.0 / leaves[..., 0]
    return left


def _whole(effect: Floats) -> list[int]:
    """Floats as whole numbers in exactly the same proportions: each is a ratio over a power of 2."""
    ratios = [value.as_integer_ratio() for value in effect.tolist()]
    scale = max((denominator for _, denominator in ratios), default=1)
    return [numerator * (scale // denominator) for numerator, denominator in ratios]
