"""What do SDKs post? Segment-style batches: pages with campaigns, logins, other events, and some orders.

A batch is made once as a template and posted many times, each time under a number of its own: making events must not
cost the generator more than taking them in costs the edge.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import msgspec

NUMBER = b"00000000n0"
"""Stands in a template's message ids and order ids where the number of the batch goes, in as many bytes."""
DAY_MS = 86_400_000
SHARES = {"page": 0.86, "track": 0.06, "identify": 0.04, "order": 0.04}
WAYS = (
    ("google", "cpc", "brand"),
    ("google", "cpc", "generic"),
    ("facebook", "paid_social", "prospecting"),
    ("crm", "email", "newsletter"),
)
USERS = 20_000
"""Of whom a benchmark's events are, unless it says otherwise."""
REFERRERS = ("https://www.google.com/", "https://news.example/story", "")


def template(prefix: str, events: int, dice: random.Random, now_ms: int, users: int = USERS) -> bytes:
    """The body of one batch; `numbered` makes it one of its own.

    Parameters
    ----------
    prefix : begins every message id and order id, so that a run's events can be found again.
    events : in the batch.
    """
    batch = [event(f"{prefix}-{NUMBER.decode()}-{place}", dice, now_ms, users) for place in range(events)]
    return msgspec.json.encode({"batch": batch, "sentAt": rfc3339(now_ms)})


def numbered(body: bytes, number: int) -> bytes:
    """The template as batch `number`: message ids and order ids that no other batch has."""
    return body.replace(NUMBER, b"%010d" % number)


def message_ids(body: bytes) -> list[str]:
    """The message ids of a batch, orders first marked by ``order`` in their type; see `orders_in`."""
    return [event["messageId"] for event in msgspec.json.decode(body)["batch"]]


def orders_in(body: bytes) -> list[str]:
    """The order ids of a batch."""
    events = msgspec.json.decode(body)["batch"]
    return [event["properties"]["order_id"] for event in events if event.get("event") == "Order Completed"]


def rfc3339(at_ms: int) -> str:
    """Epoch milliseconds as SDKs write them."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event(id: str, dice: random.Random, now_ms: int, users: int) -> dict[str, Any]:
    """One event of one of so many users: an order at `now_ms` (epoch ms), or what came before one."""
    user = dice.randrange(users)
    kind = dice.choices(list(SHARES), list(SHARES.values()))[0]
    at_ms = now_ms - (0 if kind == "order" else int(dice.expovariate(1 / (3 * DAY_MS))) % (25 * DAY_MS))
    made: dict[str, Any] = {
        "messageId": id,
        "timestamp": rfc3339(at_ms),
        "userId": f"user-{user}",
        "context": {"library": {"name": "analytics-python", "version": "2.3.3"}, "ip": "203.0.113.9"},
    }
    if kind == "page":
        return made | _page(dice) | {"context": made["context"] | _came_from(dice)}
    if kind == "identify":
        return made | {"type": "identify", "anonymousId": f"visitor-{user}", "traits": {"plan": "free"}}
    if kind == "track":
        return made | {"type": "track", "event": "Product Viewed", "properties": {"sku": f"sku-{user % 500}"}}
    value = f"{dice.randrange(5, 300)}.{dice.randrange(100):02d}"
    properties = {"order_id": f"o-{id}", "revenue": value, "currency": "USD"}
    return made | {"type": "track", "event": "Order Completed", "properties": properties}


def _page(dice: random.Random) -> dict[str, Any]:
    url = f"https://shop.example/products/{dice.randrange(5_000)}"
    return {"type": "page", "name": "Product", "properties": {"url": url, "title": "Product"}}


def _came_from(dice: random.Random) -> dict[str, Any]:
    if dice.random() < 0.3:
        return {"page": {"url": "https://shop.example/", "referrer": dice.choice(REFERRERS)}}
    source, medium, name = dice.choice(WAYS)
    return {
        "campaign": {"source": source, "medium": medium, "name": name},
        "page": {"url": f"https://shop.example/?utm_source={source}", "referrer": ""},
    }
