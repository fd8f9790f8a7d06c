"""What comes out of an assessment and of a plan?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.saturation.names import Cause, Decision, Status

if TYPE_CHECKING:
    from app.saturation.adstock import Carry

Floats = NDArray[np.float64]
Days = NDArray[np.datetime64]
Day = np.datetime64


@dataclass(frozen=True, slots=True)
class Estimate:
    """The 5, 50 and 95 % quantiles of a quantity."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, draws: Iterable[float]) -> "Estimate":
        """The quantiles of draws.

        Examples
        --------
        >>> Estimate.of(range(101))
        Estimate(low=5.0, median=50.0, high=95.0)
        """
        low, median, high = np.quantile(np.fromiter(draws, np.float64), (0.05, 0.5, 0.95))
        return cls(float(low), float(median), float(high))


@dataclass(frozen=True, slots=True)
class Guard:
    """One condition for a status: its figure, its limit and what that means in a sentence."""

    name: str
    passed: bool
    figure: float
    limit: float
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Attributed revenue of the 28 days after the last complete one: 5, 50 and 95 % of each day, float64 (28,)."""

    day: Days
    low: Floats
    median: Floats
    high: Floats


@dataclass(frozen=True, slots=True, eq=False)
class ResponseDraws:
    """Draws of f: what a permanent spend would bring a day. Compact enough to store with every run.

    Parameters
    ----------
    spend : float32 (g,)
        Grid of permanent spend a day, ascending from 0 to at least 1.25 × max(x0, spend_p95).
    revenue : float32 (draws, g)
        f at that spend in each draw.
    x0 : float
        The operating point.
    spend_p95 : float
        95th percentile of the spend that was observed; no plan goes beyond it.
    """

    spend: NDArray[np.float32]
    revenue: NDArray[np.float32]
    x0: float
    spend_p95: float

    def __post_init__(self) -> None:
        if self.spend.ndim != 1 or len(self.spend) < 2 or bool(np.any(np.diff(self.spend) <= 0)):
            raise ValueError("the spend grid must ascend over at least 2 points")
        if self.revenue.ndim != 2 or self.revenue.shape[0] == 0 or self.revenue.shape[1] != len(self.spend):
            raise ValueError(f"revenue must be (draws, {len(self.spend)}), not {self.revenue.shape}")

    def at(self, spend: float) -> Floats:
        """f at a spend within the grid, in each draw, float64 (draws,): linear between grid points."""
        upper = int(np.clip(np.searchsorted(self.spend, spend), 1, len(self.spend) - 1))
        left, right = float(self.spend[upper - 1]), float(self.spend[upper])
        share = (min(max(spend, float(self.spend[0])), float(self.spend[-1])) - left) / (right - left)
        revenue = self.revenue[:, upper - 1 : upper + 1].astype(np.float64)
        return np.asarray(revenue[:, 0] * (1 - share) + revenue[:, 1] * share)


@dataclass(frozen=True, slots=True)
class Standing:
    """What hysteresis remembers of a channel: the status given, and how often in a row another one asked for it."""

    status: Status
    candidate: Status
    runs: int


@dataclass(frozen=True, eq=False)
class Assessment:
    """What is known of a channel (SATURATION 1).

    Parameters
    ----------
    probabilities : mapping of the three classes' names to their probability
    elasticity, mroas, spend_driven_elasticity : Estimate
        None where nothing could be fitted.
    cause : Cause or None
        None where the elasticity is not low.
    windows : tuple of str
        The fits that were used, such as ``daily_90``.
    versions : mapping of ``model``, ``rules`` and ``data`` to their version
    forecast, response
        None where nothing could be fitted.
    changed_on : datetime64[D] or None
        The day from which, a detector says, the curve is another; None while no alarm stands.
    standing : Standing or None
        For the next run's `Context.previous`.
    experiment : str
        The cheapest test that would settle what is not known, in a sentence; '' where none is needed.
    spend_driven_status : Status
        The class of the spend-driven elasticity, or insufficient evidence.
    x0 : float
        The operating point; ``nan`` where no day is known.
    carry : Carry or None
        What still works of the spend so far, at the draws' middle rate: a new day is added to it without a refit.
    """

    channel: str
    status: Status
    probabilities: Mapping[str, float]
    elasticity: Estimate | None
    mroas: Estimate | None
    spend_driven_elasticity: Estimate | None
    cause: Cause | None
    decision: Decision
    guards: tuple[Guard, ...]
    windows: tuple[str, ...]
    versions: Mapping[str, str]
    message: str
    forecast: Forecast | None = None
    response: ResponseDraws | None = None
    changed_on: Day | None = None
    standing: Standing | None = None
    experiment: str = ""
    spend_driven_status: Status = Status.INSUFFICIENT_EVIDENCE
    x0: float = float("nan")
    carry: "Carry | None" = None


@dataclass(frozen=True, eq=False)
class Plan:
    """What to spend a day on each channel, and what that is worth (SATURATION 2, reallocation).

    Parameters
    ----------
    spend : mapping of channel to spend a day
    net_profit : Estimate
        Margin × revenue gained less spend added, a day, over today; "modelled" until a test verifies it.
    probability_of_gain : float
        P(net profit > 0); 0 of a plan that changes nothing.
    reasons : mapping of channel to a sentence
    """

    spend: Mapping[str, float]
    net_profit: Estimate
    probability_of_gain: float
    reasons: Mapping[str, str]
