"""Reset and milestones, through the pipeline: does any order of arrival end where the slow reference does?"""

from __future__ import annotations

import random
from typing import Any

import pytest

from app.attribution.models import ModelParams
from app.attribution.names import FIVE_MODELS, Model
from app.identity.resolve import Identities, resolve
from app.ingest.events import Event
from app.ledger.keys import conversion_key
from app.tenants.rules import ConversionRule, Rules
from tests.integration.pipeline.conftest import DAY, NOON, Pipeline, join, meet, order, touch
from tests.unit.attribution import reference

WINDOW = 10 * DAY
ORDER, LEAD = "Order Completed", "Lead Created"
RULES = Rules(
    conversions=(ConversionRule(ORDER, reset=True), ConversionRule(LEAD)),
    click_window_ms=WINDOW,
    view_window_ms=WINDOW,
    position_preset="w",
    milestones=(LEAD,),
)
W = ModelParams(first=0.3, middle=0.1, last=0.3, milestone=0.3)


def history(seed: int) -> list[Event]:
    """A month of few persons: late meetings, joined users, an order sent twice, events sent again earlier."""
    rng = random.Random(seed)
    ids = ["u:0", "u:1", "u:2", "a:0", "a:1"]
    times = rng.sample(range(30 * 24), 40)
    events = [touch(rng.choice(ids), NOON + hour * 3_600_000 + 1, f"c{n}", id=f"t{n}") for n, hour in enumerate(times)]
    for n in range(14):
        kind = LEAD if n % 3 == 0 else ORDER
        when = NOON + rng.randrange(30 * 24) * 3_600_000
        events.append(order(rng.choice(ids), when, str(n % 11), 100 + n, id=f"o{n}", type=kind))
    moved = rng.choice([event for event in events if event.conversion is not None])
    earlier = moved.ts - rng.randrange(5 * DAY)
    assert moved.conversion is not None
    events.append(order(moved.user_id, earlier, moved.conversion.order_id, 7, id=moved.message_id, type=moved.name))
    events += [meet("a:0", "u:0", NOON + 9 * DAY), meet("a:0", "u:1", NOON + 20 * DAY), join("u:1", "u:2", NOON)]
    return events


class Reference:
    """Everything at once, row by row, from the events alone."""

    def __init__(self, events: list[Event]) -> None:
        first: dict[str, Event] = {}
        for event in events:
            before = first.get(event.message_id)
            if before is None or event.ts < before.ts:
                first[event.message_id] = event
        kept = list(first.values())
        self.identities = self._identities(events)
        self.touches = [event for event in kept if event.touch is not None]
        winners: dict[tuple[str, str], Event] = {}
        for event in sorted(kept, key=lambda event: (event.ts, event.message_id)):
            if event.conversion is not None:
                winners.setdefault((event.conversion.conversion_type, event.conversion.order_id), event)
        self.conversions = [(conversion_key(*key), event) for key, event in winners.items()]

    @staticmethod
    def _identities(events: list[Event]) -> Identities:
        links: dict[tuple[str, str], int] = {}
        for event in events:
            for other in (event.anonymous_id, event.previous_id):
                if other:
                    for pair in ((other, event.user_id), (event.user_id, other)):
                        links[pair] = min(links.get(pair, event.ts), event.ts)
        known = [(one, other, ts) for (one, other), ts in links.items()]
        return resolve({event.user_id for event in events}, lambda ids: [link for link in known if link[0] in set(ids)])

    def is_same(self, event: Event, other: Event) -> bool:
        """Whether an event is of the person that the other one is of."""
        spans = self.identities.aliases(other.user_id, other.ts)
        return any(span.id == event.user_id and span.from_ms <= event.ts <= span.until_ms for span in spans)

    def rows(self) -> dict[tuple[str, str], tuple[list[str], list[int]]]:
        """(type, order) -> channels of the journey, and for each milestone the place of the touch that led to it."""
        found = {}
        for key, conversion in self.conversions:
            assert conversion.conversion is not None
            name = conversion.conversion.conversion_type
            before = [
                other
                for other_key, other in self.conversions
                if self.is_same(other, conversion) and (other.ts, other_key) < (conversion.ts, key)
            ]
            journey = [
                item
                for item in sorted(self.touches, key=lambda item: item.ts)
                if self.is_same(item, conversion) and conversion.ts - WINDOW <= item.ts <= conversion.ts
            ]
            if name == ORDER:
                taken = max((other.ts for other in before if other.name == ORDER), default=0)
                journey = [item for item in journey if item.ts > taken]
            leads = [other.ts for other in before if other.name == LEAD and other.ts >= conversion.ts - WINDOW]
            led = []
            if leads and name != LEAD:
                led = [place for place, item in enumerate(journey) if item.ts <= max(leads)][-1:]
            channels = [item.touch.channel for item in journey if item.touch is not None]
            found[name, conversion.conversion.order_id] = (channels, led)
        return found


def check(rows: list[dict[str, Any]], expected: dict[tuple[str, str], tuple[list[str], list[int]]]) -> None:
    assert {(row["type"], row["order_id"]): row["channels"] for row in rows} == {
        key: channels for key, (channels, _) in expected.items()
    }
    place = FIVE_MODELS.index(Model.POSITION_BASED)
    for row in rows:
        n = len(row["keys"])
        if n:
            weights = reference.milestone_weights(n, expected[row["type"], row["order_id"]][1], W)
            key = conversion_key(row["type"], row["order_id"])
            shared = reference.share(1_000_000, weights, key, "position_based", row["keys"])
            assert row["micros"][place * n : (place + 1) * n] == shared


@pytest.mark.parametrize("seed", [1, 2])
def test_any_order_of_arrival_ends_where_the_slow_reference_does(pipeline: Pipeline, seed: int) -> None:
    events = history(seed)
    expected = Reference(events).rows()
    for size in (len(events), 7, 1):
        tenant = pipeline.tenant(rules=RULES)
        shuffled = list(events)
        random.Random(seed * 100 + size).shuffle(shuffled)
        for start in range(0, len(shuffled), size):
            pipeline.send(tenant, *shuffled[start : start + size])
            if size > 1 or start % 5 == 0:
                pipeline.settle()
        pipeline.settle()
        check(pipeline.ledger(tenant), expected)


def test_a_late_order_takes_the_touches_of_the_next_one(pipeline: Pipeline) -> None:
    tenant = pipeline.tenant(rules=RULES)
    pipeline.send(tenant, touch("u:1", NOON - 9, "a"), touch("u:1", NOON - 3, "b"), order("u:1", NOON, "2"))
    pipeline.settle()
    pipeline.send(tenant, order("u:1", NOON - 5, "1"))
    pipeline.settle()
    assert {row["order_id"]: row["channels"] for row in pipeline.ledger(tenant)} == {"1": ["a"], "2": ["b"]}


def test_without_reset_a_late_order_touches_no_other(pipeline: Pipeline) -> None:
    tenant = pipeline.tenant()
    pipeline.send(tenant, touch("u:1", NOON - 9, "a"), order("u:1", NOON, "2"))
    pipeline.settle()
    pipeline.send(tenant, order("u:1", NOON - 5, "1"))
    (drained,) = pipeline.settle()
    assert drained.conversions == 1
