"""Are a load's batches what SDKs post, each event under an id of its own?"""

from __future__ import annotations

import json
import random

from load import generate
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


def test_a_data_set_is_of_its_days_and_the_same_for_a_seed(capfdbinary):
    assert generate.main(["--events", "500", "--users", "40", "--days", "60"]) == 0
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    again = list(generate.events(500, 40, 60, "made-1", random.Random(1), NOW))
    assert [line["messageId"] for line in lines] == [one["messageId"] for one in again]
    assert len({line["messageId"] for line in lines}) == 500
    assert len({line["userId"] for line in lines}) == 40
    ordered = {one["timestamp"][:10] for one in again if one.get("event") == "Order Completed"}
    assert len(ordered) > 10, "orders are of many days"
    assert max(ordered) <= "2026-09-21"
    assert again == list(generate.events(500, 40, 60, "made-1", random.Random(1), NOW))
