"""What would a year of a shop post, whose channels have known curves? Spend and events, day by day.

A channel's revenue of a day is ``level · ((1 - leak) · S(A / x0) + leak) · demand · noise``, A its adstock and S the
simulator's curve; from its shift on, the level is another. Each day's revenue comes as equal orders of one customer
who came by one touch, so that every model credits the channel with all of it; demand shows in visitors who come
directly. Spend is the shop's own until it is told to follow a plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from app.saturation.adstock import adstock
from app.saturation.names import Status, status_of
from app.saturation.simulator.curves import Family, curve_with

YEAR_DAYS, FOLLOW_DAYS = 364, 28
SHIFT_DAY = 280
"""In month 10."""
SPEND_CV, PERSISTENCE, ADSTOCK = 0.45, 0.85, 0.3
NOISE, DEMAND_SD = 0.10, 0.08
Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel's truth: `spend` a day at which its `elasticity` and `roas` hold; `shift` multiplies its level."""

    name: str
    spend: float
    roas: float
    elasticity: float
    leak: float = 0.0
    shift: float = 1.0

    def response(self, spend: Any) -> Any:
        """f after the shift, at permanent spends a day."""
        curve = curve_with(Family.HILL, self.elasticity / (1 - self.leak))
        relative = (1 - self.leak) * curve.value(np.asarray(spend, np.float64) / self.spend) + self.leak
        return self.shift * self.roas * self.spend * relative

    def status_at(self, spend: float) -> Status:
        """The class of its elasticity at a permanent spend."""
        step = 0.001 * spend
        below, here, above = self.response([spend - step, spend, spend + step])
        return status_of((above - below) / (2 * step) * spend / here)


CHANNELS = (
    Channel("search", 900.0, 3.0, 0.15),
    Channel("social", 500.0, 6.0, 0.85, shift=0.6),
    Channel("display", 300.0, 4.0, 0.45),
)


@dataclass(slots=True)
class Year:
    """The days of a shop, the last one of `follow` days after the year being `last`."""

    last: date
    channels: tuple[Channel, ...] = CHANNELS
    orders_a_day: int = 35
    visitors_a_day: int = 0
    seed: int = 3
    spend: dict[str, Any] = field(init=False)
    _noise: dict[str, Any] = field(init=False)
    _demand: Any = field(init=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self._demand = np.exp(DEMAND_SD * _persistent(rng, self.days, 0.95))
        self.spend, self._noise = {}, {}
        for one in self.channels:
            moves = np.sqrt(np.log1p(SPEND_CV**2)) * _persistent(rng, self.days, PERSISTENCE)
            self.spend[one.name] = (one.spend * np.exp(moves)).round(2)
            self._noise[one.name] = np.maximum(1 + NOISE * rng.standard_normal(self.days), 0.05)

    @property
    def days(self) -> int:
        return YEAR_DAYS + FOLLOW_DAYS

    def day(self, number: int) -> date:
        return self.last - timedelta(days=self.days - 1 - number)

    def follow(self, spend: Mapping[str, float], begin: int = YEAR_DAYS) -> None:
        """From a day on spend what a plan says, within a few per cent."""
        rng = np.random.default_rng(self.seed + 1)
        for name, amount in spend.items():
            self.spend[name][begin:] = (amount * np.exp(0.05 * rng.standard_normal(self.days - begin))).round(2)

    def revenue(self, channel: Channel) -> Any:
        """Of every day, float64 (days,)."""
        before = channel.response(adstock(self.spend[channel.name], ADSTOCK)) / channel.shift
        level = np.where(np.arange(self.days) >= SHIFT_DAY, channel.shift, 1.0)
        return before * level * self._demand * self._noise[channel.name]

    def true_gain(self, spend: Mapping[str, float], today: Mapping[str, float], margin: float) -> float:
        """Net profit a day of one split over another, by the true curves."""
        return sum(
            margin * float(np.diff(one.response([today[one.name], spend[one.name]]))[0])
            - (spend[one.name] - today[one.name])
            for one in self.channels
        )

    def spend_rows(self, first: int, end: int) -> list[Event]:
        return [
            {"day": self.day(n).isoformat(), "channel": one.name, "amount": f"{self.spend[one.name][n]:.2f}"}
            for one in self.channels
            for n in range(first, end)
        ]

    def events(self, first: int, end: int) -> Iterator[Event]:
        """What SDKs post of the days from `first` to before `end`."""
        revenue = {one.name: self.revenue(one) for one in self.channels}
        for n in range(first, end):
            for one in self.channels:
                yield from _bought(one.name, self.day(n), revenue[one.name][n], self.orders_a_day)
            for visitor in range(round(self.visitors_a_day * self._demand[n])):
                yield _visit(self.day(n), visitor)


def _bought(channel: str, day: date, revenue: float, orders: int) -> Iterator[Event]:
    """A customer of the day: a touch in the morning, orders at noon."""
    who = f"{channel}-{day}"
    touch = {"type": "track", "event": "Touchpoint", "messageId": f"t-{who}", "userId": who}
    yield touch | {"timestamp": f"{day}T08:00:00Z", "properties": {"channel": channel, "kind": "click"}}
    cents, more = divmod(max(round(revenue * 100), 0), orders)
    for number in range(orders):
        minor = cents + (number < more)
        yield {
            "type": "track",
            "event": "Order Completed",
            "messageId": f"o-{who}-{number}",
            "userId": who,
            "timestamp": f"{day}T12:{number // 60:02d}:{number % 60:02d}Z",
            "properties": {"order_id": f"{who}-{number}", "revenue": f"{minor // 100}.{minor % 100:02d}"},
        }


def _visit(day: date, number: int) -> Event:
    return {
        "type": "page",
        "messageId": f"v-{day}-{number}",
        "anonymousId": f"v-{day}-{number}",
        "timestamp": f"{day}T10:{number // 60 % 60:02d}:{number % 60:02d}Z",
        "properties": {"url": "https://shop.example/"},
    }


def _persistent(rng: np.random.Generator, n: int, persistence: float) -> Any:
    """Standard normal each, correlated from one to the next, float64 (n,)."""
    steps = rng.standard_normal(n)
    for at in range(1, n):
        steps[at] = persistence * steps[at - 1] + np.sqrt(1 - persistence**2) * steps[at]
    return steps
