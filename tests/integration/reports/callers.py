"""Who asks over HTTP? Two tenants with the same users and orders, and the keys to ask with."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient
from redis import Redis

from app.http import create_app
from app.storage.client import Storage
from app.tenants.registry import Registry
from config.settings import Settings
from tests.integration.described import require_described
from tests.integration.reports.world import HOUR, World, at

NOON = at("2025-03-10T12:00:00+00:00")
MARCH = "from=2025-03-01&to=2025-04-01"


@dataclass
class Caller:
    """A tenant with a history, and its secret key."""

    client: FlaskClient
    key: str
    world: World

    def get(self, path: str) -> Any:
        return require_described("GET", path, self.client.get(path, headers={"Authorization": f"Bearer {self.key}"}))

    def post(self, path: str, body: Any) -> Any:
        answer = self.client.post(path, json=body, headers={"Authorization": f"Bearer {self.key}"})
        return require_described("POST", path, answer)


def two_callers(settings: Settings, redis: Redis, storage: Storage, numpy_storage: Storage) -> tuple[Caller, Caller]:
    """Each with one order, of 100.01 and of 0.77 dollars, and two touches before it."""
    registry = Registry(redis, lambda: storage, settings)
    client = create_app(settings).test_client()
    made = []
    for value in (10_001, 77):
        tenant, _, key = registry.create(f"t-{uuid.uuid4().hex[:12]}", "Test", timezone="UTC", currency="USD")
        world = World(storage, numpy_storage)
        world.tenant = tenant
        world.touch("u:1", NOON - HOUR, "search", "t1")
        world.touch("u:1", NOON - 2 * HOUR, "email", "t2")
        world.conversion("u:1", NOON, "o/1 ü", value)
        world.attribute()
        made.append(Caller(client, key, world))
    return made[0], made[1]
