"""Are a load's batches what SDKs post, each event under an id of its own?"""

from __future__ import annotations

import json
import random

from load.events import message_ids, numbered, orders_in, template

NOW = 1_790_000_000_000


def body(events: int = 200) -> bytes:
    return template("run", events, random.Random(3), NOW)


def test_batches_of_one_template_share_no_id():
    first, second = numbered(body(), 1), numbered(body(), 2)
    assert len(set(message_ids(first)) | set(message_ids(second))) == 400
    assert len(set(orders_in(first)) | set(orders_in(second))) == 2 * len(orders_in(first)) > 0


def test_a_number_changes_no_length():
    assert len(numbered(body(), 7)) == len(numbered(body(), 1_234_567)) == len(body())


def test_the_mix_is_of_all_kinds():
    events = json.loads(numbered(body(), 1))["batch"]
    assert {event["type"] for event in events} == {"page", "track", "identify"}
    assert all(id.startswith("run-") for id in message_ids(body()))
    assert all(order.startswith("o-run-") for order in orders_in(body()))


def test_no_order_is_older_than_a_touch_may_be():
    times = [event["timestamp"] for event in json.loads(body())["batch"]]
    assert max(times) == "2026-09-21T14:13:20.000Z"
    assert min(times) > "2026-08-25"
