"""What does a month of a small shop look like, and what should its credit be?

Made from a seed, with its own reckoning of first touch, last touch and the totals by the plain rules of SEMANTICS 2
to 4, one journey at a time and without the product's code: the demo compares the two.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

DAY_MS = 86_400_000
CLICK_WINDOW_MS, VIEW_WINDOW_MS = 30 * DAY_MS, DAY_MS
CONVERSION_DAYS, LEAD_DAYS = 30, 15
"""Orders lie in the last 30 days, touches reach 15 days further back: the window has something to cut off."""

CONVERSIONS, TOUCHES = 2_000, 20_000
WITHOUT_TOUCHES, REPEATED_ORDERS, RETRACTED, RESTATED = 60, 30, 80, 40
LATE_SHARE, RESENT_SHARE = 0.05, 0.03

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Way:
    """How people come: the channel that it is, how often, and what an SDK reports of it."""

    channel: str
    share: float
    campaigns: tuple[str, ...] = ()
    source: str = ""
    medium: str = ""
    referrer: str = ""
    is_view: bool = False


WAYS = (
    Way("paid_search", 0.26, ("brand", "generic", "competitor"), source="google", medium="cpc"),
    Way("paid_social", 0.20, ("prospecting", "retargeting"), source="facebook", medium="paid_social"),
    Way("email", 0.16, ("newsletter", "basket"), source="crm", medium="email"),
    Way("organic_search", 0.16, referrer="https://www.google.com/"),
    Way("display", 0.10, ("banner",), is_view=True),
    Way("direct", 0.12),
)
SPEND = {"paid_search": 22_000, "paid_social": 16_000, "display": 9_000, "email": 1_500}
"""Cents of a usual day."""


@dataclass(slots=True)
class Expected:
    """What has to come out; values in cents. `credit` is by model and channel: (conversions, gross value)."""

    conversions: int = 0
    gross_minor: int = 0
    net_conversions: int = 0
    net_minor: int = 0
    unattributed: int = 0
    unattributed_minor: int = 0
    repeated_orders: int = 0
    credit: dict[str, dict[str, tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """`events` and `adjustments` in the order in which they are sent; `touches` counts each touch once."""

    events: list[Event]
    adjustments: list[Event]
    spend: list[Event]
    touches: int
    expected: Expected


@dataclass(slots=True)
class _Person:
    number: int
    is_anonymous_first: bool
    touches: list[tuple[int, Way]] = field(default_factory=list)
    orders: list[tuple[int, str, int]] = field(default_factory=list)


def make_sample(now_ms: int, seed: int = 7) -> Sample:
    """The sample whose newest event lies an hour before `now_ms` (UTC epoch); the same for the same arguments."""
    dice = random.Random(seed)
    end_ms = now_ms - 3_600_000
    people = list(_people(dice, end_ms))
    events = [event for person in people for event in _events_of(dice, person)]
    events += list(_repeated_orders(dice, people, end_ms))
    adjustments, nets = _adjustments(dice, people, end_ms)
    touches = sum(len(person.touches) for person in people)
    sent = _in_sending_order(dice, events)
    return Sample(sent, adjustments, list(_spend(dice, end_ms)), touches, _expect(people, nets))


def _people(dice: random.Random, end_ms: int) -> Iterator[_Person]:
    """Buyers (some twice), buyers whose way is unknown, and people who only look."""
    number = ordered = touched = 0
    while ordered < CONVERSIONS:
        person = _Person(number, dice.random() < 0.4)
        count = min(2 if dice.random() < 0.1 else 1, CONVERSIONS - ordered)
        for _ in range(count):
            value = 0 if dice.random() < 0.01 else round(dice.lognormvariate(8.3, 0.8))
            at = end_ms - dice.randrange(CONVERSION_DAYS * DAY_MS)
            person.orders.append((at, f"order-{ordered:05d}", value))
            ordered += 1
        if number >= WITHOUT_TOUCHES:
            last = max(at for at, _, _ in person.orders)
            person.touches = _touches(dice, 1 + min(int(dice.expovariate(0.25)), 40), last)
        touched += len(person.touches)
        number += 1
        yield person
    while touched < TOUCHES:
        person = _Person(number, is_anonymous_first=True)
        count = min(1 + int(dice.expovariate(0.4)), TOUCHES - touched)
        person.touches = _touches(dice, count, end_ms - dice.randrange(CONVERSION_DAYS * DAY_MS))
        touched += count
        number += 1
        yield person


def _touches(dice: random.Random, count: int, last_ms: int) -> list[tuple[int, Way]]:
    """Touches before `last_ms`, most of them in the days before, no two at one time."""
    reach_ms = (CONVERSION_DAYS + LEAD_DAYS) * DAY_MS
    times: set[int] = set()
    while len(times) < count:
        age_ms = int(dice.expovariate(1 / (8 * DAY_MS)))
        times.add(last_ms - 1 - min(age_ms, reach_ms - dice.randrange(DAY_MS)))
    ways = dice.choices(WAYS, [way.share for way in WAYS], k=count)
    return list(zip(sorted(times), ways, strict=True))


def _events_of(dice: random.Random, person: _Person) -> Iterator[Event]:
    for index, (at, way) in enumerate(person.touches):
        ids = _anonymous(person) if person.is_anonymous_first else _known(person)
        yield _touch(dice, way, at, ids, f"touch-{person.number}-{index}")
    for at, order, value in person.orders:
        # The order is where the anonymous visitor becomes known: the event carries both ids.
        ids = _known(person) | (_anonymous(person) if person.is_anonymous_first else {})
        yield _order(at, ids, order, value, f"message-{order}")


def _touch(dice: random.Random, way: Way, at: int, ids: Event, message_id: str) -> Event:
    campaign = dice.choice(way.campaigns) if way.campaigns else ""
    event: Event = {"messageId": message_id, "timestamp": _time(at), **ids}
    if way.is_view:
        return event | {
            "type": "track",
            "event": "Ad Viewed",
            "properties": {"channel": way.channel, "kind": "view", "campaign": campaign},
        }
    page = {"url": "https://shop.example/", "path": "/", "referrer": way.referrer}
    context: Event = {"page": page}
    if campaign:
        context["campaign"] = {"source": way.source, "medium": way.medium, "name": campaign}
    return event | {"type": "page", "name": "Home", "properties": dict(page), "context": context}


def _order(at: int, ids: Event, order: str, value_minor: int, message_id: str) -> Event:
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": message_id,
        "timestamp": _time(at),
        **ids,
        "properties": {"order_id": order, "revenue": _decimal(value_minor), "currency": "USD"},
    }


def _repeated_orders(dice: random.Random, people: list[_Person], end_ms: int) -> Iterator[Event]:
    """The shop's thank-you page loaded again, later: the same order under another messageId, worth nothing more."""
    buyers = [person for person in people if person.orders]
    for person in dice.sample(buyers, REPEATED_ORDERS):
        at, order, value = person.orders[0]
        yield _order(min(at + 60_000, end_ms + 60_000), _known(person), order, value + 100, f"again-{order}")


