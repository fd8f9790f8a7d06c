"""Does the registry know its tenants: cached, rotated, emptied, alone?"""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

import pytest
from redis import Redis

from app.errors import BadInput, NotFound, Unavailable
from app.storage import keys
from app.storage.client import Storage
from app.storage.redis import make_redis
from app.tenants.mirror import BUILT
from app.tenants.registry import Registry
from app.tenants.rules import ConversionRule, Rules
from config.settings import Settings


class Opened:
    """Gives a storage and counts how often it was asked for."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.times = 0

    def __call__(self) -> Storage:
        self.times += 1
        return self.storage


@pytest.fixture
def opened(storage: Storage) -> Opened:
    return Opened(storage)


@pytest.fixture
def registry(redis: Redis, opened: Opened, settings: Settings) -> Registry:
    return Registry(redis, opened, settings)


@pytest.fixture
def slug() -> str:
    return f"shop-{uuid.uuid4().hex[:8]}"


def test_a_new_tenant_is_found_by_its_keys(registry: Registry, slug: str) -> None:
    rules = Rules(conversions=(ConversionRule("Signed Up"),), half_life_ms=1000)
    tenant, write_key, secret_key = registry.create(
        slug, "A shop", timezone="Europe/Berlin", currency="EUR", hosts=["Shop.example "], rules=rules
    )
    assert write_key.startswith("wk_")
    assert secret_key.startswith("sk_")
    assert registry.by_write_key(write_key) == tenant
    assert registry.by_secret_key(secret_key) == tenant
    assert registry.get(tenant.tenant_id) == tenant
    assert tenant in registry.list()
    assert (tenant.timezone, tenant.currency, tenant.hosts, tenant.rules) == (
        "Europe/Berlin",
        "EUR",
        ("shop.example",),
        rules,
    )


def test_keys_are_of_one_kind(registry: Registry, slug: str) -> None:
    _, write_key, secret_key = registry.create(slug, "A shop")
    assert registry.by_secret_key(write_key) is None
    assert registry.by_write_key(secret_key) is None


def test_ids_differ_and_slugs_are_taken_once(registry: Registry, slug: str) -> None:
    first, *_ = registry.create(slug, "A shop")
    second, *_ = registry.create(f"{slug}-2", "Another")
    assert second.tenant_id == first.tenant_id + 1
    with pytest.raises(BadInput, match="already"):
        registry.create(slug, "Again")


@pytest.mark.parametrize(
    "bad",
    [{"slug": "Not a slug"}, {"timezone": "Mars/Olympus"}, {"currency": "DOLLARS"}, {"retention_days": 0}],
)
def test_a_bad_tenant_is_refused(registry: Registry, slug: str, bad: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        registry.create(**{"slug": slug, "name": "x", **bad})  # type: ignore[arg-type]


def test_a_currency_has_one_name(registry: Registry, slug: str) -> None:
    made, *_ = registry.create(slug, "A shop", currency="eur")
    assert (made.currency, registry.by_slug(slug).currency) == ("EUR", "EUR")


def test_no_key_stands_in_the_clear(registry: Registry, redis: Redis, storage: Storage, slug: str) -> None:
    _, write_key, secret_key = registry.create(slug, "A shop")
    everything = str(storage.command("SELECT * FROM tenants")) + str(redis.hgetall(keys.TENANT_KEYS))
    assert write_key not in everything
    assert secret_key not in everything


def test_a_rotated_key_replaces_the_old_one(registry: Registry, slug: str) -> None:
    tenant, old, secret = registry.create(slug, "A shop")
    assert registry.by_write_key(old)
    new = registry.rotate_key(slug, "write")
    assert registry.by_write_key(old) is None
    assert registry.by_write_key(new) == tenant
    assert registry.by_secret_key(secret) == tenant
    with pytest.raises(BadInput):
        registry.rotate_key(slug, "door")
    with pytest.raises(NotFound):
        registry.rotate_key("nobody", "write")


def test_an_old_key_that_redis_kept_goes_with_the_next_rotation(registry: Registry, redis: Redis, slug: str) -> None:
    """A rotation may have been cut off between ClickHouse and Redis."""
    _, old, _ = registry.create(slug, "A shop")
    left: dict[Any, Any] = dict(redis.hgetall(keys.TENANT_KEYS))
    registry.rotate_key(slug, "write")
    redis.hset(keys.TENANT_KEYS, mapping=left)
    registry.rotate_key(slug, "write")
    assert registry.by_write_key(old) is None


def test_other_processes_follow_within_the_cache_time(
    registry: Registry, redis: Redis, opened: Opened, settings: Settings, slug: str
) -> None:
    fast = dataclasses.replace(settings, tenant_cache_s=0.0)
    other, stale = Registry(redis, opened, fast), Registry(redis, opened, settings)
    tenant, old, _ = registry.create(slug, "A shop")
    assert other.by_write_key(old) == stale.by_write_key(old) == tenant
    registry.rotate_key(slug, "write")
    changed = registry.set_rules(tenant.tenant_id, Rules(half_life_ms=5))
    assert other.by_write_key(old) is None
    assert other.get(tenant.tenant_id) == changed
    assert stale.by_write_key(old) == tenant, "believed for tenant_cache_s"


def test_rules_get_the_next_version(registry: Registry, slug: str) -> None:
    tenant, write_key, _ = registry.create(slug, "A shop")
    second = registry.set_rules(tenant.tenant_id, Rules(version=77, half_life_ms=5))
    third = registry.set_rules(tenant.tenant_id, Rules(half_life_ms=6))
    assert (tenant.rules.version, second.rules.version, third.rules.version) == (1, 2, 3)
    assert registry.by_write_key(write_key) == third
    with pytest.raises(BadInput):
        registry.set_rules(tenant.tenant_id, Rules(touch_cap=1))
    with pytest.raises(NotFound):
        registry.set_rules(4_000_000, Rules())


def test_known_and_unknown_keys_ask_no_storage(registry: Registry, opened: Opened, slug: str) -> None:
    _, write_key, _ = registry.create(slug, "A shop")
    registry.rebuild()
    before = opened.times
    for number in range(50):
        assert registry.by_write_key(write_key)
        assert registry.by_write_key(f"wk_made-up-{number}") is None
        assert registry.by_write_key("wk_the-same") is None
    assert opened.times == before


def test_an_emptied_redis_is_filled_again(
    registry: Registry, redis: Redis, opened: Opened, settings: Settings, slug: str
) -> None:
    tenant, write_key, _ = registry.create(slug, "A shop")
    redis.flushall()
    fresh = Registry(redis, opened, settings)
    assert fresh.by_write_key(write_key) == tenant
    assert fresh.by_write_key("wk_unknown") is None
    before = opened.times
    assert Registry(redis, opened, settings).by_write_key(write_key) == tenant
    assert opened.times == before, "Redis has it again"


def test_a_lost_record_comes_back_from_storage(
    registry: Registry, redis: Redis, opened: Opened, settings: Settings, slug: str
) -> None:
    tenant, write_key, _ = registry.create(slug, "A shop")
    redis.hdel(keys.TENANTS, str(tenant.tenant_id))
    assert Registry(redis, opened, settings).by_write_key(write_key) == tenant
    assert redis.hexists(keys.TENANTS, str(tenant.tenant_id))


def nowhere(settings: Settings) -> Storage:
    """A storage whose server is away."""
    away = dataclasses.replace(settings, clickhouse_url="clickhouse://default@127.0.0.1:1/tributary")
    return Storage(away, retry_for_s=0.0)


def test_without_clickhouse_redis_is_enough(registry: Registry, redis: Redis, settings: Settings, slug: str) -> None:
    tenant, write_key, secret_key = registry.create(slug, "A shop")
    registry.rebuild()
    alone = Registry(redis, lambda: nowhere(settings), settings)
    assert alone.by_write_key(write_key) == alone.by_secret_key(secret_key) == tenant
    assert alone.by_write_key("wk_unknown") is None


def test_without_both_a_key_is_not_called_unknown(redis: Redis, settings: Settings) -> None:
    with pytest.raises(Unavailable):
        Registry(redis, lambda: nowhere(settings), settings).by_write_key("wk_maybe")


def test_without_redis_it_is_unavailable(opened: Opened, settings: Settings) -> None:
    gone = make_redis("redis://127.0.0.1:1/0")
    with pytest.raises(Unavailable, match="Redis"):
        Registry(gone, opened, settings).by_write_key("wk_any")


def test_who_computes_with_rules_fills_a_redis_that_may_have_lost_the_last_change(
    registry: Registry, redis: Redis, opened: Opened, settings: Settings, slug: str
) -> None:
    """It came back as it was before, and no sweep has been there yet."""
    tenant, *_ = registry.create(slug, "A shop")
    registry.rebuild()
    before: dict[Any, Any] = dict(redis.hgetall(keys.TENANTS))
    changed = registry.set_rules(tenant.tenant_id, Rules(half_life_ms=5))
    for read in (Registry.fresh_of, lambda *of: Registry.fresh_and_never(*of)[0]):
        redis.hset(keys.TENANTS, mapping=before)
        redis.hset(keys.TENANT_KEYS, BUILT, "another life")
        assert list(read(Registry(redis, opened, settings), [tenant.tenant_id])) == [changed]
        opened_before = opened.times
        assert list(read(Registry(redis, opened, settings), [tenant.tenant_id])) == [changed]
        assert opened.times == opened_before, "it is filled once"


def test_a_change_of_rules_that_was_cut_off_before_redis_was_told_is_told_when_it_is_tried_again(
    registry: Registry, redis: Redis, slug: str
) -> None:
    tenant, *_ = registry.create(slug, "A shop")
    registry.rebuild()
    for change in (registry.set_rules, registry.set_shadow):
        before = dict[Any, Any](redis.hgetall(keys.TENANTS))
        changed = change(tenant.tenant_id, Rules(half_life_ms=5))
        redis.hset(keys.TENANTS, mapping=before)
        assert registry.fresh(tenant.tenant_id) != changed
        assert change(tenant.tenant_id, Rules(half_life_ms=5)) == changed
        assert registry.fresh(tenant.tenant_id) == registry.get(tenant.tenant_id) == changed
