"""Worlds for the tests of the reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from app.storage.client import Storage
from app.storage.connections import close_all, get_storage
from app.storage.redis import make_redis
from config.settings import Settings
from tests.integration.reports.callers import Caller, two_callers
from tests.integration.reports.world import World

MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(storage: Storage, numpy_storage: Storage) -> MakeWorld:
    """Makes tenants that nothing else in the database touches."""
    return lambda **fields: World(storage, numpy_storage, **fields)


@pytest.fixture(scope="module")
def callers(settings: Settings) -> Iterator[tuple[Caller, Caller]]:
    """For tests that change nothing."""
    redis = make_redis(settings.redis_url)
    yield two_callers(settings, redis, get_storage(settings=settings), get_storage(numpy=True, settings=settings))
    redis.close()
    close_all()


@pytest.fixture
def fresh_callers(
    settings: Settings, redis: Redis, storage: Storage, numpy_storage: Storage
) -> Iterator[tuple[Caller, Caller]]:
    """For tests that change something."""
    yield two_callers(settings, redis, storage, numpy_storage)
    close_all()
