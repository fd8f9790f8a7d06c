"""SEMANTICS section 6 through HTTP: ten paths posted by a client, read from the report."""

from __future__ import annotations

import json
import random
import uuid
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from app.storage.redis import make_redis
from config.settings import Settings
from tests.running import Up, settled
from workers.commands.channel_models import computed
from workers.edge import Edge

# path, values of its conversions, journeys that did not convert, ages in hours
PATHS = [
    ("A", ["100.00"], 0, [0]),
    ("A B", ["100.00"], 0, [168, 0]),
    ("A B C", ["90.00"], 0, [336, 168, 0]),
    ("A B C D", ["10.01"], 0, [504, 336, 168, 24]),
    ("A A", ["50.00"], 0, [168, 24]),
    ("A B A", ["30.00"], 0, [240, 120, 12]),
    ("D D C", ["30.00", "30.00"], 0, [72, 48, 24]),
    ("B C", [], 3, [48, 24]),
    ("C", [], 5, [24]),
    ("D A B A C", ["0.00"], 1, [400, 300, 200, 100, 50]),
]
CONVERSIONS = {
    "first_touch": (6, 0, 0, 3),
    "last_touch": (3, 1, 4, 1),
    "linear": (4.15, 1.616667, 1.45, 1.783333),
    "position_based": (4.233333, 1.066667, 1.7, 2.0),
    "time_decay": (3.628386, 1.591032, 1.925479, 1.855103),
}
VALUES = {
    "first_touch": (380.01, 0, 0, 60.00),
    "last_touch": (180.00, 100.00, 150.00, 10.01),
    "linear": (252.5025, 92.5025, 52.5025, 42.5025),
    "position_based": (264.004, 75.001, 61.001, 40.004),
    "time_decay": (217.432179, 103.247241, 76.249021, 43.081559),
}
PERIOD_MODELS = {
    "markov": (2.991545, 2.018117, 2.456280, 1.534058),
    "shapley": (3.833333, 1.833333, 1.833333, 1.5),
}
WHEN = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)


def new_tenant(stack: Up) -> Edge:
    """An edge with the keys of a tenant of its own."""
    made = stack.run("tenants", "create", f"t-{uuid.uuid4().hex[:10]}", "--json")
    assert made.returncode == 0, made.stderr
    keys = json.loads(made.stdout)
    return Edge(stack.state["url"], write_key=keys["write_key"], secret_key=keys["secret_key"])


def events() -> list[dict[str, Any]]:
    """The ten paths, each journey a person of its own."""
    found: list[dict[str, Any]] = []
    for path, values, nulls, ages in PATHS:
        for value in [*values, *[None] * nulls]:
            person = uuid.uuid4().hex
            for channel, age in zip(path.split(), ages, strict=True):
                properties = {"channel": channel, "kind": "click"}
                found.append(event(person, "Touchpoint", WHEN - timedelta(hours=age), properties))
            if value is not None:
                properties = {"order_id": person, "revenue": value, "currency": "EUR"}
                found.append(event(person, "Order Completed", WHEN, properties))
    return found


def event(person: str, name: str, when: datetime, properties: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "track",
        "event": name,
        "userId": person,
        "messageId": uuid.uuid4().hex,
        "timestamp": when.isoformat(),
        "properties": properties,
    }


def send(edge: Edge, batch: list[dict[str, Any]], *, sent_at: datetime | None = None) -> None:
    answer = edge.send_events(batch, (sent_at or datetime.now(UTC)).isoformat())
    assert (answer["accepted"], answer["rejected"]) == (len(batch), [])


def wait_for(stack: Up, edge: Edge, conversions: int) -> dict[str, Any]:
    """The reconciliation, once so many conversions are credited, with the touches that were posted after them."""
    report: dict[str, Any] = {}

    def is_credited() -> bool:
        report.update(edge.get("/v1/reconcile"))
        totals = [line["total"]["conversions_micro"] for line in report["models"]]
        return bool(report["reconciled"] and totals and min(totals) == conversions * 1_000_000)

    redis = make_redis(stack.state["redis_url"])
    stack.wait(lambda: settled(redis, Settings().shards) and is_credited(), 30)
    redis.close()
    return report


def by_channel(report: dict[str, Any], column: str) -> dict[str, dict[str, Decimal]]:
    found: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in report["rows"]:
        found[row["model"]][row["channel"]] += Decimal(row[column])
    return found


