"""The way of an event without Celery between its steps: real Redis, real engine, the services themselves."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from app.ingest.events import Adjustment, Batch, Conversion, Event, Touch, encode_batch
from app.ingest.inbox import Inbox
from app.ledger.chunks import attribute_or_bury
from app.ledger.close import close
from app.ledger.refresh import catch_up, catch_up_all
from app.storage.migrations import migrate
from app.storage.statements import Rollup, TenantStatement
from app.tenants.tenant import Tenant
from config.celery_app import make_celery
from config.settings import Settings
from tasks.context import Context
from tests.integration.rollups import require_rollups

DAY = 86_400_000
NOON = 1_790_000_000_000

LEDGER = TenantStatement(
    "test_ledger",
    """
    SELECT conversion_type, order_id, message_id, toUnixTimestamp64Milli(ts), person, currency, gross_minor, net_minor,
           retracted, duplicates, touches_left_out, touch_keys, touch_channels, touch_campaigns, touch_sources, micros,
           gross, net
    FROM ledger FINAL
    WHERE {tenant}
    ORDER BY conversion_type, order_id
    """,
)
DAILY = TenantStatement(
    "test_daily",
    """
    SELECT model, channel, sum(micros), sum(gross_minor), sum(net_minor)
    FROM attribution_daily FINAL
    WHERE {tenant}
    GROUP BY model, channel
    HAVING (sum(micros) != 0 OR sum(gross_minor) != 0)
    ORDER BY model, channel
    """,
)
_numbers = itertools.count()


def touch(
    user: str, ts: int, channel: str = "email", *, id: str = "", kind: int = 0, anonymous: str = "", source: str = ""
) -> Event:
    what = Touch(kind, channel, source=source)
    return Event(id or f"t{next(_numbers)}", "page", "", ts, user, anonymous_id=anonymous, touch=what)


def order(
    user: str, ts: int, order_id: str, value: int = 10_000, *, id: str = "", currency: str = "USD", type: str = ""
) -> Event:
    what = Conversion(type or "Order Completed", order_id, value, currency)
    return Event(id or f"c{next(_numbers)}", "track", what.conversion_type, ts, user, conversion=what)


def meet(anonymous: str, user: str, ts: int) -> Event:
    return Event(f"i{next(_numbers)}", "identify", "", ts, user, anonymous_id=anonymous)


def join(previous: str, user: str, ts: int) -> Event:
    return Event(f"j{next(_numbers)}", "alias", "", ts, user, previous_id=previous)


class Pipeline:
    """Sends events as the edge does and runs what the tasks run, until nothing waits."""

    def __init__(self, settings: Settings) -> None:
        self.context = Context(settings)
        self.inbox = Inbox(self.context.redis, settings, wake=lambda shard: None)

    def with_settings(self, **changes: Any) -> Pipeline:
        return Pipeline(replace(self.context.settings, **changes))

    def tenant(self, **options: Any) -> Tenant:
        tenant, _, _ = self.context.registry.create(f"t-{uuid.uuid4().hex[:12]}", "A tenant", **options)
        return tenant

    def send(self, tenant: Tenant, *events: Event, adjustments: Iterable[Adjustment] = ()) -> None:
        batch = Batch(
            tenant.tenant_id, NOON, tenant.rules.version, 4000, events=list(events), adjustments=list(adjustments)
        )
        self.inbox.accept(tenant.tenant_id, encode_batch(batch), len(batch.events) + len(batch.adjustments))

    def settle(self) -> list[Any]:
        """Drain every shard and finish every run."""
        done = []
        for number in range(self.context.settings.shards):
            while (drained := self.drain(number)).outcome != "empty":
                done.append(drained)
                if drained.run_id:
                    self.finish(drained.run_id)
        return done

    def drain(self, number: int) -> Any:
        shard = self.context.shard(number)
        assert shard.hold()
        try:
            return self.context.drain().next_block(shard)
        finally:
            shard.drop()

    def finish(self, run_id: str) -> Any:
        for number in self.context.runs.open_chunks(run_id):
            attribute_or_bury(self.context, run_id, number, "tenant")
        closed = close(self.context.storage, self.context.runs, self.context.registry, run_id)
        self.beat()
        return closed

    def beat(self) -> None:
        """Refresh the rollups that blocks have left stale."""
        while catch_up_all(self.context.storage, self.context.runs, self.context.registry):
            pass

    def ledger(self, tenant: Tenant) -> list[dict[str, Any]]:
        names = (
            *("type", "order_id", "message_id", "ts", "person", "currency", "gross_minor", "net_minor", "retracted"),
            *("duplicates", "left_out", "keys", "channels", "campaigns", "sources", "micros", "gross", "net"),
        )
        rows = self.context.storage.rows(LEDGER, tenant_id=tenant.tenant_id)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def daily(self, tenant: Tenant) -> list[tuple[Any, ...]]:
        """The rollup by model and channel; it and every other rollup agree with the ledger."""
        context = self.context
        for rollup in Rollup:
            catch_up(context.storage, context.runs, context.registry, tenant.tenant_id, rollup)
        require_rollups(self.context.storage, tenant)
        return self.context.storage.rows(DAILY, tenant_id=tenant.tenant_id)


@pytest.fixture(scope="session")
def pipeline(settings: Settings) -> Pipeline:
    migrate(settings)
    return Pipeline(replace(settings, block_wait_ms=0))


@pytest.fixture(autouse=True)
def own_broker(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process-wide Celery app speaks to the Redis of the environment; these tests have their own.

    Without it every wake-up of a run waits for seconds until it gives up.
    """
    monkeypatch.setattr("app.ingest.wake.celery", make_celery(settings))
