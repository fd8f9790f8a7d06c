"""A client that sends again, unchanged, whatever was not answered 200."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import requests

from tests.running import Up


class Sender(threading.Thread):
    """Posts batches until told to stop; a batch that was not answered 200 is sent again, unchanged."""

    def __init__(self, up: Up, pause_s: float = 0.02) -> None:
        super().__init__(daemon=True)
        self._up = up
        self._pause_s = pause_s
        self._ended = threading.Event()
        self.accepted: list[str] = []
        self.orders: list[str] = []
        self.resent = 0
        self.failures: list[str] = []

    def run(self) -> None:
        while not self._ended.is_set():
            batch, orders = self._batch()
            while not self._taken(batch):
                self.resent += 1
                time.sleep(0.2)
            self.accepted += [event["messageId"] for event in batch]
            self.orders += orders
            time.sleep(self._pause_s)

    def finish(self) -> None:
        self._ended.set()
        self.join(60)
        assert not self.is_alive()

    def _taken(self, batch: list[dict[str, Any]]) -> bool:
        try:
            state = self._up.state
            answer = requests.post(
                f"{state['url']}/v1/batch", json={"batch": batch}, auth=(state["write_key"], ""), timeout=10
            )
        except (requests.RequestException, KeyError):
            return False
        if answer.status_code not in (200, 429, 503):
            self.failures.append(f"{answer.status_code}: {answer.text[:200]}")
        return answer.status_code == 200

    def _batch(self) -> tuple[list[dict[str, Any]], list[str]]:
        events: list[dict[str, Any]] = []
        for number in range(18):
            channel = ("email", "paid_search", "affiliates")[number % 3]
            properties = {"channel": channel, "kind": "click"}
            events.append(self._event("Touchpoint", f"u{uuid.uuid4().int % 50}", properties))
        orders = [uuid.uuid4().hex for _ in range(2)]
        for order_id in orders:
            properties = {"order_id": order_id, "revenue": "10.01", "currency": "USD"}
            events.append(self._event("Order Completed", f"u{uuid.uuid4().int % 50}", properties))
        return events, orders

    @staticmethod
    def _event(name: str, user: str, properties: dict[str, str]) -> dict[str, Any]:
        return {
            "type": "track",
            "event": name,
            "userId": user,
            "messageId": uuid.uuid4().hex,
            "timestamp": datetime.now(UTC).isoformat(),
            "properties": properties,
        }
