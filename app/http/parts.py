"""What does a web process work with? Its tenants and its inbox, made once per process, after the fork; and storage."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from flask import Flask, current_app

from app.ingest.dead_letters import DeadLetter
from app.storage.client import Storage
from app.storage.connections import get_storage, ping_soon
from app.tenants.registry import Registry
from app.tenants.tenant import Tenant
from config.settings import Settings

EXTENSION = "tributary"


class KnowsTenants(Protocol):
    """`app.tenants.registry.Registry`, as far as the edge uses it."""

    def by_write_key(self, key: str) -> Tenant | None: ...

    def by_secret_key(self, key: str) -> Tenant | None: ...


class TakesBatches(Protocol):
    """`app.ingest.inbox.Inbox`, as far as the edge uses it."""

    def accept(self, tenant_id: int, entry: bytes, events: int, dead: list[DeadLetter]) -> None: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """The services of one process."""

    settings: Settings
    tenants: KnowsTenants
    inbox: TakesBatches
    ping_redis: Callable[[], object]
    ping_clickhouse: Callable[[], object]

    @property
    def registry(self) -> Registry:
        """The tenants, for what reads them afresh or changes them: in a real process they are a registry."""
        return cast(Registry, self.tenants)


class PartsOfProcess:
    """Makes the parts at the first use in a process: a client that was made before a fork is of no use after it."""

    def __init__(self, settings: Settings, given: Parts | None) -> None:
        self.settings = settings
        self._given = given
        self._made: tuple[int, Parts] | None = None

    def get(self) -> Parts:
        if self._given is not None:
            return self._given
        made = self._made
        if made is None or made[0] != os.getpid():
            made = (os.getpid(), make_parts(self.settings))
            self._made = made
        return made[1]


def make_parts(settings: Settings) -> Parts:
    """The real ones."""
    from app.ingest.inbox import Inbox
    from app.ingest.wake import wake_drain
    from app.storage.redis import get_redis

    redis = get_redis(settings)

    def storage_of_thread() -> Storage:
        return get_storage(settings=settings)

    return Parts(
        settings,
        Registry(redis, storage_of_thread, settings),
        Inbox(redis, settings, wake_drain),
        redis.ping,
        lambda: ping_soon(settings),
    )


def parts() -> Parts:
    """The parts of this process."""
    return cast(PartsOfProcess, current_app.extensions[EXTENSION]).get()


def own_storage() -> Storage:
    """This thread's own."""
    return get_storage(settings=parts().settings)


def clock_ms() -> int:
    """Epoch ms of this machine's clock."""
    return time.time_ns() // 1_000_000


def install_parts(app: Flask, settings: Settings, given: Parts | None) -> None:
    app.extensions[EXTENSION] = PartsOfProcess(settings, given)
