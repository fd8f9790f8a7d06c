"""What could not be kept, and why? Nothing is dropped silently: it lies here, with its reason, and can be replayed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import msgspec

from app.storage import keys


class Source(StrEnum):
    """Which part gave up."""

    EDGE = "edge"
    DRAIN = "drain"
    CHUNK = "chunk"
    WEBHOOK = "webhook"


class DeadLetter(msgspec.Struct, frozen=True):
    """One event or chunk that was given up. `body` is what a replay needs, as JSON text."""

    tenant_id: int
    reason: str
    message: str
    detail: str
    source: str
    body: str
    at_ms: int = msgspec.field(default_factory=lambda: time.time_ns() // 1_000_000)


encode_dead_letter = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(DeadLetter).decode


class DeadLetters:
    """The dead-letter stream, newest kept.

    Parameters
    ----------
    redis : a connected client.
    entries : how many are kept, about.
    """

    def __init__(self, redis: Any, entries: int) -> None:
        self._redis = redis
        self._entries = entries

    def add(self, letter: DeadLetter) -> None:
        self._redis.xadd(keys.DEAD_LETTERS, {"b": encode_dead_letter(letter)}, maxlen=self._entries, approximate=True)

    def count(self) -> int:
        return int(self._redis.xlen(keys.DEAD_LETTERS))

    def read(
        self, *, tenant_id: int | None = None, reason: str | None = None, limit: int | None = None
    ) -> Iterator[tuple[str, DeadLetter]]:
        """Letters with their ids, oldest first, a page of the stream at a time."""
        start, given = "-", 0
        while True:
            page = self._redis.xrange(keys.DEAD_LETTERS, min=start, count=500)
            for entry_id, fields in page:
                letter = _decode(fields[b"b"])
                if (tenant_id is not None and letter.tenant_id != tenant_id) or (
                    reason is not None and letter.reason != reason
                ):
                    continue
                yield entry_id.decode(), letter
                given += 1
                if given == limit:
                    return
            if len(page) < 500:
                return
            start = "(" + page[-1][0].decode()

    def remove(self, entry_id: str) -> None:
        """Take a letter out: its replay is safely in the inbox or the ledger, or nobody wants what it holds."""
        self._redis.xdel(keys.DEAD_LETTERS, entry_id)
