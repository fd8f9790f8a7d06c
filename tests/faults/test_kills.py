"""Whatever is killed: every event that was answered 200 is there, none twice, and every run is closed."""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import time
from collections import Counter

import pytest

from app.storage import keys
from app.storage.client import Storage
from app.storage.redis import make_redis
from app.storage.statements import Rollup, TenantStatement
from config.settings import Settings
from tests.faults.sender import Sender
from tests.running import Up, settled

SETTLE_LIMIT_S = 60

EVENTS = TenantStatement("test_events", "SELECT message_id FROM events WHERE {tenant}")
TOUCHES = TenantStatement("test_touches", "SELECT message_id FROM touchpoints WHERE {tenant}")
CONVERSIONS = TenantStatement("test_conversions", "SELECT order_id FROM conversions WHERE {tenant}")
LEDGER = TenantStatement("test_ledger", "SELECT order_id FROM ledger FINAL WHERE {tenant}")


@pytest.mark.timeout(300)
def test_nothing_is_lost_and_nothing_counts_twice(tmp_path):
    rng = random.Random(1)
    # Short, so that much is sent again, also what is still under way; and so that the end comes soon.
    up = Up(tmp_path / "stack", chunk_deadline_s=3, lease_s=3).start()
    try:
        state = up.state
        settings = dataclasses.replace(Settings(), redis_url=state["redis_url"], clickhouse_url=state["clickhouse_url"])
        sender = Sender(up, pause_s=0.05)
        sender.start()
        time.sleep(1)
        for number in range(10):
            if number % 2:
                os.kill(rng.choice(up.children("worker")), signal.SIGKILL)
            else:
                up.kill("worker")
            time.sleep(rng.uniform(0.7, 2.0))
        up.kill("redis")
        time.sleep(3)
        up.kill("clickhouse")
        last_kill = time.monotonic()
        time.sleep(3)
        sender.finish()

        redis = make_redis(settings.redis_url)
        stale = [keys.stale_tenants(rollup) for rollup in Rollup]
        while not (settled(redis, settings.shards) and redis.exists(*stale) == 0):
            assert time.monotonic() - last_kill < SETTLE_LIMIT_S, up.log[-6000:]
            time.sleep(0.2)

        assert not sender.failures
        assert len(sender.accepted) > 500
        storage = Storage(settings)
        stored = Counter(row[0] for row in storage.rows(EVENTS, tenant_id=1))
        assert stored == Counter(sender.accepted)
        orders = Counter(row[0] for row in storage.rows(CONVERSIONS, tenant_id=1))
        touches = storage.rows(TOUCHES, tenant_id=1)
        assert orders == Counter(sender.orders)
        assert len(touches) == len(set(touches)) == len(sender.accepted) - len(sender.orders)
        assert Counter(row[0] for row in storage.rows(LEDGER, tenant_id=1)) == Counter(sender.orders)
        with up.edge as edge:
            report, journeys = edge.get("/v1/reconcile"), edge.get("/v1/reports/journeys")
        assert report["reconciled"], report
        assert journeys["reconciled"], journeys["totals"]
        storage.close()
    finally:
        up.stop()
