"""How is one conversion shared over its touches? The weights of the five models (SEMANTICS 3)."""

import math
from dataclasses import dataclass, field

import numpy as np

from app.attribution.decay import halvings
from app.attribution.names import FIVE_MODELS, Model
from app.attribution.touches import Floats, Int64s, require_flat, require_offsets

WEEK_MS = 7 * 86_400_000
MAX_TOUCHES = 2**20 - 2  # of one journey: keeps the exact weights in int64 and the tie-break unique

_WEIGHT_GRID = 10**12  # position weights are taken to 12 decimals, and are exact ratios from there on
_DECAY_BITS = 52


@dataclass(frozen=True, slots=True)
class ModelParams:
    """What a tenant can set of the models (SEMANTICS 3).

    Parameters
    ----------
    half_life_ms : int
        Of time_decay, in milliseconds; 7 days.
    first, middle, last : float
        Of position_based, taken to 12 decimals; they sum to 1.

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
    position_parts: tuple[int, int, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.half_life_ms) and self.half_life_ms >= 1):
            raise ValueError("half_life_ms must be 1 or more")
        chosen = (self.first, self.middle, self.last)
        if not all(math.isfinite(weight) and weight >= 0 for weight in chosen):
            raise ValueError("the position weights first, middle and last must be 0 or more")
        if abs(math.fsum(chosen) - 1) > 1e-9:
            raise ValueError("the position weights first, middle and last must sum to 1")
        first, middle, last = (round(weight * _WEIGHT_GRID) for weight in chosen)
        divisor = math.gcd(first, middle, last)
        object.__setattr__(self, "position_parts", (first // divisor, middle // divisor, last // divisor))


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


def weigh(offsets: Int64s, age_ms: Int64s, params: ModelParams | None = None) -> ModelWeights:
    """The weights of every touch under the five models, as fractions and as exact parts (SEMANTICS 3).

    Parameters
    ----------
    offsets : int64 (n + 1,)
        Journeys, empty ones allowed.
    age_ms : int64 (m,)
        Conversion time less touch time, falling within a journey.
    params : ModelParams, optional
        The defaults of SEMANTICS 3 if not given.

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
