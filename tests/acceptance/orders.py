"""How does a test post an order, and see its credit?"""

from __future__ import annotations

from datetime import UTC, datetime

from app.errors import TributaryError
from tests.running import Up


def order(up: Up, number: str) -> None:
    """Post one order with one touch before it."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    person = {"userId": f"person-{number}", "timestamp": now}
    touch = {"type": "track", "event": "Ad Clicked", "messageId": f"touch-{number}", "properties": {"channel": "radio"}}
    bought = {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"order-{number}",
        "properties": {"order_id": number, "revenue": "12.34", "currency": "USD"},
    }
    with up.edge as edge:
        answer = edge.send_events([{**touch, **person}, {**bought, **person}], now)
    assert answer["accepted"] == 2


def is_credited(up: Up, number: str) -> bool:
    try:
        with up.edge as edge:
            found = edge.get(f"/v1/conversions/{number}")
    except TributaryError:
        return False  # not stored yet
    return bool(found["state"] == "credited" and found["amounts"]["value_minor"] == 1234)
