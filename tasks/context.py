"""What does a task work with? The clients of its process, made on first use after the fork."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from app.advice.refits import Refits
from app.ingest.dead_letters import DeadLetters
from app.ingest.drain import Drain
from app.ingest.inbox import Inbox, Shard
from app.ledger.claims import Claims
from app.ledger.runs import Runs
from app.storage.client import Storage
from app.storage.connections import get_storage
from app.storage.redis import get_redis
from app.tenants.registry import Registry
from app.tenants.tenant import Tenant
from config.settings import Settings, get_settings


class Context:
    """The rooms' services over this process's clients, which know forks and threads themselves."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings

    @property
    def settings(self) -> Settings:
        return self._settings or get_settings()

    @property
    def redis(self) -> Any:
        return get_redis(self.settings)

    @property
    def storage(self) -> Storage:
        return get_storage(settings=self.settings)

    @property
    def arrays(self) -> Storage:
        """The same, with results as numpy arrays."""
        return get_storage(numpy=True, settings=self.settings)

    @cached_property
    def registry(self) -> Registry:
        return Registry(self.redis, lambda: self.storage, self.settings)

    @property
    def runs(self) -> Runs:
        return Runs(self.redis, self.settings.chunk_deadline_s)

    @property
    def claims(self) -> Claims:
        return Claims(self.redis, self.settings.chunk_deadline_s)

    @property
    def refits(self) -> Refits:
        return Refits(self.redis, self.settings.refit_deadline_s)

    @property
    def inbox(self) -> Inbox:
        return Inbox(self.redis, self.settings)

    @property
    def dead_letters(self) -> DeadLetters:
        return DeadLetters(self.redis, self.settings.dead_letter_entries)

    def shard(self, number: int) -> Shard:
        return Shard(self.redis, self.settings, number)

    def drain(self) -> Drain:
        return Drain(self.redis, self.storage, self.settings, self.registry)

    def tenant(self, tenant_id: int) -> Tenant:
        return self.registry.fresh(tenant_id)


context = Context()
