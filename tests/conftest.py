"""Which servers and settings can every test ask for? Real ones, on free ports, gone when the session ends."""

from __future__ import annotations

import dataclasses
import itertools
import os
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as property_settings
from redis import Redis
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from app.storage.client import Storage
from app.storage.migrations import migrate
from app.storage.redis import make_redis
from config.celery_app import celery
from config.settings import Settings
from workers.local.clickhouse.launch import LocalClickHouse
from workers.local.redis import LocalRedis

CLUSTER = os.environ.get("TRIBUTARY_CLICKHOUSE_CLUSTER", "")
"""Of the server of TRIBUTARY_CLICKHOUSE_URL."""

ONE_STACK = frozenset(f"tests/acceptance/test_{name}.py" for name in ("cli", "load", "oracle", "sdks", "up"))
"""These files share a running stack; in two processes they would start two."""

# A speed is never an assertion: an example may take long where whole stacks run beside it.
property_settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
property_settings.load_profile("untimed")

_tenant_ids = itertools.count(1001)


class WholeFiles(LoadFileScheduling):
    """Which tests stay in one process? Those of a file, and those of all files that share the stack."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "one stack" if file in ONE_STACK else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> WholeFiles:
    """For `--dist loadfile`, which is how `make test` runs them."""
    return WholeFiles(config, log)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of this session's own, its writes logged."""
    with LocalRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(scope="session")
def clickhouse_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database of this session's own: on the server of TRIBUTARY_CLICKHOUSE_URL if set, else on a local one."""
    database = f"tributary_test_{uuid.uuid4().hex[:8]}"
    given = os.environ.get("TRIBUTARY_CLICKHOUSE_URL")
    if given:
        yield urlunsplit(urlsplit(given)._replace(path=f"/{database}"))
        elsewhere = Settings(clickhouse_url=urlunsplit(urlsplit(given)._replace(path="/default")))
        storage = Storage(elsewhere)
        storage.command(f"DROP DATABASE IF EXISTS {database}{f' ON CLUSTER {CLUSTER}' if CLUSTER else ''}")
        storage.close()
        return
    with LocalClickHouse(tmp_path_factory.mktemp("clickhouse")) as server:
        yield urlunsplit(urlsplit(server.url)._replace(path=f"/{database}"))


@pytest.fixture(scope="session")
def settings(redis_url: str, clickhouse_url: str) -> Settings:
    """Settings for both servers, the schema applied."""
    made = dataclasses.replace(
        Settings(), redis_url=redis_url, clickhouse_url=clickhouse_url, clickhouse_cluster=CLUSTER
    )
    migrate(made)
    # The Celery app of the process was made from its environment: here it speaks to this session's Redis.
    celery.conf.update(broker_url=made.redis_url, result_backend=made.redis_url)
    return made


@pytest.fixture
def storage(settings: Settings) -> Iterator[Storage]:
    """A storage without numpy."""
    made = Storage(settings)
    yield made
    made.close()


@pytest.fixture
def numpy_storage(settings: Settings) -> Iterator[Storage]:
    """A storage whose columns are arrays."""
    made = Storage(settings, numpy=True)
    yield made
    made.close()


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """A client of an emptied Redis."""
    client = make_redis(redis_url)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def fresh_tenant() -> int:
    """A tenant id that no other test of this session has."""
    return next(_tenant_ids)
