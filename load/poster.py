"""How do many keep-alive clients post, at little cost of their own? A process of raw connections, a closed loop each.

``python -m load.poster`` reads its `Order` as JSON from stdin and answers a `Tally` on stdout.
"""

from __future__ import annotations

import asyncio
import base64
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from urllib.parse import urlsplit

import msgspec

from load.events import USERS, numbered, template

TEMPLATES = 100
HEAD_END = b"\r\n\r\n"


class Order(msgspec.Struct):
    """What to post. It ends after `seconds`, or after `requests` (0: no such end)."""

    url: str
    write_key: str
    prefix: str
    connections: int
    events: int
    seconds: float
    requests: int
    seed: int
    users: int = USERS


class Tally(msgspec.Struct):
    """How it went: milliseconds of every request answered 200, what the others were answered, and the time it took."""

    milliseconds: list[float]
    events: int
    refused: dict[str, int]
    took_s: float


class _Work:
    """What the connections of one process share: the next batch to post, and the count of what came back."""

    def __init__(self, order: Order) -> None:
        dice = random.Random(order.seed)
        now_ms = time.time_ns() // 1_000_000
        prefix = f"{order.prefix}-{order.seed}"
        self._bodies = [template(prefix, order.events, dice, now_ms, order.users) for _ in range(TEMPLATES)]
        self._head = head(order.url, order.write_key)
        self._order = order
        self._sent = 0
        self.tally = Tally([], 0, {}, 0.0)
        self.end_s = time.perf_counter() + order.seconds

    def next(self) -> bytes | None:
        is_over = self._order.requests and self._sent >= self._order.requests
        if is_over or time.perf_counter() >= self.end_s:
            return None
        self._sent += 1
        body = numbered(self._bodies[self._sent % TEMPLATES], self._sent)
        return self._head % len(body) + body

    def note(self, status: str, took_s: float) -> None:
        if status == "200":
            self.tally.milliseconds.append(1000 * took_s)
            self.tally.events += self._order.events
        else:
            self.tally.refused[status] = self.tally.refused.get(status, 0) + 1


class _Connection(asyncio.Protocol):
    """Posts, waits for the answer, posts again."""

    def __init__(self, work: _Work, done: asyncio.Future[None]) -> None:
        self._work = work
        self._done = done
        self._buffer = b""
        self._began_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._post()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        status = answered(self._buffer)
        if status:
            if status != "200":
                status = f"{status} {code_in(self._buffer)}"
            self._buffer = b""
            self._work.note(status, time.perf_counter() - self._began_s)
            self._post()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._work.note("connection lost", 0.0)
            self._done.set_result(None)

    def _post(self) -> None:
        request = self._work.next()
        if request is None:
            self._done.set_result(None)
            self._transport.close()
            return
        self._began_s = time.perf_counter()
        self._transport.write(request)


def head(url: str, write_key: str) -> bytes:
    """The head of a POST to /v1/batch, its Content-Length left as ``%d``."""
    token = base64.b64encode(f"{write_key}:".encode()).decode()
    text = (
        f"POST /v1/batch HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nAuthorization: Basic {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    )
    return text.encode()


def answered(buffer: bytes) -> str:
    """The status of a whole answer, '' while it is not whole. The edge always gives a Content-Length."""
    end = buffer.find(HEAD_END)
    if end < 0:
        return ""
    at = buffer[:end].lower().find(b"content-length:")
    length = int(buffer[at + 15 : end].split(b"\r", 1)[0]) if at >= 0 else 0
    return buffer[9:12].decode() if len(buffer) >= end + len(HEAD_END) + length else ""


def code_in(answer: bytes) -> str:
    """The code of an error of ours: a bare 503 says nothing about which part was away."""
    try:
        return str(msgspec.json.decode(answer.partition(HEAD_END)[2])["code"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return "without a code"


async def post(order: Order) -> Tally:
    """Post as ordered, over so many connections at once."""
    loop = asyncio.get_running_loop()
    work, parts = _Work(order), urlsplit(order.url)
    began_s = time.perf_counter()
    work.end_s = began_s + order.seconds
    done = [loop.create_future() for _ in range(order.connections)]
    for one in done:
        await loop.create_connection(partial(_Connection, work, one), parts.hostname or "", parts.port or 80)
    await asyncio.gather(*done)
    work.tally.took_s = time.perf_counter() - began_s
    return work.tally


def post_from_processes(orders: Sequence[Order]) -> Tally:
    """Post from a process an order, all at once; their tallies as one."""
    running = [
        subprocess.Popen([sys.executable, "-m", "load.poster"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in orders
    ]
    for process, order in zip(running, orders, strict=True):
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(order))
        process.stdin.close()
    whole = Tally([], 0, {}, 0.0)
    for process in running:
        assert process.stdout is not None
        with process:
            part = msgspec.json.decode(process.stdout.read(), type=Tally)
        whole.milliseconds += part.milliseconds
        whole.events += part.events
        whole.took_s = max(whole.took_s, part.took_s)
        for reason, count in part.refused.items():
            whole.refused[reason] = whole.refused.get(reason, 0) + count
    return whole


if __name__ == "__main__":
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(post(asked))))
