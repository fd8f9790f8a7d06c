"""What does a channel's response look like? A curve with its interval, where spend stands, where it stops paying."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.advice.documents import Drawn, unpack

_LEVELS = (0.05, 0.5, 0.95)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """5, 50 and 95 % of the revenue a day at each permanent spend a day.

    Parameters
    ----------
    spend, low, median, high : float64 (g,)
    x0 : today's spend, with `at_x0` its median revenue.
    seen_from, seen_until : 1 and 99 % of the spend of the days behind it; outside of them the curve is a guess.
    pays_until : the spend at which one more unit earns just what it costs, by the median; None where it pays as far
        as the curve goes, 0 where it never does.
    """

    spend: Floats
    low: Floats
    median: Floats
    high: Floats
    x0: float
    at_x0: float
    seen_from: float
    seen_until: float
    pays_until: float | None


def curve(drawn: Drawn, margin: float) -> Curve:
    """Of the draws of a refit."""
    spend, revenue = drawn.response.spend.astype(np.float64), drawn.response.revenue.astype(np.float64)
    low, median, high = np.quantile(revenue, _LEVELS, axis=0)
    known = drawn.spend[np.isfinite(drawn.spend)]
    x0 = drawn.response.x0
    seen = np.quantile(known if len(known) else [x0], (0.01, 0.99))
    return Curve(
        spend,
        low,
        median,
        high,
        x0,
        at_x0=float(np.interp(x0, spend, median)),
        seen_from=float(seen[0]),
        seen_until=float(seen[1]),
        pays_until=_pays_until(spend, revenue, margin),
    )


def curve_of(text: str, margin: float) -> dict[str, Any] | None:
    """As the API shows it; None where nothing was fitted, or the draws are kept no more."""
    drawn = unpack(text)
    if drawn is None:
        return None
    made = curve(drawn, margin)
    points = zip(drawn.day, drawn.spend.tolist(), drawn.revenue.tolist(), strict=True)
    return {
        "spend": _rounded(made.spend),
        "revenue": {name: _rounded(getattr(made, name)) for name in ("low", "median", "high")},
        "operating_point": {"spend": round(made.x0, 2), "revenue": round(made.at_x0, 2)},
        "seen_from": round(made.seen_from, 2),
        "seen_until": round(made.seen_until, 2),
        "pays_until": None if made.pays_until is None else round(made.pays_until, 2),
        "points": [
            {"day": str(day), "spend": round(spend, 2), "revenue": round(revenue, 2)}
            for day, spend, revenue in points
            if np.isfinite(spend) and np.isfinite(revenue)
        ],
    }


def _pays_until(spend: Floats, revenue: Floats, margin: float) -> float | None:
    """Where the middle profit, margin × revenue - spend, is greatest."""
    profit = np.median(margin * revenue, axis=0) - spend
    best = int(np.argmax(profit))
    return None if best == len(spend) - 1 else float(spend[best])


def _rounded(values: Floats) -> list[float]:
    return [round(value, 2) for value in values.tolist()]
