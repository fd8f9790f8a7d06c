"""Worlds for the tests of the reports."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.storage.client import Storage
from tests.integration.reports.world import World

MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(storage: Storage, numpy_storage: Storage) -> MakeWorld:
    """Makes tenants that nothing else in the database touches."""
    return lambda **fields: World(storage, numpy_storage, **fields)
