"""Read one event as the edge does, at a fixed time: what the tests of this folder share."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from app.ingest.events import Event
from app.ingest.posthog import read_posthog
from app.ingest.reading import Reading, begin_reading
from app.ingest.segment import read_segment
from app.tenants.rules import ConversionRule, Rules
from app.tenants.tenant import Tenant
from config.settings import Settings

NOW_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
TENANT = Tenant(
    7,
    "demo",
    "Demo",
    currency="EUR",
    hosts=("shop.example",),
    rules=Rules(version=3, conversions=(ConversionRule("Order Completed"), ConversionRule("Signed Up", "signup"))),
)


def reading(sent_at: object = None, event_type: str = "", settings: Settings | None = None) -> Reading:
    return begin_reading(TENANT, NOW_MS, sent_at, settings or Settings(), event_type)


def segment(sent_at: object = None, **event: Any) -> Event:
    event = {"type": "track", "event": "Something", "userId": "u1", "messageId": "m1"} | event
    return read_segment(msgspec.Raw(json.dumps(event).encode()), reading(sent_at))


def posthog(**event: Any) -> Event:
    event = {"event": "Something", "distinct_id": "u1", "uuid": "m1"} | event
    return read_posthog(msgspec.Raw(json.dumps(event).encode()), reading())
