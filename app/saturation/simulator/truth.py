"""What is true of a simulated channel? Exact, since the curve is known."""

from dataclasses import dataclass, field

import numpy as np

from app.saturation.series import Day, Days, Floats, Status, status_of
from app.saturation.simulator.curves import Curve


@dataclass(frozen=True, eq=False)
class Truth:
    """The response ``f(x) = level · ((1 - leak) · S(x / x0) + leak)`` and what follows from it.

    Parameters
    ----------
    curve : Curve
        S, of the last day.
    level : float
        f(x0): attributed revenue a day at the operating point and the mean demand of the last 28 complete days.
    leak : float
        Share of it that comes without spend.
    x0 : float
    changed_on : datetime64[D] or None
        First day of another curve; None where it never changed.
    change_effect : float
        log of the new curve over the old one at x0; 0 where it never changed.
    """

    curve: Curve
    level: float
    leak: float
    x0: float
    changed_on: Day | None = None
    change_effect: float = 0.0

    def response(self, spend: Floats) -> Floats:
        """f at each permanent spend, float64 of the shape of `spend`."""
        u = np.asarray(spend, np.float64) / self.x0
        return np.asarray(self.level * ((1 - self.leak) * self.curve.value(u) + self.leak))

    @property
    def roas(self) -> float:
        """f(x0) / x0."""
        return self.level / self.x0

    @property
    def mroas(self) -> float:
        """f'(x0)."""
        return self.roas * self.elasticity

    @property
    def spend_driven_elasticity(self) -> float:
        """Elasticity of the part that spend moves: S'(1); 0 of a channel without effect."""
        return self.curve.elasticity(1.0)

    @property
    def elasticity(self) -> float:
        """f'(x0) · x0 / f(x0)."""
        return (1 - self.leak) * self.spend_driven_elasticity

    @property
    def status(self) -> Status:
        """The class of the elasticity."""
        return status_of(self.elasticity)

    @property
    def spend_driven_status(self) -> Status:
        """The class of the spend-driven elasticity."""
        return status_of(self.spend_driven_elasticity)


@dataclass(frozen=True, eq=False)
class Future:
    """The 28 days after the last complete one, which no assessment sees.

    Parameters
    ----------
    day : datetime64[D] (28,)
    spend, revenue : float64 (28,)
        The same policy of spend and the same noise as before.
    expected : float64 (28,)
        Revenue without noise.
    """

    day: Days
    spend: Floats
    revenue: Floats
    expected: Floats = field(repr=False)
