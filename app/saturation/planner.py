"""Where should the budget go? Small steps that the draws agree on, and what they are worth (SATURATION 2).

Every draw of the responses is a world. Candidates are the splits that earn most on average for a given variance over
the worlds (Markowitz 1952), from none minded to all of it. The plan is the one that earns most while at least 80 % of
the draws gain by it and hardly any loses; where there is none, spend stays as it is. A channel does not move that is
undecided (`may_move`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.saturation.allocate import at_spend, grids, water_fill
from app.saturation.guards import MOVEMENT, failed
from app.saturation.series import Assessment, Decision, Estimate, Floats, Plan, Status

STEP = 0.2
"""No plan moves a channel further than this share of today's spend, unless its bounds say so."""
SURE_FROM = 0.8
"""Share of the draws that must gain before a plan is given."""
MOST_LOST, DEVIATIONS = 0.02, 4.0
"""Share of today's spend that a plan may lose so many standard deviations below its mean: as far off as one in some
hundred channels turned out to be of which the fits were wrong, not only unsure."""
MAX_DRAWS = 256
_CAUTION = (0.0, *(0.05 * 1.5**step for step in range(23)))
"""What a variance is minded, in profits: shares of today's spend."""
_CENT = 0.005
_ROOM = 1e-9


@dataclass(frozen=True, eq=False)
class _Room:
    """What a plan may do: today's spend and bounds of each channel, float64 (c,); why it may not move, or ''."""

    channels: tuple[str, ...]
    today: Floats
    low: Floats
    high: Floats
    why_not: tuple[str, ...]


def plan(
    assessments: Sequence[Assessment],
    budget: float,
    *,
    margin: float,
    bounds: Mapping[str, tuple[float, float]] | None = None,
) -> Plan:
    """The split of `budget` that is worth following, by what the assessments know.

    Parameters
    ----------
    assessments : sequence of Assessment
        One of each channel.
    budget : float
        Most that may be spent a day, on all of them.
    margin : float
        Profit per unit of revenue, before spend.
    bounds : mapping of channel to (least, most) a day, optional
        Where not given: within 20 % of today. No channel goes beyond the 95th percentile of its observed
        spend, or beyond today's spend where that is higher.

    Raises
    ------
    ValueError
        A budget or margin that is not a positive number, bounds that are not in order or of a channel that is
        not there, a channel given twice, or a budget below the least that the bounds allow.
    """
    _check(assessments, budget, margin)
    room = _room(assessments, bounds or {}, margin)
    least = float(room.low.sum())
    if least > budget * (1 + _ROOM):
        raise ValueError(_too_small(room, budget, least))
    budget = max(budget, least)

    worlds = _worlds(assessments, room)
    candidates = _candidates(worlds, room, budget, margin)
    profit = np.stack([worlds.profit(one, margin) for one in candidates])
    may_stay = bool(np.allclose(candidates[0], room.today, rtol=_ROOM, atol=_CENT))
    chosen = _choose(profit, float(room.today.sum()), may_stay=may_stay)
    spend = candidates[chosen]
    marginal = margin * worlds.marginal(spend)
    unused = budget - float(spend.sum())
    return Plan(
        spend={channel: float(value) for channel, value in zip(room.channels, spend, strict=True)},
        net_profit=Estimate.of(profit[chosen]),
        probability_of_gain=float(np.mean(profit[chosen] > 0)),
        reasons={
            channel: _reason(room, number, float(spend[number]), marginal[:, number], unused)
            for number, channel in enumerate(room.channels)
        },
    )


@dataclass(frozen=True, eq=False)
class _Worlds:
    """The responses within the bounds: one world for each draw.

    Parameters
    ----------
    today : float64 (c,)
    now : float64 (draws, c)
        Revenue a day at today's spend.
    grid : float64 (c, k)
    values : float64 (draws, c, k)
        Revenue a day at the grid.
    """

    today: Floats
    now: Floats
    grid: Floats
    values: Floats

    def profit(self, spend: Floats, margin: float) -> Floats:
        """Net profit a day over today, float64 (draws,)."""
        gained = at_spend(self.grid, self.values, spend) - self.now
        return np.asarray(margin * gained.sum(axis=1) - (spend - self.today).sum())

    def marginal(self, spend: Floats) -> Floats:
        """Revenue of one more unit of spend, by the grid's step around it, float64 (draws, c); 0 without room."""
        step = (self.grid[:, -1] - self.grid[:, 0]) / (self.grid.shape[1] - 1)
        low = np.maximum(spend - step, self.grid[:, 0])
        high = np.minimum(spend + step, self.grid[:, -1])
        rise = at_spend(self.grid, self.values, high) - at_spend(self.grid, self.values, low)
        return np.asarray(np.where(high > low, rise / np.where(high > low, high - low, 1.0), 0.0))


