"""Is the demo's month what it claims to be, and the same each time?"""

from collections import Counter

import pytest

from workers.local.sample import CONVERSIONS, REPEATED_ORDERS, RESTATED, RETRACTED, TOUCHES, make_sample

NOW_MS = 1_800_000_000_000


@pytest.fixture(scope="module")
def sample():
    return make_sample(NOW_MS)


def test_the_same_seed_makes_the_same_month(sample):
    assert make_sample(NOW_MS) == sample
    assert make_sample(NOW_MS, seed=8) != sample


def test_it_has_what_the_demo_promises(sample):
    ids = Counter(event["messageId"] for event in sample.events)
    orders = Counter(
        event["properties"]["order_id"]
        for event in {event["messageId"]: event for event in sample.events}.values()
        if event.get("event") == "Order Completed"
    )
    assert sample.touches == TOUCHES
    assert len(ids) == TOUCHES + CONVERSIONS + REPEATED_ORDERS
    assert max(ids.values()) == 2
    assert len(orders) == CONVERSIONS
    assert sum(count == 2 for count in orders.values()) == REPEATED_ORDERS
    assert Counter(entry["type"] for entry in sample.adjustments) == {"retract": RETRACTED, "restate": RESTATED}


def test_some_touches_come_after_the_order_that_they_led_to(sample):
    times = [event["timestamp"] for event in sample.events]
    assert times != sorted(times)
    assert max(times) < "2027-01-15T08:00:00"


@pytest.mark.parametrize("model", ["first_touch", "last_touch"])
def test_its_own_reckoning_adds_up(sample, model):
    expected = sample.expected
    credit = expected.credit[model].values()
    assert sum(count for count, _ in credit) + expected.unattributed == expected.conversions == CONVERSIONS
    assert sum(value for _, value in credit) + expected.unattributed_minor == expected.gross_minor
    assert len(expected.credit[model]) == 6
