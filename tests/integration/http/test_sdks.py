"""Do the unmodified SDKs work, each of their messages reaching the inbox exactly once?"""

from __future__ import annotations

import gzip as gzip_module
import json
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import posthog
import pytest
import requests
from rudderstack.analytics.client import Client as RudderStack
from segment.analytics.client import Client as Segment

from tests.integration.http.conftest import Edge

EVENTS = 230  # three batches of the SDKs' hundred


def counted(edge: Edge, ids: list[str]) -> None:
    assert Counter(event.message_id for event in edge.events()) == Counter(ids)
    assert len(set(ids)) == len(ids)
    assert edge.letters() == []


@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("sdk", [Segment, RudderStack])
def test_segment_and_rudderstack(edge: Edge, sdk: Any, gzip: bool) -> None:
    errors: list[Any] = []
    client = sdk(edge.write_key, host=edge.url, gzip=gzip, on_error=lambda error, items: errors.append(error))
    ids = [uuid.uuid4().hex for _ in range(EVENTS)]
    for number, id in enumerate(ids):
        match number % 6:
            case 0:
                campaign = {"campaign": {"source": "google", "medium": "cpc", "name": "spring"}}
                client.page("u1", "docs", "Home", {"url": "https://a.example/"}, campaign, message_id=id)
            case 1:
                properties = {"order_id": f"o{number}", "revenue": 12.5, "currency": "EUR"}
                client.track("u1", "Order Completed", properties, anonymous_id="a1", message_id=id)
            case 2:
                client.identify("u1", {"plan": "free"}, anonymous_id="a1", message_id=id)
            case 3:
                client.screen("u1", name="Start", message_id=id)
            case 4:
                client.alias("u0", "u1", message_id=id)
            case _:
                client.group("u1", "g1", {"name": "G"}, message_id=id)
    client.flush()
    client.join()
    assert errors == []
    counted(edge, ids)
    events = {event.message_id: event for event in edge.events()}
    page, order, alias = events[ids[0]], events[ids[1]], events[ids[4]]
    assert page.touch is not None
    assert (page.touch.channel, page.touch.campaign, page.user_id) == ("paid_search", "spring", "u:u1")
    assert order.conversion is not None
    assert (order.conversion.order_id, order.conversion.value_minor) == ("o1", 1250)
    assert (order.user_id, order.anonymous_id) == ("u:u1", "a:a1")
    assert (alias.user_id, alias.previous_id) == ("u:u1", "u:u0")


@pytest.mark.parametrize("gzip", [False, True])
def test_posthog(edge: Edge, gzip: bool) -> None:
    errors: list[Any] = []
    client = posthog.Posthog(
        edge.write_key, host=edge.url, gzip=gzip, on_error=lambda error, items: errors.append(error)
    )
    ids = [str(uuid.uuid4()) for _ in range(EVENTS)]
    for number, id in enumerate(ids):
        match number % 5:
            case 0:
                url = "https://a.example/?utm_source=fb&utm_medium=paid&utm_campaign=c"
                client.capture("$pageview", distinct_id="u1", properties={"$current_url": url}, uuid=id)
            case 1:
                properties = {"order_id": f"o{number}", "revenue": "12.50", "currency": "EUR"}
                client.capture("Order Completed", distinct_id="u1", properties=properties, uuid=id)
            case 2:
                client.alias("u0", "u1", uuid=id)
            case 3:
                client.set(distinct_id="u1", properties={"plan": "free"}, uuid=id)
            case _:
                client.capture("visited", uuid=id)
    client.shutdown()
    assert errors == []
    counted(edge, ids)
    events = {event.message_id: event for event in edge.events()}
    page, order, alias, nobody = (events[ids[number]] for number in (0, 1, 2, 4))
    assert page.touch is not None
    assert (page.touch.channel, page.touch.campaign, page.user_id) == ("paid_social", "c", "u:u1")
    assert order.conversion is not None
    assert order.conversion.value_minor == 1250
    assert (alias.user_id, alias.previous_id) == ("u:u1", "u:u0")
    assert nobody.user_id.startswith("a:")


def test_sdks_learn_of_a_wrong_key(edge: Edge) -> None:
    errors: list[Any] = []
    for sdk in (Segment, RudderStack):
        client = sdk("wk_wrong", host=edge.url, on_error=lambda error, items: errors.append(error))
        client.track("u1", "x")
        client.flush()
        client.join()
    assert [(error.status, error.code) for error in errors] == [(401, "unknown_key")] * 2


def test_clocks_bad_events_and_repeats(edge: Edge) -> None:
    now = datetime.now(UTC)
    late = {"type": "track", "event": "x", "userId": "u", "messageId": "late"}
    late["timestamp"] = (now - timedelta(hours=1, seconds=20)).isoformat()
    bad = {"type": "track", "event": "x", "messageId": "bad"}
    body = {"batch": [late, bad], "sentAt": (now - timedelta(hours=1)).isoformat()}
    packed = gzip_module.compress(json.dumps(body).encode())
    for _ in range(2):
        answer = requests.post(
            f"{edge.url}/v1/batch",
            data=packed,
            headers={"Content-Type": "application/json", "Content-Encoding": "gzip", "X-Write-Key": edge.write_key},
            timeout=10,
        )
        assert answer.status_code == 200
        assert answer.json()["accepted"] == 1
        assert [one["code"] for one in answer.json()["rejected"]] == ["missing_id"]
    first, second = edge.events()
    assert first.message_id == second.message_id
    assert abs(first.ts - (now.timestamp() - 20) * 1000) < 5_000
    assert [letter.reason for letter in edge.letters()] == ["missing_id"] * 2


def test_spend_and_adjustments(edge: Edge) -> None:
    headers = {"Authorization": f"Bearer {edge.secret_key}"}
    row = {"day": "2026-01-01", "channel": "Email", "amount": "3.20", "currency": "EUR"}
    one = {"adjustment_id": "a", "type": "restate", "order_id": "o", "value": "5", "at": "2026-01-02T00:00:00Z"}
    assert requests.post(f"{edge.url}/v1/spend", json=[row], headers=headers, timeout=10).json()["accepted"] == 1
    assert requests.post(f"{edge.url}/v1/adjustments", json=one, headers=headers, timeout=10).json()["accepted"] == 1
    spend, adjustments = edge.batches()
    assert [(spent.channel, spent.amount_minor) for spent in spend.spend] == [("email", 320)]
    assert [(made.action, made.value) for made in adjustments.adjustments] == [("restate", "5")]


def test_a_body_that_is_too_large_gets_its_answer(edge: Edge) -> None:
    for size in (600_000, 5_000_000):
        answer = requests.post(
            f"{edge.url}/v1/batch",
            data=b" " * size,
            headers={"Content-Type": "application/json", "X-Write-Key": edge.write_key},
            timeout=10,
        )
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")

    def pieces() -> Any:
        for _ in range(20):
            yield b" " * 100_000

    answer = requests.post(
        f"{edge.url}/v1/batch",
        data=pieces(),
        headers={"Content-Type": "application/json", "X-Write-Key": edge.write_key},
        timeout=10,
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_readiness(edge: Edge) -> None:
    answer = requests.get(f"{edge.url}/readyz", timeout=10)
    assert answer.status_code == 200
    assert {name: part["ok"] for name, part in answer.json()["parts"].items()} == {"redis": True, "clickhouse": True}
