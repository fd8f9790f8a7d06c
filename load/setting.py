"""What does a benchmark run on? Servers of its own, real ones, in a temporary folder; gone when it ends."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from clickhouse_driver import Client

from app.storage.client import Storage
from app.storage.connections import close_all
from app.storage.migrations import migrate
from config.settings import Settings
from load.touch_table import QUICK_TOUCHES, TOUCHES, TouchTable, fill
from workers.local.clickhouse.launch import LocalClickHouse
from workers.local.redis import LocalRedis

INBOX_ENTRIES = 1_000_000
"""The edge must not answer 429 because nobody drains while it is measured."""


class Setting:
    """Servers, schema and generated touches; each is made when a benchmark first asks for it.

    ClickHouse is the server of TRIBUTARY_CLICKHOUSE_URL where that is set (in a database of its own), else a local
    one; Redis is always a local one with its log of writes on.

    Parameters
    ----------
    is_quick : little of everything.
    wanted_touches : how many touches to make; 0 for as many as usual.
    """

    def __init__(self, *, is_quick: bool = False, wanted_touches: int = 0) -> None:
        self.is_quick = is_quick
        self._wanted_touches = wanted_touches or (QUICK_TOUCHES if is_quick else TOUCHES)
        self._stack = ExitStack()
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        # Whoever ends a benchmark (a time limit, say) must not leave its servers behind.
        before = signal.signal(signal.SIGTERM, _end)
        self._stack.callback(signal.signal, signal.SIGTERM, before)
        self._stack.callback(close_all)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def say(self, text: str) -> None:
        """Progress, for people."""
        print(f"[{time.monotonic() - self._began:5.1f} s] {text}", file=sys.stderr, flush=True)

    @cached_property
    def settings(self) -> Settings:
        """Settings for both servers, the schema applied."""
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="tributary-bench-")))
        redis = self._stack.enter_context(LocalRedis(folder / "redis"))
        made = dataclasses.replace(
            Settings(),
            redis_url=redis.url,
            clickhouse_url=self._database(folder),
            inbox_entries=INBOX_ENTRIES,
            block_wait_ms=0,
        )
        migrate(made)
        return made

    @cached_property
    def engine(self) -> Client:
        """A plain client: what there is without `app.storage`."""
        client = Client.from_url(self.settings.clickhouse_url)
        self._stack.callback(client.disconnect)
        return client

    @cached_property
    def touches(self) -> TouchTable:
        """The generated touches, merged."""
        return fill(self.engine, self._wanted_touches, self.say)

    def rounds(self, full: int) -> int:
        return 1 if self.is_quick else full

    def _database(self, folder: Path) -> str:
        name = f"tributary_bench_{uuid.uuid4().hex[:8]}"
        given = os.environ.get("TRIBUTARY_CLICKHOUSE_URL")
        if not given:
            server = self._stack.enter_context(LocalClickHouse(folder / "clickhouse"))
            return urlunsplit(urlsplit(server.url)._replace(path=f"/{name}"))
        self._stack.callback(self._drop, given, name)
        return urlunsplit(urlsplit(given)._replace(path=f"/{name}"))

    @staticmethod
    def _drop(url: str, name: str) -> None:
        storage = Storage(Settings(clickhouse_url=urlunsplit(urlsplit(url)._replace(path="/default"))))
        storage.command(f"DROP DATABASE IF EXISTS {name}")
        storage.close()


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)
