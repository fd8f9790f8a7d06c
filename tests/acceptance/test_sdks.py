"""The SDKs that client apps already have, unmodified, against the running stack: each messageId counts once."""

from __future__ import annotations

import dataclasses
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import posthog
import pytest
from rudderstack.analytics.client import Client as Rudder
from segment.analytics.client import Client as Segment

from app.storage.client import Storage
from app.storage.statements import TenantStatement
from config.settings import Settings
from tests.acceptance.test_oracle import new_tenant, wait_for
from tests.running import Up
from workers.edge import Edge

PEOPLE = 30
START = datetime.now(UTC) - timedelta(hours=3)
EVENTS = TenantStatement("test_events", "SELECT message_id FROM events WHERE {tenant}")


@dataclasses.dataclass
class Journey:
    """What one person does: an anonymous page, a login, an order; each call with a messageId of its own."""

    person: str
    page: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))
    login: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))
    order: str = dataclasses.field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def device(self) -> str:
        return f"device-{self.person}"


def post_with_segment_like(client: Any, journeys: list[Journey]) -> None:
    campaign = {"campaign": {"source": "news", "medium": "email", "name": "autumn"}}
    for one in journeys:
        page = {"url": "https://shop.example/?utm_source=news&utm_medium=email&utm_campaign=autumn"}
        client.page(
            anonymous_id=one.device, properties=page, context=dict(campaign), timestamp=START, message_id=one.page
        )
        client.identify(one.person, {"plan": "free"}, anonymous_id=one.device, timestamp=START, message_id=one.login)
        order = {"order_id": one.order, "revenue": 19.99, "currency": "USD"}
        later = START + timedelta(minutes=5)
        client.track(one.person, "Order Completed", order, timestamp=later, message_id=one.order)
    client.flush()


def post_with_posthog(client: posthog.Posthog, journeys: list[Journey]) -> None:
    for one in journeys:
        page = {"$current_url": "https://shop.example/?utm_source=news&utm_medium=email&utm_campaign=autumn"}
        page |= {"$process_person_profile": False}
        client.capture("$pageview", distinct_id=one.device, properties=page, timestamp=START, uuid=one.page)
        login = {"$anon_distinct_id": one.device}
        client.capture("$identify", distinct_id=one.person, properties=login, timestamp=START, uuid=one.login)
        order = {"order_id": one.order, "revenue": 19.99, "currency": "USD"}
        later = START + timedelta(minutes=5)
        client.capture("Order Completed", distinct_id=one.person, properties=order, timestamp=later, uuid=one.order)
    client.flush()


Post = Callable[[str, str, list[Journey]], None]


def segment(url: str, key: str, journeys: list[Journey], *, gzip: bool = False) -> None:
    client = Segment(key, host=url, gzip=gzip, on_error=fail, upload_size=20)
    post_with_segment_like(client, journeys)
    client.shutdown()


def segment_gzip(url: str, key: str, journeys: list[Journey]) -> None:
    segment(url, key, journeys, gzip=True)


def rudder(url: str, key: str, journeys: list[Journey]) -> None:
    client = Rudder(key, host=url, on_error=fail, upload_size=20)
    post_with_segment_like(client, journeys)
    client.shutdown()


def posthog_(url: str, key: str, journeys: list[Journey]) -> None:
    client = posthog.Posthog(key, host=url, on_error=fail, flush_at=20, gzip=True)
    post_with_posthog(client, journeys)
    client.shutdown()


def fail(error: Exception, batch: Any) -> None:
    raise AssertionError(f"the SDK gave up on a batch: {error}")


@pytest.fixture
def edge(stack: Up) -> Iterator[Edge]:
    with new_tenant(stack) as edge:
        yield edge


@pytest.mark.parametrize("post", [segment, segment_gzip, rudder, posthog_])
def test_each_message_counts_once_and_earns_its_credit(stack: Up, edge: Edge, post: Post) -> None:
    journeys = [Journey(f"person-{number}") for number in range(PEOPLE)]
    before = threading.active_count()
    # The second time is what an SDK does when an answer got lost.
    for _ in range(2):
        post(stack.state["url"], edge._write_key, journeys)
    report = wait_for(stack, edge, PEOPLE)
    assert report["models"][0]["total"]["value"] == "599.70"
    rows = edge.get("/v1/reports/attribution", {"models": "linear"})["rows"]
    assert {(row["channel"], row["conversions"]) for row in rows} == {("email", str(PEOPLE))}
    sent = [id for one in journeys for id in (one.page, one.login, one.order)]
    assert stored(stack, edge) == Counter(sent)
    assert threading.active_count() <= before + 1


def stored(stack: Up, edge: Edge) -> Counter[str]:
    """How often each messageId of the tenant stands in storage, before any merge."""
    settings = dataclasses.replace(Settings(), clickhouse_url=stack.state["clickhouse_url"])
    storage = Storage(settings)
    try:
        listed = stack.run("tenants", "list", "--json").stdout.splitlines()
        return Counter(row[0] for row in storage.rows(EVENTS, tenant_id=len(listed)))
    finally:
        storage.close()
