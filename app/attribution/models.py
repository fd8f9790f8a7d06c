"""How is one conversion shared over its touches? The weights of the five models (SEMANTICS 3)."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.attribution.decay import halvings
from app.attribution.names import FIVE_MODELS, Model
from app.attribution.touches import Floats, Int64s, require_flat, require_offsets

WEEK_MS = 7 * 86_400_000
MAX_TOUCHES = 2**20 - 2  # of one journey: keeps the exact weights in int64 and the tie-break unique

_WEIGHT_GRID = 10**12  # position weights are taken to 12 decimals, and are exact ratios from there on
_DECAY_BITS = 52
NO_MILESTONE_MS = np.iinfo(np.int64).max  # a milestone that no touch led to
MOST_ANCHORED = 2**20  # touches of a journey times its milestones: keeps their weights exact in int64


@dataclass(frozen=True, slots=True)
class ModelParams:
    """What a tenant can set of the models (SEMANTICS 3).

    Parameters
    ----------
    half_life_ms : int
        Of time_decay, in milliseconds; 7 days.
    first, middle, last, milestone : float
        Of position_based, taken to 12 decimals; they sum to 1. `milestone` is what the touches before milestones
        share equally: see `weigh`.

    Raises
    ------
    ValueError
        A half-life below 1 ms, or weights that are negative, not finite or do not sum to 1.

    Examples
    --------
    >>> ModelParams(first=0.3, middle=0.3, last=0.4).position_parts
    (3, 3, 4)
    """

    half_life_ms: int = WEEK_MS
    first: float = 0.4
    middle: float = 0.2
    last: float = 0.4
    milestone: float = 0.0
    position_parts: tuple[int, int, int] = field(init=False, repr=False, compare=False)
    milestone_part: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.half_life_ms) and self.half_life_ms >= 1):
            raise ValueError("half_life_ms must be 1 or more")
        chosen = (self.first, self.middle, self.last, self.milestone)
        if not all(math.isfinite(weight) and weight >= 0 for weight in chosen):
            raise ValueError("the position weights first, middle, last and milestone must be 0 or more")
        if abs(math.fsum(chosen) - 1) > 1e-9:
            raise ValueError("the position weights first, middle, last and milestone must sum to 1")
        first, middle, last, milestone = (round(weight * _WEIGHT_GRID) for weight in chosen)
        divisor = math.gcd(first, middle, last, milestone)
        object.__setattr__(self, "position_parts", (first // divisor, middle // divisor, last // divisor))
        object.__setattr__(self, "milestone_part", milestone // divisor)


@dataclass(frozen=True, slots=True)
class ModelWeights:
    """The weights of m touches under the five models, rows in the order of `FIVE_MODELS`.

    Parameters
    ----------
    fraction : float64 (5, m)
        0 to 1, summing to 1 over each journey.
    part : int64 (5, m)
        The same as whole numbers: a touch's share is exactly its part over the journey's sum of parts,
        which stays below 2**61. The money is shared by these.
    """

    fraction: Floats
    part: Int64s


def weights(offsets: Int64s, age_ms: Int64s, params: ModelParams | None = None) -> Floats:
    """The weights of every touch under the five models, float64 (5, m): `weigh` without the parts.

    Examples
    --------
    >>> day = 86_400_000
    >>> ages = np.array([9, 6, 0, 0]) * day  # Adobe's example of a 50.00 order, SEMANTICS 6
    >>> linear, decay = 50 * weights(np.array([0, 4]), ages)[[2, 3]]
    >>> linear.tolist(), decay.round(2).tolist()
    ([12.5, 12.5, 12.5, 12.5], [6.92, 9.32, 16.88, 16.88])
    """
    return weigh(offsets, age_ms, params).fraction


def weigh(
    offsets: Int64s, age_ms: Int64s, params: ModelParams | None = None, milestone_age_ms: Int64s | None = None
) -> ModelWeights:
    """The weights of every touch under the five models, as fractions and as exact parts (SEMANTICS 3).

    Parameters
    ----------
    offsets : int64 (n + 1,)
        Journeys, empty ones allowed.
    age_ms : int64 (m,)
        Conversion time less touch time, falling within a journey.
    params : ModelParams, optional
        The defaults of SEMANTICS 3 if not given.
    milestone_age_ms : int64 (k, n), optional
        How long before each conversion its milestones were, `NO_MILESTONE_MS` for those that it has not. Read where
        `params.milestone` is above 0: the touch that led to a milestone, the last one not after it, then has a share.

    Returns
    -------
    ModelWeights
        Of each journey by itself: the same in any chunk.

    Raises
    ------
    ValueError
        Offsets that do not fit, a journey whose last touch is not its newest, or one of more than
        `MAX_TOUCHES`.
    """
    params = params or ModelParams()
    m = len(age_ms)
    require_offsets(offsets, m)
    require_flat("age_ms", age_ms, np.int64, m)
    lengths = np.diff(offsets)
    occupied = lengths > 0
    lengths, starts = lengths[occupied], offsets[:-1][occupied]
    if len(lengths) and lengths.max() > MAX_TOUCHES:
        raise ValueError(f"a journey has more than {MAX_TOUCHES} touches; lower the cap")
    ends = starts + lengths - 1

    weighed = ModelWeights(np.zeros((len(FIVE_MODELS), m)), np.zeros((len(FIVE_MODELS), m), np.int64))
    _put_single(weighed, Model.FIRST_TOUCH, starts)
    _put_single(weighed, Model.LAST_TOUCH, ends)
    _put_linear(weighed, lengths)
    _put_time_decay(weighed, age_ms, starts, ends, lengths, params.half_life_ms)
    if params.milestone_part:
        led = _led_to(milestone_age_ms, occupied, age_ms, starts, lengths)
        _put_milestones(weighed, starts, ends, lengths, led, params)
    else:
        _put_position_based(weighed, starts, ends, lengths, params.position_parts)
    return weighed


def _put_single(weighed: ModelWeights, model: Model, credited: Int64s) -> None:
    row = FIVE_MODELS.index(model)
    weighed.fraction[row, credited] = 1.0
    weighed.part[row, credited] = 1


def _put_linear(weighed: ModelWeights, lengths: Int64s) -> None:
    row = FIVE_MODELS.index(Model.LINEAR)
    weighed.fraction[row] = np.repeat(1.0 / lengths, lengths)
    weighed.part[row] = 1


def _put_time_decay(
    weighed: ModelWeights, age_ms: Int64s, starts: Int64s, ends: Int64s, lengths: Int64s, half_life_ms: int
) -> None:
    """Relative to the newest touch, whose 1 keeps the sum from underflowing at any age."""
    if not len(lengths):
        return
    row = FIVE_MODELS.index(Model.TIME_DECAY)
    older_by_ms = age_ms - np.repeat(age_ms[ends], lengths)
    if older_by_ms.min() < 0:
        raise ValueError("the last touch of a journey must be its newest; sort the touches by time")
    decayed = halvings(older_by_ms / half_life_ms)
    weighed.fraction[row] = decayed / np.repeat(np.add.reduceat(decayed, starts), lengths)
    # n * 2**bits stays below 2**61: n < 2**frexp(n)[1].
    bits = np.minimum(_DECAY_BITS, 61 - np.frexp(lengths.astype(np.float64))[1])
    weighed.part[row] = np.rint(np.ldexp(decayed, np.repeat(bits, lengths)))


def _put_position_based(
    weighed: ModelWeights, starts: Int64s, ends: Int64s, lengths: Int64s, parts: tuple[int, int, int]
) -> None:
    """first : middle / (n - 2) : last, all multiplied by n - 2 to be whole numbers."""
    row = FIVE_MODELS.index(Model.POSITION_BASED)
    first, middle, last = parts
    first_of_two, last_of_two = (first, last) if first + last else (1, 1)
    inner = lengths - 2
    first_part = np.where(inner > 0, first * inner, np.where(inner == 0, first_of_two, 1))
    last_part = np.where(inner > 0, last * inner, np.where(inner == 0, last_of_two, 1))
    total = np.where(inner > 0, (first + middle + last) * inner, first_part + last_part * (inner == 0))
    weighed.part[row] = middle
    weighed.part[row, starts] = first_part
    weighed.part[row, ends] = last_part
    np.divide(weighed.part[row], np.repeat(total, lengths), out=weighed.fraction[row])


def _led_to(
    milestone_age_ms: Int64s | None, occupied: NDArray[np.bool_], age_ms: Int64s, starts: Int64s, lengths: Int64s
) -> Int64s:
    """The touch that led to each milestone of each journey, int64 (k, journeys); -1 where there is none."""
    if milestone_age_ms is None:
        return np.empty((0, len(starts)), np.int64)
    if not len(starts):
        return np.empty((len(milestone_age_ms), 0), np.int64)
    found = []
    for ages in milestone_age_ms[:, occupied]:
        before = age_ms >= np.repeat(ages, lengths)
        count = np.add.reduceat(before.astype(np.int64), starts)
        found.append(np.where(count > 0, starts + count - 1, -1))
    return np.array(found, np.int64).reshape(-1, len(starts))


def _put_milestones(
    weighed: ModelWeights, starts: Int64s, ends: Int64s, lengths: Int64s, led: Int64s, params: ModelParams
) -> None:
    """Shares of the first touch, the last one, those that led to milestones, and the rest; a touch may have several.

    With k milestones found and q touches that are none of these: first, last, milestone / k and middle / q, all times
    k * q to be whole numbers, then over their sum: what nobody is there to earn is shared by the others.
    """
    m = weighed.part.shape[1]
    row = FIVE_MODELS.index(Model.POSITION_BASED)
    is_found = led >= 0
    k = np.maximum(is_found.sum(axis=0), 1)
    if len(lengths) and (lengths * k).max() > MOST_ANCHORED:
        raise ValueError(f"touches times milestones are more than {MOST_ANCHORED}; lower the cap")
    is_anchor = np.zeros(m, np.bool_)
    is_anchor[starts] = is_anchor[ends] = is_anchor[led[is_found]] = True
    inner = lengths - (np.add.reduceat(is_anchor.astype(np.int64), starts) if len(starts) else 0)
    q = np.maximum(inner, 1)
    first, middle, last = params.position_parts
    part = np.where(is_anchor, 0, np.repeat(middle * k, lengths))
    part[starts] += first * q * k
    part[ends] += last * q * k
    journey = np.broadcast_to(np.arange(len(starts)), led.shape)[is_found]
    np.add.at(part, led[is_found], params.milestone_part * q[journey])
    total = np.add.reduceat(part, starts) if len(starts) else np.zeros(0, np.int64)
    empty = np.repeat(total == 0, lengths)
    part[empty] = 1
    weighed.part[row] = part
    np.divide(part, np.repeat(np.where(total == 0, lengths, total), lengths), out=weighed.fraction[row])
