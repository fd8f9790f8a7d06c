"""How is a post sent when it is due, however many are under way? Over a kept connection, or one more."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from load.poster import HEAD_END, head

ANSWER_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Posted:
    """One answer. `status` is the HTTP status or the kind of failure; the time counts from when the post was due."""

    stage: str
    status: str
    milliseconds: float


class Posts:
    """Keep-alive connections to one edge; as many as there are posts at once."""

    def __init__(self, url: str, write_key: str) -> None:
        self._parts = urlsplit(url)
        self._head = head(url, write_key)
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.began_s = 0.0

    async def send(self, body: bytes, due_s: float, stage: str) -> Posted:
        """Post once; never raises. `due_s` is on the clock of `time.perf_counter`."""
        try:
            status = await asyncio.wait_for(self._send(body), ANSWER_WITHIN_S)
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            status = type(error).__name__
        return Posted(stage, status, 1000 * (time.perf_counter() - due_s))

    def close(self) -> None:
        for _, writer in self._free:
            writer.close()

    async def _send(self, body: bytes) -> str:
        reader, writer = self._free.pop() if self._free else await self._connect()
        try:
            writer.write(self._head % len(body) + body)
            answer = await reader.readuntil(HEAD_END)
            at = answer.lower().index(b"content-length:")
            await reader.readexactly(int(answer[at + 15 :].split(b"\r", 1)[0]))
        except BaseException:
            writer.close()
            raise
        if b"connection: close" in answer.lower():
            writer.close()
        else:
            self._free.append((reader, writer))
        return answer[9:12].decode()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self._parts.hostname, self._parts.port)
