"""Do many ask storage once, does a change reach every process, and is Redis right after it lost something?"""

from __future__ import annotations

import dataclasses
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from app.storage import keys
from app.storage.client import QueryRecord, Storage, observers
from app.storage.connections import get_storage
from app.storage.redis import make_redis
from app.tenants.registry import Registry
from app.tenants.rules import Rules
from config.settings import Settings
from workers.local.redis import LocalRedis

THREADS = 16


@pytest.fixture
def queries() -> Iterator[list[str]]:
    """Names of the statements that ClickHouse is asked."""
    asked: list[str] = []

    def note(record: QueryRecord) -> None:
        asked.append(record.name)

    observers.append(note)
    yield asked
    observers.remove(note)


def registry(redis: Redis, settings: Settings) -> Registry:
    return Registry(redis, lambda: get_storage(settings=settings), settings)


def new(made: Registry) -> tuple[int, str]:
    tenant, key, _ = made.create(f"shop-{uuid.uuid4().hex[:8]}", "A shop")
    return tenant.tenant_id, key


def at_once(action: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(THREADS) as pool:
        return [one.result() for one in [pool.submit(action) for _ in range(THREADS)]]


def test_many_threads_that_miss_a_tenant_load_it_once(redis: Redis, settings: Settings, queries: list[str]) -> None:
    tenant_id, _ = new(registry(redis, settings))
    redis.hdel(keys.TENANTS, str(tenant_id))
    other = registry(redis, settings)
    queries.clear()
    assert {tenant.tenant_id for tenant in at_once(lambda: other.get(tenant_id))} == {tenant_id}
    assert queries == ["one_tenant"]


def test_many_threads_over_an_emptied_redis_fill_it_once(redis: Redis, settings: Settings, queries: list[str]) -> None:
    tenant_id, key = new(registry(redis, settings))
    redis.flushall()
    other = registry(redis, settings)
    queries.clear()
    found = at_once(lambda: other.by_write_key(key))
    assert [tenant.tenant_id for tenant in found] == [tenant_id] * THREADS
    assert queries == ["all_tenants"]


def test_what_was_asked_before_costs_no_query(redis: Redis, settings: Settings, queries: list[str]) -> None:
    made = registry(redis, settings)
    tenant_id, key = new(made)
    made.rebuild()
    queries.clear()
    for _ in range(100):
        assert made.by_write_key(key) == made.get(tenant_id) == made.fresh(tenant_id)
    assert queries == []


def test_a_change_reaches_another_process_when_its_copy_is_old(redis: Redis, settings: Settings) -> None:
    soon = dataclasses.replace(settings, tenant_cache_s=0.2)
    here, elsewhere = registry(redis, soon), registry(make_redis(settings.redis_url), soon)
    tenant_id, key = new(here)
    assert elsewhere.by_write_key(key)
    changed = here.set_rules(tenant_id, Rules(half_life_ms=5))
    assert elsewhere.fresh(tenant_id) == changed, "who computes looks at once"
    time.sleep(soon.tenant_cache_s)
    assert elsewhere.by_write_key(key) == changed


def test_a_redis_that_came_back_older_is_put_right(settings: Settings, storage: Storage, tmp_path: Path) -> None:
    """As after a crash that took its last second, or a failover to a replica that was behind."""
    server = LocalRedis(tmp_path / "redis", fsync="always")
    with server:
        made = registry(make_redis(server.url), dataclasses.replace(settings, tenant_cache_s=0.0))
        tenant, old, _ = made.create(f"shop-{uuid.uuid4().hex[:8]}", "A shop")
        made.rebuild()
        assert not made.reconcile()
        server.stop()
        shutil.copytree(tmp_path / "redis", tmp_path / "before")
        server.start()
        new = made.rotate_key(tenant.slug, "write")
        changed = made.set_rules(tenant.tenant_id, Rules(half_life_ms=5))
        server.kill9()
        shutil.rmtree(tmp_path / "redis")
        shutil.copytree(tmp_path / "before", tmp_path / "redis")
        server.start()
        assert made.by_write_key(old), "this is what it lost"
        assert made.reconcile()
        assert made.by_write_key(old) is None
        assert made.by_write_key(new) == changed
        assert not made.reconcile()