def _adjustments(dice: random.Random, people: list[_Person], end_ms: int) -> tuple[list[Event], dict[str, int | None]]:
    """Refunds and corrections, and what each leaves of its order (None: nothing, not even the count)."""
    orders = [(order, value) for person in people for _, order, value in person.orders]
    chosen = dice.sample(orders, RETRACTED + RESTATED)
    nets: dict[str, int | None] = {}
    adjustments = []
    for number, (order, value) in enumerate(chosen):
        entry: Event = {"adjustment_id": f"adjustment-{number}", "order_id": order, "at": _time(end_ms)}
        if number < RETRACTED:
            nets[order] = None
            adjustments.append(entry | {"type": "retract"})
        else:
            nets[order] = value // 2
            adjustments.append(entry | {"type": "restate", "value": _decimal(value // 2), "currency": "USD"})
    return adjustments, nets


def _spend(dice: random.Random, end_ms: int) -> Iterator[Event]:
    """What the channels that cost money cost on each whole day of the month."""
    for back in range(CONVERSION_DAYS + 1, 0, -1):
        day = datetime.fromtimestamp((end_ms - back * DAY_MS) // 1000, UTC).date().isoformat()
        for channel, usual in SPEND.items():
            minor = round(usual * dice.lognormvariate(0, 0.4))
            yield {"day": day, "channel": channel, "campaign": "", "amount": _decimal(minor), "currency": "USD"}


def _in_sending_order(dice: random.Random, events: list[Event]) -> list[Event]:
    """By time, but some come late, after the order that they led to, and some come twice."""
    events = sorted(events, key=lambda event: str(event["timestamp"]))
    late = [event for event in events if event["type"] == "page" and dice.random() < LATE_SHARE]
    late_ids = {event["messageId"] for event in late}
    on_time = [event for event in events if event["messageId"] not in late_ids]
    resent = dice.sample(events, int(len(events) * RESENT_SHARE))
    dice.shuffle(late)
    return on_time + late + resent


def _expect(people: list[_Person], nets: dict[str, int | None]) -> Expected:
    expected = Expected(repeated_orders=REPEATED_ORDERS)
    first: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    last: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for person in people:
        for at, order, value in person.orders:
            net = nets.get(order, value)
            expected.conversions += 1
            expected.gross_minor += value
            expected.net_conversions += net is not None
            expected.net_minor += net or 0
            journey = [way.channel for time, way in person.touches if 0 <= at - time <= _window_ms(way)]
            if not journey:
                expected.unattributed += 1
                expected.unattributed_minor += value
                continue
            for total, channel in ((first, journey[0]), (last, journey[-1])):
                total[channel][0] += 1
                total[channel][1] += value
    for model, by_channel in (("first_touch", first), ("last_touch", last)):
        expected.credit[model] = {channel: (count, value) for channel, (count, value) in by_channel.items()}
    return expected


def _window_ms(way: Way) -> int:
    return VIEW_WINDOW_MS if way.is_view else CLICK_WINDOW_MS


def _known(person: _Person) -> Event:
    return {"userId": f"user-{person.number}"}


def _anonymous(person: _Person) -> Event:
    return {"anonymousId": f"visitor-{person.number}"}


def _decimal(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


def _time(at_ms: int) -> str:
    moment = datetime.fromtimestamp(at_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"
