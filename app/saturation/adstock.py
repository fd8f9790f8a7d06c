"""How much of earlier days' spend still works today? Normalised geometric adstock over 28 days.

The weights of a day's own spend and of the 27 days before sum to 1, so a permanent spend ``x`` has adstock
``x`` (SATURATION 1).
"""

from dataclasses import dataclass

import numpy as np

from app.saturation.series import Floats

CARRY_DAYS = 28


def weights(rate: float) -> Floats:
    """What today's and the 27 days before's spend count today, float64 (28,), newest first, summing to 1.

    Parameters
    ----------
    rate : float
        Share of a day's effect that is left a day later, in [0, 1).

    Examples
    --------
    >>> weights(0.5)[:3].round(3).tolist()
    [0.5, 0.25, 0.125]
    """
    raw = _powers(rate)
    return np.asarray(raw / raw.sum())


def adstock(spend: Floats, rate: float) -> Floats:
    """Adstock of daily spend, float64 (n,); before the first day, spend was the mean of the first 28 days.

    Parameters
    ----------
    spend : float64 (n,)
        Consecutive days, without ``nan``.
    rate : float
        In [0, 1).

    Examples
    --------
    >>> adstock(np.full(40, 7.0), 0.6).round(9).tolist() == [7.0] * 40
    True
    """
    return np.convolve(padded(spend), weights(rate), mode="valid")[: len(spend)]


def slope_weights(rate: float) -> Floats:
    """The derivative of `weights` by the rate, float64 (28,)."""
    ages = np.arange(CARRY_DAYS)
    raw = _powers(rate)
    raw_slope = np.zeros(CARRY_DAYS)
    raw_slope[1:] = ages[1:] * raw[:-1]
    total = raw.sum()
    return np.asarray(raw_slope / total - raw * raw_slope.sum() / total**2)


def padded(spend: Floats) -> Floats:
    """Spend with what is taken for the 27 days before, float64 (n + 27,)."""
    before = float(spend[:CARRY_DAYS].mean()) if len(spend) else 0.0
    return np.concatenate([np.full(CARRY_DAYS - 1, before), spend])


@dataclass(frozen=True, slots=True)
class Carry:
    """The adstock of one channel between two days: enough to add a day in O(1).

    Parameters
    ----------
    rate : float
    remembered : tuple of float
        Spend of the last 28 days, oldest first.
    total : float
        The weighted, not yet normalised sum of these days.

    Examples
    --------
    >>> spend = np.arange(60.0)
    >>> carry = Carry.after(spend[:59], 0.7).add(spend[59])
    >>> bool(np.isclose(carry.adstock, adstock(spend, 0.7)[-1]))
    True
    """

    rate: float
    remembered: tuple[float, ...]
    total: float

    @classmethod
    def after(cls, spend: Floats, rate: float) -> "Carry":
        """After the last of these days."""
        last = padded(spend)[-CARRY_DAYS:]
        return cls(rate, tuple(last.tolist()), float(last[::-1] @ _powers(rate)))

    def add(self, spend: float) -> "Carry":
        """One day later."""
        leaving = self.remembered[0] * self.rate**CARRY_DAYS
        return Carry(self.rate, (*self.remembered[1:], spend), self.total * self.rate + spend - leaving)

    @property
    def adstock(self) -> float:
        """Of the last day that was added."""
        return self.total / float(_powers(self.rate).sum())


def _powers(rate: float) -> Floats:
    if not 0 <= rate < 1:
        raise ValueError(f"an adstock rate is at least 0 and below 1, not {rate}")
    return np.asarray(np.power(float(rate), np.arange(CARRY_DAYS)))