def _candidates(worlds: _Worlds, room: _Room, budget: float, margin: float) -> list[Floats]:
    """Splits worth looking at, all of them allowed. The first is today's, or what comes nearest to it.

    Channels err each by itself, so variances add up, and a channel's profit less its own variance, times what it is
    minded, is a curve that `water_fill` takes.
    """
    added = worlds.grid - room.today[:, None]
    profit = margin * (worlds.values - worlds.now[:, :, None]) - added
    mean, variance = profit.mean(axis=0), profit.var(axis=0) / max(float(room.today.sum()), _CENT)
    goals = [
        water_fill(worlds.grid, (mean - caution * variance + added)[None] / margin, budget, margin)[0]
        for caution in _CAUTION
    ]
    nearest = np.clip(room.today, room.low, room.high)
    return [nearest if float(nearest.sum()) <= budget * (1 + _ROOM) else goals[0], *goals]


def _choose(profit: Floats, spend_today: float, *, may_stay: bool) -> int:
    """The row of profit (candidates, draws) to follow; 0 where nothing is sure enough and today's split is allowed."""
    mean = profit.mean(axis=1)
    if not may_stay:
        return int(np.argmax(mean))
    gains = (np.mean(profit > 0, axis=1) >= SURE_FROM) & (mean > 0)
    is_safe = mean - DEVIATIONS * profit.std(axis=1) >= -MOST_LOST * spend_today
    return int(np.argmax(np.where(gains & is_safe, mean, -np.inf))) if (gains & is_safe).any() else 0


def _check(assessments: Sequence[Assessment], budget: float, margin: float) -> None:
    if not (np.isfinite(budget) and budget >= 0):
        raise ValueError(f"budget must be a number of 0 or more, not {budget}")
    if not (np.isfinite(margin) and margin > 0):
        raise ValueError(f"margin must be a number above 0, not {margin}")
    if not assessments:
        raise ValueError("a plan needs the assessment of at least one channel")
    seen: set[str] = set()
    for one in assessments:
        if one.channel in seen:
            raise ValueError(f"channel {one.channel!r} is given twice")
        seen.add(one.channel)


def _room(assessments: Sequence[Assessment], bounds: Mapping[str, tuple[float, float]], margin: float) -> _Room:
    unknown = sorted(set(bounds) - {one.channel for one in assessments})
    if unknown:
        raise ValueError(f"bounds name {unknown[0]!r}, which is not one of the channels")
    limits = [_limits(one, bounds.get(one.channel), margin) for one in assessments]
    why_not = tuple(_why_not(one, margin) for one in assessments)
    return _Room(
        channels=tuple(one.channel for one in assessments),
        today=np.array([_today(one) for one in assessments], np.float64),
        low=np.array([low for low, _ in limits], np.float64),
        high=np.array([high for _, high in limits], np.float64),
        why_not=why_not,
    )


def may_move(one: Assessment, margin: float) -> bool:
    """Whether the evidence carries a move: a status or the money is decided, or no guard finds fault with the data.

    Where the data are sound and only the class is open, or the curve may have changed, the draws say how much is not
    known, and the plan heeds them.
    """
    if one.response is None:
        return False
    if one.status is not Status.INSUFFICIENT_EVIDENCE or one.decision in (Decision.DECREASE, Decision.INCREASE):
        return True
    return bool(one.guards) and (not _barring(one) or _cut_pays(one, margin))


def _barring(one: Assessment) -> set[str]:
    """Names of the guards that say something that no draw knows."""
    return {guard.name for guard in failed(one.guards)}


def _cut_pays(one: Assessment, margin: float) -> bool:
    """Whether a channel whose spend hardly moved may still be cut: it returns so little that the last units cannot pay.

    On 900 simulated tenants it was right in 0.91 of 132 cases; that such a channel should be raised was less sure.
    """
    if one.response is None or not _barring(one) <= MOVEMENT:
        return False
    today = _today(one)
    lost = margin * (one.response.at(today) - one.response.at((1 - STEP) * today))
    return float(np.mean(lost < STEP * today)) >= SURE_FROM


