"""How long after its post is an order's credit readable? One order at a time is watched, through the API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from app.errors import TributaryError
from load.stack import Stack
from workers.edge import Edge

LOOK_EVERY_S = 0.05
GIVE_UP_S = 60.0


class CreditTimes:
    """Seconds from the answer to a post to the credit of an order in it."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._watched: asyncio.Future[None] | None = None
        self.seconds: list[float] = []
        self.failure = ""
        """What the API answered to a look, where that was neither the order nor that it is not there yet."""

    def offer(self, orders: Sequence[str]) -> None:
        """Watch one of these orders, unless another is being watched."""
        if orders and (self._watched is None or self._watched.done()):
            self._watched = asyncio.ensure_future(asyncio.to_thread(self._watch, orders[0], time.perf_counter()))

    async def finish(self) -> None:
        """Wait for the order under watch."""
        if self._watched is not None:
            await self._watched

    def _watch(self, order: str, since_s: float) -> None:
        edge = Edge(self._stack.url, secret_key=self._stack.secret_key)
        try:
            while time.perf_counter() - since_s < GIVE_UP_S:
                if _is_credited(edge, order):
                    self.seconds.append(time.perf_counter() - since_s)
                    return
                time.sleep(LOOK_EVERY_S)
            self.failure = f"{order} was not credited within {GIVE_UP_S:.0f} s"
        except TributaryError as error:
            self.failure = f"looking at {order}: {error}"
        finally:
            edge.close()


def _is_credited(edge: Edge, order: str) -> bool:
    try:
        return bool(edge.get(f"/v1/conversions/{order}")["state"] != "pending")
    except TributaryError as error:
        if error.status == 404:
            return False
        raise