@pytest.fixture(scope="module")
def oracle(stack: Up) -> Iterator[Edge]:
    """The tenant of the ten paths: posted shuffled, in small batches, a third of it twice."""
    sent = events()
    sent += random.Random(6).sample(sent, len(sent) // 3)
    random.Random(7).shuffle(sent)
    with new_tenant(stack) as edge:
        for start in range(0, len(sent), 7):
            send(edge, sent[start : start + 7])
        wait_for(stack, edge, 9)
        yield edge


@pytest.fixture(scope="module")
def report(oracle: Edge) -> dict[str, Any]:
    return oracle.get("/v1/reports/attribution")


@pytest.mark.parametrize("model", list(CONVERSIONS))
def test_conversions_are_those_of_the_oracle(report: dict[str, Any], model: str) -> None:
    found = by_channel(report, "conversions")[model]
    # Ten journeys of whole millionths; the oracle's figures have six decimals.
    for channel, expected in zip("abcd", CONVERSIONS[model], strict=True):
        assert float(found[channel]) == pytest.approx(expected, abs=6e-6)
    assert sum(found.values()) == 9


@pytest.mark.parametrize("model", list(VALUES))
def test_values_are_those_of_the_oracle_in_whole_cents(report: dict[str, Any], model: str) -> None:
    found = by_channel(report, "value")[model]
    # Each of nine conversions is shared in whole cents, so a channel is at most some cents from its exact share.
    for channel, expected in zip("abcd", VALUES[model], strict=True):
        assert float(found[channel]) == pytest.approx(expected, abs=0.05)
    assert sum(found.values()) == Decimal("440.01")


def test_markov_and_shapley_are_those_of_the_oracle(oracle: Edge) -> None:
    found = by_channel(computed(oracle, {"intervals": "1"}), "conversions")
    for model, expected in PERIOD_MODELS.items():
        assert [float(found[model][name]) for name in "abcd"] == pytest.approx(expected, abs=2e-6)
        assert sum(found[model].values()) == 9
    again = oracle.get("/v1/reports/channels?intervals=1")
    assert (again["state"], again["reconciled"]) == ("ready", True)
    effects = [line["removal_effect"] for line in again["channels"]]
    assert effects == pytest.approx([0.590414, 0.398297, 0.484774, 0.302763], abs=1e-6)


def test_rows_sum_to_the_totals(report: dict[str, Any]) -> None:
    assert report["reconciled"] is True
    values = by_channel(report, "value")
    for total in report["totals"]:
        assert Decimal(total["value"]) == sum(values[total["model"]].values())


def test_an_event_sent_again_with_another_sent_at_counts_once(stack: Up) -> None:
    touch = event("p", "Touchpoint", WHEN, {"channel": "email"})
    bought = event("p", "Order Completed", WHEN + timedelta(hours=1), {"order_id": "again", "revenue": "5"})
    now = datetime.now(UTC)
    with new_tenant(stack) as edge:
        for skew in (0, 3600, -1800, 90_000):
            send(edge, [touch, bought], sent_at=now - timedelta(seconds=skew))
        wait_for(stack, edge, 1)
        told = edge.get("/v1/conversions/again")
    assert len([touch for touch in told["touches"] if touch["in"]]) == 1


def test_two_tenants_with_the_same_ids_never_see_each_other(stack: Up) -> None:
    with new_tenant(stack) as one, new_tenant(stack) as other:
        for edge, channel in ((one, "email"), (other, "radio")):
            touch = {**event("same", "Touchpoint", WHEN, {"channel": channel}), "messageId": "touch"}
            bought = {**event("same", "Order Completed", WHEN, {"order_id": "1", "revenue": "5"}), "messageId": "order"}
            send(edge, [touch, bought])
        for edge, channel in ((one, "email"), (other, "radio")):
            wait_for(stack, edge, 1)
            assert {row["channel"] for row in edge.get("/v1/reports/attribution")["rows"]} == {channel}
            assert [touch["channel"] for touch in edge.get("/v1/conversions/1")["touches"]] == [channel]


def test_restate_and_retract_through_http(stack: Up) -> None:
    with new_tenant(stack) as edge:
        for order_id in ("full", "part"):
            touch = event(order_id, "Touchpoint", WHEN, {"channel": "email"})
            properties = {"order_id": order_id, "revenue": "10.00", "currency": "EUR"}
            send(edge, [touch, event(order_id, "Order Completed", WHEN, properties)])
        now = datetime.now(UTC).isoformat()
        part = {"adjustment_id": "1", "type": "restate", "order_id": "part", "value": "4.00", "currency": "EUR"}
        full = {"adjustment_id": "2", "type": "retract", "order_id": "full"}
        edge.post("/v1/adjustments", [{**part, "at": now}, {**full, "at": now}])

        def totals() -> dict[str, Any]:
            found: dict[str, Any] = edge.get("/v1/reconcile")
            return found["models"][0]["credited"] if found["models"] else {}

        stack.wait(lambda: totals().get("net_value") == "4.00", 30)
        assert totals()["value"] == "20.00"
        assert totals()["net_conversions_micro"] == 1_000_000