def _may_be_cut(one: Assessment) -> bool:
    """Not on less than 90 days: a wrong cut of a young channel cost most of what plans lost on simulated tenants."""
    return all(guard.passed for guard in one.guards if guard.name == "days_to_cut")


def _why_not(one: Assessment, margin: float) -> str:
    if one.response is None:
        return "nothing could be fitted"
    return "" if may_move(one, margin) else "the evidence is insufficient"


def _today(one: Assessment) -> float:
    x0 = one.response.x0 if one.response is not None else one.x0
    return float(x0) if np.isfinite(x0) else 0.0


def _limits(one: Assessment, given: tuple[float, float] | None, margin: float) -> tuple[float, float]:
    """The least and the most that this channel may get a day."""
    today = _today(one)
    cap = today if one.response is None else max(one.response.spend_p95, today)
    least = today * (1 - STEP) if _may_be_cut(one) else today
    low, high = (least, min(today * (1 + STEP), cap)) if given is None else given
    if not (np.isfinite([low, high]).all() and 0 <= low <= high):
        raise ValueError(f"bounds of {one.channel!r} must be 0 <= least <= most, not {low:g} and {high:g}")
    if given is not None and one.response is not None and low > cap:
        raise ValueError(
            f"bounds of {one.channel!r} ask for at least {low:g} a day, but no plan goes beyond {cap:g}, "
            "the most that its data show; lower the bound"
        )
    if not may_move(one, margin):
        frozen = float(np.clip(today, low, high))
        return frozen, frozen
    most = today if _barring(one) else cap
    return float(low), float(max(low, min(high, most)))


def _too_small(room: _Room, budget: float, least: float) -> str:
    most = np.argsort(-room.low)[:3]
    named = ", ".join(f"{room.channels[number]!r} {room.low[number]:g}" for number in most)
    return (
        f"budget {budget:g} a day is below {least:g}, the least that the bounds allow (undecided channels stay as they "
        f"are, others fall by {100 * STEP:.0f} % at most; the largest: {named}); raise the budget or lower the bounds"
    )


def _worlds(assessments: Sequence[Assessment], room: _Room) -> _Worlds:
    """The same number of draws of every channel; revenue is 0 where there is no response."""
    grid = grids(room.low, room.high)
    counts = [len(one.response.revenue) for one in assessments if one.response is not None]
    draws = min(max(counts, default=1), MAX_DRAWS)
    values = np.zeros((draws, *grid.shape))
    now = np.zeros((draws, len(grid)))
    for number, one in enumerate(assessments):
        if one.response is not None:
            rows = _rows(len(one.response.revenue), draws)
            values[:, number] = np.stack([one.response.at(float(x))[rows] for x in grid[number]], axis=1)
            now[:, number] = one.response.at(room.today[number])[rows]
    return _Worlds(room.today, now, grid, values)


def _rows(there: int, wanted: int) -> NDArray[np.intp]:
    """Which draws to take: all of them and again from the first, or an even choice."""
    return np.arange(wanted) % there if there < wanted else np.linspace(0, there - 1, wanted).astype(np.intp)


def _reason(room: _Room, number: int, spend: float, worth: Floats, unused: float) -> str:
    """Why this channel gets what it gets; `worth` is the margin that one more unit of spend earns, in each draw."""
    today = float(room.today[number])
    if room.why_not[number]:
        kept = "stays as it is" if abs(spend - today) <= _CENT else f"goes to {spend:.2f}, as its bounds ask"
        return f"Spend {kept}: {room.why_not[number]}."
    low, middle, high = np.quantile(worth, (0.05, 0.5, 0.95))
    earns = f"one more a day earns {middle:.2f} in margin (90 %: {low:.2f} to {high:.2f})"
    if abs(spend - today) <= max(_CENT, 1e-4 * today):
        return f"Spend stays at {today:.2f}: {earns}, and no move is sure enough to gain."
    where = f"from {today:.2f} to {spend:.2f}"
    if spend > today:
        full = " It is the most that is allowed." if spend >= room.high[number] - _CENT else ""
        return f"Raise spend {where}: there {earns}.{full}"
    if middle < 1:
        return f"Lower spend {where}: there {earns}, less than it costs."
    elsewhere = "the budget brings more elsewhere" if unused <= _CENT else "the draws agree on no larger spend"
    return f"Lower spend {where}: there {earns}, but {elsewhere}."
